// SPDX-License-Identifier: Apache-2.0
// The first octet picks framing, trailer and announced length. Decoding must not depend on how the
// input is cut, must hand out no more than came in, and what it accepts must come out the same when
// framed again.
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "sign/stream.h"

#define TRAILER SPAN("x-amz-checksum-crc32")

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static struct sign_dechunk *open_spec(uint8_t flags)
{
    struct sign_dechunk_spec spec = {
        .framing = (enum sign_framing)(SIGN_CHUNKS_SIGNED + flags % 5),
        .has_len = (flags & 0x40) != 0,
        .len = 16,
        .trailer = (flags & 0x80) != 0 ? TRAILER : SPAN(""),
        .trailer_max = 300,
    };
    return sign_dechunk_new(&spec, NULL);
}

static enum sign_dechunk_step decode(struct sign_dechunk *d, struct span in, size_t piece,
                                     struct buf *out)
{
    enum sign_dechunk_step step = SIGN_DECHUNK_MORE;
    while (in.len && (step == SIGN_DECHUNK_MORE || step == SIGN_DECHUNK_DATA)) {
        struct span part = span_sub(in, 0, piece);
        in = span_sub(in, piece, in.len);
        do {
            struct span bytes;
            step = sign_dechunk_feed(d, &part, &bytes, NULL);
            buf_add_span(out, bytes);
        } while (step == SIGN_DECHUNK_DATA);
    }
    return step;
}

// Unsigned framing of the data and the trailer, decoded again.
static void frame_again(struct span body, const struct sign_dechunk *old, uint8_t flags)
{
    unsigned n = 0;
    const struct sign_field *trailers = sign_dechunk_trailers(old, &n);
    struct sign_request r = {.payload_hash = SPAN("STREAMING-UNSIGNED-PAYLOAD-TRAILER")};
    struct sign_identity id = {.generation = 0};
    struct sign_chunks *c = sign_chunks_new(&r, &id, NULL, SPAN(""));
    struct arena a;
    struct buf wire;
    struct buf out;
    char head[SIGN_CHUNK_HEAD_MAX];
    arena_init(&a);
    buf_init(&wire);
    buf_init(&out);
    if (body.len) {
        buf_add(&wire, head, sign_chunks_head(c, body.len, NULL, head));
        buf_add_span(&wire, body);
        buf_add_str(&wire, "\r\n");
    }
    buf_add_span(&wire, sign_chunks_end(c, trailers, n, &a));
    uint8_t plain = (uint8_t)((flags & 0xc0) | 4);
    while (plain % 5 != SIGN_CHUNKS_UNSIGNED_TRAILER - SIGN_CHUNKS_SIGNED)
        plain++;
    struct sign_dechunk *d = open_spec(plain);
    must(d && decode(d, buf_span(&wire), 5, &out) == SIGN_DECHUNK_END);
    must(span_eq(buf_span(&out), body));
    sign_dechunk_free(d);
    sign_chunks_free(c);
    buf_clear(&wire);
    buf_clear(&out);
    arena_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct sign_dechunk *whole = open_spec(data[0]);
    struct sign_dechunk *cut = open_spec(data[0]);
    struct span in = span_from((const char *)data + 1, size - 1);
    struct buf a;
    struct buf b;
    buf_init(&a);
    buf_init(&b);
    digest_setup();
    must(!whole == !cut);
    if (whole) {
        enum sign_dechunk_step step = decode(whole, in, in.len, &a);
        must(decode(cut, in, 1, &b) == step);
        must(span_eq(buf_span(&a), buf_span(&b)));
        must(a.len <= in.len);
        if (step == SIGN_DECHUNK_END)
            frame_again(buf_span(&a), whole, data[0]);
    }
    sign_dechunk_free(whole);
    sign_dechunk_free(cut);
    buf_clear(&a);
    buf_clear(&b);
    return 0;
}
