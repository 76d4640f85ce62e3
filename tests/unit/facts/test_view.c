// SPDX-License-Identifier: Apache-2.0
// Four worker threads and control, each with its own loop: for ThreadSanitizer above all.
#include "unit/test.h"

#include <pthread.h>

#include "base/rng.h"
#include "base/xalloc.h"
#include "facts/facts.h"

#define KIND    FACTS_ADDRESSES
#define WORKERS 4
#define KEYS    16
#define TURNS   1500

struct flight {
    struct facts_flight *fl;
    struct timer *timer;
    struct control *control;
};

struct control {
    struct loop *loop;
    struct facts *facts;
    struct timer *shaker;
    struct rng rng;
    unsigned fetches;
    unsigned turns;
};

// A value names its key, so a mix-up shows.
static void answer_flight(void *arg)
{
    struct flight *f = arg;
    struct fact_result r = {.status = ST_IO, .retry_in_ms = 1};
    if (rng_below(&f->control->rng, 4)) {
        r.status = ST_OK;
        r.value = xstrdup(facts_flight_key(f->fl));
        r.free_value = free;
        r.refresh_in_ms = rng_below(&f->control->rng, 3);
        r.ttl_ms = 3;
        r.stale_ms = rng_below(&f->control->rng, 2) * 10;
    }
    facts_answer(f->fl, &r);
    timer_free(f->timer);
    free(f);
}

static void fetch(void *arg, const char *key, struct facts_flight *fl)
{
    (void)key;
    struct control *c = arg;
    struct flight *f = xcalloc(1, sizeof(*f));
    f->fl = fl;
    f->control = c;
    f->timer = timer_new(c->loop, answer_flight, f);
    timer_set(f->timer, rng_below(&c->rng, 3));
    facts_flight_set_data(fl, f);
    c->fetches++;
}

static void cancel(void *arg, struct facts_flight *fl)
{
    (void)arg;
    struct flight *f = facts_flight_data(fl);
    timer_free(f->timer);
    free(f);
}

static void shake(void *arg)
{
    struct control *c = arg;
    facts_invalidate(c->facts, KIND, c->turns++ % 2 ? NULL : "key 1");
    timer_set(c->shaker, 2);
}

struct worker {
    struct loop *loop;
    struct facts_view *view;
    struct rng rng;
    pthread_t thread;
    unsigned turns;
    unsigned open; // waits
    unsigned told;
    unsigned used;
    struct timer *pause;
};

static void use(struct worker *w, const struct fact *f, const char *key)
{
    if (f->status != ST_OK)
        return;
    if (key)
        assert_string_equal(f->value, key);
    assert_memory_equal(f->value, "key ", 4);
    w->used++;
}

static void end_worker(struct worker *w)
{
    if (w->turns < TURNS || w->open)
        return;
    facts_view_free(w->view);
    timer_free(w->pause);
    w->view = NULL;
    w->pause = NULL;
    loop_stop(w->loop);
}

static void on_done(void *arg, struct fact *f)
{
    struct worker *w = arg;
    use(w, f, NULL);
    fact_release(f);
    w->open--;
    w->told++;
    end_worker(w);
}

static void worker_turn(void *arg)
{
    struct worker *w = arg;
    char key[16];
    (void)snprintf(key, sizeof(key), "key %d", (int)rng_below(&w->rng, KEYS));
    struct fact *f = facts_view_peek(w->view, KIND, key);
    if (f) {
        use(w, f, key);
        if (f->status == ST_OK && rng_below(&w->rng, 8) == 0)
            facts_view_hint(w->view, KIND, key, f->generation);
        fact_release(f);
    } else {
        int64_t timeout_ms = rng_below(&w->rng, 20);
        struct facts_wait *wait = facts_view_get(w->view, KIND, key, timeout_ms, on_done, w);
        if (rng_below(&w->rng, 4) == 0)
            facts_wait_cancel(wait);
        else
            w->open++;
    }
    w->turns++;
    if (w->turns < TURNS && w->turns % 8 == 0)
        timer_set(w->pause, 1);
    else if (w->turns < TURNS)
        loop_post(w->loop, worker_turn, w);
    else
        end_worker(w);
}

static void *run(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void workers_hammer_while_control_refreshes_and_invalidates(void **state)
{
    (void)state;
    struct control c = {.fetches = 0};
    struct worker w[WORKERS];
    struct err e;
    memset(w, 0, sizeof(w));
    rng_seed(&c.rng, 1);
    c.loop = loop_new("control", &e);
    c.facts = facts_new(c.loop, 2);
    facts_set_kind(
        c.facts, KIND,
        &(struct facts_kind){
            .name = "fake", .fetch = fetch, .cancel = cancel, .arg = &c, .deadline_ms = 2});
    c.shaker = timer_new(c.loop, shake, &c);
    timer_set(c.shaker, 2);
    pthread_t control;
    assert_int_equal(pthread_create(&control, NULL, run, c.loop), 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        rng_seed(&w[i].rng, i);
        w[i].loop = loop_new("worker", &e);
        w[i].view = facts_view_new(c.facts, w[i].loop);
        w[i].pause = timer_new(w[i].loop, worker_turn, &w[i]);
        loop_post(w[i].loop, worker_turn, &w[i]);
        assert_int_equal(pthread_create(&w[i].thread, NULL, run, w[i].loop), 0);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_join(w[i].thread, NULL), 0);
        loop_free(w[i].loop); // control goes on publishing
        assert_int_equal(w[i].turns, TURNS);
        assert_true(w[i].used > 0);
    }
    loop_stop(c.loop);
    assert_int_equal(pthread_join(control, NULL), 0);
    assert_true(c.fetches > 100);
    timer_free(c.shaker);
    facts_free(c.facts);
    loop_free(c.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_hammer_while_control_refreshes_and_invalidates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
