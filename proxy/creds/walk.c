// SPDX-License-Identifier: Apache-2.0
// A walk asks provider after provider; the first that is configured decides, also when it fails. It
// reads both shared files at its start and shows its providers only that reading, so no triple is
// mixed from two states of a file. A key for one source ("source=", "provider=", "role=",
// "only-profile=") is a walk of one step, whose provider must not decline.
#include "creds/walk_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/xalloc.h"
#include "log/log.h"
#include "metrics/metrics.h"

#define USE_MARGIN_MS 5000 // not signed with in the last seconds: requests take time to arrive
#define EXTENDED_MS   ((int64_t)300000)

static const struct provider *const chain_steps[N_PROVIDERS] = {
    &provider_env, &provider_web_identity, &provider_profile, &provider_container, &provider_imds,
};

const char *creds_provider_name(unsigned i)
{
    return i < N_PROVIDERS ? chain_steps[i]->name : NULL;
}

struct walk {
    LIST_ENTRY(walk) link;
    struct creds_chain *chain;
    struct loop *loop; // borrowed: a cancelled walk may outlive its chain
    struct facts_flight *flight;
    struct deferred begin;
    struct profiles *profiles;
    struct creds_query query;
    char *option; // the profile that the key or the option names
    char *role;   // of a role key
    char *region; // the chain's when it began, as last_region
    char *last_region;
    struct seen_key *seen;
    const struct provider *const *steps;
    const struct provider *only; // of a key for one source
    size_t n_steps;
    size_t at; // whose answer is awaited
    struct provider_op *op;
    struct err tried;   // what the providers said that did not serve
    const char *detail; // borrowed; of the failure that is being told, NULL: none
};

static void walk_free(struct walk *w)
{
    loop_undefer(w->loop, &w->begin);
    if (w->chain)
        LIST_REMOVE(w, link);
    if (w->chain && w->seen)
        w->seen->is_walking = false;
    profiles_free(w->profiles);
    free(w->option);
    free(w->role);
    free(w->region);
    free(w->last_region);
    free(w);
}

static void say(struct seen_key *seen, enum log_level level, const char *text)
{
    if (seen->said && strcmp(seen->said, text) == 0)
        return;
    free(seen->said);
    seen->said = xstrdup(text);
    if (seen->key[0])
        log_line(level, "creds", "%s: %s", seen->key, text);
    else
        log_line(level, "creds", "%s", text);
}

static void add_detail(struct buf *text, const char *detail)
{
    if (detail)
        buf_addf(text, "; it wrote: %s", detail);
}

// Ends the walk.
static void answer(struct walk *w, const struct fact_result *r)
{
    struct facts_flight *flight = w->flight;
    const struct creds *creds = r->value;
    struct err line;
    w->seen->has_failed = r->status != ST_OK;
    if (creds) {
        char masked[SECRET_MASK_LEN];
        secret_mask(span_of(creds->access_key), masked);
        (void)err_set(&line, ST_OK, "using %s from %s", masked, creds->source);
        say(w->seen, LOG_INFO, line.text);
    } else if (r->status != ST_AGAIN) {
        struct buf whole;
        buf_init(&whole);
        buf_addf(&whole, "%s: %s",
                 facts_flight_is_refresh(flight) ? "no new credentials, the old ones go on serving"
                                                 : "no credentials",
                 r->err.text);
        add_detail(&whole, w->detail);
        say(w->seen, LOG_WARN, buf_cstr(&whole));
        buf_clear(&whole);
    }
    if (creds)
        metrics_inc(METRIC_CREDS_REFRESHES);
    else if (r->status != ST_AGAIN)
        metrics_count(METRIC_CREDS_FAILURES,
                      span_of(w->at < w->n_steps ? w->steps[w->at]->name : "none"));
    walk_free(w);
    facts_answer(flight, r);
}

static int64_t extension_ms(struct walk *w)
{
    return EXTENDED_MS + rng_below(&w->chain->kit.rng, EXTENDED_MS);
}

// What outlived its expiry serves until AWS itself refuses it.
static bool is_overstayed(struct walk *w)
{
    struct seen_key *s = w->seen;
    bool is_past = s->extends_from_ms && clock_wall_ms() >= s->extends_from_ms;
    if (is_past && facts_flight_was_refused(w->flight))
        s->refused_to_ms = s->extends_from_ms;
    return is_past && s->extends_from_ms <= s->refused_to_ms;
}

static void fail(struct walk *w, enum status st, int64_t retry_in_ms, const struct err *why)
{
    struct fact_result r = {.status = st, .retry_in_ms = retry_in_ms, .err = *why};
    int64_t extends_from_ms = w->seen->extends_from_ms;
    if (is_overstayed(w))
        r.ends_value = true;
    else if (extends_from_ms && clock_wall_ms() >= extends_from_ms &&
             facts_flight_is_refresh(w->flight))
        r.retry_in_ms = extension_ms(w);
    answer(w, &r);
}

static void refuse_expired(struct walk *w, struct creds *creds, const char *also)
{
    struct err why;
    char at[25];
    clock_format_iso(creds->expires_at_ms, at);
    enum status st = err_set(&why, ST_INVALID, "the credentials of %s have expired, at %s%s",
                             creds->source, at, also);
    creds_free(creds);
    fail(w, st, RETRY_BROKEN_MS, &why);
}

// Services may still accept what the metadata service of an ailing machine can't renew.
static void extend(struct walk *w, const struct creds *creds, struct fact_result *r)
{
    char at[25];
    clock_format_iso(creds->expires_at_ms, at);
    r->ttl_ms = r->refresh_in_ms = extension_ms(w);
    log_warn("creds", "the credentials of %s have expired, at %s; they go on being used",
             creds->source, at);
}

static void serve(struct walk *w, const struct provider_answer *a)
{
    struct creds *creds = a->creds;
    struct creds_kit *kit = &w->chain->kit;
    struct fact_result r = {.status = ST_OK,
                            .value = creds,
                            .free_value = creds_free,
                            .ttl_ms = INT64_MAX,
                            .refresh_in_ms = a->poll_in_ms ? a->poll_in_ms : INT64_MAX};
    if (creds->expires_at_ms != INT64_MAX) {
        int64_t lifetime_ms = creds->expires_at_ms - clock_wall_ms();
        r.ttl_ms = lifetime_ms - USE_MARGIN_MS;
        r.refresh_in_ms = a->is_fixed ? r.ttl_ms : refresh_wait(lifetime_ms, rng_unit(&kit->rng));
    }
    if (creds->outlives_expiry && r.ttl_ms <= 0 && is_overstayed(w) &&
        creds->expires_at_ms <= w->seen->refused_to_ms) {
        refuse_expired(w, creds, ", and AWS refuses them");
        return;
    }
    w->seen->extends_from_ms = 0;
    if (creds->outlives_expiry) {
        r.stale_ms = INT64_MAX;
        w->seen->extends_from_ms = creds->expires_at_ms;
        if (r.ttl_ms <= 0)
            extend(w, creds, &r);
    }
    if (r.ttl_ms > 0)
        answer(w, &r);
    else
        refuse_expired(w, creds, "");
}

static void remember(struct walk *w, const char *name, const struct err *why)
{
    struct err line;
    (void)err_set(&line, ST_OK, "%s%s%s: %s", w->tried.text, w->tried.text[0] ? "; " : "", name,
                  why->text);
    w->tried = line;
}

static void tell(const struct walk *w, const char *provider, enum status st, const char *text)
{
    struct buf whole;
    if (!w->chain->tell || (w->only && !w->detail))
        return;
    buf_init(&whole);
    buf_add_str(&whole, text);
    add_detail(&whole, w->detail);
    w->chain->tell(w->chain->tell_arg, provider, st, buf_cstr(&whole));
    buf_clear(&whole);
}

static void next(struct walk *w);

static void on_answer(void *arg, const struct provider_answer *a)
{
    struct walk *w = arg;
    struct creds_chain *c = w->chain;
    const struct provider *p = w->steps[w->at];
    w->op = NULL;
    w->detail = a->detail;
    tell(w, p->name, a->status, a->status == ST_OK ? a->creds->source : a->err.text);
    if (a->status == ST_OK) {
        serve(w, a);
        return;
    }
    struct err why = a->err;
    if (a->status != ST_DECLINED || w->only) {
        enum status st = a->status == ST_DECLINED ? ST_INVALID : a->status;
        fail(w, err_wrap(&why, st, "%s", p->name), a->retry_in_ms, &why);
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
    while (!w->only && w->at < w->n_steps && w->steps[w->at]->is_environment &&
           w->query.choice.is_option) {
        tell(w, w->steps[w->at]->name, ST_DECLINED, "left out, since a profile is named");
        w->at++;
    }
    if (w->at < w->n_steps) {
        w->op = w->steps[w->at]->start(&w->query, on_answer, w);
        return;
    }
    struct err why = w->tried;
    fail(w, ST_DECLINED, RETRY_NOTHING_MS, &why);
}

// ---- the beginning

static bool runs_commands(const struct profile_file *f)
{
    for (unsigned i = 0; i < f->n_properties; i++)
        if (span_is(f->properties[i].key, "credential_process"))
            return true;
    return false;
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
    bool matters = kind == FILE_CREDENTIALS || runs_commands(f);
    if (matters && p->status[kind] == ST_OK && (p->ids[kind].mode & 022))
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

static void only(struct walk *w, const struct provider *p)
{
    w->only = p;
    w->steps = &w->only;
    w->n_steps = 1;
}

static const char *behind(const char *key, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(key, prefix, len) == 0 ? key + len : NULL;
}

static void read_role_key(struct walk *w, const char *arn)
{
    const char *blank = strchr(arn, ' ');
    w->role = blank ? xstrndup(arn, (size_t)(blank - arn)) : xstrdup(arn);
    w->query.role_arn = w->role;
    w->query.role_source = blank ? blank + 1 : "";
    const char *profile = behind(w->query.role_source, "profile=");
    if (!profile)
        profile = behind(w->query.role_source, "only-profile=");
    if (profile)
        w->option = xstrdup(profile);
    only(w, &provider_role);
}

static void read_key(struct walk *w, const char *key)
{
    const char *name = NULL;
    w->steps = chain_steps;
    w->n_steps = N_PROVIDERS;
    if ((name = behind(key, "role="))) {
        read_role_key(w, name);
    } else if ((name = behind(key, "source="))) {
        w->option = xstrdup(name);
        w->query.is_source = true;
        only(w, &provider_profile);
    } else if ((name = behind(key, "keys="))) {
        w->option = xstrdup(name);
        w->query.is_source = true;
        w->query.is_bare = true;
        only(w, &provider_profile);
    } else if (!strcmp(key, "provider=environment")) {
        only(w, &provider_env);
    } else if (!strcmp(key, "provider=container")) {
        only(w, &provider_container);
    } else if (!strcmp(key, "provider=imds")) {
        only(w, &provider_imds);
    } else if ((name = behind(key, "only-profile="))) {
        w->option = xstrdup(name);
        only(w, &provider_profile);
    } else if ((name = behind(key, "profile="))) {
        w->option = xstrdup(name);
    }
    if (!w->option && w->chain->profile)
        w->option = xstrdup(w->chain->profile);
}

static void on_begin(void *arg)
{
    struct walk *w = arg;
    struct creds_chain *c = w->chain;
    const char *key = facts_flight_key(w->flight);
    w->profiles = profiles_load(c->envp);
    for (enum file_kind kind = FILE_CREDENTIALS; kind < FILE_KINDS; kind++)
        tell_warnings(c, w->profiles, kind);
    read_key(w, key);
    w->query.loop = c->kit.loop;
    w->query.kit = &c->kit;
    w->query.envp = c->envp;
    w->query.choice = profile_choose(c->envp, w->option);
    w->query.profiles = w->profiles;
    w->region = c->region ? xstrdup(c->region) : NULL;
    w->query.region = w->region;
    w->last_region = c->last_region ? xstrdup(c->last_region) : NULL;
    w->query.last_region = w->last_region;
    w->query.walk = w;
    w->seen = chain_see(c, key);
    w->seen->is_walking = true;
    profiles_digest(w->profiles, w->query.choice.name, w->seen->settings);
    bool is_of_profile = !w->only || w->only == &provider_profile;
    if (!is_of_profile || !is_named_profile_missing(w)) {
        next(w);
        return;
    }
    struct err why;
    profiles_say_missing(w->profiles, &w->query.choice, &why);
    tell(w, provider_profile.name, ST_INVALID, why.text);
    fail(w, err_wrap(&why, ST_INVALID, "%s", w->query.choice.named_by), RETRY_BROKEN_MS, &why);
}

void walk_start(struct creds_chain *c, struct facts_flight *flight)
{
    struct walk *w = xcalloc(1, sizeof(*w));
    w->chain = c;
    w->loop = c->kit.loop;
    w->flight = flight;
    w->begin.fn = on_begin;
    w->begin.arg = w;
    LIST_INSERT_HEAD(&c->walks, w, link);
    facts_flight_set_data(flight, w);
    loop_defer(c->kit.loop, &w->begin);
}

void walk_cancel(struct walk *w)
{
    if (w->op)
        provider_cancel(w->op);
    if (w->chain && w->seen)
        w->seen->has_failed = true;
    walk_free(w);
}

void walk_orphan(struct walk *w)
{
    if (w->op)
        provider_cancel(w->op);
    w->op = NULL;
    loop_undefer(w->loop, &w->begin);
    LIST_REMOVE(w, link);
    w->chain = NULL;
}

void walk_rests_on(struct walk *w, const char *path)
{
    struct seen_key *s = w->seen;
    for (unsigned i = 0; i < s->n_files; i++)
        if (!strcmp(s->files[i].path, path))
            return;
    if (s->n_files == SEEN_FILES_MAX)
        return;
    s->files[s->n_files].path = xstrdup(path);
    file_look(path, &s->files[s->n_files].id);
    s->n_files++;
}

void walk_has_written(struct walk *w, const char *path)
{
    struct seen_key *s = w->seen;
    for (unsigned i = 0; i < s->n_files; i++)
        if (!strcmp(s->files[i].path, path))
            file_look(path, &s->files[i].id);
}
