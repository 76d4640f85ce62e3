// SPDX-License-Identifier: Apache-2.0
// Where the instance's metadata service is and how it is asked.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html
#ifndef CREDS_IMDS_INT_H
#define CREDS_IMDS_INT_H

#include "base/arena.h"
#include "creds/creds_int.h"

struct imds_settings {
    const char *endpoint; // without a slash at the end
    const char *role;     // NULL: asked for
    int64_t timeout_ms;
    unsigned attempts;
    bool is_v1_forbidden;
};
// ST_DECLINED: switched off.
NODISCARD enum status imds_settings_read(const struct creds_query *q, struct arena *a,
                                         struct imds_settings *out, struct err *e);

// It becomes a part of a path: nothing that would leave the folder.
bool imds_is_role(struct span name);

#endif
