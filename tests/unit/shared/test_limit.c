// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include <pthread.h>

#include "shared/limit.h"

static void take_gives_all_of_n_or_nothing(void **state)
{
    (void)state;
    struct limit l;
    limit_init(&l, 10);
    assert_true(limit_take(&l, 7));
    assert_false(limit_take(&l, 4));
    assert_int_equal(limit_used(&l), 7);
    assert_true(limit_take(&l, 3));
    assert_false(limit_take(&l, 1));
    limit_give(&l, 10);
    assert_int_equal(limit_used(&l), 0);
}

static void cap_zero_is_no_cap_and_still_counts(void **state)
{
    (void)state;
    struct limit l;
    limit_init(&l, 0);
    assert_true(limit_take(&l, UINT64_MAX - 1));
    assert_false(limit_take(&l, 2)); // would wrap
    assert_true(limit_used(&l) == UINT64_MAX - 1);
}

static void lower_cap_leaves_out_what_is_out(void **state)
{
    (void)state;
    struct limit l;
    limit_init(&l, 10);
    assert_true(limit_take(&l, 8));
    limit_set_cap(&l, 5);
    assert_false(limit_take(&l, 1));
    limit_give(&l, 4);
    assert_true(limit_take(&l, 1));
    assert_int_equal(limit_used(&l), 5);
}

static void cap_of_the_moment_holds_for_one_take(void **state)
{
    (void)state;
    struct limit l;
    limit_init(&l, 0);
    assert_true(limit_take_below(&l, 10, 10));
    assert_false(limit_take_below(&l, 1, 10));
    assert_true(limit_take_below(&l, 1, 11));
    assert_false(limit_take_below(&l, 1, 5)); // it fell below what is out
}

struct hammer {
    struct limit limit;
    _Atomic uint64_t most;
};

static void *hammer_main(void *arg)
{
    struct hammer *h = arg;
    for (int i = 0; i < 50000; i++) {
        if (!limit_take(&h->limit, 3))
            continue;
        uint64_t used = limit_used(&h->limit);
        uint64_t most = atomic_load(&h->most);
        while (used > most && !atomic_compare_exchange_weak(&h->most, &most, used))
            ;
        limit_give(&h->limit, 3);
    }
    return NULL;
}

static void four_threads_never_pass_the_cap(void **state)
{
    (void)state;
    struct hammer h;
    limit_init(&h.limit, 8); // room for two takes of 3
    atomic_init(&h.most, 0);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer_main, &h), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(limit_used(&h.limit), 0);
    assert_true(atomic_load(&h.most) <= 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(take_gives_all_of_n_or_nothing),
        cmocka_unit_test(cap_zero_is_no_cap_and_still_counts),
        cmocka_unit_test(lower_cap_leaves_out_what_is_out),
        cmocka_unit_test(cap_of_the_moment_holds_for_one_take),
        cmocka_unit_test(four_threads_never_pass_the_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
