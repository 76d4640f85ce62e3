# SPDX-License-Identifier: Apache-2.0
"""The server: one thread a connection, HTTP/1.1 written by hand so that it can also be written wrongly.

What came is kept in .requests (one Record each, in order of arrival) and .stats.
"""
import contextlib
import hashlib
import itertools
import select
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from email.utils import format_datetime

import http1

from . import services
from .aws_chunked import Framed
from .errors import Refused, error_answer
from .express import Express, is_create_session
from .faults import FaultList
from .s3 import S3, Answer, xml
from .verify import EMPTY_SHA256, S3_FAMILY, Identity, Verifier, host_scope

KEPT_BODY = 1 << 20
MAX_HELD_BODY = 256 << 20
REASONS = {200: "OK", 204: "No Content", 206: "Partial Content", 304: "Not Modified",
           400: "Bad Request", 403: "Forbidden", 404: "Not Found", 503: "Slow Down"}
NO_BODY = (204, 304)
SURPLUS = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nPOISONED"


class Reset(Exception):
    """The script says: end the connection now."""


@dataclass
class Record:
    """One request as it came. Times are time.monotonic(); aborted_at: the peer was gone before the end."""
    connection: int
    method: str
    target: str
    version: str
    fields: http1.Fields
    raw_head: bytes
    head_at: float
    body: bytearray = field(default_factory=bytearray)  # the first mebibyte
    length: int = 0
    sha256: str = ""
    body_at: float | None = None
    is_complete: bool = False
    chunks: list | None = None  # sizes of an aws-chunked body's chunks
    trailers: list | None = None
    verdict: object = None
    refused: str | None = None
    status: int | None = None
    sent: int = 0
    done_at: float | None = None
    aborted_at: float | None = None

    @property
    def host(self):
        return self.fields.get("Host")


class Body:
    """The request's body, read once; the first read sends 100 Continue where it is awaited."""

    def __init__(self, connection, record, faults):
        self.connection = connection
        self.record = record
        self.faults = faults
        self.is_read = False
        fields = record.fields
        self.is_chunked = "Transfer-Encoding" in fields
        self.length = int(fields.get("Content-Length", "0"))
        self.is_awaited = fields.get("Expect", "").lower() == "100-continue"

    def exists(self):
        return self.is_chunked or self.length > 0

    def send_continue(self):
        if self.is_awaited and self.exists() and "no-continue" not in self.faults:
            self.connection.wait(self.faults.get("continue", [0])[0])
            self.connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.is_awaited = False

    def pieces(self):
        if self.is_read:
            return
        self.is_read = True
        self.connection.wait(self.faults.get("no-read", [0])[0])
        self.send_continue()
        digest = hashlib.sha256()
        wire = self.connection.wire
        for piece in wire.chunks() if self.is_chunked else wire.pieces(self.length):
            if self.record.body_at is None:
                self.record.body_at = time.monotonic()
            digest.update(piece)
            self.record.length += len(piece)
            if len(self.record.body) < KEPT_BODY:
                self.record.body += piece[:KEPT_BODY - len(self.record.body)]
            yield piece
        self.record.sha256 = digest.hexdigest()
        self.record.is_complete = True

    def read_all(self):
        data = bytearray()
        for piece in self.pieces():
            data += piece
            if len(data) > MAX_HELD_BODY:
                raise Refused(413, "RequestEntityTooLarge", "the stand-in holds no more than 256 MiB")
        return bytes(data)


class Connection:
    """A client's connection: its socket, TLS included, and its octets."""

    def __init__(self, number, sock):
        self.number = number
        self.sock = sock
        self.wire = http1.Wire(sock)

    def send(self, data):
        self.sock.sendall(data)

    def is_gone(self, seconds):
        """Waits that long for the peer to go, without reading what it sent."""
        poll = select.poll()
        poll.register(self.sock, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
        return bool(poll.poll(seconds * 1000))

    def wait(self, seconds):
        if seconds and self.is_gone(seconds):
            raise http1.Truncated("gone while it was made to wait")

    def end(self, says_so=True):
        """An orderly end, with TLS's close_notify unless told otherwise."""
        try:
            if says_so and isinstance(self.sock, ssl.SSLSocket):
                self.sock.settimeout(0)  # it waits for no answer (RFC 8446 6.1): what comes later is reset unread
                with contextlib.suppress(ssl.SSLWantReadError):
                    self.sock = self.sock.unwrap()
            self.sock.shutdown(socket.SHUT_WR)
        except (OSError, ValueError):
            pass

    def reset(self):
        http1.reset_on_close(self.sock)
        self.sock.close()

    def close(self):
        self.sock.close()


class FakeAws:
    """Use as a context manager, or start() and stop()."""

    def __init__(self, identities=(), certificate=None, address=("127.0.0.1", 0),
                 buckets=("bucket",), region="us-east-1", tls_version=None):
        self.verifier = Verifier(identities or [Identity("AKIDEXAMPLE", "secret")], region)
        self.s3 = S3(buckets)
        self.express = Express(self.verifier)
        self.faults = FaultList()
        self.replies = {}
        self.throttle = None  # what says no to a request is answered 503 SlowDown
        self.requests = []
        self.stats = dict.fromkeys(
            ("connections", "open", "handshakes", "handshake_failures", "resumed"), 0)
        self.names = []
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        self.connections = set()
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate)
            self.tls.set_alpn_protocols(["http/1.1"])
            self.tls.sni_callback = lambda sock, name, context: self.names.append(name)
            if tls_version:
                self.tls.minimum_version = self.tls.maximum_version = tls_version
        self.listener = socket.create_server(address, backlog=512)
        self.address, self.port = self.listener.getsockname()[:2]
        self.scheme = "https" if certificate else "http"
        self.is_running = False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        return f"{self.scheme}://{self.address}:{self.port}"

    def start(self):
        self.is_running = True
        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self):
        self.is_running = False
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            leftover = list(self.connections)
        for connection in leftover:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def clear(self):
        """Forgets what was received; connections stay."""
        with self.lock:
            self.requests.clear()
        self.faults.clear()
        self.replies.clear()
        self.throttle = None
        self.s3.regions.clear()
        self.express.clear()

    def count(self, name, by=1):
        with self.lock:
            self.stats[name] += by

    def accept(self):
        while self.is_running:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        self.count("connections")
        self.count("open")
        connection = None
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                sock = self.handshake(sock)
            connection = Connection(next(self.numbers), sock)
            with self.lock:
                self.connections.add(connection)
            while self.serve_one(connection):
                pass
            connection.end()
        except (OSError, ValueError, http1.ProtocolError, http1.Truncated, Reset):
            pass
        finally:
            self.count("open", -1)
            with self.lock:
                self.connections.discard(connection)
            sock.close()

    def handshake(self, sock):
        sock.settimeout(30)
        try:
            sock = self.tls.wrap_socket(sock, server_side=True)
        except OSError:
            self.count("handshake_failures")
            raise
        sock.settimeout(None)
        self.count("handshakes")
        if sock.session_reused:
            self.count("resumed")
        return sock

    # -- one request

    def serve_one(self, connection):
        """True if the connection goes on."""
        head = connection.wire.read_head()
        if head is None:
            return False
        line, fields, raw = head
        method, target, version = line.split(" ")
        record = Record(connection.number, method, target, version, fields, raw, time.monotonic())
        with self.lock:
            self.requests.append(record)
        faults = self.faults.take(record)
        body = Body(connection, record, faults)
        try:
            answer = self.answer(connection, record, body, faults)
            keeps = self.send_answer(connection, record, body, answer, faults)
        except (http1.Truncated, OSError):
            record.aborted_at = time.monotonic()
            raise
        record.done_at = time.monotonic()
        return keeps

    def answer(self, connection, record, body, faults):
        """What to say. The order is AWS's: the grant and the date before the body is read."""
        scope = host_scope(record.host or "")
        service = scope.service
        try:
            if self.throttle and not self.throttle():
                raise Refused(503, "SlowDown", "Please reduce your request rate.")
            grant = self.verifier.check_head(record, scope)
            service = grant["service"]
            if service in S3_FAMILY:
                return self.answer_s3(record, body, grant, scope, faults)
            early(body, faults)
            data = body.read_all()
            digest = record.sha256 or EMPTY_SHA256
            record.verdict = self.verifier.finish(record, grant, digest)
            check_payload(record.verdict.payload, digest)
            if "reply" in faults:
                return self.replies[faults["reply"][0]]
            scripted(faults)
            connection.wait(faults.get("stall-head", [0])[0])
            return services.answer(record, data, record.verdict)
        except Refused as refused:
            record.refused = refused.code
            connection.wait(faults.get("stall-head", [0])[0])
            fields, data = error_answer(refused, service, record.target, f"FAKE{record.connection:012}")
            return Answer(refused.status, fields, data)

    def answer_s3(self, record, body, grant, scope, faults):
        self.express.check(record, grant, scope.bucket)
        record.verdict = self.verifier.finish(record, grant, None)
        payload = record.verdict.payload
        if payload.startswith("STREAMING-"):
            body = Framed(body, record, grant)
        elif body.is_chunked:
            raise Refused(411, "MissingContentLength",
                          "You must provide the Content-Length HTTP header.")
        early(body, faults)
        body.connection.wait(faults.get("stall-head", [0])[0])
        if "reply" in faults:
            for _ in body.pieces():
                pass
            return self.replies[faults["reply"][0]]
        scripted(faults)
        if grant["service"] == "s3express" and is_create_session(record):
            return xml(self.express.create(record, grant, scope.bucket))
        self.s3.check_region(record, grant, scope.bucket)
        answer = self.s3.handle(record, body, scope.bucket)
        check_payload(payload, record.sha256 or EMPTY_SHA256)
        return answer

    # -- the answer

    def send_answer(self, connection, record, body, answer, faults):
        """True if the connection goes on."""
        record.status = answer.status
        is_cut = body.exists() and not record.is_complete
        closes = is_cut or record.version == "HTTP/1.0" or "to-end" in faults or (
            record.fields.get("Connection", "").lower() == "close")
        if faults.get("reset", [0])[0] < 0:
            connection.reset()
            raise Reset
        code, count = faults.get("interim", [0, 0])
        connection.send(b"HTTP/1.1 %d Interim\r\nLink: </x>\r\n\r\n" % code * count)
        connection.send(head_octets(record, answer, closes, faults, self.verifier.now()))
        if record.method != "HEAD" and answer.status not in NO_BODY:
            self.send_body(connection, record, answer, faults)
        if is_cut:
            # As S3 does after an early refusal: the rest is not read, the answer must not be lost.
            connection.end()
            if not connection.is_gone(10):
                connection.reset()
            return False
        if "no-close-notify" in faults:
            connection.end(says_so=False)
            return False
        return not closes and "close-after" not in faults

    def send_body(self, connection, record, answer, faults):
        is_chunked = "chunked" in faults
        for piece in body_pieces(answer, faults):
            if is_chunked:
                connection.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
            elif "surplus" in faults:
                # In one TLS record, so that it is there when the answer is.
                connection.send(piece + SURPLUS)
            else:
                connection.send(piece)
            record.sent += len(piece)
            self.misbehave(connection, record, faults)
        if is_chunked:
            connection.send(b"0\r\n\r\n")

    def misbehave(self, connection, record, faults):
        if "slow" in faults:
            connection.wait(faults["slow"][1])
        if "stall-body" in faults and record.sent >= faults["stall-body"][0]:
            connection.wait(faults.pop("stall-body")[1])
        if "truncate" in faults and record.sent >= faults["truncate"][0]:
            connection.end(says_so="no-close-notify" not in faults)
            raise Reset
        if "reset" in faults and record.sent >= faults["reset"][0]:
            connection.reset()
            raise Reset


def early(body, faults):
    """Reads so many octets of the upload, then refuses."""
    if "early" not in faults:
        return
    code, size = faults["early"]
    got = 0
    for piece in body.pieces():
        got += len(piece)
        if got >= size:
            break
    raise Refused(code, "AccessDenied", "refused before the end of the upload")


def scripted(faults):
    if "status" in faults:
        code, name = faults["status"]
        raise Refused(code, name, "as told to")


def check_payload(claimed, digest):
    if len(claimed) == 64 and claimed != digest:
        raise Refused(400, "XAmzContentSHA256Mismatch",
                      "The provided 'x-amz-content-sha256' header does not match what was computed.",
                      ClientComputedContentSHA256=claimed, S3ComputedContentSHA256=digest)


def head_octets(record, answer, closes, faults, now):
    fields = http1.Fields(answer.fields)
    length = len(answer.body) if isinstance(answer.body, bytes) else answer.length
    if answer.status not in NO_BODY:
        if "chunked" in faults:
            fields.append(("Transfer-Encoding", "chunked"))
        elif "to-end" not in faults:
            fields.append(("Content-Length", str(length)))
    fields.append(("Server", "FakeAws"))
    fields.append(("Date", format_datetime(now, usegmt=True)))
    if closes:
        fields.append(("Connection", "close"))
    reason = REASONS.get(answer.status, "Whatever")
    return f"HTTP/1.1 {answer.status} {reason}\r\n".encode() + fields.lines() + b"\r\n"


def body_pieces(answer, faults):
    """The body in the pieces that the script wants, else as it is."""
    cuts = [faults[n][0] for n in ("slow", "stall-body", "truncate", "reset") if n in faults]
    pieces = [answer.body] if isinstance(answer.body, bytes) else answer.body
    size = min([c for c in cuts if c > 0], default=0)
    for piece in pieces:
        if not piece:
            continue
        if not size:
            yield piece
            continue
        for at in range(0, len(piece), size):
            yield piece[at:at + size]
