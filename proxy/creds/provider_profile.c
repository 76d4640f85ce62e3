// SPDX-License-Identifier: Apache-2.0
// The selected profile of the two files. The triple comes from one file as a whole: keys of one
// file with the session token of the other would fail every signature. What a profile asks for and
// this provider cannot do is an error: another identity must not step in unseen.
#include <stdio.h>

#include "creds/creds_int.h"

static struct span own(const struct profile_file *f, struct span name, const char *key)
{
    const struct profile_property *p =
        f ? profile_file_find(f, SECTION_PROFILE, name, NULL, key) : NULL;
    return p ? p->value : SPAN("");
}

// Real keys never hold quotes; some files do.
static struct span unquote(struct span s)
{
    bool is_quoted = s.len >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.len - 1] == s.p[0];
    return is_quoted ? span_sub(s, 1, s.len - 2) : s;
}

static const struct profile_file *file_of_keys(const struct creds_walk *w)
{
    const struct creds_files *f = &w->files;
    bool is_first = own(f->credentials, w->profile.name, "aws_access_key_id").len ||
                    own(f->credentials, w->profile.name, "aws_secret_access_key").len;
    return is_first ? f->credentials : f->config;
}

static enum status missing(struct creds_walk *w)
{
    enum status st = w->profile.is_named ? ST_INVALID : ST_DECLINED;
    bool is_misnamed =
        (w->files.config && profile_file_has_misnamed(w->files.config, w->profile.name)) ||
        (w->files.credentials && profile_file_has_misnamed(w->files.credentials, w->profile.name));
    return err_set(&w->err, st, "profile %.*s is neither in %s nor in %s%s",
                   SPAN_ARG(w->profile.name), w->files.credentials_path, w->files.config_path,
                   is_misnamed ? " (write [profile NAME] in the config file, [NAME] in the "
                                 "credentials file)"
                               : "");
}

// Settings that select a kind of credentials that needs another service or program.
static const char *other_kind(const struct creds_walk *w, bool has_keys)
{
    static const char *const before[] = {"role_arn"};
    static const char *const after[] = {"sso_session", "sso_start_url", "login_session",
                                        "credential_process"};
    for (unsigned i = 0; i < sizeof(before) / sizeof(before[0]); i++)
        if (creds_profile_get(&w->files, w->profile.name, before[i]).len)
            return before[i];
    for (unsigned i = 0; !has_keys && i < sizeof(after) / sizeof(after[0]); i++)
        if (creds_profile_get(&w->files, w->profile.name, after[i]).len)
            return after[i];
    return NULL;
}

enum status provider_profile(struct creds_walk *w)
{
    struct span name = w->profile.name;
    char source[256];
    if (!creds_profile_exists(&w->files, name))
        return missing(w);
    const struct profile_file *f = file_of_keys(w);
    struct creds_raw raw = {.access_key = unquote(own(f, name, "aws_access_key_id")),
                            .secret_key = unquote(own(f, name, "aws_secret_access_key")),
                            .session_token = unquote(own(f, name, "aws_session_token")),
                            .expires_at_ms = INT64_MAX,
                            .provider = "profile",
                            .source = source};
    const char *other = other_kind(w, raw.access_key.len && raw.secret_key.len);
    if (other)
        return err_set(
            &w->err, ST_INVALID,
            "profile %.*s uses %s, a kind of credentials that this version does not have; "
            "use a profile with keys, or the environment",
            SPAN_ARG(name), other);
    if (!raw.access_key.len && !raw.secret_key.len)
        return err_set(&w->err, ST_DECLINED, "profile %.*s holds no keys", SPAN_ARG(name));
    if (!raw.access_key.len || !raw.secret_key.len)
        return err_set(&w->err, ST_INVALID,
                       "profile %.*s has only one of aws_access_key_id and "
                       "aws_secret_access_key (both must stand in the same file)",
                       SPAN_ARG(name));
    if (!raw.session_token.len)
        raw.session_token = unquote(own(f, name, "aws_security_token"));
    (void)snprintf(source, sizeof(source), "profile %.*s of %s", SPAN_ARG(name),
                   f == w->files.config ? w->files.config_path : w->files.credentials_path);
    return creds_make(&raw, &w->found, &w->err);
}
