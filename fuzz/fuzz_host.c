// SPDX-License-Identifier: Apache-2.0
// Any octets as a host: an answer that is whole, and whose spans lie where they should.
#include <stdint.h>
#include <stdlib.h>

#include "policy/hosts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool is_inside(struct span part, struct span whole)
{
    return part.len == 0 || (part.p >= whole.p && part.p + part.len <= whole.p + whole.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct hosts_answer got;
    struct span host = span_from((const char *)data, size);
    arena_init(&a);
    hosts_classify(host, &a, &got);
    require(got.rule != NULL);
    require(is_inside(got.bucket, host));
    if (got.verdict == HOSTS_SIGN)
        require(got.is_aws && got.service.len > 0);
    else
        require(got.service.len == 0 || got.verdict == HOSTS_UNKNOWN);
    require(got.is_sigv4a == (got.verdict == HOSTS_SIGN && span_is(got.region, "*")));
    arena_clear(&a);
    return 0;
}
