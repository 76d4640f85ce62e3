// SPDX-License-Identifier: Apache-2.0
#include "unit/facts/facts_rig.h"

static void many_waiters_cost_one_fetch_and_get_the_same_snapshot(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    for (int i = 0; i < 64; i++)
        (void)get(fx, "k", 5000);
    assert_int_equal(peek(fx, "k"), 0);
    pump(fx);
    assert_int_equal(fx->fetches, 1);
    assert_int_equal(fx->told, 0);
    answer_value(fx, 7, for_ever);
    assert_int_equal(fx->told, 64);
    assert_int_equal(((struct value *)fx->last->value)->n, 7);
    assert_int_equal(peek(fx, "k"), 7);
    (void)get(fx, "k", 5000);
    pump(fx);
    assert_int_equal(fx->told, 65);
    assert_int_equal(fx->fetches, 1);
    fixture_free(fx);
}

static void second_view_gets_what_is_there_without_a_fetch(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    (void)peek(fx, "k");
    answer_value(fx, 7, for_ever);
    struct facts_view *first = fx->view;
    fx->view = facts_view_new(fx->facts, fx->loop);
    assert_int_equal(peek(fx, "k"), 0);
    assert_int_equal(peek(fx, "k"), 7);
    assert_int_equal(fx->fetches, 1);
    facts_view_free(first);
    fixture_free(fx);
}

static void use_past_the_refresh_time_serves_the_old_and_fetches_once(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    (void)peek(fx, "k");
    answer_value(fx, 1, (struct times){.refresh_in = 300, .ttl = 60000});
    uint64_t old = generation(fx, "k");
    pump_ms(fx, 310);
    assert_int_equal(fx->fetches, 1); // nobody used it
    assert_int_equal(peek(fx, "k"), 1);
    assert_int_equal(peek(fx, "k"), 1);
    assert_int_equal(fx->fetches, 2);
    answer_value(fx, 2, for_ever);
    assert_int_equal(peek(fx, "k"), 2);
    assert_true(generation(fx, "k") > old);
    assert_int_equal(fx->freed, 1);
    fixture_free(fx);
}

static void warm_kind_is_refreshed_although_unused(void **state)
{
    (void)state;
    struct facts_kind k = fake_kind(NULL);
    k.keep_warm = true;
    struct fixture *fx = fixture_new(&k);
    facts_warm(fx->facts, KIND, "k");
    assert_int_equal(fx->fetches, 1);
    answer_value(fx, 1, (struct times){.refresh_in = 10, .ttl = 60000});
    pump_ms(fx, 20);
    assert_int_equal(fx->fetches, 2);
    answer_failure(fx, "down", 10);
    pump_ms(fx, 20);
    assert_int_equal(fx->fetches, 3);
    answer_value(fx, 2, for_ever);
    (void)peek(fx, "k");
    assert_int_equal(peek(fx, "k"), 2);
    assert_int_equal(fx->fetches, 3);
    fixture_free(fx);
}

static void failed_refresh_leaves_the_value_until_its_end_and_tells_why(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    (void)peek(fx, "k");
    assert_false(facts_flight_is_refresh(fx->open[0]));
    answer_value(fx, 1, (struct times){.refresh_in = 0, .ttl = 600});
    uint64_t old = generation(fx, "k");
    assert_int_equal(peek(fx, "k"), 1);
    assert_true(facts_flight_is_refresh(fx->open[0]));
    answer_failure(fx, "endpoint is down", 5);
    struct fact *f = facts_view_peek(fx->view, KIND, "k");
    assert_int_equal(f->status, ST_OK);
    assert_int_equal(f->generation, old);
    assert_string_equal(f->err.text, "endpoint is down");
    fact_release(f);
    pump_ms(fx, 10);
    assert_int_equal(peek(fx, "k"), 1); // asks again
    assert_int_equal(fx->fetches, 3);
    pump_ms(fx, 600);
    assert_int_equal(peek(fx, "k"), 0); // ttl is over
    assert_false(facts_flight_is_refresh(fx->open[0]));
    answer_failure(fx, "still down", 60000);
    assert_int_equal(peek(fx, "k"), -1);
    assert_int_equal(fx->freed, 1);
    fixture_free(fx);
}

static void stale_value_serves_past_its_ttl_only_while_refreshes_fail(void **state)
{
    (void)state;
    struct facts_kind k = fake_kind(NULL);
    k.deadline_ms = 500;
    struct fixture *fx = fixture_new(&k);
    (void)peek(fx, "k");
    answer_value(fx, 1, (struct times){.refresh_in = 10, .ttl = 10, .stale = 60000});
    pump_ms(fx, 15);
    (void)get(fx, "k", 5000); // not simply taken as good: a refresh is tried first
    pump(fx);
    assert_int_equal(fx->told, 0);
    answer_failure(fx, "servers fail", 10);
    assert_int_equal(fx->told, 1);
    assert_int_equal(((struct value *)fx->last->value)->n, 1);
    assert_int_equal(peek(fx, "k"), 1);
    // Good until the next refresh would have ended, and not for the whole minute.
    assert_true(fx->last->expires_at_ms - clock_mono_ms() <= 1520);
    fixture_free(fx);
}

static void stale_value_ends_with_its_stale_time(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    (void)peek(fx, "k");
    answer_value(fx, 1, (struct times){.refresh_in = 5, .ttl = 5, .stale = 400});
    pump_ms(fx, 8);
    assert_int_equal(peek(fx, "k"), 0);
    answer_failure(fx, "down", 60000);
    assert_int_equal(peek(fx, "k"), 1);
    pump_ms(fx, 405);
    assert_int_equal(peek(fx, "k"), 0);
    answer_failure(fx, "down", 60000);
    assert_int_equal(peek(fx, "k"), -1);
    fixture_free(fx);
}

static void failure_that_ends_the_value_takes_it_away(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    (void)peek(fx, "k");
    answer_value(fx, 1, (struct times){.refresh_in = 100000, .ttl = 100000, .stale = 100000});
    facts_view_hint(fx->view, KIND, "k", generation(fx, "k"));
    pump(fx);
    assert_int_equal(peek(fx, "k"), 1);
    assert_true(facts_flight_was_refused(fx->open[0]));
    answer(fx, &(struct fact_result){
                   .status = ST_IO, .retry_in_ms = 60000, .ends_value = true, .err = {"refused"}});
    assert_int_equal(peek(fx, "k"), -1);
    fixture_free(fx);
}

static void failure_is_remembered_for_its_time_and_then_fetched_again(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    (void)peek(fx, "k");
    answer_failure(fx, "no credentials", 300); // 20 % more or less
    assert_int_equal(peek(fx, "k"), -1);
    (void)get(fx, "k", 5000);
    pump(fx);
    assert_int_equal(fx->told, 1);
    assert_int_equal(fx->last->status, ST_IO);
    assert_string_equal(fx->last->err.text, "no credentials");
    assert_int_equal(fx->fetches, 1);
    pump_ms(fx, 370);
    assert_int_equal(peek(fx, "k"), 0);
    assert_int_equal(fx->fetches, 2);
    answer_value(fx, 3, for_ever);
    assert_int_equal(peek(fx, "k"), 3);
    fixture_free(fx);
}

static void memory_of_failures_is_jittered_by_a_fifth(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    int64_t least = INT64_MAX;
    int64_t most = 0;
    for (int i = 0; i < 50; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i);
        (void)peek(fx, key);
        int64_t before_ms = clock_mono_ms();
        answer_failure(fx, "no", 1000000);
        struct fact *f = facts_view_peek(fx->view, KIND, key);
        int64_t in_ms = f->expires_at_ms - before_ms;
        fact_release(f);
        least = in_ms < least ? in_ms : least;
        most = in_ms > most ? in_ms : most;
    }
    assert_true(least >= 800000 - 100 && least < 900000);
    assert_true(most <= 1200000 + 5000 && most > 1100000);
    fixture_free(fx);
}

static void failures_without_a_time_back_off_from_one_second_to_thirty(void **state)
{
    (void)state;
    static const int64_t want_ms[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};
    struct fixture *fx = fixture_new(NULL);
    (void)peek(fx, "k");
    for (size_t i = 0; i < sizeof(want_ms) / sizeof(want_ms[0]); i++) {
        if (i)
            facts_invalidate(fx->facts, KIND, "k");
        int64_t before_ms = clock_mono_ms();
        answer_failure(fx, "no", 0);
        struct fact *f = facts_view_peek(fx->view, KIND, "k");
        int64_t in_ms = f->expires_at_ms - before_ms;
        fact_release(f);
        assert_true(in_ms >= want_ms[i] * 8 / 10 - 50 && in_ms <= want_ms[i] * 12 / 10 + 2000);
    }
    fixture_free(fx);
}

static void flight_past_its_deadline_is_cancelled_and_failed(void **state)
{
    (void)state;
    struct facts_kind k = fake_kind(NULL);
    k.deadline_ms = 20;
    struct fixture *fx = fixture_new(&k);
    (void)get(fx, "k", 5000);
    pump_ms(fx, 30);
    assert_int_equal(fx->cancels, 1);
    assert_int_equal(fx->n_open, 0);
    assert_int_equal(fx->told, 1);
    assert_int_equal(fx->last->status, ST_IO);
    assert_string_equal(fx->last->err.text, "fake: no answer within 20 ms");
    fixture_free(fx);
}

static void waiter_has_its_own_deadline_and_the_flight_goes_on(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    (void)get(fx, "k", 10);
    pump_ms(fx, 20);
    assert_int_equal(fx->told, 1);
    assert_int_equal(fx->last->status, ST_AGAIN);
    assert_int_equal(fx->n_open, 1);
    answer_value(fx, 4, for_ever);
    assert_int_equal(fx->told, 1);
    assert_int_equal(peek(fx, "k"), 4);
    fixture_free(fx);
}

static void cancelled_waiter_is_never_told(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    struct facts_wait *w = get(fx, "k", 5000);
    (void)get(fx, "k", 5000);
    pump(fx);
    facts_wait_cancel(w);
    answer_value(fx, 4, for_ever);
    assert_int_equal(fx->told, 1);
    // Also when the answer is there but not told yet.
    facts_wait_cancel(get(fx, "k", 5000));
    pump(fx);
    assert_int_equal(fx->told, 1);
    fixture_free(fx);
}

static void waiter_behind_1024_is_refused(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    for (int i = 0; i < FACTS_WAITS_MAX; i++)
        (void)get(fx, "k", 60000);
    (void)get(fx, "k", 60000);
    pump(fx);
    assert_int_equal(fx->told, 1);
    assert_int_equal(fx->last->status, ST_LIMIT);
    answer_value(fx, 1, for_ever);
    assert_int_equal(fx->told, 1 + FACTS_WAITS_MAX);
    assert_int_equal(fx->last->status, ST_OK);
    fixture_free(fx);
}

static void hint_refreshes_the_refused_generation_once(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    (void)peek(fx, "k");
    answer_value(fx, 1, for_ever);
    uint64_t refused = generation(fx, "k");
    facts_view_hint(fx->view, KIND, "k", refused - 1); // an older one
    facts_view_hint(fx->view, KIND, "other", refused);
    pump(fx);
    assert_int_equal(fx->fetches, 1);
    for (int i = 0; i < 100; i++)
        facts_view_hint(fx->view, KIND, "k", refused);
    pump(fx);
    assert_int_equal(fx->fetches, 2);
    assert_int_equal(peek(fx, "k"), 1); // serves meanwhile
    answer_value(fx, 2, for_ever);
    facts_view_hint(fx->view, KIND, "k", refused);
    facts_view_hint(fx->view, KIND, "k", generation(fx, "k")); // within 10 s
    pump(fx);
    assert_int_equal(fx->fetches, 2);
    fixture_free(fx);
}

static void two_views_that_hint_at_once_cost_one_refresh(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    (void)peek(fx, "k");
    answer_value(fx, 1, for_ever);
    struct facts_view *first = fx->view;
    fx->view = facts_view_new(fx->facts, fx->loop);
    (void)peek(fx, "k");
    facts_view_hint(first, KIND, "k", generation(fx, "k"));
    facts_view_hint(fx->view, KIND, "k", generation(fx, "k"));
    pump(fx);
    answer_value(fx, 2, for_ever);
    assert_int_equal(fx->fetches, 2);
    facts_view_free(first);
    fixture_free(fx);
}

static void renew(struct fixture *fx, struct facts_view *v, uint64_t refused)
{
    unsigned before = fx->told;
    const struct facts_refused what = {KIND, "k", refused};
    (void)facts_view_renew(v, &what, 5000, on_done, fx);
    assert_int_equal(fx->told, before);
}

static void renewal_waits_for_what_comes_of_its_hint(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    (void)peek(fx, "k");
    answer_value(fx, 1, for_ever);
    uint64_t refused = generation(fx, "k");
    for (int i = 0; i < 50; i++)
        renew(fx, fx->view, refused);
    pump(fx);
    assert_int_equal(fx->fetches, 2);
    assert_int_equal(fx->told, 0);
    answer_value(fx, 2, for_ever);
    assert_int_equal(fx->told, 50);
    assert_int_equal(((struct value *)fx->last->value)->n, 2);
    renew(fx, fx->view, refused); // a newer one is there
    pump(fx);
    assert_int_equal(fx->told, 51);
    assert_int_equal(((struct value *)fx->last->value)->n, 2);
    renew(fx, fx->view, generation(fx, "k")); // hinted less than 10 s ago
    pump(fx);
    assert_int_equal(fx->told, 52);
    assert_int_equal(((struct value *)fx->last->value)->n, 2);
    assert_int_equal(fx->fetches, 2);
    fixture_free(fx);
}

static void renewal_of_another_view_hears_of_the_same_refresh(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    (void)peek(fx, "k");
    answer_value(fx, 1, for_ever);
    uint64_t refused = generation(fx, "k");
    struct facts_view *first = fx->view;
    fx->view = facts_view_new(fx->facts, fx->loop);
    (void)peek(fx, "k");
    renew(fx, first, refused);
    pump(fx);
    renew(fx, fx->view, refused);
    pump(fx);
    assert_int_equal(fx->told, 0);
    answer_value(fx, 2, for_ever);
    assert_int_equal(fx->told, 2);
    facts_view_free(first);
    fixture_free(fx);
}

static void renewal_that_control_refuses_is_told_what_is_known(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    (void)peek(fx, "k");
    answer_value(fx, 1, for_ever);
    struct facts_view *first = fx->view;
    fx->view = facts_view_new(fx->facts, fx->loop);
    (void)peek(fx, "k");
    renew(fx, first, generation(fx, "k"));
    pump(fx);
    answer_failure(fx, "down", 1000);
    assert_int_equal(fx->told, 1);
    renew(fx, fx->view, generation(fx, "k")); // this view has not hinted, control was hinted
    pump(fx);
    assert_int_equal(fx->told, 2);
    assert_int_equal(fx->fetches, 2);
    facts_view_free(first);
    fixture_free(fx);
}

static void same_value_keeps_its_generation_and_gets_new_times(void **state)
{
    (void)state;
    struct facts_kind k = fake_kind(NULL);
    k.is_same = is_same_value;
    struct fixture *fx = fixture_new(&k);
    (void)peek(fx, "k");
    answer_value(fx, 1, (struct times){.refresh_in = 0, .ttl = 60000});
    uint64_t old = generation(fx, "k");
    pump(fx);
    for (unsigned i = 1; i <= 3; i++) {
        answer_value(fx, 1, (struct times){.refresh_in = 0, .ttl = 60000});
        assert_int_equal(generation(fx, "k"), old);
        assert_int_equal(fx->freed, i); // the copy
        pump(fx);
    }
    answer_value(fx, 2, for_ever);
    assert_true(generation(fx, "k") > old);
    assert_int_equal(fx->freed, 4);
    fixture_free(fx);
}

static void invalidated_value_serves_until_the_new_one_is_there(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    (void)peek(fx, "k");
    answer_value(fx, 1, for_ever);
    facts_invalidate(fx->facts, KIND, "k");
    assert_int_equal(fx->fetches, 2);
    assert_int_equal(peek(fx, "k"), 1);
    facts_invalidate(fx->facts, KIND, "k"); // while under way: what it read may be old already
    assert_int_equal(fx->fetches, 2);
    answer_value(fx, 2, for_ever);
    assert_int_equal(fx->fetches, 3);
    assert_int_equal(peek(fx, "k"), 2);
    answer_value(fx, 3, for_ever);
    assert_int_equal(peek(fx, "k"), 3);
    facts_invalidate(fx->facts, KIND, "unknown");
    assert_int_equal(fx->fetches, 3);
    fixture_free(fx);
}

static bool keeps_b(void *arg, const char *key)
{
    (*(int *)arg)++;
    return strcmp(key, "b") == 0;
}

static void pruned_keys_are_forgotten_everywhere(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    int asked = 0;
    (void)peek(fx, "a");
    answer_value(fx, 1, for_ever);
    (void)peek(fx, "b");
    answer_value(fx, 2, for_ever);
    (void)peek(fx, "under way");
    facts_prune(fx->facts, KIND, keeps_b, &asked);
    pump(fx);
    assert_int_equal(asked, 3);
    assert_int_equal(fx->n_open, 0); // its flight was cancelled
    assert_int_equal(fx->freed, 1);
    assert_int_equal(peek(fx, "b"), 2);
    assert_int_equal(fx->fetches, 3);
    assert_int_equal(peek(fx, "a"), 0);
    assert_int_equal(fx->fetches, 4);
    answer_value(fx, 3, for_ever);
    assert_int_equal(peek(fx, "a"), 3);
    fixture_free(fx);
}

static void all_of_a_cold_kind_are_fetched_again_by_their_next_use_only(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    (void)peek(fx, "a");
    answer_value(fx, 1, for_ever);
    (void)peek(fx, "b");
    answer_failure(fx, "no such name", 60000);
    facts_invalidate(fx->facts, KIND, NULL);
    pump(fx);
    assert_int_equal(fx->fetches, 2);
    assert_int_equal(peek(fx, "a"), 1);
    assert_int_equal(peek(fx, "b"), 0);
    assert_int_equal(fx->fetches, 4);
    answer_value(fx, 2, for_ever);
    answer_value(fx, 3, for_ever);
    assert_int_equal(peek(fx, "a"), 2);
    assert_int_equal(peek(fx, "b"), 3);
    fixture_free(fx);
}

static void all_of_a_warm_kind_are_fetched_at_once(void **state)
{
    (void)state;
    struct facts_kind k = fake_kind(NULL);
    k.keep_warm = true;
    struct fixture *fx = fixture_new(&k);
    facts_warm(fx->facts, KIND, "a");
    facts_warm(fx->facts, KIND, "b");
    answer_value(fx, 1, for_ever);
    answer_failure(fx, "nothing configured", 30000);
    facts_invalidate(fx->facts, KIND, NULL);
    assert_int_equal(fx->fetches, 4);
    answer_value(fx, 2, for_ever);
    answer_value(fx, 3, for_ever);
    (void)peek(fx, "b");
    assert_int_equal(peek(fx, "b"), 3);
    fixture_free(fx);
}

static void least_recently_asked_key_goes_when_a_kind_is_full(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    char key[16];
    for (int i = 0; i <= FACTS_KEYS_MAX; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        (void)facts_view_peek(fx->view, KIND, key);
        pump(fx);
        answer_value(fx, i + 1, for_ever);
    }
    assert_int_equal(fx->freed, 1);
    unsigned before = fx->fetches;
    assert_int_equal(peek(fx, "k1"), 2);
    assert_int_equal(fx->fetches, before);
    assert_int_equal(peek(fx, "k0"), 0); // the view has forgotten it too
    assert_int_equal(fx->fetches, before + 1);
    answer_value(fx, 5, for_ever);
    fixture_free(fx);
}

static void key_is_refused_when_all_others_are_in_flight(void **state)
{
    (void)state;
    struct fixture *fx = fixture_new(NULL);
    char key[16];
    for (int i = 0; i < FACTS_KEYS_MAX; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_null(facts_view_peek(fx->view, KIND, key));
    }
    (void)get(fx, "one more", 5000);
    pump(fx);
    assert_int_equal(fx->told, 1);
    assert_int_equal(fx->last->status, ST_LIMIT);
    answer_value(fx, 1, for_ever);
    (void)get(fx, "one more", 5000); // not remembered: there is room now
    pump(fx);
    assert_int_equal(fx->n_open, FACTS_KEYS_MAX);
    fixture_free(fx);
    // fixture_free found no flight open: facts_free cancelled them.
}

static void parts_go_in_any_order_with_messages_under_way(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct fixture *fx = fixture_new(NULL);
        struct facts_view *closed = facts_view_new(fx->facts, fx->loop);
        (void)get(fx, "a", 5000);
        (void)peek(fx, "a");
        assert_null(facts_view_peek(closed, KIND, "a"));
        pump(fx);
        if (i & 1)
            (void)get(fx, "b", 5000); // the ask is under way
        if (i & 2) {
            facts_view_free(closed);
            answer_value(fx, 1, for_ever); // to a closed view
        } else {
            struct facts_flight *fl = fx->open[0];
            take_open(fx, 0);
            facts_answer(fl, &(struct fact_result){.status = ST_IO, .retry_in_ms = 1000});
            facts_view_free(closed); // the notice is under way
        }
        fixture_free(fx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_waiters_cost_one_fetch_and_get_the_same_snapshot),
        cmocka_unit_test(second_view_gets_what_is_there_without_a_fetch),
        cmocka_unit_test(use_past_the_refresh_time_serves_the_old_and_fetches_once),
        cmocka_unit_test(warm_kind_is_refreshed_although_unused),
        cmocka_unit_test(failed_refresh_leaves_the_value_until_its_end_and_tells_why),
        cmocka_unit_test(stale_value_serves_past_its_ttl_only_while_refreshes_fail),
        cmocka_unit_test(stale_value_ends_with_its_stale_time),
        cmocka_unit_test(failure_that_ends_the_value_takes_it_away),
        cmocka_unit_test(failure_is_remembered_for_its_time_and_then_fetched_again),
        cmocka_unit_test(memory_of_failures_is_jittered_by_a_fifth),
        cmocka_unit_test(failures_without_a_time_back_off_from_one_second_to_thirty),
        cmocka_unit_test(flight_past_its_deadline_is_cancelled_and_failed),
        cmocka_unit_test(waiter_has_its_own_deadline_and_the_flight_goes_on),
        cmocka_unit_test(cancelled_waiter_is_never_told),
        cmocka_unit_test(waiter_behind_1024_is_refused),
        cmocka_unit_test(hint_refreshes_the_refused_generation_once),
        cmocka_unit_test(two_views_that_hint_at_once_cost_one_refresh),
        cmocka_unit_test(renewal_waits_for_what_comes_of_its_hint),
        cmocka_unit_test(renewal_of_another_view_hears_of_the_same_refresh),
        cmocka_unit_test(renewal_that_control_refuses_is_told_what_is_known),
        cmocka_unit_test(same_value_keeps_its_generation_and_gets_new_times),
        cmocka_unit_test(invalidated_value_serves_until_the_new_one_is_there),
        cmocka_unit_test(pruned_keys_are_forgotten_everywhere),
        cmocka_unit_test(all_of_a_cold_kind_are_fetched_again_by_their_next_use_only),
        cmocka_unit_test(all_of_a_warm_kind_are_fetched_at_once),
        cmocka_unit_test(least_recently_asked_key_goes_when_a_kind_is_full),
        cmocka_unit_test(key_is_refused_when_all_others_are_in_flight),
        cmocka_unit_test(parts_go_in_any_order_with_messages_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
