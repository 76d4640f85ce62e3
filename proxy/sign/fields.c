// SPDX-License-Identifier: Apache-2.0
// Which header fields are signed, and their canonical form. The minimal list is what AWS demands:
// Host, Content-Type, Content-MD5 and every x-amz-* field. Whatever a hop on the way may touch (or
// two servers canonicalise differently) stays unsigned. Signing everything exists for policies that
// want it; even then the skip list holds.
#include <string.h>

#include "sign/sign_int.h"

// Never signed: it belongs to one connection, or hops change it.
static const struct span skipped[] = {
    SPAN("accept-encoding"),
    SPAN("cache-control"),
    SPAN("connection"),
    SPAN("content-length"),
    SPAN("expect"),
    SPAN("forwarded"),
    SPAN("http2-settings"),
    SPAN("keep-alive"),
    SPAN("proxy-authenticate"),
    SPAN("proxy-authorization"),
    SPAN("proxy-connection"),
    SPAN("sec-websocket-extensions"),
    SPAN("sec-websocket-key"),
    SPAN("sec-websocket-protocol"),
    SPAN("sec-websocket-version"),
    SPAN("te"),
    SPAN("trailer"),
    SPAN("transfer-encoding"),
    SPAN("upgrade"),
    SPAN("user-agent"),
    SPAN("via"),
    SPAN("x-amzn-trace-id"),
    SPAN("x-real-ip"),
};

static const struct span owned[] = {
    SPAN("authorization"),    SPAN("x-amz-content-sha256"),  SPAN("x-amz-date"),
    SPAN("x-amz-region-set"), SPAN("x-amz-s3session-token"), SPAN("x-amz-security-token"),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_any_of(struct span name, const struct span *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (span_ieq(name, list[i]))
            return true;
    return false;
}

bool sign_owns_field(struct span name)
{
    return is_any_of(name, owned, COUNT(owned));
}

bool sign_is_s3_family(struct span service)
{
    return span_is(service, "s3") || span_is(service, "s3express") ||
           span_is(service, "s3-outposts") || span_is(service, "s3-object-lambda");
}

bool sign_wants_payload_header(struct span service)
{
    return sign_is_s3_family(service) || span_is(service, "aoss") || span_is(service, "glacier") ||
           span_is(service, "vpc-lattice-svcs");
}

static bool is_selected(struct span name, enum sign_select select)
{
    if (span_ieq(name, SPAN("host")) || sign_owns_field(name))
        return false; // ours, added apart
    switch (select) {
    case SIGN_GIVEN:
        return true;
    case SIGN_ALL:
        return !is_any_of(name, skipped, COUNT(skipped)) &&
               !span_istarts(name, SPAN("x-forwarded-"));
    case SIGN_MINIMAL:
        break;
    }
    return span_istarts(name, SPAN("x-amz-")) || span_ieq(name, SPAN("content-type")) ||
           span_ieq(name, SPAN("content-md5"));
}

// isspace() of the C locale, which is what the SDKs collapse.
static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// A control octet would be changed or refused on the way. A line fold is only white space.
static bool is_carried(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.p[i];
        bool is_fold =
            (c == '\r' && i + 1 < value.len && value.p[i + 1] == '\n') ||
            (c == '\n' && i + 1 < value.len && (value.p[i + 1] == ' ' || value.p[i + 1] == '\t'));
        if ((c < 0x20 && c != '\t' && !is_fold) || c == 0x7f)
            return false;
    }
    return true;
}

static struct span lower(struct span name, struct arena *a)
{
    char *p = arena_alloc(a, name.len);
    for (size_t i = 0; i < name.len; i++)
        p[i] = ascii_lower(name.p[i]);
    return span_from(p, name.len);
}

// Keeps the list sorted by name, later arrivals behind equal names.
static void insert(struct signed_fields *f, struct signed_field field)
{
    unsigned at = f->n++;
    while (at && span_cmp(f->v[at - 1].name, field.name) > 0) {
        f->v[at] = f->v[at - 1];
        at--;
    }
    f->v[at] = field;
    f->names_len += field.name.len + 1;
    f->values_len += field.name.len + field.value.len + 2;
}

enum status signed_fields_make(const struct sign_request *r, const struct sign_field *own,
                               unsigned n_own, struct arena *a, struct signed_fields *out,
                               struct err *e)
{
    out->v = arena_alloc(a, ((size_t)r->n_fields + n_own + 1) * sizeof(*out->v));
    out->n = 0;
    out->names_len = out->values_len = 0;
    insert(out, (struct signed_field){SPAN("host"), r->host, true});
    for (unsigned i = 0; i < r->n_fields; i++) {
        const struct sign_field *f = &r->fields[i];
        if (!is_selected(f->name, r->select))
            continue;
        if (!is_carried(f->value))
            return err_set(e, ST_INVALID, "header field %.*s: a control octet in its value",
                           SPAN_ARG(f->name));
        insert(out, (struct signed_field){lower(f->name, a), f->value, false});
    }
    for (unsigned i = 0; i < n_own; i++)
        insert(out, (struct signed_field){lower(own[i].name, a), own[i].value, true});
    return ST_OK;
}

static char *put_value(char *out, struct span value)
{
    while (value.len && is_space(value.p[0]))
        value = span_sub(value, 1, value.len);
    while (value.len && is_space(value.p[value.len - 1]))
        value.len--;
    for (size_t i = 0; i < value.len; i++) {
        if (!is_space(value.p[i]))
            *out++ = value.p[i];
        else if (!is_space(value.p[i - 1]))
            *out++ = ' ';
    }
    return out;
}

static bool repeats(const struct signed_fields *f, unsigned i)
{
    return i && span_eq(f->v[i - 1].name, f->v[i].name);
}

char *signed_fields_write(char *out, const struct signed_fields *f)
{
    for (unsigned i = 0; i < f->n; i++) {
        if (repeats(f, i)) {
            out[-1] = ','; // instead of the newline before
        } else {
            out = put(out, f->v[i].name);
            *out++ = ':';
        }
        out = f->v[i].is_canonical ? put(out, f->v[i].value) : put_value(out, f->v[i].value);
        *out++ = '\n';
    }
    return out;
}

char *signed_fields_write_names(char *out, const struct signed_fields *f)
{
    for (unsigned i = 0; i < f->n; i++) {
        if (repeats(f, i))
            continue;
        if (i)
            *out++ = ';';
        out = put(out, f->v[i].name);
    }
    return out;
}
