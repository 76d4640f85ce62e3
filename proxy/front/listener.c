// SPDX-License-Identifier: Apache-2.0
// All listening sockets live on main: few long-lived clients spread exactly over the workers,
// sequential short ones land where the warm upstream connection is (ties go to the lowest number),
// and a drain empties the accept queue before it closes.
#include "front/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/xalloc.h"
#include "front/conn.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "net/inherit.h"
#include "net/listen.h"

#define ACCEPTS_A_TURN      64
#define MAX_PER_CLIENT_AUTO 1024
#define LISTENER_PAUSE_MS   100 // after running out of descriptors

#define SAY_EVERY_MS 1000 // what clients can make happen often

struct handover {
    struct worker *worker;
    int fd;
    struct limit *of_client;
};

static void take_over(void *arg)
{
    struct handover h = *(struct handover *)arg;
    free(arg);
    conn_open(h.worker, h.fd, h.of_client);
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

static void hand_over(struct front *f, int fd, struct limit *of_client)
{
    struct handover *h = xmalloc(sizeof(*h));
    h->worker = least_busy(f);
    h->fd = fd;
    h->of_client = of_client;
    atomic_fetch_add(&h->worker->n_conns, 1);
    loop_post(h->worker->loop, take_over, h);
}

void listener_pause(struct front *f, bool is_paused)
{
    f->is_paused = is_paused;
    atomic_store(&f->shared.wants_notes, is_paused || atomic_load(&f->shared.is_draining));
    for (unsigned i = 0; i < f->n_listeners; i++)
        watch_set(f->listeners[i].watch, !is_paused && !f->is_held);
}

// Whether the last line about that is long enough ago.
static bool may_say(int64_t *last_ms)
{
    int64_t now_ms = clock_mono_ms();
    if (*last_ms && now_ms - *last_ms < SAY_EVERY_MS)
        return false;
    *last_ms = now_ms;
    return true;
}

// ---- max_connections_per_client

static struct span client_of(const struct net_addr *a)
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a->ss;
    const struct sockaddr_in *in = (const struct sockaddr_in *)&a->ss;
    if (a->ss.ss_family == AF_INET)
        return span_from((const char *)&in->sin_addr, 4);
    if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
        return span_from((const char *)&in6->sin6_addr + 12, 4);
    return span_from((const char *)&in6->sin6_addr, 8); // a site, usually one household or host
}

// 0: no limit.
static uint64_t most_of(const struct front *f, const struct net_addr *a)
{
    uint64_t most = f->config->max_connections_per_client;
    if (a->ss.ss_family == AF_UNIX)
        return 0;
    if (!most)
        return net_addr_is_loopback(a) ? 0 : MAX_PER_CLIENT_AUTO;
    return most;
}

// No request has been read, so the answer is the same for all. What has come is read, or the
// close would be a reset that takes the answer away.
static void turn_away(struct front *f, int fd, const struct net_addr *a)
{
    static const char answer[] =
        "HTTP/1.1 503 Service Unavailable\r\nServer: sigv4-proxy\r\n"
        "Content-Type: application/json\r\nContent-Length: 94\r\nCache-Control: no-store\r\n"
        "X-Sigv4-Proxy-Error: overloaded\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
        "{\"error\":\"overloaded\",\"message\":\"too many connections from here: "
        "max_connections_per_client\"}\n";
    char sink[4096];
    char name[NET_ADDR_TEXT];
    metrics_inc(METRIC_CLIENTS_REFUSED);
    net_addr_format(a, name);
    if (may_say(&f->said_crowded_ms))
        log_warn(name, "max_connections_per_client are open from this address; closed");
    if (!f->config->listen_cert)
        (void)send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(fd, SHUT_WR);
    (void)recv(fd, sink, sizeof(sink), MSG_DONTWAIT);
    (void)close(fd);
}

static void admit(struct front *f, int fd, const struct net_addr *a)
{
    uint64_t most = most_of(f, a);
    struct limit *of_client = NULL;
    if (most) {
        of_client = crowd_at(f->shared.clients, hash_span(f->shared.hash_seed, client_of(a)));
        if (!limit_take_below(of_client, 1, most)) {
            limit_give(&f->shared.connections, 1);
            turn_away(f, fd, a);
            return;
        }
    }
    hand_over(f, fd, of_client);
}

// ---- accepting

// Clients never take the last descriptor: it is left to the requests under way, which have to dial.
static bool has_spare(struct front *f)
{
    if (f->spare_fd == -1)
        f->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return f->spare_fd != -1;
}

void listener_drop_spare(struct front *f)
{
    if (f->spare_fd != -1)
        (void)close(f->spare_fd);
    f->spare_fd = -1;
}

void listener_try_again(void *front)
{
    struct front *f = front;
    if (has_spare(f)) {
        listener_pause(f, false);
        return;
    }
    for (unsigned i = 0; i < f->n_workers; i++)
        worker_close_idle(&f->workers[i]); // nor are they those of connections that nobody uses
    timer_set(f->accept_again, LISTENER_PAUSE_MS);
}

static void ran_out(struct listener *l, int why)
{
    struct front *f = l->front;
    if (may_say(&f->said_full_ms))
        log_error(l->name,
                  "accept: %s; trying again in %d ms; raise the descriptor limit (ulimit -n)",
                  strerror(why), LISTENER_PAUSE_MS);
    listener_drop_spare(f);
    listener_pause(f, true);
    timer_set(f->accept_again, LISTENER_PAUSE_MS);
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
    struct net_addr from = {.len = sizeof(from.ss)};
    int fd = accept4(l->fd, (struct sockaddr *)&from.ss, &from.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd != -1) {
        admit(f, fd, &from);
        return true;
    }
    limit_give(&f->shared.connections, 1);
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        ran_out(l, errno);
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

// Takes fd over, also on failure.
static enum status add(struct front *f, const struct listener *new, struct err *e)
{
    struct listener *l = &f->listeners[f->n_listeners];
    struct net_addr *a = &f->shared.listening[f->n_listeners];
    if (f->n_listeners == FRONT_MAX_LISTENERS || !listen_address(new->fd, a)) {
        (void)close(new->fd);
        return f->n_listeners == FRONT_MAX_LISTENERS
                   ? err_set(e, ST_LIMIT, "listen: more than %d addresses", FRONT_MAX_LISTENERS)
                   : err_set(e, ST_IO, "listen: %s", strerror(errno));
    }
    *l = *new;
    net_addr_format(a, l->name);
    l->front = f;
    l->watch = watch_new(f->options.main, l->fd, on_readable, l);
    watch_set(l->watch, !f->is_held);
    f->n_listeners++;
    f->shared.n_listening = f->n_listeners;
    warn(f, f->n_listeners - 1);
    log_info(NULL, "listening on %s%s", l->name, l->is_activated ? ", which was passed to us" : "");
    return ST_OK;
}

static enum status open_at(struct front *f, const struct net_addr *at, struct err *e)
{
    struct listener new = {.fd = -1};
    unsigned mode = (unsigned)strtoul(f->config->listen_mode, NULL, 8);
    new.fd = inherit_or_open(f->options.inherit, INHERIT_LISTEN, at, &new.is_lent, e);
    if (new.fd == -1)
        return ST_IO;
    if (listen_set_mode(at, mode, e) != ST_OK) {
        (void)close(new.fd);
        return ST_IO;
    }
    return add(f, &new, e);
}

static enum status open_text(struct front *f, const char *text, struct err *e)
{
    struct net_addr at[2];
    unsigned n = listen_parse(span_of(text), at);
    if (!n)
        return err_set(e, ST_INVALID, "listen: \"%s\" is not ADDRESS:PORT", text);
    enum status st = open_at(f, &at[0], e);
    if (st != ST_OK || n == 1)
        return st;
    // All interfaces: IPv6 is left out where the machine has none.
    struct err why = {""};
    net_addr_set_port(&at[1], net_addr_port(&f->shared.listening[f->n_listeners - 1]));
    if (open_at(f, &at[1], &why) != ST_OK)
        log_warn(NULL, "%s; IPv4 only", why.text);
    return ST_OK;
}

enum status listeners_open(struct front *f, struct err *e)
{
    struct inherit *i = f->options.inherit;
    struct listener new = {.is_activated = true, .is_lent = true};
    struct net_addr at;
    enum status st = ST_OK;
    if (inherit_is_activated(i, INHERIT_LISTEN)) {
        while (st == ST_OK && (new.fd = inherit_next(i, INHERIT_LISTEN, &at)) != -1)
            st = add(f, &new, e);
        return st;
    }
    for (unsigned k = 0; st == ST_OK && k < f->config->listen.n; k++)
        st = open_text(f, f->config->listen.v[k], e);
    return st;
}

void front_write_listeners(const struct front *f, struct buf *out)
{
    for (unsigned i = 0; i < f->n_listeners; i++)
        inherit_write(out, INHERIT_LISTEN, f->listeners[i].fd, f->listeners[i].is_activated);
}

// A listener whose filter passes no octet takes no new connection into its queue: a client that
// comes between our last accept and the close would find its connection reset. It asks again, and
// is refused.
static void shut(const struct listener *l)
{
    struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog filter = {.len = 1, .filter = &none};
    (void)setsockopt(l->fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}

// Where others listen too, a service manager or a predecessor, the queue is theirs.
void listener_empty_queue(struct front *f)
{
    for (unsigned i = 0; i < f->n_listeners; i++) {
        if (f->listeners[i].is_lent)
            continue;
        shut(&f->listeners[i]);
        while (accept_one(&f->listeners[i]))
            ;
    }
}

void listener_close_all(struct front *f, bool is_end)
{
    for (unsigned i = 0; i < f->n_listeners; i++) {
        watch_free(f->listeners[i].watch);
        (void)close(f->listeners[i].fd);
        if (is_end && !f->listeners[i].is_lent)
            listen_unlink(&f->shared.listening[i]);
    }
    f->n_listeners = 0;
}
