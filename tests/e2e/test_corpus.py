# SPDX-License-Identifier: Apache-2.0
"""Hostile octets from both sides: what goes on must be unambiguous, and the proxy must live.

A few dozen cases of our own, judged by what a recording server received; and the larger corpus of
../shared with its own runner, where that folder is present.
"""
import json
import re
import socket
import subprocess
import sys
import threading
import time

import harness
import http1
import pytest

RUNNER = harness.ROOT.parent / "shared" / "corpus" / "run_corpus.py"
CONF = """[proxy]
listen = 127.0.0.1:{proxy_port}
admin = off
[route "127.0.0.1*"]
upstream = http://{upstream}
service = execute-api
region = us-east-1
"""
REQUEST = b"POST http://%b/x HTTP/1.1\r\nHost: %b\r\n"
NEXT = b"GET http://%b/smuggled HTTP/1.1\r\nHost: %b\r\n\r\n"

# Framing that two readers could take differently. Each is followed by a request that must never
# travel as one of its own unless the client's first was refused or complete.
REFUSED = {
    "length and chunked": REQUEST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": REQUEST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": REQUEST + b"Content-Length: 0\r\nContent-Length: 80\r\n\r\n",
    "length list": REQUEST + b"Content-Length: 0, 0\r\n\r\n",
    "length with sign": REQUEST + b"Content-Length: +0\r\n\r\n",
    "length in hex": REQUEST + b"Content-Length: 0x0\r\n\r\n",
    "length empty": REQUEST + b"Content-Length:\r\n\r\n",
    "length beyond 64 bits": REQUEST + b"Content-Length: 18446744073709551616\r\n\r\n",
    "length at the 63rd bit": REQUEST + b"Content-Length: 9223372036854775808\r\n\r\n",
    "space before the colon": REQUEST + b"Content-Length : 4\r\n\r\nabcd",
    "fold in the encoding": REQUEST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "encoding with a tail": REQUEST + b"Transfer-Encoding: chunked-not\r\n\r\n0\r\n\r\n",
    "encoding quoted": REQUEST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "encoding with vertical tab": REQUEST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "encoding twice": REQUEST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "encoding then identity": REQUEST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "chunk size with sign": REQUEST + b"Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n",
    "chunk size with prefix": REQUEST + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
    "chunk size too long": REQUEST + b"Transfer-Encoding: chunked\r\n\r\n00000000000000000\r\n\r\n",
    "chunk size then space": REQUEST + b"Transfer-Encoding: chunked\r\n\r\n0 1\r\n\r\n",
    "chunk line ends in LF": REQUEST + b"Transfer-Encoding: chunked\r\n\r\n0\n\r\n",
    "chunk extension with LF": REQUEST + b"Transfer-Encoding: chunked\r\n\r\n2;a\nab\r\n0\r\n\r\n",
    "chunk extension with an open quote": REQUEST
    + b'Transfer-Encoding: chunked\r\n\r\n2;a="b\r\nab\r\n0\r\n\r\n',
    "chunk without its CRLF": REQUEST + b"Transfer-Encoding: chunked\r\n\r\n1\r\naXX0\r\n\r\n",
    "bare LF in the head": b"GET http://%b/x HTTP/1.1\nHost: %b\n\n",
    "bare CR in a value": b"GET http://%b/x HTTP/1.1\r\nHost: %b\r\nA: b\rc\r\n\r\n",
    "NUL in a name": b"GET http://%b/x HTTP/1.1\r\nHost: %b\r\nA\x00: b\r\n\r\n",
    "no host": b"GET /x HTTP/1.1\r\n\r\n",
    "two hosts": b"GET http://%b/x HTTP/1.1\r\nHost: %b\r\nHost: other\r\n\r\n",
    "host list": b"GET /x HTTP/1.1\r\nHost: %b, other\r\n\r\n",
    "version 1.2": b"GET http://%b/x HTTP/1.2\r\nHost: %b\r\n\r\n",
    "no version": b"GET http://%b/x\r\nHost: %b\r\n\r\n",
    "several spaces": b"GET  http://%b/x HTTP/1.1\r\nHost: %b\r\n\r\n",
}
SERVED = {
    "leading empty line": b"\r\nGET http://%b/x HTTP/1.1\r\nHost: %b\r\n\r\n",
    "body on a GET": b"GET http://%b/x HTTP/1.1\r\nHost: %b\r\nContent-Length: 2\r\n\r\nab",
    "quoted chunk extension": REQUEST + b'Transfer-Encoding: chunked\r\n\r\n2;a="b;c"\r\nab\r\n0\r\n\r\n',
    "trailers": REQUEST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-A: b\r\n\r\n",
    "upper-case encoding": REQUEST + b"Transfer-Encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "zeros before the length": REQUEST + b"Content-Length: 0002\r\n\r\nab",
    "value above 0x7f": b"GET http://%b/x HTTP/1.1\r\nHost: %b\r\nA: \xff\xfe\r\n\r\n",
    "connection names length": REQUEST + b"Connection: Content-Length\r\nContent-Length: 2\r\n\r\nab",
    "expect of its own": REQUEST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
}
BAD_ANSWERS = {
    "length and chunked": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "space before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nab",
    "fold": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "status 999": b"HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n",
    "version 2": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "no status line": b"hello\r\n\r\n",
    "switching unasked": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "other encoding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "head without end": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "nothing": b"",
}


class Recorder:
    """A server that keeps each connection's octets and gives one answer to everything."""

    GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.received = []
        self.answer = self.GOOD
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        wire = http1.Wire(sock)
        try:
            while True:
                head = wire.read_head()
                if head is None:
                    break
                line, fields, raw = head
                entry = [line, fields, raw, None]
                self.received.append(entry)
                trailers = []
                pieces = (wire.chunks(trailers) if "Transfer-Encoding" in fields
                          else wire.pieces(int(fields.get("Content-Length", "0"))))
                entry[3] = b"".join(pieces)
                sock.sendall(self.answer)
                if self.answer is not self.GOOD:
                    break
        except (OSError, http1.ProtocolError, http1.Truncated):
            pass
        sock.close()

    def complete(self):
        return [entry for entry in self.received if entry[3] is not None]


@pytest.fixture(scope="module")
def recorder():
    server = Recorder()
    yield server
    server.listener.close()


@pytest.fixture(scope="module")
def front(recorder, tmp_path_factory):
    conf = f'[route "*"]\nupstream = http://127.0.0.1:{recorder.port}\nservice = execute-api\n' \
           "region = us-east-1\nretry_mode = off\n"
    with harness.running(tmp_path_factory.mktemp("corpus"), conf=conf) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def forget(recorder):
    recorder.received.clear()
    recorder.answer = recorder.GOOD


def talk(front, octets):
    """All that comes back until the proxy closes or falls silent."""
    with front.client() as client:
        client.sock.settimeout(1.6 if harness.SANITIZER else 0.4)
        try:
            client.send(octets)
            while client.wire.fill():
                pass
        except (TimeoutError, ConnectionError):
            pass
        return bytes(client.wire.buf), client.wire.eof


def authority(recorder):
    return b"127.0.0.1:%d" % recorder.port


@pytest.mark.parametrize("what", list(REFUSED))
def test_ambiguous_request_is_refused(front, recorder, what):
    octets = (REFUSED[what] + NEXT).replace(b"%b", authority(recorder))
    got, closed = talk(front, octets)
    assert re.match(rb"HTTP/1\.1 (400|405|413|431|501|505) ", got), got[:200]
    assert len(re.findall(rb"HTTP/1\.1 \d\d\d ", got)) == 1
    assert closed
    assert not recorder.complete()


@pytest.mark.parametrize("what", list(SERVED))
def test_odd_but_clear_request_is_served_once(front, recorder, what):
    octets = (SERVED[what] + NEXT).replace(b"%b", authority(recorder))
    got, _ = talk(front, octets)
    finals = re.findall(rb"HTTP/1\.1 (\d\d\d) ", got)
    assert [s for s in finals if s != b"100"] == [b"200", b"200"], got
    lines = [entry[0] for entry in recorder.complete()]
    assert [line.split(" ")[1] for line in lines] == ["/x", "/smuggled"]
    for _, fields, _, _ in recorder.complete():
        assert len(fields.all("Host")) == 1
        assert not ("Content-Length" in fields and "Transfer-Encoding" in fields)


@pytest.mark.parametrize("what", list(BAD_ANSWERS))
def test_broken_answer_is_502(front, recorder, what):
    recorder.answer = BAD_ANSWERS[what]
    answer = front.request("GET", f"http://127.0.0.1:{recorder.port}/x")
    assert answer.status == 502, answer
    assert answer.error in ("upstream-bad-response", "upstream-closed")
    recorder.answer = recorder.GOOD
    assert front.request("GET", f"http://127.0.0.1:{recorder.port}/x").body == b"ok"


def test_cut_request_is_never_completed(front, recorder):
    for octets in (REQUEST + b"Content-Length: 10\r\n\r\nabc",
                   REQUEST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
                   REQUEST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"):
        with front.client() as client:
            client.send(octets.replace(b"%b", authority(recorder)))
            client.sock.shutdown(socket.SHUT_WR)
            client.is_closed(3)
    time.sleep(0.2)
    assert not recorder.complete()


def test_own_listener_is_never_the_upstream(tmp_path, start_proxy):
    """A loop ends at once, with a code of its own."""
    port = harness.free_port()
    proxy = start_proxy(conf=f'[route "loop.test"]\nupstream = http://127.0.0.1:{port}\n'
                             "service = execute-api\nregion = us-east-1\n",
                        arguments=["--listen", f"127.0.0.1:{port}"], is_ready=False)
    harness.wait_until(proxy.is_listening, 10, "the proxy")
    with http1.Client(("127.0.0.1", port)) as client:
        answer = client.request("GET", "http://loop.test/x")
    assert (answer.status, answer.error) in (
        (508, "loop"), (403, "address-denied"), (502, "address-denied"))


def shared_corpus(tmp_path, *options):
    """The runner's verdicts, case by case."""
    conf = tmp_path / "corpus.conf"
    conf.write_text(CONF)
    verdicts = tmp_path / "verdicts.json"
    env = harness.base_environment(tmp_path) | harness.identity_environment(harness.CANARY)
    result = subprocess.run(
        [sys.executable, str(RUNNER), "--mode", "forward", "--config", str(conf), "--quiet",
         "--json", str(verdicts), "--start", f"{harness.BINARY} run --config {{conf}}", *options],
        env=env, capture_output=True, text=True, timeout=600 * harness.PATIENCE, check=False)
    print(result.stdout)
    assert "PROXY DIED" not in result.stdout
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-2000:]
    return json.loads(verdicts.read_text())


@pytest.mark.skipif(not RUNNER.exists(), reason="../shared is not present")
def test_shared_corpus(tmp_path):
    """Every case, policy's too, is safe and as its manifest says. The runner judges by silence: what a
    busy machine answered too late is asked once more."""
    results = shared_corpus(tmp_path, "--policy")
    assert len(results) > 160 and all(result["safe"] for result in results)
    late = [result["file"] for result in results if not result["strict"]]
    if late:
        again = shared_corpus(tmp_path, "--policy", "--hold", "5", "--only",
                              "|".join(map(re.escape, late)))
        assert [result for result in again if not result["strict"]] == []
