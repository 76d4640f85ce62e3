// SPDX-License-Identifier: Apache-2.0
// A start and a reload are the same: all that can fail (certificates, keys, tokens) is loaded
// first, for all workers; what is then handed to them can't fail, and reaches each as one message.
#include <stdlib.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "ca/ca.h"
#include "front/listener.h"

struct front_change {
    struct front *front;
    struct config *config;
    struct tls_trust *trust;
    struct tls_acceptor *acceptor;
    struct ca *ca;                // NULL: nothing is intercepted
    struct tls_acceptor *insider; // with it
    struct token_file *tokens;
    struct tls_client **clients; // one a worker; NULL: they go on with theirs
    unsigned n;
};

static enum status load_guards(struct front_change *c, struct err *e)
{
    const struct config *cfg = c->config;
    struct tls_acceptor_files files = {
        .cert = cfg->listen_cert, .key = cfg->listen_key, .client_ca = cfg->listen_client_ca};
    if (files.cert && tls_acceptor_load(&files, &c->acceptor, e) != ST_OK)
        return err_wrap(e, ST_IO, "listen_cert, listen_key, listen_client_ca");
    if (cfg->proxy_auth_file &&
        token_file_open(c->front->options.main, cfg->proxy_auth_file, &c->tokens, e) != ST_OK)
        return err_wrap(e, ST_IO, "proxy_auth_file");
    return ST_OK;
}

static enum status load_ca(struct front_change *c, struct err *e)
{
    const struct config *cfg = c->config;
    if (!config_intercepts(cfg))
        return ST_OK;
    enum status st = *cfg->ca_dir
                         ? ca_open(cfg->ca_dir, clock_wall_ms(), &c->ca, e)
                         : err_set(e, ST_INVALID, "ca_dir: there is no home folder; name a folder");
    if (st != ST_OK)
        return err_wrap(e, st, "connect = intercept");
    c->insider = tls_acceptor_bare();
    return ST_OK;
}

static enum status make_clients(struct front_change *c, struct err *e)
{
    const struct config *now = c->front->config;
    if (now && now->verify_ssl == c->config->verify_ssl &&
        tls_trust_is_same(c->front->trust, c->trust))
        return ST_OK;
    c->clients = xcalloc(c->n, sizeof(struct tls_client *));
    for (unsigned i = 0; i < c->n; i++) {
        c->clients[i] = tls_client_new(c->trust, c->config->verify_ssl, e);
        if (!c->clients[i])
            return ST_IO;
    }
    return ST_OK;
}

enum status front_prepare(struct front *f, struct config *config, struct tls_trust *trust,
                          struct front_change **out, struct err *e)
{
    struct front_change *c = xcalloc(1, sizeof(*c));
    c->front = f;
    c->config = config_acquire(config);
    c->trust = tls_trust_acquire(trust);
    c->n = f->options.n_workers;
    enum status st = load_guards(c, e);
    if (st == ST_OK)
        st = load_ca(c, e);
    if (st == ST_OK)
        st = make_clients(c, e);
    if (st == ST_OK)
        *out = c;
    else
        front_change_free(c);
    return st;
}

void front_change_free(struct front_change *c)
{
    if (!c)
        return;
    for (unsigned i = 0; c->clients && i < c->n; i++)
        tls_client_free(c->clients[i]);
    free(c->clients);
    config_release(c->config);
    tls_trust_release(c->trust);
    tls_acceptor_release(c->acceptor);
    tls_acceptor_release(c->insider);
    ca_release(c->ca);
    token_file_close(c->tokens);
    free(c);
}

static struct worker_setup setup_of(struct front_change *c, unsigned worker)
{
    struct worker_setup s = {.config = config_acquire(c->config)};
    if (c->acceptor)
        s.acceptor = tls_acceptor_acquire(c->acceptor);
    if (c->ca) {
        s.ca = ca_acquire(c->ca);
        s.insider = tls_acceptor_acquire(c->insider);
    }
    if (c->tokens)
        s.auth = token_set_acquire(token_file_get(c->tokens));
    if (c->clients) {
        s.tls = c->clients[worker];
        c->clients[worker] = NULL;
    }
    return s;
}

static void on_tokens(void *arg)
{
    struct front *f = arg;
    for (unsigned i = 0; i < f->n_workers; i++)
        worker_set_tokens(&f->workers[i], token_file_get(f->tokens));
}

// What main needs itself; the rest of the change, with what was there before, is freed.
static void keep(struct front_change *c)
{
    struct front *f = c->front;
    struct config *config = f->config;
    struct token_file *tokens = f->tokens;
    f->config = c->config;
    f->tokens = c->tokens;
    c->config = config;
    c->tokens = tokens;
    if (c->clients) {
        tls_trust_release(f->trust);
        f->trust = tls_trust_acquire(c->trust);
    }
    if (f->tokens)
        token_file_watch(f->tokens, on_tokens, f);
    front_change_free(c);
}

void setup_first(struct front_change *c)
{
    for (unsigned i = 0; i < c->n; i++)
        c->front->workers[i].setup = setup_of(c, i);
    keep(c);
}

void front_apply(struct front_change *c)
{
    struct front *f = c->front;
    for (unsigned i = 0; i < f->n_workers; i++) {
        struct worker_setup s = setup_of(c, i);
        worker_take_setup(&f->workers[i], &s);
    }
    keep(c);
    limit_set_cap(&f->shared.connections, front_connection_cap(f->config));
    limit_set_cap(&f->shared.spool, f->config->spool_max);
    listeners_warn(f);
    if (f->is_paused && !timer_is_set(f->accept_again))
        listener_pause(f, false); // there may be room now
}
