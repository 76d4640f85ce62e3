// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "http/head_int.h"

static void assert_line(const char *line, int status, const char *code)
{
    struct head_line out;
    struct h1_fault fault = {0};
    enum head_verdict v = head_read_request_line(span_of(line), &out, &fault);
    if (fault.status != status || (v == HEAD_FINE) != (status == 0)) {
        print_error("%d %s, want %d: %s\n", fault.status, fault.reason, status, line);
        fail();
    }
    if (code)
        assert_string_equal(fault.code, code);
    assert_int_equal(v == HEAD_METHOD, status == 405 || status == 501);
}

static void request_lines_are_taken_apart(void **state)
{
    (void)state;
    struct head_line out;
    struct h1_fault fault = {0};
    assert_int_equal(head_read_request_line(SPAN("PATCH /a?b HTTP/1.0"), &out, &fault), HEAD_FINE);
    assert_int_equal(out.method_len, 5);
    assert_int_equal(out.target_len, 4);
    assert_int_equal(out.minor, 0);
    static const char *const fine[] = {"GET / HTTP/1.1",         "HEAD http://h HTTP/1.1",
                                       "PUT //a//b HTTP/1.1",    "POST /\xff\"<> HTTP/1.1",
                                       "DELETE /%zz HTTP/1.1",   "OPTIONS * HTTP/1.1",
                                       "CONNECT h:443 HTTP/1.0", "OPTIONS http://h HTTP/1.1"};
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
        assert_line(fine[i], 0, NULL);
}

static void lines_of_another_shape_are_400(void **state)
{
    (void)state;
    static const char *const bad[] = {"GET",
                                      "GET ",
                                      " GET / HTTP/1.1",
                                      "GET  / HTTP/1.1 ",
                                      "GET  HTTP/1.1",
                                      "GET HTTP/1.1",
                                      "GET / HTTX/1.1",
                                      "GET / http/1.1",
                                      "GET / HTTP/1.",
                                      "GET / HTTP/11",
                                      "GET / HTTP/1.1 ",
                                      "GET / HTTP/1.10",
                                      "GET / HTTP/01.1",
                                      "G(T / HTTP/1.1",
                                      "/ HTTP/1.1",
                                      "GET / HTTP/1,1",
                                      "GET / HTTP/1.x",
                                      "GET / x",
                                      "PRI * HTTP/2.0",
                                      "G\xc3\x89T / HTTP/1.1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_line(bad[i], 400, "bad-request");
}

static void other_versions_are_505_before_the_method_is_looked_at(void **state)
{
    (void)state;
    static const char *const bad[] = {"GET /x",         "GET http://h/",  "FOO / HTTP/2.0",
                                      "GET / HTTP/0.9", "GET / HTTP/1.2", "GET / HTTP/9.9"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_line(bad[i], 505, "bad-request");
}

static void methods_are_a_closed_list(void **state)
{
    (void)state;
    assert_line("TRACE / HTTP/1.1", 405, "method-denied");
    static const char *const unknown[] = {"FOO",  "get",   "PROPFIND", "GETX",  "GE",
                                          "LINK", "PURGE", "M-SEARCH", "SOURCE"};
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "%s /#bad HTTP/1.1", unknown[i]);
        assert_line(line, 501, "not-implemented");
    }
}

static void targets_are_checked_for_the_method(void **state)
{
    (void)state;
    static const char *const bad[] = {"GET * HTTP/1.1",
                                      "GET x HTTP/1.1",
                                      "GET ftp://h/ HTTP/1.1",
                                      "CONNECT /x HTTP/1.1",
                                      "CONNECT h HTTP/1.1",
                                      "CONNECT h:0 HTTP/1.1",
                                      "GET /a#b HTTP/1.1",
                                      "GET /a b HTTP/1.1",
                                      "GET  / HTTP/1.1",
                                      "GET http://u@h/ HTTP/1.1",
                                      "GET http://h:8o/ HTTP/1.1",
                                      "GET h:80 HTTP/1.1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_line(bad[i], 400, "bad-target");
}

static void status_lines_are_exact(void **state)
{
    (void)state;
    struct head_line out;
    struct h1_fault fault;
    assert_int_equal(head_read_status_line(SPAN("HTTP/1.0 404 Not\tFound"), &out, &fault),
                     HEAD_FINE);
    assert_int_equal(out.status, 404);
    assert_int_equal(out.minor, 0);
    assert_int_equal(head_read_status_line(SPAN("HTTP/1.1 200"), &out, &fault), HEAD_FINE);
    assert_int_equal(head_read_status_line(SPAN("HTTP/1.1 200 "), &out, &fault), HEAD_FINE);
    static const char *const bad[] = {
        "HTTP/1.1",        "HTTP/1.1 99 X",   "HTTP/1.1 2000 OK", "HTTP/1.1 099 X",
        "HTTP/1.1 600 X",  "HTTP/1.1 -20 X",  "HTTP/1.1  200 OK", "HTTP/2 200",
        "HTTP/2.0 200 OK", "HTTP/1.2 200 OK", "HTTP/1.1\t200 OK", "HTTP/1.1 200OK",
        "HTTP/1.1 2x0 OK", "HTTP/1.1 000 X",  "http/1.1 200 OK",  "HTTP/1.1 200\tOK"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (head_read_status_line(span_of(bad[i]), &out, &fault) != HEAD_REFUSED) {
            print_error("accepted: %s\n", bad[i]);
            fail();
        }
}

static void blanks_around_values_become_spaces(void **state)
{
    (void)state;
    char fields[] = "A:\t b\tc \t\r\nHost: h\r\nB:\t\r\n\r\n";
    struct arena a;
    struct hdrs h;
    struct head_fields found;
    arena_init(&a);
    hdrs_init(&h);
    head_split_fields(fields, fields + sizeof(fields) - 1, &a, &h, &found);
    assert_int_equal(h.n, 3);
    assert_span(h.v[0].value, "b\tc");
    assert_span(h.v[2].value, "");
    assert_int_equal(found.n_host, 1);
    assert_span(found.host, "h");
    assert_string_equal(fields, "A:  b\tc  \r\nHost: h\r\nB: \r\n\r\n");
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_lines_are_taken_apart),
        cmocka_unit_test(lines_of_another_shape_are_400),
        cmocka_unit_test(other_versions_are_505_before_the_method_is_looked_at),
        cmocka_unit_test(methods_are_a_closed_list),
        cmocka_unit_test(targets_are_checked_for_the_method),
        cmocka_unit_test(status_lines_are_exact),
        cmocka_unit_test(blanks_around_values_become_spaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
