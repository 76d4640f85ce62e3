# SPDX-License-Identifier: Apache-2.0
"""Secrets stay inside: the search that runs with every test finds what it should, and here is where it looks."""
import json
from urllib.parse import quote

import canary
import harness
import http1
import pytest
from mock_metadata import MockMetadata

HOST = "bucket.s3.us-east-1.amazonaws.com"
BASE = f"http://{HOST}/"
SECRETS = [harness.CANARY.secret_key, harness.CANARY.token, harness.CANARY.access_key]


# ---- the search itself


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("form", [str, lambda s: quote(s, safe=""), lambda s: canary.base64.b64encode(s.encode()).decode()])
def test_each_form_of_a_secret_is_found(secret, form):
    with pytest.raises(AssertionError, match="a secret is in the log"):
        canary.check(SECRETS, f"before {form(secret)} behind", "the log")
    canary.check(SECRETS, "AKIA...7EGG and nothing else", "the log")


def test_leak_in_an_answer_is_found():
    def answer(body, fields=(), status=502):
        one = http1.Response(f"HTTP/1.1 {status} X", http1.Fields(fields), b"")
        one.body = body.encode()
        return one

    own = [("Server", "sigv4-proxy")]
    with pytest.raises(AssertionError):
        canary.check_answer(harness.CANARY, answer(harness.CANARY.secret_key))
    with pytest.raises(AssertionError):
        canary.check_answer(harness.CANARY, answer(quote(harness.CANARY.token, safe=""), own))
    canary.check_answer(harness.CANARY, answer('{"url":"' + quote(harness.CANARY.token, safe="") + '"}', own, 200))
    assert http1.Client.inspect  # and each answer goes through it


def test_leak_in_arguments_and_pages_is_found(start_proxy):
    proxy = start_proxy()
    proxy.secrets.append(str(proxy.conf_path))  # stands in the arguments and in /status
    with pytest.raises(AssertionError, match="the arguments"):
        canary.check_process(proxy)
    with pytest.raises(AssertionError, match="/status"):
        canary.check_pages(proxy)
    proxy.secrets.pop()
    proxy.inspect()


# ---- what is searched


def walk(proxy):
    """Every kind of answer: signed, denied, refused, failed, presigned, redirected, of each admin page."""
    for path, fault in (("generate/10", ""), ("missing", ""), ("generate/10", "status=503:SlowDown"), ("generate/10", "reset=-1")):
        proxy.request("GET", BASE + path, [("Fake-Fault", fault)] if fault else [])
    proxy.request("GET", "http://denied.example.com/?token=x")
    proxy.request("GET", BASE + "x", [("Authorization", "Bearer x")])
    proxy.request("GET", "http://redirect.test/k")
    proxy.request("GET", "http://query.test/k")
    with proxy.client() as client:
        client.send(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n")
        client.read()
    for body in ({"url": f"https://{HOST}/k"}, {"url": "https://evil.example/"}, {"nope": 1}):
        proxy.admin("/presign", method="POST", body=json.dumps(body).encode())
    for path in ("/status", "/metrics", "/healthz", "/readyz", "/quit", "/nowhere"):
        proxy.admin(path)


def conf_of(aws):
    return (f'[route "redirect.test"]\nservice = s3\nregion = us-east-1\nupstream = {aws.url}\nsign = redirect\n'
            f'[route "query.test"]\nservice = s3\nregion = us-east-1\nupstream = {aws.url}\nsign = query\n')


def lend_canary(endpoint):
    """The endpoint gives out the canary."""
    endpoint.lend = lambda: {"AccessKeyId": harness.CANARY.access_key, "SecretAccessKey": harness.CANARY.secret_key,
                             "Token": harness.CANARY.token, "Expiration": "2099-01-01T00:00:00Z"}


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("source", ["environment", "file", "container", "instance", "process"])
def test_nothing_is_given_away_wherever_keys_come_from(aws, start_proxy, tmp_path, source, form):
    identity, env = (harness.CANARY, {}) if source == "environment" else (None, {})
    folder = tmp_path / ".aws"
    folder.mkdir()
    with MockMetadata(aws) as endpoint:
        lend_canary(endpoint)
        if source in ("container", "instance"):
            env = getattr(endpoint, source)
        if source == "file":
            (folder / "credentials").write_text(
                f"[default]\naws_access_key_id = {harness.CANARY.access_key}\n"
                f"aws_secret_access_key = {harness.CANARY.secret_key}\naws_session_token = {harness.CANARY.token}\n")
        if source == "process":
            answer = tmp_path / "answer.json"
            answer.write_text(json.dumps({"Version": 1, "AccessKeyId": harness.CANARY.access_key, "SessionToken": harness.CANARY.token,
                                          "SecretAccessKey": harness.CANARY.secret_key}))
            (folder / "config").write_text(f"[default]\ncredential_process = cat {answer}\n")
        proxy = start_proxy(aws, f"log_level = debug\nlog_format = {form}\nlog_query = yes\nlog_failed_requests = yes\n"
                            "log_signing_process = yes\nretry_base = 10ms\n" + conf_of(aws), identity=identity, env=env)
        harness.wait_until(lambda: proxy.admin("/readyz").status == 200, what="credentials")
        walk(proxy)
        assert any(record.verdict for record in aws.requests)
        proxy.stop()  # the search of everything it showed
    assert "7EGG" in proxy.log


def test_tokens_and_the_upstream_proxys_secret_are_looked_for_too(aws, start_proxy, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("ci canary-proxy-token-0123456789\n")
    tokens.chmod(0o600)
    proxy = start_proxy(aws, f"log_level = debug\nproxy_auth_file = {tokens}\ncustom_headers = X-Key=canary-custom-header-1\n",
                        env={"SIGV4_PROXY_UPSTREAM_PROXY": "http://u:canary-upstream-token@127.0.0.1:9"})
    proxy.secrets += ["canary-proxy-token-0123456789", "canary-upstream-token", "canary-custom-header-1", "canary-wrong-token-987654"]
    for token in ("canary-proxy-token-0123456789", "canary-wrong-token-987654"):
        proxy.request("GET", BASE + "generate/1", [("Proxy-Authorization", "Bearer " + token)])
    walk(proxy)
    assert aws.requests


def test_a_child_gets_no_setting_of_ours(start_proxy, aws, tmp_path):
    (tmp_path / ".aws").mkdir()
    script = tmp_path / "give"
    script.write_text(f"#!/bin/sh\nenv > {tmp_path}/seen.new\ntr '\\0' ' ' < /proc/$$/cmdline >> {tmp_path}/seen.new\n"
                      f"ulimit -c >> {tmp_path}/seen.new\nmv {tmp_path}/seen.new {tmp_path}/seen\n"
                      f'echo \'{{"Version":1,"AccessKeyId":"AKIAPROCESSPROCESS12","SecretAccessKey":"x"}}\'\n')
    script.chmod(0o700)
    (tmp_path / ".aws" / "config").write_text(f"[default]\ncredential_process = {script} plain-argument\n")
    proxy = start_proxy(aws, identity=None, env={"SIGV4_PROXY_UPSTREAM_PROXY": "http://u:canary-upstream-token@127.0.0.1:9"})
    harness.wait_until((tmp_path / "seen").exists, 10, "the child")
    seen = (tmp_path / "seen").read_text()
    assert "canary-upstream-token" not in seen and "SIGV4_PROXY" not in seen
    assert "plain-argument" in seen and seen.rstrip().endswith(" 0")
    proxy.stop()


def test_no_core_and_nobody_else_reads_memory(start_proxy):
    proxy = start_proxy()
    canary.check_process(proxy)  # RLIMIT_CORE 0, also of children
    hardening = json.loads(proxy.admin("/status").body)["hardening"]
    assert hardening["dumpable"] is False and hardening["core_bytes_max"] == 0 and hardening["no_new_privileges"] is True
