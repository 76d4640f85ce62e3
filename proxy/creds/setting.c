// SPDX-License-Identifier: Apache-2.0
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
#include "creds/setting_int.h"

#include <string.h>

#include "creds/partition_int.h"
#include "log/log.h"

char *setting_of_profile(const struct creds_query *q, const char *key, struct arena *a)
{
    enum file_kind file = FILE_CONFIG;
    const struct profile_property *p = profiles_find(q->profiles, q->choice.name, key, &file);
    struct span value = p ? span_trim(p->value) : SPAN("");
    return value.len ? arena_cstr(a, value) : NULL;
}

char *setting_get(const struct creds_query *q, const char *env, const char *key, struct arena *a)
{
    const char *value = env ? envp_get(q->envp, env) : NULL;
    if (value)
        return arena_cstr(a, span_of(value));
    return key ? setting_of_profile(q, key, a) : NULL;
}

bool setting_is_true(const struct creds_query *q, const char *env, const char *key)
{
    struct arena a;
    arena_init(&a);
    const char *value = setting_get(q, env, key, &a);
    bool is_true = value && span_iis(span_of(value), "true");
    arena_clear(&a);
    return is_true;
}

static char *find_region(const struct creds_query *q, struct arena *a, bool *is_fips)
{
    const char *values[] = {q->region, envp_get(q->envp, "AWS_REGION"),
                            envp_get(q->envp, "AWS_DEFAULT_REGION"),
                            setting_of_profile(q, "region", a), q->last_region};
    struct span region;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (!values[i] || !*values[i] || !region_read(span_of(values[i]), &region))
            continue;
        *is_fips = region_is_fips(span_of(values[i]));
        return arena_cstr(a, region);
    }
    *is_fips = false;
    return NULL;
}

char *setting_region(const struct creds_query *q, struct arena *a)
{
    bool is_fips;
    return find_region(q, a, &is_fips);
}

static char *override_of_services(const struct creds_query *q, const struct endpoint_kind *kind,
                                  struct arena *a)
{
    const char *services = setting_of_profile(q, "services", a);
    if (!services)
        return NULL;
    const struct profile_property *p =
        profile_file_find(q->profiles->files[FILE_CONFIG], SECTION_SERVICES, span_of(services),
                          kind->id, "endpoint_url");
    return p && p->value.len ? arena_cstr(a, p->value) : NULL;
}

char *endpoint_override(const struct creds_query *q, const struct endpoint_kind *kind,
                        struct arena *a)
{
    if (setting_is_true(q, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                        "ignore_configured_endpoint_urls"))
        return NULL;
    char *url = setting_get(q, kind->variable, NULL, a);
    if (!url)
        url = setting_get(q, "AWS_ENDPOINT_URL", NULL, a);
    if (!url)
        url = override_of_services(q, kind, a);
    return url ? url : setting_of_profile(q, "endpoint_url", a);
}

char *endpoint_of_region(const struct creds_query *q, const struct endpoint_kind *kind,
                         const char *region, struct arena *a)
{
    const struct partition *p = partition_of(span_of(region));
    bool is_fips = setting_is_true(q, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
    bool is_dual = setting_is_true(q, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
    char *url = endpoint_override(q, kind, a);
    for (size_t len = url ? strlen(url) : 0; len && url[len - 1] == '/'; len--)
        url[len - 1] = '\0';
    return url ? url
               : arena_printf(a, "https://%s%s.%s.%s", kind->label, is_fips ? "-fips" : "", region,
                              is_dual ? p->dual_suffix : p->suffix);
}

static bool wants_global(const struct creds_query *q, const char *region, struct arena *a)
{
    const char *mode = setting_get(q, "AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints", a);
    return mode && span_iis(span_of(mode), "legacy") && region_is_classic(span_of(region));
}

bool setting_wants_fips(const struct creds_query *q)
{
    struct arena a;
    bool is_fips = false;
    arena_init(&a);
    (void)find_region(q, &a, &is_fips);
    arena_clear(&a);
    return is_fips || setting_is_true(q, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
}

static const char *url_of_sts(const struct creds_query *q, const char *region, struct arena *a)
{
    const struct partition *p = partition_of(span_of(region));
    bool is_dual = setting_is_true(q, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
    bool is_fips = setting_wants_fips(q);
    bool is_gov = !strcmp(p->name, "aws-us-gov"); // whose plain endpoint is FIPS's
    const char *label = is_fips && (is_dual || !is_gov) ? "sts-fips" : "sts";
    if (!is_fips && !is_dual && wants_global(q, region, a))
        return NULL;
    return arena_printf(a, "https://%s.%s.%s", label, region, is_dual ? p->dual_suffix : p->suffix);
}

void endpoint_of_sts(const struct creds_query *q, struct arena *a, struct endpoint *out)
{
    static const struct endpoint_kind sts = {"sts", "AWS_ENDPOINT_URL_STS", NULL};
    static _Atomic bool is_told;
    const char *region = setting_region(q, a);
    if (!region && !is_told) {
        is_told = true;
        log_warn("creds", "no region is configured: STS is asked at sts.amazonaws.com, which does "
                          "not serve every partition; set AWS_REGION");
    }
    out->region = region ? region : "us-east-1";
    out->url = endpoint_override(q, &sts, a);
    if (out->url)
        return;
    if (region)
        out->url = url_of_sts(q, region, a);
    if (out->url)
        return;
    out->url = "https://sts.amazonaws.com";
    out->region = "us-east-1";
}
