// SPDX-License-Identifier: Apache-2.0
// TLS, 1.2 and up. Towards upstreams:, verification always on unless said otherwise, sessions
// resumed.
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/status.h"

struct tls_trust; // certificates, loaded once, shared by all threads, immutable, counted
// err names the file. path NULL: the system's store; there is one, but it is read only when the
// first peer needs it.
NODISCARD enum status tls_trust_load(const char *path, struct tls_trust **out, struct err *e);
// Reads it in a thread of its own: whoever needs it before that is done waits. Once, by the owner.
void tls_trust_preload(struct tls_trust *t);
struct tls_trust *tls_trust_acquire(struct tls_trust *t);
void tls_trust_release(struct tls_trust *t);

// Whether both trust the same certificates, as far as they are loaded (a folder of them is read as
// names come up: then, whether it was changed in between).
bool tls_trust_is_same(struct tls_trust *a, struct tls_trust *b);

// A client context with its session cache (keyed by name and port, at most 1,024); one a worker.
// Connections made with it keep it alive behind tls_client_free; all on one thread.
struct tls_client;
NODISCARD struct tls_client *tls_client_new(struct tls_trust *trust, bool verify, struct err *e);
struct tls_client *tls_client_acquire(struct tls_client *c);
void tls_client_free(struct tls_client *c); // NULL is fine

// A listener's certificate and whom it lets in; immutable, shared by all threads, counted.
struct tls_acceptor;
struct tls_acceptor_files {
    const char *cert; // PEM: the certificate, then what it was issued by
    const char *key;
    const char *client_ca; // who issues the certificates that clients must have; NULL: none needed
};
// e names the file.
NODISCARD enum status tls_acceptor_load(const struct tls_acceptor_files *files,
                                        struct tls_acceptor **out, struct err *e);
// Without a certificate of its own: each connection brings one (stream_accept_tls).
struct tls_acceptor *tls_acceptor_bare(void);
struct x509_st; // OpenSSL's X509
struct evp_pkey_st;
// A certificate for one connection. All borrowed for the call that takes it.
struct tls_leaf {
    const char *name; // whose sessions may be resumed
    struct x509_st *cert;
    struct x509_st *issuer;
    struct evp_pkey_st *key;
};
struct tls_acceptor *tls_acceptor_acquire(struct tls_acceptor *s);
void tls_acceptor_release(struct tls_acceptor *s); // NULL is fine

#endif
