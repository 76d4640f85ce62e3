// SPDX-License-Identifier: Apache-2.0
// A blocking TLS server in a thread, with certificates made on the spot.
#ifndef TESTS_UNIT_NET_TLS_RIG_H
#define TESTS_UNIT_NET_TLS_RIG_H

#include "unit/net/rig.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>

struct cert_kind {
    const char *cn;  // NULL: "leaf"
    const char *san; // "DNS:good.test", NULL for none
    long from_s;     // relative to now
    long to_s;       // 0: an hour
    bool is_self_signed;
    int max_version; // of the server, 0: the newest
    int min_version;
};

struct authority {
    EVP_PKEY *key;
    X509 *cert;
    char path[64]; // its PEM file
};

static inline X509 *cert_make(EVP_PKEY *key, const struct cert_kind *k, const struct authority *by)
{
    static long serial;
    X509 *x = X509_new();
    X509V3_CTX ctx;
    assert_non_null(x);
    assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), k->from_s ? k->from_s : -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), k->to_s ? k->to_s : 3600));
    assert_int_equal(X509_set_pubkey(x, key), 1);
    const char *cn = k->cn ? k->cn : "leaf";
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                                                (const unsigned char *)cn, -1, -1, 0),
                     1);
    X509 *issuer = by ? by->cert : x;
    assert_int_equal(X509_set_issuer_name(x, X509_get_subject_name(issuer)), 1);
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    const char *const ext[][2] = {{"basicConstraints", by || k->is_self_signed ? NULL : "CA:TRUE"},
                                  {"subjectAltName", k->san}};
    for (size_t i = 0; i < 2; i++) {
        if (!ext[i][1])
            continue;
        X509_EXTENSION *e = X509V3_EXT_conf(NULL, &ctx, ext[i][0], ext[i][1]);
        assert_non_null(e);
        assert_int_equal(X509_add_ext(x, e, -1), 1);
        X509_EXTENSION_free(e);
    }
    assert_true(X509_sign(x, by ? by->key : key, EVP_sha256()) > 0);
    return x;
}

static inline void authority_make(struct authority *a)
{
    const struct cert_kind k = {.cn = "test authority"};
    a->key = EVP_EC_gen("P-256");
    assert_non_null(a->key);
    a->cert = cert_make(a->key, &k, NULL);
    (void)snprintf(a->path, sizeof(a->path), "/tmp/sigv4-proxy-test-ca-XXXXXX");
    int fd = mkstemp(a->path);
    assert_true(fd != -1);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, a->cert), 1);
    assert_int_equal(fclose(f), 0);
}

static inline void authority_clear(struct authority *a)
{
    (void)unlink(a->path);
    EVP_PKEY_free(a->key);
    X509_free(a->cert);
}

struct tls_server {
    struct net_addr at;
    int listener;
    SSL_CTX *ctx;
    pthread_t thread;
    // Talks on one connection after a handshake that worked.
    void (*serve)(struct tls_server *s, SSL *ssl, int fd);
    void *more;
    atomic_int n_shakes;  // handshakes done
    atomic_int n_resumed; // of those
    atomic_int n_failed;
    char sni[64]; // of the last one
};

static inline void *tls_server_run(void *arg)
{
    struct tls_server *s = arg;
    for (;;) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd == -1)
            return NULL;
        SSL *ssl = SSL_new(s->ctx);
        SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) == 1) {
            const char *sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
            (void)snprintf(s->sni, sizeof(s->sni), "%s", sni ? sni : "");
            atomic_fetch_add(&s->n_resumed, SSL_session_reused(ssl));
            atomic_fetch_add(&s->n_shakes, 1);
            if (s->serve)
                s->serve(s, ssl, fd);
        } else {
            atomic_fetch_add(&s->n_failed, 1);
        }
        SSL_free(ssl);
        (void)close(fd);
        ERR_clear_error();
    }
}

static inline void tls_server_start(struct tls_server *s, const struct authority *by,
                                    const struct cert_kind *k)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = cert_make(key, k, k->is_self_signed ? NULL : by);
    s->ctx = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(s->ctx, x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(s->ctx, key), 1);
    if (k->max_version) {
        SSL_CTX_set_security_level(s->ctx, 0);
        assert_int_equal(SSL_CTX_set_max_proto_version(s->ctx, k->max_version), 1);
    }
    if (k->min_version)
        assert_int_equal(SSL_CTX_set_min_proto_version(s->ctx, k->min_version), 1);
    X509_free(x);
    EVP_PKEY_free(key);
    s->listener = rig_listen(&s->at);
    assert_int_equal(fcntl(s->listener, F_SETFL, 0), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, tls_server_run, s), 0);
}

static inline void tls_server_stop(struct tls_server *s)
{
    (void)shutdown(s->listener, SHUT_RDWR);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    assert_int_equal(close(s->listener), 0);
    SSL_CTX_free(s->ctx);
}

#endif
