# SPDX-License-Identifier: Apache-2.0
"""The measurements. Each returns plain values that go into results.json; judging them is report.py's."""
import collections
import random
import statistics
import subprocess
import threading
import time

import processes
from targets import Client, FourWorkers, ManyHosts, ManyKeys, ManyRoutes, Ours, SixtyFourNames, TwoWorkers, S3

Scenario = collections.namedtuple("Scenario", "name method path body clients kind")
SCENARIOS = [Scenario(*row) for row in (
    ("get-1k-c1", "GET", "/b/1024", 0, 1, "s3"),
    ("get-1k-c16", "GET", "/b/1024", 0, 16, "s3"),
    ("get-1k-c64", "GET", "/b/1024", 0, 64, "s3"),
    ("get-64k-c64", "GET", "/b/65536", 0, 64, "s3"),
    ("put-4k-c64", "PUT", "/key", 4096, 64, "s3"),
    ("post-4k-c64", "POST", "/", 4096, 64, "dynamodb"),
    ("put-1m-c16", "PUT", "/key", 1 << 20, 16, "s3"),
    ("put-1m-hashed-c16", "PUT", "/key", 1 << 20, 16, "hashed"),
    ("get-1k-c256", "GET", "/b/1024", 0, 256, "s3"),
    ("get-1k-c1000", "GET", "/b/1024", 0, 1000, "s3"),
)]
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
SMALL = BY_NAME["get-1k-c64"]
GIB = 1 << 30
GRACE = 1  # half_close_grace, s


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def measure(target, scenario, standin, seconds, close=False, others=()):
    """One run: what it cost the proxy, by the upstream's count of requests."""
    settle(standin, others)
    if scenario.clients >= 1000:
        seconds *= 2  # or what is measured is how they connect
    counted, used = standin.counters(), processes.cpu_seconds(target.pid)
    seen = processes.wrk(target.port, target.targets(scenario), scenario, seconds, close)
    now, spent = standin.counters(), processes.cpu_seconds(target.pid) - used
    requests = now["requests"] - counted["requests"]
    signed = now["authorised"] - counted["authorised"]
    target.forget_log()
    row = {"target": target.name, "scenario": scenario.name, "requests": requests, "errors": seen["errors"],
           "cpu_us": spent * 1e6 / max(requests, 1), "busy": spent / seen["seconds"], "p50": seen["p50"],
           "p99": seen["p99"], "rate": seen["requests"] / seen["seconds"], "unsigned": requests - signed,
           "handshakes": now["handshakes"] - counted["handshakes"]}
    # What would be compared must be what was meant.
    row["is_valid"] = requests >= scenario.clients and not seen["errors"] and (
        not target.is_signing or signed == requests)
    return row


def settle(standin, targets):
    """Waits until nothing of the run before is under way, and no proxy tidies up behind it."""
    seen = -1, 0.0
    for _ in range(60):
        requests, used = standin.counters()["requests"], sum(processes.cpu_seconds(target.pid) for target in targets)
        if requests == seen[0] and abs(used - seen[1]) < 0.001:
            return
        seen = requests, used
        time.sleep(0.05)


class Pools:
    """Warms a target before a scenario that needs more connections than it has used of late."""

    def __init__(self):
        self.used = {}

    def warm(self, target, scenario):
        now = time.monotonic()
        clients, at = self.used.get(target.name, (0, 0.0))
        if scenario.clients > clients or now - at > 30:
            if scenario.clients > 16:
                seconds = 3 if scenario.clients >= 1000 else 1  # each makes a TLS handshake
                processes.wrk(target.port, target.targets(scenario), scenario, seconds)
            self.used[target.name] = scenario.clients, time.monotonic()


def capacity(targets, scenarios, standin, rounds, seconds):
    """Interleaved rounds: in each, every scenario, and in each of those every target, in an order of its own: what one
    leaves behind on its core is found by the next (the p99 behind the Go peer is up to twice what it is elsewhere)."""
    rows, pools, dice = [], Pools(), random.Random(1)
    for number in range(rounds):
        for scenario in scenarios:
            for target in dice.sample(targets, len(targets)):
                if scenario.name in getattr(target, "skipped", ()):
                    continue
                pools.warm(target, scenario)
                row = measure(target, scenario, standin, seconds, others=targets) | {"round": number}
                rows.append(row)
                if not row["is_valid"]:
                    say(f"not counted: {row}")
        say(f"round {number + 1} of {rounds}")
    return rows


def growth(make, standin, rounds, seconds):
    """Ours with more of everything, next to itself, 64 clients."""
    rows = []
    kinds = {"1 worker": Ours, "1,000 routes": ManyRoutes, "64 names": SixtyFourNames,
             "64 credential entries": ManyKeys, "100 upstream hosts": ManyHosts, "2 workers": TwoWorkers}
    if len(processes.CPUS) < 2:
        del kinds["2 workers"]
    for name, kind in kinds.items():
        cpu = ",".join(map(str, processes.CPUS[:2])) if kind is TwoWorkers else processes.PROXY_CPU
        kinds[name] = make(kind, name).start(cpu)
    try:
        for target in kinds.values():
            processes.wrk(target.port, target.targets(SMALL), SMALL, 1)
        for number in range(rounds):
            for target in kinds.values():
                rows.append(measure(target, SMALL, standin, seconds) | {"round": number})
    finally:
        for target in kinds.values():
            target.stop()
    return rows


def memory(make, kinds, clients, more):
    """KiB idle, with so many idle clients that each fetched 1 MiB, and with more that fetched 1 KiB."""
    rows = []
    for kind, name in kinds:
        target, open_ones = make(kind, name).start(), []
        try:
            time.sleep(0.5)
            row = {"target": target.name, "idle": processes.memory(target.pid), "clients": clients, "more": more}
            for count, path, key in ((clients, "/b/1048576", "with_clients"), (more, "/b/1024", "with_more")):
                while len(open_ones) < count:
                    client = Client(target)
                    open_ones.append(client)
                    client.get(path)
                time.sleep(1)
                row[key] = processes.memory(target.pid)
            rows.append(row)
        except OSError as failure:
            say(f"{target.name}: {failure} with {len(open_ones)} clients")
        finally:
            for client in open_ones:
                client.close()
            target.stop()
    return rows


def gigabyte(make, kinds, rounds, folder):
    """1 GiB up and down through curl: processor time, and how much the peak of memory grew."""
    sparse = folder / "gibibyte"
    with open(sparse, "wb") as file:
        file.truncate(GIB)
    rows = []
    for number in range(rounds):
        for kind, name in kinds:
            target = make(kind, name).start()
            proxy = ["-x", f"http://127.0.0.1:{target.port}"] if isinstance(target, Ours) else []
            base = f"http://{S3}" if proxy else f"http://127.0.0.1:{target.port}"
            for way, arguments in (("up", ["-T", str(sparse), base + "/key"]), ("down", [f"{base}/b/{GIB}"])):
                Client(target).get("/b/65536")
                processes.forget_peak(target.pid)
                before, used = processes.peak(target.pid), processes.cpu_seconds(target.pid)
                said = subprocess.run(
                    processes.pinned(processes.OTHER_CPU, ["curl", "-sS", "-m", "120", "--noproxy", "", *proxy, "-o",
                                                           "/dev/null", "-w", "%{http_code} %{time_total}", *arguments]),
                    capture_output=True, text=True, check=True).stdout.split()
                rows.append({"target": target.name, "way": way, "round": number, "status": int(said[0]),
                             "seconds": float(said[1]), "cpu": processes.cpu_seconds(target.pid) - used,
                             "growth": processes.peak(target.pid) - before})
            target.stop()
    sparse.unlink()
    return rows


def start_up(make, kinds, rounds):
    """ms from exec to the first answer from upstream; the processor's share of it."""
    rows = []
    for _ in range(rounds):
        for kind, name in kinds:
            target = make(kind, name)
            command = target.command()
            with open(target.log, "ab") as out:
                begin = time.perf_counter()
                target.process = subprocess.Popen(command, env=target.environment, stdin=subprocess.DEVNULL, stdout=out,
                                                  stderr=subprocess.DEVNULL)
            while not target.is_answering():
                time.sleep(0.0005)
                if time.perf_counter() - begin > 10:
                    raise SystemExit(f"bench: {target.name} does not start")
            rows.append({"target": target.name, "ms": (time.perf_counter() - begin) * 1e3,
                         "cpu_ms": processes.cpu_seconds(target.pid) * 1e3})
            target.stop()
    return rows


class Sparse(threading.Thread):
    """Two requests a second, each on a connection of its own, to a proxy with four workers: in the background of
    what else is measured, with an upstream of its own that counts the handshakes."""

    def __init__(self, target, standin, seconds):
        super().__init__(daemon=True)
        self.target, self.standin, self.seconds = target, standin, seconds
        self.result = None

    def run(self):
        for _ in range(4):
            self.one()
        before = self.standin.counters()
        for _ in range(self.seconds * 2):
            time.sleep(0.5)
            self.one()
        after = self.standin.counters()
        self.result = {"requests": after["requests"] - before["requests"],
                       "handshakes": after["handshakes"] - before["handshakes"]}

    def one(self):
        client = Client(self.target)
        client.get("/b/1024")
        client.close()


def handshakes(make, standin, seconds):
    """New TLS handshakes of a proxy with four workers once it is warm: clients that stay, and clients that come anew
    for each request."""
    target, result = make(FourWorkers, "ours, 4 workers").start(",".join(map(str, processes.CPUS[:2]))), {}
    try:
        for name, close in (("kept", False), ("fresh", True)):
            processes.wrk(target.port, target.targets(SMALL), SMALL, 2, close)
            row = measure(target, SMALL, standin, seconds, close)
            result[name] = {"requests": row["requests"], "handshakes": row["handshakes"]}
    finally:
        target.stop()
    return result


def stalled(make, kinds, standin):
    """200 clients whose upstream never answers: what a healthy request takes beside them, and how many upstream
    connections are left a second after they have gone (a FIN alone is half a close for half_close_grace)."""
    rows = []
    for kind, name in kinds:
        target = make(kind, name).start()
        before = standin.counters()["open"]
        clients = [Client(target) for _ in range(200)]
        for client in clients:
            client.ask("/stall")
        time.sleep(1)
        times = []
        healthy = Client(target)
        for _ in range(50):
            begin = time.perf_counter()
            healthy.get("/b/1024")
            times.append((time.perf_counter() - begin) * 1e3)
        for client in clients:
            client.close()
        time.sleep(1 + GRACE)
        # The connection of the healthy ones stays in the pool.
        rows.append({"target": target.name, "ms": statistics.median(times),
                     "left": max(0, standin.counters()["open"] - before - 1)})
        target.stop()
    return rows


def signer(binary):
    """ns a signature: the lines of sign_bench."""
    said = subprocess.run(processes.pinned(processes.PROXY_CPU, [binary]), capture_output=True, text=True,
                          check=True).stdout
    return {line[:28].strip(): float(line[28:].split()[0]) for line in said.splitlines()}
