// SPDX-License-Identifier: Apache-2.0
// One non-blocking connection, plain or TLS, on one loop. Reads are pushed as spans out of a buffer
// that the loop lends; writes go out by the end of the loop's turn, and what the socket does not
// take is queued. An idle stream owns no buffer. Flow control is the owner's: stop reading here
// when stream_queued() there is over a watermark, go on when `drained` comes.
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/status.h"
#include "net/addr.h"
#include "net/loop.h"
#include "net/tls.h"

#define STREAM_HIGH_WATER ((size_t)256 * 1024)
#define STREAM_LOW_WATER  ((size_t)64 * 1024)

struct stream;

enum stream_fail {
    STREAM_RESET = 0, // ECONNRESET and the like
    STREAM_CLOSED,    // EPIPE: it had closed in order, then reset what came after its FIN
    STREAM_CONNECT,   // connect(2) failed
    STREAM_TLS,       // handshake or record failure; text says which class
    STREAM_TRUNCATED, // TLS ended without close_notify
    STREAM_TIMEOUT,   // write made no progress for the stall time
};

// Never called from within a stream_* call of the same stream, and never after stream_free. All
// may be NULL except closed. Freeing any stream from within any callback is fine.
struct stream_ops {
    // Bytes have come. Returns how many were taken; the rest is kept and reading stops until
    // stream_resume. A read turn is at most 128 KiB.
    size_t (*data)(void *arg, struct span in);
    // The peer will send no more (FIN, or close_notify), after all data was taken. Writing still
    // works.
    void (*eof)(void *arg);
    // The peer's FIN or RST (stream_was_reset) was noticed while reading is stopped; bytes may
    // still be unread. At most once.
    void (*hup)(void *arg);
    // The queue went from over STREAM_LOW_WATER (or from what the socket had not taken, for the
    // last bytes) to at most it.
    void (*drained)(void *arg);
    // connect and TLS handshake are done; writing before that is queued.
    void (*ready)(void *arg);
    // The connection is dead; no further callback. The owner still calls stream_free.
    void (*closed)(void *arg, enum stream_fail why, const char *text);
};

// A connection that was accepted: fd becomes the stream's (non-blocking, CLOEXEC, TCP_NODELAY are
// set). Reading is on, and gives way to streams that were connected.
struct stream *stream_new(struct loop *l, int fd, const struct stream_ops *ops, void *arg);
// The peer is a TLS client, whose handshake comes first: data, eof and ready come behind it.
struct stream *stream_new_tls(struct loop *l, int fd, struct tls_acceptor *server,
                              const struct stream_ops *ops, void *arg);
// A stream that stands goes on as TLS, with the peer as the client: bytes that `data` did not take
// are its first ones. On a stream that is TLS already it runs inside of that. Not out of `data`.
// `ready` comes behind the handshake.
void stream_accept_tls(struct stream *s, struct tls_acceptor *server, const struct tls_leaf *leaf);
const char *stream_server_name(const struct stream *s); // SNI of the peer's; NULL: it sent none
// Starts connecting; never NULL, failures come through closed. With tls set, a handshake follows;
// name is verified and sent as SNI (copied; an IP literal is verified as such and no SNI is sent).
struct stream_tls {
    struct tls_client *client; // borrowed
    const char *name;
    uint16_t port; // with name the key of the session cache
};
struct stream *stream_connect(struct loop *l, const struct net_addr *to,
                              const struct stream_tls *tls, const struct stream_ops *ops,
                              void *arg);
// A connected, plain stream turns out to lead to a TLS server (a proxy made a tunnel): the
// handshake follows, and `ready` comes behind it. Nothing may be kept or queued. Not from within a
// callback of the stream.
void stream_start_tls(struct stream *s, const struct stream_tls *tls);
// True once the TCP connection stands (the TLS handshake may still run): separates connect_timeout
// from tls_timeout.
bool stream_is_connected(const struct stream *s);
// Frees now: what waits for the end of the turn is sent, as far as the socket takes it, the rest is
// dropped, and the socket is closed (RST where the peer still sends).
void stream_free(struct stream *s); // NULL is fine
// Closes in the background: sends what is queued, then FIN/close_notify, then reads and drops at
// most linger_ms or 4 MiB, then closes: the peer gets to read the answer. The stream is gone for
// the caller.
void stream_close_gently(struct stream *s, int linger_ms);
// Another owner takes over (idle pool, tunnel). Kept bytes come to the new owner after this turn,
// unless reading is stopped by stream_pause.
void stream_set_ops(struct stream *s, const struct stream_ops *ops, void *arg);

// Stops or resumes `data`. Pausing is cheap: the kernel is only told when bytes come meanwhile.
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);
bool stream_has_kept(const struct stream *s); // bytes that `data` did not take
// Whether bytes have come that were not handed out: kept, inside of the TLS layer, or in the
// socket, which is asked only where the last read did not empty it or was large.
bool stream_has_more(struct stream *s);
// Whether bytes wait in the socket, also those that nobody was told of yet.
bool stream_has_unread(const struct stream *s);
bool stream_was_reset(const struct stream *s); // at `hup`: gone in both directions, not half-closed

// Writes or queues all of it (copying what is queued). Several spans go out as one send / one TLS
// record where they fit. Failures come through closed.
void stream_write(struct stream *s, const struct span *parts, unsigned n);
void stream_write_span(struct stream *s, struct span part);
// At once, with what waits in front of it, so that no copy lies in a buffer of the loop's, which
// nobody wipes. Only where the socket is full there is one. Not before `ready`.
void stream_write_secret(struct stream *s, struct span part);
size_t stream_queued(const struct stream *s); // bytes not yet with the kernel
void stream_send_now(struct stream *s);       // what waits for the end of the turn
void stream_shutdown(struct stream *s);       // FIN / close_notify behind what is queued
// closed(STREAM_TIMEOUT) when queued bytes make no progress for that long; 0: never (default).
void stream_set_write_stall(struct stream *s, int64_t ms);
// close resets the connection (RST instead of FIN), so that a truncated answer is seen as such.
// What is queued is dropped.
void stream_abort(struct stream *s); // then stream_free

const struct net_addr *stream_peer(const struct stream *s);
// Names in the certificate that the peer has shown and that was verified: the common name, then DNS
// names, URIs and mail addresses among the alternative ones. All in the arena; none: 0.
unsigned stream_peer_names(const struct stream *s, struct arena *a, const char *const **names);
struct loop *stream_loop(const struct stream *s);
bool stream_is_tls(const struct stream *s);
bool stream_was_resumed(const struct stream *s);  // TLS session reused
uint64_t stream_bytes_in(const struct stream *s); // application bytes
uint64_t stream_bytes_out(const struct stream *s);
// Octets for the wire so far, those that wait among them.
uint64_t stream_wire_out(const struct stream *s);
// How far TCP is with these: how many left this machine, and how many the peer's kernel has. Also
// behind a failure. False: the kernel does not tell. Only of streams that were connected.
struct stream_progress {
    uint64_t sent;
    uint64_t acked;
};
bool stream_progress(const struct stream *s, struct stream_progress *out);

#endif
