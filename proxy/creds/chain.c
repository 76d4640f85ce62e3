// SPDX-License-Identifier: Apache-2.0
// The chain: a list of providers, walked once a fetch. The first that is configured decides, also
// when it fails. A walk reads both shared files at its start and shows its providers only that
// reading, so no triple is mixed from two states of a file.
//
// Files are looked at every 2 s; a change makes facts fetch again, and facts keeps the generation
// where the keys turn out to be the same. A file younger than a few seconds counts as changed: it
// may have been written twice within one tick of the file system's clock.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/xalloc.h"
#include "creds/creds_int.h"
#include "log/log.h"
#include "metrics/metrics.h"

#define POLL_MS        2000
#define YOUNG_MS       4000
#define FETCH_LIMIT_MS 20000
#define USE_MARGIN_MS  5000 // not signed with in the last seconds: requests take time to arrive

static const struct provider *const providers[] = {
    &provider_env, &provider_web_identity, &provider_profile, &provider_container, &provider_imds,
};
#define N_PROVIDERS (sizeof(providers) / sizeof(providers[0]))

struct creds_chain {
    struct loop *loop;
    struct facts *facts;
    char *const *envp; // borrowed
    char *profile;     // NULL: none said
    struct timer *timer;
    char *paths[FILE_KINDS];
    struct file_id polled[FILE_KINDS];
    struct file_id told[FILE_KINDS]; // whose warnings are in the log
    bool is_odd_told[N_PROVIDERS];
    char *said; // the last outcome in the log
};

struct walk {
    struct creds_chain *chain;
    struct loop *loop; // borrowed: a cancelled walk may outlive its chain
    struct facts_flight *flight;
    struct deferred begin;
    struct profiles *profiles;
    struct creds_query query;
    char *option; // the profile that the key or the option names
    size_t at;    // provider whose answer is awaited
    void *op;
    struct err tried; // what the providers said that did not serve
};

static void walk_free(struct walk *w)
{
    loop_undefer(w->loop, &w->begin);
    profiles_free(w->profiles);
    free(w->option);
    free(w);
}

static void say(struct creds_chain *c, enum log_level level, const char *text)
{
    if (c->said && strcmp(c->said, text) == 0)
        return;
    free(c->said);
    c->said = xstrdup(text);
    log_line(level, "creds", "%s", text);
}

// Ends the walk.
static void answer(struct walk *w, const struct fact_result *r)
{
    struct creds_chain *c = w->chain;
    struct facts_flight *flight = w->flight;
    const struct creds *creds = r->value;
    struct err line;
    if (creds) {
        char masked[SECRET_MASK_LEN];
        secret_mask(span_of(creds->access_key), masked);
        (void)err_set(&line, ST_OK, "using %s from %s", masked, creds->source);
        say(c, LOG_INFO, line.text);
    } else if (r->status != ST_AGAIN) {
        (void)err_set(&line, ST_OK, "%s: %s",
                      facts_flight_is_refresh(flight)
                          ? "no new credentials, the old ones go on serving"
                          : "no credentials",
                      r->err.text);
        say(c, LOG_WARN, line.text);
    }
    if (creds)
        metrics_inc(METRIC_CREDS_REFRESHES);
    else if (r->status != ST_AGAIN)
        metrics_count(METRIC_CREDS_FAILURES,
                      span_of(w->at < N_PROVIDERS ? providers[w->at]->name : "none"));
    walk_free(w);
    facts_answer(flight, r);
}

static void fail(struct walk *w, enum status st, int64_t retry_in_ms, const struct err *why)
{
    struct fact_result r = {.status = st, .retry_in_ms = retry_in_ms, .err = *why};
    answer(w, &r);
}

static void refuse_expired(struct walk *w, struct creds *creds)
{
    struct err why;
    char at[25];
    clock_format_iso(creds->expires_at_ms, at);
    enum status st =
        err_set(&why, ST_INVALID, "the credentials of %s have expired, at %s", creds->source, at);
    creds_free(creds);
    fail(w, st, RETRY_BROKEN_MS, &why);
}

static void serve(struct walk *w, struct creds *creds)
{
    struct fact_result r = {.status = ST_OK,
                            .value = creds,
                            .free_value = creds_free,
                            .ttl_ms = INT64_MAX,
                            .refresh_in_ms = INT64_MAX};
    if (creds->expires_at_ms != INT64_MAX) {
        r.ttl_ms = creds->expires_at_ms - clock_wall_ms() - USE_MARGIN_MS;
        r.refresh_in_ms = r.ttl_ms;
    }
    if (r.ttl_ms > 0)
        answer(w, &r);
    else
        refuse_expired(w, creds);
}

static void remember(struct walk *w, const char *name, const struct err *why)
{
    struct err line;
    (void)err_set(&line, ST_OK, "%s%s%s: %s", w->tried.text, w->tried.text[0] ? "; " : "", name,
                  why->text);
    w->tried = line;
}

static void next(struct walk *w);

static void on_answer(void *arg, const struct provider_answer *a)
{
    struct walk *w = arg;
    struct creds_chain *c = w->chain;
    const struct provider *p = providers[w->at];
    w->op = NULL;
    if (a->status == ST_OK) {
        serve(w, a->creds);
        return;
    }
    struct err why = a->err;
    if (a->status != ST_DECLINED) {
        fail(w, err_wrap(&why, a->status, "%s", p->name), a->retry_in_ms, &why);
        return;
    }
    if (a->is_odd && !c->is_odd_told[w->at]) {
        c->is_odd_told[w->at] = true;
        log_warn("creds", "%s: %s", p->name, a->err.text);
    }
    remember(w, p->name, &a->err);
    w->at++;
    next(w);
}

static void next(struct walk *w)
{
    while (w->at < N_PROVIDERS && providers[w->at]->is_environment && w->query.choice.is_option)
        w->at++;
    if (w->at < N_PROVIDERS) {
        w->op = providers[w->at]->start(&w->query, on_answer, w);
        return;
    }
    struct err why = w->tried;
    fail(w, ST_DECLINED, RETRY_NOTHING_MS, &why);
}

static void tell_warnings(struct creds_chain *c, const struct profiles *p, enum file_kind kind)
{
    const struct profile_file *f = p->files[kind];
    if (file_id_same(&c->told[kind], &p->ids[kind]))
        return;
    c->told[kind] = p->ids[kind];
    if (p->status[kind] != ST_OK && p->status[kind] != ST_DECLINED && p->status[kind] != ST_AGAIN)
        log_warn("creds", "%s is left out: %s", p->paths[kind], p->why[kind].text);
    for (unsigned i = 0; i < f->n_warnings; i++)
        log_warn("creds", "%s:%u: %s", p->paths[kind], f->warnings[i].line, f->warnings[i].what);
    if (kind == FILE_CREDENTIALS && p->status[kind] == ST_OK && (p->ids[kind].mode & 022))
        log_warn("creds", "%s can be written by others", p->paths[kind]);
}

// A profile that somebody named must be there, whatever else would serve.
static bool is_named_profile_missing(const struct walk *w)
{
    const struct profiles *p = w->profiles;
    for (enum file_kind kind = FILE_CREDENTIALS; kind < FILE_KINDS; kind++)
        if (p->status[kind] == ST_AGAIN)
            return false; // not known in this moment
    return w->query.choice.named_by && !profiles_has(p, w->query.choice.name);
}

static void on_begin(void *arg)
{
    struct walk *w = arg;
    struct creds_chain *c = w->chain;
    w->profiles = profiles_load(c->envp);
    for (enum file_kind kind = FILE_CREDENTIALS; kind < FILE_KINDS; kind++)
        tell_warnings(c, w->profiles, kind);
    w->query = (struct creds_query){.loop = c->loop,
                                    .envp = c->envp,
                                    .choice = profile_choose(c->envp, w->option),
                                    .profiles = w->profiles};
    if (!is_named_profile_missing(w)) {
        next(w);
        return;
    }
    struct err why;
    profiles_say_missing(w->profiles, &w->query.choice, &why);
    fail(w, err_wrap(&why, ST_INVALID, "%s", w->query.choice.named_by), RETRY_BROKEN_MS, &why);
}

static void fetch(void *arg, const char *key, struct facts_flight *flight)
{
    struct creds_chain *c = arg;
    struct walk *w = xcalloc(1, sizeof(*w));
    w->chain = c;
    w->loop = c->loop;
    w->flight = flight;
    w->begin.fn = on_begin;
    w->begin.arg = w;
    if (strncmp(key, "profile=", 8) == 0)
        w->option = xstrdup(key + 8);
    else if (c->profile)
        w->option = xstrdup(c->profile);
    facts_flight_set_data(flight, w);
    loop_defer(c->loop, &w->begin);
}

static void cancel(void *arg, struct facts_flight *flight)
{
    (void)arg;
    struct walk *w = facts_flight_data(flight);
    if (w->op)
        providers[w->at]->cancel(w->op);
    walk_free(w);
}

void creds_chain_poll(struct creds_chain *c)
{
    bool has_changed = false;
    for (enum file_kind kind = FILE_CREDENTIALS; kind < FILE_KINDS; kind++) {
        struct file_id id;
        file_look(c->paths[kind], &id);
        int64_t age_ms = clock_wall_ms() - id.ctime_ns / 1000000;
        bool is_young = id.exists && age_ms >= 0 && age_ms < YOUNG_MS;
        has_changed = has_changed || is_young || !file_id_same(&id, &c->polled[kind]);
        c->polled[kind] = id;
    }
    if (has_changed)
        facts_invalidate(c->facts, FACTS_CREDENTIALS, NULL);
}

static void on_timer(void *arg)
{
    struct creds_chain *c = arg;
    creds_chain_poll(c);
    timer_set(c->timer, POLL_MS);
}

struct creds_chain *creds_chain_new(struct loop *control, struct facts *f,
                                    const struct creds_env *env)
{
    struct creds_chain *c = xcalloc(1, sizeof(*c));
    c->loop = control;
    c->facts = f;
    c->envp = env->envp;
    c->profile = env->profile && *env->profile ? xstrdup(env->profile) : NULL;
    for (enum file_kind kind = FILE_CREDENTIALS; kind < FILE_KINDS; kind++) {
        c->paths[kind] = profiles_path(c->envp, kind);
        file_look(c->paths[kind], &c->polled[kind]);
    }
    facts_set_kind(f, FACTS_CREDENTIALS,
                   &(struct facts_kind){.name = "credentials",
                                        .fetch = fetch,
                                        .cancel = cancel,
                                        .is_same = creds_same,
                                        .arg = c,
                                        .keep_warm = true,
                                        .deadline_ms = FETCH_LIMIT_MS});
    c->timer = timer_new(control, on_timer, c);
    timer_set(c->timer, POLL_MS);
    return c;
}

void creds_chain_free(struct creds_chain *c)
{
    if (!c)
        return;
    timer_free(c->timer);
    for (enum file_kind kind = FILE_CREDENTIALS; kind < FILE_KINDS; kind++)
        free(c->paths[kind]);
    free(c->profile);
    free(c->said);
    free(c);
}
