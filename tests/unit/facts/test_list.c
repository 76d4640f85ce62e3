// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "facts/facts.h"

static void stay_open(void *arg, const char *key, struct facts_flight *fl)
{
    (void)key;
    *(struct facts_flight **)arg = fl;
}

static void forget(void *arg, struct facts_flight *fl)
{
    (void)arg;
    (void)fl;
}

static struct facts_list *got;

static void on_list(void *arg, struct facts_list *l)
{
    got = l;
    loop_stop(arg);
}

static struct facts_list *ask(struct facts *f, struct loop *l)
{
    got = NULL;
    facts_list(f, l, on_list, l);
    assert_null(got); // never before the call has returned
    loop_run(l);
    return got;
}

static void shows_keys_with_what_is_known_of_them(void **state)
{
    (void)state;
    struct err e = {""};
    struct facts_flight *flight = NULL;
    struct loop *l = loop_new("test", &e);
    struct facts *f = facts_new(l, 1);
    const struct facts_kind kind = {
        .name = "fake", .fetch = stay_open, .cancel = forget, .arg = &flight};
    facts_set_kind(f, FACTS_CREDENTIALS, &kind);
    facts_warm(f, FACTS_CREDENTIALS, "profile=a");

    struct facts_list *list = ask(f, l);
    assert_int_equal(list->n, 1);
    assert_int_equal(list->v[0].kind, FACTS_CREDENTIALS);
    assert_string_equal(list->v[0].key, "profile=a");
    assert_null(list->v[0].fact);
    assert_true(list->v[0].is_fetching);
    facts_list_free(list);

    struct fact_result r = {.status = ST_INVALID};
    (void)err_set(&r.err, ST_INVALID, "nothing here");
    facts_answer(flight, &r);
    list = ask(f, l);
    assert_int_equal(list->v[0].fact->status, ST_INVALID);
    assert_string_equal(list->v[0].fact->err.text, "nothing here");
    assert_false(list->v[0].is_fetching);
    facts_list_free(list);
    facts_free(f);
    loop_free(l);
}

static void is_empty_where_facts_have_ended(void **state)
{
    (void)state;
    struct err e = {""};
    struct loop *l = loop_new("test", &e);
    struct facts *f = facts_new(l, 1);
    facts_list(f, l, on_list, l);
    facts_free(f);
    got = NULL;
    loop_run(l);
    assert_non_null(got);
    assert_int_equal(got->n, 0);
    facts_list_free(got);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_keys_with_what_is_known_of_them),
        cmocka_unit_test(is_empty_where_facts_have_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
