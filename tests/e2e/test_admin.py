# SPDX-License-Identifier: Apache-2.0
"""The admin listener, the healthcheck subcommand, signals and the orderly end."""
import signal
import threading
import time

import harness
import http1
import pattern
import pytest

HOST = "bucket.s3.us-east-1.amazonaws.com"
BASE = f"http://{HOST}/"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health(proxy, path):
    answer = proxy.admin(path)
    assert answer.status == 200
    assert answer.is_complete


def test_unknown_admin_path_is_404(proxy):
    assert proxy.admin("/nothing").status == 404


def test_admin_checks_host_and_origin(proxy):
    with http1.Client(("127.0.0.1", proxy.admin_port)) as client:
        assert client.request("GET", "/healthz", host="rebind.example.com").status == 403
    for name, value in (("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")):
        assert proxy.admin("/healthz", [(name, value)]).status == 403
    assert proxy.admin("/healthz", [("Sec-Fetch-Site", "none")]).status == 200


def test_admin_forwards_nothing(proxy, aws):
    with http1.Client(("127.0.0.1", proxy.admin_port)) as client:
        answer = client.request("GET", BASE + "generate/1")
    assert answer.status in (400, 403, 404)
    assert not aws.requests


def test_not_ready_without_credentials(aws, start_proxy):
    proxy = start_proxy(aws, identity=None)
    assert proxy.admin("/healthz").status == 200
    assert proxy.admin("/readyz").status == 503


def healthcheck(proxy, *arguments):
    return harness.run_binary("healthcheck", "--config", str(proxy.conf_path), *arguments,
                              folder=proxy.folder)


def test_healthcheck_subcommand(aws, start_proxy):
    proxy = start_proxy(aws)
    assert healthcheck(proxy).returncode == 0
    assert healthcheck(proxy, "--ready").returncode == 0
    proxy.stop()
    result = healthcheck(proxy)
    assert result.returncode == 1
    assert result.stderr.strip()


def test_healthcheck_ready_without_credentials(aws, start_proxy):
    proxy = start_proxy(aws, identity=None)
    assert healthcheck(proxy).returncode == 0
    assert healthcheck(proxy, "--ready").returncode == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_proxy_ends_at_once(aws, start_proxy, number):
    proxy = start_proxy(aws)
    with proxy.client() as client:
        assert client.request("GET", BASE + "generate/1").status == 200
        start = time.monotonic()
        proxy.signal(number)
        proxy.check_end(5)
        assert time.monotonic() - start < 3 * harness.PATIENCE
        assert client.is_closed()


def test_running_request_is_finished_before_the_end(aws, start_proxy):
    proxy = start_proxy(aws)
    size = 200000
    with proxy.client() as client:
        client.start("GET", BASE + f"generate/{size}", [("Fake-Fault", "slow=20000:0.2")], host=HOST)
        answer = client.read_head()
        proxy.signal(signal.SIGTERM)
        harness.wait_until(lambda: refuses(proxy), 5, "the listener's end")
        body = b"".join(client.body_pieces(answer))
    assert body == pattern.octets(size)
    proxy.check_end(5)


def test_upload_is_finished_before_the_end(aws, start_proxy):
    proxy = start_proxy(aws)
    with proxy.client() as client:
        client.start("PUT", BASE + "drained", [("Content-Length", "200000")], host=HOST)
        client.send(pattern.octets(100000))
        harness.wait_until(lambda: aws.requests, what="the request at the server")
        proxy.signal(signal.SIGTERM)
        harness.wait_until(lambda: refuses(proxy), 5, "the listener's end")
        client.send(pattern.octets(100000))
        assert client.read().status == 200
    proxy.check_end(5)


def refuses(proxy):
    try:
        proxy.client().close()
    except ConnectionRefusedError:
        return True
    return False


def test_drain_timeout_cuts_what_does_not_end(aws, start_proxy):
    proxy = start_proxy(aws, "drain_timeout = 500ms")
    with proxy.client() as client:
        client.start("GET", BASE + "generate/10", [("Fake-Fault", "stall-head=60")], host=HOST)
        harness.wait_until(lambda: aws.requests, what="the request at the server")
        start = time.monotonic()
        proxy.signal(signal.SIGTERM)
        proxy.check_end(5)
        assert 0.3 < time.monotonic() - start < 4 * harness.PATIENCE


def test_second_signal_ends_at_once(aws, start_proxy):
    proxy = start_proxy(aws)
    with proxy.client() as client:
        client.start("GET", BASE + "generate/10", [("Fake-Fault", "stall-head=60")], host=HOST)
        harness.wait_until(lambda: aws.requests, what="the request at the server")
        proxy.signal(signal.SIGTERM)
        harness.wait_until(lambda: refuses(proxy), 5, "the listener's end")
        proxy.signal(signal.SIGTERM)
        proxy.check_end(2, code=1)
    proxy.process = None


def test_readiness_goes_first(aws, start_proxy):
    proxy = start_proxy(aws, "pre_stop_wait = 60s")
    assert proxy.admin("/readyz").status == 200
    proxy.signal(signal.SIGTERM)
    harness.wait_until(lambda: proxy.admin("/readyz").status == 503, 2, "readiness gone")
    assert proxy.request("GET", BASE + "generate/1").status == 200, "it still serves"
    proxy.signal(signal.SIGTERM)
    proxy.check_end(10, code=1)
    proxy.process = None


def test_wait_before_the_stop_ends_by_itself(aws, start_proxy):
    proxy = start_proxy(aws, "pre_stop_wait = 300ms")
    proxy.signal(signal.SIGTERM)
    proxy.check_end(10)


def test_end_under_load_loses_no_answer(aws, start_proxy):
    """Each request that was begun on an accepted connection is answered in full, or refused cleanly."""
    proxy = start_proxy(aws, "workers = 4")
    lost, stop = [], threading.Event()

    def job():
        while not stop.is_set():
            try:
                client = proxy.client()
            except OSError:
                return
            with client:
                try:
                    answer = client.request("GET", BASE + "generate/50000")
                except (http1.Truncated, ConnectionError) as failure:
                    lost.append(repr(failure))
                    continue
                if answer.status == 200 and answer.body != pattern.octets(50000):
                    lost.append("short body")

    threads = [threading.Thread(target=job) for _ in range(16)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    proxy.signal(signal.SIGTERM)
    proxy.check_end(10)
    stop.set()
    for thread in threads:
        thread.join()
    assert not lost, lost


def test_admin_off(aws, start_proxy):
    proxy = start_proxy(aws, admin="off", is_ready=False)

    def answers():
        try:
            return proxy.request("GET", BASE + "generate/1").status == 200
        except ConnectionRefusedError:
            return False

    harness.wait_until(answers, 10, "the proxy without admin")
    with pytest.raises(ConnectionRefusedError):
        proxy.admin("/healthz")
