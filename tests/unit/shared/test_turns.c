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
    struct turns_place *a = turns_at(*state, 7);
    struct turns_place *b = turns_at(*state, 7 + TURNS_MAX); // the same first choice
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(turns_at(*state, 7), a);
    assert_ptr_equal(turns_at(*state, 7 + TURNS_MAX), b);
    assert_ptr_equal(turns_at(*state, 0), turns_at(*state, 0));
}

static void names_without_number_share_and_end(void **state)
{
    for (uint64_t key = 1; key <= TURNS_MAX; key++)
        (void)turns_at(*state, key);
    struct turns_place *shared = turns_at(*state, 5 + (uint64_t)TURNS_MAX * 9);
    assert_non_null(shared);
    assert_ptr_equal(shared, turns_at(*state, 5));
}

struct job {
    struct turns *turns;
    struct turns_place *found[64];
};

static void *look_up(void *arg)
{
    struct job *j = arg;
    for (uint64_t i = 0; i < 64; i++)
        j->found[i] = turns_at(j->turns, 3 + i * TURNS_MAX); // all collide
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
        cmocka_unit_test_setup_teardown(names_without_number_share_and_end, setup, teardown),
        cmocka_unit_test_setup_teardown(threads_find_the_same_places, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
