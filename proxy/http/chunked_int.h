// SPDX-License-Identifier: Apache-2.0
// Reads a chunked body (RFC 9112 7.1) strictly and without copying.
#ifndef HTTP_CHUNKED_INT_H
#define HTTP_CHUNKED_INT_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "http/prescan_int.h"

enum chunked_event {
    CHUNKED_MORE = 0, // all input taken
    CHUNKED_DATA,     // *data points into the input
    CHUNKED_END,      // last chunk and trailers are done; input behind them is not taken
    CHUNKED_BAD,      // see reason
};

enum chunked_state {
    CHUNKED_SIZE = 0,
    CHUNKED_BLANK, // behind the size
    CHUNKED_EXT,
    CHUNKED_EXT_QUOTED, // within a quoted string, whose CRLF some readers would take for text
    CHUNKED_EXT_ESCAPED,
    CHUNKED_SIZE_LF,
    CHUNKED_BODY,
    CHUNKED_BODY_CR,
    CHUNKED_BODY_LF,
    CHUNKED_TRAILERS,
    CHUNKED_DONE,
};

struct chunked {
    enum chunked_state state;
    unsigned n_digits;
    size_t line_len;  // of the size line at hand
    size_t ext_total; // octets of extensions in this body
    uint64_t left;    // of the chunk at hand
    struct h1_limits trailer_limits;
    struct prescan trailers;
    const char *reason;
};

void chunked_init(struct chunked *c, size_t max_trailers);
// Returns the octets taken; those before *data are framing, those behind it are for the next call.
size_t chunked_read(struct chunked *c, struct span in, enum chunked_event *event,
                    struct span *data);

#endif
