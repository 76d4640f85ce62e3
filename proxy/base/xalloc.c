// SPDX-License-Identifier: Apache-2.0
// The reserve is address space that was never touched: it costs no memory, but where address space
// or commitments are what is limited it can be given back when an allocation fails, and the
// allocation is tried once more. What runs then ends in order; what is new is refused until the
// reserve could be set aside again.
#include "base/xalloc.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RESERVE_LEN ((size_t)4 << 20)

static _Atomic(void *) reserve;
static _Atomic bool is_lent; // the reserve is wanted back
static _Atomic(xalloc_end_fn) on_end;

static void *map(size_t len)
{
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void xalloc_reserve(xalloc_end_fn end)
{
    atomic_store(&on_end, end);
    atomic_store(&is_lent, true);
    (void)xalloc_is_short();
}

bool xalloc_is_short(void)
{
    if (!atomic_load_explicit(&is_lent, memory_order_relaxed))
        return false;
    void *p = map(RESERVE_LEN);
    void *none = NULL;
    if (!p)
        return true;
    if (!atomic_compare_exchange_strong(&reserve, &none, p))
        (void)munmap(p, RESERVE_LEN); // another thread was first
    atomic_store(&is_lent, false);
    return false;
}

static void lend_reserve(void)
{
    void *p = atomic_exchange(&reserve, NULL);
    if (!p)
        return;
    (void)munmap(p, RESERVE_LEN);
    atomic_store(&is_lent, true);
}

static _Noreturn void give_up(void)
{
    static const char text[] = "sigv4-proxy: out of memory\n";
    ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)n;
    xalloc_end_fn end = atomic_load(&on_end);
    if (end)
        end();
    _exit(XALLOC_EXIT);
}

// p, or where that is NULL what again yields with the reserve given back.
#define checked(p, again) ((p) ? (p) : (lend_reserve(), last(again)))

static void *last(void *p)
{
    if (!p)
        give_up();
    return p;
}

void *xmalloc(size_t len)
{
    len = len ? len : 1;
    void *p = malloc(len);
    return checked(p, malloc(len));
}

void *xcalloc(size_t n, size_t len)
{
    n = n ? n : 1;
    len = len ? len : 1;
    void *p = calloc(n, len);
    return checked(p, calloc(n, len));
}

void *xrealloc(void *was, size_t len)
{
    len = len ? len : 1;
    void *p = realloc(was, len);
    return checked(p, realloc(was, len));
}

void *xaligned(size_t align, size_t len)
{
    len = (len + align - 1) / align * align;
    void *p = aligned_alloc(align, len);
    return checked(p, aligned_alloc(align, len));
}

void *xmap(size_t len)
{
    void *p = map(len);
    return checked(p, map(len));
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t len)
{
    char *copy = xmalloc(len + 1);
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

size_t xadd(size_t a, size_t b)
{
    if (a > SIZE_MAX - b)
        give_up();
    return a + b;
}
