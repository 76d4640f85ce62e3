// SPDX-License-Identifier: Apache-2.0
// Trust stores, client contexts and their session caches. Each worker has a context of its own, so
// the cache takes no lock; the trusted certificates are one store, which OpenSSL counts and locks.
//
// The system's certificates are some 140, and take twice as long to read as all the rest of a
// start: that is done when the first peer needs them, or beforehand in a thread of its own.
//
// One session is kept for each name and port and offered again until a newer ticket comes: towards
// a server that sees the same access key in each request there is nothing to unlink by using a
// ticket once only, and a burst of new connections then resumes as a whole.
#include "net/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/span.h"
#include "base/xalloc.h"
#include "log/log.h"
#include "net/addr.h"
#include "net/tls_int.h"

#define FILE_MAX     (16 << 20)
#define MAX_SESSIONS 1024
#define BUCKETS      256

struct tls_trust {
    X509_STORE *store;
    uint8_t digest[DIGEST_LEN]; // of what was loaded
    atomic_uint refs;
    atomic_bool is_loaded;
    pthread_mutex_t lock; // held while the system's are being loaded
    pthread_t loader;
    bool has_loader;
};

struct cached {
    LIST_ENTRY(cached) in_bucket;
    TAILQ_ENTRY(cached) in_age; // most recently used first
    SSL_SESSION *session;
    char *name;
    uint16_t port;
};
LIST_HEAD(bucket, cached);
TAILQ_HEAD(age_list, cached);

struct tls_client {
    SSL_CTX *ctx;
    struct tls_trust *trust;
    struct bucket buckets[BUCKETS];
    struct age_list by_age;
    unsigned n_cached;
    unsigned refs; // the owner, and connections
};

static void copy_text(const char *text, char *out, size_t len)
{
    size_t n = strnlen(text, len - 1);
    memcpy(out, text, n);
    out[n] = '\0';
}

void tls_last_reason(char *out, size_t len)
{
    unsigned long code = ERR_peek_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    if (ERR_SYSTEM_ERROR(code)) // a file that can't be read has no text of OpenSSL's
        text = strerror(ERR_GET_REASON(code));
    copy_text(text ? text : "unknown error", out, len);
    ERR_clear_error();
}

// OpenSSL's reading would wait for a FIFO's writer, and the loop with it.
enum status tls_file_judge(const char *path, struct err *e)
{
    struct stat sb;
    if (stat(path, &sb) == -1)
        return err_set(e, ST_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(sb.st_mode))
        return err_set(e, ST_INVALID, "%s: not a regular file", path);
    if (sb.st_size > FILE_MAX)
        return err_set(e, ST_LIMIT, "%s: larger than 16 MiB", path);
    return ST_OK;
}

// The defaults that OpenSSL was built with, or where distributions put their bundle. store NULL:
// only looks whether there are any.
static bool load_system(X509_STORE *store)
{
    static const char *const bundles[] = {
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    };
    const char *file = getenv(X509_get_default_cert_file_env());
    const char *dir = getenv(X509_get_default_cert_dir_env());
    if (access(file ? file : X509_get_default_cert_file(), R_OK) == 0 ||
        access(dir ? dir : X509_get_default_cert_dir(), R_OK) == 0)
        return !store || X509_STORE_set_default_paths(store) == 1;
    for (size_t i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++)
        if (access(bundles[i], R_OK) == 0)
            return !store || X509_STORE_load_file(store, bundles[i]) == 1;
    return false;
}

// The certificates in the order of their loading, and the folder that is looked into later.
static void digest_store(X509_STORE *store, const char *path, uint8_t out[DIGEST_LEN])
{
    const char *dir = getenv(X509_get_default_cert_dir_env());
    STACK_OF(X509) *all = X509_STORE_get1_all_certs(store);
    struct stat sb;
    struct buf bytes;
    buf_init(&bytes);
    for (int i = 0; i < sk_X509_num(all); i++) {
        unsigned char one[EVP_MAX_MD_SIZE];
        unsigned len = 0;
        if (X509_digest(sk_X509_value(all, i), EVP_sha256(), one, &len) == 1)
            buf_add(&bytes, (const char *)one, len);
    }
    sk_X509_pop_free(all, X509_free);
    if (!path && stat(dir ? dir : X509_get_default_cert_dir(), &sb) == 0)
        buf_addf(&bytes, "%llu %lld.%09ld", (unsigned long long)sb.st_ino,
                 (long long)sb.st_mtim.tv_sec, sb.st_mtim.tv_nsec);
    if (EVP_Digest(bytes.p, bytes.len, out, NULL, EVP_sha256(), NULL) != 1)
        abort();
    buf_clear(&bytes);
}

static void load_now(struct tls_trust *t)
{
    char why[128];
    if (atomic_load_explicit(&t->is_loaded, memory_order_acquire))
        return;
    (void)pthread_mutex_lock(&t->lock);
    if (!atomic_load_explicit(&t->is_loaded, memory_order_relaxed)) {
        ERR_clear_error();
        if (!load_system(t->store)) {
            tls_last_reason(why, sizeof(why));
            log_error(NULL, "certificates of the system: %s; ca_bundle would name others", why);
        }
        digest_store(t->store, NULL, t->digest);
        atomic_store_explicit(&t->is_loaded, true, memory_order_release);
    }
    (void)pthread_mutex_unlock(&t->lock);
}

static void *run_loader(void *arg)
{
    (void)pthread_setname_np(pthread_self(), "certificates");
    load_now(arg);
    digest_thread_end();
    log_thread_end();
    return NULL;
}

void tls_trust_preload(struct tls_trust *t)
{
    if (!t->has_loader && !atomic_load(&t->is_loaded))
        t->has_loader = pthread_create(&t->loader, NULL, run_loader, t) == 0;
}

bool tls_trust_is_same(struct tls_trust *a, struct tls_trust *b)
{
    load_now(a);
    load_now(b);
    return memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

enum status tls_trust_load(const char *path, struct tls_trust **out, struct err *e)
{
    char why[128];
    enum status st = path ? tls_file_judge(path, e) : ST_OK;
    if (st != ST_OK)
        return err_wrap(e, st, "certificates");
    X509_STORE *store = X509_STORE_new();
    ERR_clear_error();
    if (!store)
        abort();
    if (!(path ? X509_STORE_load_file(store, path) == 1 : load_system(NULL))) {
        tls_last_reason(why, sizeof(why));
        X509_STORE_free(store);
        if (path)
            return err_set(e, ST_IO, "certificates in %s: %s", path, why);
        return err_set(e, ST_IO, "no certificates of the system found: set ca_bundle");
    }
    struct tls_trust *t = xcalloc(1, sizeof(*t));
    t->store = store;
    (void)pthread_mutex_init(&t->lock, NULL);
    if (path)
        digest_store(store, path, t->digest);
    atomic_init(&t->is_loaded, path != NULL);
    atomic_init(&t->refs, 1);
    *out = t;
    return ST_OK;
}

struct tls_trust *tls_trust_acquire(struct tls_trust *t)
{
    (void)atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

void tls_trust_release(struct tls_trust *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (t->has_loader)
        (void)pthread_join(t->loader, NULL);
    (void)pthread_mutex_destroy(&t->lock);
    X509_STORE_free(t->store);
    free(t);
}

static struct bucket *bucket_of(struct tls_client *c, const char *name, uint16_t port)
{
    uint32_t h = 2166136261u ^ port; // FNV-1a
    for (const char *p = name; *p; p++)
        h = (h ^ (unsigned char)ascii_lower(*p)) * 16777619u;
    return &c->buckets[(h ^ (h >> 16)) % BUCKETS];
}

static struct cached *find_cached(struct tls_client *c, const char *name, uint16_t port)
{
    struct cached *e;
    LIST_FOREACH(e, bucket_of(c, name, port), in_bucket)
    if (e->port == port && span_ieq(span_of(e->name), span_of(name)))
        return e;
    return NULL;
}

static void drop_cached(struct tls_client *c, struct cached *e)
{
    LIST_REMOVE(e, in_bucket);
    TAILQ_REMOVE(&c->by_age, e, in_age);
    c->n_cached--;
    SSL_SESSION_free(e->session);
    free(e->name);
    free(e);
}

// OpenSSL calls this for each ticket. Copies are kept and handed out, since OpenSSL spoils the
// session of a connection that ends without close_notify, as idle ones often do. Returns 0: the
// reference stays OpenSSL's.
static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
    const struct tls_peer *p = SSL_get_app_data(ssl);
    struct tls_client *c = p->client;
    struct cached *e = find_cached(c, p->name, p->port);
    SSL_SESSION *copy = SSL_SESSION_dup(session);
    if (!copy)
        return 0;
    if (e) {
        SSL_SESSION_free(e->session);
        TAILQ_REMOVE(&c->by_age, e, in_age);
    } else {
        if (c->n_cached == MAX_SESSIONS)
            drop_cached(c, TAILQ_LAST(&c->by_age, age_list));
        e = xcalloc(1, sizeof(*e));
        e->name = xstrdup(p->name);
        e->port = p->port;
        LIST_INSERT_HEAD(bucket_of(c, e->name, e->port), e, in_bucket);
        c->n_cached++;
    }
    e->session = copy;
    TAILQ_INSERT_HEAD(&c->by_age, e, in_age);
    return 0;
}

static bool setup_context(SSL_CTX *ctx, struct tls_trust *trust, bool verify)
{
    static const unsigned char alpn[] = "\x08http/1.1";
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    SSL_CTX_set1_cert_store(ctx, trust->store);
    SSL_CTX_set_verify(ctx, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    // A name that stands in the subject only, or f*.example, proves nothing (RFC 9525 6).
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // Partial writes never happen (stream_out takes everything), idle handles give their buffers
    // back.
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(ctx, 1); // a record's head and body in one recv, and those behind it
    SSL_CTX_set_default_read_buffer_len(ctx, TLS_READ_LEN);
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_new_session);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_alpn_protos(ctx, alpn, sizeof(alpn) - 1) == 0;
}

struct tls_client *tls_client_new(struct tls_trust *trust, bool verify, struct err *e)
{
    char why[128];
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx || !setup_context(ctx, trust, verify)) {
        tls_last_reason(why, sizeof(why));
        (void)err_set(e, ST_IO, "TLS client: %s", why);
        SSL_CTX_free(ctx);
        return NULL;
    }
    struct tls_client *c = xcalloc(1, sizeof(*c));
    c->ctx = ctx;
    c->trust = tls_trust_acquire(trust);
    c->refs = 1;
    TAILQ_INIT(&c->by_age);
    return c;
}

struct tls_client *tls_client_acquire(struct tls_client *c)
{
    c->refs++;
    return c;
}

void tls_client_free(struct tls_client *c)
{
    if (!c || --c->refs)
        return;
    while (c->n_cached)
        drop_cached(c, TAILQ_FIRST(&c->by_age));
    SSL_CTX_free(c->ctx);
    tls_trust_release(c->trust);
    free(c);
}

static bool set_expected_name(struct tls_peer *p)
{
    if (p->is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(p->ssl), p->name) == 1;
    return SSL_set1_host(p->ssl, p->name) == 1 && SSL_set_tlsext_host_name(p->ssl, p->name) == 1;
}

// "[::1]" and "example.com." name what "::1" and "example.com" name.
static void set_name(struct tls_peer *p, const char *name)
{
    struct span s = span_of(name);
    struct net_addr ignored;
    if (s.len >= 2 && s.p[0] == '[' && s.p[s.len - 1] == ']')
        s = span_sub(s, 1, s.len - 2);
    else if (s.len > 1 && s.p[s.len - 1] == '.')
        s.len--;
    p->name = xstrndup(s.p, s.len);
    p->is_address = net_addr_parse(s, 0, &ignored) == ST_OK;
}

struct tls_peer *tls_peer_new(struct tls_client *c, const char *name, uint16_t port)
{
    struct tls_peer *p = xcalloc(1, sizeof(*p));
    load_now(c->trust);
    p->client = c;
    c->refs++;
    p->port = port;
    set_name(p, name);
    p->ssl = SSL_new(c->ctx);
    if (!p->ssl || !set_expected_name(p)) {
        tls_peer_free(p);
        return NULL;
    }
    SSL_set_app_data(p->ssl, p);
    SSL_set_connect_state(p->ssl);
    struct cached *e = find_cached(c, p->name, port);
    SSL_SESSION *copy = e ? SSL_SESSION_dup(e->session) : NULL;
    if (copy)
        (void)SSL_set_session(p->ssl, copy);
    SSL_SESSION_free(copy);
    return p;
}

void tls_peer_free(struct tls_peer *p)
{
    if (!p)
        return;
    SSL_free(p->ssl);
    tls_client_free(p->client);
    free(p->name);
    free(p);
}

void tls_peer_forget_session(struct tls_peer *p)
{
    struct cached *e = p->client ? find_cached(p->client, p->name, p->port) : NULL;
    if (e)
        drop_cached(p->client, e);
}

void tls_peer_reason(struct tls_peer *p, char *out, size_t len)
{
    long verdict = SSL_get_verify_result(p->ssl);
    bool is_verdict = ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL &&
                      ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED;
    if (!is_verdict || verdict == X509_V_OK) {
        tls_last_reason(out, len);
        return;
    }
    const char *text = X509_verify_cert_error_string(verdict);
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH)
        text = "certificate name does not match";
    copy_text(text, out, len);
    ERR_clear_error();
}
