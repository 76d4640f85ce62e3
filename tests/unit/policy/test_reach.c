// SPDX-License-Identifier: Apache-2.0
#include "policy/reach.h"

#include "unit/test.h"

#include "policy/plan.h"

static struct config *parse(const char *file)
{
    struct config *c = NULL;
    struct err e = {""};
    struct config_input in = {.file_name = "x.conf", .file = span_of(file)};
    assert_int_equal(config_parse(&in, &c, &e), ST_OK);
    assert_string_equal(e.text, "");
    return c;
}

static bool reaches(const char *file, const char *host, uint16_t port, bool is_tls)
{
    struct config *c = parse(file);
    struct reach to = {.host = span_of(host), .port = port, .is_tls = is_tls};
    struct arena a;
    arena_init(&a);
    bool may = reach_may(c, &to, &a);
    arena_clear(&a);
    config_release(c);
    return may;
}

#define ROUTE "[route \"a.test\"]\nservice = s3\n"

static void upstream_of_a_route_is_reached_as_it_is_written(void **state)
{
    (void)state;
    assert_true(reaches(ROUTE "upstream = https://up.test", "up.test", 443, true));
    assert_true(reaches(ROUTE "upstream = http://up.test", "up.test", 80, false));
    assert_true(reaches(ROUTE "upstream = http://[::1]:9", "::1", 9, false));
    assert_false(reaches(ROUTE "upstream = https://up.test", "up.test", 444, true));
    assert_false(reaches(ROUTE "upstream = https://up.test", "up.test", 443, false));
    assert_false(reaches(ROUTE "upstream = https://up.test", "a.test", 443, true));
}

static void globs_reach_the_hosts_that_they_name(void **state)
{
    (void)state;
    assert_true(reaches(ROUTE, "a.test", 443, true));
    assert_false(reaches(ROUTE, "a.test", 8443, true));
    assert_true(reaches("unsigned_hosts = *.mirror.test:8443", "x.mirror.test", 8443, true));
    assert_false(reaches("", "a.test", 443, true));
}

static void hosts_of_aws_are_always_reached(void **state)
{
    (void)state;
    assert_true(reaches("", "bucket.s3.eu-west-1.amazonaws.com", 443, true));
    assert_true(reaches(ROUTE, "sqs.us-east-1.amazonaws.com", 443, true));
}

static void general_host_is_reached(void **state)
{
    (void)state;
    assert_true(reaches("host = up.test", "up.test", 443, true));
    assert_true(reaches("host = up.test:9\nupstream_url_scheme = http", "up.test", 9, false));
    assert_false(reaches("host = up.test", "up.test", 80, false));
}

static bool same_way(const char *a, const char *b)
{
    struct config *one = parse(a);
    struct config *other = parse(b);
    bool same = reach_is_same_way(one, other);
    config_release(one);
    config_release(other);
    return same;
}

#define PROXY "upstream_proxy = http://10.0.0.1:3128\n"

static void proxies_in_between_are_compared(void **state)
{
    (void)state;
    assert_true(same_way("", ROUTE));
    assert_true(same_way(PROXY, PROXY ROUTE));
    assert_false(same_way(PROXY, ""));
    assert_false(same_way(PROXY, PROXY "no_proxy = a.test\n"));
    assert_false(same_way(PROXY, "upstream_proxy = http://10.0.0.2:3128\n"));
    assert_true(same_way(ROUTE PROXY, "via = no\n" ROUTE PROXY));
    assert_false(same_way(ROUTE PROXY, ROUTE));
    assert_false(same_way(ROUTE PROXY, ROUTE PROXY "[route \"b.test\"]\n"));
}

static bool uses(const char *file, const char *key)
{
    struct config *c = parse(file);
    struct arena a;
    arena_init(&a);
    bool used = plan_uses_creds(c, key, &a);
    arena_clear(&a);
    config_release(c);
    return used;
}

#define ARN "arn:aws:iam::123456789012:role/x"

static void credentials_are_used_with_what_they_rest_on(void **state)
{
    (void)state;
    assert_true(uses("", ""));
    assert_false(uses("", "profile=a"));
    assert_true(uses("profile = a", "profile=a"));
    assert_false(uses("profile = a", ""));
    assert_false(uses("profile = a", "profile=b"));
    assert_true(uses("profile = a\n" ROUTE "profile = b", "profile=b"));
    assert_true(uses("role_arn = " ARN, "role=" ARN));
    assert_true(uses("role_arn = " ARN, ""));
    assert_true(uses("role_arn = " ARN "\nprofile = a", "role=" ARN " profile=a"));
    assert_true(uses("role_arn = " ARN "\nprofile = a", "profile=a"));
    assert_false(uses("role_arn = " ARN "\nprofile = a", "role=" ARN));
#define ID "[identity \"i\"]\nclient = unix\n"
    assert_true(uses(ID "profile = b\n", "only-profile=b"));
    assert_false(uses(ID "profile = b\n", "only-profile=a"));
    assert_false(uses(ID "profile = b\n", "profile=b"));
    assert_true(uses(ID "role_arn = " ARN "\n", "role=" ARN));
    assert_true(uses(ID "role_arn = " ARN "\nprofile = b\n", "role=" ARN " only-profile=b"));
    assert_true(uses(ID "role_arn = " ARN "\nprofile = b\n", "only-profile=b"));
    assert_true(uses("", "source=b")); // made by the chain, for roles of profiles
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upstream_of_a_route_is_reached_as_it_is_written),
        cmocka_unit_test(globs_reach_the_hosts_that_they_name),
        cmocka_unit_test(hosts_of_aws_are_always_reached),
        cmocka_unit_test(general_host_is_reached),
        cmocka_unit_test(proxies_in_between_are_compared),
        cmocka_unit_test(credentials_are_used_with_what_they_rest_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
