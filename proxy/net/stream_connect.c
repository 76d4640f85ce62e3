// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/stream_int.h"

static void fail_connect(struct stream *s, int error)
{
    char to[NET_ADDR_TEXT];
    net_addr_format(&s->peer, to);
    stream_fail_later(s, STREAM_CONNECT, "connect to %s: %s", to, strerror(error));
}

static void start_tls_or_tell(struct stream *s)
{
    s->is_connected = true;
    stream_arm_write(s, false);
    if (s->tls)
        stream_tls_handshake(s);
    else
        stream_become_ready(s);
}

void stream_on_connecting(struct stream *s)
{
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
        error = errno;
    if (error) {
        stream_arm_write(s, false);
        fail_connect(s, error);
        return;
    }
    start_tls_or_tell(s);
}

void stream_become_ready(struct stream *s)
{
    size_t before = stream_queued(s);
    stream_hold(s);
    s->is_ready = true;
    stream_arm_read(s, true);
    if (s->tls)
        stream_send_early(s);
    stream_flush(s);
    if (stream_is_live(s) && !s->is_fail_due && s->ops->ready)
        s->ops->ready(s->arg);
    if (before)
        stream_tell_drained(s, before);
    stream_drop(s);
}

struct stream *stream_connect(struct loop *l, const struct net_addr *to,
                              const struct stream_tls *tls, const struct stream_ops *ops, void *arg)
{
    int one = 1;
    int fd = socket(to->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = fd == -1 ? errno : 0;
    struct stream *s = stream_make(l, fd, ops, arg);
    s->peer = *to;
    if (tls)
        stream_tls_start(s, tls);
    if (error) {
        fail_connect(s, error);
        return s;
    }
    if (s->is_fail_due) // no TLS, so no connection
        return s;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, (const struct sockaddr *)&to->ss, to->len) == 0) {
        s->is_ready_due = true;
        loop_defer(l, &s->turn);
    } else if (errno == EINPROGRESS || errno == EINTR) {
        stream_arm_write(s, true);
    } else {
        fail_connect(s, errno);
    }
    return s;
}

void stream_start_tls(struct stream *s, const struct stream_tls *tls)
{
    s->is_ready = false;
    s->is_ready_due = true; // on_turn begins the handshake, or tells why there is none
    stream_tls_start(s, tls);
    loop_defer(s->loop, &s->turn);
}
