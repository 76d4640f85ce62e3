# SPDX-License-Identifier: Apache-2.0
"""HTTP/1 on a plain socket, for both ends of the proxy.

The standard library's client and server repair or refuse the very things that tests must send and
see, so this reads and writes messages octet by octet: what came is kept as it came.
"""
import socket
import struct
import time


class ProtocolError(Exception):
    """The peer's octets are not a message."""


class Truncated(Exception):
    """The peer ended in the middle of a message."""

    def __init__(self, what, got=b""):
        super().__init__(what)
        self.got = got


class Fields(list):
    """Header fields as (name, value) pairs of str, in order and case as received."""

    def all(self, name):
        return [value for key, value in self if key.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return ", ".join(values) if values else default

    def __contains__(self, name):
        return bool(self.all(name))

    def lines(self):
        return b"".join(encode(f"{name}: {value}\r\n") for name, value in self)


def decode(octets):
    """UTF-8 where it is that, else latin-1, so that encode() gives the same octets back."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def encode(text):
    return text if isinstance(text, bytes) else text.encode("utf-8")


def reset_on_close(sock):
    """Its end is a RST, as of a process that was killed with octets unread."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Wire:
    """A socket with what was read ahead."""

    def __init__(self, sock):
        self.sock = sock
        self.buf = bytearray()
        self.eof = False

    def fill(self, size=65536):
        data = self.sock.recv(size)
        if not data:
            self.eof = True
            return False
        self.buf += data
        return True

    def read_until(self, mark, limit):
        """The octets up to and with mark; None at a clean end before the first octet."""
        start = 0
        while True:
            at = self.buf.find(mark, start)
            if at >= 0:
                return self.take(at + len(mark))
            if len(self.buf) > limit:
                raise ProtocolError(f"no {mark!r} within {limit} octets")
            start = max(0, len(self.buf) - len(mark) + 1)
            if not self.fill():
                if not self.buf:
                    return None
                raise Truncated("end in a message's head", bytes(self.buf))

    def take(self, size):
        data = bytes(self.buf[:size])
        del self.buf[:size]
        return data

    def pieces(self, length):
        """Exactly length octets, in pieces as they come."""
        left = length
        while left:
            if self.buf:
                piece = self.take(min(left, len(self.buf)))
            else:
                # Straight from the socket: bodies of gigabytes must not be copied through buf.
                piece = self.sock.recv(min(left, 262144))
                if not piece:
                    self.eof = True
                    raise Truncated(f"{left} of {length} octets missing")
            left -= len(piece)
            yield piece

    def pieces_to_end(self):
        if self.buf:
            yield self.take(len(self.buf))
        while True:
            piece = self.sock.recv(262144)
            if not piece:
                self.eof = True
                return
            yield piece

    def chunks(self, trailers=None):
        """A chunked body, strictly read."""
        while True:
            line = self.read_until(b"\r\n", 8192)
            if line is None:
                raise Truncated("end before a chunk's size")
            digits = line[:-2].split(b";")[0]
            if not digits or digits.strip(b"0123456789abcdefABCDEF"):
                raise ProtocolError(f"bad chunk size {line!r}")
            size = int(digits, 16)
            if size == 0:
                break
            yield from self.pieces(size)
            if self.read_exactly(2) != b"\r\n":
                raise ProtocolError("no CRLF behind a chunk")
        while True:
            line = self.read_until(b"\r\n", 8192)
            if line is None:
                raise Truncated("end in the trailers")
            if line == b"\r\n":
                return
            if trailers is not None:
                trailers.append(line[:-2])

    def read_exactly(self, size):
        return b"".join(self.pieces(size))

    def read_head(self, limit=262144):
        """(first line, Fields, raw octets), or None at a clean end."""
        raw = self.read_until(b"\r\n\r\n", limit)
        if raw is None:
            return None
        lines = raw[:-4].split(b"\r\n")
        fields = Fields()
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon or not name or name.strip() != name or b"\n" in line:
                raise ProtocolError(f"bad field line {line!r}")
            fields.append((decode(name), decode(value.strip(b" \t"))))
        return decode(lines[0]), fields, raw


class Response:
    """An answer as a client saw it."""

    def __init__(self, line, fields, raw):
        parts = line.split(" ", 2)
        self.version = parts[0]
        self.status = int(parts[1])
        self.reason = parts[2] if len(parts) > 2 else ""
        self.fields = fields
        self.raw_head = raw
        self.interim = []
        self.body = b""
        self.is_complete = False
        self.trailers = []

    def __repr__(self):
        return f"<{self.status} {dict(self.fields)} {self.body[:300]!r}>"

    @property
    def error(self):
        """The proxy's own error code, None for an answer from upstream."""
        return self.fields.get("X-Sigv4-Proxy-Error")


class Client:
    """A client that sends exactly what it is told to."""

    inspect = None  # called with each answer that is read whole

    def __init__(self, address, timeout=20):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.sock = socket.socket(family)
        self.sock.settimeout(timeout)
        self.sock.connect(address)
        if family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wire = Wire(self.sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(encode(data))

    def start(self, method, url, fields=(), host=None, version="HTTP/1.1"):
        """Sends a request's head. url is the target as it stands; host=None leaves Host out."""
        head = encode(f"{method} ") + encode(url) + encode(f" {version}\r\n")
        if host is not None:
            head += encode(f"Host: {host}\r\n")
        self.send(head + Fields(fields).lines() + b"\r\n")

    def read_head(self, method="GET"):
        """The final answer's head; 1xx heads before it are kept in .interim."""
        interim = []
        while True:
            head = self.wire.read_head()
            if head is None:
                raise Truncated("closed without an answer")
            answer = Response(*head)
            if 100 <= answer.status < 200 and answer.status != 101:
                interim.append(answer)
                continue
            answer.interim = interim
            return answer

    def body_pieces(self, answer, method="GET"):
        fields = answer.fields
        if method == "HEAD" or answer.status in (101, 204, 304) or (
                method == "CONNECT" and answer.status == 200):
            answer.is_complete = True
            return
        if "Transfer-Encoding" in fields:
            yield from self.wire.chunks(answer.trailers)
        elif "Content-Length" in fields:
            yield from self.wire.pieces(int(fields.get("Content-Length")))
        else:
            yield from self.wire.pieces_to_end()
        answer.is_complete = True

    def read(self, method="GET"):
        """The whole answer. A body that is cut short leaves is_complete False."""
        answer = self.read_head(method)
        body = bytearray()
        try:
            for piece in self.body_pieces(answer, method):
                body += piece
        except (Truncated, ConnectionError):
            pass
        answer.body = bytes(body)
        if Client.inspect:
            Client.inspect(answer)
        return answer

    def request(self, method, url, fields=(), body=None, host=None, version="HTTP/1.1"):
        fields = Fields(fields)
        if body is not None and "Content-Length" not in fields and (
                "Transfer-Encoding" not in fields):
            fields.append(("Content-Length", str(len(body))))
        if host is None and version == "HTTP/1.1" and b"://" in encode(url):
            host = decode(encode(url).split(b"://", 1)[1].split(b"/", 1)[0].split(b"?", 1)[0])
        self.start(method, url, fields, host=host, version=version)
        if body:
            self.send(body)
        return self.read(method)

    def is_closed(self, within=20.0):
        """True if the peer ends the connection in that time without a further octet."""
        deadline = time.monotonic() + within
        while not self.wire.buf and time.monotonic() < deadline:
            self.sock.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                if not self.wire.fill():
                    return True
            except ConnectionError:
                return True
            except TimeoutError:
                break
        return False
