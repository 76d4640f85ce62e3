// SPDX-License-Identifier: Apache-2.0
#include "front/reply.h"

#include <assert.h>

#include "front/attempt.h"
#include "http/h1_write.h"
#include "presign/service.h"

// Message texts are ours, but they may hold host names and system errors: keep the JSON valid.
static void add_json(struct buf *b, const char *text)
{
    assert(text);
    buf_add_char(b, '"');
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            buf_add_char(b, '\\');
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
            buf_add_char(b, '?');
        else
            buf_add_char(b, *c);
    }
    buf_add_char(b, '"');
}

static void add_field(struct hdrs *h, struct arena *a, const char *name, const char *value)
{
    hdrs_add(h, a, span_of(name), span_of(value));
}

// A body that nobody will read follows: the next request can't be found behind it.
static void close_behind_body(struct request *r)
{
    if (!r->client_done && r->msg && r->msg->framing != MSG_NO_BODY)
        r->must_close = true;
}

static void add_connection(struct request *r, struct hdrs *h)
{
    if (r->must_close)
        add_field(h, &r->arena, "Connection", "close");
    else if (r->msg && r->msg->minor == 0)
        add_field(h, &r->arena, "Connection", "keep-alive");
}

static void send_out(struct request *r, int status, const struct hdrs *h, struct span body)
{
    struct buf *out = &r->worker->scratch;
    buf_reset(out);
    h1_write_response(out, status, h);
    bool is_head = r->msg && span_is(r->msg->method, "HEAD");
    if (!is_head)
        buf_add_span(out, body);
    if (r->has_body)
        body_unspool(&r->body); // before the client knows: its next request may need the room
    r->log.status = status;
    r->log.bytes_out = is_head ? 0 : body.len;
    r->answer_begun = true;
    stream_write_span(r->conn->stream, buf_span(out));
}

void reply_error(struct request *r, int status, const char *code, const char *message)
{
    struct arena *a = &r->arena;
    struct hdrs h;
    struct buf body;
    close_behind_body(r);
    hdrs_init(&h);
    buf_init(&body);
    buf_add_str(&body, "{\"error\":");
    add_json(&body, code);
    buf_add_str(&body, ",\"message\":");
    add_json(&body, message);
    buf_addf(&body, ",\"request_id\":\"%s\"}\n", r->id);
    add_field(&h, a, "Server", "sigv4-proxy");
    add_field(&h, a, "Content-Type", "application/json");
    add_field(&h, a, "Content-Length", arena_printf(a, "%zu", body.len));
    add_field(&h, a, "Cache-Control", "no-store");
    add_field(&h, a, "X-Sigv4-Proxy-Error", code);
    if (status == 503 || r->retry_after_s)
        add_field(&h, a, "Retry-After",
                  arena_printf(a, "%u", r->retry_after_s ? r->retry_after_s : 1));
    if (r->config->attempts_header && r->log.attempts)
        add_field(&h, a, "X-Sigv4-Proxy-Attempts", arena_printf(a, "%u", r->log.attempts));
    if (status == 407) {
        add_field(&h, a, "Proxy-Authenticate", "Basic realm=\"sigv4-proxy\"");
        add_field(&h, a, "Proxy-Authenticate", "Bearer realm=\"sigv4-proxy\"");
    }
    if (status == 405)
        add_field(&h, a, "Allow", "GET, HEAD, PUT, POST, DELETE, PATCH, OPTIONS");
    add_connection(r, &h);
    r->log.code = code;
    attempt_cancel(r);
    send_out(r, status, &h, buf_span(&body));
    buf_clear(&body);
    request_answered(r);
}

struct reply_parts reply_of_dial(struct request *r, enum dial_fail why, const char *text)
{
    static const struct reply_parts answers[] = {
        [DIAL_DNS] = {502, "dns-failed", "does not resolve"},
        [DIAL_DNS_FAILED] = {502, "dns-failed", "does not resolve now"},
        [DIAL_REFUSED] = {403, "address-denied", "is not dialled"},
        [DIAL_CONNECT] = {502, "connect-failed", "does not take connections"},
        [DIAL_TLS] = {502, "tls-failed", "has a TLS problem"},
        [DIAL_TLS_RESET] = {502, "tls-failed", "has a TLS problem"},
        [DIAL_TIMEOUT] = {504, "timeout-connect", "is not reached"},
        [DIAL_PROXY] = {502, "connect-failed", "is not reached"},
        [DIAL_PROXY_REFUSED] = {502, "connect-failed", "is not reached"},
        [DIAL_BUSY] = {503, "overloaded", "has no connection for this request"},
    };
    struct reply_parts out = answers[why];
    out.message =
        arena_printf(&r->arena, "the upstream %.*s:%u %s: %s", SPAN_ARG(r->plan.upstream.host),
                     r->plan.upstream.port, answers[why].message, text);
    return out;
}

void reply_not_dialled(struct request *r, enum dial_fail why, const char *text)
{
    struct reply_parts p = reply_of_dial(r, why, text);
    reply_error(r, p.status, p.code, p.message);
}

void reply_continue(struct request *r)
{
    if (!r->wants_continue)
        return;
    r->wants_continue = false;
    stream_write_span(r->conn->stream, SPAN("HTTP/1.1 100 Continue\r\n\r\n"));
}

void reply_plain(struct request *r, int status)
{
    struct hdrs h;
    close_behind_body(r);
    hdrs_init(&h);
    add_field(&h, &r->arena, "Server", "sigv4-proxy");
    add_field(&h, &r->arena, "Allow", "GET, HEAD, PUT, POST, DELETE, PATCH, OPTIONS");
    add_field(&h, &r->arena, "Content-Length", "0");
    add_connection(r, &h);
    send_out(r, status, &h, SPAN(""));
    request_answered(r);
}

void reply_redirect(struct request *r, struct span url)
{
    struct hdrs h;
    if (!r->client_done && r->msg->framing != MSG_NO_BODY)
        r->must_close = true; // the body goes where the URL leads
    hdrs_init(&h);
    add_field(&h, &r->arena, "Server", "sigv4-proxy");
    hdrs_add(&h, &r->arena, SPAN("Location"), url);
    add_field(&h, &r->arena, "Cache-Control", "no-store");
    add_field(&h, &r->arena, "Content-Length", "0");
    add_connection(r, &h);
    send_out(r, 307, &h, SPAN(""));
    request_answered(r);
}

void reply_presign(struct request *r, const struct presign_answer *answer)
{
    struct arena *a = &r->arena;
    struct hdrs h;
    hdrs_init(&h);
    add_field(&h, a, "Server", "sigv4-proxy");
    add_field(&h, a, "Content-Type", answer->type);
    add_field(&h, a, "Content-Length", arena_printf(a, "%zu", answer->body.len));
    add_field(&h, a, "Cache-Control", "no-store");
    if (answer->code)
        add_field(&h, a, "X-Sigv4-Proxy-Error", answer->code);
    add_connection(r, &h);
    r->log.code = answer->code;
    send_out(r, answer->status, &h, answer->body);
    request_answered(r);
}

void reply_tunnel(struct request *r)
{
    r->log.status = 200;
    r->answer_begun = true;
    stream_write_span(r->conn->stream, SPAN("HTTP/1.1 200 Connection established\r\n\r\n"));
}
