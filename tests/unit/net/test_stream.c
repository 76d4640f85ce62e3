// SPDX-License-Identifier: Apache-2.0
#include "unit/net/rig.h"

#include <dirent.h>

#define MIB  (1024 * 1024)
#define BULK (64 * MIB)

static void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void take_all(int fd, char *to, size_t len)
{
    size_t n = 0;
    while (n < len) {
        ssize_t got = read(fd, to + n, len - n);
        assert_true(got > 0);
        n += (size_t)got;
    }
}

static void bytes_come_and_go(void **state)
{
    (void)state;
    int fd;
    char back[8] = "";
    struct loop *l = rig_loop();
    struct owner *o = owner_on_pair(l, &fd);
    put(fd, "hello");
    rig_until(l, &o->calls, 1);
    assert_string_equal(o->got, "hello");
    const struct span parts[] = {SPAN("ab"), SPAN(""), SPAN("cd"), SPAN("e")};
    stream_write(o->s, parts, 4);
    assert_int_equal(stream_queued(o->s), 0);
    take_all(fd, back, 5);
    assert_string_equal(back, "abcde");
    assert_int_equal(stream_bytes_in(o->s), 5);
    assert_int_equal(stream_bytes_out(o->s), 5);
    assert_int_equal(o->drains, 0);
    owner_free(o);
    assert_int_equal(close(fd), 0);
    loop_free(l);
}

static void more_spans_than_one_call_takes_arrive_in_order(void **state)
{
    (void)state;
    int fd;
    char back[100];
    struct span parts[100];
    struct loop *l = rig_loop();
    struct owner *o = owner_on_pair(l, &fd);
    static const char digits[] = "0123456789";
    for (size_t i = 0; i < 100; i++)
        parts[i] = span_from(digits + i % 10, 1);
    stream_write(o->s, parts, 100);
    rig_for(l, 5);
    take_all(fd, back, 100);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(back[i], '0' + (char)(i % 10));
    owner_free(o);
    assert_int_equal(close(fd), 0);
    loop_free(l);
}

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

static void pause_at_six_calls(struct owner *o)
{
    if (o->calls == 6)
        stream_pause(o->s);
}

static void hup_is_told_though_it_came_while_a_long_read_was_going_on(void **state)
{
    (void)state;
    int fd;
    static char block[MIB];
    struct loop *l = rig_loop();
    struct owner *o = owner_on_pair(l, &fd);
    o->on_data = pause_at_six_calls;
    stream_pause(o->s);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    assert_true(write(fd, block, sizeof(block)) > 128 * 1024);
    rig_for(l, 5); // not registered any more, waits for the end only
    stream_resume(o->s);
    assert_int_equal(close(fd), 0); // seen between two turns, while nothing is paused
    rig_until(l, &o->hups, 1);
    assert_int_equal(o->calls, 6);
    owner_free(o);
    loop_free(l);
}

static void write_after_eof(struct owner *o)
{
    if (o->eofs)
        stream_write_span(o->s, SPAN("bye"));
}

static void writing_works_after_the_peers_fin(void **state)
{
    (void)state;
    int fd;
    char back[4] = "";
    struct loop *l = rig_loop();
    struct owner *o = owner_on_tcp(l, &fd);
    o->on_end = write_after_eof;
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    rig_until(l, &o->eofs, 1);
    take_all(fd, back, 3);
    assert_string_equal(back, "bye");
    stream_shutdown(o->s);
    rig_for(l, 5);
    assert_int_equal(read(fd, back, 1), 0);
    assert_int_equal(o->ends, 0);
    assert_int_equal(o->eofs, 1);
    owner_free(o);
    assert_int_equal(close(fd), 0);
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

static void a_read_turn_is_at_most_64_kib(void **state)
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
    assert_true(f.n_before_other <= 64 * 1024);
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

static void *read_bulk(void *arg)
{
    struct bulk *b = arg;
    static char block[100000];
    uint64_t at = 0;
    b->is_right = true;
    rig_wait_at_gate();
    for (ssize_t n; (n = read(b->fd, block, sizeof(block))) > 0; at += (uint64_t)n) {
        if (!rig_matches(block, (size_t)n, at))
            b->is_right = false;
        if ((at >> 20) != ((at + (uint64_t)n) >> 20))
            usleep(1000);
    }
    if (at != BULK)
        b->is_right = false;
    return NULL;
}

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

static void pump(struct owner *o)
{
    static char block[50000];
    uint64_t *at = o->more;
    while (*at < BULK && stream_queued(o->s) < STREAM_HIGH_WATER) {
        size_t len = BULK - *at < sizeof(block) ? (size_t)(BULK - *at) : sizeof(block);
        rig_fill(block, len, *at);
        const struct span parts[] = {span_from(block, len / 3),
                                     span_from(block + len / 3, len - len / 3)};
        o->is_inside = true;
        stream_write(o->s, parts, 2);
        o->is_inside = false;
        *at += len;
        assert_true(stream_queued(o->s) < STREAM_HIGH_WATER + sizeof(block));
    }
    atomic_store(&rig_gate, true);
    if (*at == BULK)
        stream_shutdown(o->s);
}

static void sixty_four_mib_arrive_unchanged_at_a_reader(void **state)
{
    (void)state;
    atomic_store(&rig_gate, false);
    uint64_t at = 0;
    int small = 65536;
    pthread_t thread;
    struct bulk b;
    struct loop *l = rig_loop();
    struct owner *o = owner_on_tcp(l, &b.fd);
    o->more = &at;
    o->on_drained = pump;
    assert_int_equal(setsockopt(b.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    assert_int_equal(pthread_create(&thread, NULL, read_bulk, &b), 0);
    pump(o);
    for (int i = 0; i < 4000 && (at < BULK || stream_queued(o->s)); i++)
        rig_for(l, 5);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(b.is_right);
    assert_true(o->drains > 0);
    assert_int_equal(stream_bytes_out(o->s), BULK);
    owner_free(o);
    assert_int_equal(close(b.fd), 0);
    loop_free(l);
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

static size_t fill_up(struct owner *o)
{
    static char block[65536];
    while (stream_queued(o->s) < 2 * STREAM_LOW_WATER)
        stream_write_span(o->s, span_from(block, sizeof(block)));
    return (size_t)stream_bytes_out(o->s);
}

static void drained_is_told_at_low_water_and_when_empty(void **state)
{
    (void)state;
    int fd;
    static char block[16384];
    struct loop *l = rig_loop();
    struct owner *o = owner_on_pair(l, &fd);
    size_t left = fill_up(o);
    rig_for(l, 5);
    assert_int_equal(o->drains, 0);
    while (left && stream_queued(o->s) > STREAM_LOW_WATER) {
        ssize_t n = read(fd, block, sizeof(block));
        assert_true(n > 0);
        left -= (size_t)n;
        assert_int_equal(o->drains, 0);
        rig_for(l, 2);
    }
    assert_int_equal(o->drains, 1);
    int want = stream_queued(o->s) ? 2 : 1; // it may have become empty at once
    while (left) {
        ssize_t n = read(fd, block, sizeof(block));
        assert_true(n > 0);
        left -= (size_t)n;
        rig_for(l, 2);
    }
    assert_int_equal(o->drains, want);
    owner_free(o);
    assert_int_equal(close(fd), 0);
    loop_free(l);
}

static void a_peer_that_takes_nothing_is_a_timeout(void **state)
{
    (void)state;
    int fd;
    struct loop *l = rig_loop();
    struct owner *o = owner_on_pair(l, &fd);
    stream_set_write_stall(o->s, 60);
    rig_for(l, 90);
    assert_int_equal(o->ends, 0); // nothing is queued
    int64_t start = loop_now_ms(l);
    (void)fill_up(o);
    rig_until(l, &o->ends, 1);
    assert_true(loop_now_ms(l) - start >= 60);
    assert_int_equal(o->why, STREAM_TIMEOUT);
    owner_free(o);
    assert_int_equal(close(fd), 0);
    loop_free(l);
}

static void a_slow_peer_is_no_timeout(void **state)
{
    (void)state;
    int p[2];
    int small = 8192;
    static char block[16000];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
    assert_int_equal(setsockopt(p[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    struct loop *l = rig_loop();
    struct owner *o = owner_new(l);
    o->s = stream_new(l, p[0], &owner_ops, o);
    stream_set_write_stall(o->s, 150);
    (void)fill_up(o);
    for (int i = 0; i < 20; i++) {
        (void)recv(p[1], block, sizeof(block), MSG_DONTWAIT);
        rig_for(l, 15);
    }
    assert_int_equal(o->ends, 0);
    rig_until(l, &o->ends, 1);
    owner_free(o);
    assert_int_equal(close(p[1]), 0);
    loop_free(l);
}

static void free_self(struct owner *o)
{
    stream_free(o->s);
    o->s = NULL;
}

static void a_stream_may_be_freed_within_each_callback(void **state)
{
    (void)state;
    int fd;
    struct loop *l = rig_loop();
    struct owner *o = owner_on_pair(l, &fd); // data
    o->on_data = free_self;
    put(fd, "ab");
    rig_until(l, &o->calls, 1);
    owner_free(o);
    assert_int_equal(close(fd), 0);

    o = owner_on_pair(l, &fd); // data, with some left
    o->on_data = free_self;
    o->take = 1;
    put(fd, "ab");
    rig_until(l, &o->calls, 1);
    owner_free(o);
    assert_int_equal(close(fd), 0);

    o = owner_on_pair(l, &fd); // eof
    o->on_end = free_self;
    assert_int_equal(close(fd), 0);
    rig_until(l, &o->eofs, 1);
    owner_free(o);

    o = owner_on_tcp(l, &fd); // closed
    o->on_end = free_self;
    rig_reset(fd);
    rig_until(l, &o->ends, 1);
    owner_free(o);

    static char block[65536];
    o = owner_on_pair(l, &fd); // drained
    o->on_drained = free_self;
    (void)fill_up(o);
    for (int i = 0; i < 1000 && !o->drains; i++) {
        (void)recv(fd, block, sizeof(block), MSG_DONTWAIT);
        rig_for(l, 1);
    }
    assert_int_equal(o->drains, 1);
    owner_free(o);
    assert_int_equal(close(fd), 0);
    loop_free(l);
}

static void free_the_other(struct owner *o)
{
    struct owner *other = o->more;
    stream_free(other->s);
    other->s = NULL;
}

static void freeing_another_stream_that_is_ready_too_is_fine(void **state)
{
    (void)state;
    int fd[2];
    struct loop *l = rig_loop();
    struct owner *a = owner_on_pair(l, &fd[0]);
    struct owner *b = owner_on_pair(l, &fd[1]);
    a->more = b;
    b->more = a;
    a->on_data = b->on_data = free_the_other;
    put(fd[0], "x");
    put(fd[1], "x");
    rig_for(l, 10);
    assert_int_equal(a->calls + b->calls, 1);
    owner_free(a);
    owner_free(b);
    assert_int_equal(close(fd[0]) + close(fd[1]), 0);
    loop_free(l);
}

static void a_failed_write_is_told_later_and_after_the_peers_last_words(void **state)
{
    (void)state;
    int fd;
    struct loop *l = rig_loop();
    struct owner *o = owner_on_tcp(l, &fd);
    stream_write_span(o->s, SPAN("unread"));
    put(fd, "403");
    rig_reset(fd); // both our bytes and its answer are under way
    usleep(2000);
    o->is_inside = true;
    stream_write_span(o->s, SPAN("a"));
    stream_write_span(o->s, SPAN("b"));
    o->is_inside = false;
    assert_int_equal(o->ends, 0);
    rig_until(l, &o->ends, 1);
    assert_int_equal(o->why, STREAM_RESET);
    assert_string_equal(o->got, "403");
    assert_int_equal(o->eofs, 0);
    stream_write_span(o->s, SPAN("c")); // ignored
    assert_int_equal(stream_queued(o->s), 0);
    owner_free(o);
    loop_free(l);
}

static void a_failed_write_is_told_at_once_where_reading_is_paused(void **state)
{
    (void)state;
    int fd;
    struct loop *l = rig_loop();
    struct owner *o = owner_on_tcp(l, &fd);
    stream_pause(o->s);
    put(fd, "x");
    rig_for(l, 5);
    rig_reset(fd);
    usleep(2000);
    stream_write_span(o->s, SPAN("a"));
    stream_write_span(o->s, SPAN("b"));
    rig_until(l, &o->ends, 1);
    assert_int_equal(o->calls, 0);
    owner_free(o);
    loop_free(l);
}

struct late_reader {
    int fd;
    ssize_t n;
    char got[300000];
};

// Sends first, and reads the answer only then: as a client does that does not look for early
// answers.
static void *send_then_read(void *arg)
{
    struct late_reader *r = arg;
    static char block[30000];
    ssize_t sent = write(r->fd, block, sizeof(block));
    for (int i = 0; i < 20 && sent > 0; i++) {
        usleep(2000);
        sent = send(r->fd, block, 500, MSG_NOSIGNAL);
    }
    ssize_t n;
    while ((n = read(r->fd, r->got + r->n, sizeof(r->got) - (size_t)r->n)) > 0)
        r->n += n;
    if (n < 0)
        r->n = -1;
    return NULL;
}

static void a_gentle_close_delivers_the_answer_to_a_peer_that_still_sends(void **state)
{
    (void)state;
    static struct late_reader r;
    pthread_t thread;
    static char answer[200000];
    struct loop *l = rig_loop();
    struct owner *o = owner_on_tcp(l, &r.fd);
    rig_fill(answer, sizeof(answer), 0);
    stream_pause(o->s);
    assert_int_equal(pthread_create(&thread, NULL, send_then_read, &r), 0);
    rig_for(l, 5);
    stream_write_span(o->s, span_from(answer, sizeof(answer)));
    stream_close_gently(o->s, 2000);
    o->s = NULL;
    rig_for(l, 400);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(r.n, sizeof(answer));
    assert_true(rig_matches(r.got, sizeof(answer), 0));
    assert_int_equal(o->calls + o->ends + o->eofs + o->drains, 0);
    owner_free(o);
    assert_int_equal(close(r.fd), 0);
    loop_free(l);
}

static bool is_reset_within(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    (void)poll(&p, 1, ms);
    return (p.revents & POLLERR) != 0;
}

static void a_gentle_close_ends_with_the_peers_fin_after_the_wait_or_after_64_kib(void **state)
{
    (void)state;
    int fd;
    char c;
    static char block[200000];
    struct loop *l = rig_loop();
    struct owner *o = owner_on_tcp(l, &fd); // the peer closes: nothing left
    stream_close_gently(o->s, 10000);
    o->s = NULL;
    rig_for(l, 5);
    assert_int_equal(read(fd, &c, 1), 0);
    assert_int_equal(close(fd), 0);
    rig_for(l, 5);
    owner_free(o);

    o = owner_on_tcp(l, &fd); // the peer does nothing
    stream_close_gently(o->s, 40);
    o->s = NULL;
    rig_for(l, 10);
    put(fd, "x");
    assert_false(is_reset_within(fd, 5));
    rig_for(l, 60);
    put(fd, "x");
    assert_true(is_reset_within(fd, 1000));
    assert_int_equal(close(fd), 0);
    owner_free(o);

    o = owner_on_tcp(l, &fd); // the peer goes on and on
    stream_close_gently(o->s, 10000);
    o->s = NULL;
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    (void)send(fd, block, sizeof(block), MSG_NOSIGNAL);
    rig_for(l, 20);
    assert_true(is_reset_within(fd, 1000));
    assert_int_equal(close(fd), 0);
    owner_free(o);
    loop_free(l);
}

static void a_lingering_close_ends_with_its_loop(void **state)
{
    (void)state;
    int fd;
    static char block[65536];
    struct loop *l = rig_loop();
    struct owner *o = owner_on_tcp(l, &fd);
    (void)fill_up(o);
    stream_close_gently(o->s, 60000);
    o->s = NULL;
    owner_free(o);
    loop_free(l);
    ssize_t n;
    while ((n = read(fd, block, sizeof(block))) > 0)
        ;
    assert_int_equal(n, 0);
    assert_int_equal(close(fd), 0);
}

static void *read_count(void *arg)
{
    struct bulk *b = arg;
    static char block[50000];
    size_t at = 0;
    b->is_right = true;
    for (ssize_t n; (n = read(b->fd, block, sizeof(block))) > 0; at += (size_t)n)
        b->is_right = b->is_right && rig_matches(block, (size_t)n, at);
    b->is_right = b->is_right && at == 3 * MIB;
    return NULL;
}

static void answer_and_close(struct owner *o)
{
    stream_write_span(o->s, SPAN("no"));
    stream_close_gently(o->s, 10000);
    o->s = NULL;
}

static int open_files(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    assert_int_equal(closedir(d), 0);
    return n;
}

static void a_gentle_close_that_leaves_bytes_untaken_still_sees_the_peers_fin(void **state)
{
    (void)state;
    int fd;
    char back[3] = "";
    struct loop *l = rig_loop();
    struct owner *o = owner_on_tcp(l, &fd);
    int files = open_files();
    o->take = 1;
    o->on_data = answer_and_close;
    put(fd, "garbage");
    rig_until(l, &o->calls, 1);
    take_all(fd, back, 2);
    assert_string_equal(back, "no");
    assert_int_equal(read(fd, back, 1), 0);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    rig_for(l, 10);
    assert_int_equal(open_files(), files - 1); // long before the wait is over
    assert_int_equal(o->calls, 1);
    owner_free(o);
    assert_int_equal(close(fd), 0);
    loop_free(l);
}

static void shutdown_sends_what_is_queued_first(void **state)
{
    (void)state;
    struct bulk b;
    pthread_t thread;
    struct loop *l = rig_loop();
    struct owner *o = owner_on_pair(l, &b.fd);
    static char block[3 * MIB];
    rig_fill(block, sizeof(block), 0);
    stream_write_span(o->s, span_from(block, sizeof(block)));
    stream_shutdown(o->s);
    assert_true(stream_queued(o->s) > 0);
    stream_write_span(o->s, SPAN("too late"));
    assert_int_equal(pthread_create(&thread, NULL, read_count, &b), 0);
    for (int i = 0; i < 1000 && stream_queued(o->s); i++)
        rig_for(l, 2);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(b.is_right);
    owner_free(o);
    assert_int_equal(close(b.fd), 0);
    loop_free(l);
}

static void abort_resets_the_connection(void **state)
{
    (void)state;
    int fd;
    char c;
    struct loop *l = rig_loop();
    struct owner *o = owner_on_tcp(l, &fd);
    stream_write_span(o->s, SPAN("part"));
    stream_abort(o->s);
    owner_free(o);
    ssize_t n;
    while ((n = read(fd, &c, 1)) == 1)
        ;
    assert_int_equal(n, -1);
    assert_int_equal(errno, ECONNRESET);
    assert_int_equal(close(fd), 0);
    loop_free(l);
}

static void connecting_becomes_ready_and_sends_what_was_written_before(void **state)
{
    (void)state;
    struct net_addr at;
    char back[6] = "";
    int listener = rig_listen(&at);
    struct loop *l = rig_loop();
    struct owner *o = owner_new(l);
    o->s = stream_connect(l, &at, NULL, &owner_ops, o);
    stream_write_span(o->s, SPAN("early"));
    assert_int_equal(stream_queued(o->s), 5);
    assert_int_equal(o->readies, 0);
    rig_until(l, &o->readies, 1);
    assert_int_equal(o->drains, 1);
    assert_true(stream_is_connected(o->s));
    int fd = accept(listener, NULL, NULL);
    take_all(fd, back, 5);
    assert_string_equal(back, "early");
    put(fd, "x");
    rig_until(l, &o->calls, 1);
    char text[NET_ADDR_TEXT];
    net_addr_format(stream_peer(o->s), text);
    assert_int_equal(net_addr_port(stream_peer(o->s)), net_addr_port(&at));
    owner_free(o);
    assert_int_equal(close(fd) + close(listener), 0);
    loop_free(l);
}

static void a_refused_connect_is_told_later_with_the_address(void **state)
{
    (void)state;
    struct net_addr at;
    int listener = rig_listen(&at);
    assert_int_equal(close(listener), 0);
    struct loop *l = rig_loop();
    struct owner *o = owner_new(l);
    o->is_inside = true;
    o->s = stream_connect(l, &at, NULL, &owner_ops, o);
    o->is_inside = false;
    rig_until(l, &o->ends, 1);
    assert_int_equal(o->why, STREAM_CONNECT);
    assert_non_null(strstr(o->text, "127.0.0.1:"));
    assert_non_null(strstr(o->text, "Connection refused"));
    assert_false(stream_is_connected(o->s));
    owner_free(o);
    loop_free(l);
}

static void a_stream_may_be_freed_before_it_is_connected(void **state)
{
    (void)state;
    struct net_addr at;
    int listener = rig_listen(&at);
    struct loop *l = rig_loop();
    struct owner *o = owner_new(l);
    o->s = stream_connect(l, &at, NULL, &owner_ops, o);
    stream_write_span(o->s, SPAN("x"));
    owner_free(o);
    o = owner_new(l);
    o->s = stream_connect(l, &at, NULL, &owner_ops, o);
    stream_close_gently(o->s, 1000);
    o->s = NULL;
    rig_for(l, 5);
    assert_int_equal(o->readies + o->ends, 0);
    owner_free(o);
    assert_int_equal(close(listener), 0);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_and_go),
        cmocka_unit_test(more_spans_than_one_call_takes_arrive_in_order),
        cmocka_unit_test(what_is_not_taken_stops_reading_and_comes_again_after_resume),
        cmocka_unit_test(kept_bytes_come_to_the_next_owner_before_newer_ones),
        cmocka_unit_test(kept_bytes_wait_where_the_owner_had_paused),
        cmocka_unit_test(a_paused_stream_delivers_nothing_until_resumed),
        cmocka_unit_test(fin_while_paused_is_hup_once_and_eof_after_the_bytes),
        cmocka_unit_test(hup_is_told_on_the_second_pause_too),
        cmocka_unit_test(reset_while_paused_is_hup_and_the_loop_does_not_spin),
        cmocka_unit_test(hup_is_told_though_it_came_while_a_long_read_was_going_on),
        cmocka_unit_test(writing_works_after_the_peers_fin),
        cmocka_unit_test(a_read_turn_is_at_most_64_kib),
        cmocka_unit_test(sixty_four_mib_arrive_unchanged_at_a_reader),
        cmocka_unit_test(sixty_four_mib_are_read_unchanged_with_pauses_and_partial_takes),
        cmocka_unit_test(drained_is_told_at_low_water_and_when_empty),
        cmocka_unit_test(a_peer_that_takes_nothing_is_a_timeout),
        cmocka_unit_test(a_slow_peer_is_no_timeout),
        cmocka_unit_test(a_stream_may_be_freed_within_each_callback),
        cmocka_unit_test(freeing_another_stream_that_is_ready_too_is_fine),
        cmocka_unit_test(a_failed_write_is_told_later_and_after_the_peers_last_words),
        cmocka_unit_test(a_failed_write_is_told_at_once_where_reading_is_paused),
        cmocka_unit_test(a_gentle_close_delivers_the_answer_to_a_peer_that_still_sends),
        cmocka_unit_test(a_gentle_close_ends_with_the_peers_fin_after_the_wait_or_after_64_kib),
        cmocka_unit_test(a_lingering_close_ends_with_its_loop),
        cmocka_unit_test(a_gentle_close_that_leaves_bytes_untaken_still_sees_the_peers_fin),
        cmocka_unit_test(shutdown_sends_what_is_queued_first),
        cmocka_unit_test(abort_resets_the_connection),
        cmocka_unit_test(connecting_becomes_ready_and_sends_what_was_written_before),
        cmocka_unit_test(a_refused_connect_is_told_later_with_the_address),
        cmocka_unit_test(a_stream_may_be_freed_before_it_is_connected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
