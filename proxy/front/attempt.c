// SPDX-License-Identifier: Apache-2.0
// The order matters: the connection first, then this moment's credentials and clock, then the
// signature, so that no signature ages in a queue. What is sent is rebuilt from the model:
// hop-by-hop fields and the client's copies of what the signer adds are gone before anything is
// signed.
#include "front/attempt.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "front/relay.h"
#include "front/reply.h"
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
            (net_addr_same_ip(own, a) || net_addr_is_loopback(a)))
            return "the proxy's own";
    }
    return NULL;
}

// ---- what is sent

// Fields that are written anew. Expectations other than 100-continue are passed on (RFC
// 9110 10.1.1).
static bool is_ours(struct hdr field)
{
    return span_iis(field.name, "host") || span_iis(field.name, "content-length") ||
           (span_iis(field.name, "expect") && span_iis(field.value, "100-continue"));
}

static void copy_fields(struct request *r, struct hdrs *out)
{
    struct hdrs all;
    hdrs_init(&all);
    for (unsigned i = 0; i < r->msg->hdrs.n; i++)
        hdrs_add(&all, &r->arena, r->msg->hdrs.v[i].name, r->msg->hdrs.v[i].value);
    hdrs_strip_hop(&all);
    hdrs_init(out);
    hdrs_add(out, &r->arena, SPAN("Host"), r->plan.host);
    for (unsigned i = 0; i < all.n; i++) {
        struct span name = all.v[i].name;
        if (!is_ours(all.v[i]) && !(r->plan.is_signed && sign_owns_field(name)))
            hdrs_add(out, &r->arena, name, all.v[i].value);
    }
}

static void add_framing(struct request *r, struct hdrs *h)
{
    struct arena *a = &r->arena;
    bool is_held = r->plan.body == PLAN_BODY_HASH || r->plan.body == PLAN_BODY_LENGTH;
    bool may_have_body = span_is(r->msg->method, "PUT") || span_is(r->msg->method, "POST") ||
                         span_is(r->msg->method, "PATCH");
    if (r->msg->framing == MSG_CHUNKED && !is_held) {
        r->sends_chunked = true;
        hdrs_add(h, a, SPAN("Transfer-Encoding"), SPAN("chunked"));
    } else if (r->msg->framing != MSG_NO_BODY || may_have_body) {
        uint64_t len = is_held ? r->body.len : r->msg->length;
        if (len || may_have_body)
            hdrs_add(h, a, SPAN("Content-Length"), arena_spanf(a, "%llu", (unsigned long long)len));
    }
    if (r->wants_continue && !is_held)
        hdrs_add(h, a, SPAN("Expect"), SPAN("100-continue"));
    if (r->config->via)
        hdrs_add(h, a, SPAN("Via"), arena_spanf(a, "1.1 %s", r->worker->shared->pseudonym));
}

static struct span payload_hash(const struct request *r)
{
    switch (r->plan.payload) {
    case PLAN_PAYLOAD_UNSIGNED:
        return SPAN("UNSIGNED-PAYLOAD");
    case PLAN_PAYLOAD_CLIENT:
        return r->plan.client_hash;
    case PLAN_PAYLOAD_HASH:
        break;
    }
    return r->payload_hex[0] ? span_of(r->payload_hex) : SPAN(DIGEST_EMPTY_HEX);
}

// The newest credentials that the worker knows, checked against the wall clock.
static const struct creds *current_creds(struct request *r, int64_t wall_ms)
{
    struct fact *f = facts_view_peek(r->worker->facts, FACTS_CREDENTIALS, r->plan.creds_key);
    if (f && f->status == ST_OK) {
        fact_release(r->creds);
        r->creds = f;
    } else {
        fact_release(f);
    }
    const struct creds *c = r->creds ? r->creds->value : NULL;
    return c && c->expires_at_ms > wall_ms ? c : NULL;
}

static enum status sign(struct request *r, struct hdrs *h, const struct sign_target *target,
                        struct err *e)
{
    int64_t wall_ms = clock_wall_ms();
    const struct creds *c = current_creds(r, wall_ms);
    if (!c)
        return err_set(e, ST_DENIED,
                       "the AWS credentials have expired and no newer ones are there");
    struct sign_field *fields = arena_alloc(&r->arena, sizeof(*fields) * (h->n + 1));
    unsigned n = 0;
    for (unsigned i = 1; i < h->n; i++) // [0] is Host
        fields[n++] = (struct sign_field){.name = h->v[i].name, .value = h->v[i].value};
    struct sign_request req = {.method = r->msg->method,
                               .host = r->plan.host,
                               .target = target,
                               .fields = fields,
                               .n_fields = n,
                               .payload_hash = payload_hash(r),
                               .send_payload_header = r->plan.send_payload_header,
                               .scope = {.region = r->plan.region, .service = r->plan.service},
                               .wall_s = wall_ms / 1000};
    struct sign_identity id = {.access_key = span_of(c->access_key),
                               .secret_key = span_of(c->secret_key),
                               .session_token = span_of(c->session_token),
                               .generation = r->creds->generation};
    struct sign_result res;
    secret_mask(id.access_key, r->log.key);
    enum status st = sign_header(&req, &id, r->worker->keys, &r->arena, &res, e);
    for (unsigned i = 0; st == ST_OK && i < res.n_add; i++)
        hdrs_add(h, &r->arena, res.add[i].name, res.add[i].value);
    return st;
}

static struct span wire_target(struct request *r, struct sign_target *target)
{
    if (!r->plan.is_signed)
        return r->plan.raw_target;
    sign_target_make(r->plan.path, r->plan.query, r->plan.is_s3_family, &r->arena, target);
    if (!target->query.len)
        return target->wire_path;
    return arena_spanf(&r->arena, "%.*s?%.*s", SPAN_ARG(target->wire_path),
                       SPAN_ARG(target->query));
}

static enum status write_head(struct request *r, struct buf *out, struct err *e)
{
    struct hdrs h;
    struct sign_target target = {0};
    struct span wire = wire_target(r, &target);
    copy_fields(r, &h);
    if (r->plan.is_signed) {
        enum status st = sign(r, &h, &target, e);
        if (st != ST_OK)
            return st;
    }
    add_framing(r, &h);
    buf_reset(out);
    h1_write_request(out, r->msg->method, wire, &h);
    return ST_OK;
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
    if (r->sends_chunked) {
        struct span last = H1_LAST_CHUNK;
        exchange_send(r->exchange, &last, 1);
        r->sends_chunked = false;
    }
    all_sent(r);
}

// Sends what the store holds, as far as the upstream takes it. head goes in front of the first
// piece.
static void pump(struct request *r, struct span head)
{
    do {
        struct span data = body_unread(&r->body) ? body_peek(&r->body) : SPAN("");
        if (!data.p) {
            reply_error(r, 503, "overloaded", "the body's spool file could not be read back");
            return;
        }
        send_piece(r, head, data);
        body_take(&r->body, data.len);
        head = SPAN("");
    } while (body_unread(&r->body) && exchange_queued(r->exchange) <= STREAM_HIGH_WATER);
    finish_upload(r);
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
    bool goes_through = r->exchange && !body_unread(&r->body);
    if (r->state == REQ_ATTEMPT && r->exchange)
        timer_set(r->timer, r->plan.idle_timeout);
    if (goes_through && r->body.is_forgetting) {
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
    enum status st = write_head(r, &r->worker->scratch, &e);
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
