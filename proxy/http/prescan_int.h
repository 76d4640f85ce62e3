// SPDX-License-Identifier: Apache-2.0
// Judges each octet of a head (or of a trailer section) before anything else sees it. Keeps no
// bytes; takes input in pieces of any size and gives the same verdict however it is cut.
#ifndef HTTP_PRESCAN_INT_H
#define HTTP_PRESCAN_INT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "http/h1_parser.h"

// Why a message is refused; all texts are static.
struct h1_fault {
    int status;
    const char *code;
    const char *reason;
};

enum prescan_kind { PRESCAN_REQUEST = 0, PRESCAN_RESPONSE, PRESCAN_TRAILERS };

enum prescan_verdict {
    PRESCAN_MORE = 0, // all input taken, clean so far
    PRESCAN_LINE,     // the start line has just ended
    PRESCAN_END,      // the empty line has just ended
    PRESCAN_BAD,      // see fault
};

enum prescan_state {
    PRESCAN_BEFORE = 0, // empty lines in front of a request
    PRESCAN_BEFORE_LF,
    PRESCAN_IN_LINE,
    PRESCAN_LINE_LF,
    PRESCAN_FIELD, // first octet of a line
    PRESCAN_NAME,
    PRESCAN_VALUE,
    PRESCAN_VALUE_LF,
    PRESCAN_END_LF,
};

struct prescan {
    enum prescan_kind kind;
    enum prescan_state state;
    const struct h1_limits *limits; // borrowed
    unsigned n_empty;               // empty lines in front
    unsigned n_fields;
    bool has_space;  // seen in the start line
    size_t line_len; // of the line at hand, without CRLF
    size_t total;    // octets from the first of the start line on
    struct h1_fault fault;
};

// PRESCAN_TRAILERS starts at a field line and uses max_field, max_head and max_fields only.
void prescan_init(struct prescan *s, enum prescan_kind kind, const struct h1_limits *limits);
// Skips empty lines in front and looks at the first octet behind them; returns the octets skipped.
// Done when *verdict stays PRESCAN_MORE and prescan_is_begun().
size_t prescan_begin(struct prescan *s, struct span in, enum prescan_verdict *verdict);
bool prescan_is_begun(const struct prescan *s);
// Returns the octets taken, up to and with the one that made the verdict.
size_t prescan_feed(struct prescan *s, struct span in, enum prescan_verdict *verdict);

#endif
