// SPDX-License-Identifier: Apache-2.0
// The line of defence in front of http-parser, whose Debian build is the lenient one: it takes bare
// LF, folded lines and blanks in names, and a name that it shows us as "Content-Length " still
// frames the body. So nothing but CRLF lines with token names and clean values ever gets to it.
// Runs of ordinary octets are skipped by table; limits are counted in a way that makes the verdict
// independent of where the input was cut.
#include "http/prescan_int.h"

#include <assert.h>
#include <string.h>

#include "http/octets_int.h"

#define MAX_EMPTY_LINES 2

void prescan_init(struct prescan *s, enum prescan_kind kind, const struct h1_limits *limits)
{
    memset(s, 0, sizeof(*s));
    s->kind = kind;
    s->limits = limits;
    s->state = kind == PRESCAN_TRAILERS ? PRESCAN_FIELD : PRESCAN_BEFORE;
}

bool prescan_is_begun(const struct prescan *s)
{
    return s->state > PRESCAN_BEFORE_LF;
}

static enum prescan_verdict bad(struct prescan *s, int status, const char *code, const char *reason)
{
    s->fault = (struct h1_fault){.status = status, .code = code, .reason = reason};
    return PRESCAN_BAD;
}

static enum prescan_verdict bad_request(struct prescan *s, const char *reason)
{
    return bad(s, 400, "bad-request", reason);
}

static enum prescan_verdict bad_first_octet(struct prescan *s, char c)
{
    if (s->kind == PRESCAN_RESPONSE)
        return bad_request(s, "the answer does not begin with a status line");
    if (c == 0x16)
        return bad_request(s, "TLS on a plain port: write http:// in the address of the proxy");
    if (c == 0x04 || c == 0x05)
        return bad_request(s, "SOCKS is not spoken here: this is an HTTP proxy");
    if (c == '\n')
        return bad_request(s, "a line ends in LF without CR");
    return bad_request(s, "the request does not begin with a method");
}

static enum prescan_verdict check_first_octet(struct prescan *s, char c)
{
    bool is_fine = s->kind == PRESCAN_RESPONSE ? c == 'H' : octet_is(c, OCTET_TCHAR);
    if (!is_fine)
        return bad_first_octet(s, c);
    s->state = PRESCAN_IN_LINE;
    return PRESCAN_MORE;
}

size_t prescan_begin(struct prescan *s, struct span in, enum prescan_verdict *verdict)
{
    size_t i = 0;
    *verdict = PRESCAN_MORE;
    while (i < in.len && *verdict == PRESCAN_MORE && !prescan_is_begun(s)) {
        char c = in.p[i];
        if (s->state == PRESCAN_BEFORE_LF) {
            s->state = PRESCAN_BEFORE;
            if (c != '\n')
                *verdict = bad_request(s, "CR without LF");
            else if (++s->n_empty > MAX_EMPTY_LINES)
                *verdict = bad_request(s, "more than two empty lines before the request");
            i++;
        } else if (c == '\r' && s->kind == PRESCAN_REQUEST) {
            s->state = PRESCAN_BEFORE_LF;
            i++;
        } else {
            *verdict = check_first_octet(s, c);
        }
    }
    return i;
}

static enum prescan_verdict line_too_long(struct prescan *s)
{
    return bad(s, 414, "uri-too-long", "the request line is longer than max_request_line");
}

static enum prescan_verdict head_too_long(struct prescan *s)
{
    if (s->kind == PRESCAN_TRAILERS)
        return bad_request(s, "the trailer section is longer than max_trailers");
    return bad(s, 431, "head-too-large", "the head is longer than max_head");
}

// Of two limits passed within one run the one that is passed by more octets was reached first,
// which is what feeding octet by octet would have found.
static enum prescan_verdict too_long(struct prescan *s, bool is_start, size_t line_max)
{
    size_t line_over = s->line_len > line_max ? s->line_len - line_max : 0;
    size_t all_over = s->total > s->limits->max_head ? s->total - s->limits->max_head : 0;
    if (all_over > line_over || s->kind == PRESCAN_TRAILERS)
        return head_too_long(s);
    if (is_start)
        return line_too_long(s);
    return bad(s, 431, "head-too-large", "a header field is longer than max_field");
}

// Counts octets of the line at hand (CR and LF are none) and of the whole.
static inline enum prescan_verdict count(struct prescan *s, size_t in_line, size_t in_all)
{
    bool is_start = s->state <= PRESCAN_LINE_LF;
    size_t line_max = is_start ? s->limits->max_request_line : s->limits->max_field;
    s->line_len += in_line;
    s->total += in_all;
    if (s->line_len <= line_max && s->total <= s->limits->max_head)
        return PRESCAN_MORE;
    return too_long(s, is_start, line_max);
}

static enum prescan_verdict bad_line_octet(struct prescan *s, char c)
{
    if (c == '\n')
        return bad_request(s, "a line ends in LF without CR");
    if (s->kind == PRESCAN_RESPONSE)
        return bad_request(s, "a control octet in the status line");
    if (s->has_space)
        return bad(s, 400, "bad-target", "a control octet in the target");
    return bad_request(s, "the request line is not METHOD SP TARGET SP HTTP/1.1");
}

// Both sets have all that octet_words skips.
static size_t long_run(const char *p, const char *end, unsigned set)
{
    size_t n = octet_words(p, end);
    return n + octet_run(p + n, end, set);
}

static size_t feed_line(struct prescan *s, const char *p, const char *end, enum prescan_verdict *v)
{
    size_t n = long_run(p, end, s->kind == PRESCAN_REQUEST ? OCTET_LINE : OCTET_VALUE);
    if (!s->has_space && memchr(p, ' ', n))
        s->has_space = true;
    *v = count(s, n, n);
    if (*v != PRESCAN_MORE || p + n == end)
        return n;
    if (p[n] == '\r') {
        *v = count(s, 0, 1);
        s->state = PRESCAN_LINE_LF;
    } else {
        *v = bad_line_octet(s, p[n]);
    }
    return n + 1;
}

static enum prescan_verdict start_field(struct prescan *s, char c)
{
    s->line_len = 0;
    if (c == '\r') {
        s->state = PRESCAN_END_LF;
        return count(s, 0, 1);
    }
    if (c == ' ' || c == '\t')
        return bad_request(s, "a folded header field (the line begins with a blank)");
    if (c == '\n')
        return bad_request(s, "a line ends in LF without CR");
    if (!octet_is(c, OCTET_TCHAR))
        return bad_request(s, "the name of a header field is not a token");
    s->state = PRESCAN_NAME;
    if (++s->n_fields > s->limits->max_fields)
        return s->kind == PRESCAN_TRAILERS
                   ? bad_request(s, "too many fields in the trailer section")
                   : bad(s, 431, "head-too-large", "more header fields than max_fields");
    return count(s, 1, 1);
}

static enum prescan_verdict bad_name_octet(struct prescan *s, char c)
{
    if (c == ' ' || c == '\t')
        return bad_request(s, "a blank between the name of a header field and its colon");
    if (c == '\r' || c == '\n')
        return bad_request(s, "a header line without a colon");
    return bad_request(s, "the name of a header field is not a token");
}

static size_t feed_name(struct prescan *s, const char *p, const char *end, enum prescan_verdict *v)
{
    size_t n = octet_run(p, end, OCTET_TCHAR);
    *v = count(s, n, n);
    if (*v != PRESCAN_MORE || p + n == end)
        return n;
    if (p[n] == ':') {
        s->state = PRESCAN_VALUE;
        *v = count(s, 1, 1);
    } else {
        *v = bad_name_octet(s, p[n]);
    }
    return n + 1;
}

static size_t feed_value(struct prescan *s, const char *p, const char *end, enum prescan_verdict *v)
{
    size_t n = long_run(p, end, OCTET_VALUE);
    *v = count(s, n, n);
    if (*v != PRESCAN_MORE || p + n == end)
        return n;
    if (p[n] == '\r') {
        s->state = PRESCAN_VALUE_LF;
        *v = count(s, 0, 1);
    } else if (p[n] == '\n') {
        *v = bad_request(s, "a line ends in LF without CR");
    } else {
        *v = bad_request(s, "a control octet in the value of a header field");
    }
    return n + 1;
}

// A clean line that is here as a whole is taken in one go; 0: octet by octet, to find out what is
// wrong or missing.
static size_t whole_field(struct prescan *s, const char *p, const char *end)
{
    size_t name = octet_run(p, end, OCTET_TCHAR);
    if (!name || p + name == end || p[name] != ':')
        return 0;
    size_t len = name + 1 + long_run(p + name + 1, end, OCTET_VALUE);
    size_t total = s->total + len + 2;
    if ((size_t)(end - p) < len + 2 || p[len] != '\r' || p[len + 1] != '\n' ||
        len > s->limits->max_field || total > s->limits->max_head ||
        s->n_fields >= s->limits->max_fields)
        return 0;
    s->n_fields++;
    s->total = total;
    return len + 2;
}

static enum prescan_verdict feed_lf(struct prescan *s, char c)
{
    enum prescan_verdict done = PRESCAN_MORE;
    if (c != '\n')
        return bad_request(s, "CR without LF");
    enum prescan_verdict v = count(s, 0, 1);
    if (v != PRESCAN_MORE)
        return v;
    if (s->state == PRESCAN_LINE_LF)
        done = PRESCAN_LINE;
    else if (s->state == PRESCAN_END_LF)
        done = PRESCAN_END;
    s->state = PRESCAN_FIELD;
    return done;
}

size_t prescan_feed(struct prescan *s, struct span in, enum prescan_verdict *verdict)
{
    *verdict = PRESCAN_MORE;
    assert(prescan_is_begun(s));
    if (!in.len)
        return 0;
    const char *p = in.p;
    const char *end = in.p + in.len;
    while (p < end && *verdict == PRESCAN_MORE) {
        switch (s->state) {
        case PRESCAN_IN_LINE:
            p += feed_line(s, p, end, verdict);
            break;
        case PRESCAN_FIELD: {
            size_t n = whole_field(s, p, end);
            if (!n)
                *verdict = start_field(s, *p);
            p += n ? n : 1;
            break;
        }
        case PRESCAN_NAME:
            p += feed_name(s, p, end, verdict);
            break;
        case PRESCAN_VALUE:
            p += feed_value(s, p, end, verdict);
            break;
        case PRESCAN_BEFORE:
        case PRESCAN_BEFORE_LF:
        case PRESCAN_LINE_LF:
        case PRESCAN_VALUE_LF:
        case PRESCAN_END_LF:
            *verdict = feed_lf(s, *p++);
            break;
        }
    }
    return (size_t)(p - in.p);
}
