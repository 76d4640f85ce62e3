// SPDX-License-Identifier: Apache-2.0
#include "unit/policy/plan_fixture.h"

#define PUT_S3  "PUT http://b.s3.us-east-1.amazonaws.com/k HTTP/1.1\r\nHost: x"
#define S3      "tls b.s3.us-east-1.amazonaws.com:443 Host b.s3.us-east-1.amazonaws.com /k "
#define COUNTED "\r\nContent-Length: 3"
#define GET(q)  "GET http://B.s3.us-east-1.amazonaws.com:80/k?" q " HTTP/1.1\r\nHost: x"
#define V4      "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=A/1/r/s/aws4_request"
#define V2      "\r\nAuthorization: AWS AKID:c2ln"

static void grant_replaces_signatures_and_refuses_other_credentials(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {PUT_S3 "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=A/1/r/s/aws4_request",
         S3 "s3/us-east-1 hash+ none"},
        {PUT_S3 "\r\nAuthorization: AWS AKID:c2ln", S3 "s3/us-east-1 hash+ none"},
        {PUT_S3 "\r\nAuthorization: Basic eDp5", "400 bad-request"},
        {PUT_S3 "\r\nAuthorization: Bearer abc", "400 bad-request"},
        {PUT_S3 "\r\nAuthorization: whatever", "400 bad-request"},
        {"POST http://bedrock-runtime.us-east-1.amazonaws.com/m HTTP/1.1\r\nHost: x" COUNTED
         "\r\nAuthorization: Bearer abc",
         "tls bedrock-runtime.us-east-1.amazonaws.com:443 Host "
         "bedrock-runtime.us-east-1.amazonaws.com /m unsigned stream"},
        {"GET http://portal.sso.us-east-1.amazonaws.com/a HTTP/1.1\r\nHost: x"
         "\r\nx-amz-sso_bearer_token: t",
         "tls portal.sso.us-east-1.amazonaws.com:443 Host portal.sso.us-east-1.amazonaws.com /a "
         "unsigned none"},
    };
    PLAN_CHECK("", rows);
}

// Passed: the host as it was written, target and all.
#define PASSED(q)                                                                                  \
    "tls b.s3.us-east-1.amazonaws.com:443 Host B.s3.us-east-1.amazonaws.com:80 /k?" q              \
    " unsigned none"
#define SIGNED(q) S3_QUERY q " s3/us-east-1 hash+ none"
#define S3_QUERY  "tls b.s3.us-east-1.amazonaws.com:443 Host b.s3.us-east-1.amazonaws.com /k?"

static void grant_in_a_url_is_found_however_it_is_spelled(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {GET("X-Amz-Signature=00"), PASSED("X-Amz-Signature=00")},
        {GET("a=b&x-amz-algorithm=A"), PASSED("a=b&x-amz-algorithm=A")},
        {GET("X%2dAmz%2DSignature=00"), PASSED("X%2dAmz%2DSignature=00")},
        {GET("AWSAccessKeyId=A&Expires=1&Signature=b"),
         PASSED("AWSAccessKeyId=A&Expires=1&Signature=b")},
        {GET("Signature=b"), SIGNED("Signature=b")},
        {GET("X-Amz-Signature2=00"), SIGNED("X-Amz-Signature2=00")},
        {GET("X-Amz-Signatur=00"), SIGNED("X-Amz-Signatur=00")},
        {GET("a=X-Amz-Signature=00"), SIGNED("a=X-Amz-Signature=00")},
        {GET("X%2-Amz-Signature=00"), SIGNED("X%2-Amz-Signature=00")},
    };
    PLAN_CHECK("", rows);
}

static void grant_is_passed_replaced_or_rejected_as_told(void **state)
{
    (void)state;
    static const struct plan_row rejected[] = {
        {GET("X-Amz-Signature=00"), "403 already-signed"},
        {PUT_S3 V4, "403 already-signed"},
        {PUT_S3 V2, "403 already-signed"},
        {PUT_S3, S3 "s3/us-east-1 hash+ none"},
        {"GET http://open.test/?X-Amz-Signature=0 HTTP/1.1\r\nHost: x" V4,
         "open.test:80 Host open.test /?X-Amz-Signature=0 unsigned none"},
    };
    static const struct plan_row passed[] = {
        {PUT_S3 V4 COUNTED, S3 "unsigned stream"},
        {PUT_S3 V2, S3 "unsigned none"},
        {PUT_S3 V4 "\r\nTransfer-Encoding: chunked", S3 "unsigned length"},
        // No service is needed to pass something on.
        {"GET http://r.test/ HTTP/1.1\r\nHost: x" V4, "tls r.test:443 Host r.test / unsigned none"},
        {"GET /k HTTP/1.1\r\nHost: R.test" V4, "tls r.test:443 Host R.test /k unsigned none"},
        {"GET http://other.test/ HTTP/1.1\r\nHost: x" V4, "403 host-denied"},
    };
    PLAN_CHECK("already_signed = reject\nalready_presigned = reject\nunsigned_hosts = open.test\n",
               rejected);
    PLAN_CHECK("already_signed = pass\n[route \"r.test\"]\nsign = header\n", passed);

    struct planned p;
    planned_make(&p, "already_presigned = replace\n[route \"r.test\"]\nsign = header\n",
                 "GET http://r.test/?X-Amz-Signature=0&X-Amz-Credential=A%2F1%2feu-west-9%2Fs3"
                 "%2Faws4_request HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(p.plan.strips_presign);
    assert_true(p.plan.is_signed);
    assert_span(p.plan.service, "s3");
    assert_span(p.plan.region, "eu-west-9");
    planned_clear(&p);
}

static void grant_of_a_bearer_token_goes_to_who_takes_it(void **state)
{
    (void)state;
#define CATALYST "codecatalyst.global.api.aws"
    static const struct plan_row rows[] = {
        {"POST http://" CATALYST "/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t",
         "tls " CATALYST ":443 Host " CATALYST " / unsigned none"},
        {"POST http://" CATALYST "/ HTTP/1.1\r\nHost: x\r\nAuthorization: Basic t",
         "403 never-signed"},
        {"POST http://" CATALYST "/ HTTP/1.1\r\nHost: x", "403 never-signed"},
        {"CONNECT " CATALYST ":443 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t",
         "403 host-denied"},
    };
    PLAN_CHECK("", rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grant_replaces_signatures_and_refuses_other_credentials),
        cmocka_unit_test(grant_in_a_url_is_found_however_it_is_spelled),
        cmocka_unit_test(grant_is_passed_replaced_or_rejected_as_told),
        cmocka_unit_test(grant_of_a_bearer_token_goes_to_who_takes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
