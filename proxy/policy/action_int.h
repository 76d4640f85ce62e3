// SPDX-License-Identifier: Apache-2.0
// The two halves of action.h: S3, whose actions follow from method and subresource, and the rest.
#ifndef POLICY_ACTION_INT_H
#define POLICY_ACTION_INT_H

#include "policy/action.h"

// Adds a name, once each; where there is no room nothing is known any more.
void action_need(struct plan_action *p, struct span name);
void action_of_s3(const struct action_ask *ask, struct plan_action *out);
bool action_is_of_s3(struct span glob); // a name that action_of_s3 may give matches

#endif
