// SPDX-License-Identifier: Apache-2.0
#include "unit/policy/plan_fixture.h"

#define AWS "GET http://sqs.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x"
#define OK                                                                                         \
    "tls sqs.us-east-1.amazonaws.com:443 Host sqs.us-east-1.amazonaws.com / sqs/us-east-1 "        \
    "hash none"

static void admit_refuses_web_pages(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {AWS "\r\nOrigin: null", "403 browser-denied"},
        {AWS "\r\norigin: https://evil.example", "403 browser-denied"},
        {AWS "\r\nSec-Fetch-Site: none", "403 browser-denied"},
        {AWS "\r\nsec-fetch-site: same-origin", "403 browser-denied"},
        {AWS "\r\nAccess-Control-Request-Method: PUT", "403 browser-denied"},
        {"OPTIONS * HTTP/1.1\r\nHost: x\r\nOrigin: null\r\nMax-Forwards: 0", "403 browser-denied"},
        {AWS "\r\nSec-Fetch-Mode: cors\r\nReferer: https://a.example/", OK},
    };
    PLAN_CHECK("", rows);
}

static void admit_finds_itself_in_via(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {AWS "\r\nVia: 1.1 sigv4-proxy-ab12", "508 loop"},
        {AWS "\r\nVia: 1.1 a, 1.0 b (x)\r\nvia: 1.1 c,1.1 SIGV4-proxy-ab12 (note)", "508 loop"},
        {AWS "\r\nVia: 1.1 a, 1.1\tsigv4-proxy-ab12\t(b)", "508 loop"},
        {AWS "\r\nVia: HTTP/1.1 sigv4-proxy-ab12", "508 loop"},
        {AWS "\r\nVia: 1.1 sigv4-proxy-ab123, 1.1 xsigv4-proxy-ab12", OK},
        {AWS "\r\nVia: 1.1 other (sigv4-proxy-ab12)", OK},
        {AWS "\r\nVia: ", OK},
    };
    PLAN_CHECK("", rows);
}

static void admit_answers_options_that_go_no_further(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {"OPTIONS * HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0", "200 "},
        {"OPTIONS * HTTP/1.1\r\nHost: x", "200 "},
        {"OPTIONS http://sqs.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0",
         "200 "},
        {"OPTIONS http://sqs.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x\r\nMax-Forwards: 1", OK},
        {AWS "\r\nMax-Forwards: 0", OK},
    };
    PLAN_CHECK("", rows);
}

static void admit_refuses_hosts_that_no_rule_names(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {"GET http://x.example/ HTTP/1.1\r\nHost: x", "403 host-denied"},
        {"GET http://s3.amazonaws.com.evil.example/ HTTP/1.1\r\nHost: x", "403 host-denied"},
        {"GET http://10.0.0.1/ HTTP/1.1\r\nHost: x", "403 host-denied"},
        {"GET http://127.0.0.1:8081/status HTTP/1.1\r\nHost: x", "403 host-denied"},
        {"GET http://[::1]/ HTTP/1.1\r\nHost: x", "403 host-denied"},
        {"GET http://sqs-nosuch.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x",
         "403 service-unknown"},
        {"GET http://b.s3-website-us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x",
         "403 never-signed"},
        {"GET http://ec2-1-2-3-4.compute-1.amazonaws.com/ HTTP/1.1\r\nHost: x", "403 never-signed"},
        {"GET http://169.254.169.254/latest/meta-data/ HTTP/1.1\r\nHost: x", "403 address-denied"},
        {"GET http://[::ffff:169.254.169.254]/ HTTP/1.1\r\nHost: x", "403 address-denied"},
        {"GET http://[fd00:ec2::254]/ HTTP/1.1\r\nHost: x", "403 address-denied"},
        {"GET http://[64:ff9b::a9fe:a9fe]/ HTTP/1.1\r\nHost: x", "403 address-denied"},
        {"GET http://224.0.0.1/ HTTP/1.1\r\nHost: x", "403 address-denied"},
    };
    PLAN_CHECK("", rows);
}

static void admit_refuses_never_signed_hosts_under_a_wide_route(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {"GET http://lb-1.us-east-1.elb.amazonaws.com/ HTTP/1.1\r\nHost: x", "403 never-signed"},
        {"GET http://site.us-east-1.elb.amazonaws.com/ HTTP/1.1\r\nHost: x",
         "tls site.us-east-1.elb.amazonaws.com:443 Host site.us-east-1.elb.amazonaws.com / "
         "unsigned none"},
    };
    PLAN_CHECK("[route \"site.*\"]\nsign = none\n[route \"*\"]\nservice = es\n", rows);
}

static void admit_dials_this_machine_only_where_an_upstream_says_so(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {"GET http://127.0.0.1:9000/ HTTP/1.1\r\nHost: x", "403 address-denied"},
        {"GET http://localhost/ HTTP/1.1\r\nHost: x", "403 address-denied"},
        {"GET http://a.localhost/ HTTP/1.1\r\nHost: x", "403 address-denied"},
        {"GET http://meta.example/ HTTP/1.1\r\nHost: x", "403 address-denied"},
        {"GET http://here.example/ HTTP/1.1\r\nHost: x",
         "127.0.0.1:80 Host here.example / s3/us-east-1 hash+ none"},
    };
    PLAN_CHECK("[route \"meta.example\"]\nservice = s3\nupstream = http://169.254.169.254\n"
               "[route \"here.example\"]\nservice = s3\nregion = us-east-1\n"
               "upstream = http://127.0.0.1\n"
               "[route \"*\"]\nservice = s3\n",
               rows);
}

static void admit_says_what_would_allow_the_request(void **state)
{
    (void)state;
    struct planned p;
    planned_make(&p, "", "GET http://X.example:8443/secret?token=t HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_string_equal(p.plan.message,
                        "host \"x.example:8443\" is not allowed; to sign for it add [route "
                        "\"x.example:8443\"] with service, region (and upstream) to the "
                        "configuration, to forward it unsigned add it to unsigned_hosts");
    planned_clear(&p);
    planned_make(&p, "", "GET http://169.254.169.254/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_non_null(strstr(p.plan.message, "NO_PROXY=169.254.169.254"));
    planned_clear(&p);
    planned_make(&p, "",
                 "GET http://sqs-nosuch.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_non_null(strstr(p.plan.message, "[route \"sqs-nosuch.us-east-1.amazonaws.com\"]"));
    planned_clear(&p);
    planned_make(&p, "", "GET http://lb.us-east-1.elb.amazonaws.com/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_non_null(strstr(p.plan.message, "unsigned_hosts"));
    planned_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(admit_refuses_web_pages),
        cmocka_unit_test(admit_finds_itself_in_via),
        cmocka_unit_test(admit_answers_options_that_go_no_further),
        cmocka_unit_test(admit_refuses_hosts_that_no_rule_names),
        cmocka_unit_test(admit_refuses_never_signed_hosts_under_a_wide_route),
        cmocka_unit_test(admit_dials_this_machine_only_where_an_upstream_says_so),
        cmocka_unit_test(admit_says_what_would_allow_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
