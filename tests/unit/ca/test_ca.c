// SPDX-License-Identifier: Apache-2.0
// The authority's files, what it signs for, and that OpenSSL, as a client's judge, agrees.
#include <fcntl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/test.h"

#include "base/clock.h"
#include "ca/ca.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

static const char *const domains_v[] = {"amazonaws.com", "s3.test"};
static const struct ca_domains domains = {domains_v, 2};

struct place {
    char dir[64];
    char sub[96];
    int64_t now_ms;
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    snprintf(p->dir, sizeof(p->dir), "/tmp/sigv4-ca.XXXXXX");
    if (!mkdtemp(p->dir))
        return -1;
    snprintf(p->sub, sizeof(p->sub), "%s/a/b", p->dir);
    p->now_ms = clock_wall_ms();
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    static const char *const inside[] = {"/a/b/" CA_CERT_FILE, "/a/b/" CA_KEY_FILE, "/a/b", "/a",
                                         ""};
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s%s", p->dir, inside[i]);
        (void)remove(path);
    }
    free(p);
    return 0;
}

static void create(const struct place *p)
{
    struct err e = {""};
    if (ca_create(p->sub, &domains, p->now_ms, &e) != ST_OK)
        fail_msg("%s", e.text);
}

static struct ca *opened(const struct place *p)
{
    struct ca *c = NULL;
    struct err e = {""};
    if (ca_open(p->sub, p->now_ms, &c, &e) != ST_OK)
        fail_msg("%s", e.text);
    return c;
}

static void not_opened(const struct place *p, int64_t now_ms, const char *why)
{
    struct ca *c = NULL;
    struct err e = {""};
    assert_int_not_equal(ca_open(p->sub, now_ms, &c, &e), ST_OK);
    assert_null(c);
    if (!strstr(e.text, why))
        fail_msg("\"%s\" is not in \"%s\"", why, e.text);
}

static unsigned mode_of(const struct place *p, const char *name)
{
    char path[160];
    struct stat is;
    snprintf(path, sizeof(path), "%s/%s", p->sub, name);
    assert_int_equal(stat(path, &is), 0);
    return is.st_mode & 07777;
}

static void files_are_private_and_never_overwritten(void **state)
{
    struct place *p = *state;
    struct err e = {""};
    mode_t was = umask(0);
    create(p);
    (void)umask(was);
    assert_int_equal(mode_of(p, CA_CERT_FILE), 0600);
    assert_int_equal(mode_of(p, CA_KEY_FILE), 0600);
    assert_int_equal(mode_of(p, ""), 0700);
    assert_int_equal(ca_create(p->sub, &domains, p->now_ms, &e), ST_DENIED);
    assert_non_null(strstr(e.text, "is there already and is never overwritten"));
    ca_release(opened(p));
}

static void what_is_wrong_with_the_files_is_said(void **state)
{
    struct place *p = *state;
    char path[160];
    not_opened(p, p->now_ms, "is missing; `sigv4-proxy ca init` makes the local CA");
    create(p);
    not_opened(p, p->now_ms + 366 * 10 * DAY_MS, "has expired at");
    not_opened(p, p->now_ms - DAY_MS, "not valid yet");
    snprintf(path, sizeof(path), "%s/" CA_KEY_FILE, p->sub);
    assert_int_equal(chmod(path, 0640), 0);
    not_opened(p, p->now_ms, "may be read by others (mode 640); chmod 600 it");
    assert_int_equal(chmod(path, 0600), 0);
    if (chown(path, 65534, (gid_t)-1) == 0) { // root may give it away
        not_opened(p, p->now_ms, "belongs to another user (uid 65534)");
        assert_int_equal(chown(path, geteuid(), (gid_t)-1), 0);
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs("no key\n", f);
    (void)fclose(f);
    not_opened(p, p->now_ms, CA_KEY_FILE);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    not_opened(p, p->now_ms, "is not a file");
}

// What a client that trusts the authority says of the leaf when it asked for host.
static int judged(const struct ca_leaf *l, const char *host, int64_t now_ms)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    assert_int_equal(X509_STORE_add_cert(store, ca_leaf_issuer(l)), 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, ca_leaf_cert(l), NULL), 1);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)(now_ms / 1000));
    assert_int_equal(X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER), 1);
    (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    assert_int_equal(X509_VERIFY_PARAM_set1_host(param, host, 0), 1);
    (void)X509_verify_cert(ctx);
    int error = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return error;
}

static void leaves_are_good_for_their_host_and_a_week(void **state)
{
    struct place *p = *state;
    struct err e = {""};
    struct ca_leaf *l = NULL;
    create(p);
    struct ca *c = opened(p);
    // Longer than a common name may be.
    static const char host[] = "a-bucket-whose-name-is-sixty-three-octets-long-which-is-the-max.s3."
                               "us-east-1.amazonaws.com";
    assert_int_equal(ca_leaf_make(c, span_of(host), p->now_ms, &l, &e), ST_OK);
    assert_int_equal(judged(l, host, p->now_ms), X509_V_OK);
    assert_int_equal(judged(l, "b.s3.us-east-1.amazonaws.com", p->now_ms),
                     X509_V_ERR_HOSTNAME_MISMATCH);
    assert_int_equal(judged(l, host, p->now_ms + 8 * DAY_MS), X509_V_ERR_CERT_HAS_EXPIRED);
    assert_int_equal(X509_check_private_key(ca_leaf_cert(l), ca_leaf_key(l)), 1);
    ca_release(c); // a leaf keeps its authority
    assert_int_equal(judged(l, host, p->now_ms), X509_V_OK);
    ca_leaf_release(l);
}

static void no_leaf_outlives_its_authority(void **state)
{
    struct place *p = *state;
    struct err e = {""};
    struct ca_leaf *l = NULL;
    create(p);
    struct ca *c = opened(p);
    int64_t late_ms = ca_expires_ms(c) - DAY_MS;
    assert_int_equal(ca_leaf_make(c, SPAN("a.s3.test"), late_ms, &l, &e), ST_OK);
    assert_int_equal(ca_leaf_expires_ms(l), ca_expires_ms(c));
    ca_leaf_release(l);
    assert_int_equal(ca_leaf_make(c, SPAN("a.s3.test"), ca_expires_ms(c), &l, &e), ST_DENIED);
    ca_release(c);
}

static void the_authority_signs_for_its_domains_only(void **state)
{
    struct place *p = *state;
    struct err e = {""};
    struct ca_leaf *l = NULL;
    create(p);
    struct ca *c = opened(p);
    static const char *const good[] = {"s3.amazonaws.com", "amazonaws.com", "a.b.s3.test",
                                       "s3.test", "x_y.s3.us-east-1.amazonaws.com"};
    static const char *const bad[] = {
        "example.com",     "s3.test.example.com", "xamazonaws.com", "127.0.0.1", "::1", "",
        "a,DNS:evil.test", "a b.s3.test",         "*.s3.test"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!ca_covers(c, span_of(good[i])))
            fail_msg("%s is not covered", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ca_covers(c, span_of(bad[i])))
            fail_msg("%s is covered", bad[i]);
        assert_int_equal(ca_leaf_make(c, span_of(bad[i]), p->now_ms, &l, &e), ST_DENIED);
        assert_null(l);
    }
    ca_release(c);
}

static void the_cache_keeps_what_is_used(void **state)
{
    struct place *p = *state;
    struct err e = {""};
    struct ca_cache *cache = ca_cache_new(2);
    create(p);
    struct ca *c = opened(p);
    static const char *const hosts[] = {"a.s3.test", "b.s3.test", "c.s3.test"};
    for (size_t i = 0; i < 3; i++) {
        struct ca_leaf *l = NULL;
        assert_int_equal(ca_leaf_make(c, span_of(hosts[i]), p->now_ms, &l, &e), ST_OK);
        ca_cache_add(cache, span_of(hosts[i]), l);
        ca_leaf_release(l);
        assert_non_null(ca_cache_find(cache, c, SPAN("a.s3.test"), p->now_ms));
    }
    assert_null(ca_cache_find(cache, c, SPAN("b.s3.test"), p->now_ms));
    assert_non_null(ca_cache_find(cache, c, SPAN("c.s3.test"), p->now_ms));
    assert_null(ca_cache_find(cache, c, SPAN("c.s3.test"), p->now_ms + 7 * DAY_MS - 1000));
    struct ca *other = opened(p); // read again
    assert_null(ca_cache_find(cache, other, SPAN("a.s3.test"), p->now_ms));
    ca_release(other);
    ca_cache_free(cache);
    ca_release(c);
}

static void it_is_described_for_people(void **state)
{
    struct place *p = *state;
    struct buf text;
    buf_init(&text);
    create(p);
    struct ca *c = opened(p);
    ca_describe(c, &text);
    assert_non_null(strstr(buf_cstr(&text), "CN=sigv4-proxy local CA"));
    assert_non_null(strstr(buf_cstr(&text), "signs for    amazonaws.com, s3.test\n"));
    assert_null(strstr(buf_cstr(&text), "PRIVATE"));
    buf_clear(&text);
    ca_release(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_private_and_never_overwritten),
        TEST(what_is_wrong_with_the_files_is_said),
        TEST(leaves_are_good_for_their_host_and_a_week),
        TEST(no_leaf_outlives_its_authority),
        TEST(the_authority_signs_for_its_domains_only),
        TEST(the_cache_keeps_what_is_used),
        TEST(it_is_described_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
