// SPDX-License-Identifier: Apache-2.0
// One CONNECT and its answer's head. The head is read by the strict parser; of the proxy's body,
// which may be a page of any length, nothing is read. The request holds a secret: it is written
// from a buffer that is wiped.
#include "client/via_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/digest.h"
#include "base/xalloc.h"
#include "http/h1_parser.h"

#define MAX_INTERIM 8

struct via_talk {
    struct stream *stream; // borrowed
    struct h1_parser *parser;
    struct arena arena;
    via_done_fn done;
    void *arg;
    unsigned n_interim;
    bool is_over;
    bool is_gone;
};

// ---- the request

static void add_decoded(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        int high = i + 2 < s.len && s.p[i] == '%' ? hex_value(s.p[i + 1]) : -1;
        int low = high >= 0 ? hex_value(s.p[i + 2]) : -1;
        if (low >= 0) {
            buf_add_char(out, (char)(high << 4 | low));
            i += 2;
        } else {
            buf_add_char(out, s.p[i]);
        }
    }
}

// RFC 7617: user and password with a colon between them.
static void add_authorization(struct buf *head, struct span userinfo)
{
    struct buf plain;
    if (!userinfo.len)
        return;
    buf_init_secret(&plain);
    add_decoded(&plain, userinfo);
    if (span_find(userinfo, ':') == userinfo.len)
        buf_add_char(&plain, ':');
    buf_add_str(head, "Proxy-Authorization: Basic ");
    base64_encode(buf_span(&plain), head);
    buf_add_str(head, "\r\n");
    buf_clear(&plain);
}

static void send_request(struct stream *s, const struct origin *o)
{
    struct buf head;
    bool is_v6 = strchr(o->host, ':') != NULL;
    const char *open = is_v6 ? "[" : "";
    const char *close = is_v6 ? "]" : "";
    buf_init_secret(&head);
    buf_addf(&head, "CONNECT %s%s%s:%u HTTP/1.1\r\n", open, o->host, close, o->port);
    buf_addf(&head, "Host: %s%s%s:%u\r\nUser-Agent: sigv4-proxy\r\n", open, o->host, close,
             o->port);
    add_authorization(&head, o->via->userinfo);
    buf_add_str(&head, "\r\n");
    stream_write_secret(s, buf_span(&head));
    buf_clear(&head);
}

// ---- the answer

static void finish(struct via_talk *t, int status, const char *text)
{
    if (t->is_over)
        return;
    t->is_over = true;
    stream_pause(t->stream);
    t->done(t->arg, status, text);
}

static void next_message(struct via_talk *t)
{
    h1_parser_next(t->parser, &t->arena);
    h1_parser_expect(t->parser, false, true);
}

static size_t on_data(void *arg, struct span in)
{
    struct via_talk *t = arg;
    size_t used = 0;
    enum h1_event event = H1_HEAD;
    while (!t->is_over && event != H1_MORE) {
        struct h1_result r = {0};
        used += h1_parse(t->parser, span_sub(in, used, in.len), &event, &r);
        if (event == H1_ERROR)
            finish(t, 0, r.reason);
        else if (event == H1_HEAD && r.msg->status >= 200)
            finish(t, r.msg->status, "");
        else if (event == H1_END && ++t->n_interim > MAX_INTERIM)
            finish(t, 0, "it sent too many interim answers");
        else if (event == H1_END)
            next_message(t);
    }
    return used;
}

static void on_eof(void *arg)
{
    struct via_talk *t = arg;
    t->is_gone = true;
    finish(t, 0, "it closed the connection");
}

static void on_closed(void *arg, enum stream_fail why, const char *text)
{
    struct via_talk *t = arg;
    (void)why;
    t->is_gone = true;
    finish(t, 0, text ? text : "it closed the connection");
}

// ---- the door

struct via_talk *via_start(struct stream *s, const struct origin *o, via_done_fn done, void *arg)
{
    static const struct stream_ops ops = {.data = on_data, .eof = on_eof, .closed = on_closed};
    static const struct h1_limits limits = {.max_request_line = 8192,
                                            .max_field = 8192,
                                            .max_head = 16384,
                                            .max_fields = 100,
                                            .max_trailers = 1024};
    struct via_talk *t = xcalloc(1, sizeof(*t));
    t->stream = s;
    t->done = done;
    t->arg = arg;
    arena_init(&t->arena);
    t->parser = h1_parser_new(H1_RESPONSE, &limits);
    next_message(t);
    stream_set_ops(s, &ops, t);
    send_request(s, o);
    return t;
}

bool via_is_gone(const struct via_talk *t)
{
    return t->is_gone;
}

void via_free(struct via_talk *t)
{
    if (!t)
        return;
    h1_parser_free(t->parser);
    arena_clear(&t->arena);
    free(t);
}
