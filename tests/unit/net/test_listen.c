// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/listen.h"

static void colon_and_port_are_two_addresses(void **state)
{
    (void)state;
    struct net_addr at[2];
    char text[NET_ADDR_TEXT];
    assert_int_equal(listen_parse(SPAN(":8080"), at), 2);
    net_addr_format(&at[0], text);
    assert_string_equal(text, "0.0.0.0:8080");
    net_addr_format(&at[1], text);
    assert_string_equal(text, "[::]:8080");
    assert_int_equal(listen_parse(SPAN("[::1]:0"), at), 1);
    assert_int_equal(listen_parse(SPAN("unix:/run/x"), at), 1);
    net_addr_format(&at[0], text);
    assert_string_equal(text, "unix:/run/x");
}

static void other_texts_are_no_address(void **state)
{
    (void)state;
    struct net_addr at[2];
    assert_int_equal(listen_parse(SPAN(""), at), 0);
    assert_int_equal(listen_parse(SPAN("8080"), at), 0);
    assert_int_equal(listen_parse(SPAN("localhost:8080"), at), 0);
    assert_int_equal(listen_parse(SPAN("127.0.0.1:65536"), at), 0);
    assert_int_equal(listen_parse(SPAN("unix:relative"), at), 0);
    assert_int_equal(listen_parse(SPAN("unix:"), at), 0);
    char longer[140] = "unix:/";
    memset(longer + 6, 'x', 120);
    assert_int_equal(listen_parse(span_of(longer), at), 0);
}

struct place {
    char folder[32];
    char text[64];
    const char *path;
    struct net_addr at[2];
};

static void place_make(struct place *p)
{
    (void)snprintf(p->folder, sizeof(p->folder), "/tmp/test-listen-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    (void)snprintf(p->text, sizeof(p->text), "unix:%s/s", p->folder);
    p->path = p->text + 5;
    assert_int_equal(listen_parse(span_of(p->text), p->at), 1);
}

static void place_clear(struct place *p)
{
    (void)unlink(p->path);
    assert_int_equal(rmdir(p->folder), 0);
}

static void socket_file_is_private_until_its_mode_is_set(void **state)
{
    (void)state;
    struct place p;
    struct stat sb;
    struct err e = {""};
    place_make(&p);
    int fd = listen_open(&p.at[0], 8, &e);
    assert_int_not_equal(fd, -1);
    assert_int_equal(stat(p.path, &sb), 0);
    assert_int_equal(sb.st_mode & 0777, 0600);
    assert_int_equal(listen_set_mode(&p.at[0], 0666, &e), ST_OK);
    assert_int_equal(stat(p.path, &sb), 0);
    assert_int_equal(sb.st_mode & 0777, 0666);
    listen_unlink(&p.at[0]);
    assert_int_equal(stat(p.path, &sb), -1);
    (void)close(fd);
    place_clear(&p);
}

static void dead_socket_file_is_replaced_and_a_live_one_is_not(void **state)
{
    (void)state;
    struct place p;
    struct err e = {""};
    place_make(&p);
    int first = listen_open(&p.at[0], 8, &e);
    assert_int_not_equal(first, -1);
    assert_int_equal(listen_open(&p.at[0], 8, &e), -1);
    assert_non_null(strstr(e.text, "in use"));
    (void)close(first);
    int second = listen_open(&p.at[0], 8, &e);
    assert_int_not_equal(second, -1);
    (void)close(second);
    place_clear(&p);
}

static void other_file_is_left_alone(void **state)
{
    (void)state;
    struct place p;
    struct err e = {""};
    struct stat sb;
    place_make(&p);
    int file = open(p.path, O_CREAT | O_WRONLY, 0600);
    assert_int_not_equal(file, -1);
    (void)close(file);
    assert_int_equal(listen_open(&p.at[0], 8, &e), -1);
    assert_int_equal(stat(p.path, &sb), 0);
    assert_true(S_ISREG(sb.st_mode));
    place_clear(&p);
}

static void peer_of_a_unix_socket_is_known(void **state)
{
    (void)state;
    struct place p;
    struct err e = {""};
    uint32_t uid = 1;
    uint32_t gid = 1;
    place_make(&p);
    int fd = listen_open(&p.at[0], 8, &e);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&p.at[0].ss, p.at[0].len), 0);
    int server = listen_accept(fd, NULL);
    assert_int_not_equal(server, -1);
    assert_true(listen_peer_ids(server, &uid, &gid));
    assert_int_equal(uid, geteuid());
    assert_int_equal(gid, getegid());
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_false(listen_peer_ids(tcp, &uid, &gid));
    (void)close(tcp);
    (void)close(server);
    (void)close(client);
    (void)close(fd);
    place_clear(&p);
}

static void own_addresses_are_local(void **state)
{
    (void)state;
    struct net_addr a;
    assert_int_equal(net_addr_parse(SPAN("127.0.0.1"), 80, &a), ST_OK);
    assert_true(net_addr_is_local(&a));
    assert_int_equal(net_addr_parse(SPAN("203.0.113.7"), 80, &a), ST_OK);
    assert_false(net_addr_is_local(&a));
    assert_int_equal(net_addr_parse(SPAN("0.0.0.0"), 80, &a), ST_OK);
    assert_true(net_addr_is_any(&a));
    assert_int_equal(net_addr_parse(SPAN("::"), 80, &a), ST_OK);
    assert_true(net_addr_is_any(&a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colon_and_port_are_two_addresses),
        cmocka_unit_test(other_texts_are_no_address),
        cmocka_unit_test(socket_file_is_private_until_its_mode_is_set),
        cmocka_unit_test(dead_socket_file_is_replaced_and_a_live_one_is_not),
        cmocka_unit_test(other_file_is_left_alone),
        cmocka_unit_test(peer_of_a_unix_socket_is_known),
        cmocka_unit_test(own_addresses_are_local),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
