// SPDX-License-Identifier: Apache-2.0
// Who may do what: the [policy] sections, first match wins. The one hard idea: not everything about
// a request is certain. A path may be read with or without its dot segments, a copy touches two
// objects, a batch names its keys in the body. So a matcher says yes, no, or perhaps, and doubt
// always works against the request: "perhaps" is enough for a deny and not enough for an allow.
#include <string.h>

#include "policy/clients.h"
#include "policy/glob.h"
#include "policy/plan_int.h"

enum match { MATCH_NO = 0, MATCH_PERHAPS, MATCH_YES };

// An object of S3, as far as it is known.
struct object {
    struct span bucket; // p == NULL: not known
    struct span key;    // p == NULL: not known; empty: the request is about the bucket
};

#define OBJECTS_MAX 4 // what the request names and what a copy reads, each in two readings

struct question {
    struct plan_ctx *c;
    struct span host;    // "host" or "host:port"
    struct span service; // empty: none
    struct span region;  // the same
    struct span path;    // decoded; p == NULL: a tunnel has none
    struct span bucket;  // of the host; empty: it is in the path
    bool hides_bucket;   // neither: the path is the key
    bool hides_key;      // nor that
    struct object objects[OBJECTS_MAX];
    unsigned n_objects; // 0: S3 is not asked
};

static enum match both(enum match a, enum match b)
{
    return a < b ? a : b;
}

// Two readings or two objects: certain only where both agree.
static enum match agree(enum match a, enum match b)
{
    return a == b ? a : MATCH_PERHAPS;
}

// ---- what is asked

// Without dot segments and doubled slashes (RFC 3986 5.2.4), as a server that keeps files reads it.
static struct span tidy(struct span path, struct arena *a)
{
    char *out = arena_alloc(a, path.len + 2);
    size_t n = 0;
    struct span rest = path;
    struct span segment;
    while (span_next(&rest, '/', &segment)) {
        bool is_last = rest.p == NULL;
        if (span_is(segment, "..")) {
            while (n && out[n - 1] != '/') // the segment before
                n--;
            n -= n > 0;
        }
        bool is_dots = !segment.len || span_is(segment, ".") || span_is(segment, "..");
        if (is_dots && !is_last)
            continue;
        out[n++] = '/';
        if (is_dots)
            continue;
        memcpy(out + n, segment.p, segment.len);
        n += segment.len;
    }
    return span_from(out, n);
}

// "bucket/key" without a slash in front.
static struct object object_of(struct span path)
{
    size_t slash = span_find(path, '/');
    struct object o = {.bucket = span_sub(path, 0, slash),
                       .key = span_sub(path, slash + 1, path.len)};
    if (span_istarts(o.bucket, SPAN("arn:"))) // its own slashes are not told from the key's
        o.key = (struct span){NULL, 0};
    return o;
}

// Of a host of one's own a route tells: with *.s3.test the star stands for the bucket, as long as
// it goes on in the Host field.
static struct span bucket_in_own_host(const struct plan_ctx *c)
{
    struct span host = c->asked.host;
    struct span glob = span_of(c->route ? c->route->glob : NULL);
    struct span rest = span_sub(glob, 1, glob.len);
    if (!span_starts(glob, SPAN("*.")) || span_find(rest, '*') < rest.len ||
        !span_ends(host, rest) || !span_starts(c->out->host, host))
        return SPAN("");
    return span_sub(host, 0, host.len - rest.len);
}

static struct span lower(struct span s, struct arena *a)
{
    char *out = arena_alloc(a, s.len + 1);
    for (size_t i = 0; i < s.len; i++)
        out[i] = ascii_lower(s.p[i]);
    return span_from(out, s.len);
}

// S3 goes by the Host field that it gets, whatever name the client asked for.
static void find_bucket(struct question *q)
{
    struct plan_ctx *c = q->c;
    struct span sent = span_sub(c->out->host, 0, span_find(c->out->host, ':'));
    struct hosts_answer is = c->host;
    bool is_moved = c->host.bucket.len && !span_eq(c->out->path, c->uri.path); // route_path_style
    if (q->path.p && !is_moved)
        hosts_classify(lower(sent, c->a), c->a, &is);
    q->bucket = is.is_aws || !q->path.p ? is.bucket : bucket_in_own_host(c);
    q->hides_bucket = is.hides_bucket || is.is_control;
    q->hides_key = is.is_control;
}

// path: "/bucket/key", or "/key" where the bucket is known.
static void add_object(struct question *q, struct span bucket, struct span path)
{
    path = span_sub(path, 1, path.len);
    bool is_source = q->n_objects > 1;
    bool is_hidden = !is_source && q->hides_bucket;
    struct object o =
        bucket.len || is_hidden ? (struct object){.bucket = bucket, .key = path} : object_of(path);
    if (is_hidden || hosts_is_access_point(o.bucket))
        o.bucket = (struct span){NULL, 0};
    if (!is_source && q->hides_key)
        o.key = (struct span){NULL, 0};
    if (!is_source && !o.key.len && span_is(q->c->msg->method, "POST"))
        o.key = (struct span){NULL, 0}; // a batch, or a form
    q->objects[q->n_objects++] = o;
}

// Which of several sources counts is the server's to say.
static void add_source(struct question *q, struct span from)
{
    struct arena *a = q->c->a;
    from = uri_decode(span_sub(from, 0, span_find(from, '?')), a);
    if (!span_starts(from, SPAN("/")))
        from = arena_spanf(a, "/%.*s", SPAN_ARG(from));
    if (q->n_objects + 2 > OBJECTS_MAX) {
        q->objects[2] = (struct object){.bucket = {NULL, 0}, .key = {NULL, 0}};
        return;
    }
    add_object(q, SPAN(""), from);
    add_object(q, SPAN(""), tidy(from, a));
}

static bool is_source_name(struct span name)
{
    return span_iis(name, "x-amz-copy-source") || span_iis(name, "x-amz-rename-source");
}

// SDKs that presign move fields of that kind to the query.
static void find_sources(struct question *q)
{
    struct plan_ctx *c = q->c;
    struct span query = c->uri.query;
    struct span piece;
    for (unsigned i = 0; i < c->msg->hdrs.n; i++) {
        const struct hdr *h = &c->msg->hdrs.v[i];
        if (is_source_name(h->name))
            add_source(q, h->value);
    }
    while (query.len && span_next(&query, '&', &piece)) {
        size_t eq = span_find(piece, '=');
        if (is_source_name(uri_decode(span_sub(piece, 0, eq), c->a)))
            add_source(q, uri_decode(span_sub(piece, eq + 1, piece.len), c->a));
    }
}

static void find_objects(struct question *q)
{
    struct plan_ctx *c = q->c;
    find_bucket(q);
    if (!q->path.p) { // a tunnel: the name alone tells
        q->objects[0] = (struct object){.bucket = q->bucket, .key = {NULL, 0}};
        q->n_objects = q->bucket.len > 0;
        return;
    }
    add_object(q, q->bucket, q->path);
    add_object(q, q->bucket, tidy(q->path, c->a));
    find_sources(q);
}

static struct question ask(struct plan_ctx *c)
{
    const struct plan *p = c->out;
    bool is_aws = c->host.verdict == HOSTS_SIGN;
    struct question q = {.c = c, .host = route_name(c), .service = p->service, .region = p->region};
    if (!p->is_signed) {
        q.service = c->route && c->route->service ? span_of(c->route->service) : SPAN("");
        q.region = c->route && c->route->region ? span_of(c->route->region) : SPAN("");
        if (!q.service.len && is_aws)
            q.service = c->host.service;
        if (!q.region.len && is_aws)
            q.region = c->host.region;
    }
    if (c->uri.form != URI_AUTHORITY)
        q.path = uri_decode(c->uri.path, c->a);
    if (scope_is_s3_family(q.service))
        find_objects(&q);
    return q;
}

// ---- matchers. A list that is empty matches everything

static bool has_glob(const struct config_list *l, struct span s)
{
    for (unsigned i = 0; i < l->n; i++)
        if (glob_matches(span_of(l->v[i]), s))
            return true;
    return false;
}

static enum match match_globs(const struct config_list *l, struct span s)
{
    return !l->n || has_glob(l, s) ? MATCH_YES : MATCH_NO;
}

// With an upstream of its own a route leads to the same place whatever port the client writes.
static enum match match_host(const struct config_policy *p, const struct question *q)
{
    enum match m = match_globs(&p->host, q->host);
    return m == MATCH_NO && has_glob(&p->host, q->c->asked.host) ? MATCH_PERHAPS : m;
}

// SigV4A's set counts by its members.
static enum match match_regions(const struct config_list *l, struct span set)
{
    struct span rest = set;
    struct span one;
    unsigned n = 0;
    unsigned hits = 0;
    if (!l->n)
        return MATCH_YES;
    while (span_next(&rest, ',', &one)) {
        n++;
        hits += has_glob(l, one);
    }
    if (span_is(set, "*") && !hits)
        return MATCH_PERHAPS;
    return hits == n ? MATCH_YES : hits ? MATCH_PERHAPS : MATCH_NO;
}

static bool has_prefix(const struct config_list *l, struct span s)
{
    for (unsigned i = 0; i < l->n; i++)
        if (span_starts(s, span_of(l->v[i])))
            return true;
    return false;
}

static enum match match_method(const struct config_list *l, struct span method)
{
    for (unsigned i = 0; i < l->n; i++)
        if (span_is(method, l->v[i]))
            return MATCH_YES;
    return l->n ? MATCH_NO : MATCH_YES;
}

static enum match match_path(const struct config_list *l, const struct question *q)
{
    if (!l->n)
        return MATCH_YES;
    if (!q->path.p)
        return MATCH_NO;
    return agree(has_prefix(l, q->path) ? MATCH_YES : MATCH_NO,
                 has_prefix(l, tidy(q->path, q->c->a)) ? MATCH_YES : MATCH_NO);
}

static enum match match_object(const struct config_policy *p, const struct object *o)
{
    enum match bucket = match_globs(&p->bucket, o->bucket);
    enum match key = !p->key.n || has_prefix(&p->key, o->key) ? MATCH_YES : MATCH_NO;
    if (p->bucket.n && !o->bucket.p)
        bucket = MATCH_PERHAPS;
    if (p->key.n && !o->key.p)
        key = MATCH_PERHAPS;
    return both(bucket, key);
}

static enum match match_objects(const struct config_policy *p, const struct question *q)
{
    if (!p->bucket.n && !p->key.n)
        return MATCH_YES;
    if (!q->n_objects)
        return MATCH_NO;
    enum match m = match_object(p, &q->objects[0]);
    for (unsigned i = 1; i < q->n_objects; i++)
        m = agree(m, match_object(p, &q->objects[i]));
    return m;
}

static enum match match(const struct config_policy *p, const struct question *q)
{
    const struct plan_client *who = q->c->in->client;
    if (p->client.n && !clients_have(&p->client, who))
        return MATCH_NO;
    enum match m = match_host(p, q);
    m = both(m, match_globs(&p->service, q->service));
    m = both(m, match_regions(&p->region, q->region));
    m = both(m, match_method(&p->method, q->c->msg->method));
    if (m != MATCH_NO)
        m = both(m, match_path(&p->path, q));
    return m == MATCH_NO ? m : both(m, match_objects(p, q));
}

static const char *name_of(const struct config_policy *p, struct arena *a)
{
    char place[CONFIG_PLACE];
    (void)config_place(p->file, p->line, place);
    return p->name ? arena_printf(a, "[policy \"%s\"] in %s", p->name, place)
                   : arena_printf(a, "[policy] in %s", place);
}

bool policies_allow(struct plan_ctx *c)
{
    const struct config *config = c->config;
    if (!config->n_policies)
        return true;
    struct question q = ask(c);
    for (unsigned i = 0; i < config->n_policies; i++) {
        const struct config_policy *p = &config->policies[i];
        bool is_deny = p->action == ACTION_DENY;
        if (match(p, &q) < (is_deny ? MATCH_PERHAPS : MATCH_YES))
            continue;
        c->out->rule_policy = name_of(p, c->a);
        if (is_deny)
            return plan_deny(c, 403, "policy-denied",
                             "%s denies this request; what it matches is for the proxy's "
                             "configuration to say",
                             c->out->rule_policy);
        return true;
    }
    return true;
}
