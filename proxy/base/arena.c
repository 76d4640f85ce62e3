// SPDX-License-Identifier: Apache-2.0
// Blocks of 8 KiB (with what frames them) and up, newest first. A reset keeps the oldest regular
// block, so that a request of ordinary size on a warm connection allocates nothing from the heap.
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/xalloc.h"

#define BLOCK_LEN 8128
#define ALIGN     16

struct arena_block {
    struct arena_block *next;
    size_t cap;
    size_t used;
    size_t pad_; // keeps data 16-byte aligned
    char data[];
};

void arena_init(struct arena *a)
{
    a->head = NULL;
    a->used = 0;
}

void arena_clear(struct arena *a)
{
    while (a->head) {
        struct arena_block *b = a->head;
        a->head = b->next;
        free(b);
    }
    a->used = 0;
}

void arena_wipe(struct arena *a)
{
    for (struct arena_block *b = a->head; b; b = b->next)
        secret_wipe(b->data, b->used);
    arena_clear(a);
}

void arena_reset(struct arena *a)
{
    while (a->head && a->head->next) {
        struct arena_block *b = a->head;
        a->head = b->next;
        free(b);
    }
    if (a->head && a->head->cap > BLOCK_LEN)
        arena_clear(a);
    if (a->head)
        a->head->used = 0;
    a->used = 0;
}

void *arena_alloc(struct arena *a, size_t len)
{
    len = xadd(len, ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (!a->head || a->head->cap - a->head->used < len) {
        size_t cap = len > BLOCK_LEN ? len : BLOCK_LEN;
        struct arena_block *b = xmalloc(xadd(sizeof(*b), cap));
        b->cap = cap;
        b->used = 0;
        b->next = a->head;
        a->head = b;
    }
    void *p = a->head->data + a->head->used;
    a->head->used += len;
    a->used += len;
    return p;
}

void *arena_zalloc(struct arena *a, size_t len)
{
    void *p = arena_alloc(a, len);
    memset(p, 0, len);
    return p;
}

char *arena_cstr(struct arena *a, struct span s)
{
    char *p = arena_alloc(a, s.len + 1);
    if (s.len)
        memcpy(p, s.p, s.len);
    p[s.len] = '\0';
    return p;
}

struct span arena_dup(struct arena *a, struct span s)
{
    return (struct span){.p = arena_cstr(a, s), .len = s.len};
}

struct span arena_join(struct arena *a, const struct span *parts, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len = xadd(len, parts[i].len);
    char *p = arena_alloc(a, xadd(len, 1));
    char *end = p;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len)
            memcpy(end, parts[i].p, parts[i].len);
        end += parts[i].len;
    }
    *end = '\0';
    return span_from(p, len);
}

struct span arena_decimal(struct arena *a, uint64_t n)
{
    char *p = arena_alloc(a, DECIMAL_MAX);
    return span_from(p, (size_t)(decimal_put(p, n) - p));
}

static struct span format(struct arena *a, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0)
        n = 0;
    char *p = arena_alloc(a, (size_t)n + 1);
    p[0] = '\0';
    (void)vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return (struct span){.p = p, .len = (size_t)n};
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct span s = format(a, fmt, ap);
    va_end(ap);
    return (char *)s.p;
}

struct span arena_spanf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct span s = format(a, fmt, ap);
    va_end(ap);
    return s;
}
