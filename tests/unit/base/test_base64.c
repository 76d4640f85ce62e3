// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(encodes_as_rfc_4648_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
