// SPDX-License-Identifier: Apache-2.0
// What a client's own credentials on the request mean, and how the body is covered by the
// signature. A client's x-amz-content-sha256 is used, not believed: where the server recomputes the
// hash it is signed as it stands and the body streams; elsewhere the body is hashed and must match.
#include "policy/plan_int.h"

#include "base/digest.h"

static bool is_one_of(struct span s, const char *const *list)
{
    for (; *list; list++)
        if (span_is(s, *list))
            return true;
    return false;
}

// Send x-amz-content-sha256 with every signed request (the same names as in the sign room).
static bool wants_header(const struct plan *p)
{
    static const char *const names[] = {"aoss", "glacier", "vpc-lattice-svcs", NULL};
    return p->is_s3_family || is_one_of(p->service, names);
}

static bool takes_unsigned(const struct plan *p)
{
    return p->is_s3_family || span_is(p->service, "vpc-lattice-svcs");
}

// A URL that carries its own grant: SigV4's query form, or SigV2's.
static bool is_presigned(struct span query)
{
    struct span piece;
    bool has_signature = false;
    bool has_key = false;
    while (span_next(&query, '&', &piece)) {
        struct span name = span_sub(piece, 0, span_find(piece, '='));
        if (span_iis(name, "X-Amz-Signature") || span_iis(name, "X-Amz-Algorithm"))
            return true;
        has_signature = has_signature || span_is(name, "Signature");
        has_key = has_key || span_is(name, "AWSAccessKeyId");
    }
    return has_signature && has_key;
}

// A form that a browser's page got signed for (S3 POST policy): the fields hold the grant.
static bool is_post_form(const struct plan_ctx *c)
{
    return c->out->is_s3_family && span_is(c->msg->method, "POST") &&
           span_istarts(hdrs_get(&c->msg->hdrs, SPAN("Content-Type")), SPAN("multipart/form-data"));
}

static bool is_aws_signature(struct span value)
{
    return span_istarts(value, SPAN("AWS4-")) || span_istarts(value, SPAN("AWS ")) ||
           span_istarts(value, SPAN("AWS3"));
}

// Tokens that a service takes instead of a signature.
static bool is_own_token(const struct plan_ctx *c, struct span authorization)
{
    const struct plan *p = c->out;
    if (span_is(p->service, "bedrock") && span_istarts(authorization, SPAN("Bearer ")))
        return true;
    return span_is(p->service, "awsssoportal") &&
           hdrs_find(&c->msg->hdrs, SPAN("x-amz-sso_bearer_token"));
}

void payload_find_grant(struct plan_ctx *c)
{
    if (!is_presigned(c->uri.query))
        return;
    c->is_presigned = true;
    c->out->is_s3_family = scope_is_s3_family(c->host.service);
    c->out->rule_scope = "presigned, passed untouched";
}

bool payload_read_auth(struct plan_ctx *c)
{
    struct span auth = hdrs_get(&c->msg->hdrs, SPAN("Authorization"));
    if (is_post_form(c) || is_own_token(c, auth)) {
        c->keeps_auth = true;
        c->out->rule_scope = "the client's own grant, passed untouched";
        return true;
    }
    if (auth.len && !is_aws_signature(auth))
        return plan_deny(c, 400, "bad-request",
                         "an Authorization field that is no AWS signature (Bearer, Basic, ...) and "
                         "a signature don't go together; leave it out, or set sign = none for "
                         "this host");
    return true;
}

static bool is_lower_hash(struct span s)
{
    if (s.len != DIGEST_HEX)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
            return false;
    return true;
}

static bool deny_framed(struct plan_ctx *c)
{
    return plan_deny(c, 400, "already-signed",
                     "the body is aws-chunked with signatures of the client's own, which can't be "
                     "signed again; let the client send it plainly (no checksum trailer, no "
                     "chunked signing)");
}

static bool has_body(const struct msg *m)
{
    return m->framing == MSG_CHUNKED || (m->framing == MSG_LENGTH && m->length > 0);
}

static enum config_payload mode_of(const struct plan_ctx *c)
{
    return c->route && c->route->has_payload ? c->route->payload : c->config->payload;
}

// What the client's x-amz-content-sha256 makes of the choice so far.
static bool use_client_hash(struct plan_ctx *c, struct span value)
{
    struct plan *p = c->out;
    bool is_auto = mode_of(c) == PAYLOAD_AUTO;
    bool is_recomputed = p->is_s3_family || span_is(p->service, "glacier");
    if (span_is(value, "UNSIGNED-PAYLOAD") && takes_unsigned(p) && is_auto && has_body(c->msg))
        p->payload = PLAN_PAYLOAD_UNSIGNED;
    if (!is_lower_hash(value) || span_is(p->service, "vpc-lattice-svcs"))
        return true;
    if (is_recomputed && is_auto) {
        p->payload = PLAN_PAYLOAD_CLIENT;
        p->client_hash = value;
    } else if (!has_body(c->msg) && !span_is(value, DIGEST_EMPTY_HEX)) {
        return plan_deny(c, 400, "payload-hash-mismatch",
                         "x-amz-content-sha256 is not the hash of the body, which is empty");
    } else if (p->payload == PLAN_PAYLOAD_HASH) {
        p->expected_hash = value;
    }
    return true;
}

static void choose_mode(struct plan_ctx *c)
{
    struct plan *p = c->out;
    enum config_payload mode = mode_of(c);
    bool is_lattice = span_is(p->service, "vpc-lattice-svcs"); // takes nothing but UNSIGNED-PAYLOAD
    bool wants_unsigned = mode == PAYLOAD_UNSIGNED || (mode == PAYLOAD_AUTO && p->is_tls);
    bool is_unsigned = is_lattice || (p->is_s3_family && has_body(c->msg) && wants_unsigned);
    p->payload = is_unsigned ? PLAN_PAYLOAD_UNSIGNED : PLAN_PAYLOAD_HASH;
}

static enum plan_body body_need(const struct plan_ctx *c)
{
    const struct plan *p = c->out;
    if (!has_body(c->msg))
        return PLAN_BODY_NONE;
    if (p->is_signed && p->payload == PLAN_PAYLOAD_HASH)
        return PLAN_BODY_HASH;
    bool wants_length = p->is_s3_family || span_is(p->service, "glacier");
    return c->msg->framing == MSG_CHUNKED && wants_length ? PLAN_BODY_LENGTH : PLAN_BODY_STREAM;
}

bool payload_choose(struct plan_ctx *c)
{
    struct plan *p = c->out;
    const struct hdrs *h = &c->msg->hdrs;
    if (p->is_signed) {
        struct span value = hdrs_get(h, SPAN("x-amz-content-sha256"));
        if (span_istarts(value, SPAN("STREAMING-")) ||
            hdrs_has_token(h, SPAN("Content-Encoding"), SPAN("aws-chunked")))
            return deny_framed(c);
        choose_mode(c);
        if (!use_client_hash(c, value))
            return false;
        p->send_payload_header = wants_header(p) || p->payload != PLAN_PAYLOAD_HASH;
    }
    p->body = body_need(c);
    return true;
}
