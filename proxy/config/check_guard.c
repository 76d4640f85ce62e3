// SPDX-License-Identifier: Apache-2.0
// What settings about who may ask for what look like.
#include <arpa/inet.h>
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

enum status check_name(char *text, struct err *e)
{
    if (strpbrk(text, ":[*"))
        return err_set(e, ST_INVALID, "\"%s\" is not a name without a port", text);
    return check_host(text, e);
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

enum status check_cidr(char *text, struct err *e)
{
    char copy[INET6_ADDRSTRLEN];
    unsigned char addr[sizeof(struct in6_addr)];
    struct span s = span_of(text);
    size_t slash = span_find(s, '/');
    uint64_t bits = 0;
    if (slash < sizeof(copy)) {
        memcpy(copy, text, slash);
        copy[slash] = '\0';
        uint64_t max = strchr(copy, ':') ? 128 : 32;
        bool is_good =
            slash == s.len || (span_u64(span_sub(s, slash + 1, s.len), &bits) && bits <= max);
        if (is_good && inet_pton(max == 32 ? AF_INET : AF_INET6, copy, addr) == 1)
            return ST_OK;
    }
    return err_set(e, ST_INVALID, "\"%s\" is not ADDR or ADDR/BITS", text);
}

enum status check_peer(char *text, struct err *e)
{
    struct span s = span_of(text);
    uint64_t id = 0;
    bool has_kind = span_starts(s, SPAN("uid:")) || span_starts(s, SPAN("gid:"));
    if (!has_kind || !span_u64(span_sub(s, 4, s.len), &id) || id >= UINT32_MAX)
        return err_set(e, ST_INVALID, "\"%s\" is not uid:N or gid:N", text);
    return ST_OK;
}

enum status check_mode(char *text, struct err *e)
{
    size_t len = strlen(text);
    if (len < 3 || len > 4 || strspn(text, "01234567") != len || (len == 4 && text[0] != '0'))
        return err_set(e, ST_INVALID, "\"%s\" is not permissions like 660", text);
    return ST_OK;
}

enum status check_no_proxy(char *text, struct err *e)
{
    struct err ignored;
    struct span s = span_of(text);
    if (strcmp(text, "*") == 0 || check_cidr(text, &ignored) == ST_OK)
        return ST_OK;
    if (span_starts(s, SPAN("*.")))
        memmove(text, text + 1, s.len); // as others write it
    if (strpbrk(text, ":[*/") || check_host(text[0] == '.' ? text + 1 : text, &ignored) != ST_OK)
        return err_set(e, ST_INVALID, "\"%s\" is not HOST, .SUFFIX, ADDR, ADDR/BITS or *", text);
    return ST_OK;
}
