// SPDX-License-Identifier: Apache-2.0
// SigV4A: the same canonical request, signed with ECDSA over P-256 by a key that both sides derive
// from the secret, so that one signature holds in several regions. The derivation is NIST SP
// 800-108 in counter mode; a candidate that is not in [1, n-1] (one in 2^32) is passed over for the
// next counter.
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/xalloc.h"
#include "sign/ec_int.h"
#include "sign/sign_int.h"

#define COUNTER_LIMIT 254

struct sign_ec_key {
    unsigned refs;
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *ctx; // set up for signing, used again and again
};

// The order of P-256 less two, big endian.
static const uint8_t order_less_two[DIGEST_LEN] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x4f,
};

// k <= n - 2, in the same time whatever k is.
static bool is_in_range(const uint8_t k[DIGEST_LEN])
{
    unsigned borrow = 0;
    for (size_t i = DIGEST_LEN; i-- > 0;)
        borrow = (unsigned)(order_less_two[i] - k[i] - borrow) >> 8 & 1;
    return !borrow;
}

static void add_one(uint8_t k[DIGEST_LEN])
{
    unsigned carry = 1;
    for (size_t i = DIGEST_LEN; i-- > 0;) {
        carry += k[i];
        k[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

void sign_ec_derive(const struct sign_identity *id, uint8_t scalar[DIGEST_LEN])
{
    static const char label[] = "\0\0\0\1AWS4-ECDSA-P256-SHA256"; // its NUL is part of the input
    size_t key_len = id->secret_key.len + 5;
    size_t len = sizeof(label) + id->access_key.len + 5;
    char *key = xmalloc(key_len);
    char *input = xmalloc(len);
    (void)put(put(key, SPAN("AWS4A")), id->secret_key);
    char *end = put(put(input, span_from(label, sizeof(label))), id->access_key);
    (void)put(end + 1, SPAN("\0\0\1\0")); // 256 bits
    int counter = 1;
    do {
        ec_must(counter <= COUNTER_LIMIT);
        *end = (char)counter++;
        digest_hmac(key, key_len, span_from(input, len), scalar);
    } while (!is_in_range(scalar));
    add_one(scalar);
    secret_wipe(key, key_len);
    free(key);
    free(input);
}

struct sign_ec_key *sign_ec_key_new(const struct sign_identity *id)
{
    struct sign_ec_key *k = xmalloc(sizeof(*k));
    uint8_t scalar[DIGEST_LEN];
    uint8_t point[EC_POINT_LEN];
    sign_ec_derive(id, scalar);
    k->refs = 1;
    k->pkey = ec_key_of(scalar, point);
    k->ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
    ec_must(k->ctx != NULL);
    ec_must(EVP_PKEY_sign_init(k->ctx));
    secret_wipe(scalar, sizeof(scalar));
    return k;
}

struct sign_ec_key *sign_ec_key_hold(struct sign_ec_key *k)
{
    k->refs++;
    return k;
}

void sign_ec_key_release(struct sign_ec_key *k)
{
    if (!k || --k->refs)
        return;
    EVP_PKEY_CTX_free(k->ctx);
    EVP_PKEY_free(k->pkey); // clears the private key
    free(k);
}

struct span sign_ec_hex(const struct sign_ec_key *k, struct span in, struct arena *a)
{
    uint8_t hash[DIGEST_LEN];
    uint8_t der[EC_DER_MAX];
    size_t len = sizeof(der);
    digest_sha256(in, hash);
    ec_must(EVP_PKEY_sign(k->ctx, der, &len, hash, sizeof(hash)));
    char *hex = arena_alloc(a, 2 * len);
    hex_encode(der, len, hex);
    return span_from(hex, 2 * len);
}
