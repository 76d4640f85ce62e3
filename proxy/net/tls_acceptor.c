// SPDX-License-Identifier: Apache-2.0
// The server's side of TLS: one context for all workers, which OpenSSL counts and locks. Sessions
// are resumed by tickets alone, whose keys go with the context: one that was made under an older
// client_ca is worth nothing under the next.
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/xalloc.h"
#include "net/tls_int.h"

struct tls_acceptor {
    SSL_CTX *ctx;
    atomic_uint refs;
};

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen = NULL;
    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

// Nobody is there to type one.
static int no_password(char *to, int len, int is_write, void *arg)
{
    (void)to;
    (void)len;
    (void)is_write;
    (void)arg;
    return 0;
}

static bool setup(SSL_CTX *ctx)
{
    static const unsigned char id[] = "sigv4-proxy";
    SSL_CTX_set_default_passwd_cb(ctx, no_password);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 1);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1) == 1;
}

static enum status fail(const char *what, const char *path, struct err *e)
{
    char why[128];
    tls_last_reason(why, sizeof(why));
    return err_set(e, ST_IO, "%s %s: %s", what, path, why);
}

static enum status load(SSL_CTX *ctx, const struct tls_acceptor_files *f, struct err *e)
{
    const char *const paths[] = {f->cert, f->key, f->client_ca};
    for (unsigned i = 0; i < 3; i++) {
        enum status st = paths[i] ? tls_file_judge(paths[i], e) : ST_OK;
        if (st != ST_OK)
            return st;
    }
    if (SSL_CTX_use_certificate_chain_file(ctx, f->cert) != 1)
        return fail("the certificate in", f->cert, e);
    if (SSL_CTX_use_PrivateKey_file(ctx, f->key, SSL_FILETYPE_PEM) != 1)
        return fail("the private key in", f->key, e);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return err_set(e, ST_INVALID, "the private key in %s is not that of the certificate in %s",
                       f->key, f->cert);
    if (!f->client_ca)
        return ST_OK;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(f->client_ca);
    if (!names || SSL_CTX_load_verify_file(ctx, f->client_ca) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return fail("the certificates in", f->client_ca, e);
    }
    SSL_CTX_set_client_CA_list(ctx, names);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return ST_OK;
}

struct tls_acceptor *tls_acceptor_bare(void)
{
    struct tls_acceptor *s = xmalloc(sizeof(*s));
    s->ctx = SSL_CTX_new(TLS_server_method());
    if (!s->ctx || !setup(s->ctx))
        abort();
    atomic_init(&s->refs, 1);
    return s;
}

enum status tls_acceptor_load(const struct tls_acceptor_files *files, struct tls_acceptor **out,
                              struct err *e)
{
    ERR_clear_error();
    struct tls_acceptor *s = tls_acceptor_bare();
    enum status st = load(s->ctx, files, e);
    if (st == ST_OK)
        *out = s;
    else
        tls_acceptor_release(s);
    return st;
}

struct tls_acceptor *tls_acceptor_acquire(struct tls_acceptor *s)
{
    (void)atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void tls_acceptor_release(struct tls_acceptor *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    SSL_CTX_free(s->ctx);
    free(s);
}

// A ticket that was given under one certificate must not lead to another one's name.
static bool use_leaf(SSL *ssl, const struct tls_leaf *leaf)
{
    char name[DIGEST_HEX + 1];
    digest_sha256_hex(span_of(leaf->name), name);
    STACK_OF(X509) *chain = sk_X509_new_null();
    bool is_good =
        chain && sk_X509_push(chain, leaf->issuer) > 0 &&
        SSL_use_cert_and_key(ssl, leaf->cert, leaf->key, chain, 1) == 1 &&
        SSL_set_session_id_context(ssl, (const unsigned char *)name, SSL_MAX_SID_CTX_LENGTH) == 1;
    sk_X509_free(chain);
    return is_good;
}

struct tls_peer *tls_peer_accept(struct tls_acceptor *s, const struct tls_leaf *leaf)
{
    struct tls_peer *p = xcalloc(1, sizeof(*p));
    p->ssl = SSL_new(s->ctx);
    if (!p->ssl || (leaf && !use_leaf(p->ssl, leaf)))
        abort();
    SSL_set_app_data(p->ssl, p);
    SSL_set_accept_state(p->ssl);
    return p;
}

// ---- who the client is

#define NAMES_MAX 32

struct names {
    struct arena *a;
    const char **v;
    unsigned n;
};

// A name with a NUL in it would match as less than it is.
static void add_name(struct names *names, const ASN1_STRING *s)
{
    unsigned char *text = NULL;
    int len = s ? ASN1_STRING_to_UTF8(&text, s) : -1;
    if (len > 0 && !memchr(text, 0, (size_t)len) && names->n < NAMES_MAX)
        names->v[names->n++] = arena_cstr(names->a, span_from((char *)text, (size_t)len));
    OPENSSL_free(text);
}

static void add_common_name(struct names *names, X509 *cert)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at >= 0)
        add_name(names, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

static void add_alternatives(struct names *names, X509 *cert)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        int type = 0;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all, i), &type);
        if (type == GEN_DNS || type == GEN_URI || type == GEN_EMAIL)
            add_name(names, value);
    }
    GENERAL_NAMES_free(all);
}

unsigned tls_peer_names(const struct tls_peer *p, struct arena *a, const char *const **names)
{
    X509 *cert = SSL_get1_peer_certificate(p->ssl);
    struct names found = {.a = a, .v = NULL};
    if (!cert || SSL_get_verify_result(p->ssl) != X509_V_OK ||
        !(SSL_get_verify_mode(p->ssl) & SSL_VERIFY_PEER)) {
        X509_free(cert);
        return 0;
    }
    found.v = arena_alloc(a, NAMES_MAX * sizeof(*found.v));
    add_common_name(&found, cert);
    add_alternatives(&found, cert);
    X509_free(cert);
    *names = found.v;
    return found.n;
}
