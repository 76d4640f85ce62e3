// SPDX-License-Identifier: Apache-2.0
// Keys here are made up.
#include "unit/test.h"

#include "creds/redact_int.h"

static const char *redacted(const char *text, const char *known)
{
    static char line[600];
    struct buf b;
    buf_init(&b);
    redact_text(span_of(text), span_of(known), &b);
    (void)snprintf(line, sizeof(line), "%s", buf_cstr(&b));
    buf_clear(&b);
    return line;
}

static const struct {
    const char *text, *want;
} cases[] = {
    {"no such profile: dev", "no such profile: dev"},
    {"a\nb\r\n\tc \x01 d\n", "a b c d"},
    {"  ", ""},
    {"", ""},
    {"Traceback: /usr/lib/python3/dist-packages/botocore/session.py:12",
     "Traceback: /usr/lib/python3/dist-packages/botocore/session.py:12"},
    {"key AKIAMADEUPMADEUP1234", "key AKIA...1234"},
    {"ASIAMADEUPMADEUP1234:", "ASIA...1234:"},
    {"it is kQ9/abcDEF+ghiJKL1mnoPQR2stuVWX3yz/ABcd, so", "it is ****, so"},
    {"{\"SecretAccessKey\": \"shorter-one\", \"Version\": 1}",
     "{\"SecretAccessKey\": \"****\", \"Version\": 1}"},
    {"AWS_SECRET_ACCESS_KEY=shorter/one=", "AWS_SECRET_ACCESS_KEY=****"},
    {"session_token = a.b1c", "session_token = a.b1c"},
    {"session_token: x1y2", "session_token: ****"},
    {"password='p4ss'", "password='****'"},
    {"the token: expired, log in", "the token: expired, log in"},
    {"ExpiredToken: The security token is expired", "ExpiredToken: The security token is expired"},
    {"token 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef!", "token ****!"},
    {"token\n: a1b2", "token : a1b2"},
};

static void what_looks_like_a_secret_goes_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(redacted(cases[i].text, ""), cases[i].want);
}

static void what_stands_in_the_answer_too_goes(void **state)
{
    (void)state;
    static const char answer[] = "{\"SecretAccessKey\":\"only-letters-here\"";
    assert_string_equal(redacted("printing only-letters-here now", answer), "printing **** now");
    assert_string_equal(redacted("printing only-letters-there now", answer),
                        "printing only-letters-there now");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_looks_like_a_secret_goes_and_nothing_else),
        cmocka_unit_test(what_stands_in_the_answer_too_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
