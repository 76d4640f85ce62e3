// SPDX-License-Identifier: Apache-2.0
// The pre-scanner by itself, under small limits. What it lets pass is judged by a second reading of
// the rules, line by line, and its verdict does not depend on where the input was cut. The first
// octet says what is read, the second how it is cut.
#include <stdlib.h>
#include <string.h>

#include "http/prescan_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct h1_limits limits = {
    .max_request_line = 120, .max_field = 100, .max_head = 400, .max_fields = 6};

struct outcome {
    enum prescan_verdict verdict;
    struct h1_fault fault;
    size_t begun_at; // octets in front
    size_t used;
    size_t line_end; // 0: the start line did not end
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static struct outcome scan(enum prescan_kind kind, struct span in, unsigned seed)
{
    struct prescan s;
    struct outcome o = {.verdict = PRESCAN_MORE};
    prescan_init(&s, kind, &limits);
    while (o.used < in.len && (o.verdict == PRESCAN_MORE || o.verdict == PRESCAN_LINE)) {
        bool is_begun = prescan_is_begun(&s);
        seed = seed * 1103515245u + 12345u;
        struct span piece = span_sub(in, o.used, seed ? 1 + (seed >> 16) % 16 : in.len);
        size_t n =
            is_begun ? prescan_feed(&s, piece, &o.verdict) : prescan_begin(&s, piece, &o.verdict);
        require(n <= piece.len && (n || o.verdict == PRESCAN_BAD || !is_begun));
        o.used += n;
        if (!is_begun)
            o.begun_at = o.used;
        if (o.verdict == PRESCAN_LINE)
            o.line_end = o.used;
    }
    if (o.verdict == PRESCAN_BAD)
        o.fault = s.fault;
    return o;
}

static void must_be_same(const struct outcome *a, const struct outcome *b)
{
    require(a->verdict == b->verdict && a->line_end == b->line_end);
    if (a->verdict == PRESCAN_BAD)
        require(a->fault.status == b->fault.status &&
                strcmp(a->fault.reason, b->fault.reason) == 0);
    else
        require(a->used == b->used);
}

static bool is_tchar(char c)
{
    return c && strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                       c);
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

static void judge_field(struct span line)
{
    size_t colon = span_find(line, ':');
    require(colon > 0 && colon < line.len && line.len <= limits.max_field);
    for (size_t i = 0; i < colon; i++)
        require(is_tchar(line.p[i]));
    for (size_t i = colon + 1; i < line.len; i++)
        require(line.p[i] == '\t' || !is_control(line.p[i]));
}

static void judge_start(enum prescan_kind kind, struct span line)
{
    require(line.len && line.len <= limits.max_request_line);
    require(kind == PRESCAN_RESPONSE ? line.p[0] == 'H' : is_tchar(line.p[0]));
    for (size_t i = 0; i < line.len; i++)
        require(!is_control(line.p[i]) || (kind == PRESCAN_RESPONSE && line.p[i] == '\t'));
}

// A head that was taken as whole: lines in CR LF, up to the first empty one and no further.
static void judge(enum prescan_kind kind, struct span head)
{
    unsigned n = 0;
    require(head.len <= limits.max_head);
    for (;;) {
        const char *end = head.len ? memmem(head.p, head.len, "\r\n", 2) : NULL;
        require(end);
        struct span line = span_from(head.p, (size_t)(end - head.p));
        head = span_sub(head, line.len + 2, head.len);
        if (!n && kind != PRESCAN_TRAILERS) {
            judge_start(kind, line);
        } else if (line.len) {
            judge_field(line);
        } else {
            require(!head.len);
            break;
        }
        n++;
    }
    require(n - (kind != PRESCAN_TRAILERS) <= limits.max_fields);
}

static void judge_fault(enum prescan_kind kind, const struct h1_fault *f)
{
    require(f->reason && f->code);
    require(f->status == 400 ||
            (kind != PRESCAN_TRAILERS && (f->status == 414 || f->status == 431)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    enum prescan_kind kind = (enum prescan_kind)(data[0] % 3);
    struct span in = span_from((const char *)data + 2, size - 2);
    struct outcome whole = scan(kind, in, 0);
    struct outcome cut = scan(kind, in, 1u + data[1]);
    must_be_same(&whole, &cut);
    if (whole.verdict == PRESCAN_BAD)
        judge_fault(kind, &whole.fault);
    if (whole.verdict == PRESCAN_END)
        judge(kind, span_sub(in, whole.begun_at, whole.used - whole.begun_at));
    return 0;
}
