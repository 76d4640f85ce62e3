// SPDX-License-Identifier: Apache-2.0
// http-parser skips whatever stands behind a chunk's size and takes any two octets for the line
// ends; so chunks are read here: 1*16HEXDIG [blanks] [";" extension] CRLF data CRLF. Extensions and
// trailers are checked, counted and dropped (RFC 9112 7.1.1, 7.1.2 permit that). Blanks behind the
// size are taken since old senders pad it; they never go on, as we frame anew.
#include "http/chunked_int.h"

#include <string.h>

#include "base/digest.h"
#include "http/octets_int.h"

#define MAX_DIGITS         16
#define MAX_LINE           256
#define MAX_EXT_TOTAL      ((size_t)16 << 10)
#define MAX_TRAILER_FIELDS 32

void chunked_init(struct chunked *c, size_t max_trailers)
{
    memset(c, 0, sizeof(*c));
    c->trailer_limits.max_field = max_trailers;
    c->trailer_limits.max_head = max_trailers;
    c->trailer_limits.max_fields = MAX_TRAILER_FIELDS;
}

static enum chunked_event bad(struct chunked *c, const char *reason)
{
    c->reason = reason;
    return CHUNKED_BAD;
}

static enum chunked_event take_digit(struct chunked *c, unsigned digit)
{
    if (++c->n_digits > MAX_DIGITS)
        return bad(c, "a chunk size of more than 16 digits");
    c->left = c->left << 4 | digit;
    if (c->left > INT64_MAX)
        return bad(c, "a chunk size beyond 2^63");
    return CHUNKED_MORE;
}

static enum chunked_event end_of_size(struct chunked *c, char ch)
{
    if (ch == '\r')
        c->state = CHUNKED_SIZE_LF;
    else if (ch == ';')
        c->state = CHUNKED_EXT;
    else if (ch == ' ' || ch == '\t')
        c->state = CHUNKED_BLANK;
    else
        return bad(c, "a chunk size that is not a hexadecimal number");
    return CHUNKED_MORE;
}

static enum chunked_event take_ext(struct chunked *c, char ch)
{
    if (ch == '\r') {
        if (c->state != CHUNKED_EXT)
            return bad(c, "an open quoted string in a chunk extension");
        c->state = CHUNKED_SIZE_LF;
        return CHUNKED_MORE;
    }
    if (!octet_is(ch, OCTET_VALUE))
        return bad(c, "a control octet in a chunk extension");
    if (c->state == CHUNKED_EXT_ESCAPED)
        c->state = CHUNKED_EXT_QUOTED;
    else if (ch == '"')
        c->state = c->state == CHUNKED_EXT ? CHUNKED_EXT_QUOTED : CHUNKED_EXT;
    else if (ch == '\\' && c->state == CHUNKED_EXT_QUOTED)
        c->state = CHUNKED_EXT_ESCAPED;
    if (++c->ext_total > MAX_EXT_TOTAL)
        return bad(c, "more than 16 KiB of chunk extensions");
    return CHUNKED_MORE;
}

static enum chunked_event end_of_size_line(struct chunked *c, char ch)
{
    if (ch != '\n')
        return bad(c, "a chunk size line that does not end in CRLF");
    c->n_digits = 0;
    c->line_len = 0;
    c->state = c->left ? CHUNKED_BODY : CHUNKED_TRAILERS;
    if (!c->left)
        prescan_init(&c->trailers, PRESCAN_TRAILERS, &c->trailer_limits);
    return CHUNKED_MORE;
}

static enum chunked_event take_framing(struct chunked *c, char ch)
{
    int digit = hex_value(ch);
    switch (c->state) {
    case CHUNKED_SIZE:
        if (digit >= 0)
            return take_digit(c, (unsigned)digit);
        if (!c->n_digits)
            return bad(c, "a chunk without a size");
        return end_of_size(c, ch);
    case CHUNKED_BLANK:
        return end_of_size(c, ch);
    case CHUNKED_EXT:
    case CHUNKED_EXT_QUOTED:
    case CHUNKED_EXT_ESCAPED:
        return take_ext(c, ch);
    case CHUNKED_SIZE_LF:
        return end_of_size_line(c, ch);
    case CHUNKED_BODY_CR:
        c->state = CHUNKED_BODY_LF;
        return ch == '\r' ? CHUNKED_MORE : bad(c, "no CRLF behind the data of a chunk");
    case CHUNKED_BODY_LF:
        c->state = CHUNKED_SIZE;
        return ch == '\n' ? CHUNKED_MORE : bad(c, "no CRLF behind the data of a chunk");
    default:
        return bad(c, "chunked body is over");
    }
}

static size_t read_trailers(struct chunked *c, struct span in, enum chunked_event *event)
{
    enum prescan_verdict v = PRESCAN_MORE;
    size_t n = prescan_feed(&c->trailers, in, &v);
    if (v == PRESCAN_END) {
        c->state = CHUNKED_DONE;
        *event = CHUNKED_END;
    } else if (v == PRESCAN_BAD) {
        *event = bad(c, c->trailers.fault.reason);
    }
    return n;
}

size_t chunked_read(struct chunked *c, struct span in, enum chunked_event *event, struct span *data)
{
    size_t i = 0;
    *event = c->state == CHUNKED_DONE ? CHUNKED_END : CHUNKED_MORE;
    while (i < in.len && *event == CHUNKED_MORE) {
        if (c->state == CHUNKED_BODY) {
            *data = span_sub(in, i, c->left < in.len ? (size_t)c->left : in.len);
            c->left -= data->len;
            if (!c->left)
                c->state = CHUNKED_BODY_CR;
            *event = CHUNKED_DATA;
            return i + data->len;
        }
        if (c->state == CHUNKED_TRAILERS)
            return i + read_trailers(c, span_sub(in, i, in.len), event);
        char ch = in.p[i++];
        if (c->state < CHUNKED_SIZE_LF && ch != '\r' && ++c->line_len > MAX_LINE)
            *event = bad(c, "a chunk size line of more than 256 octets");
        else
            *event = take_framing(c, ch);
    }
    return i;
}
