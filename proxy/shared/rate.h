// SPDX-License-Identifier: Apache-2.0
// A rate that holds for the whole process: turns are reserved in one word (GCRA), and each waits
// for its own on its own worker's timer. Any thread, never blocks.
#ifndef SHARED_RATE_H
#define SHARED_RATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rate {
    _Atomic int64_t next_ns; // when the turn behind the last reserved one is due; 0: never used
};

struct rate_spec {
    int64_t interval_ns; // between turns
    uint32_t burst;      // turns that may be taken at once after a rest; at least 1
};

// Reserves the next turn and says how long to wait for it, in microseconds; turns are given in the
// order of the calls. Negative: it would be longer than max_wait_us, and none is reserved; the
// absolute value less one is how long it would have been.
int64_t rate_reserve(struct rate *r, const struct rate_spec *s, int64_t now_us,
                     int64_t max_wait_us);
// All of its burst is there again.
bool rate_is_at_rest(const struct rate *r, int64_t now_us);

#endif
