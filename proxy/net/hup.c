// SPDX-License-Identifier: Apache-2.0
// Tells that a peer hung up while nobody reads from it. libevent has EV_CLOSED for that, but where
// only EV_CLOSED is registered a reset connection (EPOLLERR) is translated to events that nobody
// waits for and the loop spins. So such descriptors wait in an epoll of their own, one shot each.
#include <stddef.h>
#include <sys/epoll.h>

#include "net/loop_int.h"

#define HUPS_A_TURN 32

// One at a time: a callback may free any other watch, whose event would then be stale.
static void on_hup(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct loop *l = arg;
    struct epoll_event got;
    loop_enter(l);
    for (int i = 0; i < HUPS_A_TURN && epoll_wait(fd, &got, 1, 0) == 1; i++) {
        struct hup_watch *w = got.data.ptr;
        w->is_armed = false;
        w->fn(w, (got.events & EPOLLERR) != 0);
    }
}

void hup_arm(struct loop *l, int fd, struct hup_watch *w)
{
    if (w->is_armed || (l->hup.fd == -1 && !nested_epoll_open(l, &l->hup, on_hup)))
        return;
    struct epoll_event want = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = w};
    int op = w->is_known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(l->hup.fd, op, fd, &want) == -1)
        return;
    w->is_known = true;
    w->is_armed = true;
}

void hup_forget(struct loop *l, int fd, struct hup_watch *w)
{
    if (w->is_known)
        (void)epoll_ctl(l->hup.fd, EPOLL_CTL_DEL, fd, NULL);
    w->is_known = false;
    w->is_armed = false;
}
