// SPDX-License-Identifier: Apache-2.0
#include "base/xalloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *p)
{
    if (!p) {
        (void)fputs("sigv4-proxy: out of memory\n", stderr);
        abort();
    }
    return p;
}

void *xmalloc(size_t len)
{
    return checked(malloc(len ? len : 1));
}

void *xcalloc(size_t n, size_t len)
{
    return checked(calloc(n ? n : 1, len ? len : 1));
}

void *xrealloc(void *p, size_t len)
{
    return checked(realloc(p, len ? len : 1));
}

char *xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t len)
{
    char *copy = xmalloc(len + 1);
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

size_t xadd(size_t a, size_t b)
{
    if (a > SIZE_MAX - b)
        (void)checked(NULL);
    return a + b;
}
