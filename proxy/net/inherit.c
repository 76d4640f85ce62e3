// SPDX-License-Identifier: Apache-2.0
// The successor's variable: "channel=7 listen=8 listen+=9 admin=10 probe=11", the + for sockets
// that once came from a service manager: the successor may have no other word for where to listen.
#include "net/inherit.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/span.h"
#include "base/xalloc.h"
#include "log/log.h"
#include "net/listen.h"

#define FIRST_FD      3
#define SOCKETS_MAX   64
#define BACKLOG       1024
#define BACKLOG_ADMIN 64

struct socket_passed {
    int fd; // -1: taken
    enum inherit_use use;
    bool is_activated;
    struct net_addr at;
};

struct inherit {
    struct socket_passed v[SOCKETS_MAX];
    unsigned n;
    int channel; // -1: none
};

static const char *const uses[] = {
    [INHERIT_LISTEN] = "listen", [INHERIT_ADMIN] = "admin", [INHERIT_PROBE] = "probe"};

static struct span variable(char *const *envp, const char *name)
{
    size_t len = strlen(name);
    for (; envp && *envp; envp++)
        if (strncmp(*envp, name, len) == 0 && (*envp)[len] == '=')
            return span_of(*envp + len + 1);
    return (struct span){NULL, 0};
}

static int get_option(int fd, int what)
{
    int value = 0;
    socklen_t len = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, what, &value, &len) == -1 ? -1 : value;
}

static bool is_listening(int fd)
{
    int family = get_option(fd, SO_DOMAIN);
    return get_option(fd, SO_TYPE) == SOCK_STREAM && get_option(fd, SO_ACCEPTCONN) == 1 &&
           (family == AF_INET || family == AF_INET6 || family == AF_UNIX);
}

static bool claim(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != -1 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) != -1;
}

static enum status add(struct inherit *i, const char *source, const struct socket_passed *s,
                       struct err *e)
{
    if (i->n == SOCKETS_MAX)
        return err_set(e, ST_LIMIT, "%s: more than %d sockets", source, SOCKETS_MAX);
    if (!is_listening(s->fd) || !claim(s->fd))
        return err_set(e, ST_INVALID, "%s: descriptor %d is no listening stream socket", source,
                       s->fd);
    struct socket_passed *new = &i->v[i->n];
    *new = *s;
    if (!listen_address(s->fd, &new->at))
        return err_set(e, ST_IO, "%s: descriptor %d: %s", source, s->fd, strerror(errno));
    i->n++;
    return ST_OK;
}

// ---- from a service manager

static enum inherit_use use_of(struct span name)
{
    for (enum inherit_use use = INHERIT_ADMIN; use <= INHERIT_PROBE; use++)
        if (span_is(name, uses[use]))
            return use;
    return INHERIT_LISTEN; // the unit's name, or whatever somebody chose
}

static enum status read_activation(struct inherit *i, char *const *envp, struct err *e)
{
    uint64_t pid = 0;
    uint64_t n = 0;
    struct span names = variable(envp, "LISTEN_FDNAMES");
    if (!span_u64(variable(envp, "LISTEN_PID"), &pid) || pid != (uint64_t)getpid())
        return ST_OK; // meant for another process
    if (!span_u64(variable(envp, "LISTEN_FDS"), &n) || n > SOCKETS_MAX)
        return err_set(e, ST_INVALID, "LISTEN_FDS is no number up to %d", SOCKETS_MAX);
    for (int fd = FIRST_FD; fd < FIRST_FD + (int)n; fd++) {
        struct span name = {NULL, 0};
        (void)span_next(&names, ':', &name);
        struct socket_passed s = {.fd = fd, .use = use_of(name), .is_activated = true};
        enum status st = add(i, "LISTEN_FDS", &s, e);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

// ---- from a predecessor

static enum status read_item(struct inherit *i, struct span item, struct err *e)
{
    size_t eq = span_find(item, '=');
    struct span name = span_sub(item, 0, eq);
    uint64_t fd = 0;
    bool is_activated = span_ends(name, SPAN("+"));
    if (!span_u64(span_sub(item, eq + 1, item.len), &fd) || fd < FIRST_FD || fd > 1 << 20)
        return err_set(e, ST_INVALID, INHERIT_VARIABLE " is set by this proxy only");
    if (is_activated)
        name.len--;
    if (span_is(name, "channel")) {
        i->channel = (int)fd;
        return claim(i->channel) ? ST_OK
                                 : err_set(e, ST_IO, INHERIT_VARIABLE ": %s", strerror(errno));
    }
    struct socket_passed s = {.fd = (int)fd, .use = use_of(name), .is_activated = is_activated};
    return add(i, INHERIT_VARIABLE, &s, e);
}

static enum status read_upgrade(struct inherit *i, char *const *envp, struct err *e)
{
    struct span rest = variable(envp, INHERIT_VARIABLE);
    struct span item;
    while (rest.len && span_next(&rest, ' ', &item)) {
        enum status st = read_item(i, item, e);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

enum status inherit_new(char *const *envp, struct inherit **out, struct err *e)
{
    struct inherit *i = xcalloc(1, sizeof(*i));
    i->channel = -1;
    enum status st = read_upgrade(i, envp, e);
    if (st == ST_OK && i->channel == -1)
        st = read_activation(i, envp, e);
    if (st != ST_OK)
        inherit_free(i);
    else
        *out = i;
    return st;
}

void inherit_free(struct inherit *i)
{
    char name[NET_ADDR_TEXT];
    if (!i)
        return;
    for (unsigned k = 0; k < i->n; k++) {
        if (i->v[k].fd == -1)
            continue;
        net_addr_format(&i->v[k].at, name);
        log_info(NULL, "%s is listened on no longer", name);
        (void)close(i->v[k].fd);
    }
    if (i->channel != -1)
        (void)close(i->channel);
    free(i);
}

// ---- who takes them

bool inherit_is_activated(const struct inherit *i, enum inherit_use use)
{
    for (unsigned k = 0; i && k < i->n; k++)
        if (i->v[k].use == use && i->v[k].is_activated)
            return true;
    return false;
}

int inherit_next(struct inherit *i, enum inherit_use use, struct net_addr *at)
{
    for (unsigned k = 0; i && k < i->n; k++) {
        struct socket_passed *s = &i->v[k];
        if (s->fd == -1 || s->use != use || !s->is_activated)
            continue;
        int fd = s->fd;
        *at = s->at;
        s->fd = -1;
        return fd;
    }
    return -1;
}

static bool is_same(const struct net_addr *is, const struct net_addr *wanted)
{
    uint16_t port = net_addr_port(wanted);
    if (is->ss.ss_family != wanted->ss.ss_family)
        return false;
    if (is->ss.ss_family == AF_UNIX)
        return strncmp(((const struct sockaddr_un *)&is->ss)->sun_path,
                       ((const struct sockaddr_un *)&wanted->ss)->sun_path,
                       sizeof(((struct sockaddr_un *)0)->sun_path)) == 0;
    return net_addr_same_ip(is, wanted) && (!port || port == net_addr_port(is));
}

int inherit_take(struct inherit *i, enum inherit_use use, const struct net_addr *at)
{
    for (unsigned k = 0; i && k < i->n; k++) {
        struct socket_passed *s = &i->v[k];
        if (s->fd == -1 || s->use != use || s->is_activated || !is_same(&s->at, at))
            continue;
        int fd = s->fd;
        s->fd = -1;
        return fd;
    }
    return -1;
}

int inherit_or_open(struct inherit *i, enum inherit_use use, const struct net_addr *at,
                    bool *is_lent, struct err *e)
{
    int fd = inherit_take(i, use, at);
    *is_lent = fd != -1;
    return fd != -1 ? fd : listen_open(at, use == INHERIT_LISTEN ? BACKLOG : BACKLOG_ADMIN, e);
}

int inherit_channel(struct inherit *i)
{
    int fd = i ? i->channel : -1;
    if (i)
        i->channel = -1;
    return fd;
}

// ---- for a successor

void inherit_write_channel(struct buf *out, int fd)
{
    buf_addf(out, INHERIT_VARIABLE "=channel=%d", fd);
}

void inherit_write(struct buf *out, enum inherit_use use, int fd, bool is_activated)
{
    buf_addf(out, " %s%s=%d", uses[use], is_activated ? "+" : "", fd);
}

bool inherit_is_variable(const char *entry)
{
    static const char *const names[] = {
        "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=", INHERIT_VARIABLE "="};
    for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
        if (strncmp(entry, names[k], strlen(names[k])) == 0)
            return true;
    return false;
}
