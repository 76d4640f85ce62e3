// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>

#include "unit/test.h"

#include "shared/turns.h"

#define THREADS 4

static int setup(void **state)
{
    *state = turns_new();
    return 0;
}

static int teardown(void **state)
{
    turns_free(*state);
    return 0;
}

static void name_keeps_its_place(void **state)
{
    struct turns_place *a = turns_at(*state, 7, 0);
    struct turns_place *b = turns_at(*state, 7 + TURNS_MAX, 0); // the same first choice
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(turns_at(*state, 7, 0), a);
    assert_ptr_equal(turns_at(*state, 7 + TURNS_MAX, 0), b);
    assert_ptr_equal(turns_at(*state, 0, 0), turns_at(*state, 0, 0));
}

static void busy_names_without_number_share_and_end(void **state)
{
    const struct rate_spec spec = {.interval_ns = 1000000, .burst = 1};
    for (uint64_t key = 1; key <= TURNS_MAX; key++)
        (void)rate_reserve(&turns_at(*state, key, 0)->rate, &spec, 0, 0);
    struct turns_place *shared = turns_at(*state, 5 + (uint64_t)TURNS_MAX * 9, 0);
    assert_non_null(shared);
    assert_ptr_equal(shared, turns_at(*state, 5, 0));
}

static void names_at_rest_give_their_place_away(void **state)
{
    const struct rate_spec spec = {.interval_ns = 1000000, .burst = 1};
    const uint64_t late = (uint64_t)TURNS_MAX * 9;
    struct turns_place *waited_for = turns_at(*state, 1, 0);
    assert_true(limit_take(&waited_for->waiting, 1));
    for (uint64_t key = 2; key <= TURNS_MAX; key++)
        (void)rate_reserve(&turns_at(*state, key, 0)->rate, &spec, key == 3 ? 0 : 5000, 0);
    // Of three neighbours one is waited for, one is busy, one has come to rest after 1 ms.
    struct turns_place *rested = turns_at(*state, 3, 0);
    assert_ptr_equal(turns_at(*state, late + 1, 999), waited_for); // not yet: they share
    assert_ptr_equal(turns_at(*state, late + 1, 1000), rested);
    assert_ptr_equal(turns_at(*state, late + 1, 1001), rested);
    (void)rate_reserve(&rested->rate, &spec, 5500, 0);
    assert_ptr_not_equal(turns_at(*state, 3, 6000), rested); // its own name finds another
    assert_ptr_equal(turns_at(*state, 1, 9000), waited_for);
}

struct job {
    struct turns *turns;
    struct turns_place *found[64];
};

static void *look_up(void *arg)
{
    struct job *j = arg;
    for (uint64_t i = 0; i < 64; i++)
        j->found[i] = turns_at(j->turns, 3 + i * TURNS_MAX, 0); // all collide
    return NULL;
}

static void threads_find_the_same_places(void **state)
{
    struct job jobs[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        jobs[i].turns = *state;
        assert_int_equal(pthread_create(&threads[i], NULL, look_up, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 1; i < THREADS; i++)
        assert_memory_equal(jobs[i].found, jobs[0].found, sizeof(jobs[0].found));
    for (int k = 1; k < 64; k++)
        assert_ptr_not_equal(jobs[0].found[k], jobs[0].found[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(name_keeps_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(busy_names_without_number_share_and_end, setup, teardown),
        cmocka_unit_test_setup_teardown(names_at_rest_give_their_place_away, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_find_the_same_places, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
