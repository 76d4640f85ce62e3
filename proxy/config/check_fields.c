// SPDX-License-Identifier: Apache-2.0
// Settings that name header fields.
#include <string.h>

#include "config/options_int.h"

static bool is_field_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = ascii_lower(s.p[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !strchr("!#$%&'*+-.^_`|~", c))
            return false;
    }
    return s.len > 0;
}

enum status check_field(char *text, struct err *e)
{
    if (!is_field_name(span_of(text)))
        return err_set(e, ST_INVALID, "\"%s\" is not the name of a field", text);
    return ST_OK;
}

// What frames the message, or is the signature.
static const char *const ours[] = {"authorization",
                                   "connection",
                                   "content-length",
                                   "host",
                                   "te",
                                   "trailer",
                                   "transfer-encoding",
                                   "upgrade",
                                   "x-amz-date",
                                   "x-amz-content-sha256",
                                   "x-amz-security-token"};

enum status check_custom_field(char *text, struct err *e)
{
    struct span all = span_of(text);
    size_t eq = span_find(all, '=');
    struct span name = span_sub(all, 0, eq);
    if (eq == all.len || !is_field_name(name))
        return err_set(e, ST_INVALID, "an item is not NAME=VALUE");
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (span_iis(name, ours[i]))
            return err_set(e, ST_INVALID, "%s is set by the proxy itself", ours[i]);
    return check_text(text, e);
}
