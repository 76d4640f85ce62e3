// SPDX-License-Identifier: Apache-2.0
// A worker: one thread, one loop, its clients, its upstream pool. A request lives and dies on one
// worker and takes no lock.
#ifndef FRONT_WORKER_H
#define FRONT_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/rng.h"
#include "client/pool.h"
#include "front/front.h"
#include "policy/token_set.h"
#include "retry/retry.h"
#include "shared/crowd.h"
#include "shared/limit.h"
#include "shared/memo.h"
#include "shared/rate.h"
#include "shared/tokens.h"
#include "shared/turns.h"
#include "sign/sign.h"

struct conn;
struct request;
TAILQ_HEAD(conn_list, conn);
SLIST_HEAD(request_list, request);
TAILQ_HEAD(request_queue, request);

#define FRONT_MAX_LISTENERS 16
#define FRONT_MAX_OTHERS    16 // of admin and probe

// What a reload changes. A worker has one of its own, whose members are references.
struct worker_setup {
    struct config *config;
    struct tls_acceptor *acceptor; // of TCP listeners; NULL: they are plain
    struct ca *ca;                 // for interception; NULL: none
    struct tls_acceptor *insider;  // with it: for what is inside
    struct tls_client *tls;        // in a message: NULL where the worker goes on with its own
    struct token_set *auth;        // one of them is asked for; NULL: none
};
void worker_setup_clear(struct worker_setup *s);

// What all workers and main share; immutable but for the atomics.
struct front_shared {
    struct facts *facts;
    char pseudonym[24];  // our name in Via: sigv4-proxy-1a2b
    struct rate minting; // certificates
    struct limit connections;
    struct limit spool;           // bytes in spool files
    struct limit active;          // requests that are being forwarded
    struct limit queued;          // requests that wait to be
    struct crowd *clients;        // connections by address
    struct crowd *upstreams;      // connections by upstream
    struct crowd *upstream_queue; // requests that wait for one of them
    _Atomic int64_t buffers;      // octets of buffers that loops have lent out
    struct limit retrying;        // further attempts under way
    struct limit parked;          // requests that wait for a further attempt
    struct rate explained;        // refusals, in the log
    _Atomic uint64_t unexplained; // ... left out since the last one
    struct tokens *tokens;        // for retries, an endpoint each
    struct memo *skews;           // endpoint to its clock's offset
    struct memo *buckets;         // bucket to its region
    struct turns *turns;          // by route
    uint64_t hash_seed;           // of the keys of tokens and memos
    // Our own addresses, which are never dialled: of our listeners, then of the others.
    struct net_addr listening[FRONT_MAX_LISTENERS + FRONT_MAX_OTHERS];
    unsigned n_listening;
    atomic_bool is_draining;
    atomic_bool wants_notes; // main waits for connections to end (draining, or accepting is paused)
};
// facts is borrowed. Where we listen is the listeners' to say.
void front_shared_init(struct front_shared *s, const struct config *cfg, struct facts *facts);
void front_shared_clear(struct front_shared *s); // when no worker is left

struct worker {
    unsigned number; // from 1
    char name[12];
    struct front_shared *shared; // borrowed
    pthread_t thread;
    struct loop *loop;
    struct timer *heartbeat;
    struct facts_view *facts;
    struct worker_setup setup; // before the thread starts, main's
    unsigned n_setups;         // how often it changed
    struct dialer dialer;
    struct pool *pool;
    struct sign_key_cache *keys;
    struct ca_cache *leaves; // certificates by host
    struct conn_list conns;
    struct request_list spare; // finished requests with their arena, for the next ones
    unsigned n_spare;
    struct request_queue queue; // for max_in_flight
    struct deferred queue_turn;
    struct timer *queue_timer;
    struct rng rng;         // jitter
    struct buf scratch;     // heads are written here on their way out
    uint64_t next_conn;     // ids: c<worker>-<n>
    atomic_uint n_conns;    // read by main to hand out connections
    loop_fn on_conn_closed; // posted to main when a connection ended while wants_notes
    struct loop *main;      // borrowed
    void *main_arg;
    bool is_draining;
};

NODISCARD enum status worker_start(struct worker *w, struct err *e);
// All of that but the thread, for who turns w->loop himself: then both are his thread's.
NODISCARD enum status worker_make(struct worker *w, struct err *e);
void worker_clear(struct worker *w); // cuts everything off; the loop remains
void worker_set_tokens(struct worker *w, struct token_set *tokens); // main's thread
// Main's thread: what begins from then on goes by s, whose references pass on.
void worker_take_setup(struct worker *w, const struct worker_setup *s);
// Main's thread: idle connections go, the others end after their request.
void worker_drain(struct worker *w);
void worker_close_idle(struct worker *w); // upstream connections; any thread
void worker_stop(struct worker *w);       // main's thread: cuts everything off, joins the thread

#endif
