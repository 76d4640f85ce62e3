// SPDX-License-Identifier: Apache-2.0
// A bucket may be in another region than the host that the client named. S3 then says where, and
// the host is made anew for that region, out of parts of the name that the client used: only names
// of S3 in a region, or of S3 without one, and never a name from an answer. All rules see the new
// name as if the client had asked for it.
#include "policy/plan_int.h"

struct s3_name {
    struct span bucket; // empty: path style
    struct span label;  // "s3", "s3-fips"
    bool is_dualstack;
    struct span region; // empty: none is named
    struct span suffix; // "amazonaws.com"
};

static bool take_label(struct span *rest, struct span *label)
{
    return span_next(rest, '.', label) && label->len;
}

// [bucket.]s3[-fips][.dualstack][.REGION].SUFFIX, s3-external-1.SUFFIX and s3-REGION.SUFFIX
static bool split(struct span host, const struct hosts_answer *is, struct s3_name *out)
{
    struct span rest = host;
    struct span label;
    *out = (struct s3_name){.bucket = is->bucket, .label = SPAN("s3")};
    if (is->bucket.len)
        rest = span_sub(host, is->bucket.len + 1, host.len);
    if (!take_label(&rest, &label))
        return false;
    struct span behind = span_starts(label, SPAN("s3-")) ? span_sub(label, 3, label.len) : SPAN("");
    if (span_is(label, "s3-fips"))
        out->label = label;
    else if (!span_is(label, "s3") && !span_is(label, "s3-external-1") &&
             !(behind.len && span_eq(behind, is->region)))
        return false;
    struct span at = rest;
    if (take_label(&at, &label) && span_is(label, "dualstack")) {
        out->is_dualstack = true;
        rest = at;
    }
    at = rest;
    if (take_label(&at, &label) && span_eq(label, is->region)) {
        out->region = label;
        rest = at;
    }
    out->suffix = rest;
    return rest.len && span_find(rest, '.') < rest.len;
}

static bool is_s3(const struct hosts_answer *h)
{
    return h->verdict == HOSTS_SIGN && h->is_aws && span_is(h->service, "s3") && !h->is_sigv4a &&
           h->region.len;
}

void redirect_host(struct plan_ctx *c)
{
    struct hosts_answer was;
    struct hosts_answer is;
    struct s3_name name;
    struct span region = c->in->bucket_region;
    if (!region.len || c->asked.kind != URI_NAME)
        return;
    hosts_classify(c->asked.host, c->a, &was);
    if (!is_s3(&was) || span_eq(was.region, region) || !split(c->asked.host, &was, &name))
        return;
    struct span host =
        arena_spanf(c->a, "%.*s%s%.*s%s.%.*s.%.*s", SPAN_ARG(name.bucket),
                    name.bucket.len ? "." : "", SPAN_ARG(name.label),
                    name.is_dualstack ? ".dualstack" : "", SPAN_ARG(region), SPAN_ARG(name.suffix));
    hosts_classify(host, c->a, &is);
    if (is_s3(&is) && span_eq(is.region, region) && span_eq(is.bucket, was.bucket))
        c->asked.host = host;
}

// The bucket of a path-style request; access points are named by ARNs there and stay where they
// are.
static struct span in_path(struct span path)
{
    struct span bucket = span_sub(path, 1, path.len);
    bucket = span_sub(bucket, 0, span_find(bucket, '/'));
    bool is_arn = span_istarts(bucket, SPAN("arn:")) || span_istarts(bucket, SPAN("arn%3a"));
    return is_arn || bucket.len > 255 ? SPAN("") : bucket;
}

void redirect_find_bucket(struct plan_ctx *c)
{
    struct plan *p = c->out;
    struct s3_name name;
    if (!p->is_signed || !is_s3(&c->host) || !split(c->asked.host, &c->host, &name))
        return;
    bool is_root = c->host.bucket.len && span_is(c->uri.path, "/");
    p->bucket = c->host.bucket.len ? c->host.bucket : in_path(c->uri.path);
    if (!c->host.bucket.len)
        is_root = span_sub(c->uri.path, 1 + p->bucket.len, c->uri.path.len).len <= 1;
    p->is_bucket_created = is_root && span_is(c->msg->method, "PUT") && !c->uri.query.len;
}
