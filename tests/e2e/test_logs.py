# SPDX-License-Identifier: Apache-2.0
"""What the proxy writes: one line a request, no secrets, no forged lines, and never a wait for a reader."""
import errno
import fcntl
import os
import time

import harness
import pytest
from fake_aws import Identity

HOST = "bucket.s3.us-east-1.amazonaws.com"
BASE = f"http://{HOST}/"


def lines_with(proxy, text, count=1):
    """The log's lines that hold the text, once there are so many (the writer is a thread)."""
    def found():
        lines = [line for line in proxy.log.splitlines() if text in line]
        return lines if len(lines) >= count else None

    return harness.wait_until(found, 5, f"{count} lines with {text!r} in the log")


def test_one_access_line_a_request(aws, start_proxy):
    proxy = start_proxy(aws)
    assert proxy.request("PUT", BASE + "logged", body=b"12345").status == 200
    line, = lines_with(proxy, "/logged")
    for part in ("PUT", HOST, "/logged", "s3", "us-east-1", "200", "AKIA", "7EGG"):
        assert part in line, (part, line)
    assert harness.CANARY.access_key not in line


def test_refusals_and_failures_have_a_line_with_their_code(aws, start_proxy):
    proxy = start_proxy(aws)
    proxy.request("GET", "http://denied.example.com/denied-path")
    line, = lines_with(proxy, "/denied-path")
    assert "403" in line
    assert "host-denied" in line
    with proxy.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n")
        assert client.read().status == 400
    assert lines_with(proxy, "bad-request")


def test_query_is_left_out(aws, start_proxy):
    proxy = start_proxy(aws)
    proxy.request("GET", BASE + "with-query?X-Amz-Signature=abcdef0123&token=shown")
    line = lines_with(proxy, "/with-query")[0]
    assert "abcdef0123" not in proxy.log
    assert "shown" not in line


def test_hostile_path_forges_no_line(aws, start_proxy):
    proxy = start_proxy(aws)
    forged = b"2026-01-01T00:00:00.000Z ERROR forged"
    for octets in (b"a\x1b[2Jb\xff\xfe", b"a%0a" + forged, b"\xc2\x85" + forged, b"quote\"'" + forged):
        with proxy.client() as client:
            client.send(b"GET " + BASE.encode() + octets.replace(b" ", b"%20") + b" HTTP/1.1\r\nHost: "
                        + HOST.encode() + b"\r\n\r\n")
            client.read()
    with proxy.client() as client:
        client.send(b"GET " + BASE.encode() + b"x\n" + forged + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        client.read()
    lines_with(proxy, "forged", 3)
    raw = proxy.log_path.read_bytes()
    assert all(32 <= octet < 127 or octet == 10 for octet in raw)
    assert not [line for line in raw.splitlines() if line.startswith(forged[:24])]


@pytest.mark.parametrize("level", ["debug", "info"])
def test_secrets_are_masked_at_every_level(aws, start_proxy, level):
    """check_end() looks for the canaries; here every path that could show them is walked."""
    proxy = start_proxy(aws, f"log_level = {level}\nretry_base = 10ms")
    proxy.secrets += ["client-bearer-secret", "client-token-secret", "cookie-secret"]
    fields = [("Cookie", "cookie-secret"), ("X-Amz-Security-Token", "client-token-secret"),
              ("Proxy-Authorization", "Basic client-bearer-secret")]
    for path, fault in (("x", ""), ("generate/10", ""), ("generate/10", "reset=-1"),
                        ("generate/100000", "truncate=10"), ("y", "status=503:SlowDown")):
        proxy.request("GET", BASE + path, fields + [("Fake-Fault", fault)])
    proxy.request("GET", BASE + "x", [("Authorization", "Bearer client-bearer-secret")])
    wrong = aws.requests[-1].fields.get("Authorization")
    assert wrong is None or "client-bearer-secret" not in wrong
    signature = aws.requests[0].fields.get("Authorization").rsplit("=", 1)[1]
    lines_with(proxy, "/generate/10", 2)
    assert signature not in proxy.log


def test_wrong_secret_leaves_no_trace(aws, start_proxy):
    identity = Identity(harness.CANARY.access_key, "wrong-secret-to-be-masked", harness.CANARY.token)
    proxy = start_proxy(aws, "log_level = debug", identity=identity)
    proxy.secrets.append("wrong-secret-to-be-masked")
    assert proxy.request("GET", BASE + "x").status == 403


@pytest.fixture
def full_pipe():
    """The writing end of a pipe that is full and that nobody reads."""
    reader, writer = os.pipe()
    flags = fcntl.fcntl(writer, fcntl.F_GETFL)
    fcntl.fcntl(writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except OSError as error:
        assert error.errno == errno.EAGAIN
    fcntl.fcntl(writer, fcntl.F_SETFL, flags)
    yield writer
    os.close(reader)
    os.close(writer)


def test_full_pipe_holds_up_neither_requests_nor_the_end(aws, start_proxy, full_pipe):
    proxy = start_proxy(aws, "log_level = debug", stderr=full_pipe)
    with proxy.client() as client:
        for number in range(3000):
            assert client.request("GET", BASE + f"missing-{number}").status == 404
    start = time.monotonic()
    proxy.stop(5)
    assert time.monotonic() - start < 5 * harness.PATIENCE


def test_lost_lines_are_counted_when_the_reader_is_back(aws, start_proxy):
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    proxy = start_proxy(aws, "log_level = debug", stderr=writer)
    os.close(writer)
    with proxy.client() as client:
        for number in range(20000):
            client.send(f"GET {BASE}n-{number} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
            assert client.read().status == 404
            if number % 1000 == 999 and number > 3000:
                break
    os.set_blocking(reader, False)
    text = bytearray()

    def drained():
        try:
            text.extend(os.read(reader, 1 << 20))
        except BlockingIOError:
            pass
        return b"drop" in text or b"lost" in text or b"n-3999" in text

    harness.wait_until(drained, 10, "the lines, or the count of those dropped")
    os.close(reader)
