// SPDX-License-Identifier: Apache-2.0
// Buffers come out of 1 MiB slabs, so that they never fragment the heap. Free ones stay hot (last
// in, first out: still in the cache) for as long as they are used: what lay untouched for a whole
// second goes back to the kernel, page for page, and only its address is kept. So a steady load
// meets no page fault, and a burst of slow clients does not stay in the resident size.
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/xalloc.h"
#include "net/loop_int.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif

#define COUNT_STEP 16 // one atomic addition for so many

static void count(struct loop *l, int n)
{
    l->bufs_uncounted += n;
    if (!l->bufs_sum || (l->bufs_uncounted < COUNT_STEP && l->bufs_uncounted > -COUNT_STEP))
        return;
    atomic_fetch_add_explicit(l->bufs_sum, (int64_t)l->bufs_uncounted * LOOP_BUF_LEN,
                              memory_order_relaxed);
    l->bufs_uncounted = 0;
}

void loop_buf_count_in(struct loop *l, _Atomic int64_t *sum)
{
    l->bufs_sum = sum;
}

char *loop_read_area(struct loop *l)
{
#ifdef HAS_ASAN // anew each time, so that the sanitizer sees who kept a pointer into it
    free(l->bufs.read_area);
    l->bufs.read_area = NULL;
#endif
    if (!l->bufs.read_area)
        l->bufs.read_area = xmalloc(LOOP_READ_LEN);
    return l->bufs.read_area;
}

#ifdef HAS_ASAN
// Straight from malloc, so that the sanitizer sees use behind the end and after the return.
char *loop_buf_take(struct loop *l)
{
    count(l, 1);
    return xmalloc(LOOP_BUF_LEN);
}

void loop_buf_give(struct loop *l, char *b)
{
    count(l, -1);
    free(b);
}

void loop_bufs_trim(struct loop *l)
{
    (void)l;
}

void loop_bufs_clear(struct loop_bufs *b)
{
    free(b->read_area);
    b->read_area = NULL;
}
#else
#define SLAB_BUFS    64
#define SLAB_LEN     ((size_t)SLAB_BUFS * LOOP_BUF_LEN)
#define TRIM_MS      1000
#define TRIM_KEEPS   4
#define TRIM_AT_ONCE 512 // a millisecond or two

static void add_slab(struct loop_bufs *b)
{
    char *p = xmap(SLAB_LEN);
    b->slabs = xrealloc(b->slabs, (b->n_slabs + 1) * sizeof(*b->slabs));
    b->slabs[b->n_slabs++] = p;
    // Room for all that there are, so that giving back never allocates.
    b->cold = xrealloc(b->cold, b->n_slabs * SLAB_BUFS * sizeof(*b->cold));
    b->hot = xrealloc(b->hot, b->n_slabs * SLAB_BUFS * sizeof(*b->hot));
    for (size_t i = SLAB_BUFS; i > 0; i--)
        b->cold[b->n_cold++] = p + (i - 1) * LOOP_BUF_LEN;
}

char *loop_buf_take(struct loop *l)
{
    struct loop_bufs *b = &l->bufs;
    count(l, 1);
    if (!b->n_hot) {
        if (!b->n_cold)
            add_slab(b);
        return b->cold[--b->n_cold];
    }
    b->n_hot--;
    if (b->n_hot < b->n_untouched)
        b->n_untouched = b->n_hot;
    return b->hot[b->n_hot];
}

static void drop_slabs(struct loop_bufs *b)
{
    for (size_t i = 0; i < b->n_slabs; i++)
        (void)munmap(b->slabs[i], SLAB_LEN);
    free(b->slabs);
    free(b->cold);
    free(b->hot);
    b->slabs = b->cold = b->hot = NULL;
    b->n_slabs = b->n_cold = b->n_hot = b->n_untouched = 0;
}

void loop_buf_give(struct loop *l, char *b)
{
    struct loop_bufs *all = &l->bufs;
    count(l, -1);
    all->hot[all->n_hot++] = b;
    // Where address space is what there is too little of, buffers that wait for the next burst are
    // in the way.
    if (xalloc_is_short() && all->n_hot + all->n_cold == all->n_slabs * SLAB_BUFS)
        drop_slabs(all);
}

void loop_bufs_trim(struct loop *l)
{
    struct loop_bufs *b = &l->bufs;
    if (l->now_ms < b->trim_ms)
        return;
    size_t n = b->n_untouched > TRIM_KEEPS ? b->n_untouched - TRIM_KEEPS : 0;
    n = n < TRIM_AT_ONCE ? n : TRIM_AT_ONCE;
    for (size_t i = 0; i < n; i++) { // the bottom of the pile
        (void)madvise(b->hot[i], LOOP_BUF_LEN, MADV_DONTNEED);
        b->cold[b->n_cold++] = b->hot[i];
    }
    b->n_hot -= n;
    if (n)
        memmove(b->hot, b->hot + n, b->n_hot * sizeof(*b->hot));
    b->n_untouched = b->n_hot;
    b->trim_ms = l->now_ms + TRIM_MS;
}

void loop_bufs_clear(struct loop_bufs *b)
{
    drop_slabs(b);
    free(b->read_area);
    b->read_area = NULL;
}
#endif
