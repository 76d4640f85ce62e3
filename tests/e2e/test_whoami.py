# SPDX-License-Identifier: Apache-2.0
"""whoami: each provider's word, the key masked, region, expiry, instance, and what STS says."""
import json
import re
import shutil

import harness
import pytest
from fake_aws import Identity
from mock_metadata import MockMetadata
from mock_sts import MockSts
from test_credentials import profile_text, write_home

BASE = Identity("AKIABASEBASEBASEBAS1", "base-secret-base-secret")
KEYS = harness.identity_environment(BASE)
ORDER = ["environment", "web identity", "shared files", "container", "EC2 instance metadata"]
needs_no_ec2 = pytest.mark.skipif(shutil.os.path.exists("/sys/class/dmi/id/sys_vendor") and open(
    "/sys/class/dmi/id/sys_vendor").read().startswith("Amazon EC2"), reason="this is EC2")


@pytest.fixture
def sts(aws):
    with MockSts(aws, [BASE]) as server:
        yield server


def run(tmp_path, *arguments, env=None):
    result = harness.run_binary("whoami", *arguments, folder=tmp_path, env=env or {})
    for secret in (BASE.secret_key, BASE.access_key, "lent-secret", "lent-token", "here-secret", "here-token"):
        assert secret not in result.stdout + result.stderr
    return result


def told(tmp_path, *arguments, env=None):
    result = run(tmp_path, "--format", "json", *arguments, env=env)
    answer = json.loads(result.stdout)
    assert [p["name"] for p in answer["providers"]] == ORDER
    return result.returncode, answer


def outcomes(answer):
    return [p["outcome"] for p in answer["providers"]]


def test_keys_that_work(sts, tmp_path):
    code, answer = told(tmp_path, env=KEYS | sts.variables)
    assert code == 0 and answer["error"] is None
    assert outcomes(answer) == ["used"] + ["not asked"] * 4
    assert answer["credentials"] == {
        "access_key": "AKIA...BAS1", "is_temporary": False, "provider": "environment",
        "source": "environment variables (AWS_ACCESS_KEY_ID)", "account": None, "expires_at": None}
    assert answer["region"] == {"name": "us-east-1", "source": "AWS_REGION"}
    assert answer["identity"] == {
        "account": "222233334444", "arn": "arn:aws:iam::222233334444:user/u", "user_id": "U",
        "endpoint": sts.url, "error": None}
    assert [(c["Action"], c["signer"]) for c in sts.calls] == [("GetCallerIdentity", BASE.access_key)]


def test_text_for_people(sts, tmp_path):
    result = run(tmp_path, env=KEYS | sts.variables)
    assert (result.returncode, result.stderr) == (0, "")
    for line in ("environment            used      environment variables (AWS_ACCESS_KEY_ID)",
                 "shared files           not asked",
                 "access key   AKIA...BAS1 (without a session token)",
                 "expires      never", "region       us-east-1 (AWS_REGION)",
                 "account      222233334444", "arn          arn:aws:iam::222233334444:user/u",
                 f"checked      by {sts.url}"):
        assert line in result.stdout.splitlines(), result.stdout


def test_offline_asks_nobody(sts, tmp_path):
    code, answer = told(tmp_path, "--offline", env=KEYS | sts.variables)
    assert code == 0 and answer["identity"] is None and not sts.calls
    assert "checked      no (--offline)" in run(tmp_path, "--offline", env=KEYS).stdout


def test_keys_that_sts_refuses_are_exit_code_2(sts, tmp_path):
    sts.fail = [(403, "InvalidClientTokenId")] * 9
    code, answer = told(tmp_path, env=KEYS | sts.variables)
    assert code == 2 and answer["credentials"]["access_key"] == "AKIA...BAS1"
    assert "InvalidClientTokenId: as told to" in answer["identity"]["error"]
    sts.fail = [(403, "InvalidClientTokenId")] * 9
    result = run(tmp_path, env=KEYS | sts.variables)
    assert result.returncode == 2 and "FAILED: " in result.stdout
    assert len(result.stderr.splitlines()) == 1 and "InvalidClientTokenId" in result.stderr


def test_sts_that_nobody_answers_for_is_exit_code_2(tmp_path):
    env = KEYS | {"AWS_ENDPOINT_URL_STS": f"http://127.0.0.1:{harness.free_port()}"}
    code, answer = told(tmp_path, env=env)
    assert code == 2 and "127.0.0.1" in answer["identity"]["error"]


@needs_no_ec2
def test_nothing_is_exit_code_1_and_each_provider_says_why(tmp_path):
    code, answer = told(tmp_path)
    assert code == 1 and answer["credentials"] is None and answer["identity"] is None
    assert outcomes(answer) == ["skipped"] * 5
    reasons = [p["reason"] for p in answer["providers"]]
    for reason, word in zip(reasons, ("AWS_ACCESS_KEY_ID is not set", "AWS_WEB_IDENTITY_TOKEN_FILE is not set",
                                      "no such file", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not set",
                                      "AWS_EC2_METADATA_DISABLED is true")):
        assert word in reason
    assert answer["region"] == {"name": "us-east-1", "source": "nothing names one"}
    assert answer["instance"] is None


def test_provider_that_fails_ends_the_walk(tmp_path):
    write_home(tmp_path, "[default]\naws_access_key_id = AKIAHALF\n")
    code, answer = told(tmp_path)
    assert code == 1
    assert outcomes(answer) == ["skipped", "skipped", "failed", "not asked", "not asked"]
    assert "aws_secret_access_key is missing" in answer["providers"][2]["reason"]


def test_named_profile_leaves_the_environment_out_and_its_role_tells_the_expiry(sts, tmp_path):
    write_home(tmp_path, profile_text(BASE, "base"),
               "[profile app]\nrole_arn = arn:aws:iam::222233334444:role/r\nsource_profile = base\n"
               "region = us-east-1\n")
    env = KEYS | {"AWS_ENDPOINT_URL_STS": sts.url}
    code, answer = told(tmp_path, "--profile", "app", env=env)
    assert code == 0
    assert outcomes(answer) == ["skipped", "skipped", "used", "not asked", "not asked"]
    assert answer["providers"][0]["reason"] == "left out, since a profile is named"
    assert answer["credentials"]["source"] == "role arn:aws:iam::222233334444:role/r, assumed with source_profile base"
    assert answer["credentials"]["is_temporary"] and answer["credentials"]["account"] == "222233334444"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer["credentials"]["expires_at"])
    assert answer["region"]["source"] == f"profile app in {tmp_path}/.aws/config"
    assert re.search(r"^expires +20\S+Z, in (59|60) min$",
                     run(tmp_path, "--profile", "app", env=env).stdout, re.M)


def test_missing_profile_stands_where_the_chain_has_it(tmp_path):
    code, answer = told(tmp_path, env={"AWS_PROFILE": "nope"})
    assert code == 1 and outcomes(answer)[2] == "failed"
    assert "profile nope: neither in" in answer["providers"][2]["reason"]


@pytest.mark.parametrize("option", [True, False])
def test_instance_its_role_and_its_region(sts, aws, tmp_path, option):
    with MockMetadata(aws) as metadata:
        env = metadata.instance | {"AWS_ENDPOINT_URL_STS": sts.url}
        code, answer = told(tmp_path, "--offline", *(["--imds-region"] if option else []), env=env)
        assert code == 0 and outcomes(answer) == ["skipped"] * 4 + ["used"]
        assert answer["instance"] == {"id": "i-0123456789abcdef0", "zone": "us-west-2-lax-1a",
                                      "region": "us-west-2", "role": "app-role"}
        assert answer["region"] == ({"name": "us-west-2", "source": "instance metadata"} if option else
                                    {"name": "us-east-1", "source": "nothing names one"})
        text = run(tmp_path, "--offline", env=env).stdout
        assert "instance     i-0123456789abcdef0 in us-west-2-lax-1a\nrole         app-role\n" in text


def test_region_of_the_instance_comes_last_and_not_in_containers(aws, tmp_path):
    with MockMetadata(aws) as metadata:
        for env, region in (({"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
                            (metadata.container, "us-east-1")):
            code, answer = told(tmp_path, "--offline", "--imds-region", env=metadata.instance | env)
            assert code == 0 and answer["region"]["name"] == region
        metadata.facts.clear()
        code, answer = told(tmp_path, "--offline", "--imds-region", env=metadata.instance)
        assert answer["region"] == {"name": "us-east-1", "source": "nothing names one"}


def test_proxy_signs_for_the_region_of_the_instance(aws, start_proxy):
    with MockMetadata(aws) as metadata:
        aws_route = f'imds_region = yes\n[route "search.example.com"]\nservice = es\nupstream = {aws.url}\n'
        proxy = start_proxy(None, aws_route, identity=None, env=metadata.instance)
        proxy.request("GET", "http://search.example.com/_search")
        assert "us-west-2/es/aws4_request" in aws.requests[-1].fields.get("Authorization")
        status = json.loads(proxy.admin("/status").body)
        assert "us-west-2" in json.dumps(status) and "instance metadata" in json.dumps(status)


def test_setting_region_and_wrong_format(tmp_path):
    code, answer = told(tmp_path, "--offline", "--region", "eu-north-1", env=KEYS)
    assert answer["region"] == {"name": "eu-north-1", "source": "the setting region"}
    result = run(tmp_path, "--format", "yaml")
    assert result.returncode == 1 and "neither text nor json" in result.stderr
