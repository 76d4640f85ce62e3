# SPDX-License-Identifier: Apache-2.0
"""Names: a pod's resolv.conf, dead servers, and addresses that are never dialled.

Here no route leads anywhere: AWS's own names resolve to the stand-in, as they would in a VPC.
"""
import subprocess
import time

import faulty
import harness
import pytest
from fake_aws import FakeAws
from stub_dns import AAAA, StubDns, A

pytestmark = pytest.mark.own_namespace

NAME = "bucket.s3.us-east-1.amazonaws.com"
URL = f"http://{NAME}/generate/10"
POD = "nameserver 127.0.0.1\nsearch team.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"


@pytest.fixture(scope="module")
def shared_aws(certificate, outside):
    with FakeAws([harness.CANARY], certificate, (outside, 443)) as server:
        yield server


@pytest.fixture
def dns(outside):
    with StubDns({NAME: [outside]}, port=53) as server:
        yield server


@pytest.fixture
def resolv_conf(tmp_path):
    """Replaces /etc/resolv.conf in this mount namespace alone."""
    path = tmp_path / "resolv.conf"
    path.write_text(POD)
    subprocess.run(["mount", "--bind", path, "/etc/resolv.conf"], check=True)
    yield path
    subprocess.run(["umount", "/etc/resolv.conf"], check=True)


def test_pod_resolv_conf_costs_two_queries(aws, dns, resolv_conf, start_proxy):
    proxy = start_proxy()
    for _ in range(3):
        assert proxy.request("GET", URL).status == 200
    assert sorted(dns.queries) == [(NAME, A, "udp"), (NAME, AAAA, "udp")]


def test_failing_search_domain_is_harmless(aws, dns, resolv_conf, start_proxy):
    dns.failing = ("cluster.local",)
    proxy = start_proxy()
    assert proxy.request("GET", URL).status == 200
    assert {name for name, _, _ in dns.queries} == {NAME}


def test_nameserver_setting_overrides_resolv_conf(aws, outside, start_proxy):
    with StubDns({NAME: [outside]}) as server:
        proxy = start_proxy(conf=f"nameserver = {server.nameserver}")
        assert proxy.request("GET", URL).status == 200
        assert server.asked(NAME) == [A, AAAA]


def test_old_answer_serves_while_the_server_is_dead(aws, outside, start_proxy):
    with StubDns({NAME: [outside]}, ttl=1) as server:
        proxy = start_proxy(conf=f"nameserver = {server.nameserver}\npool_idle_timeout = 100ms")
        assert proxy.request("GET", URL).status == 200
        server.is_dead = True
        time.sleep(6)  # the least TTL is 5 s
        for _ in range(3):
            start = time.monotonic()
            assert proxy.request("GET", URL).status == 200
            assert time.monotonic() - start < 2 * harness.PATIENCE
            time.sleep(0.3)


def test_unknown_name_is_502(aws, outside, start_proxy):
    with StubDns({}) as server:
        proxy = start_proxy(conf=f"nameserver = {server.nameserver}")
        answer = proxy.request("GET", URL)
        assert (answer.status, answer.error) == (502, "dns-failed")
        assert "access_key" not in answer.body.decode()


def test_name_that_appears_later_is_found(aws, outside, start_proxy):
    with StubDns({}) as server:
        proxy = start_proxy(conf=f"nameserver = {server.nameserver}")
        assert proxy.request("GET", URL).status == 502
        server.records[NAME] = [outside]
        harness.wait_until(lambda: proxy.request("GET", URL).status == 200, 15, "the new record")


def test_truncated_answer_is_asked_again(aws, dns, resolv_conf, start_proxy):
    dns.truncates = True
    proxy = start_proxy()
    assert proxy.request("GET", URL).status == 200
    assert "tcp" in {transport for _, _, transport in dns.queries}


@pytest.mark.parametrize("address", [
    "169.254.169.254", "fd00:ec2::254", "127.0.0.1", "::1", "0.0.0.0", "::ffff:169.254.169.254",
    "fe80::1", "224.0.0.1"])
def test_allowed_name_at_a_forbidden_address_is_refused(aws, outside, start_proxy, address):
    with StubDns({NAME: [address]}) as server:
        proxy = start_proxy(conf=f"nameserver = {server.nameserver}")
        answer = proxy.request("GET", URL)
        assert answer.error == "address-denied", answer
        assert answer.status in (403, 502)
    assert not aws.requests


def test_forbidden_address_is_skipped_where_another_serves(aws, outside, start_proxy):
    with StubDns({NAME: ["169.254.169.254", "127.0.0.2", outside]}) as server:
        proxy = start_proxy(conf=f"nameserver = {server.nameserver}")
        assert proxy.request("GET", URL).status == 200


def test_dead_address_is_passed_over(aws, outside, start_proxy):
    """198.51.100.99 is nobody's: the next address is dialled."""
    with StubDns({NAME: ["198.51.100.99", outside]}) as server:
        proxy = start_proxy(conf=f"nameserver = {server.nameserver}")
        start = time.monotonic()
        assert proxy.request("GET", URL).status == 200
        assert time.monotonic() - start < 2.5 * harness.PATIENCE


def test_hosts_file_comes_first(aws, outside, start_proxy, tmp_path):
    path = tmp_path / "hosts"
    path.write_text(f"127.0.0.1 localhost\n{outside} {NAME}\n")
    subprocess.run(["mount", "--bind", path, "/etc/hosts"], check=True)
    try:
        with StubDns({}) as server:
            proxy = start_proxy(conf=f"nameserver = {server.nameserver}")
            assert proxy.request("GET", URL).status == 200
            assert server.queries == []
    finally:
        subprocess.run(["umount", "/etc/hosts"], check=True)


@pytest.mark.parametrize("call", ["socket", "sendto", "recvfrom", "getaddrinfo"])
def test_calls_that_fail_during_questions(aws, dns, resolv_conf, tmp_path, outside, start_proxy, call):
    """No crash, no hang, one of the promised answers; and once all is well again so is the proxy."""
    machine = faulty.Machine(tmp_path)
    dns.records["*"] = [outside]
    dns.truncates = call == "getaddrinfo"
    resolv_conf.write_text(POD + "options timeout:1 attempts:2\n")
    proxy = start_proxy(conf="retry_mode = off\n", env=machine.environment())
    machine.rates(seed=5, **{call: 0.5})

    def job(number):
        return [proxy.request("GET", URL.replace("bucket", f"bucket-{number}-{turn}")).status for turn in range(4)]
    statuses = sum(harness.at_once(4, job), [])
    assert set(statuses) <= {404, 502, 503, 504}, statuses  # 404: a bucket that the stand-in has not
    assert machine["hits_" + call], machine.hits()
    machine.rates()
    harness.wait_until(lambda: proxy.request("GET", URL).status == 200, 20)
