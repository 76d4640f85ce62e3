// SPDX-License-Identifier: Apache-2.0
#include "base/span.h"

#include <string.h>

bool ascii_same(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (a[i] != b[i] && ascii_lower(a[i]) != ascii_lower(b[i]))
            return false;
    return true;
}

int span_cmp(struct span a, struct span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.p, b.p, n) : 0;
    if (c)
        return c;
    return a.len < b.len ? -1 : a.len > b.len;
}

// Does not look for the end of cstr first: in a search of a table the first octets tell.
int span_cmp_to(struct span a, const char *cstr)
{
    for (size_t i = 0; i < a.len; i++) {
        unsigned char is = (unsigned char)a.p[i];
        unsigned char to = (unsigned char)cstr[i];
        if (!to || is != to)
            return to ? is - to : 1;
    }
    return cstr[a.len] ? -1 : 0;
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

char *decimal_put(char out[DECIMAL_MAX], uint64_t n)
{
    char digits[DECIMAL_MAX];
    unsigned at = DECIMAL_MAX;
    if (n < 10) {
        *out = (char)('0' + n);
        return out + 1;
    }
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    memcpy(out, digits + at, DECIMAL_MAX - at);
    return out + DECIMAL_MAX - at;
}
