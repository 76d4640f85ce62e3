// SPDX-License-Identifier: Apache-2.0
// The length stands in front of each piece; the front is 16 octets, so that alignment stays.
#include "base/wiped.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/xalloc.h"

#define FRONT ((size_t)16)

static size_t len_of(const void *p)
{
    size_t len = 0;
    memcpy(&len, (const char *)p - FRONT, sizeof(len));
    return len;
}

void *wiped_malloc(size_t len)
{
    char *whole = xmalloc(xadd(len, FRONT));
    memcpy(whole, &len, sizeof(len));
    return whole + FRONT;
}

void *wiped_realloc(void *p, size_t len)
{
    if (!p)
        return wiped_malloc(len);
    size_t had = len_of(p);
    void *moved = wiped_malloc(len);
    memcpy(moved, p, had < len ? had : len);
    wiped_free(p);
    return moved;
}

void wiped_free(void *p)
{
    if (!p)
        return;
    secret_wipe(p, len_of(p));
    free((char *)p - FRONT);
}
