// SPDX-License-Identifier: Apache-2.0
// The parts of a stream: stream.c (life), stream_read.c, stream_write.c (queue, shutdown),
// stream_tls.c (records), stream_connect.c, stream_linger.c.
#ifndef NET_STREAM_INT_H
#define NET_STREAM_INT_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/loop_int.h"
#include "net/stream.h"

// Bytes that wait, in buffers that the loop lends.
struct chain_buf {
    struct chain_buf *next;
    uint32_t off;
    uint32_t len; // bytes behind off
    char data[];
};
#define CHAIN_BUF_CAP (LOOP_BUF_LEN - sizeof(struct chain_buf))

struct chain {
    struct chain_buf *head;
    struct chain_buf *tail;
    size_t len;
};

// chain.c
void chain_add(struct loop *l, struct chain *c, const char *p, size_t len);
void chain_consume(struct loop *l, struct chain *c, size_t n); // n <= c->len
void chain_clear(struct loop *l, struct chain *c);
struct span chain_first(const struct chain *c); // what lies in its first buffer

enum stream_end {
    END_NONE = 0,
    END_WANTED,   // behind what is queued
    END_NOTIFIED, // close_notify is queued, FIN follows
    END_SENT,
};

struct tls_peer;
struct farewell;

// What each read and write looks at comes first: with many streams these lines are not in the
// cache.
struct stream {
    struct loop *loop;            // borrowed
    const struct stream_ops *ops; // borrowed
    void *arg;
    struct tls_peer *tls; // NULL for a plain stream
    struct low_watch low;
    int fd;
    unsigned n_holds; // frames of ours on the stack; the memory stays while there are any
    bool is_accepted; // waits with low priority: `low` instead of rd and wr
    bool is_connected;
    bool is_ready;   // handshake done
    bool is_freed;   // by the owner
    bool is_dead;    // closed was called
    bool is_paused;  // the owner said so
    bool is_stopped; // data left something
    bool is_eof;     // told to the owner
    bool is_raw_eof; // recv gave 0
    bool is_drained; // the last recv was short: another one would only say EAGAIN
    bool was_large;  // the last recv: the peer may have been held up by the window
    bool is_sipping; // only what the TLS layer holds: the socket is not asked
    bool is_rd_armed;
    bool is_wr_armed;
    bool is_hup_told;
    bool is_reset;     // the kernel reported an error while reading was stopped
    bool is_prompt;    // nothing may wait for the end of the turn
    bool is_corked;    // records are collected and go out as one send
    bool is_ready_due; // connected within stream_connect: tell later
    bool is_fail_due;
    bool is_accept_due; // stream_accept_tls: the handshake begins later
    enum stream_end end;
    struct farewell *farewell; // set once stream_close_gently took the stream
    struct chain out;
    struct chain kept; // read, and not taken by the owner
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t wire_taken; // octets that the kernel took
    struct event rd;
    struct deferred turn; // everything that must not happen within a stream_* call
    struct deferred late; // sends what was put off
    struct hup_watch hup;
    struct event wr;
    struct timer *stall; // NULL until needed
    int64_t stall_ms;
    enum stream_fail fail_why;
    char *fail_text;
    struct chain early;     // plaintext written before the handshake is done
    struct tls_peer *outer; // what runs in it is TLS again; NULL: it is not
    struct chain behind;    // bytes for the upper layer that came before it was
    struct net_addr peer;
};

// Results of reading besides a count of bytes.
enum { READ_EOF = 0, READ_AGAIN = -1, READ_FAILED = -2 };

// stream.c
struct stream *stream_make(struct loop *l, int fd, const struct stream_ops *ops, void *arg);
void stream_hold(struct stream *s);
void stream_drop(struct stream *s);
bool stream_is_live(const struct stream *s);
void stream_arm_read(struct stream *s, bool is_armed);
void stream_arm_write(struct stream *s, bool is_armed);
// Remembers the first failure; closed is called once no stream_* call is on the stack and what
// can still be read has been (unless reading is stopped).
void stream_fail_later(struct stream *s, enum stream_fail why, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void stream_fail_now(struct stream *s, enum stream_fail why, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
// As said by errno.
void stream_fail_errno_later(struct stream *s, int error);
void stream_fail_errno_now(struct stream *s, int error);
void stream_tell_failure(struct stream *s); // what was remembered

// stream_read.c
ssize_t stream_raw_read(struct stream *s, char *to, size_t len);
void stream_read_turn(struct stream *s);
void stream_on_readable(evutil_socket_t fd, short what, void *arg);
void stream_on_turn(void *arg);
void stream_on_hup(struct hup_watch *w, bool is_reset);
void stream_on_low(struct low_watch *w, bool is_readable, bool is_writable);

// stream_connect.c
void stream_on_connecting(struct stream *s); // writable while connecting
void stream_become_ready(struct stream *s);  // handshake done, or none needed; calls `ready`

// stream_write.c
void stream_on_writable(struct stream *s);
void stream_out(struct stream *s, const char *p, size_t len); // bytes for the wire
void stream_cork(struct stream *s);
void stream_uncork(struct stream *s);
void stream_flush(struct stream *s);
void stream_on_late(void *arg);
void stream_send_out(struct stream *s); // and tells nobody
// Tells the owner where the queue fell to low water, or to nothing, from before.
void stream_tell_drained(struct stream *s, size_t before);
void stream_send_early(struct stream *s);
void stream_finish_shut(struct stream *s);
void stream_drop_out(struct stream *s);
void stream_touch_stall(struct stream *s);

// stream_tls.c
void stream_tls_start(struct stream *s, const struct stream_tls *tls);
void stream_tls_accept(struct stream *s, struct tls_acceptor *server, const struct tls_leaf *leaf);
void stream_tls_handshake(struct stream *s);
// As many records as are there, without asking the socket twice.
ssize_t stream_tls_read(struct stream *s, char *to, size_t len);
bool stream_tls_has_pending(const struct stream *s); // bytes, or the end
bool stream_tls_has_bytes(const struct stream *s);
void stream_tls_write(struct stream *s, const struct span *parts, unsigned n);
void stream_tls_notify(struct stream *s); // close_notify
void stream_tls_free(struct stream *s);

// stream_linger.c
void stream_linger_shut_done(struct stream *s);
void stream_linger_stalled(struct stream *s);
void stream_linger_free(struct stream *s);

#endif
