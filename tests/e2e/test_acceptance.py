# SPDX-License-Identifier: Apache-2.0
"""The forty acceptance tests of security, by number: here, or in the test that WHERE names."""
import ctypes
import os
import pathlib
import random
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import time

import harness
import http1
import pytest
import scripted
from corpus_cases import SERVED
from fake_aws import FakeAws
from ports import free_port
from stub_dns import StubDns
from test_hardening import cpu_seconds, status_field

HOST = "bucket.s3.us-east-1.amazonaws.com"
BASE = f"http://{HOST}/"
TESTS = harness.ROOT / "tests"

# number: what is asked, and the tests that answer. Those named test_11_NN_ are in this file.
WHERE = {
    1: ("allowed name at a metadata address", "e2e/test_addresses.py::test_allowed_name_never_leads_to_a_bad_address"),
    2: ("good and bad addresses", "e2e/test_addresses.py::test_bad_addresses_among_good_ones_are_skipped"),
    3: ("rebinding", "e2e/test_addresses.py::test_rebinding_is_in_vain"),
    4: ("forms of literals", "e2e/test_addresses.py::test_host_that_a_client_writes_is_never_dialled"),
    5: ("no plaintext", "test_11_05_nothing_goes_out_in_plain_text_unless_a_route_says_so",
        "e2e/test_drop_in.py::test_scheme_http_needs_a_host"),
    6: ("certificates", "e2e/test_tls.py::test_bad_certificate_is_502", "e2e/test_tls.py::test_old_protocol_is_502",
        "e2e/test_tls.py::test_certificate_of_an_unknown_authority_is_502", "test_11_06_wildcard_stands_for_one_label"),
    7: ("no close_notify", "e2e/test_faults.py::test_answer_without_an_end_needs_close_notify",
        "e2e/test_streaming.py::test_tls_end_without_close_notify_is_a_truncation"),
    8: ("canary", "e2e/test_canary.py::test_nothing_is_given_away_wherever_keys_come_from",
        "e2e/test_canary.py::test_tokens_and_the_upstream_proxys_secret_are_looked_for_too"),
    9: ("core dump", "test_11_09_no_core_is_written_whatever_the_parent_allows"),
    10: ("ptrace and memory", "test_11_10_same_user_can_not_trace_it",
         "e2e/test_hardening.py::test_memory_is_closed_to_others_of_the_same_user"),
    11: ("credential_process that errs", "unit/net/test_child.c::output_over_the_limit_ends_it",
         "unit/creds/test_process.c::one_that_hangs_is_stopped_at_its_deadline",
         "unit/creds/test_process.c::one_that_leaves_a_process_with_the_output_open_serves",
         "unit/creds/test_process.c::failures_say_what_happened",
         "test_11_11_process_that_prints_a_line_end_in_a_token_is_refused"),
    12: ("its descriptors", "e2e/test_process.py::test_its_environment_and_limits_are_those_of_a_login",
         "unit/net/test_child.c::no_descriptor_of_ours_is_passed_on"),
    13: ("line end in a token", "e2e/test_credentials.py::test_token_with_a_line_end_is_never_sent"),
    14: ("regions that are none", "test_11_14_region_that_is_none_is_ignored"),
    15: ("browsers", "test_11_15_web_pages_get_nothing_and_no_preflight"),
    16: ("typed address", "e2e/test_http.py::test_browsers_are_refused"),
    17: ("origin-form from a page", "test_11_17_origin_form_with_a_foreign_host_is_refused"),
    18: ("another user at the unix socket", "test_11_18_other_user_is_refused_at_the_unix_socket",
         "e2e/test_guards.py::test_unix_peers_are_admitted_by_user_and_group"),
    19: ("407", "e2e/test_guards.py::test_curl_completes_the_407_flow",
         "test_11_19_wrong_token_takes_as_long_wherever_it_differs"),
    20: ("CONNECT", "e2e/test_tunnel.py::test_tunnel_elsewhere_is_refused", "e2e/test_tunnel.py::test_connect_deny",
         "e2e/test_tunnel.py::test_tunnel_to_an_allowed_host", "e2e/test_intercept.py::test_connect_of_all_kinds"),
    21: ("idle tunnel", "test_11_21_idle_tunnel_is_closed", "e2e/test_tunnel.py::test_octets_and_half_closes_pass_both_ways"),
    22: ("slow heads", "e2e/test_slow_clients.py::test_five_hundred_slow_clients_hold_up_nobody"),
    23: ("slow body", "e2e/test_limits.py::test_slow_body_is_408"),
    24: ("slow reader", "e2e/test_streaming.py::test_slow_reader_holds_the_server_back"),
    25: ("upstream that does not read", "e2e/test_streaming.py::test_server_that_does_not_read_holds_the_client_back"),
    26: ("few descriptors", "e2e/test_hardening.py::test_few_descriptors_many_clients",
         "e2e/test_limits.py::test_running_out_of_descriptors_is_told_once_a_second"),
    27: ("ten thousand requests", "e2e/test_hardening.py::test_ten_thousand_requests_leave_no_memory_behind"),
    28: ("bombs", "e2e/test_hardening.py::test_large_head_costs_little", "test_11_28_bombs_are_refused_early"),
    29: ("pool poisoning", "e2e/test_faults.py::test_surplus_behind_an_answer_is_nobodys"),
    30: ("two clients, one connection", "e2e/test_faults.py::test_two_clients_on_one_connection_never_mix"),
    31: ("SIGTERM in a download", "e2e/test_admin.py::test_running_request_is_finished_before_the_end"),
    32: ("broken reload", "e2e/test_reload.py::test_broken_reload_changes_nothing"),
    33: ("odd files", "e2e/test_hardening.py::test_odd_credential_file_holds_nobody_up",
         "e2e/test_hardening.py::test_odd_configuration_file_is_refused", "test_11_33_odd_file_is_refused_at_once"),
    34: ("what is sent is what was signed", "test_11_34_signature_of_each_odd_request_verifies",
         "e2e/test_objects.py::test_key_round_trip"),
    35: ("the client's own signature", "e2e/test_signed_clients.py::test_old_signatures_are_replaced",
         "e2e/test_objects.py::test_client_fields_cannot_forge_the_signature",
         "e2e/test_signed_clients.py::test_presigned_urls_can_be_signed_anew",
         "e2e/test_signed_clients.py::test_presigned_urls_pass_untouched"),
    36: ("presign endpoint", "e2e/test_presign.py::test_what_is_wrong_gets_400",
         "e2e/test_presign.py::test_what_is_not_allowed_gets_403"),
    37: ("line ends by percent-decoding", "test_11_37_encoded_line_ends_stay_encoded"),
    38: ("loops", "e2e/test_addresses.py::test_own_listener_is_no_upstream",
         "e2e/test_addresses.py::test_request_that_comes_back_through_others_is_508"),
    39: ("privileges", "test_11_39_no_privileges_and_no_new_ones"),
    40: ("fuzzing", "test_11_40_parsers_have_fuzz_targets",
         "e2e/test_documents.py::test_fuzz_targets_stand_in_their_table_and_have_a_corpus"),
}


@pytest.mark.parametrize("number", range(1, 41))
def test_each_number_has_its_test(number):
    _, *names = WHERE[number]
    for name in names:
        file, _, test = name.rpartition("::")
        text = (TESTS / file).read_text() if file else pathlib.Path(__file__).read_text()
        assert file or test.startswith(f"test_11_{number:02d}_"), name
        found = rf"^def {test}\(" if not file.endswith(".c") else rf"cmocka_unit_test\w*\({test}[,)]"
        assert re.search(found, text, re.M), name
    assert names


# ---- to the upstream


class Listener:
    """Keeps the first octets of each connection."""

    def __init__(self, address, port):
        self.server = socket.create_server((address, port))
        self.server.settimeout(0.05)
        self.first = []

    def look(self):
        try:
            while True:
                sock, _ = self.server.accept()
                sock.settimeout(5)
                self.first.append(sock.recv(100))
                sock.close()
        except TimeoutError:
            return self.first


@pytest.mark.own_namespace
def test_11_05_nothing_goes_out_in_plain_text_unless_a_route_says_so(outside, start_proxy):
    plain, secure = Listener(outside, 80), Listener(outside, 443)
    with StubDns({"*": [outside]}) as dns, plain.server, secure.server:
        proxy = start_proxy(conf=f"nameserver = {dns.nameserver}\nretry_mode = off\nfirst_byte_timeout = 1s\n"
                                 '[route "x.test"]\nservice = execute-api\nregion = us-east-1\n')
        for url in (BASE, "http://x.test/", f"http://{HOST}:80/"):
            with proxy.client() as client:
                client.start("GET", url, host=url.split("/")[2])
                harness.wait_until(secure.look, what="the connection")
                answer = client.read()
            assert answer.status == 502 and secure.first.pop(0)[:2] == b"\x16\x03", answer
        assert not plain.look()


@pytest.mark.own_namespace
@pytest.mark.parametrize("host, status", [("a.wild.test", 200), ("a.b.wild.test", 502), ("wild.test", 502)])
def test_11_06_wildcard_stands_for_one_label(authority, outside, start_proxy, host, status):
    pem = authority.leaf("wild.pem", names=["*.wild.test"], addresses=[])
    with FakeAws([harness.CANARY], pem, (outside, 443)) as server, StubDns({"*": [outside]}) as dns:
        proxy = start_proxy(conf=f'nameserver = {dns.nameserver}\n[route "*.amazonaws.com"]\nupstream = https://{host}\n')
        assert proxy.request("GET", BASE + "generate/1").status == status
        assert len(server.requests) == (status == 200)
        assert server.stats["connections"] == 1


# ---- the process


def test_11_09_no_core_is_written_whatever_the_parent_allows(start_proxy, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard != resource.RLIM_INFINITY:
        pytest.skip("no core files are allowed here")
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        proxy = start_proxy()
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    proxy.signal(signal.SIGABRT)
    _, status = os.waitpid(proxy.process.pid, 0)
    proxy.process.returncode = -signal.SIGABRT
    proxy.process = None
    assert os.WTERMSIG(status) == signal.SIGABRT and not os.WCOREDUMP(status)
    assert not [path for path in tmp_path.iterdir() if "core" in path.name]


TRACER = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
print(libc.ptrace(16, int(sys.argv[1]), 0, 0), ctypes.get_errno())  # PTRACE_ATTACH
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_11_10_same_user_can_not_trace_it(aws, start_proxy, tmp_path):
    for part in [tmp_path, *tmp_path.parents][:3]:
        part.chmod(part.stat().st_mode | 0o755)
    tmp_path.chmod(0o777)
    proxy = start_proxy(aws, ca_bundle=None, user=65534)
    options = {"user": 65534, "group": 65534, "extra_groups": [], "capture_output": True, "text": True, "check": False}
    tried = subprocess.run([sys.executable, "-c", TRACER, str(proxy.process.pid)], **options)
    assert tried.stdout.split() == ["-1", "1"], tried  # EPERM
    for what in ("mem", "environ", "auxv", "maps"):
        seen = subprocess.run(["head", "-c1", f"/proc/{proxy.process.pid}/{what}"], **options)
        assert "Permission denied" in seen.stderr, what
    assert ctypes.sizeof(ctypes.c_long)


def test_11_11_process_that_prints_a_line_end_in_a_token_is_refused(aws, start_proxy, tmp_path):
    (tmp_path / ".aws").mkdir()
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\ncat <<'E'\n" '{"Version":1,"AccessKeyId":"AKIAPROCESSPROCESS12","SecretAccessKey":"s",'
                    '"SessionToken":"t\\r\\nX-Injected: y"}\nE\n')
    tool.chmod(0o700)
    (tmp_path / ".aws/config").write_text(f"[default]\ncredential_process = {tool}\n")
    answer = start_proxy(aws, identity=None).request("GET", BASE + "generate/1")
    assert answer.status == 503 and b"session token" in answer.body and b"Injected" not in answer.body
    assert not aws.requests


@pytest.mark.parametrize("kind", ["fifo", "folder", "sparse"])
@pytest.mark.parametrize("key", ["ca_bundle", "proxy_auth_file", "listen_cert", "admin_token_file", "include",
                                 "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
                                 "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_CA_BUNDLE"])
def test_11_33_odd_file_is_refused_at_once(tmp_path, key, kind):
    """Refused by a line that names it: at the start, or when credentials are asked for."""
    odd = tmp_path / "odd"
    if kind == "fifo":
        os.mkfifo(odd)
    elif kind == "folder":
        odd.mkdir()
    else:
        with open(odd, "wb") as file:
            file.truncate(10 << 30)
    conf = tmp_path / "p.conf"
    lines, env, command = f"{key} = {odd}\n", {}, ("run", "--config", str(conf))
    if key == "listen_cert":
        lines += f"listen_key = {odd}\n"
    if key.startswith("AWS_"):
        lines, env = "", {key: str(odd)}
        if key != "AWS_CA_BUNDLE":
            command = ("export-credentials", "--config", str(conf))
    if key == "AWS_WEB_IDENTITY_TOKEN_FILE":
        env["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/r"
    if key == "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE":
        env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://127.0.0.1:9/"
    conf.write_text(f"listen = 127.0.0.1:{free_port()}\nadmin = 127.0.0.1:{free_port()}\n{lines}")
    begun = time.monotonic()
    result = harness.run_binary(*command, folder=tmp_path, env=env, timeout=10)
    assert time.monotonic() - begun < 1 * harness.PATIENCE
    assert result.returncode == 1
    assert str(odd) in result.stderr, result


@pytest.mark.parametrize("key", ["ca_bundle", "proxy_auth_file", "listen_cert", "include"])
def test_11_33_odd_file_in_a_reload_holds_nobody_up(start_proxy, aws, tmp_path, key):
    odd = tmp_path / "odd"
    os.mkfifo(odd)
    proxy = start_proxy(aws, ca_bundle=None)
    told = proxy.reload(f"{key} = {odd}\n" + (f"listen_key = {odd}\n" if key == "listen_cert" else ""))
    assert told["reloads_failed"] == 1 and "not a regular file" in told["last_error"]
    assert proxy.request("GET", "http://denied.test/").status == 403


def test_11_39_no_privileges_and_no_new_ones(aws, start_proxy, tmp_path):
    proxy = start_proxy(aws)
    assert status_field(proxy, "NoNewPrivs") == "1"
    if os.geteuid() == 0:
        for part in [tmp_path, *tmp_path.parents][:3]:
            part.chmod(part.stat().st_mode | 0o755)
        tmp_path.chmod(0o777)
        proxy = start_proxy(aws, ca_bundle=None, user=65534)
    assert status_field(proxy, "NoNewPrivs") == "1"
    for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert int(status_field(proxy, name), 16) == 0, name


# ---- answers that lie


@pytest.mark.parametrize("region", ["a\tb", "e" * 300, "eu-west-1, us-east-1", "eu_west_1", "eu-west-1/s3", "\xe9", ""])
def test_11_14_region_that_is_none_is_ignored(start_proxy, region):
    answer = (f"HTTP/1.1 301 Moved\r\nx-amz-bucket-region: {region}\r\nContent-Type: application/xml\r\n"
              "Content-Length: 47\r\n\r\n<Error><Code>PermanentRedirect</Code></Error>  ").encode("latin-1")

    came = []

    def talk(sock):
        wire = http1.Wire(sock)
        while head := wire.read_head():
            came.append(head[1].get("Authorization"))
            sock.sendall(answer)
    with scripted.Upstream(talk) as server:
        proxy = start_proxy(conf=server.route("*.amazonaws.com", "s3"))
        for _ in range(2):
            got = proxy.request("GET", BASE + "k")
            assert (got.status, got.error) == (301, None)
        assert len(came) == 2 and all("/us-east-1/s3/" in one for one in came), "no second attempt"
    assert not re.search(r"region=(?!us-east-1)\S", proxy.log)


# ---- who asks


def test_11_15_web_pages_get_nothing_and_no_preflight(proxy, aws):
    for method, fields in (
            ("GET", [("Origin", "https://evil.example")]), ("GET", [("Sec-Fetch-Site", "same-site")]),
            ("POST", [("Origin", "null"), ("Content-Type", "text/plain")]),
            ("OPTIONS", [("Origin", "https://evil.example"), ("Access-Control-Request-Method", "PUT"),
                         ("Access-Control-Request-Private-Network", "true")]),
            ("OPTIONS", [("Access-Control-Request-Headers", "x-amz-acl")]),
            ("CONNECT", [("Origin", "https://evil.example")])):
        target = f"{HOST}:443" if method == "CONNECT" else BASE + "generate/1"
        answer = proxy.request(method, target, fields, host=f"{HOST}:443" if method == "CONNECT" else HOST,
                               body=b"" if method == "POST" else None)
        assert (answer.status, answer.error) == (403, "browser-denied"), (method, fields, answer)
        assert not [name for name, _ in answer.fields if name.lower().startswith("access-control")]
    assert not aws.requests


def test_11_17_origin_form_with_a_foreign_host_is_refused(proxy, aws):
    for host in ("rebind.invalid", f"127.0.0.1:{proxy.port}", "localhost", f"{HOST}.evil.example", f"evil-{HOST[7:]}x"):
        answer = proxy.request("GET", "/latest/meta-data/", host=host)
        assert answer.status == 403, (host, answer)
    assert not aws.requests


CALLER = """
import socket, sys
sock = socket.socket(socket.AF_UNIX)
try:
    sock.connect(sys.argv[1])
    sock.sendall(b"GET http://HOST/generate/1 HTTP/1.1\\r\\nHost: HOST\\r\\nConnection: close\\r\\n\\r\\n".replace(
        b"HOST", sys.argv[2].encode()))
    while data := sock.recv(65536):
        sys.stdout.buffer.write(data)
except PermissionError:
    print("EACCES")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_11_18_other_user_is_refused_at_the_unix_socket(aws, start_proxy, tmp_path):
    """By the socket's mode, and where that is open by listen_peers: the request is refused unread."""
    for part in [tmp_path, *tmp_path.parents][:3]:
        part.chmod(part.stat().st_mode | 0o755)
    for mode, said in (("600", b"EACCES"), ("666", b"client-denied")):
        path = tmp_path / f"{mode}.sock"
        proxy = start_proxy(aws, f"listen = unix:{path}\nlisten_mode = {mode}\nlisten_peers = uid:0\n")
        got = {}
        for user in (0, 65534):
            got[user] = subprocess.run([sys.executable, "-c", CALLER, path, HOST], user=user, capture_output=True,
                                       extra_groups=[], check=False, timeout=30 * harness.PATIENCE).stdout
        assert got[0].startswith(b"HTTP/1.1 200"), got
        assert said in got[65534], got
        if mode == "666":
            assert 'code="client-denied"' in proxy.admin("/metrics").body.decode() or \
                "client-denied" in proxy.log
    assert len(aws.requests) == 2


def test_11_19_wrong_token_takes_as_long_wherever_it_differs(aws, start_proxy, tmp_path):
    """Two wrong tokens, in random order: the times are reported, as Welch's t. (Asserted is what the time follows
    from: hashes of a fixed length are compared whole, unit.policy.token_set.)"""
    token = "acceptance-token-of-forty-characters-0123"
    tokens = tmp_path / "tokens"
    tokens.write_text(f"ci {token}\n")
    tokens.chmod(0o600)
    proxy = start_proxy(aws, f"proxy_auth_file = {tokens}\nlog_access = no\n")
    proxy.secrets.append(token)
    times = {"X" + token[1:]: [], token[:-1] + "X": []}
    with proxy.client() as client:
        order = list(times) * 500
        random.Random(1).shuffle(order)
        for wrong in order:
            begun = time.perf_counter()
            answer = client.request("GET", BASE + "generate/1", [("Proxy-Authorization", "Bearer " + wrong)])
            times[wrong].append(time.perf_counter() - begun)
            assert (answer.status, answer.error) == (407, "auth-required")
        right = client.request("GET", BASE + "generate/1", [("Proxy-Authorization", "Bearer " + token)])
        assert right.status == 200
    one, other = times.values()
    t = (statistics.mean(one) - statistics.mean(other)) / (
        (statistics.variance(one) + statistics.variance(other)) / 500) ** 0.5
    print(f"first octet wrong {statistics.median(one) * 1e6:.1f} us, last {statistics.median(other) * 1e6:.1f} us, t = {t:.2f}")


@pytest.mark.own_namespace
def test_11_21_idle_tunnel_is_closed(outside, start_proxy):
    with socket.create_server((outside, 443)) as listener, StubDns({"*": [outside]}) as dns:
        proxy = start_proxy(conf=f"nameserver = {dns.nameserver}\nidle_timeout = 400ms\n")
        with proxy.client() as client:
            client.start("CONNECT", f"{HOST}:443", host=f"{HOST}:443")
            assert client.read("CONNECT").status == 200
            peer, _ = listener.accept()
            for _ in range(4):  # what moves keeps it open, in either direction
                time.sleep(0.15)
                client.send(b"x")
                assert peer.recv(10) == b"x"
                time.sleep(0.15)
                peer.sendall(b"y")
                assert client.wire.read_exactly(1) == b"y"
            assert client.is_closed()
            peer.settimeout(5 * harness.PATIENCE)
            try:
                assert peer.recv(10) == b""
            except ConnectionResetError:
                pass
            peer.close()
        harness.wait_until(lambda: 'ended="tunnel idle"' in proxy.log, what="the line")


# ---- what they send


BOMBS = {
    "twenty thousand fields": (b"a: b\r\n" * 20000, 431),
    "one field of a mebibyte": (b"A: " + b"x" * (1 << 20), 431),
    "zeros in a chunk's size": (b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 200_000, 400),
    "an extension without end": (b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 200_000, 400),
    "extensions behind each chunk": (b"Transfer-Encoding: chunked\r\n\r\n" + (b"1;" + b"x" * 200 + b"\r\na\r\n") * 1000, 400),
    "trailers without end": (b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 20000, 400),
    "names in Connection": (b"Connection: " + b"a," * 7000 + b"\r\n\r\n", 400),
}


@pytest.mark.parametrize("what", BOMBS)
def test_11_28_bombs_are_refused_early(proxy, what):
    octets, status = BOMBS[what]
    url = "http://dynamodb.us-east-1.amazonaws.com/"
    before = cpu_seconds(proxy)
    with proxy.client() as client:
        head = f"POST {url} HTTP/1.1\r\nHost: x\r\n".encode()
        try:
            client.send(head + octets)
        except ConnectionError:
            pass
        answer = client.read()
        assert answer.status == status, answer
        assert client.is_closed()
    assert cpu_seconds(proxy) - before < 0.1 * (4 if harness.SANITIZER else 1)


@pytest.mark.parametrize("what", SERVED)
def test_11_34_signature_of_each_odd_request_verifies(start_signed, what):
    """The stand-in computes the signature anew from what came."""
    proxy, aws = start_signed
    octets = SERVED[what].replace(b"%b", b"abc123.execute-api.us-east-1.amazonaws.com")
    with proxy.client() as client:
        client.send(octets)
        client.read()
    record, = aws.requests
    assert record.refused is None and record.verdict, record
    signed = re.search(r"SignedHeaders=([^,]+)", record.fields.get("Authorization")).group(1).split(";")
    names = [name.lower() for name, _ in record.fields]
    assert set(signed) <= set(names)
    assert {name for name in names if name.startswith("x-amz-") or name in ("host", "content-type")} <= set(signed)


@pytest.fixture(scope="module")
def signing(authority, certificate, tmp_path_factory):
    with FakeAws([harness.CANARY], certificate) as aws:
        conf = f'[route "*.amazonaws.com"]\nupstream = {aws.url}\n'
        with harness.running(tmp_path_factory.mktemp("signing"), conf=conf, ca_bundle=authority.bundle) as proxy:
            yield proxy, aws


@pytest.fixture
def start_signed(signing):
    signing[1].clear()
    return signing


@pytest.mark.parametrize("url", [
    BASE + "a%0d%0aX-Injected:%20y", BASE + "a%0D%0A%0D%0AGET%20/%20HTTP/1.1%0D%0A", BASE + "k?a%0d%0aX-Injected:y=b%0d%0ac",
    BASE + "%0a", BASE + "%00?%00=%0d", "http://abc123.execute-api.us-east-1.amazonaws.com/a%0d%0aX-Injected:%20y?b%0a=%0d"])
def test_11_37_encoded_line_ends_stay_encoded(start_signed, url):
    proxy, aws = start_signed
    proxy.request("GET", url)
    record, = aws.requests
    assert record.refused in (None, "NoSuchKey") and record.verdict, record
    assert "X-Injected" not in record.fields
    line = record.raw_head.split(b"\r\n")[0].decode()
    for escape in re.findall(r"%0[0ad]", url, re.I):
        assert escape.upper() in line.upper()
    assert not re.search(r"[\x00-\x1f\x7f]", line)


def test_11_37_encoded_line_ends_in_a_bucket_are_no_host(start_signed):
    proxy, aws = start_signed
    for host in ("a%0d%0aX.s3.us-east-1.amazonaws.com", "b%0a.s3.us-east-1.amazonaws.com"):
        assert proxy.request("GET", f"http://{host}/").status == 400
        assert proxy.request("GET", "/", host=host).status == 400
    assert not aws.requests


# ---- fuzzing


def test_11_40_parsers_have_fuzz_targets():
    """Run for long by hand: what must be there is the target, its corpus, and CI's short run."""
    built = {path.stem.removeprefix("fuzz_") for path in (harness.ROOT / "fuzz").glob("fuzz_*.c")}
    assert {"prescan", "h1_request", "h1_response", "h1_differential", "chunked", "uri", "host", "canonical", "aws_chunked",
            "error_code", "config", "profile_file", "json_answer", "sts_answer", "presign", "connection"} <= built
    assert re.search(r"^\./dev fuzz \d+$", (harness.ROOT / ".ci/run").read_text(), re.M)
