# SPDX-License-Identifier: Apache-2.0
"""The system's calls fail, or move one octet at a time: no crash, no hang, no leak, no wrong octet."""
import random

import faulty
import harness
import http1
import pattern
import pytest
from fake_aws import FakeAws
from retrying import metrics

S3 = "http://bucket.s3.us-east-1.amazonaws.com/"
SQS = "http://sqs.us-east-1.amazonaws.com/"
CONF = ("workers = 2\nbody_memory = 16k\nretry_base = 5ms\nretry_cap = 20ms\nclient_head_timeout = 5s\n"
        "idle_timeout = 3s\nfirst_byte_timeout = 3s\n")
STATUSES = (200, 408, 413, 500, 502, 503, 504)


@pytest.fixture
def machine(tmp_path):
    return faulty.Machine(tmp_path)


def put_get_post(proxy, name, size):
    """True if all was right; what is whole is right in any case."""
    data = random.Random(name).randbytes(size)
    is_right = True
    for method, url, body in (("PUT", S3 + name, data), ("GET", S3 + name, None), ("POST", SQS, data)):
        try:
            with proxy.client() as client:
                answer = client.request(method, url, [("Fake-Fault", "to-end")], body)
        except (ConnectionError, http1.Truncated):
            is_right = False
            continue
        assert answer.status in STATUSES or (method == "GET" and answer.status == 404), answer
        if answer.status != 200 or not answer.is_complete:
            is_right = False
        elif method == "GET":
            assert answer.body == data, "other octets"
        elif method == "POST":
            assert f'"length": {size},'.encode() in answer.body, answer
    return is_right


@pytest.mark.parametrize("way", ["short_in", "short_out", "both"])
@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_one_octet_at_a_time(start_proxy, machine, certificate, way, tls):
    with FakeAws([harness.CANARY], certificate if tls else None) as server:
        proxy = start_proxy(server, CONF, env=machine.environment())
        machine.rates(seed=1, **{w: 1 for w in ("short_in", "short_out") if way in (w, "both")})
        for size in (0, 1, 1000, 16385, 70000):
            assert put_get_post(proxy, f"k{size}", size), size
        hits = machine.hits()
        assert (hits["short_in"] > 100) == (way != "short_out") and (hits["short_out"] > 100) == (way != "short_in")


# test_dns.py has those of questions.
@pytest.mark.parametrize("call", [c for c in faulty.CALLS if not c.startswith("short")
                                  and c not in ("sendto", "recvfrom", "getaddrinfo")])
def test_calls_that_fail_now_and_then(start_proxy, machine, own_aws, call):
    """Every request ends, what is answered as whole is, and once all is well again so is the proxy."""
    proxy = start_proxy(own_aws, CONF + "pool_idle_timeout = 1s\n", env=machine.environment())
    machine.rates(seed=7, **{call: 0.1})

    def job(number):
        return sum(put_get_post(proxy, f"{call}-{number}-{turn}", (100, 40_000)[turn % 2]) for turn in range(6))
    right = sum(harness.at_once(4, job))
    machine.rates()
    assert machine["hits_" + call] or call in ("read", "epoll_ctl"), machine.hits()
    harness.wait_until(lambda: put_get_post(proxy, "after", 1000), 20)
    harness.wait_until(lambda: metrics(proxy)["requests_forwarded"] == 0, 10)


def test_a_listener_that_can_not_be_watched_is_tried_again(start_proxy, machine, own_aws):
    """accept() fails, so it is left alone for a while; then the kernel refuses to watch it (ENOMEM, ENOSPC)."""
    proxy = start_proxy(own_aws, CONF, env=machine.environment())
    machine.rates(seed=1, accept=1, epoll_ctl=1)
    with proxy.client() as client:
        client.start("GET", S3 + "generate/1", host="bucket.s3.us-east-1.amazonaws.com")
        harness.wait_until(lambda: machine["hits_accept"] and machine["hits_epoll_ctl"], 10)
        machine.rates()
        assert client.read().status == 200


@pytest.mark.parametrize("seed", [1, 2])
def test_all_at_once(start_proxy, machine, own_aws, seed):
    proxy = start_proxy(own_aws, CONF, env=machine.environment())
    machine.rates(seed=seed, short_in=0.3, short_out=0.3, **dict.fromkeys(
        ("socket", "connect", "accept", "recv", "send", "write", "read", "open", "epoll_ctl"), 0.01))
    harness.at_once(4, lambda n: [put_get_post(proxy, f"{n}-{i}", pattern.BLOCK >> i % 8) for i in range(8)])
    machine.rates()
    harness.wait_until(lambda: put_get_post(proxy, "after", 1000), 20)
    harness.wait_until(lambda: metrics(proxy)["requests_forwarded"] == 0, 10)
