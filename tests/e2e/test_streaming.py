# SPDX-License-Identifier: Apache-2.0
"""Bodies of any size in flat memory, and what happens when one side goes in the middle."""
import hashlib
import socket
import threading
import time

import harness
import http1
import pattern
import pytest
import scripted

HOST = "bucket.s3.us-east-1.amazonaws.com"
BASE = f"http://{HOST}/"
GIB = 1 << 30
MIB = 1 << 20
ALLOWED_GROWTH = 4_000_000


def upload(proxy, path, size):
    with proxy.client(timeout=120) as client:
        client.start("PUT", BASE + path, [("Content-Length", str(size))], host=HOST)
        for piece in pattern.pieces(size):
            client.send(piece)
        return client.read()


def download(proxy, path, fields=()):
    """(answer, length, sha256) without holding the body."""
    digest, length = hashlib.sha256(), 0
    with proxy.client(timeout=120) as client:
        client.start("GET", BASE + path, fields, host=HOST)
        answer = client.read_head()
        for piece in client.body_pieces(answer):
            digest.update(piece)
            length += len(piece)
    return answer, length, digest.hexdigest()


def start_download(proxy, size, fault=""):
    client = proxy.client()
    client.start("GET", BASE + f"generate/{size}", [("Fake-Fault", fault)], host=HOST)
    return client


def cut(client):
    """Ends the client's connection as a killed process does."""
    http1.reset_on_close(client.sock)
    client.close()


@pytest.mark.heavy
def test_upload_of_a_gibibyte_in_flat_memory(proxy, aws):
    assert upload(proxy, "discard/warm", 8 * MIB).status == 200
    before = proxy.memory()
    assert upload(proxy, "discard/large", GIB).status == 200
    growth = proxy.memory() - before
    record = aws.requests[-1]
    assert (record.length, record.sha256) == (GIB, pattern.sha256(GIB))
    assert growth < ALLOWED_GROWTH, f"peak memory grew by {growth} octets"


@pytest.mark.heavy
def test_download_of_a_gibibyte_in_flat_memory(proxy, aws):
    assert download(proxy, f"generate/{8 * MIB}")[0].status == 200
    before = proxy.memory()
    answer, length, digest = download(proxy, f"generate/{GIB}")
    growth = proxy.memory() - before
    assert (answer.status, length, digest) == (200, GIB, pattern.sha256(GIB))
    assert growth < ALLOWED_GROWTH, f"peak memory grew by {growth} octets"


def test_upload_and_download_of_some_mebibytes(proxy, aws):
    """The same for builds in which the heavy ones are skipped."""
    assert upload(proxy, "discard/some", 24 * MIB).status == 200
    assert aws.requests[-1].sha256 == pattern.sha256(24 * MIB)
    answer, length, digest = download(proxy, f"generate/{24 * MIB}")
    assert (answer.status, length, digest) == (200, 24 * MIB, pattern.sha256(24 * MIB))


@pytest.mark.heavy
def test_slow_reader_holds_the_server_back(proxy, aws):
    """A reader that stops: what the stand-in could send stays bounded, and so does memory."""
    assert download(proxy, f"generate/{8 * MIB}")[0].status == 200
    before = proxy.memory()
    with start_download(proxy, GIB) as client:
        assert client.read_head().status == 200
        sent = stable(lambda: aws.requests[-1].sent)
        assert sent < 64 * MIB
        assert proxy.memory() - before < ALLOWED_GROWTH
        taken = sum(len(client.wire.sock.recv(65536)) for _ in range(2000))
        assert taken > 0
        harness.wait_until(lambda: aws.requests[-1].sent > sent, what="the server going on")


@pytest.mark.heavy
def test_server_that_does_not_read_holds_the_client_back(proxy, aws):
    assert upload(proxy, "discard/warm", 8 * MIB).status == 200
    before = proxy.memory()
    with proxy.client() as client:
        client.start("PUT", BASE + "discard/held",
                     [("Content-Length", str(GIB)), ("Fake-Fault", "no-read=8")], host=HOST)
        client.sock.settimeout(1)
        sent = 0
        with pytest.raises(TimeoutError):
            for piece in pattern.pieces(GIB):
                client.send(piece)
                sent += len(piece)
        assert sent < 64 * MIB
        assert proxy.memory() - before < ALLOWED_GROWTH


def stable(read, seconds=0.5):
    """The value once it has not changed for that long."""
    value = read()
    while True:
        time.sleep(seconds)
        if read() == value:
            return value
        value = read()


def test_first_octet_comes_at_once(proxy, aws):
    """The head and the first octets are there while the server still waits with the rest."""
    with start_download(proxy, 100000, "stall-body=10:30") as client:
        answer = client.read_head()
        first = next(client.body_pieces(answer))
        assert first == pattern.octets(10)[:len(first)]
        assert aws.requests[-1].sent <= 10, "the server still waits"


def test_slow_download_is_passed_on_piece_by_piece(proxy, aws):
    with start_download(proxy, 1000, "slow=100:0.2") as client:
        answer = client.read_head()
        pieces = list(client.body_pieces(answer))
        assert answer.is_complete
        assert len(pieces) >= 3  # ten, but for those that a busy machine takes together


def test_upload_streams_before_it_is_complete(proxy, aws):
    """S3 over TLS: the server has the first octets while the client still holds the last."""
    with proxy.client() as client:
        client.start("PUT", BASE + "discard/streamed", [("Content-Length", "200000")], host=HOST)
        client.send(pattern.octets(100000))
        harness.wait_until(lambda: aws.requests and aws.requests[-1].length == 100000,
                           what="the first half at the server")
        client.send(pattern.octets(100000))
        assert client.read().status == 200


# -- one side goes


def gone_within(aws, seconds):
    start = time.monotonic()
    harness.wait_until(lambda: aws.requests and aws.requests[-1].aborted_at, seconds,
                       "the upstream connection's end")
    return aws.requests[-1].aborted_at - start


@pytest.mark.parametrize("end", [cut, http1.Client.close], ids=["reset", "close"])
def test_client_gone_in_its_upload_ends_the_upstream_request(proxy, aws, end):
    client = proxy.client()
    client.start("PUT", BASE + "discard/cut", [("Content-Length", str(10 * MIB))], host=HOST)
    client.send(pattern.octets(MIB))
    harness.wait_until(lambda: aws.requests and aws.requests[-1].length > 0, what="the first octets")
    end(client)
    gone_within(aws, 2)
    assert not aws.requests[-1].is_complete


@pytest.mark.parametrize("end", [cut, http1.Client.close], ids=["reset", "close"])
def test_client_gone_in_its_download_ends_the_upstream_request(proxy, aws, end):
    client = start_download(proxy, GIB)
    client.read_head()
    end(client)
    gone_within(aws, 2)
    assert aws.requests[-1].sent < GIB


@pytest.mark.parametrize("end", [cut, http1.Client.close], ids=["reset", "close"])
def test_client_gone_while_it_waits_ends_the_upstream_request(proxy, aws, end):
    """half_close_grace (1 s) passes first where the client only closed."""
    client = start_download(proxy, 10, "stall-head=30")
    harness.wait_until(lambda: aws.requests, what="the request at the server")
    time.sleep(0.2)
    end(client)
    gone_within(aws, 2)


def test_half_closed_client_gets_its_answer_within_the_grace(aws, start_proxy):
    proxy = start_proxy(aws, "half_close_grace = 20s")
    with start_download(proxy, 10, "stall-head=0.3") as client:
        client.sock.shutdown(socket.SHUT_WR)
        answer = client.read()
    assert (answer.status, answer.body) == (200, pattern.octets(10))


@pytest.mark.parametrize("fault", ["truncate=50000", "reset=50000"])
@pytest.mark.parametrize("framing", ["", "chunked"])
def test_upstream_gone_half_way_is_visible(proxy, aws, fault, framing):
    with start_download(proxy, 200000, f"{fault};{framing}") as client:
        answer = client.read_head()
        got = bytearray()
        with pytest.raises((http1.Truncated, ConnectionError)):
            for piece in client.body_pieces(answer):
                got += piece
    assert answer.status == 200
    assert pattern.octets(200000).startswith(bytes(got))


def test_tls_end_without_close_notify_is_a_truncation(proxy, aws):
    with start_download(proxy, 200000, "to-end;truncate=50000;no-close-notify") as client:
        answer = client.read_head()
        with pytest.raises((http1.Truncated, ConnectionError)):
            for _ in client.body_pieces(answer):
                pass
            if "Transfer-Encoding" not in answer.fields:
                # Without any framing only a reset could have told.
                raise AssertionError("the truncated body was presented as complete")


def test_many_cut_clients_leave_nothing_behind(proxy, aws):
    """Descriptors and memory return to the base line."""
    def descriptors():
        return len(list(harness.pathlib.Path(f"/proc/{proxy.process.pid}/fd").iterdir()))

    assert proxy.request("GET", BASE + "generate/10").status == 200
    before = descriptors()

    def one(number):
        client = start_download(proxy, 50 * MIB)
        if number % 2:
            client.read_head()
        cut(client)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    harness.wait_until(lambda: descriptors() <= before + 2, 10, "descriptors at the base line")
    assert proxy.request("GET", BASE + "generate/10").status == 200


def test_a_small_body_that_streams_leaves_with_its_head(start_proxy):
    pieces = []

    def talk(sock):
        while piece := sock.recv(65536):
            pieces.append(piece)
            while not piece.endswith(b"the end"):
                piece = sock.recv(65536)
            sock.sendall(scripted.OK)

    with scripted.Upstream(talk) as upstream:
        proxy = start_proxy(None, upstream.route(service="s3") + "payload = unsigned\n")
        with proxy.client() as client:
            for number in range(3):  # the first one's connection is new
                client.send(f"PUT {BASE}small/{number} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 4007\r\n\r\n".encode()
                            + b"x" * 4000 + b"the end")
                assert client.read("PUT").status == 200
    assert [piece.startswith(b"PUT /") and piece.endswith(b"the end") for piece in pieces] == [True] * 3


def test_a_head_whose_body_comes_later_does_not_wait_for_it(start_proxy):
    heads, rest = [], []

    def talk(sock):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += sock.recv(65536)
        heads.append(head)
        rest.append(sock.recv(65536))
        sock.sendall(scripted.OK)

    with scripted.Upstream(talk) as upstream:
        proxy = start_proxy(None, upstream.route(service="s3") + "payload = unsigned\n")
        with proxy.client() as client:
            client.start("PUT", BASE + "later", [("Content-Length", "4")], host=HOST)
            harness.wait_until(lambda: heads, what="the head at the upstream")
            client.send(b"body")
            assert client.read().status == 200
    assert rest == [b"body"]
