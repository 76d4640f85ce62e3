// SPDX-License-Identifier: Apache-2.0
#include "unit/net/rig.h"

#include <signal.h>
#include <sys/mman.h>

#include "base/clock.h"

#define SENDERS 4
#define POSTS   5000

struct note {
    int sender;
    int number;
    struct inbox *inbox;
};

struct inbox {
    struct loop *loop;
    pthread_t thread;
    int next[SENDERS];
    int n;
    bool is_in_order;
};

static void take_note(void *arg)
{
    struct note *note = arg;
    struct inbox *in = note->inbox;
    if (in->next[note->sender] != note->number || !pthread_equal(pthread_self(), in->thread))
        in->is_in_order = false;
    in->next[note->sender]++;
    in->n++;
    free(note);
}

struct sender {
    struct inbox *inbox;
    int number;
};

static void *send_notes(void *arg)
{
    struct sender *s = arg;
    for (int i = 0; i < POSTS; i++) {
        struct note *note = malloc(sizeof(*note));
        *note = (struct note){.sender = s->number, .number = i, .inbox = s->inbox};
        loop_post(s->inbox->loop, take_note, note);
    }
    return NULL;
}

static void posts_of_each_thread_arrive_in_order_on_the_loops_thread(void **state)
{
    (void)state;
    struct inbox in = {.loop = rig_loop(), .thread = pthread_self(), .is_in_order = true};
    pthread_t threads[SENDERS];
    struct sender senders[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.inbox = &in, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_notes, &senders[i]), 0);
    }
    rig_until(in.loop, &in.n, SENDERS * POSTS);
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(in.is_in_order);
    loop_free(in.loop);
}

static void count(void *arg)
{
    (*(int *)arg)++;
}

static void a_post_does_not_run_before_it_returns_and_runs_at_the_latest_in_free(void **state)
{
    (void)state;
    int n = 0;
    struct loop *l = rig_loop();
    loop_post(l, count, &n);
    assert_int_equal(n, 0);
    loop_free(l);
    assert_int_equal(n, 1);
}

struct ping {
    struct loop *here;
    struct loop *there;
    int *left;
};

static void bounce(void *arg)
{
    struct ping *p = arg;
    if (--*p->left <= 0) {
        loop_stop(p->here);
        loop_stop(p->there);
        return;
    }
    struct loop *t = p->here;
    p->here = p->there;
    p->there = t;
    loop_post(p->here, bounce, p);
}

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void two_loops_play_ping_pong(void **state)
{
    (void)state;
    int left = 2000;
    struct ping p = {.here = rig_loop(), .there = rig_loop(), .left = &left};
    struct loop *a = p.here;
    struct loop *b = p.there;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_loop, b), 0);
    loop_post(a, bounce, &p);
    loop_run(a);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(left, 0);
    assert_true(loop_beat_ms(a) > 0 && loop_beat_ms(a) <= clock_mono_ms());
    loop_free(a);
    loop_free(b);
}

static void a_stop_that_comes_before_the_run_is_not_lost(void **state)
{
    (void)state;
    struct loop *l = rig_loop();
    loop_stop(l);
    loop_run(l);
    loop_free(l);
}

struct fired {
    struct loop *loop;
    struct timer *t;
    int n;
    int64_t at_ms;
};

static void on_fire(void *arg)
{
    struct fired *f = arg;
    f->n++;
    f->at_ms = loop_now_ms(f->loop);
    assert_false(timer_is_set(f->t));
}

static void a_timer_moved_later_fires_at_its_last_deadline_once(void **state)
{
    (void)state;
    struct fired f = {.loop = rig_loop()};
    f.t = timer_new(f.loop, on_fire, &f);
    int64_t start = loop_now_ms(f.loop);
    timer_set(f.t, 10);
    timer_set(f.t, 60);
    rig_until(f.loop, &f.n, 1);
    assert_true(f.at_ms - start >= 60);
    rig_for(f.loop, 30);
    assert_int_equal(f.n, 1);
    timer_free(f.t);
    loop_free(f.loop);
}

static void a_timer_moved_earlier_fires_early(void **state)
{
    (void)state;
    struct fired f = {.loop = rig_loop()};
    f.t = timer_new(f.loop, on_fire, &f);
    timer_set(f.t, 3600 * 1000);
    timer_set(f.t, 5);
    rig_until(f.loop, &f.n, 1);
    timer_free(f.t);
    loop_free(f.loop);
}

static void a_cleared_timer_is_inert_and_can_be_set_again(void **state)
{
    (void)state;
    struct fired f = {.loop = rig_loop()};
    f.t = timer_new(f.loop, on_fire, &f);
    timer_set(f.t, 5);
    timer_clear(f.t);
    assert_false(timer_is_set(f.t));
    rig_for(f.loop, 40);
    assert_int_equal(f.n, 0);
    timer_set(f.t, 5);
    timer_clear(f.t);
    timer_set(f.t, 50);
    rig_until(f.loop, &f.n, 1);
    timer_free(f.t);
    loop_free(f.loop);
}

static void free_me(void *arg)
{
    struct fired *f = arg;
    f->n++;
    timer_free(f->t);
    f->t = NULL;
}

static void a_timer_may_be_freed_by_its_own_callback(void **state)
{
    (void)state;
    struct fired f = {.loop = rig_loop()};
    f.t = timer_new(f.loop, free_me, &f);
    timer_set(f.t, 0);
    rig_until(f.loop, &f.n, 1);
    loop_free(f.loop);
}

struct chain {
    struct loop *loop;
    struct deferred d;
    struct deferred other;
    int n;
    int others;
};

static void count_other(void *arg)
{
    ((struct chain *)arg)->others++;
}

static void defer_again(void *arg)
{
    struct chain *c = arg;
    assert_false(c->d.is_queued);
    if (++c->n < 5)
        loop_defer(c->loop, &c->d);
}

static void start_chain(void *arg)
{
    struct chain *c = arg;
    loop_defer(c->loop, &c->d);
    loop_defer(c->loop, &c->d); // does nothing
    loop_defer(c->loop, &c->other);
    assert_int_equal(c->n, 0);
}

static void deferred_work_runs_after_the_callback_and_each_queueing_once(void **state)
{
    (void)state;
    struct chain c = {.loop = rig_loop()};
    c.d = (struct deferred){.fn = defer_again, .arg = &c};
    c.other = (struct deferred){.fn = count_other, .arg = &c};
    loop_post(c.loop, start_chain, &c);
    rig_until(c.loop, &c.n, 5);
    assert_int_equal(c.others, 1);
    loop_free(c.loop);
}

static void undefer_other(void *arg)
{
    struct chain *c = arg;
    c->n++;
    loop_undefer(c->loop, &c->other);
    loop_undefer(c->loop, &c->other); // does nothing
}

static void undeferred_work_does_not_run_even_within_the_round(void **state)
{
    (void)state;
    struct chain c = {.loop = rig_loop()};
    c.d = (struct deferred){.fn = undefer_other, .arg = &c};
    c.other = (struct deferred){.fn = count_other, .arg = &c};
    loop_defer(c.loop, &c.d);
    loop_defer(c.loop, &c.other);
    rig_until(c.loop, &c.n, 1);
    loop_defer(c.loop, &c.d);
    loop_defer_next(c.loop, &c.other);
    rig_until(c.loop, &c.n, 2);
    rig_for(c.loop, 5);
    assert_int_equal(c.others, 0);
    loop_free(c.loop);
}

static void defer_for_ever(void *arg)
{
    struct chain *c = arg;
    c->n++;
    loop_defer(c->loop, &c->d);
}

static void work_that_defers_itself_for_ever_does_not_starve_descriptors(void **state)
{
    (void)state;
    int posts = 0;
    struct chain c = {.loop = rig_loop()};
    c.d = (struct deferred){.fn = defer_for_ever, .arg = &c};
    loop_defer(c.loop, &c.d);
    loop_post(c.loop, count, &posts);
    rig_until(c.loop, &posts, 1);
    assert_true(c.n > 0);
    loop_undefer(c.loop, &c.d);
    loop_free(c.loop);
}

struct readable {
    int fd;
    int n;
    struct watch *w;
};

static void on_readable(void *arg)
{
    struct readable *r = arg;
    char c;
    assert_int_equal(read(r->fd, &c, 1), 1);
    r->n++;
}

static void a_watch_tells_while_armed(void **state)
{
    (void)state;
    struct loop *l = rig_loop();
    int p[2];
    assert_int_equal(pipe(p), 0);
    struct readable r = {.fd = p[0]};
    r.w = watch_new(l, p[0], on_readable, &r);
    assert_int_equal(write(p[1], "a", 1), 1);
    rig_until(l, &r.n, 1);
    watch_set(r.w, false);
    assert_int_equal(write(p[1], "b", 1), 1);
    rig_for(l, 10);
    assert_int_equal(r.n, 1);
    watch_set(r.w, true);
    rig_until(l, &r.n, 2);
    watch_free(r.w);
    loop_free(l);
    assert_int_equal(close(p[0]) + close(p[1]), 0);
}

static void a_signal_comes_to_the_loop(void **state)
{
    (void)state;
    int n = 0;
    struct loop *l = rig_loop();
    struct watch *w = watch_signal(l, SIGUSR1, count, &n);
    assert_int_equal(raise(SIGUSR1), 0);
    rig_until(l, &n, 1);
    watch_free(w);
    loop_free(l);
}

static void buffers_beyond_the_free_list_can_be_taken_and_given_back(void **state)
{
    (void)state;
    struct loop *l = rig_loop();
    static char *bufs[300];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 300; i++) {
            bufs[i] = loop_buf_take(l);
            memset(bufs[i], i, LOOP_BUF_LEN);
        }
        for (int i = 0; i < 300; i++) {
            assert_int_equal((unsigned char)bufs[i][0], i & 255);
            assert_int_equal((unsigned char)bufs[i][LOOP_BUF_LEN - 1], i & 255);
            loop_buf_give(l, bufs[i]);
        }
    }
    loop_free(l);
}

#ifndef __SANITIZE_ADDRESS__ // where they come from malloc
static unsigned n_resident(char *const *bufs, unsigned n)
{
    unsigned k = 0;
    unsigned char in_core = 0;
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(mincore(bufs[i], 1, &in_core), 0);
        k += in_core & 1;
    }
    return k;
}

static void buffers_that_nobody_needs_go_back_to_the_kernel(void **state)
{
    (void)state;
    struct loop *l = rig_loop();
    char *bufs[100];
    for (int i = 0; i < 100; i++) {
        bufs[i] = loop_buf_take(l);
        memset(bufs[i], 1, LOOP_BUF_LEN);
    }
    for (int i = 0; i < 100; i++)
        loop_buf_give(l, bufs[i]);
    assert_int_equal(n_resident(bufs, 100), 100);
    for (int i = 0; i < 50 && n_resident(bufs, 100) > 10; i++)
        rig_for(l, 100);
    assert_true(n_resident(bufs, 100) <= 10);
    loop_free(l);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_of_each_thread_arrive_in_order_on_the_loops_thread),
        cmocka_unit_test(a_post_does_not_run_before_it_returns_and_runs_at_the_latest_in_free),
        cmocka_unit_test(two_loops_play_ping_pong),
        cmocka_unit_test(a_stop_that_comes_before_the_run_is_not_lost),
        cmocka_unit_test(a_timer_moved_later_fires_at_its_last_deadline_once),
        cmocka_unit_test(a_timer_moved_earlier_fires_early),
        cmocka_unit_test(a_cleared_timer_is_inert_and_can_be_set_again),
        cmocka_unit_test(a_timer_may_be_freed_by_its_own_callback),
        cmocka_unit_test(deferred_work_runs_after_the_callback_and_each_queueing_once),
        cmocka_unit_test(undeferred_work_does_not_run_even_within_the_round),
        cmocka_unit_test(work_that_defers_itself_for_ever_does_not_starve_descriptors),
        cmocka_unit_test(a_watch_tells_while_armed),
        cmocka_unit_test(a_signal_comes_to_the_loop),
        cmocka_unit_test(buffers_beyond_the_free_list_can_be_taken_and_given_back),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(buffers_that_nobody_needs_go_back_to_the_kernel),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
