# SPDX-License-Identifier: Apache-2.0
"""Retries: what is tried again, how often and when, and what of it the client sees."""
import gzip
import json
import os
import re
import time

import harness
import http1
import pattern
import pytest
import scripted
from fake_aws.s3 import Answer
from retrying import EARLY, JSON, QUICK, S3, XML, attempts, call, fail, gaps, reply, together


# -- how often, and when


def test_throttled_request_succeeds_and_the_client_sees_nothing_of_it(quick, aws):
    fail(aws, "status=503:SlowDown", 2)
    answer = quick.request("GET", S3 + "generate/100")
    assert answer.status == 200 and answer.body == pattern.octets(100)
    assert attempts(answer) == 3 and len(aws.requests) == 3
    first, second = gaps(aws)
    assert EARLY * 20 <= first < 40 + 200 * harness.PATIENCE and EARLY * 40 <= second < 80 + 200 * harness.PATIENCE
    harness.wait_until(lambda: re.search(r"ACCESS .*status=200 .*attempts=3", quick.log))
    assert re.search(r"retry attempt=1 reason=SlowDown wait_ms=20\b", quick.log)
    assert re.search(r"retry attempt=2 reason=SlowDown wait_ms=40\b", quick.log)


def test_last_error_is_relayed_as_it_came(quick, aws):
    body = b"<Error><Code>SlowDown</Code><Message>&#1; odd \r\n octets \xff</Message></Error>"
    reply(aws, 503, [XML, ("x-amz-request-id", "R1"), ("X-Odd", "yes")], body, times=6)
    answer = quick.request("GET", S3 + "generate/1")
    assert (answer.status, answer.body) == (503, body)
    assert answer.fields.get("X-Odd") == "yes" and answer.error is None
    assert attempts(answer) == 6 and len(aws.requests) == 6
    for gap, want in zip(gaps(aws), (20, 40, 80, 160, 320)):
        assert EARLY * want <= gap < want + 200 * harness.PATIENCE


def test_waits_end_at_the_cap(start_proxy, aws):
    proxy = start_proxy(aws, "[retry]\nretry_base = 20ms\nretry_cap = 50ms\nretry_jitter = none\n"
                             "retry_max_attempts = 5\n")
    fail(aws, "status=500:InternalError", 9)
    assert proxy.request("GET", S3 + "generate/1").status == 500
    for gap, want in zip(gaps(aws), (20, 40, 50, 50), strict=True):
        assert EARLY * want <= gap < want + 200 * harness.PATIENCE


def test_jitter_spreads_those_who_failed_together(start_proxy, aws):
    proxy = start_proxy(aws, "[retry]\nretry_base = 1s\nretry_budget = 100000\n")
    for i in range(50):
        fail(aws, "status=503:SlowDown", match=f"GET /generate/{i}")
    together(50, lambda i: proxy.request("GET", S3 + f"generate/{i}"))
    harness.wait_until(lambda: proxy.log.count(" ACCESS [") == 50)
    waits = sorted(int(w) for w in re.findall(r"retry attempt=1 .*wait_ms=(\d+)", proxy.log))
    assert len(waits) == 50
    worst = max(max(abs((i + 1) / 50 - w / 1000), abs(i / 50 - w / 1000))
                for i, w in enumerate(waits))
    # Kolmogorov-Smirnov, so loose that an honest draw fails once in 10^8; the sharp test has a seed.
    assert worst < 0.45, waits


@pytest.mark.parametrize("conf,env,tries", [
    ("retry_mode = off", {}, 1),
    ("retry_max_attempts = 1", {}, 1),
    ("", {"AWS_MAX_ATTEMPTS": "2"}, 2),
    ("", {"AWS_MAX_ATTEMPTS": "2", "SIGV4_PROXY_RETRY_MAX_ATTEMPTS": "3"}, 3),
    ("", {"AWS_RETRY_MODE": "legacy"}, 6),
])
def test_settings_say_how_often(start_proxy, aws, conf, env, tries):
    proxy = start_proxy(aws, QUICK + conf + "\n", env=env)
    fail(aws, "status=503:SlowDown", 9)
    assert proxy.request("GET", S3 + "generate/1").status == 503
    assert len(aws.requests) == tries


def test_route_has_settings_of_its_own(start_proxy, aws):
    proxy = start_proxy(conf=QUICK + f"[route \"bucket.*\"]\nupstream = {aws.url}\n"
                                     f"retry_max_attempts = 2\n"
                                     f"[route \"*.amazonaws.com\"]\nupstream = {aws.url}\n"
                                     f"retry_mode = off\n")
    fail(aws, "status=503:SlowDown", 9)
    assert proxy.request("GET", S3 + "generate/1").status == 503
    assert len(aws.requests) == 2
    assert call(proxy, "DynamoDB_20120810.ListTables").status == 503
    assert len(aws.requests) == 3


@pytest.mark.parametrize("env,named", [
    ({"AWS_MAX_ATTEMPTS": "0"}, "AWS_MAX_ATTEMPTS"), ({"AWS_MAX_ATTEMPTS": "abc"}, "AWS_MAX_ATTEMPTS"),
    ({"AWS_RETRY_MODE": "bogus"}, "AWS_RETRY_MODE"),
    ({"SIGV4_PROXY_RETRY_MODE": "adaptive"}, "SIGV4_PROXY_RETRY_MODE"),
    ({"AWS_PROFILE": "wrong"}, "max_attempts"),
])
def test_wrong_settings_refuse_to_start(tmp_path, env, named):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[profile wrong]\nmax_attempts = 0\n")
    done = harness.run_binary("run", "--listen", "127.0.0.1:0", "--admin", "off", folder=tmp_path, env=env)
    assert done.returncode == 1
    assert named in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_profile_of_a_route_says_how_often(tmp_path):
    (tmp_path / ".aws").mkdir()
    shared = tmp_path / ".aws" / "config"
    shared.write_text("[default]\nmax_attempts = 5\n[profile y]\nmax_attempts = 2\n")
    conf = tmp_path / "p.conf"
    conf.write_text('[route "sqs.*"]\nprofile = y\n')

    def allowed(host):
        done = harness.run_binary("explain", "--config", str(conf), "--format", "json", host, folder=tmp_path)
        return json.loads(done.stdout)["retries"]["max_attempts"]

    assert allowed("sqs.eu-west-1.amazonaws.com") == 2
    assert allowed("sns.eu-west-1.amazonaws.com") == 5
    shared.write_text("[profile y]\nmax_attempts = 0\n")
    done = harness.run_binary("explain", "--config", str(conf), "sns.eu-west-1.amazonaws.com", folder=tmp_path)
    assert done.returncode == 1 and "profile y" in done.stderr and "max_attempts" in done.stderr


@pytest.mark.parametrize("line", [
    "retry_mode = on", "retry_max_attempts = 0", "retry_base = 0s", "retry_cap = -1s",
    "retry_jitter = half", "retry_budget = -1", "retry_post = maybe", "retry_status = 200", "retry_queue = all",
    "retry_sdk_clients = 2", "attempts_header = ja", "rate_limit_queue = x", "rate_limit_wait = soon",
    '[route "a"]\nrate_limit = 0/s', '[route "a"]\nretry_jitter = half', '[route "a"]\nretry_queue = 1'])
def test_wrong_lines_are_named(tmp_path, line):
    conf = tmp_path / "p.conf"
    conf.write_text(f"[retry]\n{line}\n")
    done = harness.run_binary("check-config", "--config", str(conf), folder=tmp_path)
    assert done.returncode == 1
    assert f"p.conf:{conf.read_text().count(chr(10))}: " in done.stderr
    assert line.rsplit("\n", 1)[-1].split(" =")[0] in done.stderr


# -- what is retried

RETRIED = {
    "json with a namespace": (400, [JSON], b'{"__type":"com.amazonaws.dynamodb.v20120810#Provisioned'
                                           b'ThroughputExceededException","message":"slower"}'),
    "json": (400, [JSON], b'{"__type":"ThrottlingException"}'),
    "header alone": (400, [("x-amzn-errortype", "ThrottlingException:http://x/")], b""),
    "query-compatible": (400, [JSON, ("x-amzn-query-error", "RequestThrottled;Sender")], b"{}"),
    "sqs query": (403, [("Content-Type", "text/xml")],
                  b"<ErrorResponse><Error><Code>RequestThrottled</Code></Error></ErrorResponse>"),
    "s3": (503, [XML], b"<Error><Code>SlowDown</Code></Error>"),
    "ec2": (503, [("Content-Type", "text/xml")],
            b"<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>"),
    "429 without a body": (429, [], b""),
    "509": (509, [], b"<html>"),
    "500": (500, [JSON], b"{}"),
    "502": (502, [], b""),
    "504": (504, [], b""),
    "request timeout": (400, [XML], b"<Error><Code>RequestTimeout</Code></Error>"),
    "gzip": (503, [XML, ("Content-Encoding", "gzip")], gzip.compress(b"<Error>")),
}
FINAL = {
    "validation": (400, [JSON], b'{"__type":"ValidationException"}'),
    "denied": (403, [XML], b"<Error><Code>AccessDenied</Code></Error>"),
    "501": (501, [XML], b"<Error><Code>NotImplemented</Code></Error>"),
    "505": (505, [], b""),
    "404": (404, [XML], b"<Error><Code>NoSuchKey</Code></Error>"),
    "409": (409, [], b""),
    "412": (412, [], b""),
    "416": (416, [], b""),
    "word elsewhere": (400, [JSON], b'{"message":"ThrottlingException"}'),
    "nested": (400, [JSON], b'{"a":{"__type":"ThrottlingException"}}'),
    "page": (400, [("Content-Type", "text/html")], b"<Error><Code>SlowDown</Code></Error>"),
    "redirect without a region": (307, [("Location", "http://169.254.169.254/")], b""),
    "evil region": (301, [("x-amz-bucket-region", "x/../evil")], b""),
}


RAW = {
    "length": b"HTTP/1.1 503 Slow Down\r\nx-ODD: a  b\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nRetry-After: x\r\n"
              b"Content-Type: text/xml\r\nContent-Length: 4\r\n\r\n\0\r\n\xff",
    "chunked": b"HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
               b"3\r\nabc\r\n2;e=1\r\nde\r\n0\r\nX-T: 1\r\n\r\n",
    "to the end": b"HTTP/1.0 502 Bad\r\nServer: old\r\n\r\n" + bytes(range(256)) * 100,
    "longer than what is held": b"HTTP/1.1 503 x\r\nContent-Length: 90000\r\n\r\n" + b"0123456789" * 9000,
    "without a body": b"HTTP/1.1 429 x\r\nRetry-After: 99\r\nContent-Length: 0\r\n\r\n",
    "final": b"HTTP/1.1 400 x\r\nContent-Type: application/json\r\nContent-Length: 23\r\n\r\n"
             b'{"__type":"Validation"}',
    "final, chunked": b"HTTP/1.1 403 x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n<Error\r\n1\r\n>\r\n0\r\n\r\n",
    "redirect": b"HTTP/1.1 301 x\r\nx-amz-bucket-region: ..\r\nLocation: http://a/\r\nContent-Length: 1\r\n\r\nx",
}


@pytest.mark.parametrize("name", RAW)
def test_what_is_not_retried_in_the_end_is_octet_by_octet_what_it_is_without_retries(start_proxy, name):
    def talk(sock):
        wire = http1.Wire(sock)
        while wire.read_head():
            sock.sendall(RAW[name])
            if b"HTTP/1.0" in RAW[name]:
                return
    with scripted.Upstream(talk) as server:
        seen = []
        for mode in ("standard", "off"):
            proxy = start_proxy(conf=server.route() + f"retry_mode = {mode}\nretry_base = 1ms\nretry_max_attempts = 3\n")
            with proxy.client() as client:
                client.send("GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
                answer = client.read()
            seen.append((answer.raw_head, answer.body, answer.is_complete))
    assert seen[0] == seen[1] and seen[0][2]
    assert "chunked" in name or RAW[name].endswith(b"\r\n\r\n" + seen[0][1])


@pytest.mark.parametrize("name", RETRIED)
def test_error_is_retried(quick, aws, name):
    status, fields, body = RETRIED[name]
    reply(aws, status, fields, body)
    answer = quick.request("GET", S3 + "generate/7")
    assert (answer.status, answer.body) == (200, pattern.octets(7))
    assert attempts(answer) == 2


@pytest.mark.parametrize("name", FINAL)
def test_error_is_final_and_untouched(quick, aws, name):
    status, fields, body = FINAL[name]
    reply(aws, status, fields, body)
    answer = quick.request("GET", S3 + "generate/7")
    assert (answer.status, answer.body) == (status, body)
    for field, value in fields:
        assert answer.fields.get(field) == value
    assert len(aws.requests) == 1


def test_head_is_retried_by_status(quick, aws):
    fail(aws, "status=503:SlowDown")
    answer = quick.request("HEAD", S3 + "generate/7")
    assert answer.status == 200 and answer.fields.get("Content-Length") == "7"
    assert len(aws.requests) == 2


def test_large_error_streams(quick, aws):
    pieces = [b"x" * 65536] * 16
    aws.replies["big"] = Answer(400, [XML], iter(pieces), length=1 << 20)
    fail(aws, "reply=big;slow=65536:0.2")
    with quick.client() as client:
        client.start("GET", S3 + "generate/1", host="bucket.s3.us-east-1.amazonaws.com")
        answer = client.read_head()
        assert aws.requests[-1].sent < 1 << 20, "the server is not through yet"
        assert answer.status == 400
        assert b"".join(client.body_pieces(answer)) == b"".join(pieces)


def test_large_retryable_error_is_relayed_whole_in_the_end(start_proxy, aws):
    proxy = start_proxy(aws, QUICK + "retry_max_attempts = 3\ntotal_timeout = 30s\n")
    body = os.urandom(300000)
    reply(aws, 503, [("Content-Type", "application/octet-stream")], body, times=1)
    fail(aws, "status=503:SlowDown", 9)
    answer = proxy.request("GET", S3 + "generate/1")
    assert answer.status == 503 and len(aws.requests) == 3
    aws.clear()
    reply(aws, 503, [("Retry-After", "3600")], body)
    answer = proxy.request("GET", S3 + "generate/1")
    assert (answer.status, answer.body) == (503, body)


def test_error_that_stalls_is_streamed_after_a_second(quick, aws):
    reply(aws, 400, [JSON], b'{"__type":"Throttling"}' + b" " * 20)
    aws.faults.waiting[-1][1] += ";chunked;stall-body=10:2"
    with quick.client() as client:
        started = time.monotonic()
        client.start("GET", S3 + "generate/1", host="bucket.s3.us-east-1.amazonaws.com")
        answer = client.read_head()
        assert 0.9 < time.monotonic() - started < 1.6 * harness.PATIENCE
        assert b"".join(client.body_pieces(answer)) == b'{"__type":"Throttling"}' + b" " * 20
    assert len(aws.requests) == 1


def test_answer_that_breaks_off_is_not_retried(quick, aws):
    fail(aws, "reset=5000")
    answer = quick.request("GET", S3 + "generate/10000")
    assert answer.status == 200 and not answer.is_complete
    assert len(aws.requests) == 1


def test_compressed_error_reaches_the_client_as_it_came(start_proxy, aws):
    proxy = start_proxy(aws, QUICK + "retry_max_attempts = 2\n")
    body = gzip.compress(os.urandom(5000))
    reply(aws, 503, [XML, ("Content-Encoding", "gzip")], body, times=2)
    answer = proxy.request("GET", S3 + "generate/1")
    assert (answer.status, answer.body) == (503, body)
    assert answer.fields.get("Content-Encoding") == "gzip" and len(aws.requests) == 2


def test_error_that_breaks_off_is_retried_by_its_status(quick, aws):
    reply(aws, 503, [XML], b"<Error><Code>SlowDown</Code></Error>")
    aws.faults.waiting[-1][1] += ";reset=10"
    assert quick.request("GET", S3 + "generate/3").body == pattern.octets(3)
    assert len(aws.requests) == 2


# -- hints


def test_retry_after_is_waited_for(quick, aws):
    reply(aws, 503, [("Retry-After", "1")])
    assert quick.request("GET", S3 + "generate/1").status == 200
    assert EARLY * 1000 <= gaps(aws)[0] < 1400 * harness.PATIENCE


def test_long_retry_after_is_the_clients(quick, aws):
    reply(aws, 503, [("Retry-After", "3600")], b"later")
    answer = quick.request("GET", S3 + "generate/1")
    assert (answer.status, answer.body, answer.fields.get("Retry-After")) == (503, b"later", "3600")
    assert len(aws.requests) == 1


def test_amz_retry_after_is_in_milliseconds(quick, aws):
    reply(aws, 400, [JSON, ("x-amz-retry-after", "300")], b'{"__type":"ThrottlingException"}')
    assert quick.request("GET", S3 + "generate/1").status == 200
    assert EARLY * 300 <= gaps(aws)[0] < 600 * harness.PATIENCE
