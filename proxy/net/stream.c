// SPDX-License-Identifier: Apache-2.0
// The life of a stream: made, failing, freed. Owners are called out of events and deferred turns
// only, never out of stream_* calls, and may free the stream there: each frame that calls an owner
// holds the memory (n_holds).
#include "net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "net/stream_int.h"

#define FAIL_TEXT 256

void stream_hold(struct stream *s)
{
    s->n_holds++;
}

void stream_drop(struct stream *s)
{
    if (--s->n_holds == 0 && s->is_freed) {
        free(s->fail_text);
        free(s);
    }
}

bool stream_is_live(const struct stream *s)
{
    return !s->is_freed && !s->is_dead;
}

// The kernel may refuse (fs.epoll.max_user_watches, memory): nothing would ever be heard of the
// peer.
static void fail_unwatched(struct stream *s)
{
    stream_fail_later(s, STREAM_RESET, "the socket cannot be watched: %s", strerror(errno));
}

static bool set_event(struct event *e, bool is_armed)
{
    return (is_armed ? event_add(e, NULL) : event_del(e)) == 0;
}

void stream_arm_read(struct stream *s, bool is_armed)
{
    if (s->is_rd_armed == is_armed)
        return;
    bool is_done = s->is_accepted ? low_set(s->loop, s->fd, &s->low, is_armed, s->is_wr_armed)
                                  : set_event(&s->rd, is_armed);
    s->is_rd_armed = is_armed && is_done;
    if (!is_done)
        fail_unwatched(s);
}

void stream_arm_write(struct stream *s, bool is_armed)
{
    if (s->is_wr_armed == is_armed)
        return;
    bool is_done = s->is_accepted ? low_set(s->loop, s->fd, &s->low, s->is_rd_armed, is_armed)
                                  : set_event(&s->wr, is_armed);
    s->is_wr_armed = is_armed && is_done;
    if (!is_done)
        fail_unwatched(s);
}

// Lets go of everything but the memory. The descriptor is closed by stream_free.
static void go_quiet(struct stream *s)
{
    stream_arm_read(s, false);
    stream_arm_write(s, false);
    hup_forget(s->loop, s->fd, &s->hup);
    loop_undefer(s->loop, &s->turn);
    loop_undefer(s->loop, &s->late);
    if (s->stall)
        timer_clear(s->stall);
    chain_clear(s->loop, &s->kept);
    stream_drop_out(s);
}

static void set_failure(struct stream *s, enum stream_fail why, const char *text)
{
    if (why == STREAM_TLS || (why == STREAM_TRUNCATED && s->is_accepted))
        stream_send_out(s); // an alert; an answer to who sends no more
    if (s->is_fail_due)
        return;
    s->is_fail_due = true;
    s->fail_why = why;
    s->fail_text = xstrdup(text);
    stream_drop_out(s); // nobody will read it
    stream_arm_write(s, false);
}

void stream_tell_failure(struct stream *s)
{
    stream_hold(s);
    s->is_dead = true;
    go_quiet(s);
    s->ops->closed(s->arg, s->fail_why, s->fail_text);
    stream_drop(s);
}

void stream_fail_later(struct stream *s, enum stream_fail why, const char *fmt, ...)
{
    char text[FAIL_TEXT];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    set_failure(s, why, text);
    loop_defer(s->loop, &s->turn);
}

void stream_fail_now(struct stream *s, enum stream_fail why, const char *fmt, ...)
{
    char text[FAIL_TEXT];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    set_failure(s, why, text);
    stream_tell_failure(s);
}

// A reset says EPIPE where a FIN had come before it (tcp_reset() in Linux: CLOSE_WAIT).
static enum stream_fail kind_of(int error)
{
    return error == EPIPE ? STREAM_CLOSED : STREAM_RESET;
}

static const char *text_of(int error)
{
    return error == EPIPE ? "it closed the connection" : strerror(error);
}

void stream_fail_errno_later(struct stream *s, int error)
{
    stream_fail_later(s, kind_of(error), "%s", text_of(error));
}

void stream_fail_errno_now(struct stream *s, int error)
{
    stream_fail_now(s, kind_of(error), "%s", text_of(error));
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct stream *s = arg;
    loop_enter(s->loop);
    if (s->is_connected)
        stream_on_writable(s);
    else
        stream_on_connecting(s);
}

struct stream *stream_make(struct loop *l, int fd, const struct stream_ops *ops, void *arg)
{
    struct stream *s = xcalloc(1, sizeof(*s));
    s->loop = l;
    s->fd = fd;
    s->ops = ops;
    s->arg = arg;
    s->turn = (struct deferred){.fn = stream_on_turn, .arg = s};
    s->late = (struct deferred){.fn = stream_on_late, .arg = s};
    s->hup.fn = stream_on_hup;
    s->low.fn = stream_on_low;
    (void)event_assign(&s->rd, l->base, fd, EV_READ | EV_PERSIST, stream_on_readable, s);
    (void)event_assign(&s->wr, l->base, fd, EV_WRITE | EV_PERSIST, on_writable, s);
    return s;
}

struct stream *stream_new(struct loop *l, int fd, const struct stream_ops *ops, void *arg)
{
    int one = 1;
    struct stream *s = stream_make(l, fd, ops, arg);
    (void)ioctl(fd, FIONBIO, &one);
    (void)ioctl(fd, FIOCLEX);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); // fails on unix sockets
    s->peer.len = sizeof(s->peer.ss);
    if (getpeername(fd, (struct sockaddr *)&s->peer.ss, &s->peer.len) == -1)
        memset(&s->peer, 0, sizeof(s->peer)); // gone already: reading will tell
    s->is_accepted = true;
    s->is_connected = true;
    s->is_ready = true;
    stream_arm_read(s, true);
    return s;
}

struct stream *stream_new_tls(struct loop *l, int fd, struct tls_acceptor *server,
                              const struct stream_ops *ops, void *arg)
{
    struct stream *s = stream_new(l, fd, ops, arg);
    s->is_ready = false; // the first bytes are the handshake's
    stream_tls_accept(s, server, NULL);
    return s;
}

void stream_free(struct stream *s)
{
    if (!s || s->is_freed)
        return;
    stream_hold(s);
    s->is_freed = true;
    stream_send_now(s);
    go_quiet(s);
    timer_free(s->stall);
    stream_tls_free(s);
    stream_linger_free(s);
    if (s->fd != -1)
        (void)close(s->fd);
    s->fd = -1;
    stream_drop(s);
}

void stream_abort(struct stream *s)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    stream_drop_out(s);
    loop_undefer(s->loop, &s->late);
    if (s->fd != -1)
        (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

const struct net_addr *stream_peer(const struct stream *s)
{
    return &s->peer;
}

struct loop *stream_loop(const struct stream *s)
{
    return s->loop;
}

bool stream_is_connected(const struct stream *s)
{
    return s->is_connected;
}

bool stream_is_tls(const struct stream *s)
{
    return s->tls != NULL;
}

uint64_t stream_bytes_in(const struct stream *s)
{
    return s->bytes_in;
}

uint64_t stream_bytes_out(const struct stream *s)
{
    return s->bytes_out;
}
