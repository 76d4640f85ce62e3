# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a stand-in for AWS over TLS, a proxy in front of it, and a factory for further proxies."""
import os
import subprocess

import certs
import harness
import pytest
import retrying
from fake_aws import FakeAws

OUTSIDE = "198.51.100.10"  # an address that is neither loopback nor private, on lo of the namespace


def pytest_collection_modifyitems(items):
    heavy = pytest.mark.skip(reason="meaningless under a sanitizer")
    alone = pytest.mark.skip(reason="needs a namespace of its own")
    for item in items:
        if harness.SANITIZER and "heavy" in item.keywords:
            item.add_marker(heavy)
        if os.environ.get("SIGV4_NAMESPACE") != "own" and "own_namespace" in item.keywords:
            item.add_marker(alone)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return certs.Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def certificate(authority):
    return authority.leaf()


@pytest.fixture(scope="module")
def shared_aws(certificate):
    with FakeAws([harness.CANARY], certificate) as server:
        yield server


@pytest.fixture
def aws(shared_aws):
    """The stand-in, with nothing received yet."""
    shared_aws.clear()
    return shared_aws


@pytest.fixture
def own_aws(certificate):
    """A stand-in of the test's own."""
    with FakeAws([harness.CANARY], certificate) as server:
        yield server


def routes(server):
    """Every AWS name leads to the stand-in; what is signed follows from the name, as always."""
    return f'[route "*.amazonaws.com"]\nupstream = {server.url}\n'


@pytest.fixture(scope="module")
def shared_proxy(shared_aws, authority, tmp_path_factory):
    with harness.running(tmp_path_factory.mktemp("proxy"), conf=routes(shared_aws),
                         ca_bundle=authority.bundle) as running:
        yield running


@pytest.fixture
def proxy(shared_proxy, aws):
    """A proxy with defaults, whose AWS is the stand-in."""
    return shared_proxy


@pytest.fixture(scope="module")
def shared_quick(shared_aws, authority, tmp_path_factory):
    with harness.running(tmp_path_factory.mktemp("quick"), conf=retrying.QUICK + routes(shared_aws),
                         ca_bundle=authority.bundle) as running:
        yield running


@pytest.fixture
def quick(shared_quick, aws):
    """A proxy that waits 20, 40, 80, 160, 320 ms before further attempts."""
    return shared_quick


@pytest.fixture
def start_proxy(tmp_path, authority):
    """start_proxy(server, conf=..., ...): a proxy of the test's own, judged at the test's end."""
    started = []

    def start(server=None, conf="", **options):
        is_ready = options.pop("is_ready", True)
        if server is not None:
            conf = conf + "\n" + routes(server)
        options.setdefault("ca_bundle", authority.bundle)
        one = harness.Proxy(tmp_path, conf=conf, **options)
        started.append(one)
        return one.start(is_ready)

    yield start
    for one in started:
        if one.process is None:
            one.check_log()
            continue
        try:
            one.stop()
        finally:
            if one.process.poll() is None:
                one.process.kill()
            print(one.log[-4000:])


@pytest.fixture(scope="session")
def outside():
    """OUTSIDE, made to exist."""
    subprocess.run(["ip", "addr", "replace", OUTSIDE + "/32", "dev", "lo"], check=True)
    return OUTSIDE
