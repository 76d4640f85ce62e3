// SPDX-License-Identifier: Apache-2.0
// An open hash table that only fills: a place is taken by a compare-and-swap of its key, and is
// never given back.
#include "shared/turns.h"

#include <stdlib.h>

#include "base/xalloc.h"

struct turns {
    struct turns_place places[TURNS_MAX];
};

struct turns *turns_new(void)
{
    return xcalloc(1, sizeof(struct turns));
}

void turns_free(struct turns *t)
{
    free(t);
}

struct turns_place *turns_at(struct turns *t, uint64_t key)
{
    key = key ? key : 1;
    for (uint64_t i = 0; i < TURNS_MAX; i++) {
        struct turns_place *p = &t->places[(key + i) % TURNS_MAX];
        uint64_t is = atomic_load_explicit(&p->key, memory_order_relaxed);
        if (is == key ||
            (!is && (atomic_compare_exchange_strong_explicit(
                         &p->key, &is, key, memory_order_relaxed, memory_order_relaxed) ||
                     is == key)))
            return p;
    }
    return &t->places[key % TURNS_MAX];
}
