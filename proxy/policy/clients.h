// SPDX-License-Identifier: Apache-2.0
// Who may talk to the proxy listener, by address or by the user that runs at the other end of a
// unix socket. Pure.
#ifndef POLICY_CLIENTS_H
#define POLICY_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "config/config.h"

// list: "ADDR" or "ADDR/BITS". An empty one lets everybody in.
bool clients_have_address(const struct config_list *list, const struct sockaddr *peer);
// list: "uid:N", "gid:N". An empty one lets everybody in.
bool clients_have_peer(const struct config_list *list, uint32_t uid, uint32_t gid);

#endif
