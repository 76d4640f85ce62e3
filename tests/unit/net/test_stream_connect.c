// SPDX-License-Identifier: Apache-2.0
#include "unit/net/rig.h"

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
        cmocka_unit_test(connecting_becomes_ready_and_sends_what_was_written_before),
        cmocka_unit_test(a_refused_connect_is_told_later_with_the_address),
        cmocka_unit_test(a_stream_may_be_freed_before_it_is_connected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
