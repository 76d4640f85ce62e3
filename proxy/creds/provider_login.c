// SPDX-License-Identifier: Apache-2.0
// A session of `aws login`: credentials for a quarter of an hour in a file, and beside them what
// new ones are got with for twelve hours. The file belongs to other tools too, and a refresh token
// serves once: it is spent under a lock, after the file was read again, and the next one is on the
// disk before the credentials are used.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-login-credentials.html
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "creds/call_int.h"
#include "creds/json_answer_int.h"
#include "creds/login_token_int.h"
#include "creds/partition_int.h"
#include "creds/setting_int.h"
#include "creds/walk_int.h"
#include "log/log.h"
#include "sign/dpop.h"

#define FRESH_MS     ((int64_t)300000) // with less than that left it is refreshed
#define MARGIN_MS    ((int64_t)10000)
#define LOCK_WAIT_MS 100
#define LOCK_TRIES   50
#define ATTEMPTS     3
#define BASE_MS      200
#define CAP_MS       2000
#define CONNECT_MS   2000
#define ATTEMPT_MS   5000
#define TOTAL_MS     14000
#define MESSAGE_SHOW 200

struct login_op {
    struct provider_op op;
    struct arena life;
    struct arena attempt;
    const char *session; // login_session
    const char *path;
    const char *url;
    struct creds_parts told; // what the credentials will be called
    struct login_token token;
    struct timer *wait; // for the lock
    unsigned n_tries;
    int lock; // -1: not held
    struct call *call;
    struct buf body;
    bool is_over; // no refresh will bring anything: log in again
};

static void clear(struct provider_op *op)
{
    struct login_op *x = (struct login_op *)op;
    call_cancel(x->call);
    timer_free(x->wait);
    file_unlock(&x->lock);
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

static void fail(struct login_op *x, int64_t retry_in_ms, const struct err *e)
{
    struct err why = *e;
    file_unlock(&x->lock);
    if (x->is_over)
        say_log_in(x, &why);
    (void)err_wrap(&why, ST_IO, "login session of profile %.64s", x->op.q->choice.name);
    provider_op_fail(&x->op, retry_in_ms, &why);
}

static void serve(struct login_op *x)
{
    struct provider_answer a = {.retry_in_ms = RETRY_BROKEN_MS};
    file_unlock(&x->lock);
    a.status = login_token_creds(&x->token, &x->told, &a.creds, &a.err);
    if (a.status != ST_OK)
        a.status = err_wrap(&a.err, a.status, "%s", x->path);
    provider_op_finish(&x->op, &a);
}

static bool lives(const struct login_op *x, int64_t least_ms)
{
    return x->token.document && x->token.expires_at_ms - clock_wall_ms() > least_ms;
}

// A refresh that failed takes nothing away from what is still valid.
static void end_unrefreshed(struct login_op *x, int64_t retry_in_ms, const struct err *why)
{
    if (!lives(x, MARGIN_MS)) {
        fail(x, retry_in_ms, why);
        return;
    }
    log_warn("creds", "login session of profile %.64s: not refreshed: %s", x->op.q->choice.name,
             why->text);
    serve(x);
}

// ---- the file

static enum status read_file(struct login_op *x, struct err *e)
{
    struct buf b;
    struct file_id id;
    buf_init_secret(&b);
    login_token_clear(&x->token);
    enum status st = file_read(x->path, &b, &id, e);
    x->is_over = st == ST_DECLINED;
    if (st == ST_OK)
        st = login_token_read(buf_span(&b), &x->token, e);
    buf_clear(&b);
    return st == ST_OK ? ST_OK : err_wrap(e, st, "%s", x->path);
}

static bool has_read(struct login_op *x)
{
    struct err why;
    enum status st = read_file(x, &why);
    if (st != ST_OK)
        fail(x, st == ST_AGAIN ? RETRY_UNSETTLED_MS : RETRY_BROKEN_MS, &why);
    return st == ST_OK;
}

static enum status write_file(struct login_op *x, struct err *e)
{
    struct buf b;
    buf_init_secret(&b);
    login_token_write(&x->token, &b);
    enum status st = file_replace(x->path, buf_span(&b), e);
    buf_clear(&b);
    return st;
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
        return err_wrap(e, st, "dpopKey in %s", x->path);
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
    x->is_over = code && v == CALL_FAILED && is_end_of_session(code);
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

// Somebody who does not know our lock may have been quicker.
static bool was_renewed_by_others(struct login_op *x)
{
    struct err unread;
    bool was_over = x->is_over;
    int64_t expires_at_ms = x->token.expires_at_ms;
    if (read_file(x, &unread) == ST_OK && x->token.expires_at_ms != expires_at_ms &&
        lives(x, MARGIN_MS))
        return true;
    x->is_over = was_over;
    return false;
}

static void on_done(void *arg, enum call_verdict v, const struct err *e)
{
    struct login_op *x = arg;
    struct err why = *e;
    x->call = NULL;
    if (v == CALL_OK) {
        if (write_file(x, &why) != ST_OK)
            log_error("creds", "%s: the session is lost with this process", why.text);
        serve(x);
        return;
    }
    if (v == CALL_FAILED && was_renewed_by_others(x)) {
        serve(x);
        return;
    }
    (void)err_wrap(&why, ST_IO, "%s", x->url);
    end_unrefreshed(x, v == CALL_FAILED ? RETRY_BROKEN_MS : RETRY_SOON_MS, &why);
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

static void refresh(struct login_op *x)
{
    struct err why;
    const char *lacking = login_token_lacks(&x->token);
    x->is_over = lacking != NULL;
    if (lacking)
        (void)err_set(&why, ST_INVALID, "%s: %s is missing", x->path, lacking);
    if (lacking || file_may_replace(x->path, &why) != ST_OK) {
        end_unrefreshed(x, RETRY_BROKEN_MS, &why);
        return;
    }
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

static void try_lock(void *arg)
{
    struct login_op *x = arg;
    struct err why;
    enum status st = file_lock(x->path, &x->lock, &why);
    if (st == ST_AGAIN && ++x->n_tries < LOCK_TRIES) {
        timer_set(x->wait, LOCK_WAIT_MS);
        return;
    }
    if (st != ST_OK) {
        end_unrefreshed(x, RETRY_SOON_MS, &why);
        return;
    }
    if (!has_read(x))
        return;
    if (lives(x, FRESH_MS))
        serve(x);
    else
        refresh(x);
}

// ---- the beginning

static void find_file(struct login_op *x)
{
    const struct creds_query *q = x->op.q;
    char name[DIGEST_HEX + 1];
    char *folder = path_of_file(q->envp, "AWS_LOGIN_CACHE_DIRECTORY", "~/.aws/login/cache");
    digest_sha256_hex(span_of(x->session), name);
    x->path = arena_printf(&x->life, "%s/%s.json", folder, name);
    free(folder);
    x->told.provider = arena_printf(&x->life, "login session [%.64s]", q->choice.name);
    x->told.source = arena_printf(&x->life, "login session %.200s", x->session);
}

struct provider_op *login_start(const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct login_op *x = provider_op_new(sizeof(*x), q, done, arg);
    x->op.clear = clear;
    x->lock = -1;
    x->wait = timer_new(q->loop, try_lock, x);
    arena_init(&x->life);
    arena_init(&x->attempt);
    buf_init_secret(&x->body);
    x->session = setting_of_profile(q, "login_session", &x->life);
    find_file(x);
    walk_rests_on(q->walk, x->path);
    if (!has_read(x))
        return &x->op;
    if (lives(x, FRESH_MS))
        serve(x);
    else
        try_lock(x);
    return &x->op;
}
