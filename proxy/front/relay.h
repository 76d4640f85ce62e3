// SPDX-License-Identifier: Apache-2.0
// The answer on its way to the client.
#ifndef FRONT_RELAY_H
#define FRONT_RELAY_H

#include "front/request.h"

void relay_interim(struct request *r, const struct msg *m);
void relay_head(struct request *r, const struct msg *m);
// A 101: what is wrong with it (NULL: nothing), and its way to the client.
const char *relay_why_no_switch(const struct msg *m);
void relay_switch(struct request *r, const struct msg *m);
void relay_body(struct request *r, struct span data);
void relay_end(struct request *r);
void relay_turn(struct request *r);                    // sends a head that waited for body bytes
void relay_broken(struct request *r, const char *how); // the client must see that it is cut off

#endif
