// SPDX-License-Identifier: Apache-2.0
#include "base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto_memory.h"
#include "base/secret.h"
#include "base/xalloc.h"

#define BLOCK_LEN 64

struct digest {
    EVP_MD_CTX *ctx;
};

struct digest_key {
    EVP_MD_CTX *inner;
    EVP_MD_CTX *outer;
};

static EVP_MD *sha256; // fetched once, lives as long as the process
static _Thread_local EVP_MD_CTX *scratch;

// Failures here mean a broken libcrypto or no memory: nothing could be signed.
static void must(int ok)
{
    if (!ok)
        abort();
}

static EVP_MD_CTX *new_ctx(void)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(ctx != NULL);
    return ctx;
}

static EVP_MD_CTX *thread_ctx(void)
{
    if (!scratch)
        scratch = new_ctx();
    return scratch;
}

void digest_setup(void)
{
    if (sha256)
        return;
    crypto_memory_setup();
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(sha256 != NULL);
}

const char *digest_library_version(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

void digest_thread_end(void)
{
    EVP_MD_CTX_free(scratch);
    scratch = NULL;
    crypto_memory_thread_end();
}

struct digest *digest_new(void)
{
    struct digest *d = xmalloc(sizeof(*d));
    d->ctx = new_ctx();
    must(EVP_DigestInit_ex(d->ctx, sha256, NULL));
    return d;
}

void digest_free(struct digest *d)
{
    if (!d)
        return;
    EVP_MD_CTX_free(d->ctx);
    free(d);
}

void digest_add(struct digest *d, const void *p, size_t len)
{
    must(EVP_DigestUpdate(d->ctx, p, len));
}

void digest_final(struct digest *d, uint8_t out[DIGEST_LEN])
{
    must(EVP_DigestFinal_ex(d->ctx, out, NULL));
    must(EVP_DigestInit_ex(d->ctx, sha256, NULL));
}

void digest_sha256(struct span in, uint8_t out[DIGEST_LEN])
{
    EVP_MD_CTX *ctx = thread_ctx();
    must(EVP_DigestInit_ex(ctx, sha256, NULL));
    must(EVP_DigestUpdate(ctx, in.p, in.len));
    must(EVP_DigestFinal_ex(ctx, out, NULL));
}

void digest_sha256_hex(struct span in, char out[DIGEST_HEX + 1])
{
    uint8_t hash[DIGEST_LEN];
    digest_sha256(in, hash);
    hex_encode(hash, sizeof(hash), out);
    out[DIGEST_HEX] = '\0';
}

static void pad_state(EVP_MD_CTX *ctx, const uint8_t block[BLOCK_LEN], uint8_t pad)
{
    uint8_t padded[BLOCK_LEN];
    for (size_t i = 0; i < BLOCK_LEN; i++)
        padded[i] = block[i] ^ pad;
    must(EVP_DigestInit_ex(ctx, sha256, NULL));
    must(EVP_DigestUpdate(ctx, padded, sizeof(padded)));
    secret_wipe(padded, sizeof(padded));
}

// RFC 2104: a key longer than a block is hashed first.
static void key_block(const void *key, size_t key_len, uint8_t block[BLOCK_LEN])
{
    memset(block, 0, BLOCK_LEN);
    if (key_len > BLOCK_LEN)
        digest_sha256(span_from(key, key_len), block);
    else if (key_len)
        memcpy(block, key, key_len);
}

struct digest_key *digest_key_new(const void *key, size_t key_len)
{
    struct digest_key *k = xmalloc(sizeof(*k));
    uint8_t block[BLOCK_LEN];
    k->inner = new_ctx();
    k->outer = new_ctx();
    key_block(key, key_len, block);
    pad_state(k->inner, block, 0x36);
    pad_state(k->outer, block, 0x5c);
    secret_wipe(block, sizeof(block));
    return k;
}

void digest_key_free(struct digest_key *k)
{
    if (!k)
        return;
    EVP_MD_CTX_free(k->inner); // cleanses the state
    EVP_MD_CTX_free(k->outer);
    free(k);
}

void digest_key_hmac(const struct digest_key *k, struct span in, uint8_t out[DIGEST_LEN])
{
    EVP_MD_CTX *ctx = thread_ctx();
    uint8_t hash[DIGEST_LEN];
    must(EVP_MD_CTX_copy_ex(ctx, k->inner));
    must(EVP_DigestUpdate(ctx, in.p, in.len));
    must(EVP_DigestFinal_ex(ctx, hash, NULL));
    must(EVP_MD_CTX_copy_ex(ctx, k->outer));
    must(EVP_DigestUpdate(ctx, hash, sizeof(hash)));
    must(EVP_DigestFinal_ex(ctx, out, NULL));
    secret_wipe(hash, sizeof(hash));
}

void digest_sha1_hex(struct span in, char out[DIGEST_SHA1_HEX + 1])
{
    uint8_t hash[DIGEST_SHA1_HEX / 2];
    EVP_MD *sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    must(sha1 != NULL);
    EVP_MD_CTX *ctx = new_ctx();
    must(EVP_DigestInit_ex(ctx, sha1, NULL));
    must(EVP_DigestUpdate(ctx, in.p, in.len));
    must(EVP_DigestFinal_ex(ctx, hash, NULL));
    EVP_MD_CTX_free(ctx);
    EVP_MD_free(sha1);
    hex_encode(hash, sizeof(hash), out);
    out[DIGEST_SHA1_HEX] = '\0';
}

void digest_hmac(const void *key, size_t key_len, struct span in, uint8_t out[DIGEST_LEN])
{
    struct digest_key *k = digest_key_new(key, key_len);
    digest_key_hmac(k, in, out);
    digest_key_free(k);
}

void hex_encode(const uint8_t *in, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
}

int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
