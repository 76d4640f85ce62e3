// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "sign/mismatch.h"

#define HEAD   "GET\n/a\nx=1&y=2\n"
#define FIELDS "content-type:text/a\nhost:h\nx-amz-date:d\n"
#define TAIL   "\ncontent-type;host;x-amz-date\ne3b0"
#define STRING "AWS4-HMAC-SHA256\n20260101T000000Z\n20260101/r/s/aws4_request\nabcd"

static void check(const char *ours, const char *theirs, enum sign_part part, unsigned line,
                  const char *our_line, const char *their_line)
{
    struct sign_mismatch m;
    struct sign_texts a = {.canonical_request = span_of(ours), .string_to_sign = SPAN(STRING)};
    struct sign_texts b = {.canonical_request = span_of(theirs), .string_to_sign = SPAN(STRING)};
    sign_compare(&a, &b, &m);
    assert_int_equal(m.part, part);
    assert_int_equal(m.line, line);
    if (our_line)
        assert_span(m.ours, our_line);
    else
        assert_null(m.ours.p);
    if (their_line)
        assert_span(m.theirs, their_line);
    else
        assert_null(m.theirs.p);
}

static void first_difference_of_the_canonical_request_is_named(void **state)
{
    static const char all[] = HEAD FIELDS TAIL;
    (void)state;
    check(all, all, SIGN_SAME, 0, NULL, NULL);
    check(all, "PUT\n/b\n\n" FIELDS TAIL, SIGN_METHOD, 1, "GET", "PUT");
    check(all, "GET\n/b\nx=1&y=2\n" FIELDS TAIL, SIGN_PATH, 2, "/a", "/b");
    check(all, "GET\n/a\nx=1&y=%32\n" FIELDS TAIL, SIGN_QUERY, 3, "y=2", "y=%32");
    check(all, "GET\n/a\nx=1\n" FIELDS TAIL, SIGN_QUERY, 3, "y=2", NULL);
    check(all, "GET\n/a\n\n" FIELDS TAIL, SIGN_QUERY, 3, "x=1", "");
    check(all, HEAD "content-type:text/b\nhost:h\nx-amz-date:d\n" TAIL, SIGN_FIELD, 4,
          "content-type:text/a", "content-type:text/b");
    check(all, HEAD "host:h\nx-amz-date:d\n" TAIL, SIGN_FIELD, 4, "content-type:text/a", "host:h");
    // The last field is missing on one side.
    check(all, HEAD "content-type:text/a\nhost:h\n" TAIL, SIGN_FIELD, 6, "x-amz-date:d", "");
    check(HEAD "content-type:text/a\nhost:h\n" TAIL, all, SIGN_FIELD, 6, "", "x-amz-date:d");
    check(all, HEAD FIELDS "\nhost\ne3b0", SIGN_NAMES, 8, "content-type;host;x-amz-date", "host");
    check(all, HEAD FIELDS "\ncontent-type;host;x-amz-date\nffff", SIGN_PAYLOAD, 9, "e3b0", "ffff");
    check(all, HEAD FIELDS, SIGN_NAMES, 8, "content-type;host;x-amz-date", NULL);
    check(all, all + 1, SIGN_METHOD, 1, "GET", "ET");
}

static void check_string(const char *theirs, enum sign_part part)
{
    struct sign_mismatch m;
    struct sign_texts a = {.canonical_request = SPAN("GET"), .string_to_sign = SPAN(STRING)};
    struct sign_texts b = {.string_to_sign = span_of(theirs)};
    sign_compare(&a, &b, &m);
    assert_int_equal(m.part, part);
}

static void string_to_sign_is_looked_at_behind_it(void **state)
{
    (void)state;
    check_string(STRING, SIGN_SAME);
    check_string("AWS4-X\n20260101T000000Z\n20260101/r/s/aws4_request\nabcd", SIGN_ALGORITHM);
    check_string("AWS4-HMAC-SHA256\n2026\n20260101/r/s/aws4_request\nabcd", SIGN_DATE);
    check_string("AWS4-HMAC-SHA256\n20260101T000000Z\n20260101/q/s/aws4_request\nabcd", SIGN_SCOPE);
    check_string("AWS4-HMAC-SHA256\n20260101T000000Z\n20260101/r/s/aws4_request\nef", SIGN_HASH);
    check_string("", SIGN_ALGORITHM);
}

static void nothing_known_is_no_difference(void **state)
{
    struct sign_mismatch m;
    struct sign_texts a = {.canonical_request = SPAN("GET"), .string_to_sign = SPAN(STRING)};
    struct sign_texts none = {.canonical_request = {NULL, 0}};
    (void)state;
    sign_compare(&a, &none, &m);
    assert_int_equal(m.part, SIGN_SAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_difference_of_the_canonical_request_is_named),
        cmocka_unit_test(string_to_sign_is_looked_at_behind_it),
        cmocka_unit_test(nothing_known_is_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
