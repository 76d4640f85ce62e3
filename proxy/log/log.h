// SPDX-License-Identifier: Apache-2.0
// Lines for people and machines. A line is formatted on the calling thread into that thread's ring
// and written by the writer thread, the only one that may block on write(2). A full ring drops the
// line and counts it; the writer reports the count. A line is text or one JSON object; either way
// what came from outside is escaped, so nobody forges a line.
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "base/status.h"

#define LOG_LINE_MAX 8192 // bytes of a line with its newline

// error: a person must act; warn: a request suffered; info: life of the process; debug: life of a
// request.
enum log_level { LOG_ERROR = 0, LOG_WARN, LOG_INFO, LOG_DEBUG };

enum log_format { LOG_TEXT = 0, LOG_JSON };

// Before log_start lines go straight to fd 2 (blocking): start-up errors and subcommands.
void log_set_level(enum log_level level);
bool log_is_on(enum log_level level);
void log_set_format(enum log_format f);
// Starts the writer thread on fd (borrowed, not closed). Call before worker threads start.
void log_start(int fd);
// The same on a file, made (0600) where there is none and appended to.
NODISCARD enum status log_start_file(const char *path, struct err *e);
// Has the writer open its file anew by its name, after a rotation; where that fails, the old one
// stays and a line says so. False: lines go to no file. Any thread, but not at the same time as
// log_stop.
bool log_reopen(void);
// Writes what is in the rings for at most wait_ms, then ends the writer even if the reader of fd
// never reads. Lines logged afterwards are dropped. Any thread that logs must have ended.
void log_stop(int wait_ms);
// For a handler of a signal that ends the process: writes what is in the rings, for at most
// wait_ms. Async-signal-safe.
void log_rescue(int wait_ms);
// Gives this thread its ring back; last thing that a thread does.
void log_thread_end(void);
uint64_t log_dropped(void); // lines dropped since the start, all threads

// subject: what the line is about ("c17.3", "creds", "listen 127.0.0.1:8080"); NULL for none.
// Text:  2026-11-24T03:04:05.678Z WARN [c17.3] text
// JSON:  {"time":"...","level":"warn","id":"c17.3","message":"text"}
void log_line(enum log_level level, const char *subject, const char *fmt, ...) PRINTF_LIKE(3, 4);

// A line of named fields at no level, always written (the access line):
// Text:  2026-11-24T03:04:05.678Z ACCESS [c17.3] method=GET path="/a b" status=200
// JSON:  {"time":"...","level":"info","event":"access","id":"c17.3","method":"GET",...}
struct log_record {
    bool is_json;
    size_t len;
    char p[LOG_LINE_MAX];
};
void log_record_begin(struct log_record *l, const char *event, const char *subject);
// At most max characters of the value, escaped, are shown. Empty: "-", in JSON null.
void log_record_text(struct log_record *l, struct span name, struct span value, size_t max);
void log_record_number(struct log_record *l, struct span name, int64_t value);
void log_record_send(struct log_record *l);

#define log_error(subject, ...) log_line(LOG_ERROR, subject, __VA_ARGS__)
#define log_warn(subject, ...)  log_line(LOG_WARN, subject, __VA_ARGS__)
#define log_info(subject, ...)  log_line(LOG_INFO, subject, __VA_ARGS__)
#define log_debug(subject, ...)                                                                    \
    do {                                                                                           \
        if (log_is_on(LOG_DEBUG))                                                                  \
            log_line(LOG_DEBUG, subject, __VA_ARGS__);                                             \
    } while (0)

#endif
