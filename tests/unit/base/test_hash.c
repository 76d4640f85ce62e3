// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "base/hash.h"

static void hash_depends_on_every_octet_and_the_length(void **state)
{
    (void)state;
    char text[] = "bucket.s3.eu-west-1.amazonaws.com";
    size_t len = sizeof(text) - 1;
    uint64_t whole = hash_span(7, span_from(text, len));
    for (size_t i = 0; i < len; i++) {
        assert_true(hash_span(7, span_from(text, i)) != whole);
        text[i] ^= 1;
        assert_true(hash_span(7, span_from(text, len)) != whole);
        text[i] ^= 1;
    }
    assert_true(hash_span(7, span_from(text, len)) == whole);
}

static void hash_depends_on_the_seed(void **state)
{
    (void)state;
    assert_true(hash_span(1, SPAN("key")) != hash_span(2, SPAN("key")));
    assert_true(hash_span(1, SPAN("")) != hash_span(2, SPAN("")));
}

static void hash_spreads_similar_keys(void **state)
{
    (void)state;
    unsigned counts[16] = {0};
    char key[16];
    for (int i = 0; i < 16000; i++) {
        int n = snprintf(key, sizeof(key), "bucket-%d", i);
        counts[hash_span(3, span_from(key, (size_t)n)) % 16]++;
    }
    for (int i = 0; i < 16; i++)
        assert_in_range(counts[i], 850, 1150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_depends_on_every_octet_and_the_length),
        cmocka_unit_test(hash_depends_on_the_seed),
        cmocka_unit_test(hash_spreads_similar_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
