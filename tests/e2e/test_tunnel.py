# SPDX-License-Identifier: Apache-2.0
"""CONNECT: a plain tunnel to allowed hosts on 443 and nowhere else."""
import hashlib
import os
import re
import socket
import ssl
import subprocess
import threading

import boto3
import certs
import harness
import http1
import pattern
import pytest
from botocore.config import Config
from fake_aws import FakeAws
from stub_dns import StubDns

pytestmark = pytest.mark.own_namespace

HOST = "s3.us-east-1.amazonaws.com"


@pytest.fixture(scope="module")
def shared_aws(certificate, outside):
    with FakeAws([harness.CANARY], certificate, (outside, 443)) as server:
        yield server


@pytest.fixture(scope="module")
def dns(outside):
    with StubDns({"*": [outside]}) as server:
        yield server


@pytest.fixture
def tunnel(aws, dns, start_proxy):
    return start_proxy(conf=f"nameserver = {dns.nameserver}")


def connect(proxy, target=f"{HOST}:443", version="HTTP/1.1", host=True):
    client = proxy.client()
    client.start("CONNECT", target, host=target if host else None, version=version)
    return client, client.read("CONNECT")


@pytest.mark.parametrize("version, host", [("HTTP/1.1", True), ("HTTP/1.0", False),
                                           ("HTTP/1.0", True)])
def test_tunnel_to_an_allowed_host(tunnel, aws, authority, version, host):
    client, answer = connect(tunnel, version=version, host=host)
    assert answer.status == 200
    assert "Content-Length" not in answer.fields
    assert "Transfer-Encoding" not in answer.fields
    context = ssl.create_default_context(cafile=authority.bundle)
    with context.wrap_socket(client.sock, server_hostname=HOST) as secure:
        secure.sendall(f"GET /bucket/x HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        head = http1.Wire(secure).read_head()
    assert head[0].startswith("HTTP/1.1 403"), "inside a tunnel nothing is signed"
    assert aws.requests[-1].fields.get("Authorization") is None


def test_tunnels_are_dialled_after_the_certificates_changed(tunnel, aws, tmp_path, authority):
    """What the first connections trusted is gone with the last of them."""
    bundle = tmp_path / "other.pem"
    for n in range(3):
        assert connect(tunnel)[1].status == 200
        bundle.write_bytes(authority.bundle.read_bytes() + certs.Authority(tmp_path / str(n)).bundle.read_bytes())
        tunnel.common = re.sub("ca_bundle = .*", f"ca_bundle = {bundle}", tunnel.common)
        assert tunnel.reload(tunnel.conf_path.read_text().split("ca_bundle = ")[1].split("\n", 1)[1])["reloads"] == n + 1
        client, answer = connect(tunnel)
        assert answer.status == 200
        client.close()


def test_boto3_signs_for_itself_through_the_tunnel(tunnel, aws, authority, monkeypatch):
    monkeypatch.setenv("https_proxy", tunnel.url)
    client = boto3.client(
        "s3", region_name="us-east-1", endpoint_url=f"https://{HOST}", verify=str(authority.bundle),
        aws_access_key_id=harness.CANARY.access_key, aws_secret_access_key=harness.CANARY.secret_key,
        aws_session_token=harness.CANARY.token,
        config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"))
    data = pattern.octets(5 << 20)
    client.put_object(Bucket="bucket", Key="tunnelled", Body=data)
    assert client.get_object(Bucket="bucket", Key="tunnelled")["Body"].read() == data


def test_curl_https_goes_through(tunnel, aws, authority):
    answer = subprocess.run(
        ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{http_connect}", "--cacert",
         str(authority.bundle), f"https://{HOST}/bucket/x"],
        env={"PATH": os.environ["PATH"], "https_proxy": tunnel.url}, capture_output=True,
        timeout=30, check=False)
    assert answer.stdout == b"403 200", answer


@pytest.mark.parametrize("target, status", [
    (f"{HOST}:80", 403), (f"{HOST}:22", 403), (f"{HOST}:8443", 403), ("evil.example.com:443", 403),
    ("169.254.169.254:443", 403), ("127.0.0.1:443", 403), ("localhost:443", 403),
    (f"{HOST}:0", 400), (f"{HOST}:70000", 400), (f"https://{HOST}/", 400),
    ("/path", 400)])
def test_tunnel_elsewhere_is_refused(tunnel, aws, target, status):
    client, answer = connect(tunnel, target)
    client.close()
    assert answer.status == status, answer
    assert not aws.requests


def test_connect_deny(aws, dns, start_proxy):
    proxy = start_proxy(conf=f"nameserver = {dns.nameserver}\nconnect = deny")
    client, answer = connect(proxy)
    client.close()
    assert answer.status == 403


def test_tunnel_to_a_name_at_a_forbidden_address(aws, start_proxy):
    with StubDns({"*": ["169.254.169.254"]}) as server:
        proxy = start_proxy(conf=f"nameserver = {server.nameserver}")
        client, answer = connect(proxy)
        client.close()
        assert (answer.status in (403, 502), answer.error) == (True, "address-denied")


def test_dead_upstream_of_a_tunnel_is_502(dns, outside, start_proxy, aws):
    with StubDns({"*": ["198.51.100.11"]}) as server:
        subprocess.run(["ip", "addr", "replace", "198.51.100.11/32", "dev", "lo"], check=True)
        proxy = start_proxy(conf=f"nameserver = {server.nameserver}")
        client, answer = connect(proxy)
        client.close()
        assert (answer.status, answer.error) == (502, "connect-failed")


def raw_peer(outside):
    """A listener in the stand-in's place that lets a test see octets and ends."""
    subprocess.run(["ip", "addr", "replace", "198.51.100.12/32", "dev", "lo"], check=True)
    return socket.create_server(("198.51.100.12", 443))


def test_octets_and_half_closes_pass_both_ways(outside, start_proxy):
    with raw_peer(outside) as listener, StubDns({"*": ["198.51.100.12"]}) as server:
        proxy = start_proxy(conf=f"nameserver = {server.nameserver}")
        client = proxy.client()
        # Octets right behind the head belong to the tunnel.
        client.send(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode() + b"first")
        peer, _ = listener.accept()
        peer.settimeout(10)
        assert client.read("CONNECT").status == 200
        assert peer.recv(100) == b"first"
        peer.sendall(b"\x00\xff raw")
        assert client.wire.read_exactly(6) == b"\x00\xff raw"
        client.sock.shutdown(socket.SHUT_WR)
        assert peer.recv(100) == b"", "the client's end is passed on"
        peer.sendall(b"still here")
        assert client.wire.read_exactly(10) == b"still here"
        peer.close()
        assert client.is_closed()
        client.close()


def test_tunnel_carries_mebibytes_both_ways(outside, start_proxy):
    size = 20 << 20
    with raw_peer(outside) as listener, StubDns({"*": ["198.51.100.12"]}) as server:
        proxy = start_proxy(conf=f"nameserver = {server.nameserver}")
        client, answer = connect(proxy)
        assert answer.status == 200
        peer, _ = listener.accept()

        def echo():
            while True:
                data = peer.recv(65536)
                if not data:
                    break
                peer.sendall(data)
            peer.close()

        threading.Thread(target=echo, daemon=True).start()

        def send():
            for piece in pattern.pieces(size):
                client.send(piece)
            client.sock.shutdown(socket.SHUT_WR)

        threading.Thread(target=send, daemon=True).start()
        digest = hashlib.sha256()
        for piece in client.wire.pieces_to_end():
            digest.update(piece)
        assert digest.hexdigest() == pattern.sha256(size)
        client.close()


def test_octets_are_counted_and_an_idle_tunnel_ends(outside, start_proxy):
    with raw_peer(outside) as listener, StubDns({"*": ["198.51.100.12"]}) as server:
        proxy = start_proxy(conf=f"nameserver = {server.nameserver}\nidle_timeout = 400ms\n")
        client, answer = connect(proxy, version="HTTP/1.0", host=False)
        assert answer.status == 200
        peer, _ = listener.accept()
        client.send(b"12345")
        assert http1.Wire(peer).read_exactly(5) == b"12345"
        peer.sendall(b"123")
        assert client.wire.read_exactly(3) == b"123"
        assert client.is_closed()
        assert peer.recv(1) == b""
        line = harness.wait_until(lambda: next((x for x in proxy.log.splitlines() if "method=CONNECT" in x), None))
        assert " status=200 " in line and " in=5 out=3 " in line and 'ended="tunnel idle"' in line, line


def test_hosts_that_are_not_signed_for_are_tunnelled_where_others_are_intercepted(aws, dns, start_proxy, authority, tmp_path):
    assert harness.run_binary("ca", "init", "--ca-dir", str(tmp_path / "ca"), folder=tmp_path).returncode == 0
    proxy = start_proxy(conf=f"nameserver = {dns.nameserver}\nconnect = intercept\nca_dir = {tmp_path}/ca\n"
                             f"unsigned_hosts = {HOST}\n"
                             '[route "sqs.us-east-1.amazonaws.com"]\nsign = none\n'
                             '[route "sns.us-east-1.amazonaws.com"]\nconnect = tunnel\n'
                             '[route "sts.us-east-1.amazonaws.com"]\nconnect = deny\n')
    signers = {HOST: authority.bundle, "sqs.us-east-1.amazonaws.com": authority.bundle,
               "sns.us-east-1.amazonaws.com": authority.bundle,
               "dynamodb.us-east-1.amazonaws.com": tmp_path / "ca/ca.pem"}
    for host, bundle in signers.items():
        client, answer = connect(proxy, f"{host}:443")
        assert answer.status == 200, host
        with ssl.create_default_context(cafile=bundle).wrap_socket(client.sock, server_hostname=host):
            pass
    client, answer = connect(proxy, "sts.us-east-1.amazonaws.com:443")
    assert (answer.status, answer.error) == (403, "policy-denied")
