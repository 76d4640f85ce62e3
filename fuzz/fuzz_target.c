// SPDX-License-Identifier: Apache-2.0
// The rebuilt target is a fixed point (canonicalising what we send changes nothing) and holds only
// the octets that it may: so whatever the server canonicalises is what was signed.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "sign/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

// Unreserved octets, the extra ones given, and escapes with capital digits.
static bool is_canonical(struct span s, const char *extra)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (is_alnum || (c && strchr("-._~", c)) || (c && strchr(extra, c)))
            continue;
        if (c != '%' || s.len - i < 3 || !strchr("0123456789ABCDEF", s.p[i + 1]) ||
            !strchr("0123456789ABCDEF", s.p[i + 2]))
            return false;
        i += 2;
    }
    return true;
}

static bool is_visible_ascii(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
            return false;
    return true;
}

static void check(struct span path, struct span query, bool is_s3, struct arena *a)
{
    struct sign_target once;
    struct sign_target twice;
    sign_target_make(path, query, is_s3, a, &once);
    sign_target_make(once.wire_path, once.query, is_s3, a, &twice);
    must(span_eq(once.wire_path, twice.wire_path));
    must(span_eq(once.canon_path, twice.canon_path));
    must(span_eq(once.query, twice.query));
    must(once.wire_path.len && once.wire_path.p[0] == '/');
    must(once.canon_path.len && once.canon_path.p[0] == '/');
    must(is_canonical(once.canon_path, "/"));
    must(is_canonical(once.query, "=&"));
    must(is_visible_ascii(once.wire_path));
    must(span_find(once.wire_path, '?') == once.wire_path.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct span target = span_from((const char *)data, size);
    size_t mark = span_find(target, '?');
    struct span path = span_sub(target, 0, mark);
    struct span query = span_sub(target, mark + 1, size);
    arena_init(&a);
    check(path, query, false, &a);
    check(path, query, true, &a);
    arena_clear(&a);
    return 0;
}
