// SPDX-License-Identifier: Apache-2.0
#include "base/table.h"

#include <stdint.h>
#include <string.h>

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
