# SPDX-License-Identifier: Apache-2.0
"""What operators see: metrics, status, the probe listener, and who may ask for what."""
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import harness
import http1
import pytest

HOST = "bucket.s3.us-east-1.amazonaws.com"
BASE = f"http://{HOST}/"
TOKEN = "operators-token-of-thirty-two-ch"


def samples(text):
    """{name with labels: value}"""
    lines = [line for line in text.splitlines() if line and line[0] != "#"]
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines}


def metrics(proxy):
    answer = proxy.admin("/metrics")
    assert answer.status == 200
    return samples(answer.body.decode())


def status(proxy):
    answer = proxy.admin("/status")
    assert answer.status == 200, answer
    assert answer.fields.get("Content-Type") == "application/json"
    return json.loads(answer.body)


def at(port, path, method="GET", fields=(), host="127.0.0.1", address="127.0.0.1"):
    with http1.Client((address, port)) as client:
        return client.request(method, path, fields, host=host)


# ---- metrics


def check_counts(got):
    relayed = 'sigv4_proxy_requests_total{service="s3",status="%s",outcome="relayed"}'
    assert got[relayed % "2xx"] == 4
    assert got[relayed % "4xx"] == 1
    assert got['sigv4_proxy_requests_total{service="-",status="4xx",outcome="answered"}'] == 1
    assert got['sigv4_proxy_errors_total{code="host-denied"}'] == 1
    assert got['sigv4_proxy_body_bytes_total{direction="in"}'] == 5
    assert got['sigv4_proxy_body_bytes_total{direction="out"}'] >= 3000
    assert got["sigv4_proxy_client_connections_total"] == 6
    assert got["sigv4_proxy_attempts_total"] == 5
    assert got["sigv4_proxy_request_duration_seconds_count"] == 6
    assert got['sigv4_proxy_request_duration_seconds_bucket{le="+Inf"}'] == 6
    assert got["sigv4_proxy_first_byte_seconds_count"] == 5
    opened = got["sigv4_proxy_upstream_connections_opened_total"]
    assert opened + got["sigv4_proxy_upstream_connections_reused_total"] == 5
    assert got['sigv4_proxy_tls_handshakes_total{kind="full"}'] + \
        got['sigv4_proxy_tls_handshakes_total{kind="resumed"}'] == opened
    assert 1 <= got["sigv4_proxy_upstream_connections_idle"] <= opened
    assert got['sigv4_proxy_credentials_usable{key=""}'] == 1
    assert got["sigv4_proxy_credentials_refreshes_total"] >= 1
    assert got["sigv4_proxy_workers"] == 2


def test_requests_are_counted_by_service_status_and_outcome(aws, start_proxy):
    proxy = start_proxy(aws, "workers = 2")
    for _ in range(3):
        assert proxy.request("GET", BASE + "generate/1000").status == 200
    assert proxy.request("PUT", BASE + "key", body=b"12345").status == 200
    assert proxy.request("GET", BASE + "not-there").status == 404
    assert proxy.request("GET", "http://nowhere.example.com/").status == 403
    harness.eventually(lambda: check_counts(metrics(proxy)))


def test_broken_requests_are_counted_as_such(aws, start_proxy):
    proxy = start_proxy(aws)
    with proxy.client() as client:
        client.start("GET", BASE + "generate/10", [("Fake-Fault", "stall-head=60")], host=HOST)
        harness.wait_until(lambda: aws.requests, what="the request at the server")
    harness.wait_until(lambda: any('outcome="broken"' in name for name in metrics(proxy)), 5,
                       "the broken request in the metrics")


def test_refused_dials_are_counted(start_proxy):
    proxy = start_proxy(conf=f'[route "dead.test"]\nservice = s3\nregion = us-east-1\n'
                        f'upstream = https://127.0.0.1:{harness.free_port()}\n'
                        'retry_mode = off\n')
    assert proxy.request("GET", "http://dead.test/").status == 502
    name = 'sigv4_proxy_dial_failures_total{reason="connect"}'
    harness.wait_until(lambda: metrics(proxy)[name] == 1, what="the count")


def test_failures_of_credentials_are_counted(aws, start_proxy):
    proxy = start_proxy(aws, identity=None)

    def check():
        got = metrics(proxy)
        assert got["sigv4_proxy_ready"] == 0
        assert got['sigv4_proxy_credentials_usable{key=""}'] == 0
        assert sum(v for k, v in got.items() if k.startswith("sigv4_proxy_credentials_failures")) >= 1

    harness.eventually(check)


def test_promtool_likes_the_metrics(proxy, aws):
    if not shutil.which("promtool"):
        pytest.skip("no promtool here (Debian: apt install prometheus)")
    proxy.request("GET", BASE + "generate/1000")
    proxy.request("GET", "http://nowhere.example.com/")
    text = proxy.admin("/metrics").body
    result = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                            check=False, timeout=30)
    assert result.returncode == 0, result
    assert not result.stdout + result.stderr


def test_page_lists_each_metric_and_no_other(proxy, aws):
    proxy.request("GET", BASE + "generate/1000")
    families = set(re.findall(r"^# TYPE (\S+)", proxy.admin("/metrics").body.decode(), re.M))
    page = (harness.ROOT / "docs/operations.md").read_text()
    table = page[page.index("| metric | labels"):page.index("Labels whose values are learned")]
    assert set(re.findall(r"`((?:sigv4_proxy|process)_\w+)`", table)) == families


def test_dashboard_asks_only_for_metrics_that_exist(proxy, aws):
    proxy.request("GET", BASE + "generate/1000")
    text = proxy.admin("/metrics").body.decode()
    families = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    dashboard = json.loads((harness.ROOT / "conf/grafana-dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(queries) >= 10
    for query in queries:
        names = re.findall(r"\b((?:sigv4_proxy|process)_\w+)", query)
        assert names, query
        for name in names:
            assert re.sub(r"_(bucket|sum|count)$", "", name) in families or name in families, name


# ---- status


def test_status_tells_what_runs(aws, start_proxy):
    proxy = start_proxy(aws, "workers = 3")
    assert proxy.request("GET", BASE + "generate/1").status == 200
    got = status(proxy)
    assert got["version"] in harness.run_binary("--version", folder=proxy.folder).stdout
    assert got["uptime_s"] >= 0
    assert got["state"] == {"ready": True, "reason": None, "healthy": True, "spawner": "running", "draining": False}
    assert got["workers"]["number"] == 3
    assert len(got["workers"]["clients"]) == 3
    assert got["workers"]["slowest_heartbeat_ms"] < 10000
    assert got["listeners"]["proxy"] == [f"127.0.0.1:{proxy.port}"]
    assert got["listeners"]["admin"] == [f"127.0.0.1:{proxy.admin_port}"]
    assert got["config_file"] == str(proxy.conf_path)
    assert got["routes"][0]["glob"] == "*.amazonaws.com"
    (entry,) = got["credentials"]
    assert entry["key"] == "" and entry["state"] == "usable"
    assert entry["provider"] and entry["expires_at"] is None and entry["last_error"] is None
    assert entry["access_key"] == "AKIA...7EGG"
    assert got["pools"]["opened"] == 1
    assert got["hardening"]["dumpable"] is False
    assert got["hardening"]["no_new_privileges"] is True
    assert got["hardening"]["core_bytes_max"] == 0
    limit = pathlib.Path(f"/proc/{proxy.process.pid}/limits").read_text()
    soft, hard = re.search(r"^Max open files +(\d+) +(\d+)", limit, re.M).groups()
    assert soft == hard and got["hardening"]["open_files_max"] == int(hard), "raised as far as it goes"
    assert got["pid"] == proxy.process.pid
    assert got["config"]["file"] == str(proxy.conf_path) and got["config"]["reloads"] == 0
    assert got["region"] == {"default": "us-east-1", "decided_by": "nothing names one"}
    assert set(got["limits"]) >= {"clients", "spool_bytes", "requests_parked", "retry_tokens_owed", "log_lines_dropped"}
    assert got["addresses"]["usable"] >= 0


def test_status_and_metrics_hold_no_secret(proxy, aws):
    proxy.request("GET", BASE + "generate/1?X-Amz-Signature=guessable")
    for path in ("/status", "/metrics"):
        text = proxy.admin(path).body.decode()
        for secret in (harness.CANARY.secret_key, harness.CANARY.token, harness.CANARY.access_key,
                       "guessable"):
            assert secret not in text


def test_status_says_why_credentials_are_missing(aws, start_proxy):
    proxy = start_proxy(aws, identity=None)
    got = harness.wait_until(
        lambda: [c for c in status(proxy)["credentials"] if c["state"] == "failed"], 5, "failure")
    assert "environment" in got[0]["last_error"]
    assert status(proxy)["state"]["ready"] is False


def test_automatic_number_of_workers_has_a_reason(aws, start_proxy):
    assert status(start_proxy(aws))["workers"]["decided_by"] in (
        "affinity mask", "cgroup CPU quota", "at most 8")


# ---- health


class StoppedThread:
    """One thread of a process stands still, as after an endless loop (ptrace; the others go on)."""

    SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000

    def __init__(self, process, name):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]

        def threads():  # a thread gives itself its name
            tasks = pathlib.Path(f"/proc/{process.pid}/task").iterdir()
            return [int(t.name) for t in tasks if (t / "comm").read_text().strip() == name]
        harness.wait_until(threads, 5, f"thread {name}")
        (self.tid,) = threads()

    def __enter__(self):
        if self.libc.ptrace(self.SEIZE, self.tid, None, None) != 0:
            pytest.skip("ptrace is not allowed here")
        assert self.libc.ptrace(self.INTERRUPT, self.tid, None, None) == 0
        os.waitpid(self.tid, self.WALL)

    def __exit__(self, *_):
        self.libc.ptrace(self.DETACH, self.tid, None, None)


@pytest.mark.heavy
@pytest.mark.parametrize("thread, said", [("worker-2", "worker 2 has not moved"), ("control", "the control thread")])
def test_health_fails_with_a_thread_that_stands_still(aws, start_proxy, thread, said):
    proxy = start_proxy(aws, "workers = 2\n")
    assert proxy.admin("/healthz").status == 200
    with StoppedThread(proxy.process, thread):
        answer = harness.wait_until(lambda: (a := proxy.admin("/healthz")).status == 503 and a, 20, "the failure")
        assert said in answer.body.decode()
        assert proxy.admin("/status").status == 200  # main goes on
        assert proxy.admin("/metrics").status == 200
    harness.wait_until(lambda: proxy.admin("/healthz").status == 200, 10, "health again")


# ---- methods and paths


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/status"])
def test_head_has_the_fields_and_no_body(proxy, path):
    with http1.Client(("127.0.0.1", proxy.admin_port)) as client:
        head = client.request("HEAD", path, host="localhost")
        assert head.status == 200 and head.body == b""
        assert int(head.fields.get("Content-Length")) > 0
        assert client.request("GET", path, host="localhost").status == 200


@pytest.mark.parametrize("path, method, allow", [
    ("/healthz", "POST", "GET, HEAD"), ("/metrics", "DELETE", "GET, HEAD"),
    ("/status", "PUT", "GET, HEAD"), ("/quit", "GET", "POST")])
def test_other_methods_are_405_with_allow(proxy, path, method, allow):
    answer = proxy.admin(path, method=method)
    assert answer.status == 405
    assert answer.fields.get("Allow") == allow


def test_calls_may_be_pipelined(proxy):
    with http1.Client(("127.0.0.1", proxy.admin_port)) as client:
        one = "GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        client.send("".join(one.format(path) for path in
                            ("/status", "/healthz", "/metrics", "/nothing", "/readyz")))
        assert [client.read().status for _ in range(5)] == [200, 200, 200, 404, 200]


def test_body_that_nobody_reads_is_dropped(proxy):
    with http1.Client(("127.0.0.1", proxy.admin_port)) as client:
        assert client.request("GET", "/healthz", body=b"x" * 5000, host="localhost").status == 200
        assert client.request("GET", "/status", host="localhost").status == 200


def test_client_that_leaves_before_its_answer_is_no_trouble(proxy):
    for _ in range(50):
        with http1.Client(("127.0.0.1", proxy.admin_port)) as client:
            client.start("GET", "/metrics", host="localhost")
    assert proxy.admin("/healthz").status == 200


# ---- quit and idling


def test_quit_wants_to_be_allowed(proxy):
    assert proxy.admin("/quit", method="POST").status == 403
    assert proxy.admin("/healthz").status == 200


def test_quit_drains_and_ends(aws, start_proxy):
    proxy = start_proxy(aws, "admin_quit = on\npre_stop_wait = 200ms")
    with proxy.client() as client:
        client.start("GET", BASE + "generate/200000", [("Fake-Fault", "slow=20000:0.4")], host=HOST)
        answer = client.read_head()
        assert proxy.admin("/quit", method="POST").status == 200
        assert proxy.admin("/quit", method="POST").status == 200, "twice is not a kill"
        assert len(b"".join(client.body_pieces(answer))) == 200000
    proxy.check_end(5)


def test_ends_when_idle_not_before(aws, start_proxy):
    proxy = start_proxy(aws, "exit_when_idle = 3s")
    with proxy.client() as client:
        time.sleep(3.5)
        assert client.request("GET", BASE + "generate/1").status == 200
    proxy.check_end(10)


# ---- the probe listener


def test_probe_shows_health_and_metrics_only(aws, start_proxy):
    port = harness.free_port()
    proxy = start_proxy(aws, f"probe = 0.0.0.0:{port}\n"
                        '[route "other.test"]\nupstream = http://127.0.0.1:9\nprofile = nobodys\n'
                        "service = s3\nregion = us-east-1\n")
    proxy.request("GET", "http://other.test/")
    for path in ("/healthz", "/readyz", "/metrics"):
        assert at(port, path, host="10.1.2.3").status == 200, path
    for path in ("/status", "/quit", "/presign", "/"):
        assert at(port, path).status == 404, path
    text = at(port, "/metrics").body.decode()
    assert "nobodys" not in text
    assert "nobodys" in proxy.admin("/metrics").body.decode()


def test_probe_gives_no_reasons(aws, start_proxy):
    port = harness.free_port()
    start_proxy(aws, f"probe = 127.0.0.1:{port}", identity=None)
    answer = at(port, "/readyz")
    assert (answer.status, answer.body) == (503, b"no\n")


# ---- who may ask


def test_admin_beyond_loopback_wants_tokens(start_proxy, tmp_path):
    result = harness.run_binary("run", "--admin", "0.0.0.0:0", "--listen", "127.0.0.1:0",
                                folder=tmp_path)
    assert result.returncode == 1
    assert "admin_token_file" in result.stderr


@pytest.mark.own_namespace
def test_admin_beyond_loopback(aws, start_proxy, outside, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(f"# operators\nalice {TOKEN}\n")
    tokens.chmod(0o600)
    port = harness.free_port()
    proxy = start_proxy(aws, f"admin_token_file = {tokens}\nadmin_hosts = proxy.internal",
                        admin=f":{port}", is_ready=False)
    proxy.admin_port = port
    harness.wait_until(proxy.is_listening, 10, "the admin listener")
    bearer = [("Authorization", "Bearer " + TOKEN)]
    assert at(port, "/status", address=outside, host=outside).status == 401
    assert at(port, "/nothing", address=outside, host=outside).status == 401
    assert at(port, "/status", fields=bearer, address=outside, host=outside).status == 200
    assert at(port, "/nothing", fields=bearer, address=outside, host=outside).status == 404
    assert at(port, "/status", fields=bearer, address=outside, host="proxy.internal").status == 200
    assert at(port, "/status", fields=bearer, address=outside, host="rebind.example").status == 403
    wrong = [("Authorization", "Bearer " + TOKEN[:-1])]
    refused = at(port, "/status", fields=wrong, address=outside, host=outside)
    assert refused.status == 401 and refused.fields.get("WWW-Authenticate") == "Bearer"
    assert at(port, "/healthz", address=outside, host=outside).status == 200, "shows nothing"
    tokens.write_text("bob another-token-that-is-long\n")
    other = [("Authorization", "Bearer another-token-that-is-long")]
    harness.wait_until(lambda: at(port, "/status", fields=other, address=outside, host=outside)
                       .status == 200, 6, "the new token")
    assert at(port, "/status", fields=bearer, address=outside, host=outside).status == 401
    assert TOKEN not in proxy.log and "another-token" not in proxy.log


def test_admin_on_a_unix_socket(aws, start_proxy, tmp_path):
    path = tmp_path / "admin.sock"
    proxy = start_proxy(aws, admin=f"unix:{path}", is_ready=False)
    harness.wait_until(path.exists, 10, "the socket")
    assert path.stat().st_mode & 0o777 == 0o600
    with http1.Client(str(path)) as client:
        assert client.request("GET", "/status", host="localhost").status == 200
    result = harness.run_binary("healthcheck", "--config", str(proxy.conf_path), folder=tmp_path)
    assert result.returncode == 0, result.stderr
    proxy.stop()
    assert not path.exists()


def test_socket_left_by_a_crash_is_replaced(aws, start_proxy, tmp_path):
    path = tmp_path / "admin.sock"
    first = start_proxy(aws, admin=f"unix:{path}", is_ready=False)
    harness.wait_until(path.exists, 10, "the socket")
    first.signal(signal.SIGKILL)
    first.process.wait()
    first.process = None
    assert path.exists()
    second = start_proxy(aws, admin=f"unix:{path}", is_ready=False)
    harness.wait_until(lambda: "ready:" in second.log, 10, "the second proxy")
    with http1.Client(str(path)) as client:
        assert client.request("GET", "/healthz", host="localhost").status == 200


def test_all_interfaces(aws, start_proxy):
    port = harness.free_port()
    proxy = start_proxy(aws, f"listen = :{port}\nprobe = off")
    for family_address in ("127.0.0.1",):
        with http1.Client((family_address, port)) as client:
            assert client.request("GET", BASE + "generate/1").status == 200
    assert any(l.endswith(f"]:{port}") for l in status(proxy)["listeners"]["proxy"])


def test_admin_flood_does_not_keep_a_probe_out(proxy):
    idle = [http1.Client(("127.0.0.1", proxy.admin_port)) for _ in range(100)]
    assert proxy.admin("/healthz").status == 200
    for client in idle:
        client.close()
