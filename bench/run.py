# SPDX-License-Identifier: Apache-2.0
"""What the proxy costs next to others. `./dev bench` builds what this needs and calls it; docs/performance.md says how
to read what it prints. Results are kept in build/bench/results.json, so that --render can print them again."""
import argparse
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))

import certs  # noqa: E402
import plot  # noqa: E402
import processes  # noqa: E402
import report  # noqa: E402
import series  # noqa: E402
import targets  # noqa: E402
from ports import free_port  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build/bench"
KINDS = {"nginx": targets.Nginx, "njs": targets.Njs, "haproxy": targets.Haproxy, "envoy": targets.Envoy,
         "peer": targets.Peer, "ours": targets.Ours}
PARTS = ("capacity", "handshakes", "growth", "memory", "gigabyte", "start", "stalled", "signer")


def options():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--build", default=str(ROOT / "build/release"), help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=9, help="rounds of the capacity table (9)")
    parser.add_argument("--seconds", type=int, default=2, help="of each run in a round, those of 1,000 clients twice as long (2)")
    parser.add_argument("--sparse-seconds", type=int, default=120, help="of two requests a second (120)")
    parser.add_argument("--scenarios", type=names(series.BY_NAME), default=list(series.BY_NAME), metavar="NAME,…",
                        help="of " + " ".join(series.BY_NAME))
    parser.add_argument("--targets", type=names(KINDS), default=list(KINDS), metavar="NAME,…",
                        help="of " + " ".join(KINDS) + "; those that are not installed are left out")
    parser.add_argument("--parts", type=names(PARTS), default=list(PARTS), metavar="NAME,…",
                        help="of " + " ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="a round of a second each; nothing is written to docs/")
    parser.add_argument("--no-write", action="store_true", help="write nothing to docs/")
    parser.add_argument("--render", action="store_true", help="measure nothing: print and write the last results again")
    chosen = parser.parse_args()
    if chosen.rounds < 1 or chosen.seconds < 1 or chosen.sparse_seconds < 1:
        parser.error("rounds and seconds are at least 1")
    if chosen.quick:
        chosen.rounds, chosen.seconds, chosen.sparse_seconds, chosen.no_write = 1, 1, 10, True
    return chosen


def names(known):
    def split(text):
        wanted = text.split(",")
        for name in wanted:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(known)}")
        return [name for name in known if name in wanted]
    return split


def enter_namespace():
    """Begins again in a network namespace of its own, where that is allowed."""
    if os.environ.get("SIGV4_NAMESPACE") is None:
        for way in (["unshare", "-n"], ["unshare", "-U", "-r", "-n"]):
            if shutil.which("unshare") and subprocess.run([*way, "true"], capture_output=True).returncode == 0:
                os.environ["SIGV4_NAMESPACE"] = "own"
                os.execvp("unshare", [*way, sys.executable, *sys.argv])
        os.environ["SIGV4_NAMESPACE"] = "none"
    if os.environ["SIGV4_NAMESPACE"] == "own":
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


class Stage:
    """Where it happens: certificates, the upstream, a factory for targets."""

    def __init__(self, build):
        self.build = build
        authority = certs.Authority(FOLDER)
        self.ca = authority.bundle
        self.certificate = authority.leaf(names=["localhost"], addresses=[f"127.0.0.{n + 1}" for n in range(100)])
        self.standin = self.new_standin()

    def new_standin(self):
        # All of 127/8 for the row with a hundred upstream hosts; elsewhere only what is needed.
        address = "0.0.0.0" if os.environ["SIGV4_NAMESPACE"] == "own" else "127.0.0.1"
        return processes.StandIn(f"{self.build}/bench_standin", address, free_port(), str(self.certificate))

    def make(self, kind, name, standin=None):
        return kind(name, str(FOLDER), free_port(), (standin or self.standin).port, str(self.ca))


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    model = next((line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")),
                 platform.machine())
    pretty = next((line.split("=", 1)[1].strip('"') for line in
                   pathlib.Path("/etc/os-release").read_text().splitlines() if line.startswith("PRETTY_NAME=")), "Linux")
    kernel = ".".join(platform.release().split("-")[0].split(".")[:2])
    openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True).stdout.split()[:2]
    return f"{len(processes.CPUS)} cores ({model}), {pretty}, Linux {kernel}, {' '.join(openssl)}"


def run_parts(chosen, stage, kinds):
    """What --parts asks for, in the order in which it disturbs least."""
    results = {}
    others = [(kind, name) for kind, name in kinds if kind not in (targets.Peer, targets.Njs)]
    plain = [(kind, name) for kind, name in others if kind in (targets.Nginx, targets.Ours)]
    if "start" in chosen.parts:
        results["start"] = series.start_up(stage.make, others, 3 if chosen.quick else 11)
    if "signer" in chosen.parts:
        results["signer"] = series.signer(f"{stage.build}/sign_bench")
    sparse = None
    if "handshakes" in chosen.parts:
        standin = stage.new_standin()
        slow = stage.make(targets.FourWorkers, "ours, sparse", standin).start()
        sparse = series.Sparse(slow, standin, chosen.sparse_seconds)
        sparse.start()
    if "stalled" in chosen.parts:
        results["stalled"] = series.stalled(stage.make, plain, stage.standin)
    if "memory" in chosen.parts:
        results["memory"] = series.memory(stage.make, others, *((200, 1000) if chosen.quick else (1000, 10000)))
        series.say("memory, start-up, stalled upstreams: done")
    if "gigabyte" in chosen.parts:
        results["gigabyte"] = series.gigabyte(stage.make, others, 1 if chosen.quick else 3, FOLDER)
        series.say("1 GiB up and down: done")
    if "handshakes" in chosen.parts:
        results["handshakes"] = series.handshakes(stage.make, stage.standin, chosen.seconds)
    if "growth" in chosen.parts:
        results["growth"] = series.growth(stage.make, stage.standin, min(chosen.rounds, 3), chosen.seconds)
        series.say("routes, hosts, credentials, workers: done")
    if sparse:
        sparse.join()
        results["handshakes"]["sparse"] = sparse.result
        slow.stop()
        standin.stop()
    if "capacity" in chosen.parts:
        running = [stage.make(kind, name).start() for kind, name in kinds]
        try:
            results["capacity"] = series.capacity(running, [series.BY_NAME[name] for name in chosen.scenarios],
                                                  stage.standin, chosen.rounds, chosen.seconds)
        finally:
            for target in running:
                target.stop()
    return results


def kept(chosen):
    return FOLDER / ("quick.json" if chosen.quick else "results.json")


def measure(chosen):
    FOLDER.mkdir(parents=True, exist_ok=True)
    targets.Ours.program = f"{chosen.build}/sigv4-proxy"
    kinds = []
    for name in chosen.targets:
        if KINDS[name].program:
            kinds.append((KINDS[name], name))
        else:
            print(f"bench: {name} is not installed and left out")
    stage = Stage(chosen.build)
    begin = time.monotonic()
    results = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "rounds": chosen.rounds,
               "seconds": chosen.seconds, "versions": {name: kind.version() for kind, name in kinds}}
    try:
        results |= run_parts(chosen, stage, kinds)
    finally:
        stage.standin.stop()
    series.say(f"the series took {(time.monotonic() - begin) / 60:.1f} minutes")
    if len(chosen.parts) < len(PARTS) and kept(chosen).exists():  # the other parts as they were
        results = json.loads(kept(chosen).read_text()) | results
    kept(chosen).write_text(json.dumps(results, indent=1))
    return results


def main():
    chosen = options()
    if chosen.render:
        results = json.loads(kept(chosen).read_text())
    else:
        enter_namespace()
        results = measure(chosen)
    text = report.markdown(results)
    print(report.plain(text))
    if not chosen.no_write:
        report.insert(ROOT / "docs/performance.md", text)
        if "capacity" in results:
            (ROOT / "docs/performance.svg").write_text(plot.svg(results))
        print("written: docs/performance.md, docs/performance.svg")


if __name__ == "__main__":
    main()
