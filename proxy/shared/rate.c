// SPDX-License-Identifier: Apache-2.0
// The word is the theoretical arrival time of the next turn. A turn is due `burst - 1` intervals
// before it. A turn that nobody takes after all is lost: handing it back would give two waiters the
// same moment.
#include "shared/rate.h"

#include <assert.h>

int64_t rate_reserve(struct rate *r, const struct rate_spec *s, int64_t now_us, int64_t max_wait_us)
{
    assert(s->interval_ns > 0 && s->burst > 0);
    int64_t now = now_us * 1000;
    int64_t ahead = s->interval_ns * (s->burst - 1);
    int64_t next = atomic_load_explicit(&r->next_ns, memory_order_relaxed);
    int64_t from = 0;
    int64_t wait_us = 0;
    do {
        from = next > now ? next : now;
        wait_us = (from - ahead - now + 999) / 1000; // rounded up: never early
        if (wait_us > max_wait_us)
            return -wait_us - 1;
    } while (!atomic_compare_exchange_weak_explicit(&r->next_ns, &next, from + s->interval_ns,
                                                    memory_order_relaxed, memory_order_relaxed));
    return wait_us > 0 ? wait_us : 0;
}

bool rate_is_at_rest(const struct rate *r, int64_t now_us)
{
    return atomic_load_explicit(&r->next_ns, memory_order_relaxed) <= now_us * 1000;
}
