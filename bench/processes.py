# SPDX-License-Identifier: Apache-2.0
"""What a process tree used, from /proc; the upstream; the load generator."""
import contextlib
import json
import os
import pathlib
import subprocess

FOLDER = pathlib.Path(__file__).resolve().parent
CPUS = sorted(os.sched_getaffinity(0))
PROXY_CPU = str(CPUS[0])
OTHER_CPU = str(CPUS[-1])  # the upstream and the load generator


def tree(pid):
    """The process and all that it started."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
        try:
            for child in (task / "children").read_text().split():
                found += tree(int(child))
        except OSError:
            pass
    return found


def cpu_seconds(pid):
    """Processor time of all its threads, to the nanosecond where the kernel tells (schedstat)."""
    total = 0.0
    for process in tree(pid):
        for task in pathlib.Path(f"/proc/{process}/task").glob("*"):
            with contextlib.suppress(OSError):  # it has ended
                try:
                    total += int((task / "schedstat").read_text().split()[0]) / 1e9
                except FileNotFoundError:
                    ticks = (task / "stat").read_text().rsplit(")", 1)[1].split()
                    total += (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")
    return total


def kibibytes(process, file, *fields):
    """The sum of these fields of a file in /proc."""
    total = 0
    for line in pathlib.Path(f"/proc/{process}/{file}").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in fields:
            total += int(value.split()[0])
    return total


def memory(pid):
    """KiB of a whole tree: what is resident of its largest process, and what the others have for themselves. Pages
    that they share count once."""
    sizes = sorted((kibibytes(p, "status", "VmRSS"), p) for p in tree(pid))
    return sizes[-1][0] + sum(kibibytes(p, "smaps_rollup", "Private_Clean", "Private_Dirty") for _, p in sizes[:-1])


def peak(pid):
    """KiB: the sum of the processes' peaks since forget_peak; only its growth means something."""
    return sum(kibibytes(p, "status", "VmHWM") for p in tree(pid))


def forget_peak(pid):
    """VmHWM begins anew at what is resident now."""
    for process in tree(pid):
        pathlib.Path(f"/proc/{process}/clear_refs").write_text("5")


def pinned(cpu, command):
    return ["taskset", "-c", cpu, *command]


def end(process, seconds=10):
    """Ends what we started, and waits for it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class StandIn:
    """bench/standin.c, running. It ends when its standard input does: with us, at the latest."""

    def __init__(self, binary, address, port, certificate):
        self.port = port
        self.process = subprocess.Popen(pinned(OTHER_CPU, [binary, address, str(port), certificate]),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit("bench: the stand-in does not start")

    def counters(self):
        self.process.stdin.write("counters\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def wrk(port, targets, scenario, seconds, close=False, cpu=OTHER_CPU):
    """One run of the load generator: requests, seconds, errors, p50 and p99 in µs."""
    environment = os.environ | {"METHOD": scenario.method, "BODY": str(scenario.body),
                                "TARGETS": "\n".join(targets), "CLOSE": "yes" if close else "no"}
    command = pinned(cpu, ["wrk", "-t1", f"-c{scenario.clients}", f"-d{seconds}s", "--timeout", "10s",
                           "-s", str(FOLDER / "load.lua"), f"http://127.0.0.1:{port}/"])
    said = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds + 60,
                          check=True).stdout
    return json.loads(said.split("JSON ", 1)[1].splitlines()[0])
