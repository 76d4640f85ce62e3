// SPDX-License-Identifier: Apache-2.0
// One event loop a thread. Everything but loop_post and loop_stop is for the loop's own thread.
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "base/status.h"

#define LOOP_BUF_LEN  16384
#define LOOP_READ_LEN 131072 // what is read at once, at most

struct loop;
const char *loop_library_version(void); // libevent's, for --version
typedef void (*loop_fn)(void *arg);

NODISCARD struct loop *loop_new(const char *name,
                                struct err *e); // NULL on failure; name is borrowed
void loop_free(struct loop *l);                 // runs what is posted or deferred, then frees
void loop_run(struct loop *l);                  // until loop_stop
void loop_stop(struct loop *l);                 // any thread
int64_t loop_now_ms(const struct loop *l);      // monotonic, as of this turn
int64_t loop_beat_ms(const struct loop *l);     // any thread: last turn's time (heartbeat)

// Messages between threads: fn runs once on l's thread, in order of posting, never before this
// returns. Any thread. What arg points to belongs to the receiver from then on.
void loop_post(struct loop *l, loop_fn fn, void *arg);

// Runs once after the current callback has returned (same thread). Intrusive: nothing is allocated.
struct deferred {
    TAILQ_ENTRY(deferred) link;
    loop_fn fn;
    void *arg;
    bool is_queued;
    unsigned char queue; // the loop's own
};
void loop_defer(struct loop *l, struct deferred *d); // queueing again while queued does nothing
// Runs only after the descriptors have been polled once more: for work that yields to others.
void loop_defer_next(struct loop *l, struct deferred *d);
void loop_undefer(struct loop *l, struct deferred *d);

// A timer whose deadline may move often: setting it later or clearing it does not touch the heap;
// it looks at the real deadline when it fires.
struct timer;
struct timer *timer_new(struct loop *l, loop_fn fn, void *arg);
void timer_free(struct timer *t); // NULL is fine
void timer_set(struct timer *t, int64_t in_ms);
void timer_clear(struct timer *t);
bool timer_is_set(const struct timer *t);

// Readiness of a descriptor that is not a stream (listening sockets, signalfd, inotify).
struct watch;
struct watch *watch_new(struct loop *l, int fd, loop_fn on_readable,
                        void *arg); // fd borrowed; armed
void watch_set(struct watch *w, bool is_armed);
void watch_free(struct watch *w); // NULL is fine
// signo is delivered to fn on this loop's thread; one loop a process may do this.
struct watch *watch_signal(struct loop *l, int signo, loop_fn fn, void *arg);

// 16 KiB buffers; free ones that nobody needs for a second go back to the kernel. An idle
// connection owns none.
char *loop_buf_take(struct loop *l);
void loop_buf_give(struct loop *l, char *b);
// What is lent out is added up there too, with that of other loops, to within 16 buffers a loop.
// sum outlives the loop.
void loop_buf_count_in(struct loop *l, _Atomic int64_t *sum);

#endif
