// SPDX-License-Identifier: Apache-2.0
// Settings of AWS's tools, from the environment and the selected profile; and the endpoints that
// follow from them.
#ifndef CREDS_SETTING_INT_H
#define CREDS_SETTING_INT_H

#include "creds/creds_int.h"

// Copies in the arena; NULL where nothing is set. env first, then the profile's key; either may be
// NULL.
char *setting_of_profile(const struct creds_query *q, const char *key, struct arena *a);
char *setting_get(const struct creds_query *q, const char *env, const char *key, struct arena *a);
// "true" in any case.
bool setting_is_true(const struct creds_query *q, const char *env, const char *key);
// Region for endpoints: the option, the environment, the profile; NULL where nothing names one.
char *setting_region(const struct creds_query *q, struct arena *a);
bool setting_wants_fips(const struct creds_query *q);

struct endpoint_kind {
    const char *id;       // of the section [services x]: "sts"
    const char *variable; // "AWS_ENDPOINT_URL_STS"
    const char *label;    // of endpoint_of_region: "portal.sso"
};
// What someone has set in its place; NULL: nothing.
char *endpoint_override(const struct creds_query *q, const struct endpoint_kind *kind,
                        struct arena *a);
// https://LABEL.REGION.SUFFIX, or what someone has set in its place; no slash at its end.
char *endpoint_of_region(const struct creds_query *q, const struct endpoint_kind *kind,
                         const char *region, struct arena *a);
struct endpoint {
    const char *url; // without a path, unless someone has set one
    const char *region;
};
void endpoint_of_sts(const struct creds_query *q, struct arena *a, struct endpoint *out);

#endif
