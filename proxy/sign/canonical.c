// SPDX-License-Identifier: Apache-2.0
// The parts of a canonical request that need thought: path, query, headers. The target that is sent
// is rebuilt from the canonical form, since servers decode what they receive and encode it their
// own strict way before they check a signature: a client's odd but legal spelling ("+", "%7e",
// "a=b=c") would otherwise be refused. S3 decodes the path once and encodes it once; every other
// service takes the path as it stands on the wire, normalises it and encodes it a second time.
#include <stdlib.h>
#include <string.h>

#include "sign/sign_int.h"

// Sets of ASCII octets, one bit each; none of 0x80 and above belongs to any.
struct octet_set {
    uint64_t low, high; // 0x00..0x3f, 0x40..0x7f
};
// A-Z a-z 0-9 - . _ ~
static const struct octet_set unreserved = {0x03ff600000000000, 0x47fffffe87fffffe};
// What may stand raw in a request target: 0x21..0x7e without " < > \ ^ ` { | } [ ] # ?
static const struct octet_set wire_legal = {0x2ffffff200000000, 0x47fffffe87ffffff};

static bool in_set(const struct octet_set *set, unsigned char c)
{
    if (c >= 0x80)
        return false;
    return ((c < 0x40 ? set->low >> c : set->high >> (c - 0x40)) & 1) != 0;
}

static void put_escape(char *out, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";
    out[0] = '%';
    out[1] = digits[c >> 4];
    out[2] = digits[c & 15];
}

static bool is_escape(struct span s, size_t i)
{
    return s.p[i] == '%' && s.len - i > 2 && hex_value(s.p[i + 1]) >= 0 &&
           hex_value(s.p[i + 2]) >= 0;
}

enum { KEEP_SLASH = 1, DECODE = 2, PLUS_IS_SPACE = 4 };

// Stands in a canonical form as it is.
static bool is_kept(unsigned char c, unsigned how)
{
    return in_set(&unreserved, c) || (c == '/' && (how & KEEP_SLASH));
}

// The octet at *i, decoded where asked for; moves behind it. A '%' that begins no escape is a
// literal '%'.
static unsigned char next_octet(struct span s, size_t *i, unsigned how)
{
    size_t at = (*i)++;
    if ((how & DECODE) && is_escape(s, at)) {
        *i = at + 3;
        return (unsigned char)(hex_value(s.p[at + 1]) << 4 | hex_value(s.p[at + 2]));
    }
    return (how & PLUS_IS_SPACE) && s.p[at] == '+' ? ' ' : (unsigned char)s.p[at];
}

static size_t recoded_len(struct span s, unsigned how)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len;)
        n += is_kept(next_octet(s, &i, how), how) ? 1 : 3;
    return n;
}

// Each octet, decoded first where asked for, is written as it is or as an escape.
static char *recode(char *out, struct span s, unsigned how)
{
    for (size_t i = 0; i < s.len;) {
        unsigned char c = next_octet(s, &i, how);
        if (is_kept(c, how)) {
            *out++ = (char)c;
        } else {
            put_escape(out, c);
            out += 3;
        }
    }
    return out;
}

size_t encoded_len(struct span s, bool keep_slash)
{
    return recoded_len(s, keep_slash ? KEEP_SLASH : 0);
}

char *encode(char *out, struct span s, bool keep_slash)
{
    return recode(out, s, keep_slash ? KEEP_SLASH : 0);
}

struct span decode_name(struct span s, char *out, size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (n == cap)
            return span_from(out, 0);
        out[n] = s.p[i];
        if (is_escape(s, i)) {
            out[n] = (char)(hex_value(s.p[i + 1]) << 4 | hex_value(s.p[i + 2]));
            i += 2;
        }
        n++;
    }
    return span_from(out, n);
}

// The input itself where nothing changes, which is nearly always.
static struct span recoded(struct span s, unsigned how, struct arena *a)
{
    size_t same = 0;
    while (same < s.len && is_kept((unsigned char)s.p[same], how))
        same++;
    if (same == s.len)
        return s;
    char *p = arena_alloc(a, recoded_len(s, how));
    return span_from(p, (size_t)(recode(p, s, how) - p));
}

static bool is_wire_legal(struct span s, size_t i)
{
    return s.p[i] == '%' ? is_escape(s, i) : in_set(&wire_legal, (unsigned char)s.p[i]);
}

// The client's bytes, with only those escaped that may not stand in a request target.
static struct span wire_path(struct span path, struct arena *a)
{
    size_t n_illegal = 0;
    for (size_t i = 0; i < path.len; i++)
        n_illegal += !is_wire_legal(path, i);
    if (!n_illegal)
        return path;
    char *p = arena_alloc(a, path.len + 2 * n_illegal);
    size_t n = 0;
    for (size_t i = 0; i < path.len; i++) {
        bool is_legal = is_wire_legal(path, i);
        if (is_legal)
            p[n] = path.p[i];
        else
            put_escape(p + n, (unsigned char)path.p[i]);
        n += is_legal ? 1 : 3;
    }
    return span_from(p, n);
}

static bool is_normal(struct span path)
{
    for (size_t i = 0; i + 1 < path.len; i++)
        if (path.p[i] == '/' && (path.p[i + 1] == '/' || path.p[i + 1] == '.'))
            return false;
    return true;
}

// Empty and "." segments go, ".." takes the one before with it, a slash at the end stays.
static struct span normalise(struct span path, struct arena *a)
{
    if (is_normal(path))
        return path;
    char *out = arena_alloc(a, path.len + 1);
    size_t n = 0;
    struct span rest = path;
    struct span segment;
    while (span_next(&rest, '/', &segment)) {
        if (!segment.len || span_is(segment, "."))
            continue;
        if (span_is(segment, "..")) {
            while (n && out[--n] != '/')
                ;
            continue;
        }
        out[n++] = '/';
        memcpy(out + n, segment.p, segment.len);
        n += segment.len;
    }
    if (!n || path.p[path.len - 1] == '/')
        out[n++] = '/';
    return span_from(out, n);
}

struct parameter {
    struct span key; // both encoded
    struct span value;
};

static int compare_parameters(const void *a, const void *b)
{
    const struct parameter *x = a;
    const struct parameter *y = b;
    int c = span_cmp(x->key, y->key);
    return c ? c : span_cmp(x->value, y->value);
}

// The parts of a query that count: not empty, and not a lone "=", which servers read differently.
static bool next_parameter(struct span *rest, struct span *part)
{
    while (span_next(rest, '&', part))
        if (part->len && !span_is(*part, "="))
            return true;
    return false;
}

static size_t count_parameters(struct span raw)
{
    size_t n = 0;
    struct span part;
    while (next_parameter(&raw, &part))
        n++;
    return n;
}

static struct parameter make_parameter(struct span part, struct arena *a)
{
    struct parameter p;
    size_t equals = span_find(part, '=');
    p.key = recoded(span_sub(part, 0, equals), DECODE | PLUS_IS_SPACE, a);
    p.value = recoded(span_sub(part, equals + 1, part.len), DECODE | PLUS_IS_SPACE, a);
    return p;
}

struct span canonical_query(struct span raw, struct arena *a)
{
    size_t n = count_parameters(raw);
    if (!n)
        return span_from(NULL, 0);
    struct parameter *v = arena_alloc(a, n * sizeof(*v));
    size_t len = 0;
    bool is_sorted = true;
    struct span part;
    for (size_t i = 0; next_parameter(&raw, &part); i++) {
        v[i] = make_parameter(part, a);
        len += v[i].key.len + v[i].value.len + 2;
        if (i && compare_parameters(&v[i - 1], &v[i]) > 0)
            is_sorted = false;
    }
    if (!is_sorted)
        qsort(v, n, sizeof(*v), compare_parameters);
    char *p = arena_alloc(a, len);
    char *end = p;
    for (size_t i = 0; i < n; i++) {
        if (i)
            *end++ = '&';
        end = put(end, v[i].key);
        *end++ = '=';
        end = put(end, v[i].value);
    }
    return span_from(p, (size_t)(end - p));
}

void sign_target_make(struct span path, struct span query, bool is_s3_family, struct arena *a,
                      struct sign_target *out)
{
    if (!path.len || path.p[0] != '/')
        path = ARENA_JOIN(a, SPAN("/"), path);
    if (is_s3_family) {
        out->wire_path = recoded(path, DECODE | KEEP_SLASH, a);
        out->canon_path = out->wire_path;
    } else {
        out->wire_path = wire_path(path, a);
        out->canon_path = recoded(normalise(out->wire_path, a), KEEP_SLASH, a);
    }
    out->query = canonical_query(query, a);
}
