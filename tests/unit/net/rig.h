// SPDX-License-Identifier: Apache-2.0
// A real loop for tests: runs until a counter is reached or time is over; an owner that records
// what its stream tells; socket pairs; data whose bytes are known from their position.
#ifndef TESTS_UNIT_NET_RIG_H
#define TESTS_UNIT_NET_RIG_H

#include "unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/listen.h"
#include "net/loop.h"
#include "net/stream.h"

#define RIG_WAIT_MS 120000
#define MIB         (1024 * 1024)

struct rig_wait {
    struct loop *loop;
    struct timer *tick;
    const int *count;
    int want;
    int64_t end_ms;
};

static inline void rig_tick(void *arg)
{
    struct rig_wait *w = arg;
    if ((w->count && *w->count >= w->want) || loop_now_ms(w->loop) >= w->end_ms)
        loop_stop(w->loop);
    else
        timer_set(w->tick, 1);
}

// Runs until *count >= want, at most for ms. Returns whether it came so far.
static inline bool rig_reaches(struct loop *l, const int *count, int want, int ms)
{
    struct rig_wait w = {.loop = l, .count = count, .want = want};
    w.end_ms = loop_now_ms(l) + ms;
    w.tick = timer_new(l, rig_tick, &w);
    timer_set(w.tick, 0);
    loop_run(l);
    timer_free(w.tick);
    return count && *count >= want;
}

static inline void rig_until(struct loop *l, const int *count, int want)
{
    assert_true(rig_reaches(l, count, want, RIG_WAIT_MS));
}

static inline void rig_for(struct loop *l, int ms)
{
    (void)rig_reaches(l, NULL, 1, ms);
}

static inline struct loop *rig_loop(void)
{
    struct err e;
    struct loop *l = loop_new("test", &e);
    assert_non_null(l);
    return l;
}

struct owner {
    struct loop *loop;
    struct stream *s;
    char got[1 << 16]; // the first bytes
    size_t n;          // all of them
    size_t take;       // at most so many a call, 0: all
    int calls, eofs, hups, drains, readies, ends;
    enum stream_fail why;
    char text[256];
    bool is_inside; // a stream_* call must not call back
    void (*on_data)(struct owner *o);
    void (*on_drained)(struct owner *o);
    void (*on_ready)(struct owner *o);
    void (*on_end)(struct owner *o);
    void (*check)(struct owner *o, struct span in);
    void *more;
};

static inline size_t owner_data(void *arg, struct span in)
{
    struct owner *o = arg;
    assert_false(o->is_inside);
    size_t n = o->take && o->take < in.len ? o->take : in.len;
    if (o->check)
        o->check(o, span_sub(in, 0, n));
    for (size_t i = 0; i < n && o->n + i < sizeof(o->got); i++)
        o->got[o->n + i] = in.p[i];
    o->n += n;
    o->calls++;
    if (o->on_data)
        o->on_data(o);
    return n;
}

static inline void owner_eof(void *arg)
{
    struct owner *o = arg;
    assert_false(o->is_inside);
    o->eofs++;
    if (o->on_end)
        o->on_end(o);
}

static inline void owner_hup(void *arg)
{
    struct owner *o = arg;
    assert_false(o->is_inside);
    o->hups++;
}

static inline void owner_drained(void *arg)
{
    struct owner *o = arg;
    assert_false(o->is_inside);
    o->drains++;
    if (o->on_drained)
        o->on_drained(o);
}

static inline void owner_ready(void *arg)
{
    struct owner *o = arg;
    assert_false(o->is_inside);
    o->readies++;
    if (o->on_ready)
        o->on_ready(o);
}

static inline void owner_closed(void *arg, enum stream_fail why, const char *text)
{
    struct owner *o = arg;
    assert_false(o->is_inside);
    o->ends++;
    o->why = why;
    (void)snprintf(o->text, sizeof(o->text), "%s", text);
    if (o->on_end)
        o->on_end(o);
}

static const struct stream_ops owner_ops = {.data = owner_data,
                                            .eof = owner_eof,
                                            .hup = owner_hup,
                                            .drained = owner_drained,
                                            .ready = owner_ready,
                                            .closed = owner_closed};

static inline struct owner *owner_new(struct loop *l)
{
    struct owner *o = calloc(1, sizeof(*o));
    assert_non_null(o);
    o->loop = l;
    return o;
}

static inline void owner_free(struct owner *o)
{
    stream_free(o->s);
    free(o);
}

// An owner with a stream on one end of a Unix socket pair; *fd is the other end, blocking.
static inline struct owner *owner_on_pair(struct loop *l, int *fd)
{
    int p[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
    struct owner *o = owner_new(l);
    o->s = stream_new(l, p[0], &owner_ops, o);
    *fd = p[1];
    return o;
}

static inline int rig_listen(struct net_addr *at)
{
    struct err e;
    assert_int_equal(net_addr_parse(SPAN("127.0.0.1"), 0, at), ST_OK);
    int fd = listen_open(at, 128, &e);
    assert_true(fd != -1);
    assert_true(listen_address(fd, at));
    return fd;
}

// The same over TCP: for resets.
static inline struct owner *owner_on_tcp(struct loop *l, int *fd)
{
    struct net_addr at;
    int listener = rig_listen(&at);
    int mine = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(mine, (struct sockaddr *)&at.ss, at.len), 0);
    int theirs = accept(listener, NULL, NULL);
    assert_true(theirs != -1);
    assert_int_equal(close(listener), 0);
    struct owner *o = owner_new(l);
    o->s = stream_new(l, mine, &owner_ops, o);
    *fd = theirs;
    return o;
}

static inline void rig_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    assert_int_equal(close(fd), 0);
}

// A reader that waits for this lets the writer's queue fill up first.
static atomic_bool rig_gate;

static inline void rig_wait_at_gate(void)
{
    while (!atomic_load(&rig_gate))
        usleep(1000);
}

// Byte at a position of the endless test data: no period that a buffer length could hit.
static inline unsigned char rig_byte(uint64_t at)
{
    uint64_t z = (at >> 3) * 0x9e3779b97f4a7c15u;
    z ^= z >> 29;
    return (unsigned char)(z >> (8 * (at & 7)));
}

static inline void rig_fill(char *p, size_t len, uint64_t at)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (char)rig_byte(at + i);
}

static inline bool rig_matches(const char *p, size_t len, uint64_t at)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)p[i] != rig_byte(at + i))
            return false;
    return true;
}

static inline void put(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static inline void take_all(int fd, char *to, size_t len)
{
    size_t n = 0;
    while (n < len) {
        ssize_t got = read(fd, to + n, len - n);
        assert_true(got > 0);
        n += (size_t)got;
    }
}

// Writes more than goes out at once; returns what went.
static inline size_t fill_up(struct owner *o)
{
    static char block[65536];
    while (stream_queued(o->s) < 2 * STREAM_LOW_WATER)
        stream_write_span(o->s, span_from(block, sizeof(block)));
    return (size_t)stream_bytes_out(o->s);
}

#endif
