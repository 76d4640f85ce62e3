# SPDX-License-Identifier: Apache-2.0
"""Retries: bodies that are sent again, and requests that must not be."""
import hashlib
import json
import os
import random
import time

import aws_chunks
import harness
import http1
import pytest
import scripted
from fake_aws import FakeAws
from retrying import CRC, QUICK, S3, XML, attempts, call, fail, metrics, reply, together


@pytest.mark.parametrize("mode,target,tries", [
    ("classified", "GetItem", 2), ("classified", "PutItem", 1), ("always", "PutItem", 2),
    ("always", "GetItem", 2), ("never", "GetItem", 1), ("never", "PutItem", 1)])
def test_post_without_an_answer(start_proxy, aws, mode, target, tries):
    proxy = start_proxy(aws, QUICK + f"retry_post = {mode}\n")
    fail(aws, "reset=-1")
    answer = call(proxy, "DynamoDB_20120810." + target)
    assert answer.status == (200 if tries == 2 else 502)
    assert len(aws.requests) == tries


@pytest.mark.parametrize("body,tries", [
    (b"Action=DescribeInstances&Version=2016-11-15", 2), (b"Version=2016-11-15&Action=RunInstances", 1),
    (b"Note=Action%3DDescribeInstances&Action=RunInstances", 1)])
def test_action_of_a_form_says_whether_it_reads(quick, aws, body, tries):
    fail(aws, "reset=-1")
    answer = quick.request("POST", "http://ec2.us-east-1.amazonaws.com/",
                           [("Content-Type", "application/x-www-form-urlencoded")], body)
    assert answer.status == (200 if tries == 2 else 502)
    assert len(aws.requests) == tries


@pytest.mark.parametrize("method,tries", [("PUT", 2), ("DELETE", 2), ("OPTIONS", 2), ("PATCH", 1), ("POST", 1)])
def test_methods_that_may_be_done_twice(start_proxy, method, tries):
    came = []

    def talk(sock):
        line = scripted.read_request(http1.Wire(sock))[0]
        came.append(line.split()[0])
        if len(came) > 1:
            sock.sendall(scripted.OK)  # and nothing at all the first time
    with scripted.Upstream(talk) as server:
        proxy = start_proxy(conf=QUICK + server.route())
        assert proxy.request(method, "http://a.test/").status == (200 if tries == 2 else 502)
    assert came == [method] * tries


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
    reply(aws, 503, [XML], b"<Error><Code>SlowDown</Code></Error>", times=9)  # after the body
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
    reply(aws, 503, [XML], b"<Error><Code>SlowDown</Code></Error>", times=9)
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


def upload_during_the_wait(proxy, aws, data, answer):
    """A refusal comes before the end of the upload, of which most is sent while the request waits."""
    fail(aws, f"early={answer}:100000")
    with proxy.client() as client:
        client.start("PUT", S3 + "discard/x", [("Content-Length", str(len(data)))],
                     host="bucket.s3.us-east-1.amazonaws.com")
        client.send(data[:500_000])
        harness.wait_until(lambda: "retry attempt=1" in proxy.log, what="the first refusal")
        client.send(data[500_000:])
        return client.read()


def test_without_a_spool_folder_an_upload_stands_still_while_the_request_waits(start_proxy, aws):
    proxy = start_proxy(aws, "[retry]\nretry_base = 600ms\nretry_jitter = none\n"
                             "[limits]\nspool_dir = /nowhere\n")
    data = os.urandom(4_000_000)
    assert upload_during_the_wait(proxy, aws, data, 503).status == 200
    assert aws.requests[-1].sha256 == hashlib.sha256(data).hexdigest()
    assert proxy.request("PUT", S3 + "discard/x", (), data).status == 200  # the next one is as ever


def test_where_the_spool_is_full_while_the_request_waits_the_last_answer_counts(start_proxy, aws):
    proxy = start_proxy(aws, "[retry]\nretry_base = 600ms\nretry_jitter = none\n"
                             "[limits]\nbody_memory = 200k\nspool_max = 1m\n")
    answer = upload_during_the_wait(proxy, aws, os.urandom(4_000_000), 502)
    assert answer.status == 502 and b"overloaded" not in answer.body
    assert len(aws.requests) == 1
    harness.wait_until(lambda: "not tried again after 1 attempts: body" in proxy.log)


@pytest.mark.parametrize("chunks", [False, True])
def test_long_upload_is_announced_and_not_sent_in_vain(start_proxy, aws, chunks):
    """Though it could not be sent twice."""
    proxy = start_proxy(aws, QUICK + "replay_max = 64k\nexpect_over = 1m\nsigned_headers = all\n")
    data = os.urandom(3_000_000)
    fields, body = ((aws_chunks.fields(len(data)), aws_chunks.frame(data)) if chunks else ([], data))
    fail(aws, "status=503:SlowDown", 2)
    answer = proxy.request("PUT", S3 + "k", fields, body)
    assert answer.status == 200 and attempts(answer) == 3
    assert [r.fields.get("Expect") for r in aws.requests] == ["100-continue"] * 3
    assert [r.length for r in aws.requests[:2]] == [0, 0]
    assert proxy.request("GET", S3 + "k").body == data
    fail(aws, "status=403:AccessDenied")
    answer = proxy.request("PUT", S3 + "k", fields, body)
    assert answer.status == 403 and aws.requests[-1].length == 0
    assert proxy.request("PUT", S3 + "k", (), bytes(1 << 20)).status == 200
    assert aws.requests[-1].fields.get("Expect") is None


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 417 x\r\nContent-Length: 0\r\n\r\n"])
def test_server_that_knows_no_expect_gets_the_upload_all_the_same(start_proxy, answer):
    data, came = os.urandom(2_000_000), []

    def talk(sock):
        wire = http1.Wire(sock)
        _, fields, _ = wire.read_head()
        if answer and "Expect" in fields:
            sock.sendall(answer)
            return
        came.append(wire.read_exactly(len(data)))
        sock.sendall(scripted.OK)
    with scripted.Upstream(talk) as server:
        proxy = start_proxy(conf=QUICK + server.route(service="s3"))
        got = proxy.request("PUT", "http://a.test/x", [("x-amz-content-sha256", hashlib.sha256(data).hexdigest())], data)
    assert (got.status, attempts(got)) == (200, 1) and came == [data]


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
