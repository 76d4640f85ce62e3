// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include <limits.h>

#include "base/base64.h"

static void encodes_as_rfc_4648_says(void **state)
{
    static const char *const cases[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xff\xfe\xfd", "//79"}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b;
        buf_init(&b);
        buf_add_str(&b, "x");
        base64_encode(span_of(cases[i][0]), &b);
        assert_string_equal(buf_cstr(&b) + 1, cases[i][1]);
        buf_clear(&b);
    }
}

static void a_digit_has_the_value_of_its_place_and_nothing_else_has_one(void **state)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (void)state;
    for (int c = CHAR_MIN; c <= CHAR_MAX; c++) {
        const char *at = c ? strchr(digits, c) : NULL;
        assert_int_equal(base64_value((char)c), at ? (int)(at - digits) : -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_as_rfc_4648_says),
        cmocka_unit_test(a_digit_has_the_value_of_its_place_and_nothing_else_has_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
