# SPDX-License-Identifier: Apache-2.0
"""Retries: limits of the whole process, rate_limit, and what is counted."""
import json
import re
import threading
import time

import harness
import pytest
from retrying import (EARLY, QUICK, S3, attempts, base_line, call, descriptors, fail, gaps, metrics,
                      together)


# -- limits of the whole process


@pytest.mark.parametrize("workers", ["1", "4"])
def test_budget_pays_a_hundred_retries_and_successes_fill_it(start_proxy, aws, workers):
    proxy = start_proxy(aws, QUICK + "retry_max_attempts = 2\n", arguments=("--workers", workers))
    fail(aws, "status=503:SlowDown", 10000)

    def twelve(_):
        with proxy.client() as client:
            for _ in range(12):
                assert client.request("GET", S3 + "generate/1").status == 503
    together(10, twelve)
    assert len(aws.requests) == 120 + 100
    harness.wait_until(lambda: proxy.log.count("not tried again after 1 attempts: quota") == 20)
    aws.clear()
    for _ in range(5):
        assert proxy.request("GET", S3 + "generate/1").status == 200
    fail(aws, "status=503:SlowDown", 10000)
    assert proxy.request("GET", S3 + "generate/1").status == 503
    assert proxy.request("GET", S3 + "generate/1").status == 503
    assert len(aws.requests) == 5 + 2 + 1


@pytest.mark.parametrize("workers", ["1", "4"])
def test_few_retries_run_at_once_and_none_is_lost(start_proxy, aws, workers):
    proxy = start_proxy(aws, "[retry]\nretry_base = 50ms\nretry_budget = 100000\n"
                             "retry_max_attempts = 2\n", arguments=("--workers", workers))
    lock = threading.Lock()
    running = most = 0

    for i in range(40):
        fail(aws, "status=503:SlowDown", match=f"GET /generate/{i}")
    original = aws.send_answer

    def send_answer(connection, record, body, answer, faults):
        nonlocal running, most
        if answer.status == 200:
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.1)
            with lock:
                running -= 1
        return original(connection, record, body, answer, faults)
    aws.send_answer = send_answer
    try:
        answers = together(40, lambda i: proxy.request("GET", S3 + f"generate/{i}").status)
    finally:
        del aws.send_answer
    assert answers == [200] * 40
    assert most <= 10


@pytest.mark.parametrize("workers", ["1", "4"])
def test_no_more_than_retry_queue_wait_and_the_rest_get_their_error(start_proxy, aws, workers):
    proxy = start_proxy(aws, "[retry]\nretry_base = 20s\nretry_jitter = none\nretry_queue = 30\n",
                        arguments=("--workers", workers))
    before = base_line(proxy)
    fail(aws, "status=503:SlowDown", 5000)
    clients = [proxy.client() for _ in range(40)]
    for client in clients:
        client.start("GET", S3 + "generate/1", host="bucket.s3.us-east-1.amazonaws.com")
    harness.wait_until(lambda: metrics(proxy).get('retry_denied_total{reason="parked"}', 0) == 10)
    got = metrics(proxy)
    assert got["requests_parked"] == 30
    for client in clients:
        client.close()
    harness.wait_until(lambda: metrics(proxy)["requests_forwarded"] == 0, 10)
    got = metrics(proxy)
    assert got["requests_parked"] == 0 and got["retries_cancelled_total"] == 30
    harness.wait_until(lambda: descriptors(proxy) <= before + got["upstream_connections_idle"] + 4, 5)


def served(proxy, clients, seconds):
    """How many requests that many clients get through, one behind the other."""
    end = time.monotonic() + seconds

    def run(_):
        n = 0
        with proxy.client() as client:
            while True:
                assert client.request("GET", S3 + "generate/1").status == 200
                if time.monotonic() > end:
                    return n
                n += 1
    return sum(together(clients, run))


@pytest.mark.parametrize("workers,seconds", [("1", 2), ("4", 2 if harness.SANITIZER else 10)])
def test_rate_limit_holds_for_the_process(start_proxy, aws, workers, seconds):
    """One client, and 32, each at a proxy of their own."""
    clients = (1, 32)
    proxies = [start_proxy(conf=f"[route \"*.amazonaws.com\"]\nupstream = {aws.url}\n"
                                "rate_limit = 100/s burst 1\n", arguments=("--workers", workers))
               for _ in clients]
    for n, got in zip(clients, together(2, lambda i: served(proxies[i], clients[i], seconds))):
        print(f"workers={workers} clients={n}: served {got} in {seconds} s")
        assert 0 < got <= 100 * seconds * 1.01 + 1


def test_rate_limit_serves_in_order_of_arrival_after_a_burst(start_proxy, aws):
    proxy = start_proxy(conf=f"log_level = debug\n[route \"*.amazonaws.com\"]\nupstream = {aws.url}\n"
                             "rate_limit = 20/s burst 5\n", arguments=("--workers", "1"))
    started = time.monotonic()
    clients = [proxy.client() for _ in range(15)]
    for i, client in enumerate(clients):
        client.start("GET", S3 + f"generate/{i}", host="bucket.s3.us-east-1.amazonaws.com")
        harness.wait_until(lambda i=i: proxy.log.count("now while waiting for credentials") == i + 1)
    for client in clients:
        assert client.read("GET").status == 200
        client.close()
    assert time.monotonic() - started >= 0.5
    harness.wait_until(lambda: proxy.log.count(" ACCESS [") == 15)
    came = dict(re.findall(r"ACCESS \[(\S+)\] .*path=/generate/(\d+)", proxy.log))
    # What the upstream's threads see first is the machine's business: the log tells whose turn it was.
    served = re.findall(r"\[(\S+)\] now while waiting for the upstream's answer", proxy.log)
    assert [int(came[i]) for i in served] == list(range(15))


def test_too_many_or_too_long_is_429(start_proxy, aws):
    proxy = start_proxy(conf=f"[route \"*.amazonaws.com\"]\nupstream = {aws.url}\n"
                             "rate_limit = 1/s burst 1\nrate_limit_queue = 2\n"
                             "[route \"*.other\"]\nservice = s3\nregion = us-east-1\n"
                             f"upstream = {aws.url}\nrate_limit = 1/m\nrate_limit_wait = 1s\n")
    answers = together(6, lambda _: proxy.request("GET", S3 + "generate/1"))
    assert sorted(a.status for a in answers) == [200] * 3 + [429] * 3
    refused = next(a for a in answers if a.status == 429)
    assert refused.error == "rate-limited"
    assert 1 <= int(refused.fields.get("Retry-After")) <= 3
    assert proxy.request("GET", "http://a.other/generate/1").status != 429
    started = time.monotonic()
    refused = proxy.request("GET", "http://a.other/generate/1")
    assert refused.status == 429 and 55 <= int(refused.fields.get("Retry-After")) <= 60
    assert time.monotonic() - started < 1 * harness.PATIENCE


def test_retries_take_turns_too(start_proxy, aws):
    proxy = start_proxy(conf=QUICK + f"[route \"*.amazonaws.com\"]\nupstream = {aws.url}\n"
                                     "rate_limit = 5/s burst 1\n")
    fail(aws, "status=503:SlowDown", 2)
    assert proxy.request("GET", S3 + "generate/1").status == 200
    assert all(EARLY * 200 <= gap < 500 * harness.PATIENCE for gap in gaps(aws))


# -- seen from outside


def test_retries_are_counted_by_reason(start_proxy, aws):
    proxy = start_proxy(aws, QUICK + "retry_max_attempts = 3\n", arguments=("--workers", "1"))
    fail(aws, "status=503:SlowDown", 2)
    assert proxy.request("GET", S3 + "generate/1").status == 200
    fail(aws, "reset=-1", 2)  # the first time on a kept connection, which is free
    assert proxy.request("GET", S3 + "generate/1").status == 200
    fail(aws, "status=500:InternalError", 3)
    assert proxy.request("GET", S3 + "generate/1").status == 500
    fail(aws, "reset=-1")
    assert call(proxy, "DynamoDB_20120810.PutItem").status == 502
    fail(aws, "status=404:NoSuchKey")
    assert proxy.request("GET", S3 + "generate/1").status == 404
    # The last answer is out before its request is over.
    harness.wait_until(lambda: metrics(proxy)["attempts_total"] == 3 + 2 + 3 + 1 + 1)
    got = metrics(proxy)
    assert got['retries_total{reason="SlowDown"}'] == 2
    assert got['retries_total{reason="reset"}'] == 1
    assert got['retries_total{reason="InternalError"}'] == 2
    assert {name: n for name, n in got.items() if name.startswith("retry_denied")} == {
        'retry_denied_total{reason="method"}': 1}
    assert got["retry_wait_seconds_count"] == 5
    # Two successes give back what their last retry cost.
    assert got["retry_tokens_owed"] == (5 + 5 - 5) + (5 - 5) + (5 + 5)
    assert got["requests_forwarded"] == got["requests_retrying"] == got["requests_parked"] == 0
    status = json.loads(proxy.admin("/status").body)
    assert status["limits"]["retry_tokens_owed"] == 15


def test_waits_are_seen_while_they_last(start_proxy, aws):
    proxy = start_proxy(aws, "[retry]\nretry_base = 20s\nretry_jitter = none\n")
    fail(aws, "status=503:SlowDown", 9)
    with proxy.client() as client:
        client.start("GET", S3 + "generate/1", host="bucket.s3.us-east-1.amazonaws.com")
        harness.wait_until(lambda: metrics(proxy)["requests_parked"] == 1)
        assert metrics(proxy)["requests_forwarded"] == 1
    harness.wait_until(lambda: metrics(proxy)["retries_cancelled_total"] == 1)
    got = metrics(proxy)
    assert got["requests_parked"] == got["requests_forwarded"] == 0
