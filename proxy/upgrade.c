// SPDX-License-Identifier: Apache-2.0
// SIGUSR2: another process of the same program is started with our listening sockets, and takes
// over once it could serve. Until then nothing has changed: if it fails, we go on.
//
// Over a socket pair it says S (started: the configuration is good, the sockets are its own) and R
// (it has credentials); we answer G (go), after which it accepts and we do not. Both hold the same
// sockets, so a connection that waits in a queue is served by whoever accepts next.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "log/log.h"
#include "net/inherit.h"
#include "serve_int.h"

#define READY_POLL_MS 50
#define REAP_MS       20

// ---- the process that goes

static void forget(struct proxy *p)
{
    struct upgrade *u = &p->upgrade;
    watch_free(u->watch);
    timer_free(u->timer);
    if (u->fd > 0)
        (void)close(u->fd);
    *u = (struct upgrade){0};
}

static void fail(struct proxy *p, const char *why)
{
    free(p->process.upgrade_error);
    p->process.upgrade_error = xstrdup(why);
    log_error(NULL, "upgrade failed, this process goes on: %s", why);
}

static void say_end(struct proxy *p, int status)
{
    struct err why;
    if (WIFSIGNALED(status))
        (void)err_set(&why, ST_IO, "process %ld was ended by signal %d", (long)p->upgrade.pid,
                      WTERMSIG(status));
    else
        (void)err_set(&why, ST_IO, "process %ld exited with %d; its own words stand above",
                      (long)p->upgrade.pid, WEXITSTATUS(status));
    fail(p, why.text);
}

// It hung up: it is ending, or has.
static void on_reap(void *arg)
{
    struct proxy *p = arg;
    int status = 0;
    pid_t got = waitpid(p->upgrade.pid, &status, WNOHANG);
    if (got == 0) {
        timer_set(p->upgrade.timer, REAP_MS);
        return;
    }
    if (!p->upgrade.is_done && got > 0)
        say_end(p, status);
    forget(p);
}

static void on_late(void *arg)
{
    struct proxy *p = arg;
    char text[96];
    (void)snprintf(text, sizeof(text), "process %ld was not ready within upgrade_timeout",
                   (long)p->upgrade.pid);
    (void)kill(p->upgrade.pid, SIGKILL);
    p->upgrade.is_done = true;
    fail(p, text);
}

static void on_timer(void *arg)
{
    struct proxy *p = arg;
    if (p->upgrade.is_gone)
        on_reap(p);
    else
        on_late(p);
}

static void hand_over(struct proxy *p)
{
    char text[64];
    struct upgrade *u = &p->upgrade;
    (void)snprintf(text, sizeof(text), "MAINPID=%ld", (long)u->pid);
    notify_send(p->notify, text);
    p->has_heir = true;
    u->is_done = true;
    timer_clear(u->timer);
    if (send(u->fd, "G", 1, MSG_NOSIGNAL) != 1)
        log_warn(NULL, "upgrade: process %ld: %s", (long)u->pid, strerror(errno));
    log_info(NULL, "process %ld has taken over; what runs here may finish within drain_timeout",
             (long)u->pid);
    serve_leave(p);
}

static void on_news(void *arg)
{
    struct proxy *p = arg;
    struct upgrade *u = &p->upgrade;
    struct err ignored = {""};
    char said = 0;
    ssize_t n = recv(u->fd, &said, 1, MSG_DONTWAIT);
    if (n == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        watch_set(u->watch, false);
        u->is_gone = true;
        timer_set(u->timer, 1);
    } else if (!u->is_done && (said == 'R' || (said == 'S' && !serve_is_ready(p, &ignored)))) {
        hand_over(p); // where we can't serve ourselves, there is nothing to wait for
    }
}

static char *variable_of(struct proxy *p, int fd)
{
    struct buf b;
    buf_init(&b);
    inherit_write_channel(&b, fd);
    front_write_listeners(p->front, &b);
    admin_write_listeners(p->admin, &b);
    char *text = xstrdup(buf_cstr(&b));
    buf_clear(&b);
    return text;
}

// The environment as we got it, but for what was meant for us alone.
static char **environment_of(const struct proxy *p, char *variable)
{
    char *const *old = p->source->full_envp;
    size_t n = 0;
    while (old[n])
        n++;
    char **new = xcalloc(n + 2, sizeof(*new));
    n = 0;
    for (; *old; old++)
        if (!inherit_is_variable(*old) && strncmp(*old, "WATCHDOG_PID=", 13) != 0)
            new[n++] = *old;
    new[n] = variable;
    return new;
}

// Descriptors named in the variable keep their numbers: a dup2 onto itself clears close-on-exec.
static int add_descriptors(posix_spawn_file_actions_t *files, const char *variable)
{
    int rc = 0;
    for (const char *at = strchr(variable, '='); at && !rc; at = strchr(at + 1, '=')) {
        char *end = NULL;
        long fd = strtol(at + 1, &end, 10);
        if (end != at + 1)
            rc = posix_spawn_file_actions_adddup2(files, (int)fd, (int)fd);
    }
    return rc;
}

static int spawn(struct proxy *p, int their_fd)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t usual;
    char *variable = variable_of(p, their_fd);
    char **envp = environment_of(p, variable);
    (void)sigemptyset(&none);
    (void)sigemptyset(&usual);
    (void)sigaddset(&usual, SIGPIPE);
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &usual);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int rc = add_descriptors(&files, variable);
    if (!rc)
        rc = posix_spawn(&p->upgrade.pid, p->source->program, &files, &attributes,
                         p->source->full_argv, envp);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    free(envp);
    free(variable);
    return rc;
}

void upgrade_begin(struct proxy *p)
{
    int pair[2] = {-1, -1};
    struct err why;
    if (p->is_stopping || p->channel || p->upgrade.pid) {
        log_warn(NULL, "SIGUSR2 is ignored: %s",
                 p->is_stopping ? "this process is ending" : "an upgrade is under way");
        return;
    }
    if (getpid() == 1) {
        fail(p, "this is process 1, whose end would end the container: start another container");
        return;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1) {
        fail(p, strerror(errno));
        return;
    }
    int rc = spawn(p, pair[1]);
    (void)close(pair[1]);
    if (rc) {
        (void)err_set(&why, ST_IO, "%s: %s", p->source->program, strerror(rc));
        (void)close(pair[0]);
        p->upgrade.pid = 0;
        fail(p, why.text);
        return;
    }
    free(p->process.upgrade_error);
    p->process.upgrade_error = NULL;
    p->upgrade.fd = pair[0];
    p->upgrade.watch = watch_new(p->main, pair[0], on_news, p);
    p->upgrade.timer = timer_new(p->main, on_timer, p);
    timer_set(p->upgrade.timer, p->config->upgrade_timeout);
    log_info(NULL, "upgrade: process %ld is starting", (long)p->upgrade.pid);
}

void upgrade_end(struct proxy *p)
{
    struct upgrade *u = &p->upgrade;
    int status = 0;
    if (u->pid && !u->is_done) {
        (void)kill(u->pid, SIGKILL);
        (void)waitpid(u->pid, &status, 0);
    }
    forget(p);
    heir_end(p);
}

// ---- the process that comes

static void say(struct heir *h, const char *what)
{
    if (send(h->fd, what, 1, MSG_NOSIGNAL) != 1)
        log_debug(NULL, "upgrade: the predecessor hears nothing: %s", strerror(errno));
}

static void on_poll(void *arg)
{
    struct proxy *p = arg;
    struct err why = {""};
    if (serve_is_ready(p, &why))
        say(p->channel, "R");
    else
        timer_set(p->channel->timer, READY_POLL_MS);
}

// Told to go, or left alone.
static void on_word(void *arg)
{
    struct proxy *p = arg;
    char said = 0;
    ssize_t n = recv(p->channel->fd, &said, 1, MSG_DONTWAIT);
    if (n == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    heir_end(p);
    log_info(NULL, "%s", n == 1 ? "took over from the predecessor" : "the predecessor is gone");
    serve_open(p);
}

void heir_begin(struct proxy *p, int fd)
{
    struct heir *h = xcalloc(1, sizeof(*h));
    h->fd = fd;
    h->watch = watch_new(p->main, fd, on_word, p);
    h->timer = timer_new(p->main, on_poll, p);
    p->channel = h;
    say(h, "S");
    on_poll(p);
}

void heir_end(struct proxy *p)
{
    struct heir *h = p->channel;
    if (!h)
        return;
    p->channel = NULL;
    watch_free(h->watch);
    timer_free(h->timer);
    (void)close(h->fd);
    free(h);
}
