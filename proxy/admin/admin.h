// SPDX-License-Identifier: Apache-2.0
// What operators talk to, on main: the admin listener (health, metrics, status, quit) and the probe
// listener, which shows health and metrics only. docs/operations.md says who may ask for what.
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <stdbool.h>

#include "base/err.h"
#include "base/status.h"
#include "config/config.h"
#include "facts/facts.h"
#include "front/front.h"
#include "net/loop.h"

// What main knows of the process; it may change between requests.
struct admin_process {
    const char *version;
    int64_t started_wall_ms;
    const char *workers_why; // what decided their number
    const char *creds_key;   // whose credentials make it ready
    struct admin_reloads {
        int64_t tried_wall_ms; // the last one; 0: there was none
        int64_t good_wall_ms;  // when the configuration that holds was read
        bool is_failed;        // the last one
        struct err why;        // of that
        char *waiting;         // changed settings that need a restart, by comma; NULL: none
    } reloads;
    char *upgrade_error; // why no successor took over, the last time; NULL: it is not so
};

struct spawner;
struct admin_options {
    struct loop *main;
    struct config *config; // a reference is taken
    struct front *front;   // borrowed, as all that follow
    struct facts *facts;
    struct facts_view *view; // main's
    const struct admin_process *process;
    const struct spawner *spawner; // NULL: there is none
    // Main's thread. false: why says the reason.
    bool (*is_healthy)(void *arg, struct err *why);
    bool (*is_ready)(void *arg, struct err *why);
    void (*quit)(void *arg); // as SIGTERM
    void *arg;
    struct inherit *inherit; // for the start; NULL: nothing was inherited
    bool is_held;            // nothing is accepted before admin_accept_now
};

struct admin;
// Opens what the configuration names; with both listeners off there is an admin that nobody
// reaches.
NODISCARD enum status admin_start(const struct admin_options *o, struct admin **out, struct err *e);
// A reload: what config names is loaded first; e says what can't be.
struct admin_change;
NODISCARD enum status admin_prepare(struct admin *a, struct config *config,
                                    struct admin_change **out, struct err *e);
void admin_apply(struct admin_change *c);       // takes c over
void admin_change_free(struct admin_change *c); // NULL is fine
void admin_accept_now(struct admin *a);
// For a successor's environment (inherit.h).
struct buf;
void admin_write_listeners(const struct admin *a, struct buf *out);
// Listens no more; connections end with the answer to what they may be asking. has_heir: another
// process listens on.
void admin_leave(struct admin *a, bool has_heir);
bool admin_is_idle(const struct admin *a); // no connection is left
void admin_free(struct admin *a);          // NULL is fine

#endif
