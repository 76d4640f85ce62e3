// SPDX-License-Identifier: Apache-2.0
// Which upstreams a configuration leads to at all: after a reload, connections to the others go.
// Pure.
#ifndef POLICY_REACH_H
#define POLICY_REACH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"
#include "config/config.h"

struct reach {
    struct span host; // lower case, as it is dialled
    uint16_t port;
    bool is_tls;
    struct span name; // reach_may's own
};
// False: no request comes there any more. True may be said of hosts that are denied for other
// reasons.
bool reach_may(const struct config *c, struct reach *to, struct arena *a);
// Whether upstreams are reached through the same proxies under both.
bool reach_is_same_way(const struct config *a, const struct config *b);

#endif
