// SPDX-License-Identifier: Apache-2.0
#include "retry/error_text.h"

#include <string.h>

#include "base/digest.h"
#include "retry/error_code.h"

#define NONE ((struct span){NULL, 0})

static size_t find_at(struct span in, struct span what)
{
    const char *at = in.len ? memmem(in.p, in.len, what.p, what.len) : NULL;
    return at ? (size_t)(at - in.p) : in.len;
}

// UTF-8; what is no character becomes '?'.
static char *put_code(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000 && (code < 0xd800 || code > 0xdfff)) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    } else {
        *out++ = '?';
    }
    return out;
}

// ---- XML

// "#38" or "#x26"; false: not such a thing.
static bool read_number(struct span s, unsigned *code)
{
    bool is_hex = s.len > 1 && s.p[1] == 'x';
    *code = 0;
    for (size_t i = is_hex ? 2 : 1; i < s.len; i++) {
        int digit = hex_value(s.p[i]);
        if (digit < 0 || (!is_hex && digit > 9) || *code > 0xffff)
            return false;
        *code = *code * (is_hex ? 16 : 10) + (unsigned)digit;
    }
    return s.len > (is_hex ? 2u : 1u);
}

// One entity at s, which begins with '&'. Returns the octets used; 1: it is no entity.
static size_t take_entity(struct span s, char **out)
{
    static const struct {
        const char *name;
        char c;
    } names[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    struct span name = span_sub(s, 1, 10);
    unsigned code = 0;
    name = span_sub(name, 0, span_find(name, ';'));
    if (name.len + 1 < s.len && s.p[name.len + 1] == ';') {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (span_is(name, names[i].name)) {
                *(*out)++ = names[i].c;
                return name.len + 2;
            }
        }
        if (name.len && name.p[0] == '#' && read_number(name, &code)) {
            *out = put_code(*out, code);
            return name.len + 2;
        }
    }
    *(*out)++ = '&';
    return 1;
}

// An entity is never shorter than what it stands for.
static struct span without_entities(struct span s, struct arena *a)
{
    if (span_find(s, '&') == s.len)
        return s;
    char *begin = arena_alloc(a, s.len);
    char *out = begin;
    for (size_t i = 0; i < s.len;) {
        if (s.p[i] == '&') {
            i += take_entity(span_sub(s, i, s.len), &out);
        } else {
            *out++ = s.p[i++];
        }
    }
    return span_from(begin, (size_t)(out - begin));
}

struct span error_element(struct span body, const char *name, struct arena *a)
{
    struct span open = arena_spanf(a, "<%s>", name);
    size_t at = find_at(body, SPAN("<Error"));
    struct span in = span_sub(body, at, body.len);
    at = find_at(in, open);
    if (at == in.len)
        return NONE;
    in = span_sub(in, at + open.len, in.len);
    size_t end = span_find(in, '<');
    return end < in.len ? without_entities(span_sub(in, 0, end), a) : NONE;
}

// ---- JSON

static int hex4(struct span s)
{
    int code = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < s.len ? hex_value(s.p[i]) : -1;
        if (digit < 0)
            return -1;
        code = code << 4 | digit;
    }
    return code;
}

static struct span without_escapes(struct span s, struct arena *a)
{
    static const char from[] = "nrtbf";
    static const char to[] = "\n\r\t\b\f";
    if (span_find(s, '\\') == s.len)
        return s;
    char *begin = arena_alloc(a, s.len);
    char *out = begin;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] != '\\' || i + 1 == s.len) {
            *out++ = s.p[i];
            continue;
        }
        char c = s.p[++i];
        const char *at = strchr(from, c);
        int code = c == 'u' ? hex4(span_sub(s, i + 1, 4)) : -1;
        if (code >= 0) {
            out = put_code(out, (unsigned)code);
            i += 4;
        } else {
            *out++ = (char)(at && c ? to[at - from] : c);
        }
    }
    return span_from(begin, (size_t)(out - begin));
}

struct span error_message(struct span body, struct arena *a)
{
    static const char *const names[] = {"message", "Message", "errorMessage"};
    struct span xml = error_element(body, "Message", a);
    if (xml.p)
        return xml;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct span raw = error_json_string(body, names[i]);
        if (raw.p)
            return without_escapes(raw, a);
    }
    return NONE;
}

struct span error_quoted(struct span message, const char *behind)
{
    size_t at = find_at(message, span_of(behind));
    struct span in = span_sub(message, at, message.len);
    size_t open = span_find(in, '\'');
    in = span_sub(in, open + 1, in.len);
    size_t end = span_find(in, '\'');
    return open < 200 && end < in.len ? span_sub(in, 0, end) : NONE;
}
