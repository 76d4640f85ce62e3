// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "retry/classify.h"

#define UNKNOWN UINT64_MAX

static struct retry_statuses usual(void)
{
    struct retry_statuses s = {{0}};
    static const char *const words[] = {"500", "502", "503", "504", "509", "429"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_true(retry_statuses_add(&s, span_of(words[i])));
    return s;
}

static struct retry_error classify(const struct retry_head *h, const char *body)
{
    struct retry_statuses s = usual();
    struct retry_error e;
    retry_classify(h, &s, span_of(body), true, &e);
    return e;
}

static enum retry_kind kind_of(int status, const char *body)
{
    struct retry_head h = {.status = status, .length = strlen(body)};
    return classify(&h, body).kind;
}

static bool wants_peek(const struct retry_head *h)
{
    struct retry_statuses s = usual();
    return retry_wants_peek(h, &s);
}

static void each_throttling_code_is_throttling_on_a_4xx(void **state)
{
    (void)state;
    static const char *const all[] = {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "SlowDown",
        "PriorRequestNotComplete",
        "EC2ThrottledException",
    };
    char body[200];
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        (void)snprintf(body, sizeof(body), "{\"__type\":\"x.y#%s\"}", all[i]);
        assert_int_equal(kind_of(400, body), RETRY_THROTTLED);
        (void)snprintf(body, sizeof(body), "<ErrorResponse><Error><Code>%s</Code>", all[i]);
        assert_int_equal(kind_of(403, body), RETRY_THROTTLED);
    }
}

static void codes_are_matched_exactly(void **state)
{
    (void)state;
    assert_int_equal(kind_of(400, "{\"__type\":\"throttlingexception\"}"), RETRY_FINAL);
    assert_int_equal(kind_of(400, "{\"__type\":\"ThrottlingExceptionX\"}"), RETRY_FINAL);
    assert_int_equal(kind_of(400, "{\"__type\":\"ValidationException\"}"), RETRY_FINAL);
    assert_int_equal(kind_of(403, "<Error><Code>AccessDenied</Code></Error>"), RETRY_FINAL);
}

static void statuses_of_the_set_are_retried_without_a_code(void **state)
{
    (void)state;
    static const int transient[] = {500, 502, 503, 504};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(kind_of(transient[i], ""), RETRY_TRANSIENT);
    assert_int_equal(kind_of(429, ""), RETRY_THROTTLED);
    assert_int_equal(kind_of(509, ""), RETRY_THROTTLED);
}

static void other_statuses_are_final(void **state)
{
    (void)state;
    static const int final[] = {400, 403, 404, 408, 409, 412, 416, 501, 505, 507, 511};
    for (size_t i = 0; i < sizeof(final) / sizeof(final[0]); i++)
        assert_int_equal(kind_of(final[i], ""), RETRY_FINAL);
}

static void code_makes_a_503_throttling(void **state)
{
    (void)state;
    assert_int_equal(kind_of(503, "<Error><Code>SlowDown</Code></Error>"), RETRY_THROTTLED);
    assert_int_equal(
        kind_of(503, "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error>"),
        RETRY_THROTTLED);
    assert_int_equal(kind_of(503, "<Error><Code>ServiceUnavailable</Code></Error>"),
                     RETRY_TRANSIENT);
}

static void request_timeouts_are_transient(void **state)
{
    (void)state;
    assert_int_equal(kind_of(400, "<Error><Code>RequestTimeout</Code></Error>"), RETRY_TRANSIENT);
    assert_int_equal(kind_of(408, "{\"code\":\"RequestTimeoutException\"}"), RETRY_TRANSIENT);
}

static void header_code_needs_no_body(void **state)
{
    (void)state;
    struct retry_head h = {.status = 400, .error_type = SPAN("ThrottlingException:http://x/")};
    assert_true(wants_peek(&h));
    struct retry_error e = classify(&h, "");
    assert_int_equal(e.kind, RETRY_THROTTLED);
    assert_span(e.code, "ThrottlingException");
    h.error_type = SPAN("ValidationException");
    h.length = 100;
    assert_false(wants_peek(&h)); // decided: it is relayed at once
}

static void either_code_of_a_query_compatible_service_counts(void **state)
{
    (void)state;
    struct retry_head h = {.status = 400,
                           .error_type = SPAN("com.amazonaws.sqs#SomethingNew"),
                           .query_error = SPAN("RequestThrottled;Sender")};
    assert_int_equal(classify(&h, "").kind, RETRY_THROTTLED);
    h.error_type = SPAN("com.amazonaws.sqs#RequestThrottled");
    h.query_error = SPAN("AWS.SimpleQueueService.Other;Sender");
    assert_int_equal(classify(&h, "").kind, RETRY_THROTTLED);
}

static void success_is_never_held_back(void **state)
{
    (void)state;
    for (int status = 200; status < 400; status++) {
        struct retry_head h = {.status = status,
                               .length = 10,
                               .content_type = SPAN("application/xml"),
                               .error_type = SPAN("ThrottlingException")};
        assert_false(wants_peek(&h));
    }
}

static void only_small_texts_of_4xx_are_read(void **state)
{
    (void)state;
    struct retry_head h = {.status = 400, .length = 100};
    assert_true(wants_peek(&h)); // no type
    h.content_type = SPAN("application/x-amz-json-1.0; charset=utf-8");
    assert_true(wants_peek(&h));
    h.content_type = SPAN("text/xml;charset=UTF-8");
    assert_true(wants_peek(&h));
    h.content_type = SPAN("text/html");
    assert_false(wants_peek(&h));
    h.content_type = SPAN("application/json");
    h.length = RETRY_PEEK_MAX + 1;
    assert_false(wants_peek(&h));
    h.length = UNKNOWN;
    assert_true(wants_peek(&h));
    h.content_encoding = SPAN("gzip");
    assert_false(wants_peek(&h));
    h.content_encoding = SPAN("");
    h.is_to_head = true;
    assert_false(wants_peek(&h));
    h.length = 0;
    h.is_to_head = false;
    assert_false(wants_peek(&h));
}

static void retryable_status_is_held_whatever_its_body_is(void **state)
{
    (void)state;
    struct retry_head h = {.status = 503,
                           .length = (uint64_t)1 << 40,
                           .content_type = SPAN("image/png"),
                           .content_encoding = SPAN("gzip")};
    assert_true(wants_peek(&h));
    assert_int_equal(classify(&h, "\x1f\x8b<Error><Code>SlowDown</Code>").kind, RETRY_TRANSIENT);
}

static void piece_of_a_4xx_decides_nothing(void **state)
{
    (void)state;
    struct retry_statuses s = usual();
    struct retry_head h = {.status = 400, .length = UNKNOWN};
    struct retry_error e;
    struct span piece = SPAN("{\"__type\":\"ThrottlingException\",");
    retry_classify(&h, &s, piece, false, &e);
    assert_int_equal(e.kind, RETRY_FINAL);
    h.status = 500;
    retry_classify(&h, &s, piece, false, &e);
    assert_int_equal(e.kind, RETRY_THROTTLED);
}

static void each_repair_has_its_codes(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        enum retry_kind kind;
    } rows[] = {
        {"RequestTimeTooSkewed", RETRY_CLOCK},
        {"RequestExpired", RETRY_CLOCK},
        {"RequestInTheFuture", RETRY_CLOCK},
        {"InvalidSignatureException", RETRY_SIGNATURE},
        {"SignatureDoesNotMatch", RETRY_SIGNATURE},
        {"AuthFailure", RETRY_SIGNATURE},
        {"ExpiredToken", RETRY_TOKEN},
        {"ExpiredTokenException", RETRY_TOKEN},
        {"TokenRefreshRequired", RETRY_TOKEN},
        {"InvalidClientTokenId", RETRY_KEY},
        {"InvalidToken", RETRY_KEY},
        {"UnrecognizedClientException", RETRY_KEY},
        {"InvalidAccessKeyId", RETRY_KEY},
        {"XAmzContentSHA256Mismatch", RETRY_FINAL},
        {"BadDigest", RETRY_FINAL},
    };
    char body[100];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void)snprintf(body, sizeof(body), "<Error><Code>%s</Code></Error>", rows[i].code);
        assert_int_equal(kind_of(403, body), rows[i].kind);
    }
}

static void s3_region_comes_from_header_or_body(void **state)
{
    (void)state;
    struct retry_head h = {.status = 301, .is_s3 = true, .bucket_region = SPAN("eu-west-1")};
    assert_true(wants_peek(&h));
    struct retry_error e = classify(&h, "");
    assert_int_equal(e.kind, RETRY_REGION);
    assert_span(e.region, "eu-west-1");
    h = (struct retry_head){.status = 400, .is_s3 = true, .length = 10};
    e = classify(&h, "<Error><Code>AuthorizationHeaderMalformed</Code><Region>us-west-2</Region>");
    assert_int_equal(e.kind, RETRY_REGION);
    assert_span(e.region, "us-west-2");
    h = (struct retry_head){
        .status = 400, .is_s3 = true, .is_to_head = true, .bucket_region = SPAN("eu-west-1")};
    assert_true(wants_peek(&h));
    assert_int_equal(classify(&h, "").kind, RETRY_REGION);
}

static void odd_regions_are_not_followed(void **state)
{
    (void)state;
    struct retry_head h = {.status = 301, .is_s3 = true, .bucket_region = SPAN("x/../evil")};
    assert_false(wants_peek(&h));
    assert_int_equal(classify(&h, "").kind, RETRY_FINAL);
    h.bucket_region = SPAN("");
    assert_false(wants_peek(&h)); // a Location alone leads nowhere
    assert_false(retry_is_region(SPAN("evil.example.com")));
    assert_false(retry_is_region(SPAN("EU-WEST-1")));
    assert_false(retry_is_region(SPAN("a-region-of-more-than-32-characters")));
    assert_true(retry_is_region(SPAN("us-gov-east-1")));
}

static void region_is_repaired_for_s3_alone(void **state)
{
    (void)state;
    struct retry_head h = {.status = 301, .bucket_region = SPAN("eu-west-1")};
    assert_false(wants_peek(&h));
    h.status = 400;
    assert_int_equal(classify(&h, "<Error><Code>PermanentRedirect</Code></Error>").kind,
                     RETRY_FINAL);
}

static void location_constraint_of_a_new_bucket_is_the_clients_matter(void **state)
{
    (void)state;
    const char *body = "<Error><Code>IllegalLocationConstraintException</Code></Error>";
    struct retry_head h = {.status = 400, .is_s3 = true, .bucket_region = SPAN("eu-west-1")};
    assert_int_equal(classify(&h, body).kind, RETRY_REGION);
    h.is_bucket_created = true;
    assert_int_equal(classify(&h, body).kind, RETRY_FINAL);
}

static void statuses_are_numbers_or_classes(void **state)
{
    (void)state;
    struct retry_statuses s = {{0}};
    assert_true(retry_statuses_add(&s, SPAN("5xx")));
    assert_true(retry_statuses_has(&s, 500));
    assert_true(retry_statuses_has(&s, 599));
    assert_false(retry_statuses_has(&s, 499));
    assert_false(retry_statuses_has(&s, 600));
    assert_false(retry_statuses_has(&s, 200));
    assert_true(retry_statuses_add(&s, SPAN("408")));
    assert_true(retry_statuses_has(&s, 408));
    assert_false(retry_statuses_add(&s, SPAN("200")));
    assert_false(retry_statuses_add(&s, SPAN("600")));
    assert_false(retry_statuses_add(&s, SPAN("3xx")));
    assert_false(retry_statuses_add(&s, SPAN("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_throttling_code_is_throttling_on_a_4xx),
        cmocka_unit_test(codes_are_matched_exactly),
        cmocka_unit_test(statuses_of_the_set_are_retried_without_a_code),
        cmocka_unit_test(other_statuses_are_final),
        cmocka_unit_test(code_makes_a_503_throttling),
        cmocka_unit_test(request_timeouts_are_transient),
        cmocka_unit_test(header_code_needs_no_body),
        cmocka_unit_test(either_code_of_a_query_compatible_service_counts),
        cmocka_unit_test(success_is_never_held_back),
        cmocka_unit_test(only_small_texts_of_4xx_are_read),
        cmocka_unit_test(retryable_status_is_held_whatever_its_body_is),
        cmocka_unit_test(piece_of_a_4xx_decides_nothing),
        cmocka_unit_test(each_repair_has_its_codes),
        cmocka_unit_test(s3_region_comes_from_header_or_body),
        cmocka_unit_test(odd_regions_are_not_followed),
        cmocka_unit_test(region_is_repaired_for_s3_alone),
        cmocka_unit_test(location_constraint_of_a_new_bucket_is_the_clients_matter),
        cmocka_unit_test(statuses_are_numbers_or_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
