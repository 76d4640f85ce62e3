# SPDX-License-Identifier: Apache-2.0
"""The chain against servers that others wrote: moto's STS and Amazon's own mock of the instance
metadata service, each where it is installed."""
import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys
import urllib.request

import harness
import pytest
from fake_aws import FakeAws, Identity
from test_credentials import profile_text, who, write_home

STS = "http://sts.us-east-1.amazonaws.com/"
ROLE = "arn:aws:iam::123456789012:role/"
BASE = Identity("AKIABASEBASEBASEBAS1", "base-secret-base-secret")
MOCK = shutil.which("ec2-metadata-mock") or shutil.which(
    "ec2-metadata-mock", path=str(harness.ROOT / "build" / "bin"))
needs_moto = pytest.mark.skipif(not importlib.util.find_spec("moto"), reason="moto is not installed")
needs_mock = pytest.mark.skipif(not MOCK, reason="ec2-metadata-mock is not installed")


def serving(command, folder, url):
    """A server in the background, once it answers at url."""
    log = open(folder / "server.log", "wb")
    server = subprocess.Popen(command, env=harness.base_environment(folder), cwd=folder, stdout=log,
                              stderr=log)

    def is_up():
        assert server.poll() is None, (folder / "server.log").read_text()
        try:
            return urllib.request.urlopen(url, timeout=5).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return False

    try:
        harness.wait_until(is_up, 60, command[0])
        yield url
    finally:
        server.terminate()
        server.wait()
        log.close()


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    port = harness.free_port()
    program = str(pathlib.Path(sys.executable).with_name("moto_server"))
    yield from serving([program, "-H", "127.0.0.1", "-p", str(port)],
                       tmp_path_factory.mktemp("moto"), f"http://127.0.0.1:{port}/")


def caller(proxy):
    answer = proxy.request("POST", STS, body=b"Action=GetCallerIdentity&Version=2011-06-15",
                           fields=[("Content-Type", "application/x-www-form-urlencoded")])
    assert answer.status == 200, answer
    return answer.body.decode().split("<Arn>")[1].split("</Arn>")[0]


def start(start_proxy, moto, env=None, conf=""):
    conf += f'\n[route "sts.us-east-1.amazonaws.com"]\nupstream = {moto.rstrip("/")}\n'
    env = {"AWS_ENDPOINT_URL_STS": moto.rstrip("/"), "AWS_REGION": "us-east-1"} | (env or {})
    return start_proxy(None, conf, identity=None, env=env)


@needs_moto
def test_moto_lends_a_role(moto, start_proxy, tmp_path):
    write_home(tmp_path, profile_text(BASE, "base"),
               f"[profile app]\nrole_arn = {ROLE}reader\nsource_profile = base\n"
               "role_session_name = here\nexternal_id = x-1\nduration_seconds = 900\n")
    proxy = start(start_proxy, moto, conf="profile = app")
    assert caller(proxy) == "arn:aws:sts::123456789012:assumed-role/reader/here"
    entry, = [c for c in json.loads(proxy.admin("/status").body)["credentials"]
              if c["key"] == "profile=app"]
    assert entry["expires_at"]


@needs_moto
def test_moto_lends_a_role_for_a_token(moto, start_proxy, tmp_path):
    (tmp_path / "token").write_text("head.body.tail\n")
    proxy = start(start_proxy, moto, {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"), "AWS_ROLE_ARN": ROLE + "pod",
        "AWS_ROLE_SESSION_NAME": "there"})
    assert caller(proxy) == "arn:aws:sts::123456789012:assumed-role/pod/there"


@needs_moto
def test_moto_gives_an_mfa_session_and_a_role_for_it(moto, start_proxy, tmp_path):
    serial = "arn:aws:iam::123456789012:mfa/me"
    write_home(tmp_path, profile_text(BASE, "base"),
               f"[profile app]\nrole_arn = {ROLE}reader\nsource_profile = base\nmfa_serial = {serial}\n"
               "role_session_name = here\n")
    env = {"AWS_ENDPOINT_URL_STS": moto.rstrip("/"), "AWS_REGION": "us-east-1"}
    login = harness.run_binary("mfa-login", "--profile", "app", "--token-code", "123456", "--duration", "15m",
                               folder=tmp_path, env=env)
    assert login.returncode == 0, login.stderr
    session, = (json.loads(path.read_text()) for path in (tmp_path / ".cache/sigv4-proxy/mfa").iterdir())
    assert session["SerialNumber"] == serial and session["SessionToken"]
    assert caller(start(start_proxy, moto, conf="profile = app")).endswith(":assumed-role/reader/here")


@needs_moto
def test_moto_says_who_it_is(moto, tmp_path):
    env = {"AWS_ENDPOINT_URL_STS": moto.rstrip("/"), "AWS_REGION": "us-east-1"}
    result = harness.run_binary("whoami", "--format", "json", folder=tmp_path,
                                env=env | harness.identity_environment(BASE))
    identity = json.loads(result.stdout)["identity"]
    assert result.returncode == 0 and identity["account"] == "123456789012" and identity["arn"].startswith("arn:aws:")


@needs_mock
@pytest.mark.parametrize("options", [["--imdsv2"], []], ids=["v2 only", "v1 and v2"])
def test_mock_of_amazon_lends_an_instance_role(start_proxy, tmp_path, certificate, options):
    """Its keys expired years ago, and serve all the same."""
    port = harness.free_port()
    url = f"http://127.0.0.1:{port}"
    for _ in serving([MOCK, "-n", "127.0.0.1", "-p", str(port), *options], tmp_path, url + "/"):
        put = urllib.request.Request(url + "/latest/api/token", method="PUT", headers={
            "X-aws-ec2-metadata-token-ttl-seconds": "60"})
        token = urllib.request.urlopen(put).read().decode()
        roles = url + "/latest/meta-data/iam/security-credentials/"
        headers = {"X-aws-ec2-metadata-token": token}
        name = urllib.request.urlopen(urllib.request.Request(roles, headers=headers)).read()
        keys = json.load(urllib.request.urlopen(
            urllib.request.Request(roles + name.decode(), headers=headers)))
        lent = Identity(keys["AccessKeyId"], keys["SecretAccessKey"], keys["Token"])
        with FakeAws([lent], certificate) as aws:
            proxy = start_proxy(aws, identity=None, env={
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": url, "AWS_EC2_METADATA_DISABLED": "false"})
            assert who(proxy) == lent.access_key
            assert aws.requests[-1].fields.get("X-Amz-Security-Token") == lent.token
