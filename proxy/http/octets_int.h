// SPDX-License-Identifier: Apache-2.0
// Which octet may stand where, as one table.
#ifndef HTTP_OCTETS_INT_H
#define HTTP_OCTETS_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    OCTET_TCHAR = 1,  // RFC 9110 5.6.2
    OCTET_VALUE = 2,  // field value, reason phrase, chunk extension: no control octet but HTAB
    OCTET_LINE = 4,   // request line: no control octet at all
    OCTET_TARGET = 8, // request target: no control octet, space or '#'; 0x80 and up are let through
    OCTET_HOST = 16,  // letters, digits, '.', '_', '-'
};

extern const unsigned char octets[256];

static inline bool octet_is(char c, unsigned set)
{
    return (octets[(unsigned char)c] & set) != 0;
}

// How many octets from p on are of 0x20..0x7e or 0x80 up, in whole words of eight: the first word
// with another one ends it.
static inline size_t octet_words(const char *p, const char *end)
{
    const uint64_t ones = 0x0101010101010101;
    const char *start = p;
    for (; (size_t)(end - p) >= sizeof(uint64_t); p += sizeof(uint64_t)) {
        uint64_t w;
        memcpy(&w, p, sizeof(w));
        uint64_t del = w ^ 0x7f * ones; // 0 where one is
        if ((((w - 0x20 * ones) & ~w) | ((del - ones) & ~del)) & 0x80 * ones)
            break;
    }
    return (size_t)(p - start);
}

// How many octets from p on are of that set.
static inline size_t octet_run(const char *p, const char *end, unsigned set)
{
    const char *start = p;
    while (p < end && octet_is(*p, set))
        p++;
    return (size_t)(p - start);
}

#endif
