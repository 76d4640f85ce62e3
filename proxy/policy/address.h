// SPDX-License-Identifier: Apache-2.0
// Which addresses may be dialled, whatever names them. The address checked is the address dialled.
// Pure.
#ifndef POLICY_ADDRESS_H
#define POLICY_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

struct address_rules {
    bool loopback_ok;   // see struct plan
    bool link_local_ok; // VPC Lattice's ranges
};

// NULL: allowed. Else static text: "link-local", "unspecified", "multicast", "loopback",
// "metadata". IPv4-mapped IPv6 is judged as IPv4. Own listeners are compared by the caller.
const char *address_refusal(const struct sockaddr *sa, const struct address_rules *rules);

#endif
