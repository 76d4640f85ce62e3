// SPDX-License-Identifier: Apache-2.0
// One try at the upstream: connection, signature with this moment's clock and credentials, sending,
// waiting for the answer's head.
#ifndef FRONT_ATTEMPT_H
#define FRONT_ATTEMPT_H

#include "front/request.h"

void attempt_start(struct request *r);               // drops what the last attempt left
bool attempt_is_idempotent(const struct request *r); // by its method
// Body bytes have come, the upstream takes more, or the body is complete.
void attempt_pump(struct request *r);
void attempt_body(struct request *r,
                  struct span data); // streaming: straight through where possible
// To the plan's upstream, through its proxy where it has one; what it points to is the request's.
struct dial_request attempt_dial(struct request *r, bool is_tls);
void attempt_cancel(struct request *r);                                   // drops dial and exchange
void attempt_timeout(struct request *r);                                  // the state's timer
const char *attempt_refusal(const void *guard, const struct net_addr *a); // dialer.refusal

#endif
