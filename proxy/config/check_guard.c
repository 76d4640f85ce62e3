// SPDX-License-Identifier: Apache-2.0
// What settings about who may ask for what look like.
#include <string.h>

#include "config/options_int.h"

static bool is_method_list(struct span s)
{
    struct span one;
    while (span_next(&s, '|', &one)) {
        if (!one.len || one.len > 20)
            return false;
        for (size_t i = 0; i < one.len; i++)
            if (!(one.p[i] >= 'A' && one.p[i] <= 'Z') && !(one.len == 1 && one.p[0] == '*'))
                return false;
    }
    return true;
}

enum status check_presign_rule(char *text, struct err *e)
{
    struct span rule = span_of(text);
    size_t blank = span_find(rule, ' ');
    struct span target = span_trim(span_sub(rule, blank, rule.len));
    bool is_s3 = span_starts(target, SPAN("s3://"));
    struct span name = is_s3 ? span_sub(target, 5, target.len) : target;
    name = span_sub(name, 0, span_find(name, '/'));
    if (!is_method_list(span_sub(rule, 0, blank)) || !name.len ||
        span_find(target, ' ') < target.len || (!is_s3 && span_find(name, ':') < name.len))
        return err_set(e, ST_INVALID,
                       "\"%s\" is not METHOD|METHOD s3://BUCKET/KEY or METHOD|METHOD HOST/PATH "
                       "(methods in capitals, * for any characters)",
                       text);
    return check_text(text, e);
}

enum status check_origin(char *text, struct err *e)
{
    size_t len = strlen(text);
    if (strcmp(text, "*") == 0 || strcmp(text, "null") == 0)
        return err_set(e, ST_INVALID, "\"%s\" would let every web page in", text);
    if (len && text[len - 1] == '/')
        return err_set(e, ST_INVALID, "\"%s\": an origin ends without a slash", text);
    return check_upstream(text, e); // the same form
}
