// SPDX-License-Identifier: Apache-2.0
#ifndef NET_RESOLVE_INT_H
#define NET_RESOLVE_INT_H

#include "net/resolve.h"

// Collects addresses: families interleaved, IPv6 first, at most RESOLVE_MAX_ADDRS.
struct resolve_set {
    struct net_addr v6[RESOLVE_MAX_ADDRS];
    struct net_addr v4[RESOLVE_MAX_ADDRS];
    unsigned n_v6;
    unsigned n_v4;
};
void resolve_set_add(struct resolve_set *set, const struct net_addr *a);
void resolve_set_answer(const struct resolve_set *set, struct resolve_answer *out);

// Asks the system's resolver (TCP for large answers) on a thread of its own. done runs once on the
// loop's thread, unless cancelled: then never.
struct system_lookup;
typedef void (*system_lookup_fn)(void *arg, enum status st, const struct resolve_set *set);
// NULL where too many are running already.
struct system_lookup *system_lookup_start(struct loop *l, const char *name, system_lookup_fn done,
                                          void *arg);
void system_lookup_cancel(struct system_lookup *job);

#endif
