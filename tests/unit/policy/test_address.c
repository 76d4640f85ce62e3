// SPDX-License-Identifier: Apache-2.0
#include "policy/address.h"

#include <arpa/inet.h>

#include "unit/test.h"

static const struct address_rules strict = {0};
static const struct address_rules loopback = {.loopback_ok = true};
static const struct address_rules lattice = {.link_local_ok = true};

static const char *refusal(const char *text, const struct address_rules *rules)
{
    struct sockaddr_storage ss;
    memset(&ss, 0, sizeof(ss));
    struct sockaddr_in *in = (struct sockaddr_in *)&ss;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
    if (strchr(text, ':')) {
        in6->sin6_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
    } else {
        in->sin_family = AF_INET;
        assert_int_equal(inet_pton(AF_INET, text, &in->sin_addr), 1);
    }
    const char *why = address_refusal((struct sockaddr *)&ss, rules);
    return why ? why : "allowed";
}

struct row {
    const char *address;
    const char *verdict;
};

static void check(const struct row *rows, size_t n, const struct address_rules *rules)
{
    for (size_t i = 0; i < n; i++) {
        const char *got = refusal(rows[i].address, rules);
        if (strcmp(got, rows[i].verdict) != 0)
            fail_msg("%s: got %s, want %s", rows[i].address, got, rows[i].verdict);
    }
}
#define CHECK(rows, rules) check(rows, sizeof(rows) / sizeof((rows)[0]), rules)

static void address_refuses_what_no_endpoint_has(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"169.254.169.254", "metadata"},
        {"169.254.170.2", "metadata"},
        {"169.254.0.0", "link-local"},
        {"169.254.255.255", "link-local"},
        {"169.254.171.1", "link-local"},
        {"169.253.255.255", "allowed"},
        {"169.255.0.0", "allowed"},
        {"0.0.0.0", "unspecified"},
        {"0.1.2.3", "unspecified"},
        {"1.0.0.0", "allowed"},
        {"126.255.255.255", "allowed"},
        {"127.0.0.1", "loopback"},
        {"127.255.255.255", "loopback"},
        {"128.0.0.1", "allowed"},
        {"223.255.255.255", "allowed"},
        {"224.0.0.1", "multicast"},
        {"239.255.255.255", "multicast"},
        {"240.0.0.1", "allowed"},
        {"255.255.255.255", "multicast"},
        {"::", "unspecified"},
        {"::1", "loopback"},
        {"fe80::1", "link-local"},
        {"febf:ffff::1", "link-local"},
        {"fec0::1", "allowed"},
        {"fe7f::1", "allowed"},
        {"ff02::1", "multicast"},
        {"fd00:ec2::254", "metadata"},
        {"fd00:ec2:80::1", "metadata"},
        {"fd00:ec2:ffff::1", "metadata"},
        {"fd00:ec3::1", "allowed"},
    };
    CHECK(rows, &strict);
}

static void address_allows_private_ranges(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"10.0.0.1", "allowed"},     {"172.16.5.4", "allowed"}, {"192.168.1.1", "allowed"},
        {"100.64.0.1", "allowed"},   {"fc00::1", "allowed"},    {"fd12:3456::1", "allowed"},
        {"2600:1f18::1", "allowed"},
    };
    CHECK(rows, &strict);
}

static void address_judges_embedded_ipv4_as_ipv4(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"::ffff:169.254.169.254", "metadata"},
        {"::ffff:127.0.0.1", "loopback"},
        {"::ffff:10.0.0.1", "allowed"},
        {"::169.254.169.254", "metadata"},
        {"::127.0.0.1", "loopback"},
        {"::2", "unspecified"},
        {"64:ff9b::169.254.169.254", "metadata"},
        {"64:ff9b::7f00:1", "loopback"},
        {"64:ff9b::8.8.8.8", "allowed"},
        {"64:ff9b:1::169.254.169.254", "metadata"},
        {"2002:a9fe:a9fe::1", "metadata"},
        {"2002:7f00:1::", "loopback"},
        {"2002:808:808::1", "allowed"},
    };
    CHECK(rows, &strict);
}

static void address_allows_loopback_only_where_told(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"127.0.0.1", "allowed"},
        {"127.9.9.9", "allowed"},
        {"::1", "allowed"},
        {"::ffff:127.0.0.1", "allowed"},
        {"169.254.169.254", "metadata"},
        {"0.0.0.0", "unspecified"},
        {"::", "unspecified"},
        {"169.254.171.1", "link-local"},
    };
    CHECK(rows, &loopback);
}

static void address_allows_lattice_ranges_only_for_lattice(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"169.254.171.0", "allowed"},        {"169.254.171.255", "allowed"},
        {"169.254.170.255", "link-local"},   {"169.254.172.0", "link-local"},
        {"169.254.169.254", "metadata"},     {"fd00:ec2:80::1", "allowed"},
        {"fd00:ec2:80:1::1", "metadata"},    {"fd00:ec2::254", "metadata"},
        {"fe80::1", "link-local"},           {"127.0.0.1", "loopback"},
        {"::ffff:169.254.171.7", "allowed"},
    };
    CHECK(rows, &lattice);
}

static void address_refuses_other_families(void **state)
{
    (void)state;
    struct sockaddr sa = {.sa_family = AF_UNIX};
    assert_non_null(address_refusal(&sa, &loopback));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(address_refuses_what_no_endpoint_has),
        cmocka_unit_test(address_allows_private_ranges),
        cmocka_unit_test(address_judges_embedded_ipv4_as_ipv4),
        cmocka_unit_test(address_allows_loopback_only_where_told),
        cmocka_unit_test(address_allows_lattice_ranges_only_for_lattice),
        cmocka_unit_test(address_refuses_other_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
