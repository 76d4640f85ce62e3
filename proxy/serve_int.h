// SPDX-License-Identifier: Apache-2.0
// The running proxy, shared by the files that start it, read its configuration again and end it.
// All of it belongs to main's thread but where said otherwise.
#ifndef SERVE_INT_H
#define SERVE_INT_H

#include <pthread.h>

#include "admin/admin.h"
#include "client/dial.h"
#include "creds/creds.h"
#include "front/front.h"
#include "net/resolve.h"
#include "serve.h"

#define SERVE_SIGNALS 4

struct proxy {
    const struct settings_source *source;
    struct config *config;   // a reference to the newest
    struct spawner *spawner; // borrowed; NULL: none
    struct loop *main;
    struct loop *control;
    pthread_t control_thread;
    bool has_control_thread;
    struct tls_trust *trust;
    struct tls_client *tls; // control's: towards credential endpoints, always verifying
    struct facts *facts;
    struct resolver *resolver;
    struct addresses *addresses;
    struct creds_chain *chain;
    struct facts_view *view; // main's, for readiness
    struct front *front;
    struct admin *admin;
    struct admin_process process; // what admin shows of all this
    struct watch *signals[SERVE_SIGNALS];
    struct timer *pre_stop;
    struct timer *idle; // exit_when_idle
    int64_t busy_ms;    // when a client was connected last
    char *creds_key;    // whose credentials make the proxy ready
    char *first_key;    // control's: the same at the start
    bool is_stopping;
};

// reload.c: reads everything again; what is wrong changes nothing.
void reload_now(struct proxy *p);
char *serve_creds_key(const struct config *config); // heap
void serve_warn_unverified(void);

#endif
