// SPDX-License-Identifier: Apache-2.0
// Configuration text and request text in, the plan as one line out: rows of a table stay readable.
#ifndef TESTS_UNIT_POLICY_PLAN_FIXTURE_H
#define TESTS_UNIT_POLICY_PLAN_FIXTURE_H

#include "http/h1_parser.h"
#include "policy/plan.h"
#include "unit/test.h"

struct planned {
    struct config *config;
    struct h1_parser *parser;
    struct arena a;
    const struct msg *msg;
    struct plan plan;
    char line[2048];
};

static inline void planned_clear(struct planned *p)
{
    h1_parser_free(p->parser);
    config_release(p->config);
    arena_clear(&p->a);
}

static inline void planned_parse(struct planned *p, const char *request, struct h1_result *got)
{
    static const struct h1_limits limits = {8192, 16384, 65536, 100, 8192};
    enum h1_event event = H1_MORE;
    p->parser = h1_parser_new(H1_REQUEST, &limits);
    h1_parser_next(p->parser, &p->a);
    (void)h1_parse(p->parser, span_of(request), &event, got);
    if (event != H1_HEAD)
        fail_msg("the parser refused the request: %s\n%s",
                 event == H1_ERROR ? got->reason : "incomplete", request);
}

static inline void planned_describe(struct planned *p)
{
    static const char *const payloads[] = {"hash", "unsigned", "client", "chunked", "trailer"};
    static const char *const forms[] = {"", " query", " redirect"};
    static const char *const bodies[] = {"none", "stream", "length", "hashed"};
    const struct plan *plan = &p->plan;
    char sign[256] = "unsigned";
    int n = 0;
    if (plan->kind == PLAN_DENY || plan->kind == PLAN_ANSWER) {
        (void)snprintf(p->line, sizeof(p->line), "%d %s", plan->status,
                       plan->code ? plan->code : "");
        return;
    }
    if (plan->is_signed)
        (void)snprintf(sign, sizeof(sign), "%s%.*s/%.*s %s%s%s%s", plan->is_sigv4a ? "4A " : "",
                       SPAN_ARG(plan->service), SPAN_ARG(plan->region), payloads[plan->payload],
                       plan->send_payload_header ? "+" : "", forms[plan->sign],
                       plan->is_framed ? " framed" : "");
    n = snprintf(p->line, sizeof(p->line), "%s%.*s:%u", plan->is_tls ? "tls " : "",
                 SPAN_ARG(plan->upstream.host), (unsigned)plan->upstream.port);
    if (plan->kind == PLAN_INTERCEPT)
        (void)snprintf(p->line + n, sizeof(p->line) - (size_t)n, " intercept");
    else if (plan->kind == PLAN_TUNNEL)
        (void)snprintf(p->line + n, sizeof(p->line) - (size_t)n, " tunnel");
    else
        (void)snprintf(p->line + n, sizeof(p->line) - (size_t)n, " Host %.*s %.*s%s%.*s %s %s%s",
                       SPAN_ARG(plan->host), SPAN_ARG(plan->path), plan->query.p ? "?" : "",
                       SPAN_ARG(plan->query), sign, bodies[plan->body],
                       plan->upgrades ? " upgrades" : "");
}

static inline void planned_describe_via(struct planned *p)
{
    size_t n = strlen(p->line);
    if (p->plan.has_via)
        (void)snprintf(p->line + n, sizeof(p->line) - n, " via %.*s:%u", SPAN_ARG(p->plan.via.host),
                       (unsigned)p->plan.via.port);
}

// client: whom policies are asked about; may be NULL. form: what is known of the body.
static inline void planned_make_form(struct planned *p, const char *conf, const char *request,
                                     const struct plan_client *client, struct plan_form form)
{
    struct err e;
    struct h1_result got;
    char file[16384];
    (void)snprintf(file, sizeof(file), "%s%s", conf[0] == '[' ? "" : "[proxy]\n", conf);
    struct config_input in = {.file_name = "test.conf", .file = span_of(file)};
    memset(p, 0, sizeof(*p));
    memset(&got, 0, sizeof(got));
    arena_init(&p->a);
    if (config_parse(&in, &p->config, &e) != ST_OK)
        fail_msg("%s\n%s", e.text, conf);
    planned_parse(p, request, &got);
    p->msg = got.msg;
    struct plan_input plan_in = {.msg = got.msg,
                                 .config = p->config,
                                 .client = client,
                                 .form = form,
                                 .default_region = SPAN("eu-north-1"),
                                 .own_pseudonym = SPAN("sigv4-proxy-ab12")};
    plan_make(&plan_in, &p->a, &p->plan);
    planned_describe(p);
    planned_describe_via(p);
}

static inline void planned_make_for(struct planned *p, const char *conf, const char *request,
                                    const struct plan_client *client)
{
    planned_make_form(p, conf, request, client, (struct plan_form){.state = PLAN_FORM_AHEAD});
}

static inline void planned_make(struct planned *p, const char *conf, const char *request)
{
    planned_make_for(p, conf, request, NULL);
}

struct plan_row {
    const char *request;
    const char *want;
};

// Each row under the same configuration; a request's head is completed by an empty line.
static inline void plan_check(const char *conf, const struct plan_row *rows, size_t n)
{
    unsigned bad = 0;
    for (size_t i = 0; i < n; i++) {
        struct planned p;
        char request[4096];
        (void)snprintf(request, sizeof(request), "%s\r\n\r\n", rows[i].request);
        planned_make(&p, conf, request);
        if (strcmp(p.line, rows[i].want) != 0) {
            print_error("%s\n  got  %s (%s)\n  want %s\n", rows[i].request, p.line,
                        p.plan.message ? p.plan.message : p.plan.rule_scope, rows[i].want);
            bad++;
        }
        planned_clear(&p);
    }
    assert_int_equal(bad, 0);
}
#define PLAN_CHECK(conf, rows) plan_check(conf, rows, sizeof(rows) / sizeof((rows)[0]))

#endif
