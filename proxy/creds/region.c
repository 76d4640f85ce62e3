// SPDX-License-Identifier: Apache-2.0
// The region that nothing about the request names: AWS_REGION, AWS_DEFAULT_REGION, the selected
// profile. Never that of [default] when another profile is selected.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "creds/creds_int.h"
#include "creds/partition_int.h"
#include "log/log.h"

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

enum status creds_region(const struct creds_env *env, char **region, char **source)
{
    static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const char *value = envp_get(env->envp, variables[i]);
        if (value && take(span_of(value), variables[i], region, source))
            return ST_OK;
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
    profiles_free(p);
    if (!is_found) {
        *region = xstrdup("");
        *source = xstrdup("");
    }
    return ST_OK;
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
