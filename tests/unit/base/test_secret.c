// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "base/secret.h"

static void wipe_leaves_nothing(void **state)
{
    (void)state;
    char secret[] = "wJalrXUtnFEMI";
    char copy[sizeof(secret)];
    memcpy(copy, secret, sizeof(copy));
    secret_wipe(secret, sizeof(secret) - 1);
    for (size_t i = 0; i + 1 < sizeof(secret); i++)
        assert_int_not_equal(secret[i], copy[i]);
    secret_wipe(NULL, 10);
    secret_wipe(copy, 0);
    assert_string_equal(copy, "wJalrXUtnFEMI");
    secret_free_str(NULL);
    secret_free_str(strdup("x"));
}

static void mask_is(const char *akid, const char *want)
{
    char out[SECRET_MASK_LEN];
    memset(out, '#', sizeof(out));
    secret_mask(span_of(akid), out);
    assert_string_equal(out, want);
}

static void mask_shows_four_and_four_of_long_ids_only(void **state)
{
    (void)state;
    mask_is("AKIAIOSFODNN7EXAMPLE", "AKIA...MPLE");
    mask_is("AKIA12345678", "AKIA...5678");
    mask_is("AKIA1234567", "****");
    mask_is("", "****");
    mask_is(NULL, "****");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wipe_leaves_nothing),
        cmocka_unit_test(mask_shows_four_and_four_of_long_ids_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
