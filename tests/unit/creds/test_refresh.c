// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "creds/walk_int.h"

#define S ((int64_t)1000)
#define M (60 * S)
#define H (60 * M)

static void window_is_a_quarter_within_bounds(void **state)
{
    (void)state;
    assert_true(refresh_wait(12 * H, 0) == 12 * H - 15 * M); // at most 15 minutes
    assert_true(refresh_wait(1 * H, 0) == 45 * M);
    assert_true(refresh_wait(15 * M, 0) == 15 * M - 225 * S); // not the whole life
    assert_true(refresh_wait(2 * M, 0) == 1 * M);             // at least a minute
}

static void jitter_moves_it_ahead_by_at_most_a_fifth_of_the_window(void **state)
{
    (void)state;
    assert_true(refresh_wait(1 * H, 0.5) == 45 * M - 90 * S);
    assert_true(refresh_wait(1 * H, 0.999999) >= 42 * M);
}

static void nothing_is_asked_for_again_within_30_seconds(void **state)
{
    (void)state;
    assert_true(refresh_wait(70 * S, 0) == 30 * S);
    assert_true(refresh_wait(1 * S, 0.5) == 30 * S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_is_a_quarter_within_bounds),
        cmocka_unit_test(jitter_moves_it_ahead_by_at_most_a_fifth_of_the_window),
        cmocka_unit_test(nothing_is_asked_for_again_within_30_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
