// SPDX-License-Identifier: Apache-2.0
// The role of an EC2 instance, asked of its metadata service in three steps: a session token (v2),
// the role's name, the role's credentials. The token serves many fetches; the name is asked for
// each time, since the role of a running instance can be replaced. Where the service has no tokens
// it is asked without (v1), unless that is forbidden. What it handed out goes on serving when it
// fails, beyond expiry too: services may still accept it, and an instance must not die of this.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
#include <string.h>

#include "base/clock.h"
#include "creds/call_int.h"
#include "creds/imds_int.h"
#include "creds/json_answer_int.h"
#include "log/log.h"

#define BASE_MS   100
#define CAP_MS    400
#define LIMIT_MS  18000 // of the whole
#define V1_FOR_MS ((int64_t)300000)
#define ROLES     "/latest/meta-data/iam/security-credentials/"
#define HOP_HINT                                                                                   \
    "the request for a session token got no answer: inside a container the hop limit of the "      \
    "instance's metadata options must be at least 2"

enum imds_step {
    IMDS_TOKEN = 0,
    IMDS_LIST,
    IMDS_DOCUMENT,
};

struct imds_op {
    struct provider_op op;
    struct arena arena;
    struct imds_settings settings;
    struct imds_session *session;
    struct timer *deadline;
    enum imds_step step;
    const char *role;
    struct call *call;
    int status; // of the last answer; 0: there was none
    enum fetch_fail fail;
    bool is_named;          // nobody needs to ask for the role's name
    bool has_renewed;       // the token, after a 401
    bool has_listed_again;  // after a 404 for the role
    bool is_without_answer; // the request for a token was
    struct creds *creds;
};

static void clear(struct provider_op *op)
{
    struct imds_op *x = (struct imds_op *)op;
    call_cancel(x->call);
    timer_free(x->deadline);
    creds_free(x->creds);
    arena_wipe(&x->arena);
}

static void go(struct imds_op *x, enum imds_step step);

// ---- ends

static void end(struct imds_op *x, const struct provider_answer *a)
{
    timer_clear(x->deadline);
    provider_op_finish(&x->op, a);
}

static void decline(struct imds_op *x, const char *why)
{
    struct provider_answer a = {.retry_in_ms = RETRY_BROKEN_MS};
    a.status = err_set(&a.err, ST_DECLINED, "%s at %s", why, x->settings.endpoint);
    end(x, &a);
}

static void fail(struct imds_op *x, const struct err *why)
{
    static const char *const names[] = {
        [IMDS_TOKEN] = "session token", [IMDS_LIST] = "role name", [IMDS_DOCUMENT] = "credentials"};
    struct provider_answer a = {.retry_in_ms = RETRY_SOON_MS, .err = *why};
    a.status = err_wrap(&a.err, ST_IO, "%s of %s", names[x->step], x->settings.endpoint);
    if (x->is_without_answer)
        a.status = err_set(&a.err, ST_IO, "%.250s; " HOP_HINT, a.err.text);
    end(x, &a);
}

static void on_deadline(void *arg)
{
    struct imds_op *x = arg;
    struct err why;
    call_cancel(x->call);
    x->call = NULL;
    (void)err_set(&why, ST_IO, "no answer in time");
    fail(x, &why);
}

// ---- one step's request

static enum status build(void *arg, struct fetch_request *r, struct err *e)
{
    struct imds_op *x = arg;
    (void)e;
    x->status = 0;
    if (x->step == IMDS_TOKEN)
        imds_ask_token(&x->settings, &x->arena, r);
    else
        imds_ask(&x->settings, x->session,
                 arena_printf(&x->arena, ROLES "%s", x->step == IMDS_DOCUMENT ? x->role : ""),
                 &x->arena, r);
    return ST_OK;
}

// ---- one step's answer

static enum call_verdict take_role(struct imds_op *x, const struct fetch_answer *a, struct err *e)
{
    struct span name = imds_first_line(a->body);
    if (!imds_is_role(name)) {
        (void)err_set(e, ST_IO, "it answered with no role's name");
        return CALL_RETRY;
    }
    x->role = arena_cstr(&x->arena, name);
    return CALL_OK;
}

static enum call_verdict take_document(struct imds_op *x, const struct fetch_answer *a,
                                       struct err *e)
{
    struct json_answer_form form = {
        .token = "Token",
        .wants_token = true,
        .wants_expiry = true,
        .provider = "EC2 instance metadata",
        .source = arena_printf(&x->arena, "instance role %s of %s", x->role, x->settings.endpoint)};
    json_t *o = json_answer_parse(a->body, e);
    if (!o)
        return CALL_RETRY;
    const char *code = json_answer_text(o, "Code");
    const char *message = json_answer_text(o, "Message");
    enum call_verdict v = CALL_FAILED;
    if (code && strcmp(code, "Success") != 0)
        (void)err_set(e, ST_IO, "%.64s%s%.200s", code, message ? ": " : "", message ? message : "");
    else
        v = json_answer_creds(o, &form, &x->creds, e) == ST_OK ? CALL_OK : CALL_RETRY;
    json_decref(o);
    return v;
}

static enum call_verdict judge(void *arg, const struct fetch_answer *a, struct err *e)
{
    struct imds_op *x = arg;
    x->fail = a->fail;
    if (a->fail != FETCH_OK)
        return call_judge_failure(a, e);
    x->status = a->status;
    if (a->status != 200)
        return call_judge_status(a, e);
    if (x->step == IMDS_TOKEN)
        return imds_take_token(x->session, a, e);
    return x->step == IMDS_LIST ? take_role(x, a, e) : take_document(x, a, e);
}

// ---- from step to step

static void go_without_token(struct imds_op *x, bool is_known)
{
    struct err why;
    imds_forget_token(x->session);
    if (x->settings.is_v1_forbidden) {
        (void)err_set(&why, ST_IO, "it gave none (%d), and asking without one (v1) is forbidden",
                      x->status);
        fail(x, &why);
        return;
    }
    if (is_known)
        x->session->v1_until_ms = clock_mono_ms() + V1_FOR_MS;
    go(x, x->is_named ? IMDS_DOCUMENT : IMDS_LIST);
}

static void end_token(struct imds_op *x, enum call_verdict v, const struct err *e)
{
    bool has_none = x->status == 403 || x->status == 404 || x->status == 405;
    if (v == CALL_OK) {
        go(x, x->is_named ? IMDS_DOCUMENT : IMDS_LIST);
    } else if (x->fail == FETCH_TIMEOUT) {
        x->is_without_answer = true;
        x->settings.attempts = 1; // two silent rounds would keep the first requests waiting
        go_without_token(x, false);
    } else if (x->fail != FETCH_OK) {
        decline(x, "nobody answers");
    } else if (has_none || x->status >= 500) {
        go_without_token(x, has_none);
    } else {
        fail(x, e);
    }
}

static bool renew_token(struct imds_op *x)
{
    if (x->status != 401 || x->has_renewed)
        return false;
    x->has_renewed = true;
    x->session->v1_until_ms = 0;
    imds_forget_token(x->session);
    go(x, IMDS_TOKEN);
    return true;
}

static void end_list(struct imds_op *x, enum call_verdict v, const struct err *e)
{
    if (v == CALL_OK)
        go(x, IMDS_DOCUMENT);
    else if (x->status == 404)
        decline(x, "the instance has no role, says the metadata service");
    else if (!x->status && x->is_without_answer)
        decline(x, "nobody answers");
    else if (!renew_token(x))
        fail(x, e);
}

static void end_document(struct imds_op *x, enum call_verdict v, const struct err *e)
{
    struct provider_answer a = {.status = ST_OK, .creds = x->creds};
    if (v == CALL_OK) {
        x->creds = NULL;
        a.creds->outlives_expiry = true;
        end(x, &a);
    } else if (x->status == 404 && !x->is_named && !x->has_listed_again) {
        x->has_listed_again = true; // the role was replaced in between
        go(x, IMDS_LIST);
    } else if (!renew_token(x)) {
        fail(x, e);
    }
}

static void on_done(void *arg, enum call_verdict v, const struct err *e)
{
    struct imds_op *x = arg;
    struct err why = *e;
    x->call = NULL;
    if (x->step == IMDS_TOKEN)
        end_token(x, v, &why);
    else if (x->step == IMDS_LIST)
        end_list(x, v, &why);
    else
        end_document(x, v, &why);
}

static void go(struct imds_op *x, enum imds_step step)
{
    struct call_spec call = {.attempts = x->settings.attempts,
                             .base_ms = BASE_MS,
                             .cap_ms = CAP_MS,
                             .total_ms = LIMIT_MS,
                             .build = build,
                             .judge = judge,
                             .done = on_done,
                             .arg = x};
    x->step = step;
    x->call = call_start(x->op.q->kit, &call);
}

// ---- the beginning

static struct provider_op *start(const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct imds_op *x = provider_op_new(sizeof(*x), q, done, arg);
    struct provider_answer a = {.retry_in_ms = RETRY_BROKEN_MS};
    x->op.clear = clear;
    x->deadline = timer_new(q->loop, on_deadline, x);
    arena_init(&x->arena);
    a.status = imds_settings_read(q, &x->arena, &x->settings, &a.err);
    if (a.status != ST_OK) {
        provider_op_finish(&x->op, &a);
        return &x->op;
    }
    timer_set(x->deadline, LIMIT_MS);
    x->session = &q->kit->imds;
    imds_use(x->session, x->settings.endpoint);
    x->role = x->settings.role;
    x->is_named = x->role != NULL;
    bool has_session = imds_has_token(x->session) ||
                       (clock_mono_ms() < x->session->v1_until_ms && !x->settings.is_v1_forbidden);
    enum imds_step first = x->is_named ? IMDS_DOCUMENT : IMDS_LIST;
    go(x, has_session ? first : IMDS_TOKEN);
    return &x->op;
}

const struct provider provider_imds = {.name = "EC2 instance metadata", .start = start};
