// SPDX-License-Identifier: Apache-2.0
// A turn of the loop is one poll, the callbacks of what was ready, and then what those deferred.
// libevent runs turn by turn (EVLOOP_ONCE), so deferred work needs neither a system call nor an
// event of its own. Deferred work that defers more is given a few rounds; then the descriptors are
// polled again, without waiting, so that nothing starves.
#include "net/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "log/log.h"
#include "net/loop_int.h"

#define DEFER_ROUNDS 8
#define FREE_ROUNDS  1000

struct post {
    struct post *next;
    loop_fn fn;
    void *arg;
};

void loop_enter(struct loop *l)
{
    if (l->is_fresh)
        return;
    l->now_ms = clock_mono_ms();
    l->is_fresh = true;
    atomic_store_explicit(&l->beat_ms, l->now_ms, memory_order_relaxed);
}

int64_t loop_now_ms(const struct loop *l)
{
    return l->is_fresh ? l->now_ms : clock_mono_ms();
}

int64_t loop_beat_ms(const struct loop *l)
{
    return atomic_load_explicit(&l->beat_ms, memory_order_relaxed);
}

static void wake(struct loop *l)
{
    uint64_t one = 1;
    // EAGAIN means that the counter is full: the loop wakes anyway.
    while (write(l->wake_fd, &one, sizeof(one)) == -1 && errno == EINTR)
        ;
}

static struct post *take_posts(struct loop *l)
{
    (void)pthread_mutex_lock(&l->lock);
    struct post *first = l->posts;
    l->posts = NULL;
    l->posts_end = &l->posts;
    (void)pthread_mutex_unlock(&l->lock);
    return first;
}

static bool run_posts(struct loop *l)
{
    struct post *p = take_posts(l);
    bool had_some = p != NULL;
    while (p) {
        struct post *next = p->next;
        p->fn(p->arg);
        free(p);
        loop_leave(l);
        p = next;
    }
    return had_some;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct loop *l = arg;
    uint64_t count = 0;
    loop_enter(l);
    while (read(fd, &count, sizeof(count)) == -1 && errno == EINTR)
        ;
    (void)run_posts(l);
}

void loop_post(struct loop *l, loop_fn fn, void *arg)
{
    struct post *p = xmalloc(sizeof(*p));
    *p = (struct post){.next = NULL, .fn = fn, .arg = arg};
    (void)pthread_mutex_lock(&l->lock);
    bool was_empty = l->posts == NULL;
    *l->posts_end = p;
    l->posts_end = &p->next;
    // Under the lock: once the message can be seen, the receiver may free the loop.
    if (was_empty)
        wake(l);
    (void)pthread_mutex_unlock(&l->lock);
}

// By itself libevent writes its warnings to standard error, which may be a full pipe.
static void log_message(int severity, const char *text)
{
    (void)severity;
    log_debug("libevent", "%s", text);
}

static pthread_once_t libevent_once = PTHREAD_ONCE_INIT;

static void setup_libevent(void)
{
    event_set_mem_functions(xmalloc, xrealloc, free);
    event_set_log_callback(log_message);
}

static struct event_base *base_new(void)
{
    struct event_config *cfg = event_config_new();
    if (!cfg)
        return NULL;
    struct event_base *base = NULL;
    // One thread a base, so no locks; no method or timer chosen by environment variables; EV_ET is
    // what only epoll has.
    if (event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK) == 0 &&
        event_config_set_flag(cfg, EVENT_BASE_FLAG_IGNORE_ENV) == 0 &&
        event_config_require_features(cfg, EV_FEATURE_ET | EV_FEATURE_O1) == 0)
        base = event_base_new_with_config(cfg);
    event_config_free(cfg);
    return base;
}

struct loop *loop_new(const char *name, struct err *e)
{
    (void)pthread_once(&libevent_once, setup_libevent);
    struct loop *l = xcalloc(1, sizeof(*l));
    l->name = name;
    l->hup.fd = -1;
    l->low.fd = -1;
    for (int i = 0; i < N_DEFER; i++)
        TAILQ_INIT(&l->deferred[i]);
    TAILQ_INIT(&l->guests);
    (void)pthread_mutex_init(&l->lock, NULL);
    l->posts_end = &l->posts;
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    l->base = base_new();
    atomic_store(&l->beat_ms, clock_mono_ms());
    if (l->base && l->wake_fd != -1 &&
        event_assign(&l->wake, l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l) == 0 &&
        event_add(&l->wake, NULL) == 0 && low_open(l))
        return l;
    (void)err_set(e, ST_IO, "loop %s: %s", name, strerror(errno));
    if (l->base)
        event_base_free(l->base);
    if (l->wake_fd != -1)
        (void)close(l->wake_fd);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
    return NULL;
}

static void enqueue(struct loop *l, struct deferred *d, unsigned char queue)
{
    if (d->is_queued)
        return;
    d->is_queued = true;
    d->queue = queue;
    TAILQ_INSERT_TAIL(&l->deferred[queue], d, link);
    l->n_late += queue == DEFER_LATE;
}

void loop_defer(struct loop *l, struct deferred *d)
{
    enqueue(l, d, DEFER_SOON);
}

void loop_defer_next(struct loop *l, struct deferred *d)
{
    enqueue(l, d, DEFER_NEXT);
}

void loop_defer_late(struct loop *l, struct deferred *d)
{
    enqueue(l, d, DEFER_LATE);
}

void loop_undefer(struct loop *l, struct deferred *d)
{
    if (!d->is_queued)
        return;
    TAILQ_REMOVE(&l->deferred[d->queue], d, link);
    d->is_queued = false;
    l->n_late -= d->queue == DEFER_LATE;
}

static void adopt_next(struct loop *l)
{
    struct deferred *d;
    TAILQ_FOREACH(d, &l->deferred[DEFER_NEXT], link)
    d->queue = DEFER_SOON;
    TAILQ_CONCAT(&l->deferred[DEFER_SOON], &l->deferred[DEFER_NEXT], link);
}

// Runs what is queued now; what that queues comes behind the mark and waits for the next round.
static void run_round(struct loop *l, unsigned char queue)
{
    struct deferred mark = {.is_queued = false};
    struct deferred *d;
    enqueue(l, &mark, queue);
    while ((d = TAILQ_FIRST(&l->deferred[queue])) != &mark) {
        loop_undefer(l, d);
        d->fn(d->arg);
        if (queue != DEFER_LATE)
            loop_leave(l);
    }
    loop_undefer(l, &mark);
}

static bool has_deferred(const struct loop *l)
{
    bool has_some = false;
    for (int i = 0; i < N_DEFER; i++)
        has_some = has_some || !TAILQ_EMPTY(&l->deferred[i]);
    return has_some;
}

void loop_leave(struct loop *l)
{
    if (l->n_late >= LATE_MOST)
        run_round(l, DEFER_LATE);
}

static void turn(struct loop *l, bool may_wait)
{
    int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY;
    if (!may_wait || has_deferred(l))
        flags |= EVLOOP_NONBLOCK;
    l->is_fresh = false;
    (void)event_base_loop(l->base, flags);
    loop_enter(l);
    adopt_next(l);
    for (int i = 0; i < DEFER_ROUNDS && !TAILQ_EMPTY(&l->deferred[DEFER_SOON]); i++)
        run_round(l, DEFER_SOON);
    if (l->n_late)
        run_round(l, DEFER_LATE);
    loop_bufs_trim(l);
}

void loop_run(struct loop *l)
{
    // Reset by whoever sees it, so that a stop which comes before the run is not lost.
    while (!atomic_exchange(&l->is_stopping, false))
        turn(l, true);
    l->is_fresh = false;
}

void loop_stop(struct loop *l)
{
    atomic_store(&l->is_stopping, true);
    wake(l);
}

void loop_guest_add(struct loop *l, struct loop_guest *g)
{
    TAILQ_INSERT_TAIL(&l->guests, g, link);
}

void loop_guest_remove(struct loop *l, struct loop_guest *g)
{
    TAILQ_REMOVE(&l->guests, g, link);
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    struct loop_guest *g;
    for (int i = 0; i < FREE_ROUNDS; i++) {
        while ((g = TAILQ_FIRST(&l->guests)) != NULL)
            g->end(g);
        turn(l, false); // also runs what libevent itself has put off (DNS answers)
        if (!run_posts(l) && !has_deferred(l) && TAILQ_EMPTY(&l->guests))
            break;
    }
    nested_epoll_close(&l->hup);
    nested_epoll_close(&l->low);
    (void)event_del(&l->wake);
    event_base_free(l->base);
    (void)close(l->wake_fd);
    loop_bufs_clear(&l->bufs);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

const char *loop_library_version(void)
{
    return event_get_version();
}
