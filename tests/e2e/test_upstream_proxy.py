# SPDX-License-Identifier: Apache-2.0
"""AWS reached through a company's own proxy: signed requests and tunnels, its refusals, its secret, and who goes past it."""
import os
import subprocess

import certs
import harness
import pytest
from corporate import Corporate
from mock_metadata import MockMetadata
from scripted import Upstream
from stub_dns import StubDns

HOST = "bucket.s3.us-east-1.amazonaws.com"
BASE = f"http://{HOST}/"
USER, TOKEN = "svc", "corporate-token-hushhush"


@pytest.fixture
def corporate(aws):
    """Knows where AWS's names are; the machine itself does not."""
    names = {name: (aws.address, aws.port) for name in
             (HOST, "other.s3.us-east-1.amazonaws.com", "sts.us-east-1.amazonaws.com", "wrong.example")}
    with Corporate(f"{USER}:{TOKEN}", names) as proxy:
        yield proxy


@pytest.fixture
def start(start_proxy, corporate):
    """A proxy behind the corporate one, whose logs must not hold the token."""
    def begin(conf="", **options):
        url = options.pop("url", corporate.url)
        env = {"SIGV4_PROXY_UPSTREAM_PROXY": url} | options.pop("env", {})
        proxy = start_proxy(None, "retry_base = 10ms\n" + conf, env=env, **options)
        proxy.secrets += [TOKEN, "c3ZjOmNvcnBvcmF0ZS10b2tlbi1odXNoaHVzaA"]
        return proxy
    return begin


@pytest.fixture
def dns():
    """Knows no name."""
    with StubDns() as server:
        yield server.nameserver


def targets(corporate):
    return [target for target, _ in corporate.asked]


def test_signed_requests_go_through_it_and_connections_are_kept(start, corporate, aws):
    proxy = start("log_level = debug\n")
    with proxy.client() as client:
        assert client.request("PUT", BASE + "k", body=b"x" * 300000).status == 200
        assert client.request("GET", BASE + "k").body == b"x" * 300000
    assert targets(corporate) == [f"{HOST}:443"]
    ((_, fields),) = corporate.asked
    assert fields.get("Host") == f"{HOST}:443"
    assert aws.requests[-1].verdict.service == "s3"
    assert "Proxy-Authorization" not in aws.requests[-1].fields
    assert proxy.status()["upstream_proxy"] == f"127.0.0.1:{corporate.port}"  # the token is looked for by the harness


def test_tunnels_go_through_it(start, corporate, aws, authority):
    proxy = start()
    got = subprocess.run(["curl", "-sS", "--max-time", "30", "-x", proxy.url, "--cacert", str(authority.bundle),
                          "-w", "%{http_code}", "-o", "/dev/null", f"https://{HOST}/generate/10"],
                         capture_output=True, check=True, env={"PATH": os.environ["PATH"]})
    assert got.stdout == b"403"  # unsigned: the server's own word, through two proxies
    assert targets(corporate) == [f"{HOST}:443"]


def test_certificate_is_checked_behind_it(start, corporate, aws, tmp_path):
    proxy = start(ca_bundle=certs.Authority(tmp_path / "other", "other CA").bundle)
    answer = proxy.request("GET", BASE + "k")
    assert (answer.status, answer.error) == (502, "tls-failed")
    assert not aws.requests


def test_names_of_the_certificate_are_checked_behind_it(start, corporate, aws):
    proxy = start('[route "wrong.example"]\nservice = s3\nregion = us-east-1\n')
    answer = proxy.request("GET", "http://wrong.example/k")
    assert (answer.status, answer.error) == (502, "tls-failed") and not aws.requests


@pytest.mark.parametrize("reply, status, code, said, attempts", [
    (b"HTTP/1.1 407 No\r\nContent-Length: 9\r\n\r\n<html>hey", 502, "connect-failed", "answered CONNECT with 407; user and token", 1),
    (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 502, "connect-failed", "answered CONNECT with 403", 1),
    (b"HTTP/1.1 302 Login\r\nLocation: http://login/\r\nContent-Length: 0\r\n\r\n", 502, "connect-failed", "with 302", 1),
    (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", 502, "connect-failed", "answered CONNECT with 503", 2),
    (b"garbage\r\n\r\n", 502, "connect-failed", "the upstream proxy 127.0.0.1:", 2),
    (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20000 + b"\r\n\r\n", 502, "connect-failed", "the upstream proxy 127.0.0.1:", 2),
    (b"HTTP/1.1 100 Continue\r\n\r\n" * 20, 502, "connect-failed", "too many interim answers", 2),
    (b"HTTP/1.1 200 OK\r\n\r\n\x16\x03\x01surplus", 502, "connect-failed", "octets that nobody asked for", 2),
    (b"HTTP/1.1 200 OK\r\n\r\n", 502, None, "", 2),
    (b"", 504, "timeout-connect", "did not answer CONNECT in time", 2)])
def test_its_refusals_are_told(start, corporate, reply, status, code, said, attempts):
    corporate.reply = reply
    proxy = start(f"connect_timeout = {'20s' if reply else '300ms'}\nretry_max_attempts = 2\n")
    answer = proxy.request("GET", BASE + "k")
    assert answer.status == status and answer.error in ((code,) if code else ("tls-failed", "connect-failed")), answer
    assert said in answer.body.decode()
    assert len(corporate.asked) == attempts
    tunnel = proxy.request("CONNECT", f"{HOST}:443", host=f"{HOST}:443")
    if code and b"200 OK" not in reply:
        assert (tunnel.status, tunnel.error) == (status, code)
    for text in (answer.body.decode(), tunnel.body.decode(), proxy.admin("/metrics").body.decode()):
        assert TOKEN not in text and "<html>" not in text


def test_wrong_token_is_told(start, corporate):
    answer = start(url=f"http://svc:wrong@127.0.0.1:{corporate.port}").request("GET", BASE + "k")
    assert (answer.status, answer.error) == (502, "connect-failed") and b"407" in answer.body


def test_nobody_there_is_told(start, corporate, dns):
    proxy = start("retry_max_attempts = 2\n", url="http://127.0.0.1:9")
    answer = proxy.request("GET", BASE + "k")
    assert (answer.status, answer.error) == (502, "connect-failed")
    assert b"the upstream proxy 127.0.0.1:9: connect to" in answer.body
    proxy = start(f"retry_max_attempts = 2\nnameserver = {dns}\n", url="http://nowhere.invalid:3128")
    answer = proxy.request("GET", BASE + "k")
    assert (answer.status, answer.error) == (502, "dns-failed") and b"nowhere.invalid:3128" in answer.body


def test_percent_encoded_user_and_token_are_decoded(aws, start_proxy):
    with Corporate("a user:to:k%n/@", {HOST: (aws.address, aws.port)}) as corporate:
        proxy = start_proxy(None, f"upstream_proxy = http://a%20user:to:k%25n%2f%40@127.0.0.1:{corporate.port}/\n")
        proxy.secrets += ["k%25n"]
        assert proxy.request("GET", BASE + "generate/3").status == 200


def test_who_goes_past_it(start, corporate, aws, dns):
    proxy = start(f"no_proxy = .us-west-2.amazonaws.com, 203.0.113.0/24\nnameserver = {dns}\n"
                  f'[route "direct.test"]\nservice = s3\nregion = us-east-1\nupstream = {aws.url}\n'
                  f'[route "none.test"]\nservice = s3\nregion = us-east-1\nupstream_proxy = none\n'
                  f'[route "*.s3.us-west-2.amazonaws.com"]\nconnect_timeout = 200ms\nretry_mode = off\n'
                  f'[route "203.0.113.7"]\nservice = s3\nregion = us-east-1\nconnect_timeout = 200ms\nretry_mode = off\n')
    assert proxy.request("GET", "http://direct.test/bucket/generate/1").status in (200, 403, 404)  # loopback
    for host in ("none.test", "bucket.s3.us-west-2.amazonaws.com", "203.0.113.7"):
        assert proxy.request("GET", f"http://{host}/k").status >= 502, host
    assert not corporate.asked
    assert proxy.request("GET", BASE + "generate/1").status == 200
    assert targets(corporate) == [f"{HOST}:443"]


def test_a_route_has_a_proxy_of_its_own_and_connections_are_not_mixed(start, corporate, aws):
    with Corporate("other:third-hush-token-1", corporate.names) as second:
        conf = (f'[route "other.s3.us-east-1.amazonaws.com"]\nupstream_proxy = {second.url}\n'
                f'[route "same.test"]\nupstream = https://{HOST}\nservice = s3\nregion = us-east-1\nsign_host = upstream\n'
                f'upstream_proxy = {second.url}\n')
        proxy = start(conf)
        proxy.secrets.append("third-hush-token-1")
        for url in (BASE + "generate/1", "http://other.s3.us-east-1.amazonaws.com/", "http://same.test/generate/1"):
            assert proxy.request("GET", url).error is None, url
        assert targets(corporate) == [f"{HOST}:443"]
        assert targets(second) == ["other.s3.us-east-1.amazonaws.com:443", f"{HOST}:443"]


def test_metadata_addresses_are_refused_all_the_same(start, corporate):
    proxy = start('[route "169.254.169.254"]\nservice = s3\nregion = us-east-1\n'
                  '[route "inner.test"]\nservice = s3\nregion = us-east-1\nupstream = http://169.254.170.2\n')
    for url in ("http://169.254.169.254/latest/meta-data/", "http://inner.test/", "http://[fd00:ec2::254]/",
                "http://[fe80::1]/"):
        assert proxy.request("GET", url).error in ("address-denied", "host-denied"), url
    answer = proxy.request("CONNECT", "169.254.169.254:443", host="169.254.169.254:443")
    assert answer.status == 403
    assert not corporate.asked


def test_the_proxys_own_listener_is_no_upstream_proxy(aws, start_proxy):
    port = harness.free_port()
    proxy = start_proxy(None, f"listen = 127.0.0.1:{port}\nupstream_proxy = http://127.0.0.1:{port}\n")
    answer = proxy.request("GET", BASE + "k")
    assert (answer.status, answer.error) == (403, "address-denied"), answer


def test_it_may_not_be_a_link_local_address(start):
    answer = start(url="http://169.254.169.254:80").request("GET", BASE + "k")
    assert (answer.status, answer.error) == (403, "address-denied"), answer


def test_its_port_is_a_plain_upstreams_too(aws, start, corporate):
    with Upstream() as plain:
        corporate.names["plain.example"] = ("127.0.0.1", plain.port)
        proxy = start('[route "plain.example"]\nupstream = http://plain.example:8088\nservice = execute-api\nregion = us-east-1\n')
        assert proxy.request("GET", "http://plain.example/x").body == b"ok"
        assert targets(corporate) == ["plain.example:8088"]


def test_credential_endpoints_are_never_asked_through_it(start, corporate, aws):
    with MockMetadata(aws) as endpoints:
        for env in (endpoints.container, endpoints.instance):
            proxy = start(identity=None, env=env)
            assert proxy.request("GET", BASE + "generate/1").status == 200
            assert endpoints.calls
            endpoints.calls.clear()
            proxy.stop()
    assert targets(corporate) == [f"{HOST}:443"] * 2


def test_settings(tmp_path):
    secret = "http://u:hush@proxy.example:3128"
    shown = harness.run_binary("check-config", folder=tmp_path, env={"SIGV4_PROXY_UPSTREAM_PROXY": secret}).stdout
    assert "# upstream_proxy = http://********@proxy.example:3128  # SIGV4_PROXY_UPSTREAM_PROXY" in shown
    assert "hush" not in shown
    plain = harness.run_binary("check-config", "--upstream-proxy=http://Proxy.example:3128", folder=tmp_path).stdout
    assert "\nupstream_proxy = http://proxy.example:3128" in plain
    for value in ("u:hush@proxy:3128", "https://u:hush@proxy:3128", "http://u:hush@proxy", "http://u:hu sh@p:1",
                  "http://u:hush@p:0", "http://u:hush@p:1/path", "http://u:hu/sh@p:1"):
        result = harness.run_binary("check-config", folder=tmp_path, env={"SIGV4_PROXY_UPSTREAM_PROXY": value})
        assert result.returncode == 1 and "SIGV4_PROXY_UPSTREAM_PROXY" in result.stderr, value
        assert "hush" not in result.stderr and "hu sh" not in result.stderr, value
    for value in ("a b", "http://a", "10.0.0.0/40", ""):
        assert harness.run_binary("check-config", f"--no-proxy={value}", folder=tmp_path).returncode == 1, value
    said = harness.run_binary("explain", BASE, folder=tmp_path, env={"SIGV4_PROXY_UPSTREAM_PROXY": secret}).stdout
    assert "upstream_proxy proxy.example:3128" in " ".join(said.split()) and "hush" not in said


@pytest.mark.parametrize("greeting", [
    b"HTTP/1.0 200 Connection established\r\nProxy-agent: old/1.0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1 201 \r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 Established\r\nVia: 1.1 corp\r\n\r\n"])
def test_each_form_of_yes_is_understood(start, corporate, greeting):
    """RFC 9110 9.3.6: any 2xx; a length that it tells means nothing."""
    corporate.greeting = greeting
    answer = start().request("GET", BASE + "generate/9")
    assert (answer.status, len(answer.body)) == (200, 9), answer
