// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/inherit.h"
#include "net/listen.h"

static int listening(const char *text)
{
    struct net_addr at[2];
    struct err e = {""};
    assert_int_equal(listen_parse(span_of(text), at), 1);
    int fd = listen_open(&at[0], 4, &e);
    assert_string_equal(e.text, "");
    return fd;
}

static struct inherit *read_variable(const char *text)
{
    struct inherit *i = NULL;
    struct err e = {""};
    assert_int_equal(inherit_new((char *[]){(char *)text, NULL}, &i, &e), ST_OK);
    assert_string_equal(e.text, "");
    return i;
}

static void refused(const char *text, const char *why)
{
    struct inherit *i = NULL;
    struct err e = {""};
    assert_int_not_equal(inherit_new((char *[]){(char *)text, NULL}, &i, &e), ST_OK);
    assert_non_null(strstr(e.text, why));
}

static void without_variables_there_is_nothing(void **state)
{
    (void)state;
    struct net_addr at[2];
    struct inherit *i = read_variable("PATH=/bin");
    assert_int_equal(listen_parse(SPAN("127.0.0.1:1"), at), 1);
    assert_false(inherit_is_activated(i, INHERIT_LISTEN));
    assert_int_equal(inherit_take(i, INHERIT_LISTEN, &at[0]), -1);
    assert_int_equal(inherit_next(i, INHERIT_LISTEN, &at[0]), -1);
    assert_int_equal(inherit_channel(i), -1);
    inherit_free(i);
    assert_false(inherit_is_activated(NULL, INHERIT_LISTEN));
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct net_addr at;
    struct net_addr wanted[2];
    struct buf b;
    int fds[4] = {listening("127.0.0.1:0"), listening("[::1]:0"), listening("127.0.0.1:0"), 0};
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    buf_init(&b);
    inherit_write_channel(&b, pair[0]);
    inherit_write(&b, INHERIT_LISTEN, fds[0], false);
    inherit_write(&b, INHERIT_LISTEN, fds[1], true);
    inherit_write(&b, INHERIT_ADMIN, fds[2], false);
    struct inherit *i = read_variable(buf_cstr(&b));
    assert_int_equal(inherit_channel(i), pair[0]);
    assert_int_equal(inherit_channel(i), -1);
    assert_true(inherit_is_activated(i, INHERIT_LISTEN));
    assert_false(inherit_is_activated(i, INHERIT_ADMIN));
    assert_int_equal(inherit_next(i, INHERIT_LISTEN, &at), fds[1]);
    assert_int_equal(inherit_next(i, INHERIT_LISTEN, &at), -1);
    assert_true(fcntl(fds[1], F_GETFD) & FD_CLOEXEC);
    assert_true(listen_address(fds[0], &wanted[0]));
    assert_int_equal(inherit_take(i, INHERIT_ADMIN, &wanted[0]), -1); // another use's
    assert_int_equal(inherit_take(i, INHERIT_LISTEN, &wanted[0]), fds[0]);
    assert_int_equal(inherit_take(i, INHERIT_LISTEN, &wanted[0]), -1);
    assert_int_equal(listen_parse(SPAN("127.0.0.1:0"), wanted), 1); // any port
    assert_int_equal(inherit_take(i, INHERIT_ADMIN, &wanted[0]), fds[2]);
    inherit_free(i);
    buf_clear(&b);
    for (int k = 0; k < 3; k++)
        (void)close(fds[k]);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void what_nobody_takes_is_closed(void **state)
{
    (void)state;
    char text[64];
    int fd = listening("127.0.0.1:0");
    (void)snprintf(text, sizeof(text), INHERIT_VARIABLE "=channel=%d listen=%d", fd, fd);
    struct inherit *i = read_variable(text);
    inherit_free(i);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void unix_sockets_are_known_by_their_path(void **state)
{
    (void)state;
    char path[] = "/tmp/sigv4-inherit-XXXXXX";
    char text[128];
    struct net_addr wanted[2];
    assert_non_null(mkdtemp(path));
    (void)snprintf(text, sizeof(text), "unix:%s/s", path);
    int fd = listening(text);
    (void)snprintf(text, sizeof(text), INHERIT_VARIABLE "=listen=%d", fd);
    struct inherit *i = read_variable(text);
    assert_int_equal(listen_parse(SPAN("unix:/tmp/other"), wanted), 1);
    assert_int_equal(inherit_take(i, INHERIT_LISTEN, &wanted[0]), -1);
    (void)snprintf(text, sizeof(text), "unix:%s/s", path);
    assert_int_equal(listen_parse(span_of(text), wanted), 1);
    assert_int_equal(inherit_take(i, INHERIT_LISTEN, &wanted[0]), fd);
    inherit_free(i);
    (void)close(fd);
    listen_unlink(&wanted[0]);
    (void)rmdir(path);
}

static void abstract_sockets_have_a_name(void **state)
{
    (void)state;
    char text[NET_ADDR_TEXT];
    struct net_addr at;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memcpy(un.sun_path, "\0sigv4-inherit", 14);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, (socklen_t)(sizeof(sa_family_t) + 14)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_true(listen_address(fd, &at));
    net_addr_format(&at, text);
    assert_string_equal(text, "unix:@sigv4-inherit");
    (void)close(fd);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    char text[64];
    int plain = socket(AF_INET, SOCK_STREAM, 0);
    refused(INHERIT_VARIABLE "=listen=x", "is set by this proxy only");
    refused(INHERIT_VARIABLE "=listen=1", "is set by this proxy only");
    refused(INHERIT_VARIABLE "=listen", "is set by this proxy only");
    refused(INHERIT_VARIABLE "=listen=99999", "is no listening stream socket");
    (void)snprintf(text, sizeof(text), INHERIT_VARIABLE "=listen=%d", plain);
    refused(text, "is no listening stream socket");
    (void)close(plain);
}

static void variables_for_others_are_known(void **state)
{
    (void)state;
    assert_true(inherit_is_variable("LISTEN_PID=1"));
    assert_true(inherit_is_variable("LISTEN_FDNAMES=a:b"));
    assert_true(inherit_is_variable(INHERIT_VARIABLE "=listen=3"));
    assert_false(inherit_is_variable("LISTEN=1"));
    assert_false(inherit_is_variable("PATH=/bin"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_variables_there_is_nothing),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_nobody_takes_is_closed),
        cmocka_unit_test(unix_sockets_are_known_by_their_path),
        cmocka_unit_test(abstract_sockets_have_a_name),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(variables_for_others_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
