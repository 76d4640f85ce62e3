// SPDX-License-Identifier: Apache-2.0
// One strict reading of authorities and targets. Whatever two readers could take differently is
// refused, not repaired: the host that is checked, dialled, signed and sent must be one and the
// same. IPv4 in any spelling but four plain octets (2852039166, 0x7f.1, 127.1, 010.0.0.1) is no
// name either: a resolver would turn it into an address behind the policy's back.
#include "http/uri.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/digest.h"
#include "http/octets_int.h"
#include "http/uri_int.h"

#define MAX_NAME  253
#define MAX_LABEL 63

// Every parser here returns NULL or static text that says what is wrong; no input is echoed.

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *parse_port(struct span in, uint16_t *port)
{
    uint64_t n = 0;
    *port = 0;
    if (!in.len)
        return NULL;
    if (in.len > 5 || !span_u64(in, &n) || n < 1 || n > 65535)
        return "the port must be a number from 1 to 65535";
    *port = (uint16_t)n;
    return NULL;
}

// Four decimal octets, no leading zeros.
static bool is_ipv4(struct span in)
{
    struct span part;
    unsigned n = 0;
    while (span_next(&in, '.', &part)) {
        uint64_t octet = 0;
        if (part.len > 3 || !span_u64(part, &octet) || octet > 255)
            return false;
        if (part.len > 1 && part.p[0] == '0')
            return false;
        n++;
    }
    return n == 4;
}

// A last label that inet_aton(3) would take for a number.
static bool is_numeric(struct span label)
{
    size_t from = 0;
    bool is_hex = label.len >= 2 && label.p[0] == '0' && ascii_lower(label.p[1]) == 'x';
    if (is_hex)
        from = 2;
    for (size_t i = from; i < label.len; i++) {
        char c = ascii_lower(label.p[i]);
        if (!is_digit(c) && !(is_hex && c >= 'a' && c <= 'f'))
            return false;
    }
    return true;
}

static const char *check_name(struct span name, enum uri_host_kind *kind)
{
    *kind = URI_NAME;
    if (!name.len)
        return "the host is empty";
    if (name.len > MAX_NAME)
        return "the host is longer than 253 octets";
    size_t good = octet_run(name.p, name.p + name.len, OCTET_HOST);
    if (good < name.len)
        return name.p[good] == '@' ? "user information is not allowed before the host"
                                   : "an octet that no host name may hold";
    struct span rest = name;
    struct span label = {.p = NULL, .len = 0};
    while (span_next(&rest, '.', &label)) {
        if (!label.len)
            return "the host has an empty label or ends in a dot";
        if (label.len > MAX_LABEL)
            return "a label of the host is longer than 63 octets";
    }
    if (!is_numeric(label))
        return NULL;
    if (!is_ipv4(name))
        return "an IPv4 address is written as four decimal numbers without leading zeros";
    *kind = URI_IPV4;
    return NULL;
}

// The text is made anew from the address: one spelling for one host.
static const char *parse_ipv6(struct span in, struct arena *a, struct uri_authority *out)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char text[INET6_ADDRSTRLEN];
    struct in6_addr addr;
    if (in.len >= sizeof(text) || memchr(in.p, '\0', in.len))
        return "not an IPv6 address";
    memcpy(text, in.p, in.len);
    text[in.len] = '\0';
    if (inet_pton(AF_INET6, text, &addr) != 1)
        return "not an IPv6 address";
    bool is_mapped = memcmp(addr.s6_addr, mapped, sizeof(mapped)) == 0;
    out->kind = is_mapped ? URI_IPV4 : URI_IPV6;
    if (!a)
        return NULL;
    const void *from = is_mapped ? (const void *)(addr.s6_addr + 12) : (const void *)&addr;
    if (!inet_ntop(is_mapped ? AF_INET : AF_INET6, from, text, sizeof(text)))
        return "not an IPv6 address";
    out->host = arena_dup(a, span_of(text));
    return NULL;
}

static struct span lower(struct arena *a, struct span s)
{
    char *p = arena_alloc(a, s.len + 1);
    for (size_t i = 0; i < s.len; i++)
        p[i] = ascii_lower(s.p[i]);
    p[s.len] = '\0';
    return (struct span){.p = p, .len = s.len};
}

// Without an arena only the check is done and out->host is not set.
static const char *parse_authority(struct span in, struct arena *a, struct uri_authority *out)
{
    const char *why = NULL;
    memset(out, 0, sizeof(*out));
    size_t host_len = span_find(in, ':');
    if (in.len && in.p[0] == '[') {
        size_t close = span_find(in, ']');
        if (close == in.len)
            return "an IPv6 address needs a closing bracket";
        why = parse_ipv6(span_sub(in, 1, close - 1), a, out);
        host_len = close + 1;
    } else {
        struct span name = span_sub(in, 0, host_len);
        why = check_name(name, &out->kind);
        if (!why && a)
            out->host = lower(a, name);
    }
    if (why)
        return why;
    if (host_len == in.len)
        return NULL;
    if (in.p[host_len] != ':')
        return "surplus octets after the host";
    return parse_port(span_sub(in, host_len + 1, in.len), &out->port);
}

static const char *check_octets(struct span target)
{
    if (!target.len)
        return "the target is empty";
    size_t good = octet_run(target.p, target.p + target.len, OCTET_TARGET);
    if (good == target.len)
        return NULL;
    if (target.p[good] == '#')
        return "a fragment ('#') does not belong in a request; write %23 for the character";
    if (target.p[good] == ' ')
        return "a space in the target; write %20";
    return "a control octet in the target";
}

static void split_path(struct span in, struct uri *out)
{
    size_t mark = span_find(in, '?');
    out->path = span_sub(in, 0, mark);
    if (mark < in.len)
        out->query = span_sub(in, mark + 1, in.len);
    if (!out->path.len)
        out->path = SPAN("/");
}

static const char *parse_absolute(struct span in, struct arena *a, struct uri *out)
{
    size_t scheme_len = 0;
    out->form = URI_ABSOLUTE;
    if (span_istarts(in, SPAN("http://"))) {
        scheme_len = 7;
    } else if (span_istarts(in, SPAN("https://"))) {
        scheme_len = 8;
        out->is_https = true;
    } else {
        return "neither a path nor an http:// or https:// URL";
    }
    struct span rest = span_sub(in, scheme_len, in.len);
    size_t end = span_find(rest, '/');
    size_t mark = span_find(rest, '?');
    if (mark < end)
        end = mark;
    split_path(span_sub(rest, end, rest.len), out);
    return parse_authority(span_sub(rest, 0, end), a, &out->authority);
}

static const char *parse_target(struct span method, struct span target, struct arena *a,
                                struct uri *out)
{
    memset(out, 0, sizeof(*out));
    const char *why = check_octets(target);
    if (why)
        return why;
    if (span_is(method, "CONNECT")) {
        out->form = URI_AUTHORITY;
        out->path = SPAN("");
        why = parse_authority(target, a, &out->authority);
        if (!why && !out->authority.port)
            why = "CONNECT wants host:port";
        return why;
    }
    if (span_is(target, "*")) {
        out->form = URI_ASTERISK;
        out->path = SPAN("");
        return span_is(method, "OPTIONS") ? NULL : "only OPTIONS may ask for *";
    }
    if (target.p[0] == '/') {
        out->form = URI_ORIGIN;
        split_path(target, out);
        return NULL;
    }
    return parse_absolute(target, a, out);
}

static enum status answer(const char *why, struct err *e)
{
    return why ? err_set(e, ST_INVALID, "%s", why) : ST_OK;
}

enum status uri_parse_authority(struct span in, struct arena *a, struct uri_authority *out,
                                struct err *e)
{
    return answer(parse_authority(in, a, out), e);
}

enum status uri_parse_target(struct span method, struct span target, struct arena *a,
                             struct uri *out, struct err *e)
{
    return answer(parse_target(method, target, a, out), e);
}

enum status uri_parse_url(struct span url, struct arena *a, struct uri *out, struct err *e)
{
    memset(out, 0, sizeof(*out));
    const char *why = check_octets(url);
    return answer(why ? why : parse_absolute(url, a, out), e);
}

const char *uri_why_bad_target(struct span method, struct span target)
{
    struct uri ignored;
    return parse_target(method, target, NULL, &ignored);
}

const char *uri_why_bad_host(struct span host)
{
    struct uri_authority ignored;
    return parse_authority(host, NULL, &ignored);
}

struct span uri_format_host(const struct uri_authority *h, bool is_https, struct arena *a)
{
    struct span host = h->host;
    if (h->kind == URI_IPV6)
        host = ARENA_JOIN(a, SPAN("["), host, SPAN("]"));
    if (!h->port || h->port == (is_https ? 443 : 80))
        return host;
    return ARENA_JOIN(a, host, SPAN(":"), arena_decimal(a, h->port));
}

struct span uri_decode(struct span s, struct arena *a)
{
    char *out = arena_alloc(a, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        int high = i + 2 < s.len && s.p[i] == '%' ? hex_value(s.p[i + 1]) : -1;
        int low = high >= 0 ? hex_value(s.p[i + 2]) : -1;
        if (low >= 0) {
            out[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out[n++] = s.p[i];
        }
    }
    return span_from(out, n);
}
