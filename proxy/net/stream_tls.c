// SPDX-License-Identifier: Apache-2.0
// TLS on a stream. OpenSSL reads and writes through a BIO of ours that goes to the stream's raw
// reads and its output chain: reads are not repeated once the socket is known to be empty, writes
// always succeed. So SSL_read and SSL_write need no retry state, and a message costs one recv and
// one send. All wire bytes come in through one function (wire_read): a stream that turns into TLS
// with bytes already read has them handed out there first, and one that is TLS already becomes what
// the new layer reads from and writes to.
#include <assert.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <pthread.h>
#include <string.h>

#include "net/stream_int.h"
#include "net/tls_int.h"

#define RECORD_MAX 16384

static BIO_METHOD *wire_method; // made once, lives as long as the process
static pthread_once_t wire_once = PTHREAD_ONCE_INIT;

static ssize_t layer_read(struct stream *s, struct tls_peer *layer, char *to, size_t len);
static bool put_record(struct stream *s, struct tls_peer *layer, const char *p, size_t len);

// OpenSSL wants its queue of errors empty before a call. It always is, and looking is cheaper than
// clearing all its slots.
static void expect_no_errors(void)
{
    if (ERR_peek_error())
        ERR_clear_error();
}

static ssize_t take_behind(struct stream *s, char *to, size_t len)
{
    struct span first = chain_first(&s->behind);
    size_t n = len < first.len ? len : first.len;
    memcpy(to, first.p, n);
    chain_consume(s->loop, &s->behind, n);
    return (ssize_t)n;
}

// What is below the BIO's layer is the socket, or the outer layer.
static int wire_read(BIO *bio, char *to, int len)
{
    const struct tls_peer *layer = BIO_get_data(bio);
    struct stream *s = layer->stream;
    bool is_upper = layer == s->tls;
    ssize_t n;
    BIO_clear_retry_flags(bio);
    if (len <= 0)
        return 0;
    if (is_upper && s->behind.len)
        n = take_behind(s, to, (size_t)len);
    else if (is_upper && s->outer)
        n = layer_read(s, s->outer, to, (size_t)len);
    else
        n = stream_raw_read(s, to, (size_t)len);
    if (n == READ_AGAIN)
        BIO_set_retry_read(bio);
    s->is_raw_eof = s->is_raw_eof || n == READ_EOF;
    return n < 0 ? -1 : (int)n;
}

// A full record of the upper layer, with its own framing, is more than one of the outer layer's.
static void put_outer(struct stream *s, const char *from, size_t len)
{
    bool is_ok = true;
    while (len && is_ok) {
        size_t part = len < RECORD_MAX ? len : RECORD_MAX;
        is_ok = put_record(s, s->outer, from, part);
        from += part;
        len -= part;
    }
}

static int wire_write(BIO *bio, const char *from, int len)
{
    const struct tls_peer *layer = BIO_get_data(bio);
    struct stream *s = layer->stream;
    BIO_clear_retry_flags(bio);
    if (len > 0 && layer == s->tls && s->outer)
        put_outer(s, from, (size_t)len);
    else if (len > 0)
        stream_out(s, from, (size_t)len);
    return len;
}

static long wire_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)num;
    (void)ptr;
    const struct tls_peer *layer = BIO_get_data(bio);
    if (cmd == BIO_CTRL_FLUSH)
        return 1;
    return cmd == BIO_CTRL_EOF && layer->stream->is_raw_eof;
}

static void make_method(void)
{
    wire_method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stream");
    if (!wire_method || !BIO_meth_set_read(wire_method, wire_read) ||
        !BIO_meth_set_write(wire_method, wire_write) || !BIO_meth_set_ctrl(wire_method, wire_ctrl))
        wire_method = NULL;
}

static bool attach(struct stream *s)
{
    (void)pthread_once(&wire_once, make_method);
    BIO *bio = wire_method ? BIO_new(wire_method) : NULL;
    if (!bio)
        return false;
    s->tls->stream = s;
    BIO_set_data(bio, s->tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(s->tls->ssl, bio, bio);
    return true;
}

void stream_tls_start(struct stream *s, const struct stream_tls *tls)
{
    s->tls = tls_peer_new(tls->client, tls->name, tls->port);
    if (!s->tls || !attach(s))
        stream_fail_later(s, STREAM_TLS, "tls: not a name to verify");
}

void stream_tls_accept(struct stream *s, struct tls_acceptor *server, const struct tls_leaf *leaf)
{
    s->tls = tls_peer_accept(server, leaf);
    if (!attach(s))
        stream_fail_later(s, STREAM_TLS, "tls: no memory");
}

void stream_accept_tls(struct stream *s, struct tls_acceptor *server, const struct tls_leaf *leaf)
{
    assert(!s->outer && !s->behind.len);
    s->outer = s->tls;
    s->behind = s->kept;
    s->kept = (struct chain){.len = 0};
    s->is_ready = false;
    s->is_paused = s->is_stopped = false;
    stream_tls_accept(s, server, leaf);
    s->is_accept_due = true;
    loop_defer(s->loop, &s->turn);
}

const char *stream_server_name(const struct stream *s)
{
    return s->tls ? SSL_get_servername(s->tls->ssl, TLSEXT_NAMETYPE_host_name) : NULL;
}

void stream_tls_free(struct stream *s)
{
    chain_clear(s->loop, &s->behind);
    tls_peer_free(s->tls);
    tls_peer_free(s->outer);
    s->tls = s->outer = NULL;
}

static void handshake_failed(struct stream *s, int error)
{
    char why[160];
    int sys = errno;
    tls_peer_forget_session(s->tls);
    if (s->is_raw_eof && ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        ERR_clear_error();
        stream_fail_now(s, STREAM_RESET, "tls: the peer closed during the handshake");
    } else if (error == SSL_ERROR_SYSCALL) {
        ERR_clear_error();
        stream_fail_now(s, STREAM_RESET, "tls: %s during the handshake", strerror(sys));
    } else {
        tls_peer_reason(s->tls, why, sizeof(why));
        stream_fail_now(s, STREAM_TLS, "tls: %s", why);
    }
}

void stream_tls_handshake(struct stream *s)
{
    stream_hold(s);
    ERR_clear_error();
    int done = SSL_do_handshake(s->tls->ssl);
    int error = SSL_get_error(s->tls->ssl, done);
    if (done == 1) {
        stream_become_ready(s);
        // The server's first bytes may have come along with its last handshake message.
        if (stream_is_live(s) && stream_tls_has_pending(s))
            stream_read_turn(s);
    } else if (error == SSL_ERROR_WANT_READ) {
        stream_arm_read(s, true);
    } else {
        handshake_failed(s, error);
    }
    stream_drop(s);
}

// An end that was found behind data counts: no event will announce it.
bool stream_tls_has_pending(const struct stream *s)
{
    bool is_end_due = !s->is_eof && (SSL_get_shutdown(s->tls->ssl) & SSL_RECEIVED_SHUTDOWN);
    return is_end_due || stream_tls_has_bytes(s);
}

bool stream_tls_has_bytes(const struct stream *s)
{
    return SSL_has_pending(s->tls->ssl) || s->behind.len ||
           (s->outer && SSL_has_pending(s->outer->ssl));
}

// Returns READ_FAILED only where the failure has been remembered.
static ssize_t read_failed(struct stream *s, struct tls_peer *layer, int error)
{
    char why[160];
    int sys = errno;
    if (s->is_raw_eof && ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        ERR_clear_error();
        stream_fail_later(s, STREAM_TRUNCATED, "tls: connection ended without close_notify");
    } else if (error == SSL_ERROR_SYSCALL) {
        ERR_clear_error();
        stream_fail_errno_later(s, sys);
    } else {
        tls_peer_reason(layer, why, sizeof(why));
        stream_fail_later(s, STREAM_TLS, "tls: %s", why);
    }
    return READ_FAILED;
}

static ssize_t layer_read(struct stream *s, struct tls_peer *layer, char *to, size_t len)
{
    size_t n = 0;
    expect_no_errors();
    if (SSL_read_ex(layer->ssl, to, len, &n) == 1)
        return (ssize_t)n;
    int error = SSL_get_error(layer->ssl, 0);
    if (error == SSL_ERROR_WANT_READ)
        return READ_AGAIN;
    return error == SSL_ERROR_ZERO_RETURN ? READ_EOF : read_failed(s, layer, error);
}

ssize_t stream_tls_read(struct stream *s, char *to, size_t len)
{
    // Saves OpenSSL's round of taking and releasing its buffer only to find nothing.
    if (s->is_drained && !stream_tls_has_pending(s))
        return READ_AGAIN;
    ssize_t n = layer_read(s, s->tls, to, len);
    if (n <= 0)
        return n;
    // One recv brings several records. An end behind them is the next call's to find, so that what
    // came before it is delivered first.
    size_t all = (size_t)n;
    s->is_sipping = true;
    while (all < len && stream_tls_has_pending(s) && !s->is_fail_due) {
        n = layer_read(s, s->tls, to + all, len - all);
        if (n <= 0)
            break;
        all += (size_t)n;
    }
    s->is_sipping = false;
    return (ssize_t)all;
}

// One record; several where the peer asked for smaller ones (RFC 6066 4): OpenSSL then writes one
// at a time.
static bool put_record(struct stream *s, struct tls_peer *layer, const char *p, size_t len)
{
    char why[160];
    size_t n = 0;
    expect_no_errors();
    while (len && SSL_write_ex(layer->ssl, p, len, &n) == 1) {
        p += n;
        len -= n;
    }
    if (!len)
        return true;
    tls_peer_reason(layer, why, sizeof(why));
    stream_fail_later(s, STREAM_TLS, "tls: %s", why);
    return false;
}

// Fills b from the parts, moving *part and *off behind what was copied.
static size_t gather(const struct span *parts, unsigned n, unsigned *part, size_t *off, char *b)
{
    size_t len = 0;
    while (*part < n && len < RECORD_MAX) {
        size_t left = parts[*part].len - *off;
        size_t take = left < RECORD_MAX - len ? left : RECORD_MAX - len;
        if (take)
            memcpy(b + len, parts[*part].p + *off, take);
        len += take;
        *off += take;
        if (take == left) {
            (*part)++;
            *off = 0;
        }
    }
    return len;
}

static void put_parts(struct stream *s, const struct span *parts, unsigned n)
{
    unsigned i = 0;
    size_t off = 0;
    char *b = NULL;
    bool is_ok = true;
    while (i < n && is_ok && !s->is_fail_due) {
        size_t left = parts[i].len - off;
        if (left >= RECORD_MAX || (i == n - 1 && left)) { // straight from the owner's memory
            size_t len = left < RECORD_MAX ? left : RECORD_MAX;
            is_ok = put_record(s, s->tls, parts[i].p + off, len);
            off += len;
            if (len == left) {
                i++;
                off = 0;
            }
            continue;
        }
        if (!b)
            b = loop_buf_take(s->loop);
        size_t len = gather(parts, n, &i, &off, b);
        if (len)
            is_ok = put_record(s, s->tls, b, len);
    }
    if (b)
        loop_buf_give(s->loop, b);
}

void stream_tls_write(struct stream *s, const struct span *parts, unsigned n)
{
    size_t total = 0;
    for (unsigned i = 0; i < n; i++)
        total += parts[i].len;
    if (total <= RECORD_MAX) {
        put_parts(s, parts, n);
        return;
    }
    // Several records, one send: the copy is cheaper than the system calls.
    stream_cork(s);
    put_parts(s, parts, n);
    stream_uncork(s);
}

void stream_tls_notify(struct stream *s)
{
    ERR_clear_error();
    (void)SSL_shutdown(s->tls->ssl); // sends close_notify and does not wait for the peer's
    if (s->outer)
        (void)SSL_shutdown(s->outer->ssl);
    ERR_clear_error();
}

bool stream_was_resumed(const struct stream *s)
{
    return s->tls && s->is_ready && SSL_session_reused(s->tls->ssl);
}

unsigned stream_peer_names(const struct stream *s, struct arena *a, const char *const **names)
{
    const struct tls_peer *p = s->outer ? s->outer : s->tls; // who came to the listener
    return p ? tls_peer_names(p, a, names) : 0;
}
