// SPDX-License-Identifier: Apache-2.0
#include "sign/ec_int.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

// The order of P-256, big endian.
static const uint8_t order[EC_SCALAR_LEN] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};

void ec_must(int ok)
{
    if (ok <= 0)
        abort();
}

// In the same time whatever the number is.
bool ec_is_scalar(const uint8_t scalar[EC_SCALAR_LEN])
{
    unsigned borrow = 0;
    unsigned any = 0;
    for (size_t i = EC_SCALAR_LEN; i-- > 0;) {
        borrow = ((unsigned)scalar[i] - order[i] - borrow) >> 8 & 1;
        any |= scalar[i];
    }
    return borrow && any;
}

static void public_point(const BIGNUM *d, uint8_t out[EC_POINT_LEN])
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    ec_must(group != NULL);
    EC_POINT *point = EC_POINT_new(group);
    ec_must(point != NULL);
    ec_must(EC_POINT_mul(group, point, d, NULL, NULL, NULL));
    ec_must(EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out, EC_POINT_LEN,
                               NULL) == EC_POINT_LEN);
    EC_POINT_free(point);
    EC_GROUP_free(group);
}

EVP_PKEY *ec_key_of(const uint8_t scalar[EC_SCALAR_LEN], uint8_t point[EC_POINT_LEN])
{
    char curve[] = SN_X9_62_prime256v1;
    uint8_t native[EC_SCALAR_LEN];
    EVP_PKEY *key = NULL;
    BIGNUM *d = BN_bin2bn(scalar, EC_SCALAR_LEN, NULL);
    ec_must(d != NULL);
    BN_set_flags(d, BN_FLG_CONSTTIME);
    public_point(d, point);
    ec_must(BN_bn2nativepad(d, native, sizeof(native)));
    BN_clear_free(d);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, EC_POINT_LEN),
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native, sizeof(native)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    ec_must(ctx != NULL);
    ec_must(EVP_PKEY_fromdata_init(ctx));
    ec_must(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params));
    EVP_PKEY_CTX_free(ctx);
    secret_wipe(native, sizeof(native));
    return key;
}
