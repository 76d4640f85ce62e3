// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "retry/error_code.h"

static void assert_code(const char *body, const char *want)
{
    // From the heap at its exact size, so that a sanitizer sees a read beyond the end.
    size_t len = strlen(body);
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, body, len);
    assert_span(error_code_in_body(span_from(copy, len)), want);
    free(copy);
}

static void code_is_found_in_each_xml_shape(void **state)
{
    (void)state;
    assert_code("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SlowDown</Code></Error>",
                "SlowDown");
    assert_code("<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\n  <Error>\n"
                "    <Type>Sender</Type>\n    <Code>\n Throttling \n</Code>",
                "Throttling");
    assert_code("<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>x</Message>",
                "RequestLimitExceeded");
}

static void code_outside_an_error_element_is_not_taken(void **state)
{
    (void)state;
    assert_code("<Result><Code>SlowDown</Code></Result>", "");
    assert_code("<Code>SlowDown</Code><Error></Error>", "");
    assert_code("SlowDown", "");
    assert_code("", "");
}

static void cut_off_xml_gives_nothing(void **state)
{
    (void)state;
    assert_code("<Error><Code>SlowDo", "");
    assert_code("<Error><Code>", "");
    assert_code("<Err", "");
}

static void code_is_found_in_each_json_shape(void **state)
{
    (void)state;
    assert_code("{\"__type\":\"ThrottlingException\"}", "ThrottlingException");
    assert_code("{\"__type\":\"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceeded"
                "Exception\",\"message\":\"slower\"}",
                "ProvisionedThroughputExceededException");
    assert_code(" \n{ \"message\" : \"a \\\" b\" , \"code\" : \"TooManyRequestsException\" }",
                "TooManyRequestsException");
    assert_code("{\"Code\":\"Throttling\"}", "Throttling");
    assert_code("\xef\xbb\xbf{\"code\":\"Throttling\"}", "Throttling");
}

static void type_outranks_code_wherever_it_stands(void **state)
{
    (void)state;
    assert_code("{\"code\":\"A\",\"__type\":\"B\"}", "B");
    assert_code("{\"__type\":\"B\",\"code\":\"A\"}", "B");
    assert_code("{\"Code\":\"C\",\"code\":\"A\"}", "A");
    assert_code("{\"__type\":7,\"code\":\"A\"}", "A");
}

static void nested_and_quoted_words_are_not_codes(void **state)
{
    (void)state;
    assert_code("{\"message\":\"ThrottlingException\"}", "");
    assert_code("{\"a\":{\"__type\":\"ThrottlingException\"}}", "");
    assert_code("{\"a\":[{\"__type\":\"ThrottlingException\"}],\"b\":1}", "");
    assert_code("{\"message\":\"\\\",\\\"__type\\\":\\\"ThrottlingException\"}", "");
    assert_code("[{\"__type\":\"ThrottlingException\"}]", "");
    assert_code("{\"a\":\"}\",\"b\":{\"c\":[1,2,{}]},\"code\":\"Throttling\"}", "Throttling");
}

static void cut_off_json_gives_what_was_whole(void **state)
{
    (void)state;
    assert_code("{\"__type\":\"ThrottlingException\",\"mess", "ThrottlingException");
    assert_code("{\"__type\":\"ThrottlingExc", "");
    assert_code("{\"__type\"", "");
    assert_code("{", "");
    assert_code("{\"a\":\"\\", "");
}

static void deep_nesting_ends_the_search(void **state)
{
    (void)state;
    char body[4096] = "{\"a\":";
    memset(body + 5, '[', 3000);
    assert_code(body, "");
}

static void bare_code_sheds_namespace_and_address(void **state)
{
    (void)state;
    assert_span(error_code_bare(SPAN("ThrottlingException:http://internal/x#y")),
                "ThrottlingException");
    assert_span(error_code_bare(SPAN("aws.protocol#Name")), "Name");
    assert_span(error_code_bare(SPAN(" Name ")), "Name");
    assert_span(error_code_bare(SPAN("two words")), "");
    assert_span(error_code_bare(SPAN("")), "");
}

static void region_stands_in_s3_errors(void **state)
{
    (void)state;
    assert_span(error_region_in_body(SPAN("<Error><Code>AuthorizationHeaderMalformed</Code>"
                                          "<Region>us-west-2</Region></Error>")),
                "us-west-2");
    assert_span(error_region_in_body(SPAN("<Region>us-west-2</Region>")), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_is_found_in_each_xml_shape),
        cmocka_unit_test(code_outside_an_error_element_is_not_taken),
        cmocka_unit_test(cut_off_xml_gives_nothing),
        cmocka_unit_test(code_is_found_in_each_json_shape),
        cmocka_unit_test(type_outranks_code_wherever_it_stands),
        cmocka_unit_test(nested_and_quoted_words_are_not_codes),
        cmocka_unit_test(cut_off_json_gives_what_was_whole),
        cmocka_unit_test(deep_nesting_ends_the_search),
        cmocka_unit_test(bare_code_sheds_namespace_and_address),
        cmocka_unit_test(region_stands_in_s3_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
