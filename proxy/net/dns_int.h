// SPDX-License-Identifier: Apache-2.0
// One set of name servers and search domains, as read from resolv.conf at one moment; evdns behind.
// When the file changes a new one is made and the old one ends with its last question.
#ifndef NET_DNS_INT_H
#define NET_DNS_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "net/addr.h"
#include "net/loop.h"

struct dns;
// nameserver ("addr[:port]", comma list) overrides those of the file; NULL for none.
struct dns *dns_new(struct loop *l, const char *resolv_conf_path, const char *nameserver,
                    struct err *e);
// Ends it once its last question has been answered or cancelled.
void dns_retire(struct dns *d);

enum dns_result {
    DNS_ADDRESSES = 0,
    DNS_NOTHING,   // no such name, or none of this family
    DNS_TRUNCATED, // does not fit into a datagram
    DNS_FAILED,    // text says why
};
struct dns_answer {
    enum dns_result result;
    const struct net_addr *addrs;
    unsigned n;
    int64_t ttl_ms;
    const char *text; // static
};
typedef void (*dns_fn)(void *arg, const struct dns_answer *answer);

struct dns_ask;
// Never answers before it returns; NULL where the name can't be asked for.
struct dns_ask *dns_ask(struct dns *d, const char *name, bool is_ipv6, bool may_search, dns_fn fn,
                        void *arg);
void dns_ask_cancel(struct dns_ask *a); // fn is not called any more

#endif
