// SPDX-License-Identifier: Apache-2.0
// What the files of this room know about a loop, besides its door.
#ifndef NET_LOOP_INT_H
#define NET_LOOP_INT_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "net/loop.h"

TAILQ_HEAD(deferred_list, deferred);

// Something that lives in the background (a lingering close) and has to end with the loop.
struct loop_guest {
    TAILQ_ENTRY(loop_guest) link;
    void (*end)(struct loop_guest *g); // unlinks and frees
};
TAILQ_HEAD(guest_list, loop_guest);

// Another epoll, which is one descriptor of the loop (nested_epoll.c).
struct nested_epoll {
    int fd; // -1: not open
    struct event ev;
};

// A descriptor that can wait while others are served (low_priority.c).
struct low_watch {
    void (*fn)(struct low_watch *w, bool is_readable, bool is_writable); // may set and free any
    bool reads;
    bool writes;
};
#define LOW_A_TURN 16 // as good as 8 or 32 with 64 to 1,000 clients

// A descriptor watched for the peer's hang-up only (hup.c).
struct hup_watch {
    void (*fn)(struct hup_watch *w, bool is_reset);
    bool is_known; // the kernel has it
    bool is_armed;
};

// Deferred work by when it is due.
enum {
    DEFER_SOON = 0,
    DEFER_NEXT, // behind the next poll
    DEFER_LATE, // behind all else of the turn
    N_DEFER,
};
#define LATE_MOST 16

struct loop_bufs {
    char **hot; // last in, first out
    size_t n_hot;
    size_t n_untouched; // so many of the oldest hot ones have not been taken since the last trim
    int64_t trim_ms;    // not before
    char **cold;        // given back to the kernel, their addresses are kept
    size_t n_cold;
    char **slabs;
    size_t n_slabs;
    char *read_area; // NULL until used
};

struct post;

struct loop {
    const char *name; // borrowed
    struct event_base *base;
    struct event wake;
    int wake_fd;
    struct nested_epoll hup;
    struct nested_epoll low;
    struct low_watch *low_due[LOW_A_TURN]; // of this turn, not called yet; NULL: none
    atomic_bool is_stopping;
    _Atomic int64_t beat_ms;
    int64_t now_ms;
    bool is_fresh; // now_ms belongs to this turn
    struct deferred_list deferred[N_DEFER];
    unsigned n_late;
    struct guest_list guests;
    struct loop_bufs bufs;
    _Atomic int64_t *bufs_sum; // borrowed; NULL: nobody wants to know
    int bufs_uncounted;        // lent out, or given back, and not in the sum yet
    pthread_mutex_t lock;      // guards the posts
    struct post *posts;
    struct post **posts_end;
};

// Each callback that libevent makes calls this first: the clock is read once a turn.
void loop_enter(struct loop *l);
// Comes behind whatever may have been one of many in a turn: late work that is much is done now.
void loop_leave(struct loop *l);
void loop_defer_late(struct loop *l, struct deferred *d);
void loop_guest_add(struct loop *l, struct loop_guest *g);
void loop_guest_remove(struct loop *l, struct loop_guest *g);

// LOOP_READ_LEN bytes to read into, one for all streams: what is not used up by the end of the call
// has to be copied.
char *loop_read_area(struct loop *l);
void loop_bufs_trim(struct loop *l); // each turn; does something once a second
void loop_bufs_clear(struct loop_bufs *b);

// fn is called once when fd's peer has sent FIN or RST; arming again while armed does nothing.
void hup_arm(struct loop *l, int fd, struct hup_watch *w);
void hup_forget(struct loop *l, int fd, struct hup_watch *w); // before fd is closed

bool low_open(struct loop *l); // once; false: the kernel refuses (errno)
// What fd waits for from now on: nothing, before it is closed. False: the kernel refuses (errno).
bool low_set(struct loop *l, int fd, struct low_watch *w, bool reads, bool writes);

bool nested_epoll_open(struct loop *l, struct nested_epoll *n, event_callback_fn fn);
void nested_epoll_close(struct nested_epoll *n);

#endif
