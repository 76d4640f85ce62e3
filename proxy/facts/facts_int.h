// SPDX-License-Identifier: Apache-2.0
// What control's side (facts.c) and the workers' side (view.c) share: the table, facts under
// construction, and the two messages that pass between them.
#ifndef FACTS_FACTS_INT_H
#define FACTS_FACTS_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/table.h"
#include "facts/facts.h"

#define FACTS_KEYS_MAX      1024 // a kind, on control's side
#define FACTS_VIEW_KEYS_MAX 2048 // a kind, in a view: those of control and what is on its way there
#define FACTS_WAITS_MAX     1024 // a view
#define FACTS_HINT_EVERY_MS 10000

struct fact *fact_new(void);                    // one reference, all zero
int64_t time_add(int64_t at_ms, int64_t in_ms); // INT64_MAX stays for ever

struct facts_view {
    _Atomic unsigned refs;
    pthread_mutex_t lock; // of loop: control posts under it, facts_view_free clears it under it
    struct loop *loop;    // borrowed; NULL once closed
    struct facts *facts;  // a reference, until closed
    struct table tables[FACTS_KINDS_MAX];
    unsigned n_waits;
    TAILQ_HEAD(, facts_wait) waits; // all that have not been told
};
struct facts_view *view_acquire(struct facts_view *v);
void view_release(struct facts_view *v);

// Worker to control.
struct ask {
    struct facts *facts;     // a reference
    struct facts_view *view; // a reference
    unsigned kind;
    bool is_hint;
    uint64_t generation; // of a hint: the value that was refused
    uint64_t seen;       // else: serial of the newest fact that the view has
    char key[];
};
void facts_on_ask(void *arg);

// Control to worker.
struct notice {
    struct facts_view *view; // a reference
    unsigned kind;
    uint64_t serial;   // of each fact published another; 0: for who waits now, not to be kept
    struct fact *fact; // a reference; NULL: forget the key
    char key[];
};
void view_on_notice(void *arg);

// Control's thread; what item points to is borrowed.
typedef void (*facts_each_fn)(void *arg, const struct facts_item *item);
void facts_each(struct facts *f, facts_each_fn fn, void *arg);
struct facts *facts_acquire(struct facts *f);
void facts_release(struct facts *f);
struct loop *facts_loop(const struct facts *f);
const char *facts_kind_name(const struct facts *f, unsigned kind);

#endif
