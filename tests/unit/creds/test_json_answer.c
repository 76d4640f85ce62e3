// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include <string.h>

#include "creds/json_answer_int.h"

static const struct json_answer_form form = {
    .token = "Token", .wants_token = true, .wants_expiry = true, .provider = "p", .source = "s"};

#define KEYS "\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"very-secret\",\"Token\":\"T\""
#define TIME "\"Expiration\":\"2999-01-01T00:00:00Z\""

static enum status read_text(const char *text, struct creds **c, struct err *e)
{
    json_t *o = json_answer_parse(span_of(text), e);
    enum status st = o ? json_answer_creds(o, &form, c, e) : ST_INVALID;
    json_decref(o);
    return st;
}

static void complete_answer_is_read(void **state)
{
    (void)state;
    struct creds *c = NULL;
    struct err e;
    assert_int_equal(read_text("{" KEYS "," TIME ",\"AccountId\":\"1\",\"x\":[{}]}", &c, &e),
                     ST_OK);
    assert_string_equal(c->access_key, "AK");
    assert_string_equal(c->secret_key, "very-secret");
    assert_string_equal(c->session_token, "T");
    assert_string_equal(c->account_id, "1");
    assert_int_equal(c->expires_at_ms, 32472144000000);
    creds_free(c);
}

static void what_is_not_such_an_answer_is_refused_without_showing_it(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "not JSON"},
        {"{" KEYS "," TIME, "not JSON"},
        {"{" KEYS "," TIME "} {}", "not JSON"},
        {"{\"SecretAccessKey\":\"very-secret\" x", "not JSON"},
        {"{" KEYS "," KEYS "," TIME "}", "not JSON"},
        {"[]", "not a JSON object"},
        {"\"very-secret\"", "not JSON"},
        {"{}", "AccessKeyId is missing"},
        {"{\"accessKeyId\":\"AK\",\"secretAccessKey\":\"very-secret\"}", "AccessKeyId is missing"},
        {"{\"AccessKeyId\":1,\"SecretAccessKey\":\"very-secret\"}", "AccessKeyId is missing"},
        {"{\"AccessKeyId\":\"AK\",\"Token\":\"T\"}", "SecretAccessKey is missing"},
        {"{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"very-secret\"}", "Token is missing"},
        {"{" KEYS "}", "Expiration is missing"},
        {"{" KEYS ",\"Expiration\":null}", "Expiration is not a time"},
        {"{" KEYS ",\"Expiration\":4102444800}", "Expiration is not a time"},
        {"{" KEYS ",\"Expiration\":\"tomorrow\"}", "Expiration is not a time"},
        {"{\"AccessKeyId\":\"A K\",\"SecretAccessKey\":\"very-secret\",\"Token\":\"T\"," TIME "}",
         "access key id has a character"},
        {"{\"AccessKeyId\":\"AK\",\"SecretAccessKey\":\"very-secret\",\"Token\":\"T\\nT\"," TIME
         "}",
         "session token has a line break"},
        {"{\"AccessKeyId\":\"AK\\u0000\",\"SecretAccessKey\":\"very-secret\"}", "not JSON"},
        {"{\"AccessKeyId\":\"\xff\",\"SecretAccessKey\":\"very-secret\"}", "not JSON"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct creds *c = NULL;
        struct err e = {""};
        assert_int_equal(read_text(rows[i].text, &c, &e), ST_INVALID);
        assert_null(c);
        if (!strstr(e.text, rows[i].why) || strstr(e.text, "very-secret"))
            fail_msg("%s: %s", rows[i].text, e.text);
    }
}

int main(void)
{
    json_answer_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(complete_answer_is_read),
        cmocka_unit_test(what_is_not_such_an_answer_is_refused_without_showing_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
