# SPDX-License-Identifier: Apache-2.0
"""A storm: many clients at once against an upstream that serves so many requests a second and
refuses the rest. Used by e2e.retry_storm (one request a client) and by bench/storm.py (many)."""
import collections
import contextlib
import threading
import time

import http1

URL = "http://bucket.s3.us-east-1.amazonaws.com/generate/100"


class Throttle:
    """For FakeAws.throttle: a bucket of a tenth of a second's tokens; counts what is offered."""

    def __init__(self, rate):
        self.rate, self.left, self.at = rate, 1.0, time.monotonic()
        self.offered = self.refused = 0
        self.lock = threading.Lock()

    def __call__(self):
        with self.lock:
            now = time.monotonic()
            self.left = min(self.rate / 10, self.left + (now - self.at) * self.rate)
            self.at = now
            self.offered += 1
            if self.left < 1:
                self.refused += 1
                return False
            self.left -= 1
            return True


class Outcome:
    """statuses: {status: requests}, 0 for a broken connection."""

    def __init__(self, statuses, took, throttle):
        self.statuses, self.took = statuses, took
        self.offered, self.refused, self.rate = throttle.offered, throttle.refused, throttle.rate
        self.total = sum(statuses.values())
        self.share = sum(n for s, n in statuses.items() if 200 <= s < 300) / self.total
        self.load = self.offered / took / self.rate  # 1: exactly the limit

    def __str__(self):
        kinds = ", ".join(f"{n} x {status}" for status, n in sorted(self.statuses.items()))
        return (f"{self.share:.1%} 2xx of {self.total} in {self.took:.1f} s ({kinds}); offered "
                f"{self.offered}, {self.load:.2f} times the limit, {self.refused} refused")


def run(proxy, server, clients=500, requests=1, rate=100):
    """All clients begin together; each sends its requests one behind the other."""
    statuses = collections.Counter()
    lock = threading.Lock()
    server.throttle = Throttle(rate)

    def one():
        left = requests
        while left:
            with contextlib.suppress(OSError, http1.Truncated), proxy.client(120) as client:
                while left:
                    left -= 1
                    status = 0
                    try:
                        status = client.request("GET", URL).status
                    finally:
                        with lock:
                            statuses[status] += 1

    threads = [threading.Thread(target=one) for _ in range(clients)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome = Outcome(dict(statuses), time.monotonic() - started, server.throttle)
    server.throttle = None
    return outcome
