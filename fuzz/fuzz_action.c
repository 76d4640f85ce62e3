// SPDX-License-Identifier: Apache-2.0
// A query, and behind the first line's end a form. Where an action is found, the loosest server
// that we can think of (escapes and plus signs decoded, no case, semicolons part parameters, query
// and form are one) must find the same one and no other; and where S3 is asked for an object, no
// subresource. The first byte chooses: bit 0 the service, bit 1 the method.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/uri.h"
#include "policy/action.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static struct span decode(struct span raw, struct arena *a)
{
    struct span s = uri_decode(raw, a);
    char *out = arena_alloc(a, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] != '+' && (unsigned char)s.p[i] > ' ')
            out[n++] = ascii_lower(s.p[i]);
    return span_from(out, n);
}

// Of each parameter by any of the names: whether its value is not want.
static void check_parameters(struct span text, const char *const *names, struct span want,
                             struct arena *a, unsigned *found)
{
    char *copy = arena_cstr(a, text);
    for (size_t i = 0; i < text.len; i++)
        if (copy[i] == ';')
            copy[i] = '&';
    struct span rest = span_from(copy, text.len);
    struct span piece;
    while (rest.len && span_next(&rest, '&', &piece)) {
        size_t eq = span_find(piece, '=');
        struct span name = decode(span_sub(piece, 0, eq), a);
        for (unsigned i = 0; names[i]; i++) {
            if (!span_is(name, names[i]))
                continue;
            (*found)++;
            require(span_ieq(decode(span_sub(piece, eq + 1, piece.len), a), want));
        }
    }
}

static void check_query_service(const struct action_ask *q, const struct plan_action *found,
                                struct arena *a)
{
    static const char *const names[] = {"action", "operation", NULL};
    unsigned n = 0;
    require(found->n <= 1);
    if (!found->n)
        return;
    require(found->needs[0].len > 0);
    check_parameters(q->query, names, found->needs[0], a, &n);
    if (span_is(q->msg->method, "POST"))
        check_parameters(q->form->text, names, found->needs[0], a, &n);
    require(n == 1);
}

static void check_s3(const struct action_ask *q, const struct plan_action *found, struct arena *a)
{
    static const char *const subs[] = {"acl",        "tagging", "retention", "legal-hold",
                                       "attributes", "torrent", "uploadid",  "uploads",
                                       "restore",    "select",  "delete",    NULL};
    unsigned n = 0;
    require(found->n <= PLAN_ACTIONS_MAX);
    bool is_object_alone = found->n == 1 && (span_is(found->needs[0], "GetObject") ||
                                             span_is(found->needs[0], "GetObjectVersion"));
    if (is_object_alone && span_is(q->msg->method, "GET"))
        check_parameters(q->query, subs, SPAN("\x01"), a, &n);
    require(!is_object_alone || n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct plan_action found;
    struct msg m = {.minor = 1};
    if (size == 0)
        return 0;
    bool is_s3 = data[0] & 1;
    bool is_post = data[0] & 2;
    struct span text = span_from((const char *)data + 1, size - 1);
    size_t end = span_find(text, '\n');
    struct plan_form form = {.state = PLAN_FORM_HERE, .text = span_sub(text, end + 1, text.len)};
    arena_init(&a);
    hdrs_init(&m.hdrs);
    m.method = is_post ? SPAN("POST") : SPAN("GET");
    if (is_post && form.text.len) {
        m.framing = MSG_LENGTH;
        m.length = form.text.len;
        hdrs_add(&m.hdrs, &a, SPAN("Content-Type"), SPAN("application/x-www-form-urlencoded"));
    }
    struct action_ask q = {.msg = &m,
                           .service = is_s3 ? SPAN("s3") : SPAN("iam"),
                           .host = is_s3 ? SPAN("b.s3.amazonaws.com") : SPAN("iam.amazonaws.com"),
                           .path = is_s3 ? SPAN("/k") : SPAN("/"),
                           .query = span_sub(text, 0, end),
                           .level = is_s3 ? ACTION_ON_OBJECT : ACTION_NOWHERE,
                           .form = &form,
                           .form_max = 1 << 20};
    action_find(&q, &a, &found);
    for (unsigned i = 0; i < found.n; i++)
        require(hdrs_value_ok(found.needs[i]));
    if (is_s3)
        check_s3(&q, &found, &a);
    else
        check_query_service(&q, &found, &a);
    char out[PLAN_ACTION_TEXT];
    require(action_text(&found, out, sizeof(out)) < sizeof(out));
    arena_clear(&a);
    return 0;
}
