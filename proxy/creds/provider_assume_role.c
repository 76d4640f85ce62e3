// SPDX-License-Identifier: Apache-2.0
// A role, assumed with credentials that are a fact of their own: several roles share a source, and
// the source is refreshed by itself. Everything that can be wrong with the configuration, loops
// among the profiles above all, is found before anything is asked.
#include <stdlib.h>
#include <string.h>

#include "creds/mfa_int.h"
#include "creds/role_int.h"
#include "creds/sts_int.h"

#define SOURCE_WAIT_MS   62000 // a credential_process may take a minute
#define DEPTH_MAX        8
#define DURATION_DEFAULT "3600"
#define DURATION_MIN     900
#define DURATION_MAX     43200

struct assume_op {
    struct provider_op op;
    struct arena arena;
    struct role role;
    struct facts_wait *wait;
    struct fact *source;
    struct creds *session; // of MFA: signs in place of source
    struct sts_op *sts;
};

// ---- what the profile asks for

static bool has_setting(const struct creds_query *q, const char *profile, const char *key)
{
    enum file_kind file;
    return profiles_find(q->profiles, profile, key, &file) != NULL;
}

static bool has_keys(const struct creds_query *q, const char *profile)
{
    return has_setting(q, profile, "aws_access_key_id") ||
           has_setting(q, profile, "aws_secret_access_key");
}

static char *next_source(const struct creds_query *q, const char *profile, struct arena *a)
{
    enum file_kind file;
    const struct profile_property *p = profiles_find(q->profiles, profile, "source_profile", &file);
    return p && has_setting(q, profile, "role_arn") ? arena_cstr(a, p->value) : NULL;
}

// Follows source_profile to its end. A profile may name itself where it has keys; else it must not
// come back.
static enum status check_sources(const struct creds_query *q, struct arena *a, struct err *e)
{
    const char *seen[DEPTH_MAX];
    unsigned n = 0;
    const char *at = q->choice.name;
    struct buf way;
    buf_init(&way);
    buf_add_str(&way, at);
    enum status st = ST_OK;
    for (;;) {
        if (n == DEPTH_MAX) {
            st = err_set(e, ST_INVALID, "source_profile: more than %d profiles in a row: %.300s",
                         DEPTH_MAX, buf_cstr(&way));
            break;
        }
        seen[n++] = at;
        at = next_source(q, at, a);
        if (!at || has_keys(q, at))
            break;
        buf_addf(&way, " -> %s", at);
        bool is_seen = false;
        for (unsigned i = 0; i < n; i++)
            is_seen = is_seen || !strcmp(seen[i], at);
        if (is_seen) {
            st = err_set(e, ST_INVALID, "source_profile leads back to where it was: %.300s",
                         buf_cstr(&way));
            break;
        }
    }
    buf_clear(&way);
    return st;
}

static enum status source_of_name(const char *name, struct role *r, struct err *e)
{
    static const struct {
        const char *name, *key;
    } sources[] = {{"Environment", "provider=environment"},
                   {"Ec2InstanceMetadata", "provider=imds"},
                   {"EcsContainer", "provider=container"}};
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        if (span_iis(span_of(name), sources[i].name))
            r->source_key = sources[i].key;
    if (!r->source_key)
        return err_set(e, ST_INVALID,
                       "credential_source is Environment, Ec2InstanceMetadata or EcsContainer, not "
                       "\"%.64s\"",
                       name);
    return ST_OK;
}

static enum status read_source(const struct creds_query *q, struct role *r, struct arena *a,
                               struct err *e)
{
    const char *profile = setting_of_profile(q, "source_profile", a);
    const char *source = setting_of_profile(q, "credential_source", a);
    if (profile && source)
        return err_set(e, ST_INVALID,
                       "source_profile and credential_source are both set; only one can be meant");
    if (source) {
        r->source_name = arena_printf(a, "credential_source %s", source);
        enum status st = source_of_name(source, r, e);
        if (st == ST_OK && r->mfa_serial && strcmp(r->source_key, "provider=environment") != 0)
            st = err_set(e, ST_INVALID,
                         "mfa_serial wants access keys of a user, which credential_source %.64s "
                         "does not give",
                         source);
        return st;
    }
    if (!profile)
        return err_set(e, ST_INVALID,
                       "role_arn wants a source_profile, a credential_source or a "
                       "web_identity_token_file");
    r->source_name = arena_printf(a, "source_profile %s", profile);
    r->source_key = arena_printf(a, "%s=%s", r->mfa_serial ? "keys" : "source", profile);
    r->mfa_profile = profile;
    return check_sources(q, a, e);
}

static bool is_word(const char *text, size_t least, size_t most, const char *also)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z') ||
              (text[i] >= '0' && text[i] <= '9') || strchr(also, text[i])))
            return false;
    return len >= least && len <= most;
}

enum status role_check(const struct role *r, struct err *e)
{
    uint64_t seconds = 0;
    if (strlen(r->arn) < 20 || strlen(r->arn) > 2048 || strncmp(r->arn, "arn:", 4) != 0)
        return err_set(e, ST_INVALID, "role_arn is no ARN of a role: \"%.80s\"", r->arn);
    if (!is_word(r->session_name, 2, 64, "_+=,.@-"))
        return err_set(e, ST_INVALID,
                       "role_session_name has 2 to 64 letters, digits or _+=,.@-, not \"%.80s\"",
                       r->session_name);
    if (r->external_id && !is_word(r->external_id, 2, 1224, "_+=,.@:/-"))
        return err_set(e, ST_INVALID,
                       "external_id has 2 to 1224 letters, digits or _+=,.@:/- only");
    if (r->duration && (!span_u64(span_of(r->duration), &seconds) || seconds < DURATION_MIN ||
                        seconds > DURATION_MAX))
        return err_set(e, ST_INVALID, "duration_seconds is a number from %d to %d, not \"%.32s\"",
                       DURATION_MIN, DURATION_MAX, r->duration);
    return ST_OK;
}

static enum status read_role(const struct creds_query *q, struct role *r, struct arena *a,
                             struct err *e)
{
    r->arn = setting_of_profile(q, "role_arn", a);
    r->session_name = setting_of_profile(q, "role_session_name", a);
    if (!r->session_name)
        r->session_name = q->kit->session_name;
    r->external_id = setting_of_profile(q, "external_id", a);
    r->duration = setting_of_profile(q, "duration_seconds", a);
    r->mfa_serial = setting_of_profile(q, "mfa_serial", a);
    enum status st = role_check(r, e);
    if (st == ST_OK && r->mfa_serial)
        st = mfa_check_serial(r->mfa_serial, e);
    if (st == ST_OK)
        st = read_source(q, r, a, e);
    return st == ST_OK ? ST_OK : err_wrap(e, st, "profile %.64s", q->choice.name);
}

// ---- asking

static void clear(struct provider_op *op)
{
    struct assume_op *x = (struct assume_op *)op;
    if (x->wait)
        facts_wait_cancel(x->wait);
    sts_cancel(x->sts);
    fact_release(x->source);
    creds_free(x->session);
    arena_wipe(&x->arena);
}

static void take(struct assume_op *x, struct sts_document *d)
{
    const struct creds_query *q = x->op.q;
    struct provider_answer a = {.retry_in_ms = RETRY_SOON_MS};
    struct err provider;
    struct err source;
    (void)err_set(&provider, ST_OK, "assumed role%s%.64s%s", q->role_arn ? "" : " [",
                  q->role_arn ? "" : q->choice.name, q->role_arn ? "" : "]");
    (void)err_set(&source, ST_OK, "role %s, assumed with %s%s", x->role.arn, x->role.source_name,
                  x->session ? " and its MFA session" : "");
    a.status = sts_make_creds(d, provider.text, source.text, &a.creds, &a.err);
    provider_op_finish(&x->op, &a);
}

static void on_sts(void *arg, const struct sts_answer *a)
{
    struct assume_op *x = arg;
    x->sts = NULL;
    if (a->verdict == CALL_OK) {
        take(x, a->document);
        return;
    }
    bool is_source_bad =
        !strncmp(a->code, "ExpiredToken", 12) || !strcmp(a->code, "InvalidClientTokenId");
    if (is_source_bad)
        facts_view_hint(x->op.q->kit->view, FACTS_CREDENTIALS, x->role.source_key,
                        x->source->generation);
    int64_t retry_in_ms = a->verdict == CALL_FAILED ? RETRY_BROKEN_MS : RETRY_SOON_MS;
    provider_op_fail(&x->op, is_source_bad ? RETRY_SOON_MS : retry_in_ms, &a->err);
}

// The role's own session, or the one that its source's profile has of the same device. A profile
// that names no device has one where mfa-login was told the device.
static enum status find_session(struct assume_op *x, const struct creds *keys, struct err *e)
{
    const struct creds_query *q = x->op.q;
    const struct role *r = &x->role;
    struct err unread;
    if (!r->mfa_serial) {
        bool may_be = !q->role_arn && !keys->session_token;
        if (may_be && mfa_find(q, q->choice.name, NULL, keys, &x->session, &unread) != ST_OK)
            x->session = NULL; // then the keys themselves
        return ST_OK;
    }
    if (keys->session_token)
        return err_set(e, ST_INVALID,
                       "mfa_serial wants access keys of a user, and those of %.120s "
                       "are temporary",
                       r->source_name);
    enum status st = mfa_find(q, q->choice.name, r->mfa_serial, keys, &x->session, e);
    if (st != ST_OK && r->mfa_profile)
        st = mfa_find(q, r->mfa_profile, r->mfa_serial, keys, &x->session, &unread);
    if (st != ST_OK)
        mfa_say_command(q->choice.name, r->mfa_serial, e);
    return st == ST_OK ? ST_OK : ST_INVALID;
}

static void on_source(void *arg, struct fact *f)
{
    struct assume_op *x = arg;
    const struct creds_query *q = x->op.q;
    struct err why = f->err;
    x->wait = NULL;
    x->source = f;
    if (f->status != ST_OK) {
        (void)err_wrap(&why, f->status, "%s", x->role.source_name);
        provider_op_fail(&x->op, RETRY_SOURCE_MS, &why);
        return;
    }
    if (find_session(x, f->value, &why) != ST_OK) {
        (void)err_wrap(&why, ST_INVALID, "profile %.64s", q->choice.name);
        provider_op_fail(&x->op, RETRY_BROKEN_MS, &why);
        return;
    }
    struct sts_spec s = {.action = "AssumeRole",
                         .params = {{"RoleArn", x->role.arn},
                                    {"RoleSessionName", x->role.session_name},
                                    {"DurationSeconds", x->role.duration},
                                    {"ExternalId", x->role.external_id}},
                         .signer = x->session ? x->session : f->value};
    if (!s.params[2].value)
        s.params[2].value = DURATION_DEFAULT;
    endpoint_of_sts(q, &x->arena, &s.endpoint);
    x->sts = sts_start(q->kit, &s, on_sts, x);
}

static struct provider_op *start(struct assume_op *x, enum status st, const struct err *why)
{
    if (st != ST_OK)
        provider_op_fail(&x->op, RETRY_BROKEN_MS, why);
    else
        x->wait = facts_view_get(x->op.q->kit->view, FACTS_CREDENTIALS, x->role.source_key,
                                 SOURCE_WAIT_MS, on_source, x);
    return &x->op;
}

static struct assume_op *op_new(const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct assume_op *x = provider_op_new(sizeof(*x), q, done, arg);
    x->op.clear = clear;
    arena_init(&x->arena);
    return x;
}

struct provider_op *assume_role_start(const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct assume_op *x = op_new(q, done, arg);
    struct err why;
    enum status st = read_role(q, &x->role, &x->arena, &why);
    return start(x, st, &why);
}

// The role that a setting names: role_arn, of a route or of all.
static struct provider_op *start_named(const struct creds_query *q, provider_done_fn done,
                                       void *arg)
{
    struct assume_op *x = op_new(q, done, arg);
    struct err why;
    x->role = (struct role){.arn = q->role_arn,
                            .session_name = q->kit->session_name,
                            .source_key = q->role_source,
                            .source_name = "the chain"};
    if (*q->role_source)
        x->role.source_name = arena_printf(&x->arena, "profile %s", q->choice.name);
    enum status st = role_check(&x->role, &why);
    return start(x, st, &why);
}

const struct provider provider_role = {.name = "role", .start = start_named};
