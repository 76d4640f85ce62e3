// SPDX-License-Identifier: Apache-2.0
// Three CRCs and two hashes behind one face. The CRCs are all of the reflected kind, so one loop
// serves them in a 64-bit register: eight octets a step, through eight tables that continue one
// another. The tables belong to the sum (16 KiB, a few microseconds to fill): no global state for a
// rare need.
#include "sign/checksum.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "sign/stream.h"

#define TABLES 8

enum kind { CRC = 0, HASH };

static const struct kind_info {
    struct span field;
    enum kind kind;
    unsigned bits;
    uint64_t polynomial; // reflected
    const char *hash;
} kinds[] = {
    {SPAN("x-amz-checksum-crc32"), CRC, 32, 0xedb88320, NULL},
    {SPAN("x-amz-checksum-crc32c"), CRC, 32, 0x82f63b78, NULL},
    {SPAN("x-amz-checksum-crc64nvme"), CRC, 64, 0x9a6c9329ac4bc9b5, NULL},
    {SPAN("x-amz-checksum-sha1"), HASH, 160, 0, "SHA1"},
    {SPAN("x-amz-checksum-sha256"), HASH, 256, 0, "SHA256"},
};

struct checksum {
    const struct kind_info *info;
    EVP_MD_CTX *hash;
    uint64_t crc;
    uint64_t tables[TABLES][256];
};

size_t sign_trailer_len(struct span name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (span_ieq(name, kinds[i].field))
            return ((size_t)kinds[i].bits / 8 + 2) / 3 * 4;
    return 0;
}

static void fill_tables(struct checksum *c)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ c->info->polynomial : crc >> 1;
        c->tables[0][i] = crc;
    }
    for (unsigned t = 1; t < TABLES; t++)
        for (unsigned i = 0; i < 256; i++) {
            uint64_t crc = c->tables[t - 1][i];
            c->tables[t][i] = c->tables[0][crc & 255] ^ crc >> 8;
        }
}

static uint64_t ones(unsigned bits)
{
    return bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
}

// Failures here mean a broken libcrypto or no memory.
static void must(int ok)
{
    if (!ok)
        abort();
}

static EVP_MD_CTX *hash_new(const char *name)
{
    EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(md && ctx && EVP_DigestInit_ex(ctx, md, NULL));
    EVP_MD_free(md); // the context holds it
    return ctx;
}

struct checksum *checksum_new(struct span field_name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!span_ieq(field_name, kinds[i].field))
            continue;
        struct checksum *c = xcalloc(1, sizeof(*c));
        c->info = &kinds[i];
        c->crc = ones(c->info->bits < 64 ? c->info->bits : 64);
        if (c->info->kind == CRC)
            fill_tables(c);
        else
            c->hash = hash_new(c->info->hash);
        return c;
    }
    return NULL;
}

void checksum_free(struct checksum *c)
{
    if (!c)
        return;
    EVP_MD_CTX_free(c->hash);
    free(c);
}

static uint64_t load_little_endian(const char *p)
{
    uint64_t w = 0;
    for (int i = 7; i >= 0; i--)
        w = w << 8 | (unsigned char)p[i];
    return w;
}

static uint64_t crc_add(const struct checksum *c, uint64_t crc, struct span in)
{
    for (; in.len >= TABLES; in = span_sub(in, TABLES, in.len)) {
        uint64_t w = load_little_endian(in.p) ^ crc;
        crc = 0;
        for (unsigned i = 0; i < TABLES; i++)
            crc ^= c->tables[TABLES - 1 - i][w >> (8 * i) & 255];
    }
    for (size_t i = 0; i < in.len; i++)
        crc = c->tables[0][(crc ^ (unsigned char)in.p[i]) & 255] ^ crc >> 8;
    return crc;
}

void checksum_add(struct checksum *c, struct span in)
{
    if (c->info->kind == CRC)
        c->crc = crc_add(c, c->crc, in);
    else
        must(EVP_DigestUpdate(c->hash, in.p, in.len));
}

struct span checksum_final(struct checksum *c, char out[CHECKSUM_TEXT_MAX])
{
    uint8_t sum[EVP_MAX_MD_SIZE];
    unsigned len = c->info->bits / 8;
    if (c->info->kind == HASH)
        must(EVP_DigestFinal_ex(c->hash, sum, NULL));
    else
        for (unsigned i = 0; i < len; i++)
            sum[i] = (uint8_t)(~c->crc >> (8 * (len - 1 - i)));
    int n = EVP_EncodeBlock((unsigned char *)out, sum, (int)len);
    return span_from(out, (size_t)n);
}
