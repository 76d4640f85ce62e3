// SPDX-License-Identifier: Apache-2.0
// The parts of a pool: pool.c (connections between requests), pool_wait.c (who waits for one under
// max_per_host).
#ifndef CLIENT_POOL_INT_H
#define CLIENT_POOL_INT_H

#include <sys/queue.h>

#include "base/rng.h"
#include "base/table.h"
#include "client/pool.h"

TAILQ_HEAD(pool_waiters, pool_dial);

struct pool_host {
    struct table_node node; // first; its key is "s|host|port", and whom it goes through
    TAILQ_ENTRY(pool_host) link;
    struct origin origin;
    char *host;   // origin.host
    bool has_via; // its addresses are a proxy's
    struct pool *pool;
    struct upstream *newest;
    struct upstream *oldest;
    unsigned n_idle;
    unsigned in_use;
    unsigned peak_now; // most in use in this window, and in the one before
    unsigned peak_last;
    int64_t window_ms;
    int64_t idle_limit_ms; // lowered when the host closes earlier
    struct pool_waiters waiters;
    struct limit *open;    // shared with other pools: connections
    struct limit *waiting; // and who waits for one
};
TAILQ_HEAD(pool_hosts, pool_host);

struct pool {
    struct dialer dialer;
    struct pool_options options;
    struct table table; // of hosts
    struct pool_hosts hosts;
    struct timer *sweep;
    struct rng rng;
    struct pool_stats stats;
    unsigned series; // of the dialer's TLS client
    // Of pool_wait.c.
    struct limit open; // of the hosts of a pool that shares with no other
    struct limit waiting;
    struct timer *look;
    struct deferred serve;
};

struct pool_dial {
    TAILQ_ENTRY(pool_dial) link; // among those that wait
    struct pool *pool;
    struct pool_host *home;
    struct dial *dial; // NULL: waits
    struct dial_request request;
    int64_t deadline_ms; // of the wait
    unsigned series;
    pool_done_fn done;
    void *arg;
};

// pool.c
struct upstream *pool_take_newest(struct pool_host *h); // an idle one that is still good, or NULL
void pool_drop_idle(struct upstream *u);
void pool_start_dial(struct pool_dial *d); // d has its place among the host's connections

// pool_wait.c
// Whether another connection to it may be made: then it is counted. Idle ones make room.
bool pool_may_open(struct pool_host *h);
void pool_wait(struct pool_dial *d);
void pool_leave(struct pool_dial *d); // does not wait any more
void pool_look_around(void *pool);    // serves and ends those that wait
// Others wait for this host's connections, and here nobody does.
bool pool_is_wanted_elsewhere(const struct pool_host *h);

#endif
