// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "config/ini_int.h"

static void refused(struct span file, unsigned line, const char *text)
{
    struct ini i;
    struct ini_item item;
    struct err e = {""};
    enum status st;
    ini_init(&i, file);
    while ((st = ini_next(&i, &item, &e)) == ST_OK) {
    }
    assert_int_equal(st, ST_INVALID);
    assert_int_equal(i.line, line);
    assert_string_equal(e.text, text);
}

static void sections_and_pairs_come_with_their_lines(void **state)
{
    (void)state;
    struct ini i;
    struct ini_item item;
    ini_init(&i,
             SPAN("\n[proxy]\n  region =  eu-west-1 \t\r\n\n[route \"*.s3.test\"]\nservice=s3"));
    assert_int_equal(ini_next(&i, &item, NULL), ST_OK);
    assert_int_equal(item.kind, INI_SECTION);
    assert_span(item.section, "proxy");
    assert_null(item.argument.p);
    assert_int_equal(i.line, 2);
    assert_int_equal(ini_next(&i, &item, NULL), ST_OK);
    assert_int_equal(item.kind, INI_KEY);
    assert_span(item.key, "region");
    assert_span(item.value, "eu-west-1");
    assert_int_equal(i.line, 3);
    assert_int_equal(ini_next(&i, &item, NULL), ST_OK);
    assert_span(item.section, "route");
    assert_span(item.argument, "*.s3.test");
    assert_int_equal(i.line, 5);
    assert_int_equal(ini_next(&i, &item, NULL), ST_OK);
    assert_span(item.key, "service");
    assert_span(item.value, "s3");
    assert_int_equal(i.line, 6);
    assert_int_equal(ini_next(&i, &item, NULL), ST_DECLINED);
    assert_int_equal(ini_next(&i, &item, NULL), ST_DECLINED);
}

static void value_of(const char *line, const char *want)
{
    struct ini i;
    struct ini_item item;
    ini_init(&i, span_of(line));
    assert_int_equal(ini_next(&i, &item, NULL), ST_OK);
    assert_span(item.value, want);
}

static void comment_begins_at_line_start_or_behind_a_blank(void **state)
{
    (void)state;
    value_of("# all\n ; all\nkey = a # b", "a");
    value_of("key = a\t; b", "a");
    value_of("key = a#b;c", "a#b;c");
    value_of("key = #b", "");
    value_of("key =#b", "#b");
    value_of("key = a = b", "a = b");
    value_of("[section] ; word", "");
}

static void comment_marks_in_a_quoted_glob_belong_to_it(void **state)
{
    (void)state;
    struct ini i;
    struct ini_item item;
    ini_init(&i, SPAN("[ route \"a ]# b\" ]  # c"));
    assert_int_equal(ini_next(&i, &item, NULL), ST_OK);
    assert_span(item.section, "route");
    assert_span(item.argument, "a ]# b");
}

static void quotes_in_a_comment_are_no_argument(void **state)
{
    (void)state;
    struct ini i;
    struct ini_item item;
    ini_init(&i, SPAN("[proxy] # the \"main\" one"));
    assert_int_equal(ini_next(&i, &item, NULL), ST_OK);
    assert_span(item.section, "proxy");
    assert_null(item.argument.p);
}

static void broken_lines_are_refused_with_their_number(void **state)
{
    (void)state;
    refused(SPAN("a = b\nregion\n"), 2, "expected \"key = value\", found \"region\"");
    refused(SPAN("= b"), 1, "\"\" is no name of a key");
    refused(SPAN("a b = c"), 1, "\"a b\" is no name of a key");
    refused(SPAN("\n\n[proxy"), 3, "the closing ']' is missing");
    refused(SPAN("[proxy # ]"), 1, "quotes are missing, as in [route \"*.example.com\"]");
    refused(SPAN("[proxy]x"), 1, "only a comment may follow ']'");
    refused(SPAN("[]"), 1, "\"\" is no name of a section");
    refused(SPAN("[route *.test]"), 1, "quotes are missing, as in [route \"*.example.com\"]");
    refused(SPAN("[route \"a]"), 1, "the closing '\"' is missing");
    refused(SPAN("[route \"a\" b]"), 1, "expected ']' behind the closing '\"'");
    refused(SPAN("[route \"a\""), 1, "expected ']' behind the closing '\"'");
    refused(SPAN("a = \"b\""), 1, "values stand without quotes");
}

static void nul_and_control_octets_are_refused(void **state)
{
    (void)state;
    refused(SPAN("a = b\nc = \0\n"), 2, "a NUL octet: this is not a text file");
    refused(SPAN("# \0"), 1, "a NUL octet: this is not a text file");
    refused(SPAN("a = \x1b[2J"), 1, "a control octet");
    refused(SPAN("a = b\r\r\n"), 1, "a control octet");
}

static void byte_order_mark_and_empty_files_are_fine(void **state)
{
    (void)state;
    struct ini i;
    struct ini_item item;
    value_of("\xef\xbb\xbfkey = v", "v");
    ini_init(&i, SPAN(""));
    assert_int_equal(ini_next(&i, &item, NULL), ST_DECLINED);
    ini_init(&i, (struct span){NULL, 0});
    assert_int_equal(ini_next(&i, &item, NULL), ST_DECLINED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_and_pairs_come_with_their_lines),
        cmocka_unit_test(comment_begins_at_line_start_or_behind_a_blank),
        cmocka_unit_test(comment_marks_in_a_quoted_glob_belong_to_it),
        cmocka_unit_test(quotes_in_a_comment_are_no_argument),
        cmocka_unit_test(broken_lines_are_refused_with_their_number),
        cmocka_unit_test(nul_and_control_octets_are_refused),
        cmocka_unit_test(byte_order_mark_and_empty_files_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
