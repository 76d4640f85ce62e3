# SPDX-License-Identifier: Apache-2.0
"""The stand-in itself: it takes what botocore signs and refuses the same with one thing wrong.

All other tests lean on this: a stand-in that takes anything would prove nothing.
"""
import datetime

import boto3
import harness
import http1
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from fake_aws import FakeAws

HOST = "bucket.s3.us-east-1.amazonaws.com"


@pytest.fixture(scope="module")
def plain():
    with FakeAws([harness.CANARY]) as server:
        yield server


def credentials(secret=None):
    known = harness.CANARY
    return Credentials(known.access_key, secret or known.secret_key, known.token)


def signed(method="PUT", path="/key", body=b"data", host=HOST, service="s3", region="us-east-1",
           secret=None, fields=()):
    request = AWSRequest(method=method, url=f"https://{host}{path}", data=body)
    for name, value in fields:
        request.headers[name] = value
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(credentials(secret), service, region).add_auth(request)
    return [(n, v) for n, v in request.headers.items()]


def send(server, fields, method="PUT", path="/key", body=b"data", host=HOST):
    with http1.Client((server.address, server.port)) as client:
        return client.request(method, path, fields, body=body, host=host)


def test_good_signature_is_taken(plain):
    assert send(plain, signed()).status == 200
    verdict = plain.requests[-1].verdict
    assert verdict.access_key == harness.CANARY.access_key
    assert verdict.signed == ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"]


def test_good_signature_of_another_service_is_taken(plain):
    host = "execute-api.us-east-1.amazonaws.com"
    path = "/a%20b//c/./d?b=2&a=1&a="
    fields = signed("POST", path, b"{}", host, "execute-api")
    assert send(plain, fields, "POST", path, b"{}", host).status == 200


@pytest.mark.parametrize("sent, code", [
    (dict(secret="wrong"), "SignatureDoesNotMatch"),
    (dict(service="sqs"), "AuthorizationHeaderMalformed"),
    (dict(region="eu-west-1"), "AuthorizationHeaderMalformed"),
    (dict(path="/other"), "SignatureDoesNotMatch"),
    (dict(path="/key?acl="), "SignatureDoesNotMatch"),
    (dict(method="POST"), "SignatureDoesNotMatch"),
])
def test_signature_over_something_else_is_refused(plain, sent, code):
    if sent.get("service") == "sqs":
        sent = dict(sent, fields=[("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")])
    answer = send(plain, signed(**sent))
    assert answer.status in (400, 403)
    assert f"<Code>{code}</Code>".encode() in answer.body
    assert plain.requests[-1].refused == code


def test_unsigned_request_is_refused(plain):
    answer = send(plain, [])
    assert answer.status == 403
    assert b"<Code>AccessDenied</Code>" in answer.body


def test_altered_body_is_refused(plain):
    answer = send(plain, signed(body=b"data"), body=b"atad")
    assert answer.status == 400
    assert b"XAmzContentSHA256Mismatch" in answer.body


def test_altered_body_of_another_service_is_refused(plain):
    host = "dynamodb.us-east-1.amazonaws.com"
    answer = send(plain, signed("POST", "/", b"{}", host, "dynamodb"), "POST", "/", b"[]", host)
    assert answer.status == 403
    assert answer.fields.get("x-amzn-errortype") == "SignatureDoesNotMatch"


@pytest.mark.parametrize("name", ["x-amz-acl", "X-Amz-Meta-Colour", "x-amz-anything"])
def test_amz_field_added_behind_the_signature_is_refused(plain, name):
    answer = send(plain, signed() + [(name, "v")])
    assert answer.status == 403
    assert name.lower().encode() in answer.body


def test_changed_field_value_is_refused(plain):
    fields = [(n, "v2" if n == "x-amz-meta-a" else v)
              for n, v in signed(fields=[("x-amz-meta-a", "v1")])]
    assert send(plain, fields).status == 403


@pytest.mark.parametrize("minutes, status", [(-14, 200), (14, 200), (-16, 403), (16, 403)])
def test_date_may_differ_by_a_quarter_of_an_hour(plain, minutes, status):
    fields = signed()
    now = datetime.datetime.now(datetime.timezone.utc)
    moment = next(v for n, v in fields if n == "X-Amz-Date")
    start = datetime.datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=now.tzinfo)
    plain.verifier.now = lambda: start + datetime.timedelta(minutes=minutes)
    try:
        assert send(plain, fields).status == status
    finally:
        plain.verifier.now = lambda: datetime.datetime.now(datetime.timezone.utc)


def test_unknown_key_and_foreign_token_are_refused(plain):
    fields = [(n, v.replace("Credential=AKIA", "Credential=AKIB")) for n, v in signed()]
    assert b"InvalidAccessKeyId" in send(plain, fields).body
    fields = [(n, "other" if n == "X-Amz-Security-Token" else v) for n, v in signed()]
    assert b"InvalidToken" in send(plain, fields).body


def test_chunked_upload_without_length_is_refused_by_s3(plain):
    fields = signed(body=b"data") + [("Transfer-Encoding", "chunked")]
    assert send(plain, fields, body=b"4\r\ndata\r\n0\r\n\r\n").status == 411


def presigned(expires=60, secret=None):
    request = AWSRequest(method="GET", url=f"https://{HOST}/key")
    S3SigV4QueryAuth(credentials(secret), "s3", "us-east-1", expires=expires).add_auth(request)
    return request.url.split(HOST, 1)[1]


def test_presigned_url_is_taken_and_refused_where_it_lies(plain):
    send(plain, signed())
    url = presigned()
    assert send(plain, [], "GET", url, None).body == b"data"
    assert send(plain, [], "GET", url + "0", None).status == 403
    assert send(plain, [], "GET", url.replace("/key", "/kex"), None).status == 403
    assert send(plain, [], "GET", presigned(secret="wrong"), None).status == 403
    assert send(plain, [], "GET", presigned(expires=604801), None).status == 400


@pytest.mark.parametrize("key", ["a b+c", "x//y", "../z", "한글", "q?=&", "%2F", "t~'()!*"])
def test_boto3_keys_round_trip(plain, key):
    client = boto3.client(
        "s3", endpoint_url=plain.url, region_name="us-east-1",
        aws_access_key_id=harness.CANARY.access_key,
        aws_secret_access_key=harness.CANARY.secret_key, aws_session_token=harness.CANARY.token,
        config=Config(s3={"addressing_style": "path"}))
    client.put_object(Bucket="bucket", Key=key, Body=b"x")
    assert client.get_object(Bucket="bucket", Key=key)["Body"].read() == b"x"
    assert key in [o["Key"] for o in client.list_objects_v2(Bucket="bucket")["Contents"]]
    client.delete_object(Bucket="bucket", Key=key)
