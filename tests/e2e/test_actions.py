# SPDX-License-Identifier: Apache-2.0
"""A guard for agents: what of AWS's they may ask for, and as whom their requests are signed."""
import itertools
import json
import pathlib
import re

import boto3
import harness
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from fake_aws import FakeAws, Identity
from mock_metadata import MockMetadata
from mock_sts import MockSts
from test_credentials import profile_text, write_home

BASE = Identity("AKIABASEBASEBASEBAS1", "base-secret-base-secret")
OWN = Identity("AKIAOWNOWNOWNOWNOWN1", "own-secret-of-one-agent-only")
ROLE = "arn:aws:iam::123456789012:role/"
TOKENS = {"agent-a": "token-of-the-agent-called-a-32-ch", "agent-b": "token-of-the-agent-called-b-32-ch",
          "person": "token-of-somebody-at-a-desk-32-ch"}
STS = "http://sts.us-east-1.amazonaws.com/"
IAM = "http://iam.amazonaws.com/"
S3 = "http://bucket.s3.us-east-1.amazonaws.com/"
FORM = [("Content-Type", "application/x-www-form-urlencoded")]
IDENTITIES = "".join(f'[identity "{name}"]\nclient = token:{name}\nrole_arn = {ROLE}{name}\n'
                     for name in ("agent-a", "agent-b"))
PAGE = pathlib.Path(harness.ROOT / "docs/interception.md").read_text()


def documented():
    return re.search(r"```ini\n(listen = .*?)```", PAGE, re.S)[1]


@pytest.fixture(scope="module")
def shared_aws(certificate):
    with FakeAws([harness.CANARY, BASE, OWN], certificate) as server:
        yield server


@pytest.fixture
def sts(aws, certificate):
    with MockSts(aws, [harness.CANARY, OWN], certificate) as server:
        yield server


@pytest.fixture
def tokens(tmp_path):
    path = tmp_path / "tokens"
    path.write_text("".join(f"{name} {token}\n" for name, token in TOKENS.items()))
    path.chmod(0o600)
    return f"proxy_auth_file = {path}\n"


def bearer(name):
    return [("Proxy-Authorization", "Bearer " + TOKENS[name])]


def form(proxy, body, fields=(), url=IAM):
    return proxy.request("POST", url, [*FORM, *fields], body=body)


def signer(aws, proxy, name):
    """The access key with which a request of that client arrives."""
    answer = proxy.request("GET", S3 + f"generate/{len(name)}?x-id={name}", bearer(name))
    assert answer.status == 200, answer
    (record,) = [r for r in aws.requests if r.target.endswith("=" + name)][-1:]
    return record.verdict.access_key


def lent(sts):
    """Role -> access key."""
    return {call["RoleArn"].rpartition("/")[2]: call["lent"] for call in sts.calls if call["Action"] == "AssumeRole"}


# ---- as whom


def test_each_client_signs_with_its_own_role_and_nobody_with_anothers(aws, sts, tokens, start_proxy):
    proxy = start_proxy(aws, tokens + "workers = 2\n" + IDENTITIES, env=sts.variables)
    proxy.secrets += TOKENS.values()
    names = list(itertools.islice(itertools.cycle(TOKENS), 48))

    def ask(number):
        answer = proxy.request("GET", S3 + f"generate/{number}?x-id={names[number]}", bearer(names[number]))
        assert answer.status == 200, answer
    harness.at_once(48, ask)
    keys = lent(sts)
    assert sorted(keys) == ["agent-a", "agent-b"] and len(sts.calls) == 2
    keys["person"] = harness.CANARY.access_key
    seen = [(r.target.rpartition("=")[2], r.verdict.access_key) for r in aws.requests]
    assert len(seen) == 48 and all(keys[name] == key for name, key in seen)
    harness.wait_until(lambda: proxy.log.count(" ACCESS [") >= 48, what="the access lines")
    lines = [line for line in proxy.log.splitlines() if " ACCESS [" in line]
    for name in TOKENS:
        mine = [line for line in lines if f" user={name} " in line]
        assert len(mine) == 16
        assert all(f" identity={'-' if name == 'person' else name} action=s3:GetObject" in line for line in mine)
    told = proxy.status()
    assert told["identities"][0] == {"name": "agent-a", "client": ["token:agent-a"], "profile": None,
                                     "role_arn": ROLE + "agent-a"}
    assert {"role=" + ROLE + "agent-a", "role=" + ROLE + "agent-b"} <= {c["key"] for c in told["credentials"]}


def test_a_route_has_no_say_and_a_reload_has(aws, sts, tokens, start_proxy, tmp_path):
    write_home(tmp_path, profile_text(BASE, "routed") + profile_text(OWN, "own"))
    route = f'[route "bucket.s3.us-east-1.amazonaws.com"]\nprofile = routed\nupstream = {aws.url}\n'
    mapped = '[identity "a"]\nclient = token:agent-a\nprofile = own\n'
    proxy = start_proxy(None, tokens + route + mapped, env=sts.variables)
    assert signer(aws, proxy, "agent-a") == OWN.access_key
    assert signer(aws, proxy, "agent-b") == BASE.access_key
    with proxy.client() as kept:  # a connection that is there already follows too
        assert kept.request("GET", S3 + "generate/1?x-id=1", bearer("agent-a")).status == 200
        assert aws.requests[-1].verdict.access_key == OWN.access_key
        proxy.reload(tokens + route + mapped.replace("agent-a", "agent-b"))
        assert kept.request("GET", S3 + "generate/1?x-id=2", bearer("agent-a")).status == 200
        assert aws.requests[-1].verdict.access_key == BASE.access_key
    assert signer(aws, proxy, "agent-b") == OWN.access_key


def test_an_identity_that_cannot_be_had_is_refused_and_not_replaced(aws, sts, tokens, start_proxy, tmp_path):
    write_home(tmp_path, "[bare]\nx = 1\n" + profile_text(OWN, "own"))
    sts.fail = [(403, "AccessDenied")] * 9
    conf = tokens + ('[identity "a"]\nclient = token:agent-a\nprofile = bare\n'
                     '[identity "b"]\nclient = token:agent-b\nprofile = missing\n'
                     f'[identity "p"]\nclient = token:person\nprofile = own\nrole_arn = {ROLE}x\n')
    with MockMetadata(aws) as metadata:  # would step in for a profile without credentials
        proxy = start_proxy(aws, conf, env=sts.variables | metadata.container)
        for name, why in (("agent-a", b"has no credentials"), ("agent-b", b"missing"), ("person", b"AccessDenied")):
            answer = proxy.request("GET", S3 + "generate/1", bearer(name))
            assert (answer.status, answer.error) == (503, "no-credentials"), name
            assert why in answer.body, answer.body
            assert form(proxy, b"Action=GetCallerIdentity", bearer(name), STS).error == "no-credentials"
        assert not aws.requests


def test_presigned_urls_are_signed_for_whom_they_are_asked_by(aws, sts, tokens, start_proxy):
    policies = ('[policy]\nclient = token:agent-*\naws_action = s3:GetObject\naction = allow\n'
                '[policy]\nclient = token:agent-*\naction = deny\n')
    proxy = start_proxy(aws, tokens + "presign_host = presign.internal\npresign_allow = * s3://bucket/*\n"
                        + IDENTITIES + policies, env=sts.variables)

    def ask(name, **question):
        body = json.dumps({"url": S3 + "k"} | question).encode()
        return proxy.request("POST", "http://presign.internal/presign", bearer(name), body=body)
    for name in ("agent-a", "agent-b"):
        answer = ask(name)
        assert answer.status == 200, answer
        assert lent(sts)[name] in json.loads(answer.body)["url"]
        assert ask(name, method="PUT").error == "policy-denied"
        assert ask(name, url=S3 + "k?acl").error == "policy-denied"
        assert ask(name, headers={"x-amz-copy-source": "/bucket/o"}, method="PUT").error == "policy-denied"
        assert ask(name, profile="other").error == "presign-denied"
    assert harness.CANARY.access_key in json.loads(ask("person", method="PUT").body)["url"]
    harness.wait_until(lambda: proxy.log.count("identity=agent-b action=s3:GetObject") == 1, what="the audit line")


# ---- what


@pytest.fixture(scope="module")
def shared_guard(shared_aws, authority, tmp_path_factory):
    conf = ('body_memory = 16k\n[policy "users"]\naws_action = iam:ListUsers, sts:*, dynamodb:Get*, s3:GetObject\naction = allow\n'
            f'[policy "rest"]\naction = deny\n[route "*.amazonaws.com"]\nupstream = {shared_aws.url}\n')
    with harness.running(tmp_path_factory.mktemp("guard"), conf=conf, ca_bundle=authority.bundle) as running:
        yield running


@pytest.fixture
def guard(shared_guard, aws):
    return shared_guard


def test_a_form_is_read_before_anything_of_it_goes_on(guard, aws):
    answer = form(guard, b"Version=2010-05-08&Action=ListUsers")
    assert answer.error is None, answer
    assert aws.requests[-1].body == b"Version=2010-05-08&Action=ListUsers"
    seen = len(aws.requests)
    for body in (b"Action=DeleteUser&UserName=u", b"Action=ListUsers&Action=DeleteUser", b"action=ListUsers",
                 b"Action=ListUsers&x=" + b"y" * (16 << 10), b"UserName=u"):
        assert form(guard, body).error == "policy-denied", body[:40]
    assert form(guard, b"Action=ListUsers", url=IAM + "?Action=DeleteUser").error == "policy-denied"
    assert len(aws.requests) == seen
    harness.wait_until(lambda: re.search(r"POST host=iam\S* path=/ .* action=iam:DeleteUser", guard.log), what="the action")


def test_a_form_may_come_in_pieces_in_chunks_or_after_a_continue(guard, aws):
    with guard.client() as client:
        client.start("POST", IAM, [*FORM, ("Content-Length", "16"), ("Expect", "100-continue")], host="iam.amazonaws.com")
        assert client.wire.read_head()[0].startswith("HTTP/1.1 100 ")
        for octet in b"Action=ListUsers":
            client.sock.sendall(bytes([octet]))
        assert client.read("POST").error is None
        assert aws.requests[-1].body == b"Action=ListUsers"
        for body, error in ((b"Action=ListUsers", None), (b"Action=DeleteUser", "policy-denied"),
                            (b"Action=ListUsers&x=" + b"y" * 20000, "policy-denied")):
            client.start("POST", IAM, [*FORM, ("Transfer-Encoding", "chunked")], host="iam.amazonaws.com")
            for at in range(0, len(body), 7000):
                piece = body[at:at + 7000]
                client.sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            client.sock.sendall(b"0\r\n\r\n")
            assert client.read("POST").error == error, body[:40]


def test_a_form_that_is_too_long_is_judged_at_once(guard, aws, start_proxy):
    """Who may not ask must not fill the spool."""
    long = b"Action=ListUsers&x=" + b"y" * (40 << 10)
    fields = [*FORM, ("Transfer-Encoding", "chunked")]
    with guard.client() as client:
        client.start("POST", IAM, fields, host="iam.amazonaws.com")
        client.sock.sendall(b"%x\r\n%s\r\n" % (len(long), long))  # and no end
        answer = client.read("POST")
        assert answer.error == "policy-denied" and answer.fields.get("Connection") == "close"
        assert client.is_closed()
    assert not aws.requests
    proxy = start_proxy(aws, "body_memory = 16k\n[policy]\naws_action = iam:ListUsers\naction = allow\n"
                             "[policy]\naws_action = sts:*\naction = deny\n")
    with proxy.client() as client:  # no policy has it: goes on whole
        client.start("POST", IAM, fields, host="iam.amazonaws.com")
        for at in range(0, len(long), 7000):
            piece = long[at:at + 7000]
            client.sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        client.sock.sendall(b"0\r\n\r\n")
        assert client.read("POST").error is None
    assert (aws.requests[-1].status, aws.requests[-1].body) == (200, long)


def test_a_form_that_is_passed_on_as_the_client_signed_it_is_judged_too(aws, start_proxy):
    proxy = start_proxy(aws, 'already_signed = pass\n[policy]\naction = deny\naws_action = iam:Delete*\n')
    signed = [("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDDUMMY/20260101/us-east-1/iam/aws4_request, "
               "SignedHeaders=host, Signature=00")]
    assert form(proxy, b"Action=DeleteUser&UserName=u", signed).error == "policy-denied"
    known = harness.CANARY
    iam = boto3.client("iam", endpoint_url="http://iam.amazonaws.com", region_name="us-east-1",
                       aws_access_key_id=known.access_key, aws_secret_access_key=known.secret_key,
                       aws_session_token=known.token,
                       config=Config(proxies={"http": proxy.url}, retries={"max_attempts": 0}))
    with pytest.raises(ResponseParserError, match="policy-denied"):
        iam.delete_user(UserName="u")
    assert not aws.requests
    with pytest.raises(ResponseParserError, match='"service": "iam"'):  # the stand-in tells what it saw, as JSON
        iam.list_users()
    assert (aws.requests[-1].status, aws.requests[-1].body) == (200, b"Action=ListUsers&Version=2010-05-08")
    assert "user-agent" not in aws.requests[-1].verdict.signed


@pytest.mark.parametrize("method, url, fields", [
    ("GET", S3 + "k?acl", []), ("GET", S3 + "k?%61cl", []), ("GET", S3 + "k?brand-new", []), ("PUT", S3 + "k", []),
    ("DELETE", S3 + "k", []), ("POST", S3 + "?delete", []), ("GET", S3, []), ("GET", S3 + "k/..", []),
    ("PUT", S3 + "k", [("x-amz-copy-source", "/bucket/o")]), ("GET", S3 + "k", [("X-HTTP-Method-Override", "DELETE")]),
    ("GET", "http://dynamodb.us-east-1.amazonaws.com/", [("X-Amz-Target", "DynamoDB_20120810.GetItem")]),
    ("POST", "http://dynamodb.us-east-1.amazonaws.com/", [("X-Amz-Target", "DynamoDB_20120810.DeleteTable"),
                                                          ("Content-Type", "application/x-amz-json-1.0")]),
    ("GET", IAM + "?Action=DeleteUser", []), ("GET", IAM + "?Action=ListUsers&Action=DeleteUser", []),
    ("GET", "http://lambda.us-east-1.amazonaws.com/2015-03-31/functions", []),
    ("CONNECT", "iam.amazonaws.com:443", []),
])
def test_what_is_not_certainly_allowed_is_denied(guard, aws, method, url, fields):
    options = {"host": url} if method == "CONNECT" else {}
    answer = guard.request(method, url, fields, body=b"" if method == "POST" else None, **options)
    assert answer.error == "policy-denied", answer
    assert not aws.requests


def test_what_is_allowed_goes_on(guard, aws):
    assert guard.request("GET", S3 + "generate/3").status == 200
    assert guard.request("GET", IAM + "?Action=ListUsers").error is None
    for name in ("GetItem", "getitem"):
        assert guard.request("POST", "http://dynamodb.us-east-1.amazonaws.com/", [
            ("X-Amz-Target", "DynamoDB_20120810." + name), ("Content-Type", "application/x-amz-json-1.0")],
            body=b"{}").error is None
    assert len(aws.requests) == 4


def test_explain_shows_the_action_and_who_decides(tmp_path):
    conf = tmp_path / "p.conf"
    conf.write_text('[policy "no deletes"]\naction = deny\naws_action = iam:Delete*\n' + IDENTITIES)

    def explain(*arguments):
        result = harness.run_binary("explain", "--config", str(conf), "--format", "json", *arguments, folder=tmp_path)
        assert result.stderr == ""
        return json.loads(result.stdout), result.returncode
    told, code = explain("--data", "Action=DeleteUser", "--client", "token:agent-a", IAM)
    assert (told["action"], told["allowed"], told["method"], code) == ("iam:DeleteUser", False, "POST", 1)
    assert told["rules"]["policy"].startswith('[policy "no deletes"]')
    told, code = explain("--data", "Action=ListUsers", "--client", "token:agent-a", IAM)
    assert (told["action"], told["allowed"], told["identity"], code) == ("iam:ListUsers", True, "agent-a", 0)
    assert told["credentials"] == f"role={ROLE}agent-a"
    told, code = explain("--header", "Content-Type: application/x-www-form-urlencoded", "POST", IAM)
    assert (told["action"], told["allowed"], code) == (None, None, 1)
    told, code = explain("PUT", "--header", "x-amz-tagging: a=b", S3 + "k")
    assert (told["action"], told["identity"], code) == ("s3:PutObject,s3:PutObjectTagging", None, 0)


def test_a_pattern_that_can_match_nothing_stops_the_start_and_the_reload(aws, tmp_path, start_proxy):
    conf = tmp_path / "p.conf"
    for text, said in (("s3:HeadObject", 'no request needs "s3:HeadObject"'), ("s3x:*", 'no service "s3x" is known')):
        conf.write_text(f"[policy]\naction = deny\naws_action = {text}\n")
        result = harness.run_binary("check-config", "--config", str(conf), folder=tmp_path)
        assert result.returncode == 1 and f"{conf}:1: aws_action: {said}" in result.stderr, result
    proxy = start_proxy(aws)
    assert "no service" in proxy.reload("[policy]\naction = deny\naws_action = s3x:*\n")["last_error"]


# ---- the page's example, by SDKs with dummy keys


def test_agents_of_the_page_in_their_sandboxes(aws, sts, start_proxy, tmp_path):
    (tmp_path / "tokens").write_text("".join(f"{name} {token}\n" for name, token in TOKENS.items()))
    (tmp_path / "tokens").chmod(0o600)
    made = harness.run_binary("ca", "init", "--ca-dir", str(tmp_path / "ca"), folder=tmp_path)
    assert made.returncode == 0, made
    conf = (documented().replace("/etc/sigv4-proxy/tokens", str(tmp_path / "tokens"))
            .replace("listen = 127.0.0.1:8080\n", f"ca_dir = {tmp_path}/ca\n"))
    proxy = start_proxy(aws, conf, env=sts.variables)

    def client(name, service, **options):
        proxies = {"https": proxy.url.replace("//", f"//{name}:{TOKENS[name]}@")}
        return boto3.client(service, region_name="us-east-1", aws_access_key_id="AKIDDUMMY",
                            aws_secret_access_key="dummy", verify=str(tmp_path / "ca" / "ca.pem"),
                            config=Config(proxies=proxies, retries={"max_attempts": 0}, **options))

    def denied(call, **arguments):
        with pytest.raises((ClientError, ResponseParserError)) as caught:
            call(**arguments)
        answer = getattr(caught.value, "response", None)  # services that speak XML can't read ours
        told = answer["ResponseMetadata"]["HTTPHeaders"]["x-sigv4-proxy-error"] if answer else str(caught.value)
        assert "policy-denied" in told
    aws.s3.buckets.setdefault("agents-work", {})
    for name in ("agent-a", "agent-b"):
        s3 = client(name, "s3", s3={"addressing_style": "path"})
        s3.put_object(Bucket="agents-work", Key="out", Body=b"result")
        assert s3.get_object(Bucket="agents-work", Key="out")["Body"].read() == b"result"
        assert {r.verdict.access_key for r in aws.requests} == {lent(sts)[name]}
        denied(s3.delete_object, Bucket="agents-work", Key="out")
        denied(s3.get_object, Bucket="bucket", Key="k")
        denied(s3.put_object, Bucket="agents-work", Key="out", Body=b"x", ACL="public-read")
        denied(s3.list_objects_v2, Bucket="agents-work")
        assert client(name, "sts").get_caller_identity()["UserId"] == lent(sts)[name]
        denied(client(name, "iam").list_users)
        denied(client(name, "dynamodb").delete_table, TableName="t")
        denied(client(name, "sqs").list_queues)
        aws.clear()
    denied(client("person", "s3").list_buckets)
