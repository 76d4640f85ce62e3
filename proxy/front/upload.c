// SPDX-License-Identifier: Apache-2.0
// aws-chunked on the way out: whole chunks of 64 KiB, so that the length is known before the body,
// each signed or bare. A chunk's signature stands in front of its data, so a chunk is gathered
// before its first octet goes.
#include "front/upload.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/secret.h"
#include "base/xalloc.h"

#define TRAILERS_MAX 8

struct upload {
    struct sign_chunks *chunks;
    bool is_signed; // chunk by chunk
    bool has_ended;
    char data[SIGN_CHUNK_LEN];
};

bool upload_is_framed(const struct request *r)
{
    return r->plan.is_signed &&
           (r->plan.payload == PLAN_PAYLOAD_CHUNKED || r->plan.payload == PLAN_PAYLOAD_TRAILER);
}

// A trailer goes on as one where the body streams; of a held body it is known already, and becomes
// fields of the head.
static bool has_trailer(const struct request *r)
{
    return upload_is_framed(r) && r->plan.body == PLAN_BODY_STREAM && r->plan.trailer.len;
}

struct span upload_payload_hash(const struct request *r)
{
    if (r->plan.payload == PLAN_PAYLOAD_TRAILER)
        return SPAN("STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    return has_trailer(r) ? SPAN("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")
                          : SPAN("STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
}

static uint64_t data_len(const struct request *r)
{
    return r->plan.has_data_len ? r->plan.data_len : r->body.len;
}

// The client's content codings without aws-chunked, behind ours where the body is framed.
static void set_coding(struct request *r, struct hdrs *h)
{
    struct arena *a = &r->arena;
    const struct span name = SPAN("Content-Encoding");
    struct span all = upload_is_framed(r) ? SPAN("aws-chunked") : SPAN("");
    for (unsigned i = 0; i < h->n; i++) {
        struct span rest = h->v[i].value;
        struct span coding;
        while (span_ieq(h->v[i].name, name) && span_next(&rest, ',', &coding)) {
            coding = span_trim(coding);
            if (coding.len && !span_iis(coding, "aws-chunked"))
                all = arena_spanf(a, "%.*s%s%.*s", SPAN_ARG(all), all.len ? "," : "",
                                  SPAN_ARG(coding));
        }
    }
    (void)hdrs_remove(h, name);
    if (all.len)
        hdrs_add(h, a, name, all);
}

static void add_checksums(struct request *r, struct hdrs *h)
{
    unsigned n = 0;
    const struct sign_field *trailers = sign_dechunk_trailers(r->frames, &n);
    for (unsigned i = 0; i < n; i++)
        hdrs_set(h, &r->arena, trailers[i].name, trailers[i].value);
}

void upload_set_fields(struct request *r, struct hdrs *h)
{
    if (!r->plan.is_framed && !upload_is_framed(r))
        return;
    set_coding(r, h);
    (void)hdrs_remove(h, SPAN("x-amz-decoded-content-length"));
    (void)hdrs_remove(h, SPAN("x-amz-trailer"));
    if (upload_is_framed(r))
        hdrs_add(h, &r->arena, SPAN("x-amz-decoded-content-length"),
                 arena_decimal(&r->arena, data_len(r)));
    if (has_trailer(r))
        hdrs_add(h, &r->arena, SPAN("x-amz-trailer"), r->plan.trailer);
    else if (r->plan.is_framed && r->client_done)
        add_checksums(r, h);
}

enum status upload_wire_len(struct request *r, uint64_t *out)
{
    struct sign_field fields[TRAILERS_MAX];
    struct span names = has_trailer(r) ? r->plan.trailer : SPAN("");
    struct span name;
    unsigned n = 0;
    while (names.len && span_next(&names, ',', &name)) {
        name = span_trim(name);
        size_t len = sign_trailer_len(name);
        if (!len || n == TRAILERS_MAX)
            return ST_LIMIT;
        fields[n++] = (struct sign_field){.name = name, .value = span_from(NULL, len)};
    }
    return sign_chunks_wire_len(sign_framing_of(upload_payload_hash(r)), data_len(r), fields, n,
                                out);
}

enum status upload_begin(struct request *r, const struct sign_request *s,
                         const struct sign_identity *id, struct span seed)
{
    upload_free(r->upload);
    r->upload = xcalloc(1, sizeof(*r->upload));
    r->upload->is_signed = r->plan.payload == PLAN_PAYLOAD_CHUNKED;
    r->upload->chunks = sign_chunks_new(s, id, r->worker->keys, seed);
    return r->upload->chunks ? ST_OK : ST_INVALID;
}

void upload_free(struct upload *u)
{
    if (!u)
        return;
    sign_chunks_free(u->chunks);
    free(u);
}

// Takes the next chunk's data out of the store; false where the spool can't be read.
static bool gather(struct request *r, size_t len)
{
    size_t at = 0;
    while (at < len) {
        struct span piece = body_peek(&r->body);
        if (!piece.p)
            return false;
        piece = span_sub(piece, 0, len - at);
        memcpy(r->upload->data + at, piece.p, piece.len);
        body_take(&r->body, piece.len);
        at += piece.len;
    }
    return true;
}

static void send_chunk(struct request *r, struct span head, size_t len)
{
    struct upload *u = r->upload;
    uint8_t hash[DIGEST_LEN];
    char line[SIGN_CHUNK_HEAD_MAX];
    struct span data = span_from(u->data, len);
    struct span parts[4];
    unsigned n = 0;
    if (head.len)
        parts[n++] = head;
    if (u->is_signed)
        digest_sha256(data, hash);
    parts[n++] =
        span_from(line, sign_chunks_head(u->chunks, len, u->is_signed ? hash : NULL, line));
    parts[n++] = data;
    parts[n++] = SPAN("\r\n");
    exchange_send(r->exchange, parts, n);
}

bool upload_pump(struct request *r, struct span head)
{
    do {
        uint64_t unread = body_unread(&r->body);
        size_t len = unread < SIGN_CHUNK_LEN ? (size_t)unread : SIGN_CHUNK_LEN;
        if (!len || (len < SIGN_CHUNK_LEN && !r->client_done))
            break;
        if (!gather(r, len))
            return false;
        send_chunk(r, head, len);
        head = SPAN("");
    } while (exchange_queued(r->exchange) <= STREAM_HIGH_WATER);
    if (head.len)
        exchange_send(r->exchange, &head, 1);
    return true;
}

void upload_end(struct request *r)
{
    struct upload *u = r->upload;
    const struct sign_field *trailers = NULL;
    unsigned n = 0;
    if (u->has_ended)
        return;
    u->has_ended = true;
    if (has_trailer(r))
        trailers = sign_dechunk_trailers(r->frames, &n);
    struct span end = sign_chunks_end(u->chunks, trailers, n, &r->arena);
    exchange_send(r->exchange, &end, 1);
}
