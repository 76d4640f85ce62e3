// SPDX-License-Identifier: Apache-2.0
// XML (REST-XML, Query, EC2): the first <Code> behind the first <Error. JSON: a string at the top
// level under "__type", "code" or "Code", in this order of rank; what is nested, or stands in a
// message, is the caller's data and decides nothing.
#include "retry/error_code.h"

#include <string.h>

#define MAX_DEPTH 64
#define MAX_CODE  128

static struct span find(struct span in, const char *what)
{
    const char *at = in.len ? memmem(in.p, in.len, what, strlen(what)) : NULL;
    return at ? span_from(at, (size_t)(in.p + in.len - at)) : SPAN("");
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_code(struct span s)
{
    if (s.len == 0 || s.len > MAX_CODE)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = ascii_lower(s.p[i]);
        bool is_mark = c == '.' || c == '_' || c == '-';
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !is_mark)
            return false;
    }
    return true;
}

struct span error_code_bare(struct span value)
{
    value = span_sub(value, 0, span_find(value, ':'));
    size_t hash = span_rfind(value, '#');
    if (hash < value.len)
        value = span_sub(value, hash + 1, value.len);
    value = span_trim(value);
    return is_code(value) ? value : SPAN("");
}

// ---- XML

static struct span xml_text(struct span body, const char *open)
{
    struct span in = find(find(body, "<Error"), open);
    if (!in.len)
        return in;
    in = span_sub(in, strlen(open), in.len);
    size_t end = span_find(in, '<');
    if (end == in.len) // cut off
        return SPAN("");
    in = span_sub(in, 0, end);
    while (in.len && is_blank(in.p[0]))
        in = span_sub(in, 1, in.len);
    while (in.len && is_blank(in.p[in.len - 1]))
        in.len--;
    return is_code(in) ? in : SPAN("");
}

struct span error_region_in_body(struct span body)
{
    return xml_text(body, "<Region>");
}

// ---- JSON

struct json {
    struct span rest;
};

static void skip(struct json *j, size_t n)
{
    j->rest = span_sub(j->rest, n, j->rest.len);
}

static bool skip_blanks(struct json *j)
{
    while (j->rest.len && is_blank(j->rest.p[0]))
        skip(j, 1);
    return j->rest.len > 0;
}

// At a quote: takes the string, still escaped, without its quotes. False: cut off.
static bool take_string(struct json *j, struct span *out)
{
    for (size_t i = 1; i < j->rest.len; i++) {
        if (j->rest.p[i] == '\\') {
            i++;
        } else if (j->rest.p[i] == '"') {
            *out = span_sub(j->rest, 1, i - 1);
            skip(j, i + 1);
            return true;
        }
    }
    return false;
}

// Behind a colon: takes one value whole, of any shape. False: cut off or nested too deeply.
static bool skip_value(struct json *j)
{
    struct span ignored;
    unsigned depth = 0;
    while (j->rest.len) {
        char c = j->rest.p[0];
        if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            return true;
        if (c == '"') {
            if (!take_string(j, &ignored))
                return false;
            continue;
        }
        if ((c == '{' || c == '[') && ++depth > MAX_DEPTH)
            return false;
        if (c == '}' || c == ']')
            depth--;
        skip(j, 1);
    }
    return false;
}

static int rank_of(struct span key)
{
    static const char *const keys[] = {"Code", "code", "__type"};
    for (int i = 2; i >= 0; i--)
        if (span_is(key, keys[i]))
            return i + 1;
    return 0;
}

// One `"key": value`. False: the object is over, or what follows can't be read.
static bool take_pair(struct json *j, struct span *key, struct span *text)
{
    *text = SPAN("");
    if (!skip_blanks(j) || j->rest.p[0] != '"' || !take_string(j, key))
        return false;
    if (!skip_blanks(j) || j->rest.p[0] != ':')
        return false;
    skip(j, 1);
    if (!skip_blanks(j))
        return false;
    if (j->rest.p[0] == '"' && !take_string(j, text))
        return false;
    return true;
}

static struct span json_code(struct span body)
{
    struct json j = {.rest = span_sub(body, 1, body.len)};
    struct span best = SPAN("");
    int best_rank = 0;
    struct span key;
    struct span text;
    while (take_pair(&j, &key, &text)) {
        struct span code = error_code_bare(text);
        if (code.len && rank_of(key) > best_rank) {
            best_rank = rank_of(key);
            best = code;
        }
        if (!skip_value(&j) || j.rest.p[0] != ',')
            break;
        skip(&j, 1);
    }
    return best;
}

static struct span begin_of(struct span body)
{
    if (span_starts(body, SPAN("\xef\xbb\xbf")))
        body = span_sub(body, 3, body.len);
    while (body.len && is_blank(body.p[0]))
        body = span_sub(body, 1, body.len);
    return body;
}

struct span error_json_string(struct span body, const char *want)
{
    body = begin_of(body);
    struct json j = {.rest = span_sub(body, 1, body.len)};
    struct span key;
    struct span text;
    if (!body.len || body.p[0] != '{')
        return (struct span){NULL, 0};
    while (take_pair(&j, &key, &text)) {
        if (span_is(key, want) && text.p)
            return text;
        if (!skip_value(&j) || j.rest.p[0] != ',')
            break;
        skip(&j, 1);
    }
    return (struct span){NULL, 0};
}

struct span error_code_in_body(struct span body)
{
    body = begin_of(body);
    if (body.len && body.p[0] == '{')
        return json_code(body);
    if (body.len && body.p[0] == '<')
        return xml_text(body, "<Code>");
    return SPAN("");
}
