// SPDX-License-Identifier: Apache-2.0
// A gentle close. If a socket is closed while the peer still sends, the kernel answers with a reset
// and the peer may lose the answer that it has not read yet. So: send what is queued, FIN, then
// read and drop for a while. Only then close.
#include <stdlib.h>

#include "base/xalloc.h"
#include "net/stream_int.h"

// What may be under way from a peer that uploads: the largest buffers of its kernel and of ours.
#define LINGER_BYTES ((size_t)4 << 20)

struct farewell {
    struct loop_guest guest;
    struct stream *s;
    size_t left;
    int64_t wait_ms;
};

static size_t drop_data(void *arg, struct span in)
{
    struct stream *s = arg;
    size_t *left = &s->farewell->left;
    *left -= in.len < *left ? in.len : *left;
    if (!*left && s->end == END_SENT) // before, the answer is still with us: a close would lose it
        stream_free(s);
    return in.len;
}

static void on_eof(void *arg)
{
    struct stream *s = arg;
    if (s->end == END_SENT)
        stream_free(s);
}

static void on_closed(void *arg, enum stream_fail why, const char *text)
{
    (void)why;
    (void)text;
    stream_free(arg);
}

static const struct stream_ops linger_ops = {.data = drop_data, .eof = on_eof, .closed = on_closed};

static void end_guest(struct loop_guest *g)
{
    struct farewell *l = (struct farewell *)((char *)g - offsetof(struct farewell, guest));
    stream_free(l->s);
}

void stream_linger_free(struct stream *s)
{
    if (!s->farewell)
        return;
    loop_guest_remove(s->loop, &s->farewell->guest);
    free(s->farewell);
    s->farewell = NULL;
}

// Both the wait for the peer's end and a peer that takes nothing end here.
void stream_linger_stalled(struct stream *s)
{
    if (s->out.len)
        stream_abort(s); // or the kernel would go on with what it has for a peer that takes nothing
    stream_free(s);
}

void stream_linger_shut_done(struct stream *s)
{
    if (s->is_eof || s->is_raw_eof || !s->farewell->wait_ms || !s->farewell->left) {
        stream_free(s);
        return;
    }
    s->stall_ms = s->farewell->wait_ms;
    stream_touch_stall(s);
}

void stream_close_gently(struct stream *s, int linger_ms)
{
    if (!s)
        return;
    if (!stream_is_live(s) || s->is_fail_due || !s->is_ready) {
        stream_free(s);
        return;
    }
    stream_hold(s);
    s->farewell = xcalloc(1, sizeof(*s->farewell));
    *s->farewell = (struct farewell){.s = s, .left = LINGER_BYTES, .wait_ms = linger_ms};
    s->farewell->guest.end = end_guest;
    loop_guest_add(s->loop, &s->farewell->guest);
    s->ops = &linger_ops;
    s->arg = s;
    chain_clear(s->loop, &s->kept);
    if (!s->stall_ms)
        stream_set_write_stall(s, linger_ms > 0 ? linger_ms : 1);
    s->is_paused = true;
    stream_resume(s);
    if (s->end == END_SENT)
        stream_linger_shut_done(s);
    else
        stream_shutdown(s);
    stream_drop(s);
}
