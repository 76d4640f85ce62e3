// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>

int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

void base64_encode(struct span in, struct buf *out)
{
    assert(in.len < INT_MAX / 2);
    char *to = buf_reserve(out, (in.len + 2) / 3 * 4 + 1); // it ends with a NUL
    if (in.len)
        out->len +=
            (size_t)EVP_EncodeBlock((unsigned char *)to, (const unsigned char *)in.p, (int)in.len);
}
