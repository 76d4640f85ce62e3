// SPDX-License-Identifier: Apache-2.0
// AWS Signature Version 4: from plain inputs to the signature. Pure: no clock, no I/O, no global
// state but the digest. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
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

// The target as it goes on the wire, and its canonical form. "Sign what is sent, send what is signed."
struct sign_target {
    struct span wire_path;  // what is sent, beginning with '/'
    struct span canon_path; // line 2 of the canonical request
    struct span query;      // canonical query, wire and line 3 alike; empty: no '?' is sent
};
// path and query are raw, as received (query.p may be NULL). All memory from the arena.
// Idempotent: feeding wire_path and query again changes nothing.
void sign_target_make(struct span path, struct span query, bool is_s3_family, struct arena *a,
                      struct sign_target *out);

struct sign_key; // kSigning of one (secret, date, region, service), pad states computed; secret
// A small cache per worker: keyed by (generation, date, region, service); not thread-safe.
struct sign_key_cache;
struct sign_key_cache *sign_key_cache_new(unsigned capacity);
void sign_key_cache_free(struct sign_key_cache *c); // wipes

struct sign_identity {
    struct span access_key;
    struct span secret_key;
    struct span session_token; // empty: none
    uint64_t generation;       // changes whenever the secret does
};

struct sign_scope {
    struct span region;
    struct span service;
};

struct sign_request {
    struct span method; // case kept
    struct span host;   // the Host that will be sent
    const struct sign_target *target;
    const struct sign_field *fields; // all fields that will be sent, without Host and our own
    unsigned n_fields;
    bool sign_all_fields;      // signed_headers = all: all but the skip list; else the minimal list
    struct span payload_hash;  // hex, UNSIGNED-PAYLOAD or STREAMING-...
    bool send_payload_header;  // add x-amz-content-sha256 (and sign it)
    struct sign_scope scope;
    int64_t wall_s; // UTC seconds
};

// True for a field that the request may carry but that the signer itself sets: the front drops the
// client's copies before signing (Authorization, X-Amz-Date, X-Amz-Security-Token, X-Amz-Content-Sha256,
// X-Amz-Region-Set, x-amz-s3session-token).
bool sign_owns_field(struct span name);

struct sign_result {
    struct sign_field add[8]; // fields to send besides those given: X-Amz-Date, token, hash, Authorization
    unsigned n_add;
    struct span canonical_request; // secret-bearing (session token): only for masked debug output
    struct span string_to_sign;
    struct span signature; // 64 hex digits
    struct span signed_headers;
};

// All result memory from the arena. cache may be NULL. ST_INVALID where an input cannot be carried
// faithfully (a control octet in a value), err says which.
NODISCARD enum status sign_header(const struct sign_request *r, const struct sign_identity *id,
                                  struct sign_key_cache *cache, struct arena *a,
                                  struct sign_result *out, struct err *e);

#endif
