// SPDX-License-Identifier: Apache-2.0
#include "unit/net/rig.h"

#define BULK (64 * MIB)

static void what_is_not_taken_stops_reading_and_comes_again_after_resume(void **state)
{
    (void)state;
    int fd;
    struct loop *l = rig_loop();
    struct owner *o = owner_on_pair(l, &fd);
    o->take = 3;
    put(fd, "abcdefgh");
    rig_until(l, &o->calls, 1);
    rig_for(l, 10);
    assert_int_equal(o->calls, 1);
    assert_true(stream_has_kept(o->s));
    put(fd, "ij");
    stream_resume(o->s);
    assert_int_equal(o->calls, 1); // never from within
    rig_until(l, &o->calls, 2);
    assert_int_equal(o->n, 6);
    o->take = 0;
    stream_resume(o->s);
    rig_until(l, &o->calls, 4);
    assert_string_equal(o->got, "abcdefghij");
    assert_false(stream_has_kept(o->s));
    owner_free(o);
    assert_int_equal(close(fd), 0);
    loop_free(l);
}

static void kept_bytes_come_to_the_next_owner_before_newer_ones(void **state)
{
    (void)state;
    int fd;
    struct loop *l = rig_loop();
    struct owner *o = owner_on_pair(l, &fd);
    struct owner *heir = owner_new(l);
    o->take = 2;
    put(fd, "abcd");
    rig_until(l, &o->calls, 1);
    put(fd, "ef");
    heir->s = o->s;
    o->s = NULL;
    stream_set_ops(heir->s, &owner_ops, heir);
    assert_int_equal(heir->calls, 0);
    rig_until(l, &heir->calls, 2);
    assert_string_equal(heir->got, "cdef");
    assert_int_equal(o->calls, 1);
    owner_free(o);
    owner_free(heir);
    assert_int_equal(close(fd), 0);
    loop_free(l);
}

static void kept_bytes_wait_where_the_owner_had_paused(void **state)
{
    (void)state;
    int fd;
    struct loop *l = rig_loop();
    struct owner *o = owner_on_pair(l, &fd);
    o->take = 2;
    put(fd, "abcd");
    rig_until(l, &o->calls, 1);
    stream_pause(o->s);
    stream_set_ops(o->s, &owner_ops, o);
    rig_for(l, 10);
    assert_int_equal(o->calls, 1);
    o->take = 0;
    stream_resume(o->s);
    rig_until(l, &o->calls, 2);
    assert_string_equal(o->got, "abcd");
    owner_free(o);
    assert_int_equal(close(fd), 0);
    loop_free(l);
}

static void a_paused_stream_delivers_nothing_until_resumed(void **state)
{
    (void)state;
    int fd;
    struct loop *l = rig_loop();
    struct owner *o = owner_on_pair(l, &fd);
    for (int i = 0; i < 3; i++) {
        stream_pause(o->s);
        put(fd, "x");
        rig_for(l, 5);
        assert_int_equal(o->calls, i);
        stream_resume(o->s);
        rig_until(l, &o->calls, i + 1);
    }
    assert_string_equal(o->got, "xxx");
    assert_int_equal(o->hups, 0);
    owner_free(o);
    assert_int_equal(close(fd), 0);
    loop_free(l);
}

static void fin_while_paused_is_hup_once_and_eof_after_the_bytes(void **state)
{
    (void)state;
    int fd;
    struct loop *l = rig_loop();
    struct owner *o = owner_on_tcp(l, &fd);
    stream_pause(o->s);
    put(fd, "last");
    rig_for(l, 5);
    assert_int_equal(o->hups, 0);
    assert_int_equal(close(fd), 0);
    rig_until(l, &o->hups, 1);
    assert_false(stream_was_reset(o->s));
    rig_for(l, 10);
    assert_int_equal(o->hups, 1);
    assert_int_equal(o->eofs + o->calls, 0);
    stream_resume(o->s);
    rig_until(l, &o->eofs, 1);
    assert_string_equal(o->got, "last");
    owner_free(o);
    loop_free(l);
}

static void hup_is_told_on_the_second_pause_too(void **state)
{
    (void)state;
    int fd;
    struct loop *l = rig_loop();
    struct owner *o = owner_on_tcp(l, &fd);
    stream_pause(o->s);
    put(fd, "a");
    rig_for(l, 5);
    stream_resume(o->s);
    rig_until(l, &o->calls, 1);
    o->take = 1;
    put(fd, "bc"); // stopped by what is left over
    rig_until(l, &o->calls, 2);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    rig_until(l, &o->hups, 1);
    owner_free(o);
    assert_int_equal(close(fd), 0);
    loop_free(l);
}

static void reset_while_paused_is_hup_and_the_loop_does_not_spin(void **state)
{
    (void)state;
    int fd;
    struct timespec before;
    struct timespec after;
    struct loop *l = rig_loop();
    struct owner *o = owner_on_tcp(l, &fd);
    stream_pause(o->s);
    put(fd, "unread");
    rig_for(l, 5);
    rig_reset(fd);
    rig_until(l, &o->hups, 1);
    assert_true(stream_was_reset(o->s));
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    rig_for(l, 200);
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    int64_t us = (after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000;
    assert_true(us < 150000); // the rig itself ticks each millisecond
    assert_int_equal(o->hups, 1);
    stream_resume(o->s);
    rig_until(l, &o->ends, 1);
    assert_int_equal(o->why, STREAM_RESET);
    owner_free(o);
    loop_free(l);
}

static void pause_at_the_second_call(struct owner *o)
{
    if (o->calls == 2)
        stream_pause(o->s);
}

static void hup_is_told_though_it_came_while_a_long_read_was_going_on(void **state)
{
    (void)state;
    int fd;
    static char block[MIB];
    struct loop *l = rig_loop();
    struct owner *o = owner_on_pair(l, &fd);
    o->on_data = pause_at_the_second_call;
    stream_pause(o->s);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    assert_true(write(fd, block, sizeof(block)) > 128 * 1024);
    rig_for(l, 5); // not registered any more, waits for the end only
    stream_resume(o->s);
    assert_int_equal(close(fd), 0); // seen between two turns, while nothing is paused
    rig_until(l, &o->hups, 1);
    assert_int_equal(o->calls, 2);
    owner_free(o);
    loop_free(l);
}

struct fair {
    struct owner *other;
    size_t n_before_other;
};

static void note_other(struct owner *o)
{
    struct fair *f = o->more;
    if (!f->other->calls)
        f->n_before_other = o->n;
}

static void a_read_turn_is_at_most_one_full_read(void **state)
{
    (void)state;
    int fd;
    int other_fd;
    static char block[MIB];
    struct fair f = {.n_before_other = 0};
    struct loop *l = rig_loop();
    struct owner *o = owner_on_tcp(l, &fd);
    f.other = owner_on_pair(l, &other_fd);
    o->more = &f;
    o->on_data = note_other;
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    assert_true(write(fd, block, sizeof(block)) > 128 * 1024);
    put(other_fd, "x");
    usleep(2000); // loopback delivers before
    rig_until(l, &f.other->calls, 1);
    assert_true(f.n_before_other <= LOOP_READ_LEN);
    owner_free(o);
    owner_free(f.other);
    assert_int_equal(close(fd) + close(other_fd), 0);
    loop_free(l);
}

// A blocking peer in a thread of its own.
struct bulk {
    int fd;
    bool is_right;
};

static void *write_bulk(void *arg)
{
    struct bulk *b = arg;
    static char block[100000];
    b->is_right = true;
    for (uint64_t at = 0; at < BULK;) {
        size_t len = BULK - at < sizeof(block) ? (size_t)(BULK - at) : sizeof(block);
        rig_fill(block, len, at);
        for (size_t off = 0; off < len;) {
            ssize_t n = write(b->fd, block + off, len - off);
            if (n <= 0) {
                b->is_right = false;
                return NULL;
            }
            off += (size_t)n;
        }
        at += len;
    }
    (void)shutdown(b->fd, SHUT_WR);
    return NULL;
}

static void check_bulk(struct owner *o, struct span in)
{
    assert_true(rig_matches(in.p, in.len, o->n));
}

static void resume_later(void *arg)
{
    struct owner *o = arg;
    stream_resume(o->s);
}

static void pause_now_and_then(struct owner *o)
{
    o->take = (size_t)(o->calls * 7919 % 20000);
    if (o->calls % 3 == 0)
        stream_pause(o->s);
    loop_post(o->loop, resume_later, o);
}

static void sixty_four_mib_are_read_unchanged_with_pauses_and_partial_takes(void **state)
{
    (void)state;
    pthread_t thread;
    struct bulk b;
    struct loop *l = rig_loop();
    struct owner *o = owner_on_tcp(l, &b.fd);
    o->check = check_bulk;
    o->on_data = pause_now_and_then;
    assert_int_equal(pthread_create(&thread, NULL, write_bulk, &b), 0);
    rig_until(l, &o->eofs, 1);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(b.is_right);
    assert_int_equal(o->n, BULK);
    assert_int_equal(stream_bytes_in(o->s), BULK);
    owner_free(o);
    assert_int_equal(close(b.fd), 0);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_taken_stops_reading_and_comes_again_after_resume),
        cmocka_unit_test(kept_bytes_come_to_the_next_owner_before_newer_ones),
        cmocka_unit_test(kept_bytes_wait_where_the_owner_had_paused),
        cmocka_unit_test(a_paused_stream_delivers_nothing_until_resumed),
        cmocka_unit_test(fin_while_paused_is_hup_once_and_eof_after_the_bytes),
        cmocka_unit_test(hup_is_told_on_the_second_pause_too),
        cmocka_unit_test(reset_while_paused_is_hup_and_the_loop_does_not_spin),
        cmocka_unit_test(hup_is_told_though_it_came_while_a_long_read_was_going_on),
        cmocka_unit_test(a_read_turn_is_at_most_one_full_read),
        cmocka_unit_test(sixty_four_mib_are_read_unchanged_with_pauses_and_partial_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
