// SPDX-License-Identifier: Apache-2.0
// A private key in PEM, from a file that others write: any octets. What is taken for a key gives a
// proof of three parts.
#include <stdlib.h>

#include "base/digest.h"
#include "sign/dpop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dpop_claims claims = {
        .method = SPAN("POST"), .url = SPAN("https://a.test/v1/token"), .wall_s = 1764193445};
    struct arena a;
    struct span proof;
    struct err e;
    digest_setup();
    arena_init(&a);
    if (dpop_proof(span_from((const char *)data, size), &claims, &a, &proof, &e) == ST_OK) {
        size_t first = span_find(proof, '.');
        size_t last = span_rfind(proof, '.');
        if (first == last || proof.len - last - 1 != 86)
            abort();
        for (size_t i = 0; i < proof.len; i++)
            if (proof.p[i] <= ' ' || proof.p[i] > '~')
                abort();
    }
    arena_wipe(&a);
    return 0;
}
