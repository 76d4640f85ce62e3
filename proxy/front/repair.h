// SPDX-License-Identifier: Apache-2.0
// One-shot repairs: what a refusal teaches about an endpoint's clock, the credentials or a bucket's
// region, for this request and for later ones.
#ifndef FRONT_REPAIR_H
#define FRONT_REPAIR_H

#include "front/request.h"
#include "retry/retry.h"

// Fills in what the decision needs, and learns.
void repair_look(struct request *r, const struct retry_error *e, struct retry_state *t);
void repair_do(struct request *r, enum retry_action action, const struct retry_error *e);
int64_t repair_skew(const struct request *r); // learned: what the endpoint's clock is ahead by, ms
// Plans anew where the bucket is known to be in another region.
void repair_plan(struct request *r);

#endif
