// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>

#include "unit/test.h"

#include "base/hash.h"
#include "shared/tokens.h"

#define HOST  hash_span(42, SPAN("dynamodb.us-east-1.amazonaws.com"))
#define OTHER hash_span(42, SPAN("sqs.us-east-1.amazonaws.com"))

static int setup(void **state)
{
    *state = tokens_new();
    return 0;
}

static int teardown(void **state)
{
    tokens_free(*state);
    return 0;
}

static void bucket_of_500_pays_exactly_100_retries_of_5(void **state)
{
    for (int i = 0; i < 100; i++)
        assert_true(tokens_take(*state, HOST, 5, 500));
    assert_false(tokens_take(*state, HOST, 5, 500));
    assert_int_equal(tokens_left(*state, HOST, 500), 0);
}

static void most_owed_is_that_of_the_worst_endpoint(void **state)
{
    assert_int_equal(tokens_most_owed(*state), 0);
    assert_true(tokens_take(*state, OTHER, 10, 500));
    assert_true(tokens_take(*state, HOST, 10, 500));
    assert_true(tokens_take(*state, HOST, 5, 500));
    assert_int_equal(tokens_most_owed(*state), 15);
    tokens_give(*state, HOST, 15);
    assert_int_equal(tokens_most_owed(*state), 10);
}

static void refused_take_leaves_the_bucket_as_it_was(void **state)
{
    for (int i = 0; i < 35; i++)
        assert_true(tokens_take(*state, HOST, 14, 500));
    assert_false(tokens_take(*state, HOST, 14, 500));
    assert_int_equal(tokens_left(*state, HOST, 500), 10);
    assert_true(tokens_take(*state, HOST, 10, 500));
}

static void five_successes_pay_one_retry_of_an_empty_bucket(void **state)
{
    while (tokens_take(*state, HOST, 5, 500))
        ;
    for (int i = 0; i < 4; i++)
        tokens_give(*state, HOST, 1);
    assert_false(tokens_take(*state, HOST, 5, 500));
    tokens_give(*state, HOST, 1);
    assert_true(tokens_take(*state, HOST, 5, 500));
    assert_false(tokens_take(*state, HOST, 5, 500));
}

static void full_bucket_stays_full(void **state)
{
    tokens_give(*state, HOST, 1);
    assert_int_equal(tokens_left(*state, HOST, 500), 500);
    assert_true(tokens_take(*state, HOST, 5, 500));
    tokens_give(*state, HOST, 100);
    assert_int_equal(tokens_left(*state, HOST, 500), 500);
}

static void success_gives_the_last_cost_back(void **state)
{
    assert_true(tokens_take(*state, HOST, 5, 500));
    assert_true(tokens_take(*state, HOST, 5, 500));
    assert_int_equal(tokens_left(*state, HOST, 500), 490);
    tokens_give(*state, HOST, 5);
    assert_int_equal(tokens_left(*state, HOST, 500), 495);
}

static void endpoints_have_buckets_of_their_own(void **state)
{
    while (tokens_take(*state, HOST, 5, 500))
        ;
    assert_true(tokens_take(*state, OTHER, 5, 500));
}

static void budget_of_nothing_pays_nothing(void **state)
{
    assert_false(tokens_take(*state, HOST, 5, 0));
}

static void hosts_without_number_never_make_retries_free(void **state)
{
    char host[32];
    unsigned paid = 0;
    for (int i = 0; i < 200000; i++) {
        int n = snprintf(host, sizeof(host), "bucket-%d.s3", i);
        paid += tokens_take(*state, hash_span(42, span_from(host, (size_t)n)), 5, 10);
    }
    assert_in_range(paid, 8000, 16384); // two an entry, 8,192 entries
}

static void *drain(void *arg)
{
    uintptr_t n = 0;
    while (tokens_take(arg, HOST, 5, TOKENS_MAX))
        n++;
    return (void *)n;
}

static void threads_together_take_no_more_than_there_is(void **state)
{
    pthread_t threads[4];
    uintptr_t sum = 0;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, drain, *state), 0);
    for (int i = 0; i < 4; i++) {
        void *n = NULL;
        assert_int_equal(pthread_join(threads[i], &n), 0);
        sum += (uintptr_t)n;
    }
    assert_int_equal(sum, TOKENS_MAX / 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bucket_of_500_pays_exactly_100_retries_of_5, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(most_owed_is_that_of_the_worst_endpoint, setup, teardown),
        cmocka_unit_test_setup_teardown(refused_take_leaves_the_bucket_as_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(five_successes_pay_one_retry_of_an_empty_bucket, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(full_bucket_stays_full, setup, teardown),
        cmocka_unit_test_setup_teardown(success_gives_the_last_cost_back, setup, teardown),
        cmocka_unit_test_setup_teardown(endpoints_have_buckets_of_their_own, setup, teardown),
        cmocka_unit_test_setup_teardown(budget_of_nothing_pays_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(hosts_without_number_never_make_retries_free, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(threads_together_take_no_more_than_there_is, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
