// SPDX-License-Identifier: Apache-2.0
// Which upstreams are reached through upstream_proxy. Never this machine and never what only this
// host reaches (VPC Lattice's link-local addresses). The proxy looks names up by itself: our rules
// for addresses then hold for literals, which are judged before, and for the proxy's own address.
#include "policy/plan_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "policy/clients.h"

static bool is_listed_name(const struct config_list *list, struct span host)
{
    for (unsigned i = 0; i < list->n; i++) {
        struct span entry = span_of(list->v[i]);
        if (span_is(entry, "*"))
            return true;
        if (span_starts(entry, SPAN(".")))
            entry = span_sub(entry, 1, entry.len);
        bool is_below = host.len > entry.len && host.p[host.len - entry.len - 1] == '.';
        if (span_eq(host, entry) || (is_below && span_ends(host, entry)))
            return true;
    }
    return false;
}

static bool is_listed_address(const struct config_list *list, const struct uri_authority *h)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    char text[INET6_ADDRSTRLEN];
    if (h->kind == URI_NAME || h->host.len >= sizeof(text))
        return false;
    memcpy(text, h->host.p, h->host.len);
    text[h->host.len] = '\0';
    if (h->kind == URI_IPV4)
        return inet_pton(AF_INET, text, &in.sin_addr) == 1 &&
               clients_have_address(list, (struct sockaddr *)&in);
    return inet_pton(AF_INET6, text, &in6.sin6_addr) == 1 &&
           clients_have_address(list, (struct sockaddr *)&in6);
}

static bool goes_past(const struct plan_ctx *c)
{
    const struct config_list *list = &c->config->no_proxy;
    const struct uri_authority *u = &c->out->upstream;
    if (route_is_loopback(u) || c->out->link_local_ok)
        return true;
    return list->n && (is_listed_name(list, u->host) || is_listed_address(list, u));
}

bool upstream_proxy_find(struct plan_ctx *c)
{
    struct plan *p = c->out;
    const char *url = c->config->upstream_proxy;
    struct err e;
    if (c->route && c->route->upstream_proxy)
        url = c->route->upstream_proxy;
    if (!url || strcmp(url, "none") == 0 || goes_past(c))
        return true;
    struct span rest = span_sub(span_of(url), sizeof("http://") - 1, strlen(url));
    size_t at = span_rfind(rest, '@');
    if (at < rest.len) {
        p->via_userinfo = span_sub(rest, 0, at);
        rest = span_sub(rest, at + 1, rest.len);
    }
    if (span_ends(rest, SPAN("/")))
        rest.len--;
    if (uri_parse_authority(rest, c->a, &p->via, &e) != ST_OK)
        return plan_deny(c, 502, "connect-failed", "upstream_proxy: %s", e.text);
    p->has_via = true;
    return true;
}
