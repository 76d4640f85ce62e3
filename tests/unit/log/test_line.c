// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "log/line_int.h"

// What stands behind the time.
static const char *message(struct log_record *l, const char *subject, const char *text, size_t len)
{
    line_message(l, LOG_WARN, subject, span_from(text, len), true);
    assert_true(l->len < sizeof(l->p));
    assert_int_equal(l->p[l->len - 1], '\n');
    l->p[l->len - 1] = '\0';
    assert_null(strchr(l->p, '\n'));
    return strstr(l->p, l->is_json ? "\"level\"" : "WARN");
}

static void json_escapes_what_is_not_printable_ascii(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"a\"b\\c/", "a\\\"b\\\\c/"},
        {"\r\n\t\x1b[31m\x7f", "\\u000d\\u000a\\u0009\\u001b[31m\\u007f"},
        {"\xc3\xa4", "\\u00e4"},
        {"\xe2\x80\xa8\xe2\x80\xa9\xc2\x85", "\\u2028\\u2029\\u0085"}, // ends of lines, for some
        {"\xf0\x9f\x98\x80", "\\ud83d\\ude00"},
        {"\xff\xfe", "\\ufffd\\ufffd"},
        {"\xc0\x8a", "\\ufffd\\ufffd"},                         // overlong newline
        {"\xe0\x80\x8a", "\\ufffd\\ufffd\\ufffd"},              // and another
        {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},              // surrogate
        {"\xf4\x90\x80\x80x", "\\ufffd\\ufffd\\ufffd\\ufffdx"}, // beyond the last
        {"\xe2\x80", "\\ufffd\\ufffd"},                         // cut off
        {"\xc3(", "\\ufffd("},
    };
    (void)state;
    log_set_format(LOG_JSON);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct log_record l;
        char want[256];
        (void)snprintf(want, sizeof(want), "\"level\":\"warn\",\"id\":\"s\",\"message\":\"%s\"}",
                       cases[i].out);
        assert_string_equal(message(&l, "s", cases[i].in, strlen(cases[i].in)), want);
    }
    struct log_record l;
    assert_string_equal(message(&l, NULL, "a\0b", 3),
                        "\"level\":\"warn\",\"message\":\"a\\u0000b\"}");
    log_set_format(LOG_TEXT);
}

static void long_message_is_cut_and_closed(void **state)
{
    static char big[3 * LOG_LINE_MAX];
    (void)state;
    memset(big, 0xff, sizeof(big));
    for (int f = LOG_TEXT; f <= LOG_JSON; f++) {
        struct log_record l;
        log_set_format((enum log_format)f);
        const char *text = message(&l, "s", big, sizeof(big));
        size_t len = strlen(text);
        assert_true(l.len > LOG_LINE_MAX - 16);
        if (f == LOG_JSON)
            assert_string_equal(text + len - 11, "\\ufffd...\"}");
        else
            assert_string_equal(text + len - 7, "\\xff...");
    }
    log_set_format(LOG_TEXT);
}

static const char *record(struct log_record *l, struct span value, size_t max)
{
    log_record_begin(l, "ACCESS", "c1");
    log_record_text(l, SPAN("path"), value, max);
    log_record_text(l, SPAN("code"), SPAN(""), 10);
    log_record_number(l, SPAN("n"), -7);
    line_end(l);
    l->p[l->len - 1] = '\0';
    return l->is_json ? strstr(l->p, "\"event\"") : strstr(l->p, "ACCESS");
}

static void text_fields_are_quoted_where_they_could_be_taken_for_two(void **state)
{
    struct log_record l;
    (void)state;
    assert_string_equal(record(&l, SPAN("/a"), 99), "ACCESS [c1] path=/a code=- n=-7");
    assert_string_equal(record(&l, SPAN("/a b=\"c\" \\"), 99),
                        "ACCESS [c1] path=\"/a b=\\\"c\\\" \\\\\" code=- n=-7");
    assert_string_equal(record(&l, SPAN("-"), 99), "ACCESS [c1] path=\"-\" code=- n=-7");
    assert_string_equal(record(&l, SPAN("x\n"), 99), "ACCESS [c1] path=\"x\\x0a\" code=- n=-7");
    assert_string_equal(record(&l, SPAN("abcdef"), 3), "ACCESS [c1] path=abc... code=- n=-7");
    assert_string_equal(record(&l, SPAN("a\n\n"), 6), "ACCESS [c1] path=\"a\\x0a...\" code=- n=-7");
}

static void json_fields_are_strings_numbers_and_null(void **state)
{
    struct log_record l;
    (void)state;
    log_set_format(LOG_JSON);
    assert_string_equal(
        record(&l, SPAN("/a \"b\""), 99),
        "\"event\":\"access\",\"id\":\"c1\",\"path\":\"/a \\\"b\\\"\",\"code\":null,"
        "\"n\":-7}");
    log_set_format(LOG_TEXT);
}

static void record_that_is_full_leaves_fields_out_and_is_closed(void **state)
{
    static char big[LOG_LINE_MAX];
    struct log_record l;
    (void)state;
    memset(big, 'x', sizeof(big));
    log_set_format(LOG_JSON);
    log_record_begin(&l, "ACCESS", "c1");
    for (int i = 0; i < 10; i++)
        log_record_text(&l, SPAN("big"), span_from(big, sizeof(big)), 2000);
    for (int i = 0; i < 1000; i++)
        log_record_number(&l, SPAN("number"), i);
    line_end(&l);
    assert_true(l.len <= sizeof(l.p));
    assert_memory_equal(l.p + l.len - 2, "}\n", 2);
    log_set_format(LOG_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_escapes_what_is_not_printable_ascii),
        cmocka_unit_test(long_message_is_cut_and_closed),
        cmocka_unit_test(text_fields_are_quoted_where_they_could_be_taken_for_two),
        cmocka_unit_test(json_fields_are_strings_numbers_and_null),
        cmocka_unit_test(record_that_is_full_leaves_fields_out_and_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
