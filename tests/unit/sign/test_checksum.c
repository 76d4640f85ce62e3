// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "sign/checksum.h"
#include "sign/stream.h"

// "123456789" is the check input of every CRC catalogue.
static const struct {
    struct span name;
    const char *check;
    const char *empty;
} known[] = {
    {SPAN("x-amz-checksum-crc32"), "y/Q5Jg==", "AAAAAA=="},
    {SPAN("X-Amz-Checksum-Crc32c"), "4waSgw==", "AAAAAA=="},
    {SPAN("x-amz-checksum-crc64nvme"), "rosUhgp5mIg=", "AAAAAAAAAAA="},
    {SPAN("x-amz-checksum-sha1"), "98O8HYCOBHMq32eZZczDTKeuNEE=", "2jmj7l5rSw0yVb/vlWAYkK/YBwk="},
    {SPAN("x-amz-checksum-sha256"), "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
     "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
};
#define COUNT (sizeof(known) / sizeof(known[0]))

static void each_kind_gives_its_published_check_value(void **state)
{
    (void)state;
    char text[CHECKSUM_TEXT_MAX];
    for (size_t i = 0; i < COUNT; i++) {
        struct checksum *c = checksum_new(known[i].name);
        assert_non_null(c);
        checksum_add(c, SPAN("123456789"));
        assert_span(checksum_final(c, text), known[i].check);
        checksum_free(c);
        c = checksum_new(known[i].name);
        assert_span(checksum_final(c, text), known[i].empty);
        checksum_free(c);
    }
}

static void length_of_a_trailer_is_known_before_its_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(sign_trailer_len(known[i].name), strlen(known[i].check));
    assert_int_equal(sign_trailer_len(SPAN("x-amz-checksum-new")), 0);
}

static void sum_does_not_depend_on_how_the_data_is_cut(void **state)
{
    (void)state;
    char data[100];
    char whole[CHECKSUM_TEXT_MAX];
    char cut[CHECKSUM_TEXT_MAX];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (char)(i * 7);
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t at = 0; at <= sizeof(data); at++) {
            struct checksum *a = checksum_new(known[i].name);
            struct checksum *b = checksum_new(known[i].name);
            checksum_add(a, span_from(data, sizeof(data)));
            checksum_add(b, span_from(data, at));
            checksum_add(b, span_from(data + at, sizeof(data) - at));
            assert_true(span_eq(checksum_final(a, whole), checksum_final(b, cut)));
            checksum_free(a);
            checksum_free(b);
        }
    }
}

static void unknown_kinds_are_refused(void **state)
{
    (void)state;
    assert_null(checksum_new(SPAN("x-amz-checksum-md5")));
    assert_null(checksum_new(SPAN("x-amz-checksum-crc")));
    assert_null(checksum_new(SPAN("")));
    checksum_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_gives_its_published_check_value),
        cmocka_unit_test(length_of_a_trailer_is_known_before_its_value),
        cmocka_unit_test(sum_does_not_depend_on_how_the_data_is_cut),
        cmocka_unit_test(unknown_kinds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
