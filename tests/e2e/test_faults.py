# SPDX-License-Identifier: Apache-2.0
"""Upstreams and lines that fail: no hang, no lost or foreign octet, and the client can tell."""
import contextlib
import random
import socket
import ssl
import time

import harness
import http1
import pattern
import pytest
import scripted
from bad_line import BadLine
from fake_aws import FakeAws
from retrying import S3, metrics, together

SIZE = 300_001
QUICK = "retry_base = 5ms\nretry_cap = 20ms\n"


@pytest.fixture
def stack():
    with contextlib.ExitStack() as open_things:
        yield open_things


# -- answers that are no HTTP, or not clearly so: 502, and the connection is never used again

OK = b"HTTP/1.1 200 OK\r\n"
BAD = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "version": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "status 000": b"HTTP/1.1 000 x\r\nContent-Length: 0\r\n\r\n",
    "status 600": b"HTTP/1.1 600 x\r\nContent-Length: 0\r\n\r\n",
    "101 that nobody asked for": b"HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    "too many interim": b"HTTP/1.1 103 x\r\n\r\n" * 20 + OK + b"Content-Length: 0\r\n\r\n",
    "fold": OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "space in a name": OK + b"X : a\r\nContent-Length: 0\r\n\r\n",
    "bare LF": OK + b"X: a\nContent-Length: 0\r\n\r\n",
    "NUL": OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "head too large": OK + b"X: " + b"x" * 70000 + b"\r\nContent-Length: 0\r\n\r\n",
    "too many fields": OK + b"X: a\r\n" * 300 + b"Content-Length: 0\r\n\r\n",
    "length and chunks": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "another coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding in 1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    "length that is none": OK + b"Content-Length: -1\r\n\r\n",
    "length out of all bounds": OK + b"Content-Length: 18446744073709551617\r\n\r\n",
}


def answering(octets, ends=True):
    """A server that says this to each request, then something clear to further ones."""
    def talk(sock):
        wire = http1.Wire(sock)
        while (request := scripted.read_request(wire)) is not None:
            sock.sendall(octets if b"first" in request[0].encode() else scripted.OK)
            if ends and b"first" in request[0].encode():
                sock.shutdown(socket.SHUT_WR)
    return talk


@pytest.mark.parametrize("what", BAD)
def test_answer_that_is_not_clear_is_502_and_not_asked_for_again(start_proxy, what):
    with scripted.Upstream(answering(BAD[what], ends=False)) as server:
        proxy = start_proxy(conf="workers = 1\n" + server.route())
        answer = proxy.request("GET", "http://a.test/first")
        assert (answer.status, answer.error) == (502, "upstream-bad-response")
        assert proxy.request("GET", "http://a.test/second").body == b"ok"
        assert server.connections == 2, "an unclear connection is not used again"


@pytest.mark.parametrize("what, octets", [
    ("body", OK + b"Content-Length: 10\r\n\r\n12345"),
    ("chunk", OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n123"),
    ("chunk's end", OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\n123XX0\r\n\r\n"),
    ("chunk's size", OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\n123\r\nzz\r\n"),
    ("last chunk", OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\n123\r\n"),
    ("trailers", OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\n123\r\n0\r\nX: y"),
])
def test_answer_that_breaks_off_looks_so(start_proxy, what, octets):
    with scripted.Upstream(answering(octets)) as server:
        proxy = start_proxy(conf="workers = 1\n" + server.route())
        answer = proxy.request("GET", "http://a.test/first")
        assert answer.status == 200 and not answer.is_complete
        assert proxy.request("GET", "http://a.test/second").body == b"ok"
        assert server.connections == 2


@pytest.mark.parametrize("what, octets, seen", [
    ("204 with a length", b"HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\n", b""),
    ("304 with a length", b"HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", b""),
    ("nothing", OK + b"Content-Length: 0\r\n\r\n", b""),
    ("interim first", b"HTTP/1.1 102 x\r\n\r\nHTTP/1.1 103 x\r\nLink: a\r\n\r\n" + OK + b"Content-Length: 1\r\n\r\nx", b"x"),
    ("one octet at a time", OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n", b"ab"),
])
def test_odd_answer_that_is_clear_is_relayed(start_proxy, what, octets, seen):
    def talk(sock):
        wire = http1.Wire(sock)
        while (request := scripted.read_request(wire)) is not None:
            for i in range(len(octets)):
                sock.sendall(octets[i:i + 1])
            del request
    with scripted.Upstream(talk) as server:
        proxy = start_proxy(conf="workers = 1\n" + server.route())
        with proxy.client() as client:
            for _ in range(3):
                answer = client.request("GET", "http://a.test/")
                assert (answer.is_complete, answer.body) == (True, seen)
        assert server.connections == 1


@pytest.mark.parametrize("surplus", [b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON", b"x", b"\r\n"])
@pytest.mark.parametrize("later", [0, 0.05])
def test_surplus_behind_an_answer_is_nobodys(start_proxy, surplus, later):
    """With the answer, or on the idle connection: it never becomes the answer to the next request."""
    def talk(sock):
        wire = http1.Wire(sock)
        number = 0
        while scripted.read_request(wire) is not None:
            number += 1
            own = OK + b"Content-Length: 1\r\n\r\n%d" % number
            sock.sendall(own + (b"" if later else surplus))
            if later:
                time.sleep(later)
                sock.sendall(surplus)
    with scripted.Upstream(talk) as server:
        proxy = start_proxy(conf="workers = 1\n" + QUICK + server.route())
        for _ in range(4):
            answer = proxy.request("GET", "http://a.test/")
            assert (answer.status, answer.body) == (200, b"1")
            time.sleep(2 * later)
        assert server.connections == 4
        harness.wait_until(lambda: metrics(proxy)["upstream_surplus_total"] >= 3)


@pytest.mark.parametrize("total", [16_384, 65_536, 131_072, 262_144])
def test_surplus_behind_a_whole_turn_of_reading_is_nobodys(start_proxy, total):
    """The answer is read to its last octet, what stands behind it is not, and the next request is there already."""
    def talk(sock):
        wire = http1.Wire(sock)
        while (request := scripted.read_request(wire)) is not None:
            if b"second" in request[0].encode():
                sock.sendall(scripted.OK)
                continue
            head = OK + b"Content-Length: %6d\r\n\r\n" % (total - len(OK) - 26)
            sock.sendall(head + bytes(total - len(head)) + scripted.OK.replace(b"ok", b"NO"))
    with scripted.Upstream(talk) as server:
        proxy = start_proxy(conf="workers = 1\n" + server.route())
        for _ in range(10):
            with proxy.client() as client:
                for path in ("first", "second"):
                    client.start("GET", f"http://a.test/{path}", host="a.test")
                assert client.read().is_complete
                assert client.read().body == b"ok"


def test_two_clients_on_one_connection_never_mix(start_proxy):
    """Uploads that break off, answers before the upload's end, resets: each client gets its own."""
    def talk(sock):
        wire = http1.Wire(sock)
        while (head := wire.read_head()) is not None:
            name = head[0].split(" ")[1].strip("/").encode()
            length = int(head[1].get("Content-Length", "0"))
            if name.endswith(b"e"):  # early: the rest of the body is not read
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(name) + name)
                sock.shutdown(socket.SHUT_WR)
                return
            wire.read_exactly(length)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(name) + name)
    with scripted.Upstream(talk) as server:
        proxy = start_proxy(conf="workers = 1\n" + QUICK + server.route(service="s3"))

        def one(i):
            dice = random.Random(i)
            for n in range(40):
                kind = dice.choice("ace")
                name = f"{i}-{n}-{kind}"
                with proxy.client() as client:
                    client.start("PUT", f"http://a.test/{name}/", [("Content-Length", "70000")], host="a.test")
                    client.send(bytes(40000))
                    if kind == "c":
                        continue  # gone in the middle
                    try:
                        client.send(bytes(30000))
                    except OSError:
                        pass
                    answer = client.read()
                    assert answer.status == 502 or answer.body == name.encode(), answer
            return True
        assert together(4, one) == [True] * 4


# -- TLS


def test_answer_without_an_end_needs_close_notify(start_proxy, certificate):
    with FakeAws([harness.CANARY], certificate) as server:
        proxy = start_proxy(server)
        whole = proxy.request("GET", S3 + "generate/5000", [("Fake-Fault", "to-end")])
        cut = proxy.request("GET", S3 + "generate/5000", [("Fake-Fault", "to-end; no-close-notify")])
        assert whole.is_complete and whole.body == pattern.octets(5000)
        assert not cut.is_complete


def test_end_in_one_piece_with_the_answer_is_seen(start_proxy, certificate):
    """close_notify comes with the last octets and nothing behind it: the server waits for ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def talk(sock):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        inner = context.wrap_bio(incoming, outgoing, server_side=True)

        def until_done(job):
            while True:
                try:
                    return job()
                except ssl.SSLWantReadError:
                    sock.sendall(outgoing.read())
                    data = sock.recv(65536)
                    incoming.write(data) if data else incoming.write_eof()
        until_done(inner.do_handshake)
        until_done(lambda: inner.read(65536))
        inner.write(OK + b"Connection: close\r\n\r\nall of it")
        with contextlib.suppress(ssl.SSLWantReadError):
            inner.unwrap()
        sock.sendall(outgoing.read())
        while sock.recv(65536):
            pass
    with scripted.Upstream(talk) as server:
        proxy = start_proxy(conf="workers = 1\n[route \"*.amazonaws.com\"]\n"
                                 f"upstream = https://127.0.0.1:{server.port}\n")
        for _ in range(5):
            answer = proxy.request("GET", S3 + "k")
            assert (answer.is_complete, answer.body) == (True, b"all of it")


def test_end_without_close_notify_behind_a_length_is_no_loss(start_proxy, certificate):
    with FakeAws([harness.CANARY], certificate) as server:
        proxy = start_proxy(server, "workers = 1")
        for _ in range(3):
            answer = proxy.request("GET", S3 + "generate/5000", [("Fake-Fault", "no-close-notify")])
            assert answer.is_complete and answer.body == pattern.octets(5000)


def test_record_that_was_changed_on_the_line_is_seen(start_proxy, certificate):
    """An octet of the upstream's TLS stream is flipped: the answer is cut, not passed on."""
    with FakeAws([harness.CANARY], certificate) as server, Flipper(("127.0.0.1", server.port)) as line:
        proxy = start_proxy(conf="workers = 1\n[route \"*.amazonaws.com\"]\n"
                                 f"upstream = https://127.0.0.1:{line.port}\nretry_mode = off\n")
        answer = proxy.request("GET", S3 + f"generate/{SIZE}")
        assert answer.status == 200 and not answer.is_complete
        assert pattern.octets(SIZE).startswith(answer.body)


class Flipper(BadLine):
    def pass_on(self, sink, data, gone, faults):
        if faults is self.faults["down"] and gone <= 100_000 < gone + len(data):
            data = data[:-1] + bytes([data[-1] ^ 1])
        sink.sendall(data)
        return gone + len(data)


# -- bad lines, on either side

SLOW = {
    "latency": ({"latency": 0.03}, {"latency": 0.03}),
    "slicer": ({"slice": 7}, {"slice": 7}),
    "bandwidth": ({"rate": 600_000}, {"rate": 600_000}),
    "slow close": ({"slow_end": 0.3}, {"slow_end": 0.3}),
    "all": ({"latency": 0.01, "slice": 1000, "slow_end": 0.1}, {"latency": 0.01, "slice": 333, "slow_end": 0.1}),
}


def line_and_proxy(stack, start_proxy, server, side, up, down):
    """(the line, where clients connect to, the proxy)"""
    if side == "upstream":
        line = stack.enter_context(BadLine(("127.0.0.1", server.port), up, down))
        proxy = start_proxy(conf=f"workers = 1\n{QUICK}[route \"*.amazonaws.com\"]\n"
                                 f"upstream = {server.scheme}://127.0.0.1:{line.port}\n")
        return line, proxy.address, proxy
    proxy = start_proxy(server, "workers = 1\n" + QUICK)
    line = stack.enter_context(BadLine(proxy.address, up, down))
    return line, line.address, proxy


@pytest.mark.parametrize("side", ["upstream", "client"])
@pytest.mark.parametrize("fault", SLOW)
def test_slow_line_loses_nothing(stack, start_proxy, own_aws, side, fault):
    size = 40_001 if "slice" in SLOW[fault][0] else SIZE
    _, address, proxy = line_and_proxy(stack, start_proxy, own_aws, side, *SLOW[fault])
    data = pattern.octets(size)

    def one(i):
        with http1.Client(address, 60 * harness.PATIENCE) as client:
            for method, body in (("PUT", data), ("GET", None), ("HEAD", None)):
                answer = client.request(method, S3 + f"k{i}", body=body)
                assert (answer.status, answer.is_complete) == (200, True), answer
                assert answer.body == (data if method == "GET" else b"")
        return True
    assert together(3, one) == [True] * 3
    harness.wait_until(lambda: metrics(proxy)["requests_forwarded"] == 0)


@pytest.mark.parametrize("side", ["upstream", "client"])
@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize("kind", ["reset", "end", "swallow"])
@pytest.mark.parametrize("after", [0, 20_000])
def test_line_that_breaks_hangs_nobody_and_forges_nothing(stack, start_proxy, own_aws, side, way, kind, after):
    """What a client takes for a whole answer is whole, whatever the moment; all ends by itself."""
    faults = {way: {kind: after}}
    conf = ("client_head_timeout = 300ms\nidle_timeout = 300ms\nfirst_byte_timeout = 300ms\ntls_timeout = 300ms\n"
            "client_write_timeout = 300ms\nclient_idle_timeout = 300ms\nretry_max_attempts = 2\n")
    data = pattern.octets(SIZE)
    # A line that swallows an answer says nothing for ever: only the client itself can end that.
    patience = 1 if (side, way, kind) == ("client", "down", "swallow") else 20 * harness.PATIENCE
    if side == "upstream":
        line = stack.enter_context(BadLine(("127.0.0.1", own_aws.port), **faults))
        proxy = start_proxy(conf=f"workers = 1\n{QUICK}{conf}[route \"*.amazonaws.com\"]\n"
                                 f"upstream = https://127.0.0.1:{line.port}\n")
        address = proxy.address
    else:
        proxy = start_proxy(own_aws, "workers = 1\n" + QUICK + conf)
        address = stack.enter_context(BadLine(proxy.address, **faults)).address
    for method, target, body in (("GET", f"generate/{SIZE}", None), ("PUT", "discard/k", data)):
        try:
            with http1.Client(address, patience) as client:
                answer = client.request(method, S3 + target, body=body)
        except (OSError, http1.Truncated, http1.ProtocolError) as error:
            assert not isinstance(error, TimeoutError) or patience == 1, error
            continue
        if answer.status == 200 and answer.is_complete:
            assert answer.body == (data if method == "GET" else b"")
        else:
            assert data.startswith(answer.body) or answer.status in (408, 502, 504), answer
    harness.wait_until(lambda: metrics(proxy)["requests_forwarded"] == 0, 5)
    assert all(r.sha256 in ("", pattern.sha256(SIZE)) for r in own_aws.requests if r.is_complete and r.length)
