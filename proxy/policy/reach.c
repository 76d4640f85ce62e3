// SPDX-License-Identifier: Apache-2.0
#include "policy/reach.h"

#include <string.h>

#include "http/uri.h"
#include "policy/glob.h"
#include "policy/hosts.h"

static bool is_there(const struct uri_authority *named, bool is_tls, const struct reach *to)
{
    uint16_t port = named->port ? named->port : is_tls ? 443 : 80;
    return is_tls == to->is_tls && port == to->port && span_eq(named->host, to->host);
}

static bool is_route_to(const struct config_route *r, const struct reach *to, struct arena *a)
{
    struct uri url;
    if (!r->upstream)
        return glob_matches(span_of(r->glob), to->name);
    return uri_parse_url(span_of(r->upstream), a, &url, NULL) == ST_OK &&
           is_there(&url.authority, url.is_https, to);
}

static bool is_general_upstream(const struct config *c, const struct reach *to, struct arena *a)
{
    struct uri_authority named;
    return c->host && uri_parse_authority(span_of(c->host), a, &named, NULL) == ST_OK &&
           is_there(&named, c->upstream_url_scheme != SCHEME_HTTP, to);
}

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_same_list(const struct config_list *a, const struct config_list *b)
{
    if (a->n != b->n)
        return false;
    for (unsigned i = 0; i < a->n; i++)
        if (strcmp(a->v[i], b->v[i]) != 0)
            return false;
    return true;
}

static bool has_proxy_in_routes(const struct config *c)
{
    for (unsigned i = 0; i < c->n_routes; i++)
        if (c->routes[i].upstream_proxy)
            return true;
    return false;
}

bool reach_is_same_way(const struct config *a, const struct config *b)
{
    if (!is_same_text(a->upstream_proxy, b->upstream_proxy) ||
        !is_same_list(&a->no_proxy, &b->no_proxy))
        return false;
    if (!has_proxy_in_routes(a) && !has_proxy_in_routes(b))
        return true;
    if (a->n_routes != b->n_routes)
        return false;
    for (unsigned i = 0; i < a->n_routes; i++)
        if (!is_same_text(a->routes[i].glob, b->routes[i].glob) ||
            !is_same_text(a->routes[i].upstream_proxy, b->routes[i].upstream_proxy))
            return false;
    return true;
}

bool reach_may(const struct config *c, struct reach *to, struct arena *a)
{
    struct hosts_answer host;
    struct uri_authority dialled = {.host = to->host, .port = to->port};
    if (span_find(to->host, ':') < to->host.len)
        dialled.kind = URI_IPV6;
    to->name = uri_format_host(&dialled, to->is_tls, a);
    for (unsigned i = 0; i < c->n_routes; i++)
        if (is_route_to(&c->routes[i], to, a))
            return true;
    for (unsigned i = 0; i < c->unsigned_hosts.n; i++)
        if (glob_matches(span_of(c->unsigned_hosts.v[i]), to->name))
            return true;
    hosts_classify(to->host, a, &host);
    return host.is_aws || is_general_upstream(c, to, a);
}
