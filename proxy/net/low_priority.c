// SPDX-License-Identifier: Apache-2.0
// What has begun goes before what is new: accepted connections that can be read are taken a few a
// turn, beside everything else that is ready. So answers that have come are passed on before more
// requests are begun, and what both need is still in the cache. libevent's priorities would have
// the kernel name each turn all that wait; an epoll of their own names a few, in turn.
#include <sys/epoll.h>

#include "net/loop_int.h"

static void on_low(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct loop *l = arg;
    struct epoll_event got[LOW_A_TURN];
    loop_enter(l);
    int n = epoll_wait(fd, got, LOW_A_TURN, 0);
    for (int i = 0; i < n; i++)
        l->low_due[i] = got[i].data.ptr;
    for (int i = 0; i < n; i++) {
        struct low_watch *w = l->low_due[i];
        l->low_due[i] = NULL;
        if (w)
            w->fn(w);
    }
}

bool low_open(struct loop *l)
{
    return nested_epoll_open(l, &l->low, on_low);
}

bool low_arm(struct loop *l, int fd, struct low_watch *w)
{
    struct epoll_event want = {.events = EPOLLIN, .data.ptr = w};
    return epoll_ctl(l->low.fd, EPOLL_CTL_ADD, fd, &want) == 0;
}

void low_disarm(struct loop *l, int fd, const struct low_watch *w)
{
    (void)epoll_ctl(l->low.fd, EPOLL_CTL_DEL, fd, NULL);
    for (int i = 0; i < LOW_A_TURN; i++)
        if (l->low_due[i] == w)
            l->low_due[i] = NULL;
}
