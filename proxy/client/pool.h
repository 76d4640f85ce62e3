// SPDX-License-Identifier: Apache-2.0
// Upstream connections between requests, one pool a worker. Idle ones are reused last in, first
// out; there are as many as were in use at once in the last 60 s; bytes on an idle one destroy it.
#ifndef CLIENT_POOL_H
#define CLIENT_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "client/dial.h"
#include "http/h1_parser.h"
#include "shared/crowd.h"

struct pool_options {
    int64_t idle_timeout_ms;
    int64_t max_age_ms;      // jittered by a tenth either way
    struct h1_limits limits; // of responses
    // Connections to one host, of all pools with the same gauges, which outlive them; 0: any
    // number. Beyond that a dial waits up to its connect_timeout_ms, then ends with DIAL_BUSY.
    uint64_t max_per_host;
    struct crowd *open; // borrowed, with `waiting`; NULL, and no max_per_host: alone
    struct crowd *waiting;
};

struct pool_stats {
    uint64_t opened;
    uint64_t reused;
    uint64_t resumed; // TLS handshakes that were resumptions
    unsigned idle;
};

struct pool;
struct pool_host; // one origin's connections

// A connection with its response parser. In use it belongs to the taker.
struct upstream {
    struct stream *stream;
    struct h1_parser *parser;
    struct pool_host *home;
    struct upstream *older; // idle list
    struct upstream *newer;
    unsigned series; // made before the pool's dialer changed: not kept
    int64_t born_ms;
    int64_t idle_since_ms;
    int64_t max_age_ms;
    bool is_reused; // has carried an exchange before
};

struct pool *pool_new(const struct dialer *d, const struct pool_options *o);
void pool_free(struct pool *p); // closes idle ones; none may be in use
// An idle connection that is still good, or NULL: then dial one with pool_dial.
struct upstream *pool_take(struct pool *p, const struct origin *o);
typedef void (*pool_done_fn)(void *arg, enum dial_fail why, struct upstream *u, const char *text);
struct pool_dial;
// What r points to lives until done or cancel.
struct pool_dial *pool_dial(struct pool *p, const struct dial_request *r, pool_done_fn done,
                            void *arg);
void pool_dial_cancel(struct pool_dial *d); // NULL is fine
// Back from use: kept for the next exchange, or closed where it is not reusable (or too many, too
// old).
void pool_give(struct upstream *u, bool is_reusable);
// The connection is no HTTP/1 any more: its stream is the caller's, who sets its ops. u is gone.
struct stream *pool_release(struct upstream *u);
void pool_close_idle(struct pool *p);
// New connections go by that client, whose trust is another: those that are idle are closed, those
// in use are not kept. The pool's own client is not freed.
void pool_set_tls(struct pool *p, struct tls_client *tls);
// Hosts learn anew when they close.
void pool_set_ages(struct pool *p, int64_t idle_timeout_ms, int64_t max_age_ms);
void pool_set_max(struct pool *p, uint64_t max_per_host);
// Closes idle connections to hosts that are not kept.
typedef bool (*pool_keeps_fn)(void *arg, const struct origin *o);
void pool_prune(struct pool *p, pool_keeps_fn keeps, void *arg);
struct pool_stats pool_stats(const struct pool *p);

#endif
