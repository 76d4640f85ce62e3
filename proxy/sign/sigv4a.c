// SPDX-License-Identifier: Apache-2.0
// SigV4A: the same canonical request, signed with ECDSA over P-256 by a key that both sides derive
// from the secret, so that one signature holds in several regions. The derivation is NIST SP
// 800-108 in counter mode; a candidate that is not in [1, n-1] (one in 2^32) is passed over for the
// next counter.
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/xalloc.h"
#include "sign/sign_int.h"

#define POINT_LEN     65 // uncompressed
#define DER_MAX       72
#define COUNTER_LIMIT 254

struct sign_ec_key {
    unsigned refs;
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *ctx; // set up for signing, used again and again
};

// Failures here mean a broken libcrypto or no memory: nothing could be signed.
static void must(int ok)
{
    if (ok <= 0)
        abort();
}

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
        must(counter <= COUNTER_LIMIT);
        *end = (char)counter++;
        digest_hmac(key, key_len, span_from(input, len), scalar);
    } while (!is_in_range(scalar));
    add_one(scalar);
    secret_wipe(key, key_len);
    free(key);
    free(input);
}

static void public_point(const BIGNUM *d, uint8_t out[POINT_LEN])
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    must(group != NULL);
    EC_POINT *point = EC_POINT_new(group);
    must(point != NULL);
    must(EC_POINT_mul(group, point, d, NULL, NULL, NULL));
    must(EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out, POINT_LEN, NULL) ==
         POINT_LEN);
    EC_POINT_free(point);
    EC_GROUP_free(group);
}

static EVP_PKEY *pkey_of(const uint8_t scalar[DIGEST_LEN])
{
    char curve[] = SN_X9_62_prime256v1;
    uint8_t native[DIGEST_LEN];
    uint8_t point[POINT_LEN];
    EVP_PKEY *pkey = NULL;
    BIGNUM *d = BN_bin2bn(scalar, DIGEST_LEN, NULL);
    must(d != NULL);
    BN_set_flags(d, BN_FLG_CONSTTIME);
    public_point(d, point);
    must(BN_bn2nativepad(d, native, sizeof(native)));
    BN_clear_free(d);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, sizeof(native)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    must(ctx != NULL);
    must(EVP_PKEY_fromdata_init(ctx));
    must(EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params));
    EVP_PKEY_CTX_free(ctx);
    secret_wipe(native, sizeof(native));
    return pkey;
}

struct sign_ec_key *sign_ec_key_new(const struct sign_identity *id)
{
    struct sign_ec_key *k = xmalloc(sizeof(*k));
    uint8_t scalar[DIGEST_LEN];
    sign_ec_derive(id, scalar);
    k->refs = 1;
    k->pkey = pkey_of(scalar);
    k->ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
    must(k->ctx != NULL);
    must(EVP_PKEY_sign_init(k->ctx));
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
    uint8_t der[DER_MAX];
    size_t len = sizeof(der);
    digest_sha256(in, hash);
    must(EVP_PKEY_sign(k->ctx, der, &len, hash, sizeof(hash)));
    char *hex = arena_alloc(a, 2 * len);
    hex_encode(der, len, hex);
    return span_from(hex, 2 * len);
}
