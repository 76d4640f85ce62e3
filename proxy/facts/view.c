// SPDX-License-Identifier: Apache-2.0
// A worker's side: its own table, so the way of a request takes no lock and touches no counter but
// that of the fact it takes. A key is asked for when it is missing, too old, or used past its
// refresh time; until control's notice comes it is not asked for again.
//
// A view is counted because control keeps references to whom it notifies. Closing it clears its
// loop under its lock, so control never posts to a loop that is gone.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "facts/facts_int.h"

#define STALE_WAIT_MS 1000 // for a newer value where the old one would do

struct key_entry {
    struct table_node node; // first: the table's nodes are entries
    struct fact *fact;      // NULL before the first notice
    uint64_t serial;
    int64_t hinted_at_ms;
    bool is_asked;  // a notice will come
    bool is_hinted; // as well
    TAILQ_HEAD(, facts_wait) waits;
};

struct facts_wait {
    TAILQ_ENTRY(facts_wait) link;       // in the view
    TAILQ_ENTRY(facts_wait) entry_link; // in the entry, while there is one
    struct facts_view *view;
    struct key_entry *entry; // NULL once fact is there
    struct timer *timer;
    struct deferred tell;
    struct fact *fact;
    int64_t timeout_ms;
    unsigned kind;
    facts_done_fn done;
    void *arg;
};

struct facts_view *facts_view_new(struct facts *f, struct loop *worker)
{
    struct facts_view *v = xcalloc(1, sizeof(*v));
    atomic_init(&v->refs, 1);
    if (pthread_mutex_init(&v->lock, NULL) != 0)
        abort();
    v->loop = worker;
    v->facts = facts_acquire(f);
    TAILQ_INIT(&v->waits);
    return v;
}

struct facts_view *view_acquire(struct facts_view *v)
{
    (void)atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    return v;
}

void view_release(struct facts_view *v)
{
    if (atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) != 1)
        return;
    (void)pthread_mutex_destroy(&v->lock);
    free(v);
}

static struct key_entry *entry_find(const struct facts_view *v, unsigned kind, const char *key)
{
    assert(kind < FACTS_KINDS_MAX);
    return (struct key_entry *)table_find(&v->tables[kind], key);
}

static struct key_entry *entry_new(struct facts_view *v, unsigned kind, const char *key)
{
    if (v->tables[kind].n >= FACTS_VIEW_KEYS_MAX)
        return NULL;
    struct key_entry *e = xcalloc(1, sizeof(*e));
    e->node.key = xstrdup(key);
    e->hinted_at_ms = -FACTS_HINT_EVERY_MS;
    TAILQ_INIT(&e->waits);
    table_add(&v->tables[kind], &e->node);
    return e;
}

static void entry_free(struct facts_view *v, unsigned kind, struct key_entry *e)
{
    table_remove(&v->tables[kind], &e->node);
    fact_release(e->fact);
    free(e->node.key);
    free(e);
}

static struct ask *ask_new(struct facts_view *v, unsigned kind, const char *key)
{
    size_t len = strlen(key) + 1;
    struct ask *a = xcalloc(1, sizeof(*a) + len);
    a->facts = facts_acquire(v->facts);
    a->view = view_acquire(v);
    a->kind = kind;
    memcpy(a->key, key, len);
    return a;
}

static void ask(struct facts_view *v, unsigned kind, struct key_entry *e)
{
    if (e->is_asked)
        return;
    e->is_asked = true;
    struct ask *a = ask_new(v, kind, e->node.key);
    a->seen = e->serial;
    loop_post(facts_loop(v->facts), facts_on_ask, a);
}

struct fact *facts_view_peek(struct facts_view *v, unsigned kind, const char *key)
{
    int64_t now_ms = loop_now_ms(v->loop);
    struct key_entry *e = entry_find(v, kind, key);
    if (!e)
        e = entry_new(v, kind, key);
    if (!e)
        return NULL;
    if (!e->fact || now_ms >= e->fact->expires_at_ms) {
        ask(v, kind, e);
        return NULL;
    }
    if (now_ms >= e->fact->refresh_at_ms)
        ask(v, kind, e);
    return fact_acquire(e->fact);
}

static void wait_unlink(struct facts_wait *w)
{
    if (w->entry) {
        TAILQ_REMOVE(&w->entry->waits, w, entry_link);
        w->entry = NULL;
        w->view->n_waits--;
    }
}

static void wait_free(struct facts_wait *w)
{
    wait_unlink(w);
    TAILQ_REMOVE(&w->view->waits, w, link);
    timer_free(w->timer);
    free(w);
}

static void wait_tell(void *arg)
{
    struct facts_wait *w = arg;
    facts_done_fn done = w->done;
    void *done_arg = w->arg;
    struct fact *fact = w->fact;
    wait_free(w);
    done(done_arg, fact);
}

// The wait has its answer, told behind the present callback. Takes the reference.
static void wait_settle(struct facts_wait *w, struct fact *fact)
{
    wait_unlink(w);
    if (w->timer)
        timer_clear(w->timer);
    w->fact = fact;
    loop_defer(w->view->loop, &w->tell);
}

static struct fact *fact_of_wait(const struct facts_wait *w, enum status st, const char *why)
{
    struct fact *fact = fact_new();
    fact->status = err_set(&fact->err, st, "%s: %s", facts_kind_name(w->view->facts, w->kind), why);
    return fact;
}

static bool is_stale_but_good(const struct key_entry *e, int64_t now_ms)
{
    return e->fact && e->fact->status == ST_OK && now_ms < e->fact->stale_until_ms;
}

static void on_timeout(void *arg)
{
    struct facts_wait *w = arg;
    char why[64];
    if (is_stale_but_good(w->entry, loop_now_ms(w->view->loop))) {
        wait_settle(w, fact_acquire(w->entry->fact));
        return;
    }
    (void)snprintf(why, sizeof(why), "no answer within %lld ms", (long long)w->timeout_ms);
    wait_settle(w, fact_of_wait(w, ST_AGAIN, why));
}

static struct facts_wait *wait_new(struct facts_view *v, unsigned kind, int64_t timeout_ms,
                                   facts_done_fn done, void *arg)
{
    struct facts_wait *w = xcalloc(1, sizeof(*w));
    w->view = v;
    w->kind = kind;
    w->timeout_ms = timeout_ms;
    w->done = done;
    w->arg = arg;
    w->tell.fn = wait_tell;
    w->tell.arg = w;
    TAILQ_INSERT_TAIL(&v->waits, w, link);
    return w;
}

// Until the next notice about e, which may be NULL where there is no room for the key.
static void wait_begin(struct facts_wait *w, struct key_entry *e, int64_t timeout_ms)
{
    struct facts_view *v = w->view;
    if (!e || v->n_waits >= FACTS_WAITS_MAX) {
        wait_settle(w, fact_of_wait(w, ST_LIMIT, "too many wait already"));
        return;
    }
    w->entry = e;
    TAILQ_INSERT_TAIL(&e->waits, w, entry_link);
    v->n_waits++;
    w->timer = timer_new(v->loop, on_timeout, w);
    timer_set(w->timer, timeout_ms);
}

struct facts_wait *facts_view_get(struct facts_view *v, unsigned kind, const char *key,
                                  int64_t timeout_ms, facts_done_fn done, void *arg)
{
    struct facts_wait *w = wait_new(v, kind, timeout_ms, done, arg);
    struct fact *fact = facts_view_peek(v, kind, key);
    struct key_entry *e = fact ? NULL : entry_find(v, kind, key);
    if (e && timeout_ms > STALE_WAIT_MS && is_stale_but_good(e, loop_now_ms(v->loop)))
        timeout_ms = STALE_WAIT_MS;
    if (fact)
        wait_settle(w, fact);
    else
        wait_begin(w, e, timeout_ms);
    return w;
}

struct facts_wait *facts_view_renew(struct facts_view *v, const struct facts_refused *what,
                                    int64_t timeout_ms, facts_done_fn done, void *arg)
{
    struct facts_wait *w = wait_new(v, what->kind, timeout_ms, done, arg);
    struct fact *fact = facts_view_peek(v, what->kind, what->key);
    struct key_entry *e = entry_find(v, what->kind, what->key);
    facts_view_hint(v, what->kind, what->key, what->generation);
    bool is_same = fact && fact->status == ST_OK && fact->generation == what->generation;
    if (fact && (!is_same || !e || !e->is_hinted)) {
        wait_settle(w, fact);
    } else {
        fact_release(fact);
        wait_begin(w, e, timeout_ms);
    }
    return w;
}

void facts_wait_cancel(struct facts_wait *w)
{
    loop_undefer(w->view->loop, &w->tell);
    fact_release(w->fact);
    wait_free(w);
}

void facts_view_hint(struct facts_view *v, unsigned kind, const char *key, uint64_t generation)
{
    struct key_entry *e = entry_find(v, kind, key);
    int64_t now_ms = loop_now_ms(v->loop);
    if (!e || !e->fact || e->fact->status != ST_OK || e->fact->generation != generation ||
        now_ms - e->hinted_at_ms < FACTS_HINT_EVERY_MS)
        return;
    e->hinted_at_ms = now_ms;
    e->is_hinted = true;
    struct ask *a = ask_new(v, kind, key);
    a->is_hint = true;
    a->generation = generation;
    loop_post(facts_loop(v->facts), facts_on_ask, a);
}

static void take_notice(struct facts_view *v, struct key_entry *e, const struct notice *n)
{
    // Control forgot the key. An ask that crossed this on its way will bring it back.
    if (!n->fact) {
        fact_release(e->fact);
        e->fact = NULL;
        if (!e->is_asked)
            entry_free(v, n->kind, e);
        return;
    }
    e->is_asked = false;
    e->is_hinted = false;
    while (!TAILQ_EMPTY(&e->waits))
        wait_settle(TAILQ_FIRST(&e->waits), fact_acquire(n->fact));
    if (n->serial == 0) {
        entry_free(v, n->kind, e);
        return;
    }
    fact_release(e->fact);
    e->fact = fact_acquire(n->fact);
    e->serial = n->serial;
}

void view_on_notice(void *arg)
{
    struct notice *n = arg;
    struct facts_view *v = n->view;
    struct key_entry *e = v->loop ? entry_find(v, n->kind, n->key) : NULL;
    if (e)
        take_notice(v, e, n);
    fact_release(n->fact);
    view_release(v);
    free(n);
}

void facts_view_free(struct facts_view *v)
{
    struct facts_wait *w = TAILQ_FIRST(&v->waits);
    while (w) {
        struct facts_wait *next = TAILQ_NEXT(w, link);
        facts_wait_cancel(w);
        w = next;
    }
    for (unsigned kind = 0; kind < FACTS_KINDS_MAX; kind++)
        for (unsigned i = 0; i < TABLE_SLOTS; i++)
            while (v->tables[kind].slots[i])
                entry_free(v, kind, (struct key_entry *)v->tables[kind].slots[i]);
    (void)pthread_mutex_lock(&v->lock);
    v->loop = NULL;
    (void)pthread_mutex_unlock(&v->lock);
    facts_release(v->facts);
    view_release(v);
}
