// SPDX-License-Identifier: Apache-2.0
#include "base/base64.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>

void base64_encode(struct span in, struct buf *out)
{
    assert(in.len < INT_MAX / 2);
    char *to = buf_reserve(out, (in.len + 2) / 3 * 4 + 1); // it ends with a NUL
    if (in.len)
        out->len +=
            (size_t)EVP_EncodeBlock((unsigned char *)to, (const unsigned char *)in.p, (int)in.len);
}
