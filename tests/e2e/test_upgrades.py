# SPDX-License-Identifier: Apache-2.0
"""upgrade = yes: websockets, whose request is signed, and whose octets then go both ways untouched."""
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading

import harness
import http1
import pattern
import pytest
import upgraded
from corporate import Corporate
from scripted import Upstream
from upgraded import Sockets, ask, echo_frames, opened, switching

HOST = "abc123.execute-api.us-east-1.amazonaws.com"
URL = f"http://{HOST}/prod"
HOME = ["host", "x-amz-date", "x-amz-security-token"]
MIB = 1 << 20


def routes(server, more=""):
    return f'[route "*.amazonaws.com:*"]\nupgrade = yes\nupstream = {server.url}\n{more}' \
           f'[route "*.amazonaws.com"]\nupgrade = yes\nupstream = {server.url}\n{more}'


@pytest.fixture(scope="module")
def shared_aws(certificate):
    with Sockets([harness.CANARY], certificate) as server:
        yield server


@pytest.fixture
def aws(shared_aws):
    shared_aws.clear()
    shared_aws.talk = upgraded.echo
    return shared_aws


@pytest.fixture(scope="module")
def local_ca(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    assert harness.run_binary("ca", "init", "--ca-dir", str(folder / "ca"), folder=folder).returncode == 0
    return folder / "ca"


@pytest.fixture(scope="module")
def shared_proxy(shared_aws, authority, local_ca, tmp_path_factory):
    conf = (f"connect = intercept\nca_dir = {local_ca}\n" + routes(shared_aws))
    with harness.running(tmp_path_factory.mktemp("proxy"), conf=conf, ca_bundle=authority.bundle) as running:
        yield running


@pytest.fixture
def proxy(shared_proxy, aws):
    return shared_proxy


@pytest.fixture
def start(authority, tmp_path):
    """start(conf): a proxy of the test's own; conf holds the routes."""
    with contextlib.ExitStack() as stack:
        def begin(conf, **options):
            return stack.enter_context(harness.running(tmp_path, conf=conf, ca_bundle=authority.bundle, **options))
        yield begin


def scripted_route(upstream, more=""):
    return upstream.route("*.amazonaws.com") + "upgrade = yes\n" + more


def cut(client):
    http1.reset_on_close(client.sock)
    client.close()


def open_tunnels(proxy):
    return metric(proxy, "sigv4_proxy_tunnels")


def metric(proxy, name):
    for line in proxy.admin("/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    return 0.0


def ends(client, sent=b""):
    """Half-close: nothing more from the client, and what still comes."""
    if isinstance(client.sock, ssl.SSLSocket):
        client.sock = client.sock.unwrap()
    client.sock.shutdown(socket.SHUT_WR)
    return b"".join(client.wire.pieces_to_end())


# ---- what is asked, and what is sent


def test_the_request_is_signed_and_what_follows_goes_both_ways(proxy, aws):
    def talk(connection, record):
        connection.send(switching(record.fields, [("Sec-WebSocket-Protocol", "mqtt"), ("X-Other", "1")]))
        connection.send(connection.wire.read_exactly(4)[::-1])
        connection.end()
    aws.talk = talk
    with proxy.client() as client:
        answer = opened(client, URL + "?x=1", HOST, [
            ("Sec-WebSocket-Protocol", "mqtt, other"), ("Sec-WebSocket-Extensions", "permessage-deflate"),
            ("Proxy-Connection", "keep-alive"), ("HTTP2-Settings", "AA"), ("X-Stays", "yes")])
        assert answer.fields.get("Sec-WebSocket-Protocol") == "mqtt" and answer.fields.get("X-Other") == "1"
        assert "Transfer-Encoding" not in answer.fields and "Content-Length" not in answer.fields
        client.send(b"abcd")
        assert client.wire.read_exactly(4) == b"dcba"
        assert client.is_closed()
    record, = aws.requests
    assert record.verdict.signed == HOME and record.verdict.service == "execute-api"
    assert record.verdict.form == "header" and record.target == "/prod?x=1" and record.host == HOST
    fields = record.fields
    assert fields.all("Connection") == ["Upgrade"] and fields.all("Upgrade") == ["websocket"]
    assert (fields.get("Sec-WebSocket-Key"), fields.get("Sec-WebSocket-Version")) == (upgraded.KEY, "13")
    assert fields.get("Sec-WebSocket-Protocol") == "mqtt, other"
    assert fields.get("Sec-WebSocket-Extensions") == "permessage-deflate"
    assert fields.get("X-Stays") == "yes"
    assert not {"Proxy-Connection", "HTTP2-Settings", "Content-Length", "Transfer-Encoding"} & {n for n, _ in fields}
    line = harness.wait_until(lambda: next((x for x in proxy.log.splitlines()
                                            if " ACCESS [" in x and "x-amz" not in x and "path=/prod" in x), None))
    assert " status=101 " in line and " service=execute-api " in line and " in=4 out=4 " in line, line
    assert 'sigv4_proxy_requests_total{service="execute-api",status="1xx",outcome="upgraded"} ' in (
        proxy.admin("/metrics").body.decode())


def test_all_fields_signed_leave_those_of_the_upgrade_out(start, aws):
    proxy = start(routes(aws, "signed_headers = all\n"))
    with proxy.client() as client:
        opened(client, URL, HOST, [("Sec-WebSocket-Protocol", "p"), ("Sec-WebSocket-Extensions", "e"), ("X-Mine", "1")])
    signed = aws.requests[-1].verdict.signed
    assert "x-mine" in signed
    assert not [name for name in signed if name.startswith("sec-websocket") or name in ("connection", "upgrade")]


SERVICES = [
    # host, path, service, and the form where the route names none
    ("abc123.execute-api.us-east-1.amazonaws.com", "/prod/@connections", "execute-api", "header"),
    ("x1-ats.iot.us-east-1.amazonaws.com", "/mqtt", "iotdevicegateway", "query"),
    ("abc.appsync-realtime-api.us-east-1.amazonaws.com", "/graphql", "appsync", "header"),
    ("c.cluster-x1.us-east-1.neptune.amazonaws.com:8182", "/gremlin", "neptune-db", "header"),
    ("transcribestreaming.us-east-1.amazonaws.com:8443", "/stream-transcription-websocket", "transcribe", "header"),
]


@pytest.mark.parametrize("sign", ["", "header", "query"])
def test_services_with_websockets(start, aws, sign):
    proxy = start(routes(aws, f"sign = {sign}\n" if sign else ""))
    for host, path, service, form in SERVICES:
        with proxy.client() as client:
            opened(client, f"http://{host}{path}?q=1", host, behind=b"there and back")
            assert client.wire.read_exactly(14) == b"there and back"
        record = aws.requests[-1]
        assert (record.verdict.service, record.verdict.form) == (service, sign or form), host
        assert record.host == host and record.verdict.signed == (HOME if record.verdict.form == "header" else ["host"])
        assert record.target.count("X-Amz-Security-Token=") == (record.verdict.form == "query")


def test_a_route_that_does_not_sign_upgrades_too(start, aws):
    seen = []

    def talk(sock):
        line, fields, _ = http1.Wire(sock).read_head()
        seen.append((line, fields))
        sock.sendall(switching(fields) + b"hello")
    with Upstream(talk) as upstream:
        proxy = start(f'[route "plain.example"]\nupstream = http://127.0.0.1:{upstream.port}\nsign = none\nupgrade = yes\n')
        with proxy.client() as client:
            opened(client, "http://plain.example/a%zz", "plain.example")
            assert client.wire.read_exactly(5) == b"hello"
    line, fields = seen[0]
    assert line == "GET /a%zz HTTP/1.1" and "Authorization" not in fields and fields.all("Upgrade") == ["websocket"]


def test_a_redirect_is_to_a_websocket(start, aws):
    proxy = start(routes(aws, "sign = redirect\n"))
    with proxy.client() as client:
        ask(client, URL, HOST)
        answer = client.read()
    assert answer.status == 307 and answer.fields.get("Location").startswith(f"wss://{HOST}/prod?X-Amz-")


# ---- all the ways in


@contextlib.contextmanager
def inside(proxy, local_ca, port=443):
    with proxy.client() as client:
        client.start("CONNECT", f"{HOST}:{port}", host=f"{HOST}:{port}")
        assert client.read("CONNECT").status == 200
        if port == 443:
            context = ssl.create_default_context(cafile=str(local_ca / "ca.pem"))
            client.sock = context.wrap_socket(client.sock, server_hostname=HOST, suppress_ragged_eofs=False)
            client.wire = http1.Wire(client.sock)
        yield client


@pytest.mark.parametrize("way", ["absolute", "origin", "wss", "ws"])
def test_ways_in(proxy, aws, local_ca, way):
    ways = {"absolute": (proxy.client, URL), "origin": (proxy.client, "/prod"),
            "wss": (lambda: inside(proxy, local_ca), "/prod"), "ws": (lambda: inside(proxy, local_ca, 80), "/prod")}
    enter, target = ways[way]
    with enter() as client:
        opened(client, target, HOST, behind=b"early")
        assert client.wire.read_exactly(5) == b"early"
        client.send(b"late")
        assert client.wire.read_exactly(4) == b"late"
        assert open_tunnels(proxy) == 1
        if way != "wss":
            assert ends(client) == b""
    assert aws.requests[-1].verdict.service == "execute-api"
    harness.eventually(lambda: harness.wait_until(lambda: open_tunnels(proxy) == 0))


def test_another_port_inside_a_tunnel(start, aws, local_ca):
    host = "c.cluster-x1.us-east-1.neptune.amazonaws.com"
    proxy = start(f"connect = intercept\nca_dir = {local_ca}\n"
                  f'[route "*.neptune.amazonaws.com:8182"]\nupgrade = yes\nupstream = {aws.url}\n')
    with proxy.client() as client:
        client.start("CONNECT", f"{host}:8182", host=f"{host}:8182")
        assert client.read("CONNECT").status == 200
        context = ssl.create_default_context(cafile=str(local_ca / "ca.pem"))
        client.sock = context.wrap_socket(client.sock, server_hostname=host)
        client.wire = http1.Wire(client.sock)
        opened(client, "/gremlin", f"{host}:8182", behind=b"early")
        assert client.wire.read_exactly(5) == b"early"
    assert (aws.requests[-1].verdict.service, aws.requests[-1].host) == ("neptune-db", f"{host}:8182")


def test_inside_a_listener_with_tls(start, aws, authority, certificate):
    proxy = start(f"listen_cert = {certificate}\nlisten_key = {certificate}\n" + routes(aws))
    context = ssl.create_default_context(cafile=authority.bundle)
    with proxy.client() as client:
        client.sock = context.wrap_socket(client.sock, server_hostname="127.0.0.1")
        client.wire = http1.Wire(client.sock)
        opened(client, URL, HOST, behind=b"early")
        assert client.wire.read_exactly(5) == b"early"


def test_through_a_companys_proxy_and_to_plain_upstreams(start, aws):
    with Sockets([harness.CANARY]) as plain:
        with Corporate(names={HOST: (aws.address, aws.port), "plain.internal": (plain.address, plain.port)}) as corporate:
            via = f'[route "*.amazonaws.com"]\nupgrade = yes\nupstream_proxy = {corporate.url}\n'
            for server, conf in ((plain, routes(plain)), (aws, via), (plain, via + "upstream = http://plain.internal\n")):
                proxy = start(conf)
                with proxy.client() as client:
                    opened(client, URL, HOST, behind=b"early")
                    assert client.wire.read_exactly(5) == b"early"
                assert server.requests[-1].verdict.service == "execute-api"
            assert [target for target, _ in corporate.asked] == [f"{HOST}:443", "plain.internal:80"]


# ---- octets


@pytest.mark.parametrize("piece", [None, 1])
def test_no_octet_is_lost_or_out_of_order(start, piece):
    def talk(sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = http1.Wire(sock)
        _, fields, _ = wire.read_head()
        assert not wire.buf, "what the client sends ahead waits for the 101"
        data = switching(fields) + b"first words"
        for at in range(0, len(data), piece or len(data)):
            sock.sendall(data[at:at + (piece or len(data))])
        for part in wire.pieces_to_end():
            sock.sendall(part)
    with Upstream(talk) as upstream:
        proxy = start(scripted_route(upstream))
        early = pattern.octets(20000)
        with proxy.client() as client:
            opened(client, URL, HOST, behind=early)
            client.send(b"the end")
            assert ends(client) == b"first words" + early + b"the end"


def test_the_clients_octets_wait_for_the_101_and_its_fin_too(start):
    gate = threading.Event()

    def talk(sock):
        wire = http1.Wire(sock)
        _, fields, _ = wire.read_head()
        gate.wait(60)
        sock.sendall(switching(fields))
        got = b"".join(wire.pieces_to_end())
        sock.sendall(str(len(got)).encode())
    with Upstream(talk) as upstream:
        proxy = start("half_close_grace = 30s\n" + scripted_route(upstream))
        with proxy.client() as client:
            ask(client, URL, HOST, behind=b"x" * 5000)
            client.sock.shutdown(socket.SHUT_WR)
            gate.set()
            assert client.read_head().status == 101
            assert b"".join(client.wire.pieces_to_end()) == b"5000"


def test_mebibytes_both_ways_at_once_in_flat_memory(proxy, aws):
    size = 24 * MIB
    progress = [0]
    with proxy.client(timeout=60) as client:
        opened(client, URL, HOST)
        before = proxy.memory()

        def send():
            for part in pattern.pieces(size):
                client.send(part)
                progress[0] += len(part)
            client.sock.shutdown(socket.SHUT_WR)

        def is_stuck(last=[-1, 0]):
            last[1] = last[1] + 1 if last[0] == progress[0] else 0
            last[0] = progress[0]
            return last[1] > 10
        sender = threading.Thread(target=send)
        sender.start()
        harness.wait_until(is_stuck, 30, "an echo that nobody reads stops the sender")
        assert progress[0] < size
        got, seen = hashlib.sha256(), 0
        for part in client.wire.pieces_to_end():
            got.update(part)
            seen += len(part)
        sender.join()
        assert (seen, got.hexdigest()) == (size, pattern.sha256(size))
        if not harness.SANITIZER:
            assert proxy.memory() - before < 4 * MIB


def test_either_side_may_end_first(start):
    heard = []

    def server_first(connection, record):
        connection.send(switching(record.fields) + b"all I say")
        connection.sock.shutdown(socket.SHUT_WR)
        heard.append(b"".join(connection.wire.pieces_to_end()))
    with Sockets([harness.CANARY]) as plain:
        proxy = start(routes(plain))
        with proxy.client() as client:
            opened(client, URL, HOST, behind=b"abc")
            assert ends(client) == b"abc"
        plain.talk = server_first
        with proxy.client() as client:
            opened(client, URL, HOST)
            assert b"".join(client.wire.pieces_to_end()) == b"all I say"
            client.send(b"still talking")
            client.sock.shutdown(socket.SHUT_WR)
            harness.wait_until(lambda: heard == [b"still talking"])
        harness.wait_until(lambda: open_tunnels(proxy) == 0)
        assert all(" ended=-" in x for x in proxy.log.splitlines() if "status=101" in x)


@pytest.mark.parametrize("how", ["reset", "end"])
def test_who_goes_takes_the_other_along(proxy, aws, how):
    gone = threading.Event()

    def until_gone(connection, record):
        connection.send(switching(record.fields))
        with contextlib.suppress(OSError):
            list(connection.wire.pieces_to_end())
        gone.set()
    aws.talk = until_gone
    client = proxy.client()
    opened(client, URL, HOST)
    cut(client) if how == "reset" else client.close()
    assert gone.wait(20 * harness.PATIENCE)
    aws.talk = lambda connection, record: (connection.send(switching(record.fields)),
                                           connection.reset() if how == "reset" else connection.end()) and False
    with proxy.client() as client:
        opened(client, URL, HOST)
        assert client.is_closed()
    harness.wait_until(lambda: open_tunnels(proxy) == 0)


def test_an_idle_one_ends(start, aws):
    proxy = start(routes(aws, "idle_timeout = 400ms\n"))
    with proxy.client() as client:
        opened(client, URL, HOST, behind=b"x")
        assert client.wire.read_exactly(1) == b"x"
        assert client.is_closed()
    harness.wait_until(lambda: "ended=" in proxy.log and "tunnel idle" in proxy.log)


# ---- the process around it


def test_a_websocket_takes_no_place_of_a_request(start, aws):
    proxy = start("max_in_flight = 1\nin_flight_queue = 0\nworkers = 1\n" + routes(aws))
    with proxy.client() as client:
        opened(client, URL, HOST)
        for _ in range(3):
            assert proxy.request("GET", URL, host=HOST).status == 200
        client.send(b"x")
        assert client.wire.read_exactly(1) == b"x"


def test_drain_lets_it_end_and_cuts_it_off_then(start, aws):
    proxy = start("drain_timeout = 30s\n" + routes(aws))
    with proxy.client() as client:
        opened(client, URL, HOST)
        proxy.signal(signal.SIGTERM)
        harness.wait_until(lambda: "drain" in proxy.log)
        client.send(b"still here")
        assert client.wire.read_exactly(10) == b"still here"
        assert proxy.process.poll() is None
        assert ends(client) == b""
    proxy.check_end()


def test_none_begins_while_the_proxy_ends(start, aws):
    proxy = start(routes(aws))
    with proxy.client() as client:
        client.send("G")
        assert proxy.request("GET", URL, host=HOST).status == 200
        proxy.signal(signal.SIGTERM)
        harness.wait_until(lambda: proxy.status()["state"]["draining"])
        client.send(b"E" + request_with(*UP)[2:])
        answer = client.read()
        assert (answer.status, answer.error) == (503, "draining") and answer.fields.get("Connection") == "close"
        assert client.is_closed()
    proxy.check_end()


def test_drain_timeout_cuts_it_off(start, aws):
    proxy = start("drain_timeout = 200ms\n" + routes(aws))
    with proxy.client() as client:
        opened(client, URL, HOST)
        proxy.signal(signal.SIGTERM)
        assert client.is_closed(60)
    proxy.check_end()


def test_a_reload_changes_what_begins_behind_it(start, aws):
    proxy = start(routes(aws))
    with proxy.client() as client:
        opened(client, URL, HOST)
        proxy.reload(routes(aws).replace("upgrade = yes\n", ""))
        client.send(b"x")
        assert client.wire.read_exactly(1) == b"x"
        with proxy.client() as other:
            ask(other, URL, HOST)
            assert other.read().status == 200
            assert "Upgrade" not in aws.requests[-1].fields


# ---- what is no websocket


def request_with(*lines, method="GET", version="1.1", body=b""):
    return (f"{method} {URL} HTTP/{version}\r\nHost: {HOST}\r\n" + "".join(f"{x}\r\n" for x in lines) + "\r\n").encode() + body


WS = ("Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {upgraded.KEY}")
UP = ("Connection: upgrade", *WS)


@pytest.mark.parametrize("data, status, code", [
    (request_with("Connection: upgrade", "Upgrade: TLS/1.0"), 501, "not-implemented"),
    (request_with("Connection: upgrade", "Upgrade: websocket, h2c"), 501, "not-implemented"),
    (request_with("Connection: upgrade", "Upgrade: websocket/13"), 501, "not-implemented"),
    (request_with(*UP, "Upgrade: websocket"), 501, "not-implemented"),
    (request_with(*UP, "Content-Length: 4", body=b"abcd"), 400, "bad-request"),
    (request_with(*UP, "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400, "bad-request"),
    (request_with(*UP, method="POST"), 400, "bad-request"),
    (request_with(*UP, "Origin: http://page.example"), 403, "browser-denied"),
    (request_with(*UP, "Sec-Fetch-Site: cross-site"), 403, "browser-denied"),
])
def test_refused(proxy, aws, data, status, code):
    with proxy.client() as client:
        client.send(data)
        answer = client.read()
    assert (answer.status, answer.error) == (status, code), answer
    assert not aws.requests


@pytest.mark.parametrize("data", [
    request_with(*UP, version="1.0"),         # RFC 9110 7.8: ignored
    request_with("Connection: close", *WS),   # not asked of this hop
    request_with(*WS),
    request_with("Connection: upgrade"),
    request_with("Connection: upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AA"), # Java's HttpClient
])
def test_asks_for_nothing(proxy, aws, data):
    with proxy.client() as client:
        client.send(data)
        assert client.read().status == 200
    assert not {"Upgrade", "Connection", "HTTP2-Settings"} & {name for name, _ in aws.requests[-1].fields}


def test_an_empty_body_is_none(proxy, aws):
    with proxy.client() as client:
        opened(client, URL, HOST, [("Content-Length", "0")], behind=b"x")
        assert client.wire.read_exactly(1) == b"x"
    assert "Content-Length" not in aws.requests[-1].fields


# ---- hostile ones


def test_a_request_inside_of_a_websocket_is_none(proxy, aws):
    """What stands behind the request is the websocket's, not a second request: it gets no signature."""
    smuggled = f"GET http://{HOST}/second HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    with proxy.client() as client:
        opened(client, URL, HOST, behind=smuggled)
        assert client.wire.read_exactly(len(smuggled)) == smuggled
        assert ends(client) == b""
    assert [record.target for record in aws.requests] == ["/prod"]


def test_behind_an_answer_that_is_no_101_requests_go_on(start):
    targets = []

    def talk(sock):
        wire = http1.Wire(sock)
        while True:
            line, fields, _ = wire.read_head()
            targets.append((line.split(" ")[1], "Upgrade" in fields))
            if "Upgrade" not in fields:
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            elif len(targets) == 1:
                sock.sendall(b"HTTP/1.1 403 Forbidden\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                             b"Content-Length: 2\r\n\r\nno")
            else:
                sock.sendall(switching(fields) + b"yes")
                return
    with Upstream(talk) as upstream:
        proxy = start("workers = 1\n" + scripted_route(upstream))
        with proxy.client() as client:
            ask(client, URL, HOST, behind=f"GET {URL}/2 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            first, second = client.read(), client.read()
            assert (first.status, first.body, second.status, second.body) == (403, b"no", 200, b"ok")
            assert not {"Upgrade", "Connection"} & {name for name, _ in first.fields}
            assert client.request("GET", URL + "/3", host=HOST).status == 200
            opened(client, URL + "/4", HOST)
            assert client.wire.read_exactly(3) == b"yes"
        assert targets == [("/prod", True), ("/prod/2", False), ("/prod/3", False), ("/prod/4", True)]
        assert upstream.connections == 1


def test_an_upgrade_in_a_body_is_a_body(proxy, aws):
    inner = request_with(*UP)
    with proxy.client() as client:
        assert client.request("POST", URL, body=inner, host=HOST).status == 200
        assert client.request("GET", URL, host=HOST).status == 200
    assert bytes(aws.requests[0].body) == inner and len(aws.requests) == 2


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\n"


@pytest.mark.parametrize("answer", [
    SWITCH + b"Upgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    SWITCH + b"Upgrade: websocket, h2c\r\nConnection: upgrade\r\n\r\n",
    SWITCH + b"Upgrade: websocket\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    SWITCH + b"Upgrade: websocket\r\n\r\n",
    SWITCH + b"Connection: upgrade\r\n\r\n",
    SWITCH + b"\r\n",
    SWITCH.replace(b"1.1", b"1.0") + b"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    b"HTTP/1.1 103 x\r\n\r\n" * 17 + SWITCH + b"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n",
])
def test_a_wrong_101_is_502_and_asked_once(start, answer):
    def talk(sock):
        http1.Wire(sock).read_head()
        sock.sendall(answer + b"GET / HTTP/1.1\r\n\r\n")
        http1.Wire(sock).fill()
    with Upstream(talk) as upstream:
        proxy = start("retry_base = 10ms\n" + scripted_route(upstream))
        with proxy.client() as client:
            ask(client, URL, HOST)
            got = client.read()
            assert (got.status, got.error) == (502, "upstream-bad-response"), got
        assert upstream.connections == 1


def test_a_101_that_nobody_asked_for_is_502(start):
    def talk(sock):
        _, fields, _ = http1.Wire(sock).read_head()
        sock.sendall(switching(fields))
    with Upstream(talk) as upstream:
        proxy = start(scripted_route(upstream))
        answer = proxy.request("GET", URL, host=HOST)
        assert (answer.status, answer.error) == (502, "upstream-bad-response")
        answer = proxy.request("GET", URL, [("Connection", "keep-alive"), ("Upgrade", "websocket")], host=HOST)
        assert (answer.status, answer.error) == (502, "upstream-bad-response")


def test_junk_behind_a_101_is_the_clients(start):
    junk = os.urandom(3000)

    def talk(sock):
        _, fields, _ = http1.Wire(sock).read_head()
        sock.sendall(switching(fields).replace(b"\r\n\r\n", b"\r\nContent-Length: 7\r\n\r\n") + junk)
    with Upstream(talk) as upstream:
        proxy = start(scripted_route(upstream))
        with proxy.client() as client:
            answer = opened(client, URL, HOST)
            assert "Content-Length" not in answer.fields
            assert b"".join(client.wire.pieces_to_end()) == junk


def test_before_the_101_it_is_tried_again_like_a_get(start):
    attempts = []

    def talk(sock):
        wire = http1.Wire(sock)
        while True:
            _, fields, _ = wire.read_head()
            attempts.append(fields.get("Authorization"))
            if len(attempts) == 1:
                return
            if len(attempts) == 2:
                sock.sendall(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n")
                continue
            sock.sendall(switching(fields))
            for part in wire.pieces_to_end():
                sock.sendall(part)
            return
    with Upstream(talk) as upstream:
        proxy = start("retry_base = 10ms\nattempts_header = yes\n" + scripted_route(upstream))
        with proxy.client() as client:
            answer = opened(client, URL, HOST, behind=b"kept")
            assert answer.fields.get("X-Sigv4-Proxy-Attempts") == "3"
            assert client.wire.read_exactly(4) == b"kept"
    assert len(attempts) == 3


@pytest.mark.parametrize("part", [b"HTTP/1.1 101", SWITCH + b"Upgrade: webs"])
def test_after_octets_of_the_101_nothing_is_tried_again(start, part):
    def talk(sock):
        http1.Wire(sock).read_head()
        sock.sendall(part)
    with Upstream(talk) as upstream:
        proxy = start("retry_base = 10ms\n" + scripted_route(upstream))
        with proxy.client() as client:
            ask(client, URL, HOST)
            answer = client.read()
            assert (answer.status, answer.error) == (502, "upstream-closed")
        assert upstream.connections == 1


def test_an_upstream_that_never_answers_is_504(start):
    with Upstream(lambda sock: (http1.Wire(sock).read_head(), http1.Wire(sock).fill())) as upstream:
        proxy = start("retry_mode = off\nfirst_byte_timeout = 300ms\n" + scripted_route(upstream))
        with proxy.client() as client:
            ask(client, URL, HOST, behind=b"ahead")
            answer = client.read()
            assert (answer.status, answer.error) == (504, "timeout-first-byte")


def test_a_client_that_goes_before_the_answer(start):
    gone = threading.Event()

    def talk(sock):
        wire = http1.Wire(sock)
        wire.read_head()
        try:
            while wire.fill():
                pass
        finally:
            gone.set()
    with Upstream(talk) as upstream:
        proxy = start(scripted_route(upstream))
        client = proxy.client()
        ask(client, URL, HOST, behind=b"ahead")
        harness.wait_until(lambda: upstream.connections == 1)
        cut(client)
        assert gone.wait(20 * harness.PATIENCE)


# ---- URLs for others


def test_presigned_urls_of_websockets(proxy, aws, tmp_path):
    """By the subcommand and by the endpoint; the stand-in takes them from a client that does not sign."""
    environment = harness.identity_environment(harness.CANARY) | {"AWS_REGION": "us-east-1"}
    for host, path, service, _ in SERVICES:
        given = f"wss://{host}{path}?q=1"
        made = harness.run_binary("presign", given, folder=tmp_path, env=environment)
        assert made.returncode == 0, made
        with http1.Client(("127.0.0.1", proxy.admin_port)) as admin:
            body = json.dumps({"url": given}).encode()
            answer = admin.request("POST", "/presign", body=body, host="127.0.0.1")
        urls = [made.stdout.strip()]
        if answer.status == 200:
            urls.append(json.loads(answer.body)["url"])
        else:
            assert answer.error == "presign-denied", answer  # without a rule the endpoint presigns for S3 only
        for url in urls:
            assert url.startswith(f"wss://{host}{path}?q=1&X-Amz-Algorithm="), url
            with Sockets([harness.CANARY]) as server, http1.Client((server.address, server.port)) as client:
                ask(client, url.split(host, 1)[1], host)
                assert client.read_head().status == 101
                assert (server.requests[0].verdict.service, server.requests[0].verdict.form) == (service, "query")


def test_the_endpoint_presigns_websockets_by_rule(start, aws):
    proxy = start("presign_allow = GET *.execute-api.us-east-1.amazonaws.com/prod\n" + routes(aws))
    for given, want in ((f"wss://{HOST}/prod", 200), (f"ws://{HOST}/prod", 200), (f"wss://{HOST}/other", 403)):
        with http1.Client(("127.0.0.1", proxy.admin_port)) as admin:
            answer = admin.request("POST", "/presign", body=json.dumps({"url": given}).encode(), host="127.0.0.1")
        assert answer.status == want, answer
        assert want != 200 or json.loads(answer.body)["url"].startswith(f"wss://{HOST}/prod?X-Amz-")


# ---- real clients


WEBSOCKETS = """
import asyncio, os, ssl, websockets

async def main():
    context = ssl.create_default_context(cafile=os.environ["CA"]) if os.environ["URL"].startswith("wss") else None
    async with websockets.connect(os.environ["URL"], proxy=os.environ["PROXY"], ssl=context, subprotocols=["chat"]) as ws:
        await ws.send("x" * 100000)
        big = await ws.recv()
        await ws.send("hello")
        print(ws.subprotocol, len(big), await ws.recv())
asyncio.run(main())
"""
CLIENT = """
import os, websocket
ws = websocket.create_connection(
    os.environ["URL"], http_proxy_host="127.0.0.1", http_proxy_port=int(os.environ["PROXY"].rsplit(":", 1)[1]),
    proxy_type="http", suppress_origin=True, subprotocols=["chat"], sslopt={"ca_certs": os.environ["CA"]})
ws.send("x" * 100000)
big = ws.recv()
ws.send("hello")
print(ws.getsubprotocol(), len(big), ws.recv())
ws.close()
"""
NODE = """
const {WebSocket, ProxyAgent} = require(process.env.UNDICI);
const dispatcher = new ProxyAgent({uri: process.env.PROXY, requestTls: {ca: require('fs').readFileSync(process.env.CA)}});
const ws = new WebSocket(process.env.URL, {protocols: ['chat'], dispatcher});
let big = 0;
ws.onopen = () => ws.send('x'.repeat(100000));
ws.onmessage = event => {
  if (!big) { big = event.data.length; ws.send('hello'); return; }
  console.log(ws.protocol, big, event.data);
  ws.close();
};
ws.onerror = event => { console.error(event); process.exit(1); };
"""


JAVA = """
import java.net.*; import java.net.http.*; import java.nio.file.*; import java.security.*; import java.security.cert.*;
import java.util.concurrent.*; import javax.net.ssl.*;
public class Socket {
    public static void main(String[] a) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509")
            .generateCertificate(Files.newInputStream(Path.of(a[2]))));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(null, trust.getTrustManagers(), null);
        BlockingQueue<String> came = new LinkedBlockingQueue<>();
        WebSocket ws = HttpClient.newBuilder().sslContext(tls)
            .proxy(ProxySelector.of(new InetSocketAddress("127.0.0.1", Integer.parseInt(a[0])))).build()
            .newWebSocketBuilder().subprotocols("chat").buildAsync(URI.create(a[1]), new WebSocket.Listener() {
                StringBuilder text = new StringBuilder();
                public CompletionStage<?> onText(WebSocket w, CharSequence data, boolean last) {
                    text.append(data);
                    if (last) { came.add(text.toString()); text.setLength(0); }
                    w.request(1);
                    return null;
                }
            }).join();
        ws.sendText("x".repeat(100000), true).join();
        int big = came.take().length();
        ws.sendText("hello", true).join();
        System.out.println(ws.getSubprotocol() + " " + big + " " + came.take());
        ws.sendClose(WebSocket.NORMAL_CLOSURE, "").join();
    }
}
"""


def has_module(name):
    return subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True, cwd="/", check=False).returncode == 0


@pytest.mark.parametrize("scheme", ["wss", "ws"])
@pytest.mark.parametrize("module, program", [("websockets", WEBSOCKETS), ("websocket", CLIENT)])
def test_python_clients(proxy, aws, local_ca, tmp_path, scheme, module, program):
    if not has_module(module):
        pytest.skip(f"no {module}")
    aws.talk = echo_frames
    env = {"PATH": os.environ["PATH"], "URL": f"{scheme}://{HOST}/prod", "PROXY": proxy.url, "CA": str(local_ca / "ca.pem")}
    got = subprocess.run([sys.executable, "-c", program], env=env, cwd=tmp_path, capture_output=True, text=True,
                         timeout=60 * harness.PATIENCE, check=False)
    assert got.stdout == "chat 100000 hello\n", got.stderr
    assert aws.requests[-1].verdict.service == "execute-api"


UNDICI = harness.ROOT / "build/node/node_modules/undici"


@pytest.mark.skipif(not shutil.which("node") or not UNDICI.exists(), reason="no node, or no undici (./dev node undici@6)")
@pytest.mark.parametrize("scheme", ["wss", "ws"])
def test_undicis_websocket(proxy, aws, local_ca, tmp_path, scheme):
    aws.talk = echo_frames
    env = {"PATH": os.environ["PATH"], "URL": f"{scheme}://{HOST}/prod", "PROXY": proxy.url,
           "CA": str(local_ca / "ca.pem"), "UNDICI": str(UNDICI)}
    got = subprocess.run(["node", "-e", NODE], env=env, cwd=tmp_path, capture_output=True, text=True,
                         timeout=60 * harness.PATIENCE, check=False)
    assert got.stdout == "chat 100000 hello\n", got.stderr
    assert aws.requests[-1].verdict.service == "execute-api"


@pytest.mark.skipif(not shutil.which("java"), reason="no java")
def test_javas_websocket(proxy, aws, local_ca, tmp_path):
    aws.talk = echo_frames
    (tmp_path / "Socket.java").write_text(JAVA)
    got = subprocess.run(["java", str(tmp_path / "Socket.java"), str(proxy.port), f"wss://{HOST}/prod",
                          str(local_ca / "ca.pem")], env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
                         capture_output=True, text=True, timeout=60, check=False)
    assert got.stdout == "chat 100000 hello\n", got.stderr
    assert aws.requests[-1].verdict.service == "execute-api"
