# SPDX-License-Identifier: Apache-2.0
"""Who may use the proxy listener: addresses, tokens, unix sockets, TLS with client certificates."""
import base64
import os
import shutil
import socket
import ssl
import subprocess
import urllib.request

import certs
import harness
import http1
import pytest
import requests

HOST = "bucket.s3.us-east-1.amazonaws.com"
BASE = f"http://{HOST}/"
TOKEN = "guards-token-of-thirty-two-chars"
OTHER = "guards-other-of-thirty-two-chars"


def bearer(token):
    return [("Proxy-Authorization", "Bearer " + token)]


def basic(token, user="anybody"):
    return [("Proxy-Authorization", "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode())]


@pytest.fixture
def tokens(tmp_path):
    path = tmp_path / "tokens"
    path.write_text(f"# who may come\nci {TOKEN}\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def guarded(aws, start_proxy, tokens):
    """A proxy that asks for tokens."""
    proxy = start_proxy(aws, f"proxy_auth_file = {tokens}\n")
    proxy.secrets.append(TOKEN)
    proxy.tokens = tokens
    return proxy


def curl(*arguments):
    return subprocess.run(["curl", "-sS", "--max-time", "30", "-w", "\n%{http_code}", *arguments],
                          capture_output=True, check=False, env={"PATH": os.environ["PATH"]}, timeout=60)


# ---- addresses


def test_clients_are_admitted_by_address(aws, start_proxy):
    assert start_proxy(aws, "allow_clients = 10.0.0.0/8, 127.0.0.0/8\n").request(
        "GET", BASE + "generate/5").status == 200
    proxy = start_proxy(aws, "allow_clients = 10.0.0.0/8, ::1\n")
    with proxy.client() as client:
        answer = client.request("GET", BASE + "generate/5")
        assert (answer.status, answer.error) == (403, "client-denied")
        assert client.is_closed()
    answer = proxy.request("CONNECT", f"{HOST}:443", host=f"{HOST}:443")
    assert (answer.status, answer.error) == (403, "client-denied")
    assert proxy.admin("/healthz").status == 200


@pytest.mark.own_namespace
def test_warning_beyond_loopback_goes_with_a_guard(aws, start_proxy, outside):
    port = harness.free_port()
    open_to_all = start_proxy(aws, f"listen = {outside}:{port}\n")
    harness.wait_until(lambda: "beyond loopback" in open_to_all.log, what="the warning")
    open_to_all.stop()
    kept = start_proxy(aws, f"listen = {outside}:{port}\nallow_clients = 127.0.0.1\n")
    assert "beyond loopback" not in kept.log
    with http1.Client((outside, port)) as client:
        assert client.request("GET", BASE).error == "client-denied"
    assert kept.request("GET", BASE + "generate/1").status == 200


# ---- tokens


def test_a_token_is_asked_for(guarded, aws):
    with guarded.client() as client:
        answer = client.request("GET", BASE + "generate/5")
        assert (answer.status, answer.error) == (407, "auth-required")
        assert answer.fields.all("Proxy-Authenticate") == [
            'Basic realm="sigv4-proxy"', 'Bearer realm="sigv4-proxy"']
        # The connection stays, so that the same one may try again.
        assert client.request("GET", BASE + "generate/5", bearer(TOKEN)).status == 200
        assert client.request("GET", BASE + "generate/5", basic(TOKEN)).status == 200
        assert client.request("GET", "/generate/5", basic(TOKEN, ""), host=HOST).status == 200
    for record in aws.requests:
        assert "Proxy-Authorization" not in record.fields
    for fields in (bearer(TOKEN[:-1]), bearer(TOKEN + "x"), basic("wrong"), basic("", TOKEN),
                   bearer(TOKEN) + bearer(TOKEN), [("Authorization", "Bearer " + TOKEN)],
                   [("Proxy-Authorization", TOKEN)], [("Proxy-Authorization", "Basic ???")]):
        assert guarded.request("GET", BASE + "generate/5", fields).status == 407, fields
    assert len(aws.requests) == 3


def test_tunnels_need_a_token_too(guarded, aws):
    answer = guarded.request("CONNECT", f"{HOST}:443", host=f"{HOST}:443")
    assert (answer.status, answer.error) == (407, "auth-required")
    with guarded.client() as client:
        client.start("CONNECT", f"{HOST}:443", bearer(TOKEN), host=f"{HOST}:443")
        assert client.read_head("CONNECT").status == 200


def test_tokens_are_read_again(guarded):
    assert guarded.request("GET", BASE + "generate/5", bearer(OTHER)).status == 407
    with guarded.client() as client:  # an old connection sees the new tokens
        assert client.request("GET", BASE + "generate/5", bearer(TOKEN)).status == 200
        guarded.tokens.write_text(OTHER + "\n")
        harness.wait_until(
            lambda: guarded.request("GET", BASE + "generate/5", bearer(OTHER)).status == 200, 10,
            "the new token")
        harness.wait_until(lambda: client.request("GET", BASE + "generate/5", bearer(TOKEN)).status == 407,
                           10, "the end of the old token")
    guarded.tokens.write_text("short\n")
    harness.wait_until(lambda: "the tokens read before stay" in guarded.log, 10, "the error")
    assert guarded.request("GET", BASE + "generate/5", bearer(OTHER)).status == 200


def test_curl_completes_the_407_flow(guarded, aws, tmp_path):
    source = tmp_path / "upload"
    source.write_bytes(b"x" * 100000)
    for how in ("--proxy-basic", "--proxy-anyauth"):
        put = curl("-x", guarded.url, how, "-U", f"user:{TOKEN}", "-T", str(source), BASE + "by-curl")
        assert put.stdout.endswith(b"\n200"), (how, put)
    got = curl("-x", guarded.url, "--proxy-anyauth", "-U", f"user:{TOKEN}", BASE + "by-curl")
    assert got.stdout == b"x" * 100000 + b"\n200"
    url = f"http://user:{TOKEN}@127.0.0.1:{guarded.port}"
    assert curl("-x", url, BASE + "generate/3").stdout.endswith(b"\n200")
    assert curl("-x", guarded.url, "-U", "user:wrong", BASE + "generate/3").stdout.endswith(b"\n407")


def test_python_completes_the_407_flow(guarded, monkeypatch):
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, f"127.0.0.1:{guarded.port}", "user", TOKEN)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({"http": guarded.url}),
        urllib.request.ProxyBasicAuthHandler(passwords))
    assert opener.open(BASE + "generate/7", timeout=20).status == 200
    url = f"http://user:{TOKEN}@127.0.0.1:{guarded.port}"
    monkeypatch.setenv("http_proxy", url)
    monkeypatch.setenv("no_proxy", "")
    assert requests.get(BASE + "generate/7", timeout=20).status_code == 200


JAVA = """
import java.net.*;
public class Flow {
    public static void main(String[] a) throws Exception {
        Authenticator.setDefault(new Authenticator() {
            protected PasswordAuthentication getPasswordAuthentication() {
                return new PasswordAuthentication("user", a[2].toCharArray());
            }
        });
        Proxy proxy = new Proxy(Proxy.Type.HTTP, new InetSocketAddress("127.0.0.1", Integer.parseInt(a[0])));
        HttpURLConnection c = (HttpURLConnection) new URL(a[1]).openConnection(proxy);
        System.out.println("HttpURLConnection " + c.getResponseCode());
        java.net.http.HttpClient client = java.net.http.HttpClient.newBuilder()
            .version(java.net.http.HttpClient.Version.HTTP_1_1)
            .proxy(ProxySelector.of(new InetSocketAddress("127.0.0.1", Integer.parseInt(a[0]))))
            .authenticator(new Authenticator() {
                protected PasswordAuthentication getPasswordAuthentication() {
                    return new PasswordAuthentication("user", a[2].toCharArray());
                }
            }).build();
        var answer = client.send(java.net.http.HttpRequest.newBuilder(URI.create(a[1])).build(),
                                 java.net.http.HttpResponse.BodyHandlers.ofString());
        var sent = client.send(java.net.http.HttpRequest.newBuilder(URI.create(a[1] + "-put"))
                                   .PUT(java.net.http.HttpRequest.BodyPublishers.ofString("x".repeat(100000))).build(),
                               java.net.http.HttpResponse.BodyHandlers.ofString());
        System.out.println("HttpClient " + answer.statusCode() + " " + sent.statusCode());
    }
}
"""


def test_java_completes_the_407_flow(guarded, tmp_path):
    if not shutil.which("javac"):
        pytest.skip("no JDK here")
    (tmp_path / "Flow.java").write_text(JAVA)
    result = subprocess.run(["java", "Flow.java", str(guarded.port), BASE + "generate/7", TOKEN], cwd=tmp_path,
                            capture_output=True, check=False, timeout=120)
    assert result.stdout.split(b"\n")[:2] == [b"HttpURLConnection 200", b"HttpClient 200 200"], result


def test_a_missing_token_file_is_said(start_proxy, tmp_path):
    proxy = start_proxy(conf=f"proxy_auth_file = {tmp_path}/nothing\n", is_ready=False)
    proxy.process.wait(20)
    assert "proxy_auth_file" in proxy.log and "No such file" in proxy.log
    proxy.process = None


# ---- unix sockets


def test_unix_socket_has_its_mode_and_serves(aws, start_proxy, tmp_path):
    path = tmp_path / "proxy.sock"
    start_proxy(aws, f"listen = unix:{path}\nlisten_mode = 660\n")
    assert path.stat().st_mode & 0o777 == 0o660
    got = curl("--unix-socket", str(path), BASE + "generate/4")
    assert got.stdout.endswith(b"\n200"), got


def test_unix_peers_are_admitted_by_user_and_group(aws, start_proxy, tmp_path):
    for number, (peers, status) in enumerate(
            ((f"uid:{os.geteuid()}", 200), (f"gid:{os.getegid()}", 200), ("uid:54321, gid:54321", 403))):
        path = tmp_path / f"{number}.sock"
        proxy = start_proxy(aws, f"listen = unix:{path}\nlisten_peers = {peers}\n")
        got = curl("--unix-socket", str(path), BASE + "generate/4")
        assert got.stdout.endswith(b"\n%d" % status), got
        if status == 403:
            assert b"client-denied" in got.stdout
        assert proxy.request("GET", BASE + "generate/4").status == 200  # about unix sockets only


# ---- TLS


@pytest.fixture(scope="module")
def client_authority(tmp_path_factory):
    return certs.Authority(tmp_path_factory.mktemp("clients"), "clients CA")


def through_tls(proxy, authority, *arguments, url=BASE + "generate/6"):
    return curl("-x", f"https://127.0.0.1:{proxy.port}", "--proxy-cacert", str(authority.bundle), *arguments, url)


def test_listener_speaks_tls(aws, start_proxy, authority, certificate, tmp_path):
    proxy = start_proxy(aws, f"listen_cert = {certificate}\nlisten_key = {certificate}\n")
    assert through_tls(proxy, authority).stdout.endswith(b"\n200")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=str(authority.bundle))
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["h2", "http/1.1"])
        with socket.create_connection(proxy.address) as raw, \
                context.wrap_socket(raw, server_hostname="localhost") as sock:
            assert sock.selected_alpn_protocol() == "http/1.1"
    big = tmp_path / "big"
    big.write_bytes(os.urandom(3 << 20))
    assert through_tls(proxy, authority, "-T", str(big), url=BASE + "big").stdout.endswith(b"\n200")
    assert through_tls(proxy, authority, url=BASE + "big").stdout == big.read_bytes() + b"\n200"
    # Several requests over one connection.
    context = ssl.create_default_context(cafile=str(authority.bundle))
    with socket.create_connection(proxy.address) as raw, \
            context.wrap_socket(raw, server_hostname="localhost") as sock:
        for _ in range(3):
            sock.sendall(f"GET {BASE}generate/6 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            wire = http1.Wire(sock)
            assert wire.read_head()[0].startswith("HTTP/1.1 200")
            wire.read_exactly(6)
    # Who does not speak TLS gets no answer, and the proxy goes on.
    with socket.create_connection(proxy.address) as raw:
        raw.sendall(f"GET {BASE} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        raw.settimeout(10)
        assert b"HTTP/1.1" not in raw.recv(1000)
    assert through_tls(proxy, authority).stdout.endswith(b"\n200")


def test_old_tls_is_refused(aws, start_proxy, authority, certificate):
    proxy = start_proxy(aws, f"listen_cert = {certificate}\nlisten_key = {certificate}\n")
    context = ssl.create_default_context(cafile=str(authority.bundle))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(proxy.address) as raw, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(raw, server_hostname="localhost")


def test_client_certificates_are_asked_for(aws, start_proxy, authority, certificate, client_authority):
    good = client_authority.leaf("good.pem", is_client=True)
    expired = client_authority.leaf("expired.pem", is_client=True, is_expired=True)
    foreign = authority.leaf("foreign.pem", is_client=True)
    server_only = client_authority.leaf("server-only.pem")
    proxy = start_proxy(aws, f"listen_cert = {certificate}\nlisten_key = {certificate}\n"
                             f"listen_client_ca = {client_authority.bundle}\n")
    assert through_tls(proxy, authority, "--proxy-cert", str(good)).stdout.endswith(b"\n200")
    for pem in (expired, foreign, server_only):
        got = through_tls(proxy, authority, "--proxy-cert", str(pem))
        assert got.returncode != 0 and got.stdout.endswith(b"\n000"), (pem, got)
    assert through_tls(proxy, authority).returncode != 0
    harness.wait_until(lambda: "tls: " in proxy.log, what="why a client was refused")
    assert len(aws.requests) == 1


def test_tls_and_tokens_and_unix_go_together(aws, start_proxy, authority, certificate, tokens, tmp_path):
    path = tmp_path / "plain.sock"
    proxy = start_proxy(aws, f"listen = unix:{path}\nlisten_cert = {certificate}\nlisten_key = {certificate}\n"
                             f"proxy_auth_file = {tokens}\n")
    assert through_tls(proxy, authority).stdout.endswith(b"\n407")
    assert through_tls(proxy, authority, "-U", f"u:{TOKEN}").stdout.endswith(b"\n200")
    assert curl("--unix-socket", str(path), BASE).stdout.endswith(b"\n407")
    assert curl("--unix-socket", str(path), "-H", f"Proxy-Authorization: Bearer {TOKEN}",
                BASE + "generate/1").stdout.endswith(b"\n200")


@pytest.mark.parametrize("lines, said", [
    ("listen_cert = {cert}", "listen_cert and listen_key go together"),
    ("listen_client_ca = {cert}", "listen_client_ca needs them"),
    ("listen_cert = {cert}\nlisten_key = {other}", "key values mismatch"),
    ("listen_cert = /nothing.pem\nlisten_key = {cert}", "/nothing.pem: No such file"),
    ("listen_mode = 888", "is not permissions"), ("listen_peers = me", "is not uid:N or gid:N"),
    ("allow_clients = 10.0.0.0/33", "is not ADDR or ADDR/BITS")])
def test_wrong_settings_are_said(start_proxy, certificate, authority, lines, said):
    other = authority.leaf("other.pem")
    proxy = start_proxy(conf=lines.format(cert=certificate, other=other) + "\n", is_ready=False)
    assert proxy.process.wait(20) == 1
    assert said in proxy.log
    proxy.process = None
