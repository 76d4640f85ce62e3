// SPDX-License-Identifier: Apache-2.0
#include "unit/net/rig.h"

#include <dirent.h>

struct late_reader {
    int fd;
    atomic_bool is_done;
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
    atomic_store(&r->is_done, true);
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
    stream_close_gently(o->s, RIG_WAIT_MS);
    o->s = NULL;
    while (!atomic_load(&r.is_done))
        rig_for(l, 5);
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

static void a_gentle_close_ends_with_the_peers_fin_after_the_wait_or_after_4_mib(void **state)
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
    stream_close_gently(o->s, 400);
    o->s = NULL;
    rig_for(l, 10);
    put(fd, "x");
    assert_false(is_reset_within(fd, 5));
    rig_for(l, 410);
    put(fd, "x");
    assert_true(is_reset_within(fd, 1000));
    assert_int_equal(close(fd), 0);
    owner_free(o);

    o = owner_on_tcp(l, &fd); // the peer goes on and on
    stream_close_gently(o->s, 10000);
    o->s = NULL;
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    size_t sent = 0;
    while (sent < 16 << 20) { // nothing but that limit ends it
        ssize_t n = send(fd, block, sizeof(block), MSG_NOSIGNAL);
        if (n == -1 && errno != EAGAIN)
            break;
        sent += n > 0 ? (size_t)n : 0;
        rig_for(l, 1);
    }
    assert_in_range(sent, 4 << 20, (16 << 20) - 1);
    assert_int_equal(close(fd), 0);
    owner_free(o);
    loop_free(l);
}

// What waited for the end of the turn went before it, and the end right behind.
static void a_gentle_close_behind_several_writes_of_a_turn_ends_too(void **state)
{
    (void)state;
    int fd;
    static char block[5000];
    struct loop *l = rig_loop();
    struct owner *o = owner_on_tcp(l, &fd);
    stream_write_span(o->s, span_from(block, sizeof(block)));
    stream_write_span(o->s, span_from(block, sizeof(block)));
    stream_close_gently(o->s, 50);
    o->s = NULL;
    rig_for(l, 200);
    put(fd, "x");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gentle_close_delivers_the_answer_to_a_peer_that_still_sends),
        cmocka_unit_test(a_gentle_close_ends_with_the_peers_fin_after_the_wait_or_after_4_mib),
        cmocka_unit_test(a_gentle_close_behind_several_writes_of_a_turn_ends_too),
        cmocka_unit_test(a_lingering_close_ends_with_its_loop),
        cmocka_unit_test(a_gentle_close_that_leaves_bytes_untaken_still_sees_the_peers_fin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
