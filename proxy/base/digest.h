// SPDX-License-Identifier: Apache-2.0
// SHA-256 and HMAC-SHA-256 over EVP with the digest fetched once: the one-shot calls of OpenSSL 3
// fetch on each use and cost three times as much.
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define DIGEST_LEN       32
#define DIGEST_HEX       64
#define DIGEST_EMPTY_HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Has libcrypto allocate by xalloc.h and fetches the digest; call once, before all else of OpenSSL,
// before threads start (calling again does nothing).
void digest_setup(void);
// Frees what this thread keeps between calls; last thing that a thread does.
void digest_thread_end(void);

const char *digest_library_version(void); // libcrypto's, for --version

struct digest; // a running SHA-256, heap, one thread
struct digest *digest_new(void);
void digest_free(struct digest *d); // NULL is fine
void digest_add(struct digest *d, const void *p, size_t len);
// Gives the hash of what came so far and starts anew.
void digest_final(struct digest *d, uint8_t out[DIGEST_LEN]);

void digest_sha256(struct span in, uint8_t out[DIGEST_LEN]);
void digest_sha256_hex(struct span in, char out[DIGEST_HEX + 1]);
// Only for names of files that other tools chose so.
#define DIGEST_SHA1_HEX 40
void digest_sha1_hex(struct span in, char out[DIGEST_SHA1_HEX + 1]);
void digest_hmac(const void *key, size_t key_len, struct span in, uint8_t out[DIGEST_LEN]);

// An HMAC key with its inner and outer pad states computed: two compressions less a use.
// Secret: wiped by digest_key_free.
struct digest_key;
struct digest_key *digest_key_new(const void *key, size_t key_len);
void digest_key_free(struct digest_key *k);
void digest_key_hmac(const struct digest_key *k, struct span in, uint8_t out[DIGEST_LEN]);

void hex_encode(const uint8_t *in, size_t len, char *out); // 2 * len lower-case digits, no NUL
int hex_value(char c);                                     // 0..15, or -1

#endif
