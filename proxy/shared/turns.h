// SPDX-License-Identifier: Apache-2.0
// Rates by name, whatever becomes of the configuration that named them: a reload neither forgets
// what was reserved nor invalidates what a request waits for. Where all places are taken, one is
// given to another name whose rate has come to rest and for which nobody waits: that is as good as
// new.
#ifndef SHARED_TURNS_H
#define SHARED_TURNS_H

#include "shared/limit.h"
#include "shared/rate.h"

#define TURNS_MAX 1024 // where so many are busy at once, further names share a rate

struct turns_place {
    _Atomic uint64_t key; // 0: free
    struct rate rate;
    struct limit waiting;
};

struct turns;
struct turns *turns_new(void);
void turns_free(struct turns *t); // NULL is fine
// key: a hash of the name. The place is there as long as t, and is key's while it is busy. Any
// thread, never blocks.
struct turns_place *turns_at(struct turns *t, uint64_t key, int64_t now_us);

#endif
