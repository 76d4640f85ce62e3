// SPDX-License-Identifier: Apache-2.0
// The walk over the providers, on control's loop. The first that is configured wins and its failure
// is final. Files are looked at every two seconds (one stat each): keys may be rotated, or appear,
// while the proxy runs.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "creds/creds_int.h"

#include "base/clock.h"
#include "base/secret.h"
#include "base/xalloc.h"
#include "log/log.h"

#define POLL_MS     2000
#define RETRY_MS    30000 // a mistake stays one until a file changes
#define DEADLINE_MS 20000

struct creds_chain {
    struct loop *loop;   // borrowed
    struct facts *facts; // borrowed
    struct creds_env env;
    struct timer *poll;
    char *config_path;
    char *credentials_path;
    struct creds_file_id config_id;
    struct creds_file_id credentials_id;
};

// One fetch: the answer comes a turn later, as facts wants it.
struct creds_fetch {
    struct creds_chain *chain;
    struct facts_flight *flight;
    struct deferred later;
};

static const struct creds_provider providers[] = {
    {"environment", provider_env},
    {"profile", provider_profile},
};

static void note(struct creds_walk *w, const char *name)
{
    size_t len = strlen(w->tried);
    (void)snprintf(w->tried + len, sizeof(w->tried) - len, "%s%s: %s", len ? "; " : "", name,
                   w->err.text);
}

static enum status walk(struct creds_walk *w, struct err *e)
{
    for (unsigned i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
        enum status st = providers[i].provide(w);
        if (st == ST_OK)
            return ST_OK;
        note(w, providers[i].name);
        if (st != ST_DECLINED)
            return err_set(e, st, "%s", w->err.text);
    }
    return err_set(e, ST_DECLINED, "%s", w->tried);
}

static void answer(void *arg)
{
    struct creds_fetch *f = arg;
    struct creds_chain *c = f->chain;
    struct facts_flight *flight = f->flight;
    struct fact_result r = {0};
    struct creds_walk w = {.env = &c->env};
    facts_flight_set_data(flight, NULL);
    free(f);
    w.profile = creds_select_profile(&c->env, facts_flight_key(flight));
    creds_files_load(&c->env, &w.files);
    r.status = walk(&w, &r.err);
    creds_files_clear(&w.files);
    if (r.status == ST_OK) {
        char mask[SECRET_MASK_LEN];
        int64_t left = INT64_MAX;
        if (w.found->expires_at_ms != INT64_MAX)
            left = w.found->expires_at_ms - clock_wall_ms();
        secret_mask(span_of(w.found->access_key), mask);
        log_info("creds", "credentials %s from %s", mask, w.found->source);
        r.value = w.found;
        r.free_value = creds_free;
        r.ttl_ms = left;
        r.refresh_in_ms = left;
    } else {
        log_warn("creds", "no credentials: %s", r.err.text);
        r.retry_in_ms = RETRY_MS;
    }
    facts_answer(flight, &r);
}

static void fetch(void *arg, const char *key, struct facts_flight *flight)
{
    struct creds_chain *c = arg;
    struct creds_fetch *f = xcalloc(1, sizeof(*f));
    (void)key;
    f->chain = c;
    f->flight = flight;
    f->later = (struct deferred){.fn = answer, .arg = f};
    facts_flight_set_data(flight, f);
    loop_defer(c->loop, &f->later);
}

static void cancel(void *arg, struct facts_flight *flight)
{
    struct creds_chain *c = arg;
    struct creds_fetch *f = facts_flight_data(flight);
    if (!f)
        return;
    loop_undefer(c->loop, &f->later);
    free(f);
}

static bool is_same(const struct creds_file_id *a, const struct creds_file_id *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->mtime_ns == b->mtime_ns && a->size == b->size;
}

static void on_poll(void *arg)
{
    struct creds_chain *c = arg;
    struct creds_file_id config = creds_file_identity(c->config_path);
    struct creds_file_id credentials = creds_file_identity(c->credentials_path);
    if (!is_same(&config, &c->config_id) || !is_same(&credentials, &c->credentials_id)) {
        c->config_id = config;
        c->credentials_id = credentials;
        facts_invalidate(c->facts, FACTS_CREDENTIALS, NULL);
    }
    timer_set(c->poll, POLL_MS);
}

struct creds_chain *creds_chain_new(struct loop *control, struct facts *f,
                                    const struct creds_env *env)
{
    struct creds_chain *c = xcalloc(1, sizeof(*c));
    struct facts_kind kind = {.name = "credentials",
                              .fetch = fetch,
                              .cancel = cancel,
                              .arg = c,
                              .keep_warm = true,
                              .deadline_ms = DEADLINE_MS};
    c->loop = control;
    c->facts = f;
    c->env = *env;
    creds_files_paths(env, &c->config_path, &c->credentials_path);
    c->config_id = creds_file_identity(c->config_path);
    c->credentials_id = creds_file_identity(c->credentials_path);
    c->poll = timer_new(control, on_poll, c);
    timer_set(c->poll, POLL_MS);
    facts_set_kind(f, FACTS_CREDENTIALS, &kind);
    return c;
}

void creds_chain_free(struct creds_chain *c)
{
    timer_free(c->poll);
    free(c->config_path);
    free(c->credentials_path);
    free(c);
}
