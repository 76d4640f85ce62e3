// SPDX-License-Identifier: Apache-2.0
// The IAM action that a request needs, guessed from what it looks like: for people who read why
// AWS denied it. Decides nothing. Pure.
#ifndef POLICY_ACTION_H
#define POLICY_ACTION_H

#include "base/arena.h"
#include "policy/plan.h"

struct action_ask {
    const struct plan *plan; // signed
    const struct msg *msg;
    struct span body; // its beginning; empty: not known
};
// "s3:GetObject", "dynamodb:Query"; NULL: no idea.
const char *action_guess(const struct action_ask *q, struct arena *a);
// The request is about an object of S3 (or a bucket, or neither).
bool action_is_object(const struct plan *p, struct arena *a);

#endif
