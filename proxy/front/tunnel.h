// SPDX-License-Identifier: Apache-2.0
// CONNECT as a plain tunnel: bytes both ways, half-close passed on, nothing looked at.
#ifndef FRONT_TUNNEL_H
#define FRONT_TUNNEL_H

#include "front/request.h"

void tunnel_start(struct request *r); // dials, answers 200, relays; ends in request_finish
void tunnel_cancel(struct request *r);

#endif
