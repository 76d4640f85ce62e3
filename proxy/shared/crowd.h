// SPDX-License-Identifier: Apache-2.0
// A gauge for each of very many things that come and go, as clients' addresses, in a table that
// never grows: two of them may share a gauge, which is strict, not lax. Any thread, never blocks.
#ifndef SHARED_CROWD_H
#define SHARED_CROWD_H

#include "shared/limit.h"

struct crowd;

struct crowd *crowd_new(void);
void crowd_free(struct crowd *c);
struct limit *crowd_at(struct crowd *c, uint64_t key); // key: a seeded hash; lives as long as c

#endif
