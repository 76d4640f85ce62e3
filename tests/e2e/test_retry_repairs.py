# SPDX-License-Identifier: Apache-2.0
"""Retries: each attempt signed anew; a clock, credentials or a region put right once."""
import datetime
import pathlib
import time

import harness
import pytest
from fake_aws import FakeAws, Identity
from retrying import QUICK, S3, XML, attempts, call, fail, gaps, reply


# -- signatures


def test_each_attempt_is_dated_and_signed_anew(start_proxy, aws):
    proxy = start_proxy(aws, "[retry]\nretry_base = 1100ms\nretry_jitter = none\n")
    fail(aws, "status=503:SlowDown")
    assert proxy.request("GET", S3 + "generate/1").status == 200
    first, second = aws.requests
    assert first.fields.get("X-Amz-Date") < second.fields.get("X-Amz-Date")
    assert first.fields.get("Authorization") != second.fields.get("Authorization")
    assert len(second.fields.all("Authorization")) == 1


def test_signature_in_the_url_is_made_anew(start_proxy, aws):
    proxy = start_proxy(conf=f"[route \"*.amazonaws.com\"]\nupstream = {aws.url}\nsign = query\n"
                             "[retry]\nretry_base = 1100ms\nretry_jitter = none\n")
    fail(aws, "status=503:SlowDown")
    assert proxy.request("GET", S3 + "generate/1").status == 200
    first, second = (r.target for r in aws.requests)
    assert first.split("X-Amz-Date=")[1][:16] < second.split("X-Amz-Date=")[1][:16]
    assert second.count("X-Amz-Signature=") == 1


def profile(folder, identity):
    text = (f"[default]\naws_access_key_id = {identity.access_key}\n"
            f"aws_secret_access_key = {identity.secret_key}\n")
    if identity.token:
        text += f"aws_session_token = {identity.token}\n"
    path = pathlib.Path(folder) / "credentials"
    beside = pathlib.Path(folder) / "credentials.new"
    beside.write_text(text)
    beside.rename(path)
    return path


OLD = Identity("AKIAOLDOLDOLDOLDOLD1", "oldSecret/1", "oldToken//1")
NEW = Identity("AKIANEWNEWNEWNEWNEW2", "newSecret/2", "newToken//2")


@pytest.fixture
def two_keys(certificate):
    with FakeAws([OLD, NEW], certificate) as server:
        yield server


def with_file(start_proxy, tmp_path, server, conf=QUICK):
    path = profile(tmp_path, OLD)
    return start_proxy(server, conf, identity=None, env={"AWS_SHARED_CREDENTIALS_FILE": str(path)})


def rotate_with_the_refusal(server, tmp_path, status):
    """Not before, so that the file's watch can't have told of it."""
    original = server.send_answer

    def send_answer(connection, record, body, answer, faults):
        if answer.status == status:
            profile(tmp_path, NEW)
        return original(connection, record, body, answer, faults)
    server.send_answer = send_answer


def test_key_that_became_unknown_is_renewed_unless_it_is_new(start_proxy, tmp_path, two_keys):
    proxy = with_file(start_proxy, tmp_path, two_keys)
    started = time.monotonic()
    assert proxy.request("GET", S3 + "generate/1").status == 200
    time.sleep(max(0, started + 5.5 - time.monotonic()))
    rotate_with_the_refusal(two_keys, tmp_path, 403)
    fail(two_keys, "status=403:InvalidAccessKeyId")
    answer = proxy.request("GET", S3 + "generate/1")
    assert answer.status == 200 and attempts(answer) == 2
    assert [r.fields.get("X-Amz-Security-Token") for r in two_keys.requests[1:]] == [OLD.token, NEW.token]
    fail(two_keys, "status=403:UnrecognizedClientException")  # of the key that has just come
    assert proxy.request("GET", S3 + "generate/1").status == 403
    assert len(two_keys.requests) == 4


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException"])
def test_expired_token_is_renewed(start_proxy, tmp_path, two_keys, code):
    proxy = with_file(start_proxy, tmp_path, two_keys)
    assert proxy.request("GET", S3 + "generate/1").status == 200
    rotate_with_the_refusal(two_keys, tmp_path, 400)
    fail(two_keys, f"status=400:{code}")
    answer = proxy.request("GET", S3 + "generate/1")
    assert answer.status == 200 and attempts(answer) == 2
    assert [r.fields.get("X-Amz-Security-Token") for r in two_keys.requests] == [
        OLD.token, OLD.token, NEW.token]


def test_expired_token_without_a_newer_one_is_the_clients(start_proxy, tmp_path, two_keys):
    proxy = with_file(start_proxy, tmp_path, two_keys)
    fail(two_keys, "status=403:ExpiredToken", 9)
    answer = proxy.request("GET", S3 + "generate/1")
    assert answer.status == 403 and b"ExpiredToken" in answer.body
    assert len(two_keys.requests) == 1


def test_key_that_is_rotated_between_attempts_is_used(start_proxy, tmp_path, two_keys):
    proxy = with_file(start_proxy, tmp_path, two_keys)
    original = two_keys.send_answer

    def is_seen():
        proxy.request("GET", S3 + "generate/2")
        return two_keys.requests[-1].verdict.access_key == NEW.access_key

    def send_answer(connection, record, body, answer, faults):
        if answer.status == 503:
            profile(tmp_path, NEW)
            harness.wait_until(is_seen, what="the new key")
        return original(connection, record, body, answer, faults)
    two_keys.send_answer = send_answer
    fail(two_keys, "status=503:SlowDown", match="GET /generate/1")
    assert proxy.request("GET", S3 + "generate/1").status == 200
    assert [r.verdict.access_key for r in two_keys.requests if r.target == "/generate/1"] == [
        OLD.access_key, NEW.access_key]


def ahead(server, **by):
    server.verifier.now = lambda: (datetime.datetime.now(datetime.timezone.utc)
                                   + datetime.timedelta(**by))


@pytest.mark.parametrize("by", [{"hours": 1}, {"hours": -3}, {"minutes": 16}])
def test_wrong_clock_is_learnt(start_proxy, own_aws, by):
    proxy = start_proxy(own_aws, QUICK, arguments=("--workers", "4"))
    ahead(own_aws, **by)
    answer = proxy.request("GET", S3 + "generate/1")
    assert answer.status == 200 and attempts(answer) == 2
    assert gaps(own_aws)[0] < 20 + 100 * harness.PATIENCE
    for _ in range(8):  # whichever worker serves it
        assert attempts(proxy.request("GET", S3 + "generate/1")) == 1
    ahead(own_aws, seconds=0)  # one of the clocks was put right
    assert proxy.request("GET", S3 + "generate/1").status == 200
    assert attempts(proxy.request("GET", S3 + "generate/1")) == 1


def test_skew_of_a_json_service_is_a_wrong_signature(start_proxy, own_aws):
    proxy = start_proxy(own_aws, QUICK)
    ahead(own_aws, hours=1)
    assert attempts(call(proxy, "DynamoDB_20120810.PutItem")) == 2


def test_clock_of_an_upload_that_went_once_is_learnt_too(start_proxy, own_aws):
    proxy = start_proxy(own_aws, QUICK + "[limits]\nreplay_max = 0\n")
    ahead(own_aws, hours=1)
    assert proxy.request("PUT", S3 + "discard/x", (), bytes(100_000)).status == 403
    assert proxy.request("PUT", S3 + "discard/x", (), bytes(100_000)).status == 200


def test_wrong_signature_with_the_right_time_is_final(quick, aws):
    fail(aws, "status=403:SignatureDoesNotMatch", 9)
    assert quick.request("GET", S3 + "generate/1").status == 403
    assert len(aws.requests) == 1


def test_clock_that_stays_wrong_is_repaired_once(quick, aws):
    now = datetime.datetime.now(datetime.timezone.utc)
    ahead(aws, hours=2)
    try:
        fail(aws, "status=403:RequestTimeTooSkewed", 9)
        aws.verifier.check_head, real = (lambda *_: {"service": "s3", "region": "us-east-1"},
                                         aws.verifier.check_head)
        aws.verifier.finish, finish = (
            lambda *_: type("V", (), {"payload": "UNSIGNED-PAYLOAD", "service": "s3"})(),
            aws.verifier.finish)
        assert quick.request("GET", S3 + "generate/1").status == 403
        assert len(aws.requests) == 2
        dates = [r.fields.get("X-Amz-Date") for r in aws.requests]
        shift = datetime.datetime.strptime(dates[1], "%Y%m%dT%H%M%SZ") - now.replace(tzinfo=None)
        assert abs(shift.total_seconds() - 7200) < 5
    finally:
        aws.verifier.check_head, aws.verifier.finish = real, finish
        ahead(aws, seconds=0)
        quick.request("GET", S3 + "generate/1")  # learns the right time again


def test_plaintext_never_shifts_the_clock(start_proxy):
    with FakeAws([harness.CANARY]) as server:
        proxy = start_proxy(server, QUICK)
        ahead(server, hours=1)
        assert proxy.request("GET", S3 + "generate/1").status == 403
        assert len(server.requests) == 1


# -- S3's regions


def test_bucket_of_another_region_is_found_and_remembered(start_proxy, own_aws):
    proxy = start_proxy(own_aws, QUICK, arguments=("--workers", "4"))
    own_aws.s3.buckets["far"] = {}
    own_aws.s3.regions["far"] = "eu-west-1"
    answer = proxy.request("PUT", "http://far.s3.us-east-1.amazonaws.com/k", (), b"data")
    assert answer.status == 200 and attempts(answer) == 2
    assert own_aws.requests[-1].host == "far.s3.eu-west-1.amazonaws.com"
    assert own_aws.requests[-1].verdict.region == "eu-west-1"
    for url in ("http://far.s3.us-east-1.amazonaws.com/k", "http://far.s3.amazonaws.com/k",
                "http://s3.amazonaws.com/far/k", "http://s3.us-west-2.amazonaws.com/far/k"):
        answer = proxy.request("GET", url)
        assert (answer.status, answer.body, attempts(answer)) == (200, b"data", 1)
    assert attempts(proxy.request("GET", S3 + "generate/1")) == 1
    del own_aws.s3.regions["far"]
    own_aws.s3.regions["far"] = "us-west-2"  # it moved
    assert proxy.request("GET", "http://far.s3.us-east-1.amazonaws.com/k").body == b"data"


def test_head_of_a_bucket_elsewhere(start_proxy, own_aws):
    proxy = start_proxy(own_aws, QUICK)
    own_aws.s3.buckets["far"] = {}
    own_aws.s3.regions["far"] = "eu-west-1"
    answer = proxy.request("HEAD", "http://s3.us-east-1.amazonaws.com/far")
    assert answer.status == 200 and attempts(answer) == 2


def test_region_in_the_body_is_taken(quick, aws):
    reply(aws, 400, [XML], b"<Error><Code>AuthorizationHeaderMalformed</Code>"
                           b"<Region>us-west-2</Region></Error>")
    answer = quick.request("GET", "http://other.s3.us-east-1.amazonaws.com/?acl")
    assert attempts(answer) == 2
    assert aws.requests[-1].verdict.region == "us-west-2"
