// SPDX-License-Identifier: Apache-2.0
// max_per_host. Connections are counted over all pools; who waits for one does so in the own pool's
// queue, in order of arrival, and is looked at when a connection comes back, and every 20 ms for
// those of other pools, which give theirs up instead of keeping them while somebody waits.
#include "client/pool_int.h"

#include <stdlib.h>

#include "metrics/metrics.h"

#define LOOK_MS 20

static uint64_t most_of(const struct pool *p)
{
    return p->options.max_per_host ? p->options.max_per_host : UINT64_MAX;
}

bool pool_may_open(struct pool_host *h)
{
    if (limit_take_below(h->open, 1, most_of(h->pool)))
        return true;
    if (!h->oldest)
        return false;
    pool_drop_idle(h->oldest);
    return limit_take_below(h->open, 1, most_of(h->pool));
}

void pool_wait(struct pool_dial *d)
{
    struct pool *p = d->pool;
    d->deadline_ms = loop_now_ms(p->dialer.loop) + d->request.connect_timeout_ms;
    TAILQ_INSERT_TAIL(&d->home->waiters, d, link);
    (void)limit_take(d->home->waiting, 1);
    if (!timer_is_set(p->look))
        timer_set(p->look, LOOK_MS);
}

void pool_leave(struct pool_dial *d)
{
    TAILQ_REMOVE(&d->home->waiters, d, link);
    limit_give(d->home->waiting, 1);
}

static void end(struct pool_dial *d, enum dial_fail why, struct upstream *u, const char *text)
{
    pool_done_fn done = d->done;
    void *arg = d->arg;
    free(d);
    done(arg, why, u, text);
}

static void serve(struct pool_host *h)
{
    struct pool_dial *d;
    while ((d = TAILQ_FIRST(&h->waiters)) != NULL) {
        struct upstream *u = d->request.is_fresh ? NULL : pool_take_newest(h);
        if (!u && !pool_may_open(h))
            return;
        pool_leave(d);
        if (u) {
            h->in_use--; // taken, and counted as being dialled
            end(d, DIAL_OK, u, NULL);
        } else {
            pool_start_dial(d);
        }
    }
}

static struct pool_dial *first_late(const struct pool_host *h, int64_t now)
{
    struct pool_dial *d;
    TAILQ_FOREACH(d, &h->waiters, link)
    // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): who was freed has left the list
    if (now >= d->deadline_ms)
        return d;
    return NULL;
}

static void end_late(struct pool_host *h, int64_t now)
{
    struct pool_dial *d;
    while ((d = first_late(h, now)) != NULL) {
        pool_leave(d);
        h->in_use--;
        metrics_inc(METRIC_DIAL_BUSY);
        end(d, DIAL_BUSY, NULL, "max_upstream_per_host are in use, and none came back in time");
    }
}

// Hosts come and go in other turns only, so the list stands while callbacks run.
void pool_look_around(void *pool)
{
    struct pool *p = pool;
    int64_t now = loop_now_ms(p->dialer.loop);
    struct pool_host *h;
    bool has_some = false;
    TAILQ_FOREACH(h, &p->hosts, link)
    {
        serve(h);
        end_late(h, now);
        has_some = has_some || !TAILQ_EMPTY(&h->waiters);
    }
    if (has_some)
        timer_set(p->look, LOOK_MS);
}

bool pool_is_wanted_elsewhere(const struct pool_host *h)
{
    return h->pool->options.max_per_host && TAILQ_EMPTY(&h->waiters) && limit_used(h->waiting);
}
