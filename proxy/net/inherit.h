// SPDX-License-Identifier: Apache-2.0
// Listening sockets that somebody else opened: systemd (sd_listen_fds(3)), or the process whose
// successor this one is. They are matched with what the configuration asks for; what nobody takes
// is closed. Main's thread.
#ifndef NET_INHERIT_H
#define NET_INHERIT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/status.h"
#include "net/addr.h"

enum inherit_use { INHERIT_LISTEN = 0, INHERIT_ADMIN, INHERIT_PROBE };

struct inherit;
// Reads LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES and INHERIT_VARIABLE; descriptors are closed on exec
// from now on. With neither there is an empty one. e: a descriptor that is no listening stream
// socket, or a variable that can't be read.
NODISCARD enum status inherit_new(char *const *envp, struct inherit **out, struct err *e);
void inherit_free(struct inherit *i); // closes what was not taken; NULL is fine
// Sockets that a service manager passed stand in for what the configuration says of that use. NULL
// is fine.
bool inherit_is_activated(const struct inherit *i, enum inherit_use use);
// The next one of them, which becomes the caller's, with its address; -1: no more.
int inherit_next(struct inherit *i, enum inherit_use use, struct net_addr *at);
// The predecessor's socket for that address (port 0: any), which becomes the caller's; -1: none.
int inherit_take(struct inherit *i, enum inherit_use use, const struct net_addr *at);
// inherit_take, or listen_open where there is none. *is_lent: the predecessor still listens there,
// and a unix socket's path is not ours to take away yet.
int inherit_or_open(struct inherit *i, enum inherit_use use, const struct net_addr *at,
                    bool *is_lent, struct err *e);
// The connection to the predecessor, which becomes the caller's; -1: there is none.
int inherit_channel(struct inherit *i);

// For the successor's environment: sockets by their descriptors, which keep their numbers.
#define INHERIT_VARIABLE "SIGV4_UPGRADE"
void inherit_write_channel(struct buf *out, int fd); // first
void inherit_write(struct buf *out, enum inherit_use use, int fd, bool is_activated);
// Whether an entry of an environment is about all this, and none of a command's business.
bool inherit_is_variable(const char *entry);

#endif
