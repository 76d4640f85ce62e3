// SPDX-License-Identifier: Apache-2.0
// Tables that tools/gen-hosts makes from botocore's endpoint data. Each is sorted bytewise by key.
#ifndef POLICY_HOSTS_TABLE_H
#define POLICY_HOSTS_TABLE_H

#include <stddef.h>

struct hosts_pair {
    const char *key;
    const char *value;
};

extern const struct hosts_pair hosts_suffixes[]; // DNS suffix -> region where a host names none
extern const size_t n_hosts_suffixes;
extern const struct hosts_pair hosts_api_suffixes[]; // those of hosts_suffixes that endpoints use
extern const size_t n_hosts_api_suffixes;
extern const struct hosts_pair hosts_names[]; // labels without region and suffix -> signing name
extern const size_t n_hosts_names;
extern const struct hosts_pair hosts_families[]; // last word of a compound label -> signing name
extern const size_t n_hosts_families;
extern const struct hosts_pair
    hosts_kin[]; // "W-", "-W", "W.": whether compounds sign as themselves
extern const size_t n_hosts_kin;
extern const struct hosts_pair hosts_unsigned[]; // services that take no SigV4: "bearer", "v2"
extern const size_t n_hosts_unsigned;
extern const struct hosts_pair hosts_sigv4a[]; // keys that take SigV4A only -> region set
extern const size_t n_hosts_sigv4a;
extern const struct hosts_pair hosts_global[]; // key.suffix of hosts without a region -> region
extern const size_t n_hosts_global;
extern const struct hosts_pair hosts_regions[]; // whole host -> region, where hosts_global is wrong
extern const size_t n_hosts_regions;
extern const struct hosts_pair
    hosts_forced_regions[]; // key.suffix -> region, whatever the host names
extern const size_t n_hosts_forced_regions;

#endif
