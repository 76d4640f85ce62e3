// SPDX-License-Identifier: Apache-2.0
// What policies are asked: a request as far as it is known whom it is about.
#ifndef POLICY_QUESTION_INT_H
#define POLICY_QUESTION_INT_H

#include "policy/action.h"
#include "policy/plan_int.h"

// An object of S3, as far as it is known.
struct object {
    struct span bucket; // p == NULL: not known
    struct span key;    // p == NULL: not known; empty: the request is about the bucket
};

#define OBJECTS_MAX 4 // what the request names and what a copy reads, each in two readings

struct question {
    struct plan_ctx *c;
    struct span host;    // "host" or "host:port"
    struct span service; // empty: none
    struct span region;  // the same
    struct span path;    // decoded; p == NULL: a tunnel has none
    struct span tidied;  // the same without dot segments and doubled slashes
    struct span bucket;  // of the host; empty: it is in the path
    bool is_aws;         // goes unsigned to a host of AWS's
    bool hides_bucket;   // neither: the path is the key
    bool hides_key;      // nor that
    bool opens_session;  // S3 Express's CreateSession: real keys for the client
    struct object objects[OBJECTS_MAX];
    unsigned n_objects; // 0: S3 is not asked, or there are no policies
};

struct question question_ask(struct plan_ctx *c);

#endif
