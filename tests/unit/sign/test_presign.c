// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "base/digest.h"
#include "sign/presign.h"

static struct arena a;
static struct sign_target target;
static struct sign_result result;
static struct err e;

static const struct sign_identity doc_identity = {
    .access_key = SPAN("AKIAIOSFODNN7EXAMPLE"),
    .secret_key = SPAN("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    .generation = 1,
};

#define DOC_SCOPE "AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"

static struct sign_request request(const char *query)
{
    sign_target_make(SPAN("/test.txt"), span_of(query), true, &a, &target);
    return (struct sign_request){
        .method = SPAN("GET"),
        .host = SPAN("examplebucket.s3.amazonaws.com"),
        .target = &target,
        .payload_hash = SPAN("UNSIGNED-PAYLOAD"),
        .scope = {.region = SPAN("us-east-1"), .service = SPAN("s3")},
        .wall_s = 1369353600,
        .expires_s = 86400,
    };
}

static enum status sign(const struct sign_request *r, const struct sign_identity *id)
{
    return sign_query(r, id, NULL, &a, &result, &e);
}

static void presigned_get_of_the_s3_documentation_comes_out(void **state)
{
    (void)state;
    struct sign_request r = request("");
    assert_int_equal(sign(&r, &doc_identity), ST_OK);
    assert_span(result.query,
                "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" DOC_SCOPE
                "&X-Amz-Date=20130524T000000Z&X-Amz-SignedHeaders=host&X-Amz-Expires=86400"
                "&X-Amz-Signature="
                "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    assert_int_equal(result.n_add, 0);
}

static void expiry_outside_a_week_is_refused(void **state)
{
    (void)state;
    struct sign_request r = request("");
    const int64_t bad[] = {0, -1, SIGN_EXPIRES_MAX + 1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        r.expires_s = bad[i];
        assert_int_equal(sign(&r, &doc_identity), ST_INVALID);
    }
    r.expires_s = SIGN_EXPIRES_MAX;
    assert_int_equal(sign(&r, &doc_identity), ST_OK);
    r.expires_s = 1;
    assert_int_equal(sign(&r, &doc_identity), ST_OK);
}

static void old_presign_parameters_are_replaced_and_duplicates_kept(void **state)
{
    (void)state;
    struct sign_request r = request("a=2&X-Amz-Signature=00&a=1&x-amz-expires=9&X%2DAmz-Date=d");
    assert_int_equal(sign(&r, &doc_identity), ST_OK);
    assert_true(span_starts(result.query, SPAN("a=1&a=2&X-Amz-Algorithm=")));
    assert_null(strstr(arena_cstr(&a, result.query), "expires=9"));
    struct span query = result.query;
    r = request(arena_cstr(&a, query));
    assert_int_equal(sign(&r, &doc_identity), ST_OK);
    assert_true(span_eq(result.query, query));
}

static void session_token_is_signed_or_only_sent(void **state)
{
    (void)state;
    struct sign_request r = request("");
    struct sign_identity id = doc_identity;
    id.session_token = SPAN("to/k+n=");
    assert_int_equal(sign(&r, &id), ST_OK);
    assert_non_null(strstr(arena_cstr(&a, result.query), "&X-Amz-Security-Token=to%2Fk%2Bn%3D&"));
    assert_non_null(strstr(arena_cstr(&a, result.canonical_request), "Security-Token"));
    r.token_unsigned = true;
    assert_int_equal(sign(&r, &id), ST_OK);
    assert_non_null(strstr(arena_cstr(&a, result.query), "&X-Amz-Security-Token=to%2Fk%2Bn%3D&"));
    assert_null(strstr(arena_cstr(&a, result.canonical_request), "Security-Token"));
}

static void bound_headers_are_named_in_the_url(void **state)
{
    (void)state;
    const struct sign_field fields[] = {{SPAN("Cache-Control"), SPAN("no-store")},
                                        {SPAN("Content-Type"), SPAN("text/plain")}};
    struct sign_request r = request("");
    r.fields = fields;
    r.n_fields = 2;
    r.select = SIGN_GIVEN;
    assert_int_equal(sign(&r, &doc_identity), ST_OK);
    assert_non_null(strstr(arena_cstr(&a, result.query),
                           "&X-Amz-SignedHeaders=cache-control%3Bcontent-type%3Bhost&"));
}

static void vpc_lattice_binds_its_payload_header(void **state)
{
    (void)state;
    struct sign_request r = request("");
    r.send_payload_header = true;
    assert_int_equal(sign(&r, &doc_identity), ST_OK);
    assert_int_equal(result.n_add, 0);
    r.scope.service = SPAN("vpc-lattice-svcs");
    assert_int_equal(sign(&r, &doc_identity), ST_OK);
    assert_int_equal(result.n_add, 1);
    assert_span(result.add[0].value, "UNSIGNED-PAYLOAD");
    assert_span(result.signed_headers, "host;x-amz-content-sha256");
    assert_non_null(strstr(arena_cstr(&a, result.canonical_request),
                           "\nx-amz-content-sha256:UNSIGNED-PAYLOAD\n"));
}

static void presigned_requests_are_recognised(void **state)
{
    (void)state;
    assert_int_equal(sign_presign_detect(SPAN("a=1&X-Amz-Signature=1")), SIGN_PRESIGNED_V4);
    assert_int_equal(sign_presign_detect(SPAN("x-amz-algorithm")), SIGN_PRESIGNED_V4);
    assert_int_equal(sign_presign_detect(SPAN("X%2dAmz-Algorithm=x")), SIGN_PRESIGNED_V4);
    assert_int_equal(sign_presign_detect(SPAN("Expires=1&Signature=a&AWSAccessKeyId=b")),
                     SIGN_PRESIGNED_V2);
    assert_int_equal(sign_presign_detect(SPAN("Action=x&AWSAccessKeyId=b&SignatureVersion=2"
                                              "&SignatureMethod=HmacSHA256&Signature=a")),
                     SIGN_PRESIGNED_V2);
    assert_int_equal(sign_presign_detect(SPAN("Expires=1&Signature=a")), SIGN_NOT_PRESIGNED);
    assert_int_equal(sign_presign_detect(SPAN("Expires=1&AWSAccessKeyId=a")), SIGN_NOT_PRESIGNED);
    assert_int_equal(sign_presign_detect(SPAN("a=X-Amz-Signature&X-Amz-Date=1")),
                     SIGN_NOT_PRESIGNED);
    assert_int_equal(sign_presign_detect(SPAN("X-Amz-Signature-And-A-Very-Long-Tail=1")),
                     SIGN_NOT_PRESIGNED);
    assert_int_equal(sign_presign_detect(span_from(NULL, 0)), SIGN_NOT_PRESIGNED);
}

static void stripping_leaves_the_rest_raw(void **state)
{
    (void)state;
    assert_span(sign_presign_strip(SPAN("b=%7e&X-Amz-Signature=1&X-Amz-Algorithm=2&&a+=1"), &a),
                "b=%7e&&a+=1");
    assert_span(sign_presign_strip(SPAN("Signature=1&AWSAccessKeyId=2&Expires=3"), &a), "");
    assert_span(sign_presign_strip(SPAN("Expires=3&X-Amz-Date=1"), &a), "Expires=3&X-Amz-Date=1");
    assert_span(sign_presign_strip(SPAN("Action=ListQueues&AWSAccessKeyId=A&SignatureVersion=2"
                                        "&SignatureMethod=HmacSHA256&Timestamp=2026-01-01T00%3A00"
                                        "%3A00Z&SecurityToken=t&Signature=s%3D&Version=1"),
                                   &a),
                "Action=ListQueues&Version=1");
}

static int setup(void **state)
{
    (void)state;
    digest_setup();
    arena_init(&a);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_clear(&a);
    digest_thread_end();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presigned_get_of_the_s3_documentation_comes_out),
        cmocka_unit_test(expiry_outside_a_week_is_refused),
        cmocka_unit_test(old_presign_parameters_are_replaced_and_duplicates_kept),
        cmocka_unit_test(session_token_is_signed_or_only_sent),
        cmocka_unit_test(bound_headers_are_named_in_the_url),
        cmocka_unit_test(vpc_lattice_binds_its_payload_header),
        cmocka_unit_test(presigned_requests_are_recognised),
        cmocka_unit_test(stripping_leaves_the_rest_raw),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
