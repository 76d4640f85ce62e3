// SPDX-License-Identifier: Apache-2.0
// A rule is "METHOD|METHOD TARGET". A target s3://BUCKET/KEY is matched against the bucket and key
// that AWS's S3 would read in the URL, decoded, and with regard to case; a target HOST/PATH against
// the host that was asked for and the decoded path. Stars stand for any characters, slashes too.
#include "presign/allow.h"

#include "policy/glob.h"

static bool matches_method(struct span methods, struct span method)
{
    struct span one;
    while (span_next(&methods, '|', &one))
        if (span_is(one, "*") || span_ieq(one, method))
            return true;
    return false;
}

static bool matches_s3(struct span target, const struct presign_plan *p)
{
    size_t slash = span_find(target, '/');
    struct span key = span_sub(target, slash + 1, target.len);
    if (!p->bucket.len || !glob_matches_case(span_sub(target, 0, slash), p->bucket))
        return false;
    return slash == target.len ? true : glob_matches_case(key, p->key);
}

static bool matches_host(struct span target, const struct presign_plan *p)
{
    size_t slash = span_find(target, '/');
    if (!glob_matches(span_sub(target, 0, slash), p->host))
        return false;
    return slash == target.len || glob_matches_case(span_sub(target, slash, target.len), p->path);
}

static bool matches(struct span rule, const struct presign_plan *p)
{
    size_t blank = span_find(rule, ' ');
    struct span target = span_trim(span_sub(rule, blank, rule.len));
    if (!matches_method(span_sub(rule, 0, blank), p->msg.method))
        return false;
    if (span_starts(target, SPAN("s3://")))
        return matches_s3(span_sub(target, 5, target.len), p);
    return matches_host(target, p);
}

bool presign_is_allowed(const struct presign_plan *p, const struct config_list *rules, bool is_near)
{
    for (unsigned i = 0; i < rules->n; i++)
        if (matches(span_of(rules->v[i]), p))
            return true;
    bool is_harmless = span_is(p->msg.method, "GET") || span_is(p->msg.method, "HEAD") ||
                       span_is(p->msg.method, "PUT");
    return !rules->n && is_near && is_harmless && p->is_s3_host;
}
