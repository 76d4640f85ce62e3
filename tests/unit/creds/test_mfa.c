// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "base/clock.h"
#include "base/digest.h"
#include "creds/json_answer_int.h"
#include "creds/mfa_int.h"

static struct arena a;
static struct err e;

static int teardown(void **state)
{
    (void)state;
    arena_clear(&a);
    return 0;
}

#define KEYS                                                                                       \
    "\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"s1\",\"SessionToken\":\"t1\","                \
    "\"Expiration\":\"2026-11-24T03:04:05.000Z\""
#define WHOLE                                                                                      \
    "{\"Version\":1,\"Profile\":\"p\",\"SerialNumber\":\"arn:x\",\"KeyFingerprint\":\"ab\"," KEYS  \
    "}"

static void session_that_is_written_is_read(void **state)
{
    (void)state;
    struct mfa_session s;
    struct buf out;
    int64_t at_ms = 0;
    assert_int_equal(mfa_session_read(SPAN(WHOLE), &a, &s, &e), ST_OK);
    assert_string_equal(s.profile, "p");
    assert_string_equal(s.serial, "arn:x");
    assert_string_equal(s.keys, "ab");
    assert_string_equal(s.creds->session_token, "t1");
    assert_string_equal(s.creds->provider, "MFA session [p]");
    assert_int_equal(clock_parse_iso("2026-11-24T03:04:05Z", &at_ms), ST_OK);
    assert_true(s.creds->expires_at_ms == at_ms);
    buf_init(&out);
    mfa_session_write(&s, &out);
    assert_string_equal(buf_cstr(&out), WHOLE);
    buf_clear(&out);
    creds_free(s.creds);
}

static void what_is_no_session_is_refused_without_showing_it(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "not JSON"},
        {"{\"Version\":2}", "Version is not 1"},
        {"{\"Version\":\"1\"}", "Version is not 1"},
        {"{\"Version\":1}", "Profile is missing"},
        {"{\"Version\":1,\"Profile\":\"p\"}", "SerialNumber is missing"},
        {"{\"Version\":1,\"Profile\":\"p\",\"SerialNumber\":\"s\"}", "KeyFingerprint is missing"},
        {"{\"Version\":1,\"Profile\":\"p\",\"SerialNumber\":\"s\",\"KeyFingerprint\":\"k\"}",
         "AccessKeyId is missing"},
        {"{\"Version\":1,\"Profile\":\"p\",\"SerialNumber\":\"s\",\"KeyFingerprint\":\"k\","
         "\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s1\"}",
         "SessionToken is missing"},
        {"{\"Version\":1,\"Profile\":\"p\",\"SerialNumber\":\"s\",\"KeyFingerprint\":\"k\","
         "\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s1\",\"SessionToken\":\"t\"}",
         "Expiration is missing"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mfa_session s;
        assert_int_equal(mfa_session_read(span_of(rows[i].text), &a, &s, &e), ST_INVALID);
        if (!strstr(e.text, rows[i].why))
            fail_msg("%s: %s", rows[i].text, e.text);
        assert_null(strstr(e.text, "s1"));
    }
}

static void fingerprint_follows_each_part_of_the_key(void **state)
{
    (void)state;
    char access[] = "AK";
    char secret[] = "SK";
    char other[] = "OK";
    const struct creds keys = {.access_key = access, .secret_key = secret};
    const struct creds rows[] = {{.access_key = other, .secret_key = secret},
                                 {.access_key = access, .secret_key = other},
                                 {.access_key = secret, .secret_key = access}};
    char one[MFA_FINGERPRINT_LEN];
    char two[MFA_FINGERPRINT_LEN];
    mfa_fingerprint(&keys, one);
    mfa_fingerprint(&keys, two);
    assert_string_equal(one, two);
    assert_int_equal(strlen(one), MFA_FINGERPRINT_LEN - 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mfa_fingerprint(&rows[i], two);
        assert_string_not_equal(one, two);
    }
}

static void command_can_be_typed_as_it_stands(void **state)
{
    (void)state;
    (void)err_set(&e, ST_OK, "why");
    mfa_say_command("p", "arn:aws:iam::1:mfa/me", &e);
    assert_string_equal(
        e.text,
        "why; run: sigv4-proxy mfa-login --serial-number arn:aws:iam::1:mfa/me --profile p");
    (void)err_set(&e, ST_OK, "why");
    mfa_say_command("a$b", "GAHT12345678", &e);
    assert_non_null(strstr(e.text, " --profile 'a$b'"));
}

int main(void)
{
    digest_setup();
    json_answer_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(session_that_is_written_is_read, teardown),
        cmocka_unit_test_teardown(what_is_no_session_is_refused_without_showing_it, teardown),
        cmocka_unit_test_teardown(fingerprint_follows_each_part_of_the_key, teardown),
        cmocka_unit_test_teardown(command_can_be_typed_as_it_stands, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
