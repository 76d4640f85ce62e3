// SPDX-License-Identifier: Apache-2.0
// A request head under one of a few configurations: whatever comes, the plan is whole. The first
// byte chooses the configuration.
#include <stdint.h>
#include <stdlib.h>

#include "http/h1_parser.h"
#include "policy/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

static const char *const files[] = {
    "",
    "[route \"*\"]\nupstream = http://127.0.0.1:9\nservice = execute-api\nregion = us-east-1\n",
    "[proxy]\nhost = x.eu-west-1.es.amazonaws.com\nallow_hosts = a.test\n",
    ("[proxy]\nunsigned_hosts = *.test\nname = s3\n[route \"s3.local:*\"]\n"
     "upstream = http://10.0.0.1:9000\npayload = unsigned\nsign_host = upstream\n"),
};
static struct config *configs[COUNT(files)];

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void setup(void)
{
    for (size_t i = 0; i < COUNT(files); i++) {
        struct err e;
        struct config_input in = {.file_name = "x", .file = span_of(files[i])};
        require(config_parse(&in, &configs[i], &e) == ST_OK);
    }
}

static void check_forward(const struct plan *p)
{
    require(p->upstream.host.len > 0 && p->upstream.port > 0);
    require(p->host.len > 0 && hdrs_value_ok(p->host));
    require(p->raw_target.len > 0 && p->creds_key);
    require(p->connect_timeout > 0 && p->first_byte_timeout > 0);
    if (!p->is_signed)
        return;
    require(p->service.len > 0 && p->region.len > 0);
    require(hdrs_value_ok(p->service) && hdrs_value_ok(p->region));
    require(p->path.len > 0 && p->path.p[0] == '/');
    require(p->payload != PLAN_PAYLOAD_CLIENT || p->client_hash.len == 64);
    require(p->expires_s >= 1 && p->expires_s <= 604800);
    require(p->sign == PLAN_SIGN_HEADER || p->payload != PLAN_PAYLOAD_CHUNKED);
    require(p->payload != PLAN_PAYLOAD_CHUNKED || p->is_s3_family);
    require(p->payload != PLAN_PAYLOAD_TRAILER || (p->is_framed && p->trailer.len));
    require(!p->is_framed || (p->framing.len && p->body != PLAN_BODY_NONE));
    require(p->payload != PLAN_PAYLOAD_HASH || p->body == PLAN_BODY_NONE ||
            p->body == PLAN_BODY_HASH);
}

static void check(const struct plan *p)
{
    require(p->rule_host && p->rule_scope);
    switch (p->kind) {
    case PLAN_DENY:
        require(p->status >= 400 && p->code && p->message && hdrs_value_ok(span_of(p->message)));
        require(!p->is_signed);
        break;
    case PLAN_ANSWER:
        require(p->status == 200);
        break;
    case PLAN_TUNNEL:
        require(p->upstream.port > 0 && !p->is_signed && !p->is_tls);
        break;
    case PLAN_INTERCEPT:
        require(p->upstream.port > 0 && p->upstream.host.len && !p->is_signed);
        break;
    case PLAN_FORWARD:
        check_forward(p);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct h1_limits limits = {8192, 16384, 65536, 100, 8192};
    if (!configs[0])
        setup();
    if (size == 0)
        return 0;
    struct arena a;
    struct plan plan;
    struct h1_result got = {0};
    enum h1_event event = H1_MORE;
    arena_init(&a);
    struct h1_parser *parser = h1_parser_new(H1_REQUEST, &limits);
    h1_parser_next(parser, &a);
    (void)h1_parse(parser, span_from((const char *)data + 1, size - 1), &event, &got);
    if (event == H1_HEAD) {
        struct plan_input in = {.msg = got.msg,
                                .config = configs[data[0] % COUNT(configs)],
                                .default_region = SPAN("us-east-1"),
                                .own_pseudonym = SPAN("sigv4-proxy-ab12")};
        plan_make(&in, &a, &plan);
        check(&plan);
    }
    h1_parser_free(parser);
    arena_clear(&a);
    return 0;
}
