# SPDX-License-Identifier: Apache-2.0
"""Objects put and got through the proxy: odd keys and queries, real curl, requests and boto3."""
import hashlib
import json
import os
import subprocess
import urllib.parse

import boto3
import botocore
import harness
import object_cases
import pytest
import requests
from botocore.config import Config

PATH_STYLE = b"http://s3.us-east-1.amazonaws.com/bucket/"
VIRTUAL = b"http://bucket.s3.us-east-1.amazonaws.com/"
MINIMAL = ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"]


@pytest.mark.parametrize("base", [PATH_STYLE, VIRTUAL], ids=["path", "virtual"])
@pytest.mark.parametrize("typed, key", object_cases.KEYS + object_cases.KEYS_OF_S3_ALONE)
def test_key_round_trip(proxy, aws, base, typed, key):
    with proxy.client() as client:
        object_cases.round_trip(client, base, typed)
    record = aws.requests[0]
    assert urllib.parse.unquote_to_bytes(record.target).endswith(b"/" + key)
    assert not any(r.refused for r in aws.requests[:-1])


@pytest.mark.parametrize("query", object_cases.LIST_QUERIES)
def test_list_query(proxy, aws, query):
    with proxy.client() as client:
        assert client.request("PUT", VIRTUAL + b"q/a%20b", body=b"1").status == 200
        assert client.request("PUT", VIRTUAL + b"other", body=b"2").status == 200
        answer = client.request("GET", VIRTUAL + b"?" + query)
    assert answer.status == 200, answer
    assert b"<Key>q/a b</Key>" in answer.body
    assert b"<Key>other</Key>" not in answer.body


@pytest.mark.parametrize("query", [b"acl", b"acl=", b"tagging&x=%ED%95%9C", b"acl&a=%2F&A=1&a=+"])
def test_subresource_query(proxy, aws, query):
    answer = proxy.request("GET", VIRTUAL + b"?" + query)
    assert answer.status == 200, answer


def test_signed_list_is_minimal_and_the_rest_goes_on_unsigned(proxy, aws):
    answer = proxy.request("PUT", VIRTUAL + b"fields", [
        ("Content-Type", "text/plain"), ("x-amz-meta-Colour", "blue  and   green"),
        ("Cache-Control", "max-age=1"), ("User-Agent", "legacy/1"), ("X-Custom", "kept")],
        body=b"x")
    assert answer.status == 200
    record = aws.requests[-1]
    assert record.verdict.signed == sorted(MINIMAL + ["content-type", "x-amz-meta-colour"])
    assert record.verdict.payload == "UNSIGNED-PAYLOAD"
    assert record.fields.get("X-Custom") == "kept"
    assert record.fields.get("User-Agent") == "legacy/1"
    assert ("x-amz-meta-Colour", "blue  and   green") in list(record.fields)


def test_range_and_conditional_requests(proxy, aws):
    with proxy.client() as client:
        etag = client.request("PUT", VIRTUAL + b"range", body=b"0123456789").fields.get("ETag")
        part = client.request("GET", VIRTUAL + b"range", [("Range", "bytes=2-4")])
        assert (part.status, part.body) == (206, b"234")
        assert part.fields.get("Content-Range") == "bytes 2-4/10"
        same = client.request("GET", VIRTUAL + b"range", [("If-None-Match", etag)])
        assert (same.status, same.body) == (304, b"")
        assert client.request("GET", VIRTUAL + b"range").body == b"0123456789"


def test_bucket_life(proxy, aws):
    base = b"http://s3.us-east-1.amazonaws.com/"
    with proxy.client() as client:
        assert client.request("PUT", base + b"second").status == 200
        assert client.request("HEAD", base + b"second").status == 200
        assert b"<Name>second</Name>" in client.request("GET", base).body
        assert client.request("DELETE", base + b"second").status == 204
        assert client.request("HEAD", base + b"second").status == 404


@pytest.mark.parametrize("host", [
    "bucket.s3.us-east-1.amazonaws.com", "BUCKET.S3.us-east-1.amazonaws.com",
    "bucket.s3.amazonaws.com", "bucket.s3-us-east-1.amazonaws.com",
    "bucket.s3.us-east-1.amazonaws.com:80"])
def test_host_forms(proxy, aws, host):
    assert proxy.request("PUT", f"http://{host}/host-form", body=b"x", host=host).status == 200
    assert aws.requests[-1].host in (host.lower(), host.lower().removesuffix(":80"))


def test_origin_form_is_for_sidecars(proxy, aws):
    answer = proxy.request("PUT", "/origin%20form", body=b"x",
                           host="bucket.s3.us-east-1.amazonaws.com")
    assert answer.status == 200
    assert aws.requests[-1].verdict.service == "s3"


# -- other services


def test_dynamodb_body_is_hashed(proxy, aws):
    answer = proxy.request(
        "POST", "http://dynamodb.us-east-1.amazonaws.com/",
        [("X-Amz-Target", "DynamoDB_20120810.ListTables"),
         ("Content-Type", "application/x-amz-json-1.0")], body=b"{}")
    assert json.loads(answer.body) == {"TableNames": ["orders", "users"]}
    verdict = aws.requests[-1].verdict
    assert verdict.payload == hashlib.sha256(b"{}").hexdigest()
    assert verdict.signed == ["content-type", "host", "x-amz-date", "x-amz-security-token",
                              "x-amz-target"]


@pytest.mark.parametrize("host, service, region", [
    ("sqs.eu-west-1.amazonaws.com", "sqs", "eu-west-1"),
    ("sts.amazonaws.com", "sts", "us-east-1"),
    ("monitoring.us-east-1.amazonaws.com", "monitoring", "us-east-1"),
    ("abc123.execute-api.us-east-1.amazonaws.com", "execute-api", "us-east-1"),
])
def test_scope_follows_from_the_host(proxy, aws, host, service, region):
    answer = proxy.request("POST", f"http://{host}/", body=b"Action=ListQueues")
    assert answer.status == 200, answer
    verdict = aws.requests[-1].verdict
    assert (verdict.service, verdict.region) == (service, region)


@pytest.mark.parametrize("target", [
    "/a%20b/c", "/a//b/./c/../d", "/%2F%c3%a9", "/stage/?b=2&a=1&a=&A", "/x?q=a+b&r=%2B",
    "/~a'(b)!*", "/a=b:c@d"])
def test_path_of_other_services_keeps_its_octets(proxy, aws, target):
    host = "abc123.execute-api.us-east-1.amazonaws.com"
    answer = proxy.request("GET", f"http://{host}{target}")
    assert answer.status == 200, answer
    assert aws.requests[-1].target.split("?")[0] == target.split("?")[0]


def test_chunked_upload_gets_a_length(proxy, aws):
    for url in ("http://bucket.s3.us-east-1.amazonaws.com/chunked",
                "http://sqs.us-east-1.amazonaws.com/"):
        answer = proxy.request("PUT" if "s3" in url else "POST", url,
                               [("Transfer-Encoding", "chunked")],
                               body=b"5\r\nhello\r\n1;x=y\r\n \r\n5\r\nworld\r\n0\r\n\r\n")
        assert answer.status == 200, answer
        record = aws.requests[-1]
        assert bytes(record.body) == b"hello world"
        assert record.fields.get("Content-Length") == "11"


# -- real clients


def curl(proxy, *arguments, variables=None, **options):
    environment = {"PATH": os.environ["PATH"]} | (variables or proxy.variables())
    return subprocess.run(["curl", "-sS", "--max-time", "30", "--path-as-is", *arguments],
                          env=environment, capture_output=True, timeout=60, check=False, **options)


def test_curl_with_nothing_but_the_variables(proxy, aws, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(os.urandom(300000))
    url = "http://bucket.s3.us-east-1.amazonaws.com/from%20curl"
    put = curl(proxy, "-fT", str(source), url)
    assert put.returncode == 0, put.stderr
    got = curl(proxy, "-f", url)
    assert got.stdout == source.read_bytes()
    listed = curl(proxy, "-f", "http://bucket.s3.us-east-1.amazonaws.com/?list-type=2&prefix=from")
    assert b"<Key>from curl</Key>" in listed.stdout
    assert curl(proxy, "-f", "-X", "DELETE", url).returncode == 0
    assert curl(proxy, "-f", url).returncode == 22


def test_curl_upload_of_unknown_length(proxy, aws):
    url = "http://bucket.s3.us-east-1.amazonaws.com/stdin"
    put = curl(proxy, "-fT", "-", url, input=b"from a pipe")
    assert put.returncode == 0, put.stderr
    assert curl(proxy, "-f", url).stdout == b"from a pipe"


def test_curl_form_post(proxy, aws):
    answer = curl(proxy, "-f", "-d", "Action=GetCallerIdentity&Version=2011-06-15",
                  "http://sts.us-east-1.amazonaws.com/")
    assert b"GetCallerIdentityResult" in answer.stdout
    assert harness.CANARY.access_key.encode() in answer.stdout


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_requests_reads_either_variable(proxy, aws, monkeypatch, name):
    for other in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, proxy.url)
    url = "http://bucket.s3.us-east-1.amazonaws.com/by-requests"
    assert requests.put(url, data=b"data", timeout=20).status_code == 200
    assert requests.get(url, timeout=20).content == b"data"
    assert requests.put(url, data=iter([b"in ", b"pieces"]), timeout=20).status_code == 200
    assert requests.get(url, timeout=20).content == b"in pieces"


def boto_client(service, proxy, monkeypatch, **config):
    for name, value in proxy.variables().items():
        monkeypatch.setenv(name, value)
    return boto3.client(service, endpoint_url=f"http://{service}.us-east-1.amazonaws.com",
                        region_name="us-east-1", aws_access_key_id="AKIDDUMMY",
                        aws_secret_access_key="dummy",
                        config=Config(retries={"total_max_attempts": 1}, **config))


def test_boto3_unsigned(proxy, aws, monkeypatch):
    s3 = boto_client("s3", proxy, monkeypatch, signature_version=botocore.UNSIGNED)
    for number in range(3):
        s3.put_object(Bucket="bucket", Key=f"boto/한 {number}+", Body=b"x" * 1000,
                      Metadata={"owner": "me"})
    got = s3.get_object(Bucket="bucket", Key="boto/한 1+")
    assert got["Body"].read() == b"x" * 1000
    assert got["Metadata"] == {"owner": "me"}
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket="bucket", Prefix="boto/", PaginationConfig={"PageSize": 2})
    assert [o["Key"] for page in pages for o in page["Contents"]] == [
        f"boto/한 {n}+" for n in range(3)]
    for number in range(3):
        s3.delete_object(Bucket="bucket", Key=f"boto/한 {number}+")
    assert {r.verdict.access_key for r in aws.requests} == {harness.CANARY.access_key}


def test_boto3_unsigned_multipart(proxy, aws, monkeypatch, tmp_path):
    s3 = boto_client("s3", proxy, monkeypatch, signature_version=botocore.UNSIGNED)
    source = tmp_path / "big"
    source.write_bytes(os.urandom(20 << 20))
    s3.upload_file(str(source), "bucket", "multi/part")
    s3.download_file("bucket", "multi/part", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == source.read_bytes()


def test_boto3_unsigned_dynamodb(proxy, aws, monkeypatch):
    client = boto_client("dynamodb", proxy, monkeypatch, signature_version=botocore.UNSIGNED)
    assert client.list_tables()["TableNames"] == ["orders", "users"]


def test_boto3_dummy_keys_are_replaced(proxy, aws, monkeypatch):
    client = boto_client("sts", proxy, monkeypatch)
    assert client.get_caller_identity()["UserId"] == harness.CANARY.access_key
    fields = aws.requests[-1].fields
    assert len(fields.all("Authorization")) == 1
    assert "AKIDDUMMY" not in fields.get("Authorization")


def test_curl_fails_without_the_proxy(aws, authority):
    """What the demo shows first: the stand-in, asked without a proxy, refuses."""
    answer = subprocess.run(
        ["curl", "-sS", "--cacert", str(authority.bundle), "-T", "/etc/hostname", "-w",
         "%{http_code}", f"https://localhost:{aws.port}/bucket/x"],
        env={"PATH": os.environ["PATH"]}, capture_output=True, timeout=30, check=False)
    assert answer.stdout.endswith(b"403"), answer
    assert b"AccessDenied" in answer.stdout


def test_client_fields_cannot_forge_the_signature(proxy, aws):
    answer = proxy.request("PUT", VIRTUAL + b"forged", [
        ("X-Amz-Date", "20200101T000000Z"), ("X-Amz-Security-Token", "mine"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")], body=b"x")
    assert answer.status == 200, answer
    fields = aws.requests[-1].fields
    assert len(fields.all("X-Amz-Date")) == 1
    assert fields.all("X-Amz-Security-Token") == [harness.CANARY.token]
