// SPDX-License-Identifier: Apache-2.0
#include "net/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/span.h"
#include "base/xalloc.h"
#include "log/log.h"

#define SEND_MS 1000 // it must not hold us up

struct notify {
    int fd;
    struct sockaddr_un to;
    socklen_t to_len;
    int64_t watchdog_ms;
    char *status;
};

static const char *variable(char *const *envp, const char *name)
{
    size_t len = strlen(name);
    for (; envp && *envp; envp++)
        if (strncmp(*envp, name, len) == 0 && (*envp)[len] == '=' && (*envp)[len + 1])
            return *envp + len + 1;
    return NULL;
}

// "@name" is in the abstract namespace.
static bool set_address(struct notify *n, const char *path)
{
    size_t len = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || !path[1] || len >= sizeof(n->to.sun_path))
        return false;
    n->to.sun_family = AF_UNIX;
    memcpy(n->to.sun_path, path, len);
    if (path[0] == '@')
        n->to.sun_path[0] = '\0';
    n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '/'));
    return true;
}

static int64_t read_watchdog(char *const *envp, bool is_heir)
{
    uint64_t us = 0;
    uint64_t pid = 0;
    const char *who = variable(envp, "WATCHDOG_PID");
    if (!span_u64(span_of(variable(envp, "WATCHDOG_USEC")), &us) || us > INT64_MAX)
        return 0;
    if (who && !is_heir && (!span_u64(span_of(who), &pid) || pid != (uint64_t)getpid()))
        return 0;
    int64_t half_ms = (int64_t)(us / 2000);
    return half_ms > 0 ? half_ms : 1;
}

enum status notify_new(char *const *envp, bool is_heir, struct notify **out, struct err *e)
{
    const char *path = variable(envp, "NOTIFY_SOCKET");
    struct timeval limit = {.tv_sec = SEND_MS / 1000};
    *out = NULL;
    if (!path)
        return ST_OK;
    struct notify *n = xcalloc(1, sizeof(*n));
    n->fd = -1;
    if (!set_address(n, path)) {
        notify_free(n);
        return err_set(e, ST_INVALID, "NOTIFY_SOCKET is neither an absolute path nor @NAME");
    }
    n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (n->fd == -1 || setsockopt(n->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == -1) {
        enum status st = err_set(e, ST_IO, "NOTIFY_SOCKET: %s", strerror(errno));
        notify_free(n);
        return st;
    }
    n->watchdog_ms = read_watchdog(envp, is_heir);
    *out = n;
    return ST_OK;
}

void notify_free(struct notify *n)
{
    if (!n)
        return;
    if (n->fd != -1)
        (void)close(n->fd);
    free(n->status);
    free(n);
}

void notify_send(struct notify *n, const char *text)
{
    if (n && sendto(n->fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&n->to,
                    n->to_len) == -1)
        log_warn(NULL, "the service manager can't be told \"%.20s\": %s", text, strerror(errno));
}

void notify_reloading(struct notify *n)
{
    struct buf text;
    buf_init(&text);
    buf_addf(&text, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_us());
    notify_send(n, buf_cstr(&text));
    buf_clear(&text);
}

void notify_status(struct notify *n, const char *text)
{
    struct buf line;
    if (!n || (n->status && strcmp(n->status, text) == 0))
        return;
    free(n->status);
    n->status = xstrdup(text);
    buf_init(&line);
    buf_addf(&line, "STATUS=%s", text);
    notify_send(n, buf_cstr(&line));
    buf_clear(&line);
}

int64_t notify_watchdog_ms(const struct notify *n)
{
    return n ? n->watchdog_ms : 0;
}

bool notify_is_variable(const char *entry)
{
    static const char *const names[] = {"NOTIFY_SOCKET=", "WATCHDOG_PID=", "WATCHDOG_USEC="};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strncmp(entry, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}
