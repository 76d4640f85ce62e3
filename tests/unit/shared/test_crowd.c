// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "shared/crowd.h"

static void key_keeps_its_gauge_and_others_have_theirs(void **state)
{
    (void)state;
    struct crowd *c = crowd_new();
    struct limit *a = crowd_at(c, 7);
    assert_ptr_equal(crowd_at(c, 7), a);
    assert_ptr_not_equal(crowd_at(c, 8), a);
    assert_true(limit_take_below(a, 1, 1));
    assert_false(limit_take_below(a, 1, 1));
    assert_true(limit_take_below(crowd_at(c, 8), 1, 1));
    limit_give(a, 1);
    assert_true(limit_take_below(a, 1, 1));
    assert_non_null(crowd_at(c, UINT64_MAX));
    crowd_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_keeps_its_gauge_and_others_have_theirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
