# SPDX-License-Identifier: Apache-2.0
"""Clients that sign already: with dummy keys, piece by piece, in the URL, or with somebody's token."""
import gzip
import os
import shutil
import subprocess
import urllib.parse

import aws_chunks
import boto3
import harness
import pattern
import pytest
from aws_chunks import SIGNED, UNSIGNED_TRAILER, crc32, frame
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from fake_aws import FakeAws

HOST = "bucket.s3.us-east-1.amazonaws.com"
URL = f"http://{HOST}/"
CRC = "x-amz-checksum-crc32"
MIB = 1 << 20


@pytest.fixture(scope="module")
def plain_aws():
    with FakeAws([harness.CANARY]) as server:
        yield server


@pytest.fixture(scope="module")
def shared_plain(plain_aws, tmp_path_factory):
    conf = f'[route "*.amazonaws.com"]\nupstream = {plain_aws.url}\n'
    with harness.running(tmp_path_factory.mktemp("plain"), conf=conf) as running:
        yield running


@pytest.fixture
def plain(shared_plain, plain_aws):
    """A proxy whose upstream speaks no TLS."""
    plain_aws.clear()
    return shared_plain


def put(proxy, key, data, payload=SIGNED, trailers=(), size=8192, length=-1, coding="aws-chunked",
        more=(), body=None):
    """An upload in aws-chunked framing; length=None leaves the decoded length out."""
    is_signed = payload.startswith(SIGNED)
    fields = aws_chunks.fields(len(data) if length == -1 else length, payload, coding,
                               ",".join(n for n, _ in trailers))
    body = frame(data, size, is_signed, trailers) if body is None else body
    return proxy.request("PUT", URL + key, fields + list(more), body=body)


# -- aws-chunked over TLS


@pytest.mark.parametrize("size", [0, 1, 8192, 70000, 3 * MIB])
def test_signed_chunks_are_taken_off(proxy, aws, size):
    data = pattern.octets(size)
    answer = put(proxy, "signed", data)
    assert answer.status == 200, answer
    record = aws.requests[-1]
    assert record.verdict.payload == "UNSIGNED-PAYLOAD"
    assert record.fields.get("Content-Length") == str(size)
    for name in ("Content-Encoding", "X-Amz-Decoded-Content-Length", "X-Amz-Trailer"):
        assert name not in record.fields
    assert proxy.request("GET", URL + "signed").body == data


@pytest.mark.parametrize("coding, left", [
    ("aws-chunked,gzip", "gzip"), ("gzip, aws-chunked", "gzip"), ("AWS-Chunked", None), (None, None)])
def test_other_codings_stay(proxy, aws, coding, left):
    data = gzip.compress(b"text")
    assert put(proxy, "coded", data, coding=coding).status == 200
    answer = proxy.request("GET", URL + "coded")
    assert (answer.fields.get("Content-Encoding"), answer.body) == (left, data)


@pytest.mark.parametrize("payload", [UNSIGNED_TRAILER, SIGNED + "-TRAILER"])
@pytest.mark.parametrize("size", [0, 5, 65536, 65537, 3 * MIB])
def test_trailer_goes_on_unsigned(proxy, aws, payload, size):
    data = pattern.octets(size)
    answer = put(proxy, "trailer", data, payload, [(CRC, crc32(data))],
                 more=[("x-amz-sdk-checksum-algorithm", "CRC32")])
    assert answer.status == 200, answer
    record = aws.requests[-1]
    assert record.verdict.payload == UNSIGNED_TRAILER
    assert record.trailers == [(CRC, crc32(data))]
    assert "x-amz-trailer" in record.verdict.signed
    assert record.fields.get("Content-Encoding") == "aws-chunked"
    assert int(record.fields.get("Content-Length")) == record.length
    assert set(record.chunks[:-1]) <= {65536}
    assert proxy.request("GET", URL + "trailer").body == data


@pytest.mark.parametrize("name, value", [
    ("x-amz-checksum-sha256", "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="),
    ("x-amz-checksum-sha1", "Kq5sNclPz7QV2+lfQIuc6R7oRu0="),
    ("x-amz-checksum-crc32c", "yZRlqg=="), ("x-amz-checksum-crc64nvme", "jSnVw/bqjr4=")])
def test_every_checksum(proxy, aws, name, value):
    answer = put(proxy, "sums", b"hello world", UNSIGNED_TRAILER, [(name, value)])
    assert answer.status == 200, answer
    assert aws.requests[-1].trailers == [(name, value)]
    wrong = put(proxy, "sums", b"hello worle", UNSIGNED_TRAILER, [(name, value)])
    assert (wrong.status, wrong.error) == (400, "bad-request")


@pytest.mark.parametrize("trailers", [[], [(CRC, crc32(pattern.octets(70000)))]])
def test_chunks_that_were_signed_with_ecdsa_are_taken_off(proxy, aws, trailers):
    data = pattern.octets(70000)
    kind = "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD" + ("-TRAILER" if trailers else "")
    body = frame(data, 8192, True, trailers)
    for digit in b"a", b"b":  # shorter ones are filled up
        body = body.replace(digit * 64, digit * 140 + b"****")
    answer = put(proxy, "ecdsa", data, kind, trailers, body=body)
    assert answer.status == 200, answer
    assert aws.requests[-1].trailers == (trailers or None)
    assert proxy.request("GET", URL + "ecdsa").body == data


def test_body_without_a_decoded_length_is_held(proxy, aws):
    data = pattern.octets(100000)
    assert put(proxy, "held", data, UNSIGNED_TRAILER, [(CRC, crc32(data))], length=None).status == 200
    record = aws.requests[-1]
    assert record.verdict.payload == "UNSIGNED-PAYLOAD"
    assert record.fields.get(CRC) == crc32(data)
    assert CRC in record.verdict.signed
    assert proxy.request("GET", URL + "held").body == data


def test_framed_body_in_http_chunks(proxy, aws):
    data = pattern.octets(100000)
    body = frame(data, 8192, False, [(CRC, crc32(data))])
    outer = b"".join(b"%x\r\n" % len(body[i:i + 777]) + body[i:i + 777] + b"\r\n"
                     for i in range(0, len(body), 777)) + b"0\r\n\r\n"
    answer = put(proxy, "outer", data, UNSIGNED_TRAILER, [(CRC, crc32(data))],
                 more=[("Transfer-Encoding", "chunked")], body=outer)
    assert answer.status == 200, answer
    assert proxy.request("GET", URL + "outer").body == data


def test_unsigned_client_that_frames(proxy, aws):
    """botocore with UNSIGNED frames its uploads and sends no x-amz-content-sha256."""
    data = pattern.octets(9000)
    fields = [("Content-Encoding", "aws-chunked"), ("X-Amz-Trailer", CRC),
              ("X-Amz-Decoded-Content-Length", "9000")]
    answer = proxy.request("PUT", URL + "bare", fields,
                           body=frame(data, 8192, False, [(CRC, crc32(data))]))
    assert answer.status == 200, answer
    assert aws.requests[-1].trailers == [(CRC, crc32(data))]


def lies():
    data = pattern.octets(300000)
    good = frame(data)
    trailer = [(CRC, crc32(data))]
    return {
        "checksum": dict(payload=UNSIGNED_TRAILER, trailers=[(CRC, crc32(b"other"))]),
        "too-long": dict(length=len(data) - 1),
        "too-short": dict(length=len(data) + 1),
        "no-last-chunk": dict(body=good[:-90]),
        "octets-behind": dict(body=good + b"x"),
        "no-signature": dict(body=frame(data, is_signed=False)),
        "unsigned-with-extension": dict(payload=UNSIGNED_TRAILER, trailers=trailer,
                                        body=frame(data, 8192, True, trailer)),
        "no-trailer": dict(payload=UNSIGNED_TRAILER, trailers=trailer,
                           body=frame(data, 8192, False)),
        "other-trailer": dict(payload=UNSIGNED_TRAILER, trailers=trailer,
                              body=frame(data, 8192, False, [("x-amz-meta-a", "b")])),
        "bad-size": dict(body=b"0x10;chunk-signature=" + b"0" * 64 + b"\r\n" + good),
        "not-framed": dict(body=data),
    }


@pytest.mark.parametrize("kind", list(lies()))
def test_framing_that_lies_never_becomes_an_object(proxy, aws, kind):
    answer = put(proxy, "lie-" + kind, pattern.octets(300000), **lies()[kind])
    assert (answer.status, answer.error) == (400, "bad-request"), answer
    for record in aws.requests:
        harness.wait_until(lambda: record.aborted_at or record.done_at, what="the upstream's end")
        assert not record.is_complete, "the upstream got a whole body"
    assert proxy.request("GET", URL + "lie-" + kind).status == 404


@pytest.mark.parametrize("fields, status", [
    ([("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-EVENTS")], 501),
    ([("X-Amz-Content-Sha256", "STREAMING-SOMETHING-NEW")], 400),
    ([("X-Amz-Content-Sha256", SIGNED), ("X-Amz-Decoded-Content-Length", "-1")], 400),
    ([("X-Amz-Content-Sha256", SIGNED), ("X-Amz-Decoded-Content-Length", "1x")], 400),
    ([("X-Amz-Content-Sha256", UNSIGNED_TRAILER), ("X-Amz-Trailer", "host")], 400),
    ([("X-Amz-Content-Sha256", UNSIGNED_TRAILER), ("X-Amz-Trailer", "x-amz-checksum-new")], 400),
    ([("X-Amz-Content-Sha256", UNSIGNED_TRAILER), ("X-Amz-Trailer", f"{CRC},{CRC}")], 400),
])
def test_framing_that_cannot_be_read_is_refused_at_once(proxy, aws, fields, status):
    answer = proxy.request("PUT", URL + "refused", fields, body=frame(b"data"))
    assert answer.status == status, answer
    assert answer.error in ("bad-request", "not-implemented")
    # The end of an upload that was cut off before may arrive only now.
    assert not [record for record in aws.requests if record.target == "/refused"]


def test_other_services_get_the_decoded_body(proxy, aws):
    fields = aws_chunks.fields(2)
    answer = proxy.request("POST", "http://dynamodb.us-east-1.amazonaws.com/", fields + [
        ("X-Amz-Target", "DynamoDB_20120810.ListTables")], body=frame(b"{}"))
    assert answer.status == 200, answer
    assert bytes(aws.requests[-1].body) == b"{}"


def test_slow_framed_upload_streams(proxy, aws):
    """Nothing waits for the body's end but its last octet."""
    data = pattern.octets(400000)
    body = frame(data)
    with proxy.client() as client:
        client.start("PUT", URL + "slow", aws_chunks.fields(len(data)) + [
            ("Content-Length", str(len(body)))], host=HOST)
        client.send(body[:300000])
        record = harness.wait_until(lambda: aws.requests and aws.requests[-1], what="the upload")
        harness.wait_until(lambda: record.length > 200000, what="octets before the end")
        client.send(body[300000:])
        assert client.read().status == 200


# -- over plain http


def test_small_framed_upload_over_http_is_hashed(plain, plain_aws):
    data = pattern.octets(100000)
    assert put(plain, "small", data, UNSIGNED_TRAILER, [(CRC, crc32(data))]).status == 200
    record = plain_aws.requests[-1]
    assert record.verdict.payload == record.sha256
    assert record.fields.get(CRC) == crc32(data)
    assert "Content-Encoding" not in record.fields


@pytest.mark.parametrize("payload, trailers, becomes", [
    (SIGNED, False, SIGNED), (SIGNED + "-TRAILER", True, SIGNED + "-TRAILER"),
    (UNSIGNED_TRAILER, True, SIGNED + "-TRAILER")])
def test_large_framed_upload_over_http_is_signed_in_chunks(plain, plain_aws, payload, trailers, becomes):
    data = pattern.octets(3 * MIB + 17)
    trailers = [(CRC, crc32(data))] if trailers else []
    answer = put(plain, "large", data, payload, trailers, coding="aws-chunked,gzip")
    assert answer.status == 200, answer
    record = plain_aws.requests[-1]
    assert record.verdict.payload == becomes
    assert record.trailers == trailers
    assert record.chunks == [65536] * 48 + [17]
    assert record.fields.get("Content-Encoding") == "aws-chunked,gzip"
    assert plain.request("GET", URL + "large").body == data


def test_large_lie_over_http(plain, plain_aws):
    data = pattern.octets(3 * MIB)
    answer = put(plain, "lie", data, UNSIGNED_TRAILER, [(CRC, crc32(b"x"))])
    assert (answer.status, answer.error) == (400, "bad-request")
    assert plain.request("GET", URL + "lie").status == 404


# -- signatures in fields and URLs


def presigned(method="GET", key="key", secret=None, expires=60):
    known = harness.CANARY
    request = AWSRequest(method=method, url=f"http://{HOST}/{key}")
    S3SigV4QueryAuth(Credentials(known.access_key, secret or known.secret_key, known.token), "s3",
                     "us-east-1", expires=expires).add_auth(request)
    return request.url


def test_presigned_urls_pass_untouched(proxy, aws):
    url = presigned("PUT")
    answer = proxy.request("PUT", url.replace("/key", "/k%65y"), body=b"by grant",
                           host=HOST)
    record = aws.requests[-1]
    assert answer.status == 200, answer
    assert record.target == url.split(HOST)[1].replace("/key", "/k%65y")
    assert record.verdict.form == "query"
    assert "Authorization" not in record.fields
    assert proxy.request("GET", presigned()).body == b"by grant"
    assert proxy.request("GET", presigned(secret="not-ours")).status == 403


def test_host_of_what_passes_is_as_it_was_written(proxy, aws):
    name = "BUCKET.s3.us-east-1.amazonaws.com:80"
    proxy.request("GET", f"http://{name}/key?X-Amz-Signature=00", host=name)
    assert aws.requests[-1].host == name


def test_presigned_urls_can_be_signed_anew(aws, start_proxy):
    proxy = start_proxy(aws, "already_presigned = replace\n")
    url = presigned(secret="not-ours")
    assert proxy.request("PUT", url + "&x=1", body=b"ours").status == 200
    record = aws.requests[-1]
    assert (record.verdict.form, record.target) == ("header", "/key?x=1")
    old = "http://bucket.s3.us-east-1.amazonaws.com/key?AWSAccessKeyId=A&Signature=b&Expires=1"
    assert proxy.request("GET", old).body == b"ours"
    query = ("Action=ListQueues&AWSAccessKeyId=A&SignatureVersion=2&SignatureMethod=HmacSHA256"
             "&Timestamp=2026-01-01T00%3A00%3A00Z&Signature=b%3D&Version=2012-11-05")
    assert proxy.request("GET", f"http://sqs.us-east-1.amazonaws.com/?{query}").status == 200
    assert aws.requests[-1].target == "/?Action=ListQueues&Version=2012-11-05"


def test_signed_requests_can_be_refused(aws, start_proxy):
    proxy = start_proxy(aws, "already_presigned = reject\nalready_signed = reject\n")
    answer = proxy.request("GET", presigned())
    assert (answer.status, answer.error) == (403, "already-signed")
    for value in (aws_chunks.AUTHORIZATION, "AWS AKID:c2ln"):
        answer = proxy.request("GET", URL + "key", [("Authorization", value)])
        assert (answer.status, answer.error) == (403, "already-signed")
    assert not aws.requests
    assert proxy.request("PUT", URL + "key", body=b"x").status == 200


def test_signed_requests_can_be_passed(aws, start_proxy, monkeypatch):
    proxy = start_proxy(aws, "already_signed = pass\n")
    for name, value in proxy.variables().items():
        monkeypatch.setenv(name, value)
    known = harness.CANARY
    s3 = boto3.client("s3", endpoint_url="http://s3.us-east-1.amazonaws.com", region_name="us-east-1",
                      aws_access_key_id=known.access_key, aws_secret_access_key=known.secret_key,
                      aws_session_token=known.token, config=Config(retries={"total_max_attempts": 1}))
    s3.put_object(Bucket="bucket", Key="a b+c", Body=b"x")
    record = aws.requests[-1]
    assert "user-agent" not in record.verdict.signed
    assert record.status == 200
    fields = [("X-Amz-Date", "20260101T000000Z"), ("Authorization", aws_chunks.AUTHORIZATION),
              ("X-Amz-Content-Sha256", SIGNED), ("Content-Encoding", "aws-chunked")]
    proxy.request("PUT", URL + "framed", fields, body=frame(b"data"))
    record = aws.requests[-1]
    assert record.fields.get("Authorization") == aws_chunks.AUTHORIZATION
    assert record.fields.get("Content-Encoding") == "aws-chunked"


@pytest.mark.parametrize("value", ["AWS AKIDDUMMY:c2lnbmF0dXJl", aws_chunks.AUTHORIZATION,
                                   "AWS3-HTTPS AWSAccessKeyId=A,Algorithm=HmacSHA256,Signature=x"])
def test_old_signatures_are_replaced(proxy, aws, value):
    date = "Tue, 24 Nov 2026 04:00:00 GMT"
    answer = proxy.request("PUT", URL + "old", [("Authorization", value), ("Date", date),
                                                ("X-Amz-Region-Set", "*"),
                                                ("X-Amz-S3session-Token", "t")], body=b"x")
    assert answer.status == 200, answer
    fields = aws.requests[-1].fields
    assert fields.get("Date") == date
    assert "X-Amz-Region-Set" not in fields
    assert "X-Amz-S3session-Token" not in fields


@pytest.mark.parametrize("value", ["Bearer abc", "Basic eDp5"])
def test_other_credentials_are_refused(proxy, aws, value):
    answer = proxy.request("GET", URL + "key", [("Authorization", value)])
    assert (answer.status, answer.error) == (400, "bad-request")
    assert not aws.requests


# -- the SDKs themselves, with dummy keys


def boto_client(proxy, monkeypatch, **options):
    for name, value in proxy.variables().items():
        monkeypatch.setenv(name, value)
    return boto3.client("s3", endpoint_url="http://s3.us-east-1.amazonaws.com",
                        region_name="us-east-1", aws_access_key_id="AKIDDUMMY",
                        aws_secret_access_key="dummy",
                        config=Config(retries={"total_max_attempts": 1}, **options))


@pytest.mark.parametrize("which", ["tls", "http"])
@pytest.mark.parametrize("options", [
    {}, {"signature_version": "s3"}, {"s3": {"payload_signing_enabled": False}},
    {"s3": {"addressing_style": "virtual"}}, {"request_checksum_calculation": "when_required"}],
    ids=["default", "sigv2", "unsigned", "virtual", "no-checksum"])
def test_boto3_with_dummy_keys(proxy, plain, aws, plain_aws, monkeypatch, tmp_path, which, options):
    chosen, server = (proxy, aws) if which == "tls" else (plain, plain_aws)
    s3 = boto_client(chosen, monkeypatch, **options)
    s3.put_object(Bucket="bucket", Key="d/한 +", Body=b"x" * 1000, Metadata={"owner": "me"})
    for algorithm in ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"):
        s3.put_object(Bucket="bucket", Key="d/sum", Body=b"y" * 9000, ChecksumAlgorithm=algorithm)
        got = s3.get_object(Bucket="bucket", Key="d/sum", ChecksumMode="ENABLED")
        assert got["Body"].read() == b"y" * 9000
    assert s3.get_object(Bucket="bucket", Key="d/한 +")["Metadata"] == {"owner": "me"}
    source = tmp_path / "big"
    source.write_bytes(os.urandom(20 * MIB))
    s3.upload_file(str(source), "bucket", "d/multi")
    s3.download_file("bucket", "d/multi", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    found = s3.list_objects_v2(Bucket="bucket", Prefix="d/")["Contents"]
    assert [o["Key"] for o in found] == ["d/multi", "d/sum", "d/한 +"]
    s3.delete_object(Bucket="bucket", Key="d/multi")
    assert {r.verdict.access_key for r in server.requests} == {harness.CANARY.access_key}


def test_boto3_presigns_with_dummy_keys_in_vain(proxy, aws, monkeypatch):
    """A dummy grant is no grant, and the proxy does not make it one."""
    url = boto_client(proxy, monkeypatch, signature_version="s3v4").generate_presigned_url(
        "get_object", Params={"Bucket": "bucket", "Key": "key"})
    assert proxy.request("GET", url).status == 403
    assert aws.requests[-1].refused == "InvalidAccessKeyId"


AWS = shutil.which("aws", path=f"{harness.ROOT}/build/venv/bin:{os.environ['PATH']}")


@pytest.mark.skipif(not AWS, reason="no AWS CLI here")
@pytest.mark.parametrize("more", [(), ("--no-sign-request",)], ids=["dummy", "anonymous"])
def test_aws_cli_with_dummy_keys(proxy, aws, tmp_path, more):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": "AKIDDUMMY",
                   "AWS_SECRET_ACCESS_KEY": "dummy", "AWS_DEFAULT_REGION": "us-east-1",
                   "AWS_MAX_ATTEMPTS": "1"} | proxy.variables()

    def run(*arguments):
        return subprocess.run(
            [AWS, "--endpoint-url", "http://s3.us-east-1.amazonaws.com", *more, *arguments],
            env=environment, capture_output=True, timeout=120, check=True, cwd=tmp_path).stdout

    (tmp_path / "source").write_bytes(os.urandom(20 * MIB))
    run("s3", "cp", "source", "s3://bucket/cli/big")
    run("s3", "cp", "s3://bucket/cli/big", "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "source").read_bytes()
    if more:
        return  # a second run takes its time
    assert b"cli/big" in run("s3api", "list-objects-v2", "--bucket", "bucket", "--prefix", "cli/")
    run("s3", "rm", "s3://bucket/cli/big")
    assert urllib.parse.unquote(aws.requests[-1].target).endswith("/cli/big")
