// SPDX-License-Identifier: Apache-2.0
// The program's own clock_gettime, epoll_wait, connect and write stand in front of libc's, also for
// libevent: so the code under test is the one that ships, without a hook in it. A loop that would
// wait is stopped instead, and a connection is one end of a socket pair.
#include "connection_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define START_NS   ((int64_t)1000000 * 1000000000)
#define MAX_ROUNDS 2000
#define MAX_POLLS  20000
#define SMALL      4096
#define PEER_MAX   ((size_t)4 << 20)

struct rig_world rig;

static int64_t now_ns = START_NS;
static struct loop *turning;
static unsigned n_polls, n_events;
static bool is_stopping;
static int wait_ms; // what the loop would have waited

// ---- what libc would do

int clock_gettime(clockid_t id, struct timespec *ts)
{
    if (id != CLOCK_MONOTONIC && id != CLOCK_MONOTONIC_COARSE && id != CLOCK_MONOTONIC_RAW &&
        id != CLOCK_BOOTTIME)
        return (int)syscall(SYS_clock_gettime, id, ts);
    ts->tv_sec = (time_t)(now_ns / 1000000000);
    ts->tv_nsec = (long)(now_ns % 1000000000);
    return 0;
}

static int poll_now(int fd, struct epoll_event *got, int max)
{
#ifdef SYS_epoll_wait
    return (int)syscall(SYS_epoll_wait, fd, got, max, 0);
#else
    return (int)syscall(SYS_epoll_pwait, fd, got, max, 0, NULL, 8);
#endif
}

int epoll_wait(int fd, struct epoll_event *got, int max, int timeout)
{
    int n = poll_now(fd, got, max);
    RIG_REQUIRE(++n_polls < MAX_POLLS, "a loop spins");
    if (n > 0 && !is_stopping)
        n_events += (unsigned)n;
    if (n == 0 && timeout != 0 && !is_stopping) {
        is_stopping = true;
        wait_ms = timeout;
        loop_stop(turning); // wakes it
        n = poll_now(fd, got, max);
    }
    return n;
}

ssize_t write(int fd, const void *p, size_t len)
{
    if (fd != STDERR_FILENO || !rig.is_on)
        return syscall(SYS_write, fd, p, len);
    buf_add(&rig.log, p, len);
    return (ssize_t)len;
}

static bool may_be_dialled(const struct sockaddr *to, uint16_t *port)
{
    struct sockaddr_in in;
    if (to->sa_family != AF_INET)
        return false;
    memcpy(&in, to, sizeof(in));
    *port = ntohs(in.sin_port);
    if (in.sin_addr.s_addr == htonl(INADDR_LOOPBACK))
        return *port == RIG_UPSTREAM;
    return in.sin_addr.s_addr == inet_addr(RIG_NAME_OK);
}

static void pair(int out[2])
{
    int small = SMALL;
    RIG_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, out) == 0,
                "socketpair");
    for (int i = 0; rig.is_small && i < 2; i++)
        (void)setsockopt(out[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
}

static void fill(int fd)
{
    static const char junk[4096];
    while (send(fd, junk, sizeof(junk), MSG_NOSIGNAL) > 0)
        ;
    while (send(fd, junk, 1, MSG_NOSIGNAL) > 0)
        ;
}

static struct rig_peer *add_peer(struct rig_peer *all, unsigned *n, int fd)
{
    struct rig_peer *p = &all[(*n)++];
    memset(p, 0, sizeof(*p));
    buf_init(&p->got);
    p->fd = fd;
    return p;
}

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
    int ends[2];
    uint16_t port = 0;
    (void)len;
    RIG_REQUIRE(may_be_dialled(to, &port), "an address was dialled that must not be");
    if (rig.connects == RIG_REFUSES || rig.n_upstreams == RIG_PEERS) {
        errno = ECONNREFUSED;
        return -1;
    }
    pair(ends);
    RIG_REQUIRE(dup3(ends[0], fd, O_CLOEXEC) == fd, "dup3");
    (void)close(ends[0]);
    struct rig_peer *p = add_peer(rig.upstreams, &rig.n_upstreams, ends[1]);
    p->port = port;
    if (rig.connects == RIG_HANGS) {
        fill(fd); // not writable: the handshake does not end
        p->is_deaf = true;
        p->port = 0;
    }
    errno = EINPROGRESS;
    return -1;
}

// ---- time and peers

static bool collect(struct rig_peer *p)
{
    char piece[16384];
    bool is_news = false;
    while (p->fd != -1 && !p->is_deaf && !p->is_ended) {
        ssize_t n = recv(p->fd, piece, sizeof(piece), 0);
        if (n < 0 && errno == EAGAIN)
            break;
        is_news = true;
        if (n <= 0)
            p->is_ended = true;
        else if (p->got.len < PEER_MAX)
            buf_add(&p->got, piece, (size_t)n);
    }
    return is_news;
}

static bool turn(struct loop *l)
{
    turning = l;
    is_stopping = false;
    n_polls = n_events = 0;
    loop_run(l);
    return n_events > 0;
}

void rig_settle(void)
{
    bool is_news = true;
    for (unsigned round = 0; is_news; round++) {
        RIG_REQUIRE(round < MAX_ROUNDS, "it does not come to rest");
        is_news = false;
        for (unsigned i = 0; i < 2; i++)
            is_news |= turn(rig.loops[i]);
        for (unsigned i = 0; i < rig.n_clients; i++)
            is_news |= collect(&rig.clients[i]);
        for (unsigned i = 0; i < rig.n_upstreams; i++)
            is_news |= collect(&rig.upstreams[i]);
    }
}

void rig_pass(int64_t ms)
{
    now_ns += ms * 1000000;
    rig_settle();
}

int64_t rig_next_ms(void)
{
    int64_t next = -1;
    for (unsigned i = 0; i < 2; i++) {
        (void)turn(rig.loops[i]);
        if (wait_ms >= 0 && (next < 0 || wait_ms < next))
            next = wait_ms;
    }
    return next;
}

static int lowest_fd(void)
{
    int fd = dup(STDERR_FILENO);
    (void)close(fd);
    return fd;
}

static void tell_log(void)
{
    rig.is_on = false;
    (void)fprintf(stderr, "%.*s", SPAN_ARG(rig.log));
}

void rig_begin(void)
{
    check_on_fail = tell_log;
    memset(&rig, 0, sizeof(rig));
    now_ns = START_NS;
    rig.first_fd = lowest_fd();
    rig.is_on = true;
    buf_init(&rig.log);
}

int rig_open_client(void)
{
    int ends[2];
    pair(ends);
    (void)add_peer(rig.clients, &rig.n_clients, ends[1]);
    return ends[0];
}

void rig_send(struct rig_peer *p, struct span data)
{
    bool was_full = false;
    while (data.len && p->fd != -1) {
        ssize_t n = send(p->fd, data.p, data.len, MSG_NOSIGNAL);
        if (n <= 0 && was_full)
            return;
        was_full = n <= 0;
        if (n > 0)
            data = span_sub(data, (size_t)n, data.len);
        rig_settle();
    }
}

void rig_fin(struct rig_peer *p)
{
    if (p->fd != -1)
        (void)shutdown(p->fd, SHUT_WR);
}

void rig_close(struct rig_peer *p)
{
    if (p->fd != -1)
        (void)close(p->fd);
    p->fd = -1;
}

void rig_end(void)
{
    for (unsigned i = 0; i < rig.n_clients; i++) {
        rig_close(&rig.clients[i]);
        buf_clear(&rig.clients[i].got);
    }
    for (unsigned i = 0; i < rig.n_upstreams; i++) {
        rig_close(&rig.upstreams[i]);
        buf_clear(&rig.upstreams[i].got);
    }
    RIG_REQUIRE(lowest_fd() == rig.first_fd, "a descriptor was left open");
    rig.is_on = false;
    buf_clear(&rig.log);
}
