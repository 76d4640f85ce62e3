# SPDX-License-Identifier: Apache-2.0
"""IAM Identity Center: tokens of `aws sso login`, their renewal, and what happens without one."""
import json
import threading

import harness
import pytest
from mock_sso import (RENEWABLE, START_URL, MockSso, cache_file, legacy_text, put_token,
                      session_text)
from test_credentials import BASE, who, write_home

COMMAND = "run: aws sso login --sso-session work"


@pytest.fixture
def sso(aws):
    with MockSso(aws) as server:
        yield server


def start(start_proxy, aws, sso, **options):
    proxy = start_proxy(aws, "profile = p\n", identity=None, env=sso.variables, **options)
    proxy.secrets += ["access-token", "refresh-token", RENEWABLE["clientSecret"], "sso-secret",
                      "sso-token"]
    return proxy


def refused(proxy):
    answer = proxy.request("GET", BASE + "generate/1")
    assert (answer.status, answer.error) == (503, "no-credentials")
    return answer.body.decode()


@pytest.mark.parametrize("of, text", [("work", session_text()), (START_URL, legacy_text())],
                         ids=["session", "older form"])
def test_it_signs(aws, sso, start_proxy, tmp_path, of, text):
    write_home(tmp_path, config=text)
    put_token(tmp_path, of, 3600)
    proxy = start(start_proxy, aws, sso)
    assert who(proxy).startswith("ASIASSO")
    assert len(sso.calls) == 1
    harness.wait_until(lambda: "SSO role Reader in account 222233334444" in proxy.log, what="the line")


def test_expired_token_is_renewed_and_written_back(aws, sso, start_proxy, tmp_path):
    write_home(tmp_path, config=session_text())
    path = put_token(tmp_path, "work", -60, owner="another tool", **RENEWABLE)
    proxy = start(start_proxy, aws, sso)
    assert who(proxy).startswith("ASIASSO")
    now = json.loads(path.read_text())
    assert now["accessToken"] in sso.tokens and now["refreshToken"] in sso.refresh_tokens
    assert now["owner"] == "another tool" and now["clientId"] == RENEWABLE["clientId"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == [path.name]  # nothing is left beside it
    assert [call[1].partition("?")[0] for call in sso.calls] == ["/token", "/federation/credentials"]


def test_64_first_requests_renew_and_fetch_once(aws, sso, start_proxy, tmp_path):
    write_home(tmp_path, config=session_text())
    put_token(tmp_path, "work", -60, **RENEWABLE)
    sso.delay = 0.2
    proxy = start(start_proxy, aws, sso)
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(who(proxy))) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1 and len(seen) == 64
    assert len(sso.calls) == 2


def test_without_a_login_the_command_is_named_and_a_login_is_noticed(aws, sso, start_proxy, tmp_path):
    write_home(tmp_path, config=session_text())
    proxy = start(start_proxy, aws, sso)
    assert COMMAND in refused(proxy)
    assert not sso.calls
    put_token(tmp_path, "work", 3600)
    harness.wait_until(lambda: proxy.request("GET", BASE + "generate/1").status == 200, 10, "the login")


def test_refused_renewal_names_the_command_once(aws, sso, start_proxy, tmp_path):
    write_home(tmp_path, config=session_text())
    put_token(tmp_path, "work", -60, **(RENEWABLE | {"refreshToken": "spent"}))
    proxy = start(start_proxy, aws, sso)
    for _ in range(5):
        text = refused(proxy)
        assert "invalid_grant: Invalid refresh token" in text and COMMAND in text
    assert len(sso.calls) == 1


def test_token_that_the_portal_knows_no_more(aws, sso, start_proxy, tmp_path):
    write_home(tmp_path, config=session_text())
    put_token(tmp_path, "work", 3600, accessToken="revoked")
    assert COMMAND in refused(start(start_proxy, aws, sso))
    assert len(sso.calls) == 1


def test_portal_that_hangs_delays_nobody_who_has_credentials(aws, sso, start_proxy, tmp_path):
    write_home(tmp_path, config=session_text())
    put_token(tmp_path, "work", 3600)
    sso.delay = 30
    conf = f'[route "s3.us-east-1.amazonaws.com"]\nprofile = p\nupstream = {aws.url}\n'
    proxy = start_proxy(aws, conf, env=sso.variables)
    waiting = threading.Thread(
        target=lambda: proxy.request("GET", "http://s3.us-east-1.amazonaws.com/bucket/generate/1"))
    waiting.start()
    harness.wait_until(lambda: sso.calls, 5, "the question to the portal")
    for _ in range(20):
        assert who(proxy) == harness.CANARY.access_key
    assert waiting.is_alive()
    waiting.join()


def test_export_credentials_of_a_login(aws, sso, tmp_path):
    write_home(tmp_path, config=session_text())
    done = harness.run_binary("export-credentials", "--profile", "p", folder=tmp_path, env=sso.variables)
    assert (done.returncode, done.stdout) == (1, "")
    assert COMMAND in done.stderr
    put_token(tmp_path, "work", 3600)
    done = harness.run_binary("export-credentials", "--profile", "p", folder=tmp_path, env=sso.variables)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["AccessKeyId"].startswith("ASIASSO")
    assert cache_file(tmp_path, "work").exists()
