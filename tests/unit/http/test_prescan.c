// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "base/buf.h"
#include "http/prescan_int.h"

static const struct h1_limits limits = {
    .max_request_line = 40,
    .max_field = 30,
    .max_head = 100,
    .max_fields = 4,
    .max_trailers = 50,
};

struct outcome {
    enum prescan_verdict verdict;
    struct h1_fault fault;
    size_t used;
    unsigned n_fields;
    bool has_line;
};

static struct outcome scan(enum prescan_kind kind, struct span in, size_t step)
{
    struct prescan s;
    struct outcome o = {.verdict = PRESCAN_MORE};
    prescan_init(&s, kind, &limits);
    while (o.used < in.len && (o.verdict == PRESCAN_MORE || o.verdict == PRESCAN_LINE)) {
        struct span piece = span_sub(in, o.used, step);
        o.used += prescan_is_begun(&s) ? prescan_feed(&s, piece, &o.verdict)
                                       : prescan_begin(&s, piece, &o.verdict);
        o.has_line |= o.verdict == PRESCAN_LINE;
    }
    o.fault = s.fault;
    o.n_fields = s.n_fields;
    return o;
}

// The same verdict for every way to cut the input into equal pieces.
static struct outcome scan_all_ways(enum prescan_kind kind, struct span in)
{
    struct outcome whole = scan(kind, in, in.len);
    for (size_t step = 1; step < in.len; step++) {
        struct outcome o = scan(kind, in, step);
        if (o.verdict != whole.verdict || o.fault.status != whole.fault.status ||
            o.fault.reason != whole.fault.reason || o.has_line != whole.has_line ||
            (o.verdict != PRESCAN_BAD && o.used != whole.used)) {
            print_error("cut at %zu: verdict %d %s, whole: %d %s\n", step, (int)o.verdict,
                        o.fault.reason, (int)whole.verdict, whole.fault.reason);
            fail();
        }
    }
    return whole;
}

static void assert_status(enum prescan_kind kind, struct span in, int status)
{
    struct outcome o = scan_all_ways(kind, in);
    if (o.verdict != PRESCAN_BAD || o.fault.status != status) {
        print_error("%d %s, want %d: %.*s\n", o.fault.status, o.fault.reason, status, SPAN_ARG(in));
        fail();
    }
}

static void assert_clean(enum prescan_kind kind, struct span in, unsigned n_fields, size_t rest)
{
    struct outcome o = scan_all_ways(kind, in);
    if (o.verdict != PRESCAN_END) {
        print_error("%s: %.*s\n", o.fault.reason, SPAN_ARG(in));
        fail();
    }
    assert_int_equal(o.n_fields, n_fields);
    assert_int_equal(in.len - o.used, rest);
}

static void clean_heads_end_at_the_empty_line(void **state)
{
    (void)state;
    assert_clean(PRESCAN_REQUEST, SPAN("GET / HTTP/1.1\r\n\r\n"), 0, 0);
    assert_clean(PRESCAN_REQUEST, SPAN("\r\n\r\nGET / HTTP/1.1\r\nA:b\r\nB: \t\xff\r\n\r\nrest"), 2,
                 4);
    assert_clean(PRESCAN_RESPONSE, SPAN("HTTP/1.1 200 O\tK\r\nA:\r\n\r\nok"), 1, 2);
    assert_clean(PRESCAN_TRAILERS, SPAN("\r\nrest"), 0, 4);
    assert_clean(PRESCAN_TRAILERS, SPAN("A: b\r\n\r\n"), 1, 0);
}

static void first_octets_of_other_protocols_are_refused_at_once(void **state)
{
    (void)state;
    static const struct span bad[] = {SPAN("\x16"),  SPAN("\x05"), SPAN("\x04"), SPAN("\0"),
                                      SPAN("\xef"),  SPAN(" "),    SPAN("\t"),   SPAN("\n"),
                                      SPAN(":"),     SPAN("\""),   SPAN("/"),    SPAN("\r\r"),
                                      SPAN("\r\n\n")};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_status(PRESCAN_REQUEST, bad[i], 400);
    assert_status(PRESCAN_RESPONSE, SPAN("\r\n"), 400);
    assert_status(PRESCAN_RESPONSE, SPAN("\0"), 400);
    assert_status(PRESCAN_RESPONSE, SPAN("ICY"), 400);
}

static void at_most_two_empty_lines_come_first(void **state)
{
    (void)state;
    assert_status(PRESCAN_REQUEST, SPAN("\r\n\r\n\r\nGET"), 400);
}

static void lines_end_in_crlf_and_nothing_else(void **state)
{
    (void)state;
    static const struct span bad[] = {
        SPAN("GET / HTTP/1.1\nA: b\r\n\r\n"), SPAN("GET / HTTP/1.1\rA: b\r\n"),
        SPAN("GET / HTTP/1.1\r\nA: b\n\r\n"), SPAN("GET / HTTP/1.1\r\nA: b\rC: d\r\n"),
        SPAN("GET / HTTP/1.1\r\nA: b\r\n\n"), SPAN("GET / HTTP/1.1\r\nA: b\r\n\rX"),
        SPAN("GET / HTTP/1.1\r\n\n"),         SPAN("GET / HTTP/1.1\r\nA: b\r\r\n"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_status(PRESCAN_REQUEST, bad[i], 400);
}

static void names_are_tokens_and_lines_are_not_folded(void **state)
{
    (void)state;
    static const struct span bad[] = {
        SPAN("GET / HTTP/1.1\r\n A: b\r\n"),  SPAN("GET / HTTP/1.1\r\nA: b\r\n c\r\n"),
        SPAN("GET / HTTP/1.1\r\nA: b\r\n\t"), SPAN("GET / HTTP/1.1\r\nA : b\r\n"),
        SPAN("GET / HTTP/1.1\r\nA\t: b\r\n"), SPAN("GET / HTTP/1.1\r\nA B: b\r\n"),
        SPAN("GET / HTTP/1.1\r\n: b\r\n"),    SPAN("GET / HTTP/1.1\r\nA\0: b\r\n"),
        SPAN("GET / HTTP/1.1\r\nA\x80: b"),   SPAN("GET / HTTP/1.1\r\nA\r\n"),
        SPAN("GET / HTTP/1.1\r\nA(: b\r\n"),  SPAN("GET / HTTP/1.1\r\n\x01: b\r\n"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_status(PRESCAN_REQUEST, bad[i], 400);
}

static void control_octets_are_refused_wherever_they_stand(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        bool is_control = (c < 0x20 && c != '\t') || c == 0x7f;
        char line[] = "GET /? HTTP/1.1\r\n\r\n";
        line[5] = (char)c;
        enum prescan_verdict v = scan(PRESCAN_REQUEST, span_of(c ? line : "GET /"), 100).verdict;
        if (c)
            assert_int_equal(v == PRESCAN_BAD, is_control || c == '\t');
        char value[] = "GET / HTTP/1.1\r\nA: ?b\r\n\r\n";
        value[19] = (char)c;
        v = scan(PRESCAN_REQUEST, span_from(value, sizeof(value) - 1), 100).verdict;
        assert_int_equal(v == PRESCAN_BAD, is_control);
        char reason[] = "HTTP/1.1 200 ?\r\n\r\n";
        reason[13] = (char)c;
        v = scan(PRESCAN_RESPONSE, span_from(reason, sizeof(reason) - 1), 100).verdict;
        assert_int_equal(v == PRESCAN_BAD, is_control);
    }
    struct outcome o = scan(PRESCAN_REQUEST, SPAN("GET /\0 HTTP/1.1"), 100);
    assert_string_equal(o.fault.code, "bad-target");
    o = scan(PRESCAN_REQUEST, SPAN("GET\t/ HTTP/1.1"), 100);
    assert_string_equal(o.fault.code, "bad-request");
}

static struct span repeat(struct buf *b, const char *before, char c, size_t n, const char *behind)
{
    buf_reset(b);
    buf_add_str(b, before);
    for (size_t i = 0; i < n; i++)
        buf_add_char(b, c);
    buf_add_str(b, behind);
    return buf_span(b);
}

static void limits_are_exact_and_answer_each_with_its_status(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    // request line of 40 and 41 octets
    assert_clean(PRESCAN_REQUEST, repeat(&b, "GET /", 'a', 26, " HTTP/1.1\r\n\r\n"), 0, 0);
    assert_status(PRESCAN_REQUEST, repeat(&b, "GET /", 'a', 27, " HTTP/1.1\r\n\r\n"), 414);
    assert_status(PRESCAN_REQUEST, repeat(&b, "", 'a', 200, ""), 414);
    assert_status(PRESCAN_REQUEST, repeat(&b, "GET /", 'a', 36, "\x01"), 414);
    // field line of 30 and 31 octets
    assert_clean(PRESCAN_REQUEST, repeat(&b, "GET / HTTP/1.1\r\nA:", 'b', 28, "\r\n\r\n"), 1, 0);
    assert_status(PRESCAN_REQUEST, repeat(&b, "GET / HTTP/1.1\r\nA:", 'b', 29, "\r\n\r\n"), 431);
    assert_status(PRESCAN_REQUEST, repeat(&b, "GET / HTTP/1.1\r\n", 'b', 31, ":\r\n"), 431);
    assert_status(PRESCAN_REQUEST, repeat(&b, "GET / HTTP/1.1\r\n", 'b', 31, " :\r\n"), 431);
    // five fields
    assert_clean(PRESCAN_REQUEST, SPAN("GET / HTTP/1.1\r\na:\r\nb:\r\nc:\r\nd:\r\n\r\n"), 4, 0);
    assert_status(PRESCAN_REQUEST, SPAN("GET / HTTP/1.1\r\na:\r\nb:\r\nc:\r\nd:\r\ne:\r\n\r\n"),
                  431);
    // heads of 100 and 101 octets
    const char *before = "GET / HTTP/1.1\r\nA:0123456789012345678901234\r\n"
                         "B:0123456789012345678901234\r\nC:";
    assert_clean(PRESCAN_REQUEST, repeat(&b, before, 'x', 100 - 80, "\r\n\r\n"), 3, 0);
    assert_status(PRESCAN_REQUEST, repeat(&b, before, 'x', 101 - 80, "\r\n\r\n"), 431);
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_heads_end_at_the_empty_line),
        cmocka_unit_test(first_octets_of_other_protocols_are_refused_at_once),
        cmocka_unit_test(at_most_two_empty_lines_come_first),
        cmocka_unit_test(lines_end_in_crlf_and_nothing_else),
        cmocka_unit_test(names_are_tokens_and_lines_are_not_folded),
        cmocka_unit_test(control_octets_are_refused_wherever_they_stand),
        cmocka_unit_test(limits_are_exact_and_answer_each_with_its_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
