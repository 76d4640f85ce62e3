// SPDX-License-Identifier: Apache-2.0
// What is kept is not what a bucket holds but what it lacks: a full bucket needs no entry, so an
// endpoint without trouble costs one look at one cache line, and the table empties itself. An entry
// is one word, the endpoint's tag above the debt, changed by compare-and-swap. Eight entries make a
// set; where all eight are others' debts, an endpoint shares one of them, which is strict, not lax.
#include "shared/tokens.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define SETS      1024 // a power of two
#define WAYS      8
#define DEBT_BITS 24
#define DEBT_MASK (((uint64_t)1 << DEBT_BITS) - 1)

struct set {
    _Alignas(64) _Atomic uint64_t way[WAYS]; // 0: free
};

struct tokens {
    struct set sets[SETS];
};

_Static_assert(TOKENS_MAX <= DEBT_MASK, "a debt fits");

struct tokens *tokens_new(void)
{
    struct tokens *t = xaligned(_Alignof(struct tokens), sizeof(*t));
    memset(t, 0, sizeof(*t));
    return t;
}

void tokens_free(struct tokens *t)
{
    free(t);
}

static uint64_t debt_of(uint64_t word)
{
    return word & DEBT_MASK;
}

// The entry with this tag; else NULL.
static _Atomic uint64_t *find(struct set *s, uint64_t tag, uint64_t *word)
{
    for (unsigned i = 0; i < WAYS; i++) {
        *word = atomic_load_explicit(&s->way[i], memory_order_relaxed);
        if (*word && *word >> DEBT_BITS == tag)
            return &s->way[i];
    }
    return NULL;
}

// One to write a debt into: its own, a free one, or one to share.
static _Atomic uint64_t *place(struct set *s, uint64_t tag, uint64_t *word)
{
    _Atomic uint64_t *own = find(s, tag, word);
    if (own)
        return own;
    for (unsigned i = 0; i < WAYS; i++) {
        *word = atomic_load_explicit(&s->way[i], memory_order_relaxed);
        if (!*word)
            return &s->way[i];
    }
    own = &s->way[tag % WAYS];
    *word = atomic_load_explicit(own, memory_order_relaxed);
    return own;
}

static struct set *set_of(const struct tokens *t, uint64_t key)
{
    return (struct set *)&t->sets[key % SETS];
}

bool tokens_take(struct tokens *t, uint64_t key, uint32_t cost, uint32_t capacity)
{
    uint64_t tag = key >> DEBT_BITS;
    uint64_t word = 0;
    struct set *s = set_of(t, key);
    _Atomic uint64_t *at = NULL;
    uint64_t next = 0;
    assert(cost && capacity <= TOKENS_MAX);
    do {
        at = place(s, tag, &word);
        if (debt_of(word) + cost > capacity)
            return false;
        next = (word ? word : tag << DEBT_BITS) + cost;
    } while (!atomic_compare_exchange_weak_explicit(at, &word, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

void tokens_give(struct tokens *t, uint64_t key, uint32_t n)
{
    uint64_t tag = key >> DEBT_BITS;
    uint64_t word = 0;
    struct set *s = set_of(t, key);
    _Atomic uint64_t *at = NULL;
    uint64_t next = 0;
    do {
        at = find(s, tag, &word);
        if (!at)
            return;
        next = debt_of(word) > n ? word - n : 0;
    } while (!atomic_compare_exchange_weak_explicit(at, &word, next, memory_order_relaxed,
                                                    memory_order_relaxed));
}

uint32_t tokens_left(const struct tokens *t, uint64_t key, uint32_t capacity)
{
    uint64_t tag = key >> DEBT_BITS;
    uint64_t word = 0;
    struct set *s = set_of(t, key);
    uint64_t debt = find(s, tag, &word) ? debt_of(word) : 0;
    return debt < capacity ? capacity - (uint32_t)debt : 0;
}

uint32_t tokens_most_owed(const struct tokens *t)
{
    uint64_t most = 0;
    for (unsigned i = 0; i < SETS; i++) {
        for (unsigned k = 0; k < WAYS; k++) {
            uint64_t word = atomic_load_explicit(&t->sets[i].way[k], memory_order_relaxed);
            if (debt_of(word) > most)
                most = debt_of(word);
        }
    }
    return (uint32_t)most;
}
