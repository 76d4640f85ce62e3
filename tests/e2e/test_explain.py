# SPDX-License-Identifier: Apache-2.0
"""`sigv4-proxy explain` prints the proxy's own plan; nothing is sent."""
import json

import harness
import pytest


def explain(tmp_path, *arguments, given="", env=None):
    return harness.run_binary("explain", *arguments, folder=tmp_path, env=env, given=given)


def explained(tmp_path, *arguments, env=None):
    result = explain(tmp_path, "--format", "json", *arguments, env=env)
    assert result.stderr == "", result
    return json.loads(result.stdout)


@pytest.mark.parametrize("arguments, wanted", [
    (["https://b.s3.eu-west-1.amazonaws.com/k"],
     {"method": "GET", "service": "s3", "region": "eu-west-1", "payload": "hash", "body": "none"}),
    (["PUT", "http://b.s3.eu-west-1.amazonaws.com/k"],
     {"payload": "UNSIGNED-PAYLOAD", "body": "streams",
      "upstream": "https://b.s3.eu-west-1.amazonaws.com:443"}),
    (["POST", "sqs.us-east-2.amazonaws.com"],
     {"service": "sqs", "region": "us-east-2", "payload": "hash", "body": "held until it is hashed"}),
    (["https://My.Bucket.s3.eu-west-1.amazonaws.com./k?X=1"],
     {"host": "s3.eu-west-1.amazonaws.com", "path": "/my.bucket/k",
      "url": "https://My.Bucket.s3.eu-west-1.amazonaws.com./k"}),
    (["https://mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com/k"],
     {"service": "s3", "region": "*", "algorithm": "sigv4a"}),
    (["https://b.s3.eu-west-1.amazonaws.com/k#part"],
     {"path": "/k", "url": "https://b.s3.eu-west-1.amazonaws.com/k"}),
    (["CONNECT", "s3.amazonaws.com:443"],
     {"plan": "tunnelled", "service": None, "sign": "none", "retries": None}),
    (["wss://a1.execute-api.eu-west-1.amazonaws.com/prod"],
     {"service": "execute-api", "upgrade": None, "upstream": "https://a1.execute-api.eu-west-1.amazonaws.com:443"}),
    (["--region", "eu-north-1", "iam.amazonaws.com"], {"service": "iam", "region": "us-east-1"}),
])
def test_the_plan(tmp_path, arguments, wanted):
    answer = explained(tmp_path, *arguments)
    assert answer["allowed"] is True
    assert {key: answer[key] for key in wanted} == wanted


def test_a_refusal_says_why_and_exits_with_1(tmp_path):
    result = explain(tmp_path, "http://example.com/")
    assert result.returncode == 1
    assert "allowed      no" in result.stdout
    assert "host-denied" in result.stdout and '[route "example.com"]' in result.stdout


def test_the_region_of_last_resort_comes_from_the_environment(tmp_path):
    host = "bucket.s3-accelerate.amazonaws.com"
    assert explained(tmp_path, host)["region"] == "us-east-1"
    assert explained(tmp_path, host, env={"AWS_REGION": "eu-west-3"})["region"] == "eu-west-3"


def test_the_clients_fields_count(tmp_path):
    url = "https://b.s3.eu-west-1.amazonaws.com/k"
    answer = explained(tmp_path, "--header", "Transfer-Encoding: chunked", "PUT", url)
    assert answer["body"] == "held until its length is known"
    answer = explained(tmp_path, "--header=Authorization: Bearer t0ken", url)
    assert answer["allowed"] is False and "t0ken" not in json.dumps(answer)


@pytest.mark.parametrize("service", ["sqs", "sqs-new"])
def test_a_new_name_of_a_known_family_is_settled_by_the_clients_signature(tmp_path, service):
    host = "sqs-new.eu-west-3.amazonaws.com"
    assert explained(tmp_path, host)["allowed"] is False
    scope = f"Credential=AKDUMMY/20260101/us-east-1/{service}/aws4_request"
    signed = f"Authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=00"
    answer = explained(tmp_path, "--header", signed, host)
    assert (answer["service"], answer["region"]) == (service, "eu-west-3")
    assert "client's signature" in json.dumps(answer)


def test_routes_and_their_settings_show(tmp_path):
    conf = tmp_path / "p.conf"
    conf.write_text('[route "*.internal.test"]\nservice = execute-api\nregion = eu-west-1\n'
                    "upstream = http://127.0.0.1:9\nprofile = other\nretry_mode = off\n"
                    "rate_limit = 20/s burst 100\nsign = query\n")
    answer = explained(tmp_path, "--config", str(conf), "http://a.internal.test/x")
    assert answer["upstream"] == "http://127.0.0.1:9"
    assert answer["credentials"] == "profile=other"
    assert answer["retries"] == {"mode": "off"}
    assert explained(tmp_path, "--config", str(conf), "--retry-status=503,5xx", "POST",
                     "sqs.us-east-2.amazonaws.com")["retries"] == {
        "mode": "standard", "max_attempts": 6, "base_ms": 1000, "cap_ms": 20000, "jitter": "full",
        "post": "classified", "status": "503 5xx", "budget": 500, "total_timeout_ms": 120000}
    assert answer["rate_limit"] == "20/s burst 100"
    assert (answer["sign"], answer["route"]) == ("query", "*.internal.test")


def test_lines_of_standard_input_become_lines_of_json(tmp_path):
    result = explain(tmp_path, "-", given="sqs.us-east-1.amazonaws.com\n\n"
                     "DELETE https://b.s3.amazonaws.com/k\n"
                     "ec2-1-2-3-4.us-west-2.compute.amazonaws.com\nGET ht tp://x\n")
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(a["allowed"], a["service"], a.get("code")) for a in answers] == [
        (True, "sqs", None), (True, "s3", None), (False, None, "never-signed"),
        (False, None, "bad-target")]
    assert answers[1]["method"] == "DELETE"


@pytest.mark.parametrize("arguments, word", [
    ([], "which URL"), (["--format", "xml", "x"], "xml"), (["a", "b", "c"], '"c"'),
    (["x", "--header"], "--header"), (["--fromat=json", "x"], "--fromat")])
def test_wrong_use_is_one_line(tmp_path, arguments, word):
    result = explain(tmp_path, *arguments)
    assert result.returncode == 1 and result.stdout == ""
    assert word in result.stderr and len(result.stderr.splitlines()) == 1
