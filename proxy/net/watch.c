// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "base/xalloc.h"
#include "net/loop_int.h"

#define AGAIN_MS 100 // the kernel had no memory, or the user no epoll watches left

struct watch {
    struct loop *loop; // borrowed
    loop_fn fn;
    void *arg;
    struct event ev;
    struct timer *again; // arms it where the kernel refused to
    bool is_armed;
};

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct watch *w = arg;
    loop_enter(w->loop);
    w->fn(w->arg);
}

static struct watch *watch_make(struct loop *l, int fd, short what, loop_fn fn)
{
    struct watch *w = xcalloc(1, sizeof(*w));
    w->loop = l;
    w->fn = fn;
    (void)event_assign(&w->ev, l->base, fd, (short)(what | EV_PERSIST), on_event, w);
    return w;
}

struct watch *watch_new(struct loop *l, int fd, loop_fn on_readable, void *arg)
{
    struct watch *w = watch_make(l, fd, EV_READ, on_readable);
    w->arg = arg;
    watch_set(w, true);
    return w;
}

struct watch *watch_signal(struct loop *l, int signo, loop_fn fn, void *arg)
{
    struct watch *w = watch_make(l, signo, EV_SIGNAL, fn);
    w->arg = arg;
    watch_set(w, true);
    return w;
}

// A listener that is not armed again would be deaf for good.
static void arm(void *arg)
{
    struct watch *w = arg;
    if (event_add(&w->ev, NULL) == 0)
        return;
    if (!w->again)
        w->again = timer_new(w->loop, arm, w);
    timer_set(w->again, AGAIN_MS);
}

void watch_set(struct watch *w, bool is_armed)
{
    if (is_armed == w->is_armed)
        return;
    w->is_armed = is_armed;
    if (is_armed) {
        arm(w);
        return;
    }
    if (w->again)
        timer_clear(w->again);
    (void)event_del(&w->ev);
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    (void)event_del(&w->ev);
    timer_free(w->again);
    free(w);
}
