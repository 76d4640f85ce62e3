// SPDX-License-Identifier: Apache-2.0
// A server's bytes; the first octet says what was asked and how the rest is cut.
#include "../tests/support/h1_trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    const struct h1_trace how = {
        .kind = H1_RESPONSE,
        .is_head = (data[0] & 1) != 0,
        .is_connect = (data[0] & 2) != 0,
        .is_cut_off = (data[0] & 4) != 0,
    };
    struct span in = span_from((const char *)data + 1, size - 1);
    struct buf whole = h1_trace_run(&how, in, 0, 0);
    struct buf cut = h1_trace_run(&how, in, 1 + (data[0] >> 3), data[0] & 128 ? data[0] : 0);
    if (!span_eq(buf_span(&whole), buf_span(&cut)))
        abort();
    buf_clear(&whole);
    buf_clear(&cut);
    return 0;
}
