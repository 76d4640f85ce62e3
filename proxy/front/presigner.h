// SPDX-License-Identifier: Apache-2.0
// The presign endpoint at the proxy listener, under the name of presign_host: for tools that know
// nothing but a proxy.
#ifndef FRONT_PRESIGNER_H
#define FRONT_PRESIGNER_H

#include "front/request.h"

// True: the request is meant for it, and its state or its answer has been seen to.
bool presigner_takes(struct request *r);
void presigner_answer(struct request *r); // the body is here
void presigner_cancel(struct request *r); // the request is over

#endif
