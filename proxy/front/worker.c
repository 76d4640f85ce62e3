// SPDX-License-Identifier: Apache-2.0
#include "front/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "ca/ca.h"
#include "front/attempt.h"
#include "front/conn.h"
#include "front/request.h"
#include "front/slots.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "policy/reach.h"

#define KEY_CACHE    256
#define LEAF_CACHE   256
#define HEARTBEAT_MS 2000 // so that an idle loop turns, too

void worker_setup_clear(struct worker_setup *s)
{
    config_release(s->config);
    tls_acceptor_release(s->acceptor);
    tls_acceptor_release(s->insider);
    ca_release(s->ca);
    tls_client_free(s->tls);
    token_set_release(s->auth);
    *s = (struct worker_setup){0};
}

static void close_all(struct worker *w)
{
    struct conn *c = TAILQ_FIRST(&w->conns);
    while (c) {
        if (c->request)
            request_client_gone(c->request, "the proxy stopped");
        else
            conn_close(c);
        c = TAILQ_FIRST(&w->conns);
    }
}

void worker_clear(struct worker *w)
{
    close_all(w);
    timer_free(w->heartbeat);
    slots_clear(w);
    while (!SLIST_EMPTY(&w->spare)) {
        struct request *r = SLIST_FIRST(&w->spare);
        SLIST_REMOVE_HEAD(&w->spare, spare);
        request_free(r);
    }
    if (w->pool)
        pool_free(w->pool);
    if (w->facts)
        facts_view_free(w->facts);
    sign_key_cache_free(w->keys);
    ca_cache_free(w->leaves);
    worker_setup_clear(&w->setup);
    buf_clear(&w->scratch);
}

static void on_heartbeat(void *arg)
{
    struct worker *w = arg;
    timer_set(w->heartbeat, HEARTBEAT_MS);
}

static void *run(void *arg)
{
    struct worker *w = arg;
    (void)pthread_setname_np(pthread_self(), w->name);
    on_heartbeat(w);
    loop_run(w->loop);
    worker_clear(w);
    metrics_thread_end();
    log_thread_end();
    digest_thread_end();
    return NULL;
}

enum status worker_make(struct worker *w, struct err *e)
{
    const struct config *cfg = w->setup.config;
    TAILQ_INIT(&w->conns);
    SLIST_INIT(&w->spare);
    buf_init(&w->scratch);
    rng_seed_kernel(&w->rng);
    (void)snprintf(w->name, sizeof(w->name), "worker-%u", w->number);
    w->loop = loop_new(w->name, e);
    if (!w->loop)
        return ST_IO;
    loop_buf_count_in(w->loop, &w->shared->buffers);
    slots_setup(w);
    w->facts = facts_view_new(w->shared->facts, w->loop);
    w->dialer = (struct dialer){
        .loop = w->loop, .facts = w->facts, .tls = w->setup.tls, .refusal = attempt_refusal};
    struct pool_options pool = {.idle_timeout_ms = cfg->pool_idle_timeout,
                                .max_age_ms = cfg->pool_max_age,
                                .max_per_host = cfg->max_upstream_per_host,
                                .open = w->shared->upstreams,
                                .waiting = w->shared->upstream_queue,
                                .limits = {.max_request_line = 8192,
                                           .max_field = 65536,
                                           .max_head = 65536,
                                           .max_fields = 200,
                                           .max_trailers = 8192}};
    w->pool = pool_new(&w->dialer, &pool);
    w->keys = sign_key_cache_new(KEY_CACHE);
    w->leaves = ca_cache_new(LEAF_CACHE);
    w->heartbeat = timer_new(w->loop, on_heartbeat, w);
    return ST_OK;
}

enum status worker_start(struct worker *w, struct err *e)
{
    enum status st = worker_make(w, e);
    if (st != ST_OK)
        return st;
    int rc = pthread_create(&w->thread, NULL, run, w);
    return rc ? err_set(e, ST_IO, "worker thread: %s", strerror(rc)) : ST_OK;
}

static void drain(void *arg)
{
    struct worker *w = arg;
    struct conn *next = NULL;
    w->is_draining = true;
    for (struct conn *c = TAILQ_FIRST(&w->conns); c; c = next) {
        next = TAILQ_NEXT(c, link);
        conn_drain(c);
    }
    pool_close_idle(w->pool);
}

void worker_drain(struct worker *w)
{
    loop_post(w->loop, drain, w);
}

static void close_idle(void *arg)
{
    struct worker *w = arg;
    pool_close_idle(w->pool);
}

void worker_close_idle(struct worker *w)
{
    loop_post(w->loop, close_idle, w);
}

struct new_tokens {
    struct worker *worker;
    struct token_set *set;
};

static void take_tokens(void *arg)
{
    struct new_tokens *n = arg;
    token_set_release(n->worker->setup.auth);
    n->worker->setup.auth = n->set;
    free(n);
}

void worker_set_tokens(struct worker *w, struct token_set *tokens)
{
    struct new_tokens *n = xmalloc(sizeof(*n));
    n->worker = w;
    n->set = token_set_acquire(tokens);
    loop_post(w->loop, take_tokens, n);
}

struct new_setup {
    struct worker *worker;
    struct worker_setup setup;
};

static bool is_reached(void *arg, const struct origin *o)
{
    struct worker *w = arg;
    struct reach to = {.host = span_of(o->host), .port = o->port, .is_tls = o->is_tls};
    struct arena a;
    arena_init(&a);
    bool is_kept = reach_may(w->setup.config, &to, &a);
    arena_clear(&a);
    return is_kept;
}

static void take_setup(void *arg)
{
    struct new_setup *n = arg;
    struct worker *w = n->worker;
    struct worker_setup old = w->setup;
    bool has_tls = n->setup.tls != NULL;
    w->setup = n->setup;
    w->n_setups++;
    free(n);
    if (has_tls) {
        pool_set_tls(w->pool, w->setup.tls);
        w->dialer.tls = w->setup.tls; // tunnels dial past the pool
    } else {
        w->setup.tls = old.tls;
        old.tls = NULL;
    }
    pool_set_max(w->pool, w->setup.config->max_upstream_per_host);
    pool_set_ages(w->pool, w->setup.config->pool_idle_timeout, w->setup.config->pool_max_age);
    pool_prune(w->pool, is_reached, w);
    if (!reach_is_same_way(old.config, w->setup.config))
        pool_close_idle(w->pool);
    worker_setup_clear(&old);
}

void worker_take_setup(struct worker *w, const struct worker_setup *s)
{
    struct new_setup *n = xmalloc(sizeof(*n));
    n->worker = w;
    n->setup = *s;
    loop_post(w->loop, take_setup, n);
}

static void end_loop(void *arg)
{
    struct worker *w = arg;
    loop_stop(w->loop);
}

void worker_stop(struct worker *w)
{
    // Behind what main has posted before: a connection handed over, a drain.
    loop_post(w->loop, end_loop, w);
    (void)pthread_join(w->thread, NULL);
    loop_free(w->loop);
}
