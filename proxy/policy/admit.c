// SPDX-License-Identifier: Apache-2.0
// Who may ask for what. A proxy that holds credentials answers to tools, not to web pages; it signs
// for hosts that a rule names and for no other; and it dials no address where a request would reach
// the machine's own secrets. Each refusal says which line of configuration would allow the request.
#include "policy/plan_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "policy/address.h"

bool plan_is_from_page(const struct hdrs *h)
{
    for (unsigned i = 0; i < h->n; i++) {
        struct span name = h->v[i].name;
        if (span_iis(name, "Origin") || span_iis(name, "Sec-Fetch-Site") ||
            span_istarts(name, SPAN("Access-Control-Request-")))
            return true;
    }
    return false;
}

static size_t find_blank(struct span s)
{
    size_t space = span_find(s, ' ');
    size_t tab = span_find(s, '\t');
    return space < tab ? space : tab;
}

// Via: 1*( [ protocol-name "/" ] version SP received-by [ SP comment ] ), comma separated.
static bool via_names(struct span via, struct span pseudonym)
{
    struct span entry;
    while (span_next(&via, ',', &entry)) {
        entry = span_trim(entry);
        struct span by = span_trim(span_sub(entry, find_blank(entry), entry.len));
        by = span_sub(by, 0, find_blank(by));
        if (span_ieq(by, pseudonym))
            return true;
    }
    return false;
}

bool admit_marks(struct plan_ctx *c)
{
    const struct hdrs *h = &c->msg->hdrs;
    if (plan_is_from_page(h))
        return plan_deny(c, 403, "browser-denied",
                         "a web page may not use this proxy (Origin, Sec-Fetch-Site or "
                         "Access-Control-Request-* in the request)");
    for (unsigned i = 0; c->in->own_pseudonym.len && i < h->n; i++)
        if (span_iis(h->v[i].name, "Via") && via_names(h->v[i].value, c->in->own_pseudonym))
            return plan_deny(c, 508, "loop",
                             "the request has been here before: a route's upstream or a proxy "
                             "behind this one leads back");
    return true;
}

static const char *literal_refusal(const struct uri_authority *h, const struct address_rules *rules)
{
    struct sockaddr_storage ss;
    char text[INET6_ADDRSTRLEN];
    memset(&ss, 0, sizeof(ss));
    if (h->kind == URI_NAME || h->host.len >= sizeof(text))
        return NULL;
    memcpy(text, h->host.p, h->host.len);
    text[h->host.len] = '\0';
    struct sockaddr_in *in = (struct sockaddr_in *)&ss;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
    ss.ss_family = h->kind == URI_IPV4 ? AF_INET : AF_INET6;
    void *to = h->kind == URI_IPV4 ? (void *)&in->sin_addr : (void *)&in6->sin6_addr;
    if (inet_pton(ss.ss_family, text, to) != 1)
        return "unspecified";
    return address_refusal((const struct sockaddr *)&ss, rules);
}

static bool deny_address(struct plan_ctx *c, const struct uri_authority *h, const char *why)
{
    bool is_metadata = strcmp(why, "metadata") == 0 || strcmp(why, "link-local") == 0;
    return plan_deny(c, 403, "address-denied", "%.*s is a %s address and is never dialled%s",
                     SPAN_ARG(h->host), why,
                     is_metadata ? "; give the client NO_PROXY=169.254.169.254,169.254.170.2,"
                                   "localhost so that it asks there itself"
                                 : "");
}

// What the client wrote, whatever stands in for it: a loopback literal passes here where a rule
// named it, and is judged again as the address that is dialled.
static bool admit_literal(struct plan_ctx *c)
{
    const struct address_rules rules = {.loopback_ok = true};
    const char *why = literal_refusal(&c->asked, &rules);
    return why ? deny_address(c, &c->asked, why) : true;
}

bool admit_address(struct plan_ctx *c)
{
    const struct plan *p = c->out;
    const struct address_rules rules = {.loopback_ok = p->loopback_ok,
                                        .link_local_ok = p->link_local_ok};
    const char *why = literal_refusal(&p->upstream, &rules);
    if (!why && !p->loopback_ok && route_is_loopback(&p->upstream))
        why = "loopback";
    if (why && strcmp(why, "loopback") == 0)
        return plan_deny(c, 403, "address-denied",
                         "%.*s is this machine; a route with upstream = http://%.*s:PORT would "
                         "allow it",
                         SPAN_ARG(p->upstream.host), SPAN_ARG(p->upstream.host));
    return why ? deny_address(c, &p->upstream, why) : true;
}

static bool deny_host(struct plan_ctx *c)
{
    struct span name = route_name(c);
    if (c->host.is_aws)
        return plan_deny(c, 403, "service-unknown",
                         "the AWS service behind \"%.*s\" is not known (%s); to sign for it add "
                         "[route \"%.*s\"] with service and region to the configuration",
                         SPAN_ARG(name), c->host.rule, SPAN_ARG(name));
    return plan_deny(c, 403, "host-denied",
                     "host \"%.*s\" is not allowed; to sign for it add [route \"%.*s\"] with "
                     "service, region (and upstream) to the configuration, to forward it unsigned "
                     "add it to unsigned_hosts",
                     SPAN_ARG(name), SPAN_ARG(name));
}

// Nobody said that requests to this host go unsigned.
static bool may_sign(const struct plan_ctx *c)
{
    return c->admitted != ADMITTED_UNSIGNED && c->admitted != ADMITTED_TOKEN &&
           !(c->route && c->route->has_sign && c->route->sign == SIGN_MODE_NONE);
}

bool admit_host(struct plan_ctx *c)
{
    if (!admit_literal(c))
        return false;
    if (c->host.verdict == HOSTS_NEVER_SIGN && may_sign(c)) {
        struct span name = route_name(c);
        return plan_deny(c, 403, "never-signed",
                         "requests to \"%.*s\" are never signed (%s); to forward them unsigned add "
                         "it to unsigned_hosts",
                         SPAN_ARG(name), c->host.rule);
    }
    return c->admitted == ADMITTED_NOT ? deny_host(c) : true;
}

static bool is_port_open(const struct plan_ctx *c)
{
    uint16_t port = c->asked.port;
    if (port == 443 || (port == 80 && c->intercepts))
        return true;
    struct span glob = span_of(c->route ? c->route->glob : NULL);
    size_t colon = span_rfind(glob, ':');
    uint64_t n = 0;
    return colon < glob.len && span_u64(span_sub(glob, colon + 1, glob.len), &n) && n == port;
}

static bool admit_tunnel(struct plan_ctx *c)
{
    struct span host = c->asked.host;
    if (c->admitted == ADMITTED_NAME || c->admitted == ADMITTED_TOKEN)
        return plan_deny(c, 403, "host-denied",
                         "CONNECT to \"%.*s\" is not allowed; [route \"%.*s\"] or unsigned_hosts "
                         "would allow it",
                         SPAN_ARG(host), SPAN_ARG(host));
    char place[CONFIG_PLACE];
    if (c->route && c->has_upstream && !c->named_https)
        return plan_deny(c, 403, "policy-denied",
                         "CONNECT to \"%.*s\" is not allowed: its route (%s) has an http:// "
                         "upstream, which speaks no TLS",
                         SPAN_ARG(host), config_place(c->route->file, c->route->line, place));
    return true;
}

bool admit_connect(struct plan_ctx *c)
{
    enum config_connect mode =
        c->route && c->route->has_connect ? c->route->connect : c->config->connect;
    struct span host = c->asked.host;
    if (mode == CONNECT_DENY)
        return plan_deny(c, 403, "policy-denied",
                         "CONNECT is not allowed here (connect = deny); send a plain http:// "
                         "request, it goes on over TLS and signed");
    c->intercepts = mode == CONNECT_INTERCEPT && may_sign(c);
    if (!is_port_open(c))
        return plan_deny(
            c, 403, "policy-denied",
            "CONNECT goes to port 443%s, not to %u; [route \"%.*s:%u\"] would allow it",
            c->intercepts ? " or 80" : " only", (unsigned)c->asked.port, SPAN_ARG(host),
            (unsigned)c->asked.port);
    if (c->admitted == ADMITTED_ALIAS)
        return plan_deny(c, 403, "host-denied",
                         "CONNECT to \"%.*s\" is not allowed; [route \"%.*s\"] or unsigned_hosts "
                         "would allow it",
                         SPAN_ARG(host), SPAN_ARG(host));
    return c->intercepts || admit_tunnel(c);
}
