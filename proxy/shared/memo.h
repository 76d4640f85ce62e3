// SPDX-License-Identifier: Apache-2.0
// Small things that one request learns and all later ones, on any worker, want to know: a host's
// clock offset, a bucket's region. Any thread, never blocks, bounded: the stalest entries go.
#ifndef SHARED_MEMO_H
#define SHARED_MEMO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define MEMO_VALUE_MAX 32

// key: a hash of what it is about (hash_span with the process's seed).
struct memo;
struct memo *memo_new(int64_t keep_ms); // about 1,024 entries
void memo_free(struct memo *m);         // NULL is fine
// value: 1 to MEMO_VALUE_MAX octets. May be lost where another thread writes just then.
void memo_put(struct memo *m, uint64_t key, struct span value, int64_t now_ms);
bool memo_is_empty(const struct memo *m); // nothing was ever put: one look
// Length of the value, 0 where there is none.
size_t memo_get(const struct memo *m, uint64_t key, int64_t now_ms, char out[MEMO_VALUE_MAX]);

#endif
