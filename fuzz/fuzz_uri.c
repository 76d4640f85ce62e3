// SPDX-License-Identifier: Apache-2.0
// Targets and authorities; the first octet picks the method. An accepted host holds only octets
// that can be dialled, signed and sent, and reads as itself when it is written out again.
#include <stdlib.h>
#include <string.h>

#include "http/uri.h"
#include "http/uri_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim)
        abort();
}

static void check_authority(const struct uri_authority *h, bool is_https, struct arena *a)
{
    struct uri_authority again;
    must(h->host.len > 0);
    for (size_t i = 0; i < h->host.len; i++) {
        char c = h->host.p[i];
        must(c && strchr("abcdefghijklmnopqrstuvwxyz0123456789._-:", c));
        must(c != ':' || h->kind == URI_IPV6);
    }
    struct span text = uri_format_host(h, is_https, a);
    must(uri_parse_authority(text, a, &again, NULL) == ST_OK);
    must(span_eq(h->host, again.host) && h->kind == again.kind);
    must(again.port == h->port || (!again.port && h->port == (is_https ? 443 : 80)));
}

static void check_uri(const struct uri *u, struct span target, struct arena *a)
{
    if (u->form == URI_ABSOLUTE || u->form == URI_AUTHORITY)
        check_authority(&u->authority, u->is_https, a);
    if (u->form == URI_ORIGIN || u->form == URI_ABSOLUTE) {
        must(u->path.len && u->path.p[0] == '/');
        must(span_find(u->path, '?') == u->path.len);
    }
    if (u->form == URI_ORIGIN)
        must(u->path.len + (u->query.p ? u->query.len + 1 : 0) == target.len);
    must(u->form != URI_AUTHORITY || u->authority.port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = {"GET", "OPTIONS", "CONNECT", "PUT"};
    struct arena a;
    struct uri u;
    struct uri_authority h;
    struct err e;
    if (!size)
        return 0;
    arena_init(&a);
    struct span method = span_of(methods[data[0] % 4]);
    struct span in = span_from((const char *)data + 1, size - 1);
    bool is_fine = uri_parse_target(method, in, &a, &u, &e) == ST_OK;
    must(is_fine == !uri_why_bad_target(method, in));
    if (is_fine)
        check_uri(&u, in, &a);
    if (uri_parse_url(in, &a, &u, &e) == ST_OK)
        check_uri(&u, in, &a);
    is_fine = uri_parse_authority(in, &a, &h, &e) == ST_OK;
    must(is_fine == !uri_why_bad_host(in));
    if (is_fine)
        check_authority(&h, false, &a);
    arena_clear(&a);
    return 0;
}
