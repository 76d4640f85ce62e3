// SPDX-License-Identifier: Apache-2.0
// A connection to an operator's tool: one call at a time, answered at once or later; what follows
// stays with the stream meanwhile. Refusals that need no body are given before it comes.
#include <errno.h>
#include <stdlib.h>

#include "admin/admin_int.h"
#include "base/xalloc.h"
#include "http/h1_write.h"
#include "net/listen.h"

#define MAX_CLIENTS     64
#define IDLE_MS         15000
#define LINGER_MS       1000
#define LEAVE_MS        500 // a request may be on its way
#define ACCEPT_PAUSE_MS 100

struct admin_conn {
    TAILQ_ENTRY(admin_conn) link;
    struct admin *admin;
    struct admin_listener *listener;
    struct stream *stream;
    struct h1_parser *parser;
    struct timer *timer;
    struct deferred bury;
    struct arena arena;
    struct buf body; // may hold what must not stay in memory
    struct admin_call call;
    char peer[NET_ADDR_TEXT];
    uint32_t uid, gid; // with is_unix
    bool is_unix;
    bool has_call;    // its head is here, its answer is not out
    bool is_answered; // what comes of its body is dropped
    bool is_asked;    // the page has it
    bool is_eof;
    bool is_dead;
};

static void bury(void *arg)
{
    struct admin_conn *c = arg;
    config_release(c->call.config);
    h1_parser_free(c->parser);
    timer_free(c->timer);
    arena_wipe(&c->arena);
    buf_clear(&c->body);
    free(c);
}

static void end(struct admin_conn *c, bool gently)
{
    if (c->is_dead)
        return;
    c->is_dead = true;
    if (c->call.cancel)
        c->call.cancel(c->call.cancel_arg);
    if (gently)
        stream_close_gently(c->stream, LINGER_MS);
    else
        stream_free(c->stream);
    timer_clear(c->timer);
    TAILQ_REMOVE(&c->admin->conns, c, link);
    c->admin->n_conns--;
    loop_defer(c->admin->o.main, &c->bury);
}

bool admin_is_probe(const struct admin_call *c)
{
    return c->conn->listener->is_probe;
}

void admin_hang_up(struct admin_conn *c)
{
    end(c, false);
}

struct admin_conn *admin_conn_next(struct admin_conn *c)
{
    return TAILQ_NEXT(c, link);
}

void admin_conn_leave(struct admin_conn *c)
{
    if (!c->has_call)
        timer_set(c->timer, LEAVE_MS);
}

static void next_message(struct admin_conn *c)
{
    c->has_call = c->is_answered = c->is_asked = false;
    config_release(c->call.config);
    c->call = (struct admin_call){.conn = c, .admin = c->admin};
    buf_reset(&c->body);
    arena_reset(&c->arena);
    h1_parser_next(c->parser, &c->arena);
    timer_set(c->timer, IDLE_MS);
}

static void add(struct hdrs *h, struct arena *a, const char *name, const char *value)
{
    hdrs_add(h, a, span_of(name), span_of(value));
}

static void write_answer(struct admin_conn *c, int status, const char *type, struct span body,
                         bool keep)
{
    struct admin_call *call = &c->call;
    struct hdrs h;
    struct buf out;
    bool is_head = call->msg && span_is(call->msg->method, "HEAD");
    hdrs_init(&h);
    buf_init_secret(&out);
    add(&h, &c->arena, "Server", "sigv4-proxy");
    if (type)
        add(&h, &c->arena, "Content-Type", type);
    if (status != 204)
        add(&h, &c->arena, "Content-Length", arena_printf(&c->arena, "%zu", body.len));
    add(&h, &c->arena, "Cache-Control", "no-store");
    if (status == 405 && call->page)
        add(&h, &c->arena, "Allow", call->page->methods);
    if (status == 401)
        add(&h, &c->arena, "WWW-Authenticate", "Bearer");
    for (unsigned i = 0; i < call->extra.n; i++)
        hdrs_add(&h, &c->arena, call->extra.v[i].name, call->extra.v[i].value);
    if (!keep)
        add(&h, &c->arena, "Connection", "close");
    h1_write_response(&out, status, &h);
    if (!is_head)
        buf_add_span(&out, body);
    stream_write_secret(c->stream, buf_span(&out));
    buf_clear(&out);
}

void admin_reply(struct admin_call *call, int status, const char *type, struct span body)
{
    struct admin_conn *c = call->conn;
    bool has_read_all = c->is_asked || (call->msg && call->msg->framing == MSG_NO_BODY);
    bool keep = call->msg && call->msg->is_keep_alive && has_read_all && !c->is_eof &&
                !c->admin->is_leaving;
    call->cancel = NULL;
    write_answer(c, status, type, body, keep);
    c->is_answered = true;
    if (!keep) {
        end(c, true);
    } else if (c->is_asked) {
        next_message(c);
        stream_resume(c->stream);
    }
}

void admin_say(struct admin_call *c, int status, const char *text)
{
    admin_reply(c, status, "text/plain; charset=utf-8", arena_spanf(c->arena, "%s\n", text));
}

static void on_head(struct admin_conn *c, const struct msg *m)
{
    struct admin_call *call = &c->call;
    size_t mark = span_find(m->target, '?');
    c->has_call = true;
    call->config = config_acquire(c->admin->config);
    call->msg = m;
    call->path = span_sub(m->target, 0, mark);
    call->query = mark < m->target.len ? span_sub(m->target, mark + 1, m->target.len) : SPAN("");
    call->arena = &c->arena;
    call->peer = c->peer;
    call->client = (struct plan_client){.uid = c->uid, .gid = c->gid};
    if (!c->is_unix)
        call->client.address = (const struct sockaddr *)&stream_peer(c->stream)->ss;
    call->page = admin_page_find(call->path);
    call->is_near = c->listener->is_near && !c->listener->is_probe;
    call->is_trusted = call->is_near;
    if (!admin_admits(call))
        return;
    if (m->framing == MSG_LENGTH && m->length > ADMIN_BODY_MAX)
        admin_say(call, 413, "the body is larger than 1 MiB");
    else if (m->expects_continue && m->framing != MSG_NO_BODY)
        stream_write_span(c->stream, SPAN("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void on_body(struct admin_conn *c, struct span data)
{
    if (c->is_answered)
        return;
    if (c->body.len + data.len > ADMIN_BODY_MAX)
        admin_say(&c->call, 413, "the body is larger than 1 MiB");
    else
        buf_add_span(&c->body, data);
}

static void on_end(struct admin_conn *c)
{
    if (c->is_answered) {
        next_message(c);
        return;
    }
    c->is_asked = true;
    c->call.body = buf_span(&c->body);
    timer_clear(c->timer);
    c->call.page->answer(&c->call);
}

static void on_event(struct admin_conn *c, enum h1_event event, const struct h1_result *r)
{
    if (event == H1_HEAD)
        on_head(c, r->msg);
    else if (event == H1_DATA)
        on_body(c, r->data);
    else if (event == H1_END)
        on_end(c);
    else if (event == H1_ERROR && !c->is_answered) {
        c->call.msg = NULL; // what it said can't be trusted
        c->call.arena = &c->arena;
        admin_say(&c->call, r->status, r->reason);
    } else if (event == H1_ERROR) {
        end(c, true);
    }
}

static size_t on_data(void *arg, struct span in)
{
    struct admin_conn *c = arg;
    size_t used = 0;
    enum h1_event event = H1_MORE;
    do {
        struct h1_result r = {0};
        used += h1_parse(c->parser, span_sub(in, used, in.len), &event, &r);
        on_event(c, event, &r);
    } while (!c->is_dead && !c->is_asked && event != H1_ERROR && event != H1_MORE &&
             (event != H1_END || used < in.len));
    return c->is_dead ? in.len : used;
}

static void on_eof(void *arg)
{
    struct admin_conn *c = arg;
    c->is_eof = true;
    if (!c->is_asked)
        end(c, true);
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

// The oldest gives way: a health probe must get through.
static void make_room(struct admin *a)
{
    if (a->n_conns >= MAX_CLIENTS)
        end(TAILQ_FIRST(&a->conns), false);
}

void admin_accept(struct admin_listener *l)
{
    static const struct stream_ops ops = {.data = on_data, .eof = on_eof, .closed = on_closed};
    static const struct h1_limits limits = {.max_request_line = 16384,
                                            .max_field = 16384,
                                            .max_head = 32768,
                                            .max_fields = 64,
                                            .max_trailers = 1024};
    struct admin *a = l->admin;
    int fd = listen_accept(l->fd, NULL);
    if (fd == -1 && errno != EAGAIN) {
        // Out of descriptors: the connection stays in the queue and would be reported without end.
        watch_set(l->watch, false);
        timer_set(l->accept_again, ACCEPT_PAUSE_MS);
    }
    if (fd == -1)
        return;
    make_room(a);
    struct admin_conn *c = xcalloc(1, sizeof(*c));
    c->admin = a;
    c->listener = l;
    arena_init(&c->arena);
    buf_init_secret(&c->body);
    c->parser = h1_parser_new(H1_REQUEST, &limits);
    c->timer = timer_new(a->o.main, on_idle, c);
    c->bury = (struct deferred){.fn = bury, .arg = c};
    c->is_unix = listen_peer_ids(fd, &c->uid, &c->gid);
    c->stream = stream_new(a->o.main, fd, &ops, c);
    net_addr_format(stream_peer(c->stream), c->peer);
    TAILQ_INSERT_TAIL(&a->conns, c, link);
    a->n_conns++;
    next_message(c);
}
