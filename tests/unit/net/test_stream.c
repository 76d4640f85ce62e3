// SPDX-License-Identifier: Apache-2.0
#include "unit/net/rig.h"

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
    assert_int_equal(recv(fd, back, 5, MSG_DONTWAIT), -1); // the turn has not ended
    assert_int_equal(stream_queued(o->s), 5);
    rig_for(l, 1);
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

static void what_waits_for_the_end_of_the_turn_goes_in_order_and_before_a_close(void **state)
{
    (void)state;
    static char large[LOOP_BUF_LEN], back[LOOP_BUF_LEN];
    int fd;
    struct loop *l = rig_loop();
    struct owner *o = owner_on_pair(l, &fd);
    memset(large, 'x', sizeof(large));
    stream_write_span(o->s, SPAN("ab"));
    stream_write_span(o->s,
                      span_from(large, sizeof(large))); // does not wait, nor does "ab" any more
    assert_int_equal(stream_queued(o->s), 0);
    take_all(fd, back, 2 + 100);
    assert_memory_equal(back, "abx", 3);
    take_all(fd, back, sizeof(large) - 100);
    stream_write_span(o->s, SPAN("cd"));
    stream_send_now(o->s);
    take_all(fd, back, 2);
    assert_memory_equal(back, "cd", 2);
    stream_write_secret(o->s, SPAN("se"));
    assert_int_equal(stream_queued(o->s), 0);
    take_all(fd, back, 2);
    stream_write_span(o->s, SPAN("ef"));
    owner_free(o);
    take_all(fd, back, 2);
    assert_memory_equal(back, "ef", 2);
    assert_int_equal(recv(fd, back, 1, 0), 0);
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

#define CROWD 100

struct crowd {
    struct owner *in[CROWD];
    int fd[CROWD];
    int n_read;    // of those that were accepted
    int first_out; // n_read when the connected one was first told of bytes
    int out_fd;    // the connected one's peer
};

static void tell_out(struct owner *o)
{
    struct crowd *c = o->more;
    assert_ptr_equal(o, c->in[c->n_read]); // in the order in which they became readable
    c->n_read++;
    put(c->out_fd, "x");
}

static void note_first(struct owner *o)
{
    struct crowd *c = o->more;
    if (!c->first_out)
        c->first_out = c->n_read;
}

static void accepted_ones_are_read_a_few_a_turn_and_in_order(void **state)
{
    (void)state;
    static struct crowd c;
    struct net_addr at;
    int listener = rig_listen(&at);
    struct loop *l = rig_loop();
    struct owner *out = owner_new(l);
    out->s = stream_connect(l, &at, NULL, &owner_ops, out);
    out->on_data = note_first;
    out->more = &c;
    c.out_fd = accept(listener, NULL, NULL);
    rig_until(l, &out->readies, 1);
    for (int i = 0; i < CROWD; i++) {
        c.in[i] = owner_on_pair(l, &c.fd[i]);
        c.in[i]->on_data = tell_out;
        c.in[i]->more = &c;
        put(c.fd[i], "x");
    }
    rig_until(l, &c.n_read, CROWD);
    assert_in_range(c.first_out, 1, CROWD / 2);
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(close(c.fd[i]), 0);
        owner_free(c.in[i]);
    }
    owner_free(out);
    assert_int_equal(close(c.out_fd) + close(listener), 0);
    loop_free(l);
}

#define BUSY_TURN 30 // what libevent takes from one poll at first is 32

struct busy {
    struct owner *s[BUSY_TURN];
    int fd[BUSY_TURN];
    int n_answered;
    int first; // who was answered first
    bool has_answer;
};

static void answer(struct owner *o)
{
    struct busy *b = o->more;
    char c;
    stream_write_span(o->s, SPAN("y"));
    for (int i = 0; i < BUSY_TURN && !b->n_answered; i++)
        if (b->s[i] == o)
            b->first = i;
    if (++b->n_answered == BUSY_TURN)
        b->has_answer = recv(b->fd[b->first], &c, 1, MSG_DONTWAIT | MSG_PEEK) == 1;
}

static void much_does_not_wait_for_the_end_of_the_turn(void **state)
{
    (void)state;
    static struct busy b;
    struct net_addr at;
    int listener = rig_listen(&at);
    struct loop *l = rig_loop();
    for (int i = 0; i < BUSY_TURN; i++) {
        b.s[i] = owner_new(l);
        b.s[i]->s = stream_connect(l, &at, NULL, &owner_ops, b.s[i]);
        b.s[i]->on_data = answer;
        b.s[i]->more = &b;
        b.fd[i] = accept(listener, NULL, NULL);
        rig_until(l, &b.s[i]->readies, 1);
    }
    for (int i = 0; i < BUSY_TURN; i++)
        put(b.fd[i], "x");
    rig_until(l, &b.n_answered, BUSY_TURN);
    assert_true(b.has_answer);
    for (int i = 0; i < BUSY_TURN; i++) {
        owner_free(b.s[i]);
        assert_int_equal(close(b.fd[i]), 0);
    }
    assert_int_equal(close(listener), 0);
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
    stream_abort(o->s); // also of what waits
    owner_free(o);
    assert_int_equal(read(fd, &c, 1), -1);
    assert_int_equal(errno, ECONNRESET);
    assert_int_equal(close(fd), 0);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_and_go),
        cmocka_unit_test(what_waits_for_the_end_of_the_turn_goes_in_order_and_before_a_close),
        cmocka_unit_test(more_spans_than_one_call_takes_arrive_in_order),
        cmocka_unit_test(a_stream_may_be_freed_within_each_callback),
        cmocka_unit_test(freeing_another_stream_that_is_ready_too_is_fine),
        cmocka_unit_test(accepted_ones_are_read_a_few_a_turn_and_in_order),
        cmocka_unit_test(much_does_not_wait_for_the_end_of_the_turn),
        cmocka_unit_test(abort_resets_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
