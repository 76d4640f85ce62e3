# SPDX-License-Identifier: Apache-2.0
"""Directory buckets of S3 Express: objects are signed with a session of the bucket's, the rest with the credentials."""
import json
import os
import signal
import time
import urllib.parse

import boto3
import certs
import harness
import pattern
import pytest
from botocore.config import Config
from corporate import Corporate
from fake_aws import FakeAws, Identity

BUCKET = "b--use1-az4--x-s3"
OTHER = "other--use1-az4--x-s3"
POINT = "point--use1-az4--xa-s3"
ZONE = "s3express-use1-az4.us-east-1.amazonaws.com"
URL = f"http://{BUCKET}.{ZONE}/"
SECOND = Identity("AKIASECONDSECOND2222", "second-secret-second-secret-second", None)
TOKEN = "X-Amz-S3session-Token"


@pytest.fixture(scope="module")
def shared_aws(certificate):
    with FakeAws([harness.CANARY, SECOND], certificate, buckets=(BUCKET, OTHER, POINT, "plain")) as server:
        yield server


@pytest.fixture
def one(aws, start_proxy):
    """A proxy of the test's own, which has no sessions yet."""
    return start_proxy(aws)


def is_session(record):
    return record.verdict.access_key.startswith("ASIAEXPRESS")


def signed_by(record):
    """What signed, with the token's field checked by the stand-in's verifier already."""
    assert record.verdict, (record.target, record.refused)
    assert record.verdict.service == "s3express"
    fields = {name.lower() for name, _ in record.fields}
    assert ("x-amz-s3session-token" in fields) == is_session(record)
    return "session" if is_session(record) else "credentials"


def last(aws):
    """The newest request of a client's; sessions may be asked for in the background."""
    return [r for r in aws.requests if not r.target.startswith("/?session=") or r.fields.get("Via")][-1]


def asked(aws):
    """How often a session was asked for."""
    return [r for r in aws.requests if r.target.startswith("/?session")]


def add_secrets(proxy, aws):
    """What sessions lent is searched for like the canary."""
    for lent in aws.express.lent:
        proxy.secrets += [lent.session.secret_key, lent.session.token]
    proxy.inspect()
    proxy.check_log()


def test_objects_are_signed_with_a_session(aws, one):
    data = pattern.octets(100000)
    assert one.request("PUT", URL + "k%20ey", body=data).status == 200
    assert one.request("GET", URL + "k%20ey").body == data
    assert one.request("HEAD", URL + "k%20ey").status == 200
    assert b"<Key>k ey</Key>" in one.request("GET", URL + "?list-type=2").body
    assert one.request("DELETE", URL + "k%20ey").status == 204
    first, *rest = aws.requests
    assert first.target == "/?session=" and signed_by(first) == "credentials"
    assert first.verdict.access_key == harness.CANARY.access_key
    assert "x-amz-create-session-mode" not in first.fields  # as much as the credentials may do
    assert [signed_by(r) for r in rest] == ["session"] * 5
    assert [lent.bucket for lent in aws.express.lent] == [BUCKET]
    add_secrets(one, aws)


def test_access_point(aws, one):
    assert one.request("PUT", f"http://{POINT}.{ZONE}/k", body=b"x").status == 200
    assert signed_by(last(aws)) == "session"
    assert aws.express.lent[0].bucket == POINT


def test_each_bucket_has_its_own(aws, one):
    for bucket in (BUCKET, OTHER, BUCKET, OTHER):
        assert one.request("PUT", f"http://{bucket}.{ZONE}/k", body=b"x").status == 200
    assert [lent.bucket for lent in aws.express.lent] == [BUCKET, OTHER]


def test_multipart(aws, one):
    started = one.request("POST", URL + "big?uploads", body=b"")
    upload = started.body.decode().split("<UploadId>")[1].split("<")[0]
    for number in (1, 2):
        assert one.request("PUT", f"{URL}big?partNumber={number}&uploadId={upload}", body=b"%d" % number * 9).status == 200
    assert one.request("POST", f"{URL}big?uploadId={upload}", body=b"<x/>").status == 200
    assert one.request("GET", URL + "big").body == b"1" * 9 + b"2" * 9
    assert {signed_by(r) for r in aws.requests[1:]} == {"session"}
    assert len(asked(aws)) == 1


def test_what_is_signed_with_the_credentials(aws, one):
    assert one.request("PUT", URL + "from", body=b"x").status == 200
    source = [("x-amz-copy-source", f"/{BUCKET}/from")]
    assert one.request("PUT", URL + "to", source, body=b"").status == 200
    assert signed_by(last(aws)) == "credentials"
    started = one.request("POST", URL + "parts?uploads", body=b"")
    upload = started.body.decode().split("<UploadId>")[1].split("<")[0]
    assert one.request("PUT", f"{URL}parts?partNumber=1&uploadId={upload}", source, body=b"").status == 200
    assert signed_by(last(aws)) == "credentials"
    assert one.request("HEAD", URL).status == 200
    assert signed_by(last(aws)) == "credentials"
    mode = [("x-amz-create-session-mode", "ReadOnly")]
    assert one.request("GET", URL + "?session", mode).status == 200
    assert signed_by(last(aws)) == "credentials"
    assert [lent.mode for lent in aws.express.lent] == [None, "ReadOnly"]
    control = "http://s3express-control.us-east-1.amazonaws.com/"
    one.request("GET", control + BUCKET + "?policy")
    assert signed_by(last(aws)) == "credentials"
    assert one.request("GET", control).status == 200
    assert signed_by(last(aws)) == "credentials"


def test_50_clients_at_once_make_one_session(aws, one):
    aws.faults.add("GET /?session*", "stall-head=0.3")
    answers = harness.at_once(50, lambda n: one.request("PUT", f"{URL}{n}", body=b"x").status)
    assert answers == [200] * 50
    assert len(asked(aws)) == 1
    assert {signed_by(r) for r in aws.requests if r.method == "PUT"} == {"session"}


@pytest.mark.parametrize("lifetime", [7, 12])  # used for 2 and 7 s, renewed at the end and a second ahead
def test_an_old_session_is_renewed(aws, one, lifetime):
    aws.express.lifetime = lifetime
    assert one.request("PUT", URL + "k", body=b"x").status == 200

    def is_second():
        assert one.request("GET", URL + "k").status == 200
        return last(aws).verdict.access_key != aws.express.lent[0].session.access_key
    harness.wait_until(is_second, 10, "the second session")
    assert {signed_by(r) for r in aws.requests if r.target == "/k"} == {"session"}
    assert len(aws.express.lent) == 2


def test_a_refused_session_is_renewed_once(aws, one):
    assert one.request("PUT", URL + "k", body=b"x").status == 200
    time.sleep(5.2)  # what is younger than five seconds is not doubted
    aws.faults.add("GET /k", "status=400:ExpiredToken")
    assert one.request("GET", URL + "k").body == b"x"
    assert len(aws.express.lent) == 2
    assert last(aws).verdict.access_key == aws.express.lent[1].session.access_key
    add_secrets(one, aws)


def test_without_the_permission_the_credentials_sign(aws, one):
    aws.express.denied.add(harness.CANARY.access_key)
    for _ in range(5):
        assert one.request("PUT", URL + "k", body=b"x").status == 200
        assert signed_by(last(aws)) == "credentials"
    assert len(asked(aws)) == 1
    harness.wait_until(lambda: one.log.count(" ACCESS [") == 5, 5, "the log")
    lines = [line for line in one.log.splitlines() if "S3 Express: no session for" in line]
    assert len(lines) == 1
    assert f"{BUCKET}.{ZONE} (it answered 403 AccessDenied)" in lines[0]
    assert "are signed with the credentials themselves" in lines[0]


def test_where_no_session_comes_the_credentials_sign(aws, one):
    aws.faults.add("GET /?session*", "status=500:InternalError", 3)
    assert one.request("PUT", URL + "k", body=b"x").status == 200
    assert signed_by(last(aws)) == "credentials"
    assert len(asked(aws)) == 3

    def has_session():
        assert one.request("GET", URL + "k").status == 200
        return signed_by(last(aws)) == "session"
    harness.wait_until(has_session, 10, "a session")


def test_a_passing_error_is_asked_again(aws, one):
    aws.faults.add("GET /?session*", "status=503:SlowDown", 2)
    assert one.request("PUT", URL + "k", body=b"x").status == 200
    assert signed_by(last(aws)) == "session"


@pytest.mark.parametrize("how", ["setting", "route", "variable", "profile"])
def test_off(aws, start_proxy, tmp_path, how):
    conf, env = "", {}
    if how == "setting":
        conf = "[credentials]\ns3_express_sessions = no\n"
    elif how == "route":
        conf = f'[route "*.{ZONE}"]\ns3_express_sessions = no\nupstream = {aws.url}\n'
    elif how == "variable":
        env = {"AWS_S3_DISABLE_EXPRESS_SESSION_AUTH": "True"}
    else:
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws/config").write_text("[default]\ns3_disable_express_session_auth = true\n")
    proxy = start_proxy(aws, conf, env=env)
    assert proxy.request("PUT", URL + "k", body=b"x").status == 200
    assert signed_by(last(aws)) == "credentials"
    assert not asked(aws)


def test_the_proxys_own_setting_beats_the_variable(aws, start_proxy):
    proxy = start_proxy(aws, env={"AWS_S3_DISABLE_EXPRESS_SESSION_AUTH": "true", "SIGV4_PROXY_S3_EXPRESS_SESSIONS": "yes"})
    assert proxy.request("PUT", URL + "k", body=b"x").status == 200
    assert signed_by(last(aws)) == "session"


def write_keys(folder, identity):
    (folder / ".aws").mkdir(exist_ok=True)
    token = f"aws_session_token = {identity.token}\n" if identity.token else ""
    text = f"[default]\naws_access_key_id = {identity.access_key}\naws_secret_access_key = {identity.secret_key}\n{token}"
    new = folder / ".aws/new"
    new.write_text(text)
    os.rename(new, folder / ".aws/credentials")


def test_with_other_keys_the_session_is_another(aws, start_proxy, tmp_path):
    write_keys(tmp_path, harness.CANARY)
    proxy = start_proxy(aws, identity=None)
    assert proxy.request("PUT", URL + "k", body=b"x").status == 200
    write_keys(tmp_path, SECOND)

    def is_second():
        assert proxy.request("GET", URL + "k").status == 200
        return aws.express.lent[-1].signer == SECOND.access_key
    harness.wait_until(is_second, 10, "a session of the new keys")
    assert last(aws).verdict.access_key == aws.express.lent[-1].session.access_key


def test_signature_in_the_query(aws, start_proxy):
    proxy = start_proxy(None, f'[route "*.{ZONE}"]\nsign = query\nupstream = {aws.url}\n')
    assert proxy.request("PUT", URL + "k", body=b"x").status == 200
    record = last(aws)
    parameters = urllib.parse.parse_qs(record.target.partition("?")[2])
    assert record.verdict.form == "query" and is_session(record)
    assert parameters[TOKEN] == [aws.express.lent[0].session.token]
    assert "X-Amz-Security-Token" not in parameters


def test_own_signature_and_token_are_replaced(aws, one):
    fields = [("Authorization", "AWS4-HMAC-SHA256 Credential=AKIADUMMY/20260101/us-east-1/s3express/aws4_request, "
               "SignedHeaders=host, Signature=" + "0" * 64), ("x-amz-s3session-token", "dummy"),
              ("x-amz-security-token", "dummy"), ("x-amz-date", "20260101T000000Z")]
    assert one.request("PUT", URL + "k", fields, body=b"x").status == 200
    assert signed_by(last(aws)) == "session"


@pytest.fixture
def express_client(one):
    """boto3 as legacy tools have it: a proxy for http, and keys that mean nothing."""
    return boto3.client("s3", region_name="us-east-1", aws_access_key_id="AKIADUMMY", aws_secret_access_key="dummy", use_ssl=False,
                        config=Config(proxies={"http": one.url}, retries={"total_max_attempts": 1}))


def test_boto3_with_dummy_keys(aws, express_client):
    data = pattern.octets(50000)
    express_client.put_object(Bucket=BUCKET, Key="k", Body=data)
    assert express_client.get_object(Bucket=BUCKET, Key="k")["Body"].read() == data
    express_client.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "k"})
    assert signed_by(last(aws)) == "credentials"
    assert {"copy", "k"} <= {o["Key"] for o in express_client.list_objects_v2(Bucket=BUCKET)["Contents"]}
    express_client.head_bucket(Bucket=BUCKET)
    express_client.delete_object(Bucket=BUCKET, Key="k")
    # The client's own session is one, the proxy's another; both are got with the proxy's keys.
    assert [lent.signer for lent in aws.express.lent] == [harness.CANARY.access_key] * 2
    by_boto3, by_us = (lent.session.access_key for lent in aws.express.lent)
    signers = {r.verdict.access_key for r in aws.requests}
    assert signers == {harness.CANARY.access_key, by_us}
    assert by_boto3 not in signers


def test_boto3s_presigned_urls_pass(aws, one, express_client):
    express_client.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    url = express_client.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "k"})
    assert TOKEN in url
    assert one.request("GET", url).body == b"x"
    assert last(aws).verdict.form == "query"


def test_presigned_with_the_credentials(aws, one):
    assert one.request("PUT", URL + "k", body=b"x").status == 200
    told = one.admin("/presign", method="POST", body=json.dumps({"url": f"https://{BUCKET}.{ZONE}/k"}).encode())
    assert told.status == 200, told.body
    url = json.loads(told.body)["url"]
    assert TOKEN not in url
    assert one.request("GET", url.replace("https://", "http://")).body == b"x"


def test_explain(tmp_path):
    def credentials(method, url, *more):
        told = harness.run_binary("explain", method, url, *more, "--format", "json", folder=tmp_path,
                                  env=harness.identity_environment(harness.CANARY))
        return json.loads(told.stdout)["credentials"]
    https = URL.replace("http://", "https://")
    assert credentials("GET", https + "k") == "S3 Express session, got with the chain"
    assert credentials("HEAD", https) == "the chain"
    assert credentials("PUT", https + "k", "--header", "x-amz-copy-source: /a/b") == "the chain"
    assert credentials("GET", https + "k", "--no-s3-express-sessions") == "the chain"
    assert credentials("GET", "https://bucket.s3.us-east-1.amazonaws.com/k") == "the chain"


def test_reload(aws, one):
    assert one.request("PUT", URL + "k", body=b"x").status == 200
    route = f'[route "*.amazonaws.com"]\nupstream = {aws.url}\n'
    one.reload("[credentials]\ns3_express_sessions = no\n" + route)
    assert one.request("GET", URL + "k").status == 200
    assert signed_by(last(aws)) == "credentials"
    one.reload(route)
    assert one.request("GET", URL + "k").status == 200
    assert signed_by(last(aws)) == "session"


def test_end_while_a_session_is_asked_for(aws, one):
    aws.faults.add("GET /?session*", "stall-head=30")
    with one.client() as client:
        client.send(f"GET {URL}k HTTP/1.1\r\nHost: {BUCKET}.{ZONE}\r\n\r\n".encode())
        harness.wait_until(lambda: asked(aws), 5, "the question")
        client.close()
    one.signal(signal.SIGTERM)
    one.check_end()


def test_through_an_upstream_proxy(aws, authority, start_proxy):
    """The question goes the way of the requests, with the proxy's token."""
    host = f"{BUCKET}.{ZONE}"
    with FakeAws([harness.CANARY], authority.leaf("express.pem", [host]), buckets=(BUCKET,)) as server:
        with Corporate("svc:corporate-token-hushhush", {host: (server.address, server.port)}) as corporate:
            proxy = start_proxy(None, f"upstream_proxy = {corporate.url}\n")
            proxy.secrets.append("corporate-token-hushhush")
            assert proxy.request("PUT", URL + "k", body=b"x").status == 200
            assert [target for target, _ in corporate.asked] == [f"{host}:443"] * 2
            assert [signed_by(r) for r in server.requests] == ["credentials", "session"]


def test_certificates_are_verified_as_for_requests(aws, start_proxy, tmp_path):
    strange = certs.Authority(tmp_path / "strange")
    strict = start_proxy(aws, ca_bundle=strange.bundle)
    assert strict.request("GET", URL + "k").error.startswith(("tls", "connect"))
    assert not aws.requests
    lax = start_proxy(aws, "verify_ssl = no\n", ca_bundle=strange.bundle)
    assert lax.request("PUT", URL + "k", body=b"x").status == 200
    assert signed_by(last(aws)) == "session"
