# SPDX-License-Identifier: Apache-2.0
"""Retries: many clients at once. Measures memory and descriptors."""
import resource

import harness
import pytest
import storm
from fake_aws import FakeAws
from retrying import S3, base_line, descriptors, fail, metrics


@pytest.mark.heavy
@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 8000, reason="too few descriptors")
@pytest.mark.parametrize("workers", ["1", "4"])
def test_no_more_than_a_thousand_wait_and_the_rest_get_their_error(start_proxy, aws, workers):
    proxy = start_proxy(aws, "[retry]\nretry_base = 20s\nretry_jitter = none\nretry_budget = 100000\n",
                        arguments=("--workers", workers))
    before = base_line(proxy)
    fail(aws, "status=503:SlowDown", 5000)
    clients = [proxy.client() for _ in range(1100)]
    for client in clients:
        client.start("GET", S3 + "generate/1", host="bucket.s3.us-east-1.amazonaws.com")
    harness.wait_until(lambda: metrics(proxy).get('retry_denied_total{reason="parked"}', 0) == 100, 30)
    got = metrics(proxy)
    assert got["requests_parked"] == got["requests_forwarded"] == 1000
    for client in clients:
        client.close()
    harness.wait_until(lambda: metrics(proxy)["requests_forwarded"] == 0, 10)
    got = metrics(proxy)
    assert got["requests_parked"] == 0 and got["retries_cancelled_total"] == 1000
    harness.wait_until(lambda: descriptors(proxy) <= before + got["upstream_connections_idle"] + 4, 5)


@pytest.mark.heavy
@pytest.mark.parametrize("workers", ["1", "4"])
@pytest.mark.parametrize("conf,least", [
    ("rate_limit = 90/s burst 5\n", 0.99), ("", 0.0), ("retry_mode = off\n", 0.0)])
def test_storm_of_clients(start_proxy, certificate, workers, conf, least):
    """500 clients at once, one request each, at an upstream that takes 100 a second."""
    clients = 500
    with FakeAws([harness.CANARY], certificate) as server:
        proxy = start_proxy(conf=f"[route \"*.amazonaws.com\"]\nupstream = {server.url}\n" + conf +
                                 "[timeouts]\npool_idle_timeout = 1s\n", arguments=("--workers", workers))
        for _ in range(3):
            proxy.request("GET", S3 + "generate/1")
        before, memory = base_line(proxy), proxy.memory("VmRSS")
        outcome = storm.run(proxy, server, clients)
        print(f"workers={workers} {conf.strip() or 'standard alone'}: {outcome}")
        assert outcome.took < 60
        assert outcome.share >= least
        assert set(outcome.statuses) <= {200, 503, 429}
        # 500 tokens pay 100 retries, and each success gives back what pays one more at most.
        retries = 0 if "off" in conf else 100 + outcome.statuses.get(200, 0)
        assert outcome.offered <= clients + retries
        harness.wait_until(lambda: descriptors(proxy) <= before + 4, 10, "descriptors")
        assert proxy.memory("VmRSS") < memory + (24 << 20)
