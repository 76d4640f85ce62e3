// SPDX-License-Identifier: Apache-2.0
// Jitter and ids, not keys: a small seeded generator, so that tests can fix the seed.
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);
void rng_seed_kernel(struct rng *r); // getrandom(2)
uint64_t rng_u64(struct rng *r);
double rng_unit(struct rng *r);                  // [0, 1)
int64_t rng_below(struct rng *r, int64_t bound); // [0, bound), 0 where bound <= 0

#endif
