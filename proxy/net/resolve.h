// SPDX-License-Identifier: Apache-2.0
// Names to addresses over evdns, on one loop (control). Names with a dot are asked absolute (no
// search list); /etc/hosts first; resolv.conf and hosts are watched; a truncated answer is asked
// again by getaddrinfo on a helper thread.
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include "base/err.h"
#include "base/status.h"
#include "net/addr.h"
#include "net/loop.h"

#define RESOLVE_MAX_ADDRS 16

struct resolver;
struct resolver_options {
    const char *nameserver;       // "addr[:port]", comma list; NULL: resolv.conf
    const char *resolv_conf_path; // NULL: /etc/resolv.conf
    const char *hosts_path;       // NULL: /etc/hosts
};
struct resolver *resolver_new(struct loop *l, const struct resolver_options *o, struct err *e);
void resolver_free(struct resolver *r); // cancels what runs

struct resolve_answer {
    struct net_addr addrs[RESOLVE_MAX_ADDRS]; // families interleaved, IPv6 first; port 0
    unsigned n;
    int64_t ttl_ms; // as the servers said, not clamped
};
// ST_OK with addresses; ST_DECLINED: the name does not exist (final); ST_IO: servers failed (text).
typedef void (*resolve_done_fn)(void *arg, enum status st, const struct resolve_answer *answer,
                                const char *text);
struct resolve_query;
// Calls done once, never before this returns, not after resolve_cancel.
struct resolve_query *resolve_start(struct resolver *r, const char *name, resolve_done_fn done,
                                    void *arg);
void resolve_cancel(struct resolve_query *q);

#endif
