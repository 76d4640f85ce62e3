# SPDX-License-Identifier: Apache-2.0
"""What the proxy writes: one line a request, no secrets, no forged lines, and never a wait for a reader."""
import errno
import fcntl
import json
import os
import re
import signal
import time

import harness
import http1
import pytest
from fake_aws import Identity
from scripted import Upstream, read_request

HOST = "bucket.s3.us-east-1.amazonaws.com"
BASE = f"http://{HOST}/"


def lines_with(proxy, text, count=1):
    """The log's lines that hold the text, once there are so many (the writer is a thread)."""
    def found():
        lines = [line for line in proxy.log.splitlines() if text in line]
        return lines if len(lines) >= count else None

    return harness.wait_until(found, 5, f"{count} lines with {text!r} in the log")


def test_one_access_line_a_request(aws, start_proxy):
    proxy = start_proxy(aws)
    assert proxy.request("PUT", BASE + "logged", body=b"12345").status == 200
    line, = lines_with(proxy, "/logged")
    for part in ("PUT", HOST, "/logged", "s3", "us-east-1", "200", "AKIA", "7EGG"):
        assert part in line, (part, line)
    assert harness.CANARY.access_key not in line


def test_refusals_and_failures_have_a_line_with_their_code(aws, start_proxy):
    proxy = start_proxy(aws)
    proxy.request("GET", "http://denied.example.com/denied-path")
    line, = lines_with(proxy, "/denied-path")
    assert "403" in line
    assert "host-denied" in line
    with proxy.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n")
        assert client.read().status == 400
    assert lines_with(proxy, "bad-request")


def test_query_is_left_out(aws, start_proxy):
    proxy = start_proxy(aws)
    proxy.request("GET", BASE + "with-query?X-Amz-Signature=abcdef0123&token=shown")
    line = lines_with(proxy, "/with-query")[0]
    assert "abcdef0123" not in proxy.log
    assert "shown" not in line


def test_hostile_path_forges_no_line(aws, start_proxy):
    proxy = start_proxy(aws)
    forged = b"2026-01-01T00:00:00.000Z ERROR forged"
    for octets in (b"a\x1b[2Jb\xff\xfe", b"a%0a" + forged, b"\xc2\x85" + forged, b"quote\"'" + forged):
        with proxy.client() as client:
            client.send(b"GET " + BASE.encode() + octets.replace(b" ", b"%20") + b" HTTP/1.1\r\nHost: "
                        + HOST.encode() + b"\r\n\r\n")
            client.read()
    with proxy.client() as client:
        client.send(b"GET " + BASE.encode() + b"x\n" + forged + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        client.read()
    lines_with(proxy, "forged", 3)
    raw = proxy.log_path.read_bytes()
    assert all(32 <= octet < 127 or octet == 10 for octet in raw)
    assert not [line for line in raw.splitlines() if line.startswith(forged[:24])]


@pytest.mark.parametrize("level", ["debug", "info"])
def test_secrets_are_masked_at_every_level(aws, start_proxy, level):
    """check_end() looks for the canaries; here every path that could show them is walked."""
    proxy = start_proxy(aws, f"log_level = {level}\nretry_base = 10ms")
    proxy.secrets += ["client-bearer-secret", "client-token-secret", "cookie-secret"]
    fields = [("Cookie", "cookie-secret"), ("X-Amz-Security-Token", "client-token-secret"),
              ("Proxy-Authorization", "Basic client-bearer-secret")]
    for path, fault in (("x", ""), ("generate/10", ""), ("generate/10", "reset=-1"),
                        ("generate/100000", "truncate=10"), ("y", "status=503:SlowDown")):
        proxy.request("GET", BASE + path, fields + [("Fake-Fault", fault)])
    proxy.request("GET", BASE + "x", [("Authorization", "Bearer client-bearer-secret")])
    wrong = aws.requests[-1].fields.get("Authorization")
    assert wrong is None or "client-bearer-secret" not in wrong
    signature = aws.requests[0].fields.get("Authorization").rsplit("=", 1)[1]
    lines_with(proxy, "/generate/10", 2)
    assert signature not in proxy.log


def test_wrong_secret_leaves_no_trace(aws, start_proxy):
    identity = Identity(harness.CANARY.access_key, "wrong-secret-to-be-masked", harness.CANARY.token)
    proxy = start_proxy(aws, "log_level = debug", identity=identity)
    proxy.secrets.append("wrong-secret-to-be-masked")
    assert proxy.request("GET", BASE + "x").status == 403


@pytest.fixture
def full_pipe():
    """The writing end of a pipe that is full and that nobody reads."""
    reader, writer = os.pipe()
    flags = fcntl.fcntl(writer, fcntl.F_GETFL)
    fcntl.fcntl(writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except OSError as error:
        assert error.errno == errno.EAGAIN
    fcntl.fcntl(writer, fcntl.F_SETFL, flags)
    yield writer
    os.close(reader)
    os.close(writer)


def test_full_pipe_holds_up_neither_requests_nor_the_end(aws, start_proxy, full_pipe):
    proxy = start_proxy(aws, "log_level = debug", stderr=full_pipe)
    with proxy.client() as client:
        for number in range(3000):
            assert client.request("GET", BASE + f"missing-{number}").status == 404
    start = time.monotonic()
    proxy.stop(5)
    assert time.monotonic() - start < 5 * harness.PATIENCE


def test_lost_lines_are_counted_when_the_reader_is_back(aws, start_proxy):
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    proxy = start_proxy(aws, "log_level = debug", stderr=writer)
    os.close(writer)
    with proxy.client() as client:
        for number in range(20000):
            client.send(f"GET {BASE}n-{number} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
            assert client.read().status == 404
            if number % 1000 == 999 and number > 3000:
                break
    os.set_blocking(reader, False)
    text = bytearray()

    def drained():
        try:
            text.extend(os.read(reader, 1 << 20))
        except BlockingIOError:
            pass
        return b"drop" in text or b"lost" in text or b"n-3999" in text

    harness.wait_until(drained, 10, "the lines, or the count of those dropped")
    os.close(reader)


# ---- fields and formats

FIELDS = ["client", "method", "host", "path", "service", "region", "key", "status", "code", "attempts", "in", "out",
          "ms", "turn_ms", "creds_ms", "connect_ms", "first_byte_ms", "upstream_id", "user", "reused", "ended",
          "identity", "action"]
TEXT_LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ACCESS \[(?P<id>[^\]]+)\](?P<rest>( [a-z_]+=(\"([^\"\\]|\\.)*\"|[^ \"]*))*)$")


def text_fields(line):
    """[(name, value)] of an access line, with quotes and escapes undone."""
    found = TEXT_LINE.match(line)
    assert found, line
    pairs = re.findall(r" ([a-z_]+)=(?:\"((?:[^\"\\]|\\.)*)\"|([^ \"]*))", found["rest"])

    def plain(text):
        text = re.sub(r"\\(x[0-9a-f]{2}|.)", lambda m: chr(int(m[1][1:], 16)) if m[1][0] == "x" else m[1], text)
        return text.encode("latin-1")

    return [(name, plain(quoted or bare)) for name, quoted, bare in pairs]


def access_lines(proxy, count):
    return lines_with(proxy, '"event":"access"' if "json" in proxy.conf_path.read_text() else " ACCESS [", count)


def test_access_line_has_the_documented_fields_in_order(aws, start_proxy):
    proxy = start_proxy(aws)
    assert proxy.request("PUT", BASE + "a%20b", body=b"12345").status == 200
    proxy.request("GET", "http://denied.example.com/path?query")
    refused = proxy.request("GET", BASE + "missing")
    lines = [text_fields(line) for line in access_lines(proxy, 3)]
    assert all([name for name, _ in line] == FIELDS for line in lines)
    put, denied, missing = map(dict, lines)
    for name, value in {"method": b"PUT", "host": HOST.encode(), "path": b"/a%20b", "service": b"s3",
                        "region": b"us-east-1", "key": b"AKIA...7EGG", "status": b"200", "code": b"-",
                        "attempts": b"1", "in": b"5", "user": b"-", "ended": b"-"}.items():
        assert put[name] == value, name
    assert missing["upstream_id"].decode() == refused.fields.get("x-amz-request-id")
    assert re.fullmatch(rb"127\.0\.0\.1:\d+", put["client"])
    for name in ("ms", "turn_ms", "creds_ms", "connect_ms", "first_byte_ms", "out"):
        assert put[name].isdigit(), name
    assert int(put["ms"]) >= int(put["first_byte_ms"])
    assert (denied["status"], denied["code"], denied["service"], denied["key"], denied["attempts"]) == (
        b"403", b"host-denied", b"-", b"-", b"0")
    assert (denied["host"], denied["path"]) == (b"denied.example.com", b"/path")


def test_names_and_passwords_in_a_target_are_not_shown(aws, start_proxy):
    proxy = start_proxy(aws, "log_level = debug\nlog_query = yes\n")
    for line in (f"GET http://user:hush@{HOST}/a HTTP/1.1\r\nHost: {HOST}", f"GET /a HTTP/1.1\r\nHost: u:hush@{HOST}",
                 "CONNECT u:hush@a.example:443 HTTP/1.1\r\nHost: a.example:443", "GET http://u:hush@a/ b HTTP/1.1\r\nHost: a",
                 "GET /a?X-Amz-Signature=hush b HTTP/1.1\r\nHost: a"):
        with proxy.client() as client:
            client.send(line + "\r\n\r\n")
            assert client.read().status in (400, 403)
    access_lines(proxy, 5)
    assert "hush" not in proxy.log


def test_wait_for_a_turn_is_in_the_line(aws, start_proxy):
    proxy = start_proxy(None, f'[route "*.amazonaws.com"]\nupstream = {aws.url}\nrate_limit = 4/s burst 1\n')
    for _ in range(2):
        assert proxy.request("GET", BASE + "generate/1").status == 200
    waited = dict(text_fields(access_lines(proxy, 2)[1]))
    assert int(waited["turn_ms"]) > 0
    assert int(waited["connect_ms"]) < int(waited["turn_ms"]) + int(waited["ms"])


def test_json_lines_hold_the_same(aws, start_proxy):
    proxy = start_proxy(aws, "log_format = json\nlog_level = debug\n")
    assert proxy.request("PUT", BASE + "a%20b", body=b"12345").status == 200
    line = json.loads(access_lines(proxy, 1)[0])
    assert list(line) == ["time", "level", "event", "id", *FIELDS]
    assert (line["status"], line["in"], line["code"], line["path"]) == (200, 5, None, "/a%20b")
    proxy.stop()
    parsed = [json.loads(one) for one in proxy.log.splitlines()]
    assert {"info", "debug"} <= {one["level"] for one in parsed}
    assert all("message" in one or one.get("event") == "access" for one in parsed)
    assert parsed[-1]["message"] == "stopped"


# What could be taken for another line, a terminal's command, or the end of a value.
FORGED = "2026-01-01T00:00:00.000Z ACCESS [c9] status=200"
HOSTILE = [
    b"\x1b[2J\x1b]0;title\x07", b"\x00\x01\x1f\x7f", b"a%0a%0d" + FORGED.replace(" ", "%20").encode(), b'"quote" status=200',
    b"'single'", b"back\\slash\\", b"\\x0a", b'","level":"error","x":"', b"\xff\xfe\xc0\x8a\xed\xa0\x80", b"\xc2\x85next",
    "\u2028line\u2029paragraph".encode(), "\u202egpj.exe".encode(), "\U0001f600".encode(), b"=", b"path= status=200",
    b"x" * 5000, b"\xff" * 4000, b"%" * 300, b"-", b"\xef\xbb\xbfbom", b"{}[]", b"\t tab", b"\x85\xa0",
]


def hostile_requests(proxy):
    """Each of HOSTILE as path, query, Host, field, method and behind a bare line feed."""
    for octets in HOSTILE:
        for head in (b"GET " + BASE.encode() + octets + b" HTTP/1.1\r\nHost: " + HOST.encode(),
                     b"GET " + BASE.encode() + b"?q=" + octets + b"&X-Amz-Signature=hush HTTP/1.1\r\nHost: a",
                     b"GET / HTTP/1.1\r\nHost: " + octets, b"GET http://" + octets + b"/ HTTP/1.1\r\nHost: a",
                     b"GET / HTTP/1.1\r\nHost: b.example\r\nX-Field: " + octets, octets + b" / HTTP/1.1\r\nHost: a",
                     b"GET /a\n" + FORGED.encode() + octets + b" HTTP/1.1\r\nHost: a",
                     b"CONNECT " + octets + b":443 HTTP/1.1\r\nHost: a"):
            with proxy.client() as client:
                try:
                    client.send(head + b"\r\nConnection: close\r\n\r\n")
                    client.read()
                except (OSError, http1.Truncated):
                    pass


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_that_a_client_sends_forges_a_line(aws, start_proxy, form):
    proxy = start_proxy(aws, f"log_format = {form}\nlog_level = debug\nlog_query = yes\nlog_failed_requests = yes\n"
                             "client_head_timeout = 2s\n")
    hostile_requests(proxy)
    proxy.stop()
    raw = proxy.log_path.read_bytes()
    assert all(32 <= octet < 127 or octet == 10 for octet in raw)
    lines = raw.decode().splitlines()
    if form == "json":
        access = [one for one in map(json.loads, lines) if one.get("event") == "access"]
        assert all(list(one)[-len(FIELDS):][-5:] == FIELDS[-5:] and one["status"] >= 0 for one in access)
        assert not [one for one in map(json.loads, lines) if one["level"] == "error"]
        ids = [one["id"] for one in access]
    else:
        access = [text_fields(one) for one in lines if re.match(r"\S+ ACCESS \[", one)]
        assert all([name for name, _ in one if name != "query"] == FIELDS for one in access)
        ids = [TEXT_LINE.match(one)["id"] for one in lines if re.match(r"\S+ ACCESS \[", one)]
    assert len(ids) == len(set(ids)) >= len(HOSTILE) * 7  # one line a request, none that was made up
    assert "c9" not in ids and "hush" not in raw.decode()


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_that_an_upstream_answers_forges_a_line(start_proxy, form):
    answers = iter(HOSTILE)

    def talk(sock):
        wire = http1.Wire(sock)
        while read_request(wire) is not None:
            octets = next(answers)
            field = re.sub(rb"[\x00-\x08\x0a-\x1f\x7f]", b"", octets)[:3000]
            sock.sendall(b"HTTP/1.1 403 F\r\nx-amz-request-id: " + field + b"\r\nContent-Length: %d\r\n\r\n" % len(octets)
                         + octets)

    with Upstream(talk) as upstream:
        proxy = start_proxy(None, f"log_format = {form}\nlog_failed_requests = yes\n" + upstream.route())
        for _ in HOSTILE:
            assert proxy.request("GET", BASE + "x").status == 403
        proxy.stop()
    raw = proxy.log_path.read_bytes()
    assert all(32 <= octet < 127 or octet == 10 for octet in raw)
    lines = raw.decode().splitlines()
    if form == "json":
        access = [one for one in map(json.loads, lines) if one.get("event") == "access"]
    else:
        access = [text_fields(one) for one in lines if re.match(r"\S+ ACCESS \[", one)]
    assert len(access) == len(HOSTILE)


def test_query_is_shown_where_it_is_asked_for_and_grants_are_not(aws, start_proxy):
    proxy = start_proxy(aws, "log_query = yes\n")
    proxy.request("GET", BASE + "k?list-type=2&X-Amz-Signature=hush&X%2DAmz-Security-Token=hush2&password=hush3")
    (line,) = access_lines(proxy, 1)
    assert dict(text_fields(line))["query"] == (
        b"list-type=2&X-Amz-Signature=***&X%2DAmz-Security-Token=***&password=***")
    assert "hush" not in proxy.log


def test_access_lines_can_be_left_out(aws, start_proxy):
    proxy = start_proxy(aws, "log_access = no\n")
    assert proxy.request("GET", BASE + "generate/1").status == 200
    assert proxy.request("GET", "http://denied.example.com/").status == 403
    lines_with(proxy, "host-denied")
    proxy.reload("log_access = yes\n" + proxy.conf_path.read_text().split("log_access = no\n")[1])
    assert proxy.request("GET", BASE + "generate/1").status == 200
    access_lines(proxy, 1)
    proxy.stop()
    assert proxy.log.count(" ACCESS [") == 1  # requests are counted all the same, and told again after the reload


# ---- the file


def test_log_file_is_opened_anew_at_sigusr1_and_no_line_is_lost(aws, start_proxy, tmp_path):
    path = tmp_path / "proxy.log"
    proxy = start_proxy(aws, f"log_file = {path}\n")
    with proxy.client() as client:
        for number in range(400):
            if number % 100 == 50:
                path.rename(tmp_path / f"proxy.log.{number}")
                proxy.signal(signal.SIGUSR1)
                harness.wait_until(path.exists, what="the new file")
            assert client.request("GET", BASE + f"generate/1?n={number}").status == 200
    proxy.stop()
    files = [path, *tmp_path.glob("proxy.log.*")]
    assert len(files) == 5
    assert sum(one.read_text().count(" ACCESS [") for one in files) == 400
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().endswith(" INFO stopped\n")
    assert proxy.log == ""


@pytest.mark.parametrize("end", ["abort", "asked twice"])
def test_no_line_is_lost_with_a_process_that_ends_at_once(aws, start_proxy, tmp_path, end):
    path = tmp_path / "proxy.log"
    proxy = start_proxy(aws, f"log_file = {path}\npre_stop_wait = 60s\n")
    with proxy.client() as client:
        for number in range(51):  # an answer is out a moment before its line is made: the 51st is that of the 50th
            assert client.request("GET", BASE + f"generate/1?n={number}").status == 200
        if end == "abort":
            proxy.signal(signal.SIGABRT)
            proxy.check_end(code=-signal.SIGABRT)
        else:
            proxy.signal(signal.SIGTERM)
            harness.wait_until(lambda: "stopping: " in path.read_text(), what="the first word")
            proxy.signal(signal.SIGTERM)
            proxy.check_end(code=1)
    proxy.process = None
    assert path.read_text().count(" ACCESS [") >= 50


def test_log_file_that_can_not_be_made_is_said(start_proxy, tmp_path):
    proxy = start_proxy(conf=f"log_file = {tmp_path}/no/folder\n", is_ready=False)
    assert proxy.process.wait(20) == 1
    assert f"log_file: {tmp_path}/no/folder: No such file or directory" in proxy.log
    proxy.process = None
    busy = start_proxy()
    proxy = start_proxy(conf=f"log_file = {tmp_path}/log\n", arguments=[f"--listen=127.0.0.1:{busy.port}"],
                        is_ready=False)
    assert proxy.process.wait(20) == 1
    assert "Address already in use" in proxy.log and "Address already in use" in (tmp_path / "log").read_text()
    proxy.process = None


def test_sigusr1_without_a_file_is_said(aws, start_proxy):
    proxy = start_proxy(aws)
    proxy.signal(signal.SIGUSR1)
    lines_with(proxy, "SIGUSR1: the log goes to no file")
    assert proxy.request("GET", BASE + "generate/1").status == 200
