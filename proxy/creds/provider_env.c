// SPDX-License-Identifier: Apache-2.0
// AWS_ACCESS_KEY_ID and its companions. Half a pair is an operator's mistake: going on would
// silently use another identity.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html
#include "creds/creds_int.h"

#include "base/clock.h"
#include "log/log.h"

static enum status expiry(const struct creds_walk *w, int64_t *out, struct err *e)
{
    struct span said = creds_env_get(w->env, "AWS_CREDENTIAL_EXPIRATION");
    *out = INT64_MAX;
    if (!said.len)
        return ST_OK;
    if (clock_parse_iso(said.p, out) != ST_OK)
        return err_set(e, ST_INVALID,
                       "AWS_CREDENTIAL_EXPIRATION is not a time like 2026-11-23T22:00:00Z");
    if (*out <= clock_wall_ms())
        return err_set(
            e, ST_INVALID,
            "the credentials of the environment have expired (AWS_CREDENTIAL_EXPIRATION); "
            "restart the proxy with new ones");
    return ST_OK;
}

enum status provider_env(struct creds_walk *w)
{
    struct creds_raw raw = {.access_key = creds_env_get(w->env, "AWS_ACCESS_KEY_ID"),
                            .secret_key = creds_env_get(w->env, "AWS_SECRET_ACCESS_KEY"),
                            .session_token = creds_env_get(w->env, "AWS_SESSION_TOKEN"),
                            .provider = "environment",
                            .source = "environment"};
    if (w->profile.is_option)
        return err_set(&w->err, ST_DECLINED, "a profile was asked for");
    if (!raw.access_key.len && !raw.secret_key.len)
        return err_set(&w->err, ST_DECLINED, "AWS_ACCESS_KEY_ID is not set");
    if (!raw.access_key.len) {
        log_warn("creds",
                 "AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID; both are passed over");
        return err_set(&w->err, ST_DECLINED,
                       "AWS_SECRET_ACCESS_KEY is set without AWS_ACCESS_KEY_ID");
    }
    if (!raw.secret_key.len)
        return err_set(&w->err, ST_INVALID,
                       "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY");
    if (w->profile.is_named && !creds_profile_exists(&w->files, w->profile.name))
        return err_set(&w->err, ST_INVALID, "AWS_PROFILE names %.*s, which neither %s nor %s has",
                       SPAN_ARG(w->profile.name), w->files.credentials_path, w->files.config_path);
    if (!raw.session_token.len)
        raw.session_token = creds_env_get(w->env, "AWS_SECURITY_TOKEN");
    enum status st = expiry(w, &raw.expires_at_ms, &w->err);
    return st == ST_OK ? creds_make(&raw, &w->found, &w->err) : st;
}
