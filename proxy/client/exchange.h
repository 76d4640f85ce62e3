// SPDX-License-Identifier: Apache-2.0
// One request and its answer on one upstream connection, both directions at the same time.
#ifndef CLIENT_EXCHANGE_H
#define CLIENT_EXCHANGE_H

#include "base/arena.h"
#include "client/pool.h"
#include "http/msg.h"

enum exchange_fail {
    EXCHANGE_CLOSED = 0, // ended before the first byte of an answer
    EXCHANGE_TRUNCATED,  // ended in the middle of an answer
    EXCHANGE_BAD,        // what came is not an HTTP/1 answer; text says why
};

// Never called from within an exchange_* call. After end or fail no further callback comes; the
// owner calls exchange_free, which is fine from within any of these.
struct exchange_ops {
    void (*interim)(void *arg, const struct msg *m); // 1xx other than 101
    void (*head)(void *arg, const struct msg *m);    // lives in the arena
    void (*body)(void *arg, struct span data); // all of it is taken; exchange_pause for pressure
    void (*end)(void *arg);
    void (*turn)(void *arg); // no more events of this read turn: time to send what was held back
    void (*fail)(void *arg, enum exchange_fail why, const char *text);
    void (*drained)(void *arg); // more of the request may be sent
    // A 101, after exchange_expect_switch: in place of head, body and end. rest: what stands behind
    // it, in the new protocol. The owner calls exchange_switch, or exchange_free.
    void (*switched)(void *arg, const struct msg *m, struct span rest);
};

struct exchange;
// Takes u over. The arena (borrowed) gets the answer's head.
struct exchange *exchange_start(struct upstream *u, const struct exchange_ops *ops, void *arg,
                                struct arena *a, bool is_head);
void exchange_send(struct exchange *x, const struct span *parts, unsigned n);
void exchange_send_secret(struct exchange *x, struct span part); // as stream_write_secret
void exchange_sent_all(struct exchange *x);                      // the request is complete
void exchange_expect_switch(struct exchange *x); // the request asks for another protocol
// From within `switched`: the stream, whose ops are the caller's to set. The exchange is gone.
struct stream *exchange_switch(struct exchange *x);
size_t exchange_queued(const struct exchange *x);
void exchange_pause(struct exchange *x);
void exchange_resume(struct exchange *x);
// Before the first octet is sent: so that exchange_is_unseen can tell.
void exchange_watch_progress(struct exchange *x);
// It failed, and the peer's side was closed before a single octet of the request had reached it.
bool exchange_is_unseen(const struct exchange *x);
// What the kernel has not sent of a failed one is not sent behind it: the request goes elsewhere.
void exchange_abort(struct exchange *x);
bool exchange_has_answer(const struct exchange *x); // a byte of an answer has come
// Gives the connection back to its pool where both sides are complete and certain, closes it else.
void exchange_free(struct exchange *x); // NULL is fine

#endif
