# SPDX-License-Identifier: Apache-2.0
"""MFA sessions: mfa-login gets them, the chain uses them, a running proxy notices."""
import fcntl
import json
import os
import pty
import re
import select
import shlex
import signal
import struct
import termios
import time

import harness
import pytest
from fake_aws import FakeAws, Identity
from mock_sts import MockSts
from test_credentials import profile_text, who, write_home

BASE = Identity("AKIABASEBASEBASEBAS1", "base-secret-base-secret")
OTHER = Identity("AKIAOTHEROTHEROTHER2", "other-secret-other-secret")
SERIAL = "arn:aws:iam::222233334444:mfa/me"
ROLE = f"[profile app]\nrole_arn = arn:aws:iam::222233334444:role/r\nsource_profile = base\nmfa_serial = {SERIAL}\n"
URL = "http://bucket.s3.us-east-1.amazonaws.com/generate/1"


@pytest.fixture(scope="module")
def shared_aws(certificate):
    with FakeAws([harness.CANARY, BASE, OTHER], certificate) as server:
        yield server


@pytest.fixture
def sts(aws):
    with MockSts(aws, [BASE, OTHER, harness.CANARY]) as server:
        yield server


def login(tmp_path, sts, *arguments, code="123456", env=None):
    code = ["--token-code", code] if code else []
    result = harness.run_binary("mfa-login", *arguments, *code, folder=tmp_path,
                                env=sts.variables | (env or {}))
    assert BASE.secret_key not in result.stdout + result.stderr
    assert "lent-secret" not in result.stdout + result.stderr
    return result


def sessions(tmp_path):
    return sorted((tmp_path / ".cache/sigv4-proxy/mfa").glob("*"))


def exported(tmp_path, sts, *arguments, env=None):
    result = harness.run_binary("export-credentials", *arguments, folder=tmp_path,
                                env=sts.variables | (env or {}))
    return json.loads(result.stdout)["AccessKeyId"] if result.returncode == 0 else result.stderr


def test_session_is_kept_private_and_used_for_its_profile_only(sts, tmp_path):
    write_home(tmp_path, profile_text(BASE, "p") + profile_text(BASE, "q"))
    result = login(tmp_path, sts, "--serial-number", SERIAL, "--profile", "p", "--duration", "36h")
    assert (result.returncode, result.stderr) == (0, ""), result
    path, = sessions(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    assert str(path) in result.stdout and "profile p has an MFA session until 20" in result.stdout
    call, = sts.calls
    assert (call["SerialNumber"], call["TokenCode"], call["DurationSeconds"], call["signer"]) == (
        SERIAL, "123456", "129600", BASE.access_key)
    assert BASE.secret_key not in path.read_text()
    assert exported(tmp_path, sts, "--profile", "p") == "ASIALENT000000000001"
    assert exported(tmp_path, sts, "--profile", "q") == BASE.access_key
    assert login(tmp_path, sts, "--serial-number", SERIAL, "--profile", "p").returncode == 0
    assert "DurationSeconds" not in sts.calls[-1] and sessions(tmp_path) == [path]
    assert exported(tmp_path, sts, "--profile", "p") == "ASIALENT000000000002"


def test_cache_folder_follows_xdg(sts, tmp_path):
    write_home(tmp_path, profile_text(BASE))
    env = {"XDG_CACHE_HOME": str(tmp_path / "elsewhere")}
    assert login(tmp_path, sts, "--serial-number", SERIAL, env=env).returncode == 0
    assert len(list((tmp_path / "elsewhere/sigv4-proxy/mfa").glob("*.json"))) == 1
    assert exported(tmp_path, sts, env=env).startswith("ASIALENT")
    assert exported(tmp_path, sts) == BASE.access_key


def test_running_proxy_tells_the_command_and_takes_what_comes_of_it(aws, sts, start_proxy, tmp_path):
    write_home(tmp_path, profile_text(BASE, "base"), ROLE)
    proxy = start_proxy(aws, identity=None, env=sts.variables, conf="profile = app")
    answer = proxy.request("GET", URL)
    assert (answer.status, answer.error) == (503, "no-credentials")
    command = re.search(r"run: sigv4-proxy (mfa-login [^;]*)", json.loads(answer.body)["message"])[1]
    assert command == f"mfa-login --serial-number {SERIAL} --profile app"
    assert not sts.calls
    result = login(tmp_path, sts, *shlex.split(command)[1:])
    assert result.returncode == 0, result
    harness.wait_until(lambda: proxy.request("GET", URL).status == 200, 10, "the MFA session")
    assert [(c["Action"], c["signer"]) for c in sts.calls] == [
        ("GetSessionToken", BASE.access_key), ("AssumeRole", "ASIALENT000000000001")]
    assert who(proxy) == "ASIALENT000000000002"


def test_session_of_the_source_profile_serves_its_roles(sts, tmp_path):
    write_home(tmp_path, profile_text(BASE, "base"), ROLE)
    assert login(tmp_path, sts, "--serial-number", SERIAL, "--profile", "base").returncode == 0
    assert exported(tmp_path, sts, "--profile", "app") == "ASIALENT000000000002"
    assert sts.calls[-1]["signer"] == "ASIALENT000000000001"


def test_role_without_mfa_serial_uses_the_session_that_it_was_given(sts, tmp_path):
    write_home(tmp_path, profile_text(BASE, "base"), ROLE.replace("mfa_serial", "#"))
    assert exported(tmp_path, sts, "--profile", "app").startswith("ASIALENT")
    assert login(tmp_path, sts, "--serial-number", SERIAL, "--profile", "app").returncode == 0
    session = sts.calls[-1]
    assert session["Action"] == "GetSessionToken" and session["signer"] == BASE.access_key
    assert exported(tmp_path, sts, "--profile", "app").startswith("ASIALENT")
    assert [c["signer"] for c in sts.calls] == [BASE.access_key, BASE.access_key, "ASIALENT000000000002"]


def test_keys_of_a_process_are_the_source(sts, tmp_path):
    keys = json.dumps({"Version": 1, "AccessKeyId": BASE.access_key, "SecretAccessKey": BASE.secret_key})
    (tmp_path / "keys").write_text(keys)
    write_home(tmp_path, config=ROLE + f"[profile base]\ncredential_process = cat {tmp_path}/keys\n")
    assert login(tmp_path, sts, "--profile", "app").returncode == 0
    assert exported(tmp_path, sts, "--profile", "app") == "ASIALENT000000000002"
    assert sts.calls[-1]["signer"] == "ASIALENT000000000001"


def test_other_device_is_another_session(sts, tmp_path):
    write_home(tmp_path, profile_text(BASE, "base"), ROLE)
    assert login(tmp_path, sts, "--serial-number", SERIAL + "2", "--profile", "app").returncode == 0
    assert "it has no MFA session; run: sigv4-proxy mfa-login" in exported(tmp_path, sts, "--profile", "app")


@pytest.mark.parametrize("profile", ["keys", "app"])
def test_changed_key_invalidates_the_session(sts, tmp_path, profile):
    config = ROLE + f"[profile keys]\nmfa_serial = {SERIAL}\n"
    write_home(tmp_path, profile_text(BASE, "base") + profile_text(BASE, "keys"), config)
    assert login(tmp_path, sts, "--profile", profile).returncode == 0
    assert exported(tmp_path, sts, "--profile", profile).startswith("ASIALENT")
    write_home(tmp_path, profile_text(OTHER, "base") + profile_text(OTHER, "keys"), config)
    said = exported(tmp_path, sts, "--profile", profile)
    assert "got with other keys; run: sigv4-proxy mfa-login" in said, said


def test_expired_session_fails_with_the_command_and_without_mfa_serial_falls_back(sts, tmp_path):
    config = f"[profile keys]\nmfa_serial = {SERIAL}\n"
    write_home(tmp_path, profile_text(BASE, "keys") + profile_text(BASE, "plain"), config)
    sts.lifetime = 5
    for profile in ("keys", "plain"):
        assert login(tmp_path, sts, "--profile", profile, "--serial-number", SERIAL).returncode == 0
    said = exported(tmp_path, sts, "--profile", "keys")
    assert f"has expired; run: sigv4-proxy mfa-login --serial-number {SERIAL} --profile keys" in said, said
    assert exported(tmp_path, sts, "--profile", "plain") == BASE.access_key


def test_session_that_others_can_read_is_not_used(sts, tmp_path):
    write_home(tmp_path, profile_text(BASE), f"[default]\nmfa_serial = {SERIAL}\n")
    assert login(tmp_path, sts).returncode == 0
    sessions(tmp_path)[0].chmod(0o644)
    assert "chmod 600" in exported(tmp_path, sts)


def test_credential_source_environment(sts, tmp_path):
    keys = harness.identity_environment(BASE)
    config = ROLE.replace("source_profile = base", "credential_source = Environment")
    write_home(tmp_path, config=config)
    assert login(tmp_path, sts, "--profile", "app", env=keys).returncode == 0
    assert exported(tmp_path, sts, "--profile", "app", env=keys) == "ASIALENT000000000002"
    assert "Ec2InstanceMetadata does not give" in exported_with(
        sts, tmp_path, config.replace("Environment", "Ec2InstanceMetadata"))


def exported_with(sts, tmp_path, config):
    write_home(tmp_path, config=config)
    return exported(tmp_path, sts, "--profile", "app")


@pytest.mark.parametrize("arguments, code, word", [
    (["--serial-number", SERIAL, "--duration", "14m"], "123456", "between 15m and 36h"),
    (["--serial-number", SERIAL, "--duration", "37h"], "123456", "between 15m and 36h"),
    (["--serial-number", SERIAL, "--duration", "soon"], "123456", "not a time"),
    (["--serial-number", "short"], "123456", "no serial number or ARN"),
    (["--serial-number", SERIAL], "12345", "six digits"),
    (["--serial-number", SERIAL], "12345x", "six digits"),
    (["--serial-number", SERIAL], "999999", "AccessDenied: MultiFactorAuthentication failed"),
    (["--serial-number", SERIAL], None, "no terminal to ask for the code on; give --token-code"),
    ([], "123456", "which device? --serial-number"),
    (["--serial-number", SERIAL, "--profile", "nope"], "123456", "profile nope: neither in"),
    (["--serial-number", SERIAL, "--profile", "temporary"], "123456", "temporary credentials"),
    (["--serial-number", SERIAL, "--profile", "empty"], "123456", "has no credentials"),
])
def test_refusals_are_one_line_and_leave_nothing(sts, tmp_path, arguments, code, word):
    write_home(tmp_path, profile_text(BASE) + profile_text(harness.CANARY, "temporary")
               + "[empty]\nregion = eu-west-1\n")
    result = login(tmp_path, sts, *arguments, code=code)
    assert (result.returncode, result.stdout) == (1, "")
    assert word in result.stderr and len(result.stderr.splitlines()) == 1, result.stderr
    assert not sessions(tmp_path)


def test_keys_of_the_environment_that_come_first_are_told(sts, tmp_path):
    write_home(tmp_path, profile_text(BASE))
    result = login(tmp_path, sts, "--serial-number", SERIAL, env=harness.identity_environment(OTHER))
    assert result.returncode == 0 and "AWS_ACCESS_KEY_ID is set and comes before profile default" in result.stderr
    assert sts.calls[0]["signer"] == BASE.access_key


def test_code_comes_from_standard_input_where_that_is_said(sts, tmp_path):
    write_home(tmp_path, profile_text(BASE))
    result = harness.run_binary("mfa-login", "--serial-number", SERIAL, "--token-code", "-",
                                folder=tmp_path, env=sts.variables, given="123456\n")
    assert result.returncode == 0, result


class Terminal:
    """mfa-login on a terminal of its own."""

    def __init__(self, tmp_path, sts):
        arguments = [harness.BINARY, "mfa-login", "--serial-number", SERIAL]
        env = harness.base_environment(tmp_path) | sts.variables
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(harness.BINARY, arguments, env)
        self.seen = ""

    def read_until(self, word):
        deadline = time.monotonic() + 10 * harness.PATIENCE
        while word not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if not select.select([self.fd], [], [], 0.1)[0]:
                continue
            try:
                self.seen += os.read(self.fd, 4096).decode()
            except OSError:  # the other end is closed
                break
        assert word in self.seen, self.seen

    def name(self):
        tiocgptn = 0x80045430
        return f"/dev/pts/{struct.unpack('I', fcntl.ioctl(self.fd, tiocgptn, bytes(4)))[0]}"

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def test_code_is_asked_for_on_the_terminal_and_not_shown(sts, tmp_path):
    write_home(tmp_path, profile_text(BASE))
    terminal = Terminal(tmp_path, sts)
    terminal.read_until(f"MFA code of {SERIAL}: ")
    terminal.type("123456\n")
    terminal.read_until("has an MFA session until")
    assert "123456" not in terminal.seen
    assert terminal.end() == 0
    assert len(sessions(tmp_path)) == 1


def test_interrupt_ends_the_question_and_gives_the_echo_back(sts, tmp_path):
    write_home(tmp_path, profile_text(BASE))
    terminal = Terminal(tmp_path, sts)
    terminal.read_until("MFA code of")
    assert not termios.tcgetattr(terminal.fd)[3] & termios.ECHO
    keeper = os.open(terminal.name(), os.O_RDWR | os.O_NOCTTY)
    terminal.type("12\x03")
    status = os.waitpid(terminal.pid, 0)[1]
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT
    assert termios.tcgetattr(keeper)[3] & termios.ECHO
    os.close(keeper)
    os.close(terminal.fd)
    assert not sts.calls and not sessions(tmp_path)
