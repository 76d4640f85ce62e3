// SPDX-License-Identifier: Apache-2.0
// Authorities and request targets (RFC 9112 3.2, RFC 3986), strictly. One authority parser serves
// targets, Host, CONNECT and the configuration.
#ifndef HTTP_URI_H
#define HTTP_URI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/status.h"

enum uri_host_kind { URI_NAME = 0, URI_IPV4, URI_IPV6 };

struct uri_authority {
    struct span host; // lower case; IPv6 without brackets, ::ffff:a.b.c.d mapped to IPv4
    enum uri_host_kind kind;
    uint16_t port; // 0: none was written
};

// Refuses userinfo, other spellings of IPv4 (decimal, octal, hex, short), zone ids, `%`, a trailing
// dot, empty labels, labels over 63, ports outside 1..65535. An empty port ("host:") counts as
// none. The host is copied to the arena. err says what is wrong.
NODISCARD enum status uri_parse_authority(struct span in, struct arena *a,
                                          struct uri_authority *out, struct err *e);

enum uri_form { URI_ORIGIN = 0, URI_ABSOLUTE, URI_AUTHORITY, URI_ASTERISK };

struct uri {
    enum uri_form form;
    bool is_https;                  // absolute-form's scheme; only http and https are taken
    struct uri_authority authority; // absolute and authority form
    struct span path;               // raw, at least "/" ("" only for authority and asterisk)
    struct span query;              // raw, without '?'; p == NULL where there was no '?'
};

// method decides the form: CONNECT wants authority-form with a port, OPTIONS may be "*".
NODISCARD enum status uri_parse_target(struct span method, struct span target, struct arena *a,
                                       struct uri *out, struct err *e);
// "https://host[:port][/path][?query]" from the command line, the configuration or presign input.
NODISCARD enum status uri_parse_url(struct span url, struct arena *a, struct uri *out,
                                    struct err *e);
// "host", "host:port", "[v6]:port": the port is left out where it is 0 or the scheme's default.
struct span uri_format_host(const struct uri_authority *h, bool is_https, struct arena *a);

// Percent-decoded once, into the arena (RFC 3986 2.1); a '%' without two hex digits behind it
// stays.
struct span uri_decode(struct span s, struct arena *a);

#endif
