# SPDX-License-Identifier: Apache-2.0
"""A process that holds keys: what it lets be seen, and how it bears scarcity."""
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import time

import harness
import http1
import pytest

HOST = "bucket.s3.us-east-1.amazonaws.com"
BASE = f"http://{HOST}/"


def status_field(proxy, name):
    text = pathlib.Path(f"/proc/{proxy.process.pid}/status").read_text()
    return next(line.split(":")[1].strip() for line in text.splitlines() if line.startswith(name))


# Sanitizers cost processor time.
SLOWER = 4 if harness.SANITIZER else 1


def cpu_seconds(proxy):
    fields = pathlib.Path(f"/proc/{proxy.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(proxy):
    found = {}
    for path in pathlib.Path(f"/proc/{proxy.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found[path.name] = os.readlink(path)
    return found


def test_no_core_and_no_new_privileges(proxy):
    limits = pathlib.Path(f"/proc/{proxy.process.pid}/limits").read_text()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
    assert status_field(proxy, "NoNewPrivs") == "1"


def test_status_shows_the_process_as_the_kernel_does(aws, start_proxy):
    proxy = start_proxy(aws, limit_descriptors=(100, 2000))
    limits = pathlib.Path(f"/proc/{proxy.process.pid}/limits").read_text()
    files = next(line for line in limits.splitlines() if line.startswith("Max open files")).split()
    assert files[3:5] == ["2000", "2000"]  # raised as far as it may be
    shown = json.loads(proxy.admin("/status").body)["hardening"]
    assert shown == {"dumpable": False, "no_new_privileges": True, "core_bytes_max": 0,
                     "open_files_max": 2000}


def test_secrets_stand_in_no_argument(proxy):
    command = pathlib.Path(f"/proc/{proxy.process.pid}/cmdline").read_bytes()
    assert harness.CANARY.secret_key.encode() not in command


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_memory_is_closed_to_others_of_the_same_user(aws, start_proxy, tmp_path):
    """An ordinary user's proxy is not even that user's to look into."""
    tmp_path.chmod(0o777)
    for part in [tmp_path, *tmp_path.parents][:3]:
        part.chmod(part.stat().st_mode | 0o755)
    proxy = start_proxy(aws, ca_bundle=None, user=65534)
    result = subprocess.run(
        ["head", "-c1", f"/proc/{proxy.process.pid}/mem"], user=65534, group=65534,
        extra_groups=[], capture_output=True, text=True, check=False)
    assert "Permission denied" in result.stderr
    result = subprocess.run(
        ["cat", f"/proc/{proxy.process.pid}/environ"], user=65534, group=65534, extra_groups=[],
        capture_output=True, text=True, check=False)
    assert "Permission denied" in result.stderr


def test_few_descriptors_many_clients(aws, start_proxy):
    """No crash, no busy loop, and service again once clients have gone."""
    proxy = start_proxy(aws, limit_descriptors=64)
    clients = []
    for _ in range(200):
        try:
            clients.append(proxy.client(2))
        except OSError:
            break
    time.sleep(0.5)
    before = cpu_seconds(proxy)
    time.sleep(1)
    assert cpu_seconds(proxy) - before < 0.2 * SLOWER
    for client in clients:
        client.close()
    harness.wait_until(lambda: proxy.request("GET", BASE + "generate/10").status == 200, 10,
                       "service again")


def test_idle_costs_nothing(aws, start_proxy):
    proxy = start_proxy(aws)
    with proxy.client() as client:
        assert client.request("GET", BASE + "generate/10").status == 200
        before = cpu_seconds(proxy)
        time.sleep(1)
        assert cpu_seconds(proxy) - before < 0.05 * SLOWER


@pytest.mark.heavy
def test_ten_thousand_requests_leave_no_memory_behind(aws, start_proxy):
    proxy = start_proxy(aws, "workers = 1\nlog_level = error")
    with proxy.client() as client:
        def some(count):
            for _ in range(count):
                assert client.request("GET", BASE + "generate/100", [("X-Pad", "p" * 500)]).status == 200
            aws.clear()

        some(1000)
        before = proxy.memory("VmRSS")
        some(10000)
        assert proxy.memory("VmRSS") - before < 1 << 20


def test_slow_heads_are_cut_while_others_are_served(aws, start_proxy):
    proxy = start_proxy(aws, "client_head_timeout = 1s")
    slow = [proxy.client() for _ in range(100)]
    for client in slow:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
    worst = 0
    start = time.monotonic()
    while time.monotonic() - start < 0.8:
        begun = time.monotonic()
        assert proxy.request("GET", BASE + "generate/10").status == 200
        worst = max(worst, time.monotonic() - begun)
    assert worst < 0.5 * harness.PATIENCE
    for client in slow:
        assert client.read().status == 408
        client.close()


def test_descriptors_return_to_the_base_line(aws, start_proxy):
    proxy = start_proxy(aws, "pool_idle_timeout = 100ms")
    base = len(descriptors(proxy))
    clients = [proxy.client() for _ in range(30)]
    for client in clients:
        assert client.request("GET", BASE + "generate/10").status == 200
        client.close()
    harness.wait_until(lambda: len(descriptors(proxy)) <= base + 1, 10, "few descriptors")


@pytest.mark.parametrize("kind", ["fifo", "folder", "sparse"])
def test_odd_credential_file_holds_nobody_up(aws, start_proxy, tmp_path, kind):
    path = tmp_path / "credentials"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        with open(path, "wb") as file:
            file.truncate(10 << 30)
    start = time.monotonic()
    proxy = start_proxy(aws, identity=None, env={"AWS_SHARED_CREDENTIALS_FILE": str(path)})
    answer = proxy.request("GET", BASE + "generate/10")
    assert (answer.status, answer.error) == (503, "no-credentials")
    assert time.monotonic() - start < 2 * harness.PATIENCE
    assert proxy.memory() < 512 << 20


@pytest.mark.parametrize("kind", ["fifo", "folder", "sparse"])
def test_odd_configuration_file_is_refused(tmp_path, kind):
    path = tmp_path / "odd.conf"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        with open(path, "wb") as file:
            file.truncate(10 << 30)
    result = harness.run_binary("run", "--config", str(path), folder=tmp_path, timeout=5)
    assert result.returncode == 1
    assert "odd.conf" in result.stderr


def test_large_head_costs_little(proxy):
    """Twenty thousand fields are refused without being read to their end."""
    before = cpu_seconds(proxy)
    with http1.Client(proxy.address) as client:
        try:
            client.send(f"GET {BASE} HTTP/1.1\r\nHost: {HOST}\r\n" + "a: b\r\n" * 20000 + "\r\n")
        except ConnectionError:
            pass
        assert client.read().status == 431
    assert cpu_seconds(proxy) - before < 0.1 * SLOWER


def test_client_that_resets_at_once_harms_nobody(proxy):
    for _ in range(200):
        with socket.socket() as sock:
            http1.reset_on_close(sock)
            sock.connect(proxy.address)
            sock.send(f"GET {BASE}generate/10 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    assert proxy.request("GET", BASE + "generate/10").status == 200
