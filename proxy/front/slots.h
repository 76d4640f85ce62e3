// SPDX-License-Identifier: Apache-2.0
// How much goes on at once: max_in_flight with its queue, and max_buffer_memory.
#ifndef FRONT_SLOTS_H
#define FRONT_SLOTS_H

#include "front/request.h"

void slots_setup(struct worker *w);
void slots_clear(struct worker *w); // nobody waits any more
// False: buffers hold too much already, and the request has been answered.
bool slots_have_memory(struct request *r);
// True: it has a slot. False: it waits for one (request_forward is called then), or there was no
// room to wait and it has been answered.
bool slots_enter(struct request *r);
void slots_timeout(struct request *r); // it waited for too long
void slots_leave(struct request *r);   // gives back its slot, or its place in the queue

#endif
