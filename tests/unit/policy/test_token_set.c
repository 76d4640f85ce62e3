// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "base/digest.h"
#include "base/xalloc.h"
#include "policy/token_set.h"

static struct token_set *parse(const char *text)
{
    struct token_set *s = NULL;
    struct err e = {""};
    enum status st = token_set_parse(span_of(text), &s, &e);
    if (st != ST_OK)
        print_error("%s\n", e.text);
    assert_int_equal(st, ST_OK);
    return s;
}

static void finds_tokens_with_and_without_names(void **state)
{
    (void)state;
    struct token_set *s = parse("# who may come\n\nalice  0123456789abcdef\r\n"
                                "\tfedcba9876543210 \nbob s3cret-s3cret-s3cret");
    assert_string_equal(token_set_find(s, SPAN("0123456789abcdef")), "alice");
    assert_string_equal(token_set_find(s, SPAN("fedcba9876543210")), "-");
    assert_string_equal(token_set_find(s, SPAN("s3cret-s3cret-s3cret")), "bob");
    assert_null(token_set_find(s, SPAN("0123456789abcdeF")));
    assert_null(token_set_find(s, SPAN("0123456789abcde")));
    assert_null(token_set_find(s, SPAN("alice")));
    assert_null(token_set_find(s, SPAN("# who may come")));
    assert_null(token_set_find(s, SPAN("")));
    token_set_release(s);
}

static void refused(const char *text, const char *why)
{
    struct token_set *s = NULL;
    struct err e = {""};
    assert_int_not_equal(token_set_parse(span_of(text), &s, &e), ST_OK);
    assert_null(s);
    assert_string_equal(e.text, why);
}

static void says_which_line_is_wrong_and_nothing_of_it(void **state)
{
    (void)state;
    refused("", "there is no token in it");
    refused("# only this\n", "there is no token in it");
    refused("\nshort\n", "line 2: the token is shorter than 16 characters");
    refused("alice 0123456789abcdef more", "line 1: not TOKEN or NAME TOKEN");
    refused("0123456789abcdef\x01", "line 1: not TOKEN or NAME TOKEN");
    refused("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 0123456789abcdef",
            "line 1: the name is longer than 47 characters");
}

static void number_of_tokens_is_bounded(void **state)
{
    (void)state;
    size_t len = (size_t)(TOKEN_SET_MAX + 1) * 22;
    char *text = xmalloc(len + 1);
    size_t at = 0;
    for (int i = 0; i <= TOKEN_SET_MAX; i++)
        at += (size_t)snprintf(text + at, len - at, "token-number-%06d\n", i);
    refused(text, "line 1025: more than 1024 tokens");
    free(text);
}

static void lives_until_the_last_holder_is_gone(void **state)
{
    (void)state;
    struct token_set *s = token_set_acquire(parse("0123456789abcdef"));
    token_set_release(s);
    assert_non_null(token_set_find(s, SPAN("0123456789abcdef")));
    token_set_release(s);
    token_set_release(NULL);
}

static void follows_a_token_to_a_newer_set(void **state)
{
    (void)state;
    struct token_set *older = parse("alice 0123456789abcdef\nbob s3cret-s3cret-s3cret");
    struct token_set *newer = parse("bob fedcba9876543210\ncarol 0123456789abcdef");
    const char *alice = token_set_find(older, SPAN("0123456789abcdef"));
    const char *bob = token_set_find(older, SPAN("s3cret-s3cret-s3cret"));
    assert_ptr_equal(token_set_follow(older, older, alice), alice);
    assert_string_equal(token_set_follow(newer, older, alice), "carol");
    assert_null(token_set_follow(newer, older, bob)); // the name alone is nobody
    assert_null(token_set_follow(newer, older, "alice"));
    token_set_release(older);
    token_set_release(newer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_tokens_with_and_without_names),
        cmocka_unit_test(says_which_line_is_wrong_and_nothing_of_it),
        cmocka_unit_test(number_of_tokens_is_bounded),
        cmocka_unit_test(follows_a_token_to_a_newer_set),
        cmocka_unit_test(lives_until_the_last_holder_is_gone),
    };
    digest_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
