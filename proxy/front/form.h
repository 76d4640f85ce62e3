// SPDX-License-Identifier: Apache-2.0
// Requests whose action stands in a form in the body: [policy] sections judge them once it is here.
#ifndef FRONT_FORM_H
#define FRONT_FORM_H

#include "front/request.h"

// What came of the body says that it is no form to look into: it can be judged now.
bool form_is_too_long(const struct request *r);
// The body is complete, or a form too long. False: the request is answered (403 policy-denied).
bool form_admits(struct request *r);

#endif
