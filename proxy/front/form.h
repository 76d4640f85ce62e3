// SPDX-License-Identifier: Apache-2.0
// Requests whose action stands in a form in the body: [policy] sections judge them once it is here.
#ifndef FRONT_FORM_H
#define FRONT_FORM_H

#include "front/request.h"

// The body is complete. False: the request is answered (403 policy-denied).
bool form_admits(struct request *r);

#endif
