// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "presign/allow.h"

static struct arena a;

static bool allowed(const char *rules, const char *method, const char *url, bool is_near)
{
    struct config *config = NULL;
    struct err e;
    struct presign_plan p;
    struct presign_refusal why;
    const char *conf = arena_printf(&a,
                                    "[proxy]\n%s[route \"*.own.test\"]\nservice = s3\n"
                                    "region = us-east-1\n",
                                    rules);
    struct config_input in = {.file_name = "test.conf", .file = span_of(conf)};
    if (config_parse(&in, &config, &e) != ST_OK)
        fail_msg("%s", e.text);
    struct presign_input pin = {.config = config, .default_region = SPAN("us-east-1")};
    struct presign_ask ask = {.method = span_of(method), .url = span_of(url)};
    if (!presign_make_plan(&ask, &pin, &a, &p, &why))
        fail_msg("%s: %s", url, why.message);
    bool is_allowed = presign_is_allowed(&p, &config->presign_allow, is_near);
    config_release(config);
    return is_allowed;
}

#define S3 "https://b.s3.eu-west-1.amazonaws.com/"

static void without_rules_near_callers_read_and_write_s3(void **state)
{
    (void)state;
    assert_true(allowed("", "GET", S3 "k", true));
    assert_true(allowed("", "HEAD", S3 "k", true));
    assert_true(allowed("", "PUT", S3 "k", true));
    assert_true(allowed("", "PUT", "https://x.own.test/k", true));
    assert_false(allowed("", "DELETE", S3 "k", true));
    assert_false(allowed("", "POST", S3 "k", true));
    assert_false(allowed("", "GET", "https://sqs.eu-west-1.amazonaws.com/", true));
    assert_false(allowed("", "GET", S3 "k", false));
}

static void rules_replace_the_default(void **state)
{
    (void)state;
    const char *rule = "presign_allow = DELETE s3://b/in/*\n";
    assert_true(allowed(rule, "DELETE", S3 "in/k", true));
    assert_true(allowed(rule, "DELETE", S3 "in/k", false));
    assert_false(allowed(rule, "GET", S3 "in/k", true));
    assert_false(allowed(rule, "DELETE", S3 "out/k", true));
    assert_false(allowed(rule, "DELETE", S3 "in", true));
}

static void s3_rules_see_decoded_keys_with_regard_to_case(void **state)
{
    (void)state;
    const char *key = "presign_allow = GET|PUT s3://b*/in/*\n";
    assert_true(allowed(key, "PUT", S3 "%69n%2Fx", true));
    assert_true(allowed(key, "GET", "https://s3.eu-west-1.amazonaws.com/bb/in/", true));
    assert_false(allowed(key, "GET", S3 "IN/x", true));
    assert_false(allowed(key, "GET", "https://s3.eu-west-1.amazonaws.com/a/b/in/", true));
    // Whose bucket that is, only the server knows.
    assert_false(allowed(key, "GET", "https://x.own.test/b/in/k", true));
    assert_true(allowed("presign_allow = * s3://b\n", "PATCH", S3 "any", true));
}

static void host_rules_see_host_and_path(void **state)
{
    (void)state;
    const char *rule =
        "presign_allow = GET *.own.test/in/*\npresign_allow = GET sqs.*.amazonaws.com\n";
    assert_true(allowed(rule, "GET", "https://X.own.test/in/k", true));
    assert_false(allowed(rule, "GET", "https://x.own.test/out/in/k", true));
    assert_true(allowed(rule, "GET", "https://sqs.eu-west-1.amazonaws.com/?Action=x", true));
    assert_false(allowed(rule, "GET", "https://sts.eu-west-1.amazonaws.com/", true));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_rules_near_callers_read_and_write_s3),
        cmocka_unit_test(rules_replace_the_default),
        cmocka_unit_test(s3_rules_see_decoded_keys_with_regard_to_case),
        cmocka_unit_test(host_rules_see_host_and_path),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    arena_clear(&a);
    return rc;
}
