// SPDX-License-Identifier: Apache-2.0
// Text: printable ASCII stays, all else is \xNN, so no terminal and no reader of lines is led
// astray. JSON (RFC 8259): ASCII only; what is not UTF-8 becomes U+FFFD, an octet each, so that a
// line is valid JSON whatever came in. A value that is too long ends in "...".
#include "log/line_int.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define END_ROOM   8 // ..."}\n
#define ESCAPE_MAX 12
#define NUMBER_MAX (1 + DECIMAL_MAX)
#define BAD        0xfffdu

// What an octet is in a line.
enum {
    PLAIN = 1, // stands for itself
    BARE = 2,  // needs no quotes in text either
};

// clang-format off
#define E 0              // is escaped
#define Q PLAIN
#define B (PLAIN | BARE)
#define E16 E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E
static const unsigned char kinds[256] = {
    E16, E16,
    Q, B, E, B, B, B, B, B, B, B, B, B, B, B, B, B, //  !"#$%&'()*+,-./
    B, B, B, B, B, B, B, B, B, B, B, B, B, Q, B, B, // 0123456789:;<=>?
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, // @ABCDEFGHIJKLMNO
    B, B, B, B, B, B, B, B, B, B, B, B, E, B, B, B, // PQRSTUVWXYZ[\]^_
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, // `abcdefghijklmno
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, E, // pqrstuvwxyz{|}~
    E16, E16, E16, E16, E16, E16, E16, E16,
};
// clang-format on

static _Atomic int format = LOG_TEXT;

void log_set_format(enum log_format f)
{
    atomic_store_explicit(&format, (int)f, memory_order_relaxed);
}

static bool is_json(void)
{
    return atomic_load_explicit(&format, memory_order_relaxed) == LOG_JSON;
}

static size_t room(const struct log_record *l)
{
    return sizeof(l->p) - END_ROOM - l->len;
}

static void put(struct log_record *l, struct span text)
{
    if (!text.len || text.len > room(l))
        return;
    memcpy(l->p + l->len, text.p, text.len);
    l->len += text.len;
}

// The one or the other, as the format wants it.
static void put_either(struct log_record *l, struct span json, struct span text)
{
    put(l, l->is_json ? json : text);
}

// ---- one character

// The code point at the beginning of s; *len octets of it. Overlong forms, surrogates and what is
// cut off are BAD, one octet at a time.
static unsigned code_point(struct span s, size_t *len)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)s.p[0];
    size_t n = 1;
    *len = 1;
    if (first < 0x80)
        return first;
    if (first >= 0xc2 && first <= 0xdf)
        n = 2;
    else if (first >= 0xe0 && first <= 0xef)
        n = 3;
    else if (first >= 0xf0 && first <= 0xf4)
        n = 4;
    if (n == 1 || s.len < n)
        return BAD;
    unsigned code = first & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c & 0xc0) != 0x80)
            return BAD;
        code = code << 6 | (c & 0x3fu);
    }
    if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return BAD;
    *len = n;
    return code;
}

// \uXXXX of a UTF-16 unit, without a NUL.
static char *put_unit(char *out, unsigned unit)
{
    static const char hex[] = "0123456789abcdef";
    *out++ = '\\';
    *out++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4)
        *out++ = hex[unit >> shift & 15];
    return out;
}

// Both write at most ESCAPE_MAX characters and return how many octets of s they stand for.
static size_t escape_json(struct span s, char out[ESCAPE_MAX + 1])
{
    size_t len = 0;
    unsigned code = code_point(s, &len);
    if (code == '"' || code == '\\')
        *out++ = '\\';
    if (code >= 0x20 && code < 0x7f) {
        *out++ = (char)code;
    } else if (code < 0x10000) {
        out = put_unit(out, code);
    } else {
        out = put_unit(out, 0xd800 + ((code - 0x10000) >> 10));
        out = put_unit(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
    }
    *out = '\0';
    return len;
}

static size_t escape_text(struct span s, char out[ESCAPE_MAX + 1], bool is_quoted)
{
    unsigned char c = (unsigned char)s.p[0];
    if (c == '\\' || (c == '"' && is_quoted))
        (void)snprintf(out, ESCAPE_MAX + 1, "\\%c", c);
    else if (c >= 0x20 && c < 0x7f)
        (void)snprintf(out, ESCAPE_MAX + 1, "%c", c);
    else
        (void)snprintf(out, ESCAPE_MAX + 1, "\\x%02x", c);
    return 1;
}

// What all octets of s are.
static unsigned kind_of(struct span s)
{
    unsigned all = PLAIN | BARE;
    for (size_t i = 0; i < s.len; i++)
        all &= kinds[(unsigned char)s.p[i]];
    return all;
}

// Appends s escaped, at most max characters of it. False where something was left out.
static bool put_escaped(struct log_record *l, struct span s, size_t max, bool is_quoted)
{
    size_t left = max < room(l) ? max : room(l);
    char one[ESCAPE_MAX + 1];
    for (size_t i = 0; i < s.len;) {
        if (kinds[(unsigned char)s.p[i]] & PLAIN) { // nearly all
            if (!left)
                return false;
            l->p[l->len++] = s.p[i++];
            left--;
            continue;
        }
        struct span rest = span_sub(s, i, s.len);
        size_t used = l->is_json ? escape_json(rest, one) : escape_text(rest, one, is_quoted);
        size_t need = strlen(one);
        if (need > left)
            return false;
        memcpy(l->p + l->len, one, need);
        l->len += need;
        left -= need;
        i += used;
    }
    return true;
}

// ---- lines

static void put_dots(struct log_record *l, bool is_whole)
{
    if (is_whole)
        return;
    memcpy(l->p + l->len, "...", 3); // END_ROOM is for this
    l->len += 3;
}

static struct span level_name(enum log_level level, bool lower)
{
    static const struct span names[][2] = {[LOG_ERROR] = {SPAN("ERROR"), SPAN("error")},
                                           [LOG_WARN] = {SPAN("WARN"), SPAN("warn")},
                                           [LOG_INFO] = {SPAN("INFO"), SPAN("info")},
                                           [LOG_DEBUG] = {SPAN("DEBUG"), SPAN("debug")}};
    return names[level][lower];
}

static void begin(struct log_record *l)
{
    char at[25];
    clock_format_iso(clock_wall_ms(), at);
    l->len = 0;
    l->is_json = is_json();
    put_either(l, SPAN("{\"time\":\""), SPAN(""));
    put(l, span_from(at, sizeof(at) - 1));
    put_either(l, SPAN("\",\"level\":\""), SPAN(" "));
}

static void put_subject(struct log_record *l, const char *subject)
{
    if (!subject)
        return;
    put_either(l, SPAN(",\"id\":\""), SPAN("["));
    put_dots(l, put_escaped(l, span_of(subject), 256, l->is_json));
    put_either(l, SPAN("\""), SPAN("] "));
}

void line_message(struct log_record *l, enum log_level level, const char *subject, struct span text,
                  bool is_whole)
{
    begin(l);
    put(l, level_name(level, l->is_json));
    put_either(l, SPAN("\""), SPAN(" "));
    put_subject(l, subject);
    put_either(l, SPAN(",\"message\":\""), SPAN(""));
    bool is_all = put_escaped(l, text, sizeof(l->p), l->is_json);
    put_dots(l, is_all && is_whole);
    if (l->is_json)
        l->p[l->len++] = '"';
    line_end(l);
}

void line_end(struct log_record *l)
{
    if (l->is_json)
        l->p[l->len++] = '}';
    l->p[l->len++] = '\n';
}

void log_record_begin(struct log_record *l, const char *event, const char *subject)
{
    begin(l);
    put_either(l, SPAN("info\",\"event\":\""), SPAN(""));
    for (const char *c = event; *c; c++) {
        char one = *c;
        if (l->is_json)
            one = ascii_lower(one);
        l->p[l->len++] = one;
    }
    put_either(l, SPAN("\""), SPAN(" "));
    put_subject(l, subject);
    if (!l->is_json)
        l->len--; // each field brings the blank in front of it
}

// The caller has seen that there is room.
static void put_name(struct log_record *l, struct span name)
{
    char *end = l->p + l->len;
    *end++ = l->is_json ? ',' : ' ';
    if (l->is_json)
        *end++ = '"';
    memcpy(end, name.p, name.len);
    end += name.len;
    if (l->is_json)
        *end++ = '"';
    *end++ = l->is_json ? ':' : '=';
    l->len = (size_t)(end - l->p);
}

void log_record_text(struct log_record *l, struct span name, struct span value, size_t max)
{
    // A value that might not fit is left out whole: half a record would not be read by anybody.
    if (room(l) < max + name.len + 16)
        return;
    put_name(l, name);
    if (!value.len) {
        put_either(l, SPAN("null"), SPAN("-"));
        return;
    }
    unsigned kind = kind_of(value);
    bool is_quoted = l->is_json || !(kind & BARE) || span_is(value, "-");
    if (is_quoted)
        l->p[l->len++] = '"';
    if ((kind & PLAIN) && value.len <= max) {
        memcpy(l->p + l->len, value.p, value.len);
        l->len += value.len;
    } else {
        put_dots(l, put_escaped(l, value, max, is_quoted));
    }
    if (is_quoted)
        l->p[l->len++] = '"';
}

void log_record_number(struct log_record *l, struct span name, int64_t value)
{
    if (room(l) < name.len + NUMBER_MAX + 4)
        return;
    put_name(l, name);
    if (value < 0)
        l->p[l->len++] = '-';
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    l->len = (size_t)(decimal_put(l->p + l->len, size) - l->p);
}
