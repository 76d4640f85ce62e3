// SPDX-License-Identifier: Apache-2.0
// Writing. A little waits in a chain of the loop's buffers until the turn ends: messages to several
// peers, sent one right behind the other, wake a process that has them all once. More goes to the
// socket at once; what that does not take waits in the chain, and only then is the socket watched
// for room. TLS encrypts before the chain, so the chain holds wire bytes in both cases and OpenSSL
// never sees a full socket.
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "net/stream_int.h"

#define MAX_IOV  16
#define LATE_LEN 8192

void stream_drop_out(struct stream *s)
{
    chain_clear(s->loop, &s->out);
    chain_clear(s->loop, &s->early);
}

static void on_stall(void *arg)
{
    struct stream *s = arg;
    if (s->farewell)
        stream_linger_stalled(s);
    else
        stream_fail_now(s, STREAM_TIMEOUT, "the peer took no bytes for %lld ms",
                        (long long)s->stall_ms);
}

// Starts the clock again: bytes have begun to wait, or some of those that wait have gone.
void stream_touch_stall(struct stream *s)
{
    if (!s->stall_ms)
        return;
    if (!s->stall)
        s->stall = timer_new(s->loop, on_stall, s);
    timer_set(s->stall, s->stall_ms);
}

void stream_set_write_stall(struct stream *s, int64_t ms)
{
    s->stall_ms = ms;
    if (!stream_is_live(s))
        return;
    if (!ms && s->stall)
        timer_clear(s->stall);
    else if (s->is_connected && s->out.len)
        stream_touch_stall(s);
}

// Returns what the socket took. On an error the failure is remembered and all counts as taken.
static size_t send_some(struct stream *s, struct iovec *iov, unsigned n, size_t len)
{
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = n};
    ssize_t sent;
    do
        sent = n == 1 ? send(s->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL)
                      : sendmsg(s->fd, &m, MSG_NOSIGNAL);
    while (sent == -1 && errno == EINTR);
    if (sent >= 0) {
        s->wire_taken += (uint64_t)sent;
        return (size_t)sent;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return 0;
    stream_fail_errno_later(s, errno);
    return len;
}

uint64_t stream_wire_out(const struct stream *s)
{
    return s->wire_taken + s->out.len;
}

static bool may_send(const struct stream *s)
{
    return s->is_connected && !s->is_corked && !s->is_fail_due;
}

static void wait_for_room(struct stream *s)
{
    if (!s->is_connected || s->is_corked || !s->out.len)
        return;
    if (!s->stall || !timer_is_set(s->stall))
        stream_touch_stall(s);
    stream_arm_write(s, true);
}

// From the chain, until it is empty or the socket is full.
void stream_send_out(struct stream *s)
{
    while (s->out.len && may_send(s)) {
        struct iovec iov[MAX_IOV];
        unsigned n = 0;
        size_t len = 0;
        for (struct chain_buf *b = s->out.head; b && n < MAX_IOV; b = b->next) {
            iov[n++] = (struct iovec){.iov_base = b->data + b->off, .iov_len = b->len};
            len += b->len;
        }
        size_t sent = send_some(s, iov, n, len);
        if (s->is_fail_due)
            return; // the chain is gone
        chain_consume(s->loop, &s->out, sent);
        if (sent && s->out.len)
            stream_touch_stall(s);
        if (sent < len)
            break;
    }
}

// Whether so much more can wait for the end of the turn. If not, what already does goes now, as far
// as the socket takes it.
// Handshakes do not wait.
static bool may_be_late(struct stream *s, size_t len)
{
    if (s->is_wr_armed || !may_send(s))
        return false;
    if (s->is_ready && !s->is_prompt && s->out.len + len <= LATE_LEN) {
        loop_defer_late(s->loop, &s->late);
        return true;
    }
    stream_send_out(s);
    return false;
}

// Nobody was over a watermark, so `drained` is not called. What waited may have gone already, and
// the end behind it: then the clock that runs is not for sending.
void stream_on_late(void *arg)
{
    struct stream *s = arg;
    if (!s->is_wr_armed && s->end != END_SENT)
        stream_flush(s);
}

// What is written behind it is put off again: a close_notify.
void stream_send_now(struct stream *s)
{
    while (s->late.is_queued)
        stream_flush(s);
}

void stream_out(struct stream *s, const char *p, size_t len)
{
    if (may_be_late(s, len)) {
        chain_add(s->loop, &s->out, p, len);
        return;
    }
    if (s->is_fail_due)
        return;
    if (!s->out.len && may_send(s)) {
        struct iovec iov = {.iov_base = (char *)p, .iov_len = len};
        size_t sent = send_some(s, &iov, 1, len);
        p += sent;
        len -= sent;
    }
    if (len)
        chain_add(s->loop, &s->out, p, len);
    wait_for_room(s);
}

void stream_cork(struct stream *s)
{
    s->is_corked = true;
}

void stream_uncork(struct stream *s)
{
    s->is_corked = false;
    if (!s->is_wr_armed)
        stream_flush(s);
}

void stream_flush(struct stream *s)
{
    loop_undefer(s->loop, &s->late);
    stream_send_out(s);
    if (s->is_fail_due)
        return;
    if (s->out.len) {
        wait_for_room(s);
        return;
    }
    stream_arm_write(s, false);
    if (s->stall)
        timer_clear(s->stall);
    stream_finish_shut(s);
}

void stream_on_writable(struct stream *s)
{
    size_t before = s->out.len;
    stream_hold(s);
    stream_flush(s);
    stream_tell_drained(s, before);
    stream_drop(s);
}

void stream_tell_drained(struct stream *s, size_t before)
{
    size_t after = stream_queued(s);
    bool has_drained = before > STREAM_LOW_WATER ? after <= STREAM_LOW_WATER : before && !after;
    if (has_drained && stream_is_live(s) && !s->is_fail_due && s->ops->drained)
        s->ops->drained(s->arg);
}

static void write_plain(struct stream *s, const struct span *parts, unsigned n)
{
    size_t all = 0;
    for (unsigned i = 0; i < n; i++)
        all += parts[i].len;
    if (!all)
        return;
    if (may_be_late(s, all)) {
        for (unsigned i = 0; i < n; i++)
            chain_add(s->loop, &s->out, parts[i].p, parts[i].len);
        return;
    }
    size_t sent = 0;
    if (!s->out.len && may_send(s)) {
        struct iovec iov[MAX_IOV];
        unsigned used = 0;
        size_t len = 0;
        for (unsigned i = 0; i < n && used < MAX_IOV; i++) {
            if (!parts[i].len)
                continue;
            iov[used++] = (struct iovec){.iov_base = (char *)parts[i].p, .iov_len = parts[i].len};
            len += parts[i].len;
        }
        if (used)
            sent = send_some(s, iov, used, len);
    }
    if (s->is_fail_due)
        return;
    for (unsigned i = 0; i < n; i++) {
        size_t skip = sent < parts[i].len ? sent : parts[i].len;
        sent -= skip;
        chain_add(s->loop, &s->out, parts[i].p + skip, parts[i].len - skip);
    }
    wait_for_room(s);
}

void stream_write(struct stream *s, const struct span *parts, unsigned n)
{
    if (!stream_is_live(s) || s->is_fail_due || s->end != END_NONE)
        return;
    for (unsigned i = 0; i < n; i++)
        s->bytes_out += parts[i].len;
    if (!s->tls)
        write_plain(s, parts, n);
    else if (s->is_ready)
        stream_tls_write(s, parts, n);
    else
        for (unsigned i = 0; i < n; i++)
            chain_add(s->loop, &s->early, parts[i].p, parts[i].len);
}

void stream_write_span(struct stream *s, struct span part)
{
    stream_write(s, &part, 1);
}

void stream_write_secret(struct stream *s, struct span part)
{
    s->is_prompt = true;
    stream_write(s, &part, 1);
    s->is_prompt = false;
}

void stream_send_early(struct stream *s)
{
    while (s->early.head && !s->is_fail_due) {
        struct span part = chain_first(&s->early);
        stream_tls_write(s, &part, 1);
        if (s->early.head) // a failure drops it all
            chain_consume(s->loop, &s->early, part.len);
    }
}

size_t stream_queued(const struct stream *s)
{
    return s->out.len + s->early.len;
}

void stream_shutdown(struct stream *s)
{
    if (!stream_is_live(s) || s->end != END_NONE)
        return;
    s->end = END_WANTED;
    if (s->is_ready)
        stream_finish_shut(s);
}

// Goes on with a shutdown as far as the empty queue allows.
void stream_finish_shut(struct stream *s)
{
    if (s->out.len || !s->is_ready || s->is_fail_due)
        return;
    if (s->end == END_WANTED) {
        s->end = END_NOTIFIED;
        if (s->tls)
            stream_tls_notify(s);
        if (s->out.len || s->is_fail_due)
            return;
    }
    if (s->end != END_NOTIFIED)
        return;
    s->end = END_SENT;
    if (s->stall)
        timer_clear(s->stall);      // nothing is left to send
    (void)shutdown(s->fd, SHUT_WR); // fails where the peer reset: reading tells
    if (s->farewell)
        stream_linger_shut_done(s);
}
