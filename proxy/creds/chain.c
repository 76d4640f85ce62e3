// SPDX-License-Identifier: Apache-2.0
// The chain as a kind of facts: a walk a fetch, and a look at the files every 2 s. A change makes
// facts fetch again the keys that it concerns, and facts keeps the generation where the credentials
// turn out to be the same. A file younger than a few seconds counts as changed: it may have been
// written twice within one tick of the file system's clock.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/xalloc.h"
#include "creds/json_answer_int.h"
#include "creds/walk_int.h"

#define POLL_MS        2000
#define YOUNG_MS       4000
#define JUMP_MS        60000
#define FETCH_LIMIT_MS 90000 // a backstop: each provider has a deadline of its own
#define SEEN_MAX       1024
#define PROCESS_MS     60000

static void seen_free(struct seen_key *s)
{
    for (unsigned i = 0; i < s->n_files; i++)
        free(s->files[i].path);
    free(s->key);
    free(s->said);
    free(s);
}

static void forget_files(struct seen_key *s)
{
    for (unsigned i = 0; i < s->n_files; i++)
        free(s->files[i].path);
    s->n_files = 0;
}

static void make_room(struct creds_chain *c)
{
    struct seen_key *s = TAILQ_FIRST(&c->seen);
    while (s && s->is_walking)
        s = TAILQ_NEXT(s, link);
    if (!s)
        return;
    TAILQ_REMOVE(&c->seen, s, link);
    seen_free(s);
    c->n_seen--;
}

struct seen_key *chain_see(struct creds_chain *c, const char *key)
{
    struct seen_key *s = NULL;
    TAILQ_FOREACH(s, &c->seen, link)
    {
        if (strcmp(s->key, key) == 0)
            break;
    }
    if (s) {
        TAILQ_REMOVE(&c->seen, s, link);
        forget_files(s);
    } else {
        s = xcalloc(1, sizeof(*s));
        s->key = xstrdup(key);
        if (c->n_seen >= SEEN_MAX)
            make_room(c);
        c->n_seen++;
    }
    TAILQ_INSERT_TAIL(&c->seen, s, link);
    return s;
}

// ---- changed files

static bool file_has_changed(const char *path, struct file_id *polled)
{
    struct file_id id;
    file_look(path, &id);
    int64_t age_ms = clock_wall_ms() - id.ctime_ns / 1000000;
    bool is_young = id.exists && age_ms >= 0 && age_ms < YOUNG_MS;
    bool has_changed = is_young || !file_id_same(&id, polled);
    *polled = id;
    return has_changed;
}

static bool rests_on_changed_file(struct seen_key *s)
{
    bool has_changed = false;
    for (unsigned i = 0; i < s->n_files; i++) {
        struct file_id id;
        file_look(s->files[i].path, &id);
        has_changed = has_changed || !file_id_same(&id, &s->files[i].id);
    }
    return has_changed;
}

static const char *profile_of(const struct creds_chain *c, const char *key)
{
    const char *name = strstr(key, "profile=");
    if (strncmp(key, "source=", 7) == 0)
        return key + 7;
    if (strncmp(key, "keys=", 5) == 0)
        return key + 5;
    return profile_choose(c->envp, name ? name + 8 : c->profile).name;
}

static bool has_other_settings(const struct creds_chain *c, const struct seen_key *s,
                               const struct profiles *p)
{
    uint8_t settings[DIGEST_LEN];
    profiles_digest(p, profile_of(c, s->key), settings);
    return memcmp(settings, s->settings, sizeof(settings)) != 0;
}

// Set anew, or the machine has slept: when credentials expire was reckoned by the other time.
static bool clock_has_jumped(struct creds_chain *c)
{
    int64_t ahead_ms = clock_wall_ms() - clock_mono_ms();
    int64_t jump_ms = ahead_ms - c->wall_ahead_ms;
    c->wall_ahead_ms = ahead_ms;
    return jump_ms > JUMP_MS || jump_ms < -JUMP_MS;
}

void creds_chain_poll(struct creds_chain *c)
{
    bool has_changed = false;
    if (clock_has_jumped(c))
        facts_invalidate(c->facts, FACTS_CREDENTIALS, NULL);
    struct profiles *p = NULL;
    for (enum file_kind kind = FILE_CREDENTIALS; kind < FILE_KINDS; kind++)
        has_changed = file_has_changed(c->paths[kind], &c->polled[kind]) || has_changed;
    if (has_changed)
        p = profiles_load(c->envp);
    struct seen_key *s = NULL;
    TAILQ_FOREACH(s, &c->seen, link)
    {
        bool is_due = p && (s->has_failed || has_other_settings(c, s, p));
        if (is_due || rests_on_changed_file(s))
            facts_invalidate(c->facts, FACTS_CREDENTIALS, s->key);
    }
    profiles_free(p);
}

static void on_timer(void *arg)
{
    struct creds_chain *c = arg;
    creds_chain_poll(c);
    timer_set(c->timer, POLL_MS);
}

// ---- the kind of facts

static void fetch(void *arg, const char *key, struct facts_flight *flight)
{
    (void)key;
    walk_start(arg, flight);
}

static void cancel(void *arg, struct facts_flight *flight)
{
    (void)arg;
    walk_cancel(facts_flight_data(flight));
}

static void kit_init(struct creds_kit *kit, struct loop *control, struct facts *f,
                     const struct creds_env *env)
{
    struct tls_client *tls = env->tls;
    json_answer_setup();
    kit->loop = control;
    kit->view = facts_view_new(f, control);
    kit->fetcher =
        fetcher_new(&(struct fetcher_options){.loop = control, .facts = kit->view, .tls = tls});
    kit->children = children_new(control, env->spawner);
    kit->process_ms = PROCESS_MS;
    rng_seed_kernel(&kit->rng);
    (void)snprintf(kit->session_name, sizeof(kit->session_name), "sigv4-proxy-%ld-%lld",
                   (long)getpid(), (long long)(clock_wall_ms() / 1000));
}

static char *copy_unless_empty(const char *s)
{
    return s && *s ? xstrdup(s) : NULL;
}

struct creds_chain *creds_chain_new(struct loop *control, struct facts *f,
                                    const struct creds_env *env)
{
    struct creds_chain *c = xcalloc(1, sizeof(*c));
    c->facts = f;
    c->wall_ahead_ms = clock_wall_ms() - clock_mono_ms();
    c->envp = env->envp;
    c->profile = copy_unless_empty(env->profile);
    c->region = copy_unless_empty(env->region);
    c->last_region = copy_unless_empty(env->last_region);
    c->tell = env->tell;
    c->tell_arg = env->tell_arg;
    TAILQ_INIT(&c->seen);
    LIST_INIT(&c->walks);
    kit_init(&c->kit, control, f, env);
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

void creds_chain_set(struct creds_chain *c, const struct creds_env *env)
{
    free(c->profile);
    free(c->region);
    free(c->last_region);
    c->profile = copy_unless_empty(env->profile);
    c->region = copy_unless_empty(env->region);
    c->last_region = copy_unless_empty(env->last_region);
    fetcher_set_tls(c->kit.fetcher, env->tls);
}

void creds_chain_free(struct creds_chain *c)
{
    if (!c)
        return;
    timer_free(c->timer);
    while (!LIST_EMPTY(&c->walks))
        walk_orphan(LIST_FIRST(&c->walks));
    fetcher_free(c->kit.fetcher);
    children_free(c->kit.children);
    secret_wipe(&c->kit.imds, sizeof(c->kit.imds));
    facts_view_free(c->kit.view);
    while (!TAILQ_EMPTY(&c->seen)) {
        struct seen_key *s = TAILQ_FIRST(&c->seen);
        TAILQ_REMOVE(&c->seen, s, link);
        seen_free(s);
    }
    for (enum file_kind kind = FILE_CREDENTIALS; kind < FILE_KINDS; kind++)
        free(c->paths[kind]);
    free(c->profile);
    free(c->region);
    free(c->last_region);
    free(c);
}
