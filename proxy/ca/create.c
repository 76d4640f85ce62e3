// SPDX-License-Identifier: Apache-2.0
// A new authority. Both files are written complete or not at all, and the key first: a certificate
// without its key would be trusted for nothing.
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "ca/ca_int.h"

#define YEAR_MS      (INT64_C(365) * 24 * 3600 * 1000)
#define HOUR_MS      (INT64_C(3600) * 1000)
#define VALID_YEARS  10
#define SUBJECT      "sigv4-proxy local CA"
#define PATH_MAX_LEN 4096

// "critical,permitted;DNS:amazonaws.com,...,excluded;IP:...": a name constraint says nothing of
// kinds of names that it does not mention, so addresses are excluded by name.
static void write_constraints(const struct ca_domains *domains, struct buf *out)
{
    buf_add_str(out, "critical");
    for (unsigned i = 0; i < domains->n; i++)
        buf_addf(out, ",permitted;DNS:%s", domains->v[i]);
    buf_add_str(out, ",excluded;IP:0.0.0.0/0.0.0.0,excluded;IP:::/::");
}

static bool add_extensions(X509 *cert, const struct ca_domains *domains)
{
    struct buf names;
    buf_init(&names);
    write_constraints(domains, &names);
    bool is_good =
        cert_add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        cert_add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        cert_add_extension(cert, cert, NID_ext_key_usage, "serverAuth") &&
        cert_add_extension(cert, cert, NID_subject_key_identifier, "hash") &&
        cert_add_extension(cert, cert, NID_name_constraints, buf_cstr(&names));
    buf_clear(&names);
    return is_good;
}

static X509 *make_cert(EVP_PKEY *key, const struct ca_domains *domains, int64_t wall_ms)
{
    X509 *cert = X509_new();
    if (cert &&
        cert_begin(cert, SPAN(SUBJECT), key, wall_ms - HOUR_MS, wall_ms + VALID_YEARS * YEAR_MS) &&
        X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1 &&
        add_extensions(cert, domains) && X509_sign(cert, key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

static enum status make_folder(const char *dir, struct err *e)
{
    char path[PATH_MAX_LEN];
    if (strlen(dir) >= sizeof(path))
        return err_set(e, ST_INVALID, "ca_dir is too long");
    for (size_t i = 1;; i++) {
        if (dir[i] != '/' && dir[i] != '\0')
            continue;
        memcpy(path, dir, i);
        path[i] = '\0';
        if (mkdir(path, 0700) == -1 && errno != EEXIST)
            return err_set(e, ST_IO, "%s: %s", path, strerror(errno));
        if (dir[i] == '\0')
            return ST_OK;
    }
}

static enum status write_file(const char *path, const char *p, size_t len, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd == -1 && errno == EEXIST)
        return err_set(e, ST_DENIED,
                       "%s is there already and is never overwritten; to start anew, move it and "
                       "its companion away and give every client the new certificate",
                       path);
    if (fd == -1)
        return err_set(e, ST_IO, "%s: %s", path, strerror(errno));
    bool is_good = fchmod(fd, 0600) == 0; // whatever the umask
    while (is_good && len) {
        ssize_t n = write(fd, p, len);
        is_good = n > 0 || (n == -1 && errno == EINTR);
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    is_good = is_good && fsync(fd) == 0;
    int why = errno;
    is_good = close(fd) == 0 && is_good;
    if (is_good)
        return ST_OK;
    (void)unlink(path);
    return err_set(e, ST_IO, "%s: %s", path, strerror(why));
}

static enum status write_pem(const char *path, BIO *pem, struct err *e)
{
    char *p = NULL;
    long len = BIO_get_mem_data(pem, &p);
    enum status st = write_file(path, p, (size_t)len, e);
    secret_wipe(p, (size_t)len);
    return st;
}

static enum status write_both(const char *dir, X509 *cert, EVP_PKEY *key, struct err *e)
{
    char cert_path[PATH_MAX_LEN + sizeof(CA_CERT_FILE) + 1];
    char key_path[PATH_MAX_LEN + sizeof(CA_KEY_FILE) + 1];
    BIO *cert_pem = BIO_new(BIO_s_mem());
    BIO *key_pem = BIO_new(BIO_s_secmem());
    enum status st = ST_IO;
    (void)snprintf(cert_path, sizeof(cert_path), "%s/" CA_CERT_FILE, dir);
    (void)snprintf(key_path, sizeof(key_path), "%s/" CA_KEY_FILE, dir);
    if (!cert_pem || !key_pem || PEM_write_bio_X509(cert_pem, cert) != 1 ||
        PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) != 1) {
        (void)err_set(e, ST_IO, "the key can't be written as PEM");
    } else if (access(cert_path, F_OK) == 0) {
        st = write_file(cert_path, "", 0, e); // refuses, as it is there
    } else {
        st = write_pem(key_path, key_pem, e);
        if (st == ST_OK && (st = write_pem(cert_path, cert_pem, e)) != ST_OK)
            (void)unlink(key_path);
    }
    BIO_free(cert_pem);
    BIO_free(key_pem);
    return st;
}

enum status ca_create(const char *dir, const struct ca_domains *domains, int64_t wall_ms,
                      struct err *e)
{
    char why[128];
    enum status st = make_folder(dir, e);
    if (st != ST_OK)
        return st;
    ERR_clear_error();
    EVP_PKEY *key = cert_new_key();
    X509 *cert = key ? make_cert(key, domains, wall_ms) : NULL;
    if (cert) {
        st = write_both(dir, cert, key, e);
    } else {
        cert_reason(why, sizeof(why));
        st = err_set(e, ST_IO, "no certificate can be made: %s", why);
    }
    X509_free(cert);
    EVP_PKEY_free(key);
    return st;
}
