// SPDX-License-Identifier: Apache-2.0
// Ours against http-parser on raw bytes: a message that we take has to have the same end and the
// same body there, unless http-parser refuses it. The first octet says request or response, and to
// what. Where we refuse, nothing is compared: that is what we are for.
#include <http_parser.h>

#include "../tests/support/h1_trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    struct buf body;
    size_t used;
    bool is_complete;
    bool is_refused;
    bool is_head;
    bool is_connect;
};

static int on_head(http_parser *hp)
{
    const struct reading *r = hp->data;
    bool is_answer = hp->type == HTTP_RESPONSE;
    unsigned s = hp->status_code;
    return is_answer &&
           (s < 200 || s == 204 || s == 304 || r->is_head || (r->is_connect && s < 300));
}

static int on_body(http_parser *hp, const char *at, size_t len)
{
    struct reading *r = hp->data;
    buf_add(&r->body, at, len);
    return 0;
}

static int on_end(http_parser *hp)
{
    struct reading *r = hp->data;
    r->is_complete = true;
    http_parser_pause(hp, 1);
    return 0;
}

// http-parser does not take HTAB for the white space around a value that it is (RFC 9110 5.6.3): an
// answer with "chunked<HTAB>" would have no chunks for it. Between blanks there is no difference.
static struct span without_tabs(struct span in, struct buf *copy)
{
    size_t blank = 0; // the CR LF of the empty line
    buf_add_span(copy, in);
    for (size_t i = 0; i < copy->len && blank < 4; i++) {
        blank = copy->p[i] == "\r\n\r\n"[blank] ? blank + 1 : copy->p[i] == '\r';
        if (copy->p[i] == '\t')
            copy->p[i] = ' ';
    }
    return buf_span(copy);
}

static void read_theirs(struct reading *r, enum h1_kind kind, struct span in)
{
    http_parser hp;
    http_parser_settings settings;
    http_parser_settings_init(&settings);
    settings.on_headers_complete = on_head;
    settings.on_body = on_body;
    settings.on_message_complete = on_end;
    http_parser_init(&hp, kind == H1_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE);
    hp.data = r;
    r->used = http_parser_execute(&hp, &settings, in.p, in.len);
    if (HTTP_PARSER_ERRNO(&hp) == HPE_OK && !r->is_complete)
        (void)http_parser_execute(&hp, &settings, in.p, 0);
    r->is_refused = !r->is_complete && HTTP_PARSER_ERRNO(&hp) != HPE_OK &&
                    HTTP_PARSER_ERRNO(&hp) != HPE_INVALID_EOF_STATE;
}

static void read_ours(struct reading *r, enum h1_kind kind, struct span in)
{
    struct h1_limits limits = {.max_request_line = in.len + 1,
                               .max_field = in.len + 1,
                               .max_head = in.len + 1,
                               .max_fields = 10000,
                               .max_trailers = in.len + 1};
    struct h1_parser *p = h1_parser_new(kind, &limits);
    struct arena a;
    struct h1_result res;
    enum h1_event e = H1_DATA;
    arena_init(&a);
    h1_parser_next(p, &a);
    h1_parser_expect(p, r->is_head, r->is_connect);
    while (e == H1_HEAD || e == H1_DATA) {
        r->used += h1_parse(p, span_sub(in, r->used, in.len), &e, &res);
        if (e == H1_DATA)
            buf_add_span(&r->body, res.data);
    }
    if (e == H1_MORE)
        e = h1_parse_eof(p, &res);
    r->is_complete = e == H1_END;
    r->is_refused = e == H1_ERROR && strstr(res.reason, "was closed") == NULL;
    h1_parser_free(p);
    arena_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    enum h1_kind kind = data[0] & 1 ? H1_RESPONSE : H1_REQUEST;
    struct reading ours = {.is_head = (data[0] & 2) != 0, .is_connect = (data[0] & 4) != 0};
    struct reading theirs = ours;
    struct buf copy;
    struct span in = span_from((const char *)data + 1, size - 1);
    buf_init(&ours.body);
    buf_init(&theirs.body);
    read_ours(&ours, kind, in);
    buf_init(&copy);
    read_theirs(&theirs, kind, without_tabs(in, &copy));
    buf_clear(&copy);
    if (!ours.is_refused && !theirs.is_refused) {
        if (ours.is_complete != theirs.is_complete)
            abort();
        if (!span_eq(buf_span(&ours.body), buf_span(&theirs.body)))
            abort();
        if (ours.is_complete && ours.used != theirs.used)
            abort();
    }
    buf_clear(&ours.body);
    buf_clear(&theirs.body);
    return 0;
}
