# SPDX-License-Identifier: Apache-2.0
"""Command lines and requests of aws-sigv4-proxy's users, at this proxy: what its documents show works
unchanged, and what it gets wrong is right here. docs/migrate-from-aws-sigv4-proxy.md tells the story."""
import base64
import hashlib
import re
import shlex

import harness
import http1
import pytest
from fake_aws.s3 import Answer

S3 = "s3.us-east-1.amazonaws.com"
GUIDE = (harness.ROOT / "docs/migrate-from-aws-sigv4-proxy.md").read_text()
LINES = [line for block in re.findall(r"^```sh\n(.*?)^```", GUIDE, re.M | re.S)
         for line in block.replace("\\\n", " ").splitlines() if line.startswith("aws-sigv4-proxy ")]
# Every flag of it, by its own help.
FLAGS = """--verbose -v --log-failed-requests --log-signing-process --unsigned-payload --port --strip -s
    --custom-headers --duplicate-headers --role-arn --name --sign-host --host --region --no-verify-ssl
    --transport.idle-conn-timeout --upstream-url-scheme""".split()


def last(aws):
    assert aws.requests[-1].verdict, aws.requests[-1]
    return aws.requests[-1]


def signed(record):
    return re.search(r"SignedHeaders=([^,]+)", record.fields.get("Authorization")).group(1).split(";")


# -- command lines


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[:70])
def test_command_lines_of_the_guide_are_taken(tmp_path, line):
    result = harness.run_binary("check-config", *shlex.split(line, comments=True)[1:], folder=tmp_path)
    assert result.returncode == 0, result.stderr


def test_guide_names_every_flag():
    assert len(LINES) >= 8
    rows = "".join(line for line in GUIDE.splitlines() if line.startswith("| `-"))
    for flag in FLAGS:
        assert f"`{flag}" in rows or f" {flag}`" in rows, flag


@pytest.mark.parametrize("arguments", [
    ["--port", ":{port}"], ["--port=127.0.0.1:{port}"], ["--port=localhost:{port}"]])
def test_port_takes_an_address_as_there(aws, start_proxy, arguments):
    port = harness.free_port()
    proxy = start_proxy(aws, arguments=[word.format(port=port) for word in arguments])
    with http1.Client(("127.0.0.1", port)) as client:
        assert client.request("GET", "/bucket/generate/10", host=S3).status == 200
    if ":{port}" in arguments:  # all interfaces
        harness.wait_until(lambda: "WARN" in proxy.log, what="the warning")
    else:
        assert "WARN" not in proxy.log


def test_all_flags_together(aws, start_proxy):
    proxy = start_proxy(None, arguments=[
        "-v", "--log-failed-requests", "--log-signing-process", "--unsigned-payload",
        "-s", "Cookie", "--strip=X-Debug", "--custom-headers", "X-Team=search,X-Stage=test",
        "--duplicate-headers=Referer", "--name", "s3", "--region=us-east-1",
        "--sign-host", S3, "--host", f"127.0.0.1:{aws.port}", "--no-verify-ssl",
        "--transport.idle-conn-timeout=40s", "--upstream-url-scheme=https"])
    answer = proxy.request("GET", "/bucket/generate/10", [
        ("Cookie", "a=b"), ("X-Debug", "1"), ("X-Team", "forged"), ("Referer", "there")],
        host="127.0.0.1")
    assert answer.status == 200, answer
    fields = last(aws).fields
    assert "Cookie" not in fields and "X-Debug" not in fields
    assert (fields.all("X-Team"), fields.get("X-Stage")) == (["search"], "test")
    assert (fields.get("Referer"), fields.get("X-Original-Referer")) == ("there", "there")
    assert last(aws).host == S3


# -- the flags, one by one


def test_strip_takes_a_bearer_token_out(aws, start_proxy):
    proxy = start_proxy(aws, arguments=["-s", "Authorization"])
    answer = proxy.request("GET", "/bucket/generate/10", [("Authorization", "Bearer xyz")], host=S3)
    assert answer.status == 200, answer
    assert b"xyz" not in last(aws).raw_head


def test_duplicated_authorization_reaches_the_upstream_under_another_name(aws, start_proxy):
    proxy = start_proxy(aws, arguments=["--duplicate-headers", "Authorization"])
    answer = proxy.request("GET", "/bucket/generate/10", [
        ("Authorization", "Bearer xyz"), ("X-Original-Authorization", "forged")], host=S3)
    assert answer.status == 200, answer
    assert last(aws).fields.all("X-Original-Authorization") == ["Bearer xyz"]
    assert "xyz" not in proxy.log


def test_a_stripped_field_can_be_duplicated(aws, start_proxy):
    proxy = start_proxy(aws, arguments=["--strip", "x-amz-acl", "--duplicate-headers", "x-amz-acl"])
    assert proxy.request("PUT", "/bucket/k", [("x-amz-acl", "private")], b"abc", host=S3).status == 200
    assert "x-amz-acl" not in last(aws).fields
    assert last(aws).fields.get("X-Original-x-amz-acl") == "private"


def test_custom_header_of_amazon_is_signed_and_hidden_in_check_config(aws, start_proxy, tmp_path):
    argument = "--custom-headers=x-amz-acl=private"
    proxy = start_proxy(aws, arguments=[argument])
    assert proxy.request("PUT", "/bucket/k", body=b"abc", host=S3).status == 200
    assert "x-amz-acl" in signed(last(aws))
    shown = harness.run_binary("check-config", argument, folder=tmp_path).stdout
    assert "custom_headers = ****" in shown and "private" not in shown


@pytest.mark.parametrize("item", ["X-Team", "Host=a", "transfer-encoding=chunked", "a b=c"])
def test_custom_headers_that_can_not_be_sent_are_refused(tmp_path, item):
    result = harness.run_binary("check-config", f"--custom-headers={item}", folder=tmp_path)
    assert result.returncode == 1 and "--custom-headers" in result.stderr


def test_failed_requests_are_logged_without_what_aws_repeats(aws, start_proxy):
    proxy = start_proxy(aws, arguments=["--log-failed-requests"])
    aws.replies["refusal"] = Answer(403, [], b"<Error><Code>AccessDenied</Code><Message>no</Message>"
                                    b"<CanonicalRequest>x-amz-security-token:" + b"S" * 20 +
                                    b"</CanonicalRequest></Error>")
    assert proxy.request("GET", "/bucket/missing", host=S3).status == 404
    assert proxy.request("GET", "/bucket/k", [("Fake-Fault", "reply=refusal")], host=S3).status == 403
    for text in ("answered 404: ", "NoSuchKey", "answered 403", "AccessDenied"):
        harness.wait_until(lambda: text in proxy.log, what=text)
    assert "SSSS" not in proxy.log


def test_signing_process_is_logged_without_secrets(aws, start_proxy):
    proxy = start_proxy(aws, arguments=["--log-signing-process"])
    assert proxy.request("GET", "/bucket/?prefix=hidden", [("x-amz-meta-a", "concealed")],
                         host=S3).status == 200
    harness.wait_until(lambda: " ACCESS [" in proxy.log, what="the lines")
    assert "signing:   /bucket/" in proxy.log and "prefix=..." in proxy.log
    assert f"signing:   host:{S3}" in proxy.log and "AWS4-HMAC-SHA256" in proxy.log
    assert "hidden" not in proxy.log and "concealed" not in proxy.log  # the token: by the harness


def test_unsigned_payload(aws, start_proxy):
    proxy = start_proxy(aws, arguments=["--unsigned-payload"])
    assert proxy.request("PUT", "/bucket/k", body=b"abc", host=S3).status == 200
    assert last(aws).fields.get("X-Amz-Content-Sha256") == "UNSIGNED-PAYLOAD"


def test_name_and_region_together_overrule_the_host(aws, start_proxy):
    proxy = start_proxy(None, arguments=["--name", "es", "--region", "eu-west-1", "--no-verify-ssl",
                                         "--host", f"127.0.0.1:{aws.port}"])
    proxy.request("GET", "/_search", host="127.0.0.1")
    assert "/eu-west-1/es/aws4_request" in aws.requests[-1].fields.get("Authorization")


def test_scheme_http_needs_a_host(tmp_path):
    result = harness.run_binary("check-config", "--upstream-url-scheme", "http", folder=tmp_path)
    assert result.returncode == 1 and "host" in result.stderr


# -- requests


@pytest.mark.parametrize("region", ["us-west-2", "us-east-1", "eu-central-1"])
def test_put_to_a_regional_endpoint(proxy, aws, region):
    answer = proxy.request("PUT", "/bucket/k", body=b"abc", host=f"s3.{region}.amazonaws.com")
    assert answer.status == 200, answer
    assert (last(aws).verdict.service, last(aws).verdict.region) == ("s3", region)


@pytest.mark.parametrize("host", [S3.upper(), S3 + ":443", "S3.us-east-1.AmazonAWS.com:443"])
def test_spelling_of_the_host_does_not_matter(aws, start_proxy, host):
    proxy = start_proxy(aws, f'[route "*.amazonaws.com:443"]\nupstream = {aws.url}\n')
    assert proxy.request("GET", "/bucket/generate/10", host=host).status == 200
    assert last(aws).host == S3


def test_acl_and_md5_are_signed(proxy, aws):
    md5 = base64.b64encode(hashlib.md5(b"abc").digest()).decode()
    answer = proxy.request("PUT", "/bucket/k", [("x-amz-acl", "private"), ("Content-MD5", md5)],
                           b"abc", host=S3)
    assert answer.status == 200
    assert {"x-amz-acl", "content-md5"} <= set(signed(last(aws)))


def test_semicolon_in_the_query_is_kept(proxy, aws):
    assert proxy.request("GET", "/bucket/generate/10?a;b=1", host=S3).status == 200
    assert last(aws).target.split("?")[1].lower() in ("a;b=1", "a%3bb=1")


def test_hop_by_hop_fields_go_no_further(proxy, aws):
    proxy.request("GET", "/bucket/generate/10", [
        ("Connection", "keep-alive, X-Hop"), ("X-Hop", "1"), ("Proxy-Authorization", "Basic eDp5"),
        ("Proxy-Connection", "keep-alive"), ("TE", "trailers")], host=S3)
    for name in ("X-Hop", "Proxy-Authorization", "Proxy-Connection", "TE"):
        assert name not in last(aws).fields, name


def test_first_octet_comes_at_once(proxy, aws):
    with proxy.client() as client:
        client.start("GET", "/bucket/generate/100000",
                     [("Fake-Fault", "stall-body=1000:30")], host=S3)
        assert client.wire.read_until(b"\r\n\r\n", 65536)
        assert len(client.wire.read_exactly(100)) == 100
        assert aws.requests[-1].sent <= 1000, "the server still waits"
        http1.reset_on_close(client.wire.sock)  # or the proxy waits for the rest with it


def test_error_shows_no_presigned_url(start_proxy):
    proxy = start_proxy(None, '[route "*.amazonaws.com"]\nupstream = https://127.0.0.1:1\nsign = query\n'
                              "retry_mode = off\n")
    answer = proxy.request("GET", "/bucket/k", host=S3)
    assert (answer.status, answer.error) == (502, "connect-failed")
    harness.wait_until(lambda: " ACCESS [" in proxy.log, what="the access line")
    for text in (answer.body.decode(), proxy.log):
        assert "X-Amz-Signature" not in text and "X-Amz-Credential" not in text
