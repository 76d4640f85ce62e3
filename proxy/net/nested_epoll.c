// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/loop_int.h"

bool nested_epoll_open(struct loop *l, struct nested_epoll *n, event_callback_fn fn)
{
    n->fd = epoll_create1(EPOLL_CLOEXEC);
    if (n->fd == -1)
        return false;
    (void)event_assign(&n->ev, l->base, n->fd, EV_READ | EV_PERSIST, fn, l);
    if (event_add(&n->ev, NULL) == 0)
        return true;
    int error = errno;
    (void)close(n->fd);
    n->fd = -1;
    errno = error;
    return false;
}

void nested_epoll_close(struct nested_epoll *n)
{
    if (n->fd == -1)
        return;
    (void)event_del(&n->ev);
    (void)close(n->fd);
    n->fd = -1;
}
