// SPDX-License-Identifier: Apache-2.0
// What clients talk to: listeners on main, connections and requests on workers.
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/status.h"
#include "config/config.h"
#include "facts/facts.h"
#include "net/addr.h"
#include "net/loop.h"
#include "net/tls.h"

struct front;

struct front_options {
    struct loop *main;
    struct config *config;   // a reference is taken; with its default region
    struct facts *facts;     // borrowed
    struct tls_trust *trust; // a reference is taken
    unsigned n_workers;
    struct inherit *inherit; // borrowed for the start; NULL: nothing was inherited
    bool is_held;            // nothing is accepted before front_accept
};

// Binds the listeners and starts the workers. Main's thread, as everything here.
NODISCARD enum status front_start(const struct front_options *o, struct front **out, struct err *e);
// A reload. What config names is loaded; e says what can't be.
struct front_change;
NODISCARD enum status front_prepare(struct front *f, struct config *config, struct tls_trust *trust,
                                    struct front_change **out, struct err *e);
// New requests go by it; those under way go on by what they began with. Takes c over.
void front_apply(struct front_change *c);
void front_change_free(struct front_change *c); // NULL is fine
void front_accept(struct front *f);
// Somebody else in this process listens there: no request is sent there. Before any is accepted.
void front_add_own(struct front *f, const struct net_addr *at);
// For a successor's environment (inherit.h).
struct buf;
void front_write_listeners(const struct front *f, struct buf *out);
// As front_drain, but others listen on: what is in the queues is theirs.
void front_hand_over(struct front *f, int64_t timeout_ms, loop_fn done, void *arg);
// Accepts until the queues are empty, closes the listeners, lets requests finish for at most
// timeout_ms, then calls done once (never before this returns).
void front_drain(struct front *f, int64_t timeout_ms, loop_fn done, void *arg);
bool front_is_draining(const struct front *f);
// Ends the workers (what still runs is cut off) and frees all.
void front_free(struct front *f);
// The first listener's port (for "listen = 127.0.0.1:0"), host order.
uint16_t front_port(const struct front *f);

struct front_stats {
    unsigned n_workers;
    uint64_t clients; // connections open now
    uint64_t clients_max;
    uint64_t spool_bytes;
    uint64_t spool_max;
    int64_t buffer_bytes; // in buffers and held bodies
    int64_t buffer_bytes_max;
    uint64_t forwarded;     // requests on their way through, now
    uint64_t queued;        // requests that wait because of max_in_flight
    uint64_t retrying;      // of them: in a further attempt
    uint64_t parked;        // of them: waiting for one
    uint32_t tokens_owed;   // by the upstream whose retries have cost most
    int64_t oldest_beat_ms; // monotonic: of the worker that has not moved for longest
    unsigned oldest_worker; // its number
};
void front_stats(const struct front *f, struct front_stats *out);
unsigned front_worker_clients(const struct front *f, unsigned worker); // worker: from 0
// Addresses that clients come to, as logged; NULL behind the last.
const char *front_listener(const struct front *f, unsigned i);

#endif
