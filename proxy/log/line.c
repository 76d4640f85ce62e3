// SPDX-License-Identifier: Apache-2.0
// Text: printable ASCII stays, all else is \xNN, so no terminal and no reader of lines is led
// astray. JSON (RFC 8259): ASCII only; what is not UTF-8 becomes U+FFFD, an octet each, so that a
// line is valid JSON whatever came in. A value that is too long ends in "...".
#include "log/line_int.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define END_ROOM   8 // ..."}\n
#define ESCAPE_MAX 12
#define BAD        0xfffdu

static _Atomic int format = LOG_TEXT;

void log_set_format(enum log_format f)
{
    atomic_store_explicit(&format, (int)f, memory_order_relaxed);
}

static bool is_json(void)
{
    return atomic_load_explicit(&format, memory_order_relaxed) == LOG_JSON;
}

static void put(struct log_record *l, const char *text)
{
    size_t len = strlen(text);
    if (len > sizeof(l->p) - END_ROOM - l->len)
        return;
    memcpy(l->p + l->len, text, len);
    l->len += len;
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

static bool is_plain(char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

// Appends s escaped, at most max characters of it. False where something was left out.
static bool put_escaped(struct log_record *l, struct span s, size_t max, bool is_quoted)
{
    size_t room = sizeof(l->p) - END_ROOM - l->len;
    size_t left = max < room ? max : room;
    char one[ESCAPE_MAX + 1];
    for (size_t i = 0; i < s.len;) {
        if (is_plain(s.p[i])) { // nearly all
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

static const char *level_name(enum log_level level, bool lower)
{
    static const char *const names[][2] = {[LOG_ERROR] = {"ERROR", "error"},
                                           [LOG_WARN] = {"WARN", "warn"},
                                           [LOG_INFO] = {"INFO", "info"},
                                           [LOG_DEBUG] = {"DEBUG", "debug"}};
    return names[level][lower];
}

static void begin(struct log_record *l)
{
    char at[25];
    clock_format_iso(clock_wall_ms(), at);
    l->len = 0;
    l->is_json = is_json();
    if (l->is_json)
        put(l, "{\"time\":\"");
    put(l, at);
    put(l, l->is_json ? "\",\"level\":\"" : " ");
}

static void put_subject(struct log_record *l, const char *subject)
{
    if (!subject)
        return;
    put(l, l->is_json ? ",\"id\":\"" : "[");
    put_dots(l, put_escaped(l, span_of(subject), 256, l->is_json));
    put(l, l->is_json ? "\"" : "] ");
}

void line_message(struct log_record *l, enum log_level level, const char *subject, struct span text,
                  bool is_whole)
{
    begin(l);
    put(l, level_name(level, l->is_json));
    put(l, l->is_json ? "\"" : " ");
    put_subject(l, subject);
    if (l->is_json)
        put(l, ",\"message\":\"");
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
    if (l->is_json)
        put(l, "info\",\"event\":\"");
    for (const char *c = event; *c; c++) {
        char one = *c;
        if (l->is_json)
            one = ascii_lower(one);
        l->p[l->len++] = one;
    }
    put(l, l->is_json ? "\"" : " ");
    put_subject(l, subject);
    if (!l->is_json)
        l->len--; // each field brings the blank in front of it
}

static void put_name(struct log_record *l, const char *name)
{
    put(l, l->is_json ? ",\"" : " ");
    put(l, name);
    put(l, l->is_json ? "\":" : "=");
}

static bool needs_quotes(struct span s)
{
    if (span_is(s, "-"))
        return true;
    for (size_t i = 0; i < s.len; i++)
        if (!is_plain(s.p[i]) || s.p[i] == ' ' || s.p[i] == '=')
            return true;
    return false;
}

void log_record_text(struct log_record *l, const char *name, struct span value, size_t max)
{
    // A value that might not fit is left out whole: half a record would not be read by anybody.
    if (sizeof(l->p) - END_ROOM - l->len < max + strlen(name) + 16)
        return;
    put_name(l, name);
    if (!value.len) {
        put(l, l->is_json ? "null" : "-");
        return;
    }
    bool is_quoted = l->is_json || needs_quotes(value);
    if (is_quoted)
        put(l, "\"");
    put_dots(l, put_escaped(l, value, max, is_quoted));
    if (is_quoted)
        put(l, "\"");
}

void log_record_number(struct log_record *l, const char *name, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    if (sizeof(l->p) - END_ROOM - l->len < strlen(name) + sizeof(text) + 4)
        return;
    put_name(l, name);
    put(l, text);
}
