// SPDX-License-Identifier: Apache-2.0
// AWS_REGION, then AWS_DEFAULT_REGION, then the selected profile's `region`; never another
// profile's. https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
#include "creds/creds_int.h"

#include "base/xalloc.h"
#include "log/log.h"

#define REGION_MAX 63

static bool is_region(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
              s.p[i] == '-'))
            return false;
    return s.len && s.len <= REGION_MAX && s.p[0] != '-' && s.p[s.len - 1] != '-';
}

// "aws-global", and names of FIPS endpoints that old configurations use as regions.
static struct span real_region(struct span s)
{
    if (span_is(s, "aws-global"))
        return SPAN("us-east-1");
    if (span_starts(s, SPAN("fips-")))
        return span_sub(s, 5, s.len);
    if (span_ends(s, SPAN("-fips")))
        return span_sub(s, 0, s.len - 5);
    return s;
}

static bool take(struct span said, const char *where, char **region, char **source)
{
    if (!said.len)
        return false;
    struct span r = real_region(span_trim(said));
    if (!is_region(r)) {
        log_warn("creds", "the region of %s is not a region name; it is passed over", where);
        return false;
    }
    *region = xstrndup(r.p, r.len);
    *source = xstrdup(where);
    return true;
}

enum status creds_region(const struct creds_env *env, char **region, char **source)
{
    if (take(creds_env_get(env, "AWS_REGION"), "AWS_REGION", region, source) ||
        take(creds_env_get(env, "AWS_DEFAULT_REGION"), "AWS_DEFAULT_REGION", region, source))
        return ST_OK;
    struct creds_files files;
    struct creds_selection profile = creds_select_profile(env, "");
    creds_files_load(env, &files);
    bool is_found =
        take(creds_profile_get(&files, profile.name, "region"), "the profile", region, source);
    creds_files_clear(&files);
    if (!is_found) {
        *region = xstrdup("");
        *source = xstrdup("");
    }
    return ST_OK;
}
