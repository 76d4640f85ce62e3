# SPDX-License-Identifier: Apache-2.0
"""One thing beside the requests stands still: a refresh of credentials, a reload, the log, a scrape. Each test shows
that it still does when requests have been answered; none of them measures time."""
import contextlib
import fcntl
import json
import os
import pathlib
import signal
import socket
import struct
import termios
import threading
import time

import harness
import http1
import pytest
from scripted import Upstream, read_request

HOST = "bucket.s3.us-east-1.amazonaws.com"
URL = f"http://{HOST}/generate/100"


def serves(proxy, kept):
    """It answers a client that is there, and such that come."""
    for _ in range(5):
        assert kept.request("GET", URL).status == 200
        assert kept.request("PUT", f"http://{HOST}/stalls", body=b"x" * 5000).status == 200
        assert proxy.request("GET", URL).status == 200


def test_refresh_of_credentials(aws, start_proxy):
    """The endpoint lends keys once; the second time it takes the request and says nothing."""
    asked, over = [], threading.Event()

    def lend(sock):
        wire = http1.Wire(sock)
        while read_request(wire) is not None:
            asked.append(sock)
            if len(asked) > 1:
                assert over.wait(300)
                return
            until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
            body = json.dumps({"AccessKeyId": harness.CANARY.access_key, "SecretAccessKey": harness.CANARY.secret_key,
                               "Token": harness.CANARY.token, "Expiration": until}).encode()
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
                         + body)

    with Upstream(lend) as endpoint:
        proxy = start_proxy(aws, identity=None, env={
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{endpoint.port}/creds"})
        with proxy.client() as kept:
            assert kept.request("GET", URL).status == 200
            proxy.signal(signal.SIGHUP)
            harness.wait_until(lambda: len(asked) == 2, 10, "the refresh")
            serves(proxy, kept)
            assert len(asked) == 2  # nothing else was asked, and the second one has no answer
            asked[1].setblocking(False)
            try:  # the proxy still waits for it: it has not hung up
                assert asked[1].recv(1, socket.MSG_PEEK) != b""
            except BlockingIOError:
                pass
        over.set()


@contextlib.contextmanager
def stalled_reload(proxy, bundle):
    """SIGHUP, and a lease on the file with the authorities: the kernel lets nobody open it before it has been given
    back, and tells the holder that somebody waits (for 45 s, lease-break-time)."""
    waiting = threading.Event()
    before = signal.signal(signal.SIGIO, lambda *_: waiting.set())
    lease = os.open(bundle, os.O_RDWR)
    try:
        fcntl.fcntl(lease, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        proxy.signal(signal.SIGHUP)
        harness.wait_until(waiting.is_set, 10, "the reload to open the file")
        yield
    finally:
        os.close(lease)
        signal.signal(signal.SIGIO, before)


@pytest.fixture
def bundle(authority, tmp_path):
    """The authorities in a file of the test's own."""
    path = tmp_path / "authorities.pem"
    path.write_bytes(authority.bundle.read_bytes())
    return path


def test_reload(aws, start_proxy, bundle):
    proxy = start_proxy(aws, ca_bundle=bundle)
    with proxy.client() as kept:
        assert kept.request("GET", URL).status == 200
        with stalled_reload(proxy, bundle):
            serves(proxy, kept)
            assert proxy.admin("/readyz").status == 200
            assert proxy.status()["config"]["reloads"] == 0
            proxy.signal(signal.SIGHUP)  # once more, for what changed meanwhile
            serves(proxy, kept)
            assert proxy.status()["config"]["reloads"] == 0
        harness.wait_until(lambda: proxy.status()["config"]["reloads"] == 2, 10, "both reloads")
        serves(proxy, kept)


def test_end_waits_for_no_reload(aws, start_proxy, bundle):
    # It leaves threads behind on purpose.
    proxy = start_proxy(aws, ca_bundle=bundle, env={"TSAN_OPTIONS": "exitcode=99:report_thread_leaks=0",
                                                    "ASAN_OPTIONS": "detect_leaks=0:exitcode=99"})
    with stalled_reload(proxy, bundle):
        proxy.stop()
        assert "while a reload still reads" in proxy.log


def test_log(aws, start_proxy):
    """Nobody reads the pipe that the log goes to."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)

    def held():
        return struct.unpack("i", fcntl.ioctl(reader, termios.FIONREAD, bytes(4)))[0]

    proxy = start_proxy(aws, "log_level = debug", stderr=writer)
    os.close(writer)
    try:
        with proxy.client() as kept:
            def is_full():
                before = held()
                serves(proxy, kept)
                return before > 0 and held() == before

            harness.wait_until(is_full, 20, "a full pipe")
            # It took no further octet while those were answered: the writer stands in write(2).
            stuck = held()
            for _ in range(10):
                serves(proxy, kept)
            assert held() == stuck
    finally:
        os.close(reader)


def queued(port):
    """Octets that the process behind a port has sent and its peers have not taken, over all connections."""
    total = 0
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if words[1].endswith(f":{port:04X}") and words[3] == "01":
            total += int(words[4].split(":")[0], 16)
    return total


def test_scrape(aws, start_proxy):
    """Clients of /metrics ask again and again, and read nothing."""
    proxy = start_proxy(aws)
    scrapers = []
    try:
        for _ in range(20):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", proxy.admin_port))
            sock.sendall(f"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{proxy.admin_port}\r\n\r\n".encode() * 50)
            scrapers.append(sock)
        harness.wait_until(lambda: queued(proxy.admin_port) > 20 * 4096, 10, "answers that nobody takes")
        with proxy.client() as kept:
            serves(proxy, kept)
            # A scraper that does read is answered as well.
            assert proxy.admin("/metrics").status == 200
            assert proxy.admin("/readyz").status == 200
            assert kept.request("GET", URL).status == 200
        assert queued(proxy.admin_port) > 20 * 4096
    finally:
        for sock in scrapers:
            sock.close()
