// SPDX-License-Identifier: Apache-2.0
// libssl takes its buffers for records anew for each read and each write (SSL_MODE_RELEASE_BUFFERS,
// so that idle connections have none). Blocks of that size are the dear ones of malloc's: a thread
// keeps two for the next calls.
#include "base/crypto_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/xalloc.h"

#define KEPT_LEAST 16384
#define KEPT_MOST  36864 // the buffer that reads: two records and what frames them
#define N_KEPT     2     // one that reads, one that writes

static _Thread_local void *kept[N_KEPT];

static void *take_kept(size_t len)
{
    for (unsigned i = 0; i < N_KEPT; i++) {
        void *p = kept[i];
        if (p && malloc_usable_size(p) >= len) {
            kept[i] = NULL;
            return p;
        }
    }
    return NULL;
}

// The larger ones stay: each serves for the smaller ones as well. Returns what is not kept.
static void *keep(void *p)
{
    size_t len = malloc_usable_size(p);
    if (len < KEPT_LEAST || len > KEPT_MOST)
        return p;
    for (unsigned i = 0; i < N_KEPT && p; i++) {
        void *other = kept[i];
        if (other && malloc_usable_size(other) >= malloc_usable_size(p))
            continue;
        kept[i] = p;
        p = other;
    }
    return p;
}

// A length of 0 is libcrypto's way to ask for nothing.
static void *take(size_t len, const char *file, int line)
{
    (void)file;
    (void)line;
    void *p = len >= KEPT_LEAST && len <= KEPT_MOST ? take_kept(len) : NULL;
    if (p)
        return p;
    return len ? xmalloc(len) : NULL;
}

static void give(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    if (p)
        free(keep(p));
}

static void *resize(void *p, size_t len, const char *file, int line)
{
    if (len)
        return xrealloc(p, len);
    give(p, file, line);
    return NULL;
}

void crypto_memory_setup(void)
{
    (void)CRYPTO_set_mem_functions(take, resize, give);
}

void crypto_memory_thread_end(void)
{
    for (unsigned i = 0; i < N_KEPT; i++) {
        free(kept[i]);
        kept[i] = NULL;
    }
}
