# SPDX-License-Identifier: Apache-2.0
"""credential_process: who runs it, what it is given, and what becomes of it."""
import json
import os
import pathlib
import re
import signal
import threading
import time

import harness
import pytest
from fake_aws import FakeAws, Identity
from test_credentials import STS, who, write_home

FIRST = Identity("AKIAPROCESSPROCESS01", "process/secret+of-01/MixedAndLongEnough1", "process-token-01")
SECOND = Identity("AKIAPROCESSPROCESS02", "process/secret+of-02/MixedAndLongEnough2", "process-token-02")


@pytest.fixture(scope="module")
def shared_aws(certificate):
    with FakeAws([harness.CANARY, FIRST, SECOND], certificate) as server:
        yield server


def output(identity, seconds=3600):
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    return json.dumps({"Version": 1, "AccessKeyId": identity.access_key,
                       "SecretAccessKey": identity.secret_key, "SessionToken": identity.token,
                       "Expiration": until})


def put_tool(folder, script):
    (folder / "tool.new").write_text("#!/bin/sh\n" + script)
    (folder / "tool.new").chmod(0o755)
    (folder / "tool.new").rename(folder / "tool")


@pytest.fixture
def tool(tmp_path):
    """tool(script): what `credential_process` of the profile "p" runs."""
    write_home(tmp_path, config=f"[profile p]\ncredential_process = {tmp_path}/tool 'an argument'\n")
    return lambda script: put_tool(tmp_path, script)


def says(identity, more=""):
    return f"{more}\ncat <<'END'\n{output(identity)}\nEND\n"


def start(start_proxy, aws, **options):
    options.setdefault("identity", None)
    return start_proxy(aws, "profile = p\n" + options.pop("conf", ""), **options)


def pid_in(path):
    def look():
        text = path.read_text() if path.exists() else ""
        return int(text) if text.endswith("\n") else None
    return harness.wait_until(look, 10, "the command's beginning")


def is_alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_gone(pid):
    harness.wait_until(lambda: not is_alive(pid), 10, f"the end of {pid}")


def test_it_signs(aws, tool, start_proxy):
    tool(says(FIRST, '[ "$#,$1" = "1,an argument" ] || exit 9'))
    proxy = start(start_proxy, aws)
    assert who(proxy) == FIRST.access_key
    assert aws.requests[-1].fields.get("X-Amz-Security-Token") == FIRST.token
    harness.wait_until(lambda: "credential_process of profile p" in proxy.log, what="the line")


def test_64_first_requests_run_it_once(aws, tool, tmp_path, start_proxy):
    tool(says(FIRST, f"echo run >> {tmp_path}/runs; sleep 0.3"))
    conf = '[route "sts.us-east-1.amazonaws.com"]\nprofile = p\nupstream = ' + aws.url
    proxy = start_proxy(None, conf)
    assert harness.at_once(64, lambda _: who(proxy)) == [FIRST.access_key] * 64
    assert (tmp_path / "runs").read_text() == "run\n"


def test_one_that_hangs_delays_nobody_who_has_credentials(aws, tool, tmp_path, start_proxy):
    tool(f"echo $$ > {tmp_path}/pid\nexec sleep 300\n")
    conf = f'[route "s3.us-east-1.amazonaws.com"]\nprofile = p\nupstream = {aws.url}\n'
    proxy = start_proxy(aws, conf)
    waiting = threading.Thread(
        target=lambda: proxy.request("GET", "http://s3.us-east-1.amazonaws.com/bucket/generate/1"))
    waiting.start()
    pid_in(tmp_path / "pid")
    slowest = 0
    for _ in range(50):
        began = time.monotonic()
        assert who(proxy) == harness.CANARY.access_key
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2 * harness.PATIENCE
    waiting.join()


def test_refresh_that_hangs_stops_nothing(aws, tool, tmp_path, start_proxy):
    tool(says(FIRST))
    proxy = start(start_proxy, aws)
    assert who(proxy) == FIRST.access_key
    tool(f"echo $$ > {tmp_path}/pid\nexec sleep 300\n")
    proxy.signal(signal.SIGHUP)
    pid_in(tmp_path / "pid")
    for _ in range(20):
        assert who(proxy) == FIRST.access_key


def test_keys_that_aws_calls_expired_are_fetched_anew(aws, tool, start_proxy):
    tool(says(FIRST))
    proxy = start(start_proxy, aws)
    assert who(proxy) == FIRST.access_key
    tool(says(SECOND))
    aws.faults.add("*", "status=400:ExpiredToken", 1)
    proxy.request("POST", STS, body=b"Action=GetCallerIdentity&Version=2011-06-15")
    harness.wait_until(lambda: who(proxy) == SECOND.access_key, 10, "the new keys")


def test_what_it_says_on_standard_error_is_for_the_log_without_secrets(aws, tool, start_proxy):
    tool(f"echo 'cannot reach the vault' >&2\necho '{output(FIRST)}' >&2\n"
         f"echo key is {SECOND.secret_key} >&2\nexit 7\n")
    proxy = start(start_proxy, aws)
    proxy.secrets += [FIRST.secret_key, FIRST.token, SECOND.secret_key]
    answer = proxy.request("GET", "http://bucket.s3.us-east-1.amazonaws.com/generate/1")
    assert (answer.status, answer.error) == (503, "no-credentials")
    assert b"credential_process of profile p: it ended with exit code 7" in answer.body
    assert b"vault" not in answer.body
    harness.wait_until(lambda: "it wrote: cannot reach the vault" in proxy.log, what="the line")
    for secret in proxy.secrets:
        assert secret.encode() not in answer.body


def test_its_environment_and_limits_are_those_of_a_login(aws, tool, tmp_path, start_proxy):
    tool(says(FIRST, f"env > {tmp_path}/env; umask > {tmp_path}/umask; cat /proc/self/limits"
                     f" > {tmp_path}/limits; ls /proc/self/fd > {tmp_path}/fds"))
    harness_mask = os.umask(0o022)
    try:
        proxy = start(start_proxy, aws, env={
            "AWS_REGION": "us-east-1", "HTTPS_PROXY": "http://127.0.0.1:1", "OF_THE_USER": "1",
            "SIGV4_PROXY_MAX_FIELD": "16k", "LISTEN_PID": "1"})
    finally:
        os.umask(harness_mask)
    assert who(proxy) == FIRST.access_key
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert {"AWS_REGION", "HTTPS_PROXY", "OF_THE_USER", "HOME", "PATH"} <= names
    assert not [name for name in names if name.startswith(("SIGV4_PROXY", "LISTEN_"))]
    assert (tmp_path / "umask").read_text() == "0022\n"
    cores = [line.split() for line in (tmp_path / "limits").read_text().splitlines()
             if line.startswith("Max core")][0]
    assert cores[4:6] == ["0", "0"]
    assert (tmp_path / "fds").read_text().split() == ["0", "1", "2", "3"]  # 3: the folder it lists


def spawner_of(proxy):
    children = pathlib.Path(f"/proc/{proxy.process.pid}/task/{proxy.process.pid}/children")
    [pid] = children.read_text().split()
    assert pathlib.Path(f"/proc/{pid}/comm").read_text() == "spawner\n"
    return int(pid)


def test_commands_and_spawner_end_with_a_proxy_that_is_killed(aws, tool, tmp_path, start_proxy):
    tool(f"sleep 300 &\necho $! > {tmp_path}/other\necho $$ > {tmp_path}/pid\nwait\n")
    proxy = start(start_proxy, aws)
    command, other, spawner = pid_in(tmp_path / "pid"), pid_in(tmp_path / "other"), spawner_of(proxy)
    proxy.process.kill()
    proxy.check_end(code=-signal.SIGKILL)
    for pid in (command, other, spawner):
        wait_gone(pid)
    proxy.process = None


def test_stop_waits_for_no_command(aws, tool, tmp_path, start_proxy):
    tool(f"trap '' TERM\necho $$ > {tmp_path}/pid\nwhile :; do sleep 300; done\n")
    proxy = start(start_proxy, aws)
    command = pid_in(tmp_path / "pid")
    proxy.stop(5)
    wait_gone(command)


def state_of_spawner(proxy):
    status = json.loads(proxy.admin("/status").body)
    gauge = re.search(r"^sigv4_proxy_spawner_up (\d)", proxy.admin("/metrics").body.decode(), re.M)
    return status["state"]["spawner"], int(gauge.group(1))


def test_proxy_without_its_spawner_says_so_and_serves_what_it_has(aws, tool, start_proxy):
    tool(says(FIRST))
    proxy = start(start_proxy, aws)
    assert who(proxy) == FIRST.access_key
    assert state_of_spawner(proxy) == ("running", 1)
    os.kill(spawner_of(proxy), signal.SIGKILL)
    harness.wait_until(lambda: "the process that runs commands has ended (signal 9)" in proxy.log, 5,
                       "the log line")
    assert state_of_spawner(proxy) == ("ended", 0)
    proxy.signal(signal.SIGHUP)
    harness.wait_until(lambda: "start sigv4-proxy again" in proxy.log, 5, "the failed refresh")
    assert who(proxy) == FIRST.access_key
    children = pathlib.Path(f"/proc/{proxy.process.pid}/task/{proxy.process.pid}/children")
    assert not children.read_text()


def test_export_credentials_runs_it_and_shows_its_complaint(tool, tmp_path):
    tool(says(FIRST, "echo progress >&2"))
    done = harness.run_binary("export-credentials", "--profile", "p", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["SecretAccessKey"] == FIRST.secret_key
    tool("echo log in first >&2; exit 1")
    done = harness.run_binary("export-credentials", "--profile", "p", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "it ended with exit code 1; it wrote: log in first" in done.stderr


def test_whoami_runs_it_too(tool, tmp_path):
    tool(says(FIRST))
    done = harness.run_binary("whoami", "--offline", "--profile", "p", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "credential_process of profile p" in done.stdout
    tool("echo log in first >&2; exit 1")
    done = harness.run_binary("whoami", "--offline", "--profile", "p", folder=tmp_path)
    assert done.returncode == 1
    assert "it ended with exit code 1; it wrote: log in first" in done.stdout + done.stderr


def test_whoami_shows_the_complaint_of_a_source_profiles_command(tool, tmp_path):
    tool("echo log in first >&2; exit 1")
    config = tmp_path / ".aws" / "config"
    config.write_text(config.read_text() + "\n[profile r]\nsource_profile = p\n"
                      "role_arn = arn:aws:iam::123456789012:role/r\n")
    done = harness.run_binary("whoami", "--offline", "--profile", "r", folder=tmp_path)
    assert done.returncode == 1
    line = next(line for line in done.stdout.splitlines() if line.startswith("shared files"))
    assert line.count("it ended with exit code 1") == 1
    assert "source_profile p: " in line and line.endswith("; it wrote: log in first")



def test_own_export_serves_as_the_process_of_another_profile(aws, tool, tmp_path, start_proxy):
    tool(says(FIRST))
    with open(tmp_path / ".aws" / "config", "a") as config:
        config.write(f"[profile q]\ncredential_process = {harness.BINARY} export-credentials --profile p\n")
    proxy = start_proxy(aws, "profile = q\n", identity=None)
    assert who(proxy) == FIRST.access_key


def test_process_that_asks_for_its_own_profile_ends(tmp_path):
    write_home(tmp_path, config=f"[profile p]\ncredential_process = {harness.BINARY} export-credentials\n")
    done = harness.run_binary("export-credentials", folder=tmp_path, env={"AWS_PROFILE": "p"})
    assert (done.returncode, done.stdout) == (1, "")
    assert "it leads back to this profile" in done.stderr


def test_command_in_a_file_that_others_may_write_is_warned_of(aws, tool, tmp_path, start_proxy):
    tool(says(FIRST))
    (tmp_path / ".aws" / "config").chmod(0o664)
    proxy = start(start_proxy, aws)
    assert who(proxy) == FIRST.access_key
    assert f"{tmp_path}/.aws/config can be written by others" in proxy.log
