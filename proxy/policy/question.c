// SPDX-License-Identifier: Apache-2.0
// What a request is about, for [policy] sections. The one hard idea: a path may be read with or
// without its dot segments, a copy touches two objects, a batch names its keys in the body; so
// objects come in several readings, and what the path names is known only where all of them agree.
#include <string.h>

#include "policy/question_int.h"

// Most paths are.
static bool is_tidy(struct span path)
{
    for (size_t i = 0; i + 1 < path.len; i++)
        if (path.p[i] == '/' && (path.p[i + 1] == '/' || path.p[i + 1] == '.'))
            return false;
    return span_starts(path, SPAN("/"));
}

// Without dot segments and doubled slashes (RFC 3986 5.2.4), as a server that keeps files reads it.
static struct span tidy(struct span path, struct arena *a)
{
    if (is_tidy(path))
        return path;
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

static struct span sent_host(const struct plan_ctx *c)
{
    struct span sent = span_sub(c->out->host, 0, span_find(c->out->host, ':'));
    return span_eq(sent, c->asked.host) ? c->asked.host : lower(sent, c->a);
}

// A name of one's own that AWS's S3 gets to see is that of the bucket.
static bool is_bucket_itself(const struct plan_ctx *c)
{
    struct hosts_answer is;
    hosts_classify(c->out->upstream.host, c->a, &is);
    return is.is_aws && scope_is_s3_family(is.service);
}

static struct span bucket_in(const struct plan_ctx *c, struct span sent)
{
    struct span bucket = bucket_in_own_host(c);
    return bucket.len || !is_bucket_itself(c) ? bucket : sent;
}

// S3 goes by the Host field that it gets, whatever name the client asked for.
static void find_bucket(struct question *q)
{
    struct plan_ctx *c = q->c;
    struct span sent = sent_host(c);
    struct hosts_answer is = c->host;
    bool is_moved = c->host.bucket.len && !span_eq(c->out->path, c->uri.path); // route_path_style
    if (q->path.p && !is_moved && !span_eq(sent, c->asked.host))
        hosts_classify(sent, c->a, &is);
    q->bucket = is.is_aws || !q->path.p ? is.bucket : bucket_in(c, sent);
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

// Which of several sources counts is the server's to say, and whether a plus is a blank.
static void add_source(struct question *q, struct span from)
{
    struct arena *a = q->c->a;
    from = span_sub(from, 0, span_find(from, '?'));
    bool has_plus = span_find(from, '+') < from.len;
    from = uri_decode(from, a);
    if (!span_starts(from, SPAN("/")))
        from = arena_spanf(a, "/%.*s", SPAN_ARG(from));
    if (q->n_objects + 2 > OBJECTS_MAX) {
        q->objects[2] = (struct object){.bucket = {NULL, 0}, .key = {NULL, 0}};
        return;
    }
    add_object(q, SPAN(""), from);
    add_object(q, SPAN(""), tidy(from, a));
    if (has_plus)
        q->objects[q->n_objects - 1].key = (struct span){NULL, 0};
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
    if (!q->path.p) { // a tunnel: the name alone tells
        q->objects[0] = (struct object){.bucket = q->bucket, .key = {NULL, 0}};
        q->n_objects = q->bucket.len > 0;
        return;
    }
    add_object(q, q->bucket, q->path);
    add_object(q, q->bucket, q->tidied);
    find_sources(q);
}

// What a path names, with a slash in front.
static enum action_level level_of(const struct question *q, struct span path)
{
    struct span rest = span_sub(path, 1, path.len);
    struct span bucket = span_sub(rest, 0, span_find(rest, '/'));
    if (q->bucket.len || q->hides_bucket)
        return rest.len ? ACTION_ON_OBJECT : ACTION_ON_BUCKET;
    if (!rest.len)
        return ACTION_ON_SERVICE;
    if (!bucket.len || span_istarts(bucket, SPAN("arn:")))
        return ACTION_NOWHERE;
    return rest.len > bucket.len + 1 ? ACTION_ON_OBJECT : ACTION_ON_BUCKET;
}

static enum action_level find_level(const struct question *q)
{
    enum action_level level = level_of(q, q->c->uri.path);
    bool is_certain = level == level_of(q, q->path) && level == level_of(q, q->tidied);
    return is_certain && !q->hides_key ? level : ACTION_NOWHERE;
}

static void find_action(const struct question *q)
{
    struct plan_ctx *c = q->c;
    struct plan *p = c->out;
    static const struct plan_form lost = {.state = PLAN_FORM_LOST}; // nobody sends it through here
    struct action_ask ask = {.msg = c->msg,
                             .service = q->service,
                             .host = sent_host(c),
                             .upstream = p->upstream.host,
                             .path = c->uri.path,
                             .query = c->uri.query,
                             .is_presign = c->in->is_presign ||
                                           (p->is_signed && p->sign == PLAN_SIGN_REDIRECT),
                             .form = p->body == PLAN_BODY_NONE ? &lost : &c->in->form,
                             .form_max = c->config->body_memory};
    p->action = (struct plan_action){.service = q->service};
    if (!q->path.p)
        return;
    if (scope_is_s3_family(q->service))
        ask.level = find_level(q);
    p->is_object = ask.level == ACTION_ON_OBJECT;
    action_find(&ask, c->a, &p->action);
}

// Of what goes on unsigned: the route says, or a name of AWS's, that which was asked for or that
// which is dialled in its place.
static void find_scope(struct question *q)
{
    const struct plan_ctx *c = q->c;
    struct hosts_answer dialled = c->host;
    struct span upstream = c->out->upstream.host;
    if (!c->host.is_aws && upstream.len)
        hosts_classify(upstream, c->a, &dialled);
    q->is_aws = dialled.is_aws;
    q->service = c->route && c->route->service ? span_of(c->route->service) : SPAN("");
    q->region = c->route && c->route->region ? span_of(c->route->region) : SPAN("");
    if (!q->service.len && dialled.verdict == HOSTS_SIGN)
        q->service = dialled.service;
    if (!q->region.len && dialled.verdict == HOSTS_SIGN)
        q->region = dialled.region;
}

struct question question_ask(struct plan_ctx *c)
{
    const struct plan *p = c->out;
    struct question q = {.c = c, .host = route_name(c), .service = p->service, .region = p->region};
    if (!p->is_signed)
        find_scope(&q);
    if (c->uri.form != URI_AUTHORITY)
        q.path = span_find(c->uri.path, '%') < c->uri.path.len ? uri_decode(c->uri.path, c->a)
                                                               : c->uri.path;
    if (q.path.p)
        q.tidied = tidy(q.path, c->a);
    q.opens_session =
        span_is(q.service, "s3express") && grant_has_parameter(c->uri.query, "session");
    if (scope_is_s3_family(q.service))
        find_bucket(&q);
    if (scope_is_s3_family(q.service) && c->config->n_policies)
        find_objects(&q);
    for (unsigned i = 0; q.opens_session && i < q.n_objects; i++)
        q.objects[i].key = (struct span){NULL, 0}; // any
    find_action(&q);
    return q;
}
