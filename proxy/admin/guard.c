// SPDX-License-Identifier: Apache-2.0
// Who may ask. A web page in somebody's browser can send requests to loopback and, by DNS
// rebinding, even read the answers: so Host must name this listener, and marks of a browser refuse.
// Beyond loopback a token is asked for. Health and metrics on the probe listener hold no names and
// take no orders: they need none of that.
#include "admin/admin_int.h"
#include "http/uri.h"
#include "net/listen.h"

static bool is_listed(const struct config_list *names, struct span host)
{
    for (unsigned i = 0; i < names->n; i++)
        if (span_iis(host, names->v[i]))
            return true;
    return false;
}

static bool is_own_host(const struct admin_call *c, bool is_near)
{
    struct uri_authority host;
    struct net_addr addr;
    struct span value = hdrs_get(&c->msg->hdrs, SPAN("host"));
    if (!value.p)
        return c->msg->minor == 0;
    if (uri_parse_authority(value, c->arena, &host, NULL) != ST_OK)
        return false;
    if (host.kind == URI_NAME)
        return span_is(host.host, "localhost") || is_listed(&c->config->admin_hosts, host.host);
    // A literal can't be rebound; beyond loopback any of the machine's may be meant.
    return net_addr_parse(host.host, 0, &addr) == ST_OK &&
           (!is_near || net_addr_is_loopback(&addr));
}

static bool is_from_page(const struct msg *m)
{
    struct span site = hdrs_get(&m->hdrs, SPAN("sec-fetch-site"));
    bool is_same = !site.p || span_is(site, "none") || span_is(site, "same-origin");
    return !is_same || hdrs_get(&m->hdrs, SPAN("origin")).p;
}

// Web apps ask for the URLs to which they then upload: pages of listed origins may use the one page
// that serves them, and are told so (https://fetch.spec.whatwg.org/#http-cors-protocol).
static bool is_listed_page(struct admin_call *c)
{
    const struct config_list *origins = &c->config->presign_origins;
    struct span origin = hdrs_get(&c->msg->hdrs, SPAN("origin"));
    if (!c->page || !c->page->takes_origins || hdrs_count(&c->msg->hdrs, SPAN("origin")) != 1 ||
        !is_listed(origins, origin))
        return false;
    hdrs_add(&c->extra, c->arena, SPAN("Access-Control-Allow-Origin"), origin);
    hdrs_add(&c->extra, c->arena, SPAN("Vary"), SPAN("Origin"));
    return true;
}

static bool is_preflight(const struct admin_call *c)
{
    return span_is(c->msg->method, "OPTIONS") && c->extra.n &&
           hdrs_find(&c->msg->hdrs, SPAN("access-control-request-method"));
}

static bool answer_preflight(struct admin_call *c)
{
    static const struct hdr fields[] = {
        {SPAN("Access-Control-Allow-Methods"), SPAN("GET, POST")},
        {SPAN("Access-Control-Allow-Headers"), SPAN("Authorization, Content-Type")},
        {SPAN("Access-Control-Max-Age"), SPAN("600")},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        hdrs_add(&c->extra, c->arena, fields[i].name, fields[i].value);
    // A page of the Internet that asks an address of this network is asked about that, too.
    if (hdrs_find(&c->msg->hdrs, SPAN("access-control-request-private-network")))
        hdrs_add(&c->extra, c->arena, SPAN("Access-Control-Allow-Private-Network"), SPAN("true"));
    admin_reply(c, 204, NULL, SPAN(""));
    return false;
}

// The log names who asked by the token's name, too.
static bool has_token(struct admin_call *c)
{
    struct span value = hdrs_get(&c->msg->hdrs, SPAN("authorization"));
    if (!c->admin->tokens || !span_istarts(value, SPAN("bearer ")))
        return false;
    const char *name =
        token_set_find(token_file_get(c->admin->tokens), span_trim(span_sub(value, 7, value.len)));
    if (name) {
        c->client.token = arena_cstr(c->arena, span_of(name)); // the set may go before the call
        c->peer = arena_printf(c->arena, "%s %s", c->peer, c->client.token);
    }
    return name != NULL;
}

static bool takes_method(const struct admin_page *page, struct span method)
{
    struct span rest = span_of(page->methods);
    struct span one;
    while (span_next(&rest, ',', &one))
        if (span_eq(span_trim(one), method))
            return true;
    return false;
}

static bool refuse(struct admin_call *c, int status, const char *text)
{
    admin_say(c, status, text);
    return false;
}

bool admin_admits(struct admin_call *c)
{
    bool is_near = c->is_trusted;
    bool is_probe = admin_is_probe(c);
    if (is_probe && (!c->page || !c->page->is_public))
        return refuse(c, 404, "there are /healthz, /readyz and /metrics");
    if (!is_probe && !is_own_host(c, is_near))
        return refuse(c, 403, "Host does not name this listener; see admin_hosts");
    if (!is_probe && is_from_page(c->msg) && !is_listed_page(c))
        return refuse(c, 403, "requests of web pages are not answered; see presign_origins");
    if (is_preflight(c))
        return answer_preflight(c);
    if (!is_probe && !c->is_trusted)
        c->is_trusted = has_token(c);
    if (!c->page && c->is_trusted)
        return refuse(c, 404, admin_page_names());
    if (!c->is_trusted && (!c->page || !c->page->is_public))
        return refuse(c, 401, "a token of admin_token_file is needed: Authorization: Bearer TOKEN");
    if (!takes_method(c->page, c->msg->method))
        return refuse(c, 405, c->page->methods);
    return true;
}
