// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "base/buf.h"
#include "http/chunked_int.h"

// Feeds `in` in pieces of `step` octets; the body goes to `body`, what is left over to `rest`.
static enum chunked_event read_all(struct span in, size_t step, struct buf *body, struct span *rest)
{
    struct chunked c;
    enum chunked_event e = CHUNKED_MORE;
    size_t at = 0;
    chunked_init(&c, 8192);
    buf_reset(body);
    while (at < in.len && e != CHUNKED_END && e != CHUNKED_BAD) {
        struct span data = {.p = NULL, .len = 0};
        at += chunked_read(&c, span_sub(in, at, step), &e, &data);
        if (e == CHUNKED_DATA)
            buf_add_span(body, data);
    }
    *rest = span_sub(in, at, in.len);
    return e;
}

static void assert_read(struct span in, enum chunked_event want, const char *body)
{
    struct buf got;
    buf_init(&got);
    for (size_t step = 1; step <= in.len; step++) {
        struct span rest;
        enum chunked_event e = read_all(in, step, &got, &rest);
        if (e != want) {
            print_error("event %d, want %d, step %zu: %.60s\n", (int)e, (int)want, step, in.p);
            fail();
        }
        if (body)
            assert_span(buf_span(&got), body);
    }
    buf_clear(&got);
}

static void bodies_are_unframed(void **state)
{
    (void)state;
    assert_read(SPAN("3\r\nabc\r\n0\r\n\r\n"), CHUNKED_END, "abc");
    assert_read(SPAN("0\r\n\r\n"), CHUNKED_END, "");
    assert_read(SPAN("00000003\r\nabc\r\nA\r\n0123456789\r\n000\r\n\r\n"), CHUNKED_END,
                "abc0123456789");
    assert_read(SPAN("a\r\n\r\n0\r\n\r\n\r\n0\r\n0\r\n\r\n"), CHUNKED_END, "\r\n0\r\n\r\n\r\n0");
}

static void what_follows_the_end_is_left_alone(void **state)
{
    (void)state;
    struct buf body;
    struct span rest;
    buf_init(&body);
    assert_int_equal(read_all(SPAN("1\r\na\r\n0\r\n\r\nGET"), 100, &body, &rest), CHUNKED_END);
    assert_span(rest, "GET");
    buf_clear(&body);
}

static void extensions_and_trailers_are_dropped(void **state)
{
    (void)state;
    assert_read(SPAN("3;a=b;c=\"d e\"\r\nabc\r\n0;z\r\n\r\n"), CHUNKED_END, "abc");
    assert_read(SPAN("3 ;a=\"\\\"\"\r\nabc\r\n0\r\n\r\n"), CHUNKED_END, "abc");
    assert_read(SPAN("3;a=\"b;\\\\\";c;\\\r\nabc\r\n0;z=\"\"\r\n\r\n"), CHUNKED_END, "abc");
    assert_read(SPAN("3 \t\r\nabc\r\n0\r\n\r\n"), CHUNKED_END, "abc");
    assert_read(SPAN("3\r\nabc\r\n0\r\nContent-Length: 90\r\nX-T:\t1\r\n\r\n"), CHUNKED_END, "abc");
}

static void every_odd_size_line_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"+3\r\nabc",
                                      "-3\r\nabc",
                                      "0x3\r\nabc",
                                      "0_3\r\nabc",
                                      "\r\nabc",
                                      " 3\r\nabc",
                                      "\t3\r\nabc",
                                      "3\nabc",
                                      "3;a\nb\r\nabc",
                                      "3;a\rb\r\n",
                                      "3;\x01\r\n",
                                      "3;\x7f\r\n",
                                      "3;a=\"b\r\nabc\r\n\"\r\n",
                                      "3;a=\"b\\\"\r\nabc",
                                      "3;a=\"b\\\r\nabc",
                                      "\xa0\x33\r\n",
                                      "3\xa0\r\n",
                                      "3 4\r\nabc",
                                      "3 zzz\r\nabc",
                                      "3\rXabc",
                                      "3,\r\nabc",
                                      "g\r\n",
                                      ";a\r\nabc",
                                      "3\r\nabcXX0\r\n",
                                      "3\r\nabcX\n0\r\n",
                                      "3\r\nabc\n0\r\n",
                                      "3\r\nabc\rX",
                                      "3\r\nabcd\r\n",
                                      "10000000000000003\r\nabc",
                                      "00000000000000003\r\nabc",
                                      "FFFFFFFFFFFFFFFF\r\nabc",
                                      "8000000000000000\r\nabc",
                                      "3\r\nabc\r\n\r\n",
                                      "0\r\n X: folded\r\n\r\n",
                                      "0\r\nX : y\r\n\r\n",
                                      "0\r\nX: a\nb\r\n\r\n",
                                      "0\r\nno colon\r\n\r\n",
                                      "0\r\n\n",
                                      "0\r\nX: y\r\n\rZ",
                                      "0;\nx\r\n\r\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_read(span_of(bad[i]), CHUNKED_BAD, NULL);
    assert_read(SPAN("3;a=\0\r\nabc"), CHUNKED_BAD, NULL);
    assert_read(SPAN("3\0\r\nabc"), CHUNKED_BAD, NULL);
}

static void cut_off_bodies_ask_for_more(void **state)
{
    (void)state;
    const struct span whole = SPAN("3;x\r\nabc\r\n0\r\nX: y\r\n\r\n");
    for (size_t len = 1; len < whole.len; len++)
        for (size_t step = 1; step <= len; step++) {
            struct buf body;
            struct span rest;
            buf_init(&body);
            enum chunked_event e = read_all(span_sub(whole, 0, len), step, &body, &rest);
            assert_true(e == CHUNKED_MORE || e == CHUNKED_DATA);
            assert_int_equal(rest.len, 0);
            buf_clear(&body);
        }
}

// A body of `n` chunks, each with an extension of `ext` octets.
static enum chunked_event read_with_ext(unsigned n, size_t ext)
{
    struct buf in;
    struct buf body;
    struct span rest;
    buf_init(&in);
    buf_init(&body);
    for (unsigned i = 0; i < n; i++) {
        buf_add_str(&in, "1;");
        for (size_t j = 1; j < ext; j++)
            buf_add_char(&in, 'x');
        buf_add_str(&in, "\r\na\r\n");
    }
    buf_add_str(&in, "0\r\n\r\n");
    enum chunked_event e = read_all(buf_span(&in), 7, &body, &rest);
    enum chunked_event again = read_all(buf_span(&in), in.len, &body, &rest);
    assert_int_equal(e, again);
    buf_clear(&in);
    buf_clear(&body);
    return e;
}

static void extensions_are_limited_by_line_and_by_body(void **state)
{
    (void)state;
    assert_int_equal(read_with_ext(1, 255), CHUNKED_END);
    assert_int_equal(read_with_ext(1, 256), CHUNKED_BAD);
    assert_int_equal(read_with_ext(16384 / 128, 129), CHUNKED_END); // ';' is not counted
    assert_int_equal(read_with_ext(16384 / 128 + 1, 129), CHUNKED_BAD);
}

static enum chunked_event read_with_trailers(unsigned n, size_t value)
{
    struct buf in;
    struct buf body;
    struct span rest;
    buf_init(&in);
    buf_init(&body);
    buf_add_str(&in, "0\r\n");
    for (unsigned i = 0; i < n; i++) {
        buf_add_str(&in, "X:");
        for (size_t j = 0; j < value; j++)
            buf_add_char(&in, 'x');
        buf_add_str(&in, "\r\n");
    }
    buf_add_str(&in, "\r\n");
    enum chunked_event e = read_all(buf_span(&in), 7, &body, &rest);
    buf_clear(&in);
    buf_clear(&body);
    return e;
}

static void trailers_are_limited_in_number_and_size(void **state)
{
    (void)state;
    assert_int_equal(read_with_trailers(32, 1), CHUNKED_END);
    assert_int_equal(read_with_trailers(33, 1), CHUNKED_BAD);
    assert_int_equal(read_with_trailers(1, 8192 - 6), CHUNKED_END);
    assert_int_equal(read_with_trailers(1, 8192 - 5), CHUNKED_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_unframed),
        cmocka_unit_test(what_follows_the_end_is_left_alone),
        cmocka_unit_test(extensions_and_trailers_are_dropped),
        cmocka_unit_test(every_odd_size_line_is_refused),
        cmocka_unit_test(cut_off_bodies_ask_for_more),
        cmocka_unit_test(extensions_are_limited_by_line_and_by_body),
        cmocka_unit_test(trailers_are_limited_in_number_and_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
