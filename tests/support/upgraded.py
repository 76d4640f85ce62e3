# SPDX-License-Identifier: Apache-2.0
"""Websockets for both ends of the proxy: a stand-in that checks the signature on the request for one, and a client.

What comes behind the 101 is octets to the proxy, so tests may talk whatever they like there; `echo_frames` is for
real clients, which speak RFC 6455.
"""
import base64
import hashlib
import re
import struct
import types

import http1
from fake_aws import FakeAws
from fake_aws.errors import Refused, error_answer
from fake_aws.s3 import Answer
from fake_aws.verify import EMPTY_SHA256, Scope

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
CLOSE, PING, PONG = 8, 9, 10


def accept_of(key):
    return base64.b64encode(hashlib.sha1((key + MAGIC).encode()).digest()).decode()


def switching(fields, more=()):
    """A 101 as a server should send it."""
    answer = http1.Fields([("Upgrade", "WebSocket"), ("connection", "keep-alive, upgrade"),
                           ("Sec-WebSocket-Accept", accept_of(fields.get("Sec-WebSocket-Key", ""))), *more])
    return b"HTTP/1.1 101 Web Socket\r\n" + answer.lines() + b"\r\n"


# ---- what the server does behind the request


def echo(connection, record):
    """Octet for octet, until the client has ended."""
    connection.send(switching(record.fields))
    for piece in connection.wire.pieces_to_end():
        connection.send(piece)
    connection.end()


def read_frame(wire):
    """(opcode, whether it is the message's last, data)"""
    first, second = wire.read_exactly(2)
    length = second & 127
    if length >= 126:
        length, = struct.unpack("!H" if length == 126 else "!Q", wire.read_exactly(2 if length == 126 else 8))
    mask = wire.read_exactly(4) if second & 128 else b"\0\0\0\0"
    data = bytes(octet ^ mask[i % 4] for i, octet in enumerate(wire.read_exactly(length)))
    return first & 15, bool(first & 128), data


def frame(code, data, mask=None, is_last=True):
    length = len(data)
    head = bytes([128 * is_last | code])
    bit = 128 if mask else 0
    if length < 126:
        head += bytes([bit | length])
    elif length < 65536:
        head += bytes([bit | 126]) + struct.pack("!H", length)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", length)
    if mask:
        data = mask + bytes(octet ^ mask[i % 4] for i, octet in enumerate(data))
    return head + data


def echo_frames(connection, record):
    wanted = record.fields.get("Sec-WebSocket-Protocol")
    more = [("Sec-WebSocket-Protocol", wanted.split(",")[0])] if wanted else []
    connection.send(switching(record.fields, more))
    while True:
        code, is_last, data = read_frame(connection.wire)
        connection.send(frame(PONG if code == PING else code, data, is_last=is_last))
        if code == CLOSE:
            connection.end()
            return


class Sockets(FakeAws):
    """A stand-in of services with websockets. talk(connection, record) speaks where a good request asks for one."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.talk = echo

    def answer(self, connection, record, body, faults):
        if "Upgrade" not in record.fields:
            return super().answer(connection, record, body, faults)
        try:
            if self.throttle and not self.throttle():
                raise Refused(503, "SlowDown", "Please reduce your request rate.")
            grant = self.verifier.check_head(record, Scope())
            record.verdict = self.verifier.finish(as_signed(record, grant), grant, EMPTY_SHA256)
        except Refused as refused:
            record.refused = refused.code
            return Answer(refused.status, *error_answer(refused, "execute-api", record.target, "FAKE"))
        return Answer(101, [], b"")

    def send_answer(self, connection, record, body, answer, faults):
        if answer.status != 101:
            return super().send_answer(connection, record, body, answer, faults)
        record.status = 101
        return bool(self.talk(connection, record))


def as_signed(record, grant):
    """AWS IoT: the signature does not cover the token."""
    target = record.target
    if grant["service"] == "iotdevicegateway" and grant["form"] == "query":
        target = re.sub("&X-Amz-Security-Token=[^&]*", "", target)
    return types.SimpleNamespace(method=record.method, target=target, fields=record.fields)


# ---- a client


ASKS = [("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY)]


def ask(client, target, host, fields=(), behind=b""):
    """Sends the request for a websocket, and octets right behind it."""
    head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n".encode() + http1.Fields([*ASKS, *fields]).lines() + b"\r\n"
    client.send(head + behind)


def opened(client, target, host, fields=(), behind=b""):
    """The 101, which was checked as RFC 6455 wants it."""
    ask(client, target, host, fields, behind)
    answer = client.read_head()
    assert answer.status == 101, (answer, client.wire.buf)
    assert answer.fields.all("Upgrade") == ["websocket"] and answer.fields.all("Connection") == ["Upgrade"]
    assert answer.fields.all("Sec-WebSocket-Accept") == [accept_of(KEY)]
    return answer
