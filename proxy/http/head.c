// SPDX-License-Identifier: Apache-2.0
// What a head means. The order of the checks is part of the contract (the first failing one
// answers): line, version, method, target, then Host, Content-Length, Transfer-Encoding,
// Connection. Each is refused in all forms that two implementations are known to read differently
// (RFC 9112 6.3).
#include "http/head_int.h"

#include <string.h>

#include "http/uri_int.h"

#define MAX_CONNECTION_NAMES 64

static bool refuse(struct h1_fault *fault, int status, const char *code, const char *reason)
{
    *fault = (struct h1_fault){.status = status, .code = code, .reason = reason};
    return false;
}

static enum head_verdict refuse_line(struct h1_fault *fault, const char *reason)
{
    (void)refuse(fault, 400, "bad-request", reason);
    return HEAD_REFUSED;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// "HTTP/d.d"
static bool is_version(struct span s)
{
    return s.len == 8 && memcmp(s.p, "HTTP/", 5) == 0 && is_digit(s.p[5]) && s.p[6] == '.' &&
           is_digit(s.p[7]);
}

// Case matters (RFC 9110 9.1).
static enum head_verdict check_method(struct span method, struct h1_fault *fault)
{
    static const char *const taken[] = {"GET",   "HEAD",    "PUT",     "POST", "DELETE",
                                        "PATCH", "OPTIONS", "CONNECT", NULL};
    for (unsigned i = 0; taken[i]; i++)
        if (span_is(method, taken[i]))
            return HEAD_FINE;
    if (span_is(method, "TRACE"))
        (void)refuse(fault, 405, "method-denied", "TRACE would echo credentials");
    else
        (void)refuse(fault, 501, "not-implemented", "the method is not known here");
    return HEAD_METHOD;
}

static enum head_verdict refuse_version(struct h1_fault *fault)
{
    (void)refuse(fault, 505, "bad-request", "only HTTP/1.1 and HTTP/1.0 are spoken here");
    return HEAD_REFUSED;
}

static enum head_verdict refuse_short_line(struct span behind_method, struct h1_fault *fault)
{
    if (!behind_method.len || span_starts(behind_method, SPAN("HTTP/")))
        return refuse_line(fault, "the request line is not METHOD SP TARGET SP HTTP/1.1");
    return refuse_version(fault); // the form of HTTP/0.9
}

enum head_verdict head_read_request_line(struct span line, struct head_line *out,
                                         struct h1_fault *fault)
{
    static const char shape[] = "the request line is not METHOD SP TARGET SP HTTP/1.1";
    memset(out, 0, sizeof(*out));
    if (span_is(line, "PRI * HTTP/2.0"))
        return refuse_line(fault, "HTTP/2 is not spoken here");
    size_t first = span_find(line, ' ');
    size_t last = span_rfind(line, ' ');
    struct span method = span_sub(line, 0, first);
    if (first == line.len || !hdrs_name_ok(method))
        return refuse_line(fault, shape);
    if (first == last)
        return refuse_short_line(span_sub(line, first + 1, line.len), fault);
    struct span target = span_sub(line, first + 1, last - first - 1);
    struct span version = span_sub(line, last + 1, line.len);
    if (!target.len || !is_version(version))
        return refuse_line(fault, shape);
    if (span_find(target, ' ') < target.len) {
        (void)refuse(fault, 400, "bad-target", "a space in the target; write %20");
        return HEAD_REFUSED;
    }
    if (version.p[5] != '1' || version.p[7] > '1')
        return refuse_version(fault);
    out->method_len = method.len;
    out->target_len = target.len;
    out->minor = version.p[7] - '0';
    enum head_verdict v = check_method(method, fault);
    if (v != HEAD_FINE)
        return v;
    const char *why = uri_why_bad_target(method, target);
    if (why)
        (void)refuse(fault, 400, "bad-target", why);
    return why ? HEAD_REFUSED : HEAD_FINE;
}

enum head_verdict head_read_status_line(struct span line, struct head_line *out,
                                        struct h1_fault *fault)
{
    static const char shape[] = "the status line is not HTTP/1.1 SP 3DIGIT [SP reason]";
    memset(out, 0, sizeof(*out));
    if (line.len < 12 || !is_version(span_sub(line, 0, 8)) || line.p[8] != ' ')
        return refuse_line(fault, shape);
    if (line.p[5] != '1' || line.p[7] > '1')
        return refuse_line(fault, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    if (line.len > 12 && line.p[12] != ' ')
        return refuse_line(fault, shape);
    for (unsigned i = 9; i < 12; i++) {
        if (!is_digit(line.p[i]))
            return refuse_line(fault, shape);
        out->status = out->status * 10 + (line.p[i] - '0');
    }
    if (out->status < 100 || out->status > 599)
        return refuse_line(fault, "a status outside 100..599");
    out->minor = line.p[7] - '0';
    return HEAD_FINE;
}

// Blanks around a value become spaces in place: HTAB is legal there, but http-parser refuses it in
// fields that frame.
static struct span trim(char *p, size_t len)
{
    size_t from = 0;
    for (; from < len && (p[from] == ' ' || p[from] == '\t'); from++)
        p[from] = ' ';
    for (; len > from && (p[len - 1] == ' ' || p[len - 1] == '\t'); len--)
        p[len - 1] = ' ';
    return span_from(p + from, len - from);
}

static void note_field(const struct hdr *f, struct head_fields *found)
{
    switch (f->name.len) {
    case 4:
        if (span_iis(f->name, "host") && !found->n_host++)
            found->host = f->value;
        break;
    case 6:
        found->n_expect += span_iis(f->name, "expect");
        break;
    case 10:
        found->n_connection += span_iis(f->name, "connection");
        break;
    case 14:
        if (span_iis(f->name, "content-length") && !found->n_length++)
            found->length_text = f->value;
        break;
    case 16:
        found->n_proxy_connection += span_iis(f->name, "proxy-connection");
        break;
    case 17:
        found->n_coding += span_iis(f->name, "transfer-encoding");
        break;
    default:
        break;
    }
}

void head_split_fields(char *fields, char *end, struct arena *a, struct hdrs *out,
                       struct head_fields *found)
{
    memset(found, 0, sizeof(*found));
    while (fields < end && *fields != '\r') {
        char *colon = memchr(fields, ':', (size_t)(end - fields));
        char *cr = memchr(fields, '\r', (size_t)(end - fields));
        if (!colon || !cr || cr < colon)
            break; // not what prescan lets through
        hdrs_add(out, a, span_from(fields, (size_t)(colon - fields)),
                 trim(colon + 1, (size_t)(cr - colon - 1)));
        note_field(&out->v[out->n - 1], found);
        fields = cr + 2;
    }
}

static bool check_host(const struct msg *m, const struct head_fields *found, struct h1_fault *fault)
{
    if (found->n_host > 1)
        return refuse(fault, 400, "bad-host", "more than one Host field");
    if (!found->n_host)
        return m->minor == 0 || refuse(fault, 400, "bad-host", "no Host field");
    const char *why = uri_why_bad_host(found->host);
    return !why || refuse(fault, 400, "bad-host", why);
}

// Repeated fields are refused also where they agree: nothing honest sends them, and http-parser
// refuses them too.
static bool check_length(struct head_fields *found, struct h1_fault *fault)
{
    if (!found->n_length)
        return true;
    if (found->n_length > 1)
        return refuse(fault, 400, "bad-request", "more than one Content-Length field");
    if (!span_u64(found->length_text, &found->length) || found->length > INT64_MAX)
        return refuse(fault, 400, "bad-request", "Content-Length is not a number below 2^63");
    return true;
}

// A list of codings that is not just "chunked": which ones decide between 400 and 501.
static bool refuse_coding(const struct hdrs *h, struct h1_fault *fault)
{
    for (unsigned i = 0; i < h->n; i++) {
        if (h->v[i].name.len != 17 || !span_iis(h->v[i].name, "transfer-encoding"))
            continue;
        struct span rest = h->v[i].value;
        struct span part;
        while (span_next(&rest, ',', &part)) {
            part = span_trim(part);
            if (hdrs_name_ok(part) && !span_iis(part, "chunked"))
                return refuse(fault, 501, "not-implemented",
                              "a transfer coding other than chunked");
        }
    }
    return refuse(fault, 400, "bad-request", "Transfer-Encoding is not exactly chunked");
}

static bool check_coding(const struct msg *m, struct head_fields *found, struct h1_fault *fault)
{
    if (!found->n_coding)
        return true;
    if (m->minor == 0)
        return refuse(fault, 400, "bad-request", "Transfer-Encoding in an HTTP/1.0 message");
    if (found->n_length)
        return refuse(fault, 400, "bad-request", "both Transfer-Encoding and Content-Length");
    if (found->n_coding > 1 || !span_iis(hdrs_get(&m->hdrs, SPAN("transfer-encoding")), "chunked"))
        return refuse_coding(&m->hdrs, fault);
    found->is_chunked = true;
    return true;
}

// Servers write things like "keep-alive; timeout=5" there: for answers only the count matters.
static bool check_connection(const struct msg *m, const struct head_fields *found, bool is_request,
                             struct h1_fault *fault)
{
    unsigned n = 0;
    for (unsigned i = 0; found->n_connection && i < m->hdrs.n; i++) {
        if (m->hdrs.v[i].name.len != 10 || !span_iis(m->hdrs.v[i].name, "connection"))
            continue;
        struct span rest = m->hdrs.v[i].value;
        struct span part;
        while (span_next(&rest, ',', &part)) {
            part = span_trim(part);
            if (!part.len)
                continue;
            if (++n > MAX_CONNECTION_NAMES)
                return refuse(fault, 400, "bad-request", "more than 64 names in Connection");
            if (is_request && !hdrs_name_ok(part))
                return refuse(fault, 400, "bad-request", "Connection names what is no token");
        }
    }
    return true;
}

static bool says(const struct msg *m, const struct head_fields *found, struct span token)
{
    return (found->n_connection && hdrs_has_token(&m->hdrs, SPAN("connection"), token)) ||
           (found->n_proxy_connection && hdrs_has_token(&m->hdrs, SPAN("proxy-connection"), token));
}

static bool is_keep_alive(const struct msg *m, const struct head_fields *found)
{
    if (says(m, found, SPAN("close")))
        return false;
    return m->minor == 1 || says(m, found, SPAN("keep-alive"));
}

static void set_framing(struct msg *m, const struct head_fields *found, enum msg_framing otherwise)
{
    m->framing = otherwise;
    if (found->is_chunked) {
        m->framing = MSG_CHUNKED;
    } else if (found->n_length) {
        m->framing = MSG_LENGTH;
        m->length = found->length;
    }
}

bool head_check_request(struct msg *m, struct head_fields *found, struct h1_fault *fault)
{
    if (!check_host(m, found, fault) || !check_length(found, fault) ||
        !check_coding(m, found, fault) || !check_connection(m, found, true, fault))
        return false;
    set_framing(m, found, MSG_NO_BODY);
    if (span_is(m->method, "CONNECT")) {
        // RFC 9110 9.3.6: no content. What follows would be a body to one and the tunnel to
        // another.
        if (m->framing == MSG_CHUNKED || m->length)
            return refuse(fault, 400, "bad-request", "CONNECT with a body");
        m->framing = MSG_NO_BODY;
    }
    m->is_keep_alive = is_keep_alive(m, found);
    m->expects_continue = m->minor == 1 && found->n_expect &&
                          hdrs_has_token(&m->hdrs, SPAN("expect"), SPAN("100-continue"));
    return true;
}

bool head_check_response(struct msg *m, struct head_fields *found, bool is_bodiless,
                         struct h1_fault *fault)
{
    if (!check_length(found, fault) || !check_coding(m, found, fault) ||
        !check_connection(m, found, false, fault))
        return false;
    if (is_bodiless)
        m->framing = MSG_NO_BODY;
    else
        set_framing(m, found, MSG_UNTIL_EOF);
    m->is_keep_alive = m->framing != MSG_UNTIL_EOF && is_keep_alive(m, found);
    return true;
}
