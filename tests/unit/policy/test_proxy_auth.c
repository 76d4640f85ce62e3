// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "base/digest.h"
#include "policy/proxy_auth.h"

static const char *find(const char *first, const char *second)
{
    struct arena a = {.head = NULL};
    struct hdrs h;
    struct token_set *set = NULL;
    struct err e;
    assert_int_equal(token_set_parse(SPAN("ci 0123456789abcdef\n"), &set, &e), ST_OK);
    hdrs_init(&h);
    if (first)
        hdrs_add(&h, &a, SPAN("Proxy-Authorization"), span_of(first));
    if (second)
        hdrs_add(&h, &a, SPAN("proxy-authorization"), span_of(second));
    const char *name = proxy_auth_find(set, &h);
    static char copy[64];
    (void)snprintf(copy, sizeof(copy), "%s", name ? name : "");
    token_set_release(set);
    arena_clear(&a);
    return copy;
}

static void token_is_taken_as_bearer_and_as_password(void **state)
{
    (void)state;
    assert_string_equal(find("Bearer 0123456789abcdef", NULL), "ci");
    assert_string_equal(find("bearer   0123456789abcdef", NULL), "ci");
    assert_string_equal(find("Basic dXNlcjowMTIzNDU2Nzg5YWJjZGVm", NULL), "ci");
    assert_string_equal(find("BASIC OjAxMjM0NTY3ODlhYmNkZWY=", NULL), "ci");
    assert_string_equal(find("Basic OjAxMjM0NTY3ODlhYmNkZWY", NULL), "ci");
}

static void everything_else_is_nobody(void **state)
{
    (void)state;
    const char *const bad[] = {
        NULL,
        "",
        "Bearer",
        "Bearer ",
        "Bearer 0123456789abcdeF",
        "0123456789abcdef",
        "Basic 0123456789abcdef",
        "Basic dXNlcjowMTIzNDU2Nzg5YWJjZGVm!",
        "Basic MDEyMzQ1Njc4OWFiY2RlZjo=", // the token as the user's name
        "Basic dXNlcg==",
        "Basic ",
        "Digest 0123456789abcdef",
        "Bearer 0123456789abcdef 0123456789abcdef",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_string_equal(find(bad[i], NULL), "");
    assert_string_equal(find("Bearer 0123456789abcdef", "Bearer 0123456789abcdef"), "");
    char huge[4096] = "Basic ";
    memset(huge + 6, 'A', sizeof(huge) - 7);
    assert_string_equal(find(huge, NULL), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token_is_taken_as_bearer_and_as_password),
        cmocka_unit_test(everything_else_is_nobody),
    };
    digest_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
