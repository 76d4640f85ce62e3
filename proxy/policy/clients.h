// SPDX-License-Identifier: Apache-2.0
// Who may talk to the proxy listener, by address or by the user that runs at the other end of a
// unix socket. Pure.
#ifndef POLICY_CLIENTS_H
#define POLICY_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "config/config.h"

// Who asks, as far as the connection and the request tell. All borrowed.
struct plan_client {
    const struct sockaddr *address; // NULL: through a unix socket
    uint32_t uid, gid;              // of a unix socket's peer
    const char *token;              // name of the token that was given; NULL: none
    const char *const *names;       // in the verified certificate
    unsigned n_names;
};

// list: "ADDR[/BITS]", "unix", "uid:N", "gid:N", "token:GLOB", "cert:GLOB". An empty one has
// everybody; nobody is in another one where who is NULL.
bool clients_have(const struct config_list *list, const struct plan_client *who);
// list: "ADDR" or "ADDR/BITS". An empty one lets everybody in.
bool clients_have_address(const struct config_list *list, const struct sockaddr *peer);
// list: "uid:N", "gid:N". An empty one lets everybody in.
bool clients_have_peer(const struct config_list *list, uint32_t uid, uint32_t gid);

#endif
