// SPDX-License-Identifier: Apache-2.0
#include "unit/policy/plan_fixture.h"

// The last word of the plan's line.
static void check_via(const char *conf, const char *url, const char *want)
{
    char request[512];
    struct planned p;
    (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", url);
    planned_make(&p, conf, request);
    const char *via = strstr(p.line, " via ");
    if (strcmp(via ? via + 5 : "", want) != 0)
        fail_msg("%s: \"%s\" in place of \"%s\"", url, p.line, want);
    planned_clear(&p);
}

static void goes_through_the_proxy_but_for_this_machine_and_no_proxy(void **state)
{
    static const char conf[] =
        "upstream_proxy = http://u:t@Proxy.example:3128/\n"
        "no_proxy = direct.example, .below.example, *.star.example, "
        "203.0.113.0/24, 2001:db8::/32\n"
        "unsigned_hosts = *\n"
        "[route \"other.example\"]\nupstream_proxy = http://[2001:db8::1]:80\n"
        "[route \"past.example\"]\nupstream_proxy = none\n"
        "[route \"here.example\"]\nupstream = http://localhost:9000\n";
    (void)state;
    check_via(conf, "http://s3.us-east-1.amazonaws.com/", "proxy.example:3128");
    check_via(conf, "http://notdirect.example/", "proxy.example:3128");
    check_via(conf, "http://direct.example/", "");
    check_via(conf, "http://a.direct.example/", "");
    check_via(conf, "http://below.example/", "");
    check_via(conf, "http://a.b.below.example/", "");
    check_via(conf, "http://a.star.example/", "");
    check_via(conf, "http://203.0.113.9/", "");
    check_via(conf, "http://203.0.114.9/", "proxy.example:3128");
    check_via(conf, "http://[2001:db8::9]/", "");
    check_via(conf, "http://other.example/", "2001:db8::1:80");
    check_via(conf, "http://past.example/", "");
    check_via(conf, "http://here.example/", "");
    check_via("upstream_proxy = http://p.example:1\nno_proxy = *\n", "http://s3.amazonaws.com/",
              "");
    check_via("upstream_proxy = none\n", "http://s3.amazonaws.com/", "");
    check_via("upstream_proxy = http://p.example:1\n",
              "http://a.b.vpc-lattice-svcs.eu-west-1.on.aws/", "");
}

static void user_and_token_are_kept_apart(void **state)
{
    struct planned p;
    (void)state;
    planned_make(&p, "upstream_proxy = http://u:t%40x@p.example:3128\n",
                 "GET http://s3.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(span_is(p.plan.via_userinfo, "u:t%40x"));
    assert_null(strstr(p.line, "t%40x"));
    planned_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_through_the_proxy_but_for_this_machine_and_no_proxy),
        cmocka_unit_test(user_and_token_are_kept_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
