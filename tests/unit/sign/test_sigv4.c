// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "base/digest.h"
#include "sign/sign.h"

#define FIELD(name_, value_)                                                                       \
    {                                                                                              \
        SPAN(name_), SPAN(value_)                                                                  \
    }

static struct arena a;
static struct sign_target target;
static struct sign_result result;
static struct err e;

static const struct sign_identity doc_identity = {
    .access_key = SPAN("AKIAIOSFODNN7EXAMPLE"),
    .secret_key = SPAN("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    .generation = 1,
};

// GET /test.txt of examplebucket, 24 May 2013 00:00:00 UTC: AWS's S3 documentation.
static struct sign_request doc_request(void)
{
    sign_target_make(SPAN("/test.txt"), SPAN(""), true, &a, &target);
    return (struct sign_request){
        .method = SPAN("GET"),
        .host = SPAN("examplebucket.s3.amazonaws.com"),
        .target = &target,
        .select = SIGN_GIVEN,
        .payload_hash = SPAN(DIGEST_EMPTY_HEX),
        .send_payload_header = true,
        .scope = {.region = SPAN("us-east-1"), .service = SPAN("s3")},
        .wall_s = 1369353600,
    };
}

static enum status sign(const struct sign_request *r, const struct sign_identity *id)
{
    return sign_header(r, id, NULL, &a, &result, &e);
}

static struct span added(const char *name)
{
    for (unsigned i = 0; i < result.n_add; i++)
        if (span_iis(result.add[i].name, name))
            return result.add[i].value;
    return span_from(NULL, 0);
}

static void get_object_example_of_the_s3_documentation_comes_out(void **state)
{
    (void)state;
    const struct sign_field fields[] = {FIELD("Range", "bytes=0-9")};
    struct sign_request r = doc_request();
    r.fields = fields;
    r.n_fields = 1;
    assert_int_equal(sign(&r, &doc_identity), ST_OK);
    assert_span(result.string_to_sign,
                "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
                "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972");
    assert_span(added("Authorization"),
                "AWS4-HMAC-SHA256 "
                "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
                "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    assert_span(added("X-Amz-Date"), "20130524T000000Z");
    assert_span(added("X-Amz-Content-Sha256"), DIGEST_EMPTY_HEX);
    assert_int_equal(result.n_add, 3);
}

static void cached_key_gives_the_same_signature(void **state)
{
    (void)state;
    struct sign_key_cache *c = sign_key_cache_new(4);
    struct sign_request r = doc_request();
    assert_int_equal(sign(&r, &doc_identity), ST_OK);
    struct span want = result.signature;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sign_header(&r, &doc_identity, c, &a, &result, &e), ST_OK);
        assert_true(span_eq(result.signature, want));
    }
    sign_key_cache_free(c);
}

static void session_token_is_sent_and_signed(void **state)
{
    (void)state;
    struct sign_identity id = doc_identity;
    struct sign_request r = doc_request();
    id.session_token = SPAN("tok/en+==");
    assert_int_equal(sign(&r, &id), ST_OK);
    assert_span(added("X-Amz-Security-Token"), "tok/en+==");
    assert_span(result.signed_headers, "host;x-amz-content-sha256;x-amz-date;x-amz-security-token");
    id.is_s3_session = true;
    assert_int_equal(sign(&r, &id), ST_OK);
    assert_span(added("x-amz-s3session-token"), "tok/en+==");
    assert_null(added("X-Amz-Security-Token").p);
    r.token_unsigned = true;
    assert_int_equal(sign(&r, &id), ST_OK);
    assert_span(result.signed_headers, "host;x-amz-content-sha256;x-amz-date");
    assert_span(added("x-amz-s3session-token"), "tok/en+==");
}

static void payload_header_is_sent_only_when_asked_for(void **state)
{
    (void)state;
    struct sign_request r = doc_request();
    r.send_payload_header = false;
    r.payload_hash = SPAN("UNSIGNED-PAYLOAD");
    assert_int_equal(sign(&r, &doc_identity), ST_OK);
    assert_null(added("X-Amz-Content-Sha256").p);
    assert_span(result.canonical_request,
                "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\n"
                "x-amz-date:20130524T000000Z\n\nhost;x-amz-date\nUNSIGNED-PAYLOAD");
}

static void date_header_and_scope_come_from_one_second(void **state)
{
    (void)state;
    struct sign_request r = doc_request();
    r.wall_s--;
    assert_int_equal(sign(&r, &doc_identity), ST_OK);
    assert_span(added("X-Amz-Date"), "20130523T235959Z");
    assert_true(
        span_starts(result.string_to_sign, SPAN("AWS4-HMAC-SHA256\n20130523T235959Z\n20130523/")));
}

static void method_keeps_its_case(void **state)
{
    (void)state;
    struct sign_request r = doc_request();
    r.method = SPAN("get");
    assert_int_equal(sign(&r, &doc_identity), ST_OK);
    assert_true(span_starts(result.canonical_request, SPAN("get\n")));
}

static void what_would_break_a_header_is_refused(void **state)
{
    (void)state;
    struct sign_request r = doc_request();
    struct sign_identity id = doc_identity;
    id.session_token = SPAN("a\nX-Evil: 1");
    assert_int_equal(sign(&r, &id), ST_INVALID);
    assert_non_null(strstr(e.text, "session token"));
    id = doc_identity;
    id.access_key = SPAN("AKID EXAMPLE");
    assert_int_equal(sign(&r, &id), ST_INVALID);
    r.host = SPAN("h\r\n");
    assert_int_equal(sign(&r, &doc_identity), ST_INVALID);
    r = doc_request();
    r.scope.region = SPAN("");
    assert_int_equal(sign(&r, &doc_identity), ST_INVALID);
    assert_non_null(strstr(e.text, "region"));
}

// The check reads eight octets at a time: a bad one is found wherever it stands.
static void token_is_checked_at_every_position(void **state)
{
    (void)state;
    static const char bad[] = {'\0', '\n', ' ', 0x7f, (char)0x80, (char)0xff};
    char token[20];
    struct sign_request r = doc_request();
    struct sign_identity id = doc_identity;
    id.session_token = span_from(token, sizeof(token));
    for (size_t at = 0; at < sizeof(token); at++) {
        for (size_t i = 0; i < sizeof(bad); i++) {
            memset(token, i % 2 ? '!' : '~', sizeof(token));
            assert_int_equal(sign(&r, &id), ST_OK);
            token[at] = bad[i];
            assert_int_equal(sign(&r, &id), ST_INVALID);
        }
    }
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
        cmocka_unit_test(get_object_example_of_the_s3_documentation_comes_out),
        cmocka_unit_test(cached_key_gives_the_same_signature),
        cmocka_unit_test(session_token_is_sent_and_signed),
        cmocka_unit_test(payload_header_is_sent_only_when_asked_for),
        cmocka_unit_test(date_header_and_scope_come_from_one_second),
        cmocka_unit_test(method_keeps_its_case),
        cmocka_unit_test(what_would_break_a_header_is_refused),
        cmocka_unit_test(token_is_checked_at_every_position),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
