# SPDX-License-Identifier: Apache-2.0
"""Hostile octets from both sides: what goes on must be unambiguous, and the proxy must live.

Our own cases (corpus_cases.py), judged by what a recording server received; and those of ../shared
with their own runner, where that folder is present.
"""
import json
import re
import socket
import subprocess
import sys
import threading

import harness
import http1
import pytest
from corpus_cases import BAD_ANSWERS, CUT_ANSWERS, GOOD_ANSWERS, NEXT, REFUSED, REQUEST, SERVED

RUNNER = harness.ROOT.parent / "shared" / "corpus" / "run_corpus.py"
CONF = """[proxy]
listen = 127.0.0.1:{proxy_port}
admin = off
[route "127.0.0.1*"]
upstream = http://{upstream}
service = execute-api
region = us-east-1
"""


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


def authority(recorder):
    return b"127.0.0.1:%d" % recorder.port


@pytest.mark.parametrize("what", list(REFUSED))
def test_ambiguous_request_is_refused(front, recorder, what):
    with front.client() as client:
        client.send((REFUSED[what] + NEXT).replace(b"%b", authority(recorder)))
        answer = client.read()
        assert answer.status in (400, 403, 405, 413, 431, 501, 505), answer
        assert client.is_closed(), "one answer, and no second"
    assert not recorder.complete()


@pytest.mark.parametrize("what", list(SERVED))
def test_odd_but_clear_request_is_served_once(front, recorder, what):
    with front.client() as client:
        client.send((SERVED[what] + NEXT).replace(b"%b", authority(recorder)))
        assert [client.read().status, client.read().status] == [200, 200]
    lines = [entry[0] for entry in recorder.complete()]
    assert [line.split(" ")[1] for line in lines] == ["/x", "/smuggled"]
    for _, fields, _, _ in recorder.complete():
        assert fields.all("Host") == [authority(recorder).decode()]
        assert not ("Content-Length" in fields and "Transfer-Encoding" in fields)
        for name in ("Connection", "Upgrade", "HTTP2-Settings", "Expect", "Trailer"):
            assert name not in fields


def ask(front, recorder):
    return front.request("GET", f"http://127.0.0.1:{recorder.port}/x")


def check_next(front, recorder):
    """Whatever came before, the next client gets an answer of its own."""
    recorder.answer = recorder.GOOD
    assert ask(front, recorder).body == b"ok"


@pytest.mark.parametrize("what", list(BAD_ANSWERS))
def test_broken_answer_is_502(front, recorder, what):
    recorder.answer = BAD_ANSWERS[what]
    answer = ask(front, recorder)
    assert answer.status == 502, answer
    assert answer.error in ("upstream-bad-response", "upstream-closed")
    check_next(front, recorder)


@pytest.mark.parametrize("what", list(GOOD_ANSWERS))
def test_odd_but_clear_answer_is_relayed(front, recorder, what):
    recorder.answer = GOOD_ANSWERS[what]
    answer = ask(front, recorder)
    assert (answer.status, answer.body, answer.is_complete) == (200, b"ok", True), answer
    assert not {"X-Hop", "Keep-Alive", "Upgrade"} & {name for name, _ in answer.fields}
    check_next(front, recorder)


@pytest.mark.parametrize("what", list(CUT_ANSWERS))
def test_answer_that_breaks_off_is_never_presented_as_whole(front, recorder, what):
    recorder.answer = CUT_ANSWERS[what]
    answer = ask(front, recorder)
    assert (answer.status, answer.is_complete) == (200, False) or answer.status == 502, answer
    check_next(front, recorder)


def test_cut_request_is_never_completed(front, recorder):
    for octets in (REQUEST + b"Content-Length: 10\r\n\r\nabc",
                   REQUEST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
                   REQUEST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"):
        with front.client() as client:
            client.send(octets.replace(b"%b", authority(recorder)))
            client.sock.shutdown(socket.SHUT_WR)
            client.is_closed()
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
