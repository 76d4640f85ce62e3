// SPDX-License-Identifier: Apache-2.0
#include "base/secret.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

void secret_wipe(void *p, size_t len)
{
    if (p)
        OPENSSL_cleanse(p, len);
}

bool secret_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void secret_free_str(char *s)
{
    if (!s)
        return;
    secret_wipe(s, strlen(s));
    free(s);
}

void secret_mask(struct span akid, char out[SECRET_MASK_LEN])
{
    if (akid.len < 12) {
        memcpy(out, "****", 5);
        return;
    }
    memcpy(out, akid.p, 4);
    memcpy(out + 4, "...", 3);
    memcpy(out + 7, akid.p + akid.len - 4, 4);
    out[11] = '\0';
}
