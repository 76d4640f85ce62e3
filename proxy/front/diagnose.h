// SPDX-License-Identifier: Apache-2.0
// Why AWS refused a signed request, as far as its answer tells: one line of the log, at a bounded
// rate. The answer goes to the client as it is.
#ifndef FRONT_DIAGNOSE_H
#define FRONT_DIAGNOSE_H

#include "front/request.h"

// How much of that answer's body is wanted for it; 0: there is nothing to explain.
size_t diagnose_wants(struct request *r, const struct msg *m);
void diagnose(struct request *r, struct span body);

#endif
