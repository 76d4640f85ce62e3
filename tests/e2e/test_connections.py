# SPDX-License-Identifier: Apache-2.0
"""Client connections that do what well-behaved clients don't: nothing may hang, grow or be answered
twice."""
import contextlib
import os
import signal
import socket
import time

import harness
import pytest
from scripted import Upstream

HOST = b"Host: b.test\r\n"
GET = b"GET http://b.test/x HTTP/1.1\r\n" + HOST + b"\r\n"


def everything(client, seconds=1.0):
    """What comes until the proxy closes or falls silent, and whether it closed."""
    client.sock.settimeout(seconds * harness.PATIENCE)
    try:
        while client.wire.fill():
            pass
    except (TimeoutError, ConnectionError):
        pass
    return bytes(client.wire.buf), client.wire.eof


@pytest.fixture
def upstream():
    with Upstream() as server:
        yield server


def test_request_behind_an_unknown_method_is_answered(upstream, start_proxy):
    proxy = start_proxy(conf=upstream.route())
    with proxy.client() as client:
        client.send(b"BREW http://b.test/ HTTP/1.1\r\n" + HOST + b"\r\n" + GET)
        assert [client.read().status, client.read().status] == [501, 200]


def test_body_behind_an_answered_options_is_not_waited_for(upstream, start_proxy):
    proxy = start_proxy(conf=upstream.route())
    with proxy.client() as client:
        client.send(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\nabc")
        assert client.read().status == 200
        assert client.is_closed(3 * harness.PATIENCE)


def test_answers_that_nobody_reads_do_not_pile_up(upstream, start_proxy):
    """Requests that are answered here cost the client 40 octets and us 100: they must wait."""
    proxy = start_proxy(conf=upstream.route())
    before = proxy.memory("VmRSS")
    requests = (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n") * 500
    sent = 0
    with proxy.client() as client:
        client.sock.settimeout(1)
        try:
            while sent < 64 << 20:
                sent += client.sock.send(requests)
        except TimeoutError:
            pass
        assert sent < 64 << 20
        # What is freed stays in a sanitizer's quarantine for a while.
        assert proxy.memory("VmRSS") - before < (8 << 20) * (4 if harness.SANITIZER else 1)
        # Whoever reads again is served again.
        client.sock.settimeout(5 * harness.PATIENCE)
        for _ in range(20000):
            assert client.read().status == 200


def test_octets_behind_a_refused_connect_are_no_request(upstream, start_proxy):
    proxy = start_proxy(conf=upstream.route())
    with proxy.client() as client:
        client.send(b"CONNECT b.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n" + GET)
        got, closed = everything(client)
    assert (got.count(b"HTTP/1.1 "), closed) == (1, True)
    assert upstream.connections == 0


def test_what_came_while_the_proxy_was_held_up_is_no_idle_connection(upstream, start_proxy):
    """After a stop the idle timers are due before most of the sockets have been read."""
    proxy = start_proxy(conf="workers = 1\nclient_idle_timeout = 1s\n" + upstream.route())
    request = b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n"
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(proxy.client()) for _ in range(100)]
        for client in clients:
            client.send(request)
        assert {client.read().status for client in clients} == {200}
        os.kill(proxy.process.pid, signal.SIGSTOP)
        try:
            for client in clients:
                client.send(request)
            time.sleep(1.5)
        finally:
            os.kill(proxy.process.pid, signal.SIGCONT)
        assert {client.read().status for client in clients} == {200}
        assert all(client.is_closed(5 * harness.PATIENCE) for client in clients), "idle now"


def test_admin_does_not_spin_without_descriptors(upstream, start_proxy):
    proxy = start_proxy(conf=upstream.route(), limit_descriptors=64)

    def seconds_used():
        fields = open(f"/proc/{proxy.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    held = []
    try:
        for port in [proxy.port] * 30 + [proxy.admin_port] * 80:
            held.append(socket.create_connection(("127.0.0.1", port), 5))
        time.sleep(0.5)
        before = seconds_used()
        time.sleep(1)
        assert seconds_used() - before < 0.3
    finally:
        for sock in held:
            sock.close()
    harness.wait_until(lambda: proxy.request("GET", "http://b.test/").status == 200, 5, "an answer")
