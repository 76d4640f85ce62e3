// SPDX-License-Identifier: Apache-2.0
// Which requests to S3 Express are signed with a session of the bucket's.
#include "plan_fixture.h"

#define BUCKET  "b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com"
#define POINT   "p--use1-az4--xa-s3.s3express-use1-az4.us-east-1.amazonaws.com"
#define CONTROL "s3express-control.us-east-1.amazonaws.com"

static bool wants(const char *conf, const char *method, const char *host, const char *rest)
{
    struct planned p;
    char request[1024];
    (void)snprintf(request, sizeof(request),
                   "%s http://%s%s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n", method, host,
                   rest, host);
    planned_make(&p, conf, request);
    if (p.plan.kind != PLAN_FORWARD || !span_is(p.plan.service, "s3express"))
        assert_false(p.plan.wants_session);
    bool is_wanted = p.plan.wants_session;
    planned_clear(&p);
    return is_wanted;
}

#define FIELD(line) " HTTP/1.1\r\n" line "\r\nX-Rest:"
#define COPY        FIELD("X-Amz-Copy-Source: /b/k")

static const struct {
    const char *method, *host, *rest;
    bool want;
} rows[] = {
    {"GET", BUCKET, "/k", true},
    {"HEAD", BUCKET, "/k", true},
    {"PUT", BUCKET, "/k", true},
    {"DELETE", BUCKET, "/k", true},
    {"POST", BUCKET, "/k?uploads", true},
    {"POST", BUCKET, "/k?uploadId=x", true},
    {"PUT", BUCKET, "/k?partNumber=1&uploadId=x", true},
    {"GET", BUCKET, "/", true},
    {"GET", BUCKET, "/?list-type=2", true},
    {"GET", BUCKET, "/?uploads", true},
    {"POST", BUCKET, "/?delete", true},
    {"GET", BUCKET, "/?sessions", true},
    {"GET", BUCKET, "/?prefix=session", true},
    {"GET", BUCKET, "/k?session", true}, // of an object
    {"GET", BUCKET ":8443", "/k", true},
    {"GET", POINT, "/k", true},
    {"GET", BUCKET, "/?session", false},
    {"GET", BUCKET, "/?session=", false},
    {"GET", BUCKET, "/?x=1&session", false},
    {"GET", BUCKET, "/?%73ession", false},
    {"HEAD", BUCKET, "/", false},
    {"PUT", BUCKET, "/k" FIELD("X-Amz-Server-Side-Encryption: aws:kms"), false},
    {"POST", BUCKET, "/k?uploads" FIELD("x-amz-server-side-encryption-bucket-key-enabled: true"),
     false},
    {"PUT", BUCKET, "/k" COPY, false},
    {"PUT", BUCKET, "/k?partNumber=1&uploadId=x" COPY, false},
    {"GET", BUCKET, "/k" COPY, true}, // means nothing there
    {"PUT", CONTROL, "/b--use1-az4--x-s3", false},
    {"GET", CONTROL, "/", false},
    {"GET", "b--use1-az4--x-s3." CONTROL, "/", false},
    {"GET", "s3express-use1-az4.us-east-1.amazonaws.com", "/k", false},
    {"GET", "other.s3express-use1-az4.us-east-1.amazonaws.com", "/k", false},
    {"GET", "b--use1-az4--x-s3.s3.us-east-1.amazonaws.com", "/k", false},
    {"GET", "bucket.s3.us-east-1.amazonaws.com", "/k", false},
};

static void objects_are_signed_with_a_session(void **state)
{
    (void)state;
    unsigned bad = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (wants("", rows[i].method, rows[i].host, rows[i].rest) == rows[i].want)
            continue;
        print_error("%s %s%s\n", rows[i].method, rows[i].host, rows[i].rest);
        bad++;
    }
    assert_int_equal(bad, 0);
}

static void a_route_overrules_the_general_setting(void **state)
{
    (void)state;
    static const char off[] = "[credentials]\ns3_express_sessions = no\n";
    static const char on_here[] = "[credentials]\ns3_express_sessions = no\n"
                                  "[route \"" BUCKET "\"]\ns3_express_sessions = yes\n";
    static const char off_here[] = "[route \"" BUCKET "\"]\ns3_express_sessions = no\n";
    assert_false(wants(off, "GET", BUCKET, "/k"));
    assert_true(wants(on_here, "GET", BUCKET, "/k"));
    assert_false(wants(on_here, "GET", POINT, "/k"));
    assert_false(wants(off_here, "GET", BUCKET, "/k"));
    assert_true(wants(off_here, "GET", POINT, "/k"));
}

static void only_what_we_sign_with_sigv4_has_one(void **state)
{
    (void)state;
    assert_false(wants("[route \"" BUCKET "\"]\nsign = none\n", "GET", BUCKET, "/k"));
    assert_false(wants("[route \"" BUCKET "\"]\nalgorithm = sigv4a\n", "GET", BUCKET, "/k"));
    assert_false(wants("[route \"" BUCKET "\"]\nservice = s3\n", "GET", BUCKET, "/k"));
    assert_true(wants("[route \"" BUCKET "\"]\nsign = query\n", "GET", BUCKET, "/k"));
    assert_false(wants("[route \"" BUCKET "\"]\nsign = redirect\n", "GET", BUCKET, "/k"));
    assert_false(wants("[route \"" BUCKET "\"]\nupstream = http://10.1.2.3:8080\n", "GET", BUCKET,
                       "/k")); // its keys would cross the wire in clear
    assert_false(wants("[policy]\naction = deny\n", "GET", BUCKET, "/k"));
    assert_true(wants("[route \"*\"]\nservice = s3express\nupstream = http://127.0.0.1:1\n", "GET",
                      BUCKET, "/k"));
    assert_false(wants("[route \"*\"]\nservice = s3express\nupstream = http://127.0.0.1:1\n", "GET",
                       "b--use1-az4--x-s3.example.com", "/k"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_signed_with_a_session),
        cmocka_unit_test(a_route_overrules_the_general_setting),
        cmocka_unit_test(only_what_we_sign_with_sigv4_has_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
