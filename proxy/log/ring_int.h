// SPDX-License-Identifier: Apache-2.0
// A ring of whole lines between one producing thread and the writer thread, without a lock.
#ifndef LOG_RING_INT_H
#define LOG_RING_INT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log/log.h"

#define RING_LEN ((size_t)256 * 1024)

struct ring {
    _Alignas(64) _Atomic uint64_t head; // bytes ever put; the producer's
    _Alignas(64) _Atomic uint64_t tail; // bytes ever taken; the writer's
    struct ring *next;                  // the writer's list of all rings, under its lock
    _Atomic bool is_ended;              // the producer's thread is gone
    char bytes[RING_LEN];
};

struct ring *ring_new(void);
void ring_free(struct ring *r);
// Producer: false where there is no room.
bool ring_put(struct ring *r, int64_t at_us, const char *line, size_t len);
bool ring_is_half_full(struct ring *r); // producer
// Writer: time and length of the oldest line; false where there is none.
bool ring_peek(struct ring *r, int64_t *at_us, size_t *len);
// Writer: copies the oldest line to out (room for the length that ring_peek told) and drops it.
void ring_take(struct ring *r, char *out);
bool ring_is_empty(struct ring *r);

#endif
