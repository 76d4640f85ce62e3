// SPDX-License-Identifier: Apache-2.0
#include "unit/net/rig.h"

#define BULK (64 * MIB)

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

// A little waits for the end of the turn, more comes, and the socket is full already.
static void a_peer_that_takes_nothing_of_what_waited_is_a_timeout(void **state)
{
    (void)state;
    static char block[5000];
    int p[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
    struct loop *l = rig_loop();
    struct owner *o = owner_new(l);
    o->s = stream_new(l, p[0], &owner_ops, o);
    stream_set_write_stall(o->s, 60);
    while (send(p[0], block, sizeof(block), MSG_DONTWAIT) != -1)
        ;
    stream_write_span(o->s, span_from(block, sizeof(block)));
    stream_write_span(o->s, span_from(block, sizeof(block)));
    rig_until(l, &o->ends, 1);
    assert_int_equal(o->why, STREAM_TIMEOUT);
    owner_free(o);
    assert_int_equal(close(p[1]), 0);
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
    stream_set_write_stall(o->s, 400);
    (void)fill_up(o);
    for (int i = 0; i < 20; i++) {
        (void)recv(p[1], block, sizeof(block), MSG_DONTWAIT);
        rig_for(l, 30);
    }
    assert_int_equal(o->ends, 0);
    rig_until(l, &o->ends, 1);
    owner_free(o);
    assert_int_equal(close(p[1]), 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writing_works_after_the_peers_fin),
        cmocka_unit_test(sixty_four_mib_arrive_unchanged_at_a_reader),
        cmocka_unit_test(drained_is_told_at_low_water_and_when_empty),
        cmocka_unit_test(a_peer_that_takes_nothing_is_a_timeout),
        cmocka_unit_test(a_peer_that_takes_nothing_of_what_waited_is_a_timeout),
        cmocka_unit_test(a_slow_peer_is_no_timeout),
        cmocka_unit_test(a_failed_write_is_told_later_and_after_the_peers_last_words),
        cmocka_unit_test(a_failed_write_is_told_at_once_where_reading_is_paused),
        cmocka_unit_test(shutdown_sends_what_is_queued_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
