// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "creds/creds_int.h"

static struct creds_parts parts(const char *id, const char *secret, const char *token)
{
    return (struct creds_parts){.access_key = span_of(id),
                                .secret_key = span_of(secret),
                                .session_token = span_of(token),
                                .expires_at_ms = INT64_MAX,
                                .provider = "test",
                                .source = "a test"};
}

static struct creds *made(const char *id, const char *secret, const char *token)
{
    struct creds_parts p = parts(id, secret, token);
    struct creds *c = NULL;
    struct err e;
    assert_int_equal(creds_make(&p, &c, &e), ST_OK);
    return c;
}

static void blanks_around_the_parts_are_trimmed(void **state)
{
    (void)state;
    struct creds *c = made(" AKID\r\n", "\tse/cr+et=\n", "\n");
    assert_string_equal(c->access_key, "AKID");
    assert_string_equal(c->secret_key, "se/cr+et=");
    assert_null(c->session_token);
    creds_free(c);
}

static void octets_that_no_key_has_are_refused_without_showing_them(void **state)
{
    (void)state;
    static char long_text[8200];
    memset(long_text, 'x', sizeof(long_text) - 1);
    static const struct {
        const char *id, *secret, *token, *why;
    } rows[] = {
        {"", "HUSH", NULL, "access key id is empty"},
        {"AKID", " \n", NULL, "secret access key is empty"},
        {"AK ID", "HUSH", NULL, "access key id has a character"},
        {"AKID", "HUSH\nMORE", NULL, "secret access key has a line break"},
        {"AKID", "HU\x01SH", NULL,
         "secret access key has a character that no key has, at position 3"},
        {"AKID", "HUSH\xc3\xa4", NULL, "secret access key has a character"},
        {"AKID", "HUSH", "a\rb", "session token has a line break"},
        {"AKID", "HUSH", long_text, "session token is longer than 8192"},
        {"AKID", long_text, NULL, "secret access key is longer than 256"},
        {long_text, "HUSH", NULL, "access key id is longer than 128"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct creds_parts p = parts(rows[i].id, rows[i].secret, rows[i].token);
        struct creds *c = NULL;
        struct err e;
        assert_int_equal(creds_make(&p, &c, &e), ST_INVALID);
        assert_null(c);
        if (!strstr(e.text, rows[i].why))
            fail_msg("got \"%s\", want \"%s\"", e.text, rows[i].why);
        assert_null(strstr(e.text, "HU"));
    }
}

static void same_means_each_part_and_the_source(void **state)
{
    (void)state;
    struct creds *a = made("AKID", "SECRET", NULL);
    static const char *const others[][3] = {
        {"AKIE", "SECRET", NULL}, {"AKID", "SECRES", NULL}, {"AKID", "SECRET", "T"}};
    struct creds *b = made("AKID", "SECRET", "");
    assert_true(creds_same(a, b));
    b->expires_at_ms = 5;
    assert_false(creds_same(a, b));
    creds_free(b);
    for (size_t i = 0; i < 3; i++) {
        b = made(others[i][0], others[i][1], others[i][2]);
        assert_false(creds_same(a, b));
        creds_free(b);
    }
    creds_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blanks_around_the_parts_are_trimmed),
        cmocka_unit_test(octets_that_no_key_has_are_refused_without_showing_them),
        cmocka_unit_test(same_means_each_part_and_the_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
