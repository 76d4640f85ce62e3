// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "sign/sign_int.h"

static const struct sign_scope scope = {.region = SPAN("us-east-1"), .service = SPAN("iam")};

static struct sign_identity identity(const char *secret, uint64_t generation)
{
    return (struct sign_identity){
        .access_key = SPAN("AKIDEXAMPLE"), .secret_key = span_of(secret), .generation = generation};
}

static void assert_mac(const struct sign_key *k, const uint8_t key[DIGEST_LEN])
{
    uint8_t got[DIGEST_LEN];
    uint8_t want[DIGEST_LEN];
    sign_key_hmac(k, SPAN("message"), got);
    digest_hmac(key, DIGEST_LEN, SPAN("message"), want);
    assert_memory_equal(got, want, DIGEST_LEN);
}

// The key-derivation example of the AWS General Reference.
static void derivation_matches_the_published_example(void **state)
{
    (void)state;
    static const uint8_t key[DIGEST_LEN] = {
        0xc4, 0xaf, 0xb1, 0xcc, 0x57, 0x71, 0xd8, 0x71, 0x76, 0x3a, 0x39,
        0x3e, 0x44, 0xb7, 0x03, 0x57, 0x1b, 0x55, 0xcc, 0x28, 0x42, 0x4d,
        0x1a, 0x5e, 0x86, 0xda, 0x6e, 0xd3, 0xc1, 0x54, 0xa4, 0xb9,
    };
    struct sign_identity id = identity("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 1);
    struct sign_key *k = sign_key_acquire(NULL, &id, "20150830", &scope);
    assert_mac(k, key);
    sign_key_release(k);
}

static struct sign_key *acquire(struct sign_key_cache *c, uint64_t generation, const char *date,
                                const char *region)
{
    struct sign_identity id = identity("secret", generation);
    struct sign_scope s = {.region = span_of(region), .service = SPAN("s3")};
    struct sign_key *k = sign_key_acquire(c, &id, date, &s);
    sign_key_release(k);
    return k; // the cache still holds it
}

static void cache_gives_the_same_key_again(void **state)
{
    (void)state;
    struct sign_key_cache *c = sign_key_cache_new(8);
    struct sign_key *k = acquire(c, 1, "20260101", "us-east-1");
    assert_ptr_equal(acquire(c, 1, "20260101", "us-east-1"), k);
    assert_ptr_not_equal(acquire(c, 2, "20260101", "us-east-1"), k);
    assert_ptr_not_equal(acquire(c, 1, "20260102", "us-east-1"), k);
    assert_ptr_not_equal(acquire(c, 1, "20260101", "us-east-2"), k);
    assert_ptr_equal(acquire(c, 1, "20260101", "us-east-1"), k);
    sign_key_cache_free(c);
}

static void new_generation_signs_with_the_new_secret(void **state)
{
    (void)state;
    struct sign_key_cache *c = sign_key_cache_new(8);
    struct sign_identity old = identity("old", 1);
    struct sign_identity new = identity("new", 2);
    uint8_t macs[3][DIGEST_LEN];
    struct sign_key *k = sign_key_acquire(c, &old, "20260101", &scope);
    sign_key_hmac(k, SPAN("m"), macs[0]);
    sign_key_release(k);
    k = sign_key_acquire(c, &new, "20260101", &scope);
    sign_key_hmac(k, SPAN("m"), macs[1]);
    sign_key_release(k);
    k = sign_key_acquire(NULL, &new, "20260101", &scope);
    sign_key_hmac(k, SPAN("m"), macs[2]);
    sign_key_release(k);
    assert_memory_not_equal(macs[0], macs[1], DIGEST_LEN);
    assert_memory_equal(macs[1], macs[2], DIGEST_LEN);
    sign_key_cache_free(c);
}

static void full_cache_drops_the_least_recently_used(void **state)
{
    (void)state;
    struct sign_key_cache *c = sign_key_cache_new(2);
    struct sign_identity id = identity("secret", 1);
    struct sign_scope s = {.region = SPAN("a"), .service = SPAN("s3")};
    // held, so that no later key can get its address
    struct sign_key *first = sign_key_acquire(c, &id, "20260101", &s);
    (void)acquire(c, 1, "20260101", "b");
    (void)acquire(c, 1, "20260101", "a");
    (void)acquire(c, 1, "20260101", "c"); // instead of b
    assert_ptr_equal(acquire(c, 1, "20260101", "a"), first);
    (void)acquire(c, 1, "20260101", "d"); // instead of c
    (void)acquire(c, 1, "20260101", "e"); // instead of a
    assert_ptr_not_equal(acquire(c, 1, "20260101", "a"), first);
    sign_key_release(first);
    sign_key_cache_free(c);
}

static void key_in_use_outlives_the_cache(void **state)
{
    (void)state;
    struct sign_key_cache *c = sign_key_cache_new(1);
    struct sign_identity id = identity("secret", 1);
    uint8_t before[DIGEST_LEN];
    uint8_t after[DIGEST_LEN];
    struct sign_key *k = sign_key_acquire(c, &id, "20260101", &scope);
    sign_key_hmac(k, SPAN("m"), before);
    sign_key_cache_free(c);
    sign_key_hmac(k, SPAN("m"), after);
    assert_memory_equal(before, after, DIGEST_LEN);
    sign_key_release(k);
}

static int setup(void **state)
{
    (void)state;
    digest_setup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivation_matches_the_published_example),
        cmocka_unit_test(cache_gives_the_same_key_again),
        cmocka_unit_test(new_generation_signs_with_the_new_secret),
        cmocka_unit_test(full_cache_drops_the_least_recently_used),
        cmocka_unit_test(key_in_use_outlives_the_cache),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
