// SPDX-License-Identifier: Apache-2.0
// client_min_rate: a body that comes too slowly, though we read, holds what it occupies no longer.
#ifndef FRONT_PACE_H
#define FRONT_PACE_H

#include <stdbool.h>
#include <stddef.h>

struct request;

void pace_hold(
    struct request *r); // the client is made to wait: until its next octets nothing counts
// Octets of the body have come. False: too few within client_rate_window.
bool pace_keeps(struct request *r, size_t n);

#endif
