// SPDX-License-Identifier: Apache-2.0
#include "base/span.h"

#include <string.h>

char ascii_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

struct span span_of(const char *cstr)
{
    return (struct span){.p = cstr, .len = cstr ? strlen(cstr) : 0};
}

struct span span_from(const char *p, size_t len)
{
    return (struct span){.p = p, .len = len};
}

bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool span_ieq(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return false;
    return true;
}

bool span_is(struct span s, const char *cstr)
{
    return span_eq(s, span_of(cstr));
}

bool span_iis(struct span s, const char *cstr)
{
    return span_ieq(s, span_of(cstr));
}

bool span_starts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && span_eq(span_sub(s, 0, prefix.len), prefix);
}

bool span_istarts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && span_ieq(span_sub(s, 0, prefix.len), prefix);
}

bool span_ends(struct span s, struct span suffix)
{
    return s.len >= suffix.len && span_eq(span_sub(s, s.len - suffix.len, suffix.len), suffix);
}

int span_cmp(struct span a, struct span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    if (c)
        return c;
    return a.len < b.len ? -1 : a.len > b.len;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct span span_trim(struct span s)
{
    while (s.len && is_blank(s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len && is_blank(s.p[s.len - 1]))
        s.len--;
    return s;
}

struct span span_sub(struct span s, size_t from, size_t len)
{
    if (!s.p)
        return (struct span){.p = NULL, .len = 0};
    if (from > s.len)
        from = s.len;
    if (len > s.len - from)
        len = s.len - from;
    return (struct span){.p = s.p + from, .len = len};
}

size_t span_find(struct span s, char c)
{
    const char *hit = s.len ? memchr(s.p, c, s.len) : NULL;
    return hit ? (size_t)(hit - s.p) : s.len;
}

size_t span_rfind(struct span s, char c)
{
    for (size_t i = s.len; i > 0; i--)
        if (s.p[i - 1] == c)
            return i - 1;
    return s.len;
}

bool span_next(struct span *rest, char sep, struct span *part)
{
    if (!rest->p)
        return false;
    size_t i = span_find(*rest, sep);
    *part = span_sub(*rest, 0, i);
    if (i == rest->len)
        *rest = (struct span){.p = NULL, .len = 0};
    else
        *rest = span_sub(*rest, i + 1, rest->len);
    return true;
}

bool span_u64(struct span s, uint64_t *out)
{
    uint64_t n = 0;
    if (!s.len)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.p[i] - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}
