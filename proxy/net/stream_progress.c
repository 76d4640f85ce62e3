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
    uint64_t sent = info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
    // The SYN is acknowledged like an octet. Where it was not, or what was sent and what was not
    // are together not what the kernel took, these are no counters of ours: of a kernel that leaves
    // them at 0, of one that counted a retransmission that it had no memory for.
    if (!info.tcpi_bytes_acked || sent + info.tcpi_notsent_bytes != s->wire_taken)
        return false;
    *out = (struct stream_progress){.sent = sent, .acked = info.tcpi_bytes_acked - 1};
    return true;
}
