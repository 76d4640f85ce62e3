// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "sign/sign.h"

static struct arena a;

static int setup(void **state)
{
    (void)state;
    arena_init(&a);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_clear(&a);
    return 0;
}

static struct sign_target make(const char *path, const char *query, bool is_s3)
{
    struct sign_target t;
    sign_target_make(span_of(path), span_of(query), is_s3, &a, &t);
    return t;
}

static void assert_paths(const char *path, bool is_s3, const char *wire, const char *canon)
{
    struct sign_target t = make(path, NULL, is_s3);
    assert_span(t.wire_path, wire);
    assert_span(t.canon_path, canon);
}

static void assert_query(const char *query, const char *want)
{
    assert_span(make("/", query, false).query, want);
    assert_span(make("/", query, true).query, want);
}

static void s3_path_is_decoded_once_and_encoded_once(void **state)
{
    (void)state;
    assert_paths("/a%20b/%7e%41+c*'()!@=&,;$:", true,
                 "/a%20b/~A%2Bc%2A%27%28%29%21%40%3D%26%2C%3B%24%3A",
                 "/a%20b/~A%2Bc%2A%27%28%29%21%40%3D%26%2C%3B%24%3A");
    assert_paths("/%252F", true, "/%252F", "/%252F");
    assert_paths("/a%2Fb", true, "/a/b", "/a/b");
    assert_paths("/\xed\x95\x9c", true, "/%ED%95%9C", "/%ED%95%9C");
    assert_paths("/%ed%95%9c", true, "/%ED%95%9C", "/%ED%95%9C");
}

static void s3_path_keeps_dots_and_empty_segments(void **state)
{
    (void)state;
    assert_paths("//a//../b/./", true, "//a//../b/./", "//a//../b/./");
}

static void other_paths_keep_legal_bytes_on_the_wire(void **state)
{
    (void)state;
    assert_paths("/a+b/%2f%7E*", false, "/a+b/%2f%7E*", "/a%2Bb/%252f%257E%2A");
    assert_paths("/a b\"<>\\^`{|}[]#\x7f", false, "/a%20b%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D%23%7F",
                 "/a%2520b%2522%253C%253E%255C%255E%2560%257B%257C%257D%255B%255D%2523%257F");
}

static void other_paths_are_normalised_in_the_canonical_form_only(void **state)
{
    (void)state;
    assert_paths("/.", false, "/.", "/");
    assert_paths("/a/..", false, "/a/..", "/");
    assert_paths("/a/../", false, "/a/../", "/");
    assert_paths("/a/.", false, "/a/.", "/a");
    assert_paths("//a//b", false, "//a//b", "/a/b");
    assert_paths("/../../a/b/../c/", false, "/../../a/b/../c/", "/a/c/");
    assert_paths("/a/%2e%2e/.../.b/..c", false, "/a/%2e%2e/.../.b/..c", "/a/%252e%252e/.../.b/..c");
}

static void broken_escapes_are_literal_percent_signs(void **state)
{
    (void)state;
    assert_paths("/%zz/%/%4", true, "/%25zz/%25/%254", "/%25zz/%25/%254");
    assert_paths("/%zz/%/%4", false, "/%25zz/%25/%254", "/%2525zz/%2525/%25254");
    assert_query("a=%zz&b=%4&%=1", "%25=1&a=%25zz&b=%254");
}

static void empty_path_is_a_slash(void **state)
{
    (void)state;
    assert_paths("", true, "/", "/");
    assert_paths("", false, "/", "/");
    assert_paths("x", false, "/x", "/x");
    struct sign_target t;
    sign_target_make(SPAN("a\0b"), SPAN(""), true, &a, &t);
    assert_span(t.wire_path, "/a%00b");
}

static void query_without_parameters_is_empty(void **state)
{
    (void)state;
    assert_query(NULL, "");
    assert_query("", "");
    assert_query("&&", "");
    assert_query("=", "");
    assert_query("&=&", "");
}

static void query_writes_every_parameter_with_an_equals_sign(void **state)
{
    (void)state;
    assert_query("acl", "acl=");
    assert_query("a=b=c", "a=b%3Dc");
    assert_query("=v", "=v");
    assert_query("==", "=%3D");
    assert_query("a=/&b=?", "a=%2F&b=%3F");
}

static void plus_in_a_query_is_a_space(void **state)
{
    (void)state;
    assert_query("a+b=c+d", "a%20b=c%20d");
    assert_query("a=%2B", "a=%2B");
}

static void query_sorts_by_encoded_name_then_value(void **state)
{
    (void)state;
    assert_query("b=1&a=2&a=1&B=3", "B=3&a=1&a=2&b=1");
    assert_query("Param-3=1&Param=2&Param3=0", "Param=2&Param-3=1&Param3=0");
    assert_query("\xed\x95\x9c=1&z=1", "%ED%95%9C=1&z=1");
    assert_query("a=1&a=1", "a=1&a=1");
}

static void s3_family_is_four_signing_names(void **state)
{
    (void)state;
    assert_true(sign_is_s3_family(SPAN("s3")));
    assert_true(sign_is_s3_family(SPAN("s3express")));
    assert_true(sign_is_s3_family(SPAN("s3-outposts")));
    assert_true(sign_is_s3_family(SPAN("s3-object-lambda")));
    assert_false(sign_is_s3_family(SPAN("s3tables")));
    assert_true(sign_wants_payload_header(SPAN("aoss")));
    assert_true(sign_wants_payload_header(SPAN("s3")));
    assert_false(sign_wants_payload_header(SPAN("es")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s3_path_is_decoded_once_and_encoded_once),
        cmocka_unit_test(s3_path_keeps_dots_and_empty_segments),
        cmocka_unit_test(other_paths_keep_legal_bytes_on_the_wire),
        cmocka_unit_test(other_paths_are_normalised_in_the_canonical_form_only),
        cmocka_unit_test(broken_escapes_are_literal_percent_signs),
        cmocka_unit_test(empty_path_is_a_slash),
        cmocka_unit_test(query_without_parameters_is_empty),
        cmocka_unit_test(query_writes_every_parameter_with_an_equals_sign),
        cmocka_unit_test(plus_in_a_query_is_a_space),
        cmocka_unit_test(query_sorts_by_encoded_name_then_value),
        cmocka_unit_test(s3_family_is_four_signing_names),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
