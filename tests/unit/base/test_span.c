// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

static void next_yields_each_part_and_one_for_empty(void **state)
{
    (void)state;
    struct span rest = SPAN("a,,b");
    struct span part;
    assert_true(span_next(&rest, ',', &part));
    assert_span(part, "a");
    assert_true(span_next(&rest, ',', &part));
    assert_span(part, "");
    assert_true(span_next(&rest, ',', &part));
    assert_span(part, "b");
    assert_false(span_next(&rest, ',', &part));
    rest = SPAN("");
    assert_true(span_next(&rest, ',', &part));
    assert_span(part, "");
    assert_false(span_next(&rest, ',', &part));
}

static void u64_refuses_signs_blanks_and_overflow(void **state)
{
    (void)state;
    uint64_t n = 0;
    assert_true(span_u64(SPAN("18446744073709551615"), &n));
    assert_true(n == UINT64_MAX);
    assert_false(span_u64(SPAN("18446744073709551616"), &n));
    assert_false(span_u64(SPAN("+1"), &n));
    assert_false(span_u64(SPAN(" 1"), &n));
    assert_false(span_u64(SPAN(""), &n));
}

static void decimal_is_what_u64_reads(void **state)
{
    static const uint64_t numbers[] = {0, 9, 10, 65535, UINT64_C(9999999999), UINT64_MAX};
    static const char *const texts[] = {"0",     "9",          "10",
                                        "65535", "9999999999", "18446744073709551615"};
    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        char text[DECIMAL_MAX];
        uint64_t back = 1;
        struct span s = span_from(text, (size_t)(decimal_put(text, numbers[i]) - text));
        assert_span(s, texts[i]);
        assert_true(span_u64(s, &back) && back == numbers[i]);
    }
}

static void trim_takes_blanks_only_at_the_ends(void **state)
{
    (void)state;
    assert_span(span_trim(SPAN(" \ta b\t ")), "a b");
    assert_span(span_trim(SPAN("  ")), "");
    assert_span(span_trim(SPAN("\xa0x")), "\xa0x");
}

static void comparisons_agree_with_strcmp_and_ascii_case(void **state)
{
    (void)state;
    assert_true(span_ieq(SPAN("X-Amz-Date"), SPAN("x-amz-date")));
    assert_false(span_ieq(SPAN("\xc4"), SPAN("\xe4")));
    assert_true(span_cmp(SPAN("a"), SPAN("aa")) < 0);
    assert_true(span_cmp(SPAN("B"), SPAN("a")) < 0);
    assert_int_equal(span_cmp(SPAN("x"), SPAN("x")), 0);
    static const struct span words[] = {{NULL, 0}, {"", 0},     {"a", 1},   {"aa", 2}, {"B", 1},
                                        {"b", 1},  {"\xff", 1}, {"a\0", 2}, {"\0", 1}};
    static const char *const texts[] = {"", "a", "aa", "B", "b", "\xff"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
            int want = span_cmp(words[i], span_of(texts[k]));
            int is = span_cmp_to(words[i], texts[k]);
            assert_true(want < 0 ? is < 0 : want > 0 ? is > 0 : is == 0);
            assert_int_equal(span_is(words[i], texts[k]), want == 0);
        }
    assert_true(span_ends(SPAN("a.b"), SPAN(".b")));
    assert_false(span_ends(SPAN("b"), SPAN(".b")));
    assert_int_equal(span_rfind(SPAN("a:b:c"), ':'), 3);
    assert_int_equal(span_find(SPAN("abc"), ':'), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_yields_each_part_and_one_for_empty),
        cmocka_unit_test(u64_refuses_signs_blanks_and_overflow),
        cmocka_unit_test(decimal_is_what_u64_reads),
        cmocka_unit_test(trim_takes_blanks_only_at_the_ends),
        cmocka_unit_test(comparisons_agree_with_strcmp_and_ascii_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
