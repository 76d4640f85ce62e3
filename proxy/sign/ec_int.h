// SPDX-License-Identifier: Apache-2.0
// P-256 keys out of their private number.
#ifndef SIGN_EC_INT_H
#define SIGN_EC_INT_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#define EC_SCALAR_LEN 32
#define EC_POINT_LEN  65 // uncompressed: 4, x, y
#define EC_DER_MAX    72 // a signature

// Failures here mean a broken libcrypto or no memory: nothing could be signed.
void ec_must(int ok);
// Whether it is a private key: in [1, n-1].
bool ec_is_scalar(const uint8_t scalar[EC_SCALAR_LEN]);
// scalar is big endian and a private key. point gets the public one. To be freed with
// EVP_PKEY_free, which clears the private part.
EVP_PKEY *ec_key_of(const uint8_t scalar[EC_SCALAR_LEN], uint8_t point[EC_POINT_LEN]);

#endif
