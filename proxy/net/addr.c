// SPDX-License-Identifier: Apache-2.0
#include "net/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_in *in4(struct net_addr *a)
{
    return (struct sockaddr_in *)&a->ss;
}

static struct sockaddr_in6 *in6(struct net_addr *a)
{
    return (struct sockaddr_in6 *)&a->ss;
}

static const struct sockaddr_in *cin4(const struct net_addr *a)
{
    return (const struct sockaddr_in *)&a->ss;
}

static const struct sockaddr_in6 *cin6(const struct net_addr *a)
{
    return (const struct sockaddr_in6 *)&a->ss;
}

enum status net_addr_parse(struct span literal, uint16_t port, struct net_addr *out)
{
    char text[INET6_ADDRSTRLEN];
    bool is_bracketed = literal.len >= 2 && literal.p[0] == '[';
    if (is_bracketed) {
        if (literal.p[literal.len - 1] != ']')
            return ST_INVALID;
        literal = span_sub(literal, 1, literal.len - 2);
    }
    if (!literal.len || literal.len >= sizeof(text) || memchr(literal.p, '\0', literal.len))
        return ST_INVALID;
    memcpy(text, literal.p, literal.len);
    text[literal.len] = '\0';
    struct net_addr a = {.len = 0};
    // inet_pton takes dotted quads only: no octal, hex or short forms that others read differently.
    if (!is_bracketed && inet_pton(AF_INET, text, &in4(&a)->sin_addr) == 1) {
        a.ss.ss_family = AF_INET;
        a.len = sizeof(struct sockaddr_in);
    } else if (inet_pton(AF_INET6, text, &in6(&a)->sin6_addr) == 1) {
        a.ss.ss_family = AF_INET6;
        a.len = sizeof(struct sockaddr_in6);
    } else {
        return ST_INVALID;
    }
    net_addr_set_port(&a, port);
    *out = a;
    return ST_OK;
}

void net_addr_format(const struct net_addr *a, char out[NET_ADDR_TEXT])
{
    char text[INET6_ADDRSTRLEN] = "";
    if (a->ss.ss_family == AF_INET) {
        (void)inet_ntop(AF_INET, &cin4(a)->sin_addr, text, sizeof(text));
        (void)snprintf(out, NET_ADDR_TEXT, "%s:%u", text, net_addr_port(a));
    } else if (a->ss.ss_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &cin6(a)->sin6_addr, text, sizeof(text));
        (void)snprintf(out, NET_ADDR_TEXT, "[%s]:%u", text, net_addr_port(a));
    } else if (a->ss.ss_family == AF_UNIX) {
        const char *path = ((const struct sockaddr_un *)&a->ss)->sun_path;
        bool is_abstract = !*path && path[1];
        (void)snprintf(out, NET_ADDR_TEXT, "unix%s%.50s",
                       is_abstract ? ":@"
                       : *path     ? ":"
                                   : "",
                       path + is_abstract);
    } else {
        (void)snprintf(out, NET_ADDR_TEXT, "unknown");
    }
}

uint16_t net_addr_port(const struct net_addr *a)
{
    if (a->ss.ss_family == AF_INET)
        return ntohs(cin4(a)->sin_port);
    return a->ss.ss_family == AF_INET6 ? ntohs(cin6(a)->sin6_port) : 0;
}

void net_addr_set_port(struct net_addr *a, uint16_t port)
{
    if (a->ss.ss_family == AF_INET)
        in4(a)->sin_port = htons(port);
    else if (a->ss.ss_family == AF_INET6)
        in6(a)->sin6_port = htons(port);
}

// ::ffff:a.b.c.d is the same host as a.b.c.d; everything else compares within its family.
static bool as_ipv4(const struct net_addr *a, struct in_addr *out)
{
    if (a->ss.ss_family == AF_INET) {
        *out = cin4(a)->sin_addr;
        return true;
    }
    if (a->ss.ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&cin6(a)->sin6_addr))
        return false;
    memcpy(out, cin6(a)->sin6_addr.s6_addr + 12, sizeof(*out));
    return true;
}

bool net_addr_same_ip(const struct net_addr *a, const struct net_addr *b)
{
    struct in_addr a4;
    struct in_addr b4;
    bool is_a4 = as_ipv4(a, &a4);
    bool is_b4 = as_ipv4(b, &b4);
    if (is_a4 || is_b4)
        return is_a4 && is_b4 && a4.s_addr == b4.s_addr;
    if (a->ss.ss_family != AF_INET6 || b->ss.ss_family != AF_INET6)
        return false;
    return IN6_ARE_ADDR_EQUAL(&cin6(a)->sin6_addr, &cin6(b)->sin6_addr);
}

bool net_addr_is_loopback(const struct net_addr *a)
{
    struct in_addr v4;
    if (as_ipv4(a, &v4))
        return ntohl(v4.s_addr) >> 24 == 127;
    if (a->ss.ss_family == AF_UNIX)
        return true;
    return a->ss.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&cin6(a)->sin6_addr);
}

bool net_addr_is_any(const struct net_addr *a)
{
    struct in_addr v4;
    if (as_ipv4(a, &v4))
        return v4.s_addr == INADDR_ANY;
    return a->ss.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&cin6(a)->sin6_addr);
}

bool net_addr_is_local(const struct net_addr *a)
{
    struct net_addr probe = *a;
    int fd = socket(a->ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return false;
    net_addr_set_port(&probe, 0); // the kernel binds to addresses of its own only
    bool is_local = bind(fd, (const struct sockaddr *)&probe.ss, probe.len) == 0;
    (void)close(fd);
    return is_local;
}
