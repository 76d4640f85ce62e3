// SPDX-License-Identifier: Apache-2.0
// Our side of the spawner. Arguments and variables travel in a memory file, whose size is not that
// of a message; the command's pipes come back as descriptors. What counts is what was written when
// the first process ended: a process that it left behind may hold the pipes open for ever.
#include "net/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "log/log.h"
#include "net/spawner_int.h"

#define READ_LEN ((size_t)4096)

LIST_HEAD(child_list, child);

struct children {
    struct loop *loop;       // borrowed
    struct spawner *spawner; // borrowed; NULL: none
    struct watch *watch;
    uint32_t last_id;
    struct child_list list; // of those that have not told yet
};

struct output {
    struct child *child;
    int fd; // -1: closed, or not there yet
    struct watch *watch;
    struct buf buf;
    size_t max;
};

struct child {
    LIST_ENTRY(child) link;
    struct children *all;
    uint32_t id;
    struct output out, err;
    struct timer *deadline;
    struct deferred settle;
    struct child_end end;
    struct err why;
    bool is_over; // the spawner has nothing of it any more
    child_done_fn done;
    void *arg;
};

// ---- the spawner's life

struct spawner *spawner_fork(struct err *e)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1) {
        (void)err_set(e, ST_IO, "%s", strerror(errno));
        return NULL;
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        spawner_run(ends[1]);
    }
    int why = errno;
    (void)close(ends[1]);
    if (pid == -1) {
        (void)close(ends[0]);
        (void)err_set(e, ST_IO, "%s", strerror(why));
        return NULL;
    }
    struct spawner *s = xcalloc(1, sizeof(*s));
    s->fd = ends[0];
    atomic_init(&s->pid, pid);
    (void)fcntl(s->fd, F_SETFL, O_NONBLOCK);
    return s;
}

void spawner_end(struct spawner *s)
{
    if (!s)
        return;
    (void)close(s->fd);
    if (s->pid)
        (void)waitpid(s->pid, NULL, WNOHANG); // it may give its last command some time
    free(s);
}

bool spawner_is_running(const struct spawner *s)
{
    return atomic_load(&s->pid) != 0;
}

static void fail(struct child *x, const char *why);

// It is not started again: that would be a fork among threads.
static void lose(struct children *c)
{
    int status = 0;
    pid_t pid = c->spawner->pid;
    watch_set(c->watch, false);
    if (!pid)
        return;
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, &status, 0);
    c->spawner->pid = 0;
    log_error("spawner",
              "the process that runs commands has ended (%s %d): no credential_process works until "
              "sigv4-proxy is started again",
              WIFSIGNALED(status) ? "signal" : "exit code",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    struct child *x = NULL;
    LIST_FOREACH(x, &c->list, link)
    {
        x->is_over = true;
        fail(x, "the process that runs commands has ended; start sigv4-proxy again");
    }
}

// ---- the end of a command

static void close_output(struct output *o)
{
    watch_free(o->watch);
    o->watch = NULL;
    if (o->fd != -1)
        (void)close(o->fd);
    o->fd = -1;
}

static void send_kill(const struct child *x)
{
    struct spawner_ask ask = {.kind = SPAWNER_KILL, .id = x->id};
    (void)send(x->all->spawner->fd, &ask, sizeof(ask), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void destroy(struct child *x)
{
    close_output(&x->out);
    close_output(&x->err);
    buf_clear(&x->out.buf);
    buf_clear(&x->err.buf);
    timer_free(x->deadline);
    loop_undefer(x->all->loop, &x->settle);
    LIST_REMOVE(x, link);
    free(x);
}

static void settle(void *arg)
{
    struct child *x = arg;
    x->end.out = buf_span(&x->out.buf);
    x->end.err = buf_span(&x->err.buf);
    child_done_fn done = x->done;
    void *done_arg = x->arg;
    struct child_end end = x->end;
    x->done = NULL;
    done(done_arg, &end);
    destroy(x);
}

static void finish(struct child *x, enum child_end_how how, int code)
{
    if (x->settle.is_queued)
        return;
    x->end.how = how;
    x->end.code = code;
    if (!x->is_over)
        send_kill(x);
    timer_clear(x->deadline);
    close_output(&x->out);
    close_output(&x->err);
    loop_defer(x->all->loop, &x->settle);
}

static void fail(struct child *x, const char *why)
{
    (void)err_set(&x->why, ST_IO, "%s", why);
    x->end.why = x->why.text;
    finish(x, CHILD_NOT_STARTED, 0);
}

static void on_deadline(void *arg)
{
    finish(arg, CHILD_LATE, 0);
}

// ---- what it writes

// False where there is nothing more to read now, or ever.
static bool read_once(struct output *o)
{
    if (o->fd == -1)
        return false;
    ssize_t n = read(o->fd, buf_reserve(&o->buf, READ_LEN), READ_LEN);
    if (n == -1 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        close_output(o);
        return false;
    }
    o->buf.len += (size_t)n;
    if (o == &o->child->err && o->buf.len > o->max)
        buf_consume(&o->buf, o->buf.len - o->max);
    if (o->buf.len <= o->max)
        return true;
    finish(o->child, CHILD_TOO_LOUD, 0);
    return false;
}

static void on_readable(void *arg)
{
    (void)read_once(arg);
}

// Bounded: a process that was left behind may write faster than we read.
static void drain(struct output *o)
{
    for (size_t n = 0; n <= o->max + 65536 && read_once(o); n += READ_LEN)
        continue;
}

// ---- news

static struct child *find(struct children *c, uint32_t id)
{
    struct child *x = NULL;
    LIST_FOREACH(x, &c->list, link)
    {
        if (x->id == id && !x->settle.is_queued && x->done)
            return x;
    }
    return NULL;
}

static void open_output(struct output *o, int fd)
{
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    o->fd = fd;
    o->watch = watch_new(o->child->all->loop, fd, on_readable, o);
}

static void on_started(struct child *x, const int *fds)
{
    if (x && fds[0] != -1 && x->out.fd == -1) {
        open_output(&x->out, fds[0]);
        open_output(&x->err, fds[1]);
        return;
    }
    for (int i = 0; i < 2; i++)
        if (fds[i] != -1)
            (void)close(fds[i]);
}

static void on_news(struct children *c, const struct spawner_news *news, const int *fds)
{
    struct child *x = find(c, news->id);
    if (news->kind == SPAWNER_STARTED) {
        on_started(x, fds);
        return;
    }
    if (!x)
        return;
    x->is_over = true;
    drain(&x->out);
    drain(&x->err);
    if (news->kind == SPAWNER_EXITED)
        finish(x, CHILD_EXITED, news->code);
    else if (news->kind == SPAWNER_SIGNALLED)
        finish(x, CHILD_SIGNALLED, news->code);
    else if (news->kind == SPAWNER_LATE)
        finish(x, CHILD_LATE, 0);
    else
        fail(x, strerror(news->code));
}

static ssize_t receive(int fd, struct spawner_news *news, int *fds)
{
    struct iovec all = {news, sizeof(*news)};
    union {
        char room[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr m = {.msg_iov = &all,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof(control.room)};
    ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
        memcpy(fds, CMSG_DATA(head), head->cmsg_len - CMSG_LEN(0));
    return n;
}

static void on_spawner(void *arg)
{
    struct children *c = arg;
    for (;;) {
        struct spawner_news news = {0};
        int fds[2] = {-1, -1};
        ssize_t n = receive(c->spawner->fd, &news, fds);
        if (n == -1 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n != (ssize_t)sizeof(news)) {
            lose(c);
            return;
        }
        on_news(c, &news, fds);
    }
}

struct children *children_new(struct loop *l, struct spawner *s)
{
    struct children *c = xcalloc(1, sizeof(*c));
    c->loop = l;
    c->spawner = s;
    LIST_INIT(&c->list);
    if (s)
        c->watch = watch_new(l, s->fd, on_spawner, c);
    return c;
}

void children_free(struct children *c)
{
    if (!c)
        return;
    watch_free(c->watch);
    free(c);
}

// ---- starting one

static void add_list(struct buf *b, char *const *list, uint32_t *n)
{
    for (; *list; list++) {
        buf_add(b, *list, strlen(*list) + 1);
        (*n)++;
    }
}

// A memory file with the text; -1 where there can be none.
static int hold(const struct buf *b)
{
    int fd = memfd_create("command", MFD_CLOEXEC);
    size_t had = 0;
    while (fd != -1 && had < b->len) {
        ssize_t n = write(fd, b->p + had, b->len - had);
        if (n > 0) {
            had += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            (void)close(fd);
            fd = -1;
        }
    }
    return fd;
}

static bool send_run(const struct child *x, const struct spawner_ask *ask, int fd)
{
    struct spawner_ask copy = *ask;
    struct iovec all = {&copy, sizeof(copy)};
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr m = {.msg_iov = &all,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof(control.room)};
    memset(&control, 0, sizeof(control));
    struct cmsghdr *head = CMSG_FIRSTHDR(&m);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    return sendmsg(x->all->spawner->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(copy);
}

static const char *send_spec(const struct child *x, const struct child_spec *s)
{
    struct spawner_ask ask = {
        .kind = SPAWNER_RUN, .id = x->id, .timeout_ms = s->timeout_ms, .grace_ms = s->grace_ms};
    struct buf text;
    buf_init_secret(&text);
    add_list(&text, s->argv, &ask.n_argv);
    add_list(&text, s->envp, &ask.n_envp);
    ask.len = text.len;
    int fd = hold(&text);
    buf_clear(&text);
    bool is_sent = fd != -1 && send_run(x, &ask, fd);
    int why = errno;
    if (fd != -1)
        (void)close(fd);
    return is_sent ? NULL : strerror(why);
}

static void output_init(struct output *o, struct child *x, size_t max)
{
    o->child = x;
    o->fd = -1;
    o->max = max;
    buf_init_secret(&o->buf);
}

struct child *child_start(struct children *c, const struct child_spec *s, child_done_fn done,
                          void *arg)
{
    struct child *x = xcalloc(1, sizeof(*x));
    x->all = c;
    x->id = ++c->last_id;
    x->done = done;
    x->arg = arg;
    x->settle.fn = settle;
    x->settle.arg = x;
    output_init(&x->out, x, s->out_max);
    output_init(&x->err, x, s->err_max);
    x->deadline = timer_new(c->loop, on_deadline, x);
    LIST_INSERT_HEAD(&c->list, x, link);
    const char *why = NULL;
    if (!c->spawner)
        why = "there is no process that runs commands";
    else if (!c->spawner->pid)
        why = "the process that runs commands has ended; start sigv4-proxy again";
    else
        why = send_spec(x, s);
    if (why) {
        x->is_over = true;
        fail(x, why);
    } else {
        timer_set(x->deadline, s->timeout_ms);
    }
    return x;
}

void child_cancel(struct child *x)
{
    if (!x)
        return;
    if (!x->is_over && !x->settle.is_queued)
        send_kill(x);
    destroy(x);
}
