// SPDX-License-Identifier: Apache-2.0
// What a client's own credentials on the request mean. A signature in Authorization is most often
// that of a tool that was given dummy keys: it is replaced. A presigned URL is a grant that
// somebody else made: a second signature would break it, so it is passed as it came, not one octet
// changed. A token that a service takes instead of a signature is the client's business.
#include "policy/plan_int.h"

#include "base/digest.h"

// "X%2DAmz-Signature" is what it says to a server. Name: without escapes.
static bool is_name(struct span raw, const char *name)
{
    struct span want = span_of(name);
    size_t at = 0;
    for (size_t i = 0; i < raw.len; i++, at++) {
        char c = raw.p[i];
        if (c == '%' && i + 2 < raw.len) {
            int high = hex_value(raw.p[i + 1]);
            int low = hex_value(raw.p[i + 2]);
            if (high >= 0 && low >= 0) {
                c = (char)(high << 4 | low);
                i += 2;
            }
        }
        if (at >= want.len || ascii_lower(c) != ascii_lower(want.p[at]))
            return false;
    }
    return at == want.len;
}

// The raw value of a query parameter; p == NULL where there is none.
static struct span find_parameter(struct span query, const char *name)
{
    struct span piece;
    while (span_next(&query, '&', &piece)) {
        size_t eq = span_find(piece, '=');
        if (is_name(span_sub(piece, 0, eq), name))
            return span_sub(piece, eq + 1, piece.len);
    }
    return (struct span){NULL, 0};
}

bool grant_has_parameter(struct span query, const char *name)
{
    return find_parameter(query, name).p != NULL;
}

// A URL that carries its own grant: SigV4's query form, or SigV2's.
static bool is_presigned(struct span query)
{
    if (find_parameter(query, "X-Amz-Signature").p || find_parameter(query, "X-Amz-Algorithm").p)
        return true;
    return find_parameter(query, "Signature").p && find_parameter(query, "AWSAccessKeyId").p;
}

struct span grant_credential(const struct plan_ctx *c)
{
    return c->out->strips_presign ? find_parameter(c->uri.query, "X-Amz-Credential") : SPAN("");
}

static bool is_aws_signature(struct span value)
{
    return span_istarts(value, SPAN("AWS4-")) || span_istarts(value, SPAN("AWS ")) ||
           span_istarts(value, SPAN("AWS3"));
}

static void pass(struct plan_ctx *c, const char *rule)
{
    c->is_passed = true;
    c->out->is_s3_family = scope_is_s3_family(
        c->route && c->route->service ? span_of(c->route->service) : c->host.service);
    c->out->rule_scope = rule;
}

static bool find_presigned(struct plan_ctx *c)
{
    enum config_presigned mode = c->route && c->route->has_presigned ? c->route->already_presigned
                                                                     : c->config->already_presigned;
    if (c->in->is_presign)
        mode = PRESIGNED_REPLACE;
    switch (mode) {
    case PRESIGNED_PASS:
        pass(c, "presigned, passed untouched");
        break;
    case PRESIGNED_REPLACE:
        c->out->strips_presign = true;
        break;
    case PRESIGNED_REJECT:
        return plan_deny(c, 403, "already-signed",
                         "the URL is presigned, and already_presigned = reject");
    }
    return true;
}

bool grant_find(struct plan_ctx *c)
{
    struct span auth = hdrs_get(&c->msg->hdrs, SPAN("Authorization"));
    enum config_signed mode =
        c->route && c->route->has_signed ? c->route->already_signed : c->config->already_signed;
    if (is_presigned(c->uri.query))
        return find_presigned(c);
    if (!is_aws_signature(auth))
        return true;
    switch (mode) {
    case SIGNED_REPLACE:
        break;
    case SIGNED_PASS:
        pass(c, "signed by the client, passed untouched");
        break;
    case SIGNED_REJECT:
        return plan_deny(c, 403, "already-signed",
                         "the request is signed, and already_signed = reject");
    }
    return true;
}

// A form that a browser's page got signed for (S3 POST policy): the fields hold the grant.
static bool is_post_form(const struct plan_ctx *c)
{
    return c->out->is_s3_family && span_is(c->msg->method, "POST") &&
           span_istarts(hdrs_get(&c->msg->hdrs, SPAN("Content-Type")), SPAN("multipart/form-data"));
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

// The configuration says what becomes of the client's Authorization: not an oversight.
static bool is_dealt_with(const struct plan_ctx *c)
{
    const struct config_list *lists[] = {&c->config->strip, &c->config->duplicate_headers};
    for (unsigned k = 0; k < 2; k++)
        for (unsigned i = 0; i < lists[k]->n; i++)
            if (span_iis(SPAN("authorization"), lists[k]->v[i]))
                return true;
    return false;
}

bool grant_read_token(struct plan_ctx *c)
{
    struct span auth = hdrs_get(&c->msg->hdrs, SPAN("Authorization"));
    if (is_post_form(c) || is_own_token(c, auth)) {
        c->keeps_auth = true;
        c->out->rule_scope = "the client's own grant, passed untouched";
        return true;
    }
    if (auth.len && !is_aws_signature(auth) && !is_dealt_with(c))
        return plan_deny(c, 400, "bad-request",
                         "an Authorization field that is no AWS signature (Bearer, Basic, ...) and "
                         "a signature don't go together; leave it out, or set sign = none for "
                         "this host");
    return true;
}
