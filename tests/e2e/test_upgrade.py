# SPDX-License-Identifier: Apache-2.0
"""SIGUSR2 and SIGTERM under load, socket activation, and what a service manager is told."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import conftest
import harness
import http1
import pytest
from load import Load
from test_operations import StoppedThread

HOST = "bucket.s3.us-east-1.amazonaws.com"
BASE = f"http://{HOST}/"
harness.adopt_orphans()


def fetch(proxy):
    return proxy.request("GET", BASE + "generate/1").status


def children(pid):
    """{pid: state} of the processes that pid started."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            number, rest = path.read_text().split(" (", 1)
        except OSError:
            continue
        state, parent = rest.rsplit(") ", 1)[1].split()[:2]
        if int(parent) == pid:
            found[int(number)] = state
    return found


@pytest.fixture(autouse=True)
def no_orphans(tmp_path):
    """A test that fails between two processes leaves none."""
    yield
    for pid in children(os.getpid()):
        with contextlib.suppress(OSError):
            if str(tmp_path) in pathlib.Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


# ---- upgrade


@pytest.mark.parametrize("workers", [1, 4])
def test_no_request_fails_while_successors_take_over(aws, start_proxy, workers):
    proxy = start_proxy(aws, f"workers = {workers}")
    pids = {proxy.process.pid}
    with Load(proxy) as load:
        for _ in range(3):
            harness.wait_until(load.more(), 30, "the clients")
            pids.add(proxy.upgrade())
        harness.wait_until(load.more(), 30, "the clients")
    assert not load.failures, load.failures[:3]
    assert len(pids) == 4
    assert proxy.log.count("has taken over") == 3


def test_long_answer_is_finished_by_the_old_process(aws, start_proxy):
    proxy = start_proxy(aws)
    old = proxy.process
    with proxy.client() as client, proxy.client() as idle:
        assert idle.request("GET", BASE + "generate/1").status == 200
        client.start("GET", BASE + "generate/200000", [("Fake-Fault", "slow=25000:0.2")], host=HOST)
        answer = client.read_head()
        proxy.signal(signal.SIGUSR2)
        pid = harness.wait_until(lambda: (p := proxy.status()["pid"]) != old.pid and p, 20, "the successor")
        assert fetch(proxy) == 200
        assert old.poll() is None, "it still has something to do"
        assert len(b"".join(client.body_pieces(answer))) == 200000
        assert idle.is_closed(5)
    assert old.wait(20) == 0
    proxy.process = harness.Heir(pid)


def test_successor_takes_the_settings_that_need_a_restart(aws, start_proxy):
    proxy = start_proxy(aws, "workers = 1")
    probe, other = harness.free_port(), harness.free_port()
    proxy.common += f"listen = 127.0.0.1:{other}\n"
    proxy.reload(f"workers = 3\nprobe = 127.0.0.1:{probe}\n" + conftest.routes(aws))
    assert proxy.status()["workers"]["number"] == 1
    proxy.upgrade()
    status = proxy.status()
    assert status["workers"]["number"] == 3
    assert status["listeners"]["probe"] == [f"127.0.0.1:{probe}"]
    assert status["listeners"]["proxy"] == [f"127.0.0.1:{proxy.port}", f"127.0.0.1:{other}"]
    proxy.common = proxy.common.replace(f"listen = 127.0.0.1:{other}\n", "")
    proxy.write(conftest.routes(aws))
    proxy.upgrade()
    assert proxy.status()["listeners"] == {"proxy": [f"127.0.0.1:{proxy.port}"], "probe": [],
                                           "admin": [f"127.0.0.1:{proxy.admin_port}"]}
    with pytest.raises(ConnectionRefusedError):
        http1.Client(("127.0.0.1", other))
    assert fetch(proxy) == 200


def test_unix_sockets_are_handed_on(aws, start_proxy, tmp_path):
    path = tmp_path / "proxy.sock"
    proxy = start_proxy(aws, f"listen = unix:{path}\n")

    def asked():
        with http1.Client(str(path)) as client:
            return client.request("GET", BASE + "generate/1").status
    inode = path.stat().st_ino
    proxy.upgrade()
    assert asked() == 200
    assert path.stat().st_ino == inode, "the same socket, which the old process did not take away"
    proxy.write("broken\n")
    proxy.signal(signal.SIGUSR2)
    harness.wait_until(lambda: proxy.status()["upgrade_error"], 20, "the failure")
    assert asked() == 200, "nor the successor that failed"
    proxy.write(f"listen = unix:{path}\n" + conftest.routes(aws))
    proxy.stop()
    assert not path.exists()


def test_successor_with_a_broken_configuration_changes_nothing(aws, start_proxy):
    proxy = start_proxy(aws, "workers = 2")
    proxy.write("no_such_key = 1\n")
    old = proxy.process.pid
    before = set(children(old))
    with Load(proxy, clients=2) as load:
        proxy.signal(signal.SIGUSR2)
        told = harness.wait_until(lambda: proxy.status()["upgrade_error"], 20, "the failure")
        harness.wait_until(load.more(5), 30, "the clients")
    assert re.fullmatch(r"process \d+ exited with 1; its own words stand above", told)
    assert not load.failures, load.failures[:3]
    assert proxy.status()["pid"] == old
    assert f'{proxy.conf_path}:' in proxy.log and 'unknown key "no_such_key"' in proxy.log
    assert "upgrade failed, this process goes on" in proxy.log
    assert set(children(old)) == before, "no zombie stays"
    proxy.write(conftest.routes(aws))
    proxy.upgrade()
    assert proxy.status()["upgrade_error"] is None
    assert fetch(proxy) == 200


def test_missing_program_changes_nothing_and_a_new_one_is_taken(aws, start_proxy, tmp_path):
    program = tmp_path / "sigv4-proxy"
    shutil.copy(harness.BINARY, program)
    proxy = start_proxy(aws, binary=str(program))
    program.unlink()
    proxy.signal(signal.SIGUSR2)
    told = harness.wait_until(lambda: proxy.status()["upgrade_error"], 20, "the failure")
    assert told == f"{program}: No such file or directory"
    assert fetch(proxy) == 200
    shutil.copy(harness.BINARY, program)
    proxy.upgrade()
    assert fetch(proxy) == 200
    assert os.readlink(f"/proc/{proxy.process.pid}/exe") == str(program)


def test_successor_without_credentials_is_given_up(aws, start_proxy, tmp_path):
    path = tmp_path / ".aws" / "credentials"
    path.parent.mkdir()
    path.write_text(f"[default]\naws_access_key_id = {harness.CANARY.access_key}\n"
                    f"aws_secret_access_key = {harness.CANARY.secret_key}\n"
                    f"aws_session_token = {harness.CANARY.token}\n")
    path.chmod(0o600)
    proxy = start_proxy(aws, "upgrade_timeout = 1s\n", identity=None)
    assert fetch(proxy) == 200
    before = set(children(proxy.process.pid))
    proxy.write("upgrade_timeout = 1s\nprofile = missing\n" + conftest.routes(aws))
    proxy.signal(signal.SIGUSR2)
    told = harness.wait_until(lambda: proxy.status()["upgrade_error"], 20, "the failure")
    assert "not ready within upgrade_timeout" in told
    assert fetch(proxy) == 200
    harness.wait_until(lambda: set(children(proxy.process.pid)) == before, 5, "no process to stay")


def test_one_that_can_not_serve_itself_waits_for_no_credentials(aws, start_proxy):
    proxy = start_proxy(aws, identity=None)
    proxy.upgrade()
    assert proxy.admin("/readyz").status == 503


def test_sigterm_ends_both(aws, start_proxy):
    """Asked to stop before the successor is ready, nobody stays."""
    proxy = start_proxy(aws, "upgrade_timeout = 1m")
    proxy.write("upgrade_timeout = 1m\nprofile = missing\n" + conftest.routes(aws))
    before = set(children(proxy.process.pid))
    proxy.signal(signal.SIGUSR2)
    (pid,) = harness.wait_until(lambda: set(children(proxy.process.pid)) - before, 10, "the successor")
    proxy.stop()
    assert not pathlib.Path(f"/proc/{pid}").exists()


def test_pid_file_names_who_serves(aws, start_proxy, tmp_path):
    path = tmp_path / "pid"
    proxy = start_proxy(aws, f"pid_file = {path}\n")
    assert path.read_text() == f"{proxy.process.pid}\n"
    pid = proxy.upgrade()
    assert path.read_text() == f"{pid}\n"
    assert path.stat().st_mode & 0o777 == 0o644
    proxy.stop()
    assert not path.exists()


def test_command_of_the_document_upgrades(aws, start_proxy, tmp_path):
    path = tmp_path / "pid"
    proxy = start_proxy(aws, f"pid_file = {path}\n")
    text = (harness.ROOT / "docs/operations.md").read_text()
    (command,) = re.findall(r"^    (kill -USR2 .*)$", text, re.M)
    old = proxy.process
    subprocess.run(["sh", "-ec", command.replace("/run/sigv4-proxy/pid", str(path))], check=True, timeout=60)
    assert old.wait(60) == 0
    # The successor writes it when it is told to go, which is when the other one may end.
    harness.wait_until(lambda: path.exists() and path.read_text() not in ("", f"{old.pid}\n"), 10, "the successor's pid")
    proxy.process = harness.Heir(int(path.read_text()))
    assert fetch(proxy) == 200


# ---- drain


@pytest.mark.parametrize("workers", [1, 4])
def test_no_request_fails_at_sigterm(aws, start_proxy, workers):
    proxy = start_proxy(aws, f"workers = {workers}")
    with Load(proxy, clients=8, may_be_refused=True) as load:
        harness.wait_until(load.more(), 30, "the clients")
        proxy.signal(signal.SIGTERM)
        proxy.check_end(20)
        harness.wait_until(lambda: load.refused + len(load.failures) == 8, 20, "all to be refused")
    assert not load.failures, load.failures[:3]


def test_readiness_goes_first(aws, start_proxy):
    proxy = start_proxy(aws, "pre_stop_wait = 4s")
    proxy.signal(signal.SIGTERM)
    answer = harness.wait_until(lambda: (a := proxy.admin("/readyz")).status == 503 and a, 5, "readiness to go")
    assert answer.body == b"the proxy is stopping\n"
    assert fetch(proxy) == 200, "it serves on meanwhile"
    assert proxy.admin("/healthz").status == 200
    proxy.check_end(10)


def test_second_signal_ends_it_at_once(aws, start_proxy):
    proxy = start_proxy(aws)
    with proxy.client() as client:
        client.start("GET", BASE + "generate/10", [("Fake-Fault", "stall-head=20")], host=HOST)
        harness.wait_until(lambda: aws.requests, what="the request")
        proxy.signal(signal.SIGTERM)
        harness.wait_until(lambda: "stopping" in proxy.log, 5, "the drain")
        proxy.signal(signal.SIGTERM)
        proxy.check_end(5, code=1)
    proxy.process = None


def test_drain_timeout_cuts_off(aws, start_proxy):
    proxy = start_proxy(aws, "drain_timeout = 300ms")
    with proxy.client() as client:
        client.start("GET", BASE + "generate/10", [("Fake-Fault", "stall-head=20")], host=HOST)
        harness.wait_until(lambda: aws.requests, what="the request")
        proxy.signal(signal.SIGTERM)
        proxy.check_end(10)
    harness.wait_until(lambda: "drain_timeout is over with 1 connections open" in proxy.log, what="the line")


# ---- socket activation


@pytest.fixture
def sockets(tmp_path):
    """Listening: for clients on TCP and in the abstract namespace, for admin and probe."""
    made = [("sigv4-proxy.socket", socket.create_server(("127.0.0.1", 0))),
            ("listen", socket.socket(socket.AF_UNIX)),
            ("admin", socket.create_server(("127.0.0.1", 0))),
            ("probe", socket.create_server(("127.0.0.1", 0)))]
    made[1][1].bind(f"\0sigv4-proxy-test-{os.getpid()}-{tmp_path.name}")
    made[1][1].listen()
    yield made
    for _, one in made:
        one.close()


def test_sockets_of_a_manager_stand_in_for_the_settings(aws, start_proxy, sockets):
    tcp, abstract, admin, probe = (s for _, s in sockets)
    waiting = http1.Client(tcp.getsockname())
    waiting.start("GET", BASE + "generate/1", host=HOST)  # before there is a proxy
    proxy = start_proxy(aws, sockets=sockets, is_ready=False)
    configured = proxy.port
    proxy.port, proxy.admin_port = tcp.getsockname()[1], admin.getsockname()[1]
    harness.wait_until(proxy.is_listening, 10, "the admin listener")
    assert waiting.read().status == 200
    with http1.Client(abstract.getsockname().decode()) as client:
        assert client.request("GET", BASE + "generate/1").status == 200
    name = abstract.getsockname()[1:].decode()
    listeners = proxy.status()["listeners"]
    assert listeners["proxy"] == [f"127.0.0.1:{proxy.port}", f"unix:@{name}"[:len("unix:@") + 50]]
    assert listeners["admin"] == [f"127.0.0.1:{proxy.admin_port}"]
    assert listeners["probe"] == [f"127.0.0.1:{probe.getsockname()[1]}"]
    with pytest.raises(ConnectionRefusedError):
        http1.Client(("127.0.0.1", configured))
    proxy.upgrade()
    assert proxy.status()["listeners"] == listeners
    assert fetch(proxy) == 200


def test_restart_of_an_activated_proxy_loses_no_connection(aws, start_proxy, sockets):
    address = sockets[0][1].getsockname()
    first = start_proxy(aws, sockets=sockets, is_ready=False)
    first.port, first.admin_port = address[1], sockets[2][1].getsockname()[1]
    harness.wait_until(first.is_listening, 10, "the admin listener")
    with Load(first) as load:
        harness.wait_until(load.more(), 30, "the clients")
        first.stop()
        second = start_proxy(aws, sockets=sockets, is_ready=False)
        second.port, second.admin_port = first.port, first.admin_port
        harness.wait_until(load.more(), 30, "the clients")
    assert not load.failures, load.failures[:3]


def test_variables_for_another_process_are_not_ours(aws, start_proxy):
    proxy = start_proxy(aws, env={"LISTEN_PID": "1", "LISTEN_FDS": "3"})
    assert fetch(proxy) == 200


def test_what_is_no_listening_socket_is_refused(start_proxy, tmp_path):
    with socket.socket() as plain:
        proxy = start_proxy(sockets=[("listen", plain)], is_ready=False)
        proxy.check_end(10, code=1)
    assert "LISTEN_FDS: descriptor 3 is no listening stream socket" in proxy.log
    proxy.process = None


# ---- what the service manager hears


class Manager:
    """Listens as systemd does."""

    def __init__(self, address):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(address)
        self.sock.settimeout(0.1)
        self.name = address.replace("\0", "@")
        self.heard = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    def listen(self):
        while not self.is_over.is_set():
            try:
                text = self.sock.recv(4096).decode()
                self.heard.append((time.monotonic_ns() // 1000, text))
            except TimeoutError:
                pass

    def has(self, text):
        return lambda: [m for _, m in self.heard if text in m.split("\n")]

    def close(self):
        self.is_over.set()
        self.thread.join()
        self.sock.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    address = str(tmp_path / "notify") if request.param == "path" else f"\0notify-{os.getpid()}-{tmp_path.name}"
    one = Manager(address)
    yield one
    one.close()


def test_manager_hears_of_the_life(aws, start_proxy, manager):
    proxy = start_proxy(aws, env={"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "200000"})
    harness.wait_until(manager.has("READY=1"), 5, "READY")
    harness.wait_until(manager.has("STATUS=serving: 1 routes of its own"), 5, "STATUS")
    before = len(manager.has("WATCHDOG=1")())
    harness.wait_until(lambda: len(manager.has("WATCHDOG=1")()) > before + 2, 5, "WATCHDOG")
    manager.heard.clear()
    proxy.reload()
    harness.wait_until(manager.has("READY=1"), 5, "READY again")
    (at, reloading), = [m for m in manager.heard if m[1].startswith("RELOADING=1\n")]
    usec = int(re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", reloading).group(1))
    assert 0 <= at - usec < 10_000_000
    words = [m.split("\n")[0] for _, m in manager.heard if not m.startswith(("WATCHDOG", "STATUS"))]
    assert words == ["RELOADING=1", "READY=1"]
    proxy.stop()
    for text in ("STOPPING=1", "STATUS=draining"):
        harness.wait_until(manager.has(text), 5, text)


def test_manager_hears_who_is_main(aws, start_proxy, manager):
    proxy = start_proxy(aws, env={"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "200000",
                                  "WATCHDOG_PID": str(os.getpid())})
    harness.wait_until(manager.has("READY=1"), 5, "READY")
    assert not manager.has("WATCHDOG=1")(), "meant for another process"
    manager.heard.clear()
    pid = proxy.upgrade()

    def words():
        return [m for _, m in manager.heard if not m.startswith(("WATCHDOG", "STATUS"))]
    harness.wait_until(lambda: len(words()) >= 2, 5, "MAINPID and READY")
    assert words() == [f"MAINPID={pid}", "READY=1"]
    harness.wait_until(manager.has("WATCHDOG=1"), 5, "WATCHDOG of the successor")


@pytest.mark.heavy
@pytest.mark.parametrize("manager", ["path"], indirect=True)
def test_manager_hears_nothing_while_a_thread_stands_still(aws, start_proxy, manager):
    proxy = start_proxy(aws, "workers = 2", env={"NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "200000"})
    harness.wait_until(manager.has("WATCHDOG=1"), 5, "WATCHDOG")
    with StoppedThread(proxy.process, "worker-2"):
        harness.wait_until(lambda: proxy.admin("/healthz").status == 503, 20, "the failure")
        manager.heard.clear()
        time.sleep(1)
        assert not manager.has("WATCHDOG=1")()
    harness.wait_until(manager.has("WATCHDOG=1"), 10, "WATCHDOG again")


def test_manager_hears_why_it_is_not_ready(aws, start_proxy, manager):
    start_proxy(aws, identity=None, env={"NOTIFY_SOCKET": manager.name})
    harness.wait_until(lambda: [m for _, m in manager.heard if m.startswith("STATUS=not ready: credentials: ")],
                       5, "the reason")


def test_commands_do_not_see_what_the_manager_said(aws, start_proxy, tmp_path, manager):
    seen = tmp_path / "seen"
    script = tmp_path / "keys"
    script.write_text(f"#!/bin/sh\nenv > {seen}\nprintf '%s' '" + json.dumps(
        {"Version": 1, "AccessKeyId": harness.CANARY.access_key, "SecretAccessKey": harness.CANARY.secret_key,
         "SessionToken": harness.CANARY.token}) + "'\n")
    script.chmod(0o700)
    config = tmp_path / ".aws" / "config"
    config.parent.mkdir()
    config.write_text(f"[default]\ncredential_process = {script}\n")
    start_proxy(aws, identity=None, env={"NOTIFY_SOCKET": manager.name, "LISTEN_PID": "1", "LISTEN_FDS": "1"})
    harness.wait_until(seen.exists, 10, "the command")
    harness.wait_until(lambda: "PATH=" in seen.read_text(), 5, "its environment")
    assert not re.search("^(NOTIFY|LISTEN|WATCHDOG|SIGV4_UPGRADE)", seen.read_text(), re.M)
