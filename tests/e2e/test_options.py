# SPDX-License-Identifier: Apache-2.0
"""The command line, the environment and the file: precedence, and refusals that help."""
import re

import harness
import pytest

BASE = "http://bucket.s3.us-east-1.amazonaws.com/"


def run(tmp_path, *arguments, env=None):
    return harness.run_binary(*arguments, folder=tmp_path, env=env)


def test_help(tmp_path):
    result = run(tmp_path, "--help")
    assert result.returncode == 0
    for word in ("--listen", "--admin", "--workers", "--config", "127.0.0.1:8080"):
        assert word in result.stdout, word
    assert result.stderr == ""


def test_version(tmp_path):
    result = run(tmp_path, "--version")
    assert result.returncode == 0
    assert re.match(r"sigv4-proxy \d+\.\d+\.\d+ \(commit ([0-9a-f]{7,}|unknown)\)\n", result.stdout)
    for library in ("libevent 2.", "OpenSSL 3.", "http-parser 2.", "expat_2.", "jansson 2."):
        assert library in result.stdout, library


@pytest.mark.parametrize("flag, nearest", [
    ("--lisen=127.0.0.1:1", "--listen"), ("--worker", "--workers"), ("--regoin=x", "--region")])
def test_unknown_flag_names_the_nearest(tmp_path, flag, nearest):
    result = run(tmp_path, flag)
    assert result.returncode != 0
    assert nearest in result.stderr
    assert len(result.stderr.strip().splitlines()) <= 2


def test_unknown_subcommand(tmp_path):
    result = run(tmp_path, "chekc-config")
    assert result.returncode != 0
    assert "chekc-config" in result.stderr


@pytest.mark.parametrize("text, line, word", [
    ("[proxy]\nlisten = 127.0.0.1:8080\nworkrs = 2\n", 3, "workers"),
    ("[proxy]\n\nworkers = many\n", 3, "workers"),
    ("[proxy]\nlisten\n", 2, ""),
    ("[nonsense]\nlisten = 127.0.0.1:8080\n", 1, "nonsense"),
    ("[proxy\n", 1, ""),
    ("[proxy]\nbody_max = 5x\n", 2, "body_max"),
    ("[proxy]\nidle_timeout = -1s\n", 2, "idle_timeout"),
    ("[proxy]\nlisten = nowhere\n", 2, "listen"),
    ('[route "*.test"]\nupstream = ftp://x\n', 2, "upstream"),
    ('[route "*.test"]\nservise = s3\n', 2, "service"),
])
def test_bad_file_is_refused_with_its_line(tmp_path, text, line, word):
    path = tmp_path / "bad.conf"
    path.write_text(text)
    result = run(tmp_path, "run", "--config", str(path))
    assert result.returncode == 1, result
    assert f"{path}:{line}:" in result.stderr
    assert word in result.stderr


def test_missing_file_is_refused(tmp_path):
    result = run(tmp_path, "--config", str(tmp_path / "missing.conf"))
    assert result.returncode != 0
    assert "missing.conf" in result.stderr


def test_taken_port_is_one_clear_line(aws, start_proxy, tmp_path):
    proxy = start_proxy(aws)
    result = run(tmp_path, "--listen", f"127.0.0.1:{proxy.port}", "--admin", "off")
    assert result.returncode != 0
    assert str(proxy.port) in result.stderr


def test_flag_beats_environment_beats_file(aws, start_proxy):
    url = "http://search.example.com/"

    def region(**options):
        proxy = start_proxy(None, f'name = es\nregion = eu-west-1\n[route "search.example.com"]\n'
                                  f"upstream = {aws.url}\n", **options)
        assert proxy.request("GET", url).status == 200
        return aws.requests[-1].verdict.region

    variable = {"SIGV4_PROXY_REGION": "eu-west-2"}
    assert region() == "eu-west-1"
    assert region(env=variable) == "eu-west-2"
    assert region(env=variable, arguments=["--region", "eu-west-3"]) == "eu-west-3"
    assert region(env=variable, arguments=["--region=eu-west-3"]) == "eu-west-3"


def test_host_and_name_serve_any_origin_form(aws, start_proxy):
    proxy = start_proxy(None, arguments=[
        "--host", f"127.0.0.1:{aws.port}", "--name", "es", "--region", "us-east-1"])
    answer = proxy.request("GET", "/_search", host="127.0.0.1")
    assert answer.status == 200, answer
    assert aws.requests[-1].verdict.service == "es"


def test_sign_host_stands_in_the_signature(aws, start_proxy):
    proxy = start_proxy(None, f'[route "search.example.com"]\nupstream = {aws.url}\nservice = es\n'
                              "region = us-east-1\nsign_host = vpc-x.us-east-1.es.amazonaws.com\n")
    assert proxy.request("GET", "http://search.example.com/").status == 200
    assert aws.requests[-1].host == "vpc-x.us-east-1.es.amazonaws.com"


def test_unsigned_hosts_are_forwarded_octet_by_octet(aws, start_proxy):
    proxy = start_proxy(None, "unsigned_hosts = mirror.example.com\n"
                              f'[route "mirror.example.com"]\nupstream = {aws.url}\n')
    target = "/a%2fb//../c?z=1&a=+&b"
    answer = proxy.request("GET", f"http://mirror.example.com{target}")
    assert (answer.status, answer.error) == (403, None), "the stand-in's own refusal"
    record = aws.requests[-1]
    assert record.target == target
    assert "Authorization" not in record.fields


def test_verification_can_be_switched_off_with_a_warning(aws, start_proxy):
    proxy = start_proxy(aws, ca_bundle=None, arguments=["--no-verify-ssl"])
    assert proxy.request("GET", BASE + "generate/1").status == 200
    harness.wait_until(lambda: "verif" in proxy.log.lower(), what="the warning")


def test_listener_beyond_loopback_warns(aws, start_proxy):
    port = harness.free_port()
    proxy = start_proxy(aws, arguments=["--listen", f"0.0.0.0:{port}"], is_ready=False)
    harness.wait_until(lambda: "0.0.0.0" in proxy.log and "WARN" in proxy.log, 10, "the warning")
    harness.wait_until(proxy.is_listening, 10, "the proxy")


def test_check_config(tmp_path):
    good, bad = tmp_path / "good.conf", tmp_path / "bad.conf"
    good.write_text("[proxy]\nworkers = 3\n")
    bad.write_text("[proxy]\nworkrs = 3\n")
    result = run(tmp_path, "check-config", "--config", str(good))
    assert result.returncode == 0
    assert "workers = 3" in result.stdout
    result = run(tmp_path, "check-config", "--config", str(bad))
    assert result.returncode == 1
    assert f"{bad}:2:" in result.stderr
