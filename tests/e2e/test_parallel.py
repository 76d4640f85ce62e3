# SPDX-License-Identifier: Apache-2.0
"""Many clients at once, with one worker and with four."""
import os
import threading

import harness
import pattern
import pytest

BASE = "http://bucket.s3.us-east-1.amazonaws.com/"
CLIENTS = 200 if not harness.SANITIZER else 60
ROUNDS = 3


@pytest.fixture(params=[1, 4])
def many(request, aws, start_proxy):
    return start_proxy(aws, f"workers = {request.param}")


def test_many_clients_each_get_their_own_answers(many, aws):
    def job(number):
        with many.client(60) as client:
            for turn in range(ROUNDS):
                url = f"{BASE}p/{number}-{turn}"
                data = f"{number}/{turn}:".encode() * 500
                assert client.request("PUT", url, body=data).status == 200
                answer = client.request("GET", url)
                assert (answer.status, answer.body) == (200, data)

    harness.at_once(CLIENTS, job)
    assert len(aws.requests) == CLIENTS * ROUNDS * 2
    assert all(r.verdict for r in aws.requests)


def test_many_clients_open_at_once(many, aws):
    """All are connected and in the middle of a request at the same moment."""
    barrier = threading.Barrier(CLIENTS)

    def job(number):
        with many.client(60) as client:
            client.start("PUT", f"{BASE}at-once/{number}", [("Content-Length", "20000")],
                         host="bucket.s3.us-east-1.amazonaws.com")
            client.send(pattern.octets(10000))
            barrier.wait(60 * harness.PATIENCE)
            client.send(pattern.octets(10000))
            assert client.read().status == 200

    harness.at_once(CLIENTS, job)


def test_mixed_services_and_errors(many, aws):
    def job(number):
        with many.client(60) as client:
            for turn in range(ROUNDS):
                answer = client.request("POST", "http://sqs.us-east-1.amazonaws.com/",
                                        body=os.urandom(number * 50 + 1))
                assert answer.status == 200
                assert client.request("GET", f"{BASE}missing-{turn}").status == 404
                assert client.request("GET", "http://denied.example.com/").status == 403

    harness.at_once(CLIENTS // 2, job)


def test_connections_beyond_the_limit_wait(aws, start_proxy):
    proxy = start_proxy(aws, "max_connections = 8")

    def job(_):
        with proxy.client(60) as client:
            assert client.request("GET", BASE + "generate/1000").status == 200

    harness.at_once(40, job)
