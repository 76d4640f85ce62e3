// SPDX-License-Identifier: Apache-2.0
// Bodies in aws-chunked framing: ours, written chunk by chunk, and the clients', decoded and
// checked. https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html,
// sigv4-streaming-trailers.html
#ifndef SIGN_STREAM_H
#define SIGN_STREAM_H

#include "base/digest.h"
#include "sign/sign.h"

// Data octets of every chunk but the last: servers refuse less than 8 KiB or more than 16 MiB.
#define SIGN_CHUNK_LEN      65536
#define SIGN_CHUNK_HEAD_MAX 128

enum sign_framing {
    SIGN_NOT_FRAMED = 0,
    SIGN_CHUNKS_SIGNED,           // STREAMING-AWS4-HMAC-SHA256-PAYLOAD
    SIGN_CHUNKS_SIGNED_TRAILER,   // STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER
    SIGN_CHUNKS_ECDSA,            // STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD: decoded only
    SIGN_CHUNKS_ECDSA_TRAILER,    // ...-TRAILER
    SIGN_CHUNKS_UNSIGNED_TRAILER, // STREAMING-UNSIGNED-PAYLOAD-TRAILER
    SIGN_FRAMING_UNKNOWN, // STREAMING-anything else: event streams, which nobody here can sign
};
// What an x-amz-content-sha256 value says of the body.
enum sign_framing sign_framing_of(struct span payload_hash);

// Writing. One body's chain of signatures, begun by the signature of its request's head. Secret.
struct sign_chunks;
// r is what sign_header signed (its payload_hash names the framing), seed its signature. NULL where
// the framing is none that we write. r and id are not kept.
struct sign_chunks *sign_chunks_new(const struct sign_request *r, const struct sign_identity *id,
                                    struct sign_key_cache *cache, struct span seed);
void sign_chunks_free(struct sign_chunks *c);
// The line before a chunk of len > 0 octets whose SHA-256 is hash (NULL where chunks are not
// signed); after it go the data and CRLF. Returns the line's length.
size_t sign_chunks_head(struct sign_chunks *c, uint64_t len, const uint8_t *hash,
                        char out[SIGN_CHUNK_HEAD_MAX]);
// All that comes behind the last data's CRLF: the empty chunk, the trailer fields, their signature.
struct span sign_chunks_end(struct sign_chunks *c, const struct sign_field *trailers, unsigned n,
                            struct arena *a);
// Length of the framed body where data comes in chunks of SIGN_CHUNK_LEN: the Content-Length, known
// before the trailers' values are (only their lengths count). ST_LIMIT: too long to be sent.
NODISCARD enum status sign_chunks_wire_len(enum sign_framing framing, uint64_t data_len,
                                           const struct sign_field *trailers, unsigned n,
                                           uint64_t *out);

// Length of the value of such a trailer field (x-amz-checksum-...), in any case; 0: not known.
size_t sign_trailer_len(struct span name);

// Reading. Chunk signatures are skipped, not checked: they were made with a secret that we don't
// have. The checksums in the trailer are.
struct sign_dechunk_spec {
    enum sign_framing framing;
    bool has_len;        // x-amz-decoded-content-length was sent
    uint64_t len;        // and must be met
    struct span trailer; // x-amz-trailer's value: the names that must come, and no others
    size_t trailer_max;  // octets of all trailer lines
};
struct sign_dechunk;
// NULL with err: the framing is none, or a checksum is announced that we don't know.
struct sign_dechunk *sign_dechunk_new(const struct sign_dechunk_spec *spec, struct err *e);
void sign_dechunk_free(struct sign_dechunk *d);

enum sign_dechunk_step {
    SIGN_DECHUNK_MORE = 0, // *in is used up, the body has not ended
    SIGN_DECHUNK_DATA,     // *data, inside what *in was; never empty
    SIGN_DECHUNK_END,      // lengths and checksums hold; *in is what follows the body
    SIGN_DECHUNK_BAD,      // framing, length or checksum is wrong: err says which
};
// Takes octets off the front of *in. Call until MORE, END or BAD. Data is handed out before its
// checksum is known: whoever sends it on holds the last piece back until END.
enum sign_dechunk_step sign_dechunk_feed(struct sign_dechunk *d, struct span *in, struct span *data,
                                         struct err *e);
// After END: the trailer fields without the client's signature; they live as long as d.
const struct sign_field *sign_dechunk_trailers(const struct sign_dechunk *d, unsigned *n);

#endif
