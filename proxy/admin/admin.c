// SPDX-License-Identifier: Apache-2.0
// A small server of its own on main's loop: it must answer while workers are busy or stuck. One
// short answer a request, connections are kept until they idle.
#include "admin/admin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "http/h1_parser.h"
#include "http/h1_write.h"
#include "http/uri.h"
#include "log/log.h"
#include "net/listen.h"
#include "net/stream.h"

#define MAX_CLIENTS     64
#define IDLE_MS         15000
#define ACCEPT_PAUSE_MS 100

struct admin_conn {
    TAILQ_ENTRY(admin_conn) link;
    struct admin *admin;
    struct stream *stream;
    struct h1_parser *parser;
    struct timer *timer;
    struct deferred bury;
    struct arena arena;
    const struct msg *msg;
    bool is_dead;
};
TAILQ_HEAD(admin_conns, admin_conn);

struct admin {
    struct admin_options o;
    int fd;
    struct watch *watch;
    struct timer *accept_again; // after running out of descriptors
    struct admin_conns conns;
    unsigned n_conns;
};

struct answer {
    int status;
    const char *text;
};

static void bury(void *arg)
{
    struct admin_conn *c = arg;
    h1_parser_free(c->parser);
    timer_free(c->timer);
    arena_clear(&c->arena);
    free(c);
}

static void end(struct admin_conn *c, bool gently)
{
    if (c->is_dead)
        return;
    c->is_dead = true;
    if (gently)
        stream_close_gently(c->stream, 1000);
    else
        stream_free(c->stream);
    timer_clear(c->timer);
    TAILQ_REMOVE(&c->admin->conns, c, link);
    c->admin->n_conns--;
    loop_defer(c->admin->o.main, &c->bury);
}

static bool is_own_host(const struct msg *m, struct arena *a)
{
    struct uri_authority host;
    struct net_addr addr;
    struct span value = hdrs_get(&m->hdrs, SPAN("host"));
    if (!value.p)
        return m->minor == 0;
    if (uri_parse_authority(value, a, &host, NULL) != ST_OK)
        return false;
    if (host.kind == URI_NAME)
        return span_is(host.host, "localhost");
    return net_addr_parse(host.host, 0, &addr) == ST_OK && net_addr_is_loopback(&addr);
}

static bool is_from_page(const struct msg *m)
{
    struct span site = hdrs_get(&m->hdrs, SPAN("sec-fetch-site"));
    bool is_same = !site.p || span_is(site, "none") || span_is(site, "same-origin");
    return !is_same || hdrs_get(&m->hdrs, SPAN("origin")).p;
}

static struct answer judge(struct admin_conn *c, const struct msg *m, struct err *why)
{
    struct admin *a = c->admin;
    struct span path = span_sub(m->target, 0, span_find(m->target, '?'));
    bool is_health = span_is(path, "/healthz");
    bool is_ready = span_is(path, "/readyz");
    if (!is_own_host(m, &c->arena))
        return (struct answer){403, "Host is not a loopback name or address"};
    if (is_from_page(m))
        return (struct answer){403, "requests of web pages are not answered"};
    if (!is_health && !is_ready)
        return (struct answer){404, "there are /healthz and /readyz"};
    if (!span_is(m->method, "GET") && !span_is(m->method, "HEAD"))
        return (struct answer){405, "GET or HEAD"};
    if (is_health ? a->o.is_healthy(a->o.arg, why) : a->o.is_ready(a->o.arg, why))
        return (struct answer){200, "ok"};
    return (struct answer){503, why->text};
}

static void reply(struct admin_conn *c, struct answer an)
{
    struct hdrs h;
    struct buf out;
    bool is_head = c->msg && span_is(c->msg->method, "HEAD");
    bool keep = c->msg && c->msg->is_keep_alive && c->msg->framing == MSG_NO_BODY;
    hdrs_init(&h);
    buf_init(&out);
    hdrs_add(&h, &c->arena, SPAN("Server"), SPAN("sigv4-proxy"));
    hdrs_add(&h, &c->arena, SPAN("Content-Type"), SPAN("text/plain"));
    hdrs_add(&h, &c->arena, SPAN("Content-Length"),
             arena_spanf(&c->arena, "%zu", strlen(an.text) + 1));
    hdrs_add(&h, &c->arena, SPAN("Cache-Control"), SPAN("no-store"));
    if (an.status == 405)
        hdrs_add(&h, &c->arena, SPAN("Allow"), SPAN("GET, HEAD"));
    if (!keep)
        hdrs_add(&h, &c->arena, SPAN("Connection"), SPAN("close"));
    h1_write_response(&out, an.status, &h);
    if (!is_head)
        buf_addf(&out, "%s\n", an.text);
    stream_write_span(c->stream, buf_span(&out));
    buf_clear(&out);
    if (!keep)
        end(c, true);
}

static void next_message(struct admin_conn *c)
{
    c->msg = NULL;
    arena_reset(&c->arena);
    h1_parser_next(c->parser, &c->arena);
    timer_set(c->timer, IDLE_MS);
}

static size_t on_data(void *arg, struct span in)
{
    struct admin_conn *c = arg;
    size_t used = 0;
    enum h1_event event = H1_MORE;
    do {
        struct h1_result r = {0};
        struct err why = {""};
        used += h1_parse(c->parser, span_sub(in, used, in.len), &event, &r);
        if (event == H1_HEAD) {
            c->msg = r.msg;
            reply(c, judge(c, r.msg, &why));
        } else if (event == H1_ERROR) {
            reply(c, (struct answer){r.status, r.reason});
        } else if (event == H1_END) {
            next_message(c);
        }
    } while (!c->is_dead && event != H1_ERROR && (used < in.len || event == H1_HEAD));
    return in.len;
}

static void on_eof(void *arg)
{
    end(arg, true);
}

static void on_closed(void *arg, enum stream_fail why, const char *text)
{
    (void)why;
    (void)text;
    end(arg, false);
}

static void on_idle(void *arg)
{
    end(arg, false);
}

static void on_accept_again(void *arg)
{
    struct admin *a = arg;
    watch_set(a->watch, true);
}

// Out of descriptors: the connection stays in the queue and would be reported without end.
static void pause_accepting(struct admin *a)
{
    watch_set(a->watch, false);
    timer_set(a->accept_again, ACCEPT_PAUSE_MS);
}

static void on_connection(void *arg)
{
    static const struct stream_ops ops = {.data = on_data, .eof = on_eof, .closed = on_closed};
    static const struct h1_limits limits = {.max_request_line = 4096,
                                            .max_field = 8192,
                                            .max_head = 16384,
                                            .max_fields = 64,
                                            .max_trailers = 1024};
    struct admin *a = arg;
    int fd = accept4(a->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd == -1) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            pause_accepting(a);
        return;
    }
    if (a->n_conns >= MAX_CLIENTS)
        end(TAILQ_FIRST(&a->conns), false); // the oldest: a health probe must get through
    struct admin_conn *c = xcalloc(1, sizeof(*c));
    c->admin = a;
    arena_init(&c->arena);
    c->parser = h1_parser_new(H1_REQUEST, &limits);
    c->timer = timer_new(a->o.main, on_idle, c);
    c->bury = (struct deferred){.fn = bury, .arg = c};
    c->stream = stream_new(a->o.main, fd, &ops, c);
    TAILQ_INSERT_TAIL(&a->conns, c, link);
    a->n_conns++;
    next_message(c);
}

enum status admin_start(const struct admin_options *o, struct admin **out, struct err *e)
{
    struct net_addr addr;
    struct span s = span_of(o->listen);
    size_t colon = span_rfind(s, ':');
    uint64_t port = 0;
    if (!span_u64(span_sub(s, colon + 1, s.len), &port) || port > 65535 ||
        net_addr_parse(span_sub(s, 0, colon), (uint16_t)port, &addr) != ST_OK)
        return err_set(e, ST_INVALID, "admin: \"%s\" is not ADDRESS:PORT", o->listen);
    if (!net_addr_is_loopback(&addr))
        return err_set(e, ST_DENIED, "admin: \"%s\" is not a loopback address; use 127.0.0.1:PORT",
                       o->listen);
    int fd = listen_open(&addr, 64, e);
    if (fd == -1)
        return err_wrap(e, ST_IO, "admin");
    struct admin *a = xcalloc(1, sizeof(*a));
    a->o = *o;
    a->fd = fd;
    TAILQ_INIT(&a->conns);
    a->watch = watch_new(o->main, fd, on_connection, a);
    a->accept_again = timer_new(o->main, on_accept_again, a);
    *out = a;
    return ST_OK;
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    while (!TAILQ_EMPTY(&a->conns))
        end(TAILQ_FIRST(&a->conns), false);
    watch_free(a->watch);
    timer_free(a->accept_again);
    (void)close(a->fd);
    free(a);
}
