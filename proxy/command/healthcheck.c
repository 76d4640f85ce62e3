// SPDX-License-Identifier: Apache-2.0
// For HEALTHCHECK and exec probes in an image without a shell or curl: one blocking GET with a
// deadline.
#include "command/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "net/listen.h"

#define DEADLINE_S 5

static int complain(const char *what, const char *listen)
{
    return command_fail("healthcheck", "%s: %s", listen, what);
}

static int connect_to(const char *listen)
{
    struct net_addr at[2];
    struct timeval deadline = {.tv_sec = DEADLINE_S};
    if (!listen_parse(span_of(listen), at))
        return -1;
    struct net_addr a = at[0];
    if (net_addr_is_any(&a) &&
        net_addr_parse(a.ss.ss_family == AF_INET ? SPAN("127.0.0.1") : SPAN("::1"),
                       net_addr_port(&at[0]), &a) != ST_OK)
        return -1;
    int fd = socket(a.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline)) == -1 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof(deadline)) == -1 ||
        connect(fd, (const struct sockaddr *)&a.ss, a.len) == -1) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

// Reads until the peer closes or the buffer is full; the answer is short.
static size_t read_all(int fd, char *p, size_t cap)
{
    size_t len = 0;
    while (len < cap) {
        ssize_t n = recv(fd, p + len, cap - len, 0);
        if (n == -1 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    return len;
}

int command_healthcheck(const struct command_input *in)
{
    const char *listen = in->config->admin;
    const char *path = "/healthz";
    char request[256];
    char answer[2048];
    if (command_has_flag(in, "--ready"))
        path = "/readyz";
    if (!strcmp(listen, "off"))
        return complain("the admin listener is off; set `admin` to have a health check", "admin");
    int fd = connect_to(listen);
    if (fd == -1)
        return complain(strerror(errno), listen);
    int n = snprintf(request, sizeof(request),
                     "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    bool is_sent = send(fd, request, (size_t)n, MSG_NOSIGNAL) == n;
    size_t len = is_sent ? read_all(fd, answer, sizeof(answer) - 1) : 0;
    (void)close(fd);
    answer[len] = '\0';
    if (!strncmp(answer, "HTTP/1.1 200 ", 13))
        return 0;
    const char *body = strstr(answer, "\r\n\r\n");
    char *line_end = body ? strchr(body + 4, '\n') : NULL;
    if (line_end)
        *line_end = '\0';
    return complain(body ? body + 4 : "no answer", listen);
}
