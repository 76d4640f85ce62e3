// SPDX-License-Identifier: Apache-2.0
// The selected profile of the shared files, and which kind of credentials it asks for: a role wins
// over keys, keys over all else. In a profile that another one names as its source the keys win.
#include <string.h>

#include "creds/creds_int.h"
#include "creds/mfa_int.h"
#include "creds/setting_int.h"

static bool has(const struct creds_query *q, const char *key)
{
    enum file_kind file;
    return profiles_find(q->profiles, q->choice.name, key, &file) != NULL;
}

// Copied with quotes around it; real keys never contain any.
static struct span unquote(struct span s)
{
    bool is_quoted = s.len >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.len - 1] == s.p[0];
    return is_quoted ? span_sub(s, 1, s.len - 2) : s;
}

static struct span key_part(const struct creds_query *q, enum file_kind file, const char *key)
{
    const struct profile_property *prop = profile_file_find(
        q->profiles->files[file], SECTION_PROFILE, span_of(q->choice.name), NULL, key);
    return prop ? unquote(prop->value) : SPAN("");
}

static const char *const file_names[] = {
    [FILE_CREDENTIALS] = "credentials file", [FILE_CONFIG] = "config file"};

// In place of the keys the MFA session that was got with them, where there is one; where the
// profile names a device there must be.
static void take_session(const struct creds_query *q, struct provider_answer *a)
{
    struct creds *session = NULL;
    struct arena arena;
    arena_init(&arena);
    const char *serial = setting_of_profile(q, "mfa_serial", &arena);
    enum status st = mfa_find(q, q->choice.name, serial, a->creds, &session, &a->err);
    if (st == ST_OK || serial) {
        creds_free(a->creds);
        a->creds = session;
        a->is_fixed = true;
    }
    if (st != ST_OK && serial) {
        mfa_say_command(q->choice.name, serial, &a->err);
        a->status = ST_INVALID;
    }
    arena_clear(&arena);
}

static void take_keys(const struct creds_query *q, enum file_kind file, struct provider_answer *a)
{
    struct err provider;
    struct err source;
    const char *path = q->profiles->paths[file];
    (void)err_set(&provider, ST_OK, "%s [%.64s]", file_names[file], q->choice.name);
    (void)err_set(&source, ST_OK, "%s %s [%.64s]", file_names[file], path, q->choice.name);
    struct creds_parts p = {.access_key = key_part(q, file, "aws_access_key_id"),
                            .secret_key = key_part(q, file, "aws_secret_access_key"),
                            .session_token = key_part(q, file, "aws_session_token"),
                            .expires_at_ms = INT64_MAX,
                            .provider = provider.text,
                            .source = source.text};
    if (!p.session_token.len)
        p.session_token = key_part(q, file, "aws_security_token");
    if (!p.access_key.len || !p.secret_key.len)
        a->status = err_set(&a->err, ST_INVALID, "%s is missing",
                            p.access_key.len ? "aws_secret_access_key" : "aws_access_key_id");
    else
        a->status = creds_make(&p, &a->creds, &a->err);
    if (a->status == ST_OK && !a->creds->session_token && !q->is_bare)
        take_session(q, a);
    if (a->status != ST_OK)
        a->status = err_wrap(&a->err, a->status, "profile %.64s in %s", q->choice.name, path);
}

static bool is_unsettled(const struct profiles *p)
{
    return p->status[FILE_CREDENTIALS] == ST_AGAIN || p->status[FILE_CONFIG] == ST_AGAIN;
}

static bool has_keys(const struct creds_query *q)
{
    return has(q, "aws_access_key_id") || has(q, "aws_secret_access_key");
}

void profile_look_keys(const struct creds_query *q, struct provider_answer *a)
{
    *a = (struct provider_answer){.status = ST_DECLINED, .retry_in_ms = RETRY_BROKEN_MS};
    if (is_unsettled(q->profiles)) {
        // What it says in this moment means nothing; the next provider must not step in for it.
        a->status = err_set(&a->err, ST_AGAIN, "the shared files are being written");
        a->retry_in_ms = RETRY_UNSETTLED_MS;
    } else if (!profiles_has(q->profiles, q->choice.name)) {
        profiles_say_missing(q->profiles, &q->choice, &a->err);
    } else if (has_keys(q)) {
        take_keys(q, profiles_file_of_keys(q->profiles, q->choice.name), a);
    } else {
        (void)err_set(&a->err, ST_DECLINED, "profile %.64s has no credentials", q->choice.name);
    }
}

static struct provider_op *look_later(const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct provider_answer a;
    profile_look_keys(q, &a);
    return provider_answer_later(q, &a, done, arg);
}

static struct provider_op *want_role(const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct provider_answer a = {.retry_in_ms = RETRY_BROKEN_MS};
    a.status = err_set(&a.err, ST_INVALID,
                       "profile %.64s: web_identity_token_file wants a role_arn", q->choice.name);
    return provider_answer_later(q, &a, done, arg);
}

// What stands behind keys, in this order. SSO is meant where it is said which role; a session alone
// may be there for other tools.
static const struct {
    const char *key;
    struct provider_op *(*start)(const struct creds_query *q, provider_done_fn done, void *arg);
} kinds[] = {
    {"sso_account_id", sso_start},
    {"sso_role_name", sso_start},
    {"login_session", login_start},
    {"credential_process", process_start},
    {"sso_session", sso_start},
    {"sso_start_url", sso_start},
    {"web_identity_token_file", want_role},
};

static struct provider_op *start(const struct creds_query *q, provider_done_fn done, void *arg)
{
    bool may_be_role = has(q, "role_arn") && !(q->is_source && has_keys(q));
    if (is_unsettled(q->profiles))
        return look_later(q, done, arg);
    if (may_be_role && (has(q, "source_profile") || has(q, "credential_source")))
        return assume_role_start(q, done, arg);
    if (may_be_role && has(q, "web_identity_token_file"))
        return web_identity_start(q, done, arg);
    if (may_be_role)
        return assume_role_start(q, done, arg); // says what is missing
    if (has_keys(q))
        return look_later(q, done, arg);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (has(q, kinds[i].key))
            return kinds[i].start(q, done, arg);
    return look_later(q, done, arg);
}

const struct provider provider_profile = {.name = "shared files", .start = start};
