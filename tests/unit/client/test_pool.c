// SPDX-License-Identifier: Apache-2.0
// max_per_host, with a listening socket as the host: its kernel takes the connections.
#include "unit/test.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/pool.h"

#define MAX_DIALS 8

struct fixture;
struct asker {
    struct fixture *f;
    struct pool *pool;
    struct pool_dial *dial;
    struct upstream *u;
    enum dial_fail why;
    unsigned turn; // the how-manieth to hear, from 1; 0: has not
};

struct fixture {
    struct loop *loop;
    struct timer *deadline;
    struct dialer dialer;
    struct crowd *open;
    struct crowd *waiting;
    struct pool *pool;
    struct pool *other;
    struct asker askers[MAX_DIALS];
    unsigned n_heard;
    unsigned n_wanted;
    int listener;
    uint16_t port;
};

static void on_deadline(void *arg)
{
    struct fixture *f = arg;
    loop_stop(f->loop);
}

// Until so many in all have heard; at most for ms.
static void run(struct fixture *f, unsigned n_wanted, int ms)
{
    f->n_wanted = n_wanted;
    timer_set(f->deadline, ms);
    if (f->n_heard < n_wanted)
        loop_run(f->loop);
    timer_clear(f->deadline);
}

static void on_dialled(void *arg, enum dial_fail why, struct upstream *u, const char *text)
{
    struct asker *a = arg;
    (void)text;
    a->dial = NULL;
    a->why = why;
    a->u = u;
    a->turn = ++a->f->n_heard;
    if (a->f->n_heard == a->f->n_wanted)
        loop_stop(a->f->loop);
}

static void ask(struct fixture *f, unsigned i, struct pool *pool, int timeout_ms)
{
    struct asker *a = &f->askers[i];
    const struct dial_request d = {.origin = {.host = "127.0.0.1", .port = f->port},
                                   .connect_timeout_ms = timeout_ms,
                                   .tls_timeout_ms = 1000};
    *a = (struct asker){.f = f, .pool = pool};
    a->u = pool_take(pool, &d.origin);
    if (a->u)
        a->turn = ++f->n_heard;
    else
        a->dial = pool_dial(pool, &d, on_dialled, a);
}

static void give(struct fixture *f, unsigned i, bool is_reusable)
{
    pool_give(f->askers[i].u, is_reusable);
    f->askers[i].u = NULL;
}

static struct pool *make_pool(struct fixture *f)
{
    const struct pool_options o = {.idle_timeout_ms = 50000,
                                   .max_age_ms = 300000,
                                   .limits = {.max_head = 16384},
                                   .max_per_host = 2,
                                   .open = f->open,
                                   .waiting = f->waiting};
    return pool_new(&f->dialer, &o);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e = {""};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    f->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(f->listener, (struct sockaddr *)&at, len) == -1 || listen(f->listener, 64) == -1 ||
        getsockname(f->listener, (struct sockaddr *)&at, &len) == -1)
        return -1;
    f->port = ntohs(at.sin_port);
    f->loop = loop_new("test", &e);
    f->dialer.loop = f->loop;
    f->deadline = timer_new(f->loop, on_deadline, f);
    f->open = crowd_new();
    f->waiting = crowd_new();
    f->pool = make_pool(f);
    f->other = make_pool(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < MAX_DIALS; i++) {
        pool_dial_cancel(f->askers[i].dial);
        if (f->askers[i].u)
            give(f, i, false);
    }
    pool_free(f->pool);
    pool_free(f->other);
    timer_free(f->deadline);
    loop_free(f->loop);
    crowd_free(f->open);
    crowd_free(f->waiting);
    (void)close(f->listener);
    free(f);
    return 0;
}

static void who_comes_beyond_the_limit_waits_in_order(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 5; i++)
        ask(f, i, f->pool, 5000);
    run(f, 2, 2000);
    run(f, 3, 60);
    assert_int_equal(f->n_heard, 2);
    give(f, 0, true); // goes to the first who waits
    ask(f, 5, f->pool, 5000);
    assert_null(f->askers[5].u); // and not to who comes just then
    run(f, 3, 2000);
    assert_int_equal(f->askers[2].turn, 3);
    assert_true(f->askers[2].u->is_reused);
    pool_dial_cancel(f->askers[3].dial); // who leaves leaves the queue
    f->askers[3].dial = NULL;
    give(f, 1, false); // a new one in its place
    run(f, 4, 2000);
    assert_int_equal(f->askers[4].turn, 4);
    assert_false(f->askers[4].u->is_reused);
    assert_int_equal(pool_stats(f->pool).opened, 3);
}

static void who_waits_too_long_is_told(void **state)
{
    struct fixture *f = *state;
    ask(f, 0, f->pool, 5000);
    ask(f, 1, f->pool, 5000);
    ask(f, 2, f->pool, 5000);
    ask(f, 3, f->pool, 50);
    run(f, 3, 3000);
    assert_int_equal(f->n_heard, 3);
    assert_int_equal(f->askers[3].turn, 3);
    assert_int_equal(f->askers[3].why, DIAL_BUSY);
    give(f, 1, true);
    run(f, 4, 2000);
    assert_int_equal(f->askers[2].turn, 4);
}

static void what_idles_in_one_pool_is_given_up_for_another(void **state)
{
    struct fixture *f = *state;
    ask(f, 0, f->pool, 5000);
    ask(f, 1, f->pool, 5000);
    run(f, 2, 2000);
    give(f, 0, true);
    assert_int_equal(pool_stats(f->pool).idle, 1);
    ask(f, 2, f->other, 5000);
    run(f, 3, 3000);
    assert_int_equal(f->askers[2].why, DIAL_OK);
    assert_int_equal(pool_stats(f->pool).idle, 0);
    ask(f, 3, f->other, 5000);
    run(f, 4, 30);
    give(f, 1, true); // not kept: another pool waits
    assert_int_equal(pool_stats(f->pool).idle, 0);
    run(f, 4, 3000);
    assert_non_null(f->askers[3].u);
}

static void an_idle_one_makes_room_for_who_needs_a_new_one(void **state)
{
    struct fixture *f = *state;
    const struct dial_request d = {.origin = {.host = "127.0.0.1", .port = f->port},
                                   .is_fresh = true,
                                   .connect_timeout_ms = 5000};
    ask(f, 0, f->pool, 5000);
    ask(f, 1, f->pool, 5000);
    run(f, 2, 2000);
    give(f, 0, true);
    f->askers[2] = (struct asker){.f = f, .pool = f->pool};
    f->askers[2].dial = pool_dial(f->pool, &d, on_dialled, &f->askers[2]);
    run(f, 3, 2000);
    assert_false(f->askers[2].u->is_reused);
    assert_int_equal(pool_stats(f->pool).opened, 3);
}

static void without_a_limit_nobody_waits(void **state)
{
    struct fixture *f = *state;
    pool_set_max(f->pool, 0);
    for (unsigned i = 0; i < MAX_DIALS; i++)
        ask(f, i, f->pool, 5000);
    run(f, MAX_DIALS, 3000);
    for (unsigned i = 0; i < MAX_DIALS; i++)
        assert_non_null(f->askers[i].u);
}

int main(void)
{
#define POOL_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        POOL_TEST(who_comes_beyond_the_limit_waits_in_order),
        POOL_TEST(who_waits_too_long_is_told),
        POOL_TEST(what_idles_in_one_pool_is_given_up_for_another),
        POOL_TEST(an_idle_one_makes_room_for_who_needs_a_new_one),
        POOL_TEST(without_a_limit_nobody_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
