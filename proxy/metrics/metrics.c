// SPDX-License-Identifier: Apache-2.0
// Counting. A thread takes its shard with its first count, one that another thread has left where
// there is one; the list of shards only grows, by a compare-and-swap at its head.
#include <string.h>

#include "base/xalloc.h"
#include "metrics/metrics_int.h"

static struct shard *_Atomic shards;
static _Thread_local struct shard *mine;

const int64_t bucket_bounds_ms[BUCKETS] = {1,   2,    5,    10,   20,    50,    100,   200,
                                           500, 1000, 2000, 5000, 10000, 20000, 60000, 300000};

struct shard *shard_first(void)
{
    return atomic_load(&shards);
}

static struct shard *take_shard(void)
{
    for (struct shard *s = shard_first(); s; s = s->next) {
        bool is_taken = false;
        if (atomic_compare_exchange_strong(&s->is_taken, &is_taken, true))
            return s;
    }
    struct shard *s = xcalloc(1, sizeof(*s));
    atomic_store(&s->is_taken, true);
    s->next = shard_first();
    while (!atomic_compare_exchange_weak(&shards, &s->next, s))
        ;
    return s;
}

static struct shard *own(void)
{
    if (!mine)
        mine = take_shard();
    return mine;
}

void metrics_thread_end(void)
{
    if (mine)
        atomic_store(&mine->is_taken, false);
    mine = NULL;
}

static void bump(cell *c, uint64_t n)
{
    uint64_t old = atomic_load_explicit(c, memory_order_relaxed);
    atomic_store_explicit(c, old + n, memory_order_relaxed);
}

// Index of a label; the last place is shared by all that found no other.
static unsigned label_index(struct label_table *t, struct span label)
{
    unsigned n = atomic_load_explicit(&t->n, memory_order_relaxed);
    label = span_sub(label, 0, LABEL_LEN - 1);
    for (unsigned i = 0; i < n; i++)
        if (span_is(label, t->names[i]))
            return i;
    if (n == LABELS_MAX)
        return n - 1;
    if (n == LABELS_MAX - 1)
        label = SPAN("other");
    for (size_t i = 0; i < label.len; i++)
        t->names[n][i] = (char)(label.p[i] ? label.p[i] : '?');
    atomic_store_explicit(&t->n, n + 1, memory_order_release);
    return n;
}

void metrics_add(enum metric m, int64_t n)
{
    bump(&own()->plain[m], (uint64_t)n);
}

void metrics_observe_ms(enum metric_histogram h, int64_t ms)
{
    struct histogram *x = &own()->histograms[h];
    unsigned i = 0;
    if (ms < 0)
        ms = 0;
    while (i < BUCKETS && ms > bucket_bounds_ms[i])
        i++;
    bump(&x->buckets[i], 1);
    bump(&x->sum_ms, (uint64_t)ms);
}

void metrics_request(struct span service, int status, enum metric_outcome outcome)
{
    struct shard *s = own();
    unsigned class = status >= 100 && status <= 599 ? (unsigned)status / 100 : 0;
    unsigned i = label_index(&s->services, service);
    bump(&s->requests[i][class * METRIC_OUTCOMES + outcome], 1);
}

void metrics_count(enum metric_set set, struct span label)
{
    struct shard *s = own();
    bump(&s->set_cells[set][label_index(&s->set_labels[set], label)], 1);
}

int64_t metrics_sum(enum metric m)
{
    uint64_t sum = 0;
    for (struct shard *s = shard_first(); s; s = s->next)
        sum += atomic_load_explicit(&s->plain[m], memory_order_relaxed);
    return (int64_t)sum; // a gauge's negative part may stand in another shard
}
