// SPDX-License-Identifier: Apache-2.0
// A route's rate_limit: requests go to the upstream in their turn.
#ifndef FRONT_TURN_H
#define FRONT_TURN_H

#include "front/request.h"

void turn_begin(struct request *r); // then an attempt, or 429
void turn_over(struct request *r);  // the state's timer
void turn_leave(struct request *r); // waits no more; nothing where it does not wait

#endif
