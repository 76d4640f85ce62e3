# SPDX-License-Identifier: Apache-2.0
"""Retries: many clients at once. Measures memory and descriptors."""
import harness
import pytest
import storm
from fake_aws import FakeAws
from retrying import S3, base_line, descriptors


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
