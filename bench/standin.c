// SPDX-License-Identifier: Apache-2.0
// standin ADDRESS PORT CERT: the upstream of the benchmarks, an HTTPS server on loopback that does
// as little as it can for an answer and counts what it sees.
//   GET  …/b/N    200 with N octets          GET …/stall   the request is read, nothing is answered
//   PUT  …        200, the body thrown away  GET …/half    a head that promises 100,000 octets, 100
//   come POST …        200 with a small JSON object
// One thread, epoll, level-triggered. It says "ready" on standard output, answers each line on
// standard input with its counters as JSON, and ends with standard input: it never outlives who
// started it.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE 16384 // what fits in one TLS record

enum what { ANSWER = 0, STALL, HALF };

struct conn {
    int fd;
    SSL *ssl;
    bool is_shaken;
    bool is_waiting; // for the socket to take more
    char in[PIECE];
    size_t n_in;
    bool is_in_body;
    unsigned long body_left; // of the request
    enum what what;
    bool is_last;
    bool is_authorised;
    const char *type;
    unsigned long size; // of the answer's body
    char out[PIECE];
    size_t out_at;
    size_t out_len;
    unsigned long out_left; // octets behind those in out
};

static struct counters {
    unsigned long connections, open, handshakes, resumed, requests, authorised, octets;
} counted;
static char filler[PIECE];
static char scratch[PIECE];
static int poller;
static SSL_CTX *tls;

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void conn_free(struct conn *c)
{
    counted.open--;
    ERR_clear_error(); // or the next connection's SSL_get_error would see this one's
    SSL_free(c->ssl);
    (void)close(c->fd);
    free(c);
}

static void conn_wait_writable(struct conn *c, bool on)
{
    if (c->is_waiting == on)
        return;
    struct epoll_event e = {.events = on ? EPOLLOUT : EPOLLIN, .data.ptr = c};
    c->is_waiting = on;
    if (epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e) == -1)
        fail("epoll_ctl");
}

// 0: would block. Less: the connection is over.
static int conn_read(struct conn *c, char *to, size_t len)
{
    int n = SSL_read(c->ssl, to, (int)len);
    if (n > 0)
        return n;
    return SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ ? 0 : -1;
}

static int conn_write(struct conn *c, const char *from, size_t len)
{
    int n = SSL_write(c->ssl, from, (int)len);
    if (n > 0)
        return n;
    int why = SSL_get_error(c->ssl, n);
    return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0 : -1;
}

// Sends what is to be sent. False: the connection is over.
static bool conn_flush(struct conn *c)
{
    while (c->out_at < c->out_len || c->out_left) {
        bool is_head = c->out_at < c->out_len;
        const char *from = is_head ? c->out + c->out_at : filler;
        size_t len = is_head ? c->out_len - c->out_at : c->out_left < PIECE ? c->out_left : PIECE;
        int n = conn_write(c, from, len);
        if (n < 0)
            return false;
        if (n == 0) {
            conn_wait_writable(c, true);
            return true;
        }
        if (is_head)
            c->out_at += (size_t)n;
        else
            c->out_left -= (unsigned long)n;
    }
    conn_wait_writable(c, false);
    return !c->is_last;
}

static bool answer(struct conn *c)
{
    counted.requests++;
    counted.authorised += c->is_authorised ? 1 : 0;
    if (c->what == STALL)
        return true;
    int head =
        snprintf(c->out, sizeof(c->out),
                 "HTTP/1.1 200 OK\r\n"
                 "x-amz-request-id: K2C7N0ZE5T9XQ4WB\r\n"
                 "x-amz-id-2: bGljZW5zZWQgdG8gbm9ib2R5IGluIHBhcnRpY3VsYXIsIGZvciB0ZXN0aW5n\r\n"
                 "Date: Sat, 28 Nov 2026 09:30:00 GMT\r\n"
                 "Last-Modified: Fri, 27 Nov 2026 18:00:00 GMT\r\n"
                 "ETag: \"0f343b0931126a20f133d67c2b018a3b\"\r\n"
                 "Accept-Ranges: bytes\r\n"
                 "Content-Type: %s\r\n"
                 "Server: standin\r\n"
                 "%sContent-Length: %lu\r\n\r\n",
                 c->type, c->is_last ? "Connection: close\r\n" : "", c->size);
    c->out_at = 0;
    c->out_len = (size_t)head;
    c->out_left = c->what == HALF ? 100 : c->size;
    size_t n = sizeof(c->out) - c->out_len; // one record for head and the body's first octets
    n = c->out_left < n ? c->out_left : n;
    memcpy(c->out + c->out_len, filler, n);
    c->out_len += n;
    c->out_left -= n;
    return conn_flush(c);
}

static bool starts(const char *line, const char *name)
{
    return strncasecmp(line, name, strlen(name)) == 0;
}

// The head in c->in, NUL behind it. False: not what this server is for.
static bool read_head(struct conn *c)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char *end = strstr(c->in, "\r\n");
    const char *number;
    *end = '\0';
    c->what = strstr(c->in, "/stall ") ? STALL : strstr(c->in, "/half ") ? HALF : ANSWER;
    number = strstr(c->in, "/b/");
    c->size = c->what == HALF ? 100000 : number ? strtoul(number + 3, NULL, 10) : 0;
    c->type = "application/octet-stream";
    if (starts(c->in, "POST ")) {
        c->type = "application/x-amz-json-1.0";
        c->size = 64;
    }
    c->body_left = 0;
    c->is_authorised = false;
    bool is_continue = false;
    for (char *line = end + 2; (end = strstr(line, "\r\n")) && end != line; line = end + 2) {
        *end = '\0';
        if (starts(line, "content-length:"))
            c->body_left = strtoul(line + 15, NULL, 10);
        else if (starts(line, "authorization: AWS4-"))
            c->is_authorised = true;
        else if (starts(line, "connection: close"))
            c->is_last = true;
        else if (starts(line, "expect:"))
            is_continue = true;
        else if (starts(line, "transfer-encoding:"))
            return false;
    }
    c->is_in_body = true;
    return !is_continue || conn_write(c, interim, sizeof(interim) - 1) > 0;
}

// What is in c->in and may be a request, or a piece of a body. False: the connection is over.
static bool consume(struct conn *c)
{
    while (true) {
        if (!c->is_in_body) {
            c->in[c->n_in] = '\0';
            char *end = strstr(c->in, "\r\n\r\n");
            if (!end)
                return c->n_in < sizeof(c->in) - 1;
            size_t len = (size_t)(end + 4 - c->in);
            if (!read_head(c))
                return false;
            c->n_in -= len;
            memmove(c->in, c->in + len, c->n_in);
        }
        size_t n = c->n_in < c->body_left ? c->n_in : c->body_left;
        c->body_left -= n;
        c->n_in -= n;
        counted.octets += n;
        memmove(c->in, c->in + n, c->n_in);
        if (c->body_left)
            return true;
        c->is_in_body = false;
        if (!answer(c))
            return false;
        if (!c->n_in || c->is_waiting)
            return true;
    }
}

static bool conn_on_readable(struct conn *c)
{
    do {
        bool is_body = c->is_in_body && !c->n_in;
        size_t want = !is_body               ? sizeof(c->in) - 1 - c->n_in
                      : c->body_left < PIECE ? c->body_left
                                             : PIECE;
        int n = conn_read(c, is_body ? scratch : c->in + c->n_in, want);
        if (n <= 0)
            return n == 0;
        if (is_body) {
            counted.octets += (unsigned long)n;
            c->body_left -= (unsigned long)n;
        } else {
            c->n_in += (size_t)n;
        }
        if ((!is_body || !c->body_left) && !consume(c))
            return false;
    } while (!c->is_waiting && (c->is_in_body || SSL_has_pending(c->ssl)));
    return true;
}

static void conn_on_event(struct conn *c)
{
    bool is_alive = true;
    if (!c->is_shaken) {
        int n = SSL_accept(c->ssl);
        if (n != 1) {
            int why = SSL_get_error(c->ssl, n);
            if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
                conn_free(c);
            return;
        }
        c->is_shaken = true;
        counted.handshakes++;
        counted.resumed += SSL_session_reused(c->ssl) ? 1 : 0;
        if (!SSL_has_pending(c->ssl))
            return;
    }
    if (c->is_waiting)
        is_alive = conn_flush(c);
    if (is_alive && !c->is_waiting)
        is_alive = conn_on_readable(c);
    if (!is_alive)
        conn_free(c);
}

static void on_accept(int listener)
{
    for (int n = 0; n < 64; n++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        int one = 1;
        if (fd == -1)
            return;
        struct conn *c = calloc(1, sizeof(*c));
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        if (!c || !(c->ssl = SSL_new(tls)) || SSL_set_fd(c->ssl, fd) != 1)
            fail("connection");
        c->fd = fd;
        if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) == -1 ||
            epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) == -1)
            fail("connection");
        counted.connections++;
        counted.open++;
    }
}

// A line from who started this: the counters.
static void on_order(void)
{
    char line[256];
    ssize_t n = read(STDIN_FILENO, line, sizeof(line));
    if (n <= 0)
        exit(0);
    for (ssize_t i = 0; i < n; i++)
        if (line[i] == '\n')
            printf("{\"connections\": %lu, \"open\": %lu, \"handshakes\": %lu, \"resumed\": %lu, "
                   "\"requests\": %lu, \"authorised\": %lu, \"octets\": %lu}\n",
                   counted.connections, counted.open, counted.handshakes, counted.resumed,
                   counted.requests, counted.authorised, counted.octets);
    (void)fflush(stdout);
}

static int listen_on(const char *address, int port)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
        fail(address);
    if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == -1 ||
        bind(fd, (struct sockaddr *)&to, sizeof(to)) == -1 || listen(fd, 4096) == -1)
        fail("listen");
    return fd;
}

static void watch(int fd, void *tag)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = tag};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e) == -1)
        fail("epoll_ctl");
}

int main(int argc, char **argv)
{
    static int listener_tag;
    static int order_tag;
    struct epoll_event events[256];
    if (argc != 4) {
        (void)fprintf(stderr, "usage: standin ADDRESS PORT CERT\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    memset(filler, 'x', sizeof(filler));
    tls = SSL_CTX_new(TLS_server_method());
    if (!tls || SSL_CTX_use_certificate_chain_file(tls, argv[3]) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, argv[3], SSL_FILETYPE_PEM) != 1) {
        (void)fprintf(stderr, "standin: no certificate with its key in %s\n", argv[3]);
        return 1;
    }
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(tls, 1);
    SSL_CTX_set_quiet_shutdown(tls, 1);
    poller = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on(argv[1], atoi(argv[2]));
    watch(listener, &listener_tag);
    watch(STDIN_FILENO, &order_tag);
    printf("ready\n");
    (void)fflush(stdout);
    while (true) {
        int n = epoll_wait(poller, events, 256, -1);
        if (n == -1 && errno != EINTR)
            fail("epoll_wait");
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &listener_tag)
                on_accept(listener);
            else if (events[i].data.ptr == &order_tag)
                on_order();
            else
                conn_on_event(events[i].data.ptr);
        }
    }
}
