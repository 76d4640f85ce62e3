# SPDX-License-Identifier: Apache-2.0
"""Clients that go on while something happens to the proxy: short connections and kept ones, every answer verified."""
import contextlib
import threading

import http1
import pattern

URL = "http://bucket.s3.us-east-1.amazonaws.com/generate/5000"
BODY = pattern.octets(5000)


class Load:
    """failures: what went wrong. served: answers by client. A connection that was told to close is made anew; one
    that is closed without having been told is a failure."""

    def __init__(self, proxy, clients=6, may_be_refused=False):
        self.address = proxy.address
        self.failures = []
        self.served = [0] * clients
        self.refused = 0
        self.may_be_refused = may_be_refused
        self.stop = threading.Event()
        kinds = (self.short, self.kept)
        self.threads = [threading.Thread(target=self.run, args=(kinds[i % 2], i)) for i in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def run(self, kind, number):
        try:
            kind(number)
        except ConnectionRefusedError as error:
            self.refused += 1
            if not self.may_be_refused:
                self.failures.append(error)
        except Exception as error:  # pylint: disable=broad-except
            self.failures.append((kind.__name__, self.served[number], error))

    def client(self):
        return http1.Client(self.address, 60)

    def one(self, client, number):
        answer = client.request("GET", URL)
        if answer.status != 200 or answer.body != BODY or not answer.is_complete:
            self.failures.append((answer, len(answer.body)))
        self.served[number] += 1
        return answer.fields.get("Connection") != "close"

    def short(self, number):
        while not self.stop.is_set():
            with self.client() as client:
                self.one(client, number)

    def kept(self, number):
        while not self.stop.is_set():
            with contextlib.closing(self.client()) as client:
                while not self.stop.is_set() and self.one(client, number):
                    pass

    def more(self, count=20):
        """A claim: since now, each client was served so often."""
        before = list(self.served)
        return lambda: all(now - then >= count for now, then in zip(self.served, before)) or self.failures
