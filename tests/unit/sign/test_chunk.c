// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "sign/stream.h"

#define FIELD(name_, value_)                                                                       \
    {                                                                                              \
        SPAN(name_), SPAN(value_)                                                                  \
    }

static struct arena a;
static const struct sign_identity identity = {
    .access_key = SPAN("AKIAIOSFODNN7EXAMPLE"),
    .secret_key = SPAN("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    .generation = 1,
};

static struct sign_request request(const char *payload_hash)
{
    return (struct sign_request){
        .method = SPAN("PUT"),
        .host = SPAN("s3.amazonaws.com"),
        .payload_hash = span_of(payload_hash),
        .scope = {.region = SPAN("us-east-1"), .service = SPAN("s3")},
        .wall_s = 1369353600,
    };
}

// The line before len times 'a'.
static struct span head(struct sign_chunks *c, size_t len)
{
    static char line[SIGN_CHUNK_HEAD_MAX];
    uint8_t hash[DIGEST_LEN];
    char *data = arena_alloc(&a, len);
    memset(data, 'a', len);
    digest_sha256(span_from(data, len), hash);
    return span_from(line, sign_chunks_head(c, len, hash, line));
}

static void chain_of_the_s3_documentation_comes_out(void **state)
{
    (void)state;
    struct sign_request r = request("STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    struct sign_chunks *c =
        sign_chunks_new(&r, &identity, NULL,
                        SPAN("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"));
    assert_span(head(c, 65536),
                "10000;chunk-signature="
                "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n");
    assert_span(head(c, 1024),
                "400;chunk-signature="
                "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n");
    assert_span(sign_chunks_end(c, NULL, 0, &a),
                "0;chunk-signature="
                "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n");
    sign_chunks_free(c);
}

static void signed_trailer_of_the_s3_documentation_comes_out(void **state)
{
    (void)state;
    const struct sign_field trailer = FIELD("X-Amz-Checksum-Crc32c", "sOO8/Q==");
    struct sign_request r = request("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER");
    struct sign_chunks *c =
        sign_chunks_new(&r, &identity, NULL,
                        SPAN("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"));
    (void)head(c, 65536);
    (void)head(c, 1024);
    assert_span(sign_chunks_end(c, &trailer, 1, &a),
                "0;chunk-signature="
                "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
                "x-amz-checksum-crc32c:sOO8/Q==\r\n"
                "x-amz-trailer-signature:"
                "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n");
    sign_chunks_free(c);
}

static void trailer_signature_does_not_depend_on_the_order(void **state)
{
    (void)state;
    const struct sign_field fields[2][2] = {{FIELD("b", "1"), FIELD("A", "2")},
                                            {FIELD("a", "2"), FIELD("B", "1")}};
    struct sign_request r = request("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER");
    char seed[DIGEST_HEX];
    struct span ends[2];
    memset(seed, '0', sizeof(seed));
    for (int i = 0; i < 2; i++) {
        struct sign_chunks *c = sign_chunks_new(&r, &identity, NULL, span_from(seed, sizeof(seed)));
        struct span text = sign_chunks_end(c, fields[i], 2, &a);
        ends[i] = span_sub(text, text.len - DIGEST_HEX - 4, DIGEST_HEX);
        sign_chunks_free(c);
    }
    assert_true(span_eq(ends[0], ends[1]));
}

static void unsigned_chunks_carry_no_signature(void **state)
{
    (void)state;
    const struct sign_field trailer = FIELD("x-amz-checksum-crc32", "TBHN8A==");
    struct sign_request r = request("STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    char line[SIGN_CHUNK_HEAD_MAX];
    struct sign_chunks *c = sign_chunks_new(&r, &identity, NULL, SPAN(""));
    assert_span(span_from(line, sign_chunks_head(c, 10, NULL, line)), "a\r\n");
    assert_span(span_from(line, sign_chunks_head(c, UINT64_MAX, NULL, line)),
                "ffffffffffffffff\r\n");
    assert_span(sign_chunks_end(c, &trailer, 1, &a), "0\r\nx-amz-checksum-crc32:TBHN8A==\r\n\r\n");
    sign_chunks_free(c);
}

static void framings_that_we_do_not_write_are_refused(void **state)
{
    (void)state;
    const char *names[] = {"UNSIGNED-PAYLOAD", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
                           "STREAMING-AWS4-HMAC-SHA256-EVENTS"};
    char seed[DIGEST_HEX];
    memset(seed, '0', sizeof(seed));
    for (size_t i = 0; i < 3; i++) {
        struct sign_request r = request(names[i]);
        assert_null(sign_chunks_new(&r, &identity, NULL, span_from(seed, sizeof(seed))));
    }
    struct sign_request r = request("STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    assert_null(sign_chunks_new(&r, &identity, NULL, SPAN("short")));
}

static void payload_hash_names_the_framing(void **state)
{
    (void)state;
    assert_int_equal(sign_framing_of(SPAN("UNSIGNED-PAYLOAD")), SIGN_NOT_FRAMED);
    assert_int_equal(sign_framing_of(SPAN(DIGEST_EMPTY_HEX)), SIGN_NOT_FRAMED);
    assert_int_equal(sign_framing_of(SPAN("STREAMING-UNSIGNED-PAYLOAD-TRAILER")),
                     SIGN_CHUNKS_UNSIGNED_TRAILER);
    assert_int_equal(sign_framing_of(SPAN("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER")),
                     SIGN_CHUNKS_ECDSA_TRAILER);
    assert_int_equal(sign_framing_of(SPAN("STREAMING-AWS4-HMAC-SHA256-EVENTS")),
                     SIGN_FRAMING_UNKNOWN);
}

static uint64_t wire_len(enum sign_framing f, uint64_t data_len, const struct sign_field *t)
{
    uint64_t len = 0;
    assert_int_equal(sign_chunks_wire_len(f, data_len, t, t ? 1 : 0, &len), ST_OK);
    return len;
}

static void wire_length_is_known_beforehand(void **state)
{
    (void)state;
    const struct sign_field trailer = FIELD("x-amz-checksum-crc32c", "sOO8/Q==");
    assert_int_equal(wire_len(SIGN_CHUNKS_SIGNED, 66560, NULL), 66824);
    assert_int_equal(wire_len(SIGN_CHUNKS_SIGNED_TRAILER, 66560, &trailer), 66946);
    assert_int_equal(wire_len(SIGN_CHUNKS_SIGNED, 0, NULL), 86);
    assert_int_equal(wire_len(SIGN_CHUNKS_UNSIGNED_TRAILER, 10, &trailer), 3 + 12 + 3 + 32 + 2);
    assert_int_equal(wire_len(SIGN_CHUNKS_SIGNED, 65536, NULL), 65536 + 5 + 81 + 4 + 86);
    uint64_t len = 0;
    assert_int_equal(sign_chunks_wire_len(SIGN_CHUNKS_SIGNED, UINT64_MAX, NULL, 0, &len), ST_LIMIT);
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
        cmocka_unit_test(chain_of_the_s3_documentation_comes_out),
        cmocka_unit_test(signed_trailer_of_the_s3_documentation_comes_out),
        cmocka_unit_test(trailer_signature_does_not_depend_on_the_order),
        cmocka_unit_test(unsigned_chunks_carry_no_signature),
        cmocka_unit_test(framings_that_we_do_not_write_are_refused),
        cmocka_unit_test(payload_hash_names_the_framing),
        cmocka_unit_test(wire_length_is_known_beforehand),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
