// SPDX-License-Identifier: Apache-2.0
// The running proxy, shared by the files that start it, read its configuration again and end it.
// All of it belongs to main's thread but where said otherwise.
#ifndef SERVE_INT_H
#define SERVE_INT_H

#include <pthread.h>

#include "admin/admin.h"
#include "client/dial.h"
#include "creds/creds.h"
#include "creds/s3_session.h"
#include "front/front.h"
#include "net/notify.h"
#include "net/resolve.h"
#include "serve.h"

#define SERVE_SIGNALS 5

// A successor that was started (upgrade.c).
struct upgrade {
    pid_t pid; // 0: none
    int fd;    // the connection to it
    struct watch *watch;
    struct timer *timer;
    bool is_gone; // hung up
    bool is_done; // took over, or was given up
};

// As long as this process waits to take over.
struct heir {
    int fd; // the connection to the predecessor
    struct watch *watch;
    struct timer *timer;
};

struct proxy {
    const struct settings_source *source;
    struct config *config;   // a reference to the newest
    struct spawner *spawner; // borrowed; NULL: none
    struct loop *main;
    struct loop *control;
    pthread_t control_thread;
    bool has_control_thread;
    struct tls_trust *trust;
    struct tls_client *tls;    // control's: towards credential endpoints, always verifying
    struct tls_client *s3_tls; // control's too: towards upstreams
    struct facts *facts;
    struct resolver *resolver;
    struct addresses *addresses;
    struct creds_chain *chain;
    struct config *s3_config; // control's: a reference, for the sessions
    struct s3_sessions *s3_sessions;
    struct facts_view *view; // main's, for readiness
    struct front *front;
    struct admin *admin;
    struct admin_process process; // what admin shows of all this
    struct watch *signals[SERVE_SIGNALS];
    struct timer *pre_stop;
    struct timer *linger;
    int64_t linger_until_ms;
    struct timer *idle;      // exit_when_idle
    int64_t busy_ms;         // when a client was connected last
    char *creds_key;         // whose credentials make the proxy ready
    char *first_key;         // control's: the same at the start
    struct inherit *inherit; // during the start
    struct notify *notify;   // NULL: no service manager
    struct timer *tick;      // tells it how things are
    int64_t watchdog_ms;     // when it hears from us next
    struct reading *reading; // a reload under way; NULL: none
    bool is_reload_due;      // asked for meanwhile
    struct upgrade upgrade;
    struct heir *channel; // NULL: nobody is waited for
    bool is_heir;         // a predecessor started this process
    bool has_heir;        // another process listens on
    bool is_stopping;
    bool is_asked; // by a signal: the next one ends it at once
};

// reload.c: reads everything again; what is wrong changes nothing. Main's thread; files are read
// on another. reload_end: on the way out, one that is under way comes to nothing.
void reload_begin(struct proxy *p);
void reload_end(struct proxy *p);
// Control's loop, or before it runs: the sessions go by that from now on. Takes over both.
void serve_set_sessions(struct proxy *p, struct config *config, struct tls_client *tls);
char *serve_creds_key(const struct config *config); // heap
void serve_warn_unverified(void);
bool serve_is_ready(void *proxy, struct err *why);
void serve_open(struct proxy *p);  // accepts from now on
void serve_leave(struct proxy *p); // others accept; ends when what runs here has ended

// upgrade.c
void upgrade_begin(struct proxy *p);
void upgrade_end(struct proxy *p);        // on the way out; a successor that is not ready ends too
void heir_begin(struct proxy *p, int fd); // fd is taken over
void heir_end(struct proxy *p);           // nothing is waited for any more

#endif
