// SPDX-License-Identifier: Apache-2.0
// A word goes where it is long and mixed as keys and tokens are, where its name says what it is
// ("SecretAccessKey": "..."), or where it stands in the command's answer too. Rather one word too
// many than a secret in a log.
#include "creds/redact_int.h"

#include <string.h>

#include "base/secret.h"

#define MIXED_MIN 32 // with upper case, lower case and digits
#define LONG_MIN  64 // of any letters and digits, hex above all
#define KNOWN_MIN 12
#define PLAIN_MAX 20

static bool is_in_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("+/=_-%~", c));
}

static bool looks_secret(struct span w)
{
    bool has_upper = false;
    bool has_lower = false;
    bool has_digit = false;
    for (size_t i = 0; i < w.len; i++) {
        has_upper = has_upper || (w.p[i] >= 'A' && w.p[i] <= 'Z');
        has_lower = has_lower || (w.p[i] >= 'a' && w.p[i] <= 'z');
        has_digit = has_digit || (w.p[i] >= '0' && w.p[i] <= '9');
    }
    return (w.len >= MIXED_MIN && has_upper && has_lower && has_digit) ||
           (w.len >= LONG_MIN && has_digit && span_find(w, '/') == w.len);
}

// "token: expired": a word of a sentence, no value.
static bool is_plain(struct span w)
{
    for (size_t i = 0; i < w.len; i++)
        if (ascii_lower(w.p[i]) < 'a' || ascii_lower(w.p[i]) > 'z' || (i && w.p[i] < 'a'))
            return false;
    return w.len < PLAIN_MAX;
}

static bool is_access_key(struct span w)
{
    return w.len >= 16 && (span_starts(w, SPAN("AKIA")) || span_starts(w, SPAN("ASIA")));
}

static bool has_part(struct span w, const char *part)
{
    size_t len = strlen(part);
    for (size_t i = 0; i + len <= w.len; i++)
        if (span_ieq(span_sub(w, i, len), span_from(part, len)))
            return true;
    return false;
}

static bool names_secret(struct span w)
{
    static const char *const parts[] = {"secret", "token", "password", "passwd", "bearer"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (has_part(w, parts[i]))
            return true;
    return false;
}

// Not as a member's name there.
static bool is_known(struct span w, struct span known)
{
    for (size_t at = 0; w.len >= KNOWN_MIN && at + w.len <= known.len; at++) {
        const char *found = memmem(known.p + at, known.len - at, w.p, w.len);
        if (!found)
            return false;
        at = (size_t)(found - known.p);
        if (!span_starts(span_sub(known, at + w.len, 2), SPAN("\":")))
            return true;
    }
    return false;
}

static void add_word(struct span w, bool is_named, struct span known, struct buf *out)
{
    char mask[SECRET_MASK_LEN];
    if (is_access_key(w)) {
        secret_mask(w, mask);
        buf_add_str(out, mask);
    } else if ((is_named && !is_plain(w)) || looks_secret(w) || is_known(w, known)) {
        buf_add_str(out, "****");
    } else {
        buf_add_span(out, w);
    }
}

// name=value in one word; '=' at its end is padding.
static size_t name_of(struct span w)
{
    size_t eq = span_find(w, '=');
    return eq + 1 < w.len && w.p[eq + 1] != '=' && names_secret(span_sub(w, 0, eq)) ? eq + 1 : 0;
}

void redact_text(struct span text, struct span known, struct buf *out)
{
    bool is_named = false; // the next word is what a name before a colon or an equals sign names
    bool is_name = false;
    size_t start = out->len;
    for (size_t at = 0; at < text.len;) {
        size_t len = 0;
        while (at + len < text.len && is_in_word(text.p[at + len]))
            len++;
        if (len) {
            struct span w = span_sub(text, at, len);
            size_t name = name_of(w);
            buf_add_span(out, span_sub(w, 0, name));
            add_word(span_sub(w, name, w.len), is_named || name, known, out);
            is_name = names_secret(w);
            is_named = is_name && w.p[w.len - 1] == '=';
            at += len;
            continue;
        }
        char c = text.p[at++];
        is_named = is_named || (is_name && c == ':');
        if (c == '\n')
            is_named = is_name = false;
        if (c > ' ' && c <= '~')
            buf_add_char(out, c);
        else if (out->len > start && out->p[out->len - 1] != ' ')
            buf_add_char(out, ' ');
    }
    while (out->len > start && out->p[out->len - 1] == ' ')
        out->len--;
}
