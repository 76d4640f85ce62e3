// SPDX-License-Identifier: Apache-2.0
// Relaxed order is enough: a gauge guards a number, not the memory of whoever took its units.
#include "shared/limit.h"

#include <assert.h>

void limit_init(struct limit *l, uint64_t cap)
{
    atomic_init(&l->used, 0);
    atomic_init(&l->cap, cap);
}

void limit_set_cap(struct limit *l, uint64_t cap)
{
    atomic_store_explicit(&l->cap, cap, memory_order_relaxed);
}

bool limit_take_below(struct limit *l, uint64_t n, uint64_t cap)
{
    uint64_t used = atomic_load_explicit(&l->used, memory_order_relaxed);
    do {
        if (used > cap || n > cap - used)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&l->used, &used, used + n, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

bool limit_take(struct limit *l, uint64_t n)
{
    uint64_t cap = atomic_load_explicit(&l->cap, memory_order_relaxed);
    return limit_take_below(l, n, cap ? cap : UINT64_MAX);
}

void limit_give(struct limit *l, uint64_t n)
{
    uint64_t used = atomic_fetch_sub_explicit(&l->used, n, memory_order_relaxed);
    assert(used >= n); // given back more than was taken
    (void)used;
}

uint64_t limit_used(const struct limit *l)
{
    return atomic_load_explicit(&l->used, memory_order_relaxed);
}
