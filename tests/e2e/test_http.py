# SPDX-License-Identifier: Apache-2.0
"""The protocol itself: connections, framing, early answers, refusals and limits."""
import json
import time

import harness
import pattern
import pytest

HOST = "bucket.s3.us-east-1.amazonaws.com"
BASE = f"http://{HOST}/"
QUEUE = "http://sqs.us-east-1.amazonaws.com/"


def get(path="generate/10", host=HOST, version="HTTP/1.1", more=""):
    return f"GET http://{host}/{path} {version}\r\nHost: {host}\r\n{more}\r\n".encode()


# -- connections


def test_keep_alive_uses_one_connection_on_each_side(proxy, aws):
    with proxy.client() as client:
        for _ in range(5):
            assert client.request("GET", BASE + "generate/10").status == 200
    assert len({r.connection for r in aws.requests}) == 1


def test_upstream_connection_serves_the_next_client(aws, start_proxy):
    proxy = start_proxy(aws, "workers = 1")
    for _ in range(3):
        assert proxy.request("GET", BASE + "generate/10").status == 200
    assert len({r.connection for r in aws.requests}) == 1


def test_pipelined_requests_are_answered_in_order(proxy, aws):
    with proxy.client() as client:
        client.send(b"".join(get(f"generate/{n}") for n in (1, 22, 333, 4, 5)))
        assert [len(client.read().body) for _ in range(5)] == [1, 22, 333, 4, 5]


def test_pipelined_upload_and_download(proxy, aws):
    with proxy.client() as client:
        put = f"PUT {BASE}pipe HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\n\r\nabc".encode()
        client.send(put + get("pipe") + put.replace(b"abc", b"xyz") + get("pipe"))
        assert [client.read().body for _ in range(4)] == [b"", b"abc", b"", b"xyz"]


def test_head_in_single_octets(proxy, aws):
    with proxy.client() as client:
        for octet in get():
            client.send(bytes([octet]))
        assert client.read().status == 200


def test_connection_close_is_honoured(proxy, aws):
    with proxy.client() as client:
        client.send(get(more="Connection: close\r\n"))
        answer = client.read()
        assert answer.status == 200
        assert client.is_closed()
    assert len(aws.requests) == 1


def test_http_1_0_closes_unless_it_asks(proxy, aws):
    with proxy.client() as client:
        client.send(get(version="HTTP/1.0"))
        answer = client.read()
        assert (answer.status, answer.body) == (200, pattern.octets(10))
        assert client.is_closed()
    with proxy.client() as client:
        for _ in range(2):
            client.send(get(version="HTTP/1.0", more="Connection: keep-alive\r\n"))
            assert client.read().status == 200


def test_http_1_0_never_sees_chunks(proxy, aws):
    with proxy.client() as client:
        client.send(get("generate/100000", version="HTTP/1.0", more="Fake-Fault: chunked\r\n"))
        answer = client.read()
        assert "Transfer-Encoding" not in answer.fields
        assert answer.body == pattern.octets(100000)
        assert client.is_closed()


def test_half_close_behind_a_complete_request_is_answered(proxy, aws):
    with proxy.client() as client:
        client.send(get())
        client.sock.shutdown(1)
        assert client.read().status == 200


def test_upstream_that_closed_its_idle_connection_harms_nobody(proxy, aws):
    for number in range(4):
        answer = proxy.request("GET", BASE + "generate/10", [("Fake-Fault", "close-after")])
        assert answer.status == 200, (number, answer)
        time.sleep(0.05)


# -- bodies


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 65536, 1 << 20, 3000001])
def test_upload_sizes(proxy, aws, size):
    data = pattern.octets(size)
    for url, method in ((BASE + "size", "PUT"), (QUEUE, "POST")):
        assert proxy.request(method, url, body=data).status == 200
        assert aws.requests[-1].length == size
        assert not size or aws.requests[-1].sha256 == pattern.sha256(size)


@pytest.mark.parametrize("size", [0, 1, 16384, 65536, 3000001])
@pytest.mark.parametrize("fault", ["", "chunked", "to-end"])
def test_download_sizes_and_framings(proxy, aws, size, fault):
    with proxy.client() as client:
        for _ in range(2):
            answer = client.request("GET", BASE + f"generate/{size}", [("Fake-Fault", fault)])
            assert (answer.status, answer.is_complete) == (200, True)
            assert answer.body == pattern.octets(size)


def test_chunked_upload_in_odd_pieces(proxy, aws):
    with proxy.client() as client:
        client.start("POST", QUEUE, [("Transfer-Encoding", "chunked")],
                     host="sqs.us-east-1.amazonaws.com")
        for octet in b"1\r\na\r\n00A;ext=\"q\"\r\n0123456789\r\n0\r\nX-Trailer: t\r\n\r\n":
            client.send(bytes([octet]))
        assert client.read().status == 200
        assert bytes(aws.requests[-1].body) == b"a0123456789"
        assert "X-Trailer" not in aws.requests[-1].fields
        assert client.request("GET", BASE + "generate/1").status == 200


@pytest.mark.parametrize("url, method", [(BASE + "expect", "PUT"), (QUEUE, "POST")])
def test_expect_gets_100_before_the_body(proxy, aws, url, method):
    host = url.split("/")[2]
    with proxy.client() as client:
        client.start(method, url, [("Content-Length", "4"), ("Expect", "100-continue")], host=host)
        head = client.wire.read_head()
        assert head[0].startswith("HTTP/1.1 100"), head
        client.send(b"data")
        assert client.read().status == 200
    assert bytes(aws.requests[-1].body) == b"data"


def test_expect_is_answered_finally_without_the_body(proxy, aws):
    with proxy.client() as client:
        client.start("PUT", "http://nobody.example.com/x",
                     [("Content-Length", "4"), ("Expect", "100-continue")], host="nobody.example.com")
        answer = client.read()
        assert (answer.status, answer.interim) == (403, [])


def test_head_204_and_304_have_no_body(proxy, aws):
    with proxy.client() as client:
        assert client.request("PUT", BASE + "nobody", body=b"12345").status == 200
        head = client.request("HEAD", BASE + "nobody")
        assert (head.status, head.fields.get("Content-Length")) == (200, "5")
        etag = head.fields.get("ETag")
        assert client.request("GET", BASE + "nobody", [("If-None-Match", etag)]).status == 304
        gone = client.request("DELETE", BASE + "nobody")
        assert gone.status == 204
        assert "Content-Length" not in gone.fields
        assert client.request("GET", BASE + "generate/3").body == pattern.octets(3)


def test_early_refusal_is_relayed_while_the_upload_runs(proxy, aws):
    """403 behind 1 MiB of 100 MiB: the client reads it without having sent the rest."""
    size = 100 << 20
    with proxy.client() as client:
        client.start("PUT", BASE + "discard/early",
                     [("Content-Length", str(size)), ("Fake-Fault", f"early=403:{1 << 20}")],
                     host=HOST)
        client.sock.settimeout(0.2)
        sent = 0
        try:
            for piece in pattern.pieces(size):
                client.send(piece)
                sent += len(piece)
        except (TimeoutError, ConnectionError):
            pass
        assert sent < 90 << 20
        client.sock.settimeout(20)
        answer = client.read()
    assert answer.status == 403
    assert answer.error is None
    assert b"<Code>AccessDenied</Code>" in answer.body


def test_interim_answers_are_relayed(proxy, aws):
    with proxy.client() as client:
        client.start("GET", BASE + "generate/5", [("Fake-Fault", "interim=103:2")], host=HOST)
        answer = client.read()
    assert (answer.status, answer.body) == (200, pattern.octets(5))
    assert [i.status for i in answer.interim] == [103, 103]


def test_interim_answers_are_bounded(proxy, aws):
    answer = proxy.request("GET", BASE + "generate/5", [("Fake-Fault", "interim=103:100")])
    assert (answer.status, answer.error) == (502, "upstream-bad-response")


def test_surplus_octets_never_reach_the_next_client(proxy, aws):
    for _ in range(3):
        with proxy.client() as client:
            answer = client.request("GET", BASE + "generate/5", [("Fake-Fault", "surplus")])
            assert answer.body == pattern.octets(5)
            assert client.request("GET", BASE + "generate/6").body == pattern.octets(6)


# -- fields


def test_hop_by_hop_fields_stay(proxy, aws):
    answer = proxy.request("GET", BASE + "generate/1", [
        ("Connection", "keep-alive, X-Hop, close-not"), ("X-Hop", "1"), ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"), ("Proxy-Authorization", "Basic Zm9v"), ("TE", "trailers"),
        ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABk"), ("Trailer", "X-T"), ("X-Stays", "2")])
    assert answer.status == 200
    fields = aws.requests[-1].fields
    for name in ("X-Hop", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "TE", "Upgrade",
                 "HTTP2-Settings", "Trailer"):
        assert name not in fields, name
    assert fields.get("X-Stays") == "2"


def test_host_follows_from_the_target(proxy, aws):
    with proxy.client() as client:
        client.start("GET", BASE + "generate/1", host="other.example.com")
        assert client.read().status == 200
    assert aws.requests[-1].fields.all("Host") == [HOST]


# -- refusals


@pytest.mark.parametrize("octets", [
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET http://%b/a b HTTP/1.1\r\nHost: %b\r\n\r\n",
    b"GET http://%b/a\tb HTTP/1.1\r\nHost: %b\r\n\r\n",
    b"GET http://%b/a#b HTTP/1.1\r\nHost: %b\r\n\r\n",
    b"GET http://%b/\x01 HTTP/1.1\r\nHost: %b\r\n\r\n",
    b"GET http://u:p@%b/ HTTP/1.1\r\nHost: %b\r\n\r\n",
    b"GET http://%b:99999/ HTTP/1.1\r\nHost: %b\r\n\r\n",
    b"GET http://%b./ HTTP/1.1\r\nHost: %b.\r\n\r\n",
    b"GET ftp://%b/ HTTP/1.1\r\nHost: %b\r\n\r\n",
    b"GET http://0x7f.1/ HTTP/1.1\r\nHost: 0x7f.1\r\n\r\n",
    b"GET http://%b/ HTTP/1.1\r\nHost: %b\r\nName : v\r\n\r\n",
    b"GET http://%b/ HTTP/1.1\r\nHost: %b\r\nA: b\r\n folded\r\n\r\n",
    b"GET http://%b/ HTTP/1.1\nHost: %b\n\n",
    b"GET http://%b/ HTTP/1.1\r\nHost: %b\r\nA: b\x00c\r\n\r\n",
    b"GET http://%b/ HTTP/1.1\r\nHost: %b\r\nContent-Length: +3\r\n\r\nabc",
    b"POST http://%b/ HTTP/1.1\r\nHost: %b\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    b"POST http://%b/ HTTP/1.1\r\nHost: %b\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST http://%b/ HTTP/1.0\r\nHost: %b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST http://%b/ HTTP/1.1\r\nHost: %b\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    b"POST http://%b/ HTTP/1.1\r\nHost: %b\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    b"POST http://%b/ HTTP/1.1\r\nHost: %b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
])
def test_malformed_request_is_400(proxy, aws, octets):
    with proxy.client() as client:
        client.send(octets.replace(b"%b", HOST.encode()))
        answer = client.read()
        assert (answer.status, client.is_closed()) == (400, True), answer
    assert answer.error in ("bad-request", "bad-target", "bad-host"), answer
    assert not [r for r in aws.requests if r.is_complete]


@pytest.mark.parametrize("line, status", [
    ("TRACE {} HTTP/1.1", 405), ("BREW {} HTTP/1.1", 501), ("GET {} HTTP/2.0", 505),
    ("GET {} HTTP/0.9", 505), ("get {} HTTP/1.1", 501)])
def test_method_and_version(proxy, aws, line, status):
    with proxy.client() as client:
        client.send(line.format(BASE) + f"\r\nHost: {HOST}\r\n\r\n")
        assert client.read().status == status
    assert not aws.requests


def test_unknown_host_is_refused_with_the_line_that_allows_it(proxy, aws):
    answer = proxy.request("GET", "http://intranet.example.com/x")
    assert (answer.status, answer.error) == (403, "host-denied")
    said = json.loads(answer.body)
    assert said["error"] == "host-denied"
    assert said["request_id"]
    assert '[route "intranet.example.com"]' in said["message"]
    assert answer.fields.get("Cache-Control") == "no-store"


@pytest.mark.parametrize("host", [
    "169.254.169.254", "[fd00:ec2::254]", "evil-amazonaws.com", "s3.amazonaws.com.evil.example",
    "localhost", "127.0.0.1", "0.0.0.0", "[::1]"])
def test_hosts_that_are_never_forwarded(proxy, aws, host):
    answer = proxy.request("GET", f"http://{host}/latest/meta-data/")
    assert (answer.status, answer.error in ("host-denied", "address-denied")) == (403, True), answer
    assert not aws.requests


@pytest.mark.parametrize("name, value", [
    ("Origin", "https://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site"),
    ("Sec-Fetch-Site", "none")])
def test_browsers_are_refused(proxy, aws, name, value):
    answer = proxy.request("GET", BASE + "generate/1", [(name, value)])
    assert (answer.status, answer.error) == (403, "browser-denied")
    assert not any(n.lower().startswith("access-control") for n, _ in answer.fields)
    assert proxy.request("GET", BASE + "generate/1", [("Sec-Fetch-Mode", "cors")]).status == 200


# -- limits


def test_long_request_line_is_414(proxy, aws):
    assert proxy.request("GET", BASE + "k" * 9000).status == 414
    assert not aws.requests


@pytest.mark.parametrize("fields", [
    [("X-Long", "v" * 17000)],
    [(f"X-{n}", "v" * 8000) for n in range(9)],
    [(f"X-{n}", "v") for n in range(101)],
], ids=["field", "head", "count"])
def test_large_head_is_431(proxy, aws, fields):
    with proxy.client() as client:
        answer = client.request("GET", BASE + "generate/1", fields)
        assert (answer.status, answer.error) == (431, "head-too-large")
    assert not aws.requests


def test_body_max_is_413(aws, start_proxy):
    proxy = start_proxy(aws, "body_max = 100k")
    big = b"x" * 102401
    answer = proxy.request("POST", QUEUE, body=big)
    assert (answer.status, answer.error) == (413, "body-too-large")
    with proxy.client() as client:
        client.start("POST", QUEUE, [("Transfer-Encoding", "chunked")],
                     host="sqs.us-east-1.amazonaws.com")
        client.send(b"%x\r\n" % len(big) + big + b"\r\n0\r\n\r\n")
        assert client.read().status == 413
    assert proxy.request("POST", QUEUE, body=b"x" * 102400).status == 200


def test_body_without_a_spool_is_413(aws, start_proxy, tmp_path):
    proxy = start_proxy(aws, f"body_memory = 64k\nspool_dir = {tmp_path}/missing")
    answer = proxy.request("POST", QUEUE, body=b"x" * 70000)
    assert (answer.status, answer.error) == (413, "body-too-large")
    assert b"spool_dir" in answer.body
    assert proxy.request("POST", QUEUE, body=b"x" * 60000).status == 200


def test_body_that_streams_needs_no_spool(aws, start_proxy, tmp_path):
    proxy = start_proxy(aws, f"body_memory = 64k\nspool_dir = {tmp_path}/missing")
    data = pattern.octets(2 << 20)
    for _ in range(5):  # with a connection still to be made, and with one at hand
        assert proxy.request("PUT", BASE + "discard/x", body=data).status == 200
        assert aws.requests[-1].sha256 == pattern.sha256(2 << 20)


def test_spooled_body_leaves_no_file(aws, start_proxy, tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    proxy = start_proxy(aws, f"body_memory = 64k\nspool_dir = {spool}")
    data = pattern.octets(5 << 20)
    answer = proxy.request("POST", QUEUE, body=data)
    assert answer.status == 200
    assert aws.requests[-1].sha256 == pattern.sha256(5 << 20)
    assert list(spool.iterdir()) == []


def test_slow_head_is_408(aws, start_proxy):
    proxy = start_proxy(aws, "client_head_timeout = 500ms")
    with proxy.client() as client:
        start = time.monotonic()
        client.send(b"GET / HT")
        answer = client.read()
        assert (answer.status, answer.error) == (408, "timeout-client")
        assert time.monotonic() - start < 3 * harness.PATIENCE


def test_idle_client_is_closed(aws, start_proxy):
    proxy = start_proxy(aws, "client_idle_timeout = 1s")
    with proxy.client() as client:
        assert client.request("GET", BASE + "generate/1").status == 200
        assert client.is_closed(3 * harness.PATIENCE)


def test_silent_upstream_is_504(aws, start_proxy):
    proxy = start_proxy(aws, "first_byte_timeout = 300ms\nretry_mode = off")
    start = time.monotonic()
    answer = proxy.request("GET", BASE + "generate/10", [("Fake-Fault", "stall-head=20")])
    assert (answer.status, answer.error) == (504, "timeout-first-byte")
    assert time.monotonic() - start < 5 * harness.PATIENCE


def test_upstream_that_stalls_in_the_body_is_cut(aws, start_proxy):
    proxy = start_proxy(aws, "idle_timeout = 300ms")
    with proxy.client() as client:
        answer = client.request("GET", BASE + "generate/100000", [("Fake-Fault", "stall-body=10000:20")])
    assert (answer.status, answer.is_complete) == (200, False)


def test_upstream_that_is_not_there_is_502(start_proxy):
    port = harness.free_port()
    proxy = start_proxy(conf="retry_base = 10ms\n[route \"*.amazonaws.com\"]\n"
                             f"upstream = https://127.0.0.1:{port}\n")
    answer = proxy.request("GET", BASE + "generate/10")
    assert (answer.status, answer.error) == (502, "connect-failed")


def test_upstream_that_closes_before_the_head_is_502(start_proxy, aws):
    proxy = start_proxy(aws, "retry_base = 10ms")
    answer = proxy.request("GET", BASE + "generate/10", [("Fake-Fault", "reset=-1")])
    assert (answer.status, answer.error) == (502, "upstream-closed")
