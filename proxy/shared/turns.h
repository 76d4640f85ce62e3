// SPDX-License-Identifier: Apache-2.0
// Rates by name, one for the life of the process whatever becomes of the configuration that named
// it: a reload neither forgets what was reserved nor invalidates what a request waits for.
#ifndef SHARED_TURNS_H
#define SHARED_TURNS_H

#include "shared/limit.h"
#include "shared/rate.h"

#define TURNS_MAX 1024 // beyond it names share a rate

struct turns_place {
    _Atomic uint64_t key; // 0: free
    struct rate rate;
    struct limit waiting;
};

struct turns;
struct turns *turns_new(void);
void turns_free(struct turns *t); // NULL is fine
// key: a hash of the name. The place is there as long as t. Any thread, never blocks.
struct turns_place *turns_at(struct turns *t, uint64_t key);

#endif
