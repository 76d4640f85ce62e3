// SPDX-License-Identifier: Apache-2.0
// Reading, and the life of a stream. The read event stays registered for good: pausing only sets a
// flag, and the kernel is told when bytes come while it is set (then hup.c waits for the peer's
// end). After a short recv nothing more is asked of the socket until it is readable again, so one
// message costs one recv.
//
// Owners are called out of events and deferred turns only, never out of stream_* calls, and may
// free the stream there: each frame that calls an owner holds the memory (n_holds).
#include "net/stream.h"

#include <assert.h>
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

#define READ_BUDGET (64 * 1024)

static void on_turn(void *arg);

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

static bool may_read(const struct stream *s)
{
    return stream_is_live(s) && s->is_ready && !s->is_paused && !s->is_stopped && !s->is_eof;
}

void stream_arm_read(struct stream *s, bool is_armed)
{
    if (s->is_rd_armed == is_armed)
        return;
    s->is_rd_armed = is_armed;
    if (is_armed)
        (void)event_add(&s->rd, NULL);
    else
        (void)event_del(&s->rd);
}

void stream_arm_write(struct stream *s, bool is_armed)
{
    if (s->is_wr_armed == is_armed)
        return;
    s->is_wr_armed = is_armed;
    if (is_armed)
        (void)event_add(&s->wr, NULL);
    else
        (void)event_del(&s->wr);
}

void stream_drop_kept(struct stream *s)
{
    if (s->kept)
        loop_buf_give(s->loop, s->kept);
    s->kept = NULL;
    s->kept_len = 0;
}

// Lets go of everything but the memory. The descriptor is closed by stream_free.
static void go_quiet(struct stream *s)
{
    stream_arm_read(s, false);
    stream_arm_write(s, false);
    hup_forget(s->loop, s->fd, &s->hup);
    loop_undefer(s->loop, &s->turn);
    if (s->stall)
        timer_clear(s->stall);
    stream_drop_kept(s);
    stream_drop_out(s);
}

static void set_failure(struct stream *s, enum stream_fail why, const char *fmt, va_list ap)
{
    if (s->is_fail_due)
        return;
    char text[256];
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    s->is_fail_due = true;
    s->fail_why = why;
    s->fail_text = xstrdup(text);
    stream_drop_out(s); // nobody will read it
    stream_arm_write(s, false);
}

static void tell_failure(struct stream *s)
{
    stream_hold(s);
    s->is_dead = true;
    go_quiet(s);
    s->ops->closed(s->arg, s->fail_why, s->fail_text);
    stream_drop(s);
}

void stream_fail_later(struct stream *s, enum stream_fail why, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    set_failure(s, why, fmt, ap);
    va_end(ap);
    loop_defer(s->loop, &s->turn);
}

void stream_fail_now(struct stream *s, enum stream_fail why, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    set_failure(s, why, fmt, ap);
    va_end(ap);
    tell_failure(s);
}

ssize_t stream_raw_read(struct stream *s, char *to, size_t len)
{
    if (s->is_raw_eof)
        return READ_EOF;
    if (s->is_drained)
        return READ_AGAIN;
    ssize_t n;
    do
        n = recv(s->fd, to, len, 0);
    while (n == -1 && errno == EINTR);
    if (n > 0) {
        s->is_drained = (size_t)n < len;
        return n;
    }
    if (n == 0) {
        s->is_raw_eof = true;
        return READ_EOF;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        s->is_drained = true;
        return READ_AGAIN;
    }
    return READ_FAILED;
}

// Hands b's bytes to the owner. What is not taken stays in b, which is then the stream's.
static void deliver(struct stream *s, char *b, uint32_t off, uint32_t len)
{
    size_t took = len;
    if (s->ops->data)
        took = s->ops->data(s->arg, span_from(b + off, len));
    assert(took <= len);
    if (!stream_is_live(s) || took == len) {
        loop_buf_give(s->loop, b);
        return;
    }
    s->kept = b;
    s->kept_off = off + (uint32_t)took;
    s->kept_len = len - (uint32_t)took;
    s->is_stopped = true;
}

static void tell_eof(struct stream *s)
{
    s->is_eof = true;
    stream_arm_read(s, false); // level-triggered: it would be reported for ever
    if (s->is_fail_due)
        tell_failure(s);
    else if (s->ops->eof)
        s->ops->eof(s->arg);
}

static void stop_reading_for(struct stream *s, ssize_t why)
{
    if (why == READ_EOF) {
        tell_eof(s);
        return;
    }
    if (why == READ_FAILED) {
        if (s->is_fail_due)
            tell_failure(s);
        else
            stream_fail_now(s, STREAM_RESET, "%s", strerror(errno));
        return;
    }
    // A write failed and the peer's last words have been read.
    if (s->is_fail_due)
        tell_failure(s);
    else
        stream_arm_read(s, true);
}

// The budget is used up. A readable socket is reported again by itself; bytes inside of the TLS
// layer, or a socket that is not registered, are not.
static void yield_turn(struct stream *s)
{
    if (!s->is_rd_armed || s->is_fail_due || (s->tls && stream_tls_has_pending(s)))
        loop_defer_next(s->loop, &s->turn);
}

static void redeliver(struct stream *s)
{
    char *b = s->kept;
    s->kept = NULL;
    deliver(s, b, s->kept_off, s->kept_len);
}

void stream_read_turn(struct stream *s)
{
    size_t budget = READ_BUDGET;
    stream_hold(s);
    while (may_read(s)) {
        if (s->kept) {
            redeliver(s);
            continue;
        }
        if (!budget) {
            yield_turn(s);
            break;
        }
        char *b = loop_buf_take(s->loop);
        ssize_t n = s->tls && !s->farewell ? stream_tls_read(s, b, LOOP_BUF_LEN)
                                           : stream_raw_read(s, b, LOOP_BUF_LEN);
        if (n <= 0) {
            loop_buf_give(s->loop, b);
            stop_reading_for(s, n);
            break;
        }
        s->bytes_in += (uint64_t)n;
        budget -= (size_t)n < budget ? (size_t)n : budget;
        deliver(s, b, 0, (uint32_t)n);
    }
    stream_drop(s);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct stream *s = arg;
    loop_enter(s->loop);
    s->is_drained = false;
    if (!s->is_ready) {
        stream_tls_handshake(s);
        return;
    }
    if (may_read(s)) {
        stream_read_turn(s);
        return;
    }
    stream_arm_read(s, false);
    if (!s->is_hup_told)
        hup_arm(s->loop, fd, &s->hup);
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

static void on_hup(struct hup_watch *w, bool is_reset)
{
    struct stream *s = (struct stream *)((char *)w - offsetof(struct stream, hup));
    // While reading goes on it finds the end by itself.
    if (!stream_is_live(s) || s->is_hup_told || !(s->is_paused || s->is_stopped) || s->is_eof)
        return;
    s->is_hup_told = true;
    s->is_reset = is_reset;
    if (s->ops->hup)
        s->ops->hup(s->arg);
}

static void on_turn(void *arg)
{
    struct stream *s = arg;
    stream_hold(s);
    if (s->is_ready_due && !s->is_fail_due) {
        s->is_ready_due = false;
        stream_on_connecting(s);
    }
    if (may_read(s)) {
        // No event will say whether there is more: ask the socket.
        if (!s->is_rd_armed || s->is_fail_due)
            s->is_drained = false;
        stream_read_turn(s);
    } else if (stream_is_live(s) && s->is_fail_due) {
        tell_failure(s);
    }
    stream_drop(s);
}

struct stream *stream_make(struct loop *l, int fd, const struct stream_ops *ops, void *arg)
{
    struct stream *s = xcalloc(1, sizeof(*s));
    s->loop = l;
    s->fd = fd;
    s->ops = ops;
    s->arg = arg;
    s->turn = (struct deferred){.fn = on_turn, .arg = s};
    s->hup.fn = on_hup;
    (void)event_assign(&s->rd, l->base, fd, EV_READ | EV_PERSIST, on_readable, s);
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
    s->is_connected = true;
    s->is_ready = true;
    stream_arm_read(s, true);
    return s;
}

void stream_free(struct stream *s)
{
    if (!s || s->is_freed)
        return;
    stream_hold(s);
    s->is_freed = true;
    go_quiet(s);
    timer_free(s->stall);
    stream_tls_free(s);
    stream_linger_free(s);
    if (s->fd != -1)
        (void)close(s->fd);
    s->fd = -1;
    stream_drop(s);
}

void stream_set_ops(struct stream *s, const struct stream_ops *ops, void *arg)
{
    s->ops = ops;
    s->arg = arg;
    if (s->kept && !s->is_paused)
        stream_resume(s);
}

void stream_pause(struct stream *s)
{
    s->is_paused = true;
}

void stream_resume(struct stream *s)
{
    if (!s->is_paused && !s->is_stopped)
        return;
    s->is_paused = false;
    s->is_stopped = false;
    if (!may_read(s))
        return;
    // Bytes that no event will announce: kept ones, ones inside of the TLS layer, and those in a
    // socket that is not registered any more (it is registered again once it is empty).
    if (s->kept || !s->is_rd_armed || (s->tls && stream_tls_has_pending(s)))
        loop_defer(s->loop, &s->turn);
}

bool stream_has_kept(const struct stream *s)
{
    return s->kept != NULL;
}

bool stream_was_reset(const struct stream *s)
{
    return s->is_reset;
}

void stream_abort(struct stream *s)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
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
