// SPDX-License-Identifier: Apache-2.0
// A fact never changes: when only its times change (a refresh
// failed, or brought the same value), a new fact is made that holds a reference on the one that
// owns the value.
#include <stdlib.h>

#include "base/xalloc.h"
#include "facts/facts_int.h"

struct fact *fact_new(void)
{
    struct fact *f = xcalloc(1, sizeof(*f));
    atomic_init(&f->refs, 1);
    return f;
}

struct fact *fact_acquire(struct fact *f)
{
    (void)atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

void fact_release(struct fact *f)
{
    if (!f || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (f->base)
        fact_release(f->base); // an owner has no base: one level deep
    else if (f->value && f->free_value)
        f->free_value(f->value);
    free(f);
}

int64_t time_add(int64_t at_ms, int64_t in_ms)
{
    return in_ms > INT64_MAX - at_ms ? INT64_MAX : at_ms + in_ms;
}
