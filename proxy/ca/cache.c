// SPDX-License-Identifier: Apache-2.0
// One thread's certificates by host. A list in order of use beside the table: what has not been
// asked for longest makes room.
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/table.h"
#include "base/xalloc.h"
#include "ca/ca_int.h"

#define FRESH_MS (INT64_C(3600) * 1000)

struct entry {
    struct table_node node; // first: a node is its entry
    TAILQ_ENTRY(entry) link;
    struct ca_leaf *leaf;
};
TAILQ_HEAD(entry_list, entry);

struct ca_cache {
    struct table table;
    struct entry_list by_use; // the latest first
    unsigned max;
};

struct ca_cache *ca_cache_new(unsigned max)
{
    struct ca_cache *c = xcalloc(1, sizeof(*c));
    TAILQ_INIT(&c->by_use);
    c->max = max;
    return c;
}

static void drop(struct ca_cache *c, struct entry *e)
{
    table_remove(&c->table, &e->node);
    TAILQ_REMOVE(&c->by_use, e, link);
    ca_leaf_release(e->leaf);
    free(e->node.key);
    free(e);
}

void ca_cache_free(struct ca_cache *c)
{
    if (!c)
        return;
    while (!TAILQ_EMPTY(&c->by_use))
        drop(c, TAILQ_FIRST(&c->by_use));
    free(c);
}

static struct entry *find(const struct ca_cache *c, struct span host)
{
    char *key = xstrndup(host.p, host.len);
    struct entry *e = (struct entry *)table_find(&c->table, key);
    free(key);
    return e;
}

struct ca_leaf *ca_cache_find(struct ca_cache *c, const struct ca *ca, struct span host,
                              int64_t wall_ms)
{
    struct entry *e = find(c, host);
    if (!e)
        return NULL;
    bool is_fresh = ca_leaf_expires_ms(e->leaf) - wall_ms > FRESH_MS ||
                    ca_leaf_expires_ms(e->leaf) == ca->expires_ms;
    if (ca_leaf_issuer(e->leaf) != ca->cert || !is_fresh ||
        ca_leaf_expires_ms(e->leaf) <= wall_ms) {
        drop(c, e);
        return NULL;
    }
    TAILQ_REMOVE(&c->by_use, e, link);
    TAILQ_INSERT_HEAD(&c->by_use, e, link);
    return e->leaf;
}

void ca_cache_add(struct ca_cache *c, struct span host, struct ca_leaf *l)
{
    struct entry *e = find(c, host);
    if (e)
        drop(c, e);
    if (c->table.n >= c->max)
        drop(c, TAILQ_LAST(&c->by_use, entry_list));
    e = xcalloc(1, sizeof(*e));
    e->node.key = xstrndup(host.p, host.len);
    e->leaf = ca_leaf_acquire(l);
    table_add(&c->table, &e->node);
    TAILQ_INSERT_HEAD(&c->by_use, e, link);
}
