// SPDX-License-Identifier: Apache-2.0
// What was accepted waits in an epoll of its own, which names a few that are ready each turn,
// beside all that was connected. So answers that have come are passed on before more requests are
// begun, and what both need is still in the cache. With libevent's priorities each poll would name
// all that wait, again and again.
#include <sys/epoll.h>

#include "net/loop_int.h"

// As libevent has it: who waits hears of errors, whatever it waits for.
static void tell(struct low_watch *w, uint32_t events)
{
    bool is_over = (events & (EPOLLERR | EPOLLHUP)) != 0;
    w->fn(w, w->reads && (is_over || events & EPOLLIN),
          w->writes && (is_over || events & EPOLLOUT));
}

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
            tell(w, got[i].events);
        loop_leave(l);
    }
}

bool low_open(struct loop *l)
{
    return nested_epoll_open(l, &l->low, on_low);
}

static void forget(struct loop *l, int fd, const struct low_watch *w)
{
    (void)epoll_ctl(l->low.fd, EPOLL_CTL_DEL, fd, NULL);
    for (int i = 0; i < LOW_A_TURN; i++)
        if (l->low_due[i] == w)
            l->low_due[i] = NULL;
}

bool low_set(struct loop *l, int fd, struct low_watch *w, bool reads, bool writes)
{
    bool is_known = w->reads || w->writes;
    struct epoll_event want = {.events = (reads ? EPOLLIN : 0u) | (writes ? EPOLLOUT : 0u),
                               .data.ptr = w};
    if (!want.events) {
        if (is_known)
            forget(l, fd, w);
    } else if (epoll_ctl(l->low.fd, is_known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &want) == -1) {
        return false;
    }
    w->reads = reads;
    w->writes = writes;
    return true;
}
