// SPDX-License-Identifier: Apache-2.0
// All listening sockets live on main: few long-lived clients spread exactly over the workers,
// sequential short ones land where the warm upstream connection is (ties go to the lowest number),
// and a drain empties the accept queue before it closes.
#include "front/listener.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "front/conn.h"
#include "log/log.h"
#include "net/listen.h"

#define BACKLOG         1024
#define ACCEPTS_A_TURN  64
#define EMFILE_PAUSE_MS 100

struct handover {
    struct worker *worker;
    int fd;
};

static void take_over(void *arg)
{
    struct handover h = *(struct handover *)arg;
    free(arg);
    conn_open(h.worker, h.fd);
}

static struct worker *least_busy(struct front *f)
{
    struct worker *best = &f->workers[0];
    unsigned fewest = atomic_load(&best->n_conns);
    for (unsigned i = 1; i < f->n_workers && fewest; i++) {
        unsigned n = atomic_load(&f->workers[i].n_conns);
        if (n < fewest) {
            fewest = n;
            best = &f->workers[i];
        }
    }
    return best;
}

static void hand_over(struct front *f, int fd)
{
    struct handover *h = xmalloc(sizeof(*h));
    h->worker = least_busy(f);
    h->fd = fd;
    atomic_fetch_add(&h->worker->n_conns, 1);
    loop_post(h->worker->loop, take_over, h);
}

void listener_pause(struct front *f, bool is_paused)
{
    f->is_paused = is_paused;
    atomic_store(&f->shared.wants_notes, is_paused || atomic_load(&f->shared.is_draining));
    for (unsigned i = 0; i < f->n_listeners; i++)
        watch_set(f->listeners[i].watch, !is_paused);
}

// False where there is nothing more to accept now.
static bool accept_one(struct listener *l)
{
    struct front *f = l->front;
    if (!limit_take(&f->shared.connections, 1)) {
        listener_pause(f, true);
        // The last one may have closed before wants_notes was set: then nobody would wake us.
        if (!limit_take(&f->shared.connections, 1))
            return false;
        listener_pause(f, false);
    }
    int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd != -1) {
        hand_over(f, fd);
        return true;
    }
    limit_give(&f->shared.connections, 1);
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        log_error(l->name,
                  "accept: %s; trying again in %d ms; raise the descriptor limit (ulimit -n)",
                  strerror(errno), EMFILE_PAUSE_MS);
        listener_pause(f, true);
        timer_set(f->accept_again, EMFILE_PAUSE_MS);
        return false;
    }
    return errno == EINTR || errno == ECONNABORTED;
}

static void on_readable(void *arg)
{
    struct listener *l = arg;
    for (int i = 0; i < ACCEPTS_A_TURN && accept_one(l); i++)
        ;
}

static bool is_guarded(const struct config *c)
{
    return c->allow_clients.n || c->proxy_auth_file || c->listen_client_ca;
}

static void warn(const struct front *f, unsigned i)
{
    if (!net_addr_is_loopback(&f->shared.listening[i]) && !is_guarded(f->config))
        log_warn(NULL,
                 "listening on %s, beyond loopback: whoever reaches it can use these credentials "
                 "(allow_clients, proxy_auth_file or listen_client_ca would guard it)",
                 f->listeners[i].name);
}

void listeners_warn(const struct front *f)
{
    for (unsigned i = 0; i < f->n_listeners; i++)
        warn(f, i);
}

static enum status listener_add(struct front *f, struct net_addr *at, struct err *e)
{
    if (f->n_listeners == FRONT_MAX_LISTENERS)
        return err_set(e, ST_LIMIT, "listen: more than %d addresses", FRONT_MAX_LISTENERS);
    struct listener *l = &f->listeners[f->n_listeners];
    struct net_addr *a = &f->shared.listening[f->n_listeners];
    l->fd = listen_open(at, BACKLOG, e);
    if (l->fd == -1)
        return ST_IO;
    unsigned mode = (unsigned)strtoul(f->config->listen_mode, NULL, 8);
    if (listen_set_mode(at, mode, e) != ST_OK) {
        (void)close(l->fd);
        return ST_IO;
    }
    if (!listen_address(l->fd, a)) { // port 0 has become the kernel's choice
        (void)close(l->fd);
        return err_set(e, ST_IO, "listen: %s", strerror(errno));
    }
    net_addr_format(a, l->name);
    l->front = f;
    l->watch = watch_new(f->options.main, l->fd, on_readable, l);
    f->n_listeners++;
    f->shared.n_listening = f->n_listeners;
    warn(f, f->n_listeners - 1);
    log_info(NULL, "listening on %s", l->name);
    return ST_OK;
}

enum status listener_open(struct front *f, const char *text, struct err *e)
{
    struct net_addr at[2];
    unsigned n = listen_parse(span_of(text), at);
    if (!n)
        return err_set(e, ST_INVALID, "listen: \"%s\" is not ADDRESS:PORT", text);
    enum status st = listener_add(f, &at[0], e);
    if (st != ST_OK || n == 1)
        return st;
    // All interfaces: IPv6 is left out where the machine has none.
    struct err why = {""};
    net_addr_set_port(&at[1], net_addr_port(&f->shared.listening[f->n_listeners - 1]));
    if (listener_add(f, &at[1], &why) != ST_OK)
        log_warn(NULL, "%s; IPv4 only", why.text);
    return ST_OK;
}

void listener_empty_queue(struct front *f)
{
    for (unsigned i = 0; i < f->n_listeners; i++)
        while (accept_one(&f->listeners[i]))
            ;
}

void listener_close_all(struct front *f)
{
    for (unsigned i = 0; i < f->n_listeners; i++) {
        watch_free(f->listeners[i].watch);
        (void)close(f->listeners[i].fd);
    }
    f->n_listeners = 0;
}
