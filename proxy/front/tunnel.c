// SPDX-License-Identifier: Apache-2.0
// Two streams with each other's bytes: what one side sends is written to the other, reading pauses
// when the other side's queue is long, a FIN is passed on behind the bytes before it. Over when
// both sides have ended, one broke, or nothing moved for the idle time.
#include "front/tunnel.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "front/again.h"
#include "front/attempt.h"
#include "front/relay.h"
#include "front/reply.h"
#include "front/slots.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "net/loop.h"

struct tunnel_side {
    struct tunnel *tunnel;
    struct stream *stream; // the client's is borrowed from conn
    bool is_client;
    bool has_ended; // its peer sent FIN
};

struct tunnel {
    struct request *request;
    struct dial *dial;
    struct timer *timer;
    struct tunnel_side client;
    struct tunnel_side upstream;
};

static struct tunnel_side *other(struct tunnel_side *s)
{
    return s->is_client ? &s->tunnel->upstream : &s->tunnel->client;
}

static void touch(struct tunnel *t)
{
    timer_set(t->timer, t->request->plan.idle_timeout);
}

static void end(struct tunnel *t, const char *how)
{
    struct request *r = t->request;
    r->must_close = true;
    r->answer_done = true;
    request_finish(r, how);
}

static size_t on_data(void *arg, struct span in)
{
    struct tunnel_side *s = arg;
    struct request *r = s->tunnel->request;
    touch(s->tunnel);
    if (s->is_client)
        r->log.bytes_in += in.len;
    else
        r->log.bytes_out += in.len;
    stream_write_span(other(s)->stream, in);
    if (stream_queued(other(s)->stream) > STREAM_HIGH_WATER)
        stream_pause(s->stream);
    return in.len;
}

static void on_eof(void *arg)
{
    struct tunnel_side *s = arg;
    s->has_ended = true;
    stream_shutdown(other(s)->stream);
    if (other(s)->has_ended)
        end(s->tunnel, NULL);
}

static void on_drained(void *arg)
{
    struct tunnel_side *s = arg;
    stream_resume(other(s)->stream);
}

static void on_closed(void *arg, enum stream_fail why, const char *text)
{
    struct tunnel_side *s = arg;
    struct request *r = s->tunnel->request;
    (void)why;
    (void)text;
    if (s->is_client)
        request_client_gone(r, "client reset the tunnel");
    else
        end(s->tunnel, "upstream reset the tunnel");
}

static const struct stream_ops tunnel_ops = {
    .data = on_data, .eof = on_eof, .drained = on_drained, .closed = on_closed};

static void on_idle(void *arg)
{
    struct tunnel *t = arg;
    end(t, "tunnel idle");
}

static struct tunnel *make(struct request *r)
{
    struct tunnel *t = xcalloc(1, sizeof(*t));
    r->tunnel = t;
    t->request = r;
    t->client = (struct tunnel_side){.tunnel = t, .is_client = true};
    t->upstream = (struct tunnel_side){.tunnel = t};
    t->timer = timer_new(r->worker->loop, on_idle, t);
    return t;
}

// Both streams are the tunnel's. What the client sent ahead is kept in its stream, and comes first.
static void join(struct tunnel *t, struct stream *upstream)
{
    struct request *r = t->request;
    t->upstream.stream = upstream;
    t->client.stream = r->conn->stream;
    metrics_add(METRIC_TUNNELS, 1);
    stream_set_ops(upstream, &tunnel_ops, &t->upstream);
    stream_set_ops(t->client.stream, &tunnel_ops, &t->client);
    stream_resume(t->client.stream);
    stream_resume(upstream);
    touch(t);
    if (r->conn->is_half) // its end came before, and is not told twice
        on_eof(&t->client);
}

static void on_dialled(void *arg, enum dial_fail why, struct stream *s, const char *text)
{
    struct tunnel *t = arg;
    struct request *r = t->request;
    t->dial = NULL;
    if (why != DIAL_OK) {
        reply_not_dialled(r, why, text);
        return;
    }
    r->log.connect_ms = loop_now_ms(r->worker->loop) - r->log.connect_since;
    reply_tunnel(r);
    join(t, s);
}

void tunnel_start(struct request *r)
{
    struct dial_request d = attempt_dial(r, false);
    request_set_state(r, REQ_TUNNEL, 0);
    struct tunnel *t = make(r);
    r->log.connect_since = loop_now_ms(r->worker->loop);
    t->dial = dial_start(&r->worker->dialer, &d, on_dialled, t);
}

void tunnel_switch(struct request *r, const struct msg *m, struct span rest)
{
    struct stream *upstream = exchange_switch(r->exchange);
    r->exchange = NULL;
    r->client_done = true; // it has no body, and what comes is no HTTP
    request_set_state(r, REQ_TUNNEL, 0);
    again_succeeded(r, m->status);
    slots_leave(r); // it may last for days, as a tunnel does
    fact_release(r->creds);
    r->creds = NULL;
    relay_switch(r, m);
    struct tunnel *t = make(r);
    join(t, upstream);
    if (rest.len)
        (void)on_data(&t->upstream, rest);
}

void tunnel_cancel(struct request *r)
{
    struct tunnel *t = r->tunnel;
    if (!t)
        return;
    r->tunnel = NULL;
    dial_cancel(t->dial);
    if (t->upstream.stream) {
        stream_close_gently(t->upstream.stream, 1000);
        metrics_add(METRIC_TUNNELS, -1);
    }
    timer_free(t->timer);
    free(t);
}
