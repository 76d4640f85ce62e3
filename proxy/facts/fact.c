// SPDX-License-Identifier: Apache-2.0
// A fact and the table of facts. A fact never changes: when only its times change (a refresh
// failed, or brought the same value), a new fact is made that holds a reference on the one that
// owns the value.
#include <stdlib.h>
#include <string.h>

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

// FNV-1a. Keys are bounded in number, so a chain made long on purpose stays bounded too.
static unsigned slot_of(const char *key)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (const char *c = key; *c; c++)
        h = (h ^ (unsigned char)*c) * 0x100000001b3u;
    return (unsigned)((h ^ (h >> 32)) % TABLE_SLOTS);
}

struct table_node *table_find(const struct table *t, const char *key)
{
    struct table_node *n = t->slots[slot_of(key)];
    while (n && strcmp(n->key, key) != 0)
        n = n->next;
    return n;
}

void table_add(struct table *t, struct table_node *n)
{
    struct table_node **slot = &t->slots[slot_of(n->key)];
    n->next = *slot;
    *slot = n;
    t->n++;
}

void table_remove(struct table *t, struct table_node *n)
{
    struct table_node **at = &t->slots[slot_of(n->key)];
    while (*at != n)
        at = &(*at)->next;
    *at = n->next;
    t->n--;
}
