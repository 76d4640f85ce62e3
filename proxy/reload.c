// SPDX-License-Identifier: Apache-2.0
// SIGHUP: everything that the configuration names is loaded first (files, certificates, keys,
// tokens, the region), beside what runs. Only when all of it is good does anything change, and then
// by messages that can't fail: to the workers, to admin, to control. A request keeps the snapshot
// that it began with.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "policy/plan.h"
#include "serve_int.h"

struct next {
    struct config *config;
    struct tls_trust *trust;
    struct tls_client *tls; // control's; NULL: it goes on with its own
    struct front_change *front;
    struct admin_change *admin;
    struct buf waiting; // settings that need a restart
};

// ---- control's part

struct order {
    struct proxy *proxy;
    struct config *config;
    struct tls_client *tls;
    char *creds_key;
};

struct keys {
    const struct config *config;
    struct arena arena;
};

static bool is_kept(void *arg, const char *key)
{
    struct keys *k = arg;
    bool keep = plan_uses_creds(k->config, key, &k->arena);
    arena_reset(&k->arena);
    return keep;
}

static void take_order(void *arg)
{
    struct order *o = arg;
    struct proxy *p = o->proxy;
    struct keys keys = {.config = o->config};
    if (p->facts) { // else a message that is run when all has ended
        struct creds_env env = {.profile = o->config->profile,
                                .region = o->config->region,
                                .last_region = settings_last_region(o->config),
                                .tls = o->tls ? o->tls : p->tls};
        creds_chain_set(p->chain, &env);
        arena_init(&keys.arena);
        facts_prune(p->facts, FACTS_CREDENTIALS, is_kept, &keys);
        arena_clear(&keys.arena);
        facts_invalidate(p->facts, FACTS_CREDENTIALS, NULL);
        facts_warm(p->facts, FACTS_CREDENTIALS, o->creds_key);
    }
    if (o->tls) {
        tls_client_free(p->tls);
        p->tls = o->tls;
    }
    config_release(o->config);
    free(o->creds_key);
    free(o);
}

static void send_order(struct proxy *p, struct next *n)
{
    struct order *o = xcalloc(1, sizeof(*o));
    o->proxy = p;
    o->config = config_acquire(n->config);
    o->tls = n->tls;
    n->tls = NULL;
    o->creds_key = xstrdup(p->creds_key);
    loop_post(p->control, take_order, o);
}

// ---- everything beside what runs

static enum status load_trust(const struct proxy *p, struct next *n, struct err *e)
{
    enum status st = tls_trust_load(n->config->ca_bundle, &n->trust, e);
    if (st != ST_OK)
        return err_wrap(e, st, "ca_bundle");
    if (tls_trust_is_same(p->trust, n->trust))
        return ST_OK;
    n->tls = tls_client_new(n->trust, true, e);
    return n->tls ? ST_OK : ST_IO;
}

static enum status load(struct proxy *p, struct next *n, struct err *e)
{
    enum status st = settings_load(p->source, &n->config, e);
    if (st != ST_OK)
        return st;
    config_keep_fixed(n->config, p->config, &n->waiting);
    settings_find_region(p->source, n->config);
    st = load_trust(p, n, e);
    if (st == ST_OK)
        st = front_prepare(p->front, n->config, n->trust, &n->front, e);
    if (st == ST_OK)
        st = admin_prepare(p->admin, n->config, &n->admin, e);
    return st;
}

static void next_clear(struct next *n)
{
    front_change_free(n->front);
    admin_change_free(n->admin);
    tls_client_free(n->tls);
    tls_trust_release(n->trust);
    config_release(n->config);
    buf_clear(&n->waiting);
}

// ---- from here on nothing fails

static void say_changes(struct proxy *p, struct next *n)
{
    struct admin_reloads *r = &p->process.reloads;
    free(r->waiting);
    r->waiting = n->waiting.len ? xstrdup(buf_cstr(&n->waiting)) : NULL;
    if (n->config->note)
        log_warn(NULL, "%s", n->config->note);
    if (!n->config->verify_ssl && p->config->verify_ssl)
        serve_warn_unverified();
    if (r->waiting)
        log_warn(NULL, "reload: a change of %s needs a restart, or SIGUSR2; the old values hold",
                 r->waiting);
}

static void apply(struct proxy *p, struct next *n)
{
    say_changes(p, n);
    log_set_level(n->config->log_level);
    log_set_format(n->config->log_format);
    front_apply(n->front);
    admin_apply(n->admin);
    n->front = NULL;
    n->admin = NULL;
    free(p->creds_key);
    p->creds_key = serve_creds_key(n->config);
    p->process.creds_key = p->creds_key;
    if (n->tls) {
        tls_trust_release(p->trust);
        p->trust = tls_trust_acquire(n->trust);
    }
    send_order(p, n);
    config_release(p->config);
    p->config = config_acquire(n->config);
    log_info(NULL, "reloaded %s: %u routes", p->config->file_name ? p->config->file_name : "",
             p->config->n_routes);
}

void reload_now(struct proxy *p)
{
    struct admin_reloads *r = &p->process.reloads;
    struct next n = {0};
    buf_init(&n.waiting);
    r->why.text[0] = '\0';
    r->tried_wall_ms = clock_wall_ms();
    r->is_failed = load(p, &n, &r->why) != ST_OK;
    metrics_inc(r->is_failed ? METRIC_RELOAD_FAILED : METRIC_RELOAD_GOOD);
    if (r->is_failed) {
        log_error(NULL, "reload failed, nothing was changed: %s", r->why.text);
    } else {
        r->good_wall_ms = r->tried_wall_ms;
        apply(p, &n);
    }
    next_clear(&n);
}
