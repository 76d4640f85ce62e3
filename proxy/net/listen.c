// SPDX-License-Identifier: Apache-2.0
#include "net/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

int listen_open(const struct net_addr *at, int backlog, struct err *e)
{
    char text[NET_ADDR_TEXT];
    int one = 1;
    net_addr_format(at, text);
    int fd = socket(at->ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        (void)err_set(e, ST_IO, "listen on %s: %s", text, strerror(errno));
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
        (at->ss.ss_family != AF_INET6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0) &&
        bind(fd, (const struct sockaddr *)&at->ss, at->len) == 0 && listen(fd, backlog) == 0)
        return fd;
    (void)err_set(e, ST_IO, "listen on %s: %s", text, strerror(errno));
    (void)close(fd);
    return -1;
}

bool listen_address(int fd, struct net_addr *out)
{
    memset(out, 0, sizeof(*out));
    out->len = sizeof(out->ss);
    return getsockname(fd, (struct sockaddr *)&out->ss, &out->len) == 0;
}

int listen_accept(int fd, struct net_addr *peer)
{
    struct net_addr a;
    for (;;) {
        memset(&a, 0, sizeof(a));
        a.len = sizeof(a.ss);
        int got = accept4(fd, (struct sockaddr *)&a.ss, &a.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (got == -1 && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO))
            continue;
        if (got != -1 && peer)
            *peer = a;
        return got;
    }
}
