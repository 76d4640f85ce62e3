// SPDX-License-Identifier: Apache-2.0
// Apart from the other files since <linux/tcp.h>, which knows these counters, and <netinet/tcp.h>
// do not go together.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "net/stream_int.h"

bool stream_progress(const struct stream *s, struct stream_progress *out)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);
    if (getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == -1 ||
        len < offsetof(struct tcp_info, tcpi_bytes_retrans) + sizeof(info.tcpi_bytes_retrans))
        return false;
    uint64_t syn = info.tcpi_bytes_acked > 0; // it is acknowledged like an octet
    *out = (struct stream_progress){.sent = info.tcpi_bytes_sent - info.tcpi_bytes_retrans,
                                    .acked = info.tcpi_bytes_acked - syn};
    return true;
}
