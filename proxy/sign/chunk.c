// SPDX-License-Identifier: Apache-2.0
// Framed bodies of our own. Each chunk's signature covers its data's hash and the signature before
// it; the chain begins with the signature in the Authorization field. Time stamp and scope are
// those of the head.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "sign/sign_int.h"
#include "sign/stream.h"

#define SIGNATURE_FIELD   ";chunk-signature="
#define TRAILER_SIGNATURE "x-amz-trailer-signature:"

struct sign_chunks {
    struct sign_key *key; // NULL: chunks are not signed
    bool has_trailer;
    char previous[DIGEST_HEX];
    struct span stamp_and_scope; // "stamp\nscope\n", heap
};

enum sign_framing sign_framing_of(struct span payload_hash)
{
    static const struct {
        struct span value;
        enum sign_framing framing;
    } known[] = {
        {SPAN("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), SIGN_CHUNKS_SIGNED},
        {SPAN("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"), SIGN_CHUNKS_SIGNED_TRAILER},
        {SPAN("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"), SIGN_CHUNKS_ECDSA},
        {SPAN("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"), SIGN_CHUNKS_ECDSA_TRAILER},
        {SPAN("STREAMING-UNSIGNED-PAYLOAD-TRAILER"), SIGN_CHUNKS_UNSIGNED_TRAILER},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (span_eq(payload_hash, known[i].value))
            return known[i].framing;
    return span_istarts(payload_hash, SPAN("STREAMING-")) ? SIGN_FRAMING_UNKNOWN : SIGN_NOT_FRAMED;
}

static bool is_hmac(enum sign_framing framing)
{
    return framing == SIGN_CHUNKS_SIGNED || framing == SIGN_CHUNKS_SIGNED_TRAILER;
}

struct sign_chunks *sign_chunks_new(const struct sign_request *r, const struct sign_identity *id,
                                    struct sign_key_cache *cache, struct span seed)
{
    enum sign_framing framing = sign_framing_of(r->payload_hash);
    struct sign_chunks *c = NULL;
    struct arena a;
    struct signing s = {.r = r, .id = id, .a = &a};
    arena_init(&a);
    if (framing == SIGN_CHUNKS_UNSIGNED_TRAILER) {
        c = xcalloc(1, sizeof(*c));
    } else if (is_hmac(framing) && !r->is_sigv4a && seed.len == DIGEST_HEX &&
               signing_begin(&s, NULL) == ST_OK) {
        c = xcalloc(1, sizeof(*c));
        c->key = sign_key_acquire(cache, id, s.stamp, &r->scope);
        memcpy(c->previous, seed.p, DIGEST_HEX);
        struct span text =
            ARENA_JOIN(&a, span_from(s.stamp, STAMP_LEN), SPAN("\n"), s.scope, SPAN("\n"));
        c->stamp_and_scope = span_from(xstrndup(text.p, text.len), text.len);
    }
    if (c)
        c->has_trailer = framing != SIGN_CHUNKS_SIGNED;
    arena_clear(&a);
    return c;
}

void sign_chunks_free(struct sign_chunks *c)
{
    if (!c)
        return;
    sign_key_release(c->key);
    free((char *)c->stamp_and_scope.p);
    free(c);
}

// The next link of the chain, left in c->previous. middle: what stands between the two hashes.
static void chain(struct sign_chunks *c, struct span algorithm, struct span middle,
                  const uint8_t *hash)
{
    char hex[DIGEST_HEX];
    uint8_t mac[DIGEST_LEN];
    struct arena a;
    arena_init(&a);
    hex_encode(hash, DIGEST_LEN, hex);
    sign_key_hmac(c->key,
                  ARENA_JOIN(&a, algorithm, SPAN("\n"), c->stamp_and_scope,
                             span_from(c->previous, DIGEST_HEX), middle,
                             span_from(hex, DIGEST_HEX)),
                  mac);
    hex_encode(mac, DIGEST_LEN, c->previous);
    arena_clear(&a);
}

size_t sign_chunks_head(struct sign_chunks *c, uint64_t len, const uint8_t *hash,
                        char out[SIGN_CHUNK_HEAD_MAX])
{
    char *end = out + snprintf(out, SIGN_CHUNK_HEAD_MAX, "%llx", (unsigned long long)len);
    if (c->key) {
        assert(hash);
        chain(c, SPAN("AWS4-HMAC-SHA256-PAYLOAD"), SPAN("\n" DIGEST_EMPTY_HEX "\n"), hash);
        end = put(put(end, SPAN(SIGNATURE_FIELD)), span_from(c->previous, DIGEST_HEX));
    }
    end = put(end, SPAN("\r\n"));
    return (size_t)(end - out);
}

static struct sign_field lowered(struct sign_field field, struct arena *a)
{
    char *p = arena_alloc(a, field.name.len);
    for (size_t i = 0; i < field.name.len; i++)
        p[i] = ascii_lower(field.name.p[i]);
    return (struct sign_field){.name = span_from(p, field.name.len), .value = field.value};
}

// What the trailer's signature covers: "name:value\n" each, sorted by name.
static struct span canonical_trailers(const struct sign_field *trailers, unsigned n,
                                      struct arena *a)
{
    struct sign_field *v = arena_alloc(a, n * sizeof(*v));
    struct span text = SPAN("");
    for (unsigned i = 0; i < n; i++) {
        struct sign_field field = lowered(trailers[i], a);
        unsigned at = i;
        for (; at && span_cmp(v[at - 1].name, field.name) > 0; at--)
            v[at] = v[at - 1];
        v[at] = field;
    }
    for (unsigned i = 0; i < n; i++)
        text = ARENA_JOIN(a, text, v[i].name, SPAN(":"), v[i].value, SPAN("\n"));
    return text;
}

struct span sign_chunks_end(struct sign_chunks *c, const struct sign_field *trailers, unsigned n,
                            struct arena *a)
{
    char head[SIGN_CHUNK_HEAD_MAX];
    uint8_t hash[DIGEST_LEN];
    digest_sha256(SPAN(""), hash);
    struct span text = arena_dup(a, span_from(head, sign_chunks_head(c, 0, hash, head)));
    if (!c->has_trailer)
        return ARENA_JOIN(a, text, SPAN("\r\n"));
    for (unsigned i = 0; i < n; i++)
        text = ARENA_JOIN(a, text, lowered(trailers[i], a).name, SPAN(":"), trailers[i].value,
                          SPAN("\r\n"));
    if (c->key) {
        digest_sha256(canonical_trailers(trailers, n, a), hash);
        chain(c, SPAN("AWS4-HMAC-SHA256-TRAILER"), SPAN("\n"), hash);
        text = ARENA_JOIN(a, text, SPAN(TRAILER_SIGNATURE), span_from(c->previous, DIGEST_HEX),
                          SPAN("\r\n"));
    }
    return ARENA_JOIN(a, text, SPAN("\r\n"));
}

static uint64_t head_len(uint64_t len, bool is_signed)
{
    uint64_t digits = 1;
    while (len >>= 4)
        digits++;
    return digits + (is_signed ? sizeof(SIGNATURE_FIELD) - 1 + DIGEST_HEX : 0) + 2;
}

enum status sign_chunks_wire_len(enum sign_framing framing, uint64_t data_len,
                                 const struct sign_field *trailers, unsigned n, uint64_t *out)
{
    bool is_signed = is_hmac(framing);
    uint64_t rest = data_len % SIGN_CHUNK_LEN;
    if (data_len > INT64_MAX / 2) // the framing is less than the data from here on
        return ST_LIMIT;
    uint64_t len = data_len;
    len += data_len / SIGN_CHUNK_LEN * (head_len(SIGN_CHUNK_LEN, is_signed) + 2);
    len += rest ? head_len(rest, is_signed) + 2 : 0;
    len += head_len(0, is_signed) + 2;
    for (unsigned i = 0; i < n; i++)
        len += trailers[i].name.len + trailers[i].value.len + 3;
    if (framing == SIGN_CHUNKS_SIGNED_TRAILER)
        len += sizeof(TRAILER_SIGNATURE) - 1 + DIGEST_HEX + 2;
    *out = len;
    return ST_OK;
}
