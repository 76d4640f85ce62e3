// SPDX-License-Identifier: Apache-2.0
// The decision, with time and randomness handed in.
#include "unit/test.h"

#include "base/rng.h"
#include "retry/retry.h"

#define HOUR ((int64_t)3600 * 1000)

static const struct retry_settings plain = {
    .is_on = true, .max_attempts = 6, .base_ms = 1000, .cap_ms = 20000};

static struct retry_settings with_jitter(void)
{
    struct retry_settings s = plain;
    s.has_jitter = true;
    return s;
}

// A GET that got 503 at its first attempt.
static struct retry_state failed(void)
{
    return (struct retry_state){.is_idempotent = true,
                                .is_replayable = true,
                                .attempt = 1,
                                .left_ms = 120000,
                                .kind = RETRY_TRANSIENT,
                                .status = 503,
                                .amz_retry_after_ms = -1,
                                .retry_after_ms = -1};
}

static void assert_gives_up(const struct retry_settings *s, const struct retry_state *t,
                            enum retry_why why)
{
    struct retry_verdict v = retry_decide(s, t, 0.5);
    assert_int_equal(v.action, RETRY_GIVE_UP);
    assert_string_equal(retry_why_name(v.why), retry_why_name(why));
}

static int64_t assert_waits(const struct retry_settings *s, const struct retry_state *t,
                            double unit)
{
    struct retry_verdict v = retry_decide(s, t, unit);
    assert_int_equal(v.action, RETRY_WAIT);
    return v.wait_ms;
}

static void waits_without_jitter_double_up_to_the_cap(void **state)
{
    (void)state;
    static const int want[] = {1000, 2000, 4000, 8000, 16000, 20000, 20000};
    struct retry_settings s = plain;
    s.max_attempts = 8;
    for (unsigned i = 0; i < 7; i++) {
        struct retry_state t = failed();
        t.attempt = i + 1;
        assert_int_equal(assert_waits(&s, &t, 0.1), want[i]);
    }
    assert_int_equal(retry_wait_ms(&s, 4000000000u, 0), 20000);
}

static void full_jitter_draws_below_the_same_bounds(void **state)
{
    (void)state;
    static const int want[] = {500, 1000, 2000, 4000, 8000};
    struct retry_settings s = with_jitter();
    for (unsigned i = 0; i < 5; i++) {
        struct retry_state t = failed();
        t.attempt = i + 1;
        assert_int_equal(assert_waits(&s, &t, 0.5), want[i]);
        assert_int_equal(assert_waits(&s, &t, 0), 0);
    }
}

// Kolmogorov-Smirnov against the uniform distribution, on the millisecond grid of the waits.
static void full_jitter_is_uniform(void **state)
{
    (void)state;
    enum { N = 2000 };
    const double bound = 1.63 / 44.72 + 0.001; // 1.63 / sqrt(N) for p = 0.01
    static unsigned below[1001];
    struct retry_settings s = with_jitter();
    struct rng rng;
    double worst = 0;
    rng_seed(&rng, 2024);
    for (int i = 0; i < N; i++) {
        struct retry_state t = failed();
        int64_t wait = assert_waits(&s, &t, rng_unit(&rng));
        assert_in_range(wait, 0, 999);
        below[wait + 1]++;
    }
    unsigned sum = 0;
    for (int i = 0; i <= 1000; i++) {
        sum += below[i];
        double off = (double)sum / N - i / 1000.0;
        off = off < 0 ? -off : off;
        worst = off > worst ? off : worst;
    }
    assert_true(worst < bound);
}

static void last_attempt_is_the_last(void **state)
{
    (void)state;
    struct retry_state t = failed();
    t.attempt = 5;
    (void)assert_waits(&plain, &t, 0);
    t.attempt = 6;
    assert_gives_up(&plain, &t, RETRY_WHY_ATTEMPTS);
}

static void one_attempt_and_off_mean_no_retries_and_no_repairs(void **state)
{
    (void)state;
    struct retry_settings s = plain;
    struct retry_state t = failed();
    s.max_attempts = 1;
    assert_gives_up(&s, &t, RETRY_WHY_ATTEMPTS);
    s = plain;
    s.is_on = false;
    assert_gives_up(&s, &t, RETRY_WHY_OFF);
    t.kind = RETRY_TOKEN;
    assert_gives_up(&s, &t, RETRY_WHY_OFF);
}

static void final_answers_are_final(void **state)
{
    (void)state;
    struct retry_state t = failed();
    t.kind = RETRY_FINAL;
    assert_gives_up(&plain, &t, RETRY_WHY_FINAL);
}

static void body_that_is_gone_drain_and_deadline_end_it(void **state)
{
    (void)state;
    struct retry_state t = failed();
    t.is_replayable = false;
    assert_gives_up(&plain, &t, RETRY_WHY_BODY);
    t = failed();
    t.is_draining = true;
    assert_gives_up(&plain, &t, RETRY_WHY_DRAIN);
    t = failed();
    t.left_ms = 0;
    assert_gives_up(&plain, &t, RETRY_WHY_DEADLINE);
    t.left_ms = 1000; // a wait of one second would end with it
    assert_gives_up(&plain, &t, RETRY_WHY_DEADLINE);
    t.left_ms = 1001;
    (void)assert_waits(&plain, &t, 0);
}

static void sdk_clients_are_not_multiplied_but_repaired(void **state)
{
    (void)state;
    struct retry_settings s = plain;
    struct retry_state t = failed();
    t.is_sdk = true;
    assert_gives_up(&s, &t, RETRY_WHY_SDK);
    s.sdk_clients = true;
    (void)assert_waits(&s, &t, 0);
    t.kind = RETRY_TOKEN;
    assert_int_equal(retry_decide(&plain, &t, 0).action, RETRY_REFRESH);
}

// What a POST gets in each mode: classified, never, always.
static void assert_post(const struct retry_state *failure, const char *want)
{
    for (unsigned mode = 0; mode < 3; mode++) {
        struct retry_settings s = plain;
        struct retry_state t = *failure;
        s.post = mode;
        t.is_idempotent = false;
        if (want[mode] == '+')
            (void)assert_waits(&s, &t, 0);
        else
            assert_gives_up(&s, &t, RETRY_WHY_METHOD);
    }
}

static void declined_posts_are_sent_again_in_every_mode(void **state)
{
    (void)state;
    struct retry_state t = failed();
    assert_post(&t, "+++");
    t.kind = RETRY_THROTTLED;
    t.status = 400;
    assert_post(&t, "+++");
    t.status = 429;
    assert_post(&t, "+++");
}

static void failed_posts_are_sent_again_where_the_service_says_so(void **state)
{
    (void)state;
    static const int statuses[] = {500, 502, 504, 400};
    for (size_t i = 0; i < 4; i++) {
        struct retry_state t = failed();
        t.status = statuses[i];
        assert_post(&t, "+-+");
    }
}

static void unsent_posts_are_sent_again_in_every_mode(void **state)
{
    (void)state;
    struct retry_state t = failed();
    t.phase = RETRY_UNSENT;
    assert_post(&t, "+++");
}

static void posts_without_an_answer_are_sent_again_where_they_only_read(void **state)
{
    (void)state;
    struct retry_state t = failed();
    t.phase = RETRY_SENT;
    assert_post(&t, "--+");
    t.is_read_only = true;
    assert_post(&t, "+-+");
}

static void idempotent_methods_are_sent_again_in_every_case(void **state)
{
    (void)state;
    for (unsigned phase = RETRY_ANSWERED; phase <= RETRY_SENT; phase++) {
        struct retry_settings s = plain;
        struct retry_state t = failed();
        s.post = RETRY_POST_NEVER;
        t.phase = phase;
        t.status = phase == RETRY_ANSWERED ? 500 : 0;
        (void)assert_waits(&s, &t, 0);
    }
}

static void timeout_costs_twice(void **state)
{
    (void)state;
    struct retry_state t = failed();
    assert_int_equal(retry_decide(&plain, &t, 0).cost, 5);
    t.kind = RETRY_THROTTLED;
    assert_int_equal(retry_decide(&plain, &t, 0).cost, 5);
    t.phase = RETRY_SENT;
    t.is_timeout = true;
    assert_int_equal(retry_decide(&plain, &t, 0).cost, 10);
}

static void amz_hint_moves_the_wait_by_five_seconds_at_most(void **state)
{
    (void)state;
    struct retry_settings s = with_jitter();
    struct retry_state t = failed();
    t.status = 400;
    static const int rows[][2] = {{1500, 1500}, {60000, 5050}, {0, 50}, {-1, 50}, {20, 50}};
    for (size_t i = 0; i < 5; i++) {
        t.amz_retry_after_ms = rows[i][0];
        assert_int_equal(assert_waits(&s, &t, 0.05), rows[i][1]);
    }
}

static void retry_after_is_a_minimum_up_to_20_seconds(void **state)
{
    (void)state;
    struct retry_state t = failed();
    t.retry_after_ms = 3000;
    assert_int_equal(assert_waits(&plain, &t, 0), 3000);
    t.retry_after_ms = 500;
    assert_int_equal(assert_waits(&plain, &t, 0), 1000);
    t.retry_after_ms = 20000;
    assert_int_equal(assert_waits(&plain, &t, 0), 20000);
    t.retry_after_ms = 3600000;
    assert_gives_up(&plain, &t, RETRY_WHY_HINT);
    t.status = 500; // where it means nothing
    assert_int_equal(assert_waits(&plain, &t, 0), 1000);
    t = failed();
    t.retry_after_ms = 10000;
    t.left_ms = 9000;
    assert_gives_up(&plain, &t, RETRY_WHY_DEADLINE);
}

// ---- repairs

static struct retry_state refused(enum retry_kind kind)
{
    struct retry_state t = failed();
    t.kind = kind;
    t.status = 403;
    t.is_idempotent = false;
    t.has_skew = true;
    t.is_temporary = true;
    t.creds_age_ms = HOUR;
    t.can_redirect = true;
    return t;
}

static void wrong_clock_is_shifted_once_and_at_once(void **state)
{
    (void)state;
    struct retry_state t = refused(RETRY_CLOCK);
    t.skew_ms = HOUR;
    struct retry_verdict v = retry_decide(&plain, &t, 0.9);
    assert_int_equal(v.action, RETRY_SHIFT_CLOCK);
    assert_int_equal(v.wait_ms, 0);
    assert_int_equal(v.cost, 0);
    t.repairs = RETRY_REPAIR_CLOCK;
    assert_gives_up(&plain, &t, RETRY_WHY_FINAL);
}

static void clock_must_be_wrong_by_more_than_the_threshold(void **state)
{
    (void)state;
    static const struct {
        enum retry_kind kind;
        int64_t skew_ms;
        bool is_repaired;
    } rows[] = {
        {RETRY_CLOCK, 30000, false},      {RETRY_CLOCK, 31000, true},
        {RETRY_CLOCK, -31000, true},      {RETRY_SIGNATURE, 2000, false},
        {RETRY_SIGNATURE, 240000, false}, {RETRY_SIGNATURE, -241000, true},
        {RETRY_CLOCK, 24 * HOUR, true},   {RETRY_CLOCK, 24 * HOUR + 1000, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct retry_state t = refused(rows[i].kind);
        t.skew_ms = rows[i].skew_ms;
        assert_int_equal(retry_decide(&plain, &t, 0).action == RETRY_SHIFT_CLOCK,
                         rows[i].is_repaired);
    }
}

static void shift_that_is_applied_already_is_no_reason(void **state)
{
    (void)state;
    struct retry_state t = refused(RETRY_CLOCK);
    t.skew_ms = HOUR;
    t.applied_ms = HOUR + 1000;
    assert_gives_up(&plain, &t, RETRY_WHY_FINAL);
    t.skew_ms = 0; // our clock was put right meanwhile
    assert_int_equal(retry_decide(&plain, &t, 0).action, RETRY_SHIFT_CLOCK);
}

static void unverified_upstream_never_shifts_the_clock(void **state)
{
    (void)state;
    struct retry_state t = refused(RETRY_CLOCK);
    t.skew_ms = HOUR;
    t.has_skew = false;
    assert_gives_up(&plain, &t, RETRY_WHY_FINAL);
}

static void expired_token_is_refreshed_once(void **state)
{
    (void)state;
    struct retry_state t = refused(RETRY_TOKEN);
    assert_int_equal(retry_decide(&plain, &t, 0).action, RETRY_REFRESH);
    t.repairs = RETRY_REPAIR_CREDS;
    assert_gives_up(&plain, &t, RETRY_WHY_FINAL);
}

static void unknown_key_is_refreshed_where_it_is_temporary_and_not_new(void **state)
{
    (void)state;
    struct retry_state t = refused(RETRY_KEY);
    assert_int_equal(retry_decide(&plain, &t, 0).action, RETRY_REFRESH);
    t.is_temporary = false;
    assert_gives_up(&plain, &t, RETRY_WHY_FINAL);
    t = refused(RETRY_KEY);
    t.creds_age_ms = 5000;
    assert_gives_up(&plain, &t, RETRY_WHY_FINAL);
}

static void region_is_repaired_once_where_it_may_be(void **state)
{
    (void)state;
    struct retry_state t = refused(RETRY_REGION);
    assert_int_equal(retry_decide(&plain, &t, 0).action, RETRY_REDIRECT);
    t.can_redirect = false;
    assert_gives_up(&plain, &t, RETRY_WHY_FINAL);
    t = refused(RETRY_REGION);
    t.repairs = RETRY_REPAIR_REGION;
    assert_gives_up(&plain, &t, RETRY_WHY_FINAL);
}

static void repairs_count_as_attempts_and_need_the_body(void **state)
{
    (void)state;
    struct retry_state t = refused(RETRY_TOKEN);
    t.attempt = 6;
    assert_gives_up(&plain, &t, RETRY_WHY_ATTEMPTS);
    t = refused(RETRY_TOKEN);
    t.is_replayable = false;
    assert_gives_up(&plain, &t, RETRY_WHY_BODY);
}

static void reason_names_code_status_or_what_happened(void **state)
{
    (void)state;
    char out[RETRY_REASON_MAX];
    struct retry_state t = failed();
    assert_string_equal(retry_reason(&t, SPAN("SlowDown"), out), "SlowDown");
    assert_string_equal(retry_reason(&t, SPAN(""), out), "status-503");
    t.phase = RETRY_SENT;
    assert_string_equal(retry_reason(&t, SPAN(""), out), "reset");
    t.is_timeout = true;
    assert_string_equal(retry_reason(&t, SPAN(""), out), "timeout");
    t.is_timeout = false;
    t.phase = RETRY_UNSENT;
    assert_string_equal(retry_reason(&t, SPAN(""), out), "connect");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_without_jitter_double_up_to_the_cap),
        cmocka_unit_test(full_jitter_draws_below_the_same_bounds),
        cmocka_unit_test(full_jitter_is_uniform),
        cmocka_unit_test(last_attempt_is_the_last),
        cmocka_unit_test(one_attempt_and_off_mean_no_retries_and_no_repairs),
        cmocka_unit_test(final_answers_are_final),
        cmocka_unit_test(body_that_is_gone_drain_and_deadline_end_it),
        cmocka_unit_test(sdk_clients_are_not_multiplied_but_repaired),
        cmocka_unit_test(declined_posts_are_sent_again_in_every_mode),
        cmocka_unit_test(failed_posts_are_sent_again_where_the_service_says_so),
        cmocka_unit_test(unsent_posts_are_sent_again_in_every_mode),
        cmocka_unit_test(posts_without_an_answer_are_sent_again_where_they_only_read),
        cmocka_unit_test(idempotent_methods_are_sent_again_in_every_case),
        cmocka_unit_test(timeout_costs_twice),
        cmocka_unit_test(amz_hint_moves_the_wait_by_five_seconds_at_most),
        cmocka_unit_test(retry_after_is_a_minimum_up_to_20_seconds),
        cmocka_unit_test(wrong_clock_is_shifted_once_and_at_once),
        cmocka_unit_test(clock_must_be_wrong_by_more_than_the_threshold),
        cmocka_unit_test(shift_that_is_applied_already_is_no_reason),
        cmocka_unit_test(unverified_upstream_never_shifts_the_clock),
        cmocka_unit_test(expired_token_is_refreshed_once),
        cmocka_unit_test(unknown_key_is_refreshed_where_it_is_temporary_and_not_new),
        cmocka_unit_test(region_is_repaired_once_where_it_may_be),
        cmocka_unit_test(repairs_count_as_attempts_and_need_the_body),
        cmocka_unit_test(reason_names_code_status_or_what_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
