# SPDX-License-Identifier: Apache-2.0
"""Keys from endpoints beside the machine, what happens while they change, hang or go away."""
import signal
import subprocess
import threading
import time

import harness
import pytest
from fake_aws import FakeAws, Identity
from mock_metadata import MockMetadata
from stub_dns import StubDns
from test_credentials import profile_text, who, write_home

OBJECT = "http://bucket.s3.us-east-1.amazonaws.com/generate/1"
KINDS = ["container", "instance"]


@pytest.fixture(scope="module")
def shared_aws(certificate):
    with FakeAws([harness.CANARY], certificate) as server:
        yield server


@pytest.fixture
def metadata(aws):
    with MockMetadata(aws) as server:
        yield server


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def start(start_proxy, aws, metadata, kind, **options):
    env = getattr(metadata, kind) | options.pop("env", {})
    proxy = start_proxy(aws, identity=None, env=env, **options)
    proxy.secrets += ["here-secret-", "here-token-", metadata.session]
    return proxy


def is_no_credentials(answer):
    return (answer.status, answer.error) == (503, "no-credentials")


def test_container(aws, metadata, start_proxy):
    proxy = start(start_proxy, aws, metadata, "container")
    assert who(proxy) == "ASIAHERE000000000001"
    assert "X-Amz-Security-Token" in aws.requests[-1].fields
    (method, path, fields), = metadata.calls
    assert (method, path, fields["Accept"]) == ("GET", "/creds", "application/json")
    assert "Authorization" not in fields


def test_container_token_file_is_read_anew(aws, metadata, start_proxy, tmp_path):
    token = tmp_path / "token"
    token.write_text("first\n")
    metadata.authorization = "first"
    proxy = start(start_proxy, aws, metadata, "container", env={
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token)})
    assert who(proxy) == "ASIAHERE000000000001"
    metadata.authorization = "second"
    token.write_text("second\n")
    harness.wait_until(lambda: who(proxy) == "ASIAHERE000000000002", 15, "the new token's keys")


def test_every_address_of_a_name_must_be_an_endpoints(aws, metadata, start_proxy):
    port = metadata.server.server_port
    names = {"good.test": ["127.0.0.1"], "mixed.test": ["127.0.0.1", "198.51.100.9"]}
    with StubDns(names) as dns:
        def by_name(name):
            return start(start_proxy, aws, metadata, "container", conf=f"nameserver = {dns.nameserver}",
                         env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{name}:{port}/creds"})

        assert who(by_name("good.test")) == "ASIAHERE000000000001"
        answer = by_name("mixed.test").request("GET", OBJECT)
    assert is_no_credentials(answer)
    assert b"over plain http" in answer.body
    assert len(metadata.calls) == 1


def test_container_that_refuses_is_told_and_not_passed_over(aws, metadata, start_proxy):
    metadata.authorization = "something"
    proxy = start(start_proxy, aws, metadata, "container", env=metadata.instance)
    for _ in range(3):
        answer = proxy.request("GET", OBJECT)
        assert is_no_credentials(answer)
        assert b"it answered 401: Unauthorized: who are you?" in answer.body
    assert [path for _, path, _ in metadata.calls] == ["/creds"]


def test_instance(aws, metadata, start_proxy):
    proxy = start(start_proxy, aws, metadata, "instance")
    assert who(proxy) == "ASIAHERE000000000001"
    assert [method for method, _, _ in metadata.calls] == ["PUT", "GET", "GET"]


def test_instance_as_the_source_of_a_role(aws, metadata, start_proxy, tmp_path, certificate):
    from mock_sts import MockSts
    write_home(tmp_path, config="[default]\nrole_arn = arn:aws:iam::222233334444:role/r\n"
                                "credential_source = Ec2InstanceMetadata\n")
    with MockSts(aws, [], certificate) as sts:
        sts.verifier.identities = aws.verifier.identities
        proxy = start(start_proxy, aws, metadata, "instance", env=sts.variables)
        assert who(proxy).startswith("ASIALENT")
        assert sts.calls[0]["signer"] == "ASIAHERE000000000001"


# M20
def test_credential_traffic_goes_through_no_proxy(aws, metadata, start_proxy, kind):
    nowhere = f"http://127.0.0.1:{harness.free_port()}"
    env = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), nowhere)
    assert who(start(start_proxy, aws, metadata, kind, env=env)).startswith("ASIAHERE")


def test_64_first_requests_fetch_once(aws, metadata, start_proxy, kind):
    metadata.delay = 0.2
    proxy = start(start_proxy, aws, metadata, kind)
    assert harness.at_once(64, lambda _: who(proxy)) == ["ASIAHERE000000000001"] * 64
    assert len(metadata.calls) == {"container": 1, "instance": 3}[kind]


def under_load(proxy, clients, seconds, meanwhile):
    """Answers that were not 200 while that many clients asked without a pause."""
    failed = []
    ends = time.monotonic() + seconds

    def ask():
        with proxy.client() as client:
            while time.monotonic() < ends:
                answer = client.request("GET", OBJECT)
                if answer.status != 200:
                    failed.append(answer)

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    while time.monotonic() < ends:
        meanwhile()
    for thread in threads:
        thread.join()
    return failed


def check_rotation(proxy, aws, meanwhile):
    """The stand-in verifies each signature, and that the token is that of the key."""
    assert under_load(proxy, 50, 4, meanwhile) == []
    verdicts = [r.verdict for r in aws.requests]
    assert all(verdicts) and len(verdicts) > 50
    for request in aws.requests:
        lent = aws.verifier.identities[request.verdict.access_key]
        assert request.fields.get("X-Amz-Security-Token") == lent.token
    return len({v.access_key for v in verdicts})


def test_keys_that_change_every_100_ms_fail_no_request(aws, metadata, start_proxy, kind):
    workers = {"container": 4, "instance": 1}[kind]
    proxy = start(start_proxy, aws, metadata, kind, conf=f"workers = {workers}")
    who(proxy)

    def rotate():
        proxy.signal(signal.SIGHUP)
        time.sleep(0.1)

    assert check_rotation(proxy, aws, rotate) >= 5


def test_file_that_changes_every_100_ms_fails_no_request(aws, start_proxy, tmp_path):
    numbers = iter(range(1, 10000))

    def rotate():
        n = next(numbers)
        lent = Identity(f"ASIAFILE{n:012}", f"file-secret-{n}", f"file-token-{n}")
        aws.verifier.identities[lent.access_key] = lent
        write_home(tmp_path, config="[default]\n")
        fresh = tmp_path / ".aws" / "fresh"
        fresh.write_text(profile_text(lent))
        fresh.replace(tmp_path / ".aws" / "credentials")
        if proxy:
            proxy.signal(signal.SIGHUP)
        time.sleep(0.1)

    proxy = None
    rotate()
    proxy = start_proxy(aws, identity=None)
    who(proxy)
    assert check_rotation(proxy, aws, rotate) >= 5


def test_dead_endpoint_stops_nothing_before_expiry(aws, metadata, start_proxy):
    metadata.lifetime = 15  # the last 5 s are not signed with
    proxy = start(start_proxy, aws, metadata, "container")
    who(proxy)
    asked = time.monotonic()
    metadata.close()
    proxy.signal(signal.SIGHUP)
    while time.monotonic() < asked + 3:
        assert proxy.request("GET", OBJECT).status == 200
        time.sleep(0.05)
    harness.wait_until(lambda: is_no_credentials(proxy.request("GET", OBJECT)), 20, "the expiry")


def test_dead_metadata_service_stops_nothing_after_expiry_either(aws, metadata, start_proxy):
    metadata.lifetime = 6
    proxy = start(start_proxy, aws, metadata, "instance")
    who(proxy)
    metadata.close()
    ends = time.monotonic() + 8
    while time.monotonic() < ends:
        assert proxy.request("GET", OBJECT).status == 200
        time.sleep(0.05)


def test_expired_keys_of_the_instance_end_where_aws_refuses_them(aws, metadata, start_proxy):
    metadata.lifetime = -60
    proxy = start(start_proxy, aws, metadata, "instance")
    assert proxy.request("GET", OBJECT).status == 200
    aws.faults.add("*", "status=400:ExpiredToken", 99)
    try:
        assert b"ExpiredToken" in proxy.request("GET", OBJECT).body
        metadata.close()
        harness.wait_until(lambda: is_no_credentials(proxy.request("GET", OBJECT)), 20, "the end of the keys")
    finally:
        aws.faults.clear()


def test_endpoint_that_hangs_delays_nobody_who_has_credentials(aws, metadata, start_proxy, kind):
    proxy = start(start_proxy, aws, metadata, kind)
    who(proxy)
    metadata.delay = 30
    n_calls = len(metadata.calls)
    proxy.signal(signal.SIGHUP)
    harness.wait_until(lambda: len(metadata.calls) > n_calls, 5, "the question")
    slowest = 0
    with proxy.client() as client:
        for _ in range(50):
            began = time.monotonic()
            assert client.request("GET", OBJECT).status == 200
            slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2 * harness.PATIENCE


def test_hanging_endpoint_holds_first_requests_for_a_bounded_time(aws, metadata, start_proxy, kind):
    metadata.delay = 30
    proxy = start(start_proxy, aws, metadata, kind)
    began = time.monotonic()
    answer = proxy.request("GET", OBJECT)
    assert answer.status == 503
    assert time.monotonic() - began < 10 * harness.PATIENCE


def test_keys_that_aws_calls_expired_are_renewed(aws, metadata, start_proxy, kind):
    proxy = start(start_proxy, aws, metadata, kind)
    assert who(proxy) == "ASIAHERE000000000001"
    aws.faults.add("*", "status=400:ExpiredToken", 1)
    assert proxy.request("GET", OBJECT).status == 200
    assert [r.fields.get("X-Amz-Security-Token") for r in aws.requests[1:]] == [
        "here-token-1", "here-token-2"]


@pytest.mark.own_namespace
@pytest.mark.parametrize("address,env", [
    ("169.254.170.2", {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/abc",  # C07
                       "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/"}),
    ("169.254.170.23", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/creds"}),
    ("fd00:ec2::23", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://[fd00:ec2::23]/creds"}),
    ("169.254.169.254", {"AWS_EC2_METADATA_DISABLED": "false"}),
    ("fd00:ec2::254", {"AWS_EC2_METADATA_DISABLED": "false",
                       "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6"}),
])
def test_default_addresses(aws, start_proxy, address, env):
    length = 128 if ":" in address else 32
    where = [f"{address}/{length}", "dev", "lo"]
    subprocess.run(["ip", "addr", "replace", *where, *(["nodad"] if length == 128 else [])],
                   check=True)
    try:
        with MockMetadata(aws, (address, 80)):
            proxy = start_proxy(aws, identity=None, env=env)
            assert who(proxy).startswith("ASIAHERE")
            # The same addresses stay closed to clients.
            host = f"[{address}]" if ":" in address else address
            refused = proxy.request("GET", f"http://{host}/creds")
            assert refused.status == 403, refused
    finally:
        subprocess.run(["ip", "addr", "del", *where], check=True)


@pytest.mark.own_namespace
def test_machine_without_metadata_service_is_told_soon(aws, start_proxy):
    proxy = start_proxy(aws, identity=None, env={"AWS_EC2_METADATA_DISABLED": "false"})
    answer = proxy.request("GET", OBJECT)
    assert is_no_credentials(answer)
    assert b"nobody answers at http://169.254.169.254" in answer.body
