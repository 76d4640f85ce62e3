// SPDX-License-Identifier: Apache-2.0
// The local certificate authority with whose consent https:// is intercepted, and certificates made
// in its name. The authority may sign for the names that it was made for and no others (name
// constraints, RFC 5280 4.2.1.10): whoever trusts it trusts it for AWS, not for the Internet.
#ifndef CA_CA_H
#define CA_CA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "base/status.h"

#define CA_CERT_FILE "ca.pem"
#define CA_KEY_FILE  "ca.key"

struct ca;      // certificate and key; immutable, counted, any thread
struct ca_leaf; // one host's certificate; immutable, counted, any thread
struct x509_st; // OpenSSL's X509, for the room net
struct evp_pkey_st;

// Makes an ECDSA P-256 authority that is valid for ten years and writes both files with mode 0600
// into dir, which is made where it is missing. domains: DNS suffixes that it may sign for. Files
// that are there are never overwritten: ST_DENIED.
struct ca_domains {
    const char *const *v;
    unsigned n;
};
NODISCARD enum status ca_create(const char *dir, const struct ca_domains *domains, int64_t wall_ms,
                                struct err *e);
// Reads both files, and judges them: the key belongs to the certificate and is nobody else's to
// read, the certificate is an authority's and valid at wall_ms. e names the file and the remedy.
NODISCARD enum status ca_open(const char *dir, int64_t wall_ms, struct ca **out, struct err *e);
struct ca *ca_acquire(struct ca *c);
void ca_release(struct ca *c); // NULL is fine; wipes the key with the last

bool ca_covers(const struct ca *c, struct span host); // its name constraints permit the host
int64_t ca_expires_ms(const struct ca *c);            // wall clock
// For people: subject, fingerprint, validity, names.
void ca_describe(const struct ca *c, struct buf *out);
void ca_pem(const struct ca *c, struct buf *out); // the certificate, for clients

// A certificate for the host, a name or an address without brackets. ST_DENIED: the authority does
// not cover it. One signature of work.
NODISCARD enum status ca_leaf_make(struct ca *c, struct span host, int64_t wall_ms,
                                   struct ca_leaf **out, struct err *e);
struct ca_leaf *ca_leaf_acquire(struct ca_leaf *l);
void ca_leaf_release(struct ca_leaf *l); // NULL is fine
int64_t ca_leaf_expires_ms(const struct ca_leaf *l);
struct x509_st *ca_leaf_cert(const struct ca_leaf *l);    // borrowed
struct evp_pkey_st *ca_leaf_key(const struct ca_leaf *l); // borrowed
struct x509_st *ca_leaf_issuer(const struct ca_leaf *l);  // borrowed

// The latest certificates, the least recently used goes first. One thread's.
struct ca_cache;
struct ca_cache *ca_cache_new(unsigned max);
void ca_cache_free(struct ca_cache *c);
// The host's, if there is one that was issued by ca and is good for another hour; NULL: none. The
// reference is the cache's.
struct ca_leaf *ca_cache_find(struct ca_cache *c, const struct ca *ca, struct span host,
                              int64_t wall_ms);
void ca_cache_add(struct ca_cache *c, struct span host, struct ca_leaf *l); // takes a reference

#endif
