// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "base/buf.h"
#include "sign/stream.h"

#define HEX64    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SIGNED   ";chunk-signature=" HEX64 "\r\n"
#define SIGNED_2 "x-amz-trailer-signature:" HEX64 "\r\n"
#define CRC      "x-amz-checksum-crc32"

static struct err e;

static struct sign_dechunk *open_as(enum sign_framing framing, const char *trailer)
{
    struct sign_dechunk_spec spec = {
        .framing = framing, .trailer = span_of(trailer), .trailer_max = 200};
    return sign_dechunk_new(&spec, &e);
}

// Feeds the text in pieces of that size; what came out is in *data, what was left in *rest.
static enum sign_dechunk_step feed(struct sign_dechunk *d, struct span text, size_t piece,
                                   struct buf *data, size_t *rest)
{
    enum sign_dechunk_step step = SIGN_DECHUNK_MORE;
    while (text.len && (step == SIGN_DECHUNK_MORE || step == SIGN_DECHUNK_DATA)) {
        struct span in = span_sub(text, 0, piece);
        text = span_sub(text, piece, text.len);
        do {
            struct span out;
            step = sign_dechunk_feed(d, &in, &out, &e);
            assert_true((step == SIGN_DECHUNK_DATA) == (out.len > 0));
            buf_add_span(data, out);
        } while (step == SIGN_DECHUNK_DATA);
        text = span_from(text.p - in.len, text.len + in.len);
    }
    *rest = text.len;
    return step;
}

static void assert_outcome(enum sign_framing framing, const char *trailer, const char *body,
                           enum sign_dechunk_step want, const char *want_data)
{
    const size_t pieces[] = {1, 2, 7, 100000};
    for (size_t i = 0; i < 4; i++) {
        struct sign_dechunk *d = open_as(framing, trailer);
        struct buf data;
        size_t rest = 0;
        buf_init(&data);
        assert_non_null(d);
        enum sign_dechunk_step got = feed(d, span_of(body), pieces[i], &data, &rest);
        if (got != want)
            print_error("%s: got %d, want %d: %s\n", body, got, want, e.text);
        assert_int_equal(got, want);
        if (want_data)
            assert_span(buf_span(&data), want_data);
        buf_clear(&data);
        sign_dechunk_free(d);
    }
}

static void assert_decodes(enum sign_framing framing, const char *trailer, const char *body,
                           const char *want)
{
    assert_outcome(framing, trailer, body, SIGN_DECHUNK_END, want);
}

static void assert_refused(enum sign_framing framing, const char *trailer, const char *body)
{
    assert_outcome(framing, trailer, body, SIGN_DECHUNK_BAD, NULL);
}

static void signed_chunks_are_joined(void **state)
{
    (void)state;
    assert_decodes(SIGN_CHUNKS_SIGNED, NULL,
                   "5" SIGNED "hello\r\n00006" SIGNED "\r\nyou!\r\n0" SIGNED "\r\n",
                   "hello\r\nyou!");
    assert_decodes(SIGN_CHUNKS_SIGNED, NULL, "0" SIGNED "\r\n", "");
    assert_decodes(SIGN_CHUNKS_SIGNED, NULL, "A" SIGNED "0123456789\r\n0" SIGNED "\r\n",
                   "0123456789");
}

static void unsigned_trailer_is_verified(void **state)
{
    (void)state;
    assert_decodes(SIGN_CHUNKS_UNSIGNED_TRAILER, CRC,
                   "4\r\n1234\r\n5\r\n56789\r\n0\r\n" CRC ":y/Q5Jg==\r\n\r\n", "123456789");
    assert_decodes(SIGN_CHUNKS_UNSIGNED_TRAILER, "X-Amz-Checksum-Sha1 , x-custom",
                   "9\r\n123456789\r\n0\r\nX-Custom: v \r\n"
                   "x-amz-checksum-SHA1: 98O8HYCOBHMq32eZZczDTKeuNEE=\r\n\r\n",
                   "123456789");
    assert_decodes(SIGN_CHUNKS_UNSIGNED_TRAILER, NULL, "1\r\nx\r\n0\r\n\r\n", "x");
}

static void signed_trailer_is_verified(void **state)
{
    (void)state;
    assert_decodes(SIGN_CHUNKS_SIGNED_TRAILER, CRC,
                   "9" SIGNED "123456789\r\n0" SIGNED CRC ":y/Q5Jg==\r\n" SIGNED_2 "\r\n",
                   "123456789");
    assert_refused(SIGN_CHUNKS_SIGNED_TRAILER, CRC,
                   "9" SIGNED "123456789\r\n0" SIGNED CRC ":y/Q5Jg==\r\n\r\n");
    assert_refused(SIGN_CHUNKS_SIGNED_TRAILER, CRC,
                   "9" SIGNED "123456789\r\n0" SIGNED SIGNED_2 CRC ":y/Q5Jg==\r\n\r\n");
}

static void ecdsa_signatures_are_padded_to_their_length(void **state)
{
    (void)state;
    assert_decodes(SIGN_CHUNKS_ECDSA, NULL,
                   "0;chunk-signature=" HEX64 HEX64 "012345678901****\r\n\r\n", "");
    assert_refused(SIGN_CHUNKS_ECDSA, NULL, "0" SIGNED "\r\n");
}

static void wrong_checksum_is_refused(void **state)
{
    (void)state;
    assert_refused(SIGN_CHUNKS_UNSIGNED_TRAILER, CRC,
                   "9\r\n123456780\r\n0\r\n" CRC ":y/Q5Jg==\r\n\r\n");
    assert_non_null(strstr(e.text, CRC " does not match"));
    assert_refused(SIGN_CHUNKS_UNSIGNED_TRAILER, CRC, "0\r\n" CRC ":\r\n\r\n");
}

static void framing_that_can_be_read_two_ways_is_refused(void **state)
{
    (void)state;
    const char *bad[] = {
        "\r\n",
        "g\r\n",
        "-1\r\n",
        "+1\r\nx\r\n0\r\n\r\n",
        " 1\r\nx\r\n",
        "0x1\r\nx",
        "1\nx\r\n",
        "1\r\nxy\r\n",
        "1\r\nx\n0\r\n\r\n",
        "1;a=b\r\nx",
        "1\r\nx0\r\n",
        "1 \r\nx\r\n",
        "0\r\n\n",
        "0\r\nx\r\n",
        "0\r\n x: y\r\n",
        "1\r\r\nx",
        "1\r\nx\r\r\n",
        "10000000000000000\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_refused(SIGN_CHUNKS_UNSIGNED_TRAILER, NULL, bad[i]);
    const char *bad_signed[] = {
        "1\r\nx",
        "1;chunk-signature=00\r\nx",
        "1;chunk-signature=" HEX64 "0\r\nx",
        "1;chunk-signature=" HEX64 ";a\r\nx",
        "1;Chunk-Signature=" HEX64 "\r\nx",
        "0" SIGNED "x-a:b\r\n",
    };
    for (size_t i = 0; i < sizeof(bad_signed) / sizeof(bad_signed[0]); i++)
        assert_refused(SIGN_CHUNKS_SIGNED, NULL, bad_signed[i]);
}

static void trailer_must_be_what_was_announced(void **state)
{
    (void)state;
    const enum sign_framing f = SIGN_CHUNKS_UNSIGNED_TRAILER;
    assert_refused(f, CRC, "0\r\n\r\n");
    assert_refused(f, NULL, "0\r\nx:y\r\n\r\n");
    assert_refused(f, "x", "0\r\nx:y\r\nx:y\r\n\r\n");
    assert_refused(f, "x", "0\r\nx:a\rb\r\n\r\n");
    assert_refused(f, "x", "0\r\nx : y\r\n\r\n");
    assert_refused(f, "x-amz-trailer-signature-2", "0\r\n" SIGNED_2 "\r\n");
}

static void long_lines_are_refused_before_they_are_kept(void **state)
{
    (void)state;
    char text[400];
    memset(text, '0', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_refused(SIGN_CHUNKS_SIGNED, NULL, text);
    memcpy(text, "0\r\nx:", 5);
    assert_refused(SIGN_CHUNKS_UNSIGNED_TRAILER, "x", text);
}

static enum sign_dechunk_step with_length(uint64_t len, struct span body)
{
    struct sign_dechunk_spec spec = {
        .framing = SIGN_CHUNKS_UNSIGNED_TRAILER, .has_len = true, .len = len, .trailer_max = 100};
    struct sign_dechunk *d = sign_dechunk_new(&spec, &e);
    struct buf data;
    size_t rest = 0;
    buf_init(&data);
    enum sign_dechunk_step step = feed(d, body, 3, &data, &rest);
    buf_clear(&data);
    sign_dechunk_free(d);
    return step;
}

static void decoded_length_must_be_met(void **state)
{
    (void)state;
    struct span body = SPAN("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
    assert_int_equal(with_length(3, body), SIGN_DECHUNK_END);
    assert_int_equal(with_length(2, body), SIGN_DECHUNK_BAD);
    assert_int_equal(with_length(4, body), SIGN_DECHUNK_BAD);
    assert_int_equal(with_length(UINT64_MAX, SPAN("1\r\na\r\nffffffffffffffff\r\n")),
                     SIGN_DECHUNK_BAD);
}

static void body_that_breaks_off_does_not_end(void **state)
{
    (void)state;
    const char *body = "9\r\n123456789\r\n0\r\n" CRC ":y/Q5Jg==\r\n\r\n";
    for (size_t len = 0; len < strlen(body); len++) {
        struct sign_dechunk *d = open_as(SIGN_CHUNKS_UNSIGNED_TRAILER, CRC);
        struct buf data;
        size_t rest = 0;
        buf_init(&data);
        assert_int_equal(feed(d, span_from(body, len), 4, &data, &rest), SIGN_DECHUNK_MORE);
        buf_clear(&data);
        sign_dechunk_free(d);
    }
}

static void what_follows_the_body_is_left_alone(void **state)
{
    (void)state;
    struct sign_dechunk *d = open_as(SIGN_CHUNKS_UNSIGNED_TRAILER, NULL);
    struct buf data;
    size_t rest = 0;
    buf_init(&data);
    assert_int_equal(feed(d, SPAN("1\r\nx\r\n0\r\n\r\nGET /"), 100, &data, &rest),
                     SIGN_DECHUNK_END);
    assert_int_equal(rest, 5);
    buf_clear(&data);
    sign_dechunk_free(d);
}

static void trailers_are_kept_without_the_signature(void **state)
{
    (void)state;
    struct sign_dechunk *d = open_as(SIGN_CHUNKS_SIGNED_TRAILER, "X-A, " CRC);
    struct buf data;
    size_t rest = 0;
    unsigned n = 0;
    buf_init(&data);
    assert_int_equal(
        feed(d, SPAN("0" SIGNED CRC ": AAAAAA==\r\nx-a:b  c\r\n" SIGNED_2 "\r\n"), 5, &data, &rest),
        SIGN_DECHUNK_END);
    const struct sign_field *v = sign_dechunk_trailers(d, &n);
    assert_int_equal(n, 2);
    assert_span(v[0].name, CRC);
    assert_span(v[0].value, "AAAAAA==");
    assert_span(v[1].value, "b  c");
    buf_clear(&data);
    sign_dechunk_free(d);
}

static void what_cannot_be_checked_is_refused_at_once(void **state)
{
    (void)state;
    assert_null(open_as(SIGN_CHUNKS_UNSIGNED_TRAILER, "x-amz-checksum-md5"));
    assert_null(open_as(SIGN_CHUNKS_SIGNED, CRC));
    assert_null(open_as(SIGN_NOT_FRAMED, NULL));
    assert_null(open_as(SIGN_FRAMING_UNKNOWN, NULL));
    assert_null(open_as(SIGN_CHUNKS_UNSIGNED_TRAILER, "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"));
    sign_dechunk_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_chunks_are_joined),
        cmocka_unit_test(unsigned_trailer_is_verified),
        cmocka_unit_test(signed_trailer_is_verified),
        cmocka_unit_test(ecdsa_signatures_are_padded_to_their_length),
        cmocka_unit_test(wrong_checksum_is_refused),
        cmocka_unit_test(framing_that_can_be_read_two_ways_is_refused),
        cmocka_unit_test(trailer_must_be_what_was_announced),
        cmocka_unit_test(long_lines_are_refused_before_they_are_kept),
        cmocka_unit_test(decoded_length_must_be_met),
        cmocka_unit_test(body_that_breaks_off_does_not_end),
        cmocka_unit_test(what_follows_the_body_is_left_alone),
        cmocka_unit_test(trailers_are_kept_without_the_signature),
        cmocka_unit_test(what_cannot_be_checked_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
