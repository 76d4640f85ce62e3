// SPDX-License-Identifier: Apache-2.0
// Between the files of this room: a connection, and a call on it that may be answered later.
#ifndef ADMIN_ADMIN_INT_H
#define ADMIN_ADMIN_INT_H

#include <sys/queue.h>

#include "admin/admin.h"
#include "base/arena.h"
#include "base/buf.h"
#include "front/token_file.h"
#include "http/h1_parser.h"
#include "net/stream.h"
#include "policy/clients.h"
#include "sign/sign.h"

#define ADMIN_LISTENERS 4
#define ADMIN_BODY_MAX  ((size_t)1024 * 1024)

struct admin_listener {
    struct admin *admin;
    int fd;
    struct net_addr at;
    char name[NET_ADDR_TEXT];
    struct watch *watch;
    struct timer *accept_again; // after running out of descriptors
    bool is_activated;          // a service manager's
    bool is_lent;               // somebody else listens there too
    bool is_probe;
    bool is_near; // loopback or a unix socket: whoever comes runs on this machine
};

TAILQ_HEAD(admin_conns, admin_conn);

struct admin {
    struct admin_options o;
    struct config *config;
    struct token_file *tokens;   // NULL: none
    struct sign_key_cache *keys; // main's
    struct admin_listener listeners[ADMIN_LISTENERS];
    unsigned n_listeners;
    struct admin_conns conns;
    unsigned n_conns;
    bool is_leaving; // a successor answers
};

struct admin_page;

// The request that a connection is answering. Lives until it is answered or the client is gone.
struct admin_call {
    struct admin_conn *conn;
    struct admin *admin;
    struct config *config;         // a reference, from the head to the answer
    const struct admin_page *page; // NULL: not found yet
    const struct msg *msg;
    struct span path;
    struct span query; // without '?'
    struct span body;
    struct arena *arena;
    const char *peer;          // for the log
    struct plan_client client; // the same, for [policy] sections
    bool is_near;              // on this machine, at the admin listener
    bool is_trusted;           // may see names and reasons
    struct hdrs extra;         // further fields of the answer
    // Set by a page that answers later: called when the client is gone before.
    void (*cancel)(void *arg);
    void *cancel_arg;
};

struct admin_page {
    const char *path;
    const char *methods; // for Allow
    // Answers by admin_reply, now or later. It is not called again until then.
    void (*answer)(struct admin_call *c);
    bool is_public;     // nothing that names or grants: also on the probe listener, without a token
    bool takes_origins; // web pages of presign_origins may ask
};

// conn.c
void admin_accept(struct admin_listener *l);
void admin_hang_up(struct admin_conn *c);
struct admin_conn *admin_conn_next(struct admin_conn *c); // NULL behind the last
void admin_conn_leave(struct admin_conn *c);              // after the request that may be under way
// The call is over with this. text: "text/plain" and the like.
void admin_reply(struct admin_call *c, int status, const char *type, struct span body);
void admin_say(struct admin_call *c, int status, const char *text); // one line of text

bool admin_is_probe(const struct admin_call *c);

// guard.c: what must hold before a page is asked; answers and returns false where it doesn't.
bool admin_admits(struct admin_call *c);

// pages.c
const struct admin_page *admin_page_find(struct span path);
const char *admin_page_names(void); // for 404

// Pages that need what control knows. list is freed by the caller; NULL: control does not answer.
typedef void (*admin_facts_fn)(struct admin_call *c, const struct facts_list *list);
void admin_with_facts(struct admin_call *c, admin_facts_fn fn);
void admin_metrics(struct admin_call *c, const struct facts_list *list);
void admin_status(struct admin_call *c, const struct facts_list *list);

void admin_presign(struct admin_call *c);

#endif
