// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "config/nearest_int.h"

static unsigned distance(const char *a, const char *b)
{
    unsigned d = nearest_distance(span_of(a), span_of(b));
    assert_int_equal(nearest_distance(span_of(b), span_of(a)), d);
    return d;
}

static void distance_counts_single_edits(void **state)
{
    (void)state;
    assert_int_equal(distance("region", "region"), 0);
    assert_int_equal(distance("", "abc"), 3);
    assert_int_equal(distance("regin", "region"), 1);   // inserted
    assert_int_equal(distance("regiion", "region"), 1); // removed
    assert_int_equal(distance("rezion", "region"), 1);  // changed
    assert_int_equal(distance("regoin", "region"), 1);  // swapped
    assert_int_equal(distance("kitten", "sitting"), 3);
    assert_int_equal(distance("abc", "xyz"), 3);
    assert_int_equal(distance("ca", "abc"), 3); // no edit inside a swap
}

static void case_and_dash_or_underscore_do_not_count(void **state)
{
    (void)state;
    assert_int_equal(distance("MAX-Head", "max_head"), 0);
}

static void overlong_words_are_far_from_everything(void **state)
{
    (void)state;
    char word[NEAREST_MAX + 2];
    memset(word, 'a', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    assert_int_equal(distance(word, "aaaa"), NEAREST_MAX);
    struct nearest n;
    nearest_init(&n, SPAN("aaaa"));
    nearest_offer(&n, span_of(word));
    assert_string_equal(n.best, "");
}

static void nearest_name_wins_and_the_first_among_equals(void **state)
{
    (void)state;
    struct nearest n;
    struct err e = {"unknown"};
    nearest_init(&n, SPAN("prot"));
    nearest_offer(&n, SPAN("host"));
    nearest_offer(&n, SPAN("port"));
    nearest_offer(&n, SPAN("part"));
    nearest_suggest(&n, "--", &e);
    assert_string_equal(e.text, "unknown; did you mean \"--port\"?");
}

static void nothing_is_suggested_when_nothing_is_near(void **state)
{
    (void)state;
    struct nearest n;
    struct err e = {"unknown"};
    nearest_init(&n, SPAN("frobnicate"));
    nearest_offer(&n, SPAN("region"));
    nearest_offer(&n, SPAN("host"));
    nearest_suggest(&n, "", &e);
    assert_string_equal(e.text, "unknown");
    nearest_init(&n, SPAN("x"));
    nearest_offer(&n, SPAN("v"));
    nearest_suggest(&n, "", &e);
    assert_string_equal(e.text, "unknown");
    nearest_init(&n, SPAN(""));
    nearest_offer(&n, SPAN("v"));
    assert_string_equal(n.best, "");
}

static void suggestion_is_cut_to_the_text_and_may_have_no_reader(void **state)
{
    (void)state;
    struct nearest n;
    struct err e;
    memset(e.text, 'x', sizeof(e.text));
    e.text[sizeof(e.text) - 6] = '\0';
    nearest_init(&n, SPAN("regin"));
    nearest_offer(&n, SPAN("region"));
    nearest_suggest(&n, "", &e);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    nearest_suggest(&n, "", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distance_counts_single_edits),
        cmocka_unit_test(case_and_dash_or_underscore_do_not_count),
        cmocka_unit_test(overlong_words_are_far_from_everything),
        cmocka_unit_test(nearest_name_wins_and_the_first_among_equals),
        cmocka_unit_test(nothing_is_suggested_when_nothing_is_near),
        cmocka_unit_test(suggestion_is_cut_to_the_text_and_may_have_no_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
