# SPDX-License-Identifier: Apache-2.0
"""Everything at once for a while: no wrong octet, and nothing that grows. ./dev soak MINUTES makes it long."""
import os

import faulty
import harness
import pytest
from fake_aws import FakeAws, Identity
from mock_metadata import MockMetadata
from retrying import base_line, metrics
from soak import FILED, NOT_TWICE, PLAIN_TUNNEL, Soak, slope
from stub_dns import StubDns

pytestmark = pytest.mark.own_namespace

SECONDS = float(os.environ.get("SIGV4_SOAK_MINUTES", "0.25")) * 60
WARM = 60  # seconds, before growth counts
# KiB and descriptors a minute. A leak of 64 octets a request shows as some 500 KiB a minute.
RSS_SLOPE, FD_SLOPE = 100, 1


def conf_text(ca, dns):
    return (f"nameserver = {dns.nameserver}\nconnect = intercept\nca_dir = {ca}\nbody_memory = 1m\nworkers = 2\n"
            "retry_base = 10ms\nretry_cap = 50ms\nretry_jitter = none\n"
            f'[route "{PLAIN_TUNNEL}"]\nconnect = tunnel\n[route "{FILED}"]\nprofile = filed\n')


def report(soak):
    start, end = soak.samples[0], soak.samples[-1]
    print(f"\n{end[0]:.0f} s; {dict(sorted(soak.done.items()))}")
    print(f"RSS {start[1]} to {end[1]} KiB, most {max(s[1] for s in soak.samples)}; descriptors {start[2]} to {end[2]},"
          f" most {max(s[2] for s in soak.samples)}; threads {start[3]} to {end[3]}; allocated {start[4]:.0f} to {end[4]:.0f} KiB in {start[5]} to "
          f"{end[5]} blocks")
    later = [s for s in soak.samples if s[0] > WARM]
    rss, fds, live = 0.0, 0.0, 0.0
    if len(later) > 60:
        rss, fds, live, blocks = (slope([(s[0] / 60, s[field]) for s in later]) for field in (1, 2, 4, 5))
        print(f"after the first minute: RSS {rss:+.1f} KiB/min, descriptors {fds:+.2f}/min, allocated {live:+.1f} KiB/min "
              f"in {blocks:+.1f} blocks/min")
    print(f"wrong: {len(soak.wrong)} {soak.wrong[:20]}")
    # Over a few minutes the allocator's ups and downs, some MiB, look like a slope.
    return (rss, fds, live) if len(later) > 600 else (0.0, 0.0, 0.0)


def test_mixed_traffic_is_right_and_nothing_grows(tmp_path, authority, certificate, outside):
    ca = tmp_path / "ca"
    assert harness.run_binary("ca", "init", "--ca-dir", str(ca), folder=tmp_path).returncode == 0
    (tmp_path / ".aws").mkdir()
    with FakeAws([], certificate, (outside, 443)) as aws, StubDns({"*": [outside]}, ttl=5) as dns, \
            MockMetadata(aws) as machine:
        machine.lifetime = 120
        numbers = iter(range(10**9))

        def new_file():
            one = Identity(f"AKIAFILED{next(numbers):011}", "filed-secret")
            aws.verifier.identities[one.access_key] = one
            fresh = tmp_path / ".aws/fresh"
            fresh.write_text(f"[filed]\naws_access_key_id = {one.access_key}\naws_secret_access_key = {one.secret_key}\n")
            fresh.replace(tmp_path / ".aws/credentials")

        new_file()
        heap = None if harness.SANITIZER or not os.path.exists(faulty.LIBRARY) else faulty.Machine(tmp_path, "heap")
        proxy = harness.Proxy(tmp_path, conf=conf_text(ca, dns), identity=None, ca_bundle=authority.bundle,
                              env=machine.container | (heap.environment() if heap else {}))
        proxy.ca_bundle = authority.bundle
        other = proxy.common + conf_text(ca, dns).replace("10ms", "12ms", 1)
        texts = [other, proxy.conf_path.read_text()]

        def new_conf():
            texts.reverse()
            fresh = tmp_path / "fresh.conf"
            fresh.write_text(texts[0])
            fresh.replace(proxy.conf_path)

        try:
            proxy.start()
            before = base_line(proxy)
            with Soak(proxy, aws, ca / "ca.pem", {"file": new_file, "configuration": new_conf}, heap) as soak:
                soak.stop.wait(SECONDS)
            rss, fds, live = report(soak)
            assert proxy.process.poll() is None, proxy.process.returncode
            assert not soak.wrong
            assert soak.done.pop(NOT_TWICE, 0) <= 1 + soak.done["multipart"] / 200
            kinds = {kind for kind, count in soak.done.items() if count}
            assert len(kinds) >= 18 or SECONDS < 10, kinds
            harness.wait_until(lambda: metrics(proxy)["requests_forwarded"] == 0, 10)
            # Idle connections to the server may still be pooled.
            harness.wait_until(lambda: base_line(proxy) <= before + 24, 10, "descriptors at the base line")
            assert rss < RSS_SLOPE and fds < FD_SLOPE and live < RSS_SLOPE
        finally:
            proxy.stop()
