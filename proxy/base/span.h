// SPDX-License-Identifier: Apache-2.0
// A view of bytes that somebody else owns; never NUL-terminated by promise.
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const char *p; // borrowed
    size_t len;
};

#define SPAN(lit) ((struct span){.p = "" lit, .len = sizeof(lit) - 1})
// For printf's "%.*s".
#define SPAN_ARG(s) (int)(s).len, (s).p

struct span span_of(const char *cstr); // NULL gives an empty span
struct span span_from(const char *p, size_t len);
bool span_eq(struct span a, struct span b);
bool span_ieq(struct span a, struct span b); // ASCII case-insensitive
bool span_is(struct span s, const char *cstr);
bool span_iis(struct span s, const char *cstr); // ASCII case-insensitive
bool span_starts(struct span s, struct span prefix);
bool span_istarts(struct span s, struct span prefix);
bool span_ends(struct span s, struct span suffix);
int span_cmp(struct span a, struct span b);                   // bytewise, as strcmp
struct span span_trim(struct span s);                         // SP and HTAB at both ends
struct span span_sub(struct span s, size_t from, size_t len); // clamped
// Index of the first c, or s.len.
size_t span_find(struct span s, char c);
size_t span_rfind(struct span s, char c); // index of the last c, or s.len
// Takes the part before the next sep off *rest (all of it where there is none) into *part.
// Returns false when *rest was exhausted (p set to NULL); an empty span yields one empty part.
bool span_next(struct span *rest, char sep, struct span *part);
// 1*DIGIT without sign, into *out; false on anything else or overflow.
bool span_u64(struct span s, uint64_t *out);
char ascii_lower(char c);

#endif
