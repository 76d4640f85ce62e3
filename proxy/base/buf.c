// SPDX-License-Identifier: Apache-2.0
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/xalloc.h"

void buf_init(struct buf *b)
{
    memset(b, 0, sizeof(*b));
}

void buf_init_secret(struct buf *b)
{
    buf_init(b);
    b->is_secret = true;
}

void buf_clear(struct buf *b)
{
    if (b->is_secret)
        secret_wipe(b->p, b->cap);
    free(b->p);
    b->p = NULL;
    b->len = b->cap = 0;
}

void buf_reset(struct buf *b)
{
    b->len = 0;
}

char *buf_reserve(struct buf *b, size_t len)
{
    if (b->cap - b->len < len) {
        size_t need = xadd(b->len, len);
        size_t cap = b->cap ? b->cap : 128;
        do
            cap = cap > SIZE_MAX / 2 ? need : cap * 2;
        while (cap < need);
        char *p = xmalloc(cap);
        if (b->len)
            memcpy(p, b->p, b->len);
        if (b->is_secret)
            secret_wipe(b->p, b->cap);
        free(b->p);
        b->p = p;
        b->cap = cap;
    }
    return b->p + b->len;
}

void buf_add(struct buf *b, const void *p, size_t len)
{
    if (!len)
        return;
    memcpy(buf_reserve(b, len), p, len);
    b->len += len;
}

void buf_add_span(struct buf *b, struct span s)
{
    buf_add(b, s.p, s.len);
}

void buf_add_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n > 0) {
        (void)vsnprintf(buf_reserve(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_consume(struct buf *b, size_t len)
{
    if (len < b->len)
        memmove(b->p, b->p + len, b->len - len);
    b->len -= len < b->len ? len : b->len;
}

const char *buf_cstr(struct buf *b)
{
    *buf_reserve(b, 1) = '\0';
    return b->p;
}

struct span buf_span(const struct buf *b)
{
    return (struct span){.p = b->p, .len = b->len};
}
