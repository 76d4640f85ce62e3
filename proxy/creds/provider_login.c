// SPDX-License-Identifier: Apache-2.0
// A session of `aws login`: credentials for a quarter of an hour in a file, and beside them what
// new ones are got with for twelve hours. A refresh token serves once (token_file_int.h).
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-login-credentials.html
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "creds/json_answer_int.h"
#include "creds/login_token_int.h"
#include "creds/partition_int.h"
#include "creds/setting_int.h"
#include "creds/token_file_int.h"
#include "sign/dpop.h"

#define ATTEMPTS     3
#define BASE_MS      200
#define CAP_MS       2000
#define CONNECT_MS   2000
#define ATTEMPT_MS   5000
#define TOTAL_MS     14000
#define MESSAGE_SHOW 200

struct login_op {
    struct provider_op op;
    struct token_file file;
    struct arena life;
    struct arena attempt;
    const char *session; // login_session
    const char *url;
    struct creds_parts told; // what the credentials will be called
    struct login_token token;
    struct call *call;
    struct buf body;
};

static struct login_op *op_of(const struct token_file *f)
{
    return (struct login_op *)f->op;
}

static void clear(struct provider_op *op)
{
    struct login_op *x = (struct login_op *)op;
    call_cancel(x->call);
    token_file_clear(&x->file);
    login_token_clear(&x->token);
    buf_clear(&x->body);
    arena_wipe(&x->attempt);
    arena_wipe(&x->life);
}

static void say_log_in(const struct login_op *x, struct err *e)
{
    struct err why = *e;
    (void)err_set(e, ST_INVALID, "%.300s; run: aws login --profile %.64s", why.text,
                  x->op.q->choice.name);
}

// ---- ends

static void fail(struct token_file *f, int64_t retry_in_ms, const struct err *e)
{
    struct login_op *x = op_of(f);
    struct err why = *e;
    if (f->is_over)
        say_log_in(x, &why);
    (void)err_wrap(&why, ST_IO, "login session of profile %.64s", x->op.q->choice.name);
    provider_op_fail(&x->op, retry_in_ms, &why);
}

static void serve(struct token_file *f)
{
    struct login_op *x = op_of(f);
    struct provider_answer a = {.retry_in_ms = RETRY_BROKEN_MS};
    a.status = login_token_creds(&x->token, &x->told, &a.creds, &a.err);
    if (a.status != ST_OK)
        a.status = err_wrap(&a.err, a.status, "%s", f->path);
    provider_op_finish(&x->op, &a);
}

// ---- the file

static void forget(struct token_file *f)
{
    login_token_clear(&op_of(f)->token);
}

static enum status read_text(struct token_file *f, struct span text, struct err *e)
{
    return login_token_read(text, &op_of(f)->token, e);
}

static void write_text(const struct token_file *f, struct buf *out)
{
    login_token_write(&op_of(f)->token, out);
}

static int64_t expires_at_ms(const struct token_file *f)
{
    return op_of(f)->token.expires_at_ms;
}

// ---- the refresh

static enum status build(void *arg, struct fetch_request *r, struct err *e)
{
    struct login_op *x = arg;
    struct rng *rng = &x->op.q->kit->rng;
    struct dpop_claims claims = {
        .method = SPAN("POST"), .url = span_of(x->url), .wall_s = clock_wall_ms() / 1000};
    struct span proof;
    uint64_t id[2] = {rng_u64(rng), rng_u64(rng)};
    memcpy(claims.id, id, sizeof(claims.id));
    arena_wipe(&x->attempt);
    enum status st = dpop_proof(span_of(x->token.key), &claims, &x->attempt, &proof, e);
    if (st != ST_OK)
        return err_wrap(e, st, "dpopKey in %s", x->file.path);
    r->method = "POST";
    r->url = x->url;
    r->fields[r->n_fields++] = (struct fetch_field){"Content-Type", SPAN("application/json")};
    r->fields[r->n_fields++] = (struct fetch_field){"Accept", SPAN("application/json")};
    r->fields[r->n_fields++] = (struct fetch_field){"DPoP", proof};
    r->body = buf_span(&x->body);
    r->connect_timeout_ms = CONNECT_MS;
    r->timeout_ms = ATTEMPT_MS;
    return ST_OK;
}

static bool is_end_of_session(const char *code)
{
    static const char *const codes[] = {"TOKEN_EXPIRED", "USER_CREDENTIALS_CHANGED",
                                        "AUTHCODE_EXPIRED", "invalid_grant"};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (!strcmp(code, codes[i]))
            return true;
    return false;
}

// {"error":"TOKEN_EXPIRED","message":"…"}
static enum call_verdict judge_error(struct login_op *x, const struct fetch_answer *a,
                                     struct err *e)
{
    struct err unread;
    enum call_verdict v = call_judge_status(a, e);
    json_t *o = json_answer_parse(a->body, &unread);
    const char *code = json_answer_text(o, "error");
    const char *message = json_answer_text(o, "message");
    if (code)
        (void)err_set(e, ST_IO, "it answered %d: %.64s%s%.*s", a->status, code, message ? ": " : "",
                      MESSAGE_SHOW, message ? message : "");
    if (code && !strcmp(code, "INSUFFICIENT_PERMISSIONS"))
        (void)err_set(e, ST_IO, "the identity lacks signin:CreateOAuth2Token (%.64s)", code);
    x->file.is_over = code && v == CALL_FAILED && is_end_of_session(code);
    json_decref(o);
    return v;
}

static enum call_verdict judge(void *arg, const struct fetch_answer *a, struct err *e)
{
    struct login_op *x = arg;
    if (a->fail != FETCH_OK)
        return call_judge_failure(a, e);
    if (a->status != 200)
        return judge_error(x, a, e);
    // Sent again, a refresh token that was spent would end the session.
    return login_token_renew(&x->token, a->body, clock_wall_ms(), e) == ST_OK ? CALL_OK
                                                                              : CALL_FAILED;
}

static void on_done(void *arg, enum call_verdict v, const struct err *e)
{
    struct login_op *x = arg;
    struct err why = *e;
    x->call = NULL;
    (void)err_wrap(&why, ST_IO, "%s", x->url);
    token_file_end(&x->file, v, &why);
}

// Partitions have sign-in hosts of their own.
static void find_url(struct login_op *x)
{
    static const struct endpoint_kind signin = {"signin", "AWS_ENDPOINT_URL_SIGNIN", NULL};
    const struct creds_query *q = x->op.q;
    struct arena *a = &x->life;
    struct span region = span_of(x->token.region);
    const char *own = setting_region(q, a);
    const char *base = endpoint_override(q, &signin, a);
    if (!region.len || !region_read(region, &region))
        region = span_of(own ? own : CREDS_LAST_REGION);
    const struct partition *p = partition_of(region);
    if (!base && setting_wants_fips(q) && !strcmp(p->name, "aws-us-gov"))
        base = arena_printf(a, "https://%.*s.signin-fips.amazonaws-us-gov.com", SPAN_ARG(region));
    else if (!base && setting_wants_fips(q))
        base = arena_printf(a, "https://signin-fips.%.*s.%s", SPAN_ARG(region), p->suffix);
    else if (!base)
        base = arena_printf(a, "https://%.*s.%s", SPAN_ARG(region), p->signin);
    size_t len = strlen(base);
    while (len && base[len - 1] == '/')
        len--;
    x->url = arena_printf(a, "%.*s/v1/token", (int)len, base);
}

static bool may_renew(struct token_file *f, struct err *e)
{
    const char *lacking = login_token_lacks(&op_of(f)->token);
    f->is_over = lacking != NULL;
    if (lacking)
        (void)err_set(e, ST_INVALID, "%s: %s is missing", f->path, lacking);
    return !lacking;
}

static void renew(struct token_file *f)
{
    struct login_op *x = op_of(f);
    struct call_spec call = {.attempts = ATTEMPTS,
                             .base_ms = BASE_MS,
                             .cap_ms = CAP_MS,
                             .total_ms = TOTAL_MS,
                             .build = build,
                             .judge = judge,
                             .done = on_done,
                             .arg = x};
    buf_reset(&x->body);
    login_token_ask(&x->token, &x->body);
    find_url(x);
    x->call = call_start(x->op.q->kit, &call);
}

static const struct token_file_kind kind = {
    .name = "login session",
    .lost = "session is lost",
    .fresh_ms = 300000,
    .margin_ms = 10000,
    .lock_tries = 50,
    .forget = forget,
    .read = read_text,
    .write = write_text,
    .expires_at_ms = expires_at_ms,
    .may_renew = may_renew,
    .renew = renew,
    .serve = serve,
    .fail = fail,
};

// ---- the beginning

static const char *find_file(struct login_op *x)
{
    const struct creds_query *q = x->op.q;
    char name[DIGEST_HEX + 1];
    char *folder = path_of_file(q->envp, "AWS_LOGIN_CACHE_DIRECTORY", "~/.aws/login/cache");
    digest_sha256_hex(span_of(x->session), name);
    const char *path = arena_printf(&x->life, "%s/%s.json", folder, name);
    free(folder);
    x->told.provider = arena_printf(&x->life, "login session [%.64s]", q->choice.name);
    x->told.source = arena_printf(&x->life, "login session %.200s", x->session);
    return path;
}

struct provider_op *login_start(const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct login_op *x = provider_op_new(sizeof(*x), q, done, arg);
    x->op.clear = clear;
    token_file_init(&x->file, &kind, &x->op);
    arena_init(&x->life);
    arena_init(&x->attempt);
    buf_init_secret(&x->body);
    x->session = setting_of_profile(q, "login_session", &x->life);
    token_file_start(&x->file, find_file(x));
    return &x->op;
}
