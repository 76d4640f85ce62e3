# SPDX-License-Identifier: Apache-2.0
"""Retries: upstreams that fail without an answer, clients that leave, deadlines, drain."""
import random
import signal
import socket
import threading
import time

import harness
import http1
import pattern
import pytest
import scripted
from fake_aws import FakeAws
from retrying import QUICK, S3, attempts, base_line, descriptors, fail, metrics, together
from stub_dns import StubDns


# -- transport


def test_upstream_that_comes_back_is_found(start_proxy, certificate, tmp_path, authority):
    port = harness.free_port()
    conf = ("[retry]\nretry_base = 100ms\nretry_jitter = none\nattempts_header = yes\n"
            f"[route \"*.amazonaws.com\"]\nupstream = https://127.0.0.1:{port}\n")
    proxy = start_proxy(conf=conf)
    server = None

    def later():
        nonlocal server
        time.sleep(0.25)
        server = FakeAws([harness.CANARY], certificate, address=("127.0.0.1", port))
        server.start()
    thread = threading.Thread(target=later)
    thread.start()
    answer = proxy.request("GET", S3 + "generate/1")
    thread.join()
    server.stop()
    assert answer.status == 200 and 3 <= attempts(answer) <= 6
    harness.wait_until(lambda: "reason=connect" in proxy.log)


def test_bad_certificate_and_bad_answers_are_final(start_proxy, aws, certificate, tmp_path):
    import certs
    with FakeAws([harness.CANARY], certs.Authority(tmp_path).leaf()) as stranger:
        proxy = start_proxy(stranger, QUICK)
        started = time.monotonic()
        answer = proxy.request("GET", S3 + "generate/1")
        assert (answer.status, answer.error, attempts(answer)) == (502, "tls-failed", 1)
        assert time.monotonic() - started < 1 * harness.PATIENCE


def test_closed_idle_connection_costs_no_attempt(start_proxy, aws):
    proxy = start_proxy(aws, QUICK, arguments=("--workers", "1"))
    assert proxy.request("GET", S3 + "generate/1").status == 200
    fail(aws, "reset=-1")
    answer = proxy.request("GET", S3 + "generate/1")
    assert answer.status == 200 and attempts(answer) == 1 and len(aws.requests) == 3
    assert "retry attempt" not in proxy.log


def abort(sock):
    http1.reset_on_close(sock)
    sock.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("how", ["fin", "reset"])
def test_connection_that_ends_while_it_is_taken_again_harms_nobody(start_proxy, method, how):
    """The upstream closes its idle connection at the very moment: not one octet was read by it, so
    that even a POST that writes goes again, at once and at no cost."""
    socks, came = [], []

    def talk(sock):
        socks.append(sock)
        wire = http1.Wire(sock)
        while (request := scripted.read_request(wire)) is not None:
            came.append(request[2])
            sock.sendall(scripted.OK)

    def end(sock, how):
        if how == "reset":
            http1.reset_on_close(sock)
        sock.shutdown(socket.SHUT_RD if how == "reset" else socket.SHUT_RDWR)
        harness.wait_until(lambda: sock.fileno() == -1)  # its thread closes it
    with scripted.Upstream(talk) as server:
        proxy = start_proxy(conf=QUICK + server.route(), arguments=("--workers", "1"))
        for i in range(10):
            with proxy.client() as client:
                assert client.request("GET", "http://a.test/").status == 200
                proxy.signal(signal.SIGSTOP)  # so that both are there when it looks, the request first
                try:
                    client.start(method, "http://a.test/", [("Content-Length", "4")], host="a.test")
                    client.send(b"%4d" % i)
                    time.sleep(0.02)
                    end(socks[-1], how)
                finally:
                    proxy.signal(signal.SIGCONT)
                answer = client.read()
                assert (answer.status, attempts(answer)) == (200, 1), proxy.log
        assert [b for b in came if b] == [b"%4d" % i for i in range(10)]
        assert "retry attempt" not in proxy.log


def test_post_that_was_read_is_not_sent_again(start_proxy):
    """The upstream takes the request from a kept connection, then closes: it may have done it."""
    came = []

    def talk(sock):
        wire = http1.Wire(sock)
        while (request := scripted.read_request(wire)) is not None:
            came.append(request[2])
            if request[2]:
                return
            sock.sendall(scripted.OK)
    with scripted.Upstream(talk) as server:
        proxy = start_proxy(conf=QUICK + server.route(), arguments=("--workers", "1"))
        assert proxy.request("GET", "http://a.test/").status == 200
        answer = proxy.request("POST", "http://a.test/", (), b"once")
        assert (answer.status, answer.error) == (502, "upstream-closed")
        assert came == [b"", b"once"]


def test_handshake_that_is_reset_is_tried_again(start_proxy, certificate):
    """Unlike a certificate that is refused."""
    with FakeAws([harness.CANARY], certificate) as server:
        original, left = server.handshake, [2]

        def handshake(sock):
            if left[0]:
                left[0] -= 1
                abort(sock)
                raise OSError
            return original(sock)
        server.handshake = handshake
        proxy = start_proxy(server, QUICK)
        answer = proxy.request("POST", S3 + "generate/1", (), b"x")
        assert attempts(answer) == 3, answer
        harness.wait_until(lambda: proxy.log.count("reason=connect") == 2)


def test_wait_for_a_retrys_turn_ends_before_total_timeout(start_proxy, aws):
    """A further attempt that could only begin after the deadline is not waited for."""
    proxy = start_proxy(conf=QUICK + f"[route \"*.amazonaws.com\"]\nupstream = {aws.url}\n"
                                     "rate_limit = 6/m burst 1\ntotal_timeout = 5s\n")
    fail(aws, "status=503:SlowDown", 9)
    started = time.monotonic()
    answer = proxy.request("GET", S3 + "generate/1")
    assert answer.status == 503 and b"SlowDown" in answer.body
    assert time.monotonic() - started < 1 * harness.PATIENCE
    assert len(aws.requests) == 1
    harness.wait_until(lambda: "not tried again after 1 attempts: rate-limit" in proxy.log)


def test_name_that_does_not_exist_is_final_and_a_dead_server_is_not(start_proxy):
    with StubDns({}) as dns:
        dns.failing = ("sick.test",)
        proxy = start_proxy(conf=QUICK + f"retry_max_attempts = 2\n[proxy]\nnameserver = {dns.nameserver}\n"
                                         '[route "*.test"]\nservice = s3\nregion = us-east-1\n')
        started = time.monotonic()
        answer = proxy.request("GET", "http://nobody.test/")
        assert (answer.status, answer.error, attempts(answer)) == (502, "dns-failed", 1)
        assert time.monotonic() - started < 1 * harness.PATIENCE
        answer = proxy.request("GET", "http://a.sick.test/")
        assert (answer.status, answer.error, attempts(answer)) == (502, "dns-failed", 2)


def test_silent_upstream_ends_with_total_timeout(start_proxy, aws):
    proxy = start_proxy(aws, "[retry]\nretry_base = 10ms\nattempts_header = yes\n"
                             "[timeouts]\nfirst_byte_timeout = 500ms\ntotal_timeout = 2s\n")
    fail(aws, "stall-head=5", 20)
    started = time.monotonic()
    answer = proxy.request("GET", S3 + "generate/1")
    assert answer.status == 504 and answer.error == "timeout-first-byte"
    assert 2 <= attempts(answer) <= 5
    assert time.monotonic() - started < 3 * harness.PATIENCE


def test_first_attempt_is_not_bound_by_total_timeout(start_proxy, aws):
    proxy = start_proxy(aws, QUICK + "[timeouts]\ntotal_timeout = 200ms\n")
    fail(aws, "stall-head=0.6")
    assert proxy.request("GET", S3 + "generate/1").status == 200


# -- clients


def test_sdk_retries_by_itself(quick, aws):
    fail(aws, "status=503:SlowDown", 9)
    answer = quick.request("GET", S3 + "generate/1", [("amz-sdk-request", "attempt=1; max=3")])
    assert answer.status == 503 and len(aws.requests) == 1


def test_sdk_clients_may_be_retried(start_proxy, aws):
    proxy = start_proxy(aws, QUICK + "retry_sdk_clients = yes\n")
    fail(aws, "status=503:SlowDown")
    answer = proxy.request("GET", S3 + "generate/1", [("amz-sdk-request", "attempt=1; max=3")])
    assert answer.status == 200 and len(aws.requests) == 2


@pytest.mark.parametrize("how", ["reset", "close"])
def test_client_that_leaves_ends_the_wait(start_proxy, aws, how):
    proxy = start_proxy(aws, "[retry]\nretry_base = 20s\nretry_jitter = none\n"
                             "[timeouts]\npool_idle_timeout = 0s\n")
    before = base_line(proxy)
    fail(aws, "status=503:SlowDown", 9)
    client = proxy.client()
    client.start("GET", S3 + "generate/1", host="bucket.s3.us-east-1.amazonaws.com")
    harness.wait_until(lambda: "retry attempt=1" in proxy.log)
    if how == "reset":
        http1.reset_on_close(client.sock)
    client.close()
    harness.wait_until(lambda: " ACCESS [" in proxy.log, 2.0)
    harness.wait_until(lambda: descriptors(proxy) == before, 2.0, "descriptors at the base line")
    assert len(aws.requests) == 1


def test_half_closed_client_gets_an_answer_within_the_grace(start_proxy, aws):
    proxy = start_proxy(aws, QUICK + "[timeouts]\nhalf_close_grace = 20s\n")
    fail(aws, "status=503:SlowDown", 2)
    with proxy.client() as client:
        client.start("GET", S3 + "generate/500", host="bucket.s3.us-east-1.amazonaws.com")
        client.sock.shutdown(socket.SHUT_WR)
        assert client.read().body == pattern.octets(500)


def test_drain_ends_the_waits(start_proxy, aws):
    proxy = start_proxy(aws, "[retry]\nretry_base = 20s\nretry_jitter = none\n")
    fail(aws, "status=503:SlowDown", 9)
    with proxy.client() as client:
        client.start("GET", S3 + "generate/1", host="bucket.s3.us-east-1.amazonaws.com")
        harness.wait_until(lambda: "retry attempt=1" in proxy.log)
        started = time.monotonic()
        proxy.stop(5)
        answer = client.read()
        assert answer.status == 503 and b"SlowDown" in answer.body
        assert time.monotonic() - started < 3 * harness.PATIENCE


def test_drain_ends_the_wait_for_a_retrys_turn(start_proxy, aws):
    proxy = start_proxy(conf=QUICK + f"[route \"*.amazonaws.com\"]\nupstream = {aws.url}\n"
                                     "rate_limit = 3/m burst 1\n")
    fail(aws, "status=503:SlowDown", 9)
    with proxy.client() as client:
        client.start("GET", S3 + "generate/1", host="bucket.s3.us-east-1.amazonaws.com")
        harness.wait_until(lambda: metrics(proxy)["rate_limit_wait_seconds_count"] == 1)
        started = time.monotonic()
        proxy.stop(5)
        answer = client.read()
        assert answer.status == 503 and b"SlowDown" in answer.body
        assert time.monotonic() - started < 3 * harness.PATIENCE
    assert len(aws.requests) == 1


def test_clients_that_vanish_at_any_moment_leave_nothing_behind(start_proxy, certificate):
    dice = random.Random(6)
    with FakeAws([harness.CANARY], certificate) as server:
        proxy = start_proxy(conf=f"[route \"*.amazonaws.com\"]\nupstream = {server.url}\n"
                                 "rate_limit = 500/s burst 20\n" + QUICK.replace("none", "full") +
                                 "retry_budget = 100000\n[timeouts]\nhalf_close_grace = 50ms\n",
                            arguments=("--workers", "4"))
        before = base_line(proxy)
        server.throttle = lambda: dice.random() < 0.4
        fail(server, "reset=20", 40, match="GET /generate/3*")
        plans = [(dice.randrange(4), dice.random() * 0.15, i) for i in range(300)]

        def one(plan):
            how, pause, i = plan
            with proxy.client() as client:
                if how == 0:
                    client.start("PUT", S3 + f"discard/{i}", [("Content-Length", "300000")],
                                 host="bucket.s3.us-east-1.amazonaws.com")
                    client.send(bytes(150_000))
                else:
                    client.start("GET", S3 + f"generate/{i}00", host="bucket.s3.us-east-1.amazonaws.com")
                if how == 1:
                    client.sock.shutdown(socket.SHUT_WR)
                time.sleep(pause)
                if how == 2:
                    http1.reset_on_close(client.sock)
        for at in range(0, len(plans), 50):
            together(50, lambda i, at=at: one(plans[at + i]))
        server.throttle = None

        def rests():
            got = metrics(proxy)
            return got["requests_forwarded"] == got["requests_parked"] == got["requests_retrying"] == 0
        harness.wait_until(rests, 10, "all requests to be over")
        assert proxy.request("GET", S3 + "generate/1").status == 200
        assert metrics(proxy)["retries_cancelled_total"] > 0
        idle = metrics(proxy)["upstream_connections_idle"]
        harness.wait_until(lambda: descriptors(proxy) <= before + idle + 4, 5, "descriptors")
