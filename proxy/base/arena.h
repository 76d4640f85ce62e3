// SPDX-License-Identifier: Apache-2.0
// Bump allocator with one life: everything allocated for a request goes at once.
// Not thread-safe: an arena belongs to one thread.
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/span.h"
#include "base/status.h"

struct arena_block;

struct arena {
    struct arena_block *head; // newest block
    size_t used;              // bytes handed out since the last reset
};

void arena_init(struct arena *a);  // allocates nothing yet
void arena_clear(struct arena *a); // frees all
void arena_wipe(struct arena *a);  // wipes, then frees all
void arena_reset(struct arena *a); // forgets all, keeps one block for the next life
// 16-byte aligned, uninitialised
NEVER_NULL void *arena_alloc(struct arena *a, size_t len);
NEVER_NULL void *arena_zalloc(struct arena *a, size_t len);
// Copies; the copy is NUL-terminated behind its length.
struct span arena_dup(struct arena *a, struct span s);
char *arena_cstr(struct arena *a, struct span s);
// All parts, one behind the other, NUL-terminated behind the length: printf costs ten times as
// much.
struct span arena_join(struct arena *a, const struct span *parts, size_t n);
#define ARENA_JOIN(a, ...)                                                                         \
    arena_join((a), (const struct span[]){__VA_ARGS__},                                            \
               sizeof((const struct span[]){__VA_ARGS__}) / sizeof(struct span))
struct span arena_decimal(struct arena *a, uint64_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct span arena_spanf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
