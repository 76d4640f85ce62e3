// SPDX-License-Identifier: Apache-2.0
// The pure parts of sessions: the key and back, S3's answer, whose token a proxy gets, when to ask
// again. Asking itself: tests/e2e/test_s3_express.py.
#include "unit/test.h"

#include "creds/s3_session_int.h"
#include "creds/sts_int.h"

static const struct s3_session_ask full = {.generation = UINT64_C(18446744073709551615),
                                           .creds_key = "role=arn:aws:iam::1:role/r profile=a",
                                           .region = SPAN("us-east-1"),
                                           .host = SPAN("b--az--x-s3.s3express-az.x.com:8443"),
                                           .is_tls = true,
                                           .upstream = SPAN("127.0.0.1"),
                                           .port = 65535,
                                           .loopback_ok = true,
                                           .via = SPAN("[::1]:3128"),
                                           .route = 2};
static const struct s3_session_ask least = {
    .creds_key = "", .region = SPAN("r"), .host = SPAN("h"), .upstream = SPAN("u"), .port = 1};

static void a_key_says_all_that_was_asked(void **state)
{
    (void)state;
    const struct s3_session_ask *const asks[] = {&full, &least};
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < 2; i++) {
        const struct s3_session_ask *ask = asks[i];
        struct s3_session_ask got;
        assert_int_equal(s3_session_parse(s3_session_key(ask, &a), &a, &got), ST_OK);
        assert_true(got.generation == ask->generation);
        assert_string_equal(got.creds_key, ask->creds_key);
        assert_string_equal(s3_session_creds_key(s3_session_key(ask, &a)), ask->creds_key);
        assert_int_equal(got.route, ask->route);
        assert_true(span_eq(got.region, ask->region) && span_eq(got.host, ask->host));
        assert_true(span_eq(got.upstream, ask->upstream) && span_eq(got.via, ask->via));
        assert_int_equal(got.is_tls, ask->is_tls);
        assert_int_equal(got.loopback_ok, ask->loopback_ok);
        assert_int_equal(got.port, ask->port);
    }
    arena_clear(&a);
}

static void each_part_makes_another_key(void **state)
{
    (void)state;
    struct s3_session_ask others[10];
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < 10; i++)
        others[i] = full;
    others[0].generation--;
    others[1].creds_key = "";
    others[2].region = SPAN("us-east-2");
    others[3].host = SPAN("c--az--x-s3.s3express-az.x.com:8443");
    others[4].is_tls = false;
    others[5].upstream = SPAN("127.0.0.2");
    others[6].port = 443;
    others[7].loopback_ok = false;
    others[8].via = SPAN("");
    others[9].route = 3;
    for (size_t i = 0; i < 10; i++)
        assert_string_not_equal(s3_session_key(&full, &a), s3_session_key(&others[i], &a));
    arena_clear(&a);
}

static void other_text_is_no_key(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "1",
                                        "1 r h http u 1 -",
                                        "x r h http u 1 - k",
                                        "1 r h http u 0 - k",
                                        "1 r h http u 65536 - k"};
    struct s3_session_ask got;
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(s3_session_parse(wrong[i], &a, &got), ST_INVALID);
    arena_clear(&a);
}

#define LENT(id)                                                                                   \
    "<Credentials><SessionToken>T" id "</SessionToken><SecretAccessKey>S" id                       \
    "</SecretAccessKey><AccessKeyId>K" id "</AccessKeyId><Expiration>2026-11-28T00:00:00Z"         \
    "</Expiration></Credentials>"
#define XMLNS " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

static const struct {
    const char *xml;
    enum sts_field field;
    const char *value;
} documents[] = {
    {"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CreateSessionResult" XMLNS
     ">" LENT("1") "</CreateSessionResult>",
     STS_ACCESS_KEY, "K1"},
    {"<CreateSessionOutput>" LENT("1") "</CreateSessionOutput>", STS_SECRET_KEY, "S1"},
    {"<CreateSessionResult>" LENT("1") LENT("2") "</CreateSessionResult>", STS_SESSION_TOKEN, "T1"},
    {"<CreateSessionResult>" LENT("1") "</CreateSessionResult>", STS_EXPIRATION,
     "2026-11-28T00:00:00Z"},
    {"<ListBucket>" LENT("1") "</ListBucket>", STS_ACCESS_KEY, ""},
    {"<AssumeRoleResponse><AssumeRoleResult>" LENT("1") "</AssumeRoleResult></AssumeRoleResponse>",
     STS_ACCESS_KEY, ""},
    {"<Error><Code>AccessDenied</Code><Message>Access "
     "&lt;Denied&gt;</Message><Resource>/</Resource>"
     "</Error>",
     STS_CODE, "AccessDenied"},
    {"<Error><Code>AccessDenied</Code><Message>Access &lt;Denied&gt;</Message></Error>",
     STS_MESSAGE, "Access <Denied>"},
};

static void s3s_answers_are_read_by_their_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        struct sts_document d;
        struct err e;
        assert_int_equal(s3_document_read(span_of(documents[i].xml), &d, &e), ST_OK);
        if (strcmp(sts_document_get(&d, documents[i].field), documents[i].value) != 0)
            fail_msg("%s: %s", documents[i].xml, sts_document_get(&d, documents[i].field));
        sts_document_clear(&d);
    }
}

static void a_session_without_a_token_is_none(void **state)
{
    (void)state;
    struct sts_document d;
    struct creds *c = NULL;
    struct err e;
    const struct span xml = SPAN("<CreateSessionResult><Credentials><AccessKeyId>K</AccessKeyId>"
                                 "<SecretAccessKey>S</SecretAccessKey></Credentials>"
                                 "</CreateSessionResult>");
    assert_int_equal(s3_document_read(xml, &d, &e), ST_OK);
    assert_int_equal(sts_make_creds(&d, "p", "s", &c, &e), ST_INVALID);
    assert_string_equal(e.text, "S3 answered without a session token");
    sts_document_clear(&d);
}

static void a_proxys_token_is_found_by_its_address(void **state)
{
    (void)state;
    static const char file[] = "[proxy]\nupstream_proxy = http://u:general@Proxy.corp:3128/\n"
                               "[route \"a.example\"]\nupstream_proxy = http://u:own@[::1]:8080\n"
                               "[route \"b.example\"]\nupstream_proxy = none\n"
                               "[route \"c.example\"]\nupstream_proxy = http://bare:3128\n"
                               "[route \"d.example\"]\nupstream_proxy = HTTP://u:d@[::1]:8080\n";
    static const struct {
        unsigned route;
        const char *via, *userinfo;
    } rows[] = {
        {0, "proxy.corp:3128", "u:general"},
        {0, "[::1]:8080", ""}, // a route's
        {1, "[::1]:8080", "u:own"},
        {1, "proxy.corp:3128", ""}, // the route is another one after a reload
        {3, "bare:3128", ""},
        {4, "[::1]:8080", "u:d"},
        {5, "proxy.corp:3128", "u:general"}, // no such route any more
        {0, "proxy.corp:3129", ""},
    };
    struct config_input in = {.file_name = "test.conf", .file = span_of(file)};
    struct config *c = NULL;
    struct err e;
    assert_int_equal(config_parse(&in, &c, &e), ST_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct s3_session_ask ask = {.route = rows[i].route, .via = span_of(rows[i].via)};
        assert_span(s3_session_userinfo(c, &ask), rows[i].userinfo);
    }
    config_release(c);
}

static void a_session_is_renewed_a_minute_ahead(void **state)
{
    (void)state;
    assert_true(s3_session_refresh_ms(300000) == 240000);
    assert_true(s3_session_refresh_ms(120001) == 60001);
    assert_true(s3_session_refresh_ms(100000) == 50000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_says_all_that_was_asked),
        cmocka_unit_test(each_part_makes_another_key),
        cmocka_unit_test(other_text_is_no_key),
        cmocka_unit_test(s3s_answers_are_read_by_their_paths),
        cmocka_unit_test(a_session_without_a_token_is_none),
        cmocka_unit_test(a_proxys_token_is_found_by_its_address),
        cmocka_unit_test(a_session_is_renewed_a_minute_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
