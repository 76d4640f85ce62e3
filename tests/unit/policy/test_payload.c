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

#define STREAMING(kind) "\r\nx-amz-content-sha256: STREAMING-" kind
#define SIGNED_CHUNKS   STREAMING("AWS4-HMAC-SHA256-PAYLOAD")
#define UNSIGNED_CHUNKS STREAMING("UNSIGNED-PAYLOAD-TRAILER")
#define DECODED         "\r\nx-amz-decoded-content-length: 2000000"
#define TRAILER         "\r\nx-amz-trailer: x-amz-checksum-crc32"
#define PLAIN           "10.0.0.9:80 Host b.s3.us-east-1.amazonaws.com /k "

static void payload_of_framed_bodies_is_what_is_inside(void **state)
{
    (void)state;
    static const struct plan_row tls[] = {
        {PUT_S3 COUNTED SIGNED_CHUNKS DECODED, S3 "s3/us-east-1 unsigned+ framed stream"},
        {PUT_S3 COUNTED SIGNED_CHUNKS, S3 "s3/us-east-1 unsigned+ framed length"},
        {PUT_S3 COUNTED UNSIGNED_CHUNKS DECODED TRAILER, S3 "s3/us-east-1 trailer+ framed stream"},
        {PUT_S3 CHUNKED UNSIGNED_CHUNKS DECODED TRAILER, S3 "s3/us-east-1 trailer+ framed stream"},
        {PUT_S3 CHUNKED UNSIGNED_CHUNKS TRAILER, S3 "s3/us-east-1 unsigned+ framed length"},
        {PUT_S3 COUNTED SIGNED_CHUNKS "-TRAILER" DECODED TRAILER,
         S3 "s3/us-east-1 trailer+ framed stream"},
        {PUT_S3 COUNTED "\r\nContent-Encoding: gzip, aws-chunked" DECODED,
         S3 "s3/us-east-1 unsigned+ framed stream"},
        {PUT_S3 COUNTED "\r\nContent-Encoding: gzip", S3 "s3/us-east-1 unsigned+ stream"},
        {PUT_ES COUNTED SIGNED_CHUNKS DECODED, ES "es/us-east-1 hash framed hashed"},
        {PUT_S3 COUNTED STREAMING("AWS4-HMAC-SHA256-EVENTS"), "501 not-implemented"},
        {PUT_S3 SIGNED_CHUNKS, "400 bad-request"},
        {PUT_S3 COUNTED SIGNED_CHUNKS DECODED DECODED, "400 bad-request"},
        {PUT_S3 COUNTED SIGNED_CHUNKS "\r\nx-amz-decoded-content-length: 0x3", "400 bad-request"},
        {PUT_S3 COUNTED UNSIGNED_CHUNKS "\r\nx-amz-trailer: x-amz-checksum-sha1,authorization",
         "400 bad-request"},
        {PUT_S3 COUNTED UNSIGNED_CHUNKS
         "\r\nx-amz-trailer: x-amz-checksum-sha1, X-Amz-Checksum-Sha1",
         "400 bad-request"},
    };
    static const struct plan_row plain[] = {
        {PUT_S3 COUNTED SIGNED_CHUNKS DECODED, PLAIN "s3/us-east-1 chunked+ framed stream"},
        {PUT_S3 COUNTED SIGNED_CHUNKS "\r\nx-amz-decoded-content-length: 1048576",
         PLAIN "s3/us-east-1 hash+ framed hashed"},
        {PUT_S3 COUNTED SIGNED_CHUNKS, PLAIN "s3/us-east-1 hash+ framed hashed"},
    };
    PLAN_CHECK("", tls);
    PLAN_CHECK("[route \"*\"]\nupstream = http://10.0.0.9\n", plain);
}

static void payload_signs_chunks_where_a_hash_would_take_too_much(void **state)
{
    (void)state;
    static const struct plan_row plain[] = {
        {PUT_S3 "\r\nContent-Length: 1048576", PLAIN "s3/us-east-1 hash+ hashed"},
        {PUT_S3 "\r\nContent-Length: 1048577", PLAIN "s3/us-east-1 chunked+ stream"},
        {PUT_S3 CHUNKED, PLAIN "s3/us-east-1 hash+ hashed"},
        {PUT_S3 "\r\nContent-Length: 2000000\r\nx-amz-content-sha256: " HASH,
         PLAIN "s3/us-east-1 client+ stream"},
    };
    static const struct plan_row asked_for[] = {
        {PUT_S3 COUNTED, S3 "s3/us-east-1 chunked+ stream"},
        {PUT_S3 CHUNKED, S3 "s3/us-east-1 chunked+ length"},
        {PUT_S3, S3 "s3/us-east-1 hash+ none"},
        {PUT_ES COUNTED, ES "es/us-east-1 hash hashed"},
        {"PUT http://m.mrap.accesspoint.s3-global.amazonaws.com/k HTTP/1.1\r\nHost: x" COUNTED,
         "tls m.mrap.accesspoint.s3-global.amazonaws.com:443 Host "
         "m.mrap.accesspoint.s3-global.amazonaws.com /k 4A s3/* unsigned+ stream"},
    };
    PLAN_CHECK("[route \"*\"]\nupstream = http://10.0.0.9\n", plain);
    PLAN_CHECK("payload = chunked\n", asked_for);
}

static void payload_of_operations_that_say_so_is_unsigned(void **state)
{
    (void)state;
#define EBS "ebs.us-east-1.amazonaws.com"
    static const struct plan_row rows[] = {
        {"PUT http://" EBS "/snapshots/s-1/blocks/7 HTTP/1.1\r\nHost: x" COUNTED,
         "tls " EBS ":443 Host " EBS " /snapshots/s-1/blocks/7 ebs/us-east-1 unsigned+ stream"},
        {"PUT http://" EBS "/snapshots/s-1/blocks/7 HTTP/1.1\r\nHost: x" CHUNKED,
         "tls " EBS ":443 Host " EBS " /snapshots/s-1/blocks/7 ebs/us-east-1 unsigned+ length"},
        {"POST http://" EBS "/snapshots/s-1/blocks/7 HTTP/1.1\r\nHost: x" COUNTED,
         "tls " EBS ":443 Host " EBS " /snapshots/s-1/blocks/7 ebs/us-east-1 hash hashed"},
        {"PUT http://" EBS "/snapshots//blocks/7 HTTP/1.1\r\nHost: x" COUNTED,
         "tls " EBS ":443 Host " EBS " /snapshots//blocks/7 ebs/us-east-1 hash hashed"},
        {"PUT http://" EBS "/snapshots/s/blocks/7/8 HTTP/1.1\r\nHost: x" COUNTED,
         "tls " EBS ":443 Host " EBS " /snapshots/s/blocks/7/8 ebs/us-east-1 hash hashed"},
        {"PUT http://c.data.mediastore.us-west-2.amazonaws.com/a/b HTTP/1.1\r\nHost: x" COUNTED,
         "tls c.data.mediastore.us-west-2.amazonaws.com:443 Host "
         "c.data.mediastore.us-west-2.amazonaws.com /a/b mediastore/us-west-2 unsigned+ stream"},
    };
    PLAN_CHECK("", rows);
}

static void payload_of_a_signature_in_the_url_is_what_s3_takes_there(void **state)
{
    (void)state;
    static const struct plan_row query[] = {
        {PUT_S3 COUNTED, S3 "s3/us-east-1 unsigned+ query stream"},
        {PUT_S3, S3 "s3/us-east-1 unsigned+ query none"},
        {PUT_S3 COUNTED "\r\nx-amz-content-sha256: " HASH,
         S3 "s3/us-east-1 unsigned+ query stream"},
        {PUT_S3 COUNTED UNSIGNED_CHUNKS DECODED TRAILER,
         S3 "s3/us-east-1 unsigned+ query framed length"},
        {PUT_ES COUNTED, ES "es/us-east-1 hash query hashed"},
        {PUT_ES "\r\nx-amz-content-sha256: " HASH, "400 payload-hash-mismatch"},
    };
    static const struct plan_row redirect[] = {
        {PUT_S3 COUNTED, S3 "s3/us-east-1 unsigned+ redirect none"},
        {PUT_S3 CHUNKED, S3 "s3/us-east-1 unsigned+ redirect none"},
        {PUT_ES COUNTED, ES "es/us-east-1 hash redirect hashed"},
        {PUT_S3 COUNTED UNSIGNED_CHUNKS DECODED TRAILER, "400 bad-request"},
    };
    PLAN_CHECK("payload = chunked\n[route \"*\"]\nsign = query\n", query);
    PLAN_CHECK("[route \"*\"]\nsign = redirect\n", redirect);

    struct planned p;
    planned_make(&p, "redirect_expiry = 2m\nsigned_headers = all\n", PUT_S3 "\r\n\r\n");
    assert_int_equal(p.plan.expires_s, 120);
    assert_true(p.plan.signs_all);
    planned_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payload_streams_s3_uploads_over_tls),
        cmocka_unit_test(payload_hashes_s3_uploads_over_plain_http),
        cmocka_unit_test(payload_hashes_for_other_services),
        cmocka_unit_test(payload_uses_a_client_hash_but_does_not_believe_it),
        cmocka_unit_test(payload_of_framed_bodies_is_what_is_inside),
        cmocka_unit_test(payload_signs_chunks_where_a_hash_would_take_too_much),
        cmocka_unit_test(payload_of_operations_that_say_so_is_unsigned),
        cmocka_unit_test(payload_of_a_signature_in_the_url_is_what_s3_takes_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
