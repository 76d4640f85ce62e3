// SPDX-License-Identifier: Apache-2.0
// Control's side: one entry a key, at most one flight an entry, every answer published to the views
// that asked for the key. Nothing here is shared: views send asks and get notices, both posted.
//
// Each ask is followed by at least one notice about its key, so a view may stay silent until then.
// What a flight's answer means is decided in one place, settle(): a new value, the same value with
// new times, an old value that goes on serving because the refresh failed, or a negative fact.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/xalloc.h"
#include "facts/facts_int.h"

#define RETRY_MAX_MS ((int64_t)30000)
#define TIMER_MAX_MS ((int64_t)24 * 3600 * 1000)

struct entry {
    struct table_node node; // first: the table's nodes are entries
    struct facts *facts;
    unsigned kind;
    TAILQ_ENTRY(entry) lru;
    struct fact *fact;      // what was published last; NULL before the first answer
    uint64_t serial;        // of fact
    int64_t good_until_ms;  // the value's ttl
    int64_t stale_until_ms; // how long it may serve at most while refreshes fail
    int64_t hinted_at_ms;
    uint64_t refused;  // generation that the last hint was about
    unsigned failures; // in a row
    bool is_due_again; // invalidated while its flight was under way
    struct facts_flight *flight;
    struct timer *timer;      // of a kind that is kept warm: the next refresh
    struct facts_view **subs; // references: views that asked
    unsigned n_subs, cap_subs;
};
TAILQ_HEAD(entries, entry);

struct facts_flight {
    struct entry *entry;
    struct timer *deadline;
    void *data; // the fetcher's
    bool has_started;
};

struct facts {
    _Atomic unsigned refs;
    bool is_closed;       // control's thread: asks that still arrive are dropped
    struct loop *control; // borrowed
    struct rng rng;
    uint64_t serial;
    struct facts_kind kinds[FACTS_KINDS_MAX];
    struct table tables[FACTS_KINDS_MAX];
    struct entries lru[FACTS_KINDS_MAX]; // least recently asked for first
};

static _Atomic uint64_t last_generation;

struct facts *facts_new(struct loop *control, uint64_t seed)
{
    struct facts *f = xcalloc(1, sizeof(*f));
    atomic_init(&f->refs, 1);
    f->control = control;
    rng_seed(&f->rng, seed);
    for (unsigned i = 0; i < FACTS_KINDS_MAX; i++)
        TAILQ_INIT(&f->lru[i]);
    return f;
}

void facts_set_kind(struct facts *f, unsigned kind, const struct facts_kind *k)
{
    assert(kind < FACTS_KINDS_MAX && k->fetch && k->cancel && k->name);
    f->kinds[kind] = *k;
}

struct facts *facts_acquire(struct facts *f)
{
    (void)atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

void facts_release(struct facts *f)
{
    if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
        free(f);
}

struct loop *facts_loop(const struct facts *f)
{
    return f->control;
}

const char *facts_kind_name(const struct facts *f, unsigned kind)
{
    return f->kinds[kind].name;
}

// Posts a notice unless the view is closed; false then.
static bool notify(struct facts_view *v, const struct entry *e, struct fact *fact)
{
    size_t len = strlen(e->node.key) + 1;
    struct notice *n = xcalloc(1, sizeof(*n) + len);
    n->kind = e->kind;
    n->serial = e->serial;
    memcpy(n->key, e->node.key, len);
    (void)pthread_mutex_lock(&v->lock);
    bool is_open = v->loop != NULL;
    if (is_open) {
        n->view = view_acquire(v);
        n->fact = fact ? fact_acquire(fact) : NULL;
        loop_post(v->loop, view_on_notice, n);
    }
    (void)pthread_mutex_unlock(&v->lock);
    if (!is_open)
        free(n);
    return is_open;
}

// To all who asked; views closed meanwhile drop out here.
static void notify_all(struct entry *e, struct fact *fact)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < e->n_subs; i++) {
        if (notify(e->subs[i], e, fact))
            e->subs[kept++] = e->subs[i];
        else
            view_release(e->subs[i]);
    }
    e->n_subs = kept;
}

static void subscribe(struct entry *e, struct facts_view *v)
{
    for (unsigned i = 0; i < e->n_subs; i++)
        if (e->subs[i] == v)
            return;
    if (e->n_subs == e->cap_subs) {
        e->cap_subs = e->cap_subs ? 2 * e->cap_subs : 4;
        e->subs = xrealloc(e->subs, e->cap_subs * sizeof(struct facts_view *));
    }
    e->subs[e->n_subs++] = view_acquire(v);
}

static void start(struct entry *e);

static void on_refresh_timer(void *arg)
{
    start(arg);
}

static void arm_refresh(struct entry *e, int64_t now_ms)
{
    if (!e->facts->kinds[e->kind].keep_warm || e->fact->refresh_at_ms == INT64_MAX)
        return;
    int64_t in_ms = e->fact->refresh_at_ms - now_ms;
    if (in_ms > TIMER_MAX_MS)
        in_ms = TIMER_MAX_MS;
    if (!e->timer)
        e->timer = timer_new(e->facts->control, on_refresh_timer, e);
    timer_set(e->timer, in_ms < 1 ? 1 : in_ms);
}

static void publish(struct entry *e, struct fact *fact, int64_t now_ms)
{
    fact_release(e->fact);
    e->fact = fact;
    e->serial = ++e->facts->serial;
    notify_all(e, fact);
    arm_refresh(e, now_ms);
}

// The same value with other times.
static struct fact *derive(struct fact *old)
{
    struct fact *root = old->base ? old->base : old;
    struct fact *fact = fact_new();
    fact->base = fact_acquire(root);
    fact->value = root->value;
    fact->generation = root->generation;
    fact->since_ms = root->since_ms;
    fact->expires_at_ms = old->expires_at_ms;
    return fact;
}

static bool has_value(const struct entry *e)
{
    return e->fact && e->fact->status == ST_OK;
}

static struct fact *fact_of_value(struct entry *e, const struct fact_result *r, int64_t now_ms)
{
    const struct facts_kind *k = &e->facts->kinds[e->kind];
    struct fact *fact;
    if (has_value(e) && k->is_same && k->is_same(e->fact->value, r->value)) {
        fact = derive(e->fact);
        if (r->free_value)
            r->free_value(r->value);
    } else {
        fact = fact_new();
        fact->value = r->value;
        fact->free_value = r->free_value;
        fact->generation = atomic_fetch_add(&last_generation, 1) + 1;
        fact->since_ms = now_ms;
    }
    e->failures = 0;
    e->good_until_ms = time_add(now_ms, r->ttl_ms);
    e->stale_until_ms = time_add(e->good_until_ms, r->stale_ms);
    fact->expires_at_ms = e->good_until_ms;
    fact->stale_until_ms = e->stale_until_ms;
    fact->refresh_at_ms = time_add(now_ms, r->refresh_in_ms);
    if (fact->refresh_at_ms > fact->expires_at_ms)
        fact->refresh_at_ms = fact->expires_at_ms;
    return fact;
}

// +-20 %, so that neither keys nor instances come back in step.
static int64_t retry_wait(struct entry *e, int64_t in_ms)
{
    if (in_ms <= 0) {
        in_ms = RETRY_MAX_MS;
        if (e->failures < 5)
            in_ms = (int64_t)1000 << e->failures;
    }
    if (in_ms > TIMER_MAX_MS)
        in_ms = TIMER_MAX_MS;
    e->failures++;
    int64_t wait_ms = in_ms - in_ms / 5 + rng_below(&e->facts->rng, 2 * (in_ms / 5) + 1);
    return wait_ms < 1 ? 1 : wait_ms;
}

// A value that may still serve does so until the next refresh must have ended, and no longer: where
// nobody uses it, nobody refreshes it, and it must not be found good enough much later.
static struct fact *fact_of_stale(struct entry *e, const struct fact_result *r, int64_t now_ms)
{
    int64_t left_ms = e->stale_until_ms - now_ms;
    int64_t wait_ms = retry_wait(e, r->retry_in_ms);
    int64_t most_ms = left_ms / 4 < 1000 ? 1000 : left_ms / 4;
    if (wait_ms > most_ms)
        wait_ms = most_ms;
    struct fact *fact = derive(e->fact);
    int64_t next_end_ms = time_add(now_ms, wait_ms + e->facts->kinds[e->kind].deadline_ms + 1000);
    if (next_end_ms > e->stale_until_ms)
        next_end_ms = e->stale_until_ms;
    fact->expires_at_ms = next_end_ms > e->good_until_ms ? next_end_ms : e->good_until_ms;
    fact->stale_until_ms = e->stale_until_ms;
    fact->refresh_at_ms = time_add(now_ms, wait_ms);
    fact->err = r->err;
    return fact;
}

static struct fact *fact_of_failure(struct entry *e, const struct fact_result *r, int64_t now_ms)
{
    struct fact *fact = fact_new();
    fact->status = r->status;
    fact->err = r->err;
    fact->expires_at_ms = time_add(now_ms, retry_wait(e, r->retry_in_ms));
    fact->refresh_at_ms = fact->expires_at_ms;
    return fact;
}

static bool may_serve(const struct entry *e, int64_t now_ms)
{
    return has_value(e) && now_ms < e->stale_until_ms;
}

static void settle(struct entry *e, const struct fact_result *r)
{
    int64_t now_ms = loop_now_ms(e->facts->control);
    struct fact *fact;
    if (r->status == ST_OK)
        fact = fact_of_value(e, r, now_ms);
    else if (!r->ends_value && may_serve(e, now_ms))
        fact = fact_of_stale(e, r, now_ms);
    else
        fact = fact_of_failure(e, r, now_ms);
    publish(e, fact, now_ms);
    if (e->is_due_again) {
        e->is_due_again = false;
        start(e);
    }
}

static void flight_end(struct facts_flight *fl)
{
    fl->entry->flight = NULL;
    timer_free(fl->deadline);
    free(fl);
}

void facts_answer(struct facts_flight *fl, const struct fact_result *r)
{
    assert(fl->has_started); // never before fetch has returned
    struct entry *e = fl->entry;
    flight_end(fl);
    settle(e, r);
}

static void on_deadline(void *arg)
{
    struct facts_flight *fl = arg;
    struct entry *e = fl->entry;
    const struct facts_kind *k = &e->facts->kinds[e->kind];
    k->cancel(k->arg, fl);
    flight_end(fl);
    struct fact_result r = {.status = ST_IO};
    (void)err_set(&r.err, ST_IO, "%s: no answer within %lld ms", k->name,
                  (long long)k->deadline_ms);
    settle(e, &r);
}

static void start(struct entry *e)
{
    if (e->flight)
        return;
    const struct facts_kind *k = &e->facts->kinds[e->kind];
    struct facts_flight *fl = xcalloc(1, sizeof(*fl));
    fl->entry = e;
    e->flight = fl;
    if (k->deadline_ms > 0) {
        fl->deadline = timer_new(e->facts->control, on_deadline, fl);
        timer_set(fl->deadline, k->deadline_ms);
    }
    if (e->timer)
        timer_clear(e->timer);
    k->fetch(k->arg, e->node.key, fl);
    fl->has_started = true;
}

const char *facts_flight_key(const struct facts_flight *fl)
{
    return fl->entry->node.key;
}

void facts_flight_set_data(struct facts_flight *fl, void *data)
{
    fl->data = data;
}

void *facts_flight_data(const struct facts_flight *fl)
{
    return fl->data;
}

bool facts_flight_is_refresh(const struct facts_flight *fl)
{
    return may_serve(fl->entry, loop_now_ms(fl->entry->facts->control));
}

bool facts_flight_was_refused(const struct facts_flight *fl)
{
    return has_value(fl->entry) && fl->entry->fact->generation == fl->entry->refused;
}

static void entry_free(struct entry *e)
{
    struct facts *f = e->facts;
    if (e->flight) {
        f->kinds[e->kind].cancel(f->kinds[e->kind].arg, e->flight);
        flight_end(e->flight);
    }
    table_remove(&f->tables[e->kind], &e->node);
    TAILQ_REMOVE(&f->lru[e->kind], e, lru);
    timer_free(e->timer);
    fact_release(e->fact);
    for (unsigned i = 0; i < e->n_subs; i++)
        view_release(e->subs[i]);
    free(e->subs);
    free(e->node.key);
    free(e);
}

// Views forget with us: what they kept could no longer be invalidated.
static void entry_forget(struct entry *e)
{
    notify_all(e, NULL);
    entry_free(e);
}

static bool make_room(struct facts *f, unsigned kind)
{
    if (f->tables[kind].n < FACTS_KEYS_MAX)
        return true;
    struct entry *e = TAILQ_FIRST(&f->lru[kind]);
    while (e && e->flight)
        e = TAILQ_NEXT(e, lru);
    if (e)
        entry_forget(e);
    return e != NULL;
}

static struct entry *entry_new(struct facts *f, unsigned kind, const char *key)
{
    if (!make_room(f, kind))
        return NULL;
    struct entry *e = xcalloc(1, sizeof(*e));
    e->node.key = xstrdup(key);
    e->facts = f;
    e->kind = kind;
    e->hinted_at_ms = -FACTS_HINT_EVERY_MS;
    table_add(&f->tables[kind], &e->node);
    TAILQ_INSERT_TAIL(&f->lru[kind], e, lru);
    return e;
}

static struct entry *entry_find(struct facts *f, unsigned kind, const char *key)
{
    assert(kind < FACTS_KINDS_MAX && f->kinds[kind].fetch);
    return (struct entry *)table_find(&f->tables[kind], key);
}

static void refuse(const struct ask *a)
{
    struct entry nobody = {.kind = a->kind};
    struct fact *fact = fact_new();
    nobody.node.key = (char *)a->key; // only read
    fact->status = err_set(&fact->err, ST_LIMIT, "%s: more than %d keys are being fetched",
                           a->facts->kinds[a->kind].name, FACTS_KEYS_MAX);
    (void)notify(a->view, &nobody, fact);
    fact_release(fact);
}

static void answer_hint(struct entry *e, const struct ask *a, int64_t now_ms)
{
    bool is_newest = has_value(e) && e->fact->generation == a->generation;
    if (is_newest)
        e->refused = a->generation;
    if (is_newest && now_ms - e->hinted_at_ms >= FACTS_HINT_EVERY_MS) {
        e->hinted_at_ms = now_ms;
        start(e);
    }
    // Somebody may wait for what comes of it: here, nothing new.
    if (!e->flight && e->fact)
        (void)notify(a->view, e, e->fact);
}

static void answer_ask(struct entry *e, const struct ask *a, int64_t now_ms)
{
    bool has_newer = e->fact && e->serial != a->seen && now_ms < e->fact->expires_at_ms;
    if (has_newer)
        (void)notify(a->view, e, e->fact);
    // Where the view has the newest, it asks because its clock says that a refresh is due:
    // believed, since clocks of two loops differ by a turn.
    if (!has_newer || now_ms >= e->fact->refresh_at_ms)
        start(e);
}

void facts_on_ask(void *arg)
{
    struct ask *a = arg;
    struct facts *f = a->facts;
    struct entry *e = f->is_closed ? NULL : entry_find(f, a->kind, a->key);
    if (!f->is_closed && !e && !a->is_hint) {
        e = entry_new(f, a->kind, a->key);
        if (!e)
            refuse(a);
    }
    if (e) {
        TAILQ_REMOVE(&f->lru[a->kind], e, lru);
        TAILQ_INSERT_TAIL(&f->lru[a->kind], e, lru);
        subscribe(e, a->view);
        if (a->is_hint)
            answer_hint(e, a, loop_now_ms(f->control));
        else
            answer_ask(e, a, loop_now_ms(f->control));
    }
    view_release(a->view);
    facts_release(f);
    free(a);
}

void facts_warm(struct facts *f, unsigned kind, const char *key)
{
    struct entry *e = entry_find(f, kind, key);
    if (!e)
        e = entry_new(f, kind, key);
    if (e)
        start(e);
}

// Keys that nobody may use again are not all fetched at once: their next use does it.
static void mark_due(struct entry *e, int64_t now_ms)
{
    if (e->flight) {
        e->is_due_again = true;
    } else if (e->facts->kinds[e->kind].keep_warm) {
        start(e);
    } else if (has_value(e)) {
        struct fact *fact = derive(e->fact);
        fact->refresh_at_ms = now_ms;
        publish(e, fact, now_ms);
    } else {
        entry_forget(e);
    }
}

void facts_invalidate(struct facts *f, unsigned kind, const char *key)
{
    assert(kind < FACTS_KINDS_MAX);
    if (!key) {
        struct entry *e = TAILQ_FIRST(&f->lru[kind]);
        while (e) {
            struct entry *next = TAILQ_NEXT(e, lru);
            mark_due(e, loop_now_ms(f->control));
            e = next;
        }
        return;
    }
    struct entry *e = entry_find(f, kind, key);
    if (e && e->flight)
        e->is_due_again = true;
    else if (e)
        start(e);
}

void facts_prune(struct facts *f, unsigned kind, facts_keeps_fn keeps, void *arg)
{
    struct entry *e = TAILQ_FIRST(&f->lru[kind]);
    while (e) {
        struct entry *next = TAILQ_NEXT(e, lru);
        if (!keeps(arg, e->node.key))
            entry_forget(e);
        e = next;
    }
}

void facts_each(struct facts *f, facts_each_fn fn, void *arg)
{
    for (unsigned kind = 0; kind < FACTS_KINDS_MAX && !f->is_closed; kind++) {
        struct entry *e;
        TAILQ_FOREACH(e, &f->lru[kind], lru)
        {
            struct facts_item item = {.kind = kind,
                                      .key = e->node.key,
                                      .fact = e->fact,
                                      .is_fetching = e->flight != NULL};
            fn(arg, &item);
        }
    }
}

void facts_free(struct facts *f)
{
    f->is_closed = true;
    for (unsigned i = 0; i < FACTS_KINDS_MAX; i++) {
        struct entry *e = TAILQ_FIRST(&f->lru[i]);
        while (e) {
            struct entry *next = TAILQ_NEXT(e, lru);
            entry_free(e);
            e = next;
        }
    }
    facts_release(f);
}
