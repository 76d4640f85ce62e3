// SPDX-License-Identifier: Apache-2.0
// One request head, one plan. The steps stand in the order in which a refusal is due: syntax first,
// so that no answer is built from something ambiguous, then who asks, then what for, and only then
// how it is signed. Every later part of the proxy does what the plan says and asks nothing else
// about the request.
#include "policy/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy/plan_int.h"

#define DEFAULT_FIRST_BYTE_MS 60000
#define LAMBDA_FIRST_BYTE_MS  900000 // the longest that a function may run

bool plan_deny(struct plan_ctx *c, int status, const char *code, const char *fmt, ...)
{
    struct err text;
    char line[sizeof(text.text)];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    (void)err_set(&text, ST_DENIED, "%s", line); // one line, no control octets
    c->out->kind = PLAN_DENY;
    c->out->status = status;
    c->out->code = code;
    c->out->message = arena_cstr(c->a, span_of(text.text));
    c->out->is_signed = false;
    return false;
}

static bool read_target(struct plan_ctx *c)
{
    struct err e;
    if (uri_parse_target(c->msg->method, c->msg->target, c->a, &c->uri, &e) != ST_OK)
        return plan_deny(c, 400, "bad-target", "bad target: %s", e.text);
    c->asked_https = c->uri.form == URI_ABSOLUTE ? c->uri.is_https : c->in->is_inside_tls;
    return true;
}

// OPTIONS that goes no further (RFC 9110 7.6.2 and 9.3.7).
static bool is_answered_here(const struct plan_ctx *c)
{
    if (!span_is(c->msg->method, "OPTIONS"))
        return false;
    struct span hops = hdrs_get(&c->msg->hdrs, SPAN("Max-Forwards"));
    return c->uri.form == URI_ASTERISK || span_is(hops, "0");
}

static bool read_authority(struct plan_ctx *c)
{
    struct err e;
    if (c->uri.form == URI_ABSOLUTE || c->uri.form == URI_AUTHORITY) {
        c->asked = c->uri.authority;
        return true;
    }
    struct span host = hdrs_get(&c->msg->hdrs, SPAN("Host"));
    if (!host.len && c->config->host)
        host = span_of(c->config->host); // HTTP/1.0 has no Host; with --host it needs none
    if (!host.len)
        return plan_deny(c, 400, "bad-host",
                         "no Host field, and the target names no host: whom to ask is unknown");
    if (uri_parse_authority(host, c->a, &c->asked, &e) != ST_OK)
        return plan_deny(c, 400, "bad-host", "bad Host: %s", e.text);
    return true;
}

static int64_t either(const struct plan_ctx *c, int64_t of_route, int64_t general)
{
    return c->route && of_route >= 0 ? of_route : general;
}

static void set_deadlines(struct plan_ctx *c)
{
    static const struct config_route none = {.connect_timeout_ms = -1,
                                             .tls_timeout_ms = -1,
                                             .first_byte_timeout_ms = -1,
                                             .idle_timeout_ms = -1,
                                             .total_timeout_ms = -1};
    const struct config *config = c->config;
    const struct config_route *r = c->route ? c->route : &none;
    struct plan *p = c->out;
    int64_t first_byte = config->first_byte_timeout;
    if (span_is(p->service, "lambda") && first_byte == DEFAULT_FIRST_BYTE_MS)
        first_byte = LAMBDA_FIRST_BYTE_MS;
    p->connect_timeout = either(c, r->connect_timeout_ms, config->connect_timeout);
    p->tls_timeout = either(c, r->tls_timeout_ms, config->tls_timeout);
    p->first_byte_timeout = either(c, r->first_byte_timeout_ms, first_byte);
    p->idle_timeout = either(c, r->idle_timeout_ms, config->idle_timeout);
    p->total_timeout = either(c, r->total_timeout_ms, config->total_timeout);
}

static void set_rate(struct plan_ctx *c)
{
    const struct config_route *r = c->route;
    struct plan *p = c->out;
    if (!r || !r->rate_limit || config_rate_parse(r->rate_limit, &p->rate, NULL) != ST_OK)
        return;
    p->rate_name = span_of(r->glob);
    p->rate_queue = r->has_rate_limit_queue ? r->rate_limit_queue : c->config->rate_limit_queue;
    p->rate_wait = either(c, r->rate_limit_wait_ms, c->config->rate_limit_wait);
}

// Which errors are worth another attempt is known of AWS's services, not of whatever else is passed
// on.
static void set_retries(struct plan_ctx *c)
{
    struct plan *p = c->out;
    p->route = c->route ? (unsigned)(c->route - c->config->routes) + 1 : 0;
    p->retry = config_retry_of(c->config, c->route);
    if (!p->is_signed && c->host.verdict != HOSTS_SIGN)
        p->retry.mode = RETRY_MODE_OFF;
}

static void set_target(struct plan_ctx *c)
{
    struct plan *p = c->out;
    p->path = c->uri.path;
    p->query = c->uri.query;
    p->raw_target = c->msg->target;
    if (c->uri.form == URI_ABSOLUTE)
        p->raw_target =
            c->uri.query.p ? ARENA_JOIN(c->a, c->uri.path, SPAN("?"), c->uri.query) : c->uri.path;
}

static bool is_passed_on_unsigned(const struct plan_ctx *c)
{
    return c->admitted == ADMITTED_UNSIGNED || c->admitted == ADMITTED_TOKEN || c->is_passed ||
           c->keeps_auth || (c->route && c->route->has_sign && c->route->sign == SIGN_MODE_NONE);
}

static void set_form(struct plan_ctx *c)
{
    static const enum plan_sign forms[] = {[SIGN_MODE_HEADER] = PLAN_SIGN_HEADER,
                                           [SIGN_MODE_QUERY] = PLAN_SIGN_QUERY,
                                           [SIGN_MODE_REDIRECT] = PLAN_SIGN_REDIRECT,
                                           [SIGN_MODE_NONE] = PLAN_SIGN_HEADER};
    struct plan *p = c->out;
    bool is_said = c->route && c->route->has_sign;
    p->sign = forms[is_said ? c->route->sign : SIGN_MODE_HEADER];
    if (!is_said && upgrade_wants_query(c))
        p->sign = PLAN_SIGN_QUERY;
    if (c->in->is_presign)
        p->sign = PLAN_SIGN_QUERY;
    p->expires_s = c->config->redirect_expiry / 1000;
    p->signs_all = (c->route && c->route->has_signed_headers
                        ? c->route->signed_headers
                        : c->config->signed_headers) == SIGNED_HEADERS_ALL;
}

const char *plan_creds_key(const struct config *config, const struct config_route *route,
                           struct arena *a)
{
    const char *profile = route && route->profile ? route->profile : config->profile;
    const char *role = route && route->role_arn ? route->role_arn : config->role_arn;
    if (role && profile)
        return ARENA_JOIN(a, SPAN("role="), span_of(role), SPAN(" profile="), span_of(profile)).p;
    if (role)
        return ARENA_JOIN(a, SPAN("role="), span_of(role)).p;
    return profile ? ARENA_JOIN(a, SPAN("profile="), span_of(profile)).p : "";
}

// An identity is whole: what the general settings or a route say of a role is not added to it, and
// where its profile has no credentials nothing else of the chain steps in.
static const char *identity_key(const struct config *config, const struct config_identity *id,
                                struct arena *a)
{
    if (!id->role_arn)
        return arena_printf(a, "only-profile=%s", id->profile);
    if (id->profile)
        return arena_printf(a, "role=%s only-profile=%s", id->role_arn, id->profile);
    return config->profile ? arena_printf(a, "role=%s profile=%s", id->role_arn, config->profile)
                           : arena_printf(a, "role=%s", id->role_arn);
}

static void choose_creds(struct plan_ctx *c)
{
    const struct config *config = c->config;
    struct plan *p = c->out;
    for (unsigned i = 0; i < config->n_identities; i++) {
        const struct config_identity *id = &config->identities[i];
        if (!clients_have(&id->client, c->in->client))
            continue;
        p->creds_key = identity_key(config, id, c->a);
        p->identity = arena_cstr(c->a, span_of(id->name));
        return;
    }
    p->creds_key = plan_creds_key(config, c->route, c->a);
}

// A role is assumed with what another key stands for: "role=ARN profile=NAME" with "profile=NAME",
// "role=ARN" with "".
static bool rests_on(const char *key, const char *source)
{
    if (strcmp(key, source) == 0)
        return true;
    if (strncmp(key, "role=", 5) != 0)
        return false;
    const char *blank = strchr(key, ' ');
    return strcmp(blank ? blank + 1 : "", source) == 0;
}

bool plan_uses_creds(const struct config *config, const char *key, struct arena *a)
{
    if (*key && strncmp(key, "profile=", 8) != 0 && strncmp(key, "role=", 5) != 0 &&
        strncmp(key, "only-profile=", 13) != 0)
        return true;
    bool is_used = rests_on(plan_creds_key(config, NULL, a), key);
    for (unsigned i = 0; i < config->n_routes && !is_used; i++)
        is_used = rests_on(plan_creds_key(config, &config->routes[i], a), key);
    for (unsigned i = 0; i < config->n_identities && !is_used; i++)
        is_used = rests_on(identity_key(config, &config->identities[i], a), key);
    return is_used;
}

static bool plan_forward(struct plan_ctx *c)
{
    struct plan *p = c->out;
    set_target(c);
    if (!is_passed_on_unsigned(c) && !grant_find(c))
        return false;
    p->is_signed = !is_passed_on_unsigned(c);
    if (p->is_signed && (!scope_find(c) || !grant_read_token(c)))
        return false;
    p->is_signed = !is_passed_on_unsigned(c); // a token may stay the client's
    if (!upgrade_choose(c))
        return false;
    if (p->is_signed)
        set_form(c);
    p->link_local_ok = span_is(p->service, "vpc-lattice-svcs");
    route_upstream(c);
    if (!admit_address(c) || !route_host_field(c) || !payload_choose(c))
        return false;
    if (p->is_signed)
        route_path_style(c);
    if (!upstream_proxy_find(c))
        return false;
    redirect_find_bucket(c);
    set_retries(c);
    set_rate(c);
    choose_creds(c);
    if (!policies_allow(c))
        return false;
    p->wants_session = s3_session_is_wanted(c);
    p->kind = PLAN_FORWARD;
    return true;
}

static bool plan_tunnel(struct plan_ctx *c)
{
    c->out->raw_target = c->msg->target;
    c->out->host = c->msg->target;
    c->out->creds_key = "";
    if (!admit_connect(c))
        return false;
    if (c->intercepts) {
        c->out->upstream = c->asked;
        c->out->kind = PLAN_INTERCEPT;
        return true;
    }
    route_upstream(c);
    c->out->is_tls = false; // what runs inside is the client's
    if (!admit_address(c) || !policies_allow(c) || !upstream_proxy_find(c))
        return false;
    c->out->kind = PLAN_TUNNEL;
    return true;
}

static bool run(struct plan_ctx *c)
{
    if (!read_target(c) || !admit_marks(c))
        return false;
    if (is_answered_here(c)) {
        c->out->kind = PLAN_ANSWER;
        c->out->status = 200;
        c->out->rule_host = "OPTIONS that goes no further";
        return true;
    }
    if (!read_authority(c))
        return false;
    redirect_host(c);
    if (!route_find(c) || !admit_host(c))
        return false;
    bool is_tunnel = c->uri.form == URI_AUTHORITY;
    if (is_tunnel ? !plan_tunnel(c) : !plan_forward(c))
        return false;
    set_deadlines(c);
    return true;
}

void plan_make(const struct plan_input *in, struct arena *a, struct plan *out)
{
    struct plan_ctx c;
    memset(&c, 0, sizeof(c));
    memset(out, 0, sizeof(*out));
    c.in = in;
    c.msg = in->msg;
    c.config = in->config;
    c.a = a;
    c.out = out;
    out->rule_host = "none";
    out->rule_scope = "none";
    out->rule_policy = "none";
    out->creds_key = "";
    (void)run(&c);
}
