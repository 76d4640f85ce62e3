// SPDX-License-Identifier: Apache-2.0
// Both files seen as one: per key the credentials file wins. No profile inherits from another.
#include "creds/creds_int.h"

static bool has(const struct profile_file *f, struct span name)
{
    return f && profile_file_has(f, SECTION_PROFILE, name);
}

bool creds_profile_exists(const struct creds_files *f, struct span name)
{
    return has(f->credentials, name) || has(f->config, name);
}

struct span creds_profile_get(const struct creds_files *f, struct span name, const char *key)
{
    const struct profile_file *both[] = {f->credentials, f->config};
    for (unsigned i = 0; i < 2; i++) {
        const struct profile_property *p =
            both[i] ? profile_file_find(both[i], SECTION_PROFILE, name, NULL, key) : NULL;
        if (p)
            return p->value;
    }
    return (struct span){.p = NULL, .len = 0};
}

struct creds_selection creds_select_profile(const struct creds_env *env, const char *key)
{
    struct span prefix = SPAN("profile=");
    struct span said = span_of(key);
    if (span_starts(said, prefix))
        return (struct creds_selection){span_sub(said, prefix.len, said.len), true, true};
    if (env->profile && *env->profile)
        return (struct creds_selection){span_of(env->profile), true, true};
    said = creds_env_get(env, "AWS_PROFILE");
    if (!said.len)
        said = creds_env_get(env, "AWS_DEFAULT_PROFILE");
    if (said.len)
        return (struct creds_selection){said, false, true};
    return (struct creds_selection){SPAN("default"), false, false};
}
