// SPDX-License-Identifier: Apache-2.0
#include "unit/policy/plan_fixture.h"

#include "base/digest.h"

#define PUT_S3  "PUT http://b.s3.us-east-1.amazonaws.com/k HTTP/1.1\r\nHost: x"
#define S3      "tls b.s3.us-east-1.amazonaws.com:443 Host b.s3.us-east-1.amazonaws.com /k "
#define PUT_ES  "PUT http://d.us-east-1.es.amazonaws.com/k HTTP/1.1\r\nHost: x"
#define ES      "tls d.us-east-1.es.amazonaws.com:443 Host d.us-east-1.es.amazonaws.com /k "
#define COUNTED "\r\nContent-Length: 3"
#define CHUNKED "\r\nTransfer-Encoding: chunked"
#define HASH    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void payload_streams_s3_uploads_over_tls(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {PUT_S3 COUNTED, S3 "s3/us-east-1 unsigned+ stream"},
        {PUT_S3 CHUNKED, S3 "s3/us-east-1 unsigned+ length"},
        {PUT_S3 "\r\nContent-Length: 0", S3 "s3/us-east-1 hash+ none"},
        {PUT_S3, S3 "s3/us-east-1 hash+ none"},
    };
    static const struct plan_row hashed[] = {
        {PUT_S3 COUNTED, S3 "s3/us-east-1 hash+ hashed"},
        {PUT_S3 COUNTED "\r\nx-amz-content-sha256: " HASH, S3 "s3/us-east-1 hash+ hashed"},
        {PUT_S3 COUNTED "\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD",
         S3 "s3/us-east-1 hash+ hashed"},
    };
    PLAN_CHECK("", rows);
    PLAN_CHECK("payload = hash\n", hashed);
    PLAN_CHECK("[route \"*.s3.*\"]\npayload = hash\n", hashed);
}

static void payload_hashes_s3_uploads_over_plain_http(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {PUT_S3 COUNTED,
         "10.0.0.9:80 Host b.s3.us-east-1.amazonaws.com /k s3/us-east-1 hash+ hashed"},
        {PUT_S3 COUNTED "\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD",
         "10.0.0.9:80 Host b.s3.us-east-1.amazonaws.com /k s3/us-east-1 unsigned+ stream"},
        {PUT_S3 COUNTED "\r\nx-amz-content-sha256: " HASH,
         "10.0.0.9:80 Host b.s3.us-east-1.amazonaws.com /k s3/us-east-1 client+ stream"},
    };
    static const struct plan_row unsigned_too[] = {
        {PUT_S3 COUNTED,
         "10.0.0.9:80 Host b.s3.us-east-1.amazonaws.com /k s3/us-east-1 unsigned+ stream"},
    };
    PLAN_CHECK("[route \"*\"]\nupstream = http://10.0.0.9\n", rows);
    PLAN_CHECK("[route \"*\"]\nupstream = http://10.0.0.9\npayload = unsigned\n", unsigned_too);
}

static void payload_hashes_for_other_services(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {PUT_ES COUNTED, ES "es/us-east-1 hash hashed"},
        {PUT_ES CHUNKED, ES "es/us-east-1 hash hashed"},
        {PUT_ES, ES "es/us-east-1 hash none"},
        {PUT_ES COUNTED "\r\nX-Amz-Content-SHA256: UNSIGNED-PAYLOAD",
         ES "es/us-east-1 hash hashed"},
        {PUT_ES COUNTED "\r\nX-Amz-Content-SHA256: nonsense", ES "es/us-east-1 hash hashed"},
        {"PUT http://c.us-east-1.aoss.amazonaws.com/ HTTP/1.1\r\nHost: x" COUNTED,
         "tls c.us-east-1.aoss.amazonaws.com:443 Host c.us-east-1.aoss.amazonaws.com / "
         "aoss/us-east-1 hash+ hashed"},
        {"PUT http://s.1.vpc-lattice-svcs.us-west-2.on.aws/ HTTP/1.1\r\nHost: x" CHUNKED,
         "tls s.1.vpc-lattice-svcs.us-west-2.on.aws:443 Host "
         "s.1.vpc-lattice-svcs.us-west-2.on.aws / vpc-lattice-svcs/us-west-2 unsigned+ stream"},
        {"GET http://s.1.vpc-lattice-svcs.us-west-2.on.aws/ HTTP/1.1\r\nHost: x"
         "\r\nx-amz-content-sha256: " HASH,
         "tls s.1.vpc-lattice-svcs.us-west-2.on.aws:443 Host "
         "s.1.vpc-lattice-svcs.us-west-2.on.aws / vpc-lattice-svcs/us-west-2 unsigned+ none"},
    };
    static const struct plan_row asked_for_unsigned[] = {
        {PUT_ES COUNTED, ES "es/us-east-1 hash hashed"},
    };
    PLAN_CHECK("", rows);
    PLAN_CHECK("payload = unsigned\n", asked_for_unsigned);
}

static void payload_uses_a_client_hash_but_does_not_believe_it(void **state)
{
    (void)state;
    struct planned p;
    static const struct plan_row rows[] = {
        {PUT_S3 COUNTED "\r\nx-amz-content-sha256: " HASH, S3 "s3/us-east-1 client+ stream"},
        {PUT_S3 CHUNKED "\r\nx-amz-content-sha256: " HASH, S3 "s3/us-east-1 client+ length"},
        {"PUT http://glacier.us-east-1.amazonaws.com/-/v HTTP/1.1\r\nHost: x" COUNTED
         "\r\nx-amz-content-sha256: " HASH,
         "tls glacier.us-east-1.amazonaws.com:443 Host glacier.us-east-1.amazonaws.com /-/v "
         "glacier/us-east-1 client+ stream"},
        {PUT_ES "\r\nx-amz-content-sha256: " HASH, "400 payload-hash-mismatch"},
        {PUT_ES "\r\nx-amz-content-sha256: " DIGEST_EMPTY_HEX, ES "es/us-east-1 hash none"},
    };
    PLAN_CHECK("", rows);

    planned_make(&p, "", PUT_ES COUNTED "\r\nx-amz-content-sha256: " HASH "\r\n\r\n");
    assert_int_equal(p.plan.payload, PLAN_PAYLOAD_HASH);
    assert_int_equal(p.plan.body, PLAN_BODY_HASH);
    assert_span(p.plan.expected_hash, HASH);
    planned_clear(&p);

    planned_make(&p, "", PUT_S3 COUNTED "\r\nx-amz-content-sha256: " HASH "\r\n\r\n");
    assert_span(p.plan.client_hash, HASH);
    assert_int_equal(p.plan.expected_hash.len, 0);
    planned_clear(&p);
}

static void payload_refuses_bodies_that_are_signed_piece_by_piece(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {PUT_S3 COUNTED "\r\nx-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
         "400 already-signed"},
        {PUT_S3 COUNTED "\r\nContent-Encoding: gzip, aws-chunked", "400 already-signed"},
        {PUT_S3 COUNTED "\r\nContent-Encoding: gzip", S3 "s3/us-east-1 unsigned+ stream"},
    };
    PLAN_CHECK("", rows);
}

static void payload_replaces_signatures_and_refuses_other_credentials(void **state)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payload_streams_s3_uploads_over_tls),
        cmocka_unit_test(payload_hashes_s3_uploads_over_plain_http),
        cmocka_unit_test(payload_hashes_for_other_services),
        cmocka_unit_test(payload_uses_a_client_hash_but_does_not_believe_it),
        cmocka_unit_test(payload_refuses_bodies_that_are_signed_piece_by_piece),
        cmocka_unit_test(payload_replaces_signatures_and_refuses_other_credentials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
