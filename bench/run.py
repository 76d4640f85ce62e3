# SPDX-License-Identifier: Apache-2.0
"""bench/run.py BINARY: what the proxy costs on this machine, in five lines.

Everything runs on loopback, the upstream in a process of its own without TLS, so that the figures are
about the proxy and not about Python's ciphers. They compare builds on one machine, nothing else.
"""
import multiprocessing
import os
import pathlib
import socket
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))

import harness  # noqa: E402
import http1  # noqa: E402

HOST = "bench.execute-api.us-east-1.amazonaws.com"
S3 = "bucket.s3.us-east-1.amazonaws.com"
BLOCK = bytes(1 << 18)
GIB = 1 << 30


def serve(listener):
    """Answers /N with N octets, reads whatever comes."""
    def one(sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = http1.Wire(sock)
        while True:
            head = wire.read_head()
            if head is None:
                return
            line, fields, _ = head
            for _ in wire.pieces(int(fields.get("Content-Length", "0"))):
                pass
            size = int(line.split(" ")[1].strip("/") or 0)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + BLOCK[:size])
            for _ in range(len(BLOCK), size, len(BLOCK)):
                sock.sendall(BLOCK)

    while True:
        sock, _ = listener.accept()
        threading.Thread(target=one, args=(sock,), daemon=True).start()


def latency(address, url, host, count=5000):
    """Median and 99th percentile in microseconds of requests one behind the other."""
    times = []
    with http1.Client(address) as client:
        for _ in range(count):
            start = time.perf_counter()
            client.request("GET", url, host=host)
            times.append((time.perf_counter() - start) * 1e6)
    times.sort()
    return statistics.median(times), times[int(count * 0.99)]


def rate(address, url, host, clients=32, seconds=5):
    """Requests a second of so many clients, each a process's thread."""
    def job(counts, index, end):
        with http1.Client(address) as client:
            while time.monotonic() < end:
                client.request("GET", url, host=host)
                counts[index] += 1

    def process(total, end):
        counts = [0] * (clients // 2)
        threads = [threading.Thread(target=job, args=(counts, n, end)) for n in range(clients // 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        total.value = sum(counts)

    totals = [multiprocessing.Value("q", 0) for _ in range(2)]
    end = time.monotonic() + seconds
    workers = [multiprocessing.Process(target=process, args=(total, end)) for total in totals]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(total.value for total in totals) / seconds


def upload(address, url, host):
    with http1.Client(address, 120) as client:
        start = time.monotonic()
        # The claimed hash is used, not believed: so nothing is held for hashing.
        client.start("PUT", url, [("Content-Length", str(GIB)), ("x-amz-content-sha256", "0" * 64)],
                     host=host)
        for _ in range(GIB // len(BLOCK)):
            client.send(BLOCK)
        client.read()
        return GIB / (time.monotonic() - start) / 1e6


def download(address, url, host):
    with http1.Client(address, 120) as client:
        start = time.monotonic()
        client.start("GET", url, host=host)
        for _ in client.body_pieces(client.read_head()):
            pass
        return GIB / (time.monotonic() - start) / 1e6


def main():
    harness.BINARY = os.path.realpath(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    upstream = listener.getsockname()
    server = multiprocessing.Process(target=serve, args=(listener,), daemon=True)
    server.start()
    conf = f'log_level = error\n[route "*.amazonaws.com"]\nupstream = http://127.0.0.1:{upstream[1]}\n'
    with tempfile.TemporaryDirectory(prefix="sigv4-bench.") as folder:
        with harness.running(folder, conf=conf) as proxy:
            url = f"http://{HOST}/100"
            direct, through = latency(upstream, "/100", HOST), latency(proxy.address, url, HOST)
            print("signed GET of 100 octets, one client, µs (median, 99 %)")
            print(f"  without the proxy {direct[0]:8.0f} {direct[1]:8.0f}")
            print(f"  through the proxy {through[0]:8.0f} {through[1]:8.0f}")
            print(f"32 clients: {rate(proxy.address, url, HOST):.0f} requests/s"
                  f" (without the proxy {rate(upstream, '/100', HOST):.0f};"
                  " the clients and the upstream, in Python, share the cores)")
            print(f"1 GiB up:   {upload(proxy.address, f'http://{S3}/0', S3):.0f} MB/s")
            print(f"1 GiB down: {download(proxy.address, f'http://{S3}/{GIB}', S3):.0f} MB/s")
            print(f"peak memory {proxy.memory() / 1e6:.1f} MB")
    server.terminate()


if __name__ == "__main__":
    main()
