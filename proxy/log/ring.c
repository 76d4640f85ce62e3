// SPDX-License-Identifier: Apache-2.0
// Head and tail count bytes for ever and are taken modulo the size only when bytes are touched, so
// "full" and "empty" need no spare slot. The producer publishes a line by moving head, the writer
// gives room back by moving tail. Head is moved and looked at in sequentially consistent order:
// the writer's decision to sleep depends on it (see writer.c).
#include "log/ring_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

struct record {
    int64_t at_us;
    uint64_t len;
};

struct ring *ring_new(void)
{
    struct ring *r = xaligned(64, sizeof(*r));
    r->next = NULL;
    atomic_init(&r->head, 0);
    atomic_init(&r->tail, 0);
    atomic_init(&r->is_ended, false);
    return r;
}

void ring_free(struct ring *r)
{
    free(r);
}

static void copy_in(struct ring *r, uint64_t at, const void *from, size_t len)
{
    size_t i = (size_t)(at % RING_LEN);
    size_t first = len < RING_LEN - i ? len : RING_LEN - i;
    memcpy(r->bytes + i, from, first);
    memcpy(r->bytes, (const char *)from + first, len - first);
}

static void copy_out(const struct ring *r, uint64_t at, void *to, size_t len)
{
    size_t i = (size_t)(at % RING_LEN);
    size_t first = len < RING_LEN - i ? len : RING_LEN - i;
    memcpy(to, r->bytes + i, first);
    memcpy((char *)to + first, r->bytes, len - first);
}

bool ring_put(struct ring *r, int64_t at_us, const char *line, size_t len)
{
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    struct record rec = {.at_us = at_us, .len = len};
    if (len > LOG_LINE_MAX || RING_LEN - (head - tail) < sizeof(rec) + len)
        return false;
    copy_in(r, head, &rec, sizeof(rec));
    copy_in(r, head + sizeof(rec), line, len);
    atomic_store(&r->head, head + sizeof(rec) + len);
    return true;
}

bool ring_is_half_full(struct ring *r)
{
    return atomic_load_explicit(&r->head, memory_order_relaxed) -
               atomic_load_explicit(&r->tail, memory_order_relaxed) >
           RING_LEN / 2;
}

bool ring_is_empty(struct ring *r)
{
    return atomic_load(&r->head) == atomic_load_explicit(&r->tail, memory_order_relaxed);
}

bool ring_peek(struct ring *r, int64_t *at_us, size_t *len)
{
    struct record rec;
    if (ring_is_empty(r))
        return false;
    copy_out(r, atomic_load_explicit(&r->tail, memory_order_relaxed), &rec, sizeof(rec));
    *at_us = rec.at_us;
    *len = (size_t)rec.len;
    return true;
}

void ring_take(struct ring *r, char *out)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    struct record rec;
    copy_out(r, tail, &rec, sizeof(rec));
    copy_out(r, tail + sizeof(rec), out, (size_t)rec.len);
    atomic_store_explicit(&r->tail, tail + sizeof(rec) + rec.len, memory_order_release);
}
