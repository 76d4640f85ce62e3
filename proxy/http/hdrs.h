// SPDX-License-Identifier: Apache-2.0
// An ordered list of header fields. Names keep the case in which they came; look-ups ignore it.
// Memory comes from the arena given to each call; spans are borrowed from wherever they point.
#ifndef HTTP_HDRS_H
#define HTTP_HDRS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/span.h"

struct hdr {
    struct span name;
    struct span value; // without surrounding white space
};

struct hdrs {
    struct hdr *v;
    unsigned n;
    unsigned cap;
};

void hdrs_init(struct hdrs *h);
void hdrs_add(struct hdrs *h, struct arena *a, struct span name, struct span value);
// First field of that name; NULL where there is none. Valid until the list changes.
const struct hdr *hdrs_find(const struct hdrs *h, struct span name);
unsigned hdrs_count(const struct hdrs *h, struct span name);
// The one value, or an empty span with p == NULL where the field is absent.
struct span hdrs_get(const struct hdrs *h, struct span name);
// Removes all fields of that name; returns how many there were.
unsigned hdrs_remove(struct hdrs *h, struct span name);
// Replaces all fields of that name by one.
void hdrs_set(struct hdrs *h, struct arena *a, struct span name, struct span value);
// Removes what concerns one connection only (RFC 9110 7.6.1): Connection and what it names,
// Keep-Alive, Proxy-*, TE, Trailer, Transfer-Encoding, Upgrade, HTTP2-Settings. Host,
// Content-Length, Content-Type cannot be named away; X-Amz-* and Authorization can (the client's
// copies; the signer adds ours later).
void hdrs_strip_hop(struct hdrs *h);
// A list of its own with the fields that are left then, and room for `spare` more.
void hdrs_copy_end_to_end(const struct hdrs *from, struct arena *a, unsigned spare,
                          struct hdrs *out);
// True where a comma list over all fields of that name has the token (case-insensitive).
bool hdrs_has_token(const struct hdrs *h, struct span name, struct span token);
// No CR, LF, NUL or other control octet except HTAB: the gate for every value that we did not
// parse.
bool hdrs_value_ok(struct span value);
bool hdrs_name_ok(struct span name); // 1*tchar

#endif
