// SPDX-License-Identifier: Apache-2.0
// Plans for buckets that are in another region than the host says.
#include "unit/policy/plan_fixture.h"

struct redirect_row {
    const char *target;
    const char *bucket;
    const char *want; // host and region once the bucket is known to be in eu-west-1
};

static void check(const char *conf, const struct redirect_row *row, const char *region)
{
    struct planned p;
    char request[512];
    char line[512];
    (void)snprintf(request, sizeof(request), "GET http://%s HTTP/1.1\r\nHost: x\r\n\r\n",
                   row->target);
    planned_make(&p, conf, request);
    assert_span(p.plan.bucket, row->bucket);
    struct plan_input in = {.msg = p.msg,
                            .config = p.config,
                            .default_region = SPAN("us-east-1"),
                            .bucket_region = span_of(region)};
    plan_make(&in, &p.a, &p.plan);
    (void)snprintf(line, sizeof(line), "%.*s %.*s %.*s", SPAN_ARG(p.plan.upstream.host),
                   SPAN_ARG(p.plan.path), SPAN_ARG(p.plan.region));
    assert_string_equal(line, row->want);
    planned_clear(&p);
}

static void names_of_s3_are_made_anew_for_the_region(void **state)
{
    (void)state;
    static const struct redirect_row rows[] = {
        {"b.s3.amazonaws.com/k", "b", "b.s3.eu-west-1.amazonaws.com /k eu-west-1"},
        {"b.s3.us-west-2.amazonaws.com/k", "b", "b.s3.eu-west-1.amazonaws.com /k eu-west-1"},
        {"b.s3-us-west-2.amazonaws.com/k", "b", "b.s3.eu-west-1.amazonaws.com /k eu-west-1"},
        {"s3.amazonaws.com/b/k", "b", "s3.eu-west-1.amazonaws.com /b/k eu-west-1"},
        {"s3.us-west-2.amazonaws.com/b", "b", "s3.eu-west-1.amazonaws.com /b eu-west-1"},
        {"s3-external-1.amazonaws.com/b/k", "b", "s3.eu-west-1.amazonaws.com /b/k eu-west-1"},
        {"b.s3.dualstack.us-west-2.amazonaws.com/k", "b",
         "b.s3.dualstack.eu-west-1.amazonaws.com /k eu-west-1"},
        {"b.s3-fips.us-west-2.amazonaws.com/k", "b",
         "b.s3-fips.eu-west-1.amazonaws.com /k eu-west-1"},
        {"a.b.s3.us-west-2.amazonaws.com/k", "a.b", "s3.eu-west-1.amazonaws.com /a.b/k eu-west-1"},
        {"b.s3.eu-west-1.amazonaws.com/k", "b", "b.s3.eu-west-1.amazonaws.com /k eu-west-1"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check("", &rows[i], "eu-west-1");
}

static void other_names_stay_as_they_are(void **state)
{
    (void)state;
    static const struct redirect_row rows[] = {
        {"ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com/k", "",
         "ap-123456789012.s3-accesspoint.us-west-2.amazonaws.com /k us-west-2"},
        {"123456789012.s3-control.us-west-2.amazonaws.com/v20180820/jobs", "",
         "123456789012.s3-control.us-west-2.amazonaws.com /v20180820/jobs us-west-2"},
        {"b.bucket.vpce-0a.s3.us-east-1.vpce.amazonaws.com/k", "",
         "b.bucket.vpce-0a.s3.us-east-1.vpce.amazonaws.com /k us-east-1"},
        {"s3.us-west-2.amazonaws.com/arn:aws:s3:us-west-2:123456789012:accesspoint/x/k", "",
         "s3.eu-west-1.amazonaws.com /arn:aws:s3:us-west-2:123456789012:accesspoint/x/k "
         "eu-west-1"},
        {"s3.us-west-2.amazonaws.com/", "", "s3.eu-west-1.amazonaws.com / eu-west-1"},
        {"dynamodb.us-west-2.amazonaws.com/b", "", "dynamodb.us-west-2.amazonaws.com /b us-west-2"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check("", &rows[i], "eu-west-1");
}

static void region_that_makes_no_name_of_s3_changes_nothing(void **state)
{
    (void)state;
    static const struct redirect_row row = {"b.s3.us-west-2.amazonaws.com/k", "b",
                                            "b.s3.us-west-2.amazonaws.com /k us-west-2"};
    check("", &row, "evil");
    check("", &row, "dualstack");
    check("", &row, "amazonaws");
}

static void region_of_a_route_stands(void **state)
{
    (void)state;
    static const struct redirect_row own = {"b.s3.test/k", "", "127.0.0.1 /k us-east-1"};
    static const struct redirect_row aws = {"b.s3.amazonaws.com/k", "b",
                                            "b.s3.eu-west-1.amazonaws.com /k us-west-2"};
    check("[route \"*.s3.test\"]\nservice = s3\nregion = us-east-1\nupstream = "
          "http://127.0.0.1:9000\n",
          &own, "eu-west-1");
    check("[route \"*\"]\nregion = us-west-2\n", &aws, "eu-west-1");
}

static void plan_says_what_is_retried_and_how(void **state)
{
    (void)state;
    struct planned p;
    planned_make(&p,
                 "unsigned_hosts = mirror.test\n[route \"sqs.*\"]\nretry_max_attempts = 2\n"
                 "total_timeout = 5s\n",
                 "GET http://sqs.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(p.plan.route, 1);
    assert_int_equal(p.plan.retry.mode, RETRY_MODE_STANDARD);
    assert_int_equal(p.plan.retry.max_attempts, 2);
    assert_int_equal(p.plan.total_timeout, 5000);
    planned_clear(&p);
    planned_make(&p, "unsigned_hosts = mirror.test\n",
                 "GET http://mirror.test/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(p.plan.route, 0);
    assert_int_equal(p.plan.retry.mode, RETRY_MODE_OFF);
    assert_int_equal(p.plan.total_timeout, 120000);
    planned_clear(&p);
}

static void plan_says_whose_turn_is_waited_for(void **state)
{
    (void)state;
    struct planned p;
    planned_make(&p,
                 "rate_limit_wait = 4s\n[route \"sqs.*\"]\nrate_limit = 20/s burst 100\n"
                 "rate_limit_queue = 7\n",
                 "GET http://sqs.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(p.plan.rate.interval_ns, 50000000);
    assert_int_equal(p.plan.rate.burst, 100);
    assert_true(span_is(p.plan.rate_name, "sqs.*"));
    assert_int_equal(p.plan.rate_queue, 7);
    assert_int_equal(p.plan.rate_wait, 4000);
    planned_clear(&p);
    planned_make(&p, "", "GET http://sqs.us-east-1.amazonaws.com/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(p.plan.rate.interval_ns, 0);
    planned_clear(&p);
}

static void plan_knows_a_bucket_that_is_being_made(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool is_created;
    } rows[] = {
        {"PUT http://b.s3.amazonaws.com/", true},     {"PUT http://s3.amazonaws.com/b", true},
        {"PUT http://s3.amazonaws.com/b/", true},     {"PUT http://s3.amazonaws.com/b/k", false},
        {"PUT http://b.s3.amazonaws.com/k", false},   {"GET http://s3.amazonaws.com/b", false},
        {"PUT http://s3.amazonaws.com/b?acl", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct planned p;
        char request[256];
        (void)snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: x\r\n\r\n", rows[i].line);
        planned_make(&p, "", request);
        assert_int_equal(p.plan.is_bucket_created, rows[i].is_created);
        planned_clear(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_s3_are_made_anew_for_the_region),
        cmocka_unit_test(other_names_stay_as_they_are),
        cmocka_unit_test(region_that_makes_no_name_of_s3_changes_nothing),
        cmocka_unit_test(region_of_a_route_stands),
        cmocka_unit_test(plan_says_what_is_retried_and_how),
        cmocka_unit_test(plan_says_whose_turn_is_waited_for),
        cmocka_unit_test(plan_knows_a_bucket_that_is_being_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
