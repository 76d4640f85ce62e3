// SPDX-License-Identifier: Apache-2.0
// Certificates for hosts, made while a client waits: the key is the authority's common one for
// leaves, so the work is one signature. They live for a week and are never written anywhere.
#include <arpa/inet.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "ca/ca_int.h"

#define HOUR_MS  (INT64_C(3600) * 1000)
#define VALID_MS (INT64_C(7) * 24 * HOUR_MS)
#define HOST_MAX 253

struct ca_leaf {
    struct ca *ca;
    X509 *cert;
    int64_t expires_ms;
    atomic_uint refs;
};

static bool is_address(const char *host)
{
    unsigned char addr[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, addr) == 1 || inet_pton(AF_INET6, host, addr) == 1;
}

// A value of an extension is a little language: nothing but a host may get into it.
static bool is_host(struct span host)
{
    if (!host.len || host.len > HOST_MAX)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = ascii_lower(host.p[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !strchr("-._:", c))
            return false;
    }
    return true;
}

static bool add_host(X509 *cert, X509 *issuer, struct span host)
{
    char name[HOST_MAX + 1];
    char value[sizeof(name) + sizeof("DNS:")];
    (void)snprintf(name, sizeof(name), "%.*s", SPAN_ARG(host));
    (void)snprintf(value, sizeof(value), "%s:%s", is_address(name) ? "IP" : "DNS", name);
    return cert_add_extension(cert, issuer, NID_subject_alt_name, value);
}

static bool is_under(struct span host, const GENERAL_SUBTREE *tree)
{
    int type = 0;
    const ASN1_STRING *name = GENERAL_NAME_get0_value(tree->base, &type);
    if (type != GEN_DNS)
        return false;
    struct span base =
        span_from((const char *)ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name));
    if (host.len <= base.len)
        return span_ieq(host, base);
    struct span end = span_sub(host, host.len - base.len, base.len);
    bool is_label = !base.len || base.p[0] == '.' || host.p[host.len - base.len - 1] == '.';
    return span_ieq(end, base) && is_label;
}

static bool is_in(struct span host, const STACK_OF(GENERAL_SUBTREE) * trees)
{
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++)
        if (is_under(host, sk_GENERAL_SUBTREE_value(trees, i)))
            return true;
    return false;
}

// RFC 5280 4.2.1.10 for names. An authority with constraints is taken to sign for no addresses.
bool ca_covers(const struct ca *c, struct span host)
{
    char name[HOST_MAX + 1];
    (void)snprintf(name, sizeof(name), "%.*s", SPAN_ARG(host));
    if (!is_host(host) || !c->names)
        return is_host(host);
    return !is_address(name) && is_in(host, c->names->permittedSubtrees) &&
           !is_in(host, c->names->excludedSubtrees);
}

static X509 *make_cert(struct ca *c, struct span host, int64_t from_ms, int64_t to_ms)
{
    X509 *cert = X509_new();
    if (cert && cert_begin(cert, host, c->leaf_key, from_ms, to_ms) &&
        X509_set_issuer_name(cert, X509_get_subject_name(c->cert)) == 1 &&
        cert_add_extension(cert, c->cert, NID_basic_constraints, "critical,CA:FALSE") &&
        cert_add_extension(cert, c->cert, NID_key_usage, "critical,digitalSignature") &&
        cert_add_extension(cert, c->cert, NID_ext_key_usage, "serverAuth") &&
        cert_add_extension(cert, c->cert, NID_authority_key_identifier, "keyid:always") &&
        add_host(cert, c->cert, host) && X509_sign(cert, c->key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

enum status ca_leaf_make(struct ca *c, struct span host, int64_t wall_ms, struct ca_leaf **out,
                         struct err *e)
{
    char why[128];
    int64_t to_ms = wall_ms + VALID_MS;
    *out = NULL;
    if (to_ms > c->expires_ms)
        to_ms = c->expires_ms;
    if (wall_ms >= to_ms)
        return err_set(e, ST_DENIED, "the local CA has expired; `sigv4-proxy ca show` says when");
    if (!ca_covers(c, host))
        return err_set(
            e, ST_DENIED,
            "the local CA was not made for \"%.*s\" (`sigv4-proxy ca show` lists what it "
            "signs for; a new one made with this configuration would)",
            SPAN_ARG(host));
    ERR_clear_error();
    X509 *cert = make_cert(c, host, wall_ms - HOUR_MS, to_ms);
    if (!cert) {
        cert_reason(why, sizeof(why));
        return err_set(e, ST_IO, "no certificate for \"%.*s\": %s", SPAN_ARG(host), why);
    }
    struct ca_leaf *l = xcalloc(1, sizeof(*l));
    l->ca = ca_acquire(c);
    l->cert = cert;
    l->expires_ms = to_ms;
    atomic_init(&l->refs, 1);
    *out = l;
    return ST_OK;
}

struct ca_leaf *ca_leaf_acquire(struct ca_leaf *l)
{
    (void)atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
    return l;
}

void ca_leaf_release(struct ca_leaf *l)
{
    if (!l || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
        return;
    X509_free(l->cert);
    ca_release(l->ca);
    free(l);
}

int64_t ca_leaf_expires_ms(const struct ca_leaf *l)
{
    return l->expires_ms;
}

X509 *ca_leaf_cert(const struct ca_leaf *l)
{
    return l->cert;
}

EVP_PKEY *ca_leaf_key(const struct ca_leaf *l)
{
    return l->ca->leaf_key;
}

X509 *ca_leaf_issuer(const struct ca_leaf *l)
{
    return l->ca->cert;
}
