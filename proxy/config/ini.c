// SPDX-License-Identifier: Apache-2.0
// One line, one thing: a section, `key = value`, or nothing. There is no quoting, no escape and no
// continued line in values, so that what stands in the file is what a person reads. `#` and `;`
// begin a comment at the start of a line or behind a blank; elsewhere they belong to the value.
#include "config/ini_int.h"

#include <string.h>

void ini_init(struct ini *i, struct span file)
{
    i->rest = file;
    i->line = 0;
    if (span_starts(file, SPAN("\xef\xbb\xbf"))) // an editor's byte order mark
        i->rest = span_sub(file, 3, file.len);
}

static struct span cut_comment(struct span line)
{
    for (size_t n = 0; n < line.len; n++) {
        bool is_mark = line.p[n] == '#' || line.p[n] == ';';
        if (is_mark && (n == 0 || line.p[n - 1] == ' ' || line.p[n - 1] == '\t'))
            return span_sub(line, 0, n);
    }
    return line;
}

static bool is_word(struct span s)
{
    for (size_t n = 0; n < s.len; n++) {
        char c = ascii_lower(s.p[n]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return s.len > 0;
}

static bool has_control(struct span s)
{
    for (size_t n = 0; n < s.len; n++)
        if (((unsigned char)s.p[n] < 0x20 && s.p[n] != '\t') || s.p[n] == 0x7f)
            return true;
    return false;
}

// `[word]` or `[word "argument"]`, a comment may follow.
static enum status read_section(struct span line, struct ini_item *out, struct err *e)
{
    struct span body = span_sub(line, 1, line.len);
    size_t quote = span_find(body, '"');
    size_t close = span_find(body, ']');
    out->kind = INI_SECTION;
    out->argument = (struct span){NULL, 0};
    if (quote < close) {
        struct span behind = span_sub(body, quote + 1, body.len);
        size_t end = span_find(behind, '"');
        if (end == behind.len)
            return err_set(e, ST_INVALID, "the closing '\"' is missing");
        out->argument = span_sub(behind, 0, end);
        out->section = span_trim(span_sub(body, 0, quote));
        body = span_trim(span_sub(behind, end + 1, behind.len));
        close = 0;
        if (!span_starts(body, SPAN("]")))
            return err_set(e, ST_INVALID, "expected ']' behind the closing '\"'");
    } else {
        if (close == body.len)
            return err_set(e, ST_INVALID, "the closing ']' is missing");
        out->section = span_trim(span_sub(body, 0, close));
    }
    if (span_trim(cut_comment(span_trim(span_sub(body, close + 1, body.len)))).len)
        return err_set(e, ST_INVALID, "only a comment may follow ']'");
    if (span_find(out->section, ' ') < out->section.len)
        return err_set(e, ST_INVALID, "quotes are missing, as in [route \"*.example.com\"]");
    if (!is_word(out->section))
        return err_set(e, ST_INVALID, "\"%.*s\" is no name of a section", SPAN_ARG(out->section));
    return ST_OK;
}

static enum status read_pair(struct span line, struct ini_item *out, struct err *e)
{
    line = span_trim(cut_comment(line));
    size_t eq = span_find(line, '=');
    out->kind = INI_KEY;
    if (eq == line.len)
        return err_set(e, ST_INVALID, "expected \"key = value\", found \"%.*s\"",
                       (int)(line.len > 60 ? 60 : line.len), line.p);
    out->key = span_trim(span_sub(line, 0, eq));
    out->value = span_trim(span_sub(line, eq + 1, line.len));
    if (!is_word(out->key))
        return err_set(e, ST_INVALID, "\"%.*s\" is no name of a key",
                       (int)(out->key.len > 60 ? 60 : out->key.len), out->key.p);
    if (out->value.len > 1 && out->value.p[0] == '"' && out->value.p[out->value.len - 1] == '"')
        return err_set(e, ST_INVALID, "values stand without quotes");
    return ST_OK;
}

enum status ini_next(struct ini *i, struct ini_item *out, struct err *e)
{
    struct span line;
    memset(out, 0, sizeof(*out));
    while (span_next(&i->rest, '\n', &line)) {
        i->line++;
        if (span_ends(line, SPAN("\r")))
            line.len--;
        if (line.len && memchr(line.p, '\0', line.len))
            return err_set(e, ST_INVALID, "a NUL octet: this is not a text file");
        if (has_control(line))
            return err_set(e, ST_INVALID, "a control octet");
        line = span_trim(line);
        if (!cut_comment(line).len)
            continue;
        return line.p[0] == '[' ? read_section(line, out, e) : read_pair(line, out, e);
    }
    return ST_DECLINED;
}
