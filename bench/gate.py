# SPDX-License-Identifier: Apache-2.0
"""gate.py BINARY STANDIN COMPILER [--write]: a guard against requests that become dearer, without a clock.

Counts instructions (callgrind) and system calls (strace) of three kinds of request, each sent one behind the other on a
kept connection: the difference between a longer and a shorter run, so that start-up and handshakes cancel out. What
bench/gate.json holds is the limit, with a tolerance; --write records anew. Instructions depend on the processor, the
compiler and the libraries: code paths are pinned where they can be, and figures are compared only with those of the
same kind of build. Exit code 77: skipped, since a tool is missing.
"""
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))

import certs  # noqa: E402
import http1  # noqa: E402
import processes  # noqa: E402
import targets  # noqa: E402
from ports import free_port  # noqa: E402

RECORD = pathlib.Path(__file__).resolve().parent / "gate.json"
SHORT, LONG = 100, 600
MORE_INSTRUCTIONS = 1.05  # times
MORE_CALLS = 0.2          # a request
# Lines are written together, how many depends on the clock: a request that again waits for the log would cost 2.
LOGGING = {"poll", "write", "writev", "read", "futex"}
MORE_LOGGING = 1.0
S3, DYNAMODB = targets.S3, targets.DYNAMODB
KINDS = {
    "GET 1 KiB": f"GET http://{S3}/b/1024 HTTP/1.1\r\nHost: {S3}\r\n\r\n".encode(),
    "PUT 64 KiB, not hashed": f"PUT http://{S3}/key HTTP/1.1\r\nHost: {S3}\r\nContent-Length: 65536\r\n\r\n".encode()
                              + bytes(65536),
    "POST 4 KiB, hashed": f"POST http://{DYNAMODB}/ HTTP/1.1\r\nHost: {DYNAMODB}\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\n"
                          "Content-Type: application/x-amz-json-1.0\r\nContent-Length: 4096\r\n\r\n".encode() + bytes(4096),
}
# OpenSSL and glibc choose code by the processor: what every x86-64 machine of the last ten years has, no more.
PINNED = {"OPENSSL_ia32cap": ":~0xffffffffffffffff", "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2_Usable,-AVX512F_Usable,-ERMS,-FSRM",
          "OPENSSL_armcap": "0"}


class Traced(targets.Ours):
    """The proxy under a tool that counts."""
    tool = ()

    def command(self):
        self.environment |= PINNED
        return [*self.tool, *super().command()]

    def stop(self):
        """The proxy is to end by itself, and the tool behind it: its figures come at the end."""
        for pid in processes.tree(self.pid):
            if os.readlink(f"/proc/{pid}/exe") == self.program or self.tool[0] == "valgrind":
                os.kill(pid, 15)
                break
        self.process.wait(60)
        self.process = None


def instructions(folder):
    return int(re.search(r"^(?:summary|totals): (\d+)", (folder / "count").read_text(), re.M).group(1))


def calls(folder):
    """{name: count} from strace's summary."""
    found = {}
    for line in (folder / "count").read_text().splitlines():
        words = line.split()
        if len(words) >= 5 and words[-1] != "total" and re.match(r"\d", words[0]):
            found[words[-1]] = int(words[3])
    return found


def run(tool, folder, kind, requests):
    """Starts it under the tool, sends so many requests, ends it."""
    (folder / "count").unlink(missing_ok=True)
    authority = certs.Authority(folder)
    standin = processes.StandIn(STANDIN, "127.0.0.1", free_port(), str(authority.leaf(names=["localhost"])))
    target = Traced("gate", str(folder), free_port(), standin.port, str(authority.bundle))
    target.tool = tool
    try:
        target.start(",".join(map(str, processes.CPUS)))
        with http1.Client(("127.0.0.1", target.port), 60) as client:
            for _ in range(requests):
                client.send(KINDS[kind])
                answer = client.read()
                if answer.status != 200:
                    raise SystemExit(f"gate: {kind}: {answer}")
        target.stop()
        seen = standin.counters()
        if seen["authorised"] != seen["requests"]:
            raise SystemExit(f"gate: {kind}: the upstream saw requests without a signature")
    finally:
        if target.process:
            processes.end(target.process)
        standin.stop()


def count(kind, folder):
    """Instructions, and system calls by name, of one request."""
    counts = folder / "count"
    callgrind = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}", "--quiet", "--child-silent-after-fork=yes")
    strace = ("strace", "-c", "-f", "-o", str(counts))
    seen = []
    for tool, read in ((callgrind, instructions), (strace, calls)):
        for requests in (SHORT, LONG):
            run(tool, folder, kind, requests)
            seen.append(read(folder))
    extra = LONG - SHORT
    by_name = {name: round((n - seen[2].get(name, 0)) / extra, 2) for name, n in seen[3].items()}
    return (seen[1] - seen[0]) // extra, {name: n for name, n in sorted(by_name.items()) if n >= 0.02}


def build_kind(compiler):
    def minor(text):
        return ".".join(re.search(r"(\d+)\.(\d+)", text).groups())
    openssl = minor(subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout)
    return f"{platform.machine()}, {compiler.split('.')[0]}, OpenSSL {openssl}, glibc {platform.libc_ver()[1]}"


def compare(kind, record, found, compiler):
    """Says what was counted; the number of limits that are broken."""
    instructions_now, calls_now = found
    broken, calls_then = 0, record["calls"].get(kind, {})
    for what, is_logging, more in (("system calls", False, MORE_CALLS), ("of the log and of wake-ups", True, MORE_LOGGING)):
        names = sorted(n for n in {*calls_now, *calls_then} if (n in LOGGING) == is_logging)
        now, then = (sum(calls.get(n, 0) for n in names) for calls in (calls_now, calls_then))
        print(f"{kind}: {now:.2f} {what} (recorded: {then:.2f}): "
              + ", ".join(f"{name} {calls_now.get(name, 0):.2f}" for name in names))
        if now > then + more:
            broken += 1
            rises = [n for n in names if calls_now.get(n, 0) > calls_then.get(n, 0) + 0.05]
            print(f"gate: {kind} makes more system calls than recorded: " + ", ".join(
                f"{n} {calls_then.get(n, 0):.2f} -> {calls_now[n]:.2f}" for n in rises)
                + ". If they buy something, ./dev gate --write records them")
        elif now < then - more:
            print("  fewer: record it with ./dev gate --write")
    limit = record["instructions"].get(compiler, {}).get(kind)
    if limit is None:
        print(f"{kind}: {instructions_now:,} instructions; nothing is recorded for {compiler}")
        return broken
    print(f"{kind}: {instructions_now:,} instructions (recorded: {limit:,}, {instructions_now / limit - 1:+.1%})")
    if instructions_now > limit * MORE_INSTRUCTIONS:
        broken += 1
        print(f"gate: {kind} takes over {MORE_INSTRUCTIONS - 1:.0%} more instructions than recorded. callgrind_annotate tells where; "
              "if they buy something, ./dev gate --write records them")
    elif instructions_now < limit / MORE_INSTRUCTIONS:
        print("  fewer: record it with ./dev gate --write")
    return broken


def main(compiler, is_writing):
    missing = [tool for tool in ("valgrind", "strace", "openssl") if not shutil.which(tool)]
    if missing:
        print(f"gate: no {' and no '.join(missing)} here: skipped")
        return 77
    compiler = build_kind(compiler)
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {"calls": {}, "instructions": {}}
    broken = 0
    with tempfile.TemporaryDirectory(prefix="gate.") as folder:
        for kind in KINDS:
            found = count(kind, pathlib.Path(folder))
            if is_writing:
                record["instructions"].setdefault(compiler, {})[kind], record["calls"][kind] = found
                print(f"{kind}: {found[0]:,} instructions, {sum(found[1].values()):.2f} system calls {found[1]}", flush=True)
            else:
                broken += compare(kind, record, found, compiler)
    if is_writing:
        RECORD.write_text(json.dumps(record, indent=1) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    targets.Ours.program, STANDIN = (os.path.realpath(path) for path in sys.argv[1:3])
    sys.exit(main(sys.argv[3], "--write" in sys.argv[4:]))
