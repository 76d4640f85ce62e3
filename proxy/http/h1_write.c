// SPDX-License-Identifier: Apache-2.0
// Heads are measured first, so that the buffer grows once. Nothing here checks values: what was
// parsed is clean, everything else has to pass hdrs_value_ok before it gets into a list.
#include "http/h1_write.h"

#include <assert.h>
#include <string.h>

static const char *const reasons[600] = {
    [100] = "Continue",
    [101] = "Switching Protocols",
    [102] = "Processing",
    [103] = "Early Hints",
    [200] = "OK",
    [201] = "Created",
    [202] = "Accepted",
    [203] = "Non-Authoritative Information",
    [204] = "No Content",
    [205] = "Reset Content",
    [206] = "Partial Content",
    [207] = "Multi-Status",
    [300] = "Multiple Choices",
    [301] = "Moved Permanently",
    [302] = "Found",
    [303] = "See Other",
    [304] = "Not Modified",
    [305] = "Use Proxy",
    [307] = "Temporary Redirect",
    [308] = "Permanent Redirect",
    [400] = "Bad Request",
    [401] = "Unauthorized",
    [402] = "Payment Required",
    [403] = "Forbidden",
    [404] = "Not Found",
    [405] = "Method Not Allowed",
    [406] = "Not Acceptable",
    [407] = "Proxy Authentication Required",
    [408] = "Request Timeout",
    [409] = "Conflict",
    [410] = "Gone",
    [411] = "Length Required",
    [412] = "Precondition Failed",
    [413] = "Content Too Large",
    [414] = "URI Too Long",
    [415] = "Unsupported Media Type",
    [416] = "Range Not Satisfiable",
    [417] = "Expectation Failed",
    [421] = "Misdirected Request",
    [422] = "Unprocessable Content",
    [423] = "Locked",
    [424] = "Failed Dependency",
    [425] = "Too Early",
    [426] = "Upgrade Required",
    [428] = "Precondition Required",
    [429] = "Too Many Requests",
    [431] = "Request Header Fields Too Large",
    [451] = "Unavailable For Legal Reasons",
    [500] = "Internal Server Error",
    [501] = "Not Implemented",
    [502] = "Bad Gateway",
    [503] = "Service Unavailable",
    [504] = "Gateway Timeout",
    [505] = "HTTP Version Not Supported",
    [507] = "Insufficient Storage",
    [508] = "Loop Detected",
    [511] = "Network Authentication Required",
};

const char *h1_reason(int status)
{
    if (status < 0 || status >= (int)(sizeof(reasons) / sizeof(reasons[0])) || !reasons[status])
        return "";
    return reasons[status];
}

static char *put(char *p, struct span s)
{
    if (s.len)
        memcpy(p, s.p, s.len);
    return p + s.len;
}

static size_t fields_len(const struct hdrs *h)
{
    size_t len = 2;
    for (unsigned i = 0; i < h->n; i++)
        len += h->v[i].name.len + h->v[i].value.len + 4;
    return len;
}

static char *put_fields(char *p, const struct hdrs *h)
{
    for (unsigned i = 0; i < h->n; i++) {
        assert(hdrs_name_ok(h->v[i].name) && hdrs_value_ok(h->v[i].value));
        p = put(p, h->v[i].name);
        p = put(p, SPAN(": "));
        p = put(p, h->v[i].value);
        p = put(p, SPAN("\r\n"));
    }
    return put(p, SPAN("\r\n"));
}

void h1_write_request(struct buf *out, struct span method, struct span target, const struct hdrs *h)
{
    const struct span version = SPAN(" HTTP/1.1\r\n");
    char *p = buf_reserve(out, method.len + 1 + target.len + version.len + fields_len(h));
    char *end = put(p, method);
    end = put(end, SPAN(" "));
    end = put(end, target);
    end = put(end, version);
    end = put_fields(end, h);
    out->len += (size_t)(end - p);
}

void h1_write_response(struct buf *out, int status, const struct hdrs *h)
{
    assert(status >= 100 && status <= 599);
    const struct span version = SPAN("HTTP/1.1 ");
    struct span reason = span_of(h1_reason(status));
    char digits[4] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
                      (char)('0' + status % 10), ' '};
    char *p = buf_reserve(out, version.len + sizeof(digits) + reason.len + 2 + fields_len(h));
    char *end = put(p, version);
    end = put(end, span_from(digits, sizeof(digits)));
    end = put(end, reason);
    end = put(end, SPAN("\r\n"));
    end = put_fields(end, h);
    out->len += (size_t)(end - p);
}

unsigned h1_chunk_head(char out[H1_CHUNK_HEAD_MAX], uint64_t len)
{
    static const char hex[] = "0123456789abcdef";
    unsigned digits = 1;
    assert(len > 0);
    while (digits < 16 && len >> (4 * digits))
        digits++;
    for (unsigned i = 0; i < digits; i++)
        out[i] = hex[(len >> (4 * (digits - 1 - i))) & 15];
    out[digits] = '\r';
    out[digits + 1] = '\n';
    return digits + 2;
}
