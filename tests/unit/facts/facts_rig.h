// SPDX-License-Identifier: Apache-2.0
// Control and view on one real loop, so each step is in the test's hand: fetches are answered when
// the test says so, times are a few milliseconds.
#ifndef TESTS_UNIT_FACTS_FACTS_RIG_H
#define TESTS_UNIT_FACTS_FACTS_RIG_H

#include "unit/test.h"

#include "base/clock.h"
#include "base/xalloc.h"
#include "facts/facts.h"
#include "facts/facts_int.h"

#define KIND FACTS_CREDENTIALS

struct fixture {
    struct loop *loop;
    struct facts *facts;
    struct facts_view *view;
    struct facts_flight *open[2 * FACTS_KEYS_MAX];
    unsigned n_open;
    unsigned fetches, cancels, freed;
    // What done callbacks were told.
    unsigned told;
    struct fact *last;
};

static inline void fake_fetch(void *arg, const char *key, struct facts_flight *fl)
{
    struct fixture *fx = arg;
    assert_string_equal(key, facts_flight_key(fl));
    for (unsigned i = 0; i < fx->n_open; i++)
        assert_string_not_equal(facts_flight_key(fx->open[i]), key); // single flight
    fx->open[fx->n_open++] = fl;
    fx->fetches++;
}

static inline void take_open(struct fixture *fx, unsigned i)
{
    fx->n_open--;
    for (; i < fx->n_open; i++)
        fx->open[i] = fx->open[i + 1];
}

static inline void fake_cancel(void *arg, struct facts_flight *fl)
{
    struct fixture *fx = arg;
    for (unsigned i = 0; i < fx->n_open; i++) {
        if (fx->open[i] == fl) {
            take_open(fx, i);
            fx->cancels++;
            return;
        }
    }
    fail_msg("cancelled a flight that is not open");
}

static inline void count_free(void *value)
{
    struct fixture *fx = *(struct fixture **)value;
    fx->freed++;
    free(value);
}

struct value {
    struct fixture *fx; // first, for count_free
    int n;
};

static inline bool is_same_value(const void *a, const void *b)
{
    return ((const struct value *)a)->n == ((const struct value *)b)->n;
}

static inline struct facts_kind fake_kind(struct fixture *fx)
{
    return (struct facts_kind){
        .name = "fake", .fetch = fake_fetch, .cancel = fake_cancel, .arg = fx, .deadline_ms = 5000};
}

static inline struct fixture *fixture_new(const struct facts_kind *kind)
{
    struct fixture *fx = xcalloc(1, sizeof(*fx));
    struct err e;
    fx->loop = loop_new("test", &e);
    assert_non_null(fx->loop);
    fx->facts = facts_new(fx->loop, 1);
    struct facts_kind k = kind ? *kind : fake_kind(fx);
    k.arg = fx;
    facts_set_kind(fx->facts, KIND, &k);
    fx->view = facts_view_new(fx->facts, fx->loop);
    return fx;
}

static inline void fixture_free(struct fixture *fx)
{
    fact_release(fx->last);
    facts_view_free(fx->view);
    facts_free(fx->facts);
    assert_int_equal(fx->n_open, 0);
    loop_free(fx->loop);
    free(fx);
}

static inline void stop_loop(void *arg)
{
    loop_stop(arg);
}

// Runs what was posted, and what that posted.
static inline void pump(struct fixture *fx)
{
    for (int i = 0; i < 4; i++) {
        loop_post(fx->loop, stop_loop, fx->loop);
        loop_run(fx->loop);
    }
}

static inline void pump_ms(struct fixture *fx, int64_t ms)
{
    struct timer *t = timer_new(fx->loop, stop_loop, fx->loop);
    timer_set(t, ms);
    loop_run(fx->loop);
    timer_free(t);
    pump(fx);
}

static inline void answer(struct fixture *fx, const struct fact_result *r)
{
    assert_true(fx->n_open > 0);
    struct facts_flight *fl = fx->open[0];
    take_open(fx, 0);
    facts_answer(fl, r);
    pump(fx);
}

struct times {
    int64_t refresh_in, ttl, stale;
};

static inline void answer_value(struct fixture *fx, int n, struct times t)
{
    struct value *v = xcalloc(1, sizeof(*v));
    v->fx = fx;
    v->n = n;
    struct fact_result r = {.status = ST_OK,
                            .value = v,
                            .free_value = count_free,
                            .ttl_ms = t.ttl,
                            .refresh_in_ms = t.refresh_in,
                            .stale_ms = t.stale};
    answer(fx, &r);
}

static const struct times for_ever = {INT64_MAX, INT64_MAX, 0};

static inline void answer_failure(struct fixture *fx, const char *why, int64_t retry_in_ms)
{
    struct fact_result r = {.status = ST_IO, .retry_in_ms = retry_in_ms};
    (void)err_set(&r.err, ST_IO, "%s", why);
    answer(fx, &r);
}

// The number at hand, 0 where there is none, -1 where it is negative.
static inline int peek(struct fixture *fx, const char *key)
{
    struct fact *f = facts_view_peek(fx->view, KIND, key);
    int n = 0;
    if (f)
        n = f->status == ST_OK ? ((struct value *)f->value)->n : -1;
    fact_release(f);
    pump(fx);
    return n;
}

static inline uint64_t generation(struct fixture *fx, const char *key)
{
    struct fact *f = facts_view_peek(fx->view, KIND, key);
    assert_non_null(f);
    uint64_t g = f->generation;
    fact_release(f);
    return g;
}

static inline void on_done(void *arg, struct fact *f)
{
    struct fixture *fx = arg;
    fx->told++;
    fact_release(fx->last);
    fx->last = f;
}

static inline struct facts_wait *get(struct fixture *fx, const char *key, int64_t timeout_ms)
{
    unsigned before = fx->told;
    struct facts_wait *w = facts_view_get(fx->view, KIND, key, timeout_ms, on_done, fx);
    assert_int_equal(fx->told, before); // never before get has returned
    return w;
}

#endif
