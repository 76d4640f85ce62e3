// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/buf.h"
#include "base/digest.h"
#include "sign/dpop.h"
#include "sign/ec_int.h"

static struct arena a;
static struct err e;

static const struct dpop_claims claims = {
    .method = SPAN("POST"),
    .url = SPAN("https://eu-west-1.signin.aws.amazon.com/v1/token"),
    .id = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255},
    .wall_s = 1764193445,
};

static int teardown(void **state)
{
    (void)state;
    arena_clear(&a);
    return 0;
}

enum form { PKCS8 = 0, SEC1 };

static struct span pem_of(EVP_PKEY *key, enum form form)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    int ok = form == PKCS8
                 ? PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)
                 : PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
    assert_int_equal(ok, 1);
    long len = BIO_get_mem_data(bio, &text);
    struct span copy = arena_dup(&a, span_from(text, (size_t)len));
    BIO_free(bio);
    return copy;
}

// By libcrypto's own decoder, not by ours.
static struct span unbase64(struct span s)
{
    char *text = arena_alloc(&a, s.len + 4);
    uint8_t *out = arena_alloc(&a, s.len + 4);
    size_t n = s.len;
    memcpy(text, s.p, s.len);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)(text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i]);
    size_t pad = (4 - n % 4) % 4;
    memset(text + n, '=', pad);
    int len = EVP_DecodeBlock(out, (const uint8_t *)text, (int)(n + pad));
    assert_true(len > 0);
    return span_from((const char *)out, (size_t)len - pad);
}

static struct span part(struct span proof, unsigned nth)
{
    struct span one = {NULL, 0};
    for (unsigned i = 0; i <= nth; i++)
        assert_true(span_next(&proof, '.', &one));
    return one;
}

static void assert_verifies(struct span proof, EVP_PKEY *key)
{
    struct span raw = unbase64(part(proof, 2));
    struct span text = span_sub(proof, 0, span_rfind(proof, '.'));
    uint8_t der[EC_DER_MAX + 8];
    uint8_t *p = der;
    assert_int_equal(raw.len, 64);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    assert_int_equal(ECDSA_SIG_set0(pair, BN_bin2bn((const uint8_t *)raw.p, 32, NULL),
                                    BN_bin2bn((const uint8_t *)raw.p + 32, 32, NULL)),
                     1);
    int len = i2d_ECDSA_SIG(pair, &p);
    ECDSA_SIG_free(pair);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestVerify(ctx, der, (size_t)len, (const uint8_t *)text.p, text.len), 1);
    EVP_MD_CTX_free(ctx);
}

static void proof_of_a_key_in_either_form_verifies(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        EVP_PKEY *key = EVP_EC_gen("P-256");
        struct span proof;
        assert_int_equal(dpop_proof(pem_of(key, i % 2 ? SEC1 : PKCS8), &claims, &a, &proof, &e),
                         ST_OK);
        assert_verifies(proof, key);
        EVP_PKEY_free(key);
        arena_clear(&a);
    }
}

static void proof_says_what_it_is_for(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct span proof;
    assert_int_equal(dpop_proof(pem_of(key, SEC1), &claims, &a, &proof, &e), ST_OK);
    assert_span(unbase64(part(proof, 1)),
                "{\"jti\":\"00010203-0405-4607-8809-0a0b0c0d0eff\",\"htm\":\"POST\","
                "\"htu\":\"https://eu-west-1.signin.aws.amazon.com/v1/token\",\"iat\":1764193445}");
    assert_true(span_starts(unbase64(part(proof, 0)),
                            SPAN("{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\","
                                 "\"crv\":\"P-256\",\"x\":\"")));
    EVP_PKEY_free(key);
}

// The key of RFC 7515, appendix A.3: its public point is printed there.
static void public_key_is_computed_from_the_private_one(void **state)
{
    (void)state;
    struct span d = unbase64(SPAN("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"));
    struct span x = unbase64(SPAN("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"));
    struct span y = unbase64(SPAN("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"));
    uint8_t point[EC_POINT_LEN];
    struct span proof;
    EVP_PKEY *key = ec_key_of((const uint8_t *)d.p, point);
    assert_memory_equal(point + 1, x.p, 32);
    assert_memory_equal(point + 33, y.p, 32);
    assert_int_equal(dpop_proof(pem_of(key, PKCS8), &claims, &a, &proof, &e), ST_OK);
    assert_true(span_ends(unbase64(part(proof, 0)),
                          SPAN("\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                               "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}}")));
    EVP_PKEY_free(key);
}

static void assert_no_key(struct span pem)
{
    struct span proof;
    assert_int_equal(dpop_proof(pem, &claims, &a, &proof, &e), ST_INVALID);
    assert_string_equal(e.text, "the key is no unencrypted P-256 private key in PEM");
}

static void other_keys_and_no_keys_are_refused(void **state)
{
    (void)state;
    EVP_PKEY *other = EVP_EC_gen("P-384");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct span pem = pem_of(key, PKCS8);
    assert_no_key(SPAN(""));
    assert_no_key(SPAN("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"));
    assert_no_key(SPAN("-----BEGIN PRIVATE KEY-----"));
    assert_no_key(pem_of(other, PKCS8));
    assert_no_key(pem_of(other, SEC1));
    for (size_t len = 0; len < pem.len - 30; len++)
        assert_no_key(span_sub(pem, 0, len));
    EVP_PKEY_free(other);
    EVP_PKEY_free(key);
}

static void private_numbers_are_those_below_the_order(void **state)
{
    (void)state;
    uint8_t scalar[EC_SCALAR_LEN] = {0};
    assert_false(ec_is_scalar(scalar));
    scalar[31] = 1;
    assert_true(ec_is_scalar(scalar));
    BIGNUM *n = NULL;
    assert_true(BN_hex2bn(&n, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"));
    assert_int_equal(BN_bn2binpad(n, scalar, sizeof(scalar)), EC_SCALAR_LEN);
    assert_false(ec_is_scalar(scalar));
    scalar[31]--;
    assert_true(ec_is_scalar(scalar));
    memset(scalar, 0xff, sizeof(scalar));
    assert_false(ec_is_scalar(scalar));
    BN_free(n);
}

static void claims_that_would_break_the_proof_are_refused(void **state)
{
    (void)state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct span pem = pem_of(key, PKCS8);
    struct dpop_claims bad = claims;
    struct span proof;
    static const char *const urls[] = {"https://a/\"", "https://a/\\", "https://a/ b"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        bad.url = span_of(urls[i]);
        assert_int_equal(dpop_proof(pem, &bad, &a, &proof, &e), ST_INVALID);
    }
    EVP_PKEY_free(key);
}

int main(void)
{
    digest_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(proof_of_a_key_in_either_form_verifies, teardown),
        cmocka_unit_test_teardown(proof_says_what_it_is_for, teardown),
        cmocka_unit_test_teardown(public_key_is_computed_from_the_private_one, teardown),
        cmocka_unit_test_teardown(other_keys_and_no_keys_are_refused, teardown),
        cmocka_unit_test_teardown(private_numbers_are_those_below_the_order, teardown),
        cmocka_unit_test_teardown(claims_that_would_break_the_proof_are_refused, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
