# SPDX-License-Identifier: Apache-2.0
"""Mixed traffic for minutes: all that clients, servers and operators do, every body checksummed at both ends.

A Soak runs its kinds of traffic on threads of their own until it is stopped. What is wrong (an octet, a
status, an answer that looks whole and is not) goes to .wrong; what was done is counted in .done.
"""
import hashlib
import json
import random
import re
import socket
import ssl
import threading
import time
from collections import Counter
from pathlib import Path

import http1
import pattern

BUCKET = "bucket.s3.us-east-1.amazonaws.com"
JSON = "dynamodb.us-east-1.amazonaws.com"
FILED = "sqs.eu-west-1.amazonaws.com"  # signed with the keys of a profile in a file
PLAIN_TUNNEL = "s3.eu-west-1.amazonaws.com"
INSIDE = "s3.us-east-1.amazonaws.com"
NOT_TWICE = "a POST not sent twice"
MIB = 1 << 20
SMALL = (0, 1, 100, 1023, 4096, 16384, 16385, 65536, 262145)
LARGE = (MIB, 3 * MIB + 1, 16 * MIB, 64 * MIB)


class Wrong(Exception):
    """What must not happen, whatever else does."""


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def expect(claim, *what):
    if not claim:
        raise Wrong(*what)


class Soak:
    """proxy: a harness.Proxy that intercepts; ca: the file of its local CA; rotate: {name: function};
    heap: the faulty.Machine that counts its allocations, or None."""

    def __init__(self, proxy, aws, ca, rotate, heap=None, seed=1):
        self.proxy, self.aws, self.rotate = proxy, aws, rotate
        self.inner = ssl.create_default_context(cafile=str(ca))
        self.outer = ssl.create_default_context(cafile=str(proxy.ca_bundle))
        self.heap, self.seed = heap, seed
        self.stop = threading.Event()
        self.done = Counter()
        self.wrong = []
        self.samples = []  # (seconds, RSS in KiB, descriptors, threads, KiB and blocks that are allocated)
        self.start = time.monotonic()
        kinds = [self.objects] * 3 + [self.large, self.hashed, self.filed, self.multipart, self.faults, self.throttled,
                                      self.cut, self.slow_sender, self.slow_reader, self.tunnel, self.intercepted]
        self.threads = [threading.Thread(target=self.traffic, args=(kind, i), daemon=True)
                        for i, kind in enumerate(kinds)]
        self.threads += [threading.Thread(target=self.every, args=(seconds, job), daemon=True) for seconds, job in (
            (1, self.sample), (0.7, self.scrape), (5, self.reload), (3, self.rotate_one))]

    # -- life

    def __enter__(self):
        self.start = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(120)
            if thread.is_alive():
                self.wrong.append(("hang", thread.name))

    def traffic(self, kind, number):
        dice = random.Random(self.seed * 1000 + number)
        threading.current_thread().name = kind.__name__
        while not self.stop.is_set():
            self.guarded(kind, dice, f"{kind.__name__}-{number}")
            if self.proxy.process.poll() is not None:
                self.stop.set()  # all else would only say so again

    def every(self, seconds, job):
        while not self.stop.wait(seconds):
            self.guarded(job)

    def guarded(self, job, *arguments):
        try:
            job(*arguments)
            self.done[job.__name__] += 1
        except Exception as error:  # pylint: disable=broad-except
            self.wrong.append((round(time.monotonic() - self.start, 1), job.__name__, repr(error)[:500]))
            self.stop.wait(0.5)

    # -- requests

    def client(self):
        return http1.Client(self.proxy.address, 120)

    def put(self, client, host, path, data):
        answer = client.request("PUT", f"http://{host}/{path}", body=data)
        expect(answer.status == 200 and answer.is_complete, "PUT", path, answer)
        etag = answer.fields.get("ETag")
        expect(etag == f'"{hashlib.md5(data).hexdigest()}"', "the server got something else", path, len(data), answer)

    def get(self, client, url, data):
        answer = client.request("GET", url)
        expect(answer.status == 200 and answer.is_complete, "GET", url, answer)
        expect(answer.body == data, "other octets", url, len(answer.body), len(data))

    def round_trip(self, client, dice, name, size):
        data = dice.randbytes(size)
        self.put(client, BUCKET, name, data)
        self.get(client, f"http://{BUCKET}/{name}", data)
        answer = client.request("HEAD", f"http://{BUCKET}/{name}")
        expect(answer.fields.get("Content-Length") == str(size), "HEAD", answer)

    def objects(self, dice, name):
        """Small objects on a connection that is kept."""
        with self.client() as client:
            for _ in range(dice.randrange(1, 30)):
                self.round_trip(client, dice, f"{name}/{dice.randrange(4)}", dice.choice(SMALL))
                missing = client.request("GET", f"http://{BUCKET}/missing/{name}")
                expect(missing.status == 404 and b"NoSuchKey" in missing.body, missing)
                if self.stop.wait(0.02):
                    return

    def large(self, dice, name):
        with self.client() as client:
            self.round_trip(client, dice, name, dice.choice(LARGE))

    def hashed(self, dice, name):
        """A service whose bodies are hashed before they are sent: in memory, or spooled."""
        with self.client() as client:
            for size in (dice.choice(SMALL), dice.choice(SMALL), dice.choice((MIB - 1, 3 * MIB))):
                self.echo(client, JSON, dice.randbytes(size))

    def filed(self, dice, name):
        with self.client() as client:
            self.echo(client, FILED, dice.randbytes(dice.choice(SMALL)))

    def echo(self, client, host, data):
        answer = client.request("POST", f"http://{host}/", [("Content-Type", "application/x-amz-json-1.0")], data)
        expect(answer.status == 200, "POST", host, answer)
        told = json.loads(answer.body)
        expect((told["length"], told["sha256"]) == (len(data), sha256(data)), "POST", told)
        expect(host != FILED or told["access_key"].startswith("AKIAFILED"), told["access_key"])

    def is_refused(self, answer):
        """A POST that met the end of a kept connection (close-after) and may have been read is not sent twice: so it
        shall be, if seldom. Where nobody read it, it is sent again."""
        is_it = answer.status == 502 and answer.error == "upstream-closed"
        self.done[NOT_TWICE] += is_it
        return is_it

    def multipart(self, dice, name):
        url = f"http://{BUCKET}/{name}"
        parts = [dice.randbytes(dice.choice((65536, MIB, 5 * MIB))) for _ in range(3)]
        with self.client() as client:
            begun = client.request("POST", url + "?uploads", body=b"")
            if self.is_refused(begun):
                return
            upload = re.search(rb"<UploadId>([^<]+)", begun.body).group(1).decode()
            for number, part in enumerate(parts, 1):
                answer = client.request("PUT", f"{url}?partNumber={number}&uploadId={upload}", body=part)
                expect(answer.status == 200, answer)
            ended = client.request("POST", f"{url}?uploadId={upload}", body=b"<CompleteMultipartUpload/>")
            if self.is_refused(ended):
                return
            expect(ended.status == 200, ended)
            self.get(client, url, b"".join(parts))

    # -- what goes wrong

    def faults(self, dice, name):
        """The server breaks off: that is seen, and what came is the beginning of what was asked for."""
        size = dice.choice((1000, 65536, 300001, 2 * MIB))
        fault = dice.choice((f"truncate={size // 2}", f"reset={size // 2}", "reset=-1", "close-after", "chunked",
                             "to-end", f"stall-body={size // 2}:0.2", "no-close-notify", "interim=103:3",
                             "surplus" if size < 16000 else "close-after"))  # in the record of the last octet
        with self.client() as client:
            answer = client.request("GET", f"http://{BUCKET}/generate/{size}", [("Fake-Fault", fault)])
        whole = pattern.octets(size)
        if fault == "reset=-1":
            expect(answer.status == 502, fault, answer)
        elif fault.startswith(("truncate", "reset")):
            expect(not answer.is_complete and whole.startswith(answer.body), fault, answer)
        else:
            expect(answer.is_complete and answer.body == whole, fault, answer)

    def throttled(self, dice, name):
        """Answers that are asked for again, and one that is given up."""
        data = dice.randbytes(dice.choice(SMALL))
        path = f"{name}/{dice.random()}"
        self.aws.faults.add(f"PUT /{path}", "status=503:SlowDown", dice.choice((1, 2)))
        with self.client() as client:
            self.put(client, BUCKET, path, data)
            self.get(client, f"http://{BUCKET}/{path}", data)
            client.request("DELETE", f"http://{BUCKET}/{path}")
            refused = client.request("GET", f"http://{BUCKET}/x", [("Fake-Fault", "status=403:AccessDenied")])
            expect(refused.status == 403 and b"AccessDenied" in refused.body, refused)
            denied = client.request("GET", "http://nobody.example.com/")
            expect(denied.error == "host-denied", denied)

    def cut(self, dice, name):
        """Clients that go: in the head, in the upload, in the download."""
        client = self.client()
        what = dice.randrange(3)
        if what == 0:
            client.send("GET http://" + BUCKET)
        elif what == 1:
            client.start("PUT", f"http://{BUCKET}/discard/{name}", [("Content-Length", str(4 * MIB))], host=BUCKET)
            client.send(bytes(dice.randrange(MIB)))
        else:
            client.start("GET", f"http://{BUCKET}/generate/{4 * MIB}", host=BUCKET)
            for _ in range(dice.randrange(10)):
                client.sock.recv(65536)
        if dice.random() < 0.5:
            http1.reset_on_close(client.sock)
        client.close()
        self.stop.wait(0.05)

    def slow_sender(self, dice, name):
        data = dice.randbytes(200)
        with self.client() as client:
            head = f"PUT http://{BUCKET}/{name} HTTP/1.1\r\nHost: {BUCKET}\r\nContent-Length: 200\r\n\r\n".encode()
            for octet in head + data:
                client.send(bytes([octet]))
                time.sleep(0.005)
            answer = client.read()
            expect(answer.status == 200, answer)
            expect(answer.fields.get("ETag") == f'"{hashlib.md5(data).hexdigest()}"', "slow sender", answer)

    def slow_reader(self, dice, name):
        size = 2 * MIB
        with self.client() as client:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            client.start("GET", f"http://{BUCKET}/generate/{size}", host=BUCKET)
            answer = client.read_head()
            digest = hashlib.sha256()
            for piece in client.wire.pieces(int(answer.fields.get("Content-Length"))):
                digest.update(piece)
                time.sleep(0.005)
            expect(digest.hexdigest() == pattern.sha256(size), "slow reader")

    # -- CONNECT

    def behind_connect(self, host, context):
        client = self.client()
        client.start("CONNECT", f"{host}:443", host=f"{host}:443")
        answer = client.read("CONNECT")
        expect(answer.status == 200, answer)
        client.sock = context.wrap_socket(client.sock, server_hostname=host)
        client.wire = http1.Wire(client.sock)
        return client

    def tunnel(self, dice, name):
        with self.behind_connect(PLAIN_TUNNEL, self.outer) as client:
            client.start("GET", "/bucket/x", host=PLAIN_TUNNEL)
            expect(client.read().status == 403, "nothing is signed inside a tunnel")

    def intercepted(self, dice, name):
        with self.behind_connect(INSIDE, self.inner) as client:
            for _ in range(3):
                data = dice.randbytes(dice.choice(SMALL))
                answer = client.request("PUT", f"/bucket/{name}", body=data, host=INSIDE)
                expect(answer.status == 200, answer)
                answer = client.request("GET", f"/bucket/{name}", host=INSIDE)
                expect(answer.status == 200 and answer.body == data, answer)

    # -- operators

    def scrape(self):
        for path in ("/metrics", "/status", "/healthz", "/readyz"):
            expect(self.proxy.admin(path).status == 200, path)
        url = self.proxy.admin("/presign", method="POST", body=json.dumps(
            {"url": f"https://{BUCKET}/k", "expires_in": 60}).encode(), fields=[("Content-Type", "application/json")])
        expect(url.status == 200 and b"X-Amz-Signature" in url.body, url)

    def reload(self):
        self.proxy.signal(1)

    def rotate_one(self):
        name = list(self.rotate)[self.done["rotate_one"] % len(self.rotate)]
        self.rotate[name]()
        self.done["rotated " + name] += 1

    def sample(self):
        folder = Path(f"/proc/{self.proxy.process.pid}")
        status = (folder / "status").read_text()
        rss, threads = (int(re.search(rf"^{name}:\s+(\d+)", status, re.M).group(1)) for name in ("VmRSS", "Threads"))
        fds = len(list((folder / "fd").iterdir()))
        live = (self.heap["live_bytes"] / 1024, self.heap["live_blocks"]) if self.heap else (0, 0)
        self.samples.append((time.monotonic() - self.start, rss, fds, threads, *live))
        with self.aws.lock:
            self.aws.requests.clear()  # a soak must not grow by itself


def slope(points):
    """Least squares: what y grows in one x."""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mx) ** 2 for x, _ in points)
    return sum((x - mx) * (y - my) for x, y in points) / spread if spread else 0.0
