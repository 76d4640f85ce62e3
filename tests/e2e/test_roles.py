# SPDX-License-Identifier: Apache-2.0
"""Keys that STS lends: roles of profiles and of routes, web identity, and what happens meanwhile."""
import threading

import harness
import pytest
from fake_aws import FakeAws, Identity
from mock_sts import MockSts
from test_credentials import profile_text, who, write_home

BASE = Identity("AKIABASEBASEBASEBAS1", "base-secret-base-secret")
ROLE = "arn:aws:iam::222233334444:role/"


@pytest.fixture(scope="module")
def shared_aws(certificate):
    with FakeAws([harness.CANARY, BASE], certificate) as server:
        yield server


@pytest.fixture
def sts(aws, certificate):
    with MockSts(aws, [BASE, harness.CANARY], certificate) as server:
        yield server


def role_text(name, role, source):
    return f"[profile {name}]\nrole_arn = {ROLE}{role}\nsource_profile = {source}\n"


def test_role_of_a_profile_signs(aws, sts, start_proxy, tmp_path):
    write_home(tmp_path, profile_text(BASE, "base"), role_text("app", "reader", "base"))
    proxy = start_proxy(aws, identity=None, env=sts.variables | {"AWS_PROFILE": "app"})
    assert who(proxy).startswith("ASIALENT")
    assert [(c["Action"], c["signer"]) for c in sts.calls] == [("AssumeRole", BASE.access_key)]
    assert "X-Amz-Security-Token" in aws.requests[-1].fields


def test_chain_of_two_roles(aws, sts, start_proxy, tmp_path):
    write_home(tmp_path, profile_text(BASE, "base"),
               role_text("app", "second", "first") + role_text("first", "first", "base"))
    proxy = start_proxy(aws, identity=None, env=sts.variables, conf="profile = app")
    assert who(proxy) == "ASIALENT000000000002"
    assert [c["signer"] for c in sts.calls] == [BASE.access_key, "ASIALENT000000000001"]


def test_role_of_a_route_is_used_there_only(aws, sts, start_proxy):
    conf = f'[route "sts.us-east-1.amazonaws.com"]\nupstream = {aws.url}\nrole_arn = {ROLE}search\n'
    proxy = start_proxy(aws, conf, env=sts.variables)
    assert who(proxy).startswith("ASIALENT")
    assert sts.calls[0]["signer"] == harness.CANARY.access_key
    proxy.request("GET", "http://bucket.s3.us-east-1.amazonaws.com/generate/1")
    assert aws.requests[-1].verdict.access_key == harness.CANARY.access_key
    assert len(sts.calls) == 1


def test_role_flag(aws, sts, start_proxy):
    proxy = start_proxy(aws, env=sts.variables, arguments=["--role-arn", ROLE + "all"])
    assert who(proxy).startswith("ASIALENT")
    assert proxy.admin("/readyz").status == 200


def test_web_identity(aws, sts, start_proxy, tmp_path):
    (tmp_path / "token").write_text("head.body.tail\n")
    proxy = start_proxy(aws, identity=None, env=sts.variables | {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"), "AWS_ROLE_ARN": ROLE + "pod"})
    assert who(proxy).startswith("ASIALENT")
    assert sts.calls[0]["WebIdentityToken"] == "head.body.tail"
    assert sts.calls[0]["signer"] is None


def test_64_first_requests_ask_sts_once(aws, sts, start_proxy, tmp_path):
    write_home(tmp_path, profile_text(BASE, "base"), role_text("app", "reader", "base"))
    sts.delay = 0.5
    conf = '[route "sts.us-east-1.amazonaws.com"]\nprofile = app\nupstream = ' + aws.url
    proxy = start_proxy(None, conf, env=sts.variables)
    assert harness.at_once(64, lambda _: who(proxy)) == ["ASIALENT000000000001"] * 64
    assert len(sts.calls) == 1


def test_refusal_of_sts_is_told_and_remembered(aws, sts, start_proxy, tmp_path):
    write_home(tmp_path, profile_text(BASE, "base"), role_text("app", "reader", "base"))
    sts.fail = [(403, "AccessDenied")] * 9
    proxy = start_proxy(aws, identity=None, env=sts.variables, conf="profile = app")
    for _ in range(5):
        answer = proxy.request("GET", "http://bucket.s3.us-east-1.amazonaws.com/generate/1")
        assert (answer.status, answer.error) == (503, "no-credentials")
        assert b"AccessDenied: as told to" in answer.body
    assert len(sts.calls) == 1
    assert not aws.requests


def test_sts_that_hangs_delays_nobody_who_has_credentials(aws, sts, start_proxy, tmp_path):
    write_home(tmp_path, profile_text(BASE, "base"), role_text("app", "reader", "base"))
    sts.delay = 30
    conf = f'[route "s3.us-east-1.amazonaws.com"]\nprofile = app\nupstream = {aws.url}\n'
    proxy = start_proxy(aws, conf, env=sts.variables)
    waiting = threading.Thread(
        target=lambda: proxy.request("GET", "http://s3.us-east-1.amazonaws.com/bucket/generate/1"))
    waiting.start()
    harness.wait_until(lambda: sts.calls, 5, "the question to STS")
    for _ in range(20):
        assert who(proxy) == harness.CANARY.access_key
    assert waiting.is_alive()
    waiting.join()


def test_ca_bundle_of_the_profile(aws, sts, start_proxy, tmp_path, authority):
    role = role_text("app", "reader", "base")
    write_home(tmp_path, profile_text(BASE, "base"), role + f"ca_bundle = {authority.bundle}\n")
    proxy = start_proxy(aws, identity=None, env=sts.variables, conf="profile = app", ca_bundle=None)
    assert who(proxy).startswith("ASIALENT")
    write_home(tmp_path, config=role)
    refused = start_proxy(aws, identity=None, env=sts.variables, conf="profile = app", ca_bundle=None)
    answer = refused.request("GET", "http://bucket.s3.us-east-1.amazonaws.com/generate/1")
    assert answer.status == 503 and b"certificate" in answer.body


def test_credential_traffic_is_verified_and_direct_whatever_the_settings(aws, sts, start_proxy,
                                                                         tmp_path):
    write_home(tmp_path, profile_text(BASE, "base"), role_text("app", "reader", "base"))
    nowhere = f"http://127.0.0.1:{harness.free_port()}"
    env = sts.variables | dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
                                         "ALL_PROXY"), nowhere)
    proxy = start_proxy(aws, identity=None, env=env, conf="profile = app")
    assert who(proxy).startswith("ASIALENT")
    unverified = start_proxy(aws, identity=None, env=env, conf="profile = app\nverify_ssl = no",
                             ca_bundle="/etc/ssl/certs/ca-certificates.crt")
    answer = unverified.request("GET", "http://bucket.s3.us-east-1.amazonaws.com/generate/1")
    assert (answer.status, answer.error) == (503, "no-credentials")
    assert b"certificate" in answer.body
