// SPDX-License-Identifier: Apache-2.0
// Feeds what a client sends through the strict parser, one request at a time: bytes behind a
// complete request stay with the stream until that request is answered. An idle connection owns no
// request, no arena and no buffer. A connection is freed in a deferred turn, so the parse loop may
// look at is_dead after each event.
#include "front/conn.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "front/intercept.h"
#include "front/pace.h"
#include "front/request.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "net/listen.h"

#define LINGER_MS     1000
#define BEHIND_MS     1000
#define DRAIN_IDLE_MS 500 // a keep-alive client's next request may be on its way

static void bury(void *arg)
{
    struct conn *c = arg;
    h1_parser_free(c->parser);
    timer_free(c->timer);
    free(c);
}

static void detach(struct conn *c)
{
    struct worker *w = c->worker;
    c->is_dead = true;
    c->stream = NULL;
    timer_clear(c->timer);
    intercept_free(c);
    TAILQ_REMOVE(&w->conns, c, link);
    limit_give(&w->shared->connections, 1);
    if (c->of_client)
        limit_give(c->of_client, 1);
    atomic_fetch_sub(&w->n_conns, 1);
    loop_defer(w->loop, &c->bury);
    if (atomic_load(&w->shared->wants_notes))
        loop_post(w->main, w->on_conn_closed, w->main_arg);
}

void conn_close(struct conn *c)
{
    if (c->is_dead)
        return;
    stream_free(c->stream);
    detach(c);
}

static void close_gently(struct conn *c)
{
    stream_close_gently(c->stream, LINGER_MS);
    detach(c);
}

static struct h1_limits limits_of(const struct config *cfg)
{
    return (struct h1_limits){.max_request_line = cfg->max_request_line,
                              .max_field = cfg->max_field,
                              .max_head = cfg->max_head,
                              .max_fields = (unsigned)cfg->max_fields,
                              .max_trailers = cfg->max_trailers};
}

static void begin_request(struct conn *c)
{
    struct worker *w = c->worker;
    c->request = request_new(c);
    c->is_behind = false;
    if (c->n_setups != w->n_setups) { // the connection is older than a reload
        c->n_setups = w->n_setups;
        struct h1_limits limits = limits_of(w->setup.config);
        h1_parser_set_limits(c->parser, &limits);
        stream_set_write_stall(c->stream, w->setup.config->client_write_timeout);
    }
    h1_parser_next(c->parser, &c->request->arena);
    timer_set(c->timer, w->setup.config->client_head_timeout);
}

// Tells the request one event; false where the rest of the input has to wait or the connection is
// over.
static bool dispatch(struct conn *c, enum h1_event event, const struct h1_result *res)
{
    struct request *r = c->request;
    switch (event) {
    case H1_MORE:
        return false;
    case H1_HEAD:
        timer_clear(c->timer);
        request_head(r, res->msg);
        break;
    case H1_DATA:
        request_body(r, res->data);
        break;
    case H1_END:
        request_body_end(r);
        break;
    case H1_ERROR:
        timer_clear(c->timer);
        request_refused(r, res); // and finished: the next one may stand behind it
        break;
    }
    return !c->is_dead;
}

// Whoever sends requests without reading the answers must not fill our memory with them.
static bool may_begin(const struct conn *c)
{
    return stream_queued(c->stream) <= STREAM_LOW_WATER;
}

static size_t on_data(void *arg, struct span in)
{
    struct conn *c = arg;
    size_t used = 0;
    bool goes_on = true;
    while (goes_on && !c->is_dead && (used < in.len || (c->request && !c->request->client_done))) {
        // Goes on when answers have drained. Without input the parser is still asked: the end may
        // be all that is left.
        bool waits = c->request ? used < in.len && !request_wants_input(c->request) : !may_begin(c);
        if (waits || (c->inside && !intercept_knows(c, span_sub(in, used, in.len))))
            break;
        if (!c->request)
            begin_request(c);
        enum h1_event event = H1_MORE;
        struct h1_result res = {0};
        used += h1_parse(c->parser, span_sub(in, used, in.len), &event, &res);
        goes_on = dispatch(c, event, &res);
    }
    if (!c->is_dead && c->request && !c->request->client_done && !request_wants_input(c->request)) {
        pace_hold(c->request);
        if (used == in.len)
            stream_pause(c->stream);
    }
    return used;
}

// design: a FIN is given half_close_grace, then counts as cancelled unless the answer has begun.
static void begin_grace(struct conn *c)
{
    if (c->request->answer_begun)
        return;
    c->is_grace = true;
    c->bytes_at_hup = c->request->log.bytes_in;
    timer_set(c->timer, c->request->config->half_close_grace);
}

static void on_grace_over(struct conn *c)
{
    struct request *r = c->request;
    c->is_grace = false;
    if (!r || r->answer_begun)
        return;
    if (!r->client_done && r->log.bytes_in != c->bytes_at_hup)
        begin_grace(c); // the rest of an upload is still being read
    else
        request_client_gone(r, "client gone");
}

static void on_eof(void *arg)
{
    struct conn *c = arg;
    struct request *r = c->request;
    c->is_half = true;
    if (!r) {
        conn_close(c);
    } else if (!r->client_done) {
        request_client_gone(r, "client closed in the middle of its request");
    } else {
        begin_grace(c);
    }
}

// Reading is stopped for backpressure, and behind the unread bytes is a FIN.
static void on_hup(void *arg)
{
    struct conn *c = arg;
    if (c->request)
        begin_grace(c);
}

static void on_drained(void *arg)
{
    struct conn *c = arg;
    if (c->request)
        request_client_drained(c->request);
    else
        stream_resume(c->stream);
}

static void on_closed(void *arg, enum stream_fail why, const char *text)
{
    struct conn *c = arg;
    if (why == STREAM_TLS)
        log_info(c->peer, "%s%s", text,
                 c->inside ? "; does the client trust the local CA (sigv4-proxy ca export)?" : "");
    if (why == STREAM_TIMEOUT)
        stream_abort(c->stream); // or the kernel would keep what it has for who takes nothing
    if (c->request)
        request_client_gone(c->request, why == STREAM_TIMEOUT ? "client took no bytes for too long"
                                                              : "client reset the connection");
    else
        conn_close(c);
}

// What the client is late with has come, and waits behind what others sent: the process was held
// up, or has too much to do. Once a request.
static bool are_we_late(struct conn *c)
{
    if (c->is_behind || !stream_has_unread(c->stream))
        return false;
    c->is_behind = true;
    timer_set(c->timer, BEHIND_MS);
    return true;
}

static void on_timer(void *arg)
{
    struct conn *c = arg;
    struct request *r = c->request;
    bool waits_for_head = !r || r->state == REQ_READ_HEAD;
    if (c->is_grace) {
        on_grace_over(c);
    } else if (!waits_for_head || are_we_late(c)) {
        return;
    } else if (!r) {
        close_gently(c);
    } else if (h1_parser_is_idle(c->parser)) {
        request_finish(r, NULL);
    } else {
        struct h1_result late = {.status = 408,
                                 .code = "timeout-client",
                                 .reason = "the request's head did not arrive in time"};
        request_refused(r, &late);
    }
}

// The TLS handshake is done.
static void on_ready(void *arg)
{
    struct conn *c = arg;
    if (!c->request)
        timer_set(c->timer, c->worker->setup.config->client_idle_timeout);
}

static void open_stream(struct conn *c, int fd)
{
    static const struct stream_ops ops = {.data = on_data,
                                          .eof = on_eof,
                                          .hup = on_hup,
                                          .drained = on_drained,
                                          .ready = on_ready,
                                          .closed = on_closed};
    struct worker *w = c->worker;
    const struct config *cfg = w->setup.config;
    c->is_unix = listen_peer_ids(fd, &c->uid, &c->gid);
    bool is_tls = w->setup.acceptor && !c->is_unix;
    if (is_tls)
        c->stream = stream_new_tls(w->loop, fd, w->setup.acceptor, &ops, c);
    else
        c->stream = stream_new(w->loop, fd, &ops, c);
    if (c->is_unix)
        (void)snprintf(c->peer, sizeof(c->peer), "unix:uid=%u", c->uid);
    else
        net_addr_format(stream_peer(c->stream), c->peer);
    stream_set_write_stall(c->stream, cfg->client_write_timeout);
    timer_set(c->timer, is_tls ? cfg->client_head_timeout : cfg->client_idle_timeout);
}

void conn_open(struct worker *w, int fd, struct limit *of_client)
{
    struct h1_limits limits = limits_of(w->setup.config);
    struct conn *c = xcalloc(1, sizeof(*c));
    c->worker = w;
    c->of_client = of_client;
    (void)snprintf(c->id, sizeof(c->id), "c%u-%llu", w->number, (unsigned long long)++w->next_conn);
    c->n_setups = w->n_setups;
    c->parser = h1_parser_new(H1_REQUEST, &limits);
    c->timer = timer_new(w->loop, on_timer, c);
    c->bury = (struct deferred){.fn = bury, .arg = c};
    open_stream(c, fd);
    TAILQ_INSERT_TAIL(&w->conns, c, link);
    metrics_inc(METRIC_CLIENT_CONNECTIONS);
}

void conn_drain(struct conn *c)
{
    if (c->request)
        request_drain(c->request);
    else
        timer_set(c->timer, DRAIN_IDLE_MS);
}

void conn_next(struct conn *c, bool keep)
{
    c->request = NULL;
    c->is_grace = false;
    if (c->is_dead)
        return;
    if (!c->stream) {
        detach(c);
        return;
    }
    c->n_requests++;
    if (!keep || c->is_half) {
        close_gently(c);
        return;
    }
    // While draining: the next request, which may be on its way, is told that it is the last.
    timer_set(c->timer, c->worker->is_draining ? DRAIN_IDLE_MS
                                               : c->worker->setup.config->client_idle_timeout);
    stream_resume(c->stream);
}

void conn_read_on(struct conn *c)
{
    stream_resume(c->stream);
}
