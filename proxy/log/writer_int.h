// SPDX-License-Identifier: Apache-2.0
// The thread that writes what the rings hold.
#ifndef LOG_WRITER_INT_H
#define LOG_WRITER_INT_H

#include <stdbool.h>

#include "log/ring_int.h"

struct writer;
int writer_open(const char *path); // -1: errno says why
// path NULL: fd is borrowed; else it is the writer's, and that file's.
struct writer *writer_start(int fd, const char *path);
bool writer_reopen(struct writer *w); // false: it has no file
// Drains for at most wait_ms, then ends. A writer stuck in a write(2) that poll promised would not
// block is left behind with all that it holds.
void writer_stop(struct writer *w, int wait_ms);
void writer_add_ring(struct writer *w, struct ring *r); // owned from now on
// A line was put; costs a load where the writer runs, or naps and the line is not urgent.
void writer_wake(struct writer *w, bool is_urgent);
// The first half of writer_stop: drains for at most wait_ms. Async-signal-safe; does nothing on the
// writer's own thread.
void writer_rescue(struct writer *w, int wait_ms);
void writer_count_drop(void);
unsigned long long writer_dropped(void);

#endif
