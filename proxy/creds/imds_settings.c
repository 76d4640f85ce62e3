// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "client/fetch.h"
#include "creds/imds_int.h"
#include "creds/setting_int.h"
#include "log/log.h"

#define ATTEMPTS 3
#define SECONDS  1
#define ROLE_MAX 64

// "true" switches off, in any case of letters; "1" does not, with the SDKs neither.
static bool is_switched_off(const struct creds_query *q)
{
    static _Atomic bool is_told;
    const char *value = envp_get(q->envp, "AWS_EC2_METADATA_DISABLED");
    if (!value || span_iis(span_of(value), "false"))
        return false;
    if (span_iis(span_of(value), "true"))
        return true;
    if (!is_told)
        log_warn("creds", "AWS_EC2_METADATA_DISABLED switches off only where it is \"true\"");
    is_told = true;
    return false;
}

static enum status read_endpoint(const struct creds_query *q, struct arena *a,
                                 struct imds_settings *out, struct err *e)
{
    struct fetch_url url;
    const char *said =
        setting_get(q, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint", a);
    const char *mode = setting_get(q, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
                                   "ec2_metadata_service_endpoint_mode", a);
    struct span endpoint = span_of(said);
    if (!said && mode && !span_iis(span_of(mode), "IPv4") && !span_iis(span_of(mode), "IPv6"))
        return err_set(e, ST_INVALID,
                       "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is IPv4 or IPv6, not \"%.32s\"",
                       mode);
    if (!said)
        endpoint = mode && span_iis(span_of(mode), "IPv6") ? SPAN("http://[fd00:ec2::254]")
                                                           : SPAN("http://169.254.169.254");
    while (endpoint.len && endpoint.p[endpoint.len - 1] == '/')
        endpoint.len--;
    out->endpoint = arena_cstr(a, endpoint);
    enum status st = fetch_url_parse(endpoint, a, &url, e);
    if (st == ST_OK && url.query.p)
        st = err_set(e, ST_INVALID, "there is a query in it");
    return st == ST_OK ? ST_OK : err_wrap(e, st, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
}

bool imds_is_role(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = ascii_lower(name.p[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !(c && strchr("_+=,.@-", c)))
            return false;
    }
    return name.len > 0 && name.len <= ROLE_MAX;
}

static enum status read_number(const char *name, const char *text, uint64_t most, uint64_t *out,
                               struct err *e)
{
    if (text && (!span_u64(span_of(text), out) || *out < 1 || *out > most))
        return err_set(e, ST_INVALID, "%s is a number from 1 to %u, not \"%.32s\"", name,
                       (unsigned)most, text);
    return ST_OK;
}

enum status imds_settings_read(const struct creds_query *q, struct arena *a,
                               struct imds_settings *out, struct err *e)
{
    static const char timeout[] = "AWS_METADATA_SERVICE_TIMEOUT";
    static const char attempts[] = "AWS_METADATA_SERVICE_NUM_ATTEMPTS";
    uint64_t n_seconds = SECONDS;
    uint64_t n_attempts = ATTEMPTS;
    if (is_switched_off(q))
        return err_set(e, ST_DECLINED, "AWS_EC2_METADATA_DISABLED is true");
    enum status st = read_endpoint(q, a, out, e);
    if (st == ST_OK)
        st = read_number(timeout, setting_get(q, timeout, "metadata_service_timeout", a), 30,
                         &n_seconds, e);
    if (st == ST_OK)
        st = read_number(attempts, setting_get(q, attempts, "metadata_service_num_attempts", a), 10,
                         &n_attempts, e);
    out->timeout_ms = (int64_t)n_seconds * 1000;
    out->attempts = (unsigned)n_attempts;
    out->is_v1_forbidden =
        setting_is_true(q, "AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled");
    out->role = setting_get(q, "AWS_EC2_INSTANCE_PROFILE_NAME", "ec2_instance_profile_name", a);
    if (st == ST_OK && out->role && !imds_is_role(span_of(out->role)))
        st = err_set(e, ST_INVALID, "AWS_EC2_INSTANCE_PROFILE_NAME is no role's name: \"%.64s\"",
                     out->role);
    return st;
}
