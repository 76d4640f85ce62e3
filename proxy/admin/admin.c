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
#include "net/listen.h"

#define BACKLOG   64
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

static enum status add(struct admin *a, const struct net_addr *at, bool is_probe, struct err *e)
{
    if (a->n_listeners == ADMIN_LISTENERS)
        return err_set(e, ST_LIMIT, "more than %d addresses", ADMIN_LISTENERS);
    struct admin_listener *l = &a->listeners[a->n_listeners];
    l->fd = listen_open(at, BACKLOG, e);
    if (l->fd == -1)
        return ST_IO;
    if (!listen_address(l->fd, &l->at)) {
        (void)close(l->fd);
        return err_set(e, ST_IO, "%s", strerror(errno));
    }
    l->admin = a;
    l->is_probe = is_probe;
    l->is_near = net_addr_is_loopback(&l->at);
    net_addr_format(&l->at, l->name);
    l->watch = watch_new(a->o.main, l->fd, on_readable, l);
    l->accept_again = timer_new(a->o.main, on_accept_again, l);
    a->n_listeners++;
    log_info(NULL, "%s on %s", is_probe ? "probe" : "admin", l->name);
    return ST_OK;
}

static enum status open_listeners(struct admin *a, const char *text, bool is_probe, struct err *e)
{
    const char *key = is_probe ? "probe" : "admin";
    struct net_addr at[2];
    if (strcmp(text, "off") == 0)
        return ST_OK;
    unsigned n = listen_parse(span_of(text), at);
    if (!n)
        return err_set(e, ST_INVALID, "%s: \"%s\" is not ADDRESS:PORT", key, text);
    if (!is_probe && !net_addr_is_loopback(&at[0]) && !a->tokens)
        return err_set(e, ST_DENIED,
                       "admin: \"%s\" is beyond loopback, where admin_token_file must guard it",
                       text);
    enum status st = add(a, &at[0], is_probe, e);
    if (st != ST_OK)
        return err_wrap(e, st, "%s", key);
    struct err why = {""};
    if (n == 2)
        net_addr_set_port(&at[1], net_addr_port(&a->listeners[a->n_listeners - 1].at));
    if (n == 2 && add(a, &at[1], is_probe, &why) != ST_OK)
        log_warn(NULL, "%s: %s; IPv4 only", key, why.text);
    return ST_OK;
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
        st = open_listeners(a, a->config->admin, false, e);
    if (st == ST_OK)
        st = open_listeners(a, a->config->probe, true, e);
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

static bool is_beyond(const struct admin *a)
{
    for (unsigned i = 0; i < a->n_listeners; i++)
        if (!a->listeners[i].is_probe && !a->listeners[i].is_near)
            return true;
    return false;
}

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

void admin_free(struct admin *a)
{
    if (!a)
        return;
    while (!TAILQ_EMPTY(&a->conns))
        admin_hang_up(TAILQ_FIRST(&a->conns));
    for (unsigned i = 0; i < a->n_listeners; i++) {
        watch_free(a->listeners[i].watch);
        timer_free(a->listeners[i].accept_again);
        (void)close(a->listeners[i].fd);
        listen_unlink(&a->listeners[i].at);
    }
    token_file_close(a->tokens);
    sign_key_cache_free(a->keys);
    config_release(a->config);
    free(a);
}
