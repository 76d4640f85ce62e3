// SPDX-License-Identifier: Apache-2.0
// Between the files of this room only.
#ifndef SIGN_SIGN_INT_H
#define SIGN_SIGN_INT_H

#include <string.h>

#include "base/digest.h"
#include "sign/sign.h"

#define STAMP_LEN 16 // YYYYMMDD'T'HHMMSS'Z'
#define DATE_LEN  8

// canonical.c

// Percent-encodes all but unreserved octets (and '/', where keep_slash). encode() writes exactly
// encoded_len() bytes and returns the end.
size_t encoded_len(struct span s, bool keep_slash);
char *encode(char *out, struct span s, bool keep_slash);
// Percent-decodes a query name into out where it fits in cap octets; else an empty span.
struct span decode_name(struct span s, char *out, size_t cap);
// The canonical form of a query string; the input itself where it is canonical already.
struct span canonical_query(struct span raw, struct arena *a);

// The signed headers, sorted by lower-case name, repeated names next to each other in arrival
// order.
struct signed_field {
    struct span name;  // lower case
    struct span value; // raw
    bool is_canonical; // value is ours: nothing to strip or collapse
};
struct signed_fields {
    struct signed_field *v;
    unsigned n;
    size_t names_len; // bounds for what the two write functions below write
    size_t values_len;
};
// Selects among r's fields, adds Host and own (both checked). ST_INVALID: a signed field with a
// control octet.
NODISCARD enum status signed_fields_make(const struct sign_request *r, const struct sign_field *own,
                                         unsigned n_own, struct arena *a, struct signed_fields *out,
                                         struct err *e);
char *signed_fields_write(char *out, const struct signed_fields *f);       // "name:value\n" each
char *signed_fields_write_names(char *out, const struct signed_fields *f); // "a;b;c"

// key.c

// kSigning of one (secret, date, region, service), counted: the cache may drop it while it is used.
struct sign_key;
struct sign_key *sign_key_acquire(struct sign_key_cache *c, const struct sign_identity *id,
                                  const char date[DATE_LEN], const struct sign_scope *scope);
void sign_key_release(struct sign_key *k);
void sign_key_hmac(const struct sign_key *k, struct span in, uint8_t out[DIGEST_LEN]);

// sigv4a.c

// The P-256 key that is derived from one (access key id, secret), counted.
struct sign_ec_key;
struct sign_ec_key *sign_ec_key_acquire(struct sign_key_cache *c, const struct sign_identity *id);
struct sign_ec_key *sign_ec_key_new(const struct sign_identity *id);
struct sign_ec_key *sign_ec_key_hold(struct sign_ec_key *k);
void sign_ec_key_release(struct sign_ec_key *k);
void sign_ec_derive(const struct sign_identity *id, uint8_t scalar[DIGEST_LEN]); // big endian
// ECDSA over SHA-256(in), DER in hex.
struct span sign_ec_hex(const struct sign_ec_key *k, struct span in, struct arena *a);

// sigv4.c

// One signature in the making: what every step needs.
struct signing {
    const struct sign_request *r;
    const struct sign_identity *id;
    struct sign_key_cache *cache; // may be NULL
    struct arena *a;
    char stamp[STAMP_LEN];
    struct span algorithm;
    struct span scope; // YYYYMMDD/region/service/aws4_request; SigV4A: without the region
};
// Checks what goes into headers and scope, sets stamp, algorithm and scope from r.
NODISCARD enum status signing_begin(struct signing *s, struct err *e);
// Canonical request, string to sign and signature, into out; signed_headers must be there already.
void signing_finish(const struct signing *s, const struct signed_fields *fields, struct span query,
                    struct sign_result *out);
struct span token_name(const struct sign_identity *id);
struct span signed_names(const struct signed_fields *f, struct arena *a);
// Visible ASCII: what stands in a request line, in Host or in our own fields.
bool is_visible(struct span s);

// Appends s at out, returns the end.
static inline char *put(char *out, struct span s)
{
    if (s.len)
        memcpy(out, s.p, s.len);
    return out + s.len;
}

#endif
