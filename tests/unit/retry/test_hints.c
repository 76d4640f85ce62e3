// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "retry/retry.h"

#define SUNDAY 784111777000 // Sun, 06 Nov 1994 08:49:37 GMT

static void date_is_read_in_each_form_of_http(void **state)
{
    (void)state;
    static const char *const forms[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    for (size_t i = 0; i < 3; i++) {
        int64_t ms = 0;
        assert_true(retry_parse_date(span_of(forms[i]), &ms));
        assert_true(ms == SUNDAY);
    }
}

static void odd_dates_are_refused(void **state)
{
    (void)state;
    static const char *const odd[] = {"",
                                      " ",
                                      "now",
                                      "Sun, 06 Nov 1994 08:49:37 CET",
                                      "Sun, 06 Nov 1994 08:49:37",
                                      "Sun, 06 Now 1994 08:49:37 GMT",
                                      "Sun, 00 Nov 1994 08:49:37 GMT",
                                      "Sun, 32 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 24:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:60:37 GMT",
                                      "Sun, -6 Nov 1994 08:49:37 GMT",
                                      "1994-11-06T08:49:37Z"};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        int64_t ms = 0;
        assert_false(retry_parse_date(span_of(odd[i]), &ms));
    }
}

static void amz_retry_after_is_in_milliseconds(void **state)
{
    (void)state;
    assert_int_equal(retry_parse_amz_after(SPAN("1500")), 1500);
    assert_int_equal(retry_parse_amz_after(SPAN("0")), 0);
    assert_int_equal(retry_parse_amz_after(SPAN("-1")), -1);
    assert_int_equal(retry_parse_amz_after(SPAN("abc")), -1);
    assert_int_equal(retry_parse_amz_after(SPAN("1.5")), -1);
    assert_int_equal(retry_parse_amz_after(SPAN("")), -1);
    assert_int_equal(retry_parse_amz_after(SPAN("99999999999999999999999")), -1);
}

static void retry_after_is_in_seconds_or_a_date(void **state)
{
    (void)state;
    assert_int_equal(retry_parse_after(SPAN("3"), 0), 3000);
    assert_int_equal(retry_parse_after(SPAN("Sun, 06 Nov 1994 08:49:37 GMT"), SUNDAY - 7000), 7000);
    assert_int_equal(retry_parse_after(SPAN("Sun, 06 Nov 1994 08:49:37 GMT"), SUNDAY + 7000), 0);
    assert_int_equal(retry_parse_after(SPAN("soon"), 0), -1);
    assert_true(retry_parse_after(SPAN("18446744073709551615"), 0) > 86400000);
}

static void sdk_names_its_attempt(void **state)
{
    (void)state;
    assert_true(retry_is_sdk(SPAN("attempt=1; max=3")));
    assert_true(retry_is_sdk(SPAN("ttl=20260101T000000Z; attempt=2; max=3")));
    assert_true(retry_is_sdk(SPAN("attempt=1")));
    assert_false(retry_is_sdk(SPAN("max=3")));
    assert_false(retry_is_sdk((struct span){NULL, 0}));
}

static void reading_actions_are_known_by_name(void **state)
{
    (void)state;
    struct span none = {NULL, 0};
    assert_true(retry_only_reads(SPAN("DynamoDB_20120810.GetItem"), none, none));
    assert_true(retry_only_reads(SPAN("DynamoDB_20120810.Query"), none, none));
    assert_true(retry_only_reads(SPAN("DynamoDB_20120810.BatchGetItem"), none, none));
    assert_false(retry_only_reads(SPAN("DynamoDB_20120810.PutItem"), none, none));
    assert_false(retry_only_reads(SPAN("DynamoDB_20120810.QueryAndDrop"), none, none));
    assert_true(retry_only_reads(none, SPAN("Version=1&Action=DescribeInstances"), none));
    assert_true(retry_only_reads(none, SPAN(""), SPAN("Action=ListQueues&Version=2012-11-05")));
    assert_false(retry_only_reads(none, SPAN(""), SPAN("Action=RunInstances")));
    assert_false(retry_only_reads(none, SPAN(""), SPAN("XAction=ListQueues")));
    assert_false(retry_only_reads(none, SPAN("Action=RunInstances"), SPAN("Action=ListQueues")));
    assert_false(retry_only_reads(none, none, none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(date_is_read_in_each_form_of_http),
        cmocka_unit_test(odd_dates_are_refused),
        cmocka_unit_test(amz_retry_after_is_in_milliseconds),
        cmocka_unit_test(retry_after_is_in_seconds_or_a_date),
        cmocka_unit_test(sdk_names_its_attempt),
        cmocka_unit_test(reading_actions_are_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
