// SPDX-License-Identifier: Apache-2.0
// What is sent is rebuilt from the model: hop-by-hop fields and the client's copies of what the
// signer adds are gone before anything is signed.
#include "front/outgoing.h"

#include "base/clock.h"
#include "base/secret.h"
#include "front/fields.h"
#include "front/repair.h"
#include "front/session.h"
#include "front/tell.h"
#include "front/upload.h"
#include "http/h1_write.h"
#include "sign/presign.h"

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
    hdrs_copy_end_to_end(&r->msg->hdrs, &r->arena, 0, &all);
    hdrs_init(out);
    hdrs_add(out, &r->arena, SPAN("Host"), r->plan.host);
    for (unsigned i = 0; i < all.n; i++) {
        struct span name = all.v[i].name;
        if (!is_ours(all.v[i]) && !(r->plan.is_signed && sign_owns_field(name)))
            hdrs_add(out, &r->arena, name, all.v[i].value);
    }
    if (r->plan.is_signed)
        fields_apply(r, out);
    upload_set_fields(r, out);
}

static void add_length(struct request *r, struct hdrs *h, uint64_t len)
{
    hdrs_add(h, &r->arena, SPAN("Content-Length"), arena_decimal(&r->arena, len));
}

static enum status add_framing(struct request *r, struct hdrs *h, struct err *e)
{
    struct arena *a = &r->arena;
    const struct plan *p = &r->plan;
    bool is_held = p->body == PLAN_BODY_HASH || p->body == PLAN_BODY_LENGTH;
    bool may_have_body = span_is(r->msg->method, "PUT") || span_is(r->msg->method, "POST") ||
                         span_is(r->msg->method, "PATCH");
    uint64_t len = is_held ? r->body.len : p->data_len;
    if (upload_is_framed(r)) {
        if (upload_wire_len(r, &len) != ST_OK)
            return err_set(e, ST_INVALID, "the body can't be framed as aws-chunked");
        add_length(r, h, len);
    } else if (!p->has_data_len && !is_held) {
        r->sends_chunked = true;
        hdrs_add(h, a, SPAN("Transfer-Encoding"), SPAN("chunked"));
    } else if (len || may_have_body) {
        add_length(r, h, len);
    }
    // Announced on our own account, too, unless some of it is here already and asks to be sent on.
    r->holds_upload = !r->wants_continue && !r->is_expect_refused && p->body == PLAN_BODY_STREAM &&
                      p->is_s3_family && p->has_data_len && len > r->config->expect_over;
    if ((r->wants_continue && !is_held) || r->holds_upload)
        hdrs_add(h, a, SPAN("Expect"), SPAN("100-continue"));
    if (r->config->via)
        hdrs_add(h, a, SPAN("Via"),
                 ARENA_JOIN(a, SPAN("1.1 "), span_of(r->worker->shared->pseudonym)));
    return ST_OK;
}

static struct span payload_hash(const struct request *r)
{
    switch (r->plan.payload) {
    case PLAN_PAYLOAD_UNSIGNED:
        return SPAN("UNSIGNED-PAYLOAD");
    case PLAN_PAYLOAD_CLIENT:
        return r->plan.client_hash;
    case PLAN_PAYLOAD_CHUNKED:
    case PLAN_PAYLOAD_TRAILER:
        return upload_payload_hash(r);
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
    return c && creds_is_usable(c, wall_ms) ? c : NULL;
}

static void keep_fields(struct request *r, const struct hdrs *h, struct sign_request *s)
{
    struct sign_field *fields = arena_alloc(&r->arena, sizeof(*fields) * (h->n + 1));
    for (unsigned i = 1; i < h->n; i++) // [0] is Host
        fields[s->n_fields++] = (struct sign_field){.name = h->v[i].name, .value = h->v[i].value};
    s->fields = fields;
}

// A signature in the URL ends with the credentials at the latest.
static int64_t expiry(const struct request *r, const struct creds *c, int64_t wall_ms)
{
    int64_t left = (c->expires_at_ms - wall_ms) / 1000;
    return left < r->plan.expires_s ? left : r->plan.expires_s;
}

static enum status sign(struct request *r, const struct hdrs *h, struct sign_target *target,
                        struct sign_result *res, struct err *e)
{
    const struct plan *p = &r->plan;
    int64_t wall_ms = clock_wall_ms();
    r->retry.sent_wall_ms = wall_ms;
    r->retry.skew_ms = repair_skew(r);
    const struct creds *session = session_current(r, wall_ms);
    const struct creds *c = session ? session : current_creds(r, wall_ms);
    bool is_query = p->sign != PLAN_SIGN_HEADER;
    if (!c || (is_query && expiry(r, c, wall_ms) < 1))
        return err_set(e, ST_DENIED,
                       "the AWS credentials have expired and no newer ones are there");
    struct sign_request req = {
        .method = r->msg->method,
        .host = p->host,
        .target = target,
        .select = p->signs_all ? SIGN_ALL : SIGN_MINIMAL,
        .payload_hash = payload_hash(r),
        // Who follows a redirect would not send it.
        .send_payload_header = p->send_payload_header && p->sign != PLAN_SIGN_REDIRECT,
        .is_sigv4a = p->is_sigv4a,
        .token_unsigned = is_query && span_is(p->service, "iotdevicegateway"),
        .scope = {.region = p->region, .service = p->service},
        .wall_s = (wall_ms + r->retry.skew_ms) / 1000,
        .expires_s = is_query ? expiry(r, c, wall_ms) : 0};
    struct sign_identity id = {.access_key = span_of(c->access_key),
                               .secret_key = span_of(c->secret_key),
                               .session_token = span_of(c->session_token),
                               .generation = (session ? r->session : r->creds)->generation,
                               .is_s3_session = session != NULL};
    keep_fields(r, h, &req);
    secret_mask(id.access_key, r->log.key);
    enum status st = is_query ? sign_query(&req, &id, r->worker->keys, &r->arena, res, e)
                              : sign_header(&req, &id, r->worker->keys, &r->arena, res, e);
    if (st == ST_OK)
        tell_signing(r, res);
    if (st == ST_OK && is_query)
        target->query = res->query;
    if (st == ST_OK && upload_is_framed(r) && upload_begin(r, &req, &id, res->signature) != ST_OK)
        return err_set(e, ST_INVALID, "the body can't be framed as aws-chunked");
    return st;
}

static void make_target(struct request *r, struct sign_target *out)
{
    struct span query = r->plan.query;
    if (r->plan.strips_presign)
        query = sign_presign_strip(query, &r->arena);
    sign_target_make(r->plan.path, query, r->plan.is_s3_family, &r->arena, out);
}

static struct span join_target(struct request *r, const struct sign_target *target)
{
    if (!target->query.len)
        return target->wire_path;
    return ARENA_JOIN(&r->arena, target->wire_path, SPAN("?"), target->query);
}

static enum status sign_head(struct request *r, struct hdrs *h, struct span *wire, struct err *e)
{
    struct sign_target target;
    struct sign_result res = {.n_add = 0};
    make_target(r, &target);
    enum status st = sign(r, h, &target, &res, e);
    for (unsigned i = 0; st == ST_OK && i < res.n_add; i++)
        hdrs_add(h, &r->arena, res.add[i].name, res.add[i].value);
    if (st == ST_OK)
        *wire = join_target(r, &target);
    return st;
}

enum status outgoing_head(struct request *r, struct buf *out, struct err *e)
{
    struct hdrs h;
    struct span wire = r->plan.raw_target;
    copy_fields(r, &h);
    enum status st = r->plan.is_signed ? sign_head(r, &h, &wire, e) : ST_OK;
    if (st == ST_OK)
        st = add_framing(r, &h, e);
    if (st != ST_OK)
        return st;
    if (r->plan.upgrades) { // anew, and never signed
        hdrs_add(&h, &r->arena, SPAN("Connection"), SPAN("Upgrade"));
        hdrs_add(&h, &r->arena, SPAN("Upgrade"), SPAN("websocket"));
    }
    buf_reset(out);
    h1_write_request(out, r->msg->method, wire, &h);
    return ST_OK;
}

// Whoever follows a redirect sends the same fields again, and AWS wants each x-amz-* signed.
enum status outgoing_url(struct request *r, struct span *out, struct err *e)
{
    struct hdrs h;
    struct hdrs bound;
    struct sign_target target;
    struct sign_result res;
    copy_fields(r, &h);
    hdrs_init(&bound);
    for (unsigned i = 0; i < h.n; i++)
        if (i == 0 || span_istarts(h.v[i].name, SPAN("x-amz-")))
            hdrs_add(&bound, &r->arena, h.v[i].name, h.v[i].value);
    make_target(r, &target);
    enum status st = sign(r, &bound, &target, &res, e);
    struct span wire = st == ST_OK ? join_target(r, &target) : SPAN("");
    *out = arena_spanf(&r->arena, "%s%s://%.*s%.*s", r->plan.upgrades ? "ws" : "http",
                       r->plan.is_tls ? "s" : "", SPAN_ARG(r->plan.host), SPAN_ARG(wire));
    return st;
}
