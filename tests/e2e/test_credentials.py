# SPDX-License-Identifier: Apache-2.0
"""Where keys come from, what happens without them, and that a change of them is noticed."""
import json
import time

import harness
import pytest
from fake_aws import FakeAws, Identity

HOST = "bucket.s3.us-east-1.amazonaws.com"
BASE = f"http://{HOST}/"
STS = "http://sts.us-east-1.amazonaws.com/"
OLD = Identity("AKIAOLDOLDOLDOLDOLD1", "old-secret-old-secret")
NEW = Identity("AKIANEWNEWNEWNEWNEW2", "new-secret-new-secret")


@pytest.fixture(scope="module")
def shared_aws(certificate):
    with FakeAws([harness.CANARY, OLD, NEW], certificate) as server:
        yield server


def profile_text(identity, name="default"):
    text = (f"[{name}]\naws_access_key_id = {identity.access_key}\n"
            f"aws_secret_access_key = {identity.secret_key}\n")
    return text + (f"aws_session_token = {identity.token}\n" if identity.token else "")


def write_home(folder, credentials=None, config=None):
    home = folder / ".aws"
    home.mkdir(exist_ok=True)
    for name, text in (("credentials", credentials), ("config", config)):
        if text is not None:
            (home / name).write_text(text)
            (home / name).chmod(0o600)


def who(proxy):
    """The access key that the stand-in saw."""
    answer = proxy.request("POST", STS, body=b"Action=GetCallerIdentity&Version=2011-06-15")
    assert answer.status == 200, answer
    return answer.body.decode().split("<UserId>")[1].split("</UserId>")[0]


def test_environment(aws, start_proxy):
    assert who(start_proxy(aws)) == harness.CANARY.access_key


def test_environment_without_token(aws, start_proxy):
    assert who(start_proxy(aws, identity=OLD)) == OLD.access_key
    assert "X-Amz-Security-Token" not in aws.requests[-1].fields


def test_shared_credentials_file(aws, start_proxy, tmp_path):
    write_home(tmp_path, profile_text(harness.CANARY))
    assert who(start_proxy(aws, identity=None)) == harness.CANARY.access_key


def test_shared_config_file(aws, start_proxy, tmp_path):
    write_home(tmp_path, config=profile_text(OLD))
    assert who(start_proxy(aws, identity=None)) == OLD.access_key


def test_environment_comes_before_files(aws, start_proxy, tmp_path):
    write_home(tmp_path, profile_text(OLD))
    assert who(start_proxy(aws)) == harness.CANARY.access_key


def test_credentials_file_comes_before_config(aws, start_proxy, tmp_path):
    write_home(tmp_path, profile_text(NEW), profile_text(OLD))
    assert who(start_proxy(aws, identity=None)) == NEW.access_key


@pytest.mark.parametrize("how", ["variable", "flag", "key"])
def test_named_profile(aws, start_proxy, tmp_path, how):
    write_home(tmp_path, profile_text(OLD) + profile_text(NEW, "legacy"))
    options = {"variable": {"env": {"AWS_PROFILE": "legacy"}},
               "flag": {"arguments": ["--profile", "legacy"]},
               "key": {"conf": "profile = legacy"}}[how]
    assert who(start_proxy(aws, identity=None, **options)) == NEW.access_key


def test_files_elsewhere(aws, start_proxy, tmp_path):
    (tmp_path / "keys").write_text(profile_text(OLD))
    (tmp_path / "conf").write_text("[profile other]\nregion = eu-west-1\n")
    proxy = start_proxy(aws, identity=None, env={
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "keys"),
        "AWS_CONFIG_FILE": str(tmp_path / "conf")})
    assert who(proxy) == OLD.access_key


def test_wrong_secret_passes_the_refusal_of_aws_through(aws, start_proxy):
    wrong = Identity(OLD.access_key, "not-the-secret-at-all")
    proxy = start_proxy(aws, identity=wrong)
    answer = proxy.request("PUT", BASE + "key", body=b"x")
    assert (answer.status, answer.error) == (403, None)
    assert b"<Code>SignatureDoesNotMatch</Code>" in answer.body
    assert answer.fields.get("x-amz-request-id")


def test_no_credentials_is_503_before_the_body_is_read(aws, start_proxy):
    proxy = start_proxy(aws, identity=None)
    with proxy.client() as client:
        client.start("PUT", BASE + "key", [("Content-Length", str(1 << 30))], host=HOST)
        answer = client.read()
    assert (answer.status, answer.error) == (503, "no-credentials")
    said = json.loads(answer.body)["message"]
    assert "AWS_ACCESS_KEY_ID" in said or "environment" in said
    assert "credentials" in said
    assert not aws.requests


def test_no_credentials_with_expect_gets_no_100(aws, start_proxy):
    proxy = start_proxy(aws, identity=None)
    with proxy.client() as client:
        client.start("PUT", BASE + "key", [("Content-Length", "4"), ("Expect", "100-continue")],
                     host=HOST)
        answer = client.read()
    assert (answer.status, answer.interim) == (503, [])


def test_keys_that_come_later_are_found(aws, start_proxy, tmp_path):
    proxy = start_proxy(aws, identity=None)
    assert proxy.request("GET", BASE + "generate/1").status == 503
    write_home(tmp_path, profile_text(OLD))
    harness.wait_until(lambda: proxy.request("GET", BASE + "generate/1").status == 200, 15,
                       "the new file's keys")


def test_rotated_file_is_noticed_without_a_failed_request(aws, start_proxy, tmp_path):
    write_home(tmp_path, profile_text(OLD))
    proxy = start_proxy(aws, identity=None)
    assert who(proxy) == OLD.access_key
    fresh = tmp_path / ".aws" / "fresh"
    fresh.write_text(profile_text(NEW))
    fresh.replace(tmp_path / ".aws" / "credentials")

    def is_new():
        return who(proxy) == NEW.access_key

    harness.wait_until(is_new, 15, "the rotated keys")


def test_file_that_breaks_leaves_the_old_keys(aws, start_proxy, tmp_path):
    write_home(tmp_path, profile_text(OLD))
    proxy = start_proxy(aws, identity=None)
    assert who(proxy) == OLD.access_key
    (tmp_path / ".aws" / "credentials").write_text("[default\n\x00garbage")
    time.sleep(2.5)
    answer = proxy.request("POST", STS, body=b"Action=GetCallerIdentity&Version=2011-06-15")
    assert answer.status in (200, 503), answer


def test_token_with_a_line_end_is_never_sent(aws, start_proxy):
    evil = Identity(OLD.access_key, OLD.secret_key, "token\r\nX-Injected: yes")
    proxy = start_proxy(aws, identity=evil)
    answer = proxy.request("GET", BASE + "generate/1")
    assert answer.status == 503, answer
    assert not aws.requests


def test_region_of_the_profile_serves_where_the_host_names_none(aws, start_proxy):
    proxy = start_proxy(None, f'region = eu-west-1\nname = es\n[route "search.example.com"]\n'
                              f"upstream = {aws.url}\n")
    answer = proxy.request("GET", "http://search.example.com/_search")
    assert answer.status == 200, answer
    verdict = aws.requests[-1].verdict
    assert (verdict.service, verdict.region) == ("es", "eu-west-1")
