// SPDX-License-Identifier: Apache-2.0
// Which rule a request falls under, whom that dials, and what stands in Host. TLS unless a route's
// upstream (or --host with upstream_url_scheme) says http: an http:// URL of an AWS host is what a
// legacy tool sends, and is upgraded.
#include "policy/plan_int.h"

#include <string.h>

#include "policy/glob.h"

bool route_is_loopback(const struct uri_authority *h)
{
    switch (h->kind) {
    case URI_IPV4:
        return span_starts(h->host, SPAN("127."));
    case URI_IPV6:
        return span_is(h->host, "::1");
    case URI_NAME:
        break;
    }
    return span_is(h->host, "localhost") || span_ends(h->host, SPAN(".localhost"));
}

struct span route_name(const struct plan_ctx *c)
{
    // A CONNECT has no scheme: its port says which one is meant. And http://HOST:443 leads where
    // https://HOST does: it must not get around the rules for that.
    bool is_https = c->asked_https || c->asked.port == 443 ||
                    (c->uri.form == URI_AUTHORITY && c->asked.port != 80);
    return uri_format_host(&c->asked, is_https, c->a);
}

static const char *find_glob(const struct config_list *globs, struct span name)
{
    for (unsigned i = 0; i < globs->n; i++)
        if (glob_matches(span_of(globs->v[i]), name))
            return globs->v[i];
    return NULL;
}

static const struct config_route *find_route(const struct config *config, struct span name)
{
    const struct config_route *named = config_route_named(config, name);
    for (unsigned i = 0; i < config->n_starred; i++) {
        const struct config_route *r = config->starred_routes[i];
        if (named && named < r) // both lie in the file's order
            break;
        if (glob_matches(span_of(r->glob), name))
            return r;
    }
    return named;
}

static bool is_star(const char *glob)
{
    return strcmp(glob, "*") == 0;
}

static bool same_host(const char *text, const struct plan_ctx *c)
{
    struct uri_authority h;
    if (!text || uri_parse_authority(span_of(text), c->a, &h, NULL) != ST_OK)
        return false;
    return span_eq(h.host, c->asked.host);
}

// Names that say no more than "you there" where --host says whom to ask.
static bool is_alias(const struct plan_ctx *c, struct span name)
{
    const struct config *config = c->config;
    return config->host &&
           (route_is_loopback(&c->asked) || same_host(config->host, c) ||
            same_host(config->sign_host, c) || find_glob(&config->allow_hosts, name) ||
            find_glob(&config->allow_hosts, c->asked.host));
}

static bool read_upstream(struct plan_ctx *c)
{
    struct err e;
    struct uri url;
    char place[CONFIG_PLACE];
    if (c->route && c->route->upstream) {
        if (uri_parse_url(span_of(c->route->upstream), c->a, &url, &e) != ST_OK)
            return plan_deny(c, 502, "connect-failed", "%s: upstream: %s",
                             config_place(c->route->file, c->route->line, place), e.text);
        c->named = url.authority;
        c->named_https = url.is_https;
        c->has_upstream = true;
    } else if (c->config->host && c->admitted != ADMITTED_UNSIGNED) {
        if (uri_parse_authority(span_of(c->config->host), c->a, &c->named, &e) != ST_OK)
            return plan_deny(c, 502, "connect-failed", "host: %s", e.text);
        c->named_https = c->config->upstream_url_scheme != SCHEME_HTTP;
        c->has_upstream = true;
    }
    return true;
}

// An intercepted tunnel: the requests in it say what the host's name leaves open, or are refused.
static bool is_settled_inside(const struct plan_ctx *c)
{
    return c->host.undecided.len && c->uri.form == URI_AUTHORITY &&
           c->config->connect == CONNECT_INTERCEPT;
}

// The most exact wish wins: a route before unsigned_hosts, and either before AWS's endpoints; but a
// bare "*" before neither of the others. A route that says nothing of signing leaves that to
// unsigned_hosts.
bool route_find(struct plan_ctx *c)
{
    const struct config *config = c->config;
    struct span name = route_name(c);
    if (c->asked.kind == URI_NAME)
        hosts_classify(c->asked.host, c->a, &c->host);
    else
        c->host.rule = "an address";
    scope_settle(c);
    c->route = find_route(config, name);
    const char *glob = find_glob(&config->unsigned_hosts, name);
    bool is_aws = c->host.verdict == HOSTS_SIGN;
    if (c->route && glob && is_star(c->route->glob) && !is_star(glob))
        c->route = NULL;
    if (c->route) {
        bool says_how = c->route->service || c->route->has_sign;
        c->admitted = glob && !says_how ? ADMITTED_UNSIGNED : ADMITTED_ROUTE;
        c->out->rule_host =
            ARENA_JOIN(c->a, SPAN("[route \""), span_of(c->route->glob), SPAN("\"]")).p;
    } else if (glob && !(is_star(glob) && is_aws)) {
        c->admitted = ADMITTED_UNSIGNED;
        c->out->rule_host = ARENA_JOIN(c->a, SPAN("unsigned_hosts "), span_of(glob)).p;
    } else if (is_aws) {
        c->admitted = ADMITTED_BUILT_IN;
        c->out->rule_host = ARENA_JOIN(c->a, SPAN("AWS host: "), span_of(c->host.rule)).p;
    } else if (c->host.takes_bearer &&
               span_istarts(hdrs_get(&c->msg->hdrs, SPAN("Authorization")), SPAN("Bearer "))) {
        c->admitted = ADMITTED_TOKEN;
        c->out->rule_host = "AWS host that takes the client's token";
    } else if (is_alias(c, name)) {
        c->admitted = ADMITTED_ALIAS;
        c->out->rule_host = "host";
    } else if (c->host.is_aws && c->host.verdict == HOSTS_UNKNOWN &&
               (config->name || is_settled_inside(c))) {
        c->admitted = ADMITTED_NAME;
        c->out->rule_host = "AWS host, service by name";
    }
    return read_upstream(c);
}

// The port that was asked for, 0 where it is the scheme's.
static uint16_t asked_port(const struct plan_ctx *c, bool is_tls)
{
    uint16_t port = c->asked.port;
    if (port == (c->asked_https ? 443 : 80) || (is_tls && port == 443))
        return 0;
    return port;
}

void route_upstream(struct plan_ctx *c)
{
    struct plan *p = c->out;
    if (c->has_upstream) {
        p->upstream = c->named;
        p->is_tls = c->named_https;
        p->loopback_ok = route_is_loopback(&c->named);
    } else {
        p->upstream = c->asked;
        p->is_tls = c->admitted != ADMITTED_UNSIGNED || c->asked_https;
        p->upstream.port = asked_port(c, p->is_tls);
    }
    if (!p->upstream.port)
        p->upstream.port = p->is_tls ? 443 : 80;
}

// The authority as the client wrote it: somebody's signature is over just that.
static struct span written_host(const struct plan_ctx *c)
{
    struct span target = c->msg->target;
    if (c->uri.form != URI_ABSOLUTE)
        return hdrs_get(&c->msg->hdrs, SPAN("Host"));
    target = span_sub(target, span_find(target, ':') + 3, target.len); // "://"
    size_t end = span_find(target, '/');
    size_t query = span_find(target, '?');
    return span_sub(target, 0, end < query ? end : query);
}

bool route_host_field(struct plan_ctx *c)
{
    struct plan *p = c->out;
    struct err e;
    const char *who = c->config->sign_host;
    if (c->route && c->route->sign_host)
        who = c->route->sign_host;
    if (!who || c->is_passed || c->admitted == ADMITTED_UNSIGNED)
        who = "client";
    bool is_client = strcmp(who, "client") == 0;
    bool is_nobody = c->admitted == ADMITTED_ALIAS ||
                     (route_is_loopback(&c->asked) && !route_is_loopback(&p->upstream));
    if (strcmp(who, "upstream") == 0 || (is_client && is_nobody)) {
        p->host = uri_format_host(&p->upstream, p->is_tls, c->a);
        return true;
    }
    struct span written = c->is_passed ? written_host(c) : SPAN("");
    if (written.len) { // HTTP/1.0 may say none
        p->host = written;
        return true;
    }
    struct uri_authority h = c->asked;
    h.port = asked_port(c, p->is_tls);
    if (!is_client && uri_parse_authority(span_of(who), c->a, &h, &e) != ST_OK)
        return plan_deny(c, 502, "connect-failed", "sign_host: %s", e.text);
    p->host = uri_format_host(&h, p->is_tls, c->a);
    return true;
}

// A bucket with dots has no certificate: *.s3.REGION covers one label. The name check stays as it
// is, so the bucket moves from the host to the path, where S3 takes it as well.
void route_path_style(struct plan_ctx *c)
{
    struct plan *p = c->out;
    struct span bucket = c->host.bucket;
    bool is_dialled = p->is_tls && !c->has_upstream;
    if (span_find(bucket, '.') == bucket.len || !(is_dialled || c->in->is_presign) ||
        !span_starts(p->host, bucket))
        return;
    struct uri_authority h = c->asked;
    h.host = span_sub(h.host, bucket.len + 1, h.host.len);
    h.port = asked_port(c, true);
    if (is_dialled)
        p->upstream.host = h.host;
    p->host = uri_format_host(&h, true, c->a);
    p->path = arena_spanf(c->a, "/%.*s%.*s", SPAN_ARG(bucket), SPAN_ARG(p->path));
    p->rule_host = arena_printf(c->a, "%s, dotted bucket in path style", p->rule_host);
}
