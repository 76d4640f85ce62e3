// SPDX-License-Identifier: Apache-2.0
// Timers that are moved with each byte and hardly ever fire. The heap holds the earliest moment at
// which a timer could be due; when it comes the timer looks at its real deadline and sleeps on, or
// does nothing where it was cleared meanwhile.
#include <stdlib.h>

#include "base/xalloc.h"
#include "net/loop_int.h"

struct timer {
    struct loop *loop; // borrowed
    int64_t deadline_ms;
    int64_t armed_ms; // when the heap wakes us; meaningless where not is_armed
    bool is_set;
    bool is_armed;
    loop_fn fn;
    void *arg;
    struct event ev;
};

static void arm(struct timer *t, int64_t in_ms)
{
    if (in_ms < 0)
        in_ms = 0;
    struct timeval tv = {.tv_sec = (time_t)(in_ms / 1000),
                         .tv_usec = (suseconds_t)(in_ms % 1000 * 1000)};
    t->is_armed = true;
    t->armed_ms = loop_now_ms(t->loop) + in_ms;
    (void)event_add(&t->ev, &tv);
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct timer *t = arg;
    loop_enter(t->loop);
    t->is_armed = false;
    if (!t->is_set)
        return;
    int64_t left = t->deadline_ms - loop_now_ms(t->loop);
    if (left > 0) {
        arm(t, left);
        return;
    }
    t->is_set = false;
    t->fn(t->arg);
}

struct timer *timer_new(struct loop *l, loop_fn fn, void *arg)
{
    struct timer *t = xcalloc(1, sizeof(*t));
    t->loop = l;
    t->fn = fn;
    t->arg = arg;
    (void)event_assign(&t->ev, l->base, -1, 0, on_due, t);
    return t;
}

void timer_free(struct timer *t)
{
    if (!t)
        return;
    (void)event_del(&t->ev);
    free(t);
}

void timer_set(struct timer *t, int64_t in_ms)
{
    if (in_ms < 0)
        in_ms = 0;
    t->is_set = true;
    t->deadline_ms = loop_now_ms(t->loop) + in_ms;
    if (!t->is_armed || t->armed_ms > t->deadline_ms)
        arm(t, in_ms);
}

void timer_clear(struct timer *t)
{
    t->is_set = false;
}

bool timer_is_set(const struct timer *t)
{
    return t->is_set;
}
