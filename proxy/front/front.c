// SPDX-License-Identifier: Apache-2.0
// Start, drain and end of all that clients talk to.
#include "front/front.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/rng.h"
#include "base/xalloc.h"
#include "front/listener.h"
#include "log/log.h"

#define MAX_CONNECTIONS_AUTO 10240
#define KEEP_SKEW_MS         ((int64_t)24 * 3600 * 1000)
#define KEEP_BUCKET_MS       ((int64_t)3600 * 1000)

// A client connection needs a descriptor, its upstream another, its spool a third.
uint64_t front_connection_cap(const struct config *cfg)
{
    struct rlimit lim = {0};
    if (cfg->max_connections)
        return cfg->max_connections;
    if (getrlimit(RLIMIT_NOFILE, &lim) == -1 || lim.rlim_cur < 128)
        return 16;
    uint64_t cap = (lim.rlim_cur - 64) / 3;
    return cap < MAX_CONNECTIONS_AUTO ? cap : MAX_CONNECTIONS_AUTO;
}

static unsigned open_conns(const struct front *f)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->n_workers; i++)
        n += atomic_load(&f->workers[i].n_conns);
    return n;
}

static void drained(struct front *f)
{
    loop_fn fn = f->drained;
    f->drained = NULL;
    timer_clear(f->drain_timer);
    if (fn)
        loop_post(f->options.main, fn, f->drained_arg);
}

static void on_conn_closed(void *arg)
{
    struct front *f = arg;
    if (atomic_load(&f->shared.is_draining)) {
        if (!open_conns(f))
            drained(f);
    } else if (f->is_paused && !timer_is_set(f->accept_again)) {
        listener_pause(f, false);
    }
}

static void on_drain_timeout(void *arg)
{
    struct front *f = arg;
    log_warn(NULL, "drain_timeout is over with %u connections open; they are cut off",
             open_conns(f));
    drained(f);
}

void front_shared_init(struct front_shared *s, const struct config *cfg, struct facts *facts)
{
    struct rng rng;
    rng_seed_kernel(&rng);
    s->facts = facts;
    (void)snprintf(s->pseudonym, sizeof(s->pseudonym), "sigv4-proxy-%04x",
                   (unsigned)(rng_u64(&rng) & 0xffff));
    limit_init(&s->connections, front_connection_cap(cfg));
    limit_init(&s->spool, cfg->spool_max);
    s->clients = crowd_new();
    s->upstreams = crowd_new();
    s->upstream_queue = crowd_new();
    s->hash_seed = rng_u64(&rng);
    s->tokens = tokens_new();
    s->skews = memo_new(KEEP_SKEW_MS);
    s->buckets = memo_new(KEEP_BUCKET_MS);
    s->turns = turns_new();
}

void front_shared_clear(struct front_shared *s)
{
    tokens_free(s->tokens);
    crowd_free(s->clients);
    crowd_free(s->upstreams);
    crowd_free(s->upstream_queue);
    memo_free(s->skews);
    memo_free(s->buckets);
    turns_free(s->turns);
}

static struct front *front_new(const struct front_options *o)
{
    struct front *f = xcalloc(1, sizeof(*f));
    f->options = *o;
    front_shared_init(&f->shared, o->config, o->facts);
    f->is_held = o->is_held;
    f->accept_again = timer_new(o->main, listener_try_again, f);
    f->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    f->drain_timer = timer_new(o->main, on_drain_timeout, f);
    f->workers = xcalloc(o->n_workers, sizeof(*f->workers));
    return f;
}

static enum status start_workers(struct front *f, struct err *e)
{
    for (unsigned i = 0; i < f->options.n_workers; i++) {
        struct worker *w = &f->workers[i];
        w->number = i + 1;
        w->shared = &f->shared;
        w->main = f->options.main;
        w->main_arg = f;
        w->on_conn_closed = on_conn_closed;
        enum status st = worker_start(w, e);
        if (st != ST_OK)
            return st;
        f->n_workers++;
    }
    return ST_OK;
}

enum status front_start(const struct front_options *o, struct front **out, struct err *e)
{
    struct front *f = front_new(o);
    struct front_change *first = NULL;
    enum status st = front_prepare(f, o->config, o->trust, &first, e);
    if (st == ST_OK)
        setup_first(first);
    if (st == ST_OK)
        st = listeners_open(f, e);
    if (st == ST_OK)
        st = start_workers(f, e);
    if (st != ST_OK) {
        front_free(f);
        return st;
    }
    *out = f;
    return ST_OK;
}

bool front_is_draining(const struct front *f)
{
    return atomic_load(&f->shared.is_draining);
}

uint16_t front_port(const struct front *f)
{
    return net_addr_port(&f->shared.listening[0]);
}

void front_stats(const struct front *f, struct front_stats *out)
{
    *out = (struct front_stats){
        .n_workers = f->n_workers,
        .clients = limit_used(&f->shared.connections),
        .clients_max = atomic_load(&f->shared.connections.cap),
        .spool_bytes = limit_used(&f->shared.spool),
        .spool_max = f->config->spool_max,
        .buffer_bytes = atomic_load(&f->shared.buffers),
        .buffer_bytes_max = (int64_t)f->config->max_buffer_memory,
        .forwarded = limit_used(&f->shared.active),
        .queued = limit_used(&f->shared.queued),
        .retrying = limit_used(&f->shared.retrying),
        .parked = limit_used(&f->shared.parked),
        .tokens_owed = tokens_most_owed(f->shared.tokens),
        .oldest_beat_ms = INT64_MAX,
    };
    for (unsigned i = 0; i < f->n_workers; i++) {
        int64_t beat_ms = loop_beat_ms(f->workers[i].loop);
        if (beat_ms < out->oldest_beat_ms) {
            out->oldest_beat_ms = beat_ms;
            out->oldest_worker = i + 1;
        }
    }
}

unsigned front_worker_clients(const struct front *f, unsigned worker)
{
    return atomic_load(&f->workers[worker].n_conns);
}

const char *front_listener(const struct front *f, unsigned i)
{
    return i < f->n_listeners ? f->listeners[i].name : NULL;
}

static void drain(struct front *f, int64_t timeout_ms, loop_fn done, void *arg)
{
    f->drained = done;
    f->drained_arg = arg;
    atomic_store(&f->shared.is_draining, true);
    atomic_store(&f->shared.wants_notes, true);
    for (unsigned i = 0; i < f->n_workers; i++)
        worker_drain(&f->workers[i]);
    timer_set(f->drain_timer, timeout_ms > 0 ? timeout_ms : 1);
    if (!open_conns(f))
        drained(f);
}

void front_drain(struct front *f, int64_t timeout_ms, loop_fn done, void *arg)
{
    listener_empty_queue(f);
    listener_close_all(f, true);
    drain(f, timeout_ms, done, arg);
}

void front_hand_over(struct front *f, int64_t timeout_ms, loop_fn done, void *arg)
{
    listener_close_all(f, false);
    drain(f, timeout_ms, done, arg);
}

void front_accept(struct front *f)
{
    f->is_held = false;
    for (unsigned i = 0; i < f->n_listeners; i++)
        f->listeners[i].is_lent = f->listeners[i].is_activated;
    listener_pause(f, f->is_paused);
}

void front_add_own(struct front *f, const struct net_addr *at)
{
    struct front_shared *s = &f->shared;
    assert(s->n_listening < FRONT_MAX_LISTENERS + FRONT_MAX_OTHERS);
    s->listening[s->n_listening++] = *at;
}

static void free_front(void *arg)
{
    struct front *f = arg;
    timer_free(f->accept_again);
    listener_drop_spare(f);
    timer_free(f->drain_timer);
    for (unsigned i = 0; i < f->options.n_workers; i++)
        worker_setup_clear(&f->workers[i].setup); // of one that never ran
    config_release(f->config);
    tls_trust_release(f->trust);
    front_shared_clear(&f->shared);
    free(f->workers);
    free(f);
}

void front_free(struct front *f)
{
    listener_close_all(f, true);
    token_file_close(f->tokens);
    f->tokens = NULL;
    for (unsigned i = 0; i < f->n_workers; i++)
        worker_stop(&f->workers[i]);
    // Workers' last messages may still wait in main's queue: this one runs behind them.
    loop_post(f->options.main, free_front, f);
}
