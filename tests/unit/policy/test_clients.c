// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "policy/clients.h"

static bool has(const char *entry, const char *peer)
{
    char text[64];
    char *items[] = {text};
    struct config_list list = {.v = items, .n = 1};
    struct sockaddr_storage ss = {.ss_family = AF_INET};
    (void)snprintf(text, sizeof(text), "%s", entry);
    if (strchr(peer, ':')) {
        ss.ss_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, peer, &((struct sockaddr_in6 *)&ss)->sin6_addr), 1);
    } else {
        assert_int_equal(inet_pton(AF_INET, peer, &((struct sockaddr_in *)&ss)->sin_addr), 1);
    }
    return clients_have_address(&list, (struct sockaddr *)&ss);
}

static void addresses_match_by_their_first_bits(void **state)
{
    (void)state;
    assert_true(has("10.0.0.0/8", "10.255.1.2"));
    assert_false(has("10.0.0.0/8", "11.0.0.0"));
    assert_true(has("192.168.4.0/22", "192.168.7.255"));
    assert_false(has("192.168.4.0/22", "192.168.8.0"));
    assert_true(has("127.0.0.1", "127.0.0.1"));
    assert_false(has("127.0.0.1", "127.0.0.2"));
    assert_true(has("0.0.0.0/0", "203.0.113.9"));
    assert_true(has("fd00::/8", "fd12::1"));
    assert_false(has("fd00::/8", "fe80::1"));
    assert_true(has("::1", "::1"));
    assert_true(has("2001:db8::/33", "2001:db8:7fff::"));
    assert_false(has("2001:db8::/33", "2001:db8:8000::"));
    assert_true(has("10.0.0.0/8", "::ffff:10.1.1.1"));
    assert_false(has("0.0.0.0/0", "::1"));
    assert_false(has("::/0", "10.0.0.1"));
    assert_false(has("10.0.0.0/33", "10.0.0.0"));
    assert_false(has("nonsense", "10.0.0.0"));
}

static void an_empty_list_lets_everybody_in(void **state)
{
    (void)state;
    struct config_list none = {.n = 0};
    struct sockaddr_storage ss = {.ss_family = AF_INET};
    assert_true(clients_have_address(&none, (struct sockaddr *)&ss));
    assert_true(clients_have_peer(&none, 5, 6));
}

static void an_unknown_family_is_let_in_by_no_list(void **state)
{
    (void)state;
    char any[] = "0.0.0.0/0";
    char *items[] = {any};
    struct config_list list = {.v = items, .n = 1};
    struct sockaddr_storage ss = {.ss_family = AF_UNSPEC};
    assert_false(clients_have_address(&list, (struct sockaddr *)&ss));
}

static void peers_match_by_user_or_group(void **state)
{
    (void)state;
    char uid[] = "uid:1000";
    char gid[] = "gid:50";
    char *items[] = {uid, gid};
    struct config_list list = {.v = items, .n = 2};
    assert_true(clients_have_peer(&list, 1000, 1));
    assert_true(clients_have_peer(&list, 1, 50));
    assert_false(clients_have_peer(&list, 50, 1000));
    assert_false(clients_have_peer(&list, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_match_by_their_first_bits),
        cmocka_unit_test(an_empty_list_lets_everybody_in),
        cmocka_unit_test(an_unknown_family_is_let_in_by_no_list),
        cmocka_unit_test(peers_match_by_user_or_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
