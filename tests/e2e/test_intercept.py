# SPDX-License-Identifier: Apache-2.0
"""connect = intercept: https:// from tools that know nothing of AWS, signed with the client's consent."""
import concurrent.futures
import contextlib
import datetime
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile

import boto3
import harness
import http1
import pytest
import retrying
import tls_tools
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

HOST = "s3.us-east-1.amazonaws.com"
DYNAMODB = "dynamodb.us-east-1.amazonaws.com"
DUMMY = {"aws_access_key_id": "AKIDDUMMY", "aws_secret_access_key": "dummy"}


@pytest.fixture(scope="module")
def local_ca(tmp_path_factory):
    """The folder of a local CA, made by the binary."""
    folder = tmp_path_factory.mktemp("home")
    result = harness.run_binary("ca", "init", "--ca-dir", str(folder / "ca"), folder=folder)
    assert result.returncode == 0, result
    return folder / "ca"


@pytest.fixture(scope="module")
def shared_interceptor(shared_aws, authority, local_ca, tmp_path_factory):
    conf = (f"connect = intercept\nca_dir = {local_ca}\nunsigned_hosts = mirror.example.com\n"
            f'[route "db.amazonaws.com:8443"]\nservice = es\nregion = us-east-1\nupstream = {shared_aws.url}\n'
            f'[route "*.amazonaws.com"]\nupstream = {shared_aws.url}\n'
            f'[route "search.example.com"]\nservice = es\nregion = us-east-1\nupstream = {shared_aws.url}\n')
    with harness.running(tmp_path_factory.mktemp("proxy"), conf=conf, ca_bundle=authority.bundle) as running:
        yield running


@pytest.fixture
def interceptor(shared_interceptor, aws):
    return shared_interceptor


def context_for(local_ca):
    return ssl.create_default_context(cafile=str(local_ca / "ca.pem"))


@contextlib.contextmanager
def inside(proxy, local_ca, host=HOST, port=443, sni=None, context=None, fields=()):
    """A client behind CONNECT and the handshake."""
    with proxy.client() as client:
        client.start("CONNECT", f"{host}:{port}", list(fields), host=f"{host}:{port}")
        assert client.read("CONNECT").status == 200
        context = context or context_for(local_ca)
        client.sock = context.wrap_socket(client.sock, server_hostname=sni or host)
        client.wire = http1.Wire(client.sock)
        yield client


def environment(proxy, local_ca, home):
    return {"PATH": os.environ["PATH"], "HOME": str(home), "https_proxy": proxy.url, "HTTPS_PROXY": proxy.url,
            "http_proxy": proxy.url, "HTTP_PROXY": proxy.url, "AWS_EC2_METADATA_DISABLED": "true",
            "SSL_CERT_FILE": str(local_ca / "ca.pem")}


# ---- the local CA


def test_ca_is_made_shown_and_exported(tmp_path):
    conf = tmp_path / "p.conf"
    conf.write_text('[route "*.s3.test"]\nservice = s3\n[route "*"]\nservice = s3\n[route "my-*.com"]\n[route "db.example:8443"]\n'
                    '[route "[::1]:9000"]\n[route "127.0.0.1"]\n')

    def ca(*arguments):
        return harness.run_binary("ca", *arguments, "--config", str(conf), folder=tmp_path)

    shown = ca("show")
    assert shown.returncode == 1 and "ca init" in shown.stderr
    made = ca("init")
    folder = tmp_path / ".config/sigv4-proxy"  # below HOME
    assert made.returncode == 0 and str(folder) in made.stdout
    assert made.stderr.count("names no domain") == 4 and '"my-*.com"' in made.stderr
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "ca.pem": 0o600, "ca.key": 0o600}
    was = {path: path.read_bytes() for path in folder.iterdir()}
    again = ca("init")
    assert again.returncode == 1 and "never overwritten" in again.stderr
    assert was == {path: path.read_bytes() for path in folder.iterdir()}
    shown = ca("show")
    assert "s3.test, db.example\n" in shown.stdout and "amazonaws.com.cn" in shown.stdout
    assert "PRIVATE" not in made.stdout + shown.stdout
    exported = ca("export")
    assert exported.stdout == (folder / "ca.pem").read_text()
    certificate = x509.load_pem_x509_certificate(exported.stdout.encode())
    names = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert names.critical and x509.DNSName("amazonaws.com") in names.value.permitted_subtrees
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    wrong = harness.run_binary("ca", "burn", folder=tmp_path)
    assert wrong.returncode == 1 and "init|show|export" in wrong.stderr


def expire(folder):
    """The same authority, as it would be long after its time."""
    made = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    builder = x509.CertificateBuilder(made.issuer, made.subject, made.public_key(), made.serial_number,
                                      datetime.datetime(2010, 1, 1), datetime.datetime(2020, 1, 2), list(made.extensions))
    (folder / "ca.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_ca_that_the_proxy_may_not_read(tmp_path):
    """Made by root, run by nobody."""
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are for the user alone
        folder, binary = pathlib.Path(place) / "ca", shutil.copy(harness.BINARY, place)
        os.chmod(place, 0o755)
        assert harness.run_binary("ca", "init", "--ca-dir", str(folder), folder=tmp_path).returncode == 0
        folder.chmod(0o755)
        (folder / "ca.pem").chmod(0o644)
        result = subprocess.run([binary, "run", "--listen", "127.0.0.1:0", "--admin", "off", "--connect", "intercept",
                                 "--ca-dir", folder], env=harness.base_environment(place) | {"ASAN_OPTIONS": "detect_leaks=0"},
                                capture_output=True, text=True, user=65534, group=65534, extra_groups=[], cwd=place,
                                timeout=20 * harness.PATIENCE, check=False)
    assert result.returncode == 1 and "ca.key: Permission denied" in result.stderr, result


def give_away(path):
    try:
        os.chown(path, 65534, -1)
    except OSError:
        pytest.skip("only root can give files away")


@pytest.mark.parametrize("spoil, said", [
    (lambda folder: give_away(folder / "ca.key"), "ca.key belongs to another user (uid 65534)"),
    (lambda folder: give_away(folder / "ca.pem"), "ca.pem belongs to another user (uid 65534)"),
    (lambda folder: shutil.rmtree(folder), "ca init"),
    (lambda folder: ((folder / "ca.pem").unlink(), (folder / "ca.pem").mkdir()), "ca.pem is not a file"),
    (lambda folder: expire(folder), "has expired at 2020-01-02"),
    (lambda folder: (folder / "ca.key").unlink(), "ca.key is missing"),
    (lambda folder: (folder / "ca.key").chmod(0o644), "may be read by others (mode 644); chmod 600 it"),
    (lambda folder: (folder / "ca.pem").write_text("nothing\n"), "ca.pem"),
])
def test_without_a_good_ca_the_proxy_says_so_and_ends(tmp_path, spoil, said):
    folder = tmp_path / "ca"
    assert harness.run_binary("ca", "init", "--ca-dir", str(folder), folder=tmp_path).returncode == 0
    spoil(folder)
    conf = tmp_path / "p.conf"
    conf.write_text(f"listen = 127.0.0.1:0\nadmin = off\nca_dir = {folder}\n"
                    '[route "*.s3.test"]\nconnect = intercept\n')
    result = harness.run_binary("run", "--config", str(conf), folder=tmp_path)
    assert result.returncode == 1 and said in result.stderr and "connect = intercept" in result.stderr


# ---- one request, many requests


def test_what_is_inside_is_signed(interceptor, local_ca, aws):
    with inside(interceptor, local_ca) as client:
        assert client.sock.selected_alpn_protocol() is None
        for number in range(3):
            answer = client.request("PUT", f"/bucket/k{number}", body=b"x" * 1000, host=HOST)
            assert answer.status == 200
        assert client.request("GET", "/bucket/k2", host=HOST).body == b"x" * 1000
        assert client.request("GET", f"https://{HOST}/bucket/k1", host=HOST).status == 200
    assert [record.verdict.service for record in aws.requests] == ["s3"] * 5
    harness.wait_until(lambda: "method=CONNECT" in interceptor.log and "method=PUT" in interceptor.log)


def test_what_is_inside_is_tried_again(aws, start_proxy, local_ca):
    proxy = start_proxy(aws, f"{retrying.QUICK}[proxy]\nconnect = intercept\nca_dir = {local_ca}\n")
    aws.faults.add("PUT /bucket/again", "status=503:SlowDown", 2)
    with inside(proxy, local_ca) as client:
        assert client.request("PUT", "/bucket/again", body=b"x" * 70000, host=HOST).status == 200
        assert client.request("GET", "/bucket/again", host=HOST).body == b"x" * 70000
    assert [record.status for record in aws.requests] == [503, 503, 200, 200]
    assert len({record.fields.get("Authorization") for record in aws.requests}) >= 2


@pytest.mark.parametrize("version, host", [("HTTP/1.0", None), ("HTTP/1.1", HOST), ("HTTP/1.0", f"{HOST}:443")])
def test_connect_of_all_kinds(interceptor, local_ca, version, host):
    with interceptor.client() as client:
        client.start("CONNECT", f"{HOST}:443", version=version, host=host)
        assert client.read("CONNECT").status == 200
        context = context_for(local_ca)
        context.set_alpn_protocols(["h2", "http/1.1"])
        with context.wrap_socket(client.sock, server_hostname=HOST) as sock:
            assert sock.selected_alpn_protocol() == "http/1.1"
            sock.sendall(f"GET /bucket/generate/3 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode())
            assert http1.Wire(sock).read_head()[0].startswith("HTTP/1.1 200")


class Hello:
    """TLS in memory, so that its octets can be sent as one likes."""

    def __init__(self, context):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=HOST)

    def step(self, what):
        try:
            return what()
        except ssl.SSLWantReadError:
            return None


@pytest.mark.parametrize("piece", [None, 1, 7])
def test_connect_and_client_hello_in_one_packet_or_octet_by_octet(interceptor, local_ca, piece):
    hello = Hello(context_for(local_ca))
    hello.step(hello.tls.do_handshake)
    data = f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode() + hello.outgoing.read()
    with interceptor.client() as client:
        for at in range(0, len(data), piece or len(data)):
            client.sock.sendall(data[at:at + (piece or len(data))])
        assert client.wire.read_head()[0].startswith("HTTP/1.1 200")
        hello.incoming.write(client.wire.take(len(client.wire.buf)))
        while hello.step(lambda: hello.tls.do_handshake() or True) is None:
            client.sock.sendall(hello.outgoing.read())
            hello.incoming.write(client.sock.recv(65536))
        hello.tls.write(f"GET /bucket/generate/3 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        data = hello.outgoing.read()
        for at in range(0, len(data), piece or len(data)):
            client.sock.sendall(data[at:at + (piece or len(data))])
        got = b""
        while b"\r\n\r\n" not in got:
            part = hello.step(lambda: hello.tls.read(65536))
            if part is None:
                hello.incoming.write(client.sock.recv(65536))
            else:
                got += part
        assert got.startswith(b"HTTP/1.1 200")


def test_plain_http_inside_a_tunnel_to_port_80(interceptor, aws):
    with interceptor.client() as client:
        client.start("CONNECT", f"{HOST}:80", host=HOST)
        assert client.read("CONNECT").status == 200
        for _ in range(2):
            assert client.request("GET", "/bucket/generate/5", host=HOST).status == 200
    assert aws.requests[-1].verdict.service == "s3"
    assert interceptor.request("CONNECT", f"{HOST}:8080", host=HOST).error == "policy-denied"


def test_ports_that_a_route_writes_out(interceptor, local_ca):
    with inside(interceptor, local_ca, "db.amazonaws.com", 8443) as client:
        assert client.request("GET", "/_search", host="db.amazonaws.com:8443").error is None
        answer = client.request("GET", "/_search", host="db.amazonaws.com")
        assert (answer.status, answer.error) == (403, "host-denied")
    answer = interceptor.request("CONNECT", f"{HOST}:8444", host="x")
    assert (answer.status, answer.error) == (403, "policy-denied")


def test_interception_inside_a_listener_with_tls(aws, start_proxy, authority, certificate, local_ca, tmp_path):
    proxy = start_proxy(aws, f"listen_cert = {certificate}\nlisten_key = {certificate}\n"
                             f"connect = intercept\nca_dir = {local_ca}\n")
    big = tmp_path / "big"
    big.write_bytes(os.urandom(3 << 20))
    through = ["curl", "-sS", "-x", f"https://127.0.0.1:{proxy.port}", "--proxy-cacert", str(authority.bundle),
               "--cacert", str(local_ca / "ca.pem"), "--max-time", "60", "-w", "%{http_code}"]
    url = f"https://{HOST}/bucket/big"
    put = subprocess.run([*through, "-T", str(big), url], capture_output=True, check=True)
    assert put.stdout == b"200"
    got = subprocess.run([*through, url], capture_output=True, check=True)
    assert got.stdout == big.read_bytes() + b"200"


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl")
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_client_that_wants_small_records_loses_nothing(aws, start_proxy, authority, certificate, local_ca, version):
    proxy = start_proxy(aws, f"connect = intercept\nca_dir = {local_ca}\n")
    listener = start_proxy(aws, f"listen_cert = {certificate}\nlisten_key = {certificate}\n")
    ways = ((["-proxy", f"127.0.0.1:{proxy.port}", "-connect", f"{HOST}:443"], local_ca / "ca.pem"),
            (["-connect", f"127.0.0.1:{listener.port}"], authority.bundle))
    for way, trusted in ways:
        got = subprocess.run(["openssl", "s_client", "-quiet", *way, "-servername", HOST, "-CAfile", str(trusted),
                              version, "-maxfraglen", "512"], capture_output=True, timeout=60, check=True,
                             input=f"GET /bucket/generate/50000 HTTP/1.1\r\nHost: {HOST}\r\n"
                                   "Connection: close\r\n\r\n".encode())
        head, _, body = got.stdout.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200") and len(body) == 50000, (way, len(body))


# ---- three names that must agree


def test_inner_host_must_be_the_connects(interceptor, local_ca, aws):
    for target, host in (("/bucket/k", DYNAMODB), (f"https://{DYNAMODB}/", HOST), ("/bucket/k", f"{HOST}:80"),
                         (f"http://{DYNAMODB}/bucket/k", HOST)):
        with inside(interceptor, local_ca) as client:
            answer = client.request("GET", target, host=host)
            assert (answer.status, answer.error) == (403, "host-denied"), (target, host)
            assert client.is_closed()
    assert not aws.requests


def test_sni_must_be_the_connects(interceptor, local_ca, aws):
    careless = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    careless.check_hostname = False
    careless.verify_mode = ssl.CERT_NONE
    with inside(interceptor, local_ca, sni=DYNAMODB, context=careless) as client:
        shown = x509.load_der_x509_certificate(client.sock.getpeercert(True))
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [HOST]
        for host in (HOST, DYNAMODB):
            answer = client.request("GET", "/bucket/k", host=host)
            assert (answer.status, answer.error) == (403, "host-denied")
            break
    with pytest.raises(ssl.SSLCertVerificationError):
        with inside(interceptor, local_ca, sni=DYNAMODB):
            pass
    assert not aws.requests


def test_connect_inside_leads_nowhere(interceptor, local_ca):
    with inside(interceptor, local_ca) as client:
        answer = client.request("CONNECT", f"{HOST}:443", host=f"{HOST}:443")
        assert (answer.status, answer.error) == (403, "host-denied")


def test_a_session_is_resumed_for_its_own_host_only(interceptor, local_ca):
    context = context_for(local_ca)
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # Python gives its sessions at once
    context.check_hostname = False
    sessions = []
    for host in (HOST, HOST, DYNAMODB):
        with interceptor.client() as client:
            client.start("CONNECT", f"{host}:443", host=host)
            assert client.read("CONNECT").status == 200
            with context.wrap_socket(client.sock, server_hostname=host,
                                     session=sessions[0] if sessions else None) as sock:
                assert sock.session_reused == (host == HOST and bool(sessions))
                sessions.append(sock.session)


# ---- who is not intercepted


def test_others_are_refused_or_tunnelled(interceptor, tmp_path):
    assert interceptor.request("CONNECT", "example.org:443", host="x").error == "host-denied"
    assert interceptor.request("CONNECT", "169.254.169.254:80", host="x").error == "address-denied"
    answer = interceptor.request("CONNECT", "lb.us-east-1.elb.amazonaws.com:443", host="x")
    assert answer.error == "never-signed"
    # Unsigned hosts are tunnelled: this one does not resolve.
    answer = interceptor.request("CONNECT", "mirror.example.com:443", host="x")
    assert answer.status in (502, 504)
    # The CA was made without this route.
    answer = interceptor.request("CONNECT", "search.example.com:443", host="x")
    assert (answer.status, answer.error) == (403, "policy-denied") and b"local CA" in answer.body


def test_a_policy_judges_what_is_inside(aws, start_proxy, local_ca):
    proxy = start_proxy(aws, f"connect = intercept\nca_dir = {local_ca}\n"
                             "[policy]\naction = allow\nmethod = GET\n[policy]\naction = deny\n")
    with inside(proxy, local_ca) as client:
        assert client.request("GET", "/bucket/generate/1", host=HOST).status == 200
        assert client.request("PUT", "/bucket/k", body=b"x", host=HOST).error == "policy-denied"


def test_the_connects_token_counts_for_all_inside(aws, start_proxy, local_ca, tmp_path):
    token = "intercepted-token-of-32-characters"
    (tmp_path / "tokens").write_text(f"ci {token}\n")
    (tmp_path / "tokens").chmod(0o600)
    proxy = start_proxy(aws, f"connect = intercept\nca_dir = {local_ca}\nproxy_auth_file = {tmp_path}/tokens\n"
                             "[policy]\naction = deny\nclient = token:ci\nmethod = DELETE\n")
    proxy.secrets.append(token)
    assert proxy.request("CONNECT", f"{HOST}:443", host="x").status == 407
    with inside(proxy, local_ca, fields=[("Proxy-Authorization", f"Bearer {token}")]) as client:
        assert client.request("GET", "/bucket/generate/1", host=HOST).status == 200
        assert client.request("DELETE", "/bucket/k", host=HOST).error == "policy-denied"


def test_a_token_that_is_taken_back_ends_what_it_began(aws, start_proxy, local_ca, tmp_path):
    token, other = "intercepted-token-of-32-characters", "another-token-of-32-characters-x"
    tokens = tmp_path / "tokens"
    tokens.write_text(f"ci {token}\nops {other}\n")
    tokens.chmod(0o600)
    proxy = start_proxy(aws, f"connect = intercept\nca_dir = {local_ca}\nproxy_auth_file = {tokens}\n"
                             "[policy]\naction = deny\nclient = token:renamed\nmethod = DELETE\n")
    proxy.secrets += [token, other]
    authorization = [("Proxy-Authorization", f"Bearer {token}")]

    def replace(text):
        (tmp_path / "new").write_text(text)
        (tmp_path / "new").chmod(0o600)
        (tmp_path / "new").replace(tokens)

    def asked(client, method="GET"):
        return client.request(method, "/bucket/generate/1", host=HOST)

    with inside(proxy, local_ca, fields=authorization) as client:
        assert asked(client).status == 200
        replace(f"renamed {token}\nops {other}\n")
        harness.wait_until(lambda: asked(client, "DELETE").error == "policy-denied", what="the token's new name")
        assert asked(client).status == 200
        # The name stays, the token does not.
        replace(f"renamed {token}x\nops {other}\n")
        harness.wait_until(lambda: proxy.request("CONNECT", f"{HOST}:443", authorization, host="x").status == 407)
        answer = asked(client)
        assert (answer.status, answer.error) == (407, "auth-required")
        assert client.is_closed()


def test_a_request_inside_names_a_host_even_where_one_is_configured(aws, start_proxy, local_ca):
    proxy = start_proxy(aws, f"connect = intercept\nca_dir = {local_ca}\nhost = {DYNAMODB}\n")
    with inside(proxy, local_ca) as client:
        client.send("GET /bucket/k HTTP/1.0\r\n\r\n")
        answer = client.read("GET")
        assert (answer.status, answer.error) == (403, "host-denied")
    assert not aws.requests


# ---- hostile clients


def test_smuggling_inside_is_refused(interceptor, local_ca, aws):
    for head in ("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding : chunked\r\n",
                 "Content-Length: 3\r\nContent-Length: 4\r\n", " folded: x\r\n"):
        with inside(interceptor, local_ca) as client:
            client.send(f"POST /bucket/k HTTP/1.1\r\nHost: {HOST}\r\n{head}\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n")
            assert client.read("POST").status == 400, head
            assert client.is_closed()
    assert not aws.requests


def test_a_handshake_that_never_ends_is_ended(aws, start_proxy, local_ca):
    proxy = start_proxy(aws, f"connect = intercept\nca_dir = {local_ca}\n"
                             "[timeouts]\nclient_head_timeout = 300ms\n")
    hello = Hello(context_for(local_ca))
    hello.step(hello.tls.do_handshake)
    data = hello.outgoing.read()
    for cut in (1, len(data) // 2):
        with proxy.client() as client:
            client.start("CONNECT", f"{HOST}:443", host=HOST)
            assert client.read("CONNECT").status == 200
            client.sock.sendall(data[:cut])
            assert client.is_closed()


@pytest.mark.parametrize("junk", [b"\x16\x03\x01\x00\x05junk!", b"\x80\x2e\x01\x03\x01", b"\x00" * 300,
                                  b"SSH-2.0-x\r\n\r\n"])
def test_junk_inside_ends_in_a_refusal(interceptor, junk):
    with interceptor.client() as client:
        client.start("CONNECT", f"{HOST}:443", host=HOST)
        assert client.read("CONNECT").status == 200
        client.sock.sendall(junk)
        client.sock.shutdown(socket.SHUT_WR)
        rest = b"".join(client.wire.pieces_to_end())
        assert not rest or rest[:1] == b"\x15" or rest.startswith(b"HTTP/1.1 400"), rest
    assert interceptor.request("GET", "/bucket/generate/1", host=HOST).status == 200


def test_a_client_that_does_not_trust_the_ca_is_told_of_in_the_log(interceptor, authority):
    with pytest.raises(ssl.SSLCertVerificationError):
        with inside(interceptor, authority.folder, context=ssl.create_default_context(cafile=authority.bundle)):
            pass
    harness.wait_until(lambda: "does the client trust the local CA" in interceptor.log, what="the hint")


def test_a_flood_of_new_names_is_bounded(aws, start_proxy, local_ca):
    proxy = start_proxy(aws, f"connect = intercept\nca_dir = {local_ca}\n")
    answers = []

    def flood(start):
        for number in range(start, start + 150):
            host = f"b{number}.s3.us-east-1.amazonaws.com"
            with proxy.client() as client:
                client.start("CONNECT", f"{host}:443", host=host)
                answers.append(client.read("CONNECT"))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(flood, range(0, 600, 150)))
    refused = [answer for answer in answers if answer.status != 200]
    assert refused and {answer.error for answer in refused} == {"overloaded"}
    assert len(answers) - len(refused) >= 200
    # A name that has its certificate goes on.
    harness.wait_until(lambda: proxy.request("CONNECT", f"{HOST}:443", host="x").status == 200)
    issued = proxy.admin("/metrics").body.decode()
    assert "sigv4_proxy_certificates_issued_total" in issued


def test_names_that_get_no_certificate_cost_others_nothing(aws, start_proxy, local_ca):
    proxy = start_proxy(aws, f'connect = intercept\nca_dir = {local_ca}\n[route "*.example.com"]\nservice = es\nregion = us-east-1\n'
                             f'upstream = {aws.url}\n')
    with contextlib.ExitStack() as stack:
        for number in range(230):  # the CA was made without this route; 403 ends the connection
            answer = proxy.request("CONNECT", f"n{number}.example.com:443", host="x")
            assert (answer.status, answer.error) == (403, "policy-denied")
        for number in range(10):
            answer = proxy.request("CONNECT", f"n{number}.example.org:443", host="x")
            assert (answer.status, answer.error) == (403, "host-denied")
        client = stack.enter_context(inside(proxy, local_ca, f"new.{HOST}"))
        assert client.request("GET", "/generate/1", host=f"new.{HOST}").status in (200, 404)
        for number in range(150):
            assert proxy.request("CONNECT", f"b{number}.{HOST}:443", host="x").status == 200


@pytest.mark.parametrize("target", [f"{HOST}:443", f"{HOST}:80", "mirror.example.com:443"])
def test_no_tunnel_begins_while_the_proxy_ends(aws, start_proxy, local_ca, target):
    proxy = start_proxy(aws, f"connect = intercept\nca_dir = {local_ca}\nunsigned_hosts = mirror.example.com\nworkers = 1\n")
    with proxy.client() as client, proxy.client() as other:
        assert client.request("GET", f"http://{HOST}/bucket/generate/1").status == 200
        client.send("CONN")  # idle no more: it is waited for
        other.send("GET")
        proxy.signal(signal.SIGTERM)
        harness.wait_until(lambda: proxy.status()["state"]["draining"])
        client.send(f"ECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode() + b"\x16\x03\x01\x00\x05hello")
        answer = client.read("CONNECT")
        assert (answer.status, answer.error) == (503, "draining")
        assert answer.fields.get("Connection") == "close" and answer.fields.get("Retry-After") == "1"
        assert client.is_closed()
        other.send(f" http://{HOST}/bucket/generate/1 HTTP/1.1\r\nHost: x\r\n\r\n")  # a request is still served
        answer = other.read()
        assert answer.status == 200 and answer.fields.get("Connection") == "close"
    proxy.check_end()


@pytest.mark.heavy
def test_memory_of_intercepted_clients(aws, start_proxy, local_ca, capsys):
    proxy = start_proxy(aws, f"connect = intercept\nca_dir = {local_ca}\nworkers = 1\n")
    context = context_for(local_ca)
    count = 200
    with contextlib.ExitStack() as stack:
        stack.enter_context(inside(proxy, local_ca, context=context)).request("GET", "/bucket/generate/1", host=HOST)
        before = proxy.memory("VmRSS")
        for _ in range(count):
            client = stack.enter_context(inside(proxy, local_ca, context=context))
            assert client.request("GET", "/bucket/generate/1", host=HOST).status == 200
        grown = (proxy.memory("VmRSS") - before) / count
    with capsys.disabled():
        print(f"\nan intercepted client that is idle costs {grown / 1024:.1f} KiB")
    assert grown < 256 * 1024


# ---- real tools


@pytest.mark.parametrize("name", tls_tools.TOOLS)
def test_tools_put_and_get(interceptor, local_ca, aws, tmp_path, name):
    need, use = tls_tools.TOOLS[name]
    if not need:
        pytest.skip(f"no {name}")
    if name == "go" and harness.SANITIZER:
        pytest.skip("compiling takes its time; nothing of it is ours")
    job = tls_tools.Job(interceptor.url, local_ca / "ca.pem", HOST, "bucket", os.urandom(2 << 20), tmp_path)
    use(job)
    assert job.back.read_bytes() == job.data
    assert {record.verdict.service for record in aws.requests} == {"s3"}
    assert {record.method for record in aws.requests} >= {"PUT", "GET"}


@pytest.mark.skipif(not tls_tools.TOOLS["undici"][0], reason="no node, or no undici (./dev node undici@6)")
def test_undici_makes_tunnels_for_http_too(interceptor, local_ca, aws, tmp_path):
    job = tls_tools.Job(interceptor.url, local_ca / "ca.pem", HOST, "bucket", os.urandom(2 << 20), tmp_path)
    tls_tools.undici(job, job.url("undici-http").replace("https:", "http:"))
    assert job.back.read_bytes() == job.data
    assert [(record.method, record.verdict.service) for record in aws.requests] == [("PUT", "s3"), ("GET", "s3")]
    assert any(f"host={HOST}:80 " in line for line in interceptor.log.splitlines() if "method=CONNECT" in line)


def test_boto3_with_dummy_keys(interceptor, local_ca, tmp_path):
    s3 = boto3.client("s3", region_name="us-east-1", verify=str(local_ca / "ca.pem"), **DUMMY,
                      config=Config(proxies={"https": interceptor.url}, s3={"addressing_style": "path"}))
    big = tmp_path / "big"
    big.write_bytes(os.urandom(9 << 20))  # in parts
    s3.upload_file(str(big), "bucket", "boto3/big")
    s3.download_file("bucket", "boto3/big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == big.read_bytes()


NODE = """
const http = require('http'), tls = require('tls');
const [proxyHost, proxyPort] = process.env.PROXY.split(':');
const request = http.request({host: proxyHost, port: proxyPort, method: 'CONNECT', path: process.env.HOST + ':443'});
request.on('connect', (answer, socket) => {
  const secure = tls.connect({socket, servername: process.env.HOST, ca: require('fs').readFileSync(process.env.CA)}, () => {
    secure.write(`GET /bucket/generate/7 HTTP/1.1\\r\\nHost: ${process.env.HOST}\\r\\nConnection: close\\r\\n\\r\\n`);
  });
  secure.on('data', data => process.stdout.write(data));
  secure.on('error', error => { console.error(error); process.exit(1); });
});
request.end();
"""


@pytest.mark.skipif(not shutil.which("node"), reason="no node")
def test_node(interceptor, local_ca, tmp_path):
    env = environment(interceptor, local_ca, tmp_path) | {
        "PROXY": f"127.0.0.1:{interceptor.port}", "HOST": HOST, "CA": str(local_ca / "ca.pem")}
    got = subprocess.run(["node", "-e", NODE], env=env, capture_output=True, timeout=120, check=True)
    assert got.stdout.startswith(b"HTTP/1.1 200"), got


# ---- reload


def test_interception_begins_with_a_reload(aws, start_proxy, local_ca):
    proxy = start_proxy(aws, "connect = deny\n")
    assert proxy.request("CONNECT", f"{HOST}:443", host="x").error == "policy-denied"
    text = proxy.conf_path.read_text()
    proxy.conf_path.write_text(text.replace("connect = deny\n", "connect = intercept\nca_dir = /nowhere\n"))
    proxy.process.send_signal(signal.SIGHUP)
    harness.wait_until(lambda: "/nowhere/ca.pem is missing" in proxy.log, what="why the reload failed")
    assert proxy.request("CONNECT", f"{HOST}:443", host="x").error == "policy-denied"
    proxy.conf_path.write_text(text.replace("connect = deny\n", f"connect = intercept\nca_dir = {local_ca}\n"))
    proxy.process.send_signal(signal.SIGHUP)
    harness.wait_until(lambda: proxy.request("CONNECT", f"{HOST}:443", host="x").status == 200)
    with inside(proxy, local_ca) as client:
        assert client.request("GET", "/bucket/generate/1", host=HOST).status == 200
        # What began goes on when interception ends.
        proxy.conf_path.write_text(text)
        proxy.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: proxy.request("CONNECT", f"{HOST}:443", host="x").status == 403)
        assert client.request("GET", "/bucket/generate/1", host=HOST).status == 200
