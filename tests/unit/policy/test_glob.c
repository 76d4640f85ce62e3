// SPDX-License-Identifier: Apache-2.0
#include "policy/glob.h"

#include "unit/test.h"

static bool matches(const char *glob, const char *text)
{
    return glob_matches(span_of(glob), span_of(text));
}

static void glob_compares_without_case(void **state)
{
    (void)state;
    assert_true(matches("sqs.example", "sqs.example"));
    assert_true(matches("SQS.example", "sqs.EXAMPLE"));
    assert_false(matches("sqs.example", "sqs.example."));
    assert_false(matches("sqs.example", "sqs.exampl"));
    assert_false(matches("", "a"));
    assert_true(matches("", ""));
}

static void glob_compares_with_case_where_asked(void **state)
{
    (void)state;
    assert_true(glob_matches_case(SPAN("In/*"), SPAN("In/x")));
    assert_false(glob_matches_case(SPAN("In/*"), SPAN("in/x")));
}

static void glob_star_takes_every_character_and_none(void **state)
{
    (void)state;
    assert_true(matches("*", ""));
    assert_true(matches("*", "a.b:80"));
    assert_true(matches("*.s3.test", "a.b.s3.test"));
    assert_true(matches("*.s3.test", ".s3.test"));
    assert_false(matches("*.s3.test", "s3.test"));
    assert_true(matches("ec2.*.amazonaws.com", "ec2.us-east-1.amazonaws.com"));
    assert_false(matches("ec2.*.amazonaws.com", "ec2.us-east-1.amazonaws.com.evil"));
    assert_true(matches("a*b*c", "aXbYbZc"));
    assert_true(matches("**", "x"));
    assert_true(matches("a**", "a"));
    assert_false(matches("a*b", "acbd"));
    assert_true(matches("*ab*ab", "abxabyab"));
}

static void glob_has_no_other_special_characters(void **state)
{
    (void)state;
    assert_false(matches("?", "a"));
    assert_false(matches("[a]", "a"));
    assert_true(matches("[::1]:80", "[::1]:80"));
}

static void glob_with_many_stars_stays_fast(void **state)
{
    (void)state;
    char glob[2001];
    char text[2001];
    for (size_t i = 0; i < 2000; i++) {
        glob[i] = i % 2 ? '*' : 'a';
        text[i] = 'a';
    }
    glob[1999] = 'b';
    glob[2000] = 0;
    text[2000] = 0;
    assert_false(matches(glob, text));
    glob[1999] = '*';
    assert_true(matches(glob, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(glob_compares_without_case),
        cmocka_unit_test(glob_compares_with_case_where_asked),
        cmocka_unit_test(glob_star_takes_every_character_and_none),
        cmocka_unit_test(glob_has_no_other_special_characters),
        cmocka_unit_test(glob_with_many_stars_stays_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
