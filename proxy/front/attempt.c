// SPDX-License-Identifier: Apache-2.0
// The order matters: the connection first, then this moment's credentials and clock, then the
// signature, so that no signature ages in a queue.
#include "front/attempt.h"

#include "base/clock.h"
#include "front/dechunk.h"
#include "front/outgoing.h"
#include "front/relay.h"
#include "front/reply.h"
#include "front/upload.h"
#include "http/h1_write.h"
#include "log/log.h"

// ---- the guard

const char *attempt_refusal(const void *guard, const struct net_addr *a)
{
    const struct dial_guard *g = guard;
    const char *why = address_refusal((const struct sockaddr *)&a->ss, &g->rules);
    if (why)
        return why;
    for (unsigned i = 0; i < g->shared->n_listening; i++) {
        const struct net_addr *own = &g->shared->listening[i];
        if (net_addr_port(own) == net_addr_port(a) &&
            (net_addr_same_ip(own, a) || net_addr_is_loopback(a) ||
             (net_addr_is_any(own) && net_addr_is_local(a))))
            return "the proxy's own";
    }
    return NULL;
}

// ---- sending

static void all_sent(struct request *r)
{
    exchange_sent_all(r->exchange);
    if (r->state == REQ_ATTEMPT)
        timer_set(r->timer, r->plan.first_byte_timeout);
}

static void send_piece(struct request *r, struct span head, struct span data)
{
    char chunk[H1_CHUNK_HEAD_MAX];
    struct span parts[4];
    unsigned n = 0;
    if (head.len)
        parts[n++] = head;
    if (data.len && r->sends_chunked)
        parts[n++] = span_from(chunk, h1_chunk_head(chunk, data.len));
    if (data.len)
        parts[n++] = data;
    if (data.len && r->sends_chunked)
        parts[n++] = H1_CHUNK_TAIL;
    if (n)
        exchange_send(r->exchange, parts, n);
}

static void finish_upload(struct request *r)
{
    if (!r->client_done || body_unread(&r->body))
        return;
    if (r->upload)
        upload_end(r);
    if (r->sends_chunked) {
        struct span last = H1_LAST_CHUNK;
        exchange_send(r->exchange, &last, 1);
        r->sends_chunked = false;
    }
    all_sent(r);
}

static bool pump_plain(struct request *r, struct span head)
{
    do {
        uint64_t ready = body_unread(&r->body);
        uint64_t held = dechunk_held(r);
        ready = ready > held ? ready - held : 0;
        struct span data = ready ? body_peek(&r->body) : SPAN("");
        if (!data.p)
            return false;
        if (data.len > ready)
            data.len = (size_t)ready;
        send_piece(r, head, data);
        body_take(&r->body, data.len);
        head = SPAN("");
    } while (body_unread(&r->body) > dechunk_held(r) &&
             exchange_queued(r->exchange) <= STREAM_HIGH_WATER);
    return true;
}

// Sends what the store holds, as far as the upstream takes it. head goes in front of the first
// piece.
static void pump(struct request *r, struct span head)
{
    if (r->upload ? upload_pump(r, head) : pump_plain(r, head))
        finish_upload(r);
    else
        reply_error(r, 503, "overloaded", "the body's spool file could not be read back");
}

void attempt_pump(struct request *r)
{
    if (!r->exchange)
        return;
    if (r->state == REQ_ATTEMPT)
        timer_set(r->timer, r->plan.idle_timeout);
    if (body_unread(&r->body))
        pump(r, SPAN(""));
    else
        finish_upload(r);
}

void attempt_body(struct request *r, struct span data)
{
    bool is_framed = r->frames || r->upload; // then the store decides what may go
    bool goes_through =
        r->exchange &&
        (is_framed ? exchange_queued(r->exchange) <= STREAM_HIGH_WATER : !body_unread(&r->body));
    if (r->state == REQ_ATTEMPT && r->exchange)
        timer_set(r->timer, r->plan.idle_timeout);
    if (goes_through && !is_framed && r->body.is_forgetting) {
        send_piece(r, SPAN(""), data);
        r->body.len += data.len;
        r->body.read += data.len;
        return;
    }
    if (body_add(&r->body, data) != ST_OK) {
        reply_error(r, 503, "overloaded",
                    "there is no room for the body (spool_max or a full disk)");
        return;
    }
    if (goes_through)
        pump(r, SPAN(""));
}

// ---- the answer

static bool is_idempotent(struct span method)
{
    return !span_is(method, "POST") && !span_is(method, "PATCH");
}

static void on_interim(void *arg, const struct msg *m)
{
    relay_interim(arg, m);
}

static void on_head(void *arg, const struct msg *m)
{
    struct request *r = arg;
    r->log.first_byte_ms = clock_mono_ms() - r->log.start;
    request_set_state(r, REQ_RELAY, r->plan.idle_timeout);
    relay_head(r, m);
}

static void on_body(void *arg, struct span data)
{
    relay_body(arg, data);
}

static void on_end(void *arg)
{
    relay_end(arg);
}

static void on_turn(void *arg)
{
    relay_turn(arg);
}

static void on_fail(void *arg, enum exchange_fail why, const char *text)
{
    struct request *r = arg;
    bool is_stale = why == EXCHANGE_CLOSED && r->log.is_reused && !r->was_retried;
    if (r->state == REQ_RELAY) {
        relay_broken(r, text);
        return;
    }
    if (is_stale && is_idempotent(r->msg->method) && body_is_rewindable(&r->body)) {
        log_debug(r->id, "the kept connection was closed by the upstream; once more on a new one");
        r->was_retried = true;
        exchange_free(r->exchange);
        r->exchange = NULL;
        body_rewind(&r->body);
        attempt_start(r);
        return;
    }
    const char *code = why == EXCHANGE_BAD ? "upstream-bad-response" : "upstream-closed";
    reply_error(r, 502, code,
                arena_printf(&r->arena, "the upstream %.*s failed: %s",
                             SPAN_ARG(r->plan.upstream.host),
                             text ? text : "it closed the connection"));
}

static void on_drained(void *arg)
{
    struct request *r = arg;
    struct conn *c = r->conn;
    attempt_pump(r);
    if (!c->is_dead && c->request == r && !r->client_done)
        conn_read_on(c);
}

// ---- the connection

static void on_connected(struct request *r, struct upstream *u)
{
    static const struct exchange_ops ops = {.interim = on_interim,
                                            .head = on_head,
                                            .body = on_body,
                                            .end = on_end,
                                            .turn = on_turn,
                                            .fail = on_fail,
                                            .drained = on_drained};
    struct err e = {""};
    r->log.is_reused = u->is_reused;
    r->sends_chunked = false;
    enum status st = outgoing_head(r, &r->worker->scratch, &e);
    if (st != ST_OK) {
        pool_give(u, true);
        if (st == ST_DENIED)
            reply_error(r, 503, "no-credentials", e.text);
        else
            reply_error(r, 400, "bad-request", e.text);
        return;
    }
    r->exchange = exchange_start(u, &ops, r, &r->arena, span_is(r->msg->method, "HEAD"));
    timer_set(r->timer, r->plan.idle_timeout);
    pump(r, buf_span(&r->worker->scratch));
}

static void on_dialled(void *arg, enum dial_fail why, struct upstream *u, const char *text)
{
    struct request *r = arg;
    struct conn *c = r->conn;
    r->dial = NULL;
    r->log.connect_ms = clock_mono_ms() - r->log.start - r->log.creds_ms;
    if (why == DIAL_OK)
        on_connected(r, u);
    else
        reply_not_dialled(r, why, text);
    if (!c->is_dead && c->request == r && !r->client_done)
        conn_read_on(c);
}

void attempt_start(struct request *r)
{
    struct dial_request d = {.origin = {.is_tls = r->plan.is_tls,
                                        .host = arena_cstr(&r->arena, r->plan.upstream.host),
                                        .port = r->plan.upstream.port},
                             .refusal_arg = &r->guard,
                             .connect_timeout_ms = r->plan.connect_timeout,
                             .tls_timeout_ms = r->plan.tls_timeout};
    request_set_state(r, REQ_ATTEMPT, 0);
    r->log.attempts++;
    struct upstream *u = r->was_retried ? NULL : pool_take(r->worker->pool, &d.origin);
    if (u)
        on_connected(r, u);
    else
        r->dial = pool_dial(r->worker->pool, &d, on_dialled, r);
}

void attempt_cancel(struct request *r)
{
    pool_dial_cancel(r->dial);
    r->dial = NULL;
    exchange_free(r->exchange);
    r->exchange = NULL;
}
