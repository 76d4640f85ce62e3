// SPDX-License-Identifier: Apache-2.0
// A server on loopback that lives on the test's own loop, so that no thread and no sleep is needed:
// each complete request goes to a function of the test, which answers it, breaks it or stays
// silent.
#ifndef TESTS_UNIT_MOCK_H
#define TESTS_UNIT_MOCK_H

#include "unit/test.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "net/listen.h"
#include "net/loop.h"
#include "net/stream.h"

#define MOCK_CONNS_MAX 64

struct mock;
struct mock_conn {
    struct mock *mock;
    struct stream *stream;
    struct buf in;
    bool is_answered;
};

struct mock {
    struct loop *loop;
    int fd;
    uint16_t port;
    struct watch *watch;
    // Gets the request with a NUL behind it; answers with mock_say or mock_say_status, or not at
    // all.
    void (*serve)(struct mock *m, struct mock_conn *c, const char *request);
    void *arg;
    struct mock_conn *conns[MOCK_CONNS_MAX];
    unsigned n_conns;
    unsigned n_requests;
    char last[32768]; // the last request
};

// Sends text as it is and closes behind it.
static inline void mock_say(struct mock_conn *c, const char *text)
{
    c->is_answered = true;
    stream_write_span(c->stream, span_of(text));
    stream_shutdown(c->stream);
}

static inline void mock_say_status(struct mock_conn *c, int status, const char *fields,
                                   const char *body)
{
    struct buf b;
    buf_init(&b);
    buf_addf(&b, "HTTP/1.1 %d Mock\r\nContent-Length: %zu\r\n%s\r\n%s", status, strlen(body),
             fields, body);
    mock_say(c, buf_cstr(&b));
    buf_clear(&b);
}

static inline bool mock_is_complete(struct buf *in)
{
    const char *text = buf_cstr(in);
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "\r\ncontent-length: ");
    if (!end)
        return false;
    size_t body = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
    return in->len >= (size_t)(end + 4 - text) + body;
}

static inline size_t mock_data(void *arg, struct span in)
{
    struct mock_conn *c = arg;
    struct mock *m = c->mock;
    buf_add_span(&c->in, in);
    if (!c->is_answered && mock_is_complete(&c->in)) {
        m->n_requests++;
        (void)snprintf(m->last, sizeof(m->last), "%s", buf_cstr(&c->in));
        m->serve(m, c, m->last);
    }
    return in.len;
}

static inline void mock_eof(void *arg)
{
    (void)arg;
}

static inline void mock_closed(void *arg, enum stream_fail why, const char *text)
{
    struct mock_conn *c = arg;
    (void)why;
    (void)text;
    stream_free(c->stream);
    c->stream = NULL;
}

static inline void mock_accept(void *arg)
{
    static const struct stream_ops ops = {
        .data = mock_data, .eof = mock_eof, .closed = mock_closed};
    struct mock *m = arg;
    int fd = listen_accept(m->fd, NULL);
    if (fd == -1)
        return;
    assert_true(m->n_conns < MOCK_CONNS_MAX);
    struct mock_conn *c = xcalloc(1, sizeof(*c));
    c->mock = m;
    buf_init(&c->in);
    c->stream = stream_new(m->loop, fd, &ops, c);
    m->conns[m->n_conns++] = c;
}

static inline struct mock *
mock_new(struct loop *l, void (*serve)(struct mock *, struct mock_conn *, const char *), void *arg)
{
    struct mock *m = xcalloc(1, sizeof(*m));
    struct net_addr at;
    struct err e;
    assert_int_equal(net_addr_parse(SPAN("127.0.0.1"), 0, &at), ST_OK);
    m->loop = l;
    m->serve = serve;
    m->arg = arg;
    m->fd = listen_open(&at, 64, &e);
    assert_true(m->fd != -1);
    assert_true(listen_address(m->fd, &at));
    m->port = net_addr_port(&at);
    m->watch = watch_new(l, m->fd, mock_accept, m);
    return m;
}

// From now on connections are refused; those that stand are reset.
static inline void mock_close(struct mock *m)
{
    watch_free(m->watch);
    m->watch = NULL;
    if (m->fd != -1)
        (void)close(m->fd);
    m->fd = -1;
}

static inline void mock_free(struct mock *m)
{
    mock_close(m);
    for (unsigned i = 0; i < m->n_conns; i++) {
        stream_free(m->conns[i]->stream);
        buf_clear(&m->conns[i]->in);
        free(m->conns[i]);
    }
    free(m);
}

#endif
