// SPDX-License-Identifier: Apache-2.0
// What a line looks like, as text and as JSON. Whatever a value holds, it stays one value of one
// line: the room at the end that closing it takes is never given away.
#ifndef LOG_LINE_INT_H
#define LOG_LINE_INT_H

#include <stdbool.h>

#include "log/log.h"

// A message, finished. is_whole: nothing of text was left out before.
void line_message(struct log_record *l, enum log_level level, const char *subject, struct span text,
                  bool is_whole);
void line_end(struct log_record *l); // closes a record

#endif
