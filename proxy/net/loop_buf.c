// SPDX-License-Identifier: Apache-2.0
// Buffers come out of 1 MiB slabs, so that they never fragment the heap. A few free ones stay hot
// (last in, first out: still in the cache); the pages of all others go back to the kernel and only
// their addresses are kept, so a burst of slow clients does not stay in the resident size.
#include <stdatomic.h>
#include <stdlib.h>
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

void loop_bufs_clear(struct loop_bufs *b)
{
    (void)b;
}
#else
#define SLAB_BUFS 64
#define SLAB_LEN  ((size_t)SLAB_BUFS * LOOP_BUF_LEN)

static void add_slab(struct loop_bufs *b)
{
    char *p = mmap(NULL, SLAB_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        abort();
    b->slabs = xrealloc(b->slabs, (b->n_slabs + 1) * sizeof(*b->slabs));
    b->slabs[b->n_slabs++] = p;
    // Room for all that there are, so that giving back never allocates.
    b->cold = xrealloc(b->cold, b->n_slabs * SLAB_BUFS * sizeof(*b->cold));
    for (size_t i = SLAB_BUFS; i > 0; i--)
        b->cold[b->n_cold++] = p + (i - 1) * LOOP_BUF_LEN;
}

char *loop_buf_take(struct loop *l)
{
    struct loop_bufs *b = &l->bufs;
    count(l, 1);
    if (b->n_hot)
        return b->hot[--b->n_hot];
    if (!b->n_cold)
        add_slab(b);
    return b->cold[--b->n_cold];
}

void loop_buf_give(struct loop *l, char *b)
{
    struct loop_bufs *all = &l->bufs;
    count(l, -1);
    if (all->n_hot < LOOP_HOT_BUFS) {
        all->hot[all->n_hot++] = b;
        return;
    }
    (void)madvise(b, LOOP_BUF_LEN, MADV_DONTNEED);
    all->cold[all->n_cold++] = b;
}

void loop_bufs_clear(struct loop_bufs *b)
{
    for (size_t i = 0; i < b->n_slabs; i++)
        (void)munmap(b->slabs[i], SLAB_LEN);
    free(b->slabs);
    free(b->cold);
    *b = (struct loop_bufs){.n_hot = 0};
}
#endif
