# SPDX-License-Identifier: Apache-2.0
"""Starts the real binary, talks to it, and judges how it ended.

Every proxy that a test starts must end with code 0, without a sanitizer's report, and with none of
the canary secrets in what it wrote.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import canary
import http1
from fake_aws import Identity
from ports import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SIGV4_BINARY", str(ROOT / "build/dev/sigv4-proxy"))
SANITIZER = os.environ.get("SIGV4_SANITIZER", "")
CANARY = Identity("AKIACANARYCANARY7EGG", "canarySecret/9f2+1c7d/plainlyVisible40ch",
                  "canaryToken//Zm9vYmFyLWJhei1xdXV4LWNvcmdl==")
http1.Client.inspect = lambda answer: canary.check_answer(CANARY, answer)
REPORT = re.compile(
    r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|: runtime error: |LeakSanitizer:|Assertion .* failed)")
# A machine that others use is slow now and then, sanitizers slow the proxy down: how long a test waits
# before it calls something stuck is multiplied by this.
PATIENCE = 12 if SANITIZER else 3


# What systemd does: sockets become the descriptors from 3 on, and the variables name the process.
ACTIVATE = """
import os, sys
i = sys.argv.index("--")
for n, fd in enumerate([os.dup2(int(fd), 100 + n) for n, fd in enumerate(sys.argv[1:i])]):
    os.dup2(fd, 3 + n)
    os.close(fd)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(i - 1), LISTEN_FDNAMES=sys.argv[i + 1])
os.execv(sys.argv[i + 2], sys.argv[i + 2:])
"""


def wait_until(claim, seconds=5.0, what="the condition"):
    """Polls claim() until it is true."""
    deadline = time.monotonic() + seconds * PATIENCE
    while time.monotonic() < deadline:
        value = claim()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds * PATIENCE} s")


def eventually(check, seconds=5.0):
    """Runs check() until nothing is missing or wrong: for what is counted or logged behind an answer."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        try:
            return check()
        except (AssertionError, KeyError):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def at_once(count, job):
    """job(0) to job(count - 1) on a thread each, and what they returned; the first failure is raised here."""
    results, failures = [None] * count, []

    def guarded(number):
        try:
            results[number] = job(number)
        except BaseException as failure:
            failures.append((number, failure))

    threads = [threading.Thread(target=guarded, args=(n,), daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120 * PATIENCE)
        assert not thread.is_alive(), "one of them hangs"
    if failures:
        raise AssertionError(f"{len(failures)} of {count} failed, first: {failures[0]}")
    return results


def base_environment(folder):
    """What the binary sees unless a test adds to it: nothing of the caller's AWS or proxy settings."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8",
                   "AWS_EC2_METADATA_DISABLED": "true"}
    # LeakSanitizer traces the process, which only root may do to one that is not dumpable.
    leaks = int(os.geteuid() == 0)
    environment["ASAN_OPTIONS"] = f"detect_leaks={leaks}:exitcode=99:abort_on_error=0"
    environment["UBSAN_OPTIONS"] = "print_stacktrace=1:exitcode=99"
    environment["TSAN_OPTIONS"] = "exitcode=99:halt_on_error=0"
    return environment


def identity_environment(identity):
    if identity is None:
        return {}
    environment = {"AWS_ACCESS_KEY_ID": identity.access_key,
                   "AWS_SECRET_ACCESS_KEY": identity.secret_key}
    if identity.token:
        environment["AWS_SESSION_TOKEN"] = identity.token
    return environment


def run_binary(*arguments, folder, env=None, given="", timeout=20):
    """Runs a subcommand to its end. given: what it can read from standard input."""
    result = subprocess.run(
        [BINARY, *arguments], env=base_environment(folder) | (env or {}), input=given,
        capture_output=True, text=True, timeout=timeout * PATIENCE, check=False)
    canary.check([CANARY.secret_key, CANARY.token], result.stderr, "standard error")
    if arguments[:1] not in (("export-credentials",), ("presign",)):
        canary.check([CANARY.secret_key, CANARY.token, CANARY.access_key], result.stdout, "standard output")
    return result


class Heir:
    """A process that another one left to us: as much of Popen as Proxy needs. We adopt orphans."""

    def __init__(self, pid):
        self.pid = pid
        self.returncode = None

    def poll(self):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout=None):
        deadline = time.monotonic() + (timeout or 3600)
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("heir", timeout)
            time.sleep(0.02)
        return self.returncode

    def send_signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)


def adopt_orphans():
    """Processes whose parent ends become ours, so that we can wait for them (PR_SET_CHILD_SUBREAPER)."""
    assert ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0) == 0


def short_machine(folder, number):
    """A whole theme with short reads and writes: SIGV4_SHORT=1 each of them, 0.5 every other one."""
    import faulty  # which needs this module
    machine = faulty.Machine(folder, f"faulty-{number}")
    rate = float(os.environ["SIGV4_SHORT"])
    machine.rates(seed=1, short_in=rate, short_out=rate)
    return machine.environment()


class Proxy:
    """A running sigv4-proxy. conf: lines behind those that every test needs."""

    def __init__(self, folder, conf="", env=None, identity=CANARY, arguments=(), stderr=None,
                 ca_bundle=None, admin=None, user=None, limit_descriptors=None, sockets=(), binary=None):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.admin_port = free_port()
        self.log_path = self.folder / f"proxy-{self.port}.log"
        self.conf_path = self.folder / f"proxy-{self.port}.conf"
        self.secrets = [CANARY.secret_key, CANARY.token, CANARY.access_key]
        lines = ["[proxy]", f"listen = 127.0.0.1:{self.port}",
                 f"admin = {admin or f'127.0.0.1:{self.admin_port}'}"]
        if ca_bundle:
            lines.append(f"ca_bundle = {ca_bundle}")
        self.common = "\n".join(lines) + "\n"
        self.write(conf)
        self.env = base_environment(folder) | identity_environment(identity) | (env or {})
        if os.environ.get("SIGV4_SHORT") and "LD_PRELOAD" not in self.env:
            self.env |= short_machine(self.folder, self.port)
        binary = binary or BINARY
        if user is not None:  # who may not be able to reach the build folder
            binary = shutil.copy(BINARY, self.folder)
        self.command = [binary, "run", "--config", str(self.conf_path), *arguments]
        if limit_descriptors:  # both limits, or (soft, hard)
            soft, hard = limit_descriptors if isinstance(limit_descriptors, tuple) else [limit_descriptors] * 2
            self.command = ["prlimit", f"--nofile={soft}:{hard}",
                            *self.command]
        self.sockets = sockets
        if sockets:
            self.command = [sys.executable, "-c", ACTIVATE, *(str(s.fileno()) for _, s in sockets), "--",
                            ":".join(name for name, _ in sockets), *self.command]
        self.has_own_admin = admin is None
        self.stderr = stderr
        self.user = user
        self.process = None

    def start(self, is_ready=True):
        stderr = self.stderr if self.stderr is not None else open(self.log_path, "wb")
        try:
            self.process = subprocess.Popen(
                self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=stderr, cwd=self.folder, user=self.user,
                pass_fds=[s.fileno() for _, s in self.sockets],
                group=self.user, extra_groups=None if self.user is None else [])
        finally:
            if self.stderr is None:
                stderr.close()
        if is_ready:
            wait_until(self.is_listening, 10, "the proxy's listener")
        return self

    def is_listening(self):
        assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.log}"
        try:
            return self.admin("/readyz") is not None
        except OSError:
            return False

    def write(self, conf):
        """Another configuration file, behind the lines that every test needs."""
        self.conf_path.write_text(self.common + conf)

    def status(self):
        """/status as an object."""
        answer = self.admin("/status")
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def reload(self, conf=None):
        """SIGHUP, with another file if there is one; what /status then says of the configuration."""
        def told():
            config = self.status()["config"]
            return config["reloads"] + config["reloads_failed"]
        if conf is not None:
            self.write(conf)
        before = told()
        self.signal(signal.SIGHUP)
        wait_until(lambda: told() > before, 10, "the reload")
        return self.status()["config"]

    def upgrade(self):
        """SIGUSR2: waits until a successor serves and the old process has ended well. adopt_orphans first."""
        old = self.process
        self.signal(signal.SIGUSR2)
        pid = wait_until(lambda: (now := self.status()["pid"]) != old.pid and now, 20, "the successor")
        ended = old.wait(20 * PATIENCE)
        assert ended == 0, f"exit code {ended}:\n{self.log[-3000:]}"
        self.process = Heir(pid)
        return pid

    @property
    def log(self):
        return self.log_path.read_text("utf-8", "replace") if self.log_path.exists() else ""

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def client(self, timeout=20):
        return http1.Client(self.address, timeout * PATIENCE)

    def request(self, *arguments, **options):
        with self.client() as client:
            return client.request(*arguments, **options)

    def admin(self, path, fields=(), method="GET", body=None):
        with http1.Client(("127.0.0.1", self.admin_port)) as client:
            return client.request(method, path, fields, body=body,
                                  host=f"127.0.0.1:{self.admin_port}")

    def memory(self, field="VmHWM"):
        """In octets, from /proc: VmHWM is the peak, VmRSS what is resident now."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M).group(1)) * 1024

    def variables(self):
        """What a client's environment holds to come through this proxy."""
        return {"http_proxy": self.url, "HTTP_PROXY": self.url,
                "NO_PROXY": "127.0.0.1,localhost,169.254.169.254,169.254.170.2"}

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=10):
        """SIGTERM, then the checks that hold for every run."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.inspect()
            self.signal(signal.SIGTERM)
        self.check_end(seconds)

    def inspect(self):
        """Looks for secrets in everything that it shows while it runs."""
        canary.check_process(self)
        if self.has_own_admin:
            canary.check_pages(self)

    def check_log(self):
        canary.check(self.secrets, self.log, "the log")

    def check_end(self, seconds=10, code=0):
        try:
            ended = self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"no end within {seconds} s of SIGTERM:\n{self.log}") from None
        log = self.log
        report = REPORT.search(log)
        assert not report, f"sanitizer report:\n{log[report.start():][:6000]}"
        assert ended == code, f"exit code {ended}:\n{log[-3000:]}"
        self.check_log()


@contextlib.contextmanager
def running(folder, **options):
    proxy = Proxy(folder, **options)
    try:
        yield proxy.start()
    except BaseException:
        if proxy.process is not None and proxy.process.poll() is None:
            proxy.process.kill()
            proxy.process.wait()
        print(proxy.log[-4000:])
        raise
    proxy.stop()
