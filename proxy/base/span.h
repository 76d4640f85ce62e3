// SPDX-License-Identifier: Apache-2.0
// A view of bytes that somebody else owns; never NUL-terminated by promise.
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *p; // borrowed
    size_t len;
};

#define SPAN(lit) ((struct span){.p = "" lit, .len = sizeof(lit) - 1})
// For printf's "%.*s".
#define SPAN_ARG(s) (int)(s).len, (s).p

// NULL gives an empty span. Inline, as are the other small ones: with a literal nothing is left to
// be measured.
static inline struct span span_of(const char *cstr)
{
    return (struct span){.p = cstr, .len = cstr ? strlen(cstr) : 0};
}

static inline struct span span_from(const char *p, size_t len)
{
    return (struct span){.p = p, .len = len};
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

// Most often the first octet tells.
static inline bool span_is(struct span s, const char *cstr)
{
    if (s.len && (!cstr || s.p[0] != cstr[0]))
        return false;
    return span_eq(s, span_of(cstr));
}

static inline char ascii_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

// ASCII case-insensitive, len octets each.
bool ascii_same(const char *a, const char *b, size_t len);

static inline bool span_ieq(struct span a, struct span b)
{
    return a.len == b.len && ascii_same(a.p, b.p, a.len);
}

static inline bool span_iis(struct span s, const char *cstr)
{
    return span_ieq(s, span_of(cstr));
}

static inline bool span_starts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && span_eq(span_from(s.p, prefix.len), prefix);
}

static inline bool span_istarts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && ascii_same(s.p, prefix.p, prefix.len);
}

static inline struct span span_sub(struct span s, size_t from, size_t len) // clamped
{
    if (!s.len)
        return s;
    if (from > s.len)
        from = s.len;
    return span_from(s.p + from, len < s.len - from ? len : s.len - from);
}

static inline bool span_ends(struct span s, struct span suffix)
{
    return s.len >= suffix.len && span_eq(span_sub(s, s.len - suffix.len, suffix.len), suffix);
}

// Index of the first c, or s.len.
static inline size_t span_find(struct span s, char c)
{
    const char *hit = s.len ? (const char *)memchr(s.p, c, s.len) : NULL;
    return hit ? (size_t)(hit - s.p) : s.len;
}

size_t span_rfind(struct span s, char c);   // index of the last c, or s.len
int span_cmp(struct span a, struct span b); // bytewise, as strcmp
int span_cmp_to(struct span a, const char *cstr);
struct span span_trim(struct span s); // SP and HTAB at both ends
// Takes the part before the next sep off *rest (all of it where there is none) into *part.
// Returns false when *rest was exhausted (p set to NULL); an empty span yields one empty part.
bool span_next(struct span *rest, char sep, struct span *part);
// 1*DIGIT without sign, into *out; false on anything else or overflow.
bool span_u64(struct span s, uint64_t *out);

#define DECIMAL_MAX 20 // digits of a number
// Writes the number without a NUL, returns the end.
char *decimal_put(char out[DECIMAL_MAX], uint64_t n);

#endif
