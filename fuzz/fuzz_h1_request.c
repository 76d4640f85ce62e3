// SPDX-License-Identifier: Apache-2.0
// A client's bytes: the same events however they are cut, and a head that is written anew from its
// model is read as the same model.
#include "../tests/support/h1_trace.h"
#include "http/h1_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned seed_of(struct span in)
{
    unsigned h = 2166136261u;
    for (size_t i = 0; i < in.len; i++)
        h = (h ^ (unsigned char)in.p[i]) * 16777619u;
    return h | 1;
}

static void must_be_same(const struct msg *a, const struct msg *b)
{
    bool is_same = span_eq(a->method, b->method) && span_eq(a->target, b->target) &&
                   a->framing == b->framing && a->length == b->length && a->hdrs.n == b->hdrs.n;
    for (unsigned i = 0; is_same && i < a->hdrs.n; i++)
        is_same = span_eq(a->hdrs.v[i].name, b->hdrs.v[i].name) &&
                  span_eq(a->hdrs.v[i].value, b->hdrs.v[i].value);
    if (!is_same)
        abort();
}

// Versions are left out: all that we write is 1.1.
static void write_and_read_again(const struct msg *m)
{
    struct buf out;
    struct arena a;
    struct h1_result res;
    enum h1_event e = H1_MORE;
    struct h1_limits limits = h1_trace_limits;
    limits.max_field += 2; // ": " where ":" came
    limits.max_head += 2 * (size_t)limits.max_fields;
    struct h1_parser *p = h1_parser_new(H1_REQUEST, &limits);
    buf_init(&out);
    arena_init(&a);
    h1_write_request(&out, m->method, m->target, &m->hdrs);
    h1_parser_next(p, &a);
    if (h1_parse(p, buf_span(&out), &e, &res) != out.len || e != H1_HEAD)
        abort();
    must_be_same(m, res.msg);
    h1_parser_free(p);
    arena_clear(&a);
    buf_clear(&out);
}

static void check_first_head(struct span in)
{
    struct arena a;
    struct h1_result res;
    enum h1_event e = H1_MORE;
    struct h1_parser *p = h1_parser_new(H1_REQUEST, &h1_trace_limits);
    arena_init(&a);
    h1_parser_next(p, &a);
    (void)h1_parse(p, in, &e, &res);
    if (e == H1_HEAD && res.msg->minor == 1)
        write_and_read_again(res.msg);
    (void)h1_parser_start_line(p);
    h1_parser_free(p);
    arena_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct h1_trace how = {.kind = H1_REQUEST};
    struct span in = span_from((const char *)data, size);
    unsigned seed = seed_of(in);
    struct buf whole = h1_trace_run(&how, in, 0, 0);
    struct buf cut = h1_trace_run(&how, in, 1 + seed % 64, seed);
    if (!span_eq(buf_span(&whole), buf_span(&cut)))
        abort();
    buf_clear(&whole);
    buf_clear(&cut);
    check_first_head(in);
    return 0;
}
