// SPDX-License-Identifier: Apache-2.0
// The key is read here rather than by libcrypto's decoders, which leave copies of what they read in
// memory that they free unwiped. Of the file only the private number counts: the public key that
// the proof shows is computed from it.
#include "sign/dpop.h"

#include <openssl/ecdsa.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/secret.h"
#include "sign/ec_int.h"
#include "sign/sign_int.h"

#define PEM_MAX 4096
#define RAW_LEN ((size_t)2 * EC_SCALAR_LEN)

// ---- base64

static struct span base64url(const uint8_t *in, size_t len, struct arena *a)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *out = arena_alloc(a, len / 3 * 4 + 4);
    size_t n = 0;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)in[i] << 16;
        if (left > 1)
            bits |= (uint32_t)in[i + 1] << 8;
        if (left > 2)
            bits |= in[i + 2];
        for (size_t k = 0; k <= left; k++)
            out[n++] = digits[bits >> (18 - 6 * k) & 63];
    }
    return span_from(out, n);
}

// What stands between the lines of dashes. False for anything but base64 and line ends.
static bool decode(struct span text, struct buf *out)
{
    uint32_t bits = 0;
    unsigned n = 0;
    for (size_t i = 0; i < text.len && text.p[i] != '='; i++) {
        if (strchr(" \t\r\n", text.p[i]) && text.p[i])
            continue;
        int v = base64_value(text.p[i]);
        if (v < 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
        if (++n % 4 == 0)
            buf_add(out, (const char[]){(char)(bits >> 16), (char)(bits >> 8), (char)bits}, 3);
    }
    if (n % 4 == 3)
        buf_add(out, (const char[]){(char)(bits >> 10), (char)(bits >> 2)}, 2);
    else if (n % 4 == 2)
        buf_add_char(out, (char)(bits >> 4));
    return n % 4 != 1;
}

// ---- the key

// Takes one element off *in. False where the next one is another, or is cut off.
static bool der_take(struct span *in, uint8_t tag, struct span *content)
{
    const uint8_t *p = (const uint8_t *)in->p;
    if (in->len < 2 || p[0] != tag)
        return false;
    size_t len = p[1];
    size_t at = 2;
    if (len == 0x81 || len == 0x82) {
        size_t n = len - 0x80;
        if (in->len < 2 + n)
            return false;
        len = n == 1 ? p[2] : (size_t)p[2] << 8 | p[3];
        at += n;
    } else if (len > 0x7f) {
        return false;
    }
    if (in->len - at < len)
        return false;
    *content = span_sub(*in, at, len);
    *in = span_sub(*in, at + len, in->len);
    return true;
}

enum { DER_INTEGER = 0x02, DER_OCTETS = 0x04, DER_OID = 0x06, DER_SEQUENCE = 0x30 };

// SEC 1: SEQUENCE { INTEGER 1, OCTET STRING key, ... }
static bool read_sec1(struct span in, uint8_t scalar[EC_SCALAR_LEN])
{
    struct span key;
    struct span part;
    if (!der_take(&in, DER_SEQUENCE, &part) || in.len || !der_take(&part, DER_INTEGER, &key) ||
        !span_eq(key, SPAN("\1")) || !der_take(&part, DER_OCTETS, &key) || key.len != EC_SCALAR_LEN)
        return false;
    memcpy(scalar, key.p, EC_SCALAR_LEN);
    return true;
}

// PKCS #8: SEQUENCE { INTEGER 0, SEQUENCE { OID, OID }, OCTET STRING SEC 1, ... }
static bool read_pkcs8(struct span in, uint8_t scalar[EC_SCALAR_LEN])
{
    static const char is_ec[] = "\x2a\x86\x48\xce\x3d\x02\x01";
    static const char is_p256[] = "\x2a\x86\x48\xce\x3d\x03\x01\x07";
    struct span outer;
    struct span kind;
    struct span part;
    return der_take(&in, DER_SEQUENCE, &outer) && !in.len && der_take(&outer, DER_INTEGER, &part) &&
           span_eq(part, SPAN("\0")) && der_take(&outer, DER_SEQUENCE, &kind) &&
           der_take(&kind, DER_OID, &part) && span_is(part, is_ec) &&
           der_take(&kind, DER_OID, &part) && span_is(part, is_p256) &&
           der_take(&outer, DER_OCTETS, &part) && read_sec1(part, scalar);
}

static bool read_key(struct span pem, uint8_t scalar[EC_SCALAR_LEN])
{
    static const char *const names[] = {"EC PRIVATE KEY-----", "PRIVATE KEY-----"};
    const struct span begin = SPAN("-----BEGIN ");
    struct buf der;
    bool is_read = false;
    struct span rest = pem;
    while (rest.len && !span_starts(rest, begin))
        rest = span_sub(rest, 1, rest.len);
    rest = span_sub(rest, begin.len, rest.len);
    for (size_t i = 0; i < 2; i++) {
        if (!span_starts(rest, span_of(names[i])))
            continue;
        struct span body = span_sub(rest, strlen(names[i]), rest.len);
        size_t end = span_find(body, '-');
        buf_init_secret(&der);
        is_read = end < body.len && decode(span_sub(body, 0, end), &der) &&
                  (i == 0 ? read_sec1(buf_span(&der), scalar) : read_pkcs8(buf_span(&der), scalar));
        buf_clear(&der);
    }
    return is_read && ec_is_scalar(scalar);
}

// ---- the proof

// ECDSA with the two numbers side by side, as JWS wants it.
static void sign_raw(EVP_PKEY *key, struct span in, uint8_t out[RAW_LEN])
{
    uint8_t hash[DIGEST_LEN];
    uint8_t der[EC_DER_MAX];
    size_t len = sizeof(der);
    const uint8_t *p = der;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    digest_sha256(in, hash);
    ec_must(ctx != NULL);
    ec_must(EVP_PKEY_sign_init(ctx));
    ec_must(EVP_PKEY_sign(ctx, der, &len, hash, sizeof(hash)));
    EVP_PKEY_CTX_free(ctx);
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &p, (long)len);
    ec_must(pair != NULL);
    ec_must(BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, EC_SCALAR_LEN));
    ec_must(BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + EC_SCALAR_LEN, EC_SCALAR_LEN));
    ECDSA_SIG_free(pair);
}

// RFC 9562, version 4.
static struct span uuid_of(const uint8_t id[DPOP_ID_LEN], struct arena *a)
{
    uint8_t v[DPOP_ID_LEN];
    char hex[(size_t)2 * DPOP_ID_LEN];
    memcpy(v, id, sizeof(v));
    v[6] = (uint8_t)((v[6] & 0x0f) | 0x40);
    v[8] = (uint8_t)((v[8] & 0x3f) | 0x80);
    hex_encode(v, sizeof(v), hex);
    return arena_spanf(a, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static bool is_claim(struct span s)
{
    return is_visible(s) && span_find(s, '"') == s.len && span_find(s, '\\') == s.len;
}

static struct span part_of(struct span json, struct arena *a)
{
    return base64url((const uint8_t *)json.p, json.len, a);
}

enum status dpop_proof(struct span pem, const struct dpop_claims *c, struct arena *a,
                       struct span *out, struct err *e)
{
    uint8_t scalar[EC_SCALAR_LEN] = {0};
    uint8_t point[EC_POINT_LEN];
    uint8_t raw[RAW_LEN];
    if (!is_claim(c->method) || !is_claim(c->url))
        return err_set(e, ST_INVALID, "the URL has a character that a proof can't carry");
    bool is_key = pem.len <= PEM_MAX && read_key(pem, scalar);
    if (is_key) {
        EVP_PKEY *key = ec_key_of(scalar, point);
        struct span header = arena_spanf(
            a,
            "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\","
            "\"x\":\"%.*s\",\"y\":\"%.*s\"}}",
            SPAN_ARG(base64url(point + 1, EC_SCALAR_LEN, a)),
            SPAN_ARG(base64url(point + 1 + EC_SCALAR_LEN, EC_SCALAR_LEN, a)));
        struct span claims =
            arena_spanf(a, "{\"jti\":\"%.*s\",\"htm\":\"%.*s\",\"htu\":\"%.*s\",\"iat\":%lld}",
                        SPAN_ARG(uuid_of(c->id, a)), SPAN_ARG(c->method), SPAN_ARG(c->url),
                        (long long)c->wall_s);
        struct span text = ARENA_JOIN(a, part_of(header, a), SPAN("."), part_of(claims, a));
        sign_raw(key, text, raw);
        EVP_PKEY_free(key);
        *out = ARENA_JOIN(a, text, SPAN("."), base64url(raw, sizeof(raw), a));
    }
    secret_wipe(scalar, sizeof(scalar));
    return is_key ? ST_OK
                  : err_set(e, ST_INVALID, "the key is no unencrypted P-256 private key in PEM");
}
