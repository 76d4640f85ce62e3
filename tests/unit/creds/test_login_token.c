// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "base/clock.h"
#include "creds/json_answer_int.h"
#include "creds/login_token_int.h"

#define KEYS  "\"accessKeyId\":\"ASIA1\",\"secretAccessKey\":\"s1\",\"sessionToken\":\"t1\""
#define UNTIL ",\"expiresAt\":\"2026-11-24T03:04:05Z\""
#define REST  ",\"clientId\":\"c\",\"refreshToken\":\"r1\",\"dpopKey\":\"PEM\""
#define WHOLE "{\"accessToken\":{" KEYS ",\"accountId\":\"123456789012\"" UNTIL "}" REST

static struct err e;

static const char *write_out(const struct login_token *t)
{
    static char text[1024];
    struct buf b;
    buf_init(&b);
    login_token_write(t, &b);
    (void)snprintf(text, sizeof(text), "%.*s", (int)b.len, b.p);
    buf_clear(&b);
    return text;
}

static void what_a_session_needs_is_read(void **state)
{
    (void)state;
    struct login_token t;
    struct creds *c = NULL;
    struct creds_parts told = {.provider = "p", .source = "s"};
    int64_t at_ms = 0;
    assert_int_equal(
        login_token_read(SPAN(WHOLE ",\"signInRegion\":\"eu-west-1\",\"idToken\":\"i\"}"), &t, &e),
        ST_OK);
    assert_int_equal(clock_parse_iso("2026-11-24T03:04:05Z", &at_ms), ST_OK);
    assert_true(t.expires_at_ms == at_ms);
    assert_string_equal(t.refresh_token, "r1");
    assert_string_equal(t.client_id, "c");
    assert_string_equal(t.key, "PEM");
    assert_string_equal(t.region, "eu-west-1");
    assert_null(login_token_lacks(&t));
    assert_int_equal(login_token_creds(&t, &told, &c, &e), ST_OK);
    assert_string_equal(c->access_key, "ASIA1");
    assert_string_equal(c->secret_key, "s1");
    assert_string_equal(c->session_token, "t1");
    assert_string_equal(c->account_id, "123456789012");
    assert_true(c->expires_at_ms == at_ms);
    creds_free(c);
    login_token_clear(&t);
}

static void what_is_no_session_is_refused_without_showing_it(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "not JSON"},
        {"[]", "not a JSON object"},
        {"{\"accessToken\":\"x\"}", "accessToken.accessKeyId is missing"},
        {"{\"accessToken\":{\"accessKeyId\":\"s1\"}}", "accessToken.secretAccessKey is missing"},
        {"{\"accessToken\":{\"accessKeyId\":\"a\",\"secretAccessKey\":\"s1\"}}",
         "accessToken.sessionToken is missing"},
        {"{\"accessToken\":{" KEYS "}}", "accessToken.expiresAt is missing"},
        {"{\"accessToken\":{" KEYS ",\"expiresAt\":\"s1\"}}",
         "accessToken.expiresAt is not a time"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct login_token t;
        assert_int_equal(login_token_read(span_of(rows[i].text), &t, &e), ST_INVALID);
        if (!strstr(e.text, rows[i].why))
            fail_msg("%s: %s", rows[i].text, e.text);
        assert_null(strstr(e.text, "s1"));
        assert_null(t.document);
    }
}

static void what_a_refresh_lacks_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *rest, *lacks;
    } rows[] = {
        {"", "refreshToken"},
        {",\"refreshToken\":\"\"", "refreshToken"},
        {",\"refreshToken\":\"r\"", "clientId"},
        {",\"refreshToken\":\"r\",\"clientId\":\"c\"", "dpopKey"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct login_token t;
        char text[512];
        (void)snprintf(text, sizeof(text), "{\"accessToken\":{" KEYS UNTIL "}%s}", rows[i].rest);
        assert_int_equal(login_token_read(span_of(text), &t, &e), ST_OK);
        assert_string_equal(login_token_lacks(&t), rows[i].lacks);
        login_token_clear(&t);
    }
}

static void answer_replaces_what_it_renews_and_nothing_else(void **state)
{
    (void)state;
    struct login_token t;
    struct buf body;
    int64_t now_ms = 0;
    assert_int_equal(clock_parse_iso("2026-11-24T10:00:00.7Z", &now_ms), ST_OK);
    assert_int_equal(login_token_read(SPAN(WHOLE ",\"idToken\":\"i\",\"x\":[1]}"), &t, &e), ST_OK);
    buf_init(&body);
    login_token_ask(&t, &body);
    assert_string_equal(buf_cstr(&body), "{\"clientId\":\"c\",\"grantType\":\"refresh_token\","
                                         "\"refreshToken\":\"r1\"}");
    buf_clear(&body);
    assert_int_equal(
        login_token_renew(&t,
                          SPAN("{\"accessToken\":{\"accessKeyId\":\"ASIA2\",\"secretAccessKey\":"
                               "\"s2\",\"sessionToken\":\"t2\"},\"tokenType\":\"aws_sigv4\","
                               "\"expiresIn\":900,\"refreshToken\":\"r2\"}"),
                          now_ms, &e),
        ST_OK);
    assert_string_equal(t.refresh_token, "r2");
    assert_string_equal(
        write_out(&t),
        "{\"accessToken\":{\"accessKeyId\":\"ASIA2\",\"secretAccessKey\":\"s2\",\"sessionToken\":"
        "\"t2\",\"accountId\":\"123456789012\",\"expiresAt\":\"2026-11-24T10:15:00Z\"},"
        "\"clientId\":\"c\",\"refreshToken\":\"r2\",\"dpopKey\":\"PEM\",\"idToken\":\"i\","
        "\"x\":[1]}");
    login_token_clear(&t);
}

static void answer_that_is_none_changes_nothing(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "nonsense",
        "{}",
        "{\"accessToken\":{" KEYS "},\"expiresIn\":900}",
        "{\"accessToken\":{" KEYS "},\"refreshToken\":\"r2\"}",
        "{\"accessToken\":{" KEYS "},\"refreshToken\":\"r2\",\"expiresIn\":0}",
        "{\"accessToken\":{" KEYS "},\"refreshToken\":\"r2\",\"expiresIn\":99999999999}",
        "{\"accessToken\":{" KEYS "},\"refreshToken\":\"r2\",\"expiresIn\":\"900\"}",
        "{\"accessToken\":{\"accessKeyId\":\"x\"},\"refreshToken\":\"r2\",\"expiresIn\":900}",
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct login_token t;
        assert_int_equal(login_token_read(SPAN(WHOLE "}"), &t, &e), ST_OK);
        assert_int_equal(login_token_renew(&t, span_of(answers[i]), 0, &e), ST_INVALID);
        assert_string_equal(write_out(&t), WHOLE "}");
        login_token_clear(&t);
    }
}

int main(void)
{
    json_answer_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_session_needs_is_read),
        cmocka_unit_test(what_is_no_session_is_refused_without_showing_it),
        cmocka_unit_test(what_a_refresh_lacks_is_named),
        cmocka_unit_test(answer_replaces_what_it_renews_and_nothing_else),
        cmocka_unit_test(answer_that_is_none_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
