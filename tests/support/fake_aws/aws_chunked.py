# SPDX-License-Identifier: Apache-2.0
"""Bodies in aws-chunked framing, read as S3 reads them: every chunk's signature, the trailer's, the checksums."""
import base64
import hashlib
import hmac
import zlib

from .errors import Refused

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = SIGNED + "-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
MIN_CHUNK = 8192
EMPTY = hashlib.sha256(b"").hexdigest()


def wrong_signature(what):
    return Refused(403, "SignatureDoesNotMatch", f"the signature of {what} is wrong")


def broken(what):
    return Refused(400, "IncompleteBody", what)


class Octets:
    """Lines and runs of octets out of an iterable of pieces."""

    def __init__(self, pieces):
        self.source = iter(pieces)
        self.held = bytearray()

    def fill(self):
        piece = next(self.source, None)
        if piece is None:
            raise broken("the framed body ends early")
        self.held += piece

    def line(self):
        while b"\r\n" not in self.held:
            if len(self.held) > 16384:
                raise broken("a line without an end")
            self.fill()
        text, _, rest = bytes(self.held).partition(b"\r\n")
        self.held = bytearray(rest)
        return text.decode("latin-1")

    def run(self, size):
        while len(self.held) < size:
            self.fill()
        data = bytes(self.held[:size])
        del self.held[:size]
        return data

    def is_at_end(self):
        return not self.held and next(self.source, None) is None


def checksum(name, data):
    """As the trailer's value says it; awscrt has the sums that Python lacks."""
    from awscrt import checksums
    algorithm = name.removeprefix("x-amz-checksum-")
    if algorithm in ("sha1", "sha256"):
        digest = hashlib.new(algorithm, data).digest()
    else:
        value, size = {"crc32": (zlib.crc32, 4), "crc32c": (checksums.crc32c, 4),
                       "crc64nvme": (checksums.crc64nvme, 8)}[algorithm]
        digest = value(data).to_bytes(size, "big")
    return base64.b64encode(digest).decode()


class Chain:
    """The signatures, each made with the one before it."""

    def __init__(self, grant):
        key = b"AWS4" + grant["identity"].secret_key.encode()
        for part in (grant["date"], grant["region"], grant["service"], "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        self.key = key
        self.last = grant["signature"]
        self.scope = f"{grant['date']}/{grant['region']}/{grant['service']}/aws4_request"
        self.timestamp = grant["timestamp"]

    def next(self, algorithm, *hashes):
        text = "\n".join([algorithm, self.timestamp, self.scope, self.last, *hashes])
        self.last = hmac.new(self.key, text.encode(), "sha256").hexdigest()
        return self.last


class Framed:
    """Stands in for server.Body: pieces() are the decoded data, verified as they come."""

    def __init__(self, body, record, grant):
        self.body = body
        self.record = record
        self.grant = grant
        self.connection = body.connection
        self.is_signed = grant["payload"] != UNSIGNED_TRAILER
        self.has_trailer = grant["payload"].endswith("-TRAILER")
        if grant["payload"] not in (SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER):
            raise Refused(501, "NotImplemented", "a framing that the stand-in does not know")
        length = record.fields.get("X-Amz-Decoded-Content-Length")
        if length is None or not length.isdigit():
            raise Refused(411, "MissingContentLength", "no x-amz-decoded-content-length")
        self.length = int(length)
        record.chunks = []

    def exists(self):
        return self.body.exists()

    def pieces(self):
        if self.body.is_read:
            return
        octets = Octets(self.body.pieces())
        chain = Chain(self.grant) if self.is_signed else None
        data = bytearray()
        while True:
            piece = self.chunk(octets, chain)
            if not piece:
                break
            if self.record.chunks and self.record.chunks[-1] < MIN_CHUNK:
                raise Refused(403, "InvalidChunkSizeError", "only the last chunk may be that small")
            self.record.chunks.append(len(piece))
            data += piece
            yield piece
        self.trailer(octets, chain, bytes(data))
        if not octets.is_at_end():
            raise broken("octets behind the framed body")
        if len(data) != self.length:
            raise broken("x-amz-decoded-content-length is not the body's")

    def chunk(self, octets, chain):
        size, _, extension = octets.line().partition(";")
        if not size or size.strip("0123456789abcdefABCDEF"):
            raise broken(f"bad chunk size {size!r}")
        data = octets.run(int(size, 16))
        if chain:
            name, _, signature = extension.partition("=")
            right = chain.next("AWS4-HMAC-SHA256-PAYLOAD", EMPTY, hashlib.sha256(data).hexdigest())
            if name != "chunk-signature" or not hmac.compare_digest(signature, right):
                raise wrong_signature("a chunk")
        elif extension:
            raise broken("an unsigned chunk with an extension")
        if data and octets.run(2) != b"\r\n":
            raise broken("no CRLF behind a chunk")
        return data

    def trailer(self, octets, chain, data):
        fields = []
        while line := octets.line():
            name, _, value = line.partition(":")
            fields.append((name, value))
        if chain and self.has_trailer:
            name, signature = fields.pop() if fields else ("", "")
            block = "".join(f"{n}:{v}\n" for n, v in sorted(fields))
            right = chain.next("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(block.encode()).hexdigest())
            if name != "x-amz-trailer-signature" or not hmac.compare_digest(signature, right):
                raise wrong_signature("the trailer")
        announced = self.record.fields.get("X-Amz-Trailer", "")
        names = [n.strip() for n in announced.split(",") if n.strip()]
        if [n for n, _ in fields] != names or bool(names) != self.has_trailer:
            raise Refused(400, "MalformedTrailerError", "the trailer is not what was announced")
        for name, value in fields:
            if checksum(name, data) != value:
                raise Refused(400, "BadDigest", f"The {name} you specified did not match.")
        self.record.trailers = fields

    def read_all(self):
        return b"".join(self.pieces())
