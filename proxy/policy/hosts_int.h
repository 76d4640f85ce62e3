// SPDX-License-Identifier: Apache-2.0
// Shared by hosts.c (the tables), hosts_forms.c (names that customers choose) and hosts_kin.c
// (names that are not in the table).
#ifndef POLICY_HOSTS_INT_H
#define POLICY_HOSTS_INT_H

#include <stdbool.h>

#include "base/span.h"
#include "policy/hosts.h"

#define HOSTS_MAX_HOST   255
#define HOSTS_MAX_LABELS 64

struct hosts_parts {
    struct span host;
    struct span suffix; // "amazonaws.com"
    struct span home;   // region where the host names none
    struct span region; // empty until taken out, and where none is named
    struct span labels[HOSTS_MAX_LABELS];
    unsigned n;
};

struct hosts_key {
    char text[HOSTS_MAX_HOST + 1];
    size_t len;
    struct span label[HOSTS_MAX_LABELS]; // point into text
    unsigned n;
};

struct hosts_pair;

const char *hosts_pair_find(const struct hosts_pair *v, size_t n, struct span key); // or NULL
bool hosts_is_region(struct span s);
size_t hosts_plane(struct span label); // length of "-api", "-control"... at its end, or 0
void hosts_sign(struct hosts_answer *out, const char *service, struct span region,
                const char *rule);
void hosts_never(struct hosts_answer *out, const char *rule);

// [...]vpce-ID.SERVICE.REGION.vpce: leaves SERVICE.REGION in h and the labels in front of vpce-ID
// in *outer. False: answered (out set, or left unknown).
bool hosts_open_vpce(struct hosts_parts *h, struct span *outer, struct hosts_answer *out);
// The S3 family, where labels in front are a bucket's name and must not be read. True: answered.
bool hosts_s3(const struct hosts_parts *h, struct span outer, struct hosts_answer *out);
// Never signed, whatever stands in front.
bool hosts_is_never(const struct hosts_key *k);
// Other forms with a customer's name in front. True: answered.
bool hosts_form(const struct hosts_key *k, struct span region, struct hosts_answer *out);
// A name in front of a service whose hosts with such a name are databases, brokers, clusters.
bool hosts_is_customers(const struct hosts_key *k);
// The name with which a regional endpoint of a service that is not in the table signs; empty: not
// one, or (out->undecided) one of a family that signs in several ways.
struct span hosts_unlisted(const struct hosts_parts *h, const struct hosts_key *k,
                           struct hosts_answer *out);

#endif
