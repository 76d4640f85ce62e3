// SPDX-License-Identifier: Apache-2.0
// Listening sockets; readiness comes through watch_new (loop.h).
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "base/err.h"
#include "net/addr.h"

// Non-blocking, CLOEXEC, SO_REUSEADDR, IPv6 only where it is an IPv6 address. Returns the
// descriptor, which is the caller's, or -1 with the reason in e.
int listen_open(const struct net_addr *at, int backlog, struct err *e);
// Fills in the address that the kernel chose (port 0); false on failure.
bool listen_address(int fd, struct net_addr *out);
// Takes one connection (non-blocking, CLOEXEC) off the queue; peer may be NULL. Returns -1 with
// errno: EAGAIN for none, EMFILE and the like where accepting has to pause. Connections that died
// in the queue are skipped.
int listen_accept(int fd, struct net_addr *peer);

#endif
