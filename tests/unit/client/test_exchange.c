// SPDX-License-Identifier: Apache-2.0
// Pool and exchange against a scripted server on loopback: what comes back, and which connections
// live.
#include "unit/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/exchange.h"

#define MAX_STEPS 8

// One entry a request that arrives: what is sent back. NULL ends the connection; "late:" is sent 30
// ms later.
struct script {
    const char *answers[4][MAX_STEPS]; // by connection
};

struct server {
    int fd;
    uint16_t port;
    pthread_t thread;
    const struct script *script;
    int conns;
};

static bool read_request(int fd)
{
    char tail[4] = {0};
    char c = 0;
    while (recv(fd, &c, 1, 0) == 1) {
        memmove(tail, tail + 1, 3);
        tail[3] = c;
        if (!memcmp(tail, "\r\n\r\n", 4))
            return true;
    }
    return false;
}

static void serve_one(int fd, const char *const *answers)
{
    for (int k = 0; k < MAX_STEPS && answers[k]; k++) {
        if (!read_request(fd))
            return;
        const char *text = answers[k];
        (void)send(fd, text, strlen(text), MSG_NOSIGNAL);
    }
}

static void *serve(void *arg)
{
    struct server *s = arg;
    for (;;) {
        int fd = accept(s->fd, NULL, NULL);
        if (fd == -1)
            return NULL;
        if (s->conns < 4)
            serve_one(fd, s->script->answers[s->conns]);
        s->conns++;
        close(fd);
    }
}

static void server_start(struct server *s, const struct script *script)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    s->script = script;
    s->conns = 0;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
}

struct fixture {
    struct loop *loop;
    struct dialer dialer;
    struct pool *pool;
    struct arena arena;
    struct server server;
    struct exchange *exchange;
    struct timer *deadline;
    // outcome of the last exchange
    enum dial_fail dial;
    bool ended;
    int fail; // enum exchange_fail, -1: none
    int status;
    unsigned interims;
    char body[256];
    bool keep_sending; // the request stays incomplete
    bool is_unseen;    // at the failure
    bool may_switch;   // asks for another protocol
    bool takes_switch;
    struct stream *switched;
};

static void stop(struct fixture *f)
{
    exchange_free(f->exchange);
    f->exchange = NULL;
    loop_stop(f->loop);
}

static void on_interim(void *arg, const struct msg *m)
{
    struct fixture *f = arg;
    (void)m;
    f->interims++;
}

static void on_head(void *arg, const struct msg *m)
{
    struct fixture *f = arg;
    f->status = m->status;
}

static void on_body(void *arg, struct span data)
{
    struct fixture *f = arg;
    strncat(f->body, data.p, data.len);
}

static void on_end(void *arg)
{
    struct fixture *f = arg;
    f->ended = true;
    stop(f);
}

static void on_turn(void *arg)
{
    (void)arg;
}

static void on_fail(void *arg, enum exchange_fail why, const char *text)
{
    struct fixture *f = arg;
    assert_non_null(text);
    f->fail = (int)why;
    f->is_unseen = exchange_is_unseen(f->exchange);
    stop(f);
}

static void on_drained(void *arg)
{
    (void)arg;
}

static void on_switched(void *arg, const struct msg *m, struct span rest)
{
    struct fixture *f = arg;
    f->status = m->status;
    strncat(f->body, rest.p, rest.len);
    if (f->takes_switch) {
        f->switched = exchange_switch(f->exchange);
        f->exchange = NULL;
    }
    stop(f);
}

static void begin(struct fixture *f, struct upstream *u)
{
    static const struct exchange_ops ops = {.interim = on_interim,
                                            .head = on_head,
                                            .body = on_body,
                                            .end = on_end,
                                            .turn = on_turn,
                                            .fail = on_fail,
                                            .switched = on_switched,
                                            .drained = on_drained};
    struct span start = SPAN("GET / HTTP/1.1\r\n"); // as a head goes before a body
    struct span rest = SPAN("Host: x\r\n\r\n");
    f->exchange = exchange_start(u, &ops, f, &f->arena, false);
    if (f->may_switch)
        exchange_expect_switch(f->exchange);
    exchange_watch_progress(f->exchange);
    exchange_send(f->exchange, &start, 1);
    exchange_send(f->exchange, &rest, 1);
    if (!f->keep_sending)
        exchange_sent_all(f->exchange);
}

static void on_dialled(void *arg, enum dial_fail why, struct upstream *u, const char *text)
{
    struct fixture *f = arg;
    (void)text;
    f->dial = why;
    if (why == DIAL_OK)
        begin(f, u);
    else
        loop_stop(f->loop);
}

static void run_exchange(struct fixture *f)
{
    struct dial_request d = {
        .origin = {.host = "127.0.0.1", .port = f->server.port},
        .connect_timeout_ms = 2000,
        .tls_timeout_ms = 2000,
    };
    f->ended = false;
    f->fail = -1;
    f->status = 0;
    f->interims = 0;
    f->body[0] = '\0';
    arena_reset(&f->arena);
    struct upstream *u = pool_take(f->pool, &d.origin);
    if (u)
        begin(f, u);
    else
        (void)pool_dial(f->pool, &d, on_dialled, f);
    loop_run(f->loop);
}

static void on_deadline(void *arg)
{
    struct fixture *f = arg;
    loop_stop(f->loop);
}

// Lets the loop turn for a while, for what comes unasked.
static void idle(struct fixture *f, int ms)
{
    timer_set(f->deadline, ms);
    loop_run(f->loop);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e = {""};
    f->loop = loop_new("test", &e);
    f->dialer.loop = f->loop;
    struct pool_options o = {.idle_timeout_ms = 50000,
                             .max_age_ms = 300000,
                             .limits = {.max_request_line = 8192,
                                        .max_field = 8192,
                                        .max_head = 16384,
                                        .max_fields = 100,
                                        .max_trailers = 1024}};
    f->pool = pool_new(&f->dialer, &o);
    f->deadline = timer_new(f->loop, on_deadline, f);
    arena_init(&f->arena);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pool_free(f->pool);
    timer_free(f->deadline);
    loop_free(f->loop);
    arena_clear(&f->arena);
    free(f);
    return 0;
}

#define OK2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void a_clean_connection_serves_the_next_exchange(void **state)
{
    static const struct script s = {{{OK2, OK2, OK2}}};
    struct fixture *f = *state;
    server_start(&f->server, &s);
    for (int i = 0; i < 3; i++) {
        run_exchange(f);
        assert_true(f->ended);
        assert_int_equal(f->status, 200);
        assert_string_equal(f->body, "ok");
    }
    assert_int_equal(pool_stats(f->pool).opened, 1);
    assert_int_equal(pool_stats(f->pool).reused, 2);
    pool_close_idle(f->pool);
    server_stop(&f->server);
}

static void surplus_bytes_end_the_connection(void **state)
{
    static const struct script s = {
        {{OK2 "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON"}, {OK2}}};
    struct fixture *f = *state;
    server_start(&f->server, &s);
    run_exchange(f);
    assert_string_equal(f->body, "ok");
    run_exchange(f);
    assert_string_equal(f->body, "ok");
    assert_int_equal(pool_stats(f->pool).opened, 2);
    pool_close_idle(f->pool);
    server_stop(&f->server);
}

static void an_idle_connection_that_closes_is_dropped(void **state)
{
    static const struct script s = {{{OK2}, {OK2}}};
    struct fixture *f = *state;
    server_start(&f->server, &s);
    run_exchange(f);
    idle(f, 40);
    assert_int_equal(pool_stats(f->pool).idle, 0);
    run_exchange(f);
    assert_true(f->ended);
    assert_int_equal(pool_stats(f->pool).opened, 2);
    pool_close_idle(f->pool);
    server_stop(&f->server);
}

// Its kernel resets what comes behind its FIN: nobody there has read a byte of it. The second write
// meets that reset (EPIPE).
static void a_request_behind_the_peers_fin_is_unseen(void **state)
{
    static const struct script s = {{{OK2}, {"", NULL}}};
    struct fixture *f = *state;
    server_start(&f->server, &s);
    run_exchange(f);
    usleep(50000); // it has closed, and the loop did not look
    run_exchange(f);
    assert_int_equal(pool_stats(f->pool).reused, 1);
    assert_int_equal(f->fail, EXCHANGE_CLOSED);
    assert_true(f->is_unseen);
    run_exchange(f); // read, then closed
    assert_int_equal(pool_stats(f->pool).opened, 2);
    assert_int_equal(f->fail, EXCHANGE_CLOSED);
    assert_false(f->is_unseen);
    server_stop(&f->server);
}

static void failures_are_told_apart(void **state)
{
    static const struct script s = {{{""},
                                     {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"},
                                     {"HTTP/1.1 2000 OK\r\n\r\n"},
                                     {"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"}}};
    static const int want[] = {EXCHANGE_CLOSED, EXCHANGE_TRUNCATED, EXCHANGE_BAD, EXCHANGE_BAD};
    struct fixture *f = *state;
    server_start(&f->server, &s);
    for (int i = 0; i < 4; i++) {
        run_exchange(f);
        assert_false(f->ended);
        assert_int_equal(f->fail, want[i]);
    }
    assert_int_equal(pool_stats(f->pool).opened, 4);
    server_stop(&f->server);
}

static void interim_answers_come_before_the_final_one(void **state)
{
    static const struct script s = {
        {{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK2}}};
    struct fixture *f = *state;
    server_start(&f->server, &s);
    run_exchange(f);
    assert_int_equal(f->interims, 2);
    assert_int_equal(f->status, 200);
    assert_string_equal(f->body, "ok");
    pool_close_idle(f->pool);
    server_stop(&f->server);
}

static void an_answer_to_half_a_request_is_not_followed_by_reuse(void **state)
{
    static const struct script s = {{{OK2, OK2}, {OK2}}};
    struct fixture *f = *state;
    server_start(&f->server, &s);
    f->keep_sending = true;
    run_exchange(f);
    assert_true(f->ended);
    f->keep_sending = false;
    run_exchange(f);
    assert_true(f->ended);
    assert_int_equal(pool_stats(f->pool).opened, 2);
    pool_close_idle(f->pool);
    server_stop(&f->server);
}

static size_t more_data(void *arg, struct span in)
{
    struct fixture *f = arg;
    strncat(f->body, in.p, in.len);
    return in.len;
}

static void more_eof(void *arg)
{
    struct fixture *f = arg;
    f->ended = true;
    loop_stop(f->loop);
}

static void more_closed(void *arg, enum stream_fail why, const char *text)
{
    (void)why;
    (void)text;
    more_eof(arg);
}

static void a_switched_connection_is_the_owners(void **state)
{
    static const struct stream_ops ops = {
        .data = more_data, .eof = more_eof, .closed = more_closed};
    static const struct script s = {
        {{"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n<raw", " more>"},
         {"HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n"},
         {OK2}}};
    struct fixture *f = *state;
    server_start(&f->server, &s);
    f->may_switch = f->takes_switch = true;
    run_exchange(f);
    assert_int_equal(f->status, 101);
    assert_int_equal(f->interims, 1);
    assert_string_equal(f->body, "<raw");
    stream_set_ops(f->switched, &ops, f);
    stream_write_span(f->switched, SPAN("what\r\n\r\n"));
    loop_run(f->loop);
    assert_true(f->ended);
    assert_string_equal(f->body, "<raw more>");
    stream_free(f->switched);

    f->takes_switch = false; // refused: closed
    run_exchange(f);
    assert_int_equal(f->status, 101);
    run_exchange(f); // and an ordinary answer to such a request
    assert_int_equal(f->status, 200);
    assert_true(f->ended);
    assert_int_equal(pool_stats(f->pool).opened, 3);
    pool_close_idle(f->pool);
    server_stop(&f->server);
}

static const char *refuse_all(const void *arg, const struct net_addr *a)
{
    (void)arg;
    (void)a;
    return "test";
}

static void a_refused_address_is_never_dialled(void **state)
{
    static const struct script s = {{{OK2}}};
    struct fixture *f = *state;
    struct dialer d = f->dialer;
    struct pool_options o = {.idle_timeout_ms = 1000, .max_age_ms = 1000};
    server_start(&f->server, &s);
    d.refusal = refuse_all;
    struct pool *own = f->pool;
    f->pool = pool_new(&d, &o);
    run_exchange(f);
    assert_int_equal(f->dial, DIAL_REFUSED);
    pool_free(f->pool);
    f->pool = own;
    server_stop(&f->server);
    assert_int_equal(f->server.conns, 0);
    run_exchange(f); // and now nobody listens there
    assert_int_equal(f->dial, DIAL_CONNECT);
}

int main(void)
{
#define CLIENT_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        CLIENT_TEST(a_clean_connection_serves_the_next_exchange),
        CLIENT_TEST(surplus_bytes_end_the_connection),
        CLIENT_TEST(an_idle_connection_that_closes_is_dropped),
        CLIENT_TEST(a_request_behind_the_peers_fin_is_unseen),
        CLIENT_TEST(failures_are_told_apart),
        CLIENT_TEST(interim_answers_come_before_the_final_one),
        CLIENT_TEST(an_answer_to_half_a_request_is_not_followed_by_reuse),
        CLIENT_TEST(a_switched_connection_is_the_owners),
        CLIENT_TEST(a_refused_address_is_never_dialled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
