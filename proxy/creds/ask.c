// SPDX-License-Identifier: Apache-2.0
#include "creds/ask.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "creds/imds_int.h"
#include "creds/mfa_int.h"
#include "creds/sts_int.h"
#include "creds/walk_int.h"

#define CODE_LEN 6

struct asking {
    struct creds_query query;
    struct profiles *profiles;
    struct arena arena;
    struct endpoint endpoint;
    struct creds_mfa_ask mfa;
    creds_asked_fn done;
    void *arg;
};

static struct asking *asking_new(struct creds_chain *c, const char *profile, creds_asked_fn done,
                                 void *arg)
{
    struct asking *x = xcalloc(1, sizeof(*x));
    x->profiles = profiles_load(c->envp);
    x->query.loop = c->kit.loop;
    x->query.kit = &c->kit;
    x->query.envp = c->envp;
    x->query.choice = profile_choose(c->envp, profile);
    x->query.profiles = x->profiles;
    x->query.region = c->region;
    x->query.last_region = c->last_region;
    x->done = done;
    x->arg = arg;
    arena_init(&x->arena);
    endpoint_of_sts(&x->query, &x->arena, &x->endpoint);
    return x;
}

static void finish(struct asking *x, struct creds_asked *a)
{
    a->endpoint = x->endpoint.url;
    x->done(x->arg, a);
    profiles_free(x->profiles);
    arena_wipe(&x->arena);
    free(x);
}

static void refuse(struct asking *x, const struct sts_answer *s)
{
    struct creds_asked a = {.status = *s->code ? ST_DENIED : ST_IO, .err = s->err};
    finish(x, &a);
}

// ---- who

static void on_identity(void *arg, const struct sts_answer *s)
{
    struct asking *x = arg;
    if (s->verdict != CALL_OK) {
        refuse(x, s);
        return;
    }
    struct creds_asked a = {.status = ST_OK,
                            .account = sts_document_get(s->document, STS_ACCOUNT),
                            .arn = sts_document_get(s->document, STS_ARN),
                            .user_id = sts_document_get(s->document, STS_USER_ID)};
    if (!*a.arn)
        a.status = err_set(&a.err, ST_IO, "STS answered without an Arn");
    finish(x, &a);
}

void creds_ask_identity(struct creds_chain *c, const struct creds *signer, creds_asked_fn done,
                        void *arg)
{
    struct asking *x = asking_new(c, c->profile, done, arg);
    struct sts_spec s = {.action = "GetCallerIdentity", .signer = signer, .endpoint = x->endpoint};
    (void)sts_start(&c->kit, &s, on_identity, x);
}

// ---- where

#define INSTANCE_MS 3000

static void on_instance(void *arg, const struct imds_reading *r)
{
    struct asking *x = arg;
    struct creds_asked a = {.status = r->texts[0] ? ST_OK : ST_IO,
                            .err = r->err,
                            .instance_id = r->texts[0],
                            .zone = r->texts[1],
                            .instance_region = r->texts[2],
                            .role = r->texts[3]};
    finish(x, &a);
}

void creds_ask_instance(struct creds_chain *c, creds_asked_fn done, void *arg)
{
    static const struct imds_question ask = {
        .paths = {"/latest/meta-data/instance-id", "/latest/meta-data/placement/availability-zone",
                  "/latest/meta-data/placement/region",
                  "/latest/meta-data/iam/security-credentials/"},
        .n = 4,
        .most_ms = INSTANCE_MS};
    struct asking *x = asking_new(c, c->profile, done, arg);
    imds_read(&x->query, &ask, on_instance, x);
}

// ---- an MFA session

static const char *property(const struct profiles *p, const char *profile, const char *key,
                            struct arena *a)
{
    enum file_kind file;
    const struct profile_property *v = profiles_find(p, profile, key, &file);
    return v ? arena_cstr(a, span_trim(v->value)) : NULL;
}

static enum status plan(const struct profiles *p, const struct creds_env *env, struct arena *a,
                        struct creds_mfa *out, struct err *e)
{
    const char *profile = out->profile;
    const char *source = property(p, profile, "source_profile", a);
    const char *named = property(p, profile, "credential_source", a);
    if (!out->serial)
        out->serial = property(p, profile, "mfa_serial", a);
    if (!out->serial)
        return err_set(e, ST_INVALID,
                       "which device? --serial-number ARN, or mfa_serial in profile %.64s",
                       profile);
    if (mfa_check_serial(out->serial, e) != ST_OK)
        return ST_INVALID;
    bool is_role = property(p, profile, "role_arn", a) != NULL;
    if (is_role && source) {
        out->key = arena_printf(a, "keys=%s", source);
        return ST_OK;
    }
    if (is_role && named && span_iis(span_of(named), "Environment")) {
        out->key = "provider=environment";
        return ST_OK;
    }
    if (is_role)
        return err_set(e, ST_INVALID,
                       "profile %.64s: an MFA session is got with a user's access keys; this role "
                       "has no source_profile that could have them",
                       profile);
    out->key = arena_printf(a, "keys=%s", profile);
    out->is_shaded = !(env->profile && *env->profile) && envp_get(env->envp, "AWS_ACCESS_KEY_ID") &&
                     envp_get(env->envp, "AWS_SECRET_ACCESS_KEY");
    return ST_OK;
}

enum status creds_mfa_plan(const struct creds_env *env, const char *serial, struct arena *a,
                           struct creds_mfa *out, struct err *e)
{
    struct profiles *p = profiles_load(env->envp);
    struct profile_choice choice = profile_choose(env->envp, env->profile);
    *out = (struct creds_mfa){.profile = arena_cstr(a, span_of(choice.name)), .serial = serial};
    enum status st = ST_INVALID;
    if (!profiles_has(p, choice.name))
        profiles_say_missing(p, &choice, e);
    else
        st = plan(p, env, a, out, e);
    profiles_free(p);
    return st;
}

static void on_session(void *arg, const struct sts_answer *s)
{
    struct asking *x = arg;
    const struct creds_mfa *m = x->mfa.m;
    struct creds_asked a = {.status = ST_OK};
    struct creds *session = NULL;
    if (s->verdict != CALL_OK) {
        refuse(x, s);
        return;
    }
    a.status = sts_make_creds(s->document, "mfa", "mfa", &session, &a.err);
    if (a.status == ST_OK) {
        struct mfa_session keep = {.profile = m->profile, .serial = m->serial, .creds = session};
        a.expires_at_ms = session->expires_at_ms;
        a.status = mfa_keep(x->query.envp, &keep, x->mfa.keys, &x->arena, &a.path, &a.err);
    }
    if (a.status != ST_OK)
        a.status = ST_IO;
    creds_free(session);
    finish(x, &a);
}

bool creds_is_mfa_code(const char *code)
{
    return strlen(code) == CODE_LEN && strspn(code, "0123456789") == CODE_LEN;
}

void creds_mfa_login(struct creds_chain *c, const struct creds_mfa_ask *ask, creds_asked_fn done,
                     void *arg)
{
    struct asking *x = asking_new(c, ask->m->profile, done, arg);
    x->mfa = *ask;
    struct sts_spec s = {.action = "GetSessionToken",
                         .params = {{"SerialNumber", ask->m->serial}, {"TokenCode", ask->code}},
                         .signer = ask->keys,
                         .endpoint = x->endpoint};
    if (ask->duration_s)
        s.params[2] = (struct sts_param){
            "DurationSeconds", arena_printf(&x->arena, "%lld", (long long)ask->duration_s)};
    (void)sts_start(&c->kit, &s, on_session, x);
}
