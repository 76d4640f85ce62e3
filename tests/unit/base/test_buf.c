// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "unit/base/aborts.h"

#include "base/buf.h"

static void content_grows_in_order(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    for (int i = 0; i < 5000; i++)
        buf_add_char(&b, (char)('a' + i % 26));
    assert_int_equal(b.len, 5000);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(b.p[i], 'a' + i % 26);
    buf_clear(&b);
    assert_null(b.p);
    buf_add_str(&b, "again");
    assert_span(buf_span(&b), "again");
    buf_clear(&b);
}

static void all_ways_to_add_agree(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_add(&b, "ab", 2);
    buf_add(&b, NULL, 0);
    buf_add_span(&b, SPAN("c"));
    buf_add_span(&b, (struct span){NULL, 0});
    buf_add_str(&b, "d");
    buf_add_char(&b, 'e');
    buf_addf(&b, "%d%s", 1, "f");
    buf_addf(&b, "%s", "");
    assert_span(buf_span(&b), "abcde1f");
    assert_string_equal(buf_cstr(&b), "abcde1f");
    assert_int_equal(b.len, 7);
    buf_clear(&b);
}

static void formatting_is_not_cut(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_addf(&b, "%01000d", 0);
    buf_addf(&b, "%01000d", 0);
    assert_int_equal(b.len, 2000);
    assert_int_equal(strlen(buf_cstr(&b)), 2000);
    buf_clear(&b);
}

static void cstr_of_nothing_is_empty(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    assert_string_equal(buf_cstr(&b), "");
    assert_int_equal(b.len, 0);
    buf_clear(&b);
}

static void consume_drops_from_the_front_and_no_more_than_there_is(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_consume(&b, 3);
    buf_add_str(&b, "hello");
    buf_consume(&b, 2);
    assert_span(buf_span(&b), "llo");
    buf_consume(&b, 0);
    assert_span(buf_span(&b), "llo");
    buf_consume(&b, 99);
    assert_int_equal(b.len, 0);
    buf_add_str(&b, "x");
    assert_span(buf_span(&b), "x");
    buf_clear(&b);
}

static void reset_keeps_the_memory(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_add_str(&b, "hello");
    const char *p = b.p;
    buf_reset(&b);
    assert_int_equal(b.len, 0);
    buf_add_str(&b, "x");
    assert_ptr_equal(b.p, p);
    buf_clear(&b);
}

static void reserve_leaves_room_behind_the_content(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_add_str(&b, "ab");
    char *p = buf_reserve(&b, 10000);
    assert_true(b.cap - b.len >= 10000);
    memset(p, 'z', 10000);
    b.len += 10000;
    assert_memory_equal(b.p, "abz", 3);
    buf_clear(&b);
}

static void reserve_too_much(void *arg)
{
    struct buf b;
    (void)arg;
    buf_init(&b);
    buf_add_str(&b, "x");
    (void)buf_reserve(&b, SIZE_MAX - 1);
}

static void absurd_length_aborts(void **state)
{
    (void)state;
    assert_aborts(reserve_too_much, NULL);
}

static void secret_stays_secret_after_clear(void **state)
{
    (void)state;
    struct buf b;
    buf_init_secret(&b);
    buf_add_str(&b, "hunter2");
    buf_clear(&b);
    assert_true(b.is_secret);
    for (int i = 0; i < 1000; i++)
        buf_add_str(&b, "hunter2");
    assert_int_equal(b.len, 7000);
    assert_memory_equal(b.p + 6993, "hunter2", 7);
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_grows_in_order),
        cmocka_unit_test(all_ways_to_add_agree),
        cmocka_unit_test(formatting_is_not_cut),
        cmocka_unit_test(cstr_of_nothing_is_empty),
        cmocka_unit_test(consume_drops_from_the_front_and_no_more_than_there_is),
        cmocka_unit_test(reset_keeps_the_memory),
        cmocka_unit_test(reserve_leaves_room_behind_the_content),
        cmocka_unit_test(absurd_length_aborts),
        cmocka_unit_test(secret_stays_secret_after_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
