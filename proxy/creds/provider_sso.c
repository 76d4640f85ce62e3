// SPDX-License-Identifier: Apache-2.0
// IAM Identity Center: `aws sso login` leaves a token in a file, the portal gives a role's
// credentials for it. Tokens of an [sso-session] can be renewed (token_file_int.h), those of the
// older form can't.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "creds/json_answer_int.h"
#include "creds/partition_int.h"
#include "creds/setting_int.h"
#include "creds/sso_token_int.h"
#include "creds/sts_int.h"
#include "creds/token_file_int.h"

#define ATTEMPTS     3
#define BASE_MS      200
#define CAP_MS       2000
#define CONNECT_MS   2000
#define ATTEMPT_MS   5000
#define TOTAL_MS     8000 // each of the two calls
#define MESSAGE_SHOW 200

struct sso_op {
    struct provider_op op;
    struct token_file file;
    struct arena arena;
    const char *session; // of sso_session; NULL: the older form
    const char *start_url;
    const char *region;
    const char *account;
    const char *role;
    struct sso_token token;
    const char *url;
    struct buf body; // p == NULL: the portal is asked
    struct call *call;
    struct creds *creds;
};

static struct sso_op *op_of(const struct token_file *f)
{
    return (struct sso_op *)f->op;
}

static void clear(struct provider_op *op)
{
    struct sso_op *x = (struct sso_op *)op;
    call_cancel(x->call);
    token_file_clear(&x->file);
    sso_token_clear(&x->token);
    buf_clear(&x->body);
    creds_free(x->creds);
    arena_wipe(&x->arena);
}

static void fail(struct token_file *f, int64_t retry_in_ms, const struct err *e)
{
    struct sso_op *x = op_of(f);
    const char *profile = x->op.q->choice.name;
    struct err why;
    if (f->is_over && x->session)
        (void)err_set(&why, ST_INVALID,
                      "SSO of profile %.64s: %.280s; run: aws sso login --sso-session %.64s",
                      profile, e->text, x->session);
    else if (f->is_over)
        (void)err_set(&why, ST_INVALID,
                      "SSO of profile %.64s: %.280s; run: aws sso login --profile %.64s", profile,
                      e->text, profile);
    else
        (void)err_set(&why, ST_IO, "SSO of profile %.64s: %s", profile, e->text);
    provider_op_fail(&x->op, retry_in_ms, &why);
}

// ---- settings

static const char *of_session(struct sso_op *x, const char *key)
{
    const struct profile_property *p = profile_file_find(
        x->op.q->profiles->files[FILE_CONFIG], SECTION_SSO_SESSION, span_of(x->session), NULL, key);
    struct span value = p ? span_trim(p->value) : SPAN("");
    return value.len ? arena_cstr(&x->arena, value) : NULL;
}

// Of the session, if there is one; the profile may say the same, nothing else.
static enum status read_setting(struct sso_op *x, const char *key, const char **out, struct err *e)
{
    const char *own = setting_of_profile(x->op.q, key, &x->arena);
    const char *shared = x->session ? of_session(x, key) : own;
    *out = shared;
    if (!shared)
        return err_set(e, ST_INVALID, "%s is missing in %s%.64s%s", key,
                       x->session ? "[sso-session " : "the profile", x->session ? x->session : "",
                       x->session ? "]" : "");
    if (own && strcmp(own, shared) != 0)
        return err_set(e, ST_INVALID,
                       "%s is \"%.100s\" in the profile and \"%.100s\" in [sso-session %.64s]", key,
                       own, shared, x->session);
    return ST_OK;
}

static enum status read_role(struct sso_op *x, struct err *e)
{
    x->account = setting_of_profile(x->op.q, "sso_account_id", &x->arena);
    x->role = setting_of_profile(x->op.q, "sso_role_name", &x->arena);
    if (x->account && x->role)
        return ST_OK;
    return err_set(e, ST_INVALID, "%s is missing in the profile",
                   x->account ? "sso_role_name" : "sso_account_id");
}

static enum status read_settings(struct sso_op *x, struct err *e)
{
    const struct creds_query *q = x->op.q;
    struct span region;
    x->session = setting_of_profile(q, "sso_session", &x->arena);
    if (x->session && !profile_file_has(q->profiles->files[FILE_CONFIG], SECTION_SSO_SESSION,
                                        span_of(x->session)))
        return err_set(e, ST_INVALID, "there is no section [sso-session %.64s] in %s", x->session,
                       q->profiles->paths[FILE_CONFIG]);
    enum status st = read_setting(x, "sso_start_url", &x->start_url, e);
    if (st == ST_OK)
        st = read_setting(x, "sso_region", &x->region, e);
    if (st == ST_OK)
        st = read_role(x, e);
    if (st != ST_OK)
        return st;
    if (!region_read(span_of(x->region), &region))
        return err_set(e, ST_INVALID, "sso_region is no region's name: \"%.64s\"", x->region);
    x->region = arena_cstr(&x->arena, region);
    return ST_OK;
}

static const char *find_file(struct sso_op *x)
{
    char name[DIGEST_SHA1_HEX + 1];
    digest_sha1_hex(span_of(x->session ? x->session : x->start_url), name);
    const char *place = arena_printf(&x->arena, "~/.aws/sso/cache/%s.json", name);
    char *found = path_of_file(x->op.q->envp, NULL, place);
    const char *path = arena_cstr(&x->arena, span_of(found));
    free(found);
    return path;
}

// ---- the token's file

static void forget(struct token_file *f)
{
    sso_token_clear(&op_of(f)->token);
}

static enum status read_text(struct token_file *f, struct span text, struct err *e)
{
    return sso_token_read(text, &op_of(f)->token, e);
}

static void write_text(const struct token_file *f, struct buf *out)
{
    sso_token_write(&op_of(f)->token, out);
}

static int64_t expires_at_ms(const struct token_file *f)
{
    return op_of(f)->token.expires_at_ms;
}

// ---- both calls

static void
start_call(struct sso_op *x, enum status (*build)(void *, struct fetch_request *, struct err *),
           enum call_verdict (*judge)(void *, const struct fetch_answer *, struct err *),
           void (*done)(void *, enum call_verdict, const struct err *))
{
    struct call_spec call = {.attempts = ATTEMPTS,
                             .base_ms = BASE_MS,
                             .cap_ms = CAP_MS,
                             .total_ms = TOTAL_MS,
                             .build = build,
                             .judge = judge,
                             .done = done,
                             .arg = x};
    x->call = call_start(x->op.q->kit, &call);
}

// {"error":"invalid_grant","error_description":"…"} or {"message":"…","__type":"…"}
static enum call_verdict judge_error(struct sso_op *x, const struct fetch_answer *a, struct err *e)
{
    struct err unread;
    enum call_verdict v = call_judge_status(a, e);
    json_t *o = json_answer_parse(a->body, &unread);
    const char *code = json_answer_text(o, "error");
    const char *message = json_answer_text(o, code ? "error_description" : "message");
    if (code || message)
        (void)err_set(e, ST_IO, "it answered %d: %.64s%s%.*s", a->status, code ? code : "",
                      code && message ? ": " : "", MESSAGE_SHOW, message ? message : "");
    x->file.is_over = v == CALL_FAILED && (x->body.len || a->status == 401);
    json_decref(o);
    return v;
}

// ---- the portal

static enum status build_role(void *arg, struct fetch_request *r, struct err *e)
{
    struct sso_op *x = arg;
    (void)e;
    r->method = "GET";
    r->url = x->url;
    r->fields[r->n_fields++] = (struct fetch_field){"Accept", SPAN("application/json")};
    r->fields[r->n_fields++] =
        (struct fetch_field){"x-amz-sso_bearer_token", span_of(x->token.access_token)};
    r->connect_timeout_ms = CONNECT_MS;
    r->timeout_ms = ATTEMPT_MS;
    return ST_OK;
}

static enum call_verdict judge_role(void *arg, const struct fetch_answer *a, struct err *e)
{
    struct sso_op *x = arg;
    struct err provider;
    struct err source;
    struct creds_parts told = {.account_id = span_of(x->account)};
    (void)err_set(&provider, ST_OK, "SSO [%.64s]", x->op.q->choice.name);
    (void)err_set(&source, ST_OK, "SSO role %.64s in account %.32s", x->role, x->account);
    told.provider = provider.text;
    told.source = source.text;
    if (a->fail != FETCH_OK)
        return call_judge_failure(a, e);
    if (a->status != 200)
        return judge_error(x, a, e);
    return sso_role_creds(a->body, &told, &x->creds, e) == ST_OK ? CALL_OK : CALL_FAILED;
}

static void on_role(void *arg, enum call_verdict v, const struct err *e)
{
    struct sso_op *x = arg;
    struct provider_answer a = {.status = ST_OK, .creds = x->creds};
    struct err why;
    x->call = NULL;
    if (v == CALL_OK) {
        x->creds = NULL;
        provider_op_finish(&x->op, &a);
        return;
    }
    (void)err_set(&why, ST_IO, "role %.64s in account %.32s: %.256s", x->role, x->account, e->text);
    fail(&x->file, v == CALL_FAILED ? RETRY_BROKEN_MS : RETRY_SOON_MS, &why);
}

static void ask_role(struct token_file *f)
{
    static const struct endpoint_kind portal = {"sso", "AWS_ENDPOINT_URL_SSO", "portal.sso"};
    struct sso_op *x = op_of(f);
    struct buf url;
    f->is_over = false;
    buf_clear(&x->body);
    buf_init(&url);
    buf_addf(&url, "%s/federation/credentials?role_name=",
             endpoint_of_region(x->op.q, &portal, x->region, &x->arena));
    form_escape(&url, x->role);
    buf_add_str(&url, "&account_id=");
    form_escape(&url, x->account);
    x->url = arena_cstr(&x->arena, buf_span(&url));
    buf_clear(&url);
    start_call(x, build_role, judge_role, on_role);
}

// ---- a new token

static enum status build_token(void *arg, struct fetch_request *r, struct err *e)
{
    struct sso_op *x = arg;
    (void)e;
    r->method = "POST";
    r->url = x->url;
    r->fields[r->n_fields++] = (struct fetch_field){"Content-Type", SPAN("application/json")};
    r->fields[r->n_fields++] = (struct fetch_field){"Accept", SPAN("application/json")};
    r->body = buf_span(&x->body);
    r->connect_timeout_ms = CONNECT_MS;
    r->timeout_ms = ATTEMPT_MS;
    return ST_OK;
}

static enum call_verdict judge_token(void *arg, const struct fetch_answer *a, struct err *e)
{
    struct sso_op *x = arg;
    if (a->fail != FETCH_OK)
        return call_judge_failure(a, e);
    if (a->status != 200)
        return judge_error(x, a, e);
    return sso_token_renew(&x->token, a->body, clock_wall_ms(), e) == ST_OK ? CALL_OK : CALL_FAILED;
}

static void on_token(void *arg, enum call_verdict v, const struct err *e)
{
    struct sso_op *x = arg;
    struct err why = *e;
    x->call = NULL;
    (void)err_wrap(&why, ST_IO, "%.200s", x->url);
    token_file_end(&x->file, v, &why);
}

static bool may_renew(struct token_file *f, struct err *e)
{
    const struct sso_op *x = op_of(f);
    const char *lacking = x->session ? sso_token_lacks(&x->token) : NULL;
    bool may = x->session && !lacking && x->token.registered_until_ms > clock_wall_ms();
    f->is_over = f->is_quiet = !may;
    if (!may) {
        char at[25];
        clock_format_iso(x->token.expires_at_ms, at);
        (void)err_set(e, ST_INVALID, "the token has expired, at %s, and can't be renewed%s%s", at,
                      lacking ? ": it has no " : "", lacking ? lacking : "");
    }
    return may;
}

static void renew(struct token_file *f)
{
    static const struct endpoint_kind oidc = {"sso_oidc", "AWS_ENDPOINT_URL_SSO_OIDC", "oidc"};
    struct sso_op *x = op_of(f);
    x->url = arena_printf(&x->arena, "%s/token",
                          endpoint_of_region(x->op.q, &oidc, x->region, &x->arena));
    buf_reset(&x->body);
    sso_token_ask(&x->token, &x->body);
    start_call(x, build_token, judge_token, on_token);
}

// ---- the beginning

static const struct token_file_kind kind = {
    .name = "SSO",
    .lost = "login ends",
    .fresh_ms = 900000,
    .margin_ms = 5000,
    .lock_tries = 40,
    .forget = forget,
    .read = read_text,
    .write = write_text,
    .expires_at_ms = expires_at_ms,
    .may_renew = may_renew,
    .renew = renew,
    .serve = ask_role,
    .fail = fail,
};

struct provider_op *sso_start(const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct sso_op *x = provider_op_new(sizeof(*x), q, done, arg);
    struct err why;
    x->op.clear = clear;
    token_file_init(&x->file, &kind, &x->op);
    arena_init(&x->arena);
    buf_init_secret(&x->body);
    if (read_settings(x, &why) != ST_OK) {
        fail(&x->file, RETRY_BROKEN_MS, &why);
        return &x->op;
    }
    token_file_start(&x->file, find_file(x));
    return &x->op;
}
