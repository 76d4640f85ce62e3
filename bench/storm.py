# SPDX-License-Identifier: Apache-2.0
"""bench/storm.py BINARY [REQUESTS]: 500 clients, each with REQUESTS (8) requests one behind the other,
against a stand-in that serves 100 requests a second and refuses the rest with 503 SlowDown: with a
rate_limit below the limit, with retries alone (their tokens pay 100 of them, or 20,000), and with
neither; with one worker and with four.
"""
import os
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))

import certs  # noqa: E402
import harness  # noqa: E402
import storm  # noqa: E402
from fake_aws import FakeAws  # noqa: E402

CASES = {"rate_limit = 90/s": "rate_limit = 90/s burst 5\n", "standard alone": "",
         "standard, retry_budget = 100000": "retry_budget = 100000\n",
         "retries off": "retry_mode = off\n"}


def descriptors(proxy):
    return len(os.listdir(f"/proc/{proxy.process.pid}/fd"))


def one(folder, authority, conf, workers, requests):
    with FakeAws([harness.CANARY], authority.leaf()) as server:
        conf = f'[route "*.amazonaws.com"]\nupstream = {server.url}\n' + conf
        conf += "[timeouts]\npool_idle_timeout = 1s\n"
        with harness.running(folder, conf=conf, ca_bundle=authority.bundle,
                             arguments=("--workers", str(workers))) as proxy:
            for _ in range(20):
                proxy.request("GET", storm.URL)
            fds, memory = descriptors(proxy), proxy.memory("VmRSS")
            outcome = storm.run(proxy, server, 500, requests)
            time.sleep(5)
            grown = (proxy.memory("VmRSS") - memory) / (1 << 20)
            return f"{outcome}; afterwards {descriptors(proxy) - fds:+d} descriptors, {grown:+.1f} MiB"


def main():
    requests = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    with tempfile.TemporaryDirectory() as folder:
        authority = certs.Authority(pathlib.Path(folder))
        for name, conf in CASES.items():
            for workers in (1, 4):
                sub = pathlib.Path(folder) / f"{name}-{workers}".replace("/", "-").replace(" ", "-")
                sub.mkdir()
                print(f"{name}, {workers} worker(s): {one(sub, authority, conf, workers, requests)}",
                      flush=True)


if __name__ == "__main__":
    harness.BINARY = os.path.realpath(sys.argv[1])
    main()
