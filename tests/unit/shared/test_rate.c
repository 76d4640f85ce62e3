// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>

#include "unit/test.h"

#include "shared/rate.h"

#define SECOND  ((int64_t)1000000)
#define FOREVER (INT64_MAX / 2)

static const struct rate_spec hundred = {.interval_ns = 10000000, .burst = 1};

static void first_turn_is_at_once(void **state)
{
    (void)state;
    struct rate r = {0};
    assert_int_equal(rate_reserve(&r, &hundred, 5 * SECOND, 0), 0);
}

static void turns_are_spaced_in_the_order_of_the_calls(void **state)
{
    (void)state;
    struct rate r = {0};
    for (int i = 0; i < 50; i++)
        assert_int_equal(rate_reserve(&r, &hundred, SECOND, FOREVER), i * 10000);
}

static void burst_goes_at_once_then_the_rate_holds(void **state)
{
    (void)state;
    const struct rate_spec spec = {.interval_ns = 50000000, .burst = 100};
    struct rate r = {0};
    for (int i = 0; i < 100; i++)
        assert_int_equal(rate_reserve(&r, &spec, SECOND, FOREVER), 0);
    assert_int_equal(rate_reserve(&r, &spec, SECOND, FOREVER), 50000);
    assert_int_equal(rate_reserve(&r, &spec, SECOND, FOREVER), 100000);
}

static void rest_fills_the_burst_and_no_more(void **state)
{
    (void)state;
    const struct rate_spec spec = {.interval_ns = 100000000, .burst = 3};
    struct rate r = {0};
    while (rate_reserve(&r, &spec, SECOND, 0) == 0)
        ;
    int n = 0;
    while (rate_reserve(&r, &spec, 100 * SECOND, 0) == 0)
        n++;
    assert_int_equal(n, 3);
}

static void refused_wait_reserves_nothing_and_says_how_long(void **state)
{
    (void)state;
    struct rate r = {0};
    for (int i = 0; i < 10; i++)
        assert_true(rate_reserve(&r, &hundred, SECOND, FOREVER) >= 0);
    assert_int_equal(rate_reserve(&r, &hundred, SECOND, 50000), -100001);
    assert_int_equal(rate_reserve(&r, &hundred, SECOND, 100000), 100000);
}

static void ten_seconds_of_a_hundred_give_a_thousand(void **state)
{
    (void)state;
    struct rate r = {0};
    int64_t now = SECOND;
    int n = 0;
    while (now < 11 * SECOND) { // one client, one millisecond of service
        now += rate_reserve(&r, &hundred, now, FOREVER) + 1000;
        n++;
    }
    assert_in_range(n, 999, 1001);
}

static struct rate common;

static void *reserve_many(void *arg)
{
    int64_t last = -1;
    (void)arg;
    for (int i = 0; i < 20000; i++) {
        int64_t wait = rate_reserve(&common, &hundred, SECOND, FOREVER);
        assert_true(wait > last);
        last = wait;
    }
    return NULL;
}

static void threads_never_share_a_turn(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reserve_many, NULL), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(rate_reserve(&common, &hundred, SECOND, FOREVER), 80000 * (int64_t)10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_turn_is_at_once),
        cmocka_unit_test(turns_are_spaced_in_the_order_of_the_calls),
        cmocka_unit_test(burst_goes_at_once_then_the_rate_holds),
        cmocka_unit_test(rest_fills_the_burst_and_no_more),
        cmocka_unit_test(refused_wait_reserves_nothing_and_says_how_long),
        cmocka_unit_test(ten_seconds_of_a_hundred_give_a_thousand),
        cmocka_unit_test(threads_never_share_a_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
