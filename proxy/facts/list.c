// SPDX-License-Identifier: Apache-2.0
// A question that travels: to control, which fills it, and back to the loop that asked.
#include <stdlib.h>

#include "base/xalloc.h"
#include "facts/facts_int.h"

struct question {
    struct facts *facts; // a reference
    struct loop *back;
    facts_list_fn done;
    void *arg;
    struct facts_list *list;
    unsigned cap;
};

static void count_item(void *arg, const struct facts_item *item)
{
    (void)item;
    ((struct question *)arg)->cap++;
}

static void add_item(void *arg, const struct facts_item *item)
{
    struct question *q = arg;
    struct facts_item *to = &q->list->v[q->list->n++];
    *to = *item;
    to->key = xstrdup(item->key);
    if (item->fact)
        to->fact = fact_acquire(item->fact);
}

static void on_answered(void *arg)
{
    struct question q = *(struct question *)arg;
    free(arg);
    facts_release(q.facts);
    q.done(q.arg, q.list);
}

static void on_asked(void *arg)
{
    struct question *q = arg;
    facts_each(q->facts, count_item, q);
    q->list = xcalloc(1, sizeof(*q->list) + q->cap * sizeof(q->list->v[0]));
    facts_each(q->facts, add_item, q);
    loop_post(q->back, on_answered, q);
}

void facts_list(struct facts *f, struct loop *back, facts_list_fn done, void *arg)
{
    struct question *q = xcalloc(1, sizeof(*q));
    q->facts = facts_acquire(f);
    q->back = back;
    q->done = done;
    q->arg = arg;
    loop_post(facts_loop(f), on_asked, q);
}

void facts_list_free(struct facts_list *l)
{
    for (unsigned i = 0; i < l->n; i++) {
        free(l->v[i].key);
        fact_release(l->v[i].fact);
    }
    free(l);
}
