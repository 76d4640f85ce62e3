// SPDX-License-Identifier: Apache-2.0
// IAM Identity Center: `aws sso login` leaves a token in a file, the portal gives a role's
// credentials for it. Tokens of an [sso-session] can be renewed: under a lock, after the file was
// read again, and the new one is on the disk before it is used, since the file belongs to other
// tools and to our other profiles too. Tokens of the older form can't.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "creds/call_int.h"
#include "creds/json_answer_int.h"
#include "creds/partition_int.h"
#include "creds/setting_int.h"
#include "creds/sso_token_int.h"
#include "creds/sts_int.h"
#include "creds/walk_int.h"
#include "log/log.h"

#define FRESH_MS     ((int64_t)900000) // with less than that left it is renewed
#define MARGIN_MS    ((int64_t)5000)
#define LOCK_WAIT_MS 100
#define LOCK_TRIES   40
#define ATTEMPTS     3
#define BASE_MS      200
#define CAP_MS       2000
#define CONNECT_MS   2000
#define ATTEMPT_MS   5000
#define TOTAL_MS     8000 // each of the two calls
#define MESSAGE_SHOW 200

struct sso_op {
    struct provider_op op;
    struct arena arena;
    const char *session; // of sso_session; NULL: the older form
    const char *start_url;
    const char *region;
    const char *account;
    const char *role;
    const char *path;
    struct sso_token token;
    struct timer *wait; // for the lock
    unsigned n_tries;
    int lock; // -1: not held
    const char *url;
    struct buf body; // p == NULL: the portal is asked
    struct call *call;
    struct creds *creds;
    bool is_over; // nothing but a new login helps
};

static void clear(struct provider_op *op)
{
    struct sso_op *x = (struct sso_op *)op;
    call_cancel(x->call);
    timer_free(x->wait);
    file_unlock(&x->lock);
    sso_token_clear(&x->token);
    buf_clear(&x->body);
    creds_free(x->creds);
    arena_wipe(&x->arena);
}

static void fail(struct sso_op *x, int64_t retry_in_ms, const struct err *e)
{
    const char *profile = x->op.q->choice.name;
    struct err why;
    file_unlock(&x->lock);
    if (x->is_over && x->session)
        (void)err_set(&why, ST_INVALID,
                      "SSO of profile %.64s: %.280s; run: aws sso login --sso-session %.64s",
                      profile, e->text, x->session);
    else if (x->is_over)
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

static void find_file(struct sso_op *x)
{
    char name[DIGEST_SHA1_HEX + 1];
    digest_sha1_hex(span_of(x->session ? x->session : x->start_url), name);
    const char *place = arena_printf(&x->arena, "~/.aws/sso/cache/%s.json", name);
    char *path = path_of_file(x->op.q->envp, NULL, place);
    x->path = arena_cstr(&x->arena, span_of(path));
    free(path);
}

// ---- the token's file

static bool lives(const struct sso_op *x, int64_t least_ms)
{
    return x->token.document && x->token.expires_at_ms - clock_wall_ms() > least_ms;
}

static enum status read_file(struct sso_op *x, struct err *e)
{
    struct buf b;
    struct file_id id;
    buf_init_secret(&b);
    sso_token_clear(&x->token);
    enum status st = file_read(x->path, &b, &id, e);
    if (st == ST_OK)
        st = sso_token_read(buf_span(&b), &x->token, e);
    x->is_over = st == ST_DECLINED || st == ST_INVALID;
    buf_clear(&b);
    return st == ST_OK ? ST_OK : err_wrap(e, st, "%s", x->path);
}

static bool has_read(struct sso_op *x)
{
    struct err why;
    enum status st = read_file(x, &why);
    if (st != ST_OK)
        fail(x, st == ST_AGAIN ? RETRY_UNSETTLED_MS : RETRY_BROKEN_MS, &why);
    return st == ST_OK;
}

static void write_file(struct sso_op *x)
{
    struct buf b;
    struct err why;
    buf_init_secret(&b);
    sso_token_write(&x->token, &b);
    if (file_replace(x->path, buf_span(&b), &why) != ST_OK)
        log_error("creds", "%s: the login ends with this process", why.text);
    buf_clear(&b);
    walk_has_written(x->op.q->walk, x->path);
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
    x->is_over = v == CALL_FAILED && (x->body.len || a->status == 401);
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
    fail(x, v == CALL_FAILED ? RETRY_BROKEN_MS : RETRY_SOON_MS, &why);
}

static void ask_role(struct sso_op *x)
{
    static const struct endpoint_kind portal = {"sso", "AWS_ENDPOINT_URL_SSO", "portal.sso"};
    struct buf url;
    file_unlock(&x->lock);
    x->is_over = false;
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

// A renewal that failed takes nothing away from what is still valid.
static void go_on_unrenewed(struct sso_op *x, int64_t retry_in_ms, const struct err *why)
{
    if (!lives(x, MARGIN_MS)) {
        fail(x, retry_in_ms, why);
        return;
    }
    log_warn("creds", "SSO of profile %.64s: the token is not renewed: %s", x->op.q->choice.name,
             why->text);
    ask_role(x);
}

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

// Somebody who does not know our lock may have been quicker.
static bool was_renewed_by_others(struct sso_op *x)
{
    struct err unread;
    bool was_over = x->is_over;
    int64_t expires_at_ms = x->token.expires_at_ms;
    bool is_newer = read_file(x, &unread) == ST_OK && x->token.expires_at_ms != expires_at_ms;
    if (is_newer && lives(x, MARGIN_MS))
        return true;
    x->is_over = was_over;
    return false;
}

static void on_token(void *arg, enum call_verdict v, const struct err *e)
{
    struct sso_op *x = arg;
    struct err why = *e;
    x->call = NULL;
    if (v == CALL_OK)
        write_file(x);
    if (v == CALL_OK || (v == CALL_FAILED && was_renewed_by_others(x))) {
        ask_role(x);
        return;
    }
    (void)err_wrap(&why, ST_IO, "%.200s", x->url);
    go_on_unrenewed(x, v == CALL_FAILED ? RETRY_BROKEN_MS : RETRY_SOON_MS, &why);
}

static bool may_renew(struct sso_op *x, struct err *e)
{
    const char *lacking = x->session ? sso_token_lacks(&x->token) : NULL;
    x->is_over = true;
    if (!x->session || lacking || x->token.registered_until_ms <= clock_wall_ms()) {
        char at[25];
        clock_format_iso(x->token.expires_at_ms, at);
        (void)err_set(e, ST_INVALID, "the token has expired, at %s, and can't be renewed%s%s", at,
                      lacking ? ": it has no " : "", lacking ? lacking : "");
        return false;
    }
    x->is_over = false;
    return file_may_replace(x->path, e) == ST_OK;
}

static void renew(struct sso_op *x)
{
    static const struct endpoint_kind oidc = {"sso_oidc", "AWS_ENDPOINT_URL_SSO_OIDC", "oidc"};
    x->url = arena_printf(&x->arena, "%s/token",
                          endpoint_of_region(x->op.q, &oidc, x->region, &x->arena));
    buf_reset(&x->body);
    sso_token_ask(&x->token, &x->body);
    start_call(x, build_token, judge_token, on_token);
}

static void try_lock(void *arg)
{
    struct sso_op *x = arg;
    struct err why;
    enum status st = file_lock(x->path, &x->lock, &why);
    if (st == ST_AGAIN && ++x->n_tries < LOCK_TRIES) {
        timer_set(x->wait, LOCK_WAIT_MS);
        return;
    }
    if (st != ST_OK) {
        go_on_unrenewed(x, RETRY_SOON_MS, &why);
        return;
    }
    if (!has_read(x))
        return;
    if (lives(x, FRESH_MS))
        ask_role(x);
    else if (may_renew(x, &why))
        renew(x);
    else
        go_on_unrenewed(x, RETRY_BROKEN_MS, &why);
}

// ---- the beginning

static void begin(struct sso_op *x)
{
    struct err why;
    if (!has_read(x))
        return;
    bool is_fresh = lives(x, FRESH_MS);
    bool is_renewable = !is_fresh && may_renew(x, &why);
    // What is not meant to be renewed serves to its end without a word.
    if (is_fresh || (!is_renewable && x->is_over && lives(x, MARGIN_MS)))
        ask_role(x);
    else if (is_renewable)
        try_lock(x);
    else
        go_on_unrenewed(x, RETRY_BROKEN_MS, &why);
}

struct provider_op *sso_start(const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct sso_op *x = provider_op_new(sizeof(*x), q, done, arg);
    struct err why;
    x->op.clear = clear;
    x->lock = -1;
    x->wait = timer_new(q->loop, try_lock, x);
    arena_init(&x->arena);
    buf_init_secret(&x->body);
    if (read_settings(x, &why) != ST_OK) {
        fail(x, RETRY_BROKEN_MS, &why);
        return &x->op;
    }
    find_file(x);
    walk_rests_on(q->walk, x->path);
    begin(x);
    return &x->op;
}
