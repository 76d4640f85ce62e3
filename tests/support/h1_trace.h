// SPDX-License-Identifier: Apache-2.0
// Runs bytes through the parser, cut in any way, and writes down what comes out as text: two runs
// agree when the texts do. Each piece is an exact heap copy that is gone after the call, so that a
// sanitizer sees whoever reads behind it or keeps a pointer into it.
#ifndef TESTS_SUPPORT_H1_TRACE_H
#define TESTS_SUPPORT_H1_TRACE_H

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "http/h1_parser.h"

#define TRACE_MAX_MESSAGES 50

struct h1_trace {
    enum h1_kind kind;
    const struct h1_limits *limits;
    bool is_head;    // responses
    bool is_connect; // responses
    bool is_cut_off; // no end of file at the end
    size_t first;    // length of the first piece where it differs from the others
};

struct h1_trace_run {
    const struct h1_trace *how;
    struct h1_parser *parser;
    struct arena arena;
    struct buf text;
    size_t n_body;
    unsigned n_messages;
    bool is_over;
    bool goes_on; // the message at hand lets another one follow
};

static const struct h1_limits h1_trace_limits = {
    .max_request_line = 8192,
    .max_field = 16384,
    .max_head = 65536,
    .max_fields = 100,
    .max_trailers = 8192,
};

static inline void h1_trace_head(struct h1_trace_run *r, const struct msg *m)
{
    r->n_body = 0;
    r->goes_on = m->is_keep_alive && !span_is(m->method, "CONNECT") && m->status != 101;
    buf_addf(&r->text, "HEAD %.*s %.*s %d 1.%d framing %d length %llu keep %d continue %d\n",
             SPAN_ARG(m->method), SPAN_ARG(m->target), m->status, m->minor, (int)m->framing,
             (unsigned long long)m->length, m->is_keep_alive, m->expects_continue);
    for (unsigned i = 0; i < m->hdrs.n; i++) {
        buf_add_char(&r->text, '[');
        buf_add_span(&r->text, m->hdrs.v[i].name);
        buf_add_str(&r->text, "|");
        buf_add_span(&r->text, m->hdrs.v[i].value);
        buf_add_str(&r->text, "]\n");
    }
}

static inline void h1_trace_event(struct h1_trace_run *r, enum h1_event e,
                                  const struct h1_result *res)
{
    switch (e) {
    case H1_MORE:
        break;
    case H1_HEAD:
        h1_trace_head(r, res->msg);
        break;
    case H1_DATA:
        if (!r->n_body)
            buf_add_str(&r->text, "BODY ");
        r->n_body += res->data.len;
        buf_add_span(&r->text, res->data);
        break;
    case H1_END:
        buf_addf(&r->text, "\nEND %zu\n", r->n_body);
        r->is_over = !r->goes_on || ++r->n_messages >= TRACE_MAX_MESSAGES;
        arena_reset(&r->arena);
        h1_parser_next(r->parser, &r->arena);
        break;
    case H1_ERROR:
        buf_addf(&r->text, "\nERROR %d %s %s keep %d\n", res->status, res->code, res->reason,
                 res->may_keep_alive);
        r->is_over = true;
        break;
    }
}

// One piece of input, to its last octet.
static inline void h1_trace_piece(struct h1_trace_run *r, const char *p, size_t len)
{
    char *copy = malloc(len ? len : 1);
    if (!copy)
        abort();
    if (len)
        memcpy(copy, p, len);
    size_t used = 0;
    enum h1_event e = H1_DATA;
    while (!r->is_over && e != H1_MORE) {
        struct h1_result res;
        size_t n = h1_parse(r->parser, span_from(copy + used, len - used), &e, &res);
        if (n > len - used || (e == H1_MORE && used + n != len))
            abort(); // more taken than given, or input left and nothing to say
        if (e == H1_DATA && (res.data.p < copy + used || !res.data.len ||
                             res.data.p + res.data.len != copy + used + n))
            abort(); // a body is a piece of the input
        used += n;
        h1_trace_event(r, e, &res);
    }
    free(copy);
}

// Cuts the input every `step` octets (0: not at all); with a seed each piece has a length of its
// own between 1 and step. The caller clears the text.
static inline struct buf h1_trace_run(const struct h1_trace *how, struct span in, size_t step,
                                      unsigned seed)
{
    struct h1_trace_run r = {.how = how, .goes_on = true};
    r.parser = h1_parser_new(how->kind, how->limits ? how->limits : &h1_trace_limits);
    arena_init(&r.arena);
    buf_init(&r.text);
    h1_parser_next(r.parser, &r.arena);
    h1_parser_expect(r.parser, how->is_head, how->is_connect);
    for (size_t at = 0; at < in.len && !r.is_over;) {
        size_t len = step ? step : in.len;
        if (!at && how->first) {
            len = how->first;
        } else if (seed) {
            seed = seed * 1664525u + 1013904223u;
            len = 1 + (seed >> 16) % len;
        }
        if (len > in.len - at)
            len = in.len - at;
        h1_trace_piece(&r, in.p + at, len);
        at += len;
    }
    if (!r.is_over && !how->is_cut_off) {
        struct h1_result res;
        h1_trace_event(&r, h1_parse_eof(r.parser, &res), &res);
    }
    h1_parser_free(r.parser);
    arena_clear(&r.arena);
    return r.text;
}

#endif
