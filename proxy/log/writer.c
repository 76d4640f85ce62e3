// SPDX-License-Identifier: Apache-2.0
// The writer takes the oldest line of all rings again and again, gathers whole lines into one piece
// and writes it when poll says that the descriptor has room. A pipe with room takes PIPE_BUF bytes
// without blocking and in one piece, so no write is larger (files apart), and the descriptor, which
// we share with others, keeps its flags.
//
// Lines are gathered: behind those that it has written the writer naps a few milliseconds, in which
// only an urgent line (an error, a ring half full) wakes it; what came meanwhile goes out in one
// write. So neither it nor the producers pay a system call a line.
//
// Going to sleep is the hard part. Only if nothing came during a nap does the writer say that it is
// asleep and look at the rings once more. A producer moves its ring's head, then looks at how the
// writer rests. All four are sequentially consistent, so at least one side sees the other: no line
// is left lying.
#include "log/writer_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "log/line_int.h"

#define NAP_MS          5
#define REPORT_EVERY_MS 1000
#define OUT_LEN         65536

// How it rests.
enum rest { AWAKE = 0, NAPPING, ASLEEP };

struct writer {
    int fd;       // borrowed where there is no path
    char *path;   // NULL: no file
    int wake_fd;  // eventfd: producers and writer_stop signal
    int done_fd;  // eventfd: the thread has ended
    size_t piece; // bytes that one write may carry
    pthread_t thread;
    pthread_mutex_t lock; // of the list of rings: taken once a thread's life, and to gather
    struct ring *rings;
    _Atomic int rest; // enum rest
    _Atomic bool is_stopping;
    _Atomic bool wants_reopen;
    _Atomic int64_t stop_at_ms; // monotonic, set before is_stopping
    uint64_t reported;          // drops that a line was written about
    uint64_t reporting;         // drops that the first line of out tells of; 0: no such line
    int64_t reported_at_ms;
    bool has_more; // lines were left in the rings when out was full
    size_t len;
    char out[OUT_LEN];
};

static _Atomic uint64_t dropped;

void writer_count_drop(void)
{
    (void)atomic_fetch_add_explicit(&dropped, 1, memory_order_relaxed);
}

unsigned long long writer_dropped(void)
{
    return atomic_load_explicit(&dropped, memory_order_relaxed);
}

static void signal_fd(int fd)
{
    uint64_t one = 1;
    // A full counter is as good as one: it is readable.
    ssize_t n = write(fd, &one, sizeof(one));
    (void)n;
}

static void clear_fd(int fd)
{
    uint64_t n = 0;
    ssize_t got = read(fd, &n, sizeof(n));
    (void)got;
}

void writer_wake(struct writer *w, bool is_urgent)
{
    int rest = atomic_load(&w->rest);
    if (rest == AWAKE || (rest == NAPPING && !is_urgent))
        return;
    if (atomic_exchange(&w->rest, AWAKE) != AWAKE)
        signal_fd(w->wake_fd);
}

void writer_add_ring(struct writer *w, struct ring *r)
{
    (void)pthread_mutex_lock(&w->lock);
    r->next = w->rings;
    w->rings = r;
    (void)pthread_mutex_unlock(&w->lock);
}

// Rings of threads that are gone, once empty. The caller holds the lock.
static void drop_ended_rings(struct writer *w)
{
    for (struct ring **at = &w->rings; *at;) {
        struct ring *r = *at;
        if (atomic_load_explicit(&r->is_ended, memory_order_acquire) && ring_is_empty(r)) {
            *at = r->next;
            ring_free(r);
        } else {
            at = &r->next;
        }
    }
}

static struct ring *oldest_ring(struct writer *w, size_t *len)
{
    struct ring *oldest = NULL;
    int64_t oldest_us = 0;
    for (struct ring *r = w->rings; r; r = r->next) {
        int64_t at_us = 0;
        size_t n = 0;
        if (ring_peek(r, &at_us, &n) && (!oldest || at_us < oldest_us)) {
            oldest = r;
            oldest_us = at_us;
            *len = n;
        }
    }
    return oldest;
}

static void add_own_line(struct writer *w, enum log_level level, const char *text)
{
    struct log_record l;
    line_message(&l, level, "log", span_of(text), true);
    memcpy(w->out + w->len, l.p, l.len);
    w->len += l.len;
}

static void report_drops(struct writer *w)
{
    uint64_t now_dropped = writer_dropped();
    int64_t now_ms = clock_mono_ms();
    bool is_last = atomic_load_explicit(&w->is_stopping, memory_order_acquire);
    if (now_dropped == w->reported || (!is_last && now_ms - w->reported_at_ms < REPORT_EVERY_MS))
        return;
    char text[64];
    (void)snprintf(text, sizeof(text), "%llu log lines dropped",
                   (unsigned long long)(now_dropped - w->reported));
    add_own_line(w, LOG_WARN, text);
    w->reporting = now_dropped - w->reported;
    w->reported = now_dropped;
    w->reported_at_ms = now_ms;
}

// Fills out with whole lines, oldest first, up to one piece (a single longer line apart).
static bool gather(struct writer *w)
{
    w->len = 0;
    w->has_more = false;
    w->reporting = 0;
    report_drops(w);
    (void)pthread_mutex_lock(&w->lock);
    for (;;) {
        size_t len = 0;
        struct ring *r = oldest_ring(w, &len);
        w->has_more = r && w->len && w->len + len > w->piece;
        if (!r || w->has_more)
            break;
        ring_take(r, w->out + w->len);
        w->len += len;
    }
    drop_ended_rings(w);
    (void)pthread_mutex_unlock(&w->lock);
    return w->len > 0;
}

static bool is_any_line(struct writer *w)
{
    size_t len = 0;
    (void)pthread_mutex_lock(&w->lock);
    bool is_any = oldest_ring(w, &len) != NULL;
    (void)pthread_mutex_unlock(&w->lock);
    return is_any;
}

// Milliseconds that a wait may last: for ever, or what writer_stop leaves.
static int patience_ms(struct writer *w)
{
    if (!atomic_load_explicit(&w->is_stopping, memory_order_acquire))
        return -1;
    int64_t left = atomic_load(&w->stop_at_ms) - clock_mono_ms();
    if (left < 0)
        left = 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}

// False where the time to stop came first.
static bool wait_for_room(struct writer *w)
{
    for (;;) {
        int wait_ms = patience_ms(w);
        struct pollfd fds[2] = {{.fd = w->fd, .events = POLLOUT},
                                {.fd = w->wake_fd, .events = POLLIN}};
        int n = poll(fds, 2, wait_ms);
        if (n > 0 && fds[1].revents)
            clear_fd(w->wake_fd);
        if (n > 0 && fds[0].revents)
            return true;
        if (n == 0 && wait_ms >= 0)
            return false;
    }
}

// What stands in out from off on will not be written. A lost report is told again.
static void count_lost_lines(struct writer *w, size_t off)
{
    for (size_t i = off; i < w->len; i++) {
        if (w->out[i] != '\n')
            continue;
        if (w->reporting && !memchr(w->out, '\n', i))
            w->reported -= w->reporting;
        else
            writer_count_drop();
    }
}

// False where the writer has to end.
static bool flush(struct writer *w)
{
    size_t off = 0;
    while (off < w->len) {
        if (!wait_for_room(w)) {
            count_lost_lines(w, off);
            return false;
        }
        size_t left = w->len - off;
        ssize_t n = write(w->fd, w->out + off, left < w->piece ? left : w->piece);
        if (n >= 0) {
            off += (size_t)n;
        } else if (errno != EINTR && errno != EAGAIN) {
            // Reader gone, disk full: go on with what comes, so that the rings stay free.
            count_lost_lines(w, off);
            return !atomic_load_explicit(&w->is_stopping, memory_order_acquire);
        }
    }
    return true;
}

static void wait_on_wake(struct writer *w, int wait_ms)
{
    struct pollfd fd = {.fd = w->wake_fd, .events = POLLIN};
    if (poll(&fd, 1, wait_ms) > 0)
        clear_fd(w->wake_fd);
}

// ---- the file

// Without O_NONBLOCK a FIFO that nobody reads would stop us for ever.
int writer_open(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
}

static void set_fd(struct writer *w, int fd)
{
    struct stat st;
    w->fd = fd;
    w->piece = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? OUT_LEN / 2 : PIPE_BUF;
}

bool writer_reopen(struct writer *w)
{
    if (!w->path)
        return false;
    atomic_store(&w->wants_reopen, true);
    signal_fd(w->wake_fd);
    return true;
}

static void reopen(struct writer *w)
{
    char text[512];
    int fd = writer_open(w->path);
    if (fd == -1) {
        (void)snprintf(text, sizeof(text),
                       "log_file: %s can't be opened again (%s); lines go on to the old one",
                       w->path, strerror(errno));
        w->len = 0;
        w->reporting = 0;
        add_own_line(w, LOG_ERROR, text);
        (void)flush(w);
        return;
    }
    (void)close(w->fd);
    set_fd(w, fd);
}

// A nap where lines came just before, else sleep.
static void take_rest(struct writer *w, bool had_lines)
{
    int wait_ms = had_lines ? NAP_MS : -1;
    atomic_store(&w->rest, had_lines ? NAPPING : ASLEEP);
    if (!had_lines && writer_dropped() != w->reported)
        wait_ms = REPORT_EVERY_MS;
    bool is_wanted = atomic_load(&w->is_stopping) || atomic_load(&w->wants_reopen);
    if (!is_wanted && (had_lines || !is_any_line(w)))
        wait_on_wake(w, wait_ms);
    atomic_store(&w->rest, AWAKE);
}

static void *writer_main(void *arg)
{
    struct writer *w = arg;
    for (;;) {
        // Read before gathering: what was put before writer_stop is then seen by gather.
        bool is_last = atomic_load_explicit(&w->is_stopping, memory_order_acquire);
        if (atomic_exchange(&w->wants_reopen, false))
            reopen(w);
        bool has_lines = gather(w);
        if (has_lines ? !flush(w) : is_last)
            break;
        if (!w->has_more)
            take_rest(w, has_lines);
    }
    signal_fd(w->done_fd);
    return NULL;
}

static void start_thread(struct writer *w)
{
    // Signals are main's business, and SIGPIPE nobody's: write(2) says EPIPE.
    sigset_t all;
    sigset_t old;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    if (pthread_create(&w->thread, NULL, writer_main, w) != 0)
        abort();
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)pthread_setname_np(w->thread, "log");
}

struct writer *writer_start(int fd, const char *path)
{
    struct writer *w = xcalloc(1, sizeof(*w));
    w->path = path ? xstrdup(path) : NULL;
    set_fd(w, fd);
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->wake_fd == -1 || w->done_fd == -1 || pthread_mutex_init(&w->lock, NULL) != 0)
        abort();
    w->reported = writer_dropped();
    w->reported_at_ms = clock_mono_ms() - REPORT_EVERY_MS;
    start_thread(w);
    return w;
}

// True when the writer has said so, false when until_ms has passed.
static bool wait_for_end(struct writer *w, int64_t until_ms)
{
    for (;;) {
        struct pollfd fd = {.fd = w->done_fd, .events = POLLIN};
        int64_t left = until_ms - clock_mono_ms();
        int n = poll(&fd, 1, left < 0 ? 0 : (int)left);
        if (n > 0)
            return true;
        if (n == 0)
            return false;
    }
}

// True when the writer has ended.
static bool tell_to_end(struct writer *w, int wait_ms)
{
    int64_t now_ms = clock_mono_ms();
    // The writer gives up a little earlier than we do: it is only left behind when it is stuck.
    atomic_store(&w->stop_at_ms, now_ms + wait_ms - wait_ms / 8);
    atomic_store(&w->is_stopping, true);
    signal_fd(w->wake_fd);
    return wait_for_end(w, now_ms + wait_ms);
}

void writer_rescue(struct writer *w, int wait_ms)
{
    if (pthread_equal(pthread_self(), w->thread))
        return;
    (void)tell_to_end(w, wait_ms);
    (void)pthread_detach(w->thread); // nobody will join it; glibc's takes no lock
}

void writer_stop(struct writer *w, int wait_ms)
{
    if (!tell_to_end(w, wait_ms)) {
        (void)pthread_detach(w->thread);
        return;
    }
    (void)pthread_join(w->thread, NULL);
    for (struct ring *next; w->rings; w->rings = next) {
        next = w->rings->next;
        ring_free(w->rings);
    }
    (void)close(w->wake_fd);
    (void)close(w->done_fd);
    (void)pthread_mutex_destroy(&w->lock);
    if (w->path)
        (void)close(w->fd);
    free(w->path);
    free(w);
}
