// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "base/xalloc.h"
#include "net/loop_int.h"

struct watch {
    struct loop *loop; // borrowed
    loop_fn fn;
    void *arg;
    struct event ev;
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

void watch_set(struct watch *w, bool is_armed)
{
    if (is_armed == w->is_armed)
        return;
    w->is_armed = is_armed;
    if (is_armed)
        (void)event_add(&w->ev, NULL);
    else
        (void)event_del(&w->ev);
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    (void)event_del(&w->ev);
    free(w);
}
