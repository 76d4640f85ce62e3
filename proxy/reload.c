// SPDX-License-Identifier: Apache-2.0
// SIGHUP: everything that the configuration names is loaded first (files, certificates, keys,
// tokens, the region), beside what runs. Only when all of it is good does anything change, and then
// by messages that can't fail: to the workers, to admin, to control. A request keeps the snapshot
// that it began with. The configuration, AWS's files and the authorities are read on a thread of
// their own: a disk that stands still must not keep main from accepting.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/xalloc.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "policy/plan.h"
#include "serve_int.h"

#define READER_WAIT_S 2
#define RESCUE_MS     200

struct next {
    struct config *config;
    struct tls_trust *trust;
    struct tls_client *tls; // control's; NULL: it goes on with its own
    struct tls_client *s3_tls;
    struct front_change *front;
    struct admin_change *admin;
    struct buf waiting; // settings that need a restart
};

// What the reader's thread owns until its message comes.
struct reading {
    struct proxy *proxy; // its source, config and trust stay as they are meanwhile
    struct next next;
    enum status st;
    struct err why;
    pthread_t thread;
    bool has_thread;
};

// ---- control's part

struct order {
    struct proxy *proxy;
    struct config *config;
    struct tls_client *tls;
    struct tls_client *s3_tls;
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

static bool is_session_kept(void *arg, const char *key)
{
    return is_kept(arg, s3_session_creds_key(key));
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
        facts_prune(p->facts, FACTS_S3_SESSIONS, is_session_kept, &keys);
        arena_clear(&keys.arena);
        facts_invalidate(p->facts, FACTS_CREDENTIALS, NULL);
        facts_warm(p->facts, FACTS_CREDENTIALS, o->creds_key);
        serve_set_sessions(p, o->config, o->s3_tls);
        o->config = NULL;
        o->s3_tls = NULL;
    }
    tls_client_free(o->s3_tls);
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
    o->s3_tls = n->s3_tls;
    n->s3_tls = NULL;
    o->creds_key = xstrdup(p->creds_key);
    loop_post(p->control, take_order, o);
}

// ---- everything beside what runs

static enum status load_trust(const struct proxy *p, struct next *n, struct err *e)
{
    enum status st = tls_trust_load(n->config->ca_bundle, &n->trust, e);
    if (st != ST_OK)
        return err_wrap(e, st, "ca_bundle");
    n->s3_tls = tls_client_new(n->trust, n->config->verify_ssl, e);
    if (!n->s3_tls)
        return ST_IO;
    if (tls_trust_is_same(p->trust, n->trust))
        return ST_OK;
    n->tls = tls_client_new(n->trust, true, e);
    return n->tls ? ST_OK : ST_IO;
}

// The reader's thread.
static enum status load_files(const struct proxy *p, struct next *n, struct err *e)
{
    enum status st = settings_load(p->source, &n->config, e);
    if (st != ST_OK)
        return st;
    config_keep_fixed(n->config, p->config, &n->waiting);
    settings_find_region(p->source, n->config);
    return load_trust(p, n, e);
}

static enum status prepare(struct proxy *p, struct next *n, struct err *e)
{
    enum status st = front_prepare(p->front, n->config, n->trust, &n->front, e);
    if (st == ST_OK)
        st = admin_prepare(p->admin, n->config, &n->admin, e);
    return st;
}

static void next_clear(struct next *n)
{
    front_change_free(n->front);
    admin_change_free(n->admin);
    tls_client_free(n->tls);
    tls_client_free(n->s3_tls);
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

static void reading_free(struct reading *r)
{
    next_clear(&r->next);
    free(r);
}

static void finish(struct proxy *p, struct reading *r)
{
    struct admin_reloads *told = &p->process.reloads;
    if (r->st == ST_OK)
        r->st = prepare(p, &r->next, &r->why);
    told->why = r->why;
    told->is_failed = r->st != ST_OK;
    metrics_inc(told->is_failed ? METRIC_RELOAD_FAILED : METRIC_RELOAD_GOOD);
    if (told->is_failed) {
        log_error(NULL, "reload failed, nothing was changed: %s", told->why.text);
    } else {
        told->good_wall_ms = told->tried_wall_ms;
        apply(p, &r->next);
    }
    notify_send(p->notify, "READY=1");
}

static void on_read(void *arg)
{
    struct proxy *p = arg;
    struct reading *r = p->reading;
    if (!r) // reload_end was first
        return;
    if (r->has_thread)
        (void)pthread_join(r->thread, NULL);
    p->reading = NULL;
    if (!p->is_stopping)
        finish(p, r);
    reading_free(r);
    if (p->is_reload_due && !p->is_stopping) {
        p->is_reload_due = false;
        reload_begin(p);
    }
}

static void *read_files(void *arg)
{
    struct reading *r = arg;
    (void)pthread_setname_np(pthread_self(), "reload");
    r->st = load_files(r->proxy, &r->next, &r->why);
    metrics_thread_end();
    log_thread_end();
    digest_thread_end();
    loop_post(r->proxy->main, on_read, r->proxy);
    return NULL;
}

void reload_begin(struct proxy *p)
{
    if (p->reading) { // what it has read may be older than this signal
        p->is_reload_due = true;
        return;
    }
    struct reading *r = xcalloc(1, sizeof(*r));
    sigset_t all;
    sigset_t old;
    r->proxy = p;
    buf_init(&r->next.waiting);
    p->reading = r;
    p->process.reloads.tried_wall_ms = clock_wall_ms();
    notify_reloading(p->notify);
    (void)sigfillset(&all); // signals are main's business
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    r->has_thread = pthread_create(&r->thread, NULL, read_files, r) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!r->has_thread) {
        r->st = load_files(p, &r->next, &r->why);
        loop_post(p->main, on_read, p);
    }
}

void reload_end(struct proxy *p)
{
    struct reading *r = p->reading;
    struct timespec until;
    if (!r)
        return;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += READER_WAIT_S;
    if (r->has_thread && pthread_timedjoin_np(r->thread, NULL, &until) == ETIMEDOUT) {
        log_warn(NULL, "stopped while a reload still reads its files");
        log_rescue(RESCUE_MS);
        _exit(0); // it uses what would be taken apart now
    }
    p->reading = NULL;
    reading_free(r);
}
