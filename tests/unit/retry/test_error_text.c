// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "retry/error_code.h"
#include "retry/error_text.h"

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

static void element_is_read_with_its_entities(void **state)
{
    static const char body[] =
        "<?xml version=\"1.0\"?><Error><Code>X</Code><CanonicalRequest>GET\n/a&amp;b\n"
        "&lt;&gt;&quot;&apos;&#38;&#x26;&#228;&nope;&\n</CanonicalRequest></Error>";
    (void)state;
    assert_span(error_element(span_of(body), "CanonicalRequest", &a),
                "GET\n/a&b\n<>\"'&&\xc3\xa4&nope;&\n");
    assert_null(error_element(span_of(body), "StringToSign", &a).p);
    assert_null(error_element(SPAN("<Error><Message>cut off"), "Message", &a).p);
    assert_null(error_element(SPAN("<Message>no error</Message>"), "Message", &a).p);
    assert_span(error_element(SPAN("<Error><Message></Message></Error>"), "Message", &a), "");
    assert_span(error_element(SPAN("<Error><Message>&#99999999;&#x;&#</Message>"), "Message", &a),
                "&#99999999;&#x;&#");
}

static void message_is_read_from_xml_and_json(void **state)
{
    (void)state;
    assert_span(error_message(SPAN("<ErrorResponse><Error><Message>a &amp; b</Message>"), &a),
                "a & b");
    assert_span(
        error_message(SPAN(" {\"__type\":\"x\",\"message\":\"a\\n\\\"b\\\" \\u0041\\u00e4\\/\"}"),
                      &a),
        "a\n\"b\" A\xc3\xa4/");
    assert_span(error_message(SPAN("{\"Message\":\"m\"}"), &a), "m");
    assert_null(error_message(SPAN("{\"nested\":{\"message\":\"m\"}}"), &a).p);
    assert_null(error_message(SPAN("plain text"), &a).p);
    assert_null(error_message(SPAN(""), &a).p);
    assert_span(
        error_message(SPAN("{\"message\":\"\\ud800\\uZZ\\\"}"), &a).p ? SPAN("x") : SPAN("-"), "-");
}

static void quoted_text_is_found_behind_its_words(void **state)
{
    static const char text[] =
        "The Canonical String for this request should have been\n'GET\n/\n\nhost:a\n'\n\n"
        "The String-to-Sign should have been\n'AWS4\nx'\n";
    (void)state;
    assert_span(error_quoted(span_of(text), "Canonical String for this request should"),
                "GET\n/\n\nhost:a\n");
    assert_span(error_quoted(span_of(text), "String-to-Sign should have been"), "AWS4\nx");
    assert_null(error_quoted(SPAN("String-to-Sign should have been 'cut"), "String-to-Sign").p);
    assert_null(error_quoted(SPAN("nothing"), "String-to-Sign").p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(element_is_read_with_its_entities, setup, teardown),
        cmocka_unit_test_setup_teardown(message_is_read_from_xml_and_json, setup, teardown),
        cmocka_unit_test_setup_teardown(quoted_text_is_found_behind_its_words, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
