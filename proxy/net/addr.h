// SPDX-License-Identifier: Apache-2.0
// Socket addresses as values: literals only, names go through resolve.h.
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/span.h"
#include "base/status.h"

struct net_addr {
    struct sockaddr_storage ss;
    socklen_t len;
};

#define NET_ADDR_TEXT 64
// "1.2.3.4", "::1", "[::1]"; port in host order.
NODISCARD enum status net_addr_parse(struct span literal, uint16_t port, struct net_addr *out);
// "127.0.0.1:8080", "[::1]:8080", "unix:/path", "unix:@abstract", "unix"
void net_addr_format(const struct net_addr *a, char out[NET_ADDR_TEXT]);
uint16_t net_addr_port(const struct net_addr *a);
void net_addr_set_port(struct net_addr *a, uint16_t port);
bool net_addr_same_ip(const struct net_addr *a, const struct net_addr *b);
bool net_addr_is_loopback(const struct net_addr *a); // or a unix socket
bool net_addr_is_any(const struct net_addr *a);      // 0.0.0.0, ::
// One of this machine's addresses, as the kernel sees it now.
bool net_addr_is_local(const struct net_addr *a);

#endif
