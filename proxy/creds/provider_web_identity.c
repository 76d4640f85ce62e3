// SPDX-License-Identifier: Apache-2.0
// A role, assumed with a token that somebody else keeps fresh in a file (EKS: kubelet). The file is
// read at each call. The request is not signed: the token is the proof.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
#include <stdlib.h>
#include <string.h>

#include "creds/role_int.h"
#include "creds/sts_int.h"
#include "creds/walk_int.h"

#define TOKEN_MIN 4
#define TOKEN_MAX 20000

struct identity_op {
    struct provider_op op;
    struct arena arena;
    struct role role;
    const char *token_file;
    const char *provider; // what the credentials will be called
    bool is_reread;
    struct sts_op *sts;
};

static void clear(struct provider_op *op)
{
    struct identity_op *x = (struct identity_op *)op;
    sts_cancel(x->sts);
    arena_wipe(&x->arena);
}

// Without what an editor or `echo` puts behind it.
static enum status check_token(struct span *token, struct err *e)
{
    while (token->len && strchr(" \t\r\n", token->p[token->len - 1]) && token->p[token->len - 1])
        token->len--;
    if (token->len < TOKEN_MIN || token->len > TOKEN_MAX)
        return err_set(e, ST_INVALID, "it holds no token (a token has %d to %d octets)", TOKEN_MIN,
                       TOKEN_MAX);
    for (size_t i = 0; i < token->len; i++)
        if (token->p[i] <= ' ' || token->p[i] > '~')
            return err_set(e, ST_INVALID, "there is a blank or a control octet in the token");
    return ST_OK;
}

static enum status read_token(struct identity_op *x, char **token, struct err *e)
{
    struct buf b;
    struct file_id id;
    buf_init_secret(&b);
    enum status st = file_read(x->token_file, &b, &id, e);
    struct span s = buf_span(&b);
    if (st == ST_OK)
        st = check_token(&s, e);
    if (st == ST_OK)
        *token = arena_cstr(&x->arena, s);
    buf_clear(&b);
    return st == ST_OK ? ST_OK : err_wrap(e, st, "web identity token file %s", x->token_file);
}

static void ask(struct identity_op *x);

static void on_sts(void *arg, const struct sts_answer *a)
{
    struct identity_op *x = arg;
    struct provider_answer answer = {.retry_in_ms = RETRY_SOON_MS};
    struct err source;
    x->sts = NULL;
    if (a->verdict == CALL_OK) {
        (void)err_set(&source, ST_OK, "role %s, assumed with the token of %s", x->role.arn,
                      x->token_file);
        answer.status =
            sts_make_creds(a->document, x->provider, source.text, &answer.creds, &answer.err);
        provider_op_finish(&x->op, &answer);
    } else if (!strncmp(a->code, "ExpiredToken", 12) && !x->is_reread) {
        x->is_reread = true; // a fresh one may have been put there meanwhile
        ask(x);
    } else {
        provider_op_fail(&x->op, a->verdict == CALL_FAILED ? RETRY_BROKEN_MS : RETRY_SOON_MS,
                         &a->err);
    }
}

static void ask(struct identity_op *x)
{
    char *token = NULL;
    struct err why;
    enum status st = read_token(x, &token, &why);
    if (st != ST_OK) {
        provider_op_fail(&x->op, st == ST_AGAIN ? RETRY_UNSETTLED_MS : RETRY_BROKEN_MS, &why);
        return;
    }
    struct sts_spec s = {.action = "AssumeRoleWithWebIdentity",
                         .params = {{"RoleArn", x->role.arn},
                                    {"RoleSessionName", x->role.session_name},
                                    {"DurationSeconds", x->role.duration},
                                    {"WebIdentityToken", token}},
                         .is_web_identity = true};
    endpoint_of_sts(x->op.q, &x->arena, &s.endpoint);
    x->sts = sts_start(x->op.q->kit, &s, on_sts, x);
}

static struct provider_op *begin(struct identity_op *x)
{
    struct err why;
    if (x->token_file)
        walk_rests_on(x->op.q->walk, x->token_file); // a fetch that failed need not wait
    if (!x->role.session_name)
        x->role.session_name = x->op.q->kit->session_name;
    if (role_check(&x->role, &why) != ST_OK)
        provider_op_fail(&x->op, RETRY_BROKEN_MS, &why);
    else
        ask(x);
    return &x->op;
}

static struct identity_op *op_new(const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct identity_op *x = provider_op_new(sizeof(*x), q, done, arg);
    x->op.clear = clear;
    arena_init(&x->arena);
    return x;
}

struct provider_op *web_identity_start(const struct creds_query *q, provider_done_fn done,
                                       void *arg)
{
    struct identity_op *x = op_new(q, done, arg);
    struct arena *a = &x->arena;
    x->provider = arena_printf(a, "web identity [%.64s]", q->choice.name);
    x->token_file = setting_of_profile(q, "web_identity_token_file", a);
    x->role = (struct role){.arn = setting_of_profile(q, "role_arn", a),
                            .session_name = setting_of_profile(q, "role_session_name", a),
                            .duration = setting_of_profile(q, "duration_seconds", a)};
    return begin(x);
}

static struct provider_op *start(const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct provider_answer a = {.status = ST_DECLINED, .retry_in_ms = RETRY_BROKEN_MS};
    const char *file = envp_get(q->envp, "AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *arn = envp_get(q->envp, "AWS_ROLE_ARN");
    if (file && !arn)
        a.status = err_set(&a.err, ST_INVALID,
                           "AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not");
    else if (!file)
        (void)err_set(&a.err, ST_DECLINED, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    if (!file || !arn)
        return provider_answer_later(q, &a, done, arg);
    struct identity_op *x = op_new(q, done, arg);
    x->provider = "web identity";
    x->token_file = file;
    x->role = (struct role){.arn = arn, .session_name = envp_get(q->envp, "AWS_ROLE_SESSION_NAME")};
    return begin(x);
}

const struct provider provider_web_identity = {
    .name = "web identity", .is_environment = true, .start = start};
