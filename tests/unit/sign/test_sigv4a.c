// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "sign/presign.h"
#include "sign/sign_int.h"

static struct arena a;
static struct sign_target target;
static struct sign_result result;
static struct err e;

// An example pair whose key is known (the derivation is pinned by it) and its public point.
static const struct sign_identity identity = {
    .access_key = SPAN("AKISORANDOMAASORANDOM"),
    .secret_key = SPAN("q+jcrXGc+0zWN6uzclKVhvMmUsIfRPa4rlRandom"),
    .generation = 1,
};
static const char private_hex[] =
    "7fd3bd010c0d9c292141c2b77bfbde1042c92e6836fff749d1269ec890fca1bd";
static const char public_hex[] = "04"
                                 "15d242ceebf8d8169fd6a8b5a746c41140414c3b07579038da06af89190fffcb"
                                 "0515242cedd82e94799482e4c0514b505afccf2c0c98d6a553bf539f424c5ec0";

static size_t unhex(struct span hex, uint8_t *out)
{
    for (size_t i = 0; i < hex.len / 2; i++)
        out[i] = (uint8_t)(hex_value(hex.p[2 * i]) << 4 | hex_value(hex.p[2 * i + 1]));
    return hex.len / 2;
}

static EVP_PKEY *public_key(void)
{
    uint8_t point[65];
    char curve[] = "prime256v1";
    EVP_PKEY *key = NULL;
    (void)unhex(span_of(public_hex), point);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static bool verifies(struct span text, struct span signature)
{
    uint8_t der[72];
    EVP_PKEY *key = public_key();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_true(signature.len <= 144);
    size_t len = unhex(signature, der);
    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    int ok = EVP_DigestVerify(ctx, der, len, (const uint8_t *)text.p, text.len);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok == 1;
}

static struct sign_request request(void)
{
    sign_target_make(SPAN("/key"), SPAN("b=1&a=2"), true, &a, &target);
    return (struct sign_request){
        .method = SPAN("GET"),
        .host = SPAN("m.accesspoint.s3-global.amazonaws.com"),
        .target = &target,
        .payload_hash = SPAN(DIGEST_EMPTY_HEX),
        .send_payload_header = true,
        .is_sigv4a = true,
        .scope = {.region = SPAN("*"), .service = SPAN("s3")},
        .wall_s = 1369353600,
        .expires_s = 60,
    };
}

static void private_key_is_derived_from_the_pair(void **state)
{
    (void)state;
    uint8_t want[DIGEST_LEN];
    uint8_t got[DIGEST_LEN];
    (void)unhex(span_of(private_hex), want);
    sign_ec_derive(&identity, got);
    assert_memory_equal(got, want, sizeof(want));
}

static void header_signature_verifies_with_the_public_key(void **state)
{
    (void)state;
    struct sign_request r = request();
    assert_int_equal(sign_header(&r, &identity, NULL, &a, &result, &e), ST_OK);
    assert_true(
        span_starts(result.string_to_sign,
                    SPAN("AWS4-ECDSA-P256-SHA256\n20130524T000000Z\n20130524/s3/aws4_request\n")));
    assert_span(result.signed_headers, "host;x-amz-content-sha256;x-amz-date;x-amz-region-set");
    assert_true(verifies(result.string_to_sign, result.signature));
    assert_false(verifies(result.canonical_request, result.signature));
    assert_true(span_ends(result.add[result.n_add - 1].value, result.signature));
}

static void query_signature_verifies_and_names_the_region_set(void **state)
{
    (void)state;
    struct sign_request r = request();
    r.scope.region = SPAN("us-east-1,eu-*");
    assert_int_equal(sign_query(&r, &identity, NULL, &a, &result, &e), ST_OK);
    assert_true(verifies(result.string_to_sign, result.signature));
    assert_non_null(
        strstr(arena_cstr(&a, result.query), "&X-Amz-Region-Set=us-east-1%2Ceu-%2A&X-Amz-Sig"));
}

static void key_is_cached_by_generation(void **state)
{
    (void)state;
    struct sign_key_cache *c = sign_key_cache_new(1);
    struct sign_identity id = identity;
    struct sign_ec_key *first = sign_ec_key_acquire(c, &id);
    struct sign_ec_key *again = sign_ec_key_acquire(c, &id);
    assert_ptr_equal(first, again);
    sign_ec_key_release(again);
    for (uint64_t generation = 2; generation < 12; generation++) {
        id.generation = generation;
        struct sign_ec_key *other = sign_ec_key_acquire(c, &id);
        assert_ptr_not_equal(other, first);
        sign_ec_key_release(other);
    }
    sign_key_cache_free(c);
    assert_true(verifies(SPAN("text"), sign_ec_hex(first, SPAN("text"), &a))); // still ours
    sign_ec_key_release(first);
}

static int setup(void **state)
{
    (void)state;
    digest_setup();
    arena_init(&a);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_clear(&a);
    digest_thread_end();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_key_is_derived_from_the_pair),
        cmocka_unit_test(header_signature_verifies_with_the_public_key),
        cmocka_unit_test(query_signature_verifies_and_names_the_region_set),
        cmocka_unit_test(key_is_cached_by_generation),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
