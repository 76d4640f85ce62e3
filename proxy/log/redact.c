// SPDX-License-Identifier: Apache-2.0
#include "log/redact.h"

#include <string.h>

#include "base/digest.h"

#define NAME_MAX_LEN 128

bool redact_shows_field(struct span name)
{
    return span_is(name, "host") || span_is(name, "content-type") ||
           span_is(name, "content-length") || span_is(name, "content-md5") ||
           span_is(name, "x-amz-content-sha256") || span_is(name, "x-amz-date") ||
           span_is(name, "x-amz-target") || span_is(name, "x-amz-region-set") ||
           span_is(name, "x-amz-acl") || span_is(name, "x-amz-decoded-content-length");
}

// Lower case, without escapes and without what separates words: "X%2DAmz-Signature" and
// "x_amz_signature" are "xamzsignature". False: too long to be judged.
static bool bare_name(struct span raw, char out[NAME_MAX_LEN])
{
    size_t n = 0;
    for (size_t i = 0; i < raw.len; i++) {
        int high = i + 2 < raw.len && raw.p[i] == '%' ? hex_value(raw.p[i + 1]) : -1;
        int low = high >= 0 ? hex_value(raw.p[i + 2]) : -1;
        char c = raw.p[i];
        if (low >= 0) {
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '-' || c == '_' || c == '.' || c == '\0')
            continue;
        if (n == NAME_MAX_LEN - 1)
            return false;
        out[n++] = ascii_lower(c);
    }
    out[n] = '\0';
    return true;
}

bool redact_shows_parameter(struct span raw)
{
    static const char *const marks[] = {
        "signature",    "credential",    "secret",    "passw",         "securitytoken",
        "sessiontoken", "accesstoken",   "accesskey", "idtoken",       "bearer",
        "authtoken",    "authorization", "apikey",    "identitytoken", "samlassertion",
        "jwt",          "refreshtoken",  "tokencode", "clientsecret",
    };
    char name[NAME_MAX_LEN];
    if (!bare_name(raw, name) || strcmp(name, "token") == 0 || strcmp(name, "policy") == 0)
        return false;
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (strstr(name, marks[i]))
            return false;
    return true;
}

void redact_query(struct span query, struct buf *out)
{
    struct span piece;
    bool is_first = true;
    while (query.len && span_next(&query, '&', &piece)) {
        size_t eq = span_find(piece, '=');
        buf_addf(out, "%s%.*s", is_first ? "" : "&", (int)eq, piece.p);
        is_first = false;
        if (eq == piece.len)
            continue;
        buf_add_char(out, '=');
        if (redact_shows_parameter(span_sub(piece, 0, eq)))
            buf_add_span(out, span_sub(piece, eq + 1, piece.len));
        else
            buf_add_str(out, "***");
    }
}
