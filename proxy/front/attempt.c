// SPDX-License-Identifier: Apache-2.0
// The order matters: the connection first, then this moment's credentials and clock, then the
// signature, so that no signature ages in a queue.
#include "front/attempt.h"

#include "base/clock.h"
#include "front/again.h"
#include "front/dechunk.h"
#include "front/outgoing.h"
#include "front/peek.h"
#include "front/relay.h"
#include "front/reply.h"
#include "front/tunnel.h"
#include "front/upload.h"
#include "http/h1_write.h"
#include "log/log.h"
#include "net/loop.h"

#define MAX_PIECES 8    // of 16 KiB, of a stored body in one send
#define EXPECT_MS  1000 // a server that says nothing to Expect gets the body then (RFC 9110 10.1.1)

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
        request_arm(r, r->plan.first_byte_timeout);
}

static struct span take_head(struct request *r)
{
    struct span head = r->head_up;
    loop_undefer(r->worker->loop, &r->head_up_end);
    r->head_up = SPAN("");
    return head;
}

// Returns the length of the data, which is one chunk where chunks are sent.
static size_t send_pieces(struct request *r, struct span head, const struct span *data,
                          unsigned n_data)
{
    char chunk[H1_CHUNK_HEAD_MAX];
    struct span parts[MAX_PIECES + 3];
    unsigned n = 0;
    size_t len = 0;
    for (unsigned i = 0; i < n_data; i++)
        len += data[i].len;
    if (!head.len)
        head = take_head(r);
    if (head.len)
        parts[n++] = head;
    if (len && r->sends_chunked)
        parts[n++] = span_from(chunk, h1_chunk_head(chunk, len));
    for (unsigned i = 0; i < n_data; i++)
        parts[n++] = data[i];
    if (len && r->sends_chunked)
        parts[n++] = H1_CHUNK_TAIL;
    if (n)
        exchange_send(r->exchange, parts, n);
    return len;
}

static void send_head(void *arg)
{
    (void)send_pieces(arg, SPAN(""), NULL, 0);
}

// A body that streams is likely to stand right behind the head that came: both go in one piece.
static bool may_wait_for_body(const struct request *r)
{
    return r->plan.body == PLAN_BODY_STREAM && !r->client_done && !r->wants_continue &&
           !r->upload && !r->frames && !body_unread(&r->body);
}

static void hold_head(struct request *r, struct span head)
{
    r->head_up = arena_dup(&r->arena, head);
    r->head_up_end = (struct deferred){.fn = send_head, .arg = r};
    loop_defer(r->worker->loop, &r->head_up_end);
}

static void finish_upload(struct request *r)
{
    if (!r->client_done || body_unread(&r->body))
        return;
    if (r->head_up.len)
        send_head(r);
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
        // A head in front shifts the pieces against TLS records: each would be copied.
        struct span data[MAX_PIECES];
        unsigned n = body_peek_parts(&r->body, ready, data, head.len ? 1 : MAX_PIECES);
        if (ready && !n)
            return false;
        body_take(&r->body, send_pieces(r, head, data, n));
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

static bool is_sending(const struct request *r)
{
    return r->exchange && !r->is_upload_over && !r->holds_upload &&
           (r->state == REQ_ATTEMPT || r->state == REQ_PEEK || r->state == REQ_RELAY);
}

void attempt_pump(struct request *r)
{
    if (!is_sending(r))
        return;
    if (r->state == REQ_ATTEMPT)
        request_arm(r, r->plan.idle_timeout);
    if (body_unread(&r->body))
        pump(r, SPAN(""));
    else
        finish_upload(r);
}

// A store that does not take it forgets what was sent already, and with it the next attempt.
static bool keep(struct request *r, struct span data)
{
    if (body_add(&r->body, data) == ST_OK)
        return true;
    body_forget(&r->body);
    return body_add(&r->body, data) == ST_OK;
}

void attempt_body(struct request *r, struct span data)
{
    bool is_framed = r->frames || r->upload; // then the store decides what may go
    bool sends = is_sending(r);
    if (r->is_upload_over)
        return;
    if (r->state == REQ_ATTEMPT && r->exchange && !r->holds_upload)
        request_arm(r, r->plan.idle_timeout);
    if (sends && !is_framed && !body_unread(&r->body)) {
        (void)send_pieces(r, SPAN(""), &data, 1);
        body_pass(&r->body, data);
        return;
    }
    if (!keep(r, data)) {
        if (!again_abandon(r, RETRY_WHY_BODY))
            reply_error(r, 503, "overloaded",
                        "there is no room for the body (spool_max or a full disk)");
        return;
    }
    if (sends && is_framed && exchange_queued(r->exchange) <= STREAM_HIGH_WATER)
        pump(r, SPAN(""));
}

// ---- the answer

static void connect_upstream(struct request *r, bool is_fresh);

// At no cost: the request has not been seen.
static void connect_again(struct request *r)
{
    attempt_cancel(r);
    body_rewind(&r->body);
    connect_upstream(r, true);
}

bool attempt_is_idempotent(const struct request *r)
{
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (span_is(r->msg->method, methods[i]))
            return true;
    return false;
}

// The upstream wants the body, or says nothing about it.
static void release_upload(struct request *r)
{
    struct conn *c = r->conn;
    r->holds_upload = false;
    attempt_pump(r);
    if (!c->is_dead && c->request == r && !r->client_done)
        conn_read_on(c);
}

static void on_interim(void *arg, const struct msg *m)
{
    struct request *r = arg;
    if (m->status == 100 && r->holds_upload)
        release_upload(r);
    else
        relay_interim(r, m);
}

static void on_head(void *arg, const struct msg *m)
{
    struct request *r = arg;
    if (m->status == 417 && r->holds_upload) { // RFC 9110 10.1.1: again without it
        r->is_expect_refused = true;
        connect_again(r);
        return;
    }
    r->log.first_byte_ms = loop_now_ms(r->worker->loop) - r->log.start;
    peek_head(r, m);
}

static void on_switched(void *arg, const struct msg *m, struct span rest)
{
    struct request *r = arg;
    const char *why = relay_why_no_switch(m);
    r->log.first_byte_ms = loop_now_ms(r->worker->loop) - r->log.start;
    if (!why) {
        tunnel_switch(r, m, rest);
        return;
    }
    struct again_failure f = {.phase = RETRY_SENT,
                              .is_final = true,
                              .status = 502,
                              .code = "upstream-bad-response",
                              .message = why};
    again_failed(r, &f);
}

static void on_body(void *arg, struct span data)
{
    struct request *r = arg;
    if (peek_is_holding(r))
        peek_body(r, data);
    else
        relay_body(r, data);
}

static void on_end(void *arg)
{
    struct request *r = arg;
    if (peek_is_holding(r))
        peek_end(r);
    else
        relay_end(r);
}

static void on_turn(void *arg)
{
    struct request *r = arg;
    if (!peek_is_holding(r))
        relay_turn(r);
}

// A kept connection that the upstream closed just then: not its refusal, so once more for nothing.
static bool try_stale_again(struct request *r, enum exchange_fail why)
{
    if (why != EXCHANGE_CLOSED || !r->log.is_reused || r->was_stale ||
        !body_is_rewindable(&r->body))
        return false;
    if (!attempt_is_idempotent(r) && !exchange_is_unseen(r->exchange))
        return false;
    log_debug(r->id, "the kept connection was closed by the upstream; once more on a new one");
    r->was_stale = true;
    exchange_abort(r->exchange);
    connect_again(r);
    return true;
}

static void on_fail(void *arg, enum exchange_fail why, const char *text)
{
    struct request *r = arg;
    if (r->state == REQ_RELAY) {
        relay_broken(r, text);
        return;
    }
    if (peek_is_holding(r)) {
        peek_broken(r, text);
        return;
    }
    if (try_stale_again(r, why))
        return;
    struct again_failure f = {.phase = RETRY_SENT,
                              .is_final = why != EXCHANGE_CLOSED,
                              .status = 502,
                              .code = why == EXCHANGE_BAD ? "upstream-bad-response"
                                                          : "upstream-closed"};
    f.message =
        arena_printf(&r->arena, "the upstream %.*s failed: %s", SPAN_ARG(r->plan.upstream.host),
                     text ? text : "it closed the connection");
    again_failed(r, &f);
}

static bool is_past_deadline(const struct request *r)
{
    return r->log.attempts > 1 && clock_mono_ms() >= r->retry.deadline_ms;
}

void attempt_timeout(struct request *r)
{
    struct again_failure f = {.phase = RETRY_SENT, .is_timeout = true, .status = 504};
    if (r->holds_upload && r->exchange && !is_past_deadline(r)) {
        release_upload(r);
        return;
    }
    if (r->dial) {
        f.phase = RETRY_UNSENT;
        f.code = "timeout-connect";
        f.message = "the upstream was not reached within total_timeout";
    } else if (r->exchange && exchange_queued(r->exchange)) {
        f.code = "timeout-idle";
        f.message = "the upstream took no byte for idle_timeout";
    } else if (!r->client_done && !is_past_deadline(r)) {
        reply_error(r, 408, "timeout-client",
                    "the request's body stalled for longer than idle_timeout");
        return;
    } else {
        f.code = "timeout-first-byte";
        f.message = "the upstream did not begin its answer within first_byte_timeout";
    }
    again_failed(r, &f);
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
                                            .switched = on_switched,
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
    if (r->plan.upgrades)
        exchange_expect_switch(r->exchange);
    if (u->is_reused && !attempt_is_idempotent(r))
        exchange_watch_progress(r->exchange);
    if (r->holds_upload) {
        struct span head = buf_span(&r->worker->scratch);
        exchange_send(r->exchange, &head, 1);
        request_arm(r, EXPECT_MS);
        return;
    }
    request_arm(r, r->plan.idle_timeout);
    if (may_wait_for_body(r))
        hold_head(r, buf_span(&r->worker->scratch));
    else
        pump(r, buf_span(&r->worker->scratch));
}

static bool is_final_dial(enum dial_fail why)
{
    return why == DIAL_DNS || why == DIAL_REFUSED || why == DIAL_TLS || why == DIAL_PROXY_REFUSED ||
           why == DIAL_BUSY;
}

static void not_connected(struct request *r, enum dial_fail why, const char *text)
{
    struct reply_parts p = reply_of_dial(r, why, text);
    struct again_failure f = {.phase = RETRY_UNSENT,
                              .is_final = is_final_dial(why),
                              .is_timeout = why == DIAL_TIMEOUT,
                              .status = p.status,
                              .code = p.code,
                              .message = p.message};
    again_failed(r, &f);
}

static void on_dialled(void *arg, enum dial_fail why, struct upstream *u, const char *text)
{
    struct request *r = arg;
    struct conn *c = r->conn;
    r->dial = NULL;
    r->log.connect_ms = loop_now_ms(r->worker->loop) - r->log.connect_since;
    if (why == DIAL_OK)
        on_connected(r, u);
    else
        not_connected(r, why, text);
    if (!c->is_dead && c->request == r && !r->client_done)
        conn_read_on(c);
}

static const struct via *via_of(struct request *r)
{
    const struct plan *p = &r->plan;
    if (!p->has_via)
        return NULL;
    struct via *v = arena_alloc(&r->arena, sizeof(*v));
    *v = (struct via){.host = arena_cstr(&r->arena, p->via.host),
                      .port = p->via.port,
                      .userinfo = p->via_userinfo};
    return v;
}

struct dial_request attempt_dial(struct request *r, bool is_tls)
{
    return (struct dial_request){.origin = {.is_tls = is_tls,
                                            .host = arena_cstr(&r->arena, r->plan.upstream.host),
                                            .port = r->plan.upstream.port,
                                            .via = via_of(r)},
                                 .refusal_arg = &r->guard,
                                 .connect_timeout_ms = r->plan.connect_timeout,
                                 .tls_timeout_ms = r->plan.tls_timeout};
}

static void connect_upstream(struct request *r, bool is_fresh)
{
    struct dial_request d = attempt_dial(r, r->plan.is_tls);
    d.is_fresh = is_fresh;
    struct upstream *u = is_fresh ? NULL : pool_take(r->worker->pool, &d.origin);
    request_arm(r, 0);
    r->log.connect_since = loop_now_ms(r->worker->loop);
    r->log.connect_ms = 0;
    if (u)
        on_connected(r, u);
    else
        r->dial = pool_dial(r->worker->pool, &d, on_dialled, r);
}

void attempt_start(struct request *r)
{
    attempt_cancel(r);
    peek_forget(r);
    request_set_state(r, REQ_ATTEMPT, 0);
    r->log.attempts++;
    connect_upstream(r, false);
}

void attempt_cancel(struct request *r)
{
    (void)take_head(r);
    pool_dial_cancel(r->dial);
    r->dial = NULL;
    exchange_free(r->exchange);
    r->exchange = NULL;
    r->holds_upload = false;
}
