# SPDX-License-Identifier: Apache-2.0
"""Streams of events: each one of an answer reaches the client before the next is sent; those in both directions are refused."""
import binascii
import ssl
import struct
import threading

import harness
import http1
import pytest
from fake_aws.s3 import Answer

HOST = "bedrock-runtime.us-east-1.amazonaws.com"
PATH = "/model/m.v1%3A0/invoke-with-response-stream"
EVENTS = 5


def event(number):
    """One message of application/vnd.amazon.eventstream: prelude, header, payload, checksums."""
    header = b"\x0b:event-type\x07\x00\x05chunk"
    payload = b'{"bytes":"%d"}' % number
    prelude = struct.pack("!II", 16 + len(header) + len(payload), len(header))
    message = prelude + struct.pack("!I", binascii.crc32(prelude)) + header + payload
    return message + struct.pack("!I", binascii.crc32(message))


class Stream:
    """Gives an event, then waits until the client says that it has it."""

    def __init__(self, aws, content_type, make):
        self.turn = threading.Semaphore(1)
        self.make = make
        size = sum(len(make(number)) for number in range(EVENTS))
        aws.replies["stream"] = Answer(200, [("Content-Type", content_type)], self.events(), size)

    def events(self):
        for number in range(EVENTS):
            assert self.turn.acquire(timeout=30 * harness.PATIENCE), "the client has not got the last one"
            yield self.make(number)

    def read_all(self, client, answer):
        wanted, got, number = self.make(0), b"", 0
        for piece in client.body_pieces(answer, "POST"):
            got += piece
            while got.startswith(wanted) and number < EVENTS:
                got, number = got[len(wanted):], number + 1
                self.turn.release()
                wanted = self.make(number)
        assert (number, got) == (EVENTS, b"") and answer.is_complete


KINDS = [("application/vnd.amazon.eventstream", event),
         ("text/event-stream", lambda number: b"data: %d\n\n" % number)]


@pytest.mark.parametrize("framing", ["", "chunked", "to-end"])
@pytest.mark.parametrize("content_type, make", KINDS)
def test_each_event_comes_at_once(proxy, aws, framing, content_type, make):
    stream = Stream(aws, content_type, make)
    with proxy.client() as client:
        client.start("POST", f"http://{HOST}{PATH}", [("Content-Length", "2"), ("Fake-Fault", f"reply=stream; {framing}")],
                     host=HOST)
        client.send(b"{}")
        answer = client.read_head()
        assert answer.status == 200 and answer.fields.get("Content-Type") == content_type
        stream.read_all(client, answer)


def test_so_they_do_inside_of_an_intercepted_tunnel(aws, start_proxy, tmp_path):
    folder = tmp_path / "ca"
    assert harness.run_binary("ca", "init", "--ca-dir", str(folder), folder=tmp_path).returncode == 0
    proxy = start_proxy(aws, f"connect = intercept\nca_dir = {folder}\n")
    stream = Stream(aws, *KINDS[0])
    with proxy.client() as client:
        client.start("CONNECT", f"{HOST}:443", host=f"{HOST}:443")
        assert client.read("CONNECT").status == 200
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        client.sock = context.wrap_socket(client.sock, server_hostname=HOST)
        client.wire = http1.Wire(client.sock)
        client.start("POST", PATH, [("Content-Length", "2"), ("Fake-Fault", "reply=stream; chunked")], host=HOST)
        client.send(b"{}")
        stream.read_all(client, client.read_head())
    assert aws.requests[-1].verdict.service == "bedrock"


@pytest.mark.parametrize("host, path, fields", [
    (HOST, "/model/m/invoke-with-bidirectional-stream", []),
    (HOST, "/model/m/x", [("Content-Type", "application/vnd.amazon.eventstream")]),
    ("transcribestreaming.us-east-1.amazonaws.com", "/stream-transcription",
     [("Content-Type", "application/vnd.amazon.eventstream"),
      ("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-EVENTS")]),
    ("runtime-v2-lex.us-east-1.amazonaws.com", "/bots/b/botAliases/a/botLocales/en_US/sessions/s/conversation", []),
])
def test_both_ways_at_once_is_refused_with_the_reason(proxy, aws, host, path, fields):
    with proxy.client() as client:
        client.start("POST", f"http://{host}{path}", [*fields, ("Transfer-Encoding", "chunked")], host=host)
        answer = client.read()
    assert (answer.status, answer.error) == (501, "not-implemented")
    assert b"needs HTTP/2" in answer.body and b"without the proxy" in answer.body
    assert not aws.requests
    harness.wait_until(lambda: path in proxy.log)
