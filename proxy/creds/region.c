// SPDX-License-Identifier: Apache-2.0
// The region that nothing about the request names: AWS_REGION, AWS_DEFAULT_REGION, the selected
// profile, the instance where that is wanted, and in the end us-east-1. Never that of [default]
// when another profile is selected.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/xalloc.h"
#include "creds/creds_int.h"
#include "creds/imds_int.h"
#include "creds/partition_int.h"
#include "log/log.h"

#define INSTANCE_MS 1000

static bool take(struct span value, const char *from, char **region, char **source)
{
    struct span s;
    if (!region_read(value, &s)) {
        log_warn("creds", "the region of %s is none and is ignored (a-z, 0-9 and - only)", from);
        return false;
    }
    *region = xstrndup(s.p, s.len);
    *source = xstrdup(from);
    return true;
}

// ---- of the instance

struct instance {
    struct loop *loop;
    char *region;
};

static void on_instance(void *arg, const struct imds_reading *r)
{
    struct instance *x = arg;
    x->region = xstrdup(r->texts[0] ? r->texts[0] : "");
    if (!r->texts[0])
        log_warn("creds", "the instance does not tell its region: %s", r->err.text);
    loop_stop(x->loop);
}

// In a container the instance's region may be anybody's.
static bool is_in_container(char *const *envp)
{
    return envp_get(envp, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
           envp_get(envp, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
}

// On a loop of its own, at the start or in a command. Heap; empty where it is not told.
static char *ask_instance(const struct creds_query *like)
{
    static char told[64]; // an instance never moves; main's thread only
    static const struct imds_question ask = {
        .paths = {"/latest/meta-data/placement/region"}, .n = 1, .most_ms = INSTANCE_MS};
    struct err e;
    if (told[0])
        return xstrdup(told);
    struct instance x = {.loop = loop_new("region", &e)};
    if (!x.loop)
        return xstrdup("");
    struct creds_query q = *like;
    struct creds_kit kit = {.loop = x.loop};
    struct facts *facts = facts_new(x.loop, 1);
    kit.view = facts_view_new(facts, x.loop);
    kit.fetcher = fetcher_new(&(struct fetcher_options){.loop = x.loop, .facts = kit.view});
    rng_seed_kernel(&kit.rng);
    q.loop = x.loop;
    q.kit = &kit;
    imds_read(&q, &ask, on_instance, &x);
    while (!x.region)
        loop_run(x.loop);
    fetcher_free(kit.fetcher);
    facts_view_free(kit.view);
    facts_free(facts);
    loop_free(x.loop);
    secret_wipe(&kit.imds, sizeof(kit.imds));
    if (strlen(x.region) < sizeof(told))
        (void)snprintf(told, sizeof(told), "%s", x.region);
    return x.region;
}

static bool take_instance(const struct creds_env *env, const struct profiles *p,
                          const struct profile_choice *choice, char **region, char **source)
{
    struct creds_query q = {.envp = env->envp, .choice = *choice, .profiles = p};
    if (!env->ask_instance || is_in_container(env->envp))
        return false;
    char *told = ask_instance(&q);
    bool is_found = *told && take(span_of(told), CREDS_REGION_INSTANCE, region, source);
    free(told);
    return is_found;
}

void creds_region(const struct creds_env *env, char **region, char **source)
{
    static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const char *value = envp_get(env->envp, variables[i]);
        if (value && take(span_of(value), variables[i], region, source))
            return;
    }
    struct profiles *p = profiles_load(env->envp);
    struct profile_choice choice = profile_choose(env->envp, env->profile);
    enum file_kind file = FILE_CONFIG;
    const struct profile_property *prop = profiles_find(p, choice.name, "region", &file);
    bool is_found = false;
    if (prop) {
        struct err from;
        (void)err_set(&from, ST_OK, "profile %.64s in %s", choice.name, p->paths[file]);
        is_found = take(prop->value, from.text, region, source);
    }
    if (!is_found)
        is_found = take_instance(env, p, &choice, region, source);
    profiles_free(p);
    if (!is_found) {
        *region = xstrdup(CREDS_LAST_REGION);
        *source = xstrdup(CREDS_REGION_NONE);
    }
}

void creds_profile_settings(const struct creds_env *env, struct creds_setting *v, unsigned n)
{
    struct profiles *p = profiles_load(env->envp);
    struct profile_choice choice = profile_choose(env->envp, env->profile);
    for (unsigned i = 0; i < n; i++) {
        enum file_kind file = FILE_CONFIG;
        const struct profile_property *prop = profiles_find(p, choice.name, v[i].key, &file);
        struct err where;
        v[i].value = NULL;
        v[i].where = NULL;
        if (!prop)
            continue;
        (void)err_set(&where, ST_OK, "profile %.64s in %s: %s", choice.name, p->paths[file],
                      v[i].key);
        v[i].value = xstrndup(prop->value.p, prop->value.len);
        v[i].where = xstrdup(where.text);
    }
    profiles_free(p);
}
