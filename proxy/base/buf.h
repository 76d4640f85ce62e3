// SPDX-License-Identifier: Apache-2.0
// A growing byte buffer on the heap. What was in it is wiped where `is_secret` is set, also when
// it grows (copy, cleanse, free: realloc would leave a copy behind).
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "base/status.h"

struct buf {
    char *p;
    size_t len;
    size_t cap;
    bool is_secret;
};

void buf_init(struct buf *b);
void buf_init_secret(struct buf *b);
void buf_clear(struct buf *b); // frees (and wipes); usable again afterwards
void buf_reset(struct buf *b); // length 0, keeps the memory
void buf_add(struct buf *b, const void *p, size_t len);
void buf_add_span(struct buf *b, struct span s);
void buf_add_str(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
char *buf_reserve(struct buf *b, size_t len); // room for len more bytes at the end
void buf_consume(struct buf *b, size_t len);  // drops bytes from the front
const char *buf_cstr(struct buf *b);          // NUL behind the content
struct span buf_span(const struct buf *b);

#endif
