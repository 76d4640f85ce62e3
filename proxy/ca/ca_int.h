// SPDX-License-Identifier: Apache-2.0
// How the files of this room share an authority: ca.c (life, opening), create.c, leaf.c, cache.c.
#ifndef CA_CA_INT_H
#define CA_CA_INT_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>

#include "ca/ca.h"

struct ca {
    X509 *cert;
    EVP_PKEY *key;
    EVP_PKEY *leaf_key;      // of all its leaves: made anew with each start, never written
    NAME_CONSTRAINTS *names; // NULL: none
    int64_t expires_ms;
    atomic_uint refs;
};

// cert.c: what both kinds of certificates have in common.
EVP_PKEY *cert_new_key(void); // P-256
// Serial number, validity, subject (its common name cut to 64 characters), key.
bool cert_begin(X509 *cert, struct span name, EVP_PKEY *key, int64_t from_ms, int64_t to_ms);
bool cert_add_extension(X509 *cert, X509 *issuer, int nid, const char *value);
int64_t cert_ms_of(const ASN1_TIME *t); // wall clock
// OpenSSL's last reason as text; empties its queue.
void cert_reason(char *out, size_t len);

#endif
