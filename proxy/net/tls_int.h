// SPDX-License-Identifier: Apache-2.0
// What stream_tls.c needs of a client context: handles with the name, checks and session set.
#ifndef NET_TLS_INT_H
#define NET_TLS_INT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "net/tls.h"

// What OpenSSL reads at once: two full records. It holds this much only while it has bytes in it.
// (Four measured slower: the allocation is then one that glibc gives back to the kernel.)
#define TLS_READ_LEN (32768 + 1024)

// The far end of one handshake. Set as the handle's app data, so that sessions find their key.
struct tls_peer {
    struct tls_client *client; // counted; NULL: the far end is the client
    SSL *ssl;
    struct stream *stream; // borrowed, as its BIO knows it
    char *name;            // without a trailing dot
    uint16_t port;
    bool is_address;
};

// Before OpenSSL opens a file of certificates or keys: it is a regular one, and not too large.
NODISCARD enum status tls_file_judge(const char *path, struct err *e);

// NULL where OpenSSL refuses (no memory, a name that can't be one).
struct tls_peer *tls_peer_new(struct tls_client *c, const char *name, uint16_t port);
struct tls_peer *tls_peer_accept(struct tls_acceptor *s, const struct tls_leaf *leaf); // or NULL
void tls_peer_free(struct tls_peer *p); // NULL is fine
// As stream_peer_names says.
unsigned tls_peer_names(const struct tls_peer *p, struct arena *a, const char *const **names);
// Forgets the peer's session, so that the next handshake is a full one.
void tls_peer_forget_session(struct tls_peer *p);
// Why the handshake or a record failed, from OpenSSL's error queue, for a person: "certificate has
// expired". Empties the queue.
void tls_peer_reason(struct tls_peer *p, char *out, size_t len);
void tls_last_reason(char *out, size_t len); // the same without a peer

#endif
