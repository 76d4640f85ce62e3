// SPDX-License-Identifier: Apache-2.0
// Which requests to a directory bucket are signed with a session: all at the bucket's own name but
// CreateSession itself, HeadBucket, copies and what names an encryption. Buckets are made and
// managed at another name (s3express-control). A presigned URL would end with its session, after
// five minutes at most, so it is signed with the credentials.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-create-session.html
#include "policy/plan_int.h"

static bool is_on(const struct plan_ctx *c)
{
    return c->route && c->route->has_s3_express_sessions ? c->route->s3_express_sessions
                                                         : c->config->s3_express_sessions;
}

// BUCKET--ZONE--x-s3, and --xa-s3 for access points.
static bool is_bucket_name(struct span host, struct arena *a)
{
    struct uri_authority name;
    struct hosts_answer h;
    struct err e;
    if (uri_parse_authority(host, a, &name, &e) != ST_OK || name.kind != URI_NAME)
        return false;
    hosts_classify(name.host, a, &h);
    struct span zone = span_sub(name.host, h.bucket.len + 1, name.host.len);
    if (span_starts(zone, SPAN("s3express-control")))
        return false;
    return h.verdict == HOSTS_SIGN && span_is(h.service, "s3express") &&
           (span_ends(h.bucket, SPAN("--x-s3")) || span_ends(h.bucket, SPAN("--xa-s3")));
}

// A session's objects are encrypted as its CreateSession said, which is as the bucket says.
static bool has_encryption(const struct hdrs *h)
{
    for (unsigned i = 0; i < h->n; i++)
        if (span_istarts(h->v[i].name, SPAN("x-amz-server-side-encryption")))
            return true;
    return false;
}

static bool is_for_credentials(const struct plan_ctx *c)
{
    struct span method = c->msg->method;
    bool is_root = span_is(c->out->path, "/");
    if (is_root && span_is(method, "HEAD"))
        return true;
    if (is_root && span_is(method, "GET") && grant_has_parameter(c->out->query, "session"))
        return true;
    if (has_encryption(&c->msg->hdrs))
        return true;
    return span_is(method, "PUT") && hdrs_find(&c->msg->hdrs, SPAN("x-amz-copy-source"));
}

bool s3_session_is_wanted(const struct plan_ctx *c)
{
    const struct plan *p = c->out;
    if (!p->is_signed || !span_is(p->service, "s3express"))
        return false;
    if (!p->is_tls && !p->loopback_ok)
        return false; // the answer holds keys
    if (p->sign == PLAN_SIGN_REDIRECT)
        return false;
    return is_on(c) && !p->is_sigv4a && !c->in->is_presign && !is_for_credentials(c) &&
           is_bucket_name(p->host, c->a);
}
