// SPDX-License-Identifier: Apache-2.0
// Lines are formatted and escaped on the thread that logs; what leaves this file is a finished
// line. A thread gets its ring with its first line. An epoch, raised by each log_start, tells a
// thread that the ring it remembers belonged to an earlier writer.
#include "log/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/writer_int.h"

enum state { LOG_DIRECT = 0, LOG_RUNNING, LOG_STOPPED };

static _Atomic int state;
static _Atomic int max_level = LOG_INFO;
static _Atomic unsigned epoch;
static struct writer *writer; // written before LOG_RUNNING is published
static _Thread_local struct ring *my_ring;
static _Thread_local unsigned my_epoch;

struct line {
    size_t len;
    char p[LOG_LINE_MAX];
};

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
    writer = writer_start(fd);
    (void)atomic_fetch_add(&epoch, 1);
    atomic_store(&state, LOG_RUNNING);
}

void log_stop(int wait_ms)
{
    if (atomic_exchange(&state, LOG_STOPPED) != LOG_RUNNING)
        return;
    writer_stop(writer, wait_ms);
    writer = NULL;
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

// Appends escaped. Room for "...\n" stays; false when something had to be left out.
static bool add_escaped(struct line *l, struct span s)
{
    static const char hex[] = "0123456789abcdef";
    const size_t room = sizeof(l->p) - 4;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool is_plain = c >= 0x20 && c <= 0x7e && c != '\\';
        size_t need = is_plain ? 1 : (c == '\\' ? 2 : 4);
        if (l->len + need > room)
            return false;
        if (is_plain) {
            l->p[l->len] = (char)c;
        } else if (c == '\\') {
            memcpy(l->p + l->len, "\\\\", 2);
        } else {
            char code[4] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
            memcpy(l->p + l->len, code, 4);
        }
        l->len += need;
    }
    return true;
}

static void end_line(struct line *l, bool is_whole)
{
    if (!is_whole) {
        memcpy(l->p + l->len, "...", 3);
        l->len += 3;
    }
    l->p[l->len++] = '\n';
}

static void write_direct(const struct line *l)
{
    for (size_t off = 0; off < l->len;) {
        ssize_t n = write(STDERR_FILENO, l->p + off, l->len - off);
        if (n > 0)
            off += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return;
    }
}

static void send_line(const struct line *l)
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
        writer_wake(writer);
    else
        writer_count_drop();
}

static const char *level_name(enum log_level level)
{
    static const char *const names[] = {
        [LOG_ERROR] = "ERROR", [LOG_WARN] = "WARN", [LOG_INFO] = "INFO", [LOG_DEBUG] = "DEBUG"};
    return names[level];
}

void log_line(enum log_level level, const char *subject, const char *fmt, ...)
{
    if (!log_is_on(level))
        return;
    struct line l;
    char text[LOG_LINE_MAX];
    char at[25];
    clock_format_iso(clock_wall_ms(), at);
    int n = snprintf(l.p, sizeof(l.p), "%s %s ", at, level_name(level));
    l.len = n > 0 ? (size_t)n : 0;
    bool is_whole = true;
    if (subject)
        is_whole = add_escaped(&l, SPAN("[")) && add_escaped(&l, span_of(subject)) &&
                   add_escaped(&l, SPAN("] "));
    va_list ap;
    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n > 0 && is_whole)
        is_whole = add_escaped(&l, span_of(text)) && (size_t)n < sizeof(text);
    end_line(&l, is_whole);
    send_line(&l);
}

void log_raw(struct span line)
{
    struct line l;
    l.len = 0;
    end_line(&l, add_escaped(&l, line));
    send_line(&l);
}
