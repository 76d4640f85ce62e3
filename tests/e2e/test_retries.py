# SPDX-License-Identifier: Apache-2.0
"""Retries: what is sent again, when, signed how, and what the client sees of it."""
import datetime
import gzip
import hashlib
import json
import os
import pathlib
import random
import re
import resource
import socket
import threading
import time

import aws_chunks
import harness
import pattern
import pytest
import storm
from fake_aws import FakeAws, Identity
from fake_aws.s3 import Answer
from stub_dns import StubDns

S3 = "http://bucket.s3.us-east-1.amazonaws.com/"
DYNAMODB = "http://dynamodb.us-east-1.amazonaws.com/"
QUICK = "[retry]\nretry_base = 20ms\nretry_cap = 400ms\nretry_jitter = none\nattempts_header = yes\n"
JSON = ("Content-Type", "application/x-amz-json-1.0")
XML = ("Content-Type", "application/xml")
CRC = "x-amz-checksum-crc32"
EARLY = 0.7  # timers count from the loop's clock, which is a turn old


@pytest.fixture(scope="module")
def module_proxy(shared_aws, authority, tmp_path_factory):
    from conftest import routes
    with harness.running(tmp_path_factory.mktemp("retries"), conf=QUICK + routes(shared_aws),
                         ca_bundle=authority.bundle) as running:
        yield running


@pytest.fixture
def quick(module_proxy, aws):
    """A proxy that waits 20, 40, 80, 160, 320 ms."""
    return module_proxy


def fail(aws, script, times=1, match="*"):
    aws.faults.add(match, script, times)


def reply(aws, status, fields=(), body=b"", times=1, match="*"):
    """The stand-in's next answers, as they stand; the signature is checked all the same."""
    name = f"r{len(aws.replies)}"
    aws.replies[name] = Answer(status, list(fields), body)
    fail(aws, f"reply={name}", times, match)


def attempts(answer):
    return int(answer.fields.get("X-Sigv4-Proxy-Attempts", "0"))


def gaps(aws):
    """Times between the requests that the stand-in saw, in ms."""
    times = [r.head_at for r in aws.requests]
    return [(b - a) * 1000 for a, b in zip(times, times[1:])]


def call(proxy, target, body=b"{}", fields=()):
    """A call of a JSON service."""
    return proxy.request("POST", DYNAMODB, [JSON, ("X-Amz-Target", target), *fields], body)


def together(n, job):
    """n threads, each job(i); their results."""
    results = [None] * n

    def run(i):
        results[i] = job(i)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


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
])
def test_wrong_settings_refuse_to_start(tmp_path, env, named):
    done = harness.run_binary("run", "--listen", "127.0.0.1:0", "--admin", "off", folder=tmp_path, env=env)
    assert done.returncode == 1
    assert named in done.stderr


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
    fail(aws, "reply=big;slow=65536:0.05")
    with quick.client() as client:
        client.start("GET", S3 + "generate/1", host="bucket.s3.us-east-1.amazonaws.com")
        started = time.monotonic()
        answer = client.read_head()
        assert time.monotonic() - started < 0.4 * harness.PATIENCE
        assert answer.status == 400
        assert b"".join(client.body_pieces(answer)) == b"".join(pieces)


def test_large_retryable_error_is_relayed_whole_in_the_end(start_proxy, aws):
    proxy = start_proxy(aws, QUICK + "retry_max_attempts = 3\ntotal_timeout = 300ms\n")
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


# -- methods and bodies


@pytest.mark.parametrize("mode,target,tries", [
    ("classified", "GetItem", 2), ("classified", "PutItem", 1), ("always", "PutItem", 2),
    ("always", "GetItem", 2), ("never", "GetItem", 1), ("never", "PutItem", 1)])
def test_post_without_an_answer(start_proxy, aws, mode, target, tries):
    proxy = start_proxy(aws, QUICK + f"retry_post = {mode}\n")
    fail(aws, "reset=-1")
    answer = call(proxy, "DynamoDB_20120810." + target)
    assert answer.status == (200 if tries == 2 else 502)
    assert len(aws.requests) == tries


@pytest.mark.parametrize("mode,status,tries", [
    ("classified", "500:InternalServerError", 2), ("never", "500:InternalServerError", 1),
    ("never", "503:ServiceUnavailable", 2), ("never", "400:ThrottlingException", 2)])
def test_post_with_an_answer(start_proxy, aws, mode, status, tries):
    proxy = start_proxy(aws, QUICK + f"retry_post = {mode}\n")
    fail(aws, "status=" + status)
    assert call(proxy, "DynamoDB_20120810.PutItem").status == (200 if tries == 2 else 500)
    assert len(aws.requests) == tries


@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_body_is_sent_again_whole(quick, aws, size, chunked):
    data = os.urandom(size)
    fail(aws, "status=503:SlowDown", 2)
    if chunked:
        with quick.client() as client:
            client.start("PUT", S3 + "discard/x", [("Transfer-Encoding", "chunked")],
                         host="bucket.s3.us-east-1.amazonaws.com")
            for at in range(0, size, 60000):
                piece = data[at:at + 60000]
                client.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
            client.send("0\r\n\r\n")
            answer = client.read()
    else:
        answer = quick.request("PUT", S3 + "discard/x", (), data)
    assert answer.status == 200 and len(aws.requests) == 3
    assert aws.requests[-1].sha256 == hashlib.sha256(data).hexdigest()


def test_hashed_body_is_sent_again_whole(quick, aws):
    data = os.urandom(100_000)
    fail(aws, "status=400:ThrottlingException")
    answer = call(quick, "DynamoDB_20120810.PutItem", data)
    assert json.loads(answer.body)["sha256"] == hashlib.sha256(data).hexdigest()
    assert [r.sha256 for r in aws.requests] == [hashlib.sha256(data).hexdigest()] * 2


@pytest.mark.parametrize("size", [1, 65536, 70_000, 3_000_000])
@pytest.mark.parametrize("trailer", [False, True])
@pytest.mark.parametrize("tls", [True, False])
def test_aws_chunked_body_is_framed_anew_each_time(start_proxy, certificate, size, trailer, tls):
    """Over TLS the frames go, or become an unsigned trailer; in the clear each chunk is signed."""
    data = os.urandom(size)
    with FakeAws([harness.CANARY], certificate if tls else None) as server:
        proxy = start_proxy(server, QUICK)
        fail(server, "status=503:SlowDown", 2)
        trailers = [(CRC, aws_chunks.crc32(data))] if trailer else []
        fields = aws_chunks.fields(size, aws_chunks.UNSIGNED_TRAILER if trailer else aws_chunks.SIGNED,
                                   trailer=CRC if trailer else None)
        body = aws_chunks.frame(data, is_signed=not trailer, trailers=trailers)
        answer = proxy.request("PUT", S3 + "k", fields, body)
        assert answer.status == 200 and attempts(answer) == 3, answer
        assert proxy.request("GET", S3 + "k").body == data


def test_uploads_of_all_kinds_arrive_whole(start_proxy, own_aws):
    """Sizes around the store's edges, pieces and pauses by lot, every second attempt refused at some
    moment; what the server keeps in the end is what the client sent."""
    proxy = start_proxy(own_aws, "[retry]\nretry_base = 5ms\nretry_max_attempts = 1000\nretry_cap = 20ms\n"
                                 "retry_budget = 100000\n[limits]\nbody_memory = 100k\n",
                        arguments=("--workers", "4"))
    lots = random.Random(66)
    own_aws.throttle = lambda: lots.random() < 0.6

    def send(client, dice, key):
        data = dice.randbytes(dice.choice((0, 1, 16384, 65536, 102400, 102401, 150_000, 700_000)))
        kind = dice.choice(("length", "chunked", "framed"))
        fields, body = [("Content-Length", str(len(data)))], data
        if kind == "framed":
            body = aws_chunks.frame(data, dice.choice((8192, 65536, 70_001)))
            fields = aws_chunks.fields(len(data)) + [("Content-Length", str(len(body)))]
        elif kind == "chunked":
            fields = [("Transfer-Encoding", "chunked")]
        client.start("PUT", S3 + key, fields, host="bucket.s3.us-east-1.amazonaws.com")
        at = 0
        while at < len(body):
            piece = body[at:at + dice.choice((1, 5000, 50_000, 200_000))]
            at += len(piece)
            client.send(b"%x\r\n" % len(piece) + piece + b"\r\n" if kind == "chunked" else piece)
            if dice.random() < 0.2:
                time.sleep(0.01)
        if kind == "chunked":
            client.send(b"0\r\n\r\n")
        return data, client.read()

    def one(i):
        dice = random.Random(i)
        for n in range(25):
            own_aws.faults.add("PUT /*", dice.choice(("early=503:30000", "reset=-1")), dice.randrange(3))
            with proxy.client() as client:
                data, answer = send(client, dice, f"{i}-{n}")
            assert answer.status == 200, answer
            assert own_aws.s3.buckets["bucket"][f"{i}-{n}".encode()].data == data
        return True
    assert together(4, one) == [True] * 4
    assert proxy.log.count("retry attempt") > 50


@pytest.mark.heavy
def test_upload_beyond_replay_max_goes_once_and_gets_its_error(quick, aws):
    piece = bytes(1 << 20)
    reply(aws, 503, [XML], b"<Error><Code>SlowDown</Code></Error>", times=9)  # after the body
    with quick.client() as client:
        client.start("PUT", S3 + "discard/x", [("Content-Length", str(200 << 20))],
                     host="bucket.s3.us-east-1.amazonaws.com")
        for _ in range(200):
            client.send(piece)
        answer = client.read()
    assert answer.status == 503 and b"SlowDown" in answer.body
    assert len(aws.requests) == 1 and aws.requests[0].length == 200 << 20
    assert metrics(quick)['retry_denied_total{reason="body"}'] >= 1


def test_body_larger_than_replay_max_is_sent_once(start_proxy, aws):
    proxy = start_proxy(aws, QUICK + "[limits]\nreplay_max = 2m\n")
    fail(aws, "status=503:SlowDown", 9)
    assert proxy.request("PUT", S3 + "discard/x", (), bytes(3 << 20)).status == 503
    assert len(aws.requests) == 1
    harness.wait_until(lambda: "not tried again after 1 attempts: body" in proxy.log)
    assert proxy.request("PUT", S3 + "discard/x", (), bytes(2 << 20)).status == 503
    assert len(aws.requests) == 7


@pytest.mark.parametrize("folder", ["/proc", "/nowhere"])
def test_without_a_spool_folder_large_bodies_go_once(start_proxy, aws, folder):
    proxy = start_proxy(aws, QUICK + f"[limits]\nspool_dir = {folder}\n")
    data = os.urandom(2_000_000)
    assert proxy.request("PUT", S3 + "discard/x", (), data).status == 200
    assert aws.requests[-1].sha256 == hashlib.sha256(data).hexdigest()
    aws.clear()
    fail(aws, "status=503:SlowDown", 9)
    assert proxy.request("PUT", S3 + "discard/x", (), data).status == 503
    assert len(aws.requests) == 1


def test_upload_goes_on_while_the_request_waits(start_proxy, aws):
    proxy = start_proxy(aws, "[retry]\nretry_base = 600ms\nretry_jitter = none\n")
    data = os.urandom(4_000_000)
    fail(aws, "early=503:100000")
    with proxy.client() as client:
        client.start("PUT", S3 + "discard/x", [("Content-Length", str(len(data)))],
                     host="bucket.s3.us-east-1.amazonaws.com")
        client.send(data[:1_000_000])
        harness.wait_until(lambda: "retry attempt=1" in proxy.log, what="the first refusal")
        started = time.monotonic()
        client.send(data[1_000_000:])  # taken while no upstream is there to take it
        assert time.monotonic() - started < 0.5 * harness.PATIENCE
        assert client.read().status == 200
    assert aws.requests[-1].sha256 == hashlib.sha256(data).hexdigest()


def test_throttling_is_learnt_before_the_body(quick, aws):
    fail(aws, "status=503:SlowDown")
    data = os.urandom(50_000)
    with quick.client() as client:
        client.start("PUT", S3 + "discard/x", [("Content-Length", str(len(data))),
                                               ("Expect", "100-continue")],
                     host="bucket.s3.us-east-1.amazonaws.com")
        head = client.wire.read_head()
        assert head[0].startswith("HTTP/1.1 100")
        client.send(data)
        assert client.read().status == 200
    assert aws.requests[0].length == 0 and aws.requests[1].length == len(data)


# -- signatures


def test_each_attempt_is_dated_and_signed_anew(start_proxy, aws):
    proxy = start_proxy(aws, "[retry]\nretry_base = 1100ms\nretry_jitter = none\n")
    fail(aws, "status=503:SlowDown")
    assert proxy.request("GET", S3 + "generate/1").status == 200
    first, second = aws.requests
    assert first.fields.get("X-Amz-Date") < second.fields.get("X-Amz-Date")
    assert first.fields.get("Authorization") != second.fields.get("Authorization")
    assert len(second.fields.all("Authorization")) == 1


def test_signature_in_the_url_is_made_anew(start_proxy, aws):
    proxy = start_proxy(conf=f"[route \"*.amazonaws.com\"]\nupstream = {aws.url}\nsign = query\n"
                             "[retry]\nretry_base = 1100ms\nretry_jitter = none\n")
    fail(aws, "status=503:SlowDown")
    assert proxy.request("GET", S3 + "generate/1").status == 200
    first, second = (r.target for r in aws.requests)
    assert first.split("X-Amz-Date=")[1][:16] < second.split("X-Amz-Date=")[1][:16]
    assert second.count("X-Amz-Signature=") == 1


def profile(folder, identity):
    text = (f"[default]\naws_access_key_id = {identity.access_key}\n"
            f"aws_secret_access_key = {identity.secret_key}\n")
    if identity.token:
        text += f"aws_session_token = {identity.token}\n"
    path = pathlib.Path(folder) / "credentials"
    beside = pathlib.Path(folder) / "credentials.new"
    beside.write_text(text)
    beside.rename(path)
    return path


OLD = Identity("AKIAOLDOLDOLDOLDOLD1", "oldSecret/1", "oldToken//1")
NEW = Identity("AKIANEWNEWNEWNEWNEW2", "newSecret/2", "newToken//2")


@pytest.fixture
def two_keys(certificate):
    with FakeAws([OLD, NEW], certificate) as server:
        yield server


def with_file(start_proxy, tmp_path, server, conf=QUICK):
    path = profile(tmp_path, OLD)
    return start_proxy(server, conf, identity=None, env={"AWS_SHARED_CREDENTIALS_FILE": str(path)})


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException"])
def test_expired_token_is_renewed(start_proxy, tmp_path, two_keys, code):
    proxy = with_file(start_proxy, tmp_path, two_keys)
    assert proxy.request("GET", S3 + "generate/1").status == 200
    original = two_keys.send_answer

    def send_answer(connection, record, body, answer, faults):
        if answer.status == 400:
            profile(tmp_path, NEW)  # only now, so that the file's watch can't have told of it before
        return original(connection, record, body, answer, faults)
    two_keys.send_answer = send_answer
    fail(two_keys, f"status=400:{code}")
    answer = proxy.request("GET", S3 + "generate/1")
    assert answer.status == 200 and attempts(answer) == 2
    assert [r.fields.get("X-Amz-Security-Token") for r in two_keys.requests] == [
        OLD.token, OLD.token, NEW.token]


def test_expired_token_without_a_newer_one_is_the_clients(start_proxy, tmp_path, two_keys):
    proxy = with_file(start_proxy, tmp_path, two_keys)
    fail(two_keys, "status=403:ExpiredToken", 9)
    answer = proxy.request("GET", S3 + "generate/1")
    assert answer.status == 403 and b"ExpiredToken" in answer.body
    assert len(two_keys.requests) == 1


def test_key_that_is_rotated_between_attempts_is_used(start_proxy, tmp_path, two_keys):
    proxy = with_file(start_proxy, tmp_path, two_keys,
                      "[retry]\nretry_base = 5s\nretry_jitter = none\n")
    fail(two_keys, "status=503:SlowDown")
    worker = threading.Thread(target=proxy.request, args=("GET", S3 + "generate/1"))
    worker.start()
    harness.wait_until(lambda: len(two_keys.requests) == 1)
    profile(tmp_path, NEW)
    worker.join()
    assert [r.verdict.access_key for r in two_keys.requests if r.verdict] == [
        OLD.access_key, NEW.access_key]


def ahead(server, **by):
    server.verifier.now = lambda: (datetime.datetime.now(datetime.timezone.utc)
                                   + datetime.timedelta(**by))


@pytest.fixture
def own_aws(certificate):
    with FakeAws([harness.CANARY], certificate) as server:
        yield server


@pytest.mark.parametrize("by", [{"hours": 1}, {"hours": -3}, {"minutes": 16}])
def test_wrong_clock_is_learnt(start_proxy, own_aws, by):
    proxy = start_proxy(own_aws, QUICK, arguments=("--workers", "4"))
    ahead(own_aws, **by)
    answer = proxy.request("GET", S3 + "generate/1")
    assert answer.status == 200 and attempts(answer) == 2
    assert gaps(own_aws)[0] < 20 + 100 * harness.PATIENCE
    for _ in range(8):  # whichever worker serves it
        assert attempts(proxy.request("GET", S3 + "generate/1")) == 1
    ahead(own_aws, seconds=0)  # one of the clocks was put right
    assert proxy.request("GET", S3 + "generate/1").status == 200
    assert attempts(proxy.request("GET", S3 + "generate/1")) == 1


def test_skew_of_a_json_service_is_a_wrong_signature(start_proxy, own_aws):
    proxy = start_proxy(own_aws, QUICK)
    ahead(own_aws, hours=1)
    assert attempts(call(proxy, "DynamoDB_20120810.PutItem")) == 2


def test_clock_of_an_upload_that_went_once_is_learnt_too(start_proxy, own_aws):
    proxy = start_proxy(own_aws, QUICK + "[limits]\nreplay_max = 0\n")
    ahead(own_aws, hours=1)
    assert proxy.request("PUT", S3 + "discard/x", (), bytes(100_000)).status == 403
    assert proxy.request("PUT", S3 + "discard/x", (), bytes(100_000)).status == 200


def test_wrong_signature_with_the_right_time_is_final(quick, aws):
    fail(aws, "status=403:SignatureDoesNotMatch", 9)
    assert quick.request("GET", S3 + "generate/1").status == 403
    assert len(aws.requests) == 1


def test_clock_that_stays_wrong_is_repaired_once(quick, aws):
    now = datetime.datetime.now(datetime.timezone.utc)
    ahead(aws, hours=2)
    try:
        fail(aws, "status=403:RequestTimeTooSkewed", 9)
        aws.verifier.check_head, real = (lambda *_: {"service": "s3", "region": "us-east-1"},
                                         aws.verifier.check_head)
        aws.verifier.finish, finish = (
            lambda *_: type("V", (), {"payload": "UNSIGNED-PAYLOAD", "service": "s3"})(),
            aws.verifier.finish)
        assert quick.request("GET", S3 + "generate/1").status == 403
        assert len(aws.requests) == 2
        dates = [r.fields.get("X-Amz-Date") for r in aws.requests]
        shift = datetime.datetime.strptime(dates[1], "%Y%m%dT%H%M%SZ") - now.replace(tzinfo=None)
        assert abs(shift.total_seconds() - 7200) < 5
    finally:
        aws.verifier.check_head, aws.verifier.finish = real, finish
        ahead(aws, seconds=0)
        quick.request("GET", S3 + "generate/1")  # learns the right time again


def test_plaintext_never_shifts_the_clock(start_proxy):
    with FakeAws([harness.CANARY]) as server:
        proxy = start_proxy(server, QUICK)
        ahead(server, hours=1)
        assert proxy.request("GET", S3 + "generate/1").status == 403
        assert len(server.requests) == 1


# -- S3's regions


def test_bucket_of_another_region_is_found_and_remembered(start_proxy, own_aws):
    proxy = start_proxy(own_aws, QUICK, arguments=("--workers", "4"))
    own_aws.s3.buckets["far"] = {}
    own_aws.s3.regions["far"] = "eu-west-1"
    answer = proxy.request("PUT", "http://far.s3.us-east-1.amazonaws.com/k", (), b"data")
    assert answer.status == 200 and attempts(answer) == 2
    assert own_aws.requests[-1].host == "far.s3.eu-west-1.amazonaws.com"
    assert own_aws.requests[-1].verdict.region == "eu-west-1"
    for url in ("http://far.s3.us-east-1.amazonaws.com/k", "http://far.s3.amazonaws.com/k",
                "http://s3.amazonaws.com/far/k", "http://s3.us-west-2.amazonaws.com/far/k"):
        answer = proxy.request("GET", url)
        assert (answer.status, answer.body, attempts(answer)) == (200, b"data", 1)
    assert attempts(proxy.request("GET", S3 + "generate/1")) == 1
    del own_aws.s3.regions["far"]
    own_aws.s3.regions["far"] = "us-west-2"  # it moved
    assert proxy.request("GET", "http://far.s3.us-east-1.amazonaws.com/k").body == b"data"


def test_head_of_a_bucket_elsewhere(start_proxy, own_aws):
    proxy = start_proxy(own_aws, QUICK)
    own_aws.s3.buckets["far"] = {}
    own_aws.s3.regions["far"] = "eu-west-1"
    answer = proxy.request("HEAD", "http://s3.us-east-1.amazonaws.com/far")
    assert answer.status == 200 and attempts(answer) == 2


def test_region_in_the_body_is_taken(quick, aws):
    reply(aws, 400, [XML], b"<Error><Code>AuthorizationHeaderMalformed</Code>"
                           b"<Region>us-west-2</Region></Error>")
    answer = quick.request("GET", "http://other.s3.us-east-1.amazonaws.com/?acl")
    assert attempts(answer) == 2
    assert aws.requests[-1].verdict.region == "us-west-2"


# -- transport


def test_upstream_that_comes_back_is_found(start_proxy, certificate, tmp_path, authority):
    port = harness.free_port()
    conf = ("[retry]\nretry_base = 100ms\nretry_jitter = none\nattempts_header = yes\n"
            f"[route \"*.amazonaws.com\"]\nupstream = https://127.0.0.1:{port}\n")
    proxy = start_proxy(conf=conf)
    server = None

    def later():
        nonlocal server
        time.sleep(0.25)
        server = FakeAws([harness.CANARY], certificate, address=("127.0.0.1", port))
        server.start()
    thread = threading.Thread(target=later)
    thread.start()
    answer = proxy.request("GET", S3 + "generate/1")
    thread.join()
    server.stop()
    assert answer.status == 200 and 3 <= attempts(answer) <= 6
    harness.wait_until(lambda: "reason=connect" in proxy.log)


def test_bad_certificate_and_bad_answers_are_final(start_proxy, aws, certificate, tmp_path):
    import certs
    with FakeAws([harness.CANARY], certs.Authority(tmp_path).leaf()) as stranger:
        proxy = start_proxy(stranger, QUICK)
        started = time.monotonic()
        answer = proxy.request("GET", S3 + "generate/1")
        assert (answer.status, answer.error, attempts(answer)) == (502, "tls-failed", 1)
        assert time.monotonic() - started < 1 * harness.PATIENCE


def test_closed_idle_connection_costs_no_attempt(start_proxy, aws):
    proxy = start_proxy(aws, QUICK, arguments=("--workers", "1"))
    assert proxy.request("GET", S3 + "generate/1").status == 200
    fail(aws, "reset=-1")
    answer = proxy.request("GET", S3 + "generate/1")
    assert answer.status == 200 and attempts(answer) == 1 and len(aws.requests) == 3
    assert "retry attempt" not in proxy.log


def test_name_that_does_not_exist_is_final_and_a_dead_server_is_not(start_proxy):
    with StubDns({}) as dns:
        dns.failing = ("sick.test",)
        proxy = start_proxy(conf=QUICK + f"retry_max_attempts = 2\n[proxy]\nnameserver = {dns.nameserver}\n"
                                         '[route "*.test"]\nservice = s3\nregion = us-east-1\n')
        started = time.monotonic()
        answer = proxy.request("GET", "http://nobody.test/")
        assert (answer.status, answer.error, attempts(answer)) == (502, "dns-failed", 1)
        assert time.monotonic() - started < 1 * harness.PATIENCE
        answer = proxy.request("GET", "http://a.sick.test/")
        assert (answer.status, answer.error, attempts(answer)) == (502, "dns-failed", 2)


def test_silent_upstream_ends_with_total_timeout(start_proxy, aws):
    proxy = start_proxy(aws, "[retry]\nretry_base = 10ms\nattempts_header = yes\n"
                             "[timeouts]\nfirst_byte_timeout = 200ms\ntotal_timeout = 1s\n")
    fail(aws, "stall-head=5", 20)
    started = time.monotonic()
    answer = proxy.request("GET", S3 + "generate/1")
    assert answer.status == 504 and answer.error == "timeout-first-byte"
    assert 2 <= attempts(answer) <= 6
    assert time.monotonic() - started < 1.1 * harness.PATIENCE


def test_first_attempt_is_not_bound_by_total_timeout(start_proxy, aws):
    proxy = start_proxy(aws, QUICK + "[timeouts]\ntotal_timeout = 200ms\n")
    fail(aws, "stall-head=0.6")
    assert proxy.request("GET", S3 + "generate/1").status == 200


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


# -- clients


def test_sdk_retries_by_itself(quick, aws):
    fail(aws, "status=503:SlowDown", 9)
    answer = quick.request("GET", S3 + "generate/1", [("amz-sdk-request", "attempt=1; max=3")])
    assert answer.status == 503 and len(aws.requests) == 1


def test_sdk_clients_may_be_retried(start_proxy, aws):
    proxy = start_proxy(aws, QUICK + "retry_sdk_clients = yes\n")
    fail(aws, "status=503:SlowDown")
    answer = proxy.request("GET", S3 + "generate/1", [("amz-sdk-request", "attempt=1; max=3")])
    assert answer.status == 200 and len(aws.requests) == 2


def descriptors(proxy):
    return len(os.listdir(f"/proc/{proxy.process.pid}/fd"))


def base_line(proxy):
    """Descriptors at rest: the harness's own questions at start-up may still be open."""
    counts = []
    while len(counts) < 5 or len(set(counts[-5:])) > 1:
        counts.append(descriptors(proxy))
        time.sleep(0.05)
    return counts[-1]


@pytest.mark.parametrize("how", ["reset", "close"])
def test_client_that_leaves_ends_the_wait(start_proxy, aws, how):
    proxy = start_proxy(aws, "[retry]\nretry_base = 20s\nretry_jitter = none\n"
                             "[timeouts]\npool_idle_timeout = 0s\n")
    before = base_line(proxy)
    fail(aws, "status=503:SlowDown", 9)
    client = proxy.client()
    client.start("GET", S3 + "generate/1", host="bucket.s3.us-east-1.amazonaws.com")
    harness.wait_until(lambda: "retry attempt=1" in proxy.log)
    if how == "reset":
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    harness.wait_until(lambda: " ACCESS [" in proxy.log, 2.0)
    harness.wait_until(lambda: descriptors(proxy) == before, 2.0, "descriptors at the base line")
    assert len(aws.requests) == 1


def test_half_closed_client_gets_an_answer_within_the_grace(start_proxy, aws):
    proxy = start_proxy(aws, QUICK)
    fail(aws, "status=503:SlowDown", 2)
    with proxy.client() as client:
        client.start("GET", S3 + "generate/500", host="bucket.s3.us-east-1.amazonaws.com")
        client.sock.shutdown(socket.SHUT_WR)
        assert client.read().body == pattern.octets(500)


def test_drain_ends_the_waits(start_proxy, aws):
    proxy = start_proxy(aws, "[retry]\nretry_base = 20s\nretry_jitter = none\n")
    fail(aws, "status=503:SlowDown", 9)
    with proxy.client() as client:
        client.start("GET", S3 + "generate/1", host="bucket.s3.us-east-1.amazonaws.com")
        harness.wait_until(lambda: "retry attempt=1" in proxy.log)
        started = time.monotonic()
        proxy.stop(5)
        answer = client.read()
        assert answer.status == 503 and b"SlowDown" in answer.body
        assert time.monotonic() - started < 3 * harness.PATIENCE


def test_drain_ends_the_wait_for_a_retrys_turn(start_proxy, aws):
    proxy = start_proxy(conf=QUICK + f"[route \"*.amazonaws.com\"]\nupstream = {aws.url}\n"
                                     "rate_limit = 3/m burst 1\n")
    fail(aws, "status=503:SlowDown", 9)
    with proxy.client() as client:
        client.start("GET", S3 + "generate/1", host="bucket.s3.us-east-1.amazonaws.com")
        harness.wait_until(lambda: metrics(proxy)["rate_limit_wait_seconds_count"] == 1)
        started = time.monotonic()
        proxy.stop(5)
        answer = client.read()
        assert answer.status == 503 and b"SlowDown" in answer.body
        assert time.monotonic() - started < 3 * harness.PATIENCE
    assert len(aws.requests) == 1


def test_clients_that_vanish_at_any_moment_leave_nothing_behind(start_proxy, certificate):
    dice = random.Random(6)
    with FakeAws([harness.CANARY], certificate) as server:
        proxy = start_proxy(conf=f"[route \"*.amazonaws.com\"]\nupstream = {server.url}\n"
                                 "rate_limit = 500/s burst 20\n" + QUICK.replace("none", "full") +
                                 "retry_budget = 100000\n[timeouts]\nhalf_close_grace = 50ms\n",
                            arguments=("--workers", "4"))
        before = base_line(proxy)
        server.throttle = lambda: dice.random() < 0.4
        fail(server, "reset=20", 40, match="GET /generate/3*")
        plans = [(dice.randrange(4), dice.random() * 0.15, i) for i in range(300)]

        def one(plan):
            how, pause, i = plan
            with proxy.client() as client:
                if how == 0:
                    client.start("PUT", S3 + f"discard/{i}", [("Content-Length", "300000")],
                                 host="bucket.s3.us-east-1.amazonaws.com")
                    client.send(bytes(150_000))
                else:
                    client.start("GET", S3 + f"generate/{i}00", host="bucket.s3.us-east-1.amazonaws.com")
                if how == 1:
                    client.sock.shutdown(socket.SHUT_WR)
                time.sleep(pause)
                if how == 2:
                    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        for at in range(0, len(plans), 50):
            together(50, lambda i, at=at: one(plans[at + i]))
        server.throttle = None

        def rests():
            got = metrics(proxy)
            return got["requests_forwarded"] == got["requests_parked"] == got["requests_retrying"] == 0
        harness.wait_until(rests, 10, "all requests to be over")
        assert proxy.request("GET", S3 + "generate/1").status == 200
        assert metrics(proxy)["retries_cancelled_total"] > 0
        idle = metrics(proxy)["upstream_connections_idle"]
        harness.wait_until(lambda: descriptors(proxy) <= before + idle + 4, 5, "descriptors")


# -- limits of the whole process


@pytest.mark.parametrize("workers", ["1", "4"])
def test_budget_pays_a_hundred_retries_and_successes_fill_it(start_proxy, aws, workers):
    proxy = start_proxy(aws, QUICK + "retry_max_attempts = 2\n", arguments=("--workers", workers))
    fail(aws, "status=503:SlowDown", 10000)

    def twelve(_):
        with proxy.client() as client:
            for _ in range(12):
                assert client.request("GET", S3 + "generate/1").status == 503
    together(10, twelve)
    assert len(aws.requests) == 120 + 100
    harness.wait_until(lambda: proxy.log.count("not tried again after 1 attempts: quota") == 20)
    aws.clear()
    for _ in range(5):
        assert proxy.request("GET", S3 + "generate/1").status == 200
    fail(aws, "status=503:SlowDown", 10000)
    assert proxy.request("GET", S3 + "generate/1").status == 503
    assert proxy.request("GET", S3 + "generate/1").status == 503
    assert len(aws.requests) == 5 + 2 + 1


@pytest.mark.parametrize("workers", ["1", "4"])
def test_few_retries_run_at_once_and_none_is_lost(start_proxy, aws, workers):
    proxy = start_proxy(aws, "[retry]\nretry_base = 50ms\nretry_budget = 100000\n"
                             "retry_max_attempts = 2\n", arguments=("--workers", workers))
    lock = threading.Lock()
    running = most = 0

    for i in range(40):
        fail(aws, "status=503:SlowDown", match=f"GET /generate/{i}")
    original = aws.send_answer

    def send_answer(connection, record, body, answer, faults):
        nonlocal running, most
        if answer.status == 200:
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.1)
            with lock:
                running -= 1
        return original(connection, record, body, answer, faults)
    aws.send_answer = send_answer
    try:
        answers = together(40, lambda i: proxy.request("GET", S3 + f"generate/{i}").status)
    finally:
        del aws.send_answer
    assert answers == [200] * 40
    assert most <= 10


@pytest.mark.heavy
@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 8000, reason="too few descriptors")
@pytest.mark.parametrize("workers", ["1", "4"])
def test_no_more_than_a_thousand_wait_and_the_rest_get_their_error(start_proxy, aws, workers):
    proxy = start_proxy(aws, "[retry]\nretry_base = 20s\nretry_jitter = none\nretry_budget = 100000\n",
                        arguments=("--workers", workers))
    before = base_line(proxy)
    fail(aws, "status=503:SlowDown", 5000)
    clients = [proxy.client() for _ in range(1100)]
    for client in clients:
        client.start("GET", S3 + "generate/1", host="bucket.s3.us-east-1.amazonaws.com")
    harness.wait_until(lambda: metrics(proxy).get('retry_denied_total{reason="parked"}', 0) == 100, 30)
    got = metrics(proxy)
    assert got["requests_parked"] == got["requests_forwarded"] == 1000
    for client in clients:
        client.close()
    harness.wait_until(lambda: metrics(proxy)["requests_forwarded"] == 0, 10)
    got = metrics(proxy)
    assert got["requests_parked"] == 0 and got["retries_cancelled_total"] == 1000
    harness.wait_until(lambda: descriptors(proxy) <= before + got["upstream_connections_idle"] + 4, 5)


@pytest.mark.parametrize("workers,clients", [("1", 1), ("1", 32), ("4", 1), ("4", 32)])
def test_rate_limit_holds_for_the_process(start_proxy, aws, workers, clients):
    seconds = 10 if workers == "4" and not harness.SANITIZER else 3
    proxy = start_proxy(conf=f"[route \"*.amazonaws.com\"]\nupstream = {aws.url}\n"
                             "rate_limit = 100/s burst 1\n", arguments=("--workers", workers))
    end = time.monotonic() + seconds

    def run(_):
        served = 0
        with proxy.client() as client:
            while True:
                status = client.request("GET", S3 + "generate/1").status
                assert status == 200
                if time.monotonic() > end:
                    return served
                served += 1
    served = sum(together(clients, run))
    print(f"workers={workers} clients={clients}: served {served} in {seconds} s")
    assert served <= 100 * seconds * 1.01 + 1
    assert served >= 100 * seconds * 0.5


def test_rate_limit_serves_in_order_of_arrival_after_a_burst(start_proxy, aws):
    proxy = start_proxy(conf=f"[route \"*.amazonaws.com\"]\nupstream = {aws.url}\n"
                             "rate_limit = 20/s burst 5\n", arguments=("--workers", "1"))
    started = time.monotonic()
    clients = [proxy.client() for _ in range(15)]
    for i, client in enumerate(clients):
        time.sleep(0.02)  # what is ready at the same moment comes in the kernel's order
        client.start("GET", S3 + f"generate/{i}", host="bucket.s3.us-east-1.amazonaws.com")
    for client in clients:
        assert client.read("GET").status == 200
        client.close()
    assert time.monotonic() - started >= 0.5
    order = [int(r.target.rsplit("/", 1)[1]) for r in aws.requests]
    assert order[5:] == list(range(5, 15))


def test_too_many_or_too_long_is_429(start_proxy, aws):
    proxy = start_proxy(conf=f"[route \"*.amazonaws.com\"]\nupstream = {aws.url}\n"
                             "rate_limit = 1/s burst 1\nrate_limit_queue = 2\n"
                             "[route \"*.other\"]\nservice = s3\nregion = us-east-1\n"
                             f"upstream = {aws.url}\nrate_limit = 1/m\nrate_limit_wait = 1s\n")
    answers = together(6, lambda _: proxy.request("GET", S3 + "generate/1"))
    assert sorted(a.status for a in answers) == [200] * 3 + [429] * 3
    refused = next(a for a in answers if a.status == 429)
    assert refused.error == "rate-limited"
    assert 1 <= int(refused.fields.get("Retry-After")) <= 3
    assert proxy.request("GET", "http://a.other/generate/1").status != 429
    started = time.monotonic()
    refused = proxy.request("GET", "http://a.other/generate/1")
    assert refused.status == 429 and 55 <= int(refused.fields.get("Retry-After")) <= 60
    assert time.monotonic() - started < 1 * harness.PATIENCE


def test_retries_take_turns_too(start_proxy, aws):
    proxy = start_proxy(conf=QUICK + f"[route \"*.amazonaws.com\"]\nupstream = {aws.url}\n"
                                     "rate_limit = 5/s burst 1\n")
    fail(aws, "status=503:SlowDown", 2)
    assert proxy.request("GET", S3 + "generate/1").status == 200
    assert all(EARLY * 200 <= gap < 500 * harness.PATIENCE for gap in gaps(aws))


# -- seen from outside


def metrics(proxy):
    lines = proxy.admin("/metrics").body.decode().splitlines()
    return {line.rsplit(" ", 1)[0].removeprefix("sigv4_proxy_"): float(line.rsplit(" ", 1)[1])
            for line in lines if line and line[0] != "#"}


def test_retries_are_counted_by_reason(start_proxy, aws):
    proxy = start_proxy(aws, QUICK + "retry_max_attempts = 3\n", arguments=("--workers", "1"))
    fail(aws, "status=503:SlowDown", 2)
    assert proxy.request("GET", S3 + "generate/1").status == 200
    fail(aws, "reset=-1", 2)  # the first time on a kept connection, which is free
    assert proxy.request("GET", S3 + "generate/1").status == 200
    fail(aws, "status=500:InternalError", 3)
    assert proxy.request("GET", S3 + "generate/1").status == 500
    fail(aws, "reset=-1")
    assert call(proxy, "DynamoDB_20120810.PutItem").status == 502
    fail(aws, "status=404:NoSuchKey")
    assert proxy.request("GET", S3 + "generate/1").status == 404
    # The last answer is out before its request is over.
    harness.wait_until(lambda: metrics(proxy)["attempts_total"] == 3 + 2 + 3 + 1 + 1)
    got = metrics(proxy)
    assert got['retries_total{reason="SlowDown"}'] == 2
    assert got['retries_total{reason="reset"}'] == 1
    assert got['retries_total{reason="InternalError"}'] == 2
    assert {name: n for name, n in got.items() if name.startswith("retry_denied")} == {
        'retry_denied_total{reason="method"}': 1}
    assert got["retry_wait_seconds_count"] == 5
    # Two successes give back what their last retry cost.
    assert got["retry_tokens_owed"] == (5 + 5 - 5) + (5 - 5) + (5 + 5)
    assert got["requests_forwarded"] == got["requests_retrying"] == got["requests_parked"] == 0
    status = json.loads(proxy.admin("/status").body)
    assert status["limits"]["retry_tokens_owed"] == 15


def test_waits_are_seen_while_they_last(start_proxy, aws):
    proxy = start_proxy(aws, "[retry]\nretry_base = 20s\nretry_jitter = none\n")
    fail(aws, "status=503:SlowDown", 9)
    with proxy.client() as client:
        client.start("GET", S3 + "generate/1", host="bucket.s3.us-east-1.amazonaws.com")
        harness.wait_until(lambda: metrics(proxy)["requests_parked"] == 1)
        assert metrics(proxy)["requests_forwarded"] == 1
    harness.wait_until(lambda: metrics(proxy)["retries_cancelled_total"] == 1)
    got = metrics(proxy)
    assert got["requests_parked"] == got["requests_forwarded"] == 0


# -- a storm


@pytest.mark.heavy
@pytest.mark.parametrize("workers", ["1", "4"])
@pytest.mark.parametrize("conf,least", [
    ("rate_limit = 90/s burst 5\n", 0.99), ("", 0.0), ("retry_mode = off\n", 0.0)])
def test_storm_of_clients(start_proxy, certificate, workers, conf, least):
    """500 clients at once, one request each, at an upstream that takes 100 a second."""
    clients = 500
    with FakeAws([harness.CANARY], certificate) as server:
        proxy = start_proxy(conf=f"[route \"*.amazonaws.com\"]\nupstream = {server.url}\n" + conf +
                                 "[timeouts]\npool_idle_timeout = 1s\n", arguments=("--workers", workers))
        for _ in range(3):
            proxy.request("GET", S3 + "generate/1")
        before, memory = base_line(proxy), proxy.memory("VmRSS")
        outcome = storm.run(proxy, server, clients)
        print(f"workers={workers} {conf.strip() or 'standard alone'}: {outcome}")
        assert outcome.took < 60
        assert outcome.share >= least
        assert set(outcome.statuses) <= {200, 503, 429}
        # 500 tokens pay 100 retries, and each success gives back what pays one more at most.
        retries = 0 if "off" in conf else 100 + outcome.statuses.get(200, 0)
        assert outcome.offered <= clients + retries
        harness.wait_until(lambda: descriptors(proxy) <= before + 4, 10, "descriptors")
        assert proxy.memory("VmRSS") < memory + (24 << 20)
