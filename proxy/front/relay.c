// SPDX-License-Identifier: Apache-2.0
// Status and fields filtered, framing chosen anew, body by watermarks. The head waits for the first
// body bytes of the same read turn, so that a small answer leaves in one send.
#include "front/relay.h"

#include "front/attempt.h"
#include "front/reply.h"
#include "front/tell.h"
#include "http/h1_write.h"
#include "log/log.h"

#define FIELDS_OF_OURS 4 // that an answer gets

static void send_out(struct request *r, const struct span *parts, unsigned n)
{
    struct span all[5];
    unsigned k = 0;
    if (!r->answer_begun && r->has_body && r->client_done && !body_unread(&r->body))
        body_unspool(&r->body); // before the client knows: its next request may need the room
    r->answer_begun = true;
    if (r->head_out.len)
        all[k++] = buf_span(&r->head_out);
    for (unsigned i = 0; i < n; i++)
        all[k++] = parts[i];
    if (k)
        stream_write(r->conn->stream, all, k);
    buf_reset(&r->head_out);
}

void relay_interim(struct request *r, const struct msg *m)
{
    if (r->msg->minor == 0)
        return;
    if (m->status == 100) {
        reply_continue(r);
        return;
    }
    if (m->status != 103)
        return;
    struct hdrs h = m->hdrs;
    hdrs_strip_hop(&h);
    h1_write_response(&r->head_out, m->status, &h);
    stream_write_span(r->conn->stream, buf_span(&r->head_out));
    buf_reset(&r->head_out);
}

// What the client's framing will be; may decide that the connection ends with this answer.
static void add_framing(struct request *r, const struct msg *m, struct hdrs *h)
{
    bool is_bodiless = m->framing == MSG_NO_BODY;
    if (is_bodiless) {
        struct span len = hdrs_get(&m->hdrs, SPAN("content-length"));
        bool is_head = span_is(r->msg->method, "HEAD");
        if (len.p && m->status != 204 && (is_head || m->status == 304))
            hdrs_add(h, &r->arena, SPAN("Content-Length"), len);
        else if (m->status == 205)
            hdrs_add(h, &r->arena, SPAN("Content-Length"), SPAN("0"));
    } else if (m->framing == MSG_LENGTH) {
        hdrs_add(h, &r->arena, SPAN("Content-Length"), arena_decimal(&r->arena, m->length));
    } else if (r->msg->minor == 1) {
        r->answers_chunked = true;
        hdrs_add(h, &r->arena, SPAN("Transfer-Encoding"), SPAN("chunked"));
    } else {
        r->ends_by_close = true; // an HTTP/1.0 client
        r->must_close = true;
    }
}

static void note_upstream_id(struct request *r, const struct msg *m)
{
    struct span id = hdrs_get(&m->hdrs, SPAN("x-amz-request-id"));
    if (!id.p)
        id = hdrs_get(&m->hdrs, SPAN("x-amzn-requestid"));
    r->log.upstream_id = id;
}

void relay_head(struct request *r, const struct msg *m)
{
    struct hdrs h;
    struct arena *a = &r->arena;
    hdrs_copy_end_to_end(&m->hdrs, a, FIELDS_OF_OURS, &h);
    (void)hdrs_remove(&h, SPAN("content-length"));
    add_framing(r, m, &h);
    if (!r->client_done || r->worker->is_draining || r->conn->is_half)
        r->must_close = true;
    if (r->must_close)
        hdrs_add(&h, a, SPAN("Connection"), SPAN("close"));
    else if (r->msg->minor == 0)
        hdrs_add(&h, a, SPAN("Connection"), SPAN("keep-alive"));
    if (r->config->attempts_header)
        hdrs_add(&h, a, SPAN("X-Sigv4-Proxy-Attempts"), arena_decimal(a, r->log.attempts));
    note_upstream_id(r, m);
    r->log.status = m->status;
    tell_failure_head(r, m);
    r->wants_continue = false;
    buf_reset(&r->head_out);
    h1_write_response(&r->head_out, m->status, &h);
}

const char *relay_why_no_switch(const struct msg *m)
{
    const struct hdrs *h = &m->hdrs;
    if (m->minor == 0 || !hdrs_has_token(h, SPAN("Connection"), SPAN("upgrade")))
        return "the upstream's 101 names no Upgrade in Connection";
    if (hdrs_count(h, SPAN("Upgrade")) != 1 || !span_iis(hdrs_get(h, SPAN("Upgrade")), "websocket"))
        return "the upstream switched to another protocol than the websocket that was asked for";
    return NULL;
}

void relay_switch(struct request *r, const struct msg *m)
{
    struct arena *a = &r->arena;
    struct hdrs h;
    hdrs_init(&h);
    for (unsigned i = 0; i < m->hdrs.n; i++)
        hdrs_add(&h, a, m->hdrs.v[i].name, m->hdrs.v[i].value);
    hdrs_strip_hop(&h);
    (void)hdrs_remove(&h, SPAN("content-length"));
    hdrs_add(&h, a, SPAN("Connection"), SPAN("Upgrade"));
    hdrs_add(&h, a, SPAN("Upgrade"), SPAN("websocket"));
    if (r->config->attempts_header)
        hdrs_add(&h, a, SPAN("X-Sigv4-Proxy-Attempts"), arena_spanf(a, "%u", r->log.attempts));
    note_upstream_id(r, m);
    r->log.status = m->status;
    buf_reset(&r->head_out);
    h1_write_response(&r->head_out, m->status, &h);
    send_out(r, NULL, 0);
}

void relay_body(struct request *r, struct span data)
{
    char chunk[H1_CHUNK_HEAD_MAX];
    struct span parts[3];
    unsigned n = 0;
    if (r->answers_chunked)
        parts[n++] = span_from(chunk, h1_chunk_head(chunk, data.len));
    parts[n++] = data;
    if (r->answers_chunked)
        parts[n++] = H1_CHUNK_TAIL;
    r->log.bytes_out += data.len;
    tell_failure_body(r, data);
    timer_set(r->timer, r->plan.idle_timeout);
    send_out(r, parts, n);
    bool is_full = stream_queued(r->conn->stream) > STREAM_HIGH_WATER;
    if (is_full && r->exchange && !r->is_paused) {
        r->is_paused = true;
        timer_clear(r->timer); // the client's write stall is watched by its stream
        exchange_pause(r->exchange);
    }
}

void relay_turn(struct request *r)
{
    if (r->head_out.len)
        send_out(r, NULL, 0);
}

void relay_end(struct request *r)
{
    struct span last = H1_LAST_CHUNK;
    tell_failure_end(r);
    send_out(r, &last, r->answers_chunked ? 1 : 0);
    request_answered(r);
}

// The client must see that the answer is cut off. A length or a missing last chunk tells it when
// the connection closes; where the close itself is the end only a reset does.
void relay_broken(struct request *r, const char *how)
{
    relay_turn(r);
    tell_failure_end(r);
    log_warn(r->id, "%s %s; the answer is cut off", how, request_doing(r));
    r->log.code = "upstream-closed";
    r->must_close = true;
    if (r->ends_by_close) {
        stream_send_now(r->conn->stream);
        stream_abort(r->conn->stream);
        request_client_gone(r, "answer cut off");
    } else {
        request_finish(r, "answer cut off");
    }
}
