// SPDX-License-Identifier: Apache-2.0
// An open hash table that only fills: a place is taken by a compare-and-swap of its key, from
// nobody or, once the table is full, from a name at rest. Who has looked a place up just before
// that counts his one turn on the new name.
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

static bool is_at_rest(const struct turns_place *p, int64_t now_us)
{
    return limit_used(&p->waiting) == 0 && rate_is_at_rest(&p->rate, now_us);
}

// Key's place: it is, or it becomes, being one that may be taken.
static bool is_had(struct turns_place *p, uint64_t key, bool takes_rested, int64_t now_us)
{
    uint64_t is = atomic_load_explicit(&p->key, memory_order_relaxed);
    if (is == key)
        return true;
    if (is && !(takes_rested && is_at_rest(p, now_us)))
        return false;
    return atomic_compare_exchange_strong_explicit(&p->key, &is, key, memory_order_relaxed,
                                                   memory_order_relaxed) ||
           is == key;
}

struct turns_place *turns_at(struct turns *t, uint64_t key, int64_t now_us)
{
    key = key ? key : 1;
    for (uint64_t i = 0; i < UINT64_C(2) * TURNS_MAX; i++) {
        struct turns_place *p = &t->places[(key + i) % TURNS_MAX];
        if (is_had(p, key, i >= TURNS_MAX, now_us))
            return p;
    }
    return &t->places[key % TURNS_MAX];
}
