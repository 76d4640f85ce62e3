// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "support/h1_trace.h"

static const struct h1_trace requests = {.kind = H1_REQUEST};
static const struct h1_trace responses = {.kind = H1_RESPONSE};

#define REQ(line, fields)       SPAN(line " HTTP/1.1\r\nHost: h\r\n" fields "\r\n")
#define HEAD_OF(method, target) "HEAD " method " " target " 0 1.1 "

static void assert_same(struct buf *cut, size_t at, struct buf *whole)
{
    if (!span_eq(buf_span(cut), buf_span(whole))) {
        print_error("cut at %zu:\n%s\nwhole:\n%s\n", at, buf_cstr(cut), buf_cstr(whole));
        fail();
    }
    buf_clear(cut);
}

// Whatever the input, the events don't depend on how it is cut: in two at each octet, and into
// small pieces of equal length. Returns the text of one run.
static const char *trace(const struct h1_trace *how, struct span in, struct buf *text)
{
    *text = h1_trace_run(how, in, 0, 0);
    for (size_t at = 1; at < in.len && at < 1000; at++) {
        struct h1_trace in_two = *how;
        in_two.first = at;
        struct buf cut = h1_trace_run(&in_two, in, 0, 0);
        assert_same(&cut, at, text);
    }
    for (size_t step = 1; step < in.len && step < 40; step++) {
        struct buf cut = h1_trace_run(how, in, step, 0);
        assert_same(&cut, step, text);
    }
    return buf_cstr(text);
}

static void assert_trace(const struct h1_trace *how, struct span in, const char *want)
{
    struct buf text;
    assert_string_equal(trace(how, in, &text), want);
    buf_clear(&text);
}

// The text of the run contains `want`.
static void assert_part(const struct h1_trace *how, struct span in, const char *want)
{
    struct buf text;
    if (!strstr(trace(how, in, &text), want)) {
        print_error("no \"%s\" in:\n%s\n", want, buf_cstr(&text));
        fail();
    }
    buf_clear(&text);
}

static void a_request_comes_out_as_head_and_end(void **state)
{
    (void)state;
    assert_trace(&requests, REQ("GET /a?b", "X-A: \t1 2 \r\nx-a:\r\n"),
                 HEAD_OF("GET", "/a?b") "framing 0 length 0 keep 1 continue 0\n"
                                        "[Host|h]\n[X-A|1 2]\n[x-a|]\n\nEND 0\n");
}

static void counted_and_chunked_bodies_follow_their_heads(void **state)
{
    (void)state;
    assert_trace(
        &requests,
        SPAN("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \t003 \t\r\n\r\nabc"
             "\r\nPUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\tChunked \r\n\r\n"
             "2;x\r\nab\r\n1\r\nc\r\n0\r\nX: y\r\n\r\n"
             "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"),
        HEAD_OF("POST", "/") "framing 1 length 3 keep 1 continue 0\n[Host|h]\n"
                             "[Content-Length|003]\nBODY abc\nEND 3\n" HEAD_OF(
                                 "PUT",
                                 "/") "framing 2 length 0 keep 1 continue 0\n[Host|h]\n"
                                      "[Transfer-Encoding|Chunked]\nBODY abc\nEND 3\n" HEAD_OF(
                                          "POST",
                                          "/") "framing 1 length 0 keep 1 continue 0\n[Host|h]\n"
                                               "[Content-Length|0]\n\nEND 0\n");
}

static void keep_alive_follows_version_and_connection(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        bool is_kept;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: x, CLOSE\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: h\r\nProxy-Connection: close\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nProxy-Connection: Keep-Alive\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_part(&requests, span_of(cases[i].head), cases[i].is_kept ? "keep 1" : "keep 0");
}

static void expect_counts_only_in_http_1_1(void **state)
{
    (void)state;
    assert_part(&requests, REQ("PUT /", "Expect: 100-Continue\r\nContent-Length: 0\r\n"),
                "continue 1");
    assert_part(&requests, REQ("PUT /", "Expect: 200-ok\r\nContent-Length: 0\r\n"), "continue 0");
    assert_part(&requests, SPAN("PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"), "continue 0");
}

static void host_is_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nhost: h\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: h\r\nhost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: 2852039166\r\n\r\n",
        "CONNECT h:443 HTTP/1.1\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_part(&requests, span_of(bad[i]), "ERROR 400 bad-host");
    assert_part(&requests, SPAN("GET / HTTP/1.0\r\n\r\n"), "END 0");
    assert_part(&requests, SPAN("CONNECT h:443 HTTP/1.0\r\n\r\n"), "END 0");
    assert_part(&requests, SPAN("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"), "END 0");
}

static void lengths_are_plain_numbers_below_two_to_the_63(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "+3",
                                      "-1",
                                      "0x3",
                                      "1_0",
                                      "1e1",
                                      "1 0",
                                      "3,3",
                                      "3, 3",
                                      "3\xa0",
                                      "\xef\xbc\x93",
                                      "\"3\"",
                                      "9223372036854775808",
                                      "18446744073709551615",
                                      "18446744073709551616",
                                      "18446744073709551619",
                                      "18446744073709551596",
                                      "100000000000000000000000"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char in[128];
        (void)snprintf(in, sizeof(in),
                       "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %s\r\n\r\nabc", bad[i]);
        assert_part(&requests, span_of(in), "ERROR 400 bad-request");
    }
    assert_part(&requests, REQ("POST /", "Content-Length: 3\r\nContent-Length: 3\r\n"),
                "ERROR 400");
    const struct h1_trace cut_off = {.kind = H1_REQUEST, .is_cut_off = true};
    assert_part(&cut_off, REQ("POST /", "Content-Length: 9223372036854775807\r\n"),
                "framing 1 length 9223372036854775807");
}

static void codings_other_than_chunked_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        int status;
    } cases[] = {
        {"Transfer-Encoding: gzip, chunked\r\n", 501},
        {"Transfer-Encoding: identity\r\n", 501},
        {"Transfer-Encoding: xchunked\r\n", 501},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 501},
        {"Transfer-Encoding: chunked, chunked\r\n", 400},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
        {"Transfer-Encoding: \"chunked\"\r\n", 400},
        {"Transfer-Encoding: chunked;q=1\r\n", 400},
        {"Transfer-Encoding: ,chunked\r\n", 400},
        {"Transfer-Encoding:\r\n", 400},
        {"Transfer-Encoding: \xa0"
         "chunked\r\n",
         400},
        {"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400},
        {"Content-Length: 0\r\nTransfer-Encoding: gzip\r\n", 400},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char in[256];
        char want[32];
        (void)snprintf(in, sizeof(in), "POST / HTTP/1.1\r\nHost: h\r\n%s\r\n0\r\n\r\n",
                       cases[i].fields);
        (void)snprintf(want, sizeof(want), "ERROR %d", cases[i].status);
        assert_part(&requests, span_of(in), want);
    }
    assert_part(&requests, SPAN("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
                "ERROR 400 bad-request Transfer-Encoding in an HTTP/1.0 message");
}

// http-parser takes "Transfer-Encodingx" for the real one and forgets that the body is chunked.
static void heads_that_http_parser_reads_differently_are_refused(void **state)
{
    (void)state;
    assert_part(&requests,
                SPAN("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                     "Transfer-Encodingx: y\r\n\r\n0\r\n\r\n"),
                "ERROR 400 bad-request a head that can be read in two ways");
}

// http-parser forgets the beginning of a name of 32 octets and more.
static void long_name_that_is_taken_for_another_is_refused(void **state)
{
    (void)state;
    assert_part(&requests,
                REQ("POST /", "Content-Length: 3\r\nTransfer-Encodinguuuuuuuuuuuuuuu: chunked\r\n"),
                "a head that can be read in two ways");
    assert_part(
        &requests,
        REQ("POST /", "Content-Length: 3\r\nX-ransfer-Encodinguuuuuuuuuuuuuuu: chunked\r\n"),
        "HEAD POST / ");
}

static void connection_names_at_most_64_tokens(void **state)
{
    (void)state;
    struct buf in;
    buf_init(&in);
    for (unsigned n = 64; n <= 65; n++) {
        buf_reset(&in);
        buf_add_str(&in, "GET / HTTP/1.1\r\nHost: h\r\nConnection: x,,\r\nConnection: ");
        for (unsigned i = 1; i < n; i++)
            buf_add_str(&in, "a,");
        buf_add_str(&in, "\r\n\r\n");
        assert_part(&requests, buf_span(&in), n == 64 ? "END 0" : "ERROR 400 bad-request more");
    }
    buf_clear(&in);
    assert_part(&requests, REQ("GET /", "Connection: \"X-A\"\r\n"), "ERROR 400 bad-request");
    assert_part(&requests, REQ("GET /", "Connection: a b\r\n"), "ERROR 400 bad-request");
}

static void refused_methods_keep_the_connection_where_no_body_follows(void **state)
{
    (void)state;
    static const struct {
        struct span in;
        const char *want;
    } cases[] = {
        {REQ("TRACE /", ""), "ERROR 405 method-denied TRACE would echo credentials keep 1"},
        {REQ("FOO /", "Content-Length: 0\r\n"),
         "ERROR 501 not-implemented the method is not known here keep 1"},
        {REQ("FOO /", "Content-Length: 3\r\n"), "known here keep 0"},
        {REQ("FOO /", "Transfer-Encoding: chunked\r\n"), "known here keep 0"},
        {REQ("FOO /", "Connection: close\r\n"), "known here keep 0"},
        {REQ("FOO /", "Bad : x\r\n"),
         "ERROR 501 not-implemented the method is not known here keep 0"},
        {REQ("FOO /", "Host: two\r\n"),
         "ERROR 501 not-implemented the method is not known here keep 0"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_part(&requests, cases[i].in, cases[i].want);
}

static void a_refused_method_leaves_the_next_request_unread(void **state)
{
    (void)state;
    const struct span in =
        SPAN("FOO / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
    struct h1_parser *p = h1_parser_new(H1_REQUEST, &h1_trace_limits);
    struct arena a;
    enum h1_event e;
    struct h1_result r;
    arena_init(&a);
    h1_parser_next(p, &a);
    size_t n = h1_parse(p, in, &e, &r);
    assert_int_equal(e, H1_ERROR);
    assert_true(r.may_keep_alive);
    h1_parser_next(p, &a);
    assert_int_equal(h1_parse(p, span_sub(in, n, in.len), &e, &r), in.len - n);
    assert_int_equal(e, H1_HEAD);
    assert_span(r.msg->method, "GET");
    h1_parser_free(p);
    arena_clear(&a);
}

static void connect_has_no_body(void **state)
{
    (void)state;
    assert_part(&requests, SPAN("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n\x16\x03"), "END 0");
    assert_part(&requests, SPAN("CONNECT h:443 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"),
                "framing 0 length 0");
    assert_part(&requests,
                SPAN("CONNECT h:443 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"),
                "ERROR 400");
    assert_part(&requests,
                SPAN("CONNECT h:443 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"),
                "ERROR 400");
}

static void upgrades_are_ordinary_requests(void **state)
{
    (void)state;
    assert_part(&requests,
                REQ("POST /", "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n"),
                "END 0");
    assert_part(
        &requests,
        SPAN("GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
             "GET /b HTTP/1.1\r\nHost: h\r\n\r\n"),
        "HEAD GET /b");
}

static void ends_in_the_middle_are_told(void **state)
{
    (void)state;
    const struct span whole = SPAN("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                                   "3\r\nabc\r\n0\r\nX: y\r\n\r\n");
    for (size_t len = 1; len < whole.len; len++)
        assert_part(&requests, span_sub(whole, 0, len), "ERROR 400 bad-request the connection");
    assert_trace(&requests, SPAN(""), "");
    assert_trace(&requests, SPAN("\r\n"), "");
    assert_part(&requests, REQ("PUT /", "Content-Length: 3\r\n"), "ERROR 400");
    assert_part(&responses, SPAN("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok"),
                "ERROR 502 upstream-closed");
    assert_part(&responses, SPAN("HTTP/1.1 200 OK\r\n"), "ERROR 502 upstream-closed");
    assert_trace(&responses, SPAN(""), "");
}

static void an_end_is_told_once_at_end_of_file(void **state)
{
    (void)state;
    struct h1_parser *p = h1_parser_new(H1_RESPONSE, &h1_trace_limits);
    struct arena a;
    enum h1_event e;
    struct h1_result r;
    arena_init(&a);
    h1_parser_next(p, &a);
    (void)h1_parse(p, SPAN("HTTP/1.1 200 OK\r\n\r\n"), &e, &r);
    assert_int_equal(e, H1_HEAD);
    assert_int_equal(h1_parse_eof(p, &r), H1_END);
    assert_int_equal(h1_parse_eof(p, &r), H1_MORE);
    h1_parser_next(p, &a);
    (void)h1_parse(p, SPAN("HTTP/1.1 204 X\r\n\r\n"), &e, &r);
    (void)h1_parse(p, SPAN("surplus"), &e, &r);
    assert_int_equal(e, H1_END);
    assert_int_equal(h1_parse_eof(p, &r), H1_MORE);
    h1_parser_free(p);
    arena_clear(&a);
}

static void answers_are_framed_by_what_was_asked(void **state)
{
    (void)state;
    const struct h1_trace to_head = {.kind = H1_RESPONSE, .is_head = true, .is_cut_off = true};
    const struct h1_trace to_connect = {.kind = H1_RESPONSE, .is_connect = true};
    const struct span counted = SPAN("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_part(&responses, counted, "framing 1 length 2 keep 1");
    assert_part(&responses, counted, "BODY ok\nEND 2\n");
    assert_part(&to_head, SPAN("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"),
                "[Content-Length|2]\n\nEND 0\n");
    assert_part(&to_head, SPAN("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                "\n\nEND 0\n");
    assert_part(&to_connect, SPAN("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"), "]\n\nEND 0\n");
    assert_part(&to_connect, SPAN("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"), "END 2\n");
    assert_part(&responses, SPAN("HTTP/1.1 204 X\r\nContent-Length: 55\r\n\r\n"),
                "framing 0 length 0 keep 1");
    assert_part(&responses, SPAN("HTTP/1.1 304 X\r\nContent-Length: 55\r\n\r\n"),
                "framing 0 length 0 keep 1");
    assert_part(&responses, SPAN("HTTP/1.1 200 OK\r\n\r\nok"), "framing 3 length 0 keep 0");
    assert_part(&responses, SPAN("HTTP/1.1 200 OK\r\n\r\nok"), "BODY ok\nEND 2\n");
    assert_part(&responses, SPAN("HTTP/1.1 200 OK\r\n\r\n"), "\nEND 0\n");
    assert_part(&responses, SPAN("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), "keep 0");
    assert_part(&responses,
                SPAN("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
                "BODY ok\nEND 2\n");
}

static void interim_answers_end_at_once_and_the_final_one_follows(void **state)
{
    (void)state;
    assert_trace(&responses,
                 SPAN("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
                 "HEAD   103 1.1 framing 0 length 0 keep 1 continue 0\n[Link|</a>]\n\nEND 0\n"
                 "HEAD   200 1.1 framing 1 length 2 keep 1 continue 0\n[Content-Length|2]\n"
                 "BODY ok\nEND 2\n");
    assert_part(&responses, SPAN("HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw"),
                "END 0\n");
}

static void what_head_answers_expect_outlives_interim_answers(void **state)
{
    (void)state;
    const struct h1_trace to_head = {.kind = H1_RESPONSE, .is_head = true, .is_cut_off = true};
    assert_part(&to_head,
                SPAN("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
                "[Content-Length|9]\n\nEND 0\n");
}

static void bad_answers_are_502(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "garbage\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 99 X\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 57\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551618\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: evil=1\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
        "HTTP/1.1 200 OK\nX: a\n\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_part(&responses, span_of(bad[i]), "ERROR 502 upstream-bad-response");
    assert_part(&responses, SPAN("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokX"),
                "BODY ok\nERROR 502 upstream-bad-response");
    assert_part(&responses, SPAN("HTTP/1.1 200 O\0K\r\n\r\n"), "ERROR 502 upstream-bad-response");
    assert_part(
        &responses,
        SPAN("HTTP/1.1 200 OK\r\nConnection: keep-alive; timeout=5\r\nContent-Length: 0\r\n\r\n"),
        "END 0");
}

static void limits_answer_414_and_431_while_the_head_comes(void **state)
{
    (void)state;
    struct buf in;
    buf_init(&in);
    const struct h1_trace cut_off = {.kind = H1_REQUEST, .is_cut_off = true};
    buf_add_str(&in, "GET /");
    for (int i = 0; i < 9000; i++)
        buf_add_char(&in, 'a');
    assert_part(&cut_off, buf_span(&in), "ERROR 414 uri-too-long");
    buf_reset(&in);
    buf_add_str(&in, "GET / HTTP/1.1\r\nX:");
    for (int i = 0; i < 17000; i++)
        buf_add_char(&in, 'a');
    assert_part(&cut_off, buf_span(&in), "ERROR 431 head-too-large");
    buf_reset(&in);
    buf_add_str(&in, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 100; i++)
        buf_add_str(&in, "a:b\r\n");
    assert_part(&cut_off, buf_span(&in), "ERROR 431 head-too-large more");
    buf_clear(&in);
}

static void heads_beyond_the_librarys_own_limit_are_taken_where_ours_says_so(void **state)
{
    (void)state;
    struct h1_limits wide = h1_trace_limits;
    wide.max_field = wide.max_head = (size_t)1 << 20;
    const struct h1_trace how = {.kind = H1_REQUEST, .limits = &wide};
    struct buf in;
    buf_init(&in);
    buf_add_str(&in, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
    for (int i = 0; i < 200000; i++)
        buf_add_char(&in, 'a');
    buf_add_str(&in, "\r\n\r\n");
    struct buf text = h1_trace_run(&how, buf_span(&in), 1000, 0);
    assert_non_null(strstr(buf_cstr(&text), "END 0"));
    buf_clear(&text);
    buf_clear(&in);
}

static void an_idle_parser_has_seen_no_octet_of_a_message(void **state)
{
    (void)state;
    struct h1_parser *p = h1_parser_new(H1_REQUEST, &h1_trace_limits);
    struct arena a;
    enum h1_event e;
    struct h1_result r;
    arena_init(&a);
    h1_parser_next(p, &a);
    assert_true(h1_parser_is_idle(p));
    assert_int_equal(h1_parse(p, SPAN("\r\n"), &e, &r), 2);
    assert_true(h1_parser_is_idle(p));
    assert_int_equal(h1_parse(p, SPAN("G"), &e, &r), 1);
    assert_false(h1_parser_is_idle(p));
    assert_span(h1_parser_start_line(p), "G");
    assert_int_equal(h1_parse(p, SPAN("ET /secret#x HTTP/1.1\r\nA"), &e, &r), 23);
    assert_int_equal(e, H1_ERROR);
    assert_span(h1_parser_start_line(p), "GET /secret#x HTTP/1.1");
    assert_int_equal(h1_parse(p, SPAN("more"), &e, &r), 0);
    assert_int_equal(e, H1_ERROR);
    assert_int_equal(r.status, 400);
    h1_parser_next(p, &a);
    assert_true(h1_parser_is_idle(p));
    assert_int_equal(h1_parser_start_line(p).len, 0);
    h1_parser_free(p);
    arena_clear(&a);
}

static void a_head_in_one_piece_costs_one_copy_and_one_table(void **state)
{
    (void)state;
    const struct span in = REQ("GET /", "A: b\r\nC: d\r\n");
    struct h1_parser *p = h1_parser_new(H1_REQUEST, &h1_trace_limits);
    struct arena a;
    enum h1_event e;
    struct h1_result r;
    arena_init(&a);
    h1_parser_next(p, &a);
    (void)h1_parse(p, in, &e, &r);
    assert_int_equal(e, H1_HEAD);
    const size_t rounding = 48;
    const size_t table = (3 + 16) * sizeof(struct hdr);
    assert_true(a.used <= in.len + sizeof(struct msg) + table + rounding);
    assert_true(r.msg->hdrs.cap >= r.msg->hdrs.n + 8);
    h1_parser_free(p);
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_name_that_is_taken_for_another_is_refused),
        cmocka_unit_test(a_request_comes_out_as_head_and_end),
        cmocka_unit_test(counted_and_chunked_bodies_follow_their_heads),
        cmocka_unit_test(keep_alive_follows_version_and_connection),
        cmocka_unit_test(expect_counts_only_in_http_1_1),
        cmocka_unit_test(host_is_checked),
        cmocka_unit_test(lengths_are_plain_numbers_below_two_to_the_63),
        cmocka_unit_test(codings_other_than_chunked_are_refused),
        cmocka_unit_test(heads_that_http_parser_reads_differently_are_refused),
        cmocka_unit_test(connection_names_at_most_64_tokens),
        cmocka_unit_test(refused_methods_keep_the_connection_where_no_body_follows),
        cmocka_unit_test(a_refused_method_leaves_the_next_request_unread),
        cmocka_unit_test(connect_has_no_body),
        cmocka_unit_test(upgrades_are_ordinary_requests),
        cmocka_unit_test(ends_in_the_middle_are_told),
        cmocka_unit_test(an_end_is_told_once_at_end_of_file),
        cmocka_unit_test(answers_are_framed_by_what_was_asked),
        cmocka_unit_test(interim_answers_end_at_once_and_the_final_one_follows),
        cmocka_unit_test(what_head_answers_expect_outlives_interim_answers),
        cmocka_unit_test(bad_answers_are_502),
        cmocka_unit_test(limits_answer_414_and_431_while_the_head_comes),
        cmocka_unit_test(heads_beyond_the_librarys_own_limit_are_taken_where_ours_says_so),
        cmocka_unit_test(an_idle_parser_has_seen_no_octet_of_a_message),
        cmocka_unit_test(a_head_in_one_piece_costs_one_copy_and_one_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
