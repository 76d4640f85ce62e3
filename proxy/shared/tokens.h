// SPDX-License-Identifier: Apache-2.0
// Retry tokens: a bucket an endpoint for the whole process, which retries drain and successes fill,
// so that retries stop where nothing gets better. Any thread, never blocks, bounded memory.
#ifndef SHARED_TOKENS_H
#define SHARED_TOKENS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TOKENS_MAX ((uint32_t)1000000) // capacity of a bucket

// key: a hash of the endpoint (hash_span with the process's seed).
struct tokens;
struct tokens *tokens_new(void);
void tokens_free(struct tokens *t); // NULL is fine
// False where the bucket, which holds at most `capacity`, has fewer than cost left; then none go.
bool tokens_take(struct tokens *t, uint64_t key, uint32_t cost, uint32_t capacity);
void tokens_give(struct tokens *t, uint64_t key, uint32_t n); // a full bucket stays full
uint32_t tokens_left(const struct tokens *t, uint64_t key, uint32_t capacity);
uint32_t tokens_most_owed(const struct tokens *t); // by one endpoint

#endif
