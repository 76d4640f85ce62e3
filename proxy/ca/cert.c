// SPDX-License-Identifier: Apache-2.0
// What the authority's certificate and those it issues have in common.
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ca/ca_int.h"

#define SERIAL_BITS 127 // positive, and at most 20 octets (RFC 5280 4.1.2.2)
#define NAME_MAX_CN 64  // ub-common-name

EVP_PKEY *cert_new_key(void)
{
    return EVP_EC_gen("P-256");
}

static bool set_serial(X509 *cert)
{
    BIGNUM *n = BN_new();
    bool is_good = n && BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
                   BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;
    BN_free(n);
    return is_good;
}

bool cert_begin(X509 *cert, struct span name, EVP_PKEY *key, int64_t from_ms, int64_t to_ms)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    int len = name.len > NAME_MAX_CN ? NAME_MAX_CN : (int)name.len;
    return X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
           ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(from_ms / 1000)) &&
           ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(to_ms / 1000)) &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name.p,
                                      len, -1, 0) == 1 &&
           X509_set_pubkey(cert, key) == 1;
}

bool cert_add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool is_good = ext && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return is_good;
}

int64_t cert_ms_of(const ASN1_TIME *t)
{
    struct tm tm;
    return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : 0;
}

void cert_reason(char *out, size_t len)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    (void)snprintf(out, len, "%s", text ? text : "unknown reason");
    ERR_clear_error();
}
