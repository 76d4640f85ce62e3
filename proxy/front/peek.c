// SPDX-License-Identifier: Apache-2.0
// A success is never looked into: its first octet goes to the client at once. Of an error up to
// 16 KiB are held, for a second at most, while its connection stays open; so an answer that is not
// retried after all reaches the client octet for octet, however large it is.
#include "front/peek.h"

#include "base/clock.h"
#include "front/again.h"
#include "front/attempt.h"
#include "front/relay.h"

static struct retry_statuses statuses_of(const struct request *r)
{
    const struct config_list *l = &r->plan.retry.status;
    struct retry_statuses s = {{0}};
    for (unsigned i = 0; i < l->n; i++)
        (void)retry_statuses_add(&s, span_of(l->v[i]));
    return s;
}

static struct retry_head head_of(const struct request *r, const struct msg *m)
{
    const struct hdrs *h = &m->hdrs;
    struct retry_head out = {.status = m->status,
                             .error_type = hdrs_get(h, SPAN("x-amzn-errortype")),
                             .query_error = hdrs_get(h, SPAN("x-amzn-query-error")),
                             .bucket_region = hdrs_get(h, SPAN("x-amz-bucket-region")),
                             .content_type = hdrs_get(h, SPAN("content-type")),
                             .content_encoding = hdrs_get(h, SPAN("content-encoding")),
                             .length = UINT64_MAX,
                             .is_to_head = span_is(r->msg->method, "HEAD"),
                             .is_s3 = r->plan.is_s3_family,
                             .is_bucket_created = r->plan.is_bucket_created};
    if (m->framing == MSG_LENGTH)
        out.length = m->length;
    else if (m->framing == MSG_NO_BODY)
        out.length = 0;
    return out;
}

static bool wants_peek(const struct request *r, const struct msg *m)
{
    if (m->status < 300 || !again_is_possible(r))
        return false;
    struct retry_head h = head_of(r, m);
    struct retry_statuses s = statuses_of(r);
    return retry_wants_peek(&h, &s);
}

bool peek_is_holding(const struct request *r)
{
    return r->state == REQ_PEEK || r->state == REQ_WAIT_RETRY || r->state == REQ_WAIT_TURN;
}

void peek_head(struct request *r, const struct msg *m)
{
    if (wants_peek(r, m)) {
        r->held.head = m;
        r->held.at_wall_ms = clock_wall_ms();
        r->held.is_whole = false;
        r->held.cut_off = NULL;
        buf_reset(&r->held.body);
        request_set_state(r, REQ_PEEK, RETRY_PEEK_MS);
        return;
    }
    again_succeeded(r, m->status);
    r->is_upload_over |= r->holds_upload; // it answered without wanting it
    r->held.head = NULL;
    request_set_state(r, REQ_RELAY, r->plan.idle_timeout);
    relay_head(r, m); // may look at the body once more
    body_forget(&r->body);
}

void peek_body(struct request *r, struct span data)
{
    buf_add_span(&r->held.body, data);
    if (r->state == REQ_PEEK && r->held.body.len >= RETRY_PEEK_MAX)
        again_answered(r);
}

void peek_end(struct request *r)
{
    r->held.is_whole = true;
    exchange_free(r->exchange);
    r->exchange = NULL;
    if (r->state == REQ_PEEK)
        again_answered(r);
}

void peek_broken(struct request *r, const char *how)
{
    r->held.cut_off = how ? arena_cstr(&r->arena, span_of(how)) : "it closed the connection";
    exchange_free(r->exchange);
    r->exchange = NULL;
    if (r->state == REQ_PEEK)
        again_answered(r);
}

void peek_timeout(struct request *r)
{
    again_answered(r);
}

void peek_classify(const struct request *r, struct retry_error *out)
{
    struct retry_head h = head_of(r, r->held.head);
    struct retry_statuses s = statuses_of(r);
    retry_classify(&h, &s, buf_span(&r->held.body), r->held.is_whole, out);
}

void peek_relay(struct request *r)
{
    const struct msg *m = r->held.head;
    request_set_state(r, REQ_RELAY, r->plan.idle_timeout);
    r->held.head = NULL;
    relay_head(r, m);
    if (r->exchange)
        exchange_resume(r->exchange);
    if (r->held.body.len)
        relay_body(r, buf_span(&r->held.body));
    if (r->held.is_whole)
        relay_end(r);
    else if (r->held.cut_off)
        relay_broken(r, r->held.cut_off);
    else
        relay_turn(r);
}

void peek_forget(struct request *r)
{
    if (!r->held.is_whole)
        r->held.head = NULL;
}
