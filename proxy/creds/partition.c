// SPDX-License-Identifier: Apache-2.0
// https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
#include "creds/partition_int.h"

#define PREFIXES(...)                                                                              \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

// Of aws-iso and those below only the names are known, not whether sessions are served there.
static const struct partition partitions[] = {
    {"aws", "amazonaws.com", "api.aws", "signin.aws.amazon.com", "us-east-1",
     PREFIXES("us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-")},
    {"aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn", "signin.amazonaws.cn",
     "cn-northwest-1", PREFIXES("cn-")},
    {"aws-us-gov", "amazonaws.com", "api.aws", "signin.amazonaws-us-gov.com", "us-gov-west-1",
     PREFIXES("us-gov-")},
    {"aws-iso", "c2s.ic.gov", "api.aws.ic.gov", "signin.c2shome.ic.gov", "us-iso-east-1",
     PREFIXES("us-iso-")},
    {"aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud", "signin.sc2shome.sgov.gov", "us-isob-east-1",
     PREFIXES("us-isob-")},
    {"aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", "signin.csphome.adc-e.uk",
     "eu-isoe-west-1", PREFIXES("eu-isoe-")},
    {"aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov", "signin.csphome.hci.ic.gov",
     "us-isof-south-1", PREFIXES("us-isof-")},
    {"aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu", "signin.amazonaws-eusc.eu",
     "eusc-de-east-1", PREFIXES("eusc-de-")},
};

// WORD "-" DIGITS, the word without a "-".
static bool is_place(struct span s)
{
    size_t dash = span_find(s, '-');
    uint64_t number = 0;
    return dash > 0 && dash < s.len && span_u64(span_sub(s, dash + 1, s.len), &number);
}

const struct partition *partition_of(struct span region)
{
    for (size_t i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++)
        for (const char *const *p = partitions[i].prefixes; *p; p++) {
            struct span prefix = span_of(*p);
            if (span_starts(region, prefix) && is_place(span_sub(region, prefix.len, region.len)))
                return &partitions[i];
        }
    return &partitions[0];
}

static bool is_region(struct span s)
{
    if (!s.len || s.len > 63 || s.p[0] == '-' || s.p[s.len - 1] == '-')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
              s.p[i] == '-'))
            return false;
    return true;
}

bool region_is_fips(struct span value)
{
    struct span s = span_trim(value);
    return span_starts(s, SPAN("fips-")) || span_ends(s, SPAN("-fips"));
}

bool region_read(struct span value, struct span *region)
{
    struct span s = span_trim(value);
    if (span_starts(s, SPAN("fips-")))
        s = span_sub(s, 5, s.len);
    else if (span_ends(s, SPAN("-fips")))
        s = span_sub(s, 0, s.len - 5);
    if (span_is(s, "aws-global"))
        s = SPAN("us-east-1");
    *region = s;
    return is_region(s);
}

bool region_is_classic(struct span region)
{
    static const char *const classic[] = {
        "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
        "eu-central-1",   "eu-north-1", "eu-west-1",      "eu-west-2",      "eu-west-3",
        "sa-east-1",      "us-east-1",  "us-east-2",      "us-west-1",      "us-west-2"};
    for (size_t i = 0; i < sizeof(classic) / sizeof(classic[0]); i++)
        if (span_is(region, classic[i]))
            return true;
    return false;
}
