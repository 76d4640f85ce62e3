// SPDX-License-Identifier: Apache-2.0
// Reading. The socket stays registered for good: pausing only sets a flag, and the kernel is
// told when bytes come while it is set (then hup.c waits for the peer's end). After a short recv
// nothing more is asked of the socket until it is readable again, so one message costs one recv.
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "net/stream_int.h"

#define READ_BUDGET ((size_t)LOOP_READ_LEN)
#define WINDOW_LEN  65536 // a receive window that filled up opens once it was read

static bool may_read(const struct stream *s)
{
    return stream_is_live(s) && s->is_ready && !s->is_paused && !s->is_stopped && !s->is_eof;
}

ssize_t stream_raw_read(struct stream *s, char *to, size_t len)
{
    if (s->is_raw_eof)
        return READ_EOF;
    if (s->is_drained || s->is_sipping)
        return READ_AGAIN;
    ssize_t n;
    do
        n = recv(s->fd, to, len, 0);
    while (n == -1 && errno == EINTR);
    if (n > 0) {
        s->is_drained = (size_t)n < len;
        s->was_large = n >= WINDOW_LEN;
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

// What the owner takes of it. After a gentle close the rest belongs to nobody.
static size_t offer(struct stream *s, struct span in)
{
    size_t took = in.len;
    if (s->ops->data)
        took = s->ops->data(s->arg, in);
    assert(took <= in.len);
    return !stream_is_live(s) || s->farewell ? in.len : took;
}

static void deliver(struct stream *s, const char *p, size_t len)
{
    size_t took = offer(s, span_from(p, len));
    if (took == len)
        return;
    chain_add(s->loop, &s->kept, p + took, len - took);
    s->is_stopped = true;
}

static void tell_eof(struct stream *s)
{
    s->is_eof = true;
    stream_arm_read(s, false); // level-triggered: it would be reported for ever
    if (s->is_fail_due)
        stream_tell_failure(s);
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
            stream_tell_failure(s);
        else
            stream_fail_errno_now(s, errno);
        return;
    }
    // A write failed and the peer's last words have been read.
    if (s->is_fail_due)
        stream_tell_failure(s);
    else
        stream_arm_read(s, true);
}

// While reading is stopped and the socket not registered, the peer's end is all there is to see.
static void watch_for_hup(struct stream *s)
{
    bool is_blind = stream_is_live(s) && s->is_ready && !s->is_eof && !s->is_rd_armed;
    if (is_blind && !may_read(s) && !s->is_hup_told)
        hup_arm(s->loop, s->fd, &s->hup);
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
    // Held apart, for the owner may free the stream, or have it drop what is kept.
    struct chain held = s->kept;
    struct span first = chain_first(&held);
    s->kept = (struct chain){.len = 0};
    size_t took = offer(s, first);
    bool is_over = !stream_is_live(s) || s->farewell;
    s->is_stopped = s->is_stopped || took < first.len;
    chain_consume(s->loop, &held, is_over ? held.len : took);
    if (!is_over)
        s->kept = held;
}

void stream_read_turn(struct stream *s)
{
    size_t budget = READ_BUDGET;
    stream_hold(s);
    while (may_read(s)) {
        if (s->kept.len) {
            redeliver(s);
            continue;
        }
        if (!budget) {
            yield_turn(s);
            break;
        }
        char *b = loop_read_area(s->loop);
        ssize_t n = s->tls && !s->farewell ? stream_tls_read(s, b, LOOP_READ_LEN)
                                           : stream_raw_read(s, b, LOOP_READ_LEN);
        if (n <= 0) {
            stop_reading_for(s, n);
            break;
        }
        s->bytes_in += (uint64_t)n;
        budget -= (size_t)n < budget ? (size_t)n : budget;
        deliver(s, b, (size_t)n);
    }
    watch_for_hup(s);
    stream_drop(s);
}

static void on_readable(struct stream *s)
{
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
    watch_for_hup(s);
}

void stream_on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct stream *s = arg;
    struct loop *l = s->loop;
    loop_enter(l);
    on_readable(s); // may free it
    loop_leave(l);
}

void stream_on_low(struct low_watch *w, bool is_readable, bool is_writable)
{
    struct stream *s = (struct stream *)((char *)w - offsetof(struct stream, low));
    stream_hold(s);
    if (is_readable)
        on_readable(s);
    if (is_writable && s->is_wr_armed)
        stream_on_writable(s);
    stream_drop(s);
}

void stream_on_hup(struct hup_watch *w, bool is_reset)
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

void stream_on_turn(void *arg)
{
    struct stream *s = arg;
    stream_hold(s);
    if (s->is_accept_due && stream_is_live(s)) {
        s->is_accept_due = false;
        stream_tls_handshake(s);
    }
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
        stream_tell_failure(s);
    } else {
        watch_for_hup(s);
    }
    stream_drop(s);
}

void stream_set_ops(struct stream *s, const struct stream_ops *ops, void *arg)
{
    s->ops = ops;
    s->arg = arg;
    if (s->kept.len && !s->is_paused)
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
    if (s->kept.len || !s->is_rd_armed || (s->tls && stream_tls_has_pending(s)))
        loop_defer(s->loop, &s->turn);
}

bool stream_has_kept(const struct stream *s)
{
    return s->kept.len != 0;
}

bool stream_has_more(struct stream *s)
{
    if (s->kept.len || (s->tls && stream_tls_has_bytes(s)))
        return true;
    return (!s->is_drained || s->was_large) && stream_has_unread(s);
}

bool stream_has_unread(const struct stream *s)
{
    char octet;
    return recv(s->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

bool stream_was_reset(const struct stream *s)
{
    return s->is_reset;
}
