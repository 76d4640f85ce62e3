// SPDX-License-Identifier: Apache-2.0
// An authority's life: opened and judged once, shared by all workers, wiped with the last of them.
#include "ca/ca.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/xalloc.h"
#include "ca/ca_int.h"

#define FILE_MAX_LEN 65536
#define PATH_MAX_LEN 4096

// ---- reading

struct file {
    char path[PATH_MAX_LEN + 16];
    char *text; // wiped by file_clear
    size_t len;
};

static void file_clear(struct file *f)
{
    if (f->text)
        secret_wipe(f->text, f->len);
    free(f->text);
    f->text = NULL;
}

static enum status missing(const struct file *f, int why, struct err *e)
{
    if (why == ENOENT)
        return err_set(
            e, ST_IO, "%s is missing; `sigv4-proxy ca init` makes the local CA (ca_dir says where)",
            f->path);
    return err_set(e, ST_IO, "%s: %s", f->path, strerror(why));
}

// Whoever owns a file may change it, and give it away.
static bool is_ours(const struct stat *is)
{
    return is->st_uid == geteuid() || is->st_uid == 0;
}

// is_secret: others must not be able to read it.
static enum status file_read(struct file *f, const char *dir, const char *name, bool is_secret,
                             struct err *e)
{
    struct stat is;
    (void)snprintf(f->path, sizeof(f->path), "%s/%s", dir, name);
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd == -1)
        return missing(f, errno, e);
    enum status st = ST_OK;
    if (fstat(fd, &is) == -1 || !S_ISREG(is.st_mode) || is.st_size > FILE_MAX_LEN)
        st = err_set(e, ST_INVALID, "%s is not a file of at most 64 KiB", f->path);
    else if (!is_ours(&is))
        st = err_set(e, ST_DENIED,
                     "%s belongs to another user (uid %u); it must be root's or of the user that "
                     "the proxy runs as",
                     f->path, (unsigned)is.st_uid);
    else if (is_secret && (is.st_mode & 077))
        st = err_set(e, ST_DENIED, "%s may be read by others (mode %03o); chmod 600 it", f->path,
                     (unsigned)is.st_mode & 0777);
    if (st == ST_OK) {
        f->text = xmalloc((size_t)is.st_size + 1);
        ssize_t n = read(fd, f->text, (size_t)is.st_size);
        f->len = n > 0 ? (size_t)n : 0;
        if (n == -1)
            st = missing(f, errno, e);
    }
    (void)close(fd);
    return st;
}

static int no_password(char *to, int len, int is_write, void *arg)
{
    (void)to;
    (void)len;
    (void)is_write;
    (void)arg;
    return 0;
}

static X509 *read_cert(const struct file *f)
{
    BIO *bio = BIO_new_mem_buf(f->text, (int)f->len);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
    BIO_free(bio);
    return cert;
}

static EVP_PKEY *read_key(const struct file *f)
{
    BIO *bio = BIO_new_mem_buf(f->text, (int)f->len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    BIO_free(bio);
    return key;
}

// ---- judging

static enum status judge(const struct ca *c, const char *path, int64_t wall_ms, struct err *e)
{
    char at[25];
    clock_format_iso(c->expires_ms, at);
    if (X509_check_ca(c->cert) != 1 || !(X509_get_key_usage(c->cert) & KU_KEY_CERT_SIGN))
        return err_set(e, ST_INVALID, "%s is not the certificate of an authority", path);
    if (X509_check_private_key(c->cert, c->key) != 1)
        return err_set(e, ST_INVALID, "%s: the key in " CA_KEY_FILE " is another one's", path);
    if (cert_ms_of(X509_get0_notBefore(c->cert)) > wall_ms)
        return err_set(e, ST_INVALID, "%s is not valid yet; is this machine's clock right?", path);
    if (c->expires_ms <= wall_ms)
        return err_set(
            e, ST_INVALID,
            "%s has expired at %s; move it and " CA_KEY_FILE
            " away, make a new CA with `sigv4-proxy ca init`, and give it to every client",
            path, at);
    return ST_OK;
}

static enum status load(struct ca *c, struct file *cert, struct file *key, int64_t wall_ms,
                        struct err *e)
{
    char why[128];
    c->cert = read_cert(cert);
    c->key = c->cert ? read_key(key) : NULL;
    if (!c->key) {
        cert_reason(why, sizeof(why));
        return err_set(e, ST_INVALID, "%s: %s", c->cert ? key->path : cert->path, why);
    }
    c->expires_ms = cert_ms_of(X509_get0_notAfter(c->cert));
    c->names = X509_get_ext_d2i(c->cert, NID_name_constraints, NULL, NULL);
    c->leaf_key = cert_new_key();
    if (!c->leaf_key)
        return err_set(e, ST_IO, "no key can be made for certificates");
    return judge(c, cert->path, wall_ms, e);
}

enum status ca_open(const char *dir, int64_t wall_ms, struct ca **out, struct err *e)
{
    struct file cert = {.text = NULL};
    struct file key = {.text = NULL};
    *out = NULL;
    if (strlen(dir) > PATH_MAX_LEN)
        return err_set(e, ST_INVALID, "ca_dir is too long");
    struct ca *c = xcalloc(1, sizeof(*c));
    atomic_init(&c->refs, 1);
    ERR_clear_error();
    enum status st = file_read(&cert, dir, CA_CERT_FILE, false, e);
    if (st == ST_OK)
        st = file_read(&key, dir, CA_KEY_FILE, true, e);
    if (st == ST_OK)
        st = load(c, &cert, &key, wall_ms, e);
    file_clear(&cert);
    file_clear(&key);
    ERR_clear_error();
    if (st == ST_OK)
        *out = c;
    else
        ca_release(c);
    return st;
}

struct ca *ca_acquire(struct ca *c)
{
    (void)atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void ca_release(struct ca *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    X509_free(c->cert);
    EVP_PKEY_free(c->key); // OpenSSL clears the number
    EVP_PKEY_free(c->leaf_key);
    NAME_CONSTRAINTS_free(c->names);
    free(c);
}

// ---- telling

int64_t ca_expires_ms(const struct ca *c)
{
    return c->expires_ms;
}

static void add_names(const struct ca *c, struct buf *out)
{
    int n = c->names ? sk_GENERAL_SUBTREE_num(c->names->permittedSubtrees) : 0;
    const char *gap = "";
    buf_add_str(out, "signs for    ");
    for (int i = 0; i < n; i++) {
        int type = 0;
        const GENERAL_SUBTREE *tree = sk_GENERAL_SUBTREE_value(c->names->permittedSubtrees, i);
        const ASN1_STRING *name = GENERAL_NAME_get0_value(tree->base, &type);
        if (type != GEN_DNS)
            continue;
        buf_addf(out, "%s%.*s", gap, ASN1_STRING_length(name), ASN1_STRING_get0_data(name));
        gap = ", ";
    }
    buf_add_str(out, *gap ? "\n" : "any name: it has no name constraints\n");
}

void ca_describe(const struct ca *c, struct buf *out)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    char from[25];
    char to[25];
    char subject[256];
    clock_format_iso(cert_ms_of(X509_get0_notBefore(c->cert)), from);
    clock_format_iso(c->expires_ms, to);
    (void)X509_NAME_oneline(X509_get_subject_name(c->cert), subject, sizeof(subject));
    buf_addf(out, "subject      %s\nvalid        %s to %s\nsha-256      ", subject, from, to);
    if (X509_digest(c->cert, EVP_sha256(), md, &n) == 1)
        for (unsigned i = 0; i < n; i++)
            buf_addf(out, "%s%02X", i ? ":" : "", md[i]);
    buf_add_char(out, '\n');
    add_names(c, out);
}

void ca_pem(const struct ca *c, struct buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *p = NULL;
    if (bio && PEM_write_bio_X509(bio, c->cert) == 1) {
        long len = BIO_get_mem_data(bio, &p);
        buf_add(out, p, (size_t)len);
    }
    BIO_free(bio);
}
