// SPDX-License-Identifier: Apache-2.0
// The settings of the retries: sources, words of AWS's own, routes, rates.
#include "unit/test.h"

#include "base/buf.h"
#include "config/config.h"

static enum status parse(const char *file, char *const *envp, char *const *argv, struct config **c,
                         struct err *e)
{
    struct config_input in = {.argv = argv, .envp = envp, .file_name = file ? "x.conf" : NULL};
    for (; argv && argv[in.argc]; in.argc++)
        ;
    in.file = span_of(file);
    return config_parse(&in, c, e);
}

static struct config *accepted(const char *file, char *const *envp, char *const *argv)
{
    struct config *c = NULL;
    struct err e = {""};
    (void)parse(file, envp, argv, &c, &e);
    assert_string_equal(e.text, "");
    assert_non_null(c);
    return c;
}

static void refused(const char *file, char *const *envp, const char *want)
{
    struct config *c = NULL;
    struct err e = {""};
    assert_int_equal(parse(file, envp, NULL, &c, &e), ST_INVALID);
    assert_string_equal(e.text, want);
}

#define ENV(...) ((char *const[]){__VA_ARGS__, NULL})

static void defaults_are_the_waits_of_1_2_4_8_16_seconds(void **state)
{
    (void)state;
    struct config *c = accepted(NULL, NULL, NULL);
    assert_int_equal(c->retry.mode, RETRY_MODE_STANDARD);
    assert_int_equal(c->retry.max_attempts, 6);
    assert_int_equal(c->retry.base, 1000);
    assert_int_equal(c->retry.cap, 20000);
    assert_int_equal(c->retry.jitter, RETRY_JITTER_FULL);
    assert_int_equal(c->retry.budget, 500);
    assert_int_equal(c->retry.post, POST_CLASSIFIED);
    assert_false(c->retry.sdk_clients);
    assert_int_equal(c->retry.status.n, 6);
    assert_string_equal(c->retry.status.v[0], "500");
    assert_int_equal(c->replay_max, 64 << 20);
    assert_int_equal(c->total_timeout, 120000);
    assert_false(c->attempts_header);
    assert_int_equal(c->retry_queue, 1000);
    config_release(c);
}

static enum status says(struct config *c, const char *key, struct span value, struct err *e)
{
    const struct config_word said = {key, value, "profile x"};
    return config_take_profile(c, &said, e);
}

static enum status route_says(struct config *c, const char *key, struct span value, struct err *e)
{
    const struct config_word said = {key, value, "profile y"};
    return config_take_route_profile(c, &c->routes[0], &said, e);
}

static struct config_retry of_route(const struct config *c)
{
    return config_retry_of(c, &c->routes[0]);
}

static void profile_of_a_route_counts_where_nobody_else_says_it(void **state)
{
    (void)state;
    struct err e = {""};
    struct config *c = accepted("[route \"a\"]\nprofile = y\n", NULL, NULL);
    assert_int_equal(says(c, "max_attempts", SPAN("9"), &e), ST_OK);
    assert_int_equal(of_route(c).max_attempts, 9);
    assert_int_equal(route_says(c, "max_attempts", SPAN("2"), &e), ST_OK);
    assert_int_equal(route_says(c, "retry_mode", SPAN("Adaptive"), &e), ST_OK);
    assert_int_equal(route_says(c, "ca_bundle", SPAN("/x.pem"), &e), ST_OK); // not a route's
    assert_int_equal(of_route(c).max_attempts, 2);
    assert_int_equal(of_route(c).mode, RETRY_MODE_STANDARD);
    assert_string_equal(c->note, "profile y: adaptive is taken as retry_mode = standard");
    assert_int_equal(c->retry.max_attempts, 9);
    assert_int_equal(route_says(c, "max_attempts", SPAN("x"), &e), ST_OK); // once
    config_release(c);
    c = accepted("[route \"a\"]\nprofile = y\nretry_max_attempts = 4\n", NULL, NULL);
    assert_int_equal(route_says(c, "max_attempts", SPAN("2"), &e), ST_OK);
    assert_int_equal(of_route(c).max_attempts, 4);
    config_release(c);
    c = accepted("[route \"a\"]\nprofile = y\n", ENV("AWS_MAX_ATTEMPTS=3"), NULL);
    assert_int_equal(route_says(c, "max_attempts", SPAN("2"), &e), ST_OK);
    assert_int_equal(of_route(c).max_attempts, 3);
    config_release(c);
    c = accepted("[retry]\nretry_max_attempts = 3\n[route \"a\"]\nprofile = y\n", NULL, NULL);
    assert_int_equal(route_says(c, "max_attempts", SPAN("2"), &e), ST_OK);
    assert_int_equal(of_route(c).max_attempts, 3);
    config_release(c);
    c = accepted("[route \"a\"]\nprofile = y\n", NULL, NULL);
    assert_int_equal(route_says(c, "max_attempts", SPAN("0"), &e), ST_INVALID);
    assert_string_equal(e.text, "profile y: \"0\" is out of bounds, must be between 1 and 1000");
    config_release(c);
}

static void command_line_beats_environment_beats_profile(void **state)
{
    (void)state;
    struct err e = {""};
    char *const flags[] = {"--retry-max-attempts=4", NULL};
    struct config *c = accepted(NULL, ENV("AWS_MAX_ATTEMPTS=2"), flags);
    assert_int_equal(says(c, "max_attempts", SPAN("9"), &e), ST_OK);
    assert_int_equal(c->retry.max_attempts, 4);
    config_release(c);
    c = accepted(NULL, ENV("AWS_MAX_ATTEMPTS=2"), NULL);
    assert_int_equal(says(c, "max_attempts", SPAN("9"), &e), ST_OK);
    assert_int_equal(c->retry.max_attempts, 2);
    config_release(c);
    c = accepted("[retry]\nretry_max_attempts = 3\n", NULL, NULL);
    assert_int_equal(says(c, "max_attempts", SPAN("9"), &e), ST_OK);
    assert_int_equal(c->retry.max_attempts, 3);
    config_release(c);
    c = accepted(NULL, NULL, NULL);
    assert_int_equal(says(c, "max_attempts", SPAN("9"), &e), ST_OK);
    assert_int_equal(c->retry.max_attempts, 9);
    config_release(c);
}

static void wrong_attempts_name_their_source(void **state)
{
    (void)state;
    refused(NULL, ENV("AWS_MAX_ATTEMPTS=0"),
            "AWS_MAX_ATTEMPTS: \"0\" is out of bounds, must be between 1 and 1000");
    refused(NULL, ENV("AWS_MAX_ATTEMPTS=abc"), "AWS_MAX_ATTEMPTS: \"abc\" is not a number");
    refused(NULL, ENV("AWS_MAX_ATTEMPTS=-1"), "AWS_MAX_ATTEMPTS: \"-1\" is not a number");
    struct err e = {""};
    struct config *c = accepted(NULL, NULL, NULL);
    assert_int_equal(says(c, "max_attempts", SPAN("none"), &e), ST_INVALID);
    assert_string_equal(e.text, "profile x: \"none\" is not a number");
    config_release(c);
}

static void modes_of_aws_are_taken_as_standard_with_a_note(void **state)
{
    (void)state;
    struct config *c = accepted(NULL, ENV("AWS_RETRY_MODE=Standard"), NULL);
    assert_int_equal(c->retry.mode, RETRY_MODE_STANDARD);
    assert_null(c->note);
    config_release(c);
    c = accepted("[retry]\nretry_mode = off\n", ENV("AWS_RETRY_MODE=ADAPTIVE"), NULL);
    assert_int_equal(c->retry.mode, RETRY_MODE_STANDARD);
    assert_string_equal(c->note, "AWS_RETRY_MODE: adaptive is taken as retry_mode = standard");
    config_release(c);
    struct err e = {""};
    c = accepted(NULL, NULL, NULL);
    assert_int_equal(says(c, "retry_mode", SPAN("legacy"), &e), ST_OK);
    assert_string_equal(c->note, "profile x: legacy is taken as retry_mode = standard");
    config_release(c);
}

static void our_own_mode_takes_our_words_only(void **state)
{
    (void)state;
    refused(NULL, ENV("AWS_RETRY_MODE=bogus"),
            "AWS_RETRY_MODE: \"bogus\" is not one of standard|off");
    refused("[retry]\nretry_mode = adaptive\n", NULL,
            "x.conf:2: retry_mode: \"adaptive\" is not one of standard|off");
    refused("[retry]\nretry_mode = Standard\n", NULL,
            "x.conf:2: retry_mode: \"Standard\" is not one of standard|off; did you mean "
            "\"standard\"?");
}

static void route_overrules_what_it_names_and_nothing_else(void **state)
{
    (void)state;
    struct config *c = accepted("[retry]\nretry_cap = 5s\n"
                                "[route \"a.test\"]\nretry_mode = off\nretry_base = 10ms\n"
                                "retry_status = 503\nretry_budget = 0\nretry_post = always\n"
                                "[route \"b.test\"]\nretry_max_attempts = 2\n",
                                NULL, NULL);
    struct config_retry a = config_retry_of(c, &c->routes[0]);
    assert_int_equal(a.mode, RETRY_MODE_OFF);
    assert_int_equal(a.base, 10);
    assert_int_equal(a.cap, 5000);
    assert_int_equal(a.max_attempts, 6);
    assert_int_equal(a.budget, 0);
    assert_int_equal(a.post, POST_ALWAYS);
    assert_int_equal(a.status.n, 1);
    struct config_retry b = config_retry_of(c, &c->routes[1]);
    assert_int_equal(b.mode, RETRY_MODE_STANDARD);
    assert_int_equal(b.max_attempts, 2);
    assert_int_equal(b.base, 1000);
    assert_int_equal(b.status.n, 6);
    assert_int_equal(config_retry_of(c, NULL).max_attempts, 6);
    config_release(c);
}

static void statuses_are_judged(void **state)
{
    (void)state;
    struct config *c = accepted("[retry]\nretry_status = 5xx, 429\n", NULL, NULL);
    assert_int_equal(c->retry.status.n, 2);
    config_release(c);
    refused("[retry]\nretry_status = 200\n", NULL,
            "x.conf:2: retry_status: \"200\" is not a status between 400 and 599, nor 5xx");
    refused("[retry]\nretry_status = 0503\n", NULL,
            "x.conf:2: retry_status: \"0503\" is not a status between 400 and 599, nor 5xx");
}

static void rate_has_a_unit_and_perhaps_a_burst(void **state)
{
    (void)state;
    struct config_rate r = {0};
    assert_int_equal(config_rate_parse("20/s burst 100", &r, NULL), ST_OK);
    assert_int_equal(r.interval_ns, 50000000);
    assert_int_equal(r.burst, 100);
    assert_int_equal(config_rate_parse("  90/m ", &r, NULL), ST_OK);
    assert_int_equal(r.interval_ns, 666666667);
    assert_int_equal(r.burst, 1);
    static const char *const odd[] = {"",
                                      "20",
                                      "20/h",
                                      "0/s",
                                      "-1/s",
                                      "1.5/s",
                                      "20/s burst",
                                      "20/s burst 0",
                                      "20/s 10",
                                      "20/ s",
                                      "20/s burst 1 2",
                                      "2000000/s",
                                      "/s",
                                      "burst 1",
                                      "20/s burst 2000000"};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        assert_int_equal(config_rate_parse(odd[i], &r, NULL), ST_INVALID);
    refused("[route \"a\"]\nrate_limit = fast\n", NULL,
            "x.conf:2: rate_limit: \"fast\" is not N/s or N/s burst M, each number between 1 and "
            "1000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_waits_of_1_2_4_8_16_seconds),
        cmocka_unit_test(command_line_beats_environment_beats_profile),
        cmocka_unit_test(profile_of_a_route_counts_where_nobody_else_says_it),
        cmocka_unit_test(wrong_attempts_name_their_source),
        cmocka_unit_test(modes_of_aws_are_taken_as_standard_with_a_note),
        cmocka_unit_test(our_own_mode_takes_our_words_only),
        cmocka_unit_test(route_overrules_what_it_names_and_nothing_else),
        cmocka_unit_test(statuses_are_judged),
        cmocka_unit_test(rate_has_a_unit_and_perhaps_a_burst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
