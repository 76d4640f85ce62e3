// SPDX-License-Identifier: Apache-2.0
// Lines for people and machines. A line is formatted on the calling thread into that thread's ring
// and written by the writer thread, the only one that may block on write(2). A full ring drops the
// line and counts it; the writer reports the count. Octets outside 0x20..0x7e are written as \xNN,
// so nobody forges a line.
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "base/status.h"

// error: a person must act; warn: a request suffered; info: life of the process; debug: life of a
// request.
enum log_level { LOG_ERROR = 0, LOG_WARN, LOG_INFO, LOG_DEBUG };

// Before log_start lines go straight to fd 2 (blocking): start-up errors and subcommands.
void log_set_level(enum log_level level);
bool log_is_on(enum log_level level);
// Starts the writer thread on fd (borrowed, not closed). Call before worker threads start.
void log_start(int fd);
// Writes what is in the rings for at most wait_ms, then ends the writer even if the reader of fd
// never reads. Lines logged afterwards are dropped. Any thread that logs must have ended.
void log_stop(int wait_ms);
// Gives this thread its ring back; last thing that a thread does.
void log_thread_end(void);
uint64_t log_dropped(void); // lines dropped since the start, all threads

// subject: what the line is about ("c17.3", "creds", "listen 127.0.0.1:8080"); NULL for none.
// The line: 2026-11-24T03:04:05.678Z WARN [c17.3] text
void log_line(enum log_level level, const char *subject, const char *fmt, ...) PRINTF_LIKE(3, 4);
// A line as it is (the access log): only escaped, with neither time nor level in front.
void log_raw(struct span line);

#define log_error(subject, ...) log_line(LOG_ERROR, subject, __VA_ARGS__)
#define log_warn(subject, ...)  log_line(LOG_WARN, subject, __VA_ARGS__)
#define log_info(subject, ...)  log_line(LOG_INFO, subject, __VA_ARGS__)
#define log_debug(subject, ...)                                                                    \
    do {                                                                                           \
        if (log_is_on(LOG_DEBUG))                                                                  \
            log_line(LOG_DEBUG, subject, __VA_ARGS__);                                             \
    } while (0)

#endif
