// SPDX-License-Identifier: Apache-2.0
// What a host name says by itself: AWS's endpoints, signing name and region (docs: spec/signing 9).
// Pure.
#ifndef POLICY_HOSTS_H
#define POLICY_HOSTS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/span.h"

enum hosts_verdict {
    HOSTS_UNKNOWN = 0, // not AWS's, or AWS's without a service that we know
    HOSTS_SIGN,
    HOSTS_NEVER_SIGN, // website, ELB, EC2, registries: AWS's, but a signature would only leak
};

struct hosts_answer {
    enum hosts_verdict verdict;
    bool is_aws;         // the suffix is AWS's
    struct span service; // signing name; static memory, or in the arena
    struct span region;  // empty: not named (accelerate); "*": SigV4A
    bool is_sigv4a;
    bool takes_bearer; // HOSTS_NEVER_SIGN: but a client's Bearer token is what it wants
    // HOSTS_UNKNOWN, but AWS's own regional endpoint by its shape: the label, which fits several
    // services (hosts_may_sign_as); region is set.
    struct span undecided;
    struct span bucket; // S3 virtual-hosted form: the bucket label(s); empty: path style
    bool hides_bucket;  // S3's access points: the path is a key of a bucket that is not named
    bool is_control;    // S3's control plane: the path names neither as objects do
    const char *rule;   // which rule decided, for explain
};
// host: lower case, without port. Regions may point into host.
void hosts_classify(struct span host, struct arena *a, struct hosts_answer *out);

// Whether the words of such a label allow that signing name: bedrock-x may sign as bedrock or as
// itself, x-control as x.
bool hosts_may_sign_as(struct span label, struct span service);

// Access points may stand where a bucket does, by ARN or by alias: whose bucket it is is not told.
bool hosts_is_access_point(struct span bucket);

// DNS suffixes of AWS's endpoints in all partitions; at most max into v. Static memory.
unsigned hosts_domains(const char **v, unsigned max);

#endif
