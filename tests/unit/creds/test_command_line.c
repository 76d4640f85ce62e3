// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "creds/command_line_int.h"

// Words joined with '|'; static.
static const char *split(const char *text)
{
    static char joined[600];
    struct arena a;
    struct err e;
    char **argv = NULL;
    arena_init(&a);
    joined[0] = '\0';
    if (command_line_split(span_of(text), &a, &argv, &e) != ST_OK)
        (void)snprintf(joined, sizeof(joined), "error: %s", e.text);
    for (int i = 0; argv && argv[i]; i++) {
        size_t len = strlen(joined);
        (void)snprintf(joined + len, sizeof(joined) - len, "%s%s", i ? "|" : "", argv[i]);
    }
    arena_clear(&a);
    return joined;
}

static const struct {
    const char *text, *words;
} cases[] = {
    {"tool", "tool"},
    {" tool  a\tb ", "tool|a|b"},
    {"tool\na\r\nb", "tool|a|b"},
    {"tool 'a b' \"c d\"", "tool|a b|c d"},
    {"tool a' b 'c\" d\"", "tool|a b c d"},
    {"tool '' \"\"", "tool||"},
    {"''", ""},
    {"tool $HOME ~ a;b *.c `x` $(y) # z", "tool|$HOME|~|a;b|*.c|`x`|$(y)|#|z"},
    {"tool a\\ b \\'c \\\"d \\\\e \\n", "tool|a b|'c|\"d|\\e|n"},
    {"tool 'a\\b' '\"'", "tool|a\\b|\""},
    {"tool \"a\\\"b\\\\c\\d'\"", "tool|a\"b\\c\\d'"},
    {"/path\\ with/blank --x=\"1 2\"", "/path with/blank|--x=1 2"},
    {"tool \xc3\xa4\xff", "tool|\xc3\xa4\xff"},
};

static void words_are_those_of_python_s_shlex(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(split(cases[i].text), cases[i].words);
}

static void what_is_not_closed_is_refused(void **state)
{
    (void)state;
    assert_non_null(strstr(split("tool 'a"), "error: a quotation is not closed (')"));
    assert_non_null(strstr(split("tool \"a\\\""), "error: a quotation is not closed (\")"));
    assert_non_null(strstr(split("tool a\\"), "error: nothing follows the last backslash"));
}

static void line_without_a_command_is_refused(void **state)
{
    (void)state;
    assert_non_null(strstr(split(""), "error: it names no command"));
    assert_non_null(strstr(split(" \t"), "error: it names no command"));
}

static void nul_is_refused(void **state)
{
    (void)state;
    struct arena a;
    struct err e;
    char **argv = NULL;
    arena_init(&a);
    assert_int_equal(command_line_split(SPAN("tool a\0b"), &a, &argv, &e), ST_INVALID);
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_those_of_python_s_shlex),
        cmocka_unit_test(what_is_not_closed_is_refused),
        cmocka_unit_test(line_without_a_command_is_refused),
        cmocka_unit_test(nul_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
