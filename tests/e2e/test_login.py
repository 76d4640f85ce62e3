# SPDX-License-Identifier: Apache-2.0
"""Sessions of `aws login`: used, refreshed with a proof that is checked here, written back for others;
botocore reads the same file and is asked for its opinion."""
import concurrent.futures
import datetime
import hashlib
import json
import os

import botocore.session
import harness
import pytest
from fake_aws import FakeAws
from mock_signin import MockSignin
from test_credentials import profile_text, who, write_home

SESSION = "arn:aws:sts::222233334444:assumed-role/Admin/me"
CONFIG = f"[default]\nlogin_session = {SESSION}\nregion = us-east-1\n"
NAME = hashlib.sha256(SESSION.encode()).hexdigest() + ".json"


@pytest.fixture(scope="module")
def shared_aws(certificate):
    with FakeAws([harness.CANARY], certificate) as server:
        yield server


@pytest.fixture
def signin(aws):
    with MockSignin(aws) as server:
        yield server


def put_session(tmp_path, signin, seconds, refresh_token="refresh-token-0"):
    """A session as `aws login` leaves it, with that much time left."""
    folder = tmp_path / ".aws/login/cache"
    folder.mkdir(parents=True, exist_ok=True)
    lent = signin.lend(900)
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    path = folder / NAME
    path.write_text(json.dumps({
        "accessToken": {"accessKeyId": lent.access_key, "secretAccessKey": lent.secret_key,
                        "sessionToken": lent.token, "accountId": "222233334444",
                        "expiresAt": f"{until:%Y-%m-%dT%H:%M:%SZ}"},
        "tokenType": "aws_sigv4", "refreshToken": refresh_token, "idToken": "id-token",
        "clientId": "arn:aws:signin:::devtools/same-device", "dpopKey": signin.pem}))
    path.chmod(0o600)
    write_home(tmp_path, config=CONFIG)
    return path


def exported(tmp_path, signin, *arguments):
    result = harness.run_binary("export-credentials", *arguments, folder=tmp_path,
                                env={"AWS_ENDPOINT_URL_SIGNIN": signin.url})
    return json.loads(result.stdout) if result.returncode == 0 else result.stderr


def test_expired_session_is_refreshed_and_signs(aws, signin, start_proxy, tmp_path):
    path = put_session(tmp_path, signin, -3600)
    old = json.loads(path.read_text())
    proxy = start_proxy(aws, identity=None, env={"AWS_ENDPOINT_URL_SIGNIN": signin.url})
    proxy.secrets += ["login-secret", "login-token", "refresh-token", signin.pem.splitlines()[1]]
    assert who(proxy) == "ASIALOGN000000000001"
    assert aws.requests[-1].fields.get("X-Amz-Security-Token") == "login-token-1"
    call, = signin.calls
    assert "wrong" not in call and call["clientId"] == old["clientId"]
    new = json.loads(path.read_text())
    assert new["refreshToken"] == "refresh-token-1"
    assert new["accessToken"].pop("expiresAt") > old["accessToken"].pop("expiresAt")
    assert new["accessToken"] == {"accessKeyId": "ASIALOGN000000000001", "secretAccessKey": "login-secret-1",
                                  "sessionToken": "login-token-1", "accountId": "222233334444"}
    for name in ("tokenType", "idToken", "clientId", "dpopKey"):
        assert new[name] == old[name]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == [NAME]


def test_session_that_others_refresh_is_noticed(aws, signin, start_proxy, tmp_path):
    put_session(tmp_path, signin, 800)
    proxy = start_proxy(aws, identity=None, env={"AWS_ENDPOINT_URL_SIGNIN": signin.url})
    assert who(proxy) == "ASIALOGN000000000900"
    path = tmp_path / ".aws/login/cache" / NAME
    document = json.loads(path.read_text())
    other = signin.lend(77)
    document["accessToken"] |= {"accessKeyId": other.access_key, "secretAccessKey": other.secret_key,
                                "sessionToken": other.token}
    path.with_suffix(".new").write_text(json.dumps(document))
    path.with_suffix(".new").replace(path)
    harness.wait_until(lambda: who(proxy) == other.access_key, 10, "the other tool's session")
    assert not signin.calls


def test_many_processes_spend_one_refresh_token(signin, tmp_path):
    put_session(tmp_path, signin, -3600)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: exported(tmp_path, signin), range(6)))
    assert [a["AccessKeyId"] for a in answers] == ["ASIALOGN000000000001"] * 6
    assert len(signin.calls) == 1


def test_end_of_the_session_names_the_command(signin, tmp_path):
    put_session(tmp_path, signin, -3600, "spent")
    said = exported(tmp_path, signin, "--profile", "default")
    assert "TOKEN_EXPIRED: spent; run: aws login --profile default" in said
    assert "wrong" not in signin.calls[0]


def by_botocore(tmp_path, signin, monkeypatch):
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in (harness.base_environment(tmp_path) | {"AWS_ENDPOINT_URL_SIGNIN": signin.url}).items():
        monkeypatch.setenv(name, value)
    frozen = botocore.session.Session().get_credentials().get_frozen_credentials()
    return frozen.access_key, frozen.token


@pytest.mark.parametrize("case", ["L02", "L03", "L04"])
def test_botocore_takes_the_same(signin, tmp_path, monkeypatch, case):
    pytest.importorskip("awscrt")
    seconds = {"L02": 890, "L03": -60, "L04": 890}[case]
    want = {"L02": "ASIALOGN000000000900", "L03": "ASIALOGN000000000001", "L04": harness.CANARY.access_key}[case]
    path = put_session(tmp_path, signin, seconds)
    before = path.read_bytes()
    if case == "L04":
        write_home(tmp_path, profile_text(harness.CANARY))
    theirs = by_botocore(tmp_path, signin, monkeypatch)
    n_calls = len(signin.calls)
    signin.refresh_token = "refresh-token-0"
    signin.numbers = iter([1])
    path.write_bytes(before)
    ours = exported(tmp_path, signin)
    assert theirs == (ours["AccessKeyId"], ours["SessionToken"]) and theirs[0] == want
    assert len(signin.calls) == 2 * n_calls and not any("wrong" in call for call in signin.calls)


def test_botocore_reads_what_was_written_back(signin, tmp_path, monkeypatch):
    pytest.importorskip("awscrt")
    put_session(tmp_path, signin, -60)
    ours = exported(tmp_path, signin)
    assert by_botocore(tmp_path, signin, monkeypatch)[0] == ours["AccessKeyId"]
    assert len(signin.calls) == 1
