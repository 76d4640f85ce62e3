// SPDX-License-Identifier: Apache-2.0
// The presign endpoint without its listener: a request's parts in, an answer out, perhaps after
// waiting for credentials. On the thread of the view.
#ifndef PRESIGN_SERVICE_H
#define PRESIGN_SERVICE_H

#include "facts/facts.h"
#include "presign/presign.h"

struct presign_service {
    const struct config *config;
    struct span default_region;
    struct facts_view *view;      // borrowed, as all
    struct sign_key_cache *cache; // may be NULL
};

struct presign_call {
    struct span method; // GET and HEAD ask by the query, others by the body
    struct span query;
    struct span body;
    struct span accept;               // the field's value
    const char *who;                  // for the audit line
    const struct plan_client *client; // the same, for [policy] sections; NULL: nobody they name
    bool is_near;                     // on this machine, or an admitted unix peer
    bool names_profiles;              // may say whose credentials sign
    struct arena *arena;              // outlives the call
};

struct presign_answer {
    int status;
    const char *code;    // of a refusal; NULL: there are URLs
    const char *message; // of a refusal
    const char *type;    // of the body
    struct span body;    // secret-bearing; from the arena
};

struct presign_run;
typedef void (*presign_done_fn)(void *arg, const struct presign_answer *answer);
// NULL: *now is the answer, and done is not called. Else done comes once, later, unless
// presign_cancel does before. What the call points to stays until then.
struct presign_run *presign_start(const struct presign_service *s, const struct presign_call *c,
                                  struct presign_answer *now, presign_done_fn done, void *arg);
void presign_cancel(struct presign_run *r);

#endif
