# SPDX-License-Identifier: Apache-2.0
"""The upstream's certificate: nothing is sent to a server that cannot prove its name."""
import socket
import ssl
import threading

import certs
import harness
import pytest
from fake_aws import FakeAws

URL = "http://bucket.s3.us-east-1.amazonaws.com/generate/10"
BAD = {
    "expired": {"is_expired": True},
    "self-signed": {"is_self_signed": True},
    "wrong name": {"names": ["other.example.com"], "addresses": []},
    "name in the common name alone": {"names": [], "addresses": [], "common_name": "127.0.0.1"},
    "another address": {"names": [], "addresses": ["127.0.0.2"]},
}


SAID = {"expired": "certificate has expired", "self-signed": "self-signed certificate"}
NAME = "certificate name does not match"


def check_refused(server, proxy, said=""):
    answer = proxy.request("GET", URL)
    assert (answer.status, answer.error) == (502, "tls-failed"), answer
    assert said in answer.body.decode()
    assert b'dial_failures_total{reason="tls"} 1' in proxy.admin("/metrics").body
    assert server.requests == [], "octets of a request reached a server that proved nothing"
    assert server.stats["connections"] == 1, "a TLS failure is not tried again"


@pytest.mark.parametrize("what", list(BAD))
def test_bad_certificate_is_502(authority, start_proxy, what):
    pem = authority.leaf("bad.pem", **BAD[what])
    with FakeAws([harness.CANARY], pem) as server:
        check_refused(server, start_proxy(server), SAID.get(what, NAME))


def test_certificate_of_an_unknown_authority_is_502(tmp_path, start_proxy):
    pem = certs.Authority(tmp_path / "other", "another CA").leaf()
    with FakeAws([harness.CANARY], pem) as server:
        check_refused(server, start_proxy(server), "unable to get local issuer certificate")


@pytest.mark.parametrize("names, status", [
    (["localhost"], 200), (["LOCALHOST"], 200), (["*.localhost"], 502), (["other"], 502)])
def test_name_of_the_dialled_host_is_verified(authority, start_proxy, names, status):
    """The route dials localhost; the Host field's name is of no account."""
    pem = authority.leaf("name.pem", names=names, addresses=[])
    with FakeAws([harness.CANARY], pem) as server:
        proxy = start_proxy(conf=f'[route "*.amazonaws.com"]\nupstream = https://localhost:{server.port}\n')
        assert proxy.request("GET", URL).status == status
        assert server.names == ["localhost"]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_protocol_is_502(certificate, start_proxy):
    server = FakeAws([harness.CANARY], certificate)
    server.tls.set_ciphers("DEFAULT:@SECLEVEL=0")
    server.tls.minimum_version = ssl.TLSVersion.TLSv1
    server.tls.maximum_version = ssl.TLSVersion.TLSv1_1
    with server:
        check_refused(server, start_proxy(server))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_session_is_resumed(certificate, start_proxy, version):
    with FakeAws([harness.CANARY], certificate, tls_version=version) as server:
        proxy = start_proxy(server, "workers = 1")
        for _ in range(3):
            with proxy.client() as client:
                answer = client.request("GET", URL, [("Connection", "close"),
                                                     ("Fake-Fault", "close-after")])
                assert answer.status == 200
            harness.wait_until(lambda: server.stats["open"] == 0, what="the connection's end")
        assert server.stats["handshakes"] == 3
        assert server.stats["resumed"] >= 1


def test_one_connection_serves_many_requests(certificate, start_proxy):
    with FakeAws([harness.CANARY], certificate) as server:
        proxy = start_proxy(server, "workers = 1")
        for _ in range(20):
            assert proxy.request("GET", URL).status == 200
        assert server.stats["handshakes"] == 1


def test_plain_server_behind_https_is_502(start_proxy):
    def answer_plainly(listener):
        sock, _ = listener.accept()
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        sock.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer_plainly, args=(listener,), daemon=True).start()
        proxy = start_proxy(conf='[route "*.amazonaws.com"]\n'
                                 f"upstream = https://127.0.0.1:{listener.getsockname()[1]}\n")
        answer = proxy.request("GET", URL)
        assert (answer.status, answer.error) == (502, "tls-failed")


def test_server_that_is_silent_in_the_handshake_is_504(start_proxy):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        proxy = start_proxy(conf="tls_timeout = 300ms\nretry_mode = off\n[route \"*.amazonaws.com\"]\n"
                                 f"upstream = https://127.0.0.1:{port}\n")
        answer = proxy.request("GET", URL)
        assert (answer.status, answer.error) == (504, "timeout-connect")


def test_aws_ca_bundle_is_read(authority, certificate, start_proxy):
    with FakeAws([harness.CANARY], certificate) as server:
        proxy = start_proxy(server, ca_bundle=None, env={"AWS_CA_BUNDLE": str(authority.bundle)})
        assert proxy.request("GET", URL).status == 200


def test_missing_bundle_is_refused_at_the_start(tmp_path):
    result = harness.run_binary("--listen", "127.0.0.1:0", "--admin", "off", "--ca-bundle",
                                str(tmp_path / "missing.pem"), folder=tmp_path)
    assert result.returncode != 0
    assert "missing.pem: No such file or directory" in result.stderr


def test_plain_upstream_is_used_where_the_route_says_so(start_proxy):
    with FakeAws([harness.CANARY]) as server:
        proxy = start_proxy(server)
        assert proxy.request("PUT", URL.replace("generate/10", "plain"), body=b"x").status == 200
        assert len(server.requests[-1].verdict.payload) == 64, "without TLS the body is hashed"
