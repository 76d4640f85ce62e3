# SPDX-License-Identifier: Apache-2.0
"""What clients that sign their bodies piece by piece send, with a dummy key: the signatures are just digits."""
import base64
import zlib

AUTHORIZATION = ("AWS4-HMAC-SHA256 Credential=AKIDDUMMY/20260101/us-east-1/s3/aws4_request, "
                 "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64)
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def crc32(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def frame(data, size=8192, is_signed=True, trailers=()):
    """The framed body."""
    extension = b";chunk-signature=" + b"a" * 64 if is_signed else b""
    out = bytearray()
    for at in range(0, len(data), size):
        piece = data[at:at + size]
        out += b"%x" % len(piece) + extension + b"\r\n" + piece + b"\r\n"
    out += b"0" + extension + b"\r\n"
    for name, value in trailers:
        out += f"{name}:{value}\r\n".encode()
    if trailers and is_signed:
        out += b"x-amz-trailer-signature:" + b"b" * 64 + b"\r\n"
    return bytes(out + b"\r\n")


def fields(length, payload=SIGNED, coding="aws-chunked", trailer=None):
    """The head's fields of such a request."""
    out = [("Authorization", AUTHORIZATION), ("X-Amz-Date", "20260101T000000Z"),
           ("X-Amz-Content-Sha256", payload)]
    if coding:
        out.append(("Content-Encoding", coding))
    if length is not None:
        out.append(("X-Amz-Decoded-Content-Length", str(length)))
    if trailer:
        out.append(("X-Amz-Trailer", trailer))
    return out
