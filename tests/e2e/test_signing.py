# SPDX-License-Identifier: Apache-2.0
"""How requests are signed: algorithms, forms, payloads, and clients that sign already."""
import hashlib
import json
import urllib.parse

import aws_chunks
import harness
import pattern
import pytest
from fake_aws import FakeAws
from mock_metadata import MockMetadata

HOST = "bucket.s3.us-east-1.amazonaws.com"
URL = f"http://{HOST}/"
CRC = "x-amz-checksum-crc32"
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


# -- where the signature stands


def parameters(target):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(target).query, keep_blank_values=True)


def test_signature_in_the_query(aws, start_proxy):
    proxy = start_proxy(aws, f'redirect_expiry = 5m\n[route "*"]\nsign = query\nupstream = {aws.url}\n')
    with proxy.client() as client:
        put = client.request("PUT", URL + "a%20b?x=%2B", [
            ("x-amz-meta-a", "b"), ("Content-Type", "text/x"), ("X-Amz-Date", "20200101T000000Z"),
            ("Authorization", aws_chunks.AUTHORIZATION)], body=b"data")
        assert put.status == 200, put
        record = aws.requests[-1]
        assert record.verdict.form == "query"
        assert record.verdict.signed == ["content-type", "host", "x-amz-meta-a"]
        assert record.verdict.payload == "UNSIGNED-PAYLOAD"
        assert parameters(record.target)["X-Amz-Expires"] == ["300"]
        assert record.target.startswith("/a%20b?x=%2B&X-Amz-Algorithm=")
        assert record.target.rsplit("&", 1)[1].startswith("X-Amz-Signature=")
        assert "Authorization" not in record.fields and "X-Amz-Date" not in record.fields
        assert client.request("GET", URL + "a%20b").body == b"data"
        framed = client.request(
            "PUT", URL + "framed", aws_chunks.fields(4, aws_chunks.UNSIGNED_TRAILER, trailer=CRC),
            body=aws_chunks.frame(b"data", 8192, False, [(CRC, aws_chunks.crc32(b"data"))]))
        assert framed.status == 200, framed
        assert CRC in aws.requests[-1].verdict.signed
        assert client.request("POST", SQS, body=b"Action=x").status == 200
        assert aws.requests[-1].verdict.form == "query"


def test_vpc_lattice_gets_its_payload_field_even_with_a_signature_in_the_query(aws, start_proxy):
    proxy = start_proxy(aws, f'[route "*"]\nsign = query\nupstream = {aws.url}\n')
    url = "http://x-0abc.7d67968.vpc-lattice-svcs.us-west-2.on.aws/orders"
    assert proxy.request("POST", url, body=b"{}").status == 200
    record = aws.requests[-1]
    assert (record.verdict.form, record.verdict.payload) == ("query", "UNSIGNED-PAYLOAD")
    assert record.verdict.signed == ["host", "x-amz-content-sha256"]


def test_redirect_to_a_presigned_url(aws, start_proxy):
    proxy = start_proxy(aws, f'[route "*"]\nsign = redirect\nupstream = {aws.url}\n')
    answer = proxy.request("PUT", URL + "r?x=1", [("x-amz-meta-a", "b"), ("Content-Type", "text/x")],
                           body=b"data")
    assert (answer.status, answer.body, answer.error) == (307, b"", None)
    assert answer.fields.get("Cache-Control") == "no-store"
    assert not aws.requests
    url = answer.fields.get("Location")
    assert url.startswith(f"https://{HOST}/r?x=1&X-Amz-")
    assert parameters(url)["X-Amz-Expires"] == ["60"]
    assert parameters(url)["X-Amz-SignedHeaders"] == ["host;x-amz-meta-a"]
    # The grant is the URL's: through a proxy that passes it on, it is good.
    other = start_proxy(aws)
    target = url.replace("https:", "http:")
    assert other.request("PUT", target, [("x-amz-meta-a", "b")], body=b"data").status == 200
    assert other.request("PUT", target, [("x-amz-meta-a", "c")], body=b"data").status == 403
    assert other.request("GET", URL + "r").body == b"data"
    with proxy.client() as client:
        for _ in range(2):
            assert client.request("GET", URL + "r").status == 307
    assert "X-Amz-Signature" not in proxy.log


def test_redirect_does_not_wait_for_an_awaited_body(aws, start_proxy):
    proxy = start_proxy(aws, f'[route "*"]\nsign = redirect\nupstream = {aws.url}\n')
    with proxy.client() as client:
        client.start("PUT", URL + "r", [("Content-Length", "10"), ("Expect", "100-continue")],
                     host=HOST)
        assert client.read().status == 307


@pytest.mark.parametrize("how", ["query", "redirect"])
def test_signature_in_a_url_ends_with_the_credentials(aws, start_proxy, how):
    """The token would be dead before the URL is."""
    conf = f'redirect_expiry = 1h\n[route "*"]\nsign = {how}\nupstream = {aws.url}\n'
    with MockMetadata(aws) as metadata:
        metadata.lifetime = 500
        proxy = start_proxy(aws, conf, identity=None, env=metadata.container)
        answer = proxy.request("GET", URL)
        target = aws.requests[-1].target if how == "query" else answer.fields.get("Location")
        asked = proxy.admin("/presign", method="POST", body=json.dumps(
            {"url": URL + "k", "expires_in": 3600}).encode())
    assert answer.status == (200 if how == "query" else 307), answer
    assert 400 <= int(parameters(target)["X-Amz-Expires"][0]) <= 500
    grant = json.loads(asked.body)
    assert 400 <= grant["expires_in"] <= 500 and grant["expires_in_cut_by"] == "credentials"


def test_all_fields_are_signed_where_wanted(aws, start_proxy):
    proxy = start_proxy(aws, "signed_headers = all\n")
    answer = proxy.request("PUT", URL + "all", [
        ("X-Custom", "a"), ("Cache-Control", "no-cache"), ("User-Agent", "x"), ("Range", "bytes=0-"),
        ("Keep-Alive", "timeout=1"), ("X-Forwarded-For", "10.0.0.1")], body=b"x")
    assert answer.status == 200, answer
    assert aws.requests[-1].verdict.signed == [
        "host", "range", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-custom"]
