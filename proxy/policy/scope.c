// SPDX-License-Identifier: Apache-2.0
// Service and region, from whoever may say so first: the route; --name with --region; what a host
// names; the scope in the client's own (dummy) signature; --name or --region alone; the region that
// was learned for the bucket; the one that was resolved at start. Each fills only what is still
// open, and the plan tells who filled it.
#include "policy/plan_int.h"

struct scope {
    struct span service, region;
    const char *service_rule, *region_rule;
    bool is_one_region; // region sets are passed over: SigV4 was asked for
};

static bool is_region_set(struct span region)
{
    return span_find(region, '*') < region.len || span_find(region, ',') < region.len;
}

static void fill(struct scope *s, struct span service, struct span region, const char *rule)
{
    if (!s->service.len && service.len) {
        s->service = service;
        s->service_rule = rule;
    }
    if (!s->region.len && region.len && !(s->is_one_region && is_region_set(region))) {
        s->region = region;
        s->region_rule = rule;
    }
}

static bool is_open(const struct scope *s)
{
    return !s->service.len || !s->region.len;
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

// AKID/date/region/service/aws4_request; SigV4A's has no region. Read from the right: an access key
// may hold a slash with some S3 servers.
static void fill_from_credential(struct scope *s, struct span credential, bool has_region)
{
    struct span words[4] = {{0}};
    unsigned want = has_region ? 4 : 3;
    for (unsigned n = 0; n < want; n++) {
        size_t at = span_rfind(credential, '/');
        if (at == credential.len)
            return;
        words[n] = span_sub(credential, at + 1, credential.len);
        credential = span_sub(credential, 0, at);
    }
    struct span region = has_region ? words[2] : SPAN("");
    if (span_is(words[0], "aws4_request") && is_scope_word(words[1]) &&
        (!has_region || is_scope_word(region)))
        fill(s, words[1], region, "client's signature");
}

// The scope in a presigned URL that is signed anew; its slashes are escaped.
static void fill_from_query(struct plan_ctx *c, struct scope *s)
{
    struct span escaped = grant_credential(c);
    char *out = arena_alloc(c->a, escaped.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < escaped.len; i++) {
        bool is_slash = span_istarts(span_sub(escaped, i, 3), SPAN("%2f"));
        out[len++] = (char)(is_slash ? '/' : escaped.p[i]);
        i += is_slash ? 2 : 0;
    }
    fill_from_credential(s, span_from(out, len), true);
}

// Authorization: AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=...
static void fill_from_client(struct plan_ctx *c, struct scope *s)
{
    struct span value = hdrs_get(&c->msg->hdrs, SPAN("Authorization"));
    size_t blank = span_find(value, ' ');
    struct span algorithm = span_sub(value, 0, blank);
    bool is_hmac = span_iis(algorithm, "AWS4-HMAC-SHA256");
    struct span part;
    if (!is_hmac && !span_iis(algorithm, "AWS4-ECDSA-P256-SHA256"))
        return;
    value = span_sub(value, blank, value.len);
    while (span_next(&value, ',', &part)) {
        const struct span name = SPAN("Credential=");
        part = span_trim(part);
        if (!span_istarts(part, name))
            continue;
        fill_from_credential(s, span_sub(part, name.len, part.len), is_hmac);
        return;
    }
}

void scope_settle(struct plan_ctx *c)
{
    struct hosts_answer *h = &c->host;
    struct scope s = {.service_rule = "nobody"};
    if (!h->undecided.len)
        return;
    fill_from_client(c, &s);
    if (!s.service.len || !hosts_may_sign_as(h->undecided, s.service))
        return;
    h->verdict = HOSTS_SIGN;
    h->service = s.service;
    h->rule = "a new name of a known family, the client's signature says which";
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
    fill(s, c->in->service, c->in->region, "request");
    if (c->route)
        fill(s, span_of(c->route->service), span_of(c->route->region), "route");
    if (name.len && region.len)
        fill(s, name, region, "name and region");
    if (c->host.verdict == HOSTS_SIGN)
        fill(s, c->host.service, c->host.region, c->host.rule);
    const char *sign_host =
        c->route && c->route->sign_host ? c->route->sign_host : config->sign_host;
    if (is_open(s)) { // the dear ones
        fill_from_host(c, s, span_of(sign_host), "sign_host's name");
        if (c->has_upstream)
            fill_from_host(c, s, c->named.host, "upstream's name");
        fill_from_client(c, s);
        fill_from_query(c, s);
    }
    fill(s, name, region, "name or region alone");
    fill(s, SPAN(""), c->in->bucket_region, "bucket's region, learned");
    fill(s, SPAN(""), c->in->default_region, "default region");
    fill(s, SPAN(""), SPAN("us-east-1"), "last resort");
}

static enum config_algorithm algorithm_of(const struct plan_ctx *c)
{
    return c->route && c->route->has_algorithm ? c->route->algorithm : c->config->algorithm;
}

bool scope_find(struct plan_ctx *c)
{
    struct plan *p = c->out;
    enum config_algorithm algorithm = algorithm_of(c);
    struct scope s = {.service_rule = "nobody",
                      .region_rule = "nobody",
                      .is_one_region = algorithm == ALGORITHM_SIGV4};
    gather(c, &s);
    if (!s.service.len) {
        struct span name = route_name(c);
        return plan_deny(c, 403, "service-unknown",
                         "which service answers at \"%.*s\" is not known; add service to %s, or "
                         "start with --name",
                         SPAN_ARG(name), c->route ? p->rule_host : "a route for it");
    }
    p->service = by_path(s.service, p->path);
    p->region = s.region;
    p->is_sigv4a = algorithm == ALGORITHM_SIGV4A ||
                   (algorithm == ALGORITHM_AUTO && (c->host.is_sigv4a || is_region_set(s.region)));
    p->is_s3_family = scope_is_s3_family(p->service);
    p->rule_scope = ARENA_JOIN(c->a, SPAN("service by "), span_of(s.service_rule),
                               SPAN(", region by "), span_of(s.region_rule))
                        .p;
    return true;
}
