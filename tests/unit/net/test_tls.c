// SPDX-License-Identifier: Apache-2.0
#include "unit/net/tls_rig.h"

#include <signal.h>
#include <stdatomic.h>

#include "net/tls.h"

#define BULK (64 * MIB)

static struct authority authority;

static int make_authority(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN); // for the blocking servers; streams do not need it
    authority_make(&authority);
    return 0;
}

static int drop_authority(void **state)
{
    (void)state;
    authority_clear(&authority);
    return 0;
}

static struct tls_client *client_new(bool verify)
{
    struct err e;
    struct tls_trust *trust;
    assert_int_equal(tls_trust_load(authority.path, &trust, &e), ST_OK);
    struct tls_client *c = tls_client_new(trust, verify, &e);
    assert_non_null(c);
    tls_trust_release(trust);
    return c;
}

static struct owner *dial(struct loop *l, struct tls_client *c, const struct tls_server *s,
                          const char *name)
{
    struct owner *o = owner_new(l);
    const struct stream_tls tls = {.client = c, .name = name, .port = net_addr_port(&s->at)};
    o->is_inside = true;
    o->s = stream_connect(l, &s->at, &tls, &owner_ops, o);
    o->is_inside = false;
    return o;
}

// Answers each message with "pong" until the client ends.
static void serve_pong(struct tls_server *s, SSL *ssl, int fd)
{
    char in[1024];
    (void)s;
    (void)fd;
    while (SSL_read(ssl, in, sizeof(in)) > 0)
        if (SSL_write(ssl, "pong", 4) != 4)
            return;
    (void)SSL_shutdown(ssl);
}

static void a_good_certificate_lets_bytes_through_and_sni_is_sent(void **state)
{
    (void)state;
    const struct cert_kind kind = {.san = "DNS:good.test"};
    struct tls_server s = {.serve = serve_pong};
    struct loop *l = rig_loop();
    struct tls_client *c = client_new(true);
    tls_server_start(&s, &authority, &kind);
    struct owner *o = dial(l, c, &s, "good.test.");
    assert_true(stream_is_tls(o->s));
    stream_write_span(o->s, SPAN("early"));
    rig_until(l, &o->calls, 1);
    assert_int_equal(o->readies, 1);
    assert_string_equal(o->got, "pong");
    stream_shutdown(o->s);
    rig_until(l, &o->eofs, 1); // the server's close_notify
    assert_int_equal(o->ends, 0);
    owner_free(o);
    tls_server_stop(&s);
    assert_string_equal(s.sni, "good.test");
    tls_client_free(c);
    loop_free(l);
}

struct refusal {
    struct cert_kind kind;
    const char *name;
    const char *text;
};

static void bad_certificates_and_versions_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {{.san = "DNS:good.test", .from_s = -7200, .to_s = -60},
         "good.test",
         "tls: certificate has expired"},
        {{.san = "DNS:good.test", .from_s = 600}, "good.test", "tls: certificate is not yet valid"},
        {{.san = "DNS:other.test"}, "good.test", "tls: certificate name does not match"},
        {{.san = "DNS:good.test", .is_self_signed = true},
         "good.test",
         "tls: self-signed certificate"},
        {{.cn = "good.test"}, "good.test", "tls: certificate name does not match"},
        {{.cn = "good.test", .san = "DNS:other.test"},
         "good.test",
         "tls: certificate name does not match"},
        {{.san = "DNS:*.good.test"}, "a.b.good.test", "tls: certificate name does not match"},
        {{.san = "DNS:a*.good.test"}, "ab.good.test", "tls: certificate name does not match"},
        {{.san = "DNS:127.0.0.1"}, "127.0.0.1", "tls: certificate name does not match"},
        {{.san = "IP:127.0.0.2"}, "127.0.0.1", "tls: certificate name does not match"},
        {{.san = "DNS:good.test", .max_version = TLS1_1_VERSION},
         "good.test",
         "tls: tlsv1 alert protocol version"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tls_server s = {.serve = serve_pong};
        struct loop *l = rig_loop();
        struct tls_client *c = client_new(true);
        tls_server_start(&s, &authority, &cases[i].kind);
        struct owner *o = dial(l, c, &s, cases[i].name);
        stream_write_span(o->s, SPAN("secret"));
        rig_until(l, &o->ends, 1);
        assert_int_equal(o->why, STREAM_TLS);
        assert_string_equal(o->text, cases[i].text);
        assert_int_equal(o->readies, 0);
        owner_free(o);
        tls_server_stop(&s);
        assert_int_equal(atomic_load(&s.n_shakes), 0); // so it saw no byte of ours
        tls_client_free(c);
        loop_free(l);
    }
}

static void names_that_match_are_accepted(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {{.san = "DNS:*.good.test"}, "a.good.test", ""},
        {{.san = "DNS:other.test,DNS:good.test"}, "GOOD.test", ""},
        {{.san = "IP:127.0.0.1"}, "127.0.0.1", ""},
        {{.san = "IP:::1"}, "[::1]", ""},
        {{.san = "DNS:good.test", .max_version = TLS1_2_VERSION}, "good.test", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tls_server s = {.serve = serve_pong};
        struct loop *l = rig_loop();
        struct tls_client *c = client_new(true);
        tls_server_start(&s, &authority, &cases[i].kind);
        struct owner *o = dial(l, c, &s, cases[i].name);
        rig_until(l, &o->readies, 1);
        assert_int_equal(o->ends, 0);
        owner_free(o);
        tls_server_stop(&s);
        if (strchr(cases[i].name, '1'))
            assert_string_equal(s.sni, ""); // an address is no SNI
        tls_client_free(c);
        loop_free(l);
    }
}

static void without_verification_anything_goes(void **state)
{
    (void)state;
    const struct cert_kind kind = {.cn = "x", .is_self_signed = true};
    struct tls_server s = {.serve = serve_pong};
    struct loop *l = rig_loop();
    struct tls_client *c = client_new(false);
    tls_server_start(&s, &authority, &kind);
    struct owner *o = dial(l, c, &s, "good.test");
    rig_until(l, &o->readies, 1);
    owner_free(o);
    tls_server_stop(&s);
    tls_client_free(c);
    loop_free(l);
}

static void serve_three_records(struct tls_server *s, SSL *ssl, int fd)
{
    static const char *const words[] = {"one ", "two ", "three"};
    char in[16];
    BIO *held = BIO_new(BIO_f_buffer()); // one send, however slow we are; a cork holds for 200 ms
    (void)s;
    (void)fd;
    (void)SSL_read(ssl, in, sizeof(in));
    assert_non_null(SSL_get_wbio(ssl));
    (void)BIO_up_ref(SSL_get_wbio(ssl));
    SSL_set0_wbio(ssl, BIO_push(held, SSL_get_wbio(ssl)));
    for (size_t i = 0; i < 3; i++)
        (void)SSL_write(ssl, words[i], (int)strlen(words[i]));
    (void)BIO_flush(SSL_get_wbio(ssl));
    (void)SSL_read(ssl, in, sizeof(in)); // until the client is gone
}

static void records_that_came_together_are_one_delivery(void **state)
{
    (void)state;
    const struct cert_kind kind = {.san = "DNS:good.test"};
    struct tls_server s = {.serve = serve_three_records};
    struct loop *l = rig_loop();
    struct tls_client *c = client_new(true);
    tls_server_start(&s, &authority, &kind);
    struct owner *o = dial(l, c, &s, "good.test");
    stream_write_span(o->s, SPAN("go"));
    rig_until(l, &o->calls, 1);
    assert_string_equal(o->got, "one two three");
    owner_free(o);
    tls_server_stop(&s);
    tls_client_free(c);
    loop_free(l);
}

static void serve_unclean(struct tls_server *s, SSL *ssl, int fd)
{
    char in[64];
    (void)s;
    (void)SSL_read(ssl, in, sizeof(in));
    (void)SSL_write(ssl, "half", 4);
    (void)shutdown(fd, SHUT_WR);
    (void)SSL_read(ssl, in, sizeof(in));
}

static void an_end_without_close_notify_is_truncation_after_the_bytes(void **state)
{
    (void)state;
    const struct cert_kind kind = {.san = "DNS:good.test"};
    struct tls_server s = {.serve = serve_unclean};
    struct loop *l = rig_loop();
    struct tls_client *c = client_new(true);
    tls_server_start(&s, &authority, &kind);
    struct owner *o = dial(l, c, &s, "good.test");
    stream_write_span(o->s, SPAN("x"));
    rig_until(l, &o->ends, 1);
    assert_int_equal(o->why, STREAM_TRUNCATED);
    assert_string_equal(o->got, "half");
    assert_int_equal(o->eofs, 0);
    owner_free(o);
    tls_server_stop(&s);
    tls_client_free(c);
    loop_free(l);
}

static void serve_reset(struct tls_server *s, SSL *ssl, int fd)
{
    char in[64];
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)s;
    (void)SSL_read(ssl, in, sizeof(in));
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void a_reset_is_a_reset(void **state)
{
    (void)state;
    const struct cert_kind kind = {.san = "DNS:good.test"};
    struct tls_server s = {.serve = serve_reset};
    struct loop *l = rig_loop();
    struct tls_client *c = client_new(true);
    tls_server_start(&s, &authority, &kind);
    struct owner *o = dial(l, c, &s, "good.test");
    stream_write_span(o->s, SPAN("x"));
    rig_until(l, &o->ends, 1);
    assert_int_equal(o->why, STREAM_RESET);
    owner_free(o);
    tls_server_stop(&s);
    tls_client_free(c);
    loop_free(l);
}

// A server that speaks no TLS: sends text, or closes at once.
static void *serve_plain(void *arg)
{
    int listener = *(int *)arg;
    for (int i = 0; i < 2; i++) {
        char in[4096];
        int fd = accept(listener, NULL, NULL);
        (void)read(fd, in, sizeof(in));
        if (i == 0)
            (void)write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
        (void)close(fd);
    }
    return NULL;
}

static void a_peer_without_tls_is_told_apart_from_one_that_closes(void **state)
{
    (void)state;
    struct tls_server s = {.serve = NULL};
    pthread_t thread;
    struct loop *l = rig_loop();
    struct tls_client *c = client_new(true);
    s.listener = rig_listen(&s.at);
    assert_int_equal(fcntl(s.listener, F_SETFL, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, serve_plain, &s.listener), 0);
    struct owner *o = dial(l, c, &s, "good.test");
    rig_until(l, &o->ends, 1);
    assert_int_equal(o->why, STREAM_TLS);
    assert_string_equal(o->text, "tls: wrong version number");
    owner_free(o);
    o = dial(l, c, &s, "good.test");
    rig_until(l, &o->ends, 1);
    assert_int_equal(o->why, STREAM_RESET);
    assert_string_equal(o->text, "tls: the peer closed during the handshake");
    owner_free(o);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(close(s.listener), 0);
    tls_client_free(c);
    loop_free(l);
}

static void resume_with(int version)
{
    const struct cert_kind kind = {
        .san = "DNS:good.test,DNS:other.test", .max_version = version, .min_version = version};
    struct tls_server s = {.serve = serve_pong};
    struct loop *l = rig_loop();
    struct tls_client *c = client_new(true);
    tls_server_start(&s, &authority, &kind);
    for (int i = 0; i < 4; i++) {
        struct owner *o = dial(l, c, &s, i == 3 ? "other.test" : "good.test");
        stream_write_span(o->s, SPAN("x"));
        rig_until(l, &o->calls, 1);
        assert_int_equal(stream_was_resumed(o->s), i == 1 || i == 2);
        owner_free(o); // without close_notify: the session stays good
    }
    tls_server_stop(&s);
    assert_int_equal(atomic_load(&s.n_resumed), 2);
    tls_client_free(c);
    loop_free(l);
}

static void sessions_are_resumed_for_the_same_name_only(void **state)
{
    (void)state;
    resume_with(TLS1_3_VERSION);
    resume_with(TLS1_2_VERSION);
}

static void several_connections_at_once_resume_from_one_ticket(void **state)
{
    (void)state;
    enum { N = 8 };
    const struct cert_kind kind = {.san = "DNS:good.test"};
    struct tls_server s = {.serve = NULL}; // ends each connection: they are served in turn
    struct owner *o[N];
    struct loop *l = rig_loop();
    struct tls_client *c = client_new(true);
    tls_server_start(&s, &authority, &kind);
    struct owner *first = dial(l, c, &s, "good.test");
    rig_until(l, &first->ends, 1);
    owner_free(first);
    for (int i = 0; i < N; i++)
        o[i] = dial(l, c, &s, "good.test");
    for (int i = 0; i < N; i++) {
        rig_until(l, &o[i]->readies, 1);
        assert_true(stream_was_resumed(o[i]->s));
    }
    for (int i = 0; i < N; i++)
        owner_free(o[i]);
    tls_server_stop(&s);
    tls_client_free(c);
    loop_free(l);
}

// Reads BULK bytes slowly at first, checks them, answers with as many.
static void serve_bulk(struct tls_server *s, SSL *ssl, int fd)
{
    static char block[40000];
    int n;
    uint64_t at = 0;
    atomic_int *verdict = s->more;
    bool is_right = true;
    int small = 65536;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    rig_wait_at_gate();
    while (at < BULK && (n = SSL_read(ssl, block, sizeof(block))) > 0) {
        is_right = is_right && rig_matches(block, (size_t)n, at);
        at += (uint64_t)n;
    }
    is_right = is_right && at == BULK;
    for (at = 0; at < BULK; at += (uint64_t)n) {
        size_t len = BULK - at < sizeof(block) ? (size_t)(BULK - at) : sizeof(block);
        rig_fill(block, len, at);
        n = SSL_write(ssl, block, (int)len);
        if (n <= 0) {
            is_right = false;
            break;
        }
    }
    atomic_store(verdict, is_right ? 1 : 2);
    (void)SSL_shutdown(ssl);
}

static void pump(struct owner *o)
{
    static char block[70000];
    uint64_t *at = o->more;
    if (!o->readies)
        return;
    for (size_t i = 1; *at < BULK && stream_queued(o->s) < STREAM_HIGH_WATER; i++) {
        size_t len = i * 6151 % sizeof(block); // within a record, and over several
        len = BULK - *at < len ? (size_t)(BULK - *at) : len;
        rig_fill(block, len, *at);
        const struct span parts[] = {span_from(block, len / 50),
                                     span_from(block + len / 50, len - len / 50 - len / 9),
                                     span_from(block + len - len / 9, len / 9)};
        o->is_inside = true;
        stream_write(o->s, parts, 3);
        o->is_inside = false;
        *at += len;
    }
    atomic_store(&rig_gate, true);
}

static void check_bulk(struct owner *o, struct span in)
{
    assert_true(rig_matches(in.p, in.len, o->n));
}

static void resume_later(void *arg)
{
    stream_resume(((struct owner *)arg)->s);
}

static void pause_now_and_then(struct owner *o)
{
    o->take = (size_t)(o->calls * 7919 % 20000);
    if (o->calls % 3 == 0)
        stream_pause(o->s);
    loop_post(o->loop, resume_later, o);
}

static void sixty_four_mib_go_and_come_unchanged_with_backpressure(void **state)
{
    (void)state;
    const struct cert_kind kind = {.san = "DNS:good.test"};
    atomic_store(&rig_gate, false);
    atomic_int verdict = 0;
    uint64_t at = 0;
    struct tls_server s = {.serve = serve_bulk, .more = &verdict};
    struct loop *l = rig_loop();
    struct tls_client *c = client_new(true);
    tls_server_start(&s, &authority, &kind);
    struct owner *o = dial(l, c, &s, "good.test");
    o->more = &at;
    o->on_ready = pump;
    o->on_drained = pump;
    o->check = check_bulk;
    o->on_data = pause_now_and_then;
    rig_until(l, &o->eofs, 1);
    assert_int_equal(o->n, BULK);
    assert_true(o->drains > 0);
    assert_int_equal(stream_bytes_out(o->s), BULK);
    assert_int_equal(stream_bytes_in(o->s), BULK);
    owner_free(o);
    tls_server_stop(&s);
    assert_int_equal(atomic_load(&verdict), 1);
    tls_client_free(c);
    loop_free(l);
}

static void free_self(struct owner *o)
{
    stream_free(o->s);
    o->s = NULL;
}

static void a_tls_stream_may_be_freed_within_each_callback(void **state)
{
    (void)state;
    const struct cert_kind kind = {.san = "DNS:good.test"};
    struct tls_server s = {.serve = serve_pong};
    struct loop *l = rig_loop();
    struct tls_client *c = client_new(true);
    tls_server_start(&s, &authority, &kind);
    struct owner *o = dial(l, c, &s, "good.test");
    o->on_ready = free_self;
    rig_until(l, &o->readies, 1);
    owner_free(o);
    o = dial(l, c, &s, "good.test");
    o->on_data = free_self;
    stream_write_span(o->s, SPAN("x"));
    rig_until(l, &o->calls, 1);
    owner_free(o);
    o = dial(l, c, &s, "wrong.test");
    o->on_end = free_self;
    rig_until(l, &o->ends, 1);
    owner_free(o);
    o = dial(l, c, &s, "good.test"); // in the middle of the handshake
    rig_for(l, 0);
    owner_free(o);
    o = dial(l, c, &s, "good.test");
    stream_close_gently(o->s, 100);
    o->s = NULL;
    owner_free(o);
    tls_server_stop(&s);
    tls_client_free(c);
    loop_free(l);
}

static void serve_until_notify(struct tls_server *s, SSL *ssl, int fd)
{
    char in[4096];
    atomic_int *verdict = s->more;
    (void)fd;
    while (SSL_read(ssl, in, sizeof(in)) > 0)
        ;
    atomic_store(verdict, SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN ? 1 : 2);
}

static void a_gentle_close_sends_close_notify(void **state)
{
    (void)state;
    const struct cert_kind kind = {.san = "DNS:good.test"};
    atomic_int verdict = 0;
    struct tls_server s = {.serve = serve_until_notify, .more = &verdict};
    struct loop *l = rig_loop();
    struct tls_client *c = client_new(true);
    tls_server_start(&s, &authority, &kind);
    struct owner *o = dial(l, c, &s, "good.test");
    rig_until(l, &o->readies, 1);
    stream_write_span(o->s, SPAN("x"));
    stream_close_gently(o->s, RIG_WAIT_MS);
    o->s = NULL;
    for (int i = 0; i < RIG_WAIT_MS && !atomic_load(&verdict); i++)
        rig_for(l, 1);
    assert_int_equal(atomic_load(&verdict), 1);
    owner_free(o);
    loop_free(l);
    tls_server_stop(&s);
    tls_client_free(c);
}

static void a_name_that_is_none_never_connects(void **state)
{
    (void)state;
    struct tls_server s = {.serve = NULL};
    char name[400];
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    struct loop *l = rig_loop();
    struct tls_client *c = client_new(true);
    s.listener = rig_listen(&s.at);
    struct owner *o = dial(l, c, &s, name);
    rig_until(l, &o->ends, 1);
    assert_int_equal(o->why, STREAM_TLS);
    assert_int_equal(accept4(s.listener, NULL, NULL, SOCK_NONBLOCK), -1);
    owner_free(o);
    assert_int_equal(close(s.listener), 0);
    tls_client_free(c);
    loop_free(l);
}

static void trust_names_the_file_that_can_not_be_loaded(void **state)
{
    (void)state;
    struct err e;
    struct tls_trust *t = NULL;
    assert_int_equal(tls_trust_load("/nonexistent/ca.pem", &t, &e), ST_IO);
    assert_non_null(strstr(e.text, "/nonexistent/ca.pem"));
    assert_int_equal(tls_trust_load("/dev/null", &t, &e), ST_INVALID);
    assert_non_null(strstr(e.text, "/dev/null: not a regular file"));
    assert_int_equal(tls_trust_load(SOURCE_DIR "/README.md", &t, &e),
                     ST_IO); // no certificate in it
    assert_non_null(strstr(e.text, "README.md: "));
    assert_null(t);
}

struct user {
    struct tls_trust *trust;
    const struct tls_server *server;
    bool is_right;
};

static void the_systems_certificates_are_read_when_needed_or_beforehand(void **state)
{
    (void)state;
    const struct cert_kind kind = {.san = "DNS:good.test"};
    struct err e;
    for (int is_before = 0; is_before < 2; is_before++) {
        struct tls_server s = {.serve = serve_pong};
        struct loop *l = rig_loop();
        struct tls_trust *trust;
        assert_int_equal(setenv("SSL_CERT_FILE", authority.path, 1), 0);
        assert_int_equal(tls_trust_load(NULL, &trust, &e), ST_OK);
        if (is_before)
            tls_trust_preload(trust);
        struct tls_client *c = tls_client_new(trust, true, &e);
        tls_server_start(&s, &authority, &kind);
        struct owner *o = dial(l, c, &s, "good.test");
        assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
        rig_until(l, &o->readies, 1);
        owner_free(o);
        tls_server_stop(&s);
        tls_client_free(c);
        tls_trust_release(trust);
        loop_free(l);
    }
}

static void *use_trust(void *arg)
{
    struct user *u = arg;
    struct err e;
    struct loop *l = loop_new("user", &e);
    struct tls_client *c = tls_client_new(u->trust, true, &e);
    u->is_right = true;
    for (int i = 0; i < 5; i++) {
        struct owner *o = dial(l, c, u->server, "good.test");
        u->is_right = u->is_right && rig_reaches(l, &o->readies, 1, RIG_WAIT_MS);
        owner_free(o);
    }
    tls_client_free(c);
    tls_trust_release(u->trust);
    loop_free(l);
    return NULL;
}

static void one_trust_serves_clients_on_several_threads(void **state)
{
    (void)state;
    enum { N = 4 };
    const struct cert_kind kind = {.san = "DNS:good.test"};
    struct tls_server s = {.serve = NULL};
    struct err e;
    struct tls_trust *trust;
    pthread_t threads[N];
    struct user users[N];
    assert_int_equal(tls_trust_load(authority.path, &trust, &e), ST_OK);
    tls_server_start(&s, &authority, &kind);
    for (int i = 0; i < N; i++) {
        users[i] = (struct user){.trust = tls_trust_acquire(trust), .server = &s};
        assert_int_equal(pthread_create(&threads[i], NULL, use_trust, &users[i]), 0);
    }
    tls_trust_release(trust);
    for (int i = 0; i < N; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(users[i].is_right);
    }
    tls_server_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_certificate_lets_bytes_through_and_sni_is_sent),
        cmocka_unit_test(bad_certificates_and_versions_are_refused_with_the_reason),
        cmocka_unit_test(names_that_match_are_accepted),
        cmocka_unit_test(without_verification_anything_goes),
        cmocka_unit_test(records_that_came_together_are_one_delivery),
        cmocka_unit_test(an_end_without_close_notify_is_truncation_after_the_bytes),
        cmocka_unit_test(a_reset_is_a_reset),
        cmocka_unit_test(a_peer_without_tls_is_told_apart_from_one_that_closes),
        cmocka_unit_test(sessions_are_resumed_for_the_same_name_only),
        cmocka_unit_test(several_connections_at_once_resume_from_one_ticket),
        cmocka_unit_test(sixty_four_mib_go_and_come_unchanged_with_backpressure),
        cmocka_unit_test(a_tls_stream_may_be_freed_within_each_callback),
        cmocka_unit_test(a_gentle_close_sends_close_notify),
        cmocka_unit_test(a_name_that_is_none_never_connects),
        cmocka_unit_test(trust_names_the_file_that_can_not_be_loaded),
        cmocka_unit_test(the_systems_certificates_are_read_when_needed_or_beforehand),
        cmocka_unit_test(one_trust_serves_clients_on_several_threads),
    };
    return cmocka_run_group_tests(tests, make_authority, drop_authority);
}
