// SPDX-License-Identifier: Apache-2.0
// A chunked body: whole and octet by octet give the same body, end and verdict.
#include <stdlib.h>

#include "base/buf.h"
#include "http/chunked_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    struct buf body;
    size_t used;
    enum chunked_event last;
    const char *reason;
};

static struct outcome run(struct span in, size_t step)
{
    struct outcome o = {.last = CHUNKED_MORE};
    struct chunked c;
    chunked_init(&c, 1000);
    buf_init(&o.body);
    while (o.used < in.len && o.last != CHUNKED_END && o.last != CHUNKED_BAD) {
        struct span data = {.p = NULL, .len = 0};
        struct span piece = span_sub(in, o.used, step);
        size_t n = chunked_read(&c, piece, &o.last, &data);
        if (n > piece.len || (o.last == CHUNKED_MORE && n != piece.len))
            abort();
        if (o.last == CHUNKED_DATA) {
            if (!data.len || data.p < piece.p || data.p + data.len != piece.p + n)
                abort();
            buf_add_span(&o.body, data);
        }
        o.used += n;
    }
    o.reason = c.reason;
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_from((const char *)data, size);
    struct outcome whole = run(in, in.len);
    struct outcome cut = run(in, 1);
    bool is_over = whole.last == CHUNKED_END || whole.last == CHUNKED_BAD;
    if (is_over && (whole.last != cut.last || whole.reason != cut.reason))
        abort();
    if (whole.used != cut.used && whole.last != CHUNKED_BAD)
        abort();
    if (!span_eq(buf_span(&whole.body), buf_span(&cut.body)))
        abort();
    buf_clear(&whole.body);
    buf_clear(&cut.body);
    return 0;
}
