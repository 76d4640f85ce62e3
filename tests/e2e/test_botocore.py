# SPDX-License-Identifier: Apache-2.0
"""The same environment, files and endpoints, seen by botocore and by the proxy: where the behaviour
table says that both do the same, both end with the same keys. Ids are those of the table."""
import itertools
import os

import botocore.credentials
import botocore.session
import botocore.tokens
import harness
import pytest
from fake_aws import FakeAws, Identity
from mock_metadata import MockMetadata
from mock_sso import RENEWABLE, START_URL, MockSso, legacy_text, put_token, session_text
from mock_sts import MockSts
from test_credentials import write_home

NAMES = ["AKENV", "AKFILE", "AKCONF", "AKONE", "AKTWO", "AKP"]
STS = "http://sts.us-east-1.amazonaws.com/"
ENV = {"AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": "S-AKENV"}
ROLE = "role_arn = arn:aws:iam::222233334444:role/"


def pair(name):
    return f"aws_access_key_id = {name}\naws_secret_access_key = S-{name}\n"


FILE = "[default]\n" + pair("AKFILE")
CONF = "[default]\n" + pair("AKCONF")



def process(text, more=""):
    """HOME/say prints its first argument."""
    return f"credential_process = HOME/say '{text}'{more}\n"


def output(name, more=""):
    return f'{{"Version":1,"AccessKeyId":"{name}","SecretAccessKey":"S-{name}"{more}}}'


SSO = session_text("default").replace("[profile default]", "[default]")
OLD_SSO = legacy_text("default").replace("[profile default]", "[default]")

# id: environment, credentials file, config file, --profile, and of SSO whose token is there, for how long,
# with what more. ENDPOINT, STS_URL and HOME are replaced.
CASES = {
    "E01": (ENV, FILE, "", None),
    "E03": ({"AWS_SECRET_ACCESS_KEY": "x"}, FILE, "", None),
    "E04": ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "x"}, FILE, "", None),
    "E06": (ENV | {"AWS_PROFILE": "p"}, "[p]\n" + pair("AKP"), "", None),
    "E07": (ENV, "[p]\n" + pair("AKP"), "", "p"),
    "E14": ({}, "", "", None),
    "token": (ENV | {"AWS_SESSION_TOKEN": "T"}, "", "", None),
    "F01": ({}, FILE, CONF, None),
    "config alone": ({}, "", CONF, None),
    "F05": ({}, "", "[default]\n" + pair("AKONE") + "[profile default]\n" + pair("AKTWO"), None),
    "F12": ({}, "[default]\nAWS_ACCESS_KEY_ID = AKFILE\nAws_Secret_Access_Key = S-AKFILE\n", "", None),
    "F16": ({}, FILE.replace("\n", "\r\n"), "", None),
    "F24": ({}, "", "[profile\tp]\n" + pair("AKP"), "p"),
    "F25": ({}, FILE, "[default]\ns3 =\n  max_queue_size = 3\nregion = eu-west-3\n", None),
    "F28": ({}, "[default]\n  aws_access_key_id = AKFILE\n  aws_secret_access_key = S-AKFILE\n", "", None),
    "F41": ({}, FILE, "[default]\naws_session_token = TCONF\n", None),
    "F43": ({"AWS_SESSION_TOKEN": "T"}, FILE, "", None),
    "C01": ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "ENDPOINT/creds"}, "", "", None),
    "C03": ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "ENDPOINT/creds",
             "AWS_CONTAINER_AUTHORIZATION_TOKEN": "x",
             "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "HOME/token"}, "", "", None),
    "C17": ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "ENDPOINT/creds"}, FILE, "", None),
    "C18": ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "ENDPOINT/creds", "AWS_PROFILE": "p"}, "",
            "[profile p]\nregion = eu-west-1\n", None),
    "M01": ({"AWS_EC2_METADATA_DISABLED": "false",
             "AWS_EC2_METADATA_SERVICE_ENDPOINT": "ENDPOINT"}, "", "", None),
    "M16": ({"AWS_EC2_METADATA_DISABLED": "TRUE",
             "AWS_EC2_METADATA_SERVICE_ENDPOINT": "ENDPOINT"}, "", "", None),
    "M19": ({"AWS_EC2_METADATA_DISABLED": "false",
             "AWS_EC2_METADATA_SERVICE_ENDPOINT": "ENDPOINT/"}, "", "", None),
    "A01": ({"AWS_PROFILE": "a"}, "[b]\n" + pair("AKONE"),
            f"[profile a]\n{ROLE}R1\nsource_profile = b\n", None),
    "A02": ({"AWS_PROFILE": "a"}, "[b]\n" + pair("AKONE"),
            f"[profile a]\n{ROLE}R2\nsource_profile = m\n[profile m]\n{ROLE}R1\nsource_profile = b\n",
            None),
    "A04": ({"AWS_PROFILE": "a"}, "[a]\n" + pair("AKONE"),
            f"[profile a]\n{ROLE}R1\nsource_profile = a\n", None),
    "A09": (ENV | {"AWS_PROFILE": "a"}, "[b]\n" + pair("AKONE"),
            f"[profile a]\n{ROLE}R1\nsource_profile = b\n", None),
    "A10": (ENV, "", f"[profile a]\n{ROLE}R1\ncredential_source = Environment\n", "a"),
    "A12": ({"AWS_PROFILE": "a"}, "[a]\n" + pair("AKTWO") + "[b]\n" + pair("AKONE"),
            f"[profile a]\n{ROLE}R1\nsource_profile = b\n", None),
    "W01": ({"AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/token",
             "AWS_ROLE_ARN": "arn:aws:iam::222233334444:role/W"}, "", "", None),
    "P01": ({}, "", "[default]\n" + process(output("AKP", ',"Expiration":"2999-01-01T00:00:00Z"')), None),
    "P02": ({}, "", "[default]\n" + process(output("AKP")), None),
    "P07": ({}, "", "[default]\n" + process(output("AKP"), ' $HOME ~ a;b "c d"'), None),
    "P11": (ENV, "", "[profile p]\n" + process(output("AKP")), "p"),
    "A17": ({"AWS_PROFILE": "a"}, "", f"[profile a]\n{ROLE}R1\nsource_profile = b\n[profile b]\n"
            + process(output("AKP")), None),
    "S01": ({}, "", SSO, None, ("work", 3600, {})),
    "S01 renewable": ({}, "", SSO, None, ("work", 3600, RENEWABLE)),
    "S02": ({}, "", SSO, None, ("work", -60, RENEWABLE)),
    "S02 near the end": ({}, "", SSO, None, ("work", 600, RENEWABLE)),
    "near the end, refused": ({}, "", SSO, None, ("work", 600, RENEWABLE | {"refreshToken": "spent"})),
    "S05": ({}, "", OLD_SSO, None, (START_URL, 3600, RENEWABLE)),
    "session for others": ({}, "", "[default]\nsso_session = work\n" + process(output("AKP")), None),
    "W02": ({"AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/token",
             "AWS_ROLE_ARN": "arn:aws:iam::222233334444:role/W"}, FILE, "", None),
}
# The proxy answers 503 and botocore says no, or raises.
FAILING = {
    "E02": ({"AWS_ACCESS_KEY_ID": "AKENV"}, FILE, "", None),
    "E11": ({"AWS_PROFILE": "nope"}, FILE, "", None),
    "E12": (ENV | {"AWS_PROFILE": "nope"}, FILE, "", None),
    "F03": ({"AWS_PROFILE": "p"}, "", "[p]\n" + pair("AKP"), None),
    "F04": ({"AWS_PROFILE": "p"}, "[profile p]\n" + pair("AKP"), "", None),
    "F07": ({}, "[default]\naws_access_key_id = AKFILE\n", "", None),
    "C06": ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.7/"}, "", "", None),
    "A03": ({"AWS_PROFILE": "a"}, "",
            f"[profile a]\n{ROLE}R1\nsource_profile = b\n[profile b]\n{ROLE}R2\nsource_profile = a\n", None),
    "A08": ({"AWS_PROFILE": "a"}, FILE,
            f"[profile a]\n{ROLE}R1\nsource_profile = default\ncredential_source = Environment\n", None),
    "P04": ({}, "", "[default]\n" + process(output("AKP").replace(":1", ':"1"')), None),
    "P05": ({}, "", "[default]\ncredential_process = HOME/say\n", None),
    "P06": ({}, "", "[default]\ncredential_process = HOME/no-such-tool\n", None),
    "P08": ({}, "", "[default]\n" + process(output("AKP", ',"Expiration":"2020-01-01T00:00:00Z"')), None),
    "P12": ({}, "", "[default]\n" + process(output("AKP").replace("Acc", "acc").replace("Sec", "sec")), None),
    "S03": ({}, "", SSO, None, ("work", -60, {})),
    "S03 older form": ({}, "", OLD_SSO, None, (START_URL, -60, RENEWABLE)),
    "S03 refused": ({}, "", SSO, None, ("work", -60, RENEWABLE | {"refreshToken": "spent"})),
    "S04": ({}, "", SSO, None),
    "S06": ({}, "", SSO.replace("[sso-session work]", "[sso-session other]"), None, ("work", 3600, {})),
    "S08": ({}, "", SSO.replace("[default]\n", "[default]\nsso_region = us-east-1\n"), None,
            ("work", 3600, {})),
    "S09": ({}, "", SSO, None, ("work", 3600, {"accessToken": "revoked"})),
    "W03": ({"AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/none",
             "AWS_ROLE_ARN": "arn:aws:iam::222233334444:role/W"}, FILE, "", None),
    "W04": ({"AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/token"}, FILE, "", None),
}


# Without an argument it complains; others must come as they are written.
SAY = """#!/bin/sh
[ $# = 0 ] && echo "what should I say?" >&2 && exit 1
[ $# = 1 ] || [ "$2|$3|$4|$5" = '$HOME|~|a;b|c d' ] || exit 2
echo "$1"
"""


@pytest.fixture(scope="module")
def aws_of_all(certificate):
    identities = [Identity(name, f"S-{name}") for name in NAMES]
    with FakeAws(identities, certificate) as server:
        yield server


@pytest.fixture
def world(aws_of_all):
    """The endpoints, fresh for each of the two who ask."""
    identities = [Identity(name, f"S-{name}") for name in NAMES]
    with (MockMetadata(aws_of_all) as metadata, MockSts(aws_of_all, identities) as sts,
          MockSso(aws_of_all) as sso):
        yield metadata, sts, sso


def lay_out(case, tmp_path, world):
    env, credentials, config, profile, *login = case
    metadata, sts, sso = world
    (tmp_path / "token").write_text("of-the-file")
    (tmp_path / "say").write_text(SAY)
    (tmp_path / "say").chmod(0o755)
    write_home(tmp_path, credentials or None, config.replace("HOME/", f"{tmp_path}/") or None)
    for of, seconds, more in login:
        put_token(tmp_path, of, seconds, **more)
    full = sts.variables | sso.variables | {
        name: value.replace("ENDPOINT", metadata.url).replace("HOME", str(tmp_path))
        for name, value in env.items()}
    return full, profile


def by_botocore(case, tmp_path, world, monkeypatch):
    env, profile = lay_out(case, tmp_path, world)
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in (harness.base_environment(tmp_path) | env).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for its in (botocore.credentials.SSOProvider, botocore.tokens.SSOTokenProvider):
        monkeypatch.setattr(its, "_SSO_TOKEN_CACHE_DIR", str(tmp_path / ".aws/sso/cache"))
    keys = botocore.session.Session(profile=profile).get_credentials()
    frozen = keys.get_frozen_credentials() if keys else None
    return (frozen.access_key, frozen.token) if frozen else None


def forget(world):
    for mock in world:
        mock.numbers = itertools.count(1)
        mock.calls.clear()
    world[2].reset()


def by_proxy(case, tmp_path, world, start_proxy, aws):
    env, profile = lay_out(case, tmp_path, world)
    aws.clear()
    proxy = start_proxy(aws, identity=None, env=env,
                        arguments=["--profile", profile] if profile else [])
    answer = proxy.request("POST", STS, body=b"Action=GetCallerIdentity&Version=2011-06-15")
    if answer.status == 503:
        assert answer.error in ("no-credentials", "credentials-error"), answer.body
        print(answer.body)
        return None
    assert answer.status == 200, answer
    request = aws.requests[-1]
    return request.verdict.access_key, request.fields.get("X-Amz-Security-Token")


@pytest.mark.parametrize("name", CASES)
def test_both_take_the_same(name, tmp_path, world, start_proxy, aws_of_all, monkeypatch):
    theirs = by_botocore(CASES[name], tmp_path, world, monkeypatch)
    calls = [len(mock.calls) for mock in world]
    forget(world)
    if name == "token":  # the stand-in knows the key without it
        aws_of_all.verifier.identities["AKENV"] = Identity("AKENV", "S-AKENV", "T")
    try:
        ours = by_proxy(CASES[name], tmp_path, world, start_proxy, aws_of_all)
    finally:
        aws_of_all.verifier.identities["AKENV"] = Identity("AKENV", "S-AKENV")
    assert ours == theirs
    assert [len(mock.calls) for mock in world] == calls


@pytest.mark.parametrize("name", FAILING)
def test_both_refuse(name, tmp_path, world, start_proxy, aws_of_all, monkeypatch):
    try:
        theirs = by_botocore(FAILING[name], tmp_path, world, monkeypatch)
    except Exception:  # each kind of failure has a class of its own there
        theirs = None
    assert theirs is None
    assert by_proxy(FAILING[name], tmp_path, world, start_proxy, aws_of_all) is None
