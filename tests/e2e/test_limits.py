# SPDX-License-Identifier: Apache-2.0
"""Limits and timeouts: each has a setting, a clear answer, and a test here or in the file that LIMITS names."""
import json
import re
import signal
import socket
import struct
import threading
import time

import harness
import http1
import pattern
import pytest
import scripted
from retrying import metrics, together

S3 = "http://bucket.s3.us-east-1.amazonaws.com/"
HOST = "bucket.s3.us-east-1.amazonaws.com"
QUEUE = "http://sqs.us-east-1.amazonaws.com/"

LIMITS = {
    "max_request_line": "limits", "max_field": "limits", "max_head": "limits", "max_fields": "limits",
    "max_trailers": "limits", "body_memory": "http", "body_max": "http", "spool_max": "limits",
    "replay_max": "retry_bodies", "expect_over": "retry_bodies", "spool_dir": "http", "max_connections": "limits",
    "max_connections_per_client": "limits", "max_in_flight": "limits", "in_flight_queue": "limits",
    "in_flight_wait": "limits", "max_buffer_memory": "limits", "client_head_timeout": "http",
    "client_idle_timeout": "http", "client_write_timeout": "limits", "client_min_rate": "limits",
    "client_rate_window": "limits", "half_close_grace": "limits", "connect_timeout": "limits",
    "tls_timeout": "tls", "first_byte_timeout": "http", "idle_timeout": "limits",
    "total_timeout": "retry_life", "pool_idle_timeout": "hardening", "retry_queue": "retry_limits",
    "rate_limit_queue": "retry_limits", "rate_limit_wait": "retry_limits", "retry_max_attempts": "retry_rules",
    "upgrade_timeout": "upgrade", "max_upstream_per_host": "limits",
}


def test_each_limit_has_a_test():
    full = (harness.ROOT / "conf/full.conf").read_text()
    found = set()
    for section in ("limits", "timeouts"):
        text = re.search(rf"^\[{section}\]$(.*?)(?=^\[|\Z)", full, re.M | re.S).group(1)
        found |= set(re.findall(r"^#?([a-z_]+) =", text, re.M))
    others = {"pool_max_age", "drain_timeout", "pre_stop_wait", "exit_when_idle", "upgrade_timeout"}  # of operations
    assert found - others <= set(LIMITS)
    for key, theme in LIMITS.items():
        text = (harness.ROOT / f"tests/e2e/test_{theme}.py").read_text()
        assert f"{key} = " in text, (key, theme)


# -- what one request may be


@pytest.fixture(scope="module")
def small(shared_aws, authority, tmp_path_factory):
    from conftest import routes
    conf = ("[limits]\nmax_request_line = 1k\nmax_field = 2k\nmax_head = 4k\nmax_fields = 20\nmax_trailers = 64\n"
            + routes(shared_aws))
    with harness.running(tmp_path_factory.mktemp("small"), conf=conf, ca_bundle=authority.bundle) as running:
        yield running


@pytest.mark.parametrize("status,error,path,fields", [
    (414, "uri-too-long", "generate/1?" + "x" * 1000, []),
    (431, "head-too-large", "generate/1", [("X", "x" * 2100)]),
    (431, "head-too-large", "generate/1", [(f"X-{i}", "x" * 900) for i in range(5)]),
    (431, "head-too-large", "generate/1", [(f"X-{i}", "x") for i in range(20)]),
])
def test_head_has_limits(small, aws, status, error, path, fields):
    answer = small.request("GET", S3 + path, fields)
    assert (answer.status, answer.error) == (status, error)
    assert not aws.requests
    assert small.request("GET", S3 + "generate/1", [(f"X-{i}", "x" * 200) for i in range(15)]).status == 200


@pytest.mark.parametrize("trailer,status", [(b"X: " + b"x" * 40 + b"\r\n", 200), (b"X: " + b"x" * 80 + b"\r\n", 400)])
def test_trailers_have_a_limit(small, aws, trailer, status):
    with small.client() as client:
        client.start("POST", QUEUE, [("Transfer-Encoding", "chunked")], host="sqs.us-east-1.amazonaws.com")
        client.send(b"1\r\nx\r\n0\r\n" + trailer + b"\r\n")
        assert client.read().status == status


def test_spool_has_a_limit_for_all(start_proxy, aws, tmp_path):
    proxy = start_proxy(aws, f"body_memory = 16k\nspool_max = 100k\nspool_dir = {tmp_path}\n")
    answer = proxy.request("POST", QUEUE, body=bytes(150_000))
    assert (answer.status, answer.error, answer.fields.get("Retry-After")) == (503, "overloaded", "1")
    for _ in range(10):  # on one worker or the other: whoever has an answer finds the room given back
        assert proxy.request("POST", QUEUE, body=bytes(100_000)).status == 200
        assert proxy.request("POST", QUEUE, body=bytes(150_000)).status == 503
    harness.wait_until(lambda: metrics(proxy)["spool_bytes"] == 0)


# -- connections


def test_connections_beyond_the_limit_wait(start_proxy, aws):
    proxy = start_proxy(aws, "max_connections = 2\nworkers = 1\n")
    first, second, third = (proxy.client() for _ in range(3))
    assert first.request("GET", S3 + "generate/1").status == 200
    assert second.request("GET", S3 + "generate/1").status == 200
    third.start("GET", S3 + "generate/1", host=HOST)
    third.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        third.read()
    third.sock.settimeout(20)
    first.close()
    assert third.read().status == 200
    second.close()
    third.close()


@pytest.mark.parametrize("workers", ["1", "4"])
def test_connections_of_one_client_have_a_limit(start_proxy, aws, workers):
    proxy = start_proxy(aws, "max_connections_per_client = 3\n", arguments=("--workers", workers))
    harness.wait_until(lambda: metrics(proxy)["client_connections"] == 0)
    clients = [proxy.client() for _ in range(3)]
    for client in clients:
        assert client.request("GET", S3 + "generate/1").status == 200
    for _ in range(3):
        answer = proxy.request("GET", S3 + "generate/1")
        assert (answer.status, answer.error) == (503, "overloaded")
        assert json.loads(answer.body)["message"].endswith("max_connections_per_client")
    clients.pop().close()
    harness.wait_until(lambda: proxy.request("GET", S3 + "generate/1").status == 200)
    assert metrics(proxy)["client_connections_refused_total"] >= 3
    for client in clients:
        assert client.request("GET", S3 + "generate/1").status == 200
        client.close()


@pytest.mark.heavy
@pytest.mark.own_namespace
def test_clients_beyond_loopback_have_a_limit_by_default(start_proxy, aws, outside):
    port = harness.free_port()
    proxy = start_proxy(aws, f"listen = {outside}:{port}\nmax_connections = 3000\n")
    clients = []
    try:
        for _ in range(1024):
            sock = socket.socket()
            clients.append(sock)
            sock.bind((outside, 0))
            sock.connect((outside, port))
        with http1.Client(proxy.address) as near:  # loopback has none
            assert near.request("GET", S3 + "generate/1").status == 200
        with http1.Client((outside, port)) as client:
            assert client.request("GET", S3 + "generate/1").status == 503
    finally:
        for sock in clients:
            sock.close()


# -- requests at a time


@pytest.mark.parametrize("workers", ["1", "4"])
def test_requests_at_a_time_have_a_limit_and_a_queue(start_proxy, aws, workers):
    proxy = start_proxy(aws, "max_in_flight = 2\nin_flight_queue = 3\n", arguments=("--workers", workers))
    gate = threading.Event()
    original = aws.send_answer

    def send_answer(*arguments):
        assert gate.wait(60)
        return original(*arguments)
    aws.send_answer = send_answer
    try:
        clients = [proxy.client() for _ in range(7)]
        for i, client in enumerate(clients):
            client.start("PUT", S3 + f"discard/{i}", [("Content-Length", "5")], host=HOST)
            client.send(b"abcde")
            wanted = min(i + 1, 2), min(max(i - 1, 0), 3)
            harness.wait_until(lambda: wanted == (metrics(proxy)["requests_forwarded"],
                                                  metrics(proxy)["requests_queued"]))
        for client in clients[5:]:
            answer = client.read()
            assert (answer.status, answer.error, answer.fields.get("Retry-After")) == (503, "overloaded", "1")
        harness.wait_until(lambda: len(aws.requests) == 2)
        clients[2].close()  # who leaves leaves the queue
        harness.wait_until(lambda: metrics(proxy)["requests_queued"] == 2)
        gate.set()
        for client in clients[:2] + clients[3:5]:
            assert client.read().status == 200
        assert {r.target for r in aws.requests} == {f"/discard/{i}" for i in (0, 1, 3, 4)}
        harness.wait_until(lambda: metrics(proxy)["requests_forwarded"] == metrics(proxy)["requests_queued"] == 0)
        for client in clients:
            client.close()
    finally:
        gate.set()
        del aws.send_answer


def test_wait_in_the_queue_has_an_end(start_proxy, aws):
    proxy = start_proxy(aws, "max_in_flight = 1\nin_flight_wait = 200ms\n")
    with proxy.client() as first, proxy.client() as second:
        first.start("GET", S3 + "generate/1", [("Fake-Fault", "stall-head=2")], host=HOST)
        harness.wait_until(lambda: aws.requests)
        second.start("GET", S3 + "generate/1", host=HOST)
        answer = second.read()
        assert (answer.status, answer.error) == (503, "overloaded")
        assert first.read().status == 200
        assert second.request("GET", S3 + "generate/1").status == 200  # the connection goes on


def test_many_requests_go_through_a_narrow_gate_in_the_end(start_proxy, aws):
    proxy = start_proxy(aws, "max_in_flight = 3\nin_flight_wait = 60s\n", arguments=("--workers", "4"))

    def ten(i):
        with proxy.client() as client:
            return [client.request("PUT", S3 + f"k{i}", body=b"%d" % i).status for _ in range(10)]
    assert together(20, ten) == [[200] * 10] * 20
    harness.wait_until(lambda: metrics(proxy)["requests_forwarded"] == metrics(proxy)["requests_queued"] == 0)


# -- connections to one upstream


class Gate:
    """Holds the stand-in's answers back, and counts how many it is asked for at once."""

    def __init__(self, aws):
        self.opened, self.lock, self.now, self.most = threading.Event(), threading.Lock(), 0, 0
        original = aws.send_answer

        def send_answer(*arguments):
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            assert self.opened.wait(60)
            with self.lock:
                self.now -= 1
            return original(*arguments)
        aws.send_answer = send_answer


@pytest.mark.parametrize("workers", ["1", "4"])
def test_connections_to_an_upstream_have_a_limit(start_proxy, own_aws, workers):
    proxy = start_proxy(own_aws, "max_upstream_per_host = 2\nconnect_timeout = 30s\nhalf_close_grace = 50ms\n",
                        arguments=("--workers", workers))
    gate = Gate(own_aws)
    clients = [proxy.client() for _ in range(6)]
    for i, client in enumerate(clients):
        client.start("GET", S3 + f"generate/{i}", host=HOST)
        if i < 2:
            harness.wait_until(lambda: gate.now == i + 1)
    harness.wait_until(lambda: metrics(proxy)["requests_forwarded"] == 6)
    clients[3].close()  # who leaves leaves the queue
    harness.wait_until(lambda: metrics(proxy)["requests_forwarded"] == 5)
    gate.opened.set()
    for client in clients[:3] + clients[4:]:
        assert client.read().status == 200
        client.close()
    assert gate.most == 2
    assert {r.target for r in own_aws.requests} == {f"/generate/{i}" for i in (0, 1, 2, 4, 5)}
    if workers == "1":
        assert metrics(proxy)["upstream_connections_opened_total"] == 2


def test_who_waits_too_long_for_an_upstream_connection_is_told(start_proxy, own_aws):
    proxy = start_proxy(own_aws, "max_upstream_per_host = 1\nconnect_timeout = 300ms\n")
    gate = Gate(own_aws)
    with proxy.client() as first, proxy.client() as second:
        first.start("GET", S3 + "generate/1", host=HOST)
        harness.wait_until(lambda: gate.now == 1)
        second.start("PUT", S3 + "discard/1", [("Content-Length", "5")], host=HOST)
        second.send(b"abcde")
        answer = second.read()
        assert (answer.status, answer.error, answer.fields.get("Retry-After")) == (503, "overloaded", "1")
        assert "max_upstream_per_host" in json.loads(answer.body)["message"]
        gate.opened.set()
        assert first.read().status == 200
        assert second.request("GET", S3 + "generate/1").status == 200
    assert metrics(proxy)['dial_failures_total{reason="busy"}'] == 1


def test_the_limit_of_upstream_connections_follows_a_reload(start_proxy, own_aws):
    proxy = start_proxy(own_aws, "max_upstream_per_host = 1\n")
    gate = Gate(own_aws)
    with proxy.client() as first, proxy.client() as second:
        first.start("GET", S3 + "generate/1", host=HOST)
        harness.wait_until(lambda: gate.now == 1)
        text = proxy.conf_path.read_text()
        proxy.conf_path.write_text(text.replace("max_upstream_per_host = 1", "max_upstream_per_host = 2"))
        proxy.process.send_signal(signal.SIGHUP)
        second.start("GET", S3 + "generate/1", host=HOST)
        harness.wait_until(lambda: gate.now == 2)
        gate.opened.set()
        assert first.read().status == second.read().status == 200


@pytest.mark.heavy
@pytest.mark.parametrize("workers", ["1", "4"])
def test_buffers_of_all_have_a_limit(start_proxy, aws, workers, tmp_path):
    """Readers that stop fill the buffers; then new requests are told so, until there is room again."""
    proxy = start_proxy(aws, f"max_buffer_memory = 1m\nspool_dir = {tmp_path}\n", arguments=("--workers", workers))
    before = proxy.memory("VmRSS")
    clients = []
    for _ in range(40):
        client = proxy.client()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.start("GET", S3 + f"generate/{1 << 30}", host=HOST)
        clients.append(client)
        if metrics(proxy)["buffer_bytes"] > 1 << 20:
            break
    answer = harness.wait_until(
        lambda: next((a for a in [proxy.request("GET", S3 + "generate/1")] if a.status != 200), None))
    assert (answer.status, answer.error, answer.fields.get("Retry-After")) == (503, "overloaded", "1")
    assert b"max_buffer_memory" in answer.body
    assert proxy.memory("VmRSS") - before < 32 << 20
    for client in clients:
        client.close()
    harness.wait_until(lambda: proxy.request("POST", QUEUE, body=bytes(100_000)).status == 200)
    harness.wait_until(lambda: metrics(proxy)["buffer_bytes"] <= 4 << 18)


# -- clients that are slow


@pytest.mark.parametrize("url", [S3 + "discard/x", QUEUE])
def test_slow_body_is_408(start_proxy, aws, url):
    proxy = start_proxy(aws, "client_min_rate = 1k\nclient_rate_window = 300ms\n")
    host = url.split("/")[2]
    with proxy.client() as client:
        client.start("POST", url, [("Content-Length", "100000")], host=host)
        for _ in range(1000):
            client.send(b"x")
            time.sleep(0.02)
            if select_readable(client.sock):
                break
        answer = client.read()
    assert (answer.status, answer.error) == (408, "timeout-client")
    assert b"client_min_rate" in answer.body


def select_readable(sock):
    sock.setblocking(False)
    try:
        return bool(sock.recv(1, socket.MSG_PEEK)) or True
    except BlockingIOError:
        return False
    finally:
        sock.settimeout(20)


def test_client_that_is_made_to_wait_is_not_slow(start_proxy):
    """The upstream reads slowly, so the proxy does too: that is not the client's doing."""
    data = pattern.octets(14 << 20)
    got = bytearray()

    def talk(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        wire = http1.Wire(sock)
        wire.read_head()
        got.extend(wire.take(len(wire.buf)))
        while len(got) < len(data):
            got.extend(sock.recv(131072))
            time.sleep(0.03)
        sock.sendall(scripted.OK)
    with scripted.Upstream(talk) as server:
        proxy = start_proxy(conf="client_min_rate = 16m\nclient_rate_window = 300ms\n" + server.route(service="s3"))
        answer = proxy.request("PUT", "http://a.test/x", [("x-amz-content-sha256", pattern.sha256(len(data)))], data)
    assert answer.status == 200 and bytes(got) == data


def test_reader_that_stops_is_cut(start_proxy, aws):
    proxy = start_proxy(aws, "client_write_timeout = 300ms\n")
    with proxy.client() as client:
        client.start("GET", S3 + f"generate/{256 << 20}", host=HOST)
        assert client.read_head().status == 200
        harness.wait_until(lambda: "client took no bytes for too long" in proxy.log)
        with pytest.raises((ConnectionError, http1.Truncated)):
            for _ in client.wire.pieces(256 << 20):
                pass


def test_half_closed_client_is_waited_for_so_long(start_proxy, aws):
    proxy = start_proxy(aws, "half_close_grace = 100ms\n")
    with proxy.client() as client:
        client.start("GET", S3 + "generate/1", [("Fake-Fault", "stall-head=30")], host=HOST)
        harness.wait_until(lambda: aws.requests)
        client.sock.shutdown(socket.SHUT_WR)
        with pytest.raises((http1.Truncated, ConnectionError)):
            client.read()
    harness.wait_until(lambda: 'ended="client gone"' in proxy.log)
    harness.wait_until(lambda: aws.requests[0].aborted_at)


# -- upstreams that are slow


def test_connect_timeout_is_504(start_proxy):
    """A listener whose queue is full: the kernel drops what would connect."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        others = [socket.socket() for _ in range(4)]
        for other in others:
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        proxy = start_proxy(conf="connect_timeout = 200ms\nretry_mode = off\n[route \"*.amazonaws.com\"]\n"
                                 f"upstream = http://127.0.0.1:{full.getsockname()[1]}\n")
        answer = proxy.request("GET", S3 + "generate/1")
        assert (answer.status, answer.error) == (504, "timeout-connect")
        for other in others:
            other.close()


def test_upstream_that_takes_nothing_is_504(start_proxy):
    held = []
    with scripted.Upstream(lambda sock: (held.append(sock), time.sleep(3))) as server:
        proxy = start_proxy(conf="idle_timeout = 300ms\nretry_mode = off\n" + server.route(service="s3"))
        with proxy.client() as client:
            client.start("PUT", "http://a.test/x", [("Content-Length", str(64 << 20))], host="a.test")
            threading.Thread(target=push, args=(client,), daemon=True).start()
            answer = client.read()
        assert (answer.status, answer.error) == (504, "timeout-idle")


def push(client):
    try:
        for _ in range(1024):
            client.send(bytes(65536))
    except OSError:
        pass


def test_running_out_of_descriptors_is_told_once_a_second(start_proxy, aws):
    proxy = start_proxy(aws, "max_connections = 1000\n", limit_descriptors=64)
    clients = []
    started = time.monotonic()
    for _ in range(100):
        try:
            clients.append(proxy.client(2))
        except OSError:
            break
    harness.wait_until(lambda: "accept: Too many open files" in proxy.log)
    time.sleep(0.6)
    assert proxy.log.count("accept: Too many open files") <= 1 + (time.monotonic() - started)
    # The last descriptor is not the clients': who is in can still be served.
    assert clients[0].request("GET", S3 + "generate/1").status == 200
    assert clients[1].request("GET", S3 + "generate/1").status == 200
    for client in clients:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    harness.wait_until(lambda: proxy.request("GET", S3 + "generate/1").status == 200, 10)
