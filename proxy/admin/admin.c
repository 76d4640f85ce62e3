// SPDX-License-Identifier: Apache-2.0
// Opening and closing. Everything here runs on main's loop: it must answer while workers are busy
// or stuck.
#include "admin/admin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin_int.h"
#include "base/xalloc.h"
#include "log/log.h"
#include "net/inherit.h"
#include "net/listen.h"

#define KEY_CACHE 64

static void on_readable(void *arg)
{
    admin_accept(arg);
}

static void on_accept_again(void *arg)
{
    struct admin_listener *l = arg;
    watch_set(l->watch, true);
}

static bool is_beyond(const struct admin *a)
{
    for (unsigned i = 0; i < a->n_listeners; i++)
        if (!a->listeners[i].is_probe && !a->listeners[i].is_near)
            return true;
    return false;
}

// Takes the socket over, also on failure.
static enum status add(struct admin *a, const struct admin_listener *new, struct err *e)
{
    struct admin_listener *l = &a->listeners[a->n_listeners];
    if (a->n_listeners == ADMIN_LISTENERS) {
        (void)close(new->fd);
        return err_set(e, ST_LIMIT, "more than %d addresses", ADMIN_LISTENERS);
    }
    *l = *new;
    if (!listen_address(l->fd, &l->at)) {
        (void)close(l->fd);
        return err_set(e, ST_IO, "%s", strerror(errno));
    }
    l->admin = a;
    l->is_near = net_addr_is_loopback(&l->at);
    net_addr_format(&l->at, l->name);
    l->watch = watch_new(a->o.main, l->fd, on_readable, l);
    watch_set(l->watch, !a->o.is_held);
    l->accept_again = timer_new(a->o.main, on_accept_again, l);
    a->n_listeners++;
    front_add_own(a->o.front, &l->at);
    log_info(NULL, "%s on %s%s", l->is_probe ? "probe" : "admin", l->name,
             l->is_activated ? ", which was passed to us" : "");
    return ST_OK;
}

static enum status open_at(struct admin *a, const struct net_addr *at, bool is_probe, struct err *e)
{
    struct admin_listener new = {.is_probe = is_probe};
    if (!is_probe && !net_addr_is_loopback(at) && !a->tokens)
        return err_set(e, ST_DENIED, "it is beyond loopback, where admin_token_file must guard it");
    new.fd = inherit_or_open(a->o.inherit, is_probe ? INHERIT_PROBE : INHERIT_ADMIN, at,
                             &new.is_lent, e);
    return new.fd == -1 ? ST_IO : add(a, &new, e);
}

static enum status open_text(struct admin *a, const char *text, bool is_probe, struct err *e)
{
    struct net_addr at[2];
    if (strcmp(text, "off") == 0)
        return ST_OK;
    unsigned n = listen_parse(span_of(text), at);
    if (!n)
        return err_set(e, ST_INVALID, "\"%s\" is not ADDRESS:PORT", text);
    enum status st = open_at(a, &at[0], is_probe, e);
    struct err why = {""};
    if (st == ST_OK && n == 2)
        net_addr_set_port(&at[1], net_addr_port(&a->listeners[a->n_listeners - 1].at));
    if (st == ST_OK && n == 2 && open_at(a, &at[1], is_probe, &why) != ST_OK)
        log_warn(NULL, "%s: %s; IPv4 only", is_probe ? "probe" : "admin", why.text);
    return st;
}

static enum status open_listeners(struct admin *a, bool is_probe, struct err *e)
{
    enum inherit_use use = is_probe ? INHERIT_PROBE : INHERIT_ADMIN;
    const char *text = is_probe ? a->config->probe : a->config->admin;
    struct admin_listener new = {.is_probe = is_probe, .is_activated = true, .is_lent = true};
    struct net_addr at;
    enum status st = ST_OK;
    if (!inherit_is_activated(a->o.inherit, use))
        st = open_text(a, text, is_probe, e);
    while (st == ST_OK && (new.fd = inherit_next(a->o.inherit, use, &at)) != -1)
        st = add(a, &new, e);
    if (st == ST_OK && !is_probe && !a->tokens && is_beyond(a))
        st = err_set(e, ST_DENIED, "it is beyond loopback, where admin_token_file must guard it");
    return st == ST_OK ? ST_OK : err_wrap(e, st, "%s", is_probe ? "probe" : "admin");
}

enum status admin_start(const struct admin_options *o, struct admin **out, struct err *e)
{
    struct admin *a = xcalloc(1, sizeof(*a));
    enum status st = ST_OK;
    a->o = *o;
    a->config = config_acquire(o->config);
    a->keys = sign_key_cache_new(KEY_CACHE);
    TAILQ_INIT(&a->conns);
    if (a->config->admin_token_file)
        st = token_file_open(o->main, a->config->admin_token_file, &a->tokens, e);
    if (st == ST_OK)
        st = open_listeners(a, false, e);
    if (st == ST_OK)
        st = open_listeners(a, true, e);
    if (st != ST_OK) {
        admin_free(a);
        return st;
    }
    *out = a;
    return ST_OK;
}

struct admin_change {
    struct admin *admin;
    struct config *config;
    struct token_file *tokens;
};

enum status admin_prepare(struct admin *a, struct config *config, struct admin_change **out,
                          struct err *e)
{
    if (!config->admin_token_file && is_beyond(a))
        return err_set(e, ST_DENIED,
                       "admin is beyond loopback, where admin_token_file must guard it");
    struct admin_change *c = xcalloc(1, sizeof(*c));
    c->admin = a;
    c->config = config_acquire(config);
    enum status st = ST_OK;
    if (config->admin_token_file)
        st = token_file_open(a->o.main, config->admin_token_file, &c->tokens, e);
    if (st == ST_OK)
        *out = c;
    else
        admin_change_free(c);
    return st == ST_OK ? ST_OK : err_wrap(e, st, "admin_token_file");
}

void admin_change_free(struct admin_change *c)
{
    if (!c)
        return;
    config_release(c->config);
    token_file_close(c->tokens);
    free(c);
}

void admin_apply(struct admin_change *c)
{
    struct admin *a = c->admin;
    struct config *config = a->config;
    struct token_file *tokens = a->tokens;
    a->config = c->config;
    a->tokens = c->tokens;
    c->config = config;
    c->tokens = tokens;
    admin_change_free(c);
}

void admin_accept_now(struct admin *a)
{
    a->o.is_held = false;
    for (unsigned i = 0; i < a->n_listeners; i++) {
        a->listeners[i].is_lent = a->listeners[i].is_activated;
        watch_set(a->listeners[i].watch, true);
    }
}

void admin_write_listeners(const struct admin *a, struct buf *out)
{
    for (unsigned i = 0; i < a->n_listeners; i++)
        inherit_write(out, a->listeners[i].is_probe ? INHERIT_PROBE : INHERIT_ADMIN,
                      a->listeners[i].fd, a->listeners[i].is_activated);
}

static void close_listeners(struct admin *a, bool is_end)
{
    for (unsigned i = 0; i < a->n_listeners; i++) {
        struct admin_listener *l = &a->listeners[i];
        watch_free(l->watch);
        timer_free(l->accept_again);
        (void)close(l->fd);
        if (is_end && !l->is_lent)
            listen_unlink(&l->at);
    }
    a->n_listeners = 0; // connections still point to theirs
}

bool admin_is_idle(const struct admin *a)
{
    return !a->n_conns;
}

void admin_leave(struct admin *a, bool has_heir)
{
    struct admin_conn *next = NULL;
    close_listeners(a, !has_heir);
    a->is_leaving = true;
    for (struct admin_conn *c = TAILQ_FIRST(&a->conns); c; c = next) {
        next = admin_conn_next(c);
        admin_conn_leave(c);
    }
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    while (!TAILQ_EMPTY(&a->conns))
        admin_hang_up(TAILQ_FIRST(&a->conns));
    close_listeners(a, true);
    token_file_close(a->tokens);
    sign_key_cache_free(a->keys);
    config_release(a->config);
    free(a);
}
