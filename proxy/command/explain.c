// SPDX-License-Identifier: Apache-2.0
// The plan for a request that is never sent. The question is written as the head that a client
// would send and goes through the proxy's own parser and plan_make, so the answer can't differ from
// what the proxy does. Facts that only a running proxy has (regions of buckets, whether credentials
// are there) are not asked.
#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "command/command.h"
#include "command/once.h"
#include "http/h1_parser.h"
#include "policy/action.h"
#include "policy/plan.h"

struct explain {
    const struct command_input *in;
    bool is_json;
    char *region;              // where nothing of the request names one
    struct plan_client client; // who would ask
    struct sockaddr_storage address;
    const char *certificate;
    const char *data; // the body; NULL: nobody knows
    struct arena arena;
};

// ---- the question

// Where the authority of a URL begins and ends.
static struct span authority_of(struct span url)
{
    size_t scheme = span_find(url, ':');
    bool has_scheme = span_starts(span_sub(url, scheme, url.len), SPAN("://"));
    struct span rest = has_scheme ? span_sub(url, scheme + 3, url.len) : url;
    size_t end = 0;
    while (end < rest.len && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#')
        end++;
    return span_sub(rest, 0, end);
}

static bool has_field(const struct explain *x, struct span name)
{
    const char *field;
    for (unsigned i = 0; (field = command_flag(x->in, "--header", i)) != NULL; i++)
        if (span_istarts(span_of(field), name))
            return true;
    return false;
}

static void add_body_length(const struct explain *x, struct span method, struct buf *head)
{
    static const char *const with_body[] = {"PUT", "POST", "PATCH"};
    if (x->data && !has_field(x, SPAN("content-type:")))
        buf_add_str(head, "Content-Type: application/x-www-form-urlencoded\r\n");
    if (has_field(x, SPAN("content-length:")) || has_field(x, SPAN("transfer-encoding:")))
        return;
    for (size_t i = 0; i < sizeof(with_body) / sizeof(with_body[0]); i++)
        if (span_is(method, with_body[i]))
            buf_addf(head, "Content-Length: %zu\r\n", x->data ? strlen(x->data) : 1);
}

// wss:// and ws:// stand for a request for a websocket; what is left of them is the scheme's TLS.
static bool is_websocket(struct span scheme)
{
    return span_iis(scheme, "wss://") || span_iis(scheme, "ws://");
}

static void write_scheme(struct span scheme, struct buf *head)
{
    if (is_websocket(scheme))
        buf_add_str(head, scheme.len == 6 ? "https://" : "http://");
    else
        buf_addf(head, "%.*s%s", SPAN_ARG(scheme), scheme.len ? "" : "http://");
}

// A name may end with the root's dot on the command line; on the wire it may not (http.md 3).
static void write_head(const struct explain *x, struct span method, struct span url,
                       struct buf *head)
{
    struct span host = authority_of(url);
    struct span before = span_from(url.p, (size_t)(host.p - url.p));
    struct span after = span_sub(url, before.len + host.len, url.len);
    size_t colon = span_find(host, ':');
    struct span name = span_sub(host, 0, colon);
    struct span port = span_sub(host, colon, host.len);
    const char *field;
    if (name.len > 1 && name.p[name.len - 1] == '.')
        name.len--;
    buf_add_span(head, method);
    buf_add_char(head, ' ');
    if (!span_is(method, "CONNECT"))
        write_scheme(before, head);
    buf_addf(head, "%.*s%.*s%.*s", SPAN_ARG(name), SPAN_ARG(port), SPAN_ARG(after));
    buf_add_str(head, after.len || span_is(method, "CONNECT") ? "" : "/");
    buf_addf(head, " HTTP/1.1\r\nHost: %.*s%.*s\r\n", SPAN_ARG(name), SPAN_ARG(port));
    if (is_websocket(before))
        buf_add_str(head, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
    add_body_length(x, method, head);
    for (unsigned i = 0; (field = command_flag(x->in, "--header", i)) != NULL; i++)
        buf_addf(head, "%s\r\n", field);
    buf_add_str(head, "\r\n");
}

// H1_HEAD or H1_ERROR, with the model or the refusal in res.
static enum h1_event read_head(struct explain *x, struct span head, struct h1_result *res)
{
    const struct config *c = x->in->config;
    struct h1_limits limits = {.max_request_line = c->max_request_line,
                               .max_field = c->max_field,
                               .max_head = c->max_head,
                               .max_fields = (unsigned)c->max_fields,
                               .max_trailers = c->max_trailers};
    struct h1_parser *p = h1_parser_new(H1_REQUEST, &limits);
    enum h1_event event = H1_MORE;
    h1_parser_next(p, &x->arena);
    (void)h1_parse(p, head, &event, res);
    h1_parser_free(p);
    if (event == H1_HEAD || event == H1_ERROR)
        return event;
    *res = (struct h1_result){
        .status = 400, .code = "bad-request", .reason = "this is no head of a request"};
    return H1_ERROR;
}

static void make_plan(struct explain *x, struct span method, struct span url, struct plan *plan)
{
    struct buf head;
    struct h1_result res = {0};
    buf_init(&head);
    write_head(x, method, url, &head);
    memset(plan, 0, sizeof(*plan));
    plan->rule_host = plan->rule_scope = plan->rule_policy = "none";
    if (read_head(x, arena_dup(&x->arena, buf_span(&head)), &res) == H1_HEAD) {
        struct plan_input in = {.msg = res.msg,
                                .config = x->in->config,
                                .client = &x->client,
                                .default_region = span_of(x->region)};
        if (x->data)
            in.form = (struct plan_form){.state = PLAN_FORM_HERE, .text = span_of(x->data)};
        plan_make(&in, &x->arena, plan);
    } else {
        plan->status = res.status;
        plan->code = res.code;
        plan->message = res.reason;
    }
    buf_clear(&head);
}

// ---- the answer: one object, printed as it is or as lines of text

static void set(json_t *o, const char *key, json_t *value)
{
    if (json_object_set_new(o, key, value) == -1) // text that is not UTF-8 gives no value
        (void)json_object_set_new(o, key, json_null());
}

static void set_span(json_t *o, const char *key, struct span s)
{
    set(o, key, s.len ? json_stringn(s.p, s.len) : json_null());
}

static void set_text(json_t *o, const char *key, const char *text)
{
    set_span(o, key, span_of(text));
}

static void set_upstream(struct explain *x, const struct plan *p, json_t *o)
{
    const struct uri_authority *u = &p->upstream;
    bool is_v6 = u->kind == URI_IPV6;
    set_text(o, "upstream",
             arena_printf(&x->arena, "%s://%s%.*s%s:%u",
                          p->kind == PLAN_TUNNEL ? "tunnel"
                          : p->is_tls            ? "https"
                                                 : "http",
                          is_v6 ? "[" : "", SPAN_ARG(u->host), is_v6 ? "]" : "", u->port));
    set_span(o, "upstream_proxy",
             p->has_via ? uri_format_host(&p->via, false, &x->arena) : SPAN(""));
}

static void set_signature(const struct plan *p, json_t *o)
{
    static const char *const signs[] = {[PLAN_SIGN_HEADER] = "header",
                                        [PLAN_SIGN_QUERY] = "query",
                                        [PLAN_SIGN_REDIRECT] = "redirect"};
    static const char *const payloads[] = {
        [PLAN_PAYLOAD_HASH] = "hash",
        [PLAN_PAYLOAD_UNSIGNED] = "UNSIGNED-PAYLOAD",
        [PLAN_PAYLOAD_CLIENT] = "the client's x-amz-content-sha256",
        [PLAN_PAYLOAD_CHUNKED] = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        [PLAN_PAYLOAD_TRAILER] = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"};
    static const char *const bodies[] = {[PLAN_BODY_NONE] = "none",
                                         [PLAN_BODY_STREAM] = "streams",
                                         [PLAN_BODY_LENGTH] = "held until its length is known",
                                         [PLAN_BODY_HASH] = "held until it is hashed"};
    bool is_signed = p->is_signed;
    set_span(o, "service", is_signed ? p->service : SPAN(""));
    set_span(o, "region", is_signed ? p->region : SPAN(""));
    set_text(o, "algorithm", !is_signed ? NULL : p->is_sigv4a ? "sigv4a" : "sigv4");
    set_text(o, "sign", is_signed ? signs[p->sign] : "none");
    set_text(o, "payload", is_signed ? payloads[p->payload] : NULL);
    set_text(o, "body", p->kind == PLAN_FORWARD ? bodies[p->body] : NULL);
    set_text(o, "upgrade", p->upgrades ? "websocket" : NULL);
}

static void set_credentials(struct explain *x, const struct plan *p, json_t *o)
{
    const char *key = p->is_signed ? p->creds_key : NULL;
    if (key && !*key)
        key = "the chain";
    if (key && p->wants_session)
        key = arena_printf(&x->arena, "S3 Express session, got with %s", key);
    set_text(o, "credentials", key);
    set_text(o, "identity", p->is_signed ? p->identity : NULL);
}

static void set_action(const struct plan *p, json_t *o)
{
    char text[PLAN_ACTION_TEXT];
    size_t n = action_text(&p->action, text, sizeof(text));
    set_span(o, "action", span_from(text, n));
}

static struct span statuses_of(struct explain *x, const struct config_list *l)
{
    struct span all = SPAN("");
    for (unsigned i = 0; i < l->n; i++)
        all = arena_spanf(&x->arena, "%.*s%s%s", SPAN_ARG(all), i ? " " : "", l->v[i]);
    return all;
}

static void set_retries(struct explain *x, const struct plan *p, json_t *o)
{
    const struct config_route *r = p->route ? &x->in->config->routes[p->route - 1] : NULL;
    static const char *const posts[] = {
        [POST_CLASSIFIED] = "classified", [POST_NEVER] = "never", [POST_ALWAYS] = "always"};
    json_t *retries = json_object();
    bool is_off = p->retry.mode == RETRY_MODE_OFF;
    set_text(retries, "mode", is_off ? "off" : "standard");
    if (!is_off) {
        set(retries, "max_attempts", json_integer((json_int_t)p->retry.max_attempts));
        set(retries, "base_ms", json_integer(p->retry.base));
        set(retries, "cap_ms", json_integer(p->retry.cap));
        set_text(retries, "jitter", p->retry.jitter == RETRY_JITTER_FULL ? "full" : "none");
        set_text(retries, "post", posts[p->retry.post]);
        set_span(retries, "status", statuses_of(x, &p->retry.status));
        set(retries, "budget", json_integer((json_int_t)p->retry.budget));
        set(retries, "total_timeout_ms", json_integer(p->total_timeout));
    }
    set(o, "retries", p->kind == PLAN_FORWARD ? retries : json_null());
    if (p->kind != PLAN_FORWARD)
        json_decref(retries);
    set_text(o, "rate_limit", r ? r->rate_limit : NULL);
    set_text(o, "route", r ? r->glob : NULL);
}

static json_t *answer_of(struct explain *x, struct span method, struct span url,
                         const struct plan *p)
{
    static const char *const kinds[] = {[PLAN_DENY] = "refused",
                                        [PLAN_FORWARD] = "forwarded",
                                        [PLAN_TUNNEL] = "tunnelled",
                                        [PLAN_INTERCEPT] = "intercepted",
                                        [PLAN_ANSWER] = "answered here"};
    json_t *o = json_object();
    json_t *rules = json_object();
    set_span(o, "method", method);
    set_span(o, "url", span_sub(url, 0, span_find(url, '?'))); // a query may hold a signature
    set(o, "allowed", p->wants_form ? json_null() : json_boolean(p->kind != PLAN_DENY));
    set_text(o, "plan",
             p->wants_form ? "judged when the form is here; --data would tell it" : kinds[p->kind]);
    set_signature(p, o);
    if (p->kind == PLAN_FORWARD || p->kind == PLAN_TUNNEL)
        set_upstream(x, p, o);
    else
        set(o, "upstream", json_null());
    set_span(o, "host", p->kind == PLAN_FORWARD ? p->host : SPAN(""));
    set_span(o, "path", p->kind == PLAN_FORWARD ? p->path : SPAN(""));
    set_action(p, o);
    set_credentials(x, p, o);
    set_retries(x, p, o);
    set_text(rules, "host", p->rule_host);
    set_text(rules, "scope", p->rule_scope);
    set_text(rules, "policy", p->rule_policy);
    set(o, "rules", rules);
    if (p->kind == PLAN_DENY) {
        set(o, "status", json_integer(p->status));
        set_text(o, "code", p->code);
        set_text(o, "message", p->message);
    }
    return o;
}

static void print_value(const json_t *value)
{
    if (json_is_string(value))
        (void)printf("%s", json_string_value(value));
    else if (json_is_boolean(value))
        (void)printf("%s", json_is_true(value) ? "yes" : "no");
    else if (json_is_integer(value))
        (void)printf("%lld", (long long)json_integer_value(value));
}

// What is null is left out; an object takes one line.
static void print_text(json_t *o)
{
    const char *key;
    const char *inner;
    json_t *value;
    json_t *part;
    json_object_foreach(o, key, value)
    {
        const char *gap = "";
        if (json_is_null(value))
            continue;
        (void)printf("%-12s ", key);
        print_value(value);
        json_object_foreach(value, inner, part)
        {
            (void)printf("%s%s ", gap, inner);
            print_value(part);
            gap = ", ";
        }
        (void)putchar('\n');
    }
}

static bool answer(struct explain *x, struct span method, struct span url)
{
    struct plan plan;
    url = span_sub(url, 0, span_find(url, '#')); // no tool sends a fragment
    make_plan(x, method, url, &plan);
    json_t *o = answer_of(x, method, url, &plan);
    if (x->is_json) {
        (void)json_dumpf(o, stdout, JSON_COMPACT);
        (void)putchar('\n');
    } else {
        print_text(o);
    }
    json_decref(o);
    arena_reset(&x->arena);
    return plan.kind != PLAN_DENY && !plan.wants_form;
}

// ---- where questions come from

static struct span usual_method(const struct explain *x)
{
    return x->data ? SPAN("POST") : SPAN("GET");
}

static bool answer_line(struct explain *x, struct span line)
{
    struct span rest = span_trim(line);
    struct span first;
    if (!rest.len || !span_next(&rest, ' ', &first))
        return true;
    rest = span_trim(rest);
    return rest.len ? answer(x, first, rest) : answer(x, usual_method(x), first);
}

static int answer_lines(struct explain *x)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    x->is_json = true;
    while ((n = getline(&line, &cap, stdin)) > 0) {
        if (line[n - 1] == '\n')
            n--;
        (void)answer_line(x, span_from(line, (size_t)n));
    }
    free(line);
    return fflush(stdout) == 0 ? 0 : 1;
}

// Who is asked for, as a [policy] section would write it, without globs: 127.0.0.1 where nobody is.
// Several --client add up: an address, and the name of its token.
static bool read_client(struct explain *x, const char *text)
{
    struct span s = span_of(text);
    struct sockaddr_in *in = (struct sockaddr_in *)&x->address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&x->address;
    uint64_t id = 0;
    if (span_starts(s, SPAN("token:"))) {
        x->client.token = text + sizeof("token:") - 1;
    } else if (span_starts(s, SPAN("cert:"))) {
        x->certificate = text + sizeof("cert:") - 1;
        x->client.names = &x->certificate;
        x->client.n_names = 1;
    } else if (span_starts(s, SPAN("uid:")) || span_starts(s, SPAN("gid:"))) {
        if (!span_u64(span_sub(s, 4, s.len), &id) || id >= UINT32_MAX)
            return false;
        *(s.p[0] == 'u' ? &x->client.uid : &x->client.gid) = (uint32_t)id;
        x->client.address = NULL;
    } else if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
        x->address.ss_family = AF_INET;
    } else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
        x->address.ss_family = AF_INET6;
    } else {
        return false;
    }
    return true;
}

static bool read_clients(struct explain *x)
{
    const char *text;
    x->client = (struct plan_client){
        .address = (const struct sockaddr *)&x->address, .uid = UINT32_MAX, .gid = UINT32_MAX};
    (void)read_client(x, "127.0.0.1");
    for (unsigned i = 0; (text = command_flag(x->in, "--client", i)) != NULL; i++)
        if (!read_client(x, text)) {
            (void)command_fail(
                "explain", "--client: \"%s\" is not ADDR, uid:N, gid:N, token:NAME or cert:NAME",
                text);
            return false;
        }
    return true;
}

int command_explain(const struct command_input *in)
{
    const char *format = command_flag(in, "--format", 0);
    struct explain x = {.in = in,
                        .is_json = format && !strcmp(format, "json"),
                        .data = command_flag(in, "--data", 0)};
    int rc;
    if (!in->n_words)
        return command_fail("explain", "which URL? sigv4-proxy explain [METHOD] URL");
    if (format && !x.is_json && strcmp(format, "text") != 0)
        return command_fail("explain", "--format: \"%s\" is neither text nor json", format);
    if (!read_clients(&x))
        return 1;
    x.region = once_region(in, NULL);
    arena_init(&x.arena);
    if (!strcmp(in->words[in->n_words - 1], "-"))
        rc = answer_lines(&x);
    else if (in->n_words == 2)
        rc = !answer(&x, span_of(in->words[0]), span_of(in->words[1]));
    else
        rc = !answer(&x, usual_method(&x), span_of(in->words[0]));
    arena_clear(&x.arena);
    free(x.region);
    return rc;
}
