// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>

#include "unit/test.h"

#include "base/hash.h"
#include "shared/memo.h"

#define KEY(text) hash_span(42, SPAN(text))

static int setup(void **state)
{
    *state = memo_new(1000);
    return 0;
}

static int teardown(void **state)
{
    memo_free(*state);
    return 0;
}

static void assert_known(struct memo *m, const char *key, const char *want, int64_t now)
{
    char out[MEMO_VALUE_MAX];
    assert_span(span_from(out, memo_get(m, hash_span(42, span_of(key)), now, out)), want);
}

static void memo_keeps_what_was_put_until_its_time_is_over(void **state)
{
    assert_true(memo_is_empty(*state));
    memo_put(*state, KEY("bucket"), SPAN("eu-west-1"), 5000);
    assert_false(memo_is_empty(*state));
    assert_known(*state, "bucket", "eu-west-1", 5000);
    assert_known(*state, "bucket", "eu-west-1", 5999);
    assert_known(*state, "bucket", "", 6000);
    assert_known(*state, "other", "", 5000);
}

static void memo_replaces_an_older_value(void **state)
{
    memo_put(*state, KEY("bucket"), SPAN("ap-southeast-2"), 0);
    memo_put(*state, KEY("bucket"), SPAN("eu-west-1"), 500);
    assert_known(*state, "bucket", "eu-west-1", 1400);
}

static void memo_takes_values_of_the_greatest_length(void **state)
{
    memo_put(*state, KEY("k"), SPAN("abcdefghijklmnopqrstuvwxyz012345"), 0);
    assert_known(*state, "k", "abcdefghijklmnopqrstuvwxyz012345", 0);
}

static void memo_stays_bounded_and_keeps_the_newest(void **state)
{
    char key[24];
    for (int i = 0; i < 100000; i++) {
        int n = snprintf(key, sizeof(key), "bucket-%d", i);
        memo_put(*state, hash_span(42, span_from(key, (size_t)n)), SPAN("eu-west-1"), i);
    }
    assert_known(*state, "bucket-99999", "eu-west-1", 99999);
    assert_known(*state, "bucket-0", "", 99999);
}

static void *write_and_read(void *arg)
{
    char out[MEMO_VALUE_MAX];
    for (int i = 0; i < 50000; i++) {
        memo_put(arg, KEY("k"), i % 2 ? SPAN("aaaaaaaaaaaaaaaaaaaa") : SPAN("bbbb"), 1);
        size_t len = memo_get(arg, KEY("k"), 1, out);
        assert_true(len == 0 || len == 4 || len == 20);
        for (size_t j = 1; j < len; j++)
            assert_int_equal(out[j], len == 4 ? 'b' : 'a');
    }
    return NULL;
}

static void readers_never_see_half_a_value(void **state)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_and_read, *state), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(memo_keeps_what_was_put_until_its_time_is_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(memo_replaces_an_older_value, setup, teardown),
        cmocka_unit_test_setup_teardown(memo_takes_values_of_the_greatest_length, setup, teardown),
        cmocka_unit_test_setup_teardown(memo_stays_bounded_and_keeps_the_newest, setup, teardown),
        cmocka_unit_test_setup_teardown(readers_never_see_half_a_value, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
