// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include <errno.h>
#include <unistd.h>

#include "net/addr.h"
#include "net/listen.h"

static struct net_addr addr(const char *text, uint16_t port)
{
    struct net_addr a;
    assert_int_equal(net_addr_parse(span_of(text), port, &a), ST_OK);
    return a;
}

static void literals_are_parsed_and_printed(void **state)
{
    (void)state;
    char text[NET_ADDR_TEXT];
    struct net_addr a = addr("127.0.0.1", 8080);
    net_addr_format(&a, text);
    assert_string_equal(text, "127.0.0.1:8080");
    a = addr("[::1]", 1);
    net_addr_set_port(&a, 65535);
    net_addr_format(&a, text);
    assert_string_equal(text, "[::1]:65535");
    assert_int_equal(net_addr_port(&a), 65535);
    a = addr("2001:db8::ffff:ffff:ffff", 443);
    net_addr_format(&a, text);
    assert_string_equal(text, "[2001:db8::ffff:ffff:ffff]:443");
}

static void forms_that_are_read_differently_elsewhere_are_no_literals(void **state)
{
    (void)state;
    static const char *const bad[] = {"",           "127.1",      "0x7f.0.0.1", "0177.0.0.1",
                                      "2130706433", "1.2.3.4.",   "[1.2.3.4]",  "[::1",
                                      "::1]",       "1.2.3.256",  " 1.2.3.4",   "localhost",
                                      "fe80::1%lo", "1.2.3.4:80", "[]",         "::g"};
    struct net_addr a;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(net_addr_parse(span_of(bad[i]), 0, &a), ST_INVALID);
    assert_int_equal(net_addr_parse(SPAN("127.0.0.1\0x"), 0, &a), ST_INVALID);
}

static void addresses_compare_without_port_and_through_mapping(void **state)
{
    (void)state;
    struct net_addr a = addr("127.0.0.1", 1);
    struct net_addr b = addr("::ffff:127.0.0.1", 2);
    struct net_addr c = addr("::1", 1);
    struct net_addr d = addr("128.0.0.1", 1);
    assert_true(net_addr_same_ip(&a, &b));
    assert_false(net_addr_same_ip(&a, &c));
    assert_false(net_addr_same_ip(&c, &b));
    assert_true(net_addr_same_ip(&c, &c));
    assert_true(net_addr_is_loopback(&a) && net_addr_is_loopback(&b) && net_addr_is_loopback(&c));
    assert_false(net_addr_is_loopback(&d));
}

static void a_taken_port_is_refused_with_its_address(void **state)
{
    (void)state;
    struct err e;
    struct net_addr at = addr("127.0.0.1", 0);
    int fd = listen_open(&at, 16, &e);
    assert_true(fd != -1);
    assert_true(listen_address(fd, &at));
    assert_int_equal(listen_open(&at, 16, &e), -1);
    assert_non_null(strstr(e.text, "Address already in use"));
    assert_non_null(strstr(e.text, "127.0.0.1:"));
    assert_int_equal(listen_accept(fd, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(close(fd), 0);
}

static void accepting_tells_the_peer(void **state)
{
    (void)state;
    struct err e;
    struct net_addr at = addr("::1", 0);
    int fd = listen_open(&at, 16, &e);
    if (fd == -1)
        skip(); // no IPv6 here
    assert_true(listen_address(fd, &at));
    int c = socket(AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(connect(c, (struct sockaddr *)&at.ss, at.len), 0);
    struct net_addr peer;
    struct net_addr mine;
    int got = listen_accept(fd, &peer);
    assert_true(got != -1);
    assert_true(listen_address(c, &mine));
    assert_true(net_addr_same_ip(&peer, &mine));
    assert_int_equal(net_addr_port(&peer), net_addr_port(&mine));
    assert_int_equal(close(got) + close(c) + close(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_are_parsed_and_printed),
        cmocka_unit_test(forms_that_are_read_differently_elsewhere_are_no_literals),
        cmocka_unit_test(addresses_compare_without_port_and_through_mapping),
        cmocka_unit_test(a_taken_port_is_refused_with_its_address),
        cmocka_unit_test(accepting_tells_the_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
