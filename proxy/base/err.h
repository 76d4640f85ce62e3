// SPDX-License-Identifier: Apache-2.0
// Text for a person: what happened, where, what to do. One line, no secrets.
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/status.h"

struct err {
    char text[512];
};

// Sets the text (cut to size, control octets replaced) and returns st, for `return err_set(...)`.
// e may be NULL.
enum status err_set(struct err *e, enum status st, const char *fmt, ...) PRINTF_LIKE(3, 4);
// Puts text in front of what is there: "reading x: no such file".
enum status err_wrap(struct err *e, enum status st, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
