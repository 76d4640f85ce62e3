// SPDX-License-Identifier: Apache-2.0
// The machine: prescan judges the octets of a head, the octets go to the arena in one copy, head.c
// makes the model from them, http-parser reads the same octets once and has to see exactly the same
// message; bodies are framed here and handed out as spans of the input.
// This is the only file that knows http-parser (unmaintained upstream): it is a second opinion, not
// the judge, and can be exchanged here.
#include "http/h1_parser.h"

#include <http_parser.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include "base/xalloc.h"
#include "http/chunked_int.h"
#include "http/head_int.h"
#include "http/prescan_int.h"

#define FIRST_HEAD_CAP  1024
#define START_LINE_KEPT 1024 // of a refused request, for the log
#define SPARE_FIELDS    16   // what the proxy adds before it sends the message on

enum parser_state {
    IN_HEAD = 0,
    IN_LENGTH,
    IN_CHUNKS,
    IN_EOF, // body until the peer closes
    AT_END, // H1_END is still to be told
    OVER,   // it was told
    DEAD,   // after H1_ERROR
};

struct h1_parser {
    enum h1_kind kind;
    enum parser_state state;
    struct h1_limits limits;
    bool is_head;        // the answer is one to HEAD
    bool is_connect;     // ... to CONNECT
    struct arena *arena; // borrowed
    struct prescan scan;
    char *head; // in the arena: what came of it so far
    size_t head_len;
    size_t head_cap;
    struct head_line line;
    size_t line_len;              // of the start line, without CRLF, once it is complete
    struct h1_fault method_fault; // 405 or 501, told at the end of the head
    struct h1_fault fault;        // of a dead parser
    bool may_keep_alive;          // with it
    uint64_t left;                // IN_LENGTH
    struct chunked chunked;
};

// http-parser's own limit lies below what max_head may be set to; ours is checked before.
static void lift_limit(void)
{
    http_parser_set_max_header_size(UINT32_MAX);
}

struct h1_parser *h1_parser_new(enum h1_kind kind, const struct h1_limits *limits)
{
    static once_flag once = ONCE_FLAG_INIT;
    call_once(&once, lift_limit);
    struct h1_parser *p = xcalloc(1, sizeof(*p));
    p->kind = kind;
    p->limits = *limits;
    return p;
}

void h1_parser_free(struct h1_parser *p)
{
    free(p);
}

void h1_parser_set_limits(struct h1_parser *p, const struct h1_limits *limits)
{
    p->limits = *limits;
}

void h1_parser_next(struct h1_parser *p, struct arena *a)
{
    p->state = IN_HEAD;
    p->arena = a;
    p->head = NULL;
    p->head_len = p->head_cap = 0;
    p->line_len = 0;
    p->method_fault = (struct h1_fault){0};
    p->may_keep_alive = false;
    prescan_init(&p->scan, p->kind == H1_REQUEST ? PRESCAN_REQUEST : PRESCAN_RESPONSE, &p->limits);
}

void h1_parser_expect(struct h1_parser *p, bool is_head, bool is_connect)
{
    p->is_head = is_head;
    p->is_connect = is_connect;
}

bool h1_parser_is_idle(const struct h1_parser *p)
{
    return p->state == IN_HEAD && !prescan_is_begun(&p->scan);
}

struct span h1_parser_start_line(const struct h1_parser *p)
{
    size_t len = p->line_len && p->line_len < p->head_len ? p->line_len : p->head_len;
    return span_from(p->head, len);
}

static void tell_error(const struct h1_parser *p, enum h1_event *event, struct h1_result *out)
{
    *event = H1_ERROR;
    out->status = p->fault.status;
    out->code = p->fault.code;
    out->reason = p->fault.reason;
    out->may_keep_alive = p->may_keep_alive;
}

static void die(struct h1_parser *p, struct h1_fault fault)
{
    p->state = DEAD;
    p->fault = fault;
    if (p->kind == H1_RESPONSE) {
        p->fault.status = 502;
        p->fault.code = "upstream-bad-response";
    }
}

static void die_of(struct h1_parser *p, const char *reason)
{
    die(p, (struct h1_fault){.status = 400, .code = "bad-request", .reason = reason});
}

// One copy where the head comes in one piece; else the buffer doubles, bounded by max_head.
static void store(struct h1_parser *p, struct span in, bool is_complete)
{
    if (!in.len)
        return;
    if (p->head_cap - p->head_len < in.len) {
        size_t need = p->head_len + in.len;
        size_t cap = is_complete ? need : 2 * need;
        if (!is_complete && cap < FIRST_HEAD_CAP)
            cap = FIRST_HEAD_CAP;
        char *head = arena_alloc(p->arena, cap);
        if (p->head_len)
            memcpy(head, p->head, p->head_len);
        p->head = head;
        p->head_cap = cap;
    }
    memcpy(p->head + p->head_len, in.p, in.len);
    p->head_len += in.len;
}

// ---- the second opinion

struct view {
    const struct msg *m;
    const struct head_fields *found;
    unsigned n_values;
    bool is_complete;
    bool differs;
};

static bool is_same(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || a.p == b.p);
}

static int view_url(http_parser *hp, const char *at, size_t len)
{
    struct view *v = hp->data;
    v->differs |= !is_same(span_from(at, len), v->m->target);
    return 0;
}

static int view_name(http_parser *hp, const char *at, size_t len)
{
    struct view *v = hp->data;
    v->differs |=
        v->n_values >= v->m->hdrs.n || !is_same(span_from(at, len), v->m->hdrs.v[v->n_values].name);
    return v->differs;
}

static int view_value(http_parser *hp, const char *at, size_t len)
{
    struct view *v = hp->data;
    v->differs |= v->n_values >= v->m->hdrs.n ||
                  !is_same(span_trim(span_from(at, len)), v->m->hdrs.v[v->n_values].value);
    v->n_values++;
    return v->differs;
}

static int view_head(http_parser *hp)
{
    struct view *v = hp->data;
    const struct msg *m = v->m;
    bool has_length = (hp->flags & F_CONTENTLENGTH) != 0;
    v->is_complete = true;
    v->differs |= v->n_values != m->hdrs.n || hp->http_major != 1 || hp->http_minor != m->minor;
    v->differs |= ((hp->flags & F_CHUNKED) != 0) != v->found->is_chunked;
    v->differs |= has_length != (v->found->n_length == 1);
    v->differs |= has_length && hp->content_length != v->found->length;
    if (m->status)
        v->differs |= hp->status_code != (unsigned)m->status;
    else
        v->differs |= !span_is(m->method, http_method_str(hp->method));
    return 1; // the body is not its business
}

static bool is_seen_alike(enum h1_kind kind, const struct msg *m, const struct head_fields *found,
                          struct span head)
{
    static const http_parser_settings settings = {
        .on_url = view_url,
        .on_header_field = view_name,
        .on_header_value = view_value,
        .on_headers_complete = view_head,
    };
    struct view v = {.m = m, .found = found};
    http_parser hp;
    http_parser_init(&hp, kind == H1_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE);
    hp.data = &v;
    size_t n = http_parser_execute(&hp, &settings, head.p, head.len);
    return n == head.len && HTTP_PARSER_ERRNO(&hp) == HPE_OK && v.is_complete && !v.differs;
}

// ---- heads

static bool read_start_line(struct h1_parser *p, struct span line)
{
    struct h1_fault fault = {0};
    enum head_verdict v = p->kind == H1_REQUEST ? head_read_request_line(line, &p->line, &fault)
                                                : head_read_status_line(line, &p->line, &fault);
    p->line_len = line.len;
    if (v == HEAD_METHOD)
        p->method_fault = fault;
    else if (v == HEAD_REFUSED)
        die(p, fault);
    return v != HEAD_REFUSED;
}

static bool is_bodiless(const struct h1_parser *p, int status)
{
    return status < 200 || status == 204 || status == 304 || p->is_head ||
           (p->is_connect && status < 300);
}

static bool check_head(struct h1_parser *p, struct msg *m, struct head_fields *found)
{
    struct h1_fault fault = {0};
    bool is_fine = p->kind == H1_REQUEST
                       ? head_check_request(m, found, &fault)
                       : head_check_response(m, found, is_bodiless(p, m->status), &fault);
    if (p->method_fault.status) {
        p->may_keep_alive = is_fine && m->is_keep_alive && m->framing != MSG_CHUNKED && !m->length;
        die(p, p->method_fault);
        return false;
    }
    if (!is_fine)
        die(p, fault);
    else if (!is_seen_alike(p->kind, m, found, span_from(p->head, p->head_len)))
        die_of(p, "a head that can be read in two ways");
    return p->state != DEAD;
}

static void start_body(struct h1_parser *p, const struct msg *m)
{
    switch (m->framing) {
    case MSG_NO_BODY:
        p->state = AT_END;
        break;
    case MSG_LENGTH:
        p->left = m->length;
        p->state = m->length ? IN_LENGTH : AT_END;
        break;
    case MSG_CHUNKED:
        chunked_init(&p->chunked, p->limits.max_trailers);
        p->state = IN_CHUNKS;
        break;
    case MSG_UNTIL_EOF:
        p->state = IN_EOF;
        break;
    }
}

// The head is complete in p->head.
static struct msg *build_msg(struct h1_parser *p)
{
    struct head_fields found;
    struct msg *m = arena_zalloc(p->arena, sizeof(*m));
    m->minor = p->line.minor;
    m->status = p->line.status;
    if (p->kind == H1_REQUEST) {
        m->method = span_from(p->head, p->line.method_len);
        m->target = span_from(p->head + p->line.method_len + 1, p->line.target_len);
    }
    m->hdrs.cap = p->scan.n_fields + SPARE_FIELDS;
    m->hdrs.v = arena_alloc(p->arena, m->hdrs.cap * sizeof(*m->hdrs.v));
    head_split_fields(p->head + p->line_len + 2, p->head + p->head_len, p->arena, &m->hdrs, &found);
    if (!check_head(p, m, &found))
        return NULL;
    start_body(p, m);
    return m;
}

// Scans on from in.p[0], the first octet that is not stored yet; returns the octets taken.
static size_t scan_head(struct h1_parser *p, struct span in, bool *is_complete)
{
    size_t used = 0;
    size_t stored = 0;
    enum prescan_verdict v = PRESCAN_MORE;
    *is_complete = false;
    do {
        used += prescan_feed(&p->scan, span_sub(in, used, in.len), &v);
        if (v == PRESCAN_LINE) {
            if (p->head_len) { // the line's beginning came earlier
                store(p, span_sub(in, 0, used), false);
                stored = used;
            }
            const char *line = p->head_len ? p->head : in.p;
            size_t len = (p->head_len ? p->head_len : used) - 2;
            if (!read_start_line(p, span_from(line, len)))
                v = PRESCAN_BAD;
        } else if (v == PRESCAN_BAD) {
            die(p, p->method_fault.status ? p->method_fault : p->scan.fault);
        }
    } while (v == PRESCAN_LINE);
    *is_complete = v == PRESCAN_END;
    struct span fresh = span_sub(in, stored, used - stored);
    if (v == PRESCAN_BAD)
        fresh = span_sub(fresh, 0, p->head_len ? 0 : START_LINE_KEPT);
    store(p, fresh, *is_complete);
    return used;
}

static size_t parse_head(struct h1_parser *p, struct span in, enum h1_event *event,
                         struct h1_result *out)
{
    size_t used = 0;
    bool is_complete = false;
    if (!prescan_is_begun(&p->scan)) {
        enum prescan_verdict v = PRESCAN_MORE;
        used = prescan_begin(&p->scan, in, &v);
        if (v == PRESCAN_BAD)
            die(p, p->scan.fault);
    }
    if (p->state != DEAD && prescan_is_begun(&p->scan))
        used += scan_head(p, span_sub(in, used, in.len), &is_complete);
    if (is_complete)
        out->msg = build_msg(p);
    if (p->state == DEAD)
        tell_error(p, event, out);
    else if (is_complete)
        *event = H1_HEAD;
    return used;
}

// ---- bodies

static size_t parse_length(struct h1_parser *p, struct span in, enum h1_event *event,
                           struct h1_result *out)
{
    out->data = span_sub(in, 0, p->left < in.len ? (size_t)p->left : in.len);
    p->left -= out->data.len;
    if (!p->left)
        p->state = AT_END;
    if (out->data.len)
        *event = H1_DATA;
    return out->data.len;
}

static size_t parse_chunks(struct h1_parser *p, struct span in, enum h1_event *event,
                           struct h1_result *out)
{
    enum chunked_event e = CHUNKED_MORE;
    size_t used = chunked_read(&p->chunked, in, &e, &out->data);
    switch (e) {
    case CHUNKED_MORE:
        break;
    case CHUNKED_DATA:
        *event = H1_DATA;
        break;
    case CHUNKED_END:
        p->state = OVER;
        *event = H1_END;
        break;
    case CHUNKED_BAD:
        die_of(p, p->chunked.reason);
        tell_error(p, event, out);
        break;
    }
    return used;
}

size_t h1_parse(struct h1_parser *p, struct span in, enum h1_event *event, struct h1_result *out)
{
    *event = H1_MORE;
    memset(out, 0, sizeof(*out));
    switch (p->state) {
    case IN_HEAD:
        return parse_head(p, in, event, out);
    case IN_LENGTH:
        return parse_length(p, in, event, out);
    case IN_CHUNKS:
        return parse_chunks(p, in, event, out);
    case IN_EOF:
        out->data = in;
        *event = in.len ? H1_DATA : H1_MORE;
        return in.len;
    case AT_END:
    case OVER:
        p->state = OVER;
        *event = H1_END;
        return 0;
    case DEAD:
        tell_error(p, event, out);
        return 0;
    }
    return 0;
}

enum h1_event h1_parse_eof(struct h1_parser *p, struct h1_result *out)
{
    enum h1_event event = H1_MORE;
    memset(out, 0, sizeof(*out));
    if (h1_parser_is_idle(p) || p->state == OVER)
        return H1_MORE;
    if (p->state == IN_EOF || p->state == AT_END) {
        p->state = OVER;
        return H1_END;
    }
    if (p->state != DEAD) {
        die_of(p, "the connection was closed in the middle of a message");
        if (p->kind == H1_RESPONSE)
            p->fault.code = "upstream-closed";
    }
    tell_error(p, &event, out);
    return event;
}

unsigned long h1_library_version(void)
{
    return http_parser_version();
}
