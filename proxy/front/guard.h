// SPDX-License-Identifier: Apache-2.0
// Who may use the proxy listener: addresses, users at the other end of a unix socket, tokens.
#ifndef FRONT_GUARD_H
#define FRONT_GUARD_H

#include "front/request.h"

// False: the request is answered (403 client-denied, 407 auth-required).
bool guard_admits(struct request *r);
// The client runs on this machine.
bool guard_is_near(const struct request *r);

#endif
