// SPDX-License-Identifier: Apache-2.0
// Listening sockets; readiness comes through watch_new (loop.h).
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "base/err.h"
#include "base/span.h"
#include "net/addr.h"

// "ADDR:PORT", "unix:/path", or ":PORT": all interfaces, which are two sockets, IPv4's first.
// Returns how many addresses were written; 0: it is none of these.
unsigned listen_parse(struct span text, struct net_addr out[2]);
// Non-blocking, CLOEXEC, SO_REUSEADDR, IPv6 only where it is an IPv6 address. A unix socket that
// nobody listens on any more is replaced; its mode is 0600 until listen_set_mode. Returns the
// descriptor, which is the caller's, or -1 with the reason in e.
int listen_open(const struct net_addr *at, int backlog, struct err *e);
NODISCARD enum status listen_set_mode(const struct net_addr *at, unsigned mode, struct err *e);
void listen_unlink(const struct net_addr *at); // of a unix socket; others: nothing
// Fills in the address that the kernel chose (port 0); false on failure.
bool listen_address(int fd, struct net_addr *out);
// Takes one connection (non-blocking, CLOEXEC) off the queue; peer may be NULL. Returns -1 with
// errno: EAGAIN for none, EMFILE and the like where accepting has to pause. Connections that died
// in the queue are skipped.
int listen_accept(int fd, struct net_addr *peer);
// Who connected to a unix socket; false for others.
bool listen_peer_ids(int fd, uint32_t *uid, uint32_t *gid);

#endif
