// SPDX-License-Identifier: Apache-2.0
// A gauge with a cap that holds for the whole process, whatever the number of workers: connections,
// requests in flight, spool bytes. C11 atomics, any thread, never blocks.
#ifndef SHARED_LIMIT_H
#define SHARED_LIMIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct limit {
    _Atomic uint64_t used;
    _Atomic uint64_t cap; // 0: no cap
};

void limit_init(struct limit *l, uint64_t cap);
void limit_set_cap(struct limit *l, uint64_t cap); // what is out stays out
// All of n or nothing.
bool limit_take(struct limit *l, uint64_t n);
// As limit_take, under a cap of the moment.
bool limit_take_below(struct limit *l, uint64_t n, uint64_t cap);
void limit_give(struct limit *l, uint64_t n);
uint64_t limit_used(const struct limit *l);

#endif
