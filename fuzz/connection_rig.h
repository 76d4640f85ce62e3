// SPDX-License-Identifier: Apache-2.0
// What fuzz_connection stands on: a world in which the only sockets are pairs whose far ends are
// ours and in which time passes when we say so (connection_world.c), and a second opinion on the
// octets that came out at either side (connection_check.c, which fuzz_canonical asks, too).
#ifndef FUZZ_CONNECTION_RIG_H
#define FUZZ_CONNECTION_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/loop.h"

#define RIG_PEERS    24
#define RIG_NAME_OK  "10.0.0.7" // of the addresses of each name, the one that may be dialled
#define RIG_UPSTREAM 9001

#define RIG_SECRET "CANARYsecretCANARYsecretCANARYsecret4567"
#define RIG_TOKEN  "CANARYtoken+CANARYtoken/"
#define RIG_KEY    "AKIDFUZZFUZZFUZZ1234"

// Prints what is wrong and aborts.
#define RIG_REQUIRE(holds, what)                                                                   \
    do {                                                                                           \
        if (!(holds))                                                                              \
            rig_fail(what);                                                                        \
    } while (0)
_Noreturn void rig_fail(const char *what);
extern void (*check_on_fail)(void); // NULL, or what tells more

// The far end of a connection. Everything that comes is kept.
struct rig_peer {
    int fd; // -1: closed by us
    uint16_t port;
    bool is_deaf;  // reads nothing
    bool is_ended; // nothing more comes
    struct buf got;
};

enum rig_connect { RIG_CONNECTS = 0, RIG_REFUSES, RIG_HANGS };

struct rig_world {
    struct loop *loops[2];
    struct rig_peer clients[RIG_PEERS];
    unsigned n_clients;
    struct rig_peer upstreams[RIG_PEERS]; // in the order in which they were dialled
    unsigned n_upstreams;
    enum rig_connect connects;
    bool is_small;  // sockets take a few KiB
    int first_fd;   // the lowest free descriptor before anything was opened
    bool is_on;     // between rig_begin and rig_end
    struct buf log; // what was written to standard error
};
extern struct rig_world rig;

void rig_begin(void); // nothing is open, time starts anew
// Runs the loops until neither has anything left to do at this moment of time.
void rig_settle(void);
void rig_pass(int64_t ms);
int64_t rig_next_ms(void); // until the next timer of a loop; -1: none is set
int rig_open_client(void); // the proxy's end
void rig_send(struct rig_peer *p, struct span data); // what finds no room is dropped
void rig_fin(struct rig_peer *p);
void rig_close(struct rig_peer *p); // a reset, where octets were not read
void rig_end(void);                 // closes what is left and frees what came

// Requests, whole or begun, in what an upstream got; dies where one isn't clear, not signed where
// it has to be, or signed over something else. upgrades: behind one for a websocket all may follow.
unsigned check_requests(struct span got, bool is_signed, bool upgrades);
// Final answers in what a client got. may_be_head: an answer may lack the body that it announces.
// upgrades: a 101 is one.
unsigned check_answers(struct span got, bool may_be_head, bool may_be_tunnel, bool upgrades);
void check_secrets(struct span got);
void check_token(struct span got);
void check_log(struct span log); // lines without control octets, and no secret

#endif
