// SPDX-License-Identifier: Apache-2.0
// Heads have a dozen fields: a linear scan that compares lengths first beats any index.
#include "http/hdrs.h"

#include <string.h>

#include "http/octets_int.h"

#define FIRST_CAP 16
#define MAX_NAMED 64 // names in Connection; the parser refuses heads with more

void hdrs_init(struct hdrs *h)
{
    memset(h, 0, sizeof(*h));
}

void hdrs_add(struct hdrs *h, struct arena *a, struct span name, struct span value)
{
    if (h->n == h->cap) {
        unsigned cap = h->cap ? h->cap * 2 : FIRST_CAP;
        struct hdr *v = arena_alloc(a, cap * sizeof(*v));
        if (h->n)
            memcpy(v, h->v, h->n * sizeof(*v));
        h->v = v;
        h->cap = cap;
    }
    h->v[h->n].name = name;
    h->v[h->n].value = value;
    h->n++;
}

const struct hdr *hdrs_find(const struct hdrs *h, struct span name)
{
    for (unsigned i = 0; i < h->n; i++)
        if (h->v[i].name.len == name.len && span_ieq(h->v[i].name, name))
            return &h->v[i];
    return NULL;
}

unsigned hdrs_count(const struct hdrs *h, struct span name)
{
    unsigned n = 0;
    for (unsigned i = 0; i < h->n; i++)
        n += h->v[i].name.len == name.len && span_ieq(h->v[i].name, name);
    return n;
}

struct span hdrs_get(const struct hdrs *h, struct span name)
{
    const struct hdr *f = hdrs_find(h, name);
    return f ? f->value : (struct span){.p = NULL, .len = 0};
}

unsigned hdrs_remove(struct hdrs *h, struct span name)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < h->n; i++)
        if (h->v[i].name.len != name.len || !span_ieq(h->v[i].name, name))
            h->v[kept++] = h->v[i];
    unsigned removed = h->n - kept;
    h->n = kept;
    return removed;
}

void hdrs_set(struct hdrs *h, struct arena *a, struct span name, struct span value)
{
    unsigned kept = 0;
    bool is_set = false;
    for (unsigned i = 0; i < h->n; i++) {
        if (h->v[i].name.len == name.len && span_ieq(h->v[i].name, name)) {
            if (is_set)
                continue;
            is_set = true;
            h->v[i] = (struct hdr){.name = name, .value = value};
        }
        h->v[kept++] = h->v[i];
    }
    h->n = kept;
    if (!is_set)
        hdrs_add(h, a, name, value);
}

static bool is_hop_name(struct span name)
{
    switch (name.len) {
    case 2:
        return span_iis(name, "te");
    case 7:
        return span_iis(name, "trailer") || span_iis(name, "upgrade");
    case 10:
        return span_iis(name, "connection") || span_iis(name, "keep-alive");
    case 14:
        if (span_iis(name, "http2-settings"))
            return true;
        break;
    case 17:
        if (span_iis(name, "transfer-encoding"))
            return true;
        break;
    default:
        break;
    }
    return span_istarts(name, SPAN("proxy-"));
}

// What frames and routes the message stays, whatever Connection says: naming Content-Length must
// not turn a body into a second request.
static bool is_protected(struct span name)
{
    switch (name.len) {
    case 4:
        return span_iis(name, "host");
    case 12:
        return span_iis(name, "content-type");
    case 14:
        return span_iis(name, "content-length");
    default:
        return false;
    }
}

static unsigned collect_named(const struct hdrs *h, struct span named[MAX_NAMED])
{
    unsigned n = 0;
    for (unsigned i = 0; i < h->n; i++) {
        if (h->v[i].name.len != 10 || !span_iis(h->v[i].name, "connection"))
            continue;
        struct span rest = h->v[i].value;
        struct span part;
        while (span_next(&rest, ',', &part)) {
            part = span_trim(part);
            if (part.len && !is_protected(part) && n < MAX_NAMED)
                named[n++] = part;
        }
    }
    return n;
}

static bool is_named(struct span name, const struct span *named, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (named[i].len == name.len && span_ieq(named[i], name))
            return true;
    return false;
}

// Those of `from` that concern more than one connection to `to`, which may be the same place.
static unsigned keep_end_to_end(const struct hdrs *from, struct hdr *to)
{
    struct span named[MAX_NAMED];
    unsigned n_named = collect_named(from, named);
    unsigned kept = 0;
    for (unsigned i = 0; i < from->n; i++)
        if (!is_hop_name(from->v[i].name) && !is_named(from->v[i].name, named, n_named))
            to[kept++] = from->v[i];
    return kept;
}

void hdrs_strip_hop(struct hdrs *h)
{
    h->n = keep_end_to_end(h, h->v);
}

void hdrs_copy_end_to_end(const struct hdrs *from, struct arena *a, unsigned spare,
                          struct hdrs *out)
{
    out->cap = from->n + spare;
    out->v = arena_alloc(a, out->cap * sizeof(*out->v));
    out->n = keep_end_to_end(from, out->v);
}

static bool list_has(struct span list, struct span token)
{
    struct span part;
    while (span_next(&list, ',', &part))
        if (span_ieq(span_trim(part), token))
            return true;
    return false;
}

bool hdrs_has_token(const struct hdrs *h, struct span name, struct span token)
{
    for (unsigned i = 0; i < h->n; i++)
        if (h->v[i].name.len == name.len && span_ieq(h->v[i].name, name) &&
            list_has(h->v[i].value, token))
            return true;
    return false;
}

bool hdrs_value_ok(struct span value)
{
    return !value.len || octet_run(value.p, value.p + value.len, OCTET_VALUE) == value.len;
}

bool hdrs_name_ok(struct span name)
{
    return name.len && octet_run(name.p, name.p + name.len, OCTET_TCHAR) == name.len;
}
