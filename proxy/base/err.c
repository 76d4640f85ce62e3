// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// One line, whatever was in the arguments: an error text ends up in logs and terminals.
static void one_line(char *text)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
}

enum status err_set(struct err *e, enum status st, const char *fmt, ...)
{
    if (!e)
        return st;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    one_line(e->text);
    return st;
}

enum status err_wrap(struct err *e, enum status st, const char *fmt, ...)
{
    if (!e)
        return st;
    char old[sizeof(e->text)];
    memcpy(old, e->text, sizeof(old));
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof(e->text) - 3) {
        size_t left = sizeof(e->text) - (size_t)n - 3;
        size_t len = strnlen(old, left);
        memcpy(e->text + n, ": ", 2);
        memcpy(e->text + n + 2, old, len);
        e->text[(size_t)n + 2 + len] = '\0';
    }
    one_line(e->text);
    return st;
}
