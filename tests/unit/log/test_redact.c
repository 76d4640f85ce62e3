// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "log/redact.h"

static void values_of_secret_parameters_are_left_out(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},
        {"list-type=2&prefix=a%20b", "list-type=2&prefix=a%20b"},
        {"acl", "acl"},
        {"a=&b", "a=&b"},
        {"X-Amz-Signature=s&X-Amz-Date=d", "X-Amz-Signature=***&X-Amz-Date=d"},
        {"x-amz-security-token=t=t", "x-amz-security-token=***"},
        {"X%2DAmz%2dCredential=AKIA", "X%2DAmz%2dCredential=***"},
        {"AWSAccessKeyId=A&Signature=s&Expires=1", "AWSAccessKeyId=***&Signature=***&Expires=1"},
        {"client_secret=x&Password=y&passwd=z", "client_secret=***&Password=***&passwd=***"},
        {"WebIdentityToken=x&SAMLAssertion=y&TokenCode=z",
         "WebIdentityToken=***&SAMLAssertion=***&TokenCode=***"},
        {"access_token=x&token=y&api-key=z", "access_token=***&token=***&api-key=***"},
        {"X-Amz-S3session-Token=x", "X-Amz-S3session-Token=***"},
        {"continuation-token=c&NextToken=n", "continuation-token=c&NextToken=n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b;
        buf_init(&b);
        redact_query(span_of(cases[i].in), &b);
        assert_string_equal(buf_cstr(&b), cases[i].out);
        buf_clear(&b);
    }
}

static void name_too_long_to_be_judged_is_taken_for_a_secret(void **state)
{
    char name[300];
    (void)state;
    memset(name, 'a', sizeof(name));
    assert_false(redact_shows_parameter(span_from(name, sizeof(name))));
    assert_true(redact_shows_parameter(span_from(name, 100)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_secret_parameters_are_left_out),
        cmocka_unit_test(name_too_long_to_be_judged_is_taken_for_a_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
