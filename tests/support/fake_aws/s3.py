# SPDX-License-Identifier: Apache-2.0
"""S3, as much of it as tests and the demo use, in memory.

Keys are octets, as they stand behind one decoding of the path. Two kinds of key need no memory:
discard/... is hashed and forgotten, generate/SIZE answers with that many octets of pattern.py.
"""
import base64
import hashlib
import threading
import time
import urllib.parse
import zlib
from dataclasses import dataclass, field
from email.utils import formatdate
from xml.sax.saxutils import escape

import pattern

from .errors import Refused

XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
SUBRESOURCES = ("acl", "tagging", "policy", "versioning", "location", "cors", "lifecycle")


@dataclass
class Answer:
    """body: octets, or an iterable of them with length."""
    status: int = 200
    fields: list = field(default_factory=list)
    body: object = b""
    length: int | None = None


@dataclass
class Stored:
    data: bytes
    etag: str
    fields: list
    modified: float


def xml(text, status=200):
    return Answer(status, [("Content-Type", "application/xml")],
                  ('<?xml version="1.0" encoding="UTF-8"?>\n' + text).encode())


def no_such_key(key):
    return Refused(404, "NoSuchKey", "The specified key does not exist.",
                   Key=key.decode("utf-8", "replace"))


class Digests:
    """The sums of an upload, for what its fields claim and its ETag."""

    def __init__(self):
        self.md5 = hashlib.md5()
        self.sha256 = hashlib.sha256()
        self.crc32 = 0
        self.length = 0

    def update(self, piece):
        self.md5.update(piece)
        self.crc32 = zlib.crc32(piece, self.crc32)
        self.length += len(piece)

    def check(self, request):
        claims = ((b"Content-MD5", self.md5.digest()),
                  (b"x-amz-checksum-crc32", self.crc32.to_bytes(4, "big")))
        for name, digest in claims:
            claim = request.fields.get(name.decode())
            if claim is not None and claim != base64.b64encode(digest).decode():
                raise Refused(400, "BadDigest", f"The {name.decode()} did not match what we received.")


class S3:
    def __init__(self, buckets=("bucket",)):
        self.lock = threading.Lock()
        self.buckets = {name: {} for name in buckets}
        self.uploads = {}
        self.regions = {}  # of buckets that are elsewhere

    def check_region(self, request, grant, bucket):
        """Refuses a request that came to another region than its bucket's, and says which."""
        name = bucket or request.target[1:].split("/")[0].split("?")[0]
        region = self.regions.get(name, grant["region"])
        if region != grant["region"]:
            refused = Refused(301, "PermanentRedirect", "This bucket is in another region.",
                              Bucket=name, Endpoint="evil.example.com")
            refused.fields = [("x-amz-bucket-region", region), ("Location", "http://169.254.169.254/")]
            raise refused

    def handle(self, request, body, bucket):
        """bucket: of the virtual-hosted form, None in path style."""
        path, _, query = request.target.partition("?")
        path = urllib.parse.unquote_to_bytes(path)[1:]
        parameters = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        if bucket is None:
            name, _, key = path.partition(b"/")
            bucket = name.decode("utf-8", "replace")
        else:
            key = path
        if not bucket:
            return self.list_buckets()
        if not key:
            return self.bucket_call(request, body, bucket, parameters)
        with self.lock:
            if bucket not in self.buckets:
                raise Refused(404, "NoSuchBucket", "The specified bucket does not exist",
                              BucketName=bucket)
        return self.object_call(request, body, bucket, key, parameters)

    # -- buckets

    def list_buckets(self):
        with self.lock:
            names = "".join(f"<Bucket><Name>{escape(n)}</Name></Bucket>" for n in self.buckets)
        return xml(f"<ListAllMyBucketsResult {XMLNS}><Buckets>{names}</Buckets>"
                   "</ListAllMyBucketsResult>")

    def bucket_call(self, request, body, bucket, parameters):
        for name in SUBRESOURCES:
            if name in parameters:
                return xml(f"<{name.capitalize()} {XMLNS}>{escape(parameters[name])}"
                           f"</{name.capitalize()}>")
        body.read_all()
        with self.lock:
            if request.method == "PUT":
                if bucket in self.buckets:
                    raise Refused(409, "BucketAlreadyOwnedByYou", "you own it already")
                self.buckets[bucket] = {}
                return Answer(200, [("Location", "/" + bucket)])
            if bucket not in self.buckets:
                raise Refused(404, "NoSuchBucket", "The specified bucket does not exist",
                              BucketName=bucket)
            if request.method == "HEAD":
                return Answer(200, [("x-amz-bucket-region", "us-east-1")])
            if request.method == "DELETE":
                if self.buckets[bucket]:
                    raise Refused(409, "BucketNotEmpty", "The bucket is not empty")
                del self.buckets[bucket]
                return Answer(204)
            if request.method == "GET":
                return self.list_objects(bucket, parameters)
        raise Refused(405, "MethodNotAllowed", "The method is not allowed here")

    def list_objects(self, bucket, parameters):
        prefix = parameters.get("prefix", "").encode()
        delimiter = parameters.get("delimiter", "").encode()
        start = bytes.fromhex(parameters.get("continuation-token", "")) or (
            parameters.get("start-after", "").encode())
        limit = min(int(parameters.get("max-keys", "1000")), 1000)
        is_url = parameters.get("encoding-type") == "url"

        def shown(key):
            text = key.decode("utf-8", "replace")
            return urllib.parse.quote(key, safe="/-._~") if is_url else escape(text)

        entries, groups, last, more = [], [], b"", False
        for key in sorted(self.buckets[bucket]):
            if not key.startswith(prefix) or key <= start:
                continue
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            group = key[:cut + len(delimiter)] if cut >= 0 else None
            if group and group in groups:
                continue
            if len(entries) + len(groups) >= limit:
                more = True
                break
            last = key
            if group:
                groups.append(group)
            else:
                entries.append((key, self.buckets[bucket][key]))
        contents = "".join(
            f"<Contents><Key>{shown(k)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{o.etag}&quot;</ETag><Size>{len(o.data)}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>" for k, o in entries)
        contents += "".join(f"<CommonPrefixes><Prefix>{shown(g)}</Prefix></CommonPrefixes>"
                            for g in groups)
        if more:
            contents += f"<NextContinuationToken>{last.hex()}</NextContinuationToken>"
        encoding = "<EncodingType>url</EncodingType>" if is_url else ""
        return xml(f"<ListBucketResult {XMLNS}><Name>{escape(bucket)}</Name>"
                   f"<Prefix>{shown(prefix)}</Prefix>{encoding}"
                   f"<KeyCount>{len(entries) + len(groups)}</KeyCount><MaxKeys>{limit}</MaxKeys>"
                   f"<IsTruncated>{str(more).lower()}</IsTruncated>{contents}</ListBucketResult>")

    # -- objects

    def object_call(self, request, body, bucket, key, parameters):
        if request.method == "PUT":
            return self.put(request, body, bucket, key, parameters)
        if request.method == "POST" and ("uploads" in parameters or "uploadId" in parameters):
            return self.multipart(request, body, bucket, key, parameters)
        body.read_all()
        if request.method in ("GET", "HEAD"):
            return self.get(request, bucket, key)
        if request.method == "DELETE":
            with self.lock:
                self.buckets[bucket].pop(key, None)
            return Answer(204)
        raise Refused(405, "MethodNotAllowed", "The method is not allowed here")

    def receive(self, request, body, is_kept):
        """Reads the upload. (data or b"", its digests)."""
        digests, kept = Digests(), bytearray()
        for piece in body.pieces():
            if is_kept:
                digests.update(piece)
                kept += piece
        if is_kept:
            digests.check(request)
        return bytes(kept), digests

    def put(self, request, body, bucket, key, parameters):
        is_kept = not key.startswith(b"discard/")
        if "x-amz-copy-source" in request.fields:
            return self.copy(request, body, bucket, key, parameters)
        data, digests = self.receive(request, body, is_kept)
        etag = digests.md5.hexdigest()
        if "uploadId" in parameters:
            with self.lock:
                self.uploads[parameters["uploadId"]][int(parameters["partNumber"])] = data
            return Answer(200, [("ETag", f'"{etag}"')])
        fields = [(n, v) for n, v in request.fields if n.lower().startswith("x-amz-meta-")
                  or n.lower() in ("content-type", "cache-control")]
        codings = [c.strip() for c in request.fields.get("Content-Encoding", "").split(",")]
        codings = [c for c in codings if c not in ("", "aws-chunked")]
        if codings:
            fields.append(("Content-Encoding", ",".join(codings)))
        with self.lock:
            if request.fields.get("If-None-Match") == "*" and key in self.buckets[bucket]:
                raise Refused(412, "PreconditionFailed", "At least one precondition did not hold")
            if is_kept:
                self.buckets[bucket][key] = Stored(data, etag, fields, time.time())
        return Answer(200, [("ETag", f'"{etag}"')])

    def copy(self, request, body, bucket, key, parameters):
        body.read_all()
        source = urllib.parse.unquote_to_bytes(request.fields.get("x-amz-copy-source")).lstrip(b"/")
        name, _, source_key = source.partition(b"/")
        with self.lock:
            stored = self.buckets.get(name.decode(), {}).get(source_key)
            if stored is None:
                raise no_such_key(source_key)
            if "uploadId" in parameters:
                self.uploads[parameters["uploadId"]][int(parameters["partNumber"])] = stored.data
            else:
                self.buckets[bucket][key] = Stored(stored.data, stored.etag, stored.fields, time.time())
        kind = "CopyPartResult" if "uploadId" in parameters else "CopyObjectResult"
        return xml(f"<{kind} {XMLNS}><ETag>&quot;{stored.etag}&quot;</ETag>"
                   f"<LastModified>2026-01-01T00:00:00.000Z</LastModified></{kind}>")

    def get(self, request, bucket, key):
        if key.startswith(b"generate/"):
            size = int(key.split(b"/")[1])
            return Answer(200, [("Content-Type", "application/octet-stream")],
                          pattern.pieces(size), size)
        with self.lock:
            stored = self.buckets[bucket].get(key)
        if stored is None:
            raise no_such_key(key)
        fields = [("ETag", f'"{stored.etag}"'), ("Accept-Ranges", "bytes"),
                  ("Last-Modified", formatdate(stored.modified, usegmt=True)), *stored.fields]
        if request.fields.get("If-None-Match") == f'"{stored.etag}"':
            return Answer(304, fields)
        wanted = request.fields.get("Range", "")
        if wanted.startswith("bytes="):
            first, last = span(wanted[6:], len(stored.data))
            fields.append(("Content-Range", f"bytes {first}-{last}/{len(stored.data)}"))
            return Answer(206, fields, stored.data[first:last + 1])
        return Answer(200, fields, stored.data)

    def multipart(self, request, body, bucket, key, parameters):
        body.read_all()
        name = escape(key.decode("utf-8", "replace"))
        with self.lock:
            if "uploads" in parameters:
                upload = f"upload-{len(self.uploads) + 1}"
                self.uploads[upload] = {}
                return xml(f"<InitiateMultipartUploadResult {XMLNS}><Bucket>{escape(bucket)}</Bucket>"
                           f"<Key>{name}</Key><UploadId>{upload}</UploadId>"
                           "</InitiateMultipartUploadResult>")
            parts = self.uploads.pop(parameters["uploadId"], None)
            if parts is None:
                raise Refused(404, "NoSuchUpload", "The specified upload does not exist")
            data = b"".join(parts[n] for n in sorted(parts))
            etag = f"{hashlib.md5(data).hexdigest()}-{len(parts)}"
            self.buckets[bucket][key] = Stored(data, etag, [], time.time())
        return xml(f"<CompleteMultipartUploadResult {XMLNS}><Bucket>{escape(bucket)}</Bucket>"
                   f"<Key>{name}</Key><ETag>&quot;{etag}&quot;</ETag>"
                   "</CompleteMultipartUploadResult>")


def span(text, size):
    """The first and last octet of one range."""
    first, _, last = text.partition("-")
    if first == "":
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last) if last else size - 1, size - 1)
    if start >= size or start > end:
        raise Refused(416, "InvalidRange", "The requested range is not satisfiable")
    return start, end
