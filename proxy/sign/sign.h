// SPDX-License-Identifier: Apache-2.0
// AWS Signature Version 4 and 4A: from plain inputs to the signature. Pure: no clock, no I/O, no
// global state but the digest.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
#ifndef SIGN_SIGN_H
#define SIGN_SIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/status.h"

struct sign_field {
    struct span name;  // any case
    struct span value; // raw
};

// S3, S3 Express, S3 on Outposts, S3 Object Lambda: one URI encoding, no path normalisation,
// x-amz-content-sha256 always sent, UNSIGNED-PAYLOAD accepted.
bool sign_is_s3_family(struct span service);
// Services that want x-amz-content-sha256 on header-signed requests (the S3 family, aoss, ...).
bool sign_wants_payload_header(struct span service);

// The target as it goes on the wire, and its canonical form. "Sign what is sent, send what is
// signed."
struct sign_target {
    struct span wire_path;  // what is sent, beginning with '/'
    struct span canon_path; // line 2 of the canonical request
    struct span query;      // canonical query, wire and line 3 alike; empty: no '?' is sent
};
// path and query are raw, as received (query.p may be NULL). All memory from the arena, or borrowed
// from the inputs where nothing changes. Idempotent: feeding wire_path and query again changes
// nothing.
void sign_target_make(struct span path, struct span query, bool is_s3_family, struct arena *a,
                      struct sign_target *out);

// What is derived from secrets, kept: signing keys by (generation, date, region, service), SigV4A's
// EC keys by generation. Small, one per worker, not thread-safe, wiped when freed. capacity: at
// least 1.
struct sign_key_cache;
struct sign_key_cache *sign_key_cache_new(unsigned capacity);
void sign_key_cache_free(struct sign_key_cache *c);

struct sign_identity {
    struct span access_key;
    struct span secret_key;
    struct span session_token; // empty: none
    uint64_t generation;       // unique process-wide per secret: the cache trusts it
    bool is_s3_session;        // session_token is S3 Express's: x-amz-s3session-token
};

struct sign_scope {
    struct span region; // SigV4A: the region set, "*" or a list
    struct span service;
};

enum sign_select {
    SIGN_MINIMAL = 0, // host, content-type, content-md5, x-amz-*
    SIGN_ALL,         // signed_headers = all: all but the skip list
    SIGN_GIVEN,       // every field given: what a presigned URL is bound to
};

struct sign_request {
    struct span method; // case kept
    struct span host;   // the Host that will be sent
    const struct sign_target *target;
    const struct sign_field *fields; // all fields that will be sent, without Host and our own
    unsigned n_fields;
    enum sign_select select;  // which of them are signed
    struct span payload_hash; // hex, UNSIGNED-PAYLOAD or STREAMING-...
    bool send_payload_header; // add x-amz-content-sha256 (and sign it); header signing only
    bool is_sigv4a;
    bool token_unsigned; // the session token is sent, not signed: IoT's presigned WebSocket URLs
    struct sign_scope scope;
    int64_t wall_s;    // UTC seconds
    int64_t expires_s; // presigned only: 1..604800
};

// True for a field that the request may carry but that the signer itself sets: the front drops the
// client's copies before signing (Authorization, X-Amz-Date, X-Amz-Security-Token,
// X-Amz-Content-Sha256, X-Amz-Region-Set, x-amz-s3session-token).
bool sign_owns_field(struct span name);

struct sign_result {
    struct sign_field
        add[8]; // fields to send besides those given: X-Amz-Date, token, hash, Authorization
    unsigned n_add;
    struct span query;             // sign_query: sent instead of target->query; secret-bearing
    struct span canonical_request; // secret-bearing (session token): only for masked debug output
    struct span string_to_sign;
    struct span signature; // 64 hex digits; SigV4A: DER in hex, at most 144
    struct span signed_headers;
};

// All result memory from the arena. cache may be NULL. ST_INVALID where an input cannot be carried
// faithfully (a control octet in a value), err says which.
NODISCARD enum status sign_header(const struct sign_request *r, const struct sign_identity *id,
                                  struct sign_key_cache *cache, struct arena *a,
                                  struct sign_result *out, struct err *e);

#endif
