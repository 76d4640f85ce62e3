// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "base/digest.h"
#include "presign/presign.h"

static struct arena a;
static struct config *config;
static struct presign_plan plan;
static struct presign_refusal why;
static struct presign_url made;
static struct err e;

static struct creds creds = {.access_key = "AKIAIOSFODNN7EXAMPLE",
                             .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                             .expires_at_ms = INT64_MAX};

static void configure(const char *conf)
{
    struct config_input in = {.file_name = "test.conf", .file = span_of(conf)};
    config_release(config);
    if (config_parse(&in, &config, &e) != ST_OK)
        fail_msg("%s", e.text);
}

static int clear(void **state)
{
    (void)state;
    config_release(config);
    config = NULL;
    arena_clear(&a);
    creds.expires_at_ms = INT64_MAX;
    return 0;
}

static bool make(const struct presign_ask *ask)
{
    if (!config)
        configure("[proxy]\n");
    struct presign_input in = {.config = config, .default_region = SPAN("eu-north-1")};
    why = (struct presign_refusal){.status = 0, .code = "", .message = ""};
    return presign_make_plan(ask, &in, &a, &plan, &why);
}

static void sign(const struct presign_ask *ask, int64_t max_s)
{
    struct presign_signer s = {
        .creds = &creds, .generation = 1, .wall_ms = 1369353600000, .max_expires_s = max_s};
    if (!make(ask))
        fail_msg("%d %s: %s", why.status, why.code, why.message);
    if (presign_sign(&plan, &s, &a, &made, &e) != ST_OK)
        fail_msg("%s", e.text);
}

static struct span head_of_url(void)
{
    size_t end = 0;
    while (end < made.url.len &&
           !span_starts(span_sub(made.url, end, made.url.len), SPAN("X-Amz-Date")))
        end++;
    return span_sub(made.url, 0, end);
}

#define SCOPE(region, service)                                                                     \
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F" region  \
    "%2F" service "%2Faws4_request&"

struct row {
    struct presign_ask ask;
    const char *want;
};

static void presign_names_the_signed_host_with_https(void **state)
{
    (void)state;
    const struct row rows[] = {
        {{.url = SPAN("http://b.s3.eu-west-1.amazonaws.com/a%20b?x=1#f")},
         "https://b.s3.eu-west-1.amazonaws.com/a%20b?x=1&" SCOPE("eu-west-1", "s3")},
        {{.url = SPAN("wss://a1.execute-api.eu-west-1.amazonaws.com/prod")},
         "wss://a1.execute-api.eu-west-1.amazonaws.com/prod?" SCOPE("eu-west-1", "execute-api")},
        {{.url = SPAN("WS://x-ats.iot.eu-west-1.amazonaws.com/mqtt")},
         "wss://x-ats.iot.eu-west-1.amazonaws.com/mqtt?" SCOPE("eu-west-1", "iotdevicegateway")},
        {{.url = SPAN("wss://c.x.us-east-1.neptune.amazonaws.com:8182/gremlin")},
         "wss://c.x.us-east-1.neptune.amazonaws.com:8182/gremlin?" SCOPE("us-east-1",
                                                                         "neptune-db")},
        {{.url = SPAN("https://b.s3.eu-west-1.amazonaws.com.:443/k")},
         "https://b.s3.eu-west-1.amazonaws.com/k?" SCOPE("eu-west-1", "s3")},
        {{.url = SPAN("https://my.dotted.b.s3.eu-west-1.amazonaws.com/k")},
         "https://s3.eu-west-1.amazonaws.com/my.dotted.b/k?" SCOPE("eu-west-1", "s3")},
        {{.bucket = SPAN("b12"), .key = SPAN("a b/+\xc3\xa9")},
         "https://b12.s3.eu-north-1.amazonaws.com/a%20b/%2B%C3%A9?" SCOPE("eu-north-1", "s3")},
        {{.bucket = SPAN("b12"), .key = SPAN("k"), .region = SPAN("cn-north-1")},
         "https://b12.s3.cn-north-1.amazonaws.com.cn/k?" SCOPE("cn-north-1", "s3")},
        {{.url = SPAN("https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity")},
         "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&" SCOPE("eu-west-1",
                                                                                "sts")},
        {{.url = SPAN("https://sts.amazonaws.com/"), .region = SPAN("eu-west-1")},
         "https://sts.amazonaws.com/?" SCOPE("eu-west-1", "sts")},
        {{.url = SPAN("https://b.s3.eu-west-1.amazonaws.com/k?a=1&X-Amz-Signature=00&"
                      "X-Amz-Algorithm=x&a=2")},
         "https://b.s3.eu-west-1.amazonaws.com/k?a=1&a=2&" SCOPE("eu-west-1", "s3")},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        sign(&rows[i].ask, 0);
        assert_span(head_of_url(), rows[i].want);
    }
}

static void presign_names_an_upstream_only_where_it_is_signed(void **state)
{
    (void)state;
    static const char conf[] = "[route \"*.amazonaws.com\"]\nupstream = http://127.0.0.1:9000\n"
                               "[route \"own.test\"]\nservice = s3\nregion = us-east-1\n"
                               "upstream = http://127.0.0.1:9000\nsign_host = upstream\n";
    const struct row rows[] = {
        {{.url = SPAN("http://my.b.s3.eu-west-1.amazonaws.com/k")},
         "https://s3.eu-west-1.amazonaws.com/my.b/k?" SCOPE("eu-west-1", "s3")},
        {{.url = SPAN("http://own.test/k")}, "http://127.0.0.1:9000/k?" SCOPE("us-east-1", "s3")},
    };
    configure(conf);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        sign(&rows[i].ask, 0);
        assert_span(head_of_url(), rows[i].want);
    }
}

static void expiry_is_cut_by_the_maximum_and_by_the_credentials(void **state)
{
    (void)state;
    struct presign_ask ask = {.url = SPAN("https://b.s3.eu-west-1.amazonaws.com/k")};
    sign(&ask, 3600);
    assert_int_equal(made.expires_s, 900);
    assert_int_equal(made.cut, PRESIGN_NOT_CUT);
    assert_int_equal(made.expires_at_ms, 1369353600000 + 900000);
    ask.has_expires = true;
    ask.expires_s = 604800;
    sign(&ask, 3600);
    assert_int_equal(made.expires_s, 3600);
    assert_int_equal(made.cut, PRESIGN_CUT_BY_MAXIMUM);
    creds.expires_at_ms = 1369353600000 + 60999;
    sign(&ask, 3600);
    assert_int_equal(made.expires_s, 60);
    assert_int_equal(made.cut, PRESIGN_CUT_BY_CREDENTIALS);
    struct presign_signer late = {.creds = &creds, .wall_ms = creds.expires_at_ms - 999};
    assert_int_equal(presign_sign(&plan, &late, &a, &made, &e), ST_DENIED);
}

static void headers_are_bound(void **state)
{
    (void)state;
    struct presign_ask ask = {.method = SPAN("put"),
                              .url = SPAN("https://b.s3.eu-west-1.amazonaws.com/k")};
    hdrs_add(&ask.headers, &a, SPAN("Content-Type"), SPAN("text/plain"));
    hdrs_add(&ask.headers, &a, SPAN("x-amz-meta-a"), SPAN("1"));
    sign(&ask, 0);
    assert_span(plan.msg.method, "PUT");
    assert_non_null(strstr(arena_cstr(&a, made.url),
                           "X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-meta-a&"));
}

static void bucket_and_key_are_known_of_aws_hosts_only(void **state)
{
    (void)state;
    const struct {
        const char *url, *bucket, *key;
    } rows[] = {
        {"https://b.s3.eu-west-1.amazonaws.com/in/a%20b", "b", "in/a b"},
        {"https://s3.eu-west-1.amazonaws.com/b/in/k?x", "b", "in/k"},
        {"https://s3.eu-west-1.amazonaws.com/%62/k", "b", "k"},
        {"https://s3.eu-west-1.amazonaws.com/arn:aws:s3:x/k", "", "k"},
        {"https://s3.eu-west-1.amazonaws.com/p-abc-s3alias/k", "", "k"},
        {"https://b.s3-accelerate.amazonaws.com/c/k", "b", "c/k"},
        {"https://p-123456789012.s3-accesspoint.eu-west-1.amazonaws.com/b/k", "", "b/k"},
        {"https://123456789012.s3-control.eu-west-1.amazonaws.com/b/k", "", ""},
        {"https://b.own.test/c/k", "", ""},
        {"https://sqs.eu-west-1.amazonaws.com/b/k", "", ""},
    };
    configure("[route \"*.own.test\"]\nservice = s3\nregion = us-east-1\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct presign_ask ask = {.url = span_of(rows[i].url)};
        if (!make(&ask))
            fail_msg("%s: %s", rows[i].url, why.message);
        assert_span(plan.bucket, rows[i].bucket);
        assert_span(plan.key, rows[i].key);
    }
}

static void what_cannot_be_presigned_is_refused(void **state)
{
    (void)state;
    const struct {
        struct presign_ask ask;
        int status;
        const char *code;
    } rows[] = {
        {{.url = SPAN("")}, 400, "bad-request"},
        {{.url = SPAN("b.s3.amazonaws.com/k")}, 400, "bad-target"},
        {{.url = SPAN("wss://evil.example/k")}, 403, "host-denied"},
        {{.url = SPAN("wss:/b.s3.amazonaws.com/k")}, 400, "bad-target"},
        {{.url = SPAN("wss://b.execute-api.eu-west-1.amazonaws.com/"), .method = SPAN("PUT")},
         400,
         "bad-request"},
        {{.url = SPAN("ftp://b.s3.amazonaws.com/k")}, 400, "bad-target"},
        {{.url = SPAN("https://b.s3.amazonaws.com/a b")}, 400, "bad-target"},
        {{.url = SPAN("https://b.s3.amazonaws.com/a\r\nb")}, 400, "bad-target"},
        {{.url = SPAN("https://b.s3.amazonaws.com/a/../b")}, 400, "bad-target"},
        {{.url = SPAN("https://b.s3.amazonaws.com/a/%2E./b")}, 400, "bad-target"},
        {{.url = SPAN("https://b.s3.amazonaws.com/a%2f..%2fb")}, 400, "bad-target"},
        {{.url = SPAN("https://b.s3.amazonaws.com/a%0d%0ab")}, 400, "bad-target"},
        {{.url = SPAN("https://u:p@b.s3.amazonaws.com/k")}, 400, "bad-target"},
        {{.url = SPAN("https://evil.example/k")}, 403, "host-denied"},
        {{.url = SPAN("https://plain.example/k")}, 403, "never-signed"},
        {{.url = SPAN("https://none.example/k")}, 403, "never-signed"},
        {{.url = SPAN("https://169.254.169.254/k")}, 403, "address-denied"},
        {{.url = SPAN("https://my-elb.eu-west-1.elb.amazonaws.com/")}, 403, "never-signed"},
        {{.bucket = SPAN("b12"), .key = SPAN("../k")}, 400, "bad-target"},
        {{.bucket = SPAN("b12"), .key = SPAN("a\r\nb")}, 400, "bad-target"},
        {{.bucket = SPAN("b/../c"), .key = SPAN("k")}, 400, "bad-request"},
        {{.bucket = SPAN("b12"), .region = SPAN("evil.example/")}, 400, "bad-request"},
        {{.bucket = SPAN("b12"), .url = SPAN("https://b.s3.amazonaws.com/")}, 400, "bad-request"},
        {{.url = SPAN("https://b.s3.amazonaws.com/"), .method = SPAN("G T")}, 400, "bad-request"},
        {{.url = SPAN("https://b.s3.amazonaws.com/"), .method = SPAN("connect")},
         400,
         "bad-request"},
        {{.url = SPAN("https://b.s3.amazonaws.com/"), .profile = SPAN("a b")}, 400, "bad-request"},
        {{.url = SPAN("https://b.s3.amazonaws.com/"), .service = SPAN("s3/x")}, 400, "bad-request"},
        {{.url = SPAN("https://b.s3.amazonaws.com/"), .has_expires = true}, 400, "presign-expiry"},
        {{.url = SPAN("https://b.s3.amazonaws.com/"), .has_expires = true, .expires_s = -1},
         400,
         "presign-expiry"},
        {{.url = SPAN("https://b.s3.amazonaws.com/"), .has_expires = true, .expires_s = 604801},
         400,
         "presign-expiry"},
    };
    configure("[proxy]\nunsigned_hosts = plain.example\n[route \"none.example\"]\nsign = none\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (make(&rows[i].ask))
            fail_msg("row %zu was taken", i);
        if (why.status != rows[i].status || strcmp(why.code, rows[i].code) != 0)
            fail_msg("row %zu: %d %s: %s", i, why.status, why.code, why.message);
    }
}

static void headers_that_cannot_be_bound_are_refused(void **state)
{
    (void)state;
    const struct hdr rows[] = {
        {SPAN("Host"), SPAN("x")},
        {SPAN("Authorization"), SPAN("x")},
        {SPAN("X-Amz-Date"), SPAN("x")},
        {SPAN("X-Amz-Security-Token"), SPAN("x")},
        {SPAN("Connection"), SPAN("x")},
        {SPAN("Transfer-Encoding"), SPAN("chunked")},
        {SPAN("bad name"), SPAN("x")},
        {SPAN("a"), SPAN("x\r\nb: c")},
        {SPAN("a"), SPAN("\xc3\xa9")},
        {SPAN("Proxy-Authorization"), SPAN("x")},
        {SPAN("x-amz-content-sha256"), SPAN("UNSIGNED-PAYLOAD")},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct presign_ask ask = {.url = SPAN("https://b.s3.eu-west-1.amazonaws.com/k")};
        hdrs_add(&ask.headers, &a, rows[i].name, rows[i].value);
        if (make(&ask))
            fail_msg("row %zu was taken", i);
        assert_int_equal(why.status, 400);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(presign_names_the_signed_host_with_https, clear),
        cmocka_unit_test_teardown(presign_names_an_upstream_only_where_it_is_signed, clear),
        cmocka_unit_test_teardown(expiry_is_cut_by_the_maximum_and_by_the_credentials, clear),
        cmocka_unit_test_teardown(headers_are_bound, clear),
        cmocka_unit_test_teardown(bucket_and_key_are_known_of_aws_hosts_only, clear),
        cmocka_unit_test_teardown(what_cannot_be_presigned_is_refused, clear),
        cmocka_unit_test_teardown(headers_that_cannot_be_bound_are_refused, clear),
    };
    digest_setup();
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    arena_clear(&a);
    return rc;
}
