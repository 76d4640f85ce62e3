// SPDX-License-Identifier: Apache-2.0
// A hash table of sets of eight entries, each guarded by a sequence number that is odd while the
// entry is being written: a reader who saw it change has read nothing. Two things with the same key
// are taken for the same; whoever uses a memo must bear a wrong answer (here: one more repair).
#include "shared/memo.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define SETS  128 // a power of two
#define WAYS  8
#define WORDS (MEMO_VALUE_MAX / 8)

struct entry {
    _Atomic uint64_t sequence;
    _Atomic uint64_t tag;
    _Atomic int64_t until_ms; // 0: free
    _Atomic uint64_t len;
    _Atomic uint64_t words[WORDS];
};

struct memo {
    int64_t keep_ms;
    atomic_bool has_any;
    struct entry entries[SETS][WAYS];
};

struct memo *memo_new(int64_t keep_ms)
{
    struct memo *m = xcalloc(1, sizeof(*m));
    m->keep_ms = keep_ms;
    return m;
}

void memo_free(struct memo *m)
{
    free(m);
}

static struct entry *set_of(const struct memo *m, uint64_t tag)
{
    return (struct entry *)m->entries[tag % SETS];
}

// The key's own entry, else the one that ends first.
static struct entry *choose(const struct memo *m, uint64_t tag)
{
    struct entry *set = set_of(m, tag);
    struct entry *oldest = set;
    for (unsigned i = 0; i < WAYS; i++) {
        if (atomic_load_explicit(&set[i].tag, memory_order_relaxed) == tag)
            return &set[i];
        if (atomic_load_explicit(&set[i].until_ms, memory_order_relaxed) <
            atomic_load_explicit(&oldest->until_ms, memory_order_relaxed))
            oldest = &set[i];
    }
    return oldest;
}

void memo_put(struct memo *m, uint64_t key, struct span value, int64_t now_ms)
{
    struct entry *e = choose(m, key);
    uint64_t words[WORDS] = {0};
    uint64_t sequence = atomic_load_explicit(&e->sequence, memory_order_relaxed);
    assert(value.len && value.len <= MEMO_VALUE_MAX);
    if (sequence % 2 || !atomic_compare_exchange_strong(&e->sequence, &sequence, sequence + 1))
        return;
    memcpy(words, value.p, value.len);
    // Released, so that the odd number is seen before any of these.
    atomic_store_explicit(&e->tag, key, memory_order_release);
    atomic_store_explicit(&e->until_ms, now_ms + m->keep_ms, memory_order_release);
    atomic_store_explicit(&e->len, value.len, memory_order_release);
    for (unsigned i = 0; i < WORDS; i++)
        atomic_store_explicit(&e->words[i], words[i], memory_order_release);
    atomic_store_explicit(&e->sequence, sequence + 2, memory_order_release);
    atomic_store_explicit(&m->has_any, true, memory_order_relaxed);
}

bool memo_is_empty(const struct memo *m)
{
    return !atomic_load_explicit(&m->has_any, memory_order_relaxed);
}

static size_t read_entry(struct entry *e, uint64_t tag, int64_t now_ms, char out[MEMO_VALUE_MAX])
{
    uint64_t words[WORDS];
    uint64_t sequence = atomic_load_explicit(&e->sequence, memory_order_acquire);
    bool is_it = atomic_load_explicit(&e->tag, memory_order_acquire) == tag &&
                 atomic_load_explicit(&e->until_ms, memory_order_acquire) > now_ms;
    uint64_t len = atomic_load_explicit(&e->len, memory_order_acquire);
    for (unsigned i = 0; i < WORDS; i++)
        words[i] = atomic_load_explicit(&e->words[i], memory_order_acquire);
    if (!is_it || sequence % 2 ||
        atomic_load_explicit(&e->sequence, memory_order_relaxed) != sequence)
        return 0;
    memcpy(out, words, sizeof(words));
    return (size_t)len;
}

size_t memo_get(const struct memo *m, uint64_t key, int64_t now_ms, char out[MEMO_VALUE_MAX])
{
    struct entry *set = set_of(m, key);
    size_t len = 0;
    for (unsigned i = 0; i < WAYS && !len; i++)
        len = read_entry(&set[i], key, now_ms, out);
    return len;
}
