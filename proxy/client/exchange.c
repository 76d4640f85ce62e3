// SPDX-License-Identifier: Apache-2.0
// Parses what the upstream sends into events while the owner sends. A connection goes back to the
// pool only if the request went out whole, the answer came whole, the upstream keeps the connection
// and nothing more came behind the answer. Freeing from within a callback is safe because the
// memory goes in a deferred turn; the parse loop looks at is_dead after each event.
#include "client/exchange.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "metrics/metrics.h"

#define MAX_INTERIM 16

struct exchange {
    struct upstream *u;
    const struct exchange_ops *ops;
    void *arg;
    struct arena *arena;
    struct deferred bury;
    bool is_head;
    bool sent_all;
    bool has_answer;
    bool is_interim;    // the message being read is a 1xx
    bool is_over;       // end or fail was told
    bool is_reusable;   // after end: keep-alive and nothing behind it
    bool is_keep_alive; // what the answer's head says
    bool is_dead;
    bool may_switch; // a 101 is awaited
    bool is_watched; // before holds what the stream had written ahead of the request
    bool is_unseen;
    uint64_t before;
    unsigned n_interim;
};

static void fail(struct exchange *x, enum exchange_fail why, const char *text)
{
    if (x->is_over || x->is_dead)
        return;
    x->is_over = true;
    x->ops->fail(x->arg, why, text);
}

static void next_message(struct exchange *x)
{
    h1_parser_next(x->u->parser, x->arena);
    h1_parser_expect(x->u->parser, x->is_head, false);
}

static void got_head(struct exchange *x, const struct msg *m, struct span rest)
{
    x->is_interim = m->status < 200;
    if (!x->is_interim) {
        x->is_keep_alive = m->is_keep_alive && m->framing != MSG_UNTIL_EOF;
        x->ops->head(x->arg, m);
        return;
    }
    if (m->status == 101 && x->may_switch) {
        x->is_over = true;
        x->ops->switched(x->arg, m, rest);
        return;
    }
    if (m->status == 101)
        fail(x, EXCHANGE_BAD, "it switched protocols, which nobody asked for");
    else if (++x->n_interim > MAX_INTERIM)
        fail(x, EXCHANGE_BAD, "it sent more than 16 interim answers");
    else
        x->ops->interim(x->arg, m);
}

static void got_end(struct exchange *x, bool is_surplus)
{
    if (x->is_interim) {
        x->is_interim = false;
        next_message(x);
        return;
    }
    x->is_over = true;
    x->is_reusable = x->is_keep_alive && !is_surplus;
    if (is_surplus)
        metrics_inc(METRIC_UPSTREAM_SURPLUS);
    x->ops->end(x->arg);
}

static size_t on_data(void *arg, struct span in)
{
    struct exchange *x = arg;
    size_t used = 0;
    enum h1_event event = H1_MORE;
    x->has_answer = true;
    do {
        struct h1_result r = {0};
        used += h1_parse(x->u->parser, span_sub(in, used, in.len), &event, &r);
        if (event == H1_HEAD)
            got_head(x, r.msg, span_sub(in, used, in.len));
        else if (event == H1_DATA)
            x->ops->body(x->arg, r.data);
        else if (event == H1_END)
            got_end(x, used < in.len);
        else if (event == H1_ERROR)
            fail(x, EXCHANGE_BAD, r.reason);
    } while (!x->is_dead && !x->is_over && event != H1_MORE);
    if (!x->is_dead && !x->is_over)
        x->ops->turn(x->arg);
    return in.len;
}

// A FIN says what the peer's kernel had got when the peer closed. A reset does not: then only what
// has not left this machine is certain.
static void look_at_progress(struct exchange *x, bool is_fin)
{
    struct stream_progress now;
    if (x->is_watched && !x->has_answer && stream_progress(x->u->stream, &now))
        x->is_unseen = now.sent <= x->before || (is_fin && now.acked <= x->before);
}

static void on_eof(void *arg)
{
    struct exchange *x = arg;
    struct h1_result r = {0};
    if (x->is_over)
        return;
    look_at_progress(x, true);
    enum h1_event event = h1_parse_eof(x->u->parser, &r);
    x->is_keep_alive = false;
    if (event == H1_END)
        got_end(x, false);
    else
        fail(x, x->has_answer ? EXCHANGE_TRUNCATED : EXCHANGE_CLOSED, "it closed the connection");
}

static void on_closed(void *arg, enum stream_fail why, const char *text)
{
    struct exchange *x = arg;
    look_at_progress(x, why == STREAM_TRUNCATED || why == STREAM_CLOSED);
    x->is_keep_alive = false;
    x->is_reusable = false;
    fail(x, x->has_answer ? EXCHANGE_TRUNCATED : EXCHANGE_CLOSED, text);
}

static void on_drained(void *arg)
{
    struct exchange *x = arg;
    if (!x->is_over)
        x->ops->drained(x->arg);
}

static void bury(void *arg)
{
    free(arg);
}

struct exchange *exchange_start(struct upstream *u, const struct exchange_ops *ops, void *arg,
                                struct arena *a, bool is_head)
{
    static const struct stream_ops stream_ops = {
        .data = on_data, .eof = on_eof, .drained = on_drained, .closed = on_closed};
    struct exchange *x = xcalloc(1, sizeof(*x));
    x->u = u;
    x->ops = ops;
    x->arg = arg;
    x->arena = a;
    x->is_head = is_head;
    x->bury.fn = bury;
    x->bury.arg = x;
    next_message(x);
    stream_set_ops(u->stream, &stream_ops, x);
    stream_resume(u->stream);
    return x;
}

void exchange_send(struct exchange *x, const struct span *parts, unsigned n)
{
    stream_write(x->u->stream, parts, n);
}

void exchange_send_secret(struct exchange *x, struct span part)
{
    stream_write_secret(x->u->stream, part);
}

void exchange_sent_all(struct exchange *x)
{
    x->sent_all = true;
}

void exchange_expect_switch(struct exchange *x)
{
    x->may_switch = true;
}

struct stream *exchange_switch(struct exchange *x)
{
    x->is_dead = true;
    struct stream *s = pool_release(x->u);
    loop_defer(stream_loop(s), &x->bury);
    return s;
}

size_t exchange_queued(const struct exchange *x)
{
    return stream_queued(x->u->stream);
}

void exchange_pause(struct exchange *x)
{
    stream_pause(x->u->stream);
}

void exchange_resume(struct exchange *x)
{
    stream_resume(x->u->stream);
}

void exchange_watch_progress(struct exchange *x)
{
    x->is_watched = true;
    x->before = stream_wire_out(x->u->stream);
}

bool exchange_is_unseen(const struct exchange *x)
{
    return x->is_unseen;
}

void exchange_abort(struct exchange *x)
{
    stream_abort(x->u->stream);
}

bool exchange_has_answer(const struct exchange *x)
{
    return x->has_answer;
}

void exchange_free(struct exchange *x)
{
    if (!x || x->is_dead)
        return;
    x->is_dead = true;
    struct loop *l = stream_loop(x->u->stream);
    pool_give(x->u, x->is_reusable && x->sent_all && !stream_queued(x->u->stream));
    loop_defer(l, &x->bury);
}
