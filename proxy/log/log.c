// SPDX-License-Identifier: Apache-2.0
// Lines are made (line.c) on the thread that logs; what goes into a ring is a finished line. A
// thread gets its ring with its first line. An epoch, raised by each log_start, tells a thread that
// the ring it remembers belonged to an earlier writer.
#include "log/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/line_int.h"
#include "log/writer_int.h"

enum state { LOG_DIRECT = 0, LOG_RUNNING, LOG_STOPPED };

static _Atomic int state;
static _Atomic int max_level = LOG_INFO;
static _Atomic unsigned epoch;
static struct writer *writer; // written before LOG_RUNNING is published
static _Thread_local struct ring *my_ring;
static _Thread_local unsigned my_epoch;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

bool log_is_on(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&max_level, memory_order_relaxed);
}

void log_start(int fd)
{
    if (atomic_load(&state) == LOG_RUNNING)
        return;
    writer = writer_start(fd, NULL);
    (void)atomic_fetch_add(&epoch, 1);
    atomic_store(&state, LOG_RUNNING);
}

enum status log_start_file(const char *path, struct err *e)
{
    if (atomic_load(&state) == LOG_RUNNING)
        return ST_OK;
    int fd = writer_open(path);
    if (fd == -1)
        return err_set(e, ST_IO, "log_file: %s: %s", path, strerror(errno));
    writer = writer_start(fd, path);
    (void)atomic_fetch_add(&epoch, 1);
    atomic_store(&state, LOG_RUNNING);
    return ST_OK;
}

bool log_reopen(void)
{
    return atomic_load(&state) == LOG_RUNNING && writer_reopen(writer);
}

void log_stop(int wait_ms)
{
    if (atomic_exchange(&state, LOG_STOPPED) != LOG_RUNNING)
        return;
    writer_stop(writer, wait_ms);
    writer = NULL;
}

void log_rescue(int wait_ms)
{
    if (atomic_load(&state) == LOG_RUNNING)
        writer_rescue(writer, wait_ms);
}

static bool has_ring(void)
{
    return my_ring && my_epoch == atomic_load(&epoch);
}

void log_thread_end(void)
{
    if (has_ring() && atomic_load(&state) == LOG_RUNNING)
        atomic_store_explicit(&my_ring->is_ended, true, memory_order_release);
    my_ring = NULL;
}

uint64_t log_dropped(void)
{
    return writer_dropped();
}

static void write_direct(const struct log_record *l)
{
    for (size_t off = 0; off < l->len;) {
        ssize_t n = write(STDERR_FILENO, l->p + off, l->len - off);
        if (n > 0)
            off += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return;
    }
}

static void send_line(const struct log_record *l, bool is_urgent)
{
    int now = atomic_load_explicit(&state, memory_order_acquire);
    if (now == LOG_DIRECT) {
        write_direct(l);
        return;
    }
    if (now == LOG_STOPPED) {
        writer_count_drop();
        return;
    }
    if (!has_ring()) {
        my_ring = ring_new();
        my_epoch = atomic_load(&epoch);
        writer_add_ring(writer, my_ring);
    }
    if (ring_put(my_ring, clock_mono_us(), l->p, l->len))
        writer_wake(writer, is_urgent || ring_is_half_full(my_ring));
    else
        writer_count_drop();
}

void log_line(enum log_level level, const char *subject, const char *fmt, ...)
{
    if (!log_is_on(level))
        return;
    struct log_record l;
    char text[LOG_LINE_MAX];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    bool is_whole = n >= 0 && (size_t)n < sizeof(text);
    line_message(&l, level, subject, span_of(n >= 0 ? text : ""), is_whole);
    send_line(&l, level == LOG_ERROR);
}

void log_record_send(struct log_record *l)
{
    line_end(l);
    send_line(l, false);
}
