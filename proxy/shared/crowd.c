// SPDX-License-Identifier: Apache-2.0
#include "shared/crowd.h"

#include <stdlib.h>

#include "base/xalloc.h"

#define GAUGES 16384 // a power of two

struct crowd {
    struct limit gauges[GAUGES];
};

struct crowd *crowd_new(void)
{
    return xcalloc(1, sizeof(struct crowd));
}

void crowd_free(struct crowd *c)
{
    free(c);
}

struct limit *crowd_at(struct crowd *c, uint64_t key)
{
    return &c->gauges[key % GAUGES];
}
