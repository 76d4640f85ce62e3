// SPDX-License-Identifier: Apache-2.0
#include "net/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool parse_unix(struct span path, struct net_addr *out)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&out->ss;
    memset(out, 0, sizeof(*out));
    if (path.len < 2 || path.p[0] != '/' || path.len >= sizeof(un->sun_path))
        return false;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.p, path.len);
    out->len = sizeof(*un);
    return true;
}

unsigned listen_parse(struct span text, struct net_addr out[2])
{
    size_t colon = span_rfind(text, ':');
    uint64_t port = 0;
    if (span_starts(text, SPAN("unix:")))
        return parse_unix(span_sub(text, 5, text.len), &out[0]);
    if (!span_u64(span_sub(text, colon + 1, text.len), &port) || port > 65535)
        return 0;
    if (colon)
        return net_addr_parse(span_sub(text, 0, colon), (uint16_t)port, &out[0]) == ST_OK;
    return net_addr_parse(SPAN("0.0.0.0"), (uint16_t)port, &out[0]) == ST_OK &&
                   net_addr_parse(SPAN("::"), (uint16_t)port, &out[1]) == ST_OK
               ? 2
               : 0;
}

static const char *unix_path(const struct net_addr *at)
{
    return ((const struct sockaddr_un *)&at->ss)->sun_path;
}

// A socket file outlives its process. Only one that refuses connections is taken away.
static bool remove_stale(const struct net_addr *at)
{
    struct stat sb;
    if (lstat(unix_path(at), &sb) == -1)
        return errno == ENOENT;
    if (!S_ISSOCK(sb.st_mode)) {
        errno = EEXIST;
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return false;
    bool is_alive =
        connect(fd, (const struct sockaddr *)&at->ss, at->len) == 0 || errno != ECONNREFUSED;
    (void)close(fd);
    if (!is_alive)
        return unlink(unix_path(at)) == 0;
    errno = EADDRINUSE;
    return false;
}

static int open_unix(const struct net_addr *at, int backlog, struct err *e)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd != -1 && remove_stale(at) && bind(fd, (const struct sockaddr *)&at->ss, at->len) == 0 &&
        chmod(unix_path(at), 0600) == 0 && listen(fd, backlog) == 0)
        return fd;
    (void)err_set(e, ST_IO, "listen on unix:%s: %s", unix_path(at), strerror(errno));
    if (fd != -1)
        (void)close(fd);
    return -1;
}

enum status listen_set_mode(const struct net_addr *at, unsigned mode, struct err *e)
{
    if (at->ss.ss_family != AF_UNIX || chmod(unix_path(at), mode) == 0)
        return ST_OK;
    return err_set(e, ST_IO, "unix:%s: %s", unix_path(at), strerror(errno));
}

void listen_unlink(const struct net_addr *at)
{
    if (at->ss.ss_family == AF_UNIX)
        (void)unlink(unix_path(at));
}

bool listen_peer_ids(int fd, uint32_t *uid, uint32_t *gid)
{
    struct ucred ids = {0};
    socklen_t len = sizeof(ids);
    int domain = 0;
    socklen_t domain_len = sizeof(domain);
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_len) == -1 || domain != AF_UNIX ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ids, &len) == -1)
        return false;
    *uid = ids.uid;
    *gid = ids.gid;
    return true;
}

int listen_open(const struct net_addr *at, int backlog, struct err *e)
{
    char text[NET_ADDR_TEXT];
    int one = 1;
    if (at->ss.ss_family == AF_UNIX)
        return open_unix(at, backlog, e);
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
