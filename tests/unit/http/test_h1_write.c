// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "http/h1_write.h"

static void request_heads_are_written_as_they_stand(void **state)
{
    (void)state;
    struct arena a;
    struct hdrs h;
    struct buf out;
    arena_init(&a);
    hdrs_init(&h);
    buf_init(&out);
    buf_add_str(&out, "before|");
    hdrs_add(&h, &a, SPAN("Host"), SPAN("b.s3.amazonaws.com"));
    hdrs_add(&h, &a, SPAN("x-Empty"), SPAN(""));
    h1_write_request(&out, SPAN("PUT"), SPAN("/k?x="), &h);
    assert_span(buf_span(&out), "before|PUT /k?x= HTTP/1.1\r\nHost: b.s3.amazonaws.com\r\n"
                                "x-Empty: \r\n\r\n");
    buf_clear(&out);
    arena_clear(&a);
}

static void response_heads_have_a_reason_of_our_own(void **state)
{
    (void)state;
    struct hdrs none;
    struct buf out;
    hdrs_init(&none);
    buf_init(&out);
    h1_write_response(&out, 404, &none);
    assert_span(buf_span(&out), "HTTP/1.1 404 Not Found\r\n\r\n");
    buf_reset(&out);
    h1_write_response(&out, 599, &none);
    assert_span(buf_span(&out), "HTTP/1.1 599 \r\n\r\n");
    buf_clear(&out);
}

static void reasons_are_empty_where_unknown(void **state)
{
    (void)state;
    assert_string_equal(h1_reason(200), "OK");
    assert_string_equal(h1_reason(503), "Service Unavailable");
    assert_string_equal(h1_reason(299), "");
    assert_string_equal(h1_reason(-1), "");
    assert_string_equal(h1_reason(600), "");
}

static void chunk_heads_are_hexadecimal_without_zeros_in_front(void **state)
{
    (void)state;
    static const struct {
        uint64_t len;
        const char *want;
    } cases[] = {{1, "1\r\n"},
                 {15, "f\r\n"},
                 {16, "10\r\n"},
                 {16384, "4000\r\n"},
                 {UINT64_MAX, "ffffffffffffffff\r\n"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[H1_CHUNK_HEAD_MAX];
        unsigned n = h1_chunk_head(out, cases[i].len);
        assert_span(span_from(out, n), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_heads_are_written_as_they_stand),
        cmocka_unit_test(response_heads_have_a_reason_of_our_own),
        cmocka_unit_test(reasons_are_empty_where_unknown),
        cmocka_unit_test(chunk_heads_are_hexadecimal_without_zeros_in_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
