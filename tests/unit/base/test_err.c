// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "base/err.h"

static void set_gives_the_status_back_and_may_have_no_reader(void **state)
{
    (void)state;
    struct err e = {""};
    assert_int_equal(err_set(&e, ST_IO, "%s %d", "port", 80), ST_IO);
    assert_string_equal(e.text, "port 80");
    assert_int_equal(err_set(NULL, ST_DENIED, "x"), ST_DENIED);
    assert_int_equal(err_wrap(NULL, ST_LIMIT, "x"), ST_LIMIT);
}

static void wrap_puts_text_in_front(void **state)
{
    (void)state;
    struct err e = {""};
    (void)err_set(&e, ST_INVALID, "no such file");
    assert_int_equal(err_wrap(&e, ST_INVALID, "reading %s", "x"), ST_INVALID);
    assert_string_equal(e.text, "reading x: no such file");
    (void)err_wrap(&e, ST_INVALID, "start");
    assert_string_equal(e.text, "start: reading x: no such file");
}

static void text_is_one_line_without_control_octets(void **state)
{
    (void)state;
    struct err e = {""};
    (void)err_set(&e, ST_INVALID, "a%sb", "\r\n\x1b[2J\t\x7f");
    assert_string_equal(e.text, "a???[2J??b");
    (void)err_wrap(&e, ST_INVALID, "\n");
    assert_string_equal(e.text, "?: a???[2J??b");
}

static void long_text_is_cut_and_ends(void **state)
{
    (void)state;
    struct err e;
    char longer[2 * sizeof(e.text)];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    (void)err_set(&e, ST_INVALID, "%s", longer);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    (void)err_wrap(&e, ST_INVALID, "front");
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    assert_memory_equal(e.text, "front: xxx", 10);
}

// Wrapping at every length of prefix near the end of the buffer stays inside it.
static void wrapping_at_the_brim_stays_inside(void **state)
{
    (void)state;
    char prefix[sizeof(((struct err *)NULL)->text) + 8];
    for (size_t n = sizeof(prefix) - 16; n < sizeof(prefix); n++) {
        struct {
            struct err e;
            char guard[8];
        } s;
        memset(&s, '#', sizeof(s));
        memset(prefix, 'p', n);
        prefix[n] = '\0';
        (void)err_set(&s.e, ST_INVALID, "what");
        (void)err_wrap(&s.e, ST_INVALID, "%s", prefix);
        assert_memory_equal(s.guard, "########", 8);
        assert_true(strlen(s.e.text) < sizeof(s.e.text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_gives_the_status_back_and_may_have_no_reader),
        cmocka_unit_test(wrap_puts_text_in_front),
        cmocka_unit_test(text_is_one_line_without_control_octets),
        cmocka_unit_test(long_text_is_cut_and_ends),
        cmocka_unit_test(wrapping_at_the_brim_stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
