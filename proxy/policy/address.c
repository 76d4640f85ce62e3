// SPDX-License-Identifier: Apache-2.0
// The second barrier behind host rules: a name that is allowed may still resolve to the instance's
// metadata service or to this machine. IPv6 forms that carry an IPv4 address (mapped, compatible,
// NAT64, 6to4) are judged as that address, since the packet ends there.
#include "policy/address.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

struct range4 {
    uint32_t net;
    unsigned bits;
    const char *why;
};

static bool in_range4(uint32_t addr, uint32_t net, unsigned bits)
{
    uint32_t mask = UINT32_MAX << (32 - bits);
    return (addr & mask) == net;
}

static const char *refusal4(uint32_t addr, const struct address_rules *rules)
{
    static const struct range4 ranges[] = {
        {0x00000000, 8, "unspecified"}, // 0.0.0.0/8: Linux dials this machine
        {0xe0000000, 4, "multicast"},   {0xffffffff, 32, "multicast"}, // broadcast
        {0xa9fea9fe, 32, "metadata"}, // 169.254.169.254: instance metadata
        {0xa9feaa02, 32, "metadata"}, // 169.254.170.2: task credentials
        {0xa9feaa17, 32, "metadata"}, // 169.254.170.23: pod identity
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (in_range4(addr, ranges[i].net, ranges[i].bits))
            return ranges[i].why;
    if (in_range4(addr, 0x7f000000, 8))
        return rules->loopback_ok ? NULL : "loopback";
    // 169.254.171.0/24 is VPC Lattice's.
    if (in_range4(addr, 0xa9fe0000, 16))
        return rules->link_local_ok && in_range4(addr, 0xa9feab00, 24) ? NULL : "link-local";
    return NULL;
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

// The IPv4 address that an IPv6 one carries.
static bool embedded4(const uint8_t *a, uint32_t *out)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t compatible[12] = {0};
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
    static const uint8_t nat64_local[6] = {0, 0x64, 0xff, 0x9b, 0, 1}; // RFC 8215, /96 in use
    if (memcmp(a, mapped, 12) == 0 || memcmp(a, nat64, 12) == 0 || memcmp(a, nat64_local, 6) == 0) {
        *out = be32(a + 12);
        return true;
    }
    if (memcmp(a, compatible, 12) == 0 && be32(a + 12) > 1) { // :: and ::1 are no IPv4
        *out = be32(a + 12);
        return true;
    }
    if (a[0] == 0x20 && a[1] == 0x02) { // 6to4
        *out = be32(a + 2);
        return true;
    }
    return false;
}

static const char *refusal6(const uint8_t *a, const struct address_rules *rules)
{
    static const uint8_t zero[15] = {0};
    static const uint8_t lattice[8] = {0xfd, 0, 0x0e, 0xc2, 0, 0x80, 0, 0};
    uint32_t v4 = 0;
    if (embedded4(a, &v4))
        return refusal4(v4, rules);
    if (memcmp(a, zero, 15) == 0 && a[15] == 0)
        return "unspecified";
    if (memcmp(a, zero, 15) == 0 && a[15] == 1)
        return rules->loopback_ok ? NULL : "loopback";
    if (a[0] == 0xff)
        return "multicast";
    if (a[0] == 0xfe && (a[1] & 0xc0) == 0x80)
        return "link-local";
    if (memcmp(a, lattice, 4) == 0) // fd00:ec2::/32, AWS's services on the host
        return rules->link_local_ok && memcmp(a, lattice, 8) == 0 ? NULL : "metadata";
    return NULL;
}

const char *address_refusal(const struct sockaddr *sa, const struct address_rules *rules)
{
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof(in));
        return refusal4(ntohl(in.sin_addr.s_addr), rules);
    }
    if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof(in6));
        return refusal6(in6.sin6_addr.s6_addr, rules);
    }
    return "unspecified"; // no family that we dial
}
