// SPDX-License-Identifier: Apache-2.0
// Bytes both ways, half-close passed on, nothing looked at: CONNECT as a plain tunnel, and what
// comes behind the 101 to a request for a websocket.
#ifndef FRONT_TUNNEL_H
#define FRONT_TUNNEL_H

#include "front/request.h"

void tunnel_start(struct request *r); // dials, answers 200, relays; ends in request_finish
// The upstream's 101, which was looked at; relayed, and rest behind it. From within the exchange's
// `switched`.
void tunnel_switch(struct request *r, const struct msg *m, struct span rest);
void tunnel_cancel(struct request *r);

#endif
