// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "creds/profile_file_int.h"

static struct profile_file *config(const char *text)
{
    return profile_file_parse(span_of(text), FILE_CONFIG);
}

static struct profile_file *credentials(const char *text)
{
    return profile_file_parse(span_of(text), FILE_CREDENTIALS);
}

static struct span get(const struct profile_file *f, const char *profile, const char *key)
{
    const struct profile_property *p =
        profile_file_find(f, SECTION_PROFILE, span_of(profile), NULL, key);
    return p ? p->value : span_from(NULL, 0);
}

static void assert_value(struct profile_file *f, const char *key, const char *want)
{
    struct span got = get(f, "default", key);
    if (want) {
        assert_non_null(got.p);
        assert_span(got, want);
    } else {
        assert_null(got.p);
    }
    profile_file_free(f);
}

static void value_is_what_stands_behind_the_first_equals_sign(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *want; // NULL: no such setting
        unsigned warnings;
    } rows[] = {
        {"k = v", "v", 0},
        {"k=v", "v", 0},
        {"K \t=\t v \t", "v", 0}, // F12: names in any case
        {"k = a=b%[c]", "a=b%[c]", 0},
        {"k =", "", 0},
        {"k = v # note", "v", 0}, // F13
        {"k = v ;c", "v", 0},
        {"k = SK#X;Y", "SK#X;Y", 0},
        {"k = # note", "", 0},
        {"k =#x", "#x", 0},
        {"k: v", "v", 0}, // F18
        {"k:x = v", NULL, 0},
        {"# k = v", NULL, 0},
        {" ; k = v", NULL, 0},
        {"k = \"v\"", "\"v\"", 0},
        {"k = v\r", "v", 0}, // F16
        {"junk", NULL, 1},   // F19
        {"= v", NULL, 1},
        {"k k = v", NULL, 1},
        {"k\x01 = v", NULL, 1},
        {"k = 1\nk = 2", "2", 0},            // F11
        {"k = 1\n[default]\nk = 2", "2", 0}, // F10
        {"k = v\n more", "v\nmore", 0},      // F27
        {"k = v \t # note\n\n # a comment\n\t more # text\n z", "v\nmore # text\nz", 0},
        {"  k = v\n  l = w", "v", 0}, // F28
        {"  j = v\n  k = w", "w", 0},
        {"  j = v\n    k = w", NULL, 0},
        {"s3 =\n  k = inner", NULL, 0},
        {"s3 =\n  k = inner\nk = outer", "outer", 0}, // F25
        {"k =\n  no equals sign", "", 1},             // F26
        {"junk\n  k = v", NULL, 1},
        {"j = v\nk", NULL, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[256];
        (void)snprintf(text, sizeof(text), "[default]\n%s\n", rows[i].line);
        struct profile_file *f = config(text);
        if (f->n_warnings != rows[i].warnings)
            fail_msg("\"%s\": %u warnings", rows[i].line, f->n_warnings);
        assert_value(f, "k", rows[i].want);
    }
}

static const struct {
    const char *header;
    const char *profile; // NULL: none of that name
    enum file_kind kind;
    unsigned warnings;
} headers[] = {
    {"[default]", "default", FILE_CONFIG, 0},
    {"[ default ]", "default", FILE_CONFIG, 0}, // F17
    {"[profile default]", "default", FILE_CONFIG, 0},
    {"[profile x]", "x", FILE_CONFIG, 0},
    {"[profile\t \tx]", "x", FILE_CONFIG, 0}, // F24
    {"[\tprofile x\t]", "x", FILE_CONFIG, 0},
    {"[profile x]# c", "x", FILE_CONFIG, 0},
    {"[profile x] ; c", "x", FILE_CONFIG, 0},
    {"[profile x] c", "x", FILE_CONFIG, 1},
    {"[profile \"x\"]", "x", FILE_CONFIG, 0}, // F22
    {"[profile 'x']", "x", FILE_CONFIG, 0},
    {"[profile a_b-c/d.e%f@g:h+i]", "a_b-c/d.e%f@g:h+i", FILE_CONFIG, 0},
    {"[x]", NULL, FILE_CONFIG, 1},            // F03
    {"[profilex]", NULL, FILE_CONFIG, 1},     // F33
    {"[DEFAULT]", NULL, FILE_CONFIG, 1},      // F32
    {"[profile my x]", NULL, FILE_CONFIG, 1}, // F23
    {"[profile x", NULL, FILE_CONFIG, 1},     // F21
    {"[profile x # ]", NULL, FILE_CONFIG, 1},
    {"[foo x]", NULL, FILE_CONFIG, 0},
    {"[sso-session x]", NULL, FILE_CONFIG, 0},
    {"[services x]", NULL, FILE_CONFIG, 0},
    {"[]", NULL, FILE_CONFIG, 1},
    {"[profile \"\"]", NULL, FILE_CONFIG, 1},
    {"[default]", "default", FILE_CREDENTIALS, 0},
    {"[x]", "x", FILE_CREDENTIALS, 0},
    {"[X]", "X", FILE_CREDENTIALS, 0}, // F37
    {"[profilex]", "profilex", FILE_CREDENTIALS, 0},
    {"[profile]", "profile", FILE_CREDENTIALS, 0},
    {"[profile x]", NULL, FILE_CREDENTIALS, 1}, // F04
    {"[profile default]", NULL, FILE_CREDENTIALS, 1},
    {"[sso-session x]", NULL, FILE_CREDENTIALS, 0},
    {"[\"x\"]", NULL, FILE_CREDENTIALS, 1},
};

static void header_names_a_profile_or_is_ignored(void **state)
{
    (void)state;
    static const char *const names[] = {
        "default",           "x",    "X", "profilex", "profile", "DEFAULT",
        "a_b-c/d.e%f@g:h+i", "my x", "",  "\"x\""};
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        char text[256];
        (void)snprintf(text, sizeof(text), "%s\nk = v\n", headers[i].header);
        struct profile_file *f = profile_file_parse(span_of(text), headers[i].kind);
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
            bool is_it = headers[i].profile && strcmp(names[n], headers[i].profile) == 0;
            if (profile_file_has(f, SECTION_PROFILE, span_of(names[n])) != is_it)
                fail_msg("%s: profile %s", headers[i].header, names[n]);
            assert_true((get(f, names[n], "k").p != NULL) == is_it);
        }
        if (f->n_warnings != headers[i].warnings)
            fail_msg("%s: %u warnings", headers[i].header, f->n_warnings);
        profile_file_free(f);
    }
}

static void prefixed_default_wins_wherever_it_stands(void **state)
{
    (void)state;
    assert_value(config("[default]\nk = 1\n[profile default]\nk = 2\n"), "k", "2"); // F05
    assert_value(config("[profile default]\nk = 2\n[default]\nk = 1\n"), "k", "2"); // F06
    assert_value(config("[profile default]\n[default]\nk = 1\n"), "k", NULL); // ignored as a whole
    assert_value(credentials("[default]\nk = 1\n[profile default]\nk = 2\n"), "k", "1");
}

static void byte_order_mark_is_skipped(void **state)
{
    (void)state;
    assert_value(config("\xef\xbb\xbf[default]\r\nk = v\r\n"), "k", "v"); // F15
}

static void settings_before_any_section_are_skipped_with_a_warning(void **state)
{
    (void)state;
    struct profile_file *f = config("k = 0\n  more\n[default]\nl = 1\n"); // F20
    assert_int_equal(f->n_warnings, 1);
    assert_int_equal(f->warnings[0].line, 1);
    assert_span(get(f, "default", "l"), "1");
    assert_value(f, "k", NULL);
}

static void warnings_name_the_line_and_stop_at_their_limit(void **state)
{
    (void)state;
    struct profile_file *f = config("\n[default]\n# c\njunk\nk = v\n[y\n");
    assert_int_equal(f->n_warnings, 2);
    assert_int_equal(f->warnings[0].line, 4);
    assert_int_equal(f->warnings[1].line, 6);
    profile_file_free(f);
    char junk[1024] = "[default]";
    for (size_t i = 9; i < sizeof(junk); i++)
        junk[i] = i % 2 ? '\n' : 'x';
    f = profile_file_parse(span_from(junk, sizeof(junk)), FILE_CONFIG);
    assert_int_equal(f->n_warnings, PROFILE_WARNINGS_MAX);
    profile_file_free(f);
}

static void section_without_its_bracket_hides_what_follows_until_the_next(void **state)
{
    (void)state;
    struct profile_file *f = config("[default]\nk = 1\n[profile x\nk = 2\n[profile y]\nk = 3\n");
    assert_span(get(f, "y", "k"), "3");
    assert_value(f, "k", "1");
}

static void nested_block_belongs_to_its_setting(void **state)
{
    (void)state;
    struct profile_file *f =
        config("[services s]\nsts =\n  endpoint_url = http://a # c\ns3=\n  endpoint_url=http://b\n"
               "s3 =\n  endpoint_url = http://c\n");
    const struct profile_property *p =
        profile_file_find(f, SECTION_SERVICES, SPAN("s"), "sts", "endpoint_url");
    assert_non_null(p);
    assert_span(p->value, "http://a");
    assert_int_equal(p->line, 3);
    p = profile_file_find(f, SECTION_SERVICES, SPAN("s"), "s3", "endpoint_url");
    assert_span(p->value, "http://c");
    assert_null(profile_file_find(f, SECTION_SERVICES, SPAN("s"), NULL, "endpoint_url"));
    assert_null(profile_file_find(f, SECTION_PROFILE, SPAN("s"), "sts", "endpoint_url"));
    profile_file_free(f);
}

static void misnamed_section_is_remembered_for_a_hint(void **state)
{
    (void)state;
    struct profile_file *f = config("[p]\nk = v\n[profile q]\n");
    assert_true(profile_file_has_misnamed(f, SPAN("p")));
    assert_false(profile_file_has_misnamed(f, SPAN("q")));
    assert_false(profile_file_has_misnamed(f, SPAN("r")));
    profile_file_free(f);
}

static void numbers_of_sections_and_settings_are_bounded(void **state)
{
    (void)state;
    size_t len = 0;
    char *text = malloc(1 << 20);
    assert_non_null(text);
    for (unsigned i = 0; i < 2 * PROFILE_SECTIONS_MAX; i++)
        len += (size_t)sprintf(text + len, "[profile p%u]\na=1\nb=2\nc=3\nd=4\ne=5\n", i);
    struct profile_file *f = profile_file_parse(span_from(text, len), FILE_CONFIG);
    assert_int_equal(f->n_sections, PROFILE_SECTIONS_MAX);
    assert_int_equal(f->n_properties, PROFILE_PROPERTIES_MAX);
    assert_span(get(f, "p7", "e"), "5");
    profile_file_free(f);
    free(text);
}

static void nul_octets_and_an_empty_file_are_only_bytes(void **state)
{
    (void)state;
    profile_file_free(profile_file_parse(span_from(NULL, 0), FILE_CONFIG));
    struct profile_file *f = profile_file_parse(SPAN("[default]\nk = a\0b\n\0\n"), FILE_CONFIG);
    assert_int_equal(get(f, "default", "k").len, 3);
    profile_file_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_is_what_stands_behind_the_first_equals_sign),
        cmocka_unit_test(header_names_a_profile_or_is_ignored),
        cmocka_unit_test(prefixed_default_wins_wherever_it_stands),
        cmocka_unit_test(byte_order_mark_is_skipped),
        cmocka_unit_test(settings_before_any_section_are_skipped_with_a_warning),
        cmocka_unit_test(warnings_name_the_line_and_stop_at_their_limit),
        cmocka_unit_test(section_without_its_bracket_hides_what_follows_until_the_next),
        cmocka_unit_test(nested_block_belongs_to_its_setting),
        cmocka_unit_test(misnamed_section_is_remembered_for_a_hint),
        cmocka_unit_test(numbers_of_sections_and_settings_are_bounded),
        cmocka_unit_test(nul_octets_and_an_empty_file_are_only_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
