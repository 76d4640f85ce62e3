# SPDX-License-Identifier: Apache-2.0
"""How requests are signed: algorithms, forms, payloads, and clients that sign already."""
import hashlib

import harness
import pattern
import pytest
from fake_aws import FakeAws

HOST = "bucket.s3.us-east-1.amazonaws.com"
URL = f"http://{HOST}/"
SQS = "http://sqs.us-east-1.amazonaws.com/"
MRAP = "m1a2b3.mrap.accesspoint.s3-global.amazonaws.com"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# -- SigV4A


@pytest.mark.parametrize("url, service", [
    (f"http://{MRAP}/a%20b/c?list-type=2&prefix=%2F", "s3"),
    ("http://abc.endpoint.events.amazonaws.com/", "events"),
])
def test_hosts_of_all_regions_get_sigv4a(proxy, aws, url, service):
    answer = proxy.request("POST" if service == "events" else "GET", url,
                           body=b"{}" if service == "events" else None)
    record = aws.requests[-1]
    assert record.refused in (None, "NoSuchBucket", "NoSuchKey"), answer
    assert record.verdict.service == service
    assert record.fields.get("X-Amz-Region-Set") == "*"
    assert "x-amz-region-set" in record.verdict.signed
    assert record.fields.get("Authorization").startswith("AWS4-ECDSA-P256-SHA256 ")


def test_region_set_of_a_route(aws, start_proxy):
    conf = ('[route "sqs.us-east-1.amazonaws.com"]\nregion = us-east-1, eu-west-1\n'
            f"upstream = {aws.url}\n")
    proxy = start_proxy(aws, conf)
    for _ in range(3):  # the derived key is kept
        answer = proxy.request("POST", "http://sqs.us-east-1.amazonaws.com/", body=b"Action=x")
        assert answer.status == 200, answer
    assert aws.requests[-1].verdict.region == "us-east-1,eu-west-1"


def test_wrong_sigv4a_is_refused(aws, start_proxy):
    """Else the tests above would show nothing."""
    wrong = harness.Identity(harness.CANARY.access_key, "wrong", harness.CANARY.token)
    proxy = start_proxy(aws, identity=wrong)
    assert proxy.request("GET", f"http://{MRAP}/x").status == 403
    assert aws.requests[-1].refused == "SignatureDoesNotMatch"


# -- payload


@pytest.mark.parametrize("size", [1, 65536, 65537, 3 << 20])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_payload_chunked(aws, start_proxy, size, is_chunked):
    proxy = start_proxy(aws, "payload = chunked\n")
    data = pattern.octets(size)
    body = b"%x\r\n" % size + data + b"\r\n0\r\n\r\n" if is_chunked else data
    fields = [("Transfer-Encoding", "chunked")] if is_chunked else []
    fields.append(("Content-Encoding", "gzip"))
    answer = proxy.request("PUT", URL + "chunked", fields, body=body)
    assert answer.status == 200, answer
    record = aws.requests[-1]
    assert record.verdict.payload == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    assert sum(record.chunks) == size and set(record.chunks[:-1]) <= {65536}
    assert record.fields.get("Content-Encoding") == "aws-chunked,gzip"
    assert int(record.fields.get("Content-Length")) == record.length
    got = proxy.request("GET", URL + "chunked")
    assert (got.body, got.fields.get("Content-Encoding")) == (data, "gzip")


def test_large_upload_over_http_is_signed_while_it_comes(start_proxy):
    data = pattern.octets(4 << 20)
    with FakeAws([harness.CANARY]) as server:
        proxy = start_proxy(server)
        with proxy.client() as client:
            client.start("PUT", URL + "big", [("Content-Length", str(len(data)))], host=HOST)
            client.send(data[:2 << 20])
            record = harness.wait_until(lambda: server.requests and server.requests[-1],
                                        what="the upload")
            harness.wait_until(lambda: record.length > 1 << 20, what="octets before the end")
            client.send(data[2 << 20:])
            assert client.read().status == 200
        assert record.verdict.payload == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
        assert proxy.request("GET", URL + "big").body == data


def test_expect_with_signed_chunks(aws, start_proxy):
    proxy = start_proxy(aws, "payload = chunked\n")
    with proxy.client() as client:
        client.start("PUT", URL + "expect", [("Content-Length", "100000"),
                                             ("Expect", "100-continue")], host=HOST)
        assert client.wire.read_head()[0].startswith("HTTP/1.1 100")
        client.send(pattern.octets(100000))
        assert client.read().status == 200


def test_early_refusal_of_signed_chunks(aws, start_proxy):
    """The answer comes while the upload still runs."""
    proxy = start_proxy(aws, "payload = chunked\n")
    aws.faults.add("PUT *", "early=403:100000")
    with proxy.client() as client:
        client.start("PUT", URL + "early", [("Content-Length", str(64 << 20))], host=HOST)
        try:
            for _ in range(64):
                client.send(bytes(1 << 20))
        except OSError:
            pass
        assert client.read().status == 403


def test_unsigned_body_of_an_operation_streams(proxy, aws):
    url = "http://ebs.us-east-1.amazonaws.com/snapshots/s-1/blocks/1"
    assert proxy.request("PUT", url, body=b"block").status == 200
    assert aws.requests[-1].verdict.payload == "UNSIGNED-PAYLOAD"


# -- a client's own x-amz-content-sha256


@pytest.mark.parametrize("url, body, claimed, status, payload", [
    (URL + "own", b"data", sha256(b"data"), 200, sha256(b"data")),
    (URL + "own", b"data", sha256(b"lie"), 400, None),
    (URL + "own", b"data", "UNSIGNED-PAYLOAD", 200, "UNSIGNED-PAYLOAD"),
    (URL + "own", b"data", "nonsense", 200, "UNSIGNED-PAYLOAD"),
    (SQS, b"data", sha256(b"data"), 200, sha256(b"data")),
    (SQS, b"data", "UNSIGNED-PAYLOAD", 200, sha256(b"data")),
    (SQS, b"data", sha256(b"lie"), 400, None),
])
def test_own_hash_is_used_not_believed(proxy, aws, url, body, claimed, status, payload):
    method = "PUT" if "s3" in url else "POST"
    answer = proxy.request(method, url, [("X-Amz-Content-Sha256", claimed)], body=body)
    assert answer.status == status, answer
    if status == 200:
        assert aws.requests[-1].verdict.payload == payload
    elif method == "POST":
        assert answer.error == "payload-hash-mismatch"
        assert not aws.requests
