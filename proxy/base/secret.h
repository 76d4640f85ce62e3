// SPDX-License-Identifier: Apache-2.0
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

#define SECRET_MASK_LEN 13

void secret_wipe(void *p, size_t len);                       // OPENSSL_cleanse; NULL is fine
bool secret_equal(const void *a, const void *b, size_t len); // in constant time
void secret_free_str(char *s); // wipes a NUL-terminated heap string and frees it
// Access key id as logs show it: first 4, "...", last 4; "****" where shorter than 12.
void secret_mask(struct span akid, char out[SECRET_MASK_LEN]);

#endif
