// SPDX-License-Identifier: Apache-2.0
// A whole canonical request: what is signed and sent is verified by a reading of our own of what
// AWS documents. The first octet chooses the service and which fields are signed; then come the
// method and the target, in a line each, and the fields.
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "connection_rig.h"
#include "sign/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_FIELDS 40

static bool is_clean(struct span s, char from)
{
    for (size_t i = 0; i < s.len; i++)
        if ((s.p[i] >= 0 && s.p[i] < from) || s.p[i] == 0x7f)
            return false;
    return true;
}

static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!s.p[i] ||
            !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", s.p[i]))
            return false;
    return s.len > 0;
}

// What front takes out before it signs.
static bool is_foreign(struct span name)
{
    static const char *const others[] = {"host",
                                         "content-length",
                                         "connection",
                                         "keep-alive",
                                         "proxy-connection",
                                         "te",
                                         "trailer",
                                         "upgrade",
                                         "transfer-encoding",
                                         "http2-settings",
                                         "proxy-authorization",
                                         "proxy-authenticate"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (span_iis(name, others[i]))
            return false;
    return !sign_owns_field(name);
}

static unsigned read_fields(struct span rest, struct sign_field *fields)
{
    struct span line;
    unsigned n = 0;
    while (n < MAX_FIELDS && span_next(&rest, '\n', &line)) {
        size_t colon = span_find(line, ':');
        struct span name = span_sub(line, 0, colon);
        struct span value = span_trim(span_sub(line, colon + 1, line.len));
        if (is_name(name) && is_foreign(name) && is_clean(value, ' '))
            fields[n++] = (struct sign_field){.name = name, .value = value};
    }
    return n;
}

static void add_field(struct buf *out, struct span name, struct span value)
{
    buf_addf(out, "%.*s: ", SPAN_ARG(name));
    buf_add_span(out, value);
    buf_add_str(out, "\r\n");
}

static void write_head(struct buf *out, const struct sign_request *r, const struct sign_result *res)
{
    buf_addf(out, "%.*s ", SPAN_ARG(r->method));
    buf_add_span(out, r->target->wire_path);
    if (r->target->query.len)
        buf_add_char(out, '?');
    buf_add_span(out, r->target->query);
    buf_add_str(out, " HTTP/1.1\r\nHost: a.example.com\r\n");
    for (unsigned i = 0; i < r->n_fields; i++)
        add_field(out, r->fields[i].name, r->fields[i].value);
    for (unsigned i = 0; i < res->n_add; i++)
        add_field(out, res->add[i].name, res->add[i].value);
    buf_add_str(out, "\r\n");
}

static void sign(const struct sign_request *r, struct arena *a)
{
    struct sign_identity id = {.access_key = SPAN(RIG_KEY),
                               .secret_key = SPAN(RIG_SECRET),
                               .session_token = SPAN(RIG_TOKEN)};
    struct sign_result res = {.n_add = 0};
    struct buf out;
    struct err e;
    RIG_REQUIRE(sign_header(r, &id, NULL, a, &res, &e) == ST_OK, "clean fields were refused");
    buf_init(&out);
    write_head(&out, r, &res);
    RIG_REQUIRE(check_requests(buf_span(&out), true, false) == 1, "not one request");
    check_secrets(buf_span(&out));
    buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sign_field fields[MAX_FIELDS];
    struct span rest = span_from((const char *)data + 1, size ? size - 1 : 0);
    struct span method, line;
    struct sign_target target;
    struct arena a;
    digest_setup();
    if (size < 2 || size > 65536 || !span_next(&rest, '\n', &method) ||
        !span_next(&rest, '\n', &line) || !is_name(method) || !line.len || line.p[0] != '/' ||
        !is_clean(line, '!') || span_find(line, '#') < line.len)
        return 0;
    bool is_s3 = (data[0] & 1) != 0;
    size_t mark = span_find(line, '?');
    arena_init(&a);
    sign_target_make(span_sub(line, 0, mark), span_sub(line, mark + 1, line.len), is_s3, &a,
                     &target);
    struct sign_request r = {
        .method = method,
        .host = SPAN("a.example.com"),
        .target = &target,
        .fields = fields,
        .n_fields = rest.p ? read_fields(rest, fields) : 0,
        .select = data[0] & 2 ? SIGN_ALL : SIGN_MINIMAL,
        .payload_hash = SPAN(DIGEST_EMPTY_HEX),
        .send_payload_header = is_s3 || (data[0] & 4),
        .scope = {.region = SPAN("us-east-1"), .service = is_s3 ? SPAN("s3") : SPAN("execute-api")},
        .wall_s = 1369353600};
    sign(&r, &a);
    arena_clear(&a);
    return 0;
}
