# SPDX-License-Identifier: Apache-2.0
"""500 clients that are as slow as they can be, beside one that is not: it is served all the same, they are
cut off by their limits, and nothing of them stays. The healthy one's times are reported, not asserted."""
import contextlib
import resource
import selectors
import socket
import time

import harness
import http1
import pytest
import scripted
from retrying import S3, base_line, descriptors, metrics

CLIENTS = 500
HOST = b"Host: bucket.s3.us-east-1.amazonaws.com\r\n"
KINDS = {
    "head": b"GET http://bucket.s3.us-east-1.amazonaws.com/generate/1 HTTP/1.1\r\nX: ",
    "body": b"PUT http://bucket.s3.us-east-1.amazonaws.com/discard/x HTTP/1.1\r\n" + HOST +
            b"Content-Length: 1000000\r\n\r\n",
    "reader": b"GET http://endless.test/ HTTP/1.1\r\nHost: endless.test\r\n\r\n",
}
PIECE = bytes(1 << 16)


class Endless(scripted.Upstream):
    """An upstream whose answers never end; sent: octets that have left it."""

    def __init__(self):
        super().__init__(self.answer)
        self.sent = 0

    def answer(self, sock):
        http1.Wire(sock).read_head()
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            sock.sendall(PIECE)
            self.sent += len(PIECE)

    def is_still(self):
        """All buffers are full: to fill those of 500 readers is work, of this process above all."""
        before = self.sent
        time.sleep(0.4)
        return self.sent == before


def percentile(times, share):
    return sorted(times)[int(share * (len(times) - 1))] * 1000


def healthy(proxy, seconds, meanwhile=lambda: None):
    """Times of one client's requests for so long."""
    times = []
    end = time.monotonic() + seconds
    with proxy.client() as client:
        while time.monotonic() < end:
            started = time.monotonic()
            assert client.request("GET", S3 + "generate/1000").status == 200
            times.append(time.monotonic() - started)
            meanwhile()
    return times


class Slow:
    """All of them in one thread: an octet a second each (none of a reader), and who was cut off."""

    def __init__(self, proxy, kind):
        self.kind = kind
        self.open = []
        for _ in range(CLIENTS):
            sock = socket.socket()
            if kind == "reader":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(proxy.address)
            sock.sendall(KINDS[kind])
            sock.setblocking(False)
            self.open.append(sock)
        self.next = time.monotonic() + 1
        self.statuses = []

    def trickle(self):
        if time.monotonic() < self.next:
            return
        self.next += 1
        left = []
        for sock in self.open:
            try:
                if self.kind != "reader":
                    answer = b""
                    with contextlib.suppress(BlockingIOError):
                        answer = sock.recv(4096)
                        raise ConnectionError
                    sock.send(b"x")
                elif is_reset(sock):
                    raise ConnectionError
                left.append(sock)
            except OSError:
                self.statuses.append(int(answer.split()[1]) if self.kind != "reader" and answer else 0)
                sock.close()
        self.open = left

    def close(self):
        for sock in self.open:
            sock.close()


def is_reset(sock):
    """The proxy has given up on it, though octets may still be unread."""
    with selectors.PollSelector() as selector:
        selector.register(sock, selectors.EVENT_WRITE)
        selector.select(0)
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != 1  # TCP_ESTABLISHED


@pytest.mark.heavy
@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 4 * CLIENTS, reason="too few descriptors")
@pytest.mark.parametrize("kind", KINDS)
def test_five_hundred_slow_clients_hold_up_nobody(start_proxy, own_aws, kind):
    server = Endless()
    proxy = start_proxy(own_aws, "client_head_timeout = 4s\nclient_min_rate = 1k\nclient_rate_window = 3s\n"
                                 "client_write_timeout = 7s\npool_idle_timeout = 1s\nmax_buffer_memory = 1g\n" +
                        server.route("endless.test"))
    before = healthy(proxy, 1)
    at_rest, memory = base_line(proxy), proxy.memory("VmRSS")
    slow = Slow(proxy, kind)
    try:
        harness.wait_until(server.is_still, 5, "the slow clients to be connected")
        times = healthy(proxy, 2, slow.trickle)
        peak = proxy.memory("VmRSS")
        print(f"{kind}: healthy p50 {percentile(before, .5):.1f} -> {percentile(times, .5):.1f} ms, p99 "
              f"{percentile(before, .99):.1f} -> {percentile(times, .99):.1f} ms ({len(times)} requests), "
              f"memory {memory >> 20} -> {peak >> 20} MiB")
        assert peak - memory < CLIENTS * (1 << 20)

        def all_cut():
            slow.trickle()
            assert proxy.request("GET", S3 + "generate/10").status == 200
            return not slow.open
        harness.wait_until(all_cut, 15, "the slow ones' end")
    finally:
        slow.close()
        server.listener.close()
    if kind != "reader":
        assert set(slow.statuses) <= {408, 0} and slow.statuses.count(408) > CLIENTS * 0.9
    harness.wait_until(lambda: descriptors(proxy) <= at_rest + 4, 10, "descriptors at the base line")
    got = metrics(proxy)
    assert got["requests_forwarded"] == 0 and got["buffer_bytes"] <= 4 << 18

    def is_small():  # what a worker's buffers kept is given back second by second
        assert proxy.request("GET", S3 + "generate/10").status == 200
        return proxy.memory("VmRSS") - memory < 48 << 20
    harness.wait_until(is_small, 10, "the memory's return")
