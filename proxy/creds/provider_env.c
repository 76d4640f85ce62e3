// SPDX-License-Identifier: Apache-2.0
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. Half a pair with the id is an
// error: someone meant these keys, and another identity would be worse than none.
// https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
#include "base/clock.h"
#include "creds/creds_int.h"

// Empty, or blanks only, is absent.
static struct span value_of(const struct creds_query *q, const char *name)
{
    struct span s = span_of(envp_get(q->envp, name));
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] != ' ' && s.p[i] != '\t' && s.p[i] != '\r' && s.p[i] != '\n')
            return s;
    return SPAN("");
}

static enum status expiry_of(const struct creds_query *q, int64_t *expires_at_ms, struct err *e)
{
    static const char name[] = "AWS_CREDENTIAL_EXPIRATION";
    const char *text = envp_get(q->envp, name);
    *expires_at_ms = INT64_MAX;
    if (!text)
        return ST_OK;
    if (clock_parse_iso(text, expires_at_ms) != ST_OK)
        return err_set(e, ST_INVALID, "%s is not a time as 2026-11-24T03:04:05Z", name);
    return ST_OK;
}

void env_look(const struct creds_query *q, struct provider_answer *a)
{
    *a = (struct provider_answer){
        .status = ST_DECLINED, .retry_in_ms = RETRY_BROKEN_MS, .is_fixed = true};
    struct creds_parts p = {.access_key = value_of(q, "AWS_ACCESS_KEY_ID"),
                            .secret_key = value_of(q, "AWS_SECRET_ACCESS_KEY"),
                            .session_token = value_of(q, "AWS_SESSION_TOKEN"),
                            .account_id = value_of(q, "AWS_ACCOUNT_ID"),
                            .provider = "environment",
                            .source = "environment variables (AWS_ACCESS_KEY_ID)"};
    if (!p.access_key.len) {
        a->is_odd = p.secret_key.len > 0;
        (void)err_set(&a->err, ST_DECLINED, "AWS_ACCESS_KEY_ID is not set%s",
                      a->is_odd ? ", although AWS_SECRET_ACCESS_KEY is" : "");
        return;
    }
    if (!p.secret_key.len) {
        a->status = err_set(&a->err, ST_INVALID,
                            "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not");
        return;
    }
    if (!p.session_token.len)
        p.session_token = value_of(q, "AWS_SECURITY_TOKEN"); // the name of old
    a->status = expiry_of(q, &p.expires_at_ms, &a->err);
    if (a->status == ST_OK)
        a->status = creds_make(&p, &a->creds, &a->err);
}

static struct provider_op *start(const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct provider_answer a;
    env_look(q, &a);
    return provider_answer_later(q, &a, done, arg);
}

const struct provider provider_env = {
    .name = "environment", .is_environment = true, .start = start};
