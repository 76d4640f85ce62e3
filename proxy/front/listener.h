// SPDX-License-Identifier: Apache-2.0
// Main accepts and hands each connection to the worker with the fewest.
#ifndef FRONT_LISTENER_H
#define FRONT_LISTENER_H

#include "front/token_file.h"
#include "front/worker.h"

struct front;

struct listener {
    struct front *front;
    int fd;
    char name[NET_ADDR_TEXT];
    struct watch *watch;
    bool is_activated; // a service manager's
    bool is_lent;      // somebody else listens there too
};

struct front {
    struct front_options options;
    struct front_shared shared;
    struct config *config; // the newest; workers have references of their own
    struct tls_trust *trust;
    struct token_file *tokens; // proxy_auth_file; NULL: none
    struct worker *workers;
    unsigned n_workers;
    struct listener listeners[FRONT_MAX_LISTENERS];
    unsigned n_listeners;
    struct timer *accept_again; // after running out of descriptors
    int spare_fd;               // one that is left to others then; -1: it is
    struct timer *drain_timer;
    bool is_paused;
    bool is_held;            // a predecessor still accepts
    int64_t said_full_ms;    // when the log was told last: no descriptors,
    int64_t said_crowded_ms; // too many connections of one client
    loop_fn drained;
    void *drained_arg;
};

NODISCARD enum status listeners_open(struct front *f, struct err *e);
void listener_pause(struct front *f, bool is_paused);
void listener_try_again(void *front); // accepting, once there is a spare descriptor
void listener_drop_spare(struct front *f);
void listener_empty_queue(struct front *f);
void listener_close_all(struct front *f, bool is_end); // is_end: nobody listens on
void listeners_warn(const struct front *f);            // where nothing guards what strangers reach
uint64_t front_connection_cap(const struct config *cfg);
void setup_first(struct front_change *c); // before the workers start

#endif
