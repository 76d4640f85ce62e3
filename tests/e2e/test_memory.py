# SPDX-License-Identifier: Apache-2.0
"""No memory: the n-th allocation fails, or all from the n-th on, or the address space is used up.

SIGV4_ALLOCATIONS=all tries every n from 1 to 5,000; else one in so many, so that it takes seconds.
"""
import contextlib
import os
import re
import subprocess

import faulty
import harness
import http1
import pytest
from conftest import routes
from fake_aws import FakeAws
from retrying import S3

ALL = os.environ.get("SIGV4_ALLOCATIONS") == "all"
LAST = 5000
NO_MEMORY = 71
# Announced by the server, so each request makes a connection and a TLS handshake of its own.
ALONE = [("Fake-Fault", "to-end")]
DATA = bytes(range(256)) * 40


def numbers(step, last=LAST):
    return range(1, last + 1, 1 if ALL else step)


@pytest.fixture
def machine(tmp_path):
    return faulty.Machine(tmp_path)


def put_and_get(proxy):
    with proxy.client() as client:
        answer = client.request("PUT", S3 + "k", ALONE, DATA)
        assert (answer.status, answer.is_complete) == (200, True), answer
        answer = client.request("GET", S3 + "k", ALONE)
        assert (answer.status, answer.is_complete, answer.body) == (200, True, DATA), answer


def test_one_failed_allocation_changes_nothing(start_proxy, own_aws, machine):
    """The reserve serves, and is there again for the next: libcrypto's and libevent's allocations are among them."""
    proxy = start_proxy(own_aws, "workers = 1\n", env=machine.environment())
    put_and_get(proxy)
    machine.fail(0)
    put_and_get(proxy)
    _, one_pair = machine.relent()
    assert one_pair > 100, "handshakes allocate"
    for n in numbers(37):
        machine.fail(n)
        for _ in range(2 + n * 2 // one_pair):
            put_and_get(proxy)
            if machine["failed"]:
                break
        failed, count = machine.relent()
        assert failed == 1, (n, count)


def judge(proxy, n):
    """It ended in order, or it lives: then it serves."""
    ended = proxy.process.poll()
    if ended is None:
        return
    assert ended == NO_MEMORY, (n, ended, proxy.log[-2000:])
    assert "sigv4-proxy: out of memory\n" in proxy.log, n


@pytest.mark.parametrize("and_all_later", [False, True], ids=["one", "all from there on"])
def test_start_without_memory_ends_with_a_word_or_serves(tmp_path, own_aws, authority, machine, and_all_later):
    ended = served = 0
    for n in numbers(331):
        folder = tmp_path / str(n)
        folder.mkdir()
        proxy = harness.Proxy(folder, conf="workers = 1\n" + routes(own_aws), ca_bundle=authority.bundle,
                              env=machine.environment())
        machine.fail(n, and_all_later)
        proxy.start(is_ready=False)
        harness.wait_until(lambda p=proxy: p.process.poll() is not None or listens(p), 20)
        if proxy.process.poll() is None and not and_all_later:
            put_and_get(proxy)
            served += 1
        machine.relent()
        if proxy.process.poll() is None:
            proxy.stop()
        else:
            # An error of its own says what could not be read or made.
            assert proxy.process.returncode in (1, NO_MEMORY), (n, proxy.process.returncode, proxy.log)
            assert re.search("out of memory|[Mm]emory|sigv4-proxy: |ERROR", proxy.log), (n, proxy.log)
            assert not harness.REPORT.search(proxy.log), proxy.log
            ended += 1
    assert ended if and_all_later else served


def listens(proxy):
    with contextlib.suppress(OSError, http1.Truncated):
        return proxy.admin("/readyz") is not None


def test_no_memory_at_all_is_an_end_in_order(tmp_path, own_aws, authority, machine):
    """All allocations from the n-th on fail, in the middle of traffic: what clients get is right or breaks off."""
    proxy = None
    ends = 0
    for n in numbers(331):
        if proxy is None or proxy.process.poll() is not None:
            folder = tmp_path / str(n)
            folder.mkdir()
            proxy = harness.Proxy(folder, conf="workers = 1\n" + routes(own_aws), ca_bundle=authority.bundle,
                                  env=machine.environment())
            proxy.start()
            put_and_get(proxy)
        machine.fail(n, and_all_later=True)
        try:
            with proxy.client() as client:
                for method, body in (("PUT", DATA), ("GET", None)):
                    answer = client.request(method, S3 + "k", ALONE, body)
                    assert answer.status in (200, 503), answer
                    assert answer.error in (None, "overloaded"), answer
                    assert method == "PUT" or answer.status != 200 or not answer.is_complete or answer.body == DATA
        except (ConnectionError, http1.Truncated):
            harness.wait_until(lambda p=proxy: p.process.poll() is not None, 10, f"the end, after {n}")
        machine.relent()
        judge(proxy, n)
        if proxy.process.poll() is not None:
            proxy.check_log()
            ends += 1
    assert ends > 2
    if proxy.process.poll() is None:
        proxy.stop()


@pytest.mark.skipif(bool(harness.SANITIZER), reason="a sanitizer's shadow is larger than any limit")
def test_little_address_space_is_503_and_passes(start_proxy, own_aws):
    """Clients hold more than there is: refusals, bodies in the spool, no end; afterwards all is well."""
    proxy = start_proxy(own_aws, "workers = 1\nbody_memory = 4m\n")
    put_and_get(proxy)
    limit = proxy.memory("VmSize") + (12 << 20)
    subprocess.run(["prlimit", f"--pid={proxy.process.pid}", f"--as={limit}"], check=True)
    body = bytes(2 << 20)
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(40):
            client = stack.enter_context(proxy.client())
            client.start("POST", "http://sqs.us-east-1.amazonaws.com/", [("Content-Length", str(len(body) + 1))],
                         host="sqs.us-east-1.amazonaws.com")
            try:
                client.send(body)
            except ConnectionError:
                pass
            held.append(client)
        refused = harness.wait_until(lambda: (answer := proxy.request("GET", S3 + "k")).status != 200 and answer)
        assert (refused.status, refused.error) == (503, "overloaded")
        statuses = []
        for client in held:
            with contextlib.suppress(ConnectionError):
                client.send(b"x")
            with contextlib.suppress(ConnectionError, http1.Truncated):
                statuses.append(client.read().status)
    assert set(statuses) <= {200, 503} and 200 in statuses, statuses
    assert proxy.process.poll() is None, proxy.log[-2000:]
    harness.eventually(lambda: put_and_get(proxy), 10)
