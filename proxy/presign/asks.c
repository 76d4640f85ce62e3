// SPDX-License-Identifier: Apache-2.0
// Strict reading: whatever is not understood is refused by name, since a caller who mistypes
// "expires" should not get a URL that lives longer than was meant.
#include "presign/asks.h"

#include <jansson.h>
#include <string.h>

#include "base/digest.h"

static bool refuse(struct presign_refusal *why, const char *message)
{
    *why = (struct presign_refusal){.status = 400, .code = "bad-request", .message = message};
    return false;
}

// The field of that name; NULL: there is none.
static struct span *text_field(struct presign_ask *ask, struct span name)
{
    const struct {
        const char *name;
        struct span *at;
    } fields[] = {
        {"method", &ask->method},   {"url", &ask->url},       {"bucket", &ask->bucket},
        {"key", &ask->key},         {"region", &ask->region}, {"service", &ask->service},
        {"profile", &ask->profile},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (span_is(name, fields[i].name))
            return fields[i].at;
    return NULL;
}

// ---- JSON

static bool read_headers(json_t *value, struct arena *a, struct presign_ask *ask,
                         struct presign_refusal *why)
{
    const char *name = NULL;
    json_t *one = NULL;
    if (!json_is_object(value))
        return refuse(why, "headers is an object of names and values");
    json_object_foreach(value, name, one)
    {
        if (!json_is_string(one))
            return refuse(why, "headers: a value is not a string");
        hdrs_add(&ask->headers, a, arena_dup(a, span_of(name)),
                 arena_dup(a, span_of(json_string_value(one))));
    }
    return true;
}

static bool read_field(const char *name, json_t *value, struct arena *a, struct presign_ask *ask,
                       struct presign_refusal *why)
{
    struct span *text = text_field(ask, span_of(name));
    if (strcmp(name, "headers") == 0)
        return read_headers(value, a, ask, why);
    if (strcmp(name, "expires_in") == 0) {
        if (!json_is_integer(value)) {
            *why = (struct presign_refusal){400, "presign-expiry",
                                            "expires_in is a number of seconds from 1 to 604800"};
            return false;
        }
        ask->has_expires = true;
        ask->expires_s = json_integer_value(value);
        return true;
    }
    if (!text)
        return refuse(why, arena_printf(a,
                                        "\"%.64s\" is not known; there are url, method, "
                                        "expires_in, headers, service, region, profile, "
                                        "bucket and key",
                                        name));
    if (!json_is_string(value))
        return refuse(why, arena_printf(a, "%s is not a string", name));
    *text = arena_dup(a, span_of(json_string_value(value)));
    return true;
}

static bool read_object(json_t *o, struct arena *a, struct presign_ask *ask,
                        struct presign_refusal *why)
{
    const char *name = NULL;
    json_t *value = NULL;
    if (!json_is_object(o))
        return refuse(why, "each request is an object");
    json_object_foreach(o, name, value)
    {
        if (!read_field(name, value, a, ask, why))
            return false;
    }
    return true;
}

static bool read_all(json_t *root, struct arena *a, struct presign_asks *out,
                     struct presign_refusal *why)
{
    json_t *list = json_object_get(root, "requests");
    out->is_list = list != NULL;
    if (list && (!json_is_array(list) || json_object_size(root) != 1))
        return refuse(why, "requests is an array, and stands alone");
    size_t n = list ? json_array_size(list) : 1;
    if (!n || n > PRESIGN_ASKS_MAX)
        return refuse(why, "requests holds 1 to 1000 of them");
    out->v = arena_zalloc(a, n * sizeof(*out->v));
    for (size_t i = 0; i < n; i++, out->n++) {
        if (read_object(list ? json_array_get(list, i) : root, a, &out->v[i], why))
            continue;
        if (list)
            why->message = arena_printf(a, "requests[%zu]: %s", i, why->message);
        return false;
    }
    return true;
}

bool presign_asks_of_json(struct span body, struct arena *a, struct presign_asks *out,
                          struct presign_refusal *why)
{
    json_error_t at;
    *out = (struct presign_asks){.n = 0};
    json_t *root = json_loadb(body.p ? body.p : "", body.len, JSON_REJECT_DUPLICATES, &at);
    bool is_good = root ? read_all(root, a, out, why)
                        : refuse(why, arena_printf(a, "the body is not JSON: line %d, column %d",
                                                   at.line, at.column));
    json_decref(root);
    return is_good;
}

// ---- query

// Where is_form is set '+' stands for a blank; in a URL it is itself.
static struct span decode(struct span s, bool is_form, struct arena *a)
{
    char *out = arena_alloc(a, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        int high = i + 2 < s.len && s.p[i] == '%' ? hex_value(s.p[i + 1]) : -1;
        int low = high >= 0 ? hex_value(s.p[i + 2]) : -1;
        if (low >= 0)
            out[n++] = (char)(high << 4 | low);
        else
            out[n++] = (char)(is_form && s.p[i] == '+' ? ' ' : s.p[i]);
        i += low >= 0 ? 2 : 0;
    }
    return span_from(out, n);
}

static bool read_header(struct span text, struct arena *a, struct presign_ask *ask,
                        struct presign_refusal *why)
{
    size_t colon = span_find(text, ':');
    if (colon == text.len)
        return refuse(why, "header is not NAME:VALUE");
    hdrs_add(&ask->headers, a, span_sub(text, 0, colon),
             span_trim(span_sub(text, colon + 1, text.len)));
    return true;
}

static bool read_number(struct span text, struct presign_ask *ask, struct presign_refusal *why)
{
    uint64_t n = 0;
    if (ask->has_expires || !span_u64(text, &n) || n > INT32_MAX) {
        *why = (struct presign_refusal){400, "presign-expiry",
                                        "expires_in is a number of seconds from 1 to 604800"};
        return false;
    }
    ask->has_expires = true;
    ask->expires_s = (int64_t)n;
    return true;
}

static bool read_parameter(struct span piece, struct arena *a, struct presign_ask *ask,
                           struct presign_refusal *why)
{
    size_t eq = span_find(piece, '=');
    struct span name = span_sub(piece, 0, eq);
    struct span value = decode(span_sub(piece, eq + 1, piece.len), !span_is(name, "url"), a);
    if (span_is(name, "header"))
        return read_header(value, a, ask, why);
    if (span_is(name, "expires_in"))
        return read_number(value, ask, why);
    struct span *text = text_field(ask, name);
    if (!text)
        return refuse(why, "a parameter is not known; there are url (percent-encoded as a whole), "
                           "method, expires_in, header, service, region, profile, bucket and key");
    if (text->p)
        return refuse(why, arena_printf(a, "%.*s is given twice", SPAN_ARG(name)));
    *text = value;
    return true;
}

bool presign_asks_of_query(struct span query, struct arena *a, struct presign_asks *out,
                           struct presign_refusal *why)
{
    struct span piece;
    *out = (struct presign_asks){.v = arena_zalloc(a, sizeof(*out->v)), .n = 1};
    while (span_next(&query, '&', &piece))
        if (piece.len && !read_parameter(piece, a, out->v, why))
            return false;
    return true;
}
