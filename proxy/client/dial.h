// SPDX-License-Identifier: Apache-2.0
// From (scheme, host, port) to a connected stream: addresses as a fact, each address checked and
// the checked one dialled, families interleaved, the next tried after 250 ms. With a proxy in
// between all that is about the proxy, which alone looks up the origin; TLS is with the origin.
#ifndef CLIENT_DIAL_H
#define CLIENT_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "facts/facts.h"
#include "net/stream.h"

// A proxy that is asked, by CONNECT, for a connection to the origin.
struct via {
    const char *host; // literal or name
    uint16_t port;
    struct span userinfo; // "user:token" as in its URL; borrowed until done or cancel; empty: none
};

struct origin {
    bool is_tls;
    const char *host; // dialled, sent as SNI and verified; literal or name
    uint16_t port;
    const struct via *via; // NULL: dialled directly
};

// What dialling needs of its worker; all borrowed.
struct dialer {
    struct loop *loop;
    struct facts_view *facts;
    struct tls_client *tls;
    // NULL: may be dialled; else static text saying why not. arg of the single dial.
    const char *(*refusal)(const void *arg, const struct net_addr *a);
};

struct dial_request {
    struct origin origin;    // copied, and its via, but for the userinfo
    const void *refusal_arg; // lives until done or cancel
    bool is_strict;          // one refused address refuses the name
    bool is_fresh;           // of a pool: a kept connection will not do
    int64_t connect_timeout_ms;
    int64_t tls_timeout_ms;
};

enum dial_fail {
    DIAL_OK = 0,
    DIAL_DNS,        // the name does not exist
    DIAL_DNS_FAILED, // no server answers for it now
    DIAL_REFUSED,    // every address is one that must not be dialled
    DIAL_CONNECT,
    DIAL_TLS,       // certificate or protocol: another try would only repeat it
    DIAL_TLS_RESET, // the connection ended during the handshake
    DIAL_TIMEOUT,
    DIAL_PROXY,         // the proxy in between failed: perhaps it does not the next time
    DIAL_PROXY_REFUSED, // it refused
    DIAL_BUSY,          // max_per_host of the pool
};

// On DIAL_OK the stream is the callee's: it sets its own ops at once. text is for people.
typedef void (*dial_done_fn)(void *arg, enum dial_fail why, struct stream *s, const char *text);

struct dial;
// done comes once, never before this returns and not after dial_cancel.
struct dial *dial_start(const struct dialer *d, const struct dial_request *r, dial_done_fn done,
                        void *arg);
void dial_cancel(struct dial *d); // NULL is fine

// Registers FACTS_ADDRESSES: names to addresses through a resolver on control's loop. TTL clamped
// to 5..300 s, refreshed ahead, the old answer serves 10 minutes when the servers fail.
struct resolver;
struct addresses;
struct addresses *addresses_new(struct facts *f, struct resolver *r); // both borrowed
void addresses_free(struct addresses *a);

#endif
