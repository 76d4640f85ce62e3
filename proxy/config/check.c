// SPDX-License-Identifier: Apache-2.0
// What a string setting may look like. The checks are light: they catch what a person mistypes
// before the proxy starts; the rooms that use a value judge it again with their own parsers.
#include <arpa/inet.h>
#include <string.h>

#include "base/xalloc.h"
#include "config/options_int.h"

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

static void lower(char *text)
{
    for (char *c = text; *c; c++)
        *c = ascii_lower(*c);
}

// Every value can be written into a file: no control octets, nothing that begins a comment.
enum status check_text(char *text, struct err *e)
{
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return err_set(e, ST_INVALID, "the value holds a control octet");
        if ((*c == '#' || *c == ';') && (c == text || c[-1] == ' '))
            return err_set(e, ST_INVALID, "the value holds \" %c\", which begins a comment", *c);
    }
    size_t len = strlen(text);
    if (len > 1 && text[0] == '"' && text[len - 1] == '"')
        return err_set(e, ST_INVALID, "values stand without quotes");
    return ST_OK;
}

enum status check_folder(char *text, struct err *e)
{
    if (text[0] != '/')
        return err_set(e, ST_INVALID, "\"%s\" is not an absolute path", text);
    return check_text(text, e);
}

enum status check_log_file(char *text, struct err *e)
{
    return strcmp(text, "stderr") == 0 ? ST_OK : check_folder(text, e);
}

enum status check_home_folder(char *text, struct err *e)
{
    return text[0] == '~' && text[1] == '/' ? check_text(text, e) : check_folder(text, e);
}

static bool is_literal(struct span s, int family)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char addr[sizeof(struct in6_addr)];
    if (s.len == 0 || s.len >= sizeof(text))
        return false;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    return inet_pton(family, text, addr) == 1;
}

static bool is_port(struct span s, uint64_t min)
{
    uint64_t n = 0;
    return s.len <= 5 && span_u64(s, &n) && n >= min && n <= 65535;
}

// Takes "[v6]", "[v6]:port", "name", "name:port" apart; false where brackets or colons are off.
// port.p is NULL where none was written.
static bool split_port(struct span s, struct span *host, struct span *port)
{
    *port = (struct span){NULL, 0};
    if (span_starts(s, SPAN("["))) {
        size_t end = span_find(s, ']');
        if (end == s.len)
            return false;
        *host = span_sub(s, 0, end + 1);
        if (end + 1 < s.len && s.p[end + 1] != ':')
            return false;
        if (end + 1 < s.len)
            *port = span_sub(s, end + 2, s.len);
        return true;
    }
    size_t colon = span_find(s, ':');
    if (colon != span_rfind(s, ':'))
        return false;
    *host = span_sub(s, 0, colon);
    if (colon < s.len)
        *port = span_sub(s, colon + 1, s.len);
    return true;
}

static bool is_v6_in_brackets(struct span s)
{
    return s.len > 2 && s.p[0] == '[' && s.p[s.len - 1] == ']' &&
           is_literal(span_sub(s, 1, s.len - 2), AF_INET6);
}

// A last label of digits (or 0x...) would be read as an IPv4 address by some resolvers: only the
// plain dotted spelling is taken.
static bool looks_numeric(struct span host)
{
    size_t dot = span_rfind(host, '.');
    struct span last = dot == host.len ? host : span_sub(host, dot + 1, host.len);
    uint64_t n = 0;
    return span_istarts(last, SPAN("0x")) || span_u64(last, &n) ||
           (last.len > 19 && last.p[0] >= '0' && last.p[0] <= '9');
}

static bool is_host(struct span host)
{
    if (host.len == 0 || host.len > 253)
        return false;
    if (host.p[0] == '[')
        return is_v6_in_brackets(host);
    if (looks_numeric(host))
        return is_literal(host, AF_INET);
    struct span rest = host;
    struct span label;
    while (span_next(&rest, '.', &label)) {
        if (label.len == 0 || label.len > 63)
            return false;
        for (size_t i = 0; i < label.len; i++)
            if (!is_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
                return false;
    }
    return true;
}

static bool is_authority(struct span s)
{
    struct span host;
    struct span port;
    return split_port(s, &host, &port) && is_host(host) && (!port.p || is_port(port, 1));
}

enum status check_host(char *text, struct err *e)
{
    if (strstr(text, "://"))
        return err_set(e, ST_INVALID,
                       "\"%s\" has a scheme; write only HOST[:PORT] here, and upstream_url_scheme "
                       "for the scheme",
                       text);
    if (!is_authority(span_of(text)))
        return err_set(e, ST_INVALID, "\"%s\" is not HOST[:PORT]", text);
    lower(text);
    return ST_OK;
}

enum status check_sign_host(char *text, struct err *e)
{
    return check_host(text, e); // client and upstream look like names too
}

// A path longer than that fits into no socket address.
static enum status check_socket(char *text, struct err *e)
{
    if (text[5] != '/')
        return err_set(e, ST_INVALID, "\"%s\" is not unix:/PATH", text);
    if (strlen(text + 5) > 107)
        return err_set(e, ST_INVALID, "\"%s\": the path of a socket has at most 107 octets", text);
    return check_text(text, e);
}

enum status check_listen(char *text, struct err *e)
{
    struct span host;
    struct span port;
    static const char local[] = "localhost";
    _Static_assert(sizeof("localhost") == sizeof("127.0.0.1"), "rewritten in place");
    if (span_starts(span_of(text), SPAN("unix:")))
        return check_socket(text, e);
    if (is_port(span_of(text), 0))
        return err_set(e, ST_INVALID,
                       "\"%s\" has no address; write 127.0.0.1:%s, or :%s for all interfaces", text,
                       text, text);
    if (!split_port(span_of(text), &host, &port) || !port.p)
        return err_set(e, ST_INVALID, "\"%s\" is not ADDR:PORT", text);
    if (!is_port(port, 0))
        return err_set(e, ST_INVALID, "\"%s\": the port must be between 0 and 65535", text);
    if (span_iis(host, local)) {
        memcpy(text, "127.0.0.1", host.len);
        return ST_OK;
    }
    if (host.len && !is_literal(host, AF_INET) && !is_v6_in_brackets(host))
        return err_set(e, ST_INVALID,
                       "\"%s\": the address must be a literal, as 127.0.0.1 or [::1]", text);
    return ST_OK;
}

enum status check_admin(char *text, struct err *e)
{
    return strcmp(text, "off") == 0 ? ST_OK : check_listen(text, e);
}

enum status check_glob(char *text, struct err *e)
{
    if (strstr(text, "://"))
        return err_set(e, ST_INVALID, "\"%s\" has a scheme; a glob matches HOST or HOST:PORT",
                       text);
    if (!*text || strlen(text) > 255)
        return err_set(e, ST_INVALID, "a glob has 1 to 255 characters");
    for (const char *c = text; *c; c++)
        if (!is_alnum(*c) && !strchr("*.-_:[]", *c))
            return err_set(e, ST_INVALID, "\"%s\": a host has no '%c'", text, *c);
    lower(text);
    return ST_OK;
}

enum status check_role(char *text, struct err *e)
{
    struct span rest = span_of(text);
    struct span part = SPAN("");
    for (int i = 0; i < 5; i++)
        (void)span_next(&rest, ':', &part);
    if (strncmp(text, "arn:", 4) != 0 || strlen(text) < 20 || strlen(text) > 2048 || !rest.p ||
        !span_starts(rest, SPAN("role/")) || strchr(text, ' '))
        return err_set(e, ST_INVALID,
                       "\"%.100s\": a role is written arn:aws:iam::123456789012:role/NAME", text);
    return check_text(text, e);
}

// Service and region go into the credential scope, whose parts are separated by slashes.
static enum status check_word(struct span s, const char *also, struct err *e)
{
    if (s.len > 64)
        return err_set(e, ST_INVALID, "longer than 64 characters");
    for (size_t i = 0; i < s.len; i++)
        if (!is_alnum(s.p[i]) && !strchr(also, s.p[i]))
            return err_set(e, ST_INVALID,
                           "\"%.*s\": only letters, digits, '-', '_' and '.' are taken",
                           SPAN_ARG(s));
    return ST_OK;
}

enum status check_scope(char *text, struct err *e)
{
    return check_word(span_of(text), "-_.", e);
}

// SigV4A's region set is written without blanks.
enum status check_region(char *text, struct err *e)
{
    bool is_list = strchr(text, ',') != NULL;
    struct span rest = span_of(text);
    struct span region;
    char *out = text;
    while (span_next(&rest, ',', &region)) {
        region = span_trim(region);
        if (is_list && !region.len)
            return err_set(e, ST_INVALID, "the list holds an empty region");
        enum status st = check_word(region, "-_.*", e);
        if (st != ST_OK)
            return st;
        if (out != text)
            *out++ = ',';
        memmove(out, region.p, region.len);
        out += region.len;
    }
    *out = '\0';
    return ST_OK;
}

enum status check_upstream(char *text, struct err *e)
{
    struct span s = span_of(text);
    struct span rest;
    if (span_istarts(s, SPAN("https://")))
        rest = span_sub(s, 8, s.len);
    else if (span_istarts(s, SPAN("http://")))
        rest = span_sub(s, 7, s.len);
    else
        return err_set(e, ST_INVALID, "\"%s\" must begin with https:// or http://", text);
    size_t slash = span_find(rest, '/');
    if (slash < rest.len && is_authority(span_sub(rest, 0, slash)))
        return err_set(e, ST_INVALID, "\"%s\" has a path; only a host and a port may follow %.*s",
                       text, (int)(s.len - rest.len), text);
    if (!is_authority(rest))
        return err_set(e, ST_INVALID, "\"%s\" is not http(s)://HOST[:PORT]", text);
    lower(text);
    return ST_OK;
}

// Says nothing of the value: it may hold a token.
enum status check_upstream_proxy(char *text, struct err *e)
{
    struct span host;
    struct span port;
    struct span rest = span_of(text);
    if (strcmp(text, "none") == 0)
        return ST_OK;
    if (!span_istarts(rest, SPAN("http://")))
        return err_set(e, ST_INVALID, "the value does not begin with http://");
    rest = span_sub(rest, 7, rest.len);
    size_t at = span_rfind(rest, '@');
    for (size_t i = 0; at < rest.len && i < at; i++)
        if (rest.p[i] <= ' ' || rest.p[i] > '~' || strchr("/?#@", rest.p[i]))
            return err_set(e, ST_INVALID,
                           "user or token holds octets that must be percent-encoded");
    if (at < rest.len)
        rest = span_sub(rest, at + 1, rest.len);
    if (span_ends(rest, SPAN("/")))
        rest.len--;
    if (!split_port(rest, &host, &port) || !is_host(host) || !port.p || !is_port(port, 1))
        return err_set(e, ST_INVALID, "the value is not http://[USER:TOKEN@]HOST:PORT");
    for (char *c = text + (host.p - text); *c; c++)
        *c = ascii_lower(*c);
    return ST_OK;
}

enum status check_nameserver(char *text, struct err *e)
{
    struct span rest = span_of(text);
    struct span item;
    while (span_next(&rest, ',', &item)) {
        struct span host;
        struct span port;
        item = span_trim(item);
        if (is_literal(item, AF_INET6))
            continue;
        if (!split_port(item, &host, &port) || (port.p && !is_port(port, 1)) ||
            (!is_literal(host, AF_INET) && !is_v6_in_brackets(host)))
            return err_set(e, ST_INVALID, "\"%.*s\" is not ADDR[:PORT] with a literal address",
                           SPAN_ARG(item));
    }
    return ST_OK;
}
