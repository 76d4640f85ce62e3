// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "http/uri.h"

static struct arena arena;

static int clear(void **state)
{
    (void)state;
    arena_clear(&arena);
    return 0;
}

static void assert_host(const char *in, const char *host, enum uri_host_kind kind, unsigned port)
{
    struct uri_authority a;
    struct err e = {{0}};
    if (uri_parse_authority(span_of(in), &arena, &a, &e) != ST_OK) {
        print_error("%s: %s\n", in, e.text);
        fail();
    }
    assert_span(a.host, host);
    assert_int_equal(a.kind, kind);
    assert_int_equal(a.port, port);
}

static void assert_no_host(struct span in)
{
    struct uri_authority a;
    struct err e = {{0}};
    if (uri_parse_authority(in, &arena, &a, &e) != ST_INVALID) {
        print_error("accepted: %.*s\n", SPAN_ARG(in));
        fail();
    }
    assert_true(e.text[0] != '\0');
}

static void hosts_come_in_lower_case_with_their_port(void **state)
{
    (void)state;
    assert_host("My-Bucket.S3.Amazonaws.COM", "my-bucket.s3.amazonaws.com", URI_NAME, 0);
    assert_host("a:443", "a", URI_NAME, 443);
    assert_host("a:", "a", URI_NAME, 0);
    assert_host("a:00080", "a", URI_NAME, 80);
    assert_host("my_bucket.s3.amazonaws.com:65535", "my_bucket.s3.amazonaws.com", URI_NAME, 65535);
    assert_host("xn--bcher-kva.example", "xn--bcher-kva.example", URI_NAME, 0);
    assert_host("0xzz", "0xzz", URI_NAME, 0);
    assert_host("1.2.3.4a", "1.2.3.4a", URI_NAME, 0);
}

static void addresses_have_one_spelling(void **state)
{
    (void)state;
    assert_host("127.0.0.1:8080", "127.0.0.1", URI_IPV4, 8080);
    assert_host("[FD00:EC2::254]:80", "fd00:ec2::254", URI_IPV6, 80);
    assert_host("[0:0:0:0:0:0:0:1]", "::1", URI_IPV6, 0);
    assert_host("[::ffff:169.254.169.254]", "169.254.169.254", URI_IPV4, 0);
    assert_host("[::FFFF:a9fe:a9fe]:1", "169.254.169.254", URI_IPV4, 1);
}

static void other_spellings_of_ipv4_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "2852039166", "0xa9fea9fe", "0xA9.254.169.254", "169.254.43518", "127.1",
        "0177.0.0.1", "1.2.3.4.5",  "1.2.3.256",        "01.2.3.4",      "1.2.3.04",
        "0x",         "host.1",     "1.2.3.0x4",        "00.0.0.0",      "1.2.3",
        "127.0.0.1.", "0000.1.1.1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_no_host(span_of(bad[i]));
}

static void whatever_two_readers_could_split_differently_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",          ":80",       "a:b",    "a:80:80",   "a:0",        "a:65536",
        "a:100000",  "a:-1",      "a:+1",   "a: 1",      "a:8o",       "u@a",
        "u:p@a",     "a@b@c",     "a/b",    "a\\b",      "a%2eb",      "a b",
        " a",        "a ",        "a,b",    "a\tb",      "a?b",        "a#b",
        "a..b",      ".a",        "a.",     "a.:80",     "b\xc3\xbc",  "a\x7f",
        "[::1",      "::1",       "[::1]x", "[::1]x:80", "[::1%eth0]", "[]",
        "[::1%25e]", "[1.2.3.4]", "[v1.x]", "[:::]",     "[::1]:0",    "[::1]]",
        "a[::1]",    "*",         "*.a",    "a;b",       "a=b",        "[::ffff:1.2.3.04]"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_no_host(span_of(bad[i]));
    assert_no_host(SPAN("a\0b"));
    assert_no_host(SPAN("[::1\0]"));
}

static void long_names_and_labels_are_refused(void **state)
{
    (void)state;
    char name[260];
    memset(name, 'a', sizeof(name));
    assert_no_host(span_from(name, 64));
    for (size_t i = 63; i < sizeof(name); i += 64)
        name[i] = '.';
    struct uri_authority a;
    assert_int_equal(uri_parse_authority(span_from(name, 253), &arena, &a, NULL), ST_OK);
    assert_no_host(span_from(name, 254));
}

static enum status parse(const char *method, const char *target, struct uri *u)
{
    return uri_parse_target(span_of(method), span_of(target), &arena, u, NULL);
}

static void origin_form_keeps_path_and_query_raw(void **state)
{
    (void)state;
    struct uri u;
    assert_int_equal(parse("GET", "//a/../b//%2f?x=/?&y", &u), ST_OK);
    assert_int_equal(u.form, URI_ORIGIN);
    assert_span(u.path, "//a/../b//%2f");
    assert_span(u.query, "x=/?&y");
    assert_int_equal(parse("GET", "/", &u), ST_OK);
    assert_null(u.query.p);
    assert_int_equal(parse("GET", "/?", &u), ST_OK);
    assert_non_null(u.query.p);
    assert_int_equal(u.query.len, 0);
    assert_int_equal(parse("GET", "/\xed\x95\x9c\"<>%zz", &u), ST_OK);
}

static void absolute_form_gives_authority_and_at_least_a_slash(void **state)
{
    (void)state;
    struct uri u;
    assert_int_equal(parse("GET", "HTTP://Host:81/p?q", &u), ST_OK);
    assert_int_equal(u.form, URI_ABSOLUTE);
    assert_false(u.is_https);
    assert_span(u.authority.host, "host");
    assert_int_equal(u.authority.port, 81);
    assert_span(u.path, "/p");
    assert_span(u.query, "q");
    assert_int_equal(parse("PUT", "https://h", &u), ST_OK);
    assert_true(u.is_https);
    assert_span(u.path, "/");
    assert_null(u.query.p);
    assert_int_equal(parse("GET", "http://h?a=/b", &u), ST_OK);
    assert_span(u.path, "/");
    assert_span(u.query, "a=/b");
    assert_int_equal(parse("OPTIONS", "http://h", &u), ST_OK);
    assert_span(u.path, "/");
}

static void connect_wants_host_and_port(void **state)
{
    (void)state;
    struct uri u;
    assert_int_equal(parse("CONNECT", "h.example:443", &u), ST_OK);
    assert_int_equal(u.form, URI_AUTHORITY);
    assert_span(u.authority.host, "h.example");
    assert_int_equal(u.authority.port, 443);
    assert_span(u.path, "");
    static const char *const bad[] = {"h",    "h:",      "h:0",   "/x", "*", "http://h:443",
                                      "h:1/", "u@h:443", "h:443?"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(parse("CONNECT", bad[i], &u), ST_INVALID);
}

static void asterisk_is_for_options_only(void **state)
{
    (void)state;
    struct uri u;
    assert_int_equal(parse("OPTIONS", "*", &u), ST_OK);
    assert_int_equal(u.form, URI_ASTERISK);
    assert_int_equal(parse("GET", "*", &u), ST_INVALID);
    assert_int_equal(parse("OPTIONS", "*/", &u), ST_INVALID);
}

static void bad_targets_are_refused(void **state)
{
    (void)state;
    struct uri u;
    static const char *const bad[] = {"",
                                      "x",
                                      "h:80",
                                      "ftp://h/",
                                      "file:///x",
                                      "http:/h/",
                                      "http:h",
                                      "http://",
                                      "http:///x",
                                      "http://?x",
                                      "http://u@h/",
                                      "http://u:p@h/",
                                      "http://h:8o/",
                                      "http://h:-1/",
                                      "http://h:70000/",
                                      "http://h\\@e/",
                                      "/a b",
                                      "/a#b",
                                      "/a\tb",
                                      "/a\x7f",
                                      "/a\x0c",
                                      "http://h#x",
                                      "https:///",
                                      "javascript:x",
                                      "http://[::1/",
                                      "http://h\xc3\xa9/",
                                      "http://%68/"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (parse("GET", bad[i], &u) != ST_INVALID) {
            print_error("accepted: %s\n", bad[i]);
            fail();
        }
    assert_int_equal(uri_parse_target(SPAN("GET"), SPAN("/a\0b"), &arena, &u, NULL), ST_INVALID);
}

static void urls_are_absolute(void **state)
{
    (void)state;
    struct uri u;
    struct err e;
    assert_int_equal(uri_parse_url(SPAN("https://b.s3.amazonaws.com/k?v=1"), &arena, &u, &e),
                     ST_OK);
    assert_span(u.authority.host, "b.s3.amazonaws.com");
    assert_span(u.path, "/k");
    assert_int_equal(uri_parse_url(SPAN("/k"), &arena, &u, &e), ST_INVALID);
    assert_int_equal(uri_parse_url(SPAN("*"), &arena, &u, &e), ST_INVALID);
    assert_int_equal(uri_parse_url(SPAN(""), &arena, &u, &e), ST_INVALID);
    assert_int_equal(uri_parse_url(SPAN("https://h/a b"), &arena, &u, &e), ST_INVALID);
}

static void host_is_written_without_the_default_port(void **state)
{
    (void)state;
    struct uri_authority a = {.host = SPAN("h"), .kind = URI_NAME, .port = 443};
    assert_span(uri_format_host(&a, true, &arena), "h");
    assert_span(uri_format_host(&a, false, &arena), "h:443");
    a.port = 0;
    assert_span(uri_format_host(&a, false, &arena), "h");
    struct uri_authority six = {.host = SPAN("::1"), .kind = URI_IPV6, .port = 80};
    assert_span(uri_format_host(&six, false, &arena), "[::1]");
    assert_span(uri_format_host(&six, true, &arena), "[::1]:80");
}

static void octets_are_decoded_once(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"/a%20b", "/a b"}, {"%2F%2f", "//"},   {"%2541", "%41"}, {"100%", "100%"},
        {"%4", "%4"},       {"%zz%41", "%zzA"}, {"a+b", "a+b"},   {"", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span got = uri_decode(span_of(rows[i][0]), &arena);
        if (!span_is(got, rows[i][1]))
            fail_msg("%s: %.*s", rows[i][0], SPAN_ARG(got));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_come_in_lower_case_with_their_port),
        cmocka_unit_test(addresses_have_one_spelling),
        cmocka_unit_test(other_spellings_of_ipv4_are_refused),
        cmocka_unit_test(whatever_two_readers_could_split_differently_is_refused),
        cmocka_unit_test(long_names_and_labels_are_refused),
        cmocka_unit_test(origin_form_keeps_path_and_query_raw),
        cmocka_unit_test(absolute_form_gives_authority_and_at_least_a_slash),
        cmocka_unit_test(connect_wants_host_and_port),
        cmocka_unit_test(asterisk_is_for_options_only),
        cmocka_unit_test(bad_targets_are_refused),
        cmocka_unit_test(urls_are_absolute),
        cmocka_unit_test(host_is_written_without_the_default_port),
        cmocka_unit_test(octets_are_decoded_once),
    };
    return cmocka_run_group_tests(tests, NULL, clear);
}
