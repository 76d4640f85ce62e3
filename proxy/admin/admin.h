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
    const char *region;
    const char *region_source; // where it comes from; NULL: nowhere
    const char *workers_why;   // what decided their number
};

struct admin_options {
    struct loop *main;
    struct config *config; // a reference is taken
    struct front *front;   // borrowed, as all that follow
    struct facts *facts;
    struct facts_view *view; // main's
    const struct admin_process *process;
    // Main's thread. false: why says the reason.
    bool (*is_healthy)(void *arg, struct err *why);
    bool (*is_ready)(void *arg, struct err *why);
    void (*quit)(void *arg); // as SIGTERM
    void *arg;
};

struct admin;
// Opens what the configuration names; with both listeners off there is an admin that nobody
// reaches.
NODISCARD enum status admin_start(const struct admin_options *o, struct admin **out, struct err *e);
void admin_free(struct admin *a); // NULL is fine

#endif
