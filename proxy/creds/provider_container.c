// SPDX-License-Identifier: Apache-2.0
// Credentials from an endpoint beside the container (ECS, EKS Pod Identity, Greengrass). Over plain
// http only the addresses of such endpoints are asked: each address of a name must be one of them,
// and the one that was judged is the one that is dialled.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/arena.h"
#include "creds/call_int.h"
#include "creds/json_answer_int.h"
#include "creds/walk_int.h"

#define RELATIVE_TO  "http://169.254.170.2"
#define ATTEMPTS     3
#define BASE_MS      250
#define CAP_MS       1000
#define CONNECT_MS   2000
#define ATTEMPT_MS   4000
#define TOTAL_MS     15000
#define TOKEN_MAX    16384
#define MESSAGE_SHOW 200

struct container_op {
    struct provider_op op;
    struct arena arena;
    const char *url;
    const char *source;     // what a person reads
    const char *token_file; // NULL: none
    bool is_unsettled;      // the token file is being written
    struct call *call;
    struct creds *creds;
};

static void clear(struct provider_op *op)
{
    struct container_op *x = (struct container_op *)op;
    call_cancel(x->call);
    creds_free(x->creds);
    arena_wipe(&x->arena);
}

// ---- what may be asked over plain http

static bool is_endpoint_v4(uint32_t ip)
{
    return ip >> 24 == 127 || ip == 0xa9feaa02 || ip == 0xa9feaa17; // 169.254.170.2, 169.254.170.23
}

static bool is_endpoint_v6(const struct in6_addr *ip)
{
    static const uint8_t pod_identity[16] = {0xfd, 0x00, 0x0e, 0xc2, [15] = 0x23};
    uint32_t v4;
    memcpy(&v4, &ip->s6_addr[12], sizeof(v4));
    if (IN6_IS_ADDR_V4MAPPED(ip))
        return is_endpoint_v4(ntohl(v4));
    return IN6_IS_ADDR_LOOPBACK(ip) || !memcmp(ip->s6_addr, pod_identity, sizeof(pod_identity));
}

static const char *refusal(const void *arg, const struct net_addr *a)
{
    bool is_endpoint = false;
    (void)arg;
    if (a->ss.ss_family == AF_INET)
        is_endpoint = is_endpoint_v4(ntohl(((const struct sockaddr_in *)&a->ss)->sin_addr.s_addr));
    else if (a->ss.ss_family == AF_INET6)
        is_endpoint = is_endpoint_v6(&((const struct sockaddr_in6 *)&a->ss)->sin6_addr);
    return is_endpoint ? NULL
                       : "credentials come over plain http from loopback, 169.254.170.2, "
                         "169.254.170.23 and fd00:ec2::23 only";
}

// ---- the request

static enum status judge_token(struct span *token, struct err *e)
{
    while (token->len && strchr("\r\n", token->p[token->len - 1]) && token->p[token->len - 1])
        token->len--;
    if (!token->len || token->len > TOKEN_MAX)
        return err_set(e, ST_INVALID, "it holds no token of up to %d octets", TOKEN_MAX);
    for (size_t i = 0; i < token->len; i++)
        if (token->p[i] < ' ' || token->p[i] > '~')
            return err_set(e, ST_INVALID, "there is a line break or a control octet in the token");
    return ST_OK;
}

static enum status token_of_file(struct container_op *x, struct span *token, struct err *e)
{
    struct buf b;
    struct file_id id;
    buf_init_secret(&b);
    enum status st = file_read(x->token_file, &b, &id, e);
    struct span s = buf_span(&b);
    x->is_unsettled = st == ST_AGAIN;
    if (st == ST_OK)
        st = judge_token(&s, e);
    if (st == ST_OK)
        *token = span_of(arena_cstr(&x->arena, s));
    buf_clear(&b);
    return st == ST_OK
               ? ST_OK
               : err_wrap(e, st, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE %s", x->token_file);
}

static enum status read_token(struct container_op *x, struct span *token, struct err *e)
{
    static const char variable[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
    const char *value = envp_get(x->op.q->envp, variable);
    if (x->token_file)
        return token_of_file(x, token, e);
    if (!value)
        return ST_OK;
    *token = span_of(value);
    enum status st = judge_token(token, e);
    return st == ST_OK ? ST_OK : err_wrap(e, st, "%s", variable);
}

static enum status build(void *arg, struct fetch_request *r, struct err *e)
{
    struct container_op *x = arg;
    struct span token = SPAN("");
    enum status st = read_token(x, &token, e);
    r->method = "GET";
    r->url = x->url;
    r->fields[r->n_fields++] = (struct fetch_field){"Accept", SPAN("application/json")};
    if (token.len)
        r->fields[r->n_fields++] = (struct fetch_field){"Authorization", token};
    if (!strncmp(x->url, "http:", 5))
        r->refusal = refusal;
    r->is_strict = true;
    r->connect_timeout_ms = CONNECT_MS;
    r->timeout_ms = ATTEMPT_MS;
    return st;
}

// ---- the answer

// {"code":"AccessDeniedException","message":"…"}
static enum call_verdict judge_error(const struct fetch_answer *a, struct err *e)
{
    struct err unread;
    enum call_verdict v = call_judge_status(a, e);
    json_t *o = json_answer_parse(a->body, &unread);
    const char *code = json_answer_text(o, "code");
    const char *message = json_answer_text(o, "message");
    if (code || message)
        (void)err_set(e, ST_IO, "it answered %d: %.64s: %.*s", a->status, code ? code : "-",
                      MESSAGE_SHOW, message ? message : "-");
    json_decref(o);
    return v;
}

static enum call_verdict judge(void *arg, const struct fetch_answer *a, struct err *e)
{
    struct container_op *x = arg;
    struct json_answer_form form = {
        .token = "Token", .wants_token = true, .provider = "container", .source = x->source};
    if (a->fail != FETCH_OK)
        return call_judge_failure(a, e);
    if (a->status != 200)
        return judge_error(a, e);
    json_t *o = json_answer_parse(a->body, e);
    if (!o)
        return CALL_RETRY;
    enum status st = json_answer_creds(o, &form, &x->creds, e);
    json_decref(o);
    return st == ST_OK ? CALL_OK : CALL_FAILED;
}

static void on_done(void *arg, enum call_verdict v, const struct err *e)
{
    struct container_op *x = arg;
    struct provider_answer answer = {.status = ST_OK, .creds = x->creds};
    struct err why = *e;
    x->call = NULL;
    if (v == CALL_OK) {
        x->creds = NULL;
        if (answer.creds->expires_at_ms == INT64_MAX)
            answer.poll_in_ms = POLL_UNDATED_MS;
        provider_op_finish(&x->op, &answer);
        return;
    }
    (void)err_wrap(&why, ST_IO, "%s", x->source);
    if (x->is_unsettled)
        provider_op_fail(&x->op, RETRY_UNSETTLED_MS, &why);
    else
        provider_op_fail(&x->op, v == CALL_FAILED ? RETRY_BROKEN_MS : RETRY_SOON_MS, &why);
}

// ---- the beginning

static enum status read_url(struct container_op *x, struct err *e)
{
    static const char relative_name[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    static const char full_name[] = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    const char *relative = envp_get(x->op.q->envp, relative_name);
    const char *full = envp_get(x->op.q->envp, full_name);
    struct fetch_url url;
    if (!relative && !full)
        return err_set(e, ST_DECLINED, "%s is not set", relative_name);
    if (relative && relative[0] != '/')
        return err_set(e, ST_INVALID, "%s does not begin with /", relative_name);
    x->url = relative ? arena_printf(&x->arena, RELATIVE_TO "%s", relative) : full;
    enum status st = fetch_url_parse(span_of(x->url), &x->arena, &url, e);
    if (st != ST_OK)
        return err_wrap(e, st, "%s", relative ? relative_name : full_name);
    x->source =
        arena_printf(&x->arena, "container credentials of %s://%.*s%.*s",
                     url.is_https ? "https" : "http", SPAN_ARG(url.host_field), SPAN_ARG(url.path));
    return ST_OK;
}

static struct provider_op *start(const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct container_op *x = provider_op_new(sizeof(*x), q, done, arg);
    struct provider_answer a = {.retry_in_ms = RETRY_BROKEN_MS};
    x->op.clear = clear;
    arena_init(&x->arena);
    a.status = read_url(x, &a.err);
    if (a.status != ST_OK) {
        provider_op_finish(&x->op, &a);
        return &x->op;
    }
    x->token_file = envp_get(q->envp, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    if (x->token_file)
        walk_rests_on(q->walk, x->token_file);
    struct call_spec call = {.attempts = ATTEMPTS,
                             .base_ms = BASE_MS,
                             .cap_ms = CAP_MS,
                             .total_ms = TOTAL_MS,
                             .build = build,
                             .judge = judge,
                             .done = on_done,
                             .arg = x};
    x->call = call_start(q->kit, &call);
    return &x->op;
}

const struct provider provider_container = {.name = "container", .start = start};
