// SPDX-License-Identifier: Apache-2.0
// Regions, and what follows from them. Pure.
#ifndef CREDS_PARTITION_INT_H
#define CREDS_PARTITION_INT_H

#include <stdbool.h>

#include "base/span.h"

struct partition {
    const char *name;
    const char *suffix;          // "amazonaws.com"
    const char *dual_suffix;     // "api.aws"
    const char *signin;          // behind "REGION.": where sessions of `aws login` are refreshed
    const char *global_region;   // of services without regions
    const char *const *prefixes; // of its regions, "us-gov-"
};

// A region that nobody knows is in the partition "aws".
const struct partition *partition_of(struct span region);
// Trims, takes the old pseudo regions ("fips-us-east-1", "aws-global") for what they mean; false
// where it is no region's name.
bool region_read(struct span value, struct span *region);
// Whether such a pseudo region asks for FIPS endpoints.
bool region_is_fips(struct span value);
// One of the regions that shared sts.amazonaws.com before STS had regions.
bool region_is_classic(struct span region);

#endif
