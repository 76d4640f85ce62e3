// SPDX-License-Identifier: Apache-2.0
// Eight octets a step through the finisher of splitmix64.
#include "base/hash.h"

#include <string.h>

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t hash_span(uint64_t seed, struct span s)
{
    uint64_t h = mix(seed ^ (s.len * 0x9e3779b97f4a7c15u));
    for (size_t i = 0; i < s.len; i += 8) {
        uint64_t word = 0;
        memcpy(&word, s.p + i, s.len - i < 8 ? s.len - i : 8);
        h = mix((h + 0x9e3779b97f4a7c15u) ^ word);
    }
    return h;
}
