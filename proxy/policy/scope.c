// SPDX-License-Identifier: Apache-2.0
// Service and region, from whoever may say so first: the route; --name with --region; what a host
// names; the scope in the client's own (dummy) signature; --name or --region alone; the region that
// was resolved at start. Each fills only what is still open, and the plan tells who filled it.
#include "policy/plan_int.h"

struct scope {
    struct span service, region;
    const char *service_rule, *region_rule;
};

static void fill(struct scope *s, struct span service, struct span region, const char *rule)
{
    if (!s->service.len && service.len) {
        s->service = service;
        s->service_rule = rule;
    }
    if (!s->region.len && region.len) {
        s->region = region;
        s->region_rule = rule;
    }
}

static void fill_from_host(struct plan_ctx *c, struct scope *s, struct span host, const char *rule)
{
    struct hosts_answer h;
    hosts_classify(host, c->a, &h);
    if (h.verdict == HOSTS_SIGN)
        fill(s, h.service, h.region, rule);
}

static bool is_scope_word(struct span s)
{
    if (s.len == 0 || s.len > 64)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char ch = ascii_lower(s.p[i]);
        if (!(ch >= 'a' && ch <= 'z') && !(ch >= '0' && ch <= '9') && ch != '-')
            return false;
    }
    return true;
}

// Authorization: AWS4-HMAC-SHA256 Credential=AKID/date/region/service/aws4_request, ...
static void fill_from_client(struct plan_ctx *c, struct scope *s)
{
    struct span value = hdrs_get(&c->msg->hdrs, SPAN("Authorization"));
    const struct span algorithm = SPAN("AWS4-HMAC-SHA256 ");
    struct span part;
    if (!span_istarts(value, algorithm))
        return;
    value = span_sub(value, algorithm.len, value.len);
    while (span_next(&value, ',', &part)) {
        part = span_trim(part);
        if (!span_istarts(part, SPAN("Credential=")))
            continue;
        struct span words[5];
        unsigned n = 0;
        // From the right: an access key may hold a slash with some S3 servers.
        for (; n < 4 && span_rfind(part, '/') < part.len; n++) {
            size_t at = span_rfind(part, '/');
            words[n] = span_sub(part, at + 1, part.len);
            part = span_sub(part, 0, at);
        }
        if (n == 4 && span_is(words[0], "aws4_request") && is_scope_word(words[1]) &&
            is_scope_word(words[2]))
            fill(s, words[1], words[2], "client's signature");
        return;
    }
}

// Hosts that serve two signing names, told apart by the path.
static struct span by_path(struct span service, struct span path)
{
    bool is_geo = span_is(service, "geo-maps") || span_is(service, "geo-places") ||
                  span_is(service, "geo-routes");
    if (is_geo && (span_starts(path, SPAN("/maps/v0")) || span_starts(path, SPAN("/places/v0")) ||
                   span_starts(path, SPAN("/routes/v0"))))
        return SPAN("geo");
    if (span_is(service, "iotdata") && span_is(path, "/mqtt"))
        return SPAN("iotdevicegateway"); // MQTT over WebSocket
    return service;
}

bool scope_is_s3_family(struct span service)
{
    return span_is(service, "s3") || span_is(service, "s3express") ||
           span_is(service, "s3-outposts") || span_is(service, "s3-object-lambda");
}

static void gather(struct plan_ctx *c, struct scope *s)
{
    const struct config *config = c->config;
    struct span name = span_of(config->name);
    struct span region = span_of(config->region);
    if (c->route)
        fill(s, span_of(c->route->service), span_of(c->route->region), "route");
    if (name.len && region.len)
        fill(s, name, region, "name and region");
    if (c->host.verdict == HOSTS_SIGN)
        fill(s, c->host.service, c->host.region, c->host.rule);
    const char *sign_host =
        c->route && c->route->sign_host ? c->route->sign_host : config->sign_host;
    fill_from_host(c, s, span_of(sign_host), "sign_host's name");
    if (c->has_upstream)
        fill_from_host(c, s, c->named.host, "upstream's name");
    fill_from_client(c, s);
    fill(s, name, region, "name or region alone");
    fill(s, SPAN(""), c->in->default_region, "default region");
    fill(s, SPAN(""), SPAN("us-east-1"), "last resort");
}

bool scope_find(struct plan_ctx *c)
{
    struct plan *p = c->out;
    struct scope s = {.service_rule = "nobody", .region_rule = "nobody"};
    gather(c, &s);
    if (!s.service.len) {
        struct span name = route_name(c);
        return plan_deny(c, 403, "service-unknown",
                         "which service answers at \"%.*s\" is not known; add service to %s, or "
                         "start with --name",
                         SPAN_ARG(name), c->route ? p->rule_host : "a route for it");
    }
    if (span_is(s.region, "*"))
        return plan_deny(c, 501, "not-implemented",
                         "\"%.*s\" (%s) takes SigV4A signatures only, which is not built yet",
                         SPAN_ARG(c->asked.host), c->host.rule);
    p->service = by_path(s.service, p->path);
    p->region = s.region;
    p->is_s3_family = scope_is_s3_family(p->service);
    p->rule_scope =
        arena_printf(c->a, "service by %s, region by %s", s.service_rule, s.region_rule);
    return true;
}
