// SPDX-License-Identifier: Apache-2.0
// The idle list of a host runs from newest to oldest: taking from the new end lets the old end age
// out. How many may idle is the most that were in use at once in this or the last minute. A host
// that closes on us early teaches its own idle limit, so that we close first and no request meets a
// dead connection.
#include "client/pool_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/hash.h"
#include "base/xalloc.h"
#include "metrics/metrics.h"
#include "net/resolve.h"

#define POOL_KEY_LEN  700
#define POOL_HOST_LEN 255 // no name is longer (RFC 1035 2.3.4)
#define SWEEP_MS      1000
#define LIMITED_MS    100 // between sweeps where others may be waiting for what is idle here
#define WINDOW_MS     INT64_C(60000)
#define IDLE_FLOOR_MS 1000

// ---- hosts

// A connection that one user of a proxy was let through is not another one's.
static void set_key(const struct origin *o, char key[POOL_KEY_LEN])
{
    char who[DIGEST_HEX + 1] = "";
    size_t len = strnlen(o->host, POOL_HOST_LEN); // by hand: each request asks
    key[0] = o->is_tls ? 's' : 'p';
    memcpy(key + 1, o->host, len);
    key[1 + len] = '|';
    char *end = decimal_put(key + 2 + len, o->port);
    *end = '\0';
    if (!o->via)
        return;
    digest_sha256_hex(o->via->userinfo, who);
    (void)snprintf(end, POOL_KEY_LEN - (size_t)(end - key), "|%s|%u|%s", o->via->host, o->via->port,
                   who);
}

static struct pool_host *host_of(struct pool *p, const struct origin *o)
{
    char key[POOL_KEY_LEN];
    set_key(o, key);
    struct pool_host *h = (struct pool_host *)table_find(&p->table, key);
    if (h)
        return h;
    h = xcalloc(1, sizeof(*h));
    h->node.key = xstrdup(key);
    h->host = xstrdup(o->host);
    h->origin = *o;
    h->origin.host = h->host;
    h->origin.via = NULL; // known by the key only
    h->has_via = o->via != NULL;
    h->pool = p;
    h->window_ms = loop_now_ms(p->dialer.loop);
    h->idle_limit_ms = p->options.idle_timeout_ms;
    TAILQ_INIT(&h->waiters);
    h->open = p->options.open ? crowd_at(p->options.open, hash_span(0, span_of(key))) : &p->open;
    h->waiting =
        p->options.open ? crowd_at(p->options.waiting, hash_span(0, span_of(key))) : &p->waiting;
    table_add(&p->table, &h->node);
    TAILQ_INSERT_TAIL(&p->hosts, h, link);
    return h;
}

static void host_free(struct pool_host *h)
{
    table_remove(&h->pool->table, &h->node);
    TAILQ_REMOVE(&h->pool->hosts, h, link);
    free(h->node.key);
    free(h->host);
    free(h);
}

static void note_use(struct pool_host *h)
{
    int64_t now = loop_now_ms(h->pool->dialer.loop);
    if (now - h->window_ms >= WINDOW_MS) {
        h->peak_last = now - h->window_ms >= 2 * WINDOW_MS ? 0 : h->peak_now;
        h->peak_now = h->in_use;
        h->window_ms = now;
    }
    if (h->in_use > h->peak_now)
        h->peak_now = h->in_use;
}

static unsigned idle_cap(const struct pool_host *h)
{
    return h->peak_now > h->peak_last ? h->peak_now : h->peak_last;
}

// ---- one connection

static void upstream_free(struct upstream *u)
{
    limit_give(u->home->open, 1);
    stream_free(u->stream);
    h1_parser_free(u->parser);
    free(u);
}

static void unlink_idle(struct upstream *u)
{
    struct pool_host *h = u->home;
    if (u->newer)
        u->newer->older = u->older;
    else
        h->newest = u->older;
    if (u->older)
        u->older->newer = u->newer;
    else
        h->oldest = u->newer;
    u->newer = u->older = NULL;
    h->n_idle--;
    h->pool->stats.idle--;
    metrics_add(METRIC_UPSTREAM_IDLE, -1);
}

void pool_drop_idle(struct upstream *u)
{
    unlink_idle(u);
    upstream_free(u);
}

static size_t idle_data(void *arg, struct span in)
{
    metrics_inc(METRIC_UPSTREAM_SURPLUS);
    pool_drop_idle(arg); // nobody asked: what follows could be taken for an answer
    return in.len;
}

static void idle_gone(struct upstream *u)
{
    struct pool_host *h = u->home;
    int64_t lasted = loop_now_ms(h->pool->dialer.loop) - u->idle_since_ms;
    int64_t limit = lasted - lasted / 10;
    if (limit < IDLE_FLOOR_MS)
        limit = IDLE_FLOOR_MS;
    if (limit < h->idle_limit_ms)
        h->idle_limit_ms = limit;
    pool_drop_idle(u);
}

static void idle_eof(void *arg)
{
    idle_gone(arg);
}

static void idle_closed(void *arg, enum stream_fail why, const char *text)
{
    (void)why;
    (void)text;
    idle_gone(arg);
}

static const struct stream_ops idle_ops = {
    .data = idle_data, .eof = idle_eof, .closed = idle_closed};

// ---- the sweep

static bool is_listed(const struct upstream *u, const struct fact *f)
{
    const struct resolve_answer *answer = f->value;
    const struct net_addr *peer = stream_peer(u->stream);
    for (unsigned i = 0; i < answer->n; i++)
        if (net_addr_same_ip(&answer->addrs[i], peer))
            return true;
    return false;
}

static void sweep_host(struct pool_host *h, int64_t now)
{
    struct net_addr literal;
    struct fact *f = NULL;
    if (h->n_idle && !h->has_via && net_addr_parse(span_of(h->host), 1, &literal) != ST_OK)
        f = facts_view_peek(h->pool->dialer.facts, FACTS_ADDRESSES, h->host);
    for (struct upstream *u = h->oldest; u;) {
        struct upstream *newer = u->newer;
        if (pool_is_wanted_elsewhere(h) || now - u->idle_since_ms >= h->idle_limit_ms ||
            now - u->born_ms >= u->max_age_ms || h->n_idle > idle_cap(h) ||
            (f && f->status == ST_OK && !is_listed(u, f)))
            pool_drop_idle(u);
        u = newer;
    }
    fact_release(f);
    note_use(h);
}

static int64_t sweep_ms(const struct pool *p)
{
    return p->options.max_per_host ? LIMITED_MS : SWEEP_MS;
}

static void on_sweep(void *arg)
{
    struct pool *p = arg;
    int64_t now = loop_now_ms(p->dialer.loop);
    struct pool_host *next = NULL;
    for (struct pool_host *h = TAILQ_FIRST(&p->hosts); h; h = next) {
        next = TAILQ_NEXT(h, link);
        sweep_host(h, now);
        if (!h->in_use && !h->n_idle && !idle_cap(h))
            host_free(h);
    }
    if (!TAILQ_EMPTY(&p->hosts))
        timer_set(p->sweep, sweep_ms(p));
}

// ---- the door

struct pool *pool_new(const struct dialer *d, const struct pool_options *o)
{
    struct pool *p = xcalloc(1, sizeof(*p));
    p->dialer = *d;
    p->options = *o;
    TAILQ_INIT(&p->hosts);
    p->sweep = timer_new(d->loop, on_sweep, p);
    p->look = timer_new(d->loop, pool_look_around, p);
    p->serve = (struct deferred){.fn = pool_look_around, .arg = p};
    rng_seed_kernel(&p->rng);
    return p;
}

static void close_idle(struct pool_host *h)
{
    struct upstream *older = NULL;
    for (struct upstream *u = h->newest; u; u = older) {
        older = u->older;
        pool_drop_idle(u);
    }
}

void pool_close_idle(struct pool *p)
{
    for (struct pool_host *h = TAILQ_FIRST(&p->hosts); h; h = TAILQ_NEXT(h, link))
        close_idle(h);
}

void pool_free(struct pool *p)
{
    struct pool_host *next = NULL;
    for (struct pool_host *h = TAILQ_FIRST(&p->hosts); h; h = next) {
        next = TAILQ_NEXT(h, link);
        close_idle(h);
        host_free(h);
    }
    loop_undefer(p->dialer.loop, &p->serve);
    timer_free(p->look);
    timer_free(p->sweep);
    free(p);
}

static bool is_worn(const struct upstream *u, int64_t now)
{
    return now - u->born_ms >= u->max_age_ms || now - u->idle_since_ms >= u->home->idle_limit_ms;
}

struct upstream *pool_take_newest(struct pool_host *h)
{
    struct pool *p = h->pool;
    int64_t now = loop_now_ms(p->dialer.loop);
    struct upstream *u = h->newest;
    while (u && is_worn(u, now)) {
        struct upstream *older = u->older;
        pool_drop_idle(u);
        u = older;
    }
    if (!u)
        return NULL;
    unlink_idle(u);
    h->in_use++;
    note_use(h);
    p->stats.reused++;
    metrics_inc(METRIC_UPSTREAM_REUSED);
    u->is_reused = true;
    return u;
}

struct upstream *pool_take(struct pool *p, const struct origin *o)
{
    struct pool_host *h = host_of(p, o);
    return TAILQ_EMPTY(&h->waiters) ? pool_take_newest(h) : NULL; // they were here before
}

_Static_assert(METRIC_DIAL_BUSY - METRIC_DIAL_DNS == DIAL_BUSY - DIAL_DNS, "same order");

static void on_dialled(void *arg, enum dial_fail why, struct stream *s, const char *text)
{
    struct pool_dial *d = arg;
    struct pool *p = d->pool;
    struct pool_host *h = d->home;
    pool_done_fn done = d->done;
    void *done_arg = d->arg;
    unsigned series = d->series;
    free(d);
    if (why != DIAL_OK) {
        h->in_use--;
        limit_give(h->open, 1);
        if (!TAILQ_EMPTY(&h->waiters))
            loop_defer(p->dialer.loop, &p->serve);
        metrics_inc(METRIC_DIAL_DNS + (unsigned)why - DIAL_DNS);
        done(done_arg, why, NULL, text);
        return;
    }
    struct upstream *u = xcalloc(1, sizeof(*u));
    u->stream = s;
    u->parser = h1_parser_new(H1_RESPONSE, &p->options.limits);
    u->home = h;
    u->series = series;
    u->born_ms = loop_now_ms(p->dialer.loop);
    u->max_age_ms = p->options.max_age_ms - p->options.max_age_ms / 10 +
                    rng_below(&p->rng, p->options.max_age_ms / 5 + 1);
    p->stats.opened++;
    p->stats.resumed += stream_is_tls(s) && stream_was_resumed(s);
    metrics_inc(METRIC_UPSTREAM_OPENED);
    if (stream_is_tls(s))
        metrics_inc(stream_was_resumed(s) ? METRIC_TLS_RESUMED : METRIC_TLS_FULL);
    done(done_arg, DIAL_OK, u, NULL);
}

void pool_start_dial(struct pool_dial *d)
{
    d->series = d->pool->series;
    d->dial = dial_start(&d->pool->dialer, &d->request, on_dialled, d);
}

struct pool_dial *pool_dial(struct pool *p, const struct dial_request *r, pool_done_fn done,
                            void *arg)
{
    struct pool_dial *d = xcalloc(1, sizeof(*d));
    d->pool = p;
    d->home = host_of(p, &r->origin);
    d->request = *r;
    d->done = done;
    d->arg = arg;
    d->home->in_use++;
    note_use(d->home);
    if (!timer_is_set(p->sweep))
        timer_set(p->sweep, sweep_ms(p));
    if (TAILQ_EMPTY(&d->home->waiters) && pool_may_open(d->home))
        pool_start_dial(d);
    else
        pool_wait(d);
    return d;
}

void pool_dial_cancel(struct pool_dial *d)
{
    if (!d)
        return;
    d->home->in_use--;
    if (d->dial) {
        limit_give(d->home->open, 1);
        dial_cancel(d->dial);
    } else {
        pool_leave(d);
    }
    if (!TAILQ_EMPTY(&d->home->waiters))
        loop_defer(d->pool->dialer.loop, &d->pool->serve);
    free(d);
}

void pool_give(struct upstream *u, bool is_reusable)
{
    struct pool_host *h = u->home;
    struct pool *p = h->pool;
    int64_t now = loop_now_ms(p->dialer.loop);
    h->in_use--;
    if (!TAILQ_EMPTY(&h->waiters))
        loop_defer(p->dialer.loop, &p->serve);
    if (!is_reusable || pool_is_wanted_elsewhere(h) || u->series != p->series ||
        now - u->born_ms >= u->max_age_ms || h->n_idle >= idle_cap(h)) {
        upstream_free(u);
        return;
    }
    // What stands behind an answer may not have been read yet, where that used up a turn's budget:
    // the next request must not find it.
    if (stream_has_more(u->stream)) {
        metrics_inc(METRIC_UPSTREAM_SURPLUS);
        upstream_free(u);
        return;
    }
    u->idle_since_ms = now;
    u->older = h->newest;
    u->newer = NULL;
    if (h->newest)
        h->newest->newer = u;
    else
        h->oldest = u;
    h->newest = u;
    h->n_idle++;
    p->stats.idle++;
    metrics_add(METRIC_UPSTREAM_IDLE, 1);
    stream_set_ops(u->stream, &idle_ops, u);
    stream_resume(u->stream);
}

struct stream *pool_release(struct upstream *u)
{
    struct stream *s = u->stream;
    u->home->in_use--;
    if (!TAILQ_EMPTY(&u->home->waiters))
        loop_defer(u->home->pool->dialer.loop, &u->home->pool->serve);
    u->stream = NULL;
    upstream_free(u);
    return s;
}

void pool_set_tls(struct pool *p, struct tls_client *tls)
{
    p->dialer.tls = tls;
    p->series++;
    pool_close_idle(p);
}

void pool_set_max(struct pool *p, uint64_t max_per_host)
{
    p->options.max_per_host = max_per_host;
}

void pool_set_ages(struct pool *p, int64_t idle_timeout_ms, int64_t max_age_ms)
{
    struct pool_host *h;
    if (p->options.idle_timeout_ms == idle_timeout_ms && p->options.max_age_ms == max_age_ms)
        return;
    p->options.idle_timeout_ms = idle_timeout_ms;
    p->options.max_age_ms = max_age_ms;
    TAILQ_FOREACH(h, &p->hosts, link)
    h->idle_limit_ms = idle_timeout_ms;
}

void pool_prune(struct pool *p, pool_keeps_fn keeps, void *arg)
{
    struct pool_host *h;
    TAILQ_FOREACH(h, &p->hosts, link)
    if (h->n_idle && !keeps(arg, &h->origin))
        close_idle(h);
}

struct pool_stats pool_stats(const struct pool *p)
{
    return p->stats;
}
