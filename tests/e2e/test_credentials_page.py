# SPDX-License-Identifier: Apache-2.0
"""docs/credentials.md: what it shows on a console is what is printed."""
import re
import shlex

import harness
from fake_aws import Identity
from mock_sts import MockSts

PAGE = (harness.ROOT / "docs/credentials.md").read_text()
CONSOLES = re.findall(r"^```console\n(.*?)^```", PAGE, re.M | re.S)


def commands():
    """(arguments, lines shown) of each command, in the page's order."""
    for block in CONSOLES:
        for part in re.split(r"^\$ sigv4-proxy ", block, flags=re.M)[1:]:
            command, _, shown = part.partition("\n")
            yield shlex.split(command), shown.splitlines()


def write_files(home):
    text, = re.findall(r"^```text\n(.*?)^```", PAGE, re.M | re.S)
    credentials, config = re.split(r"^# ~/.aws/\w+\n", text, flags=re.M)[1:]
    (home / ".aws").mkdir()
    (home / ".aws/credentials").write_text(credentials)
    (home / ".aws/credentials").chmod(0o600)
    (home / ".aws/config").write_text(config)
    return re.search(r"aws_secret_access_key = (\S+)", credentials)[1]


def matches(shown, printed):
    """… in the page stands for anything."""
    return re.fullmatch(".*".join(re.escape(part) for part in shown.split("…")), printed)


def test_consoles_show_what_is_printed(tmp_path):
    secret = write_files(tmp_path)
    with MockSts(None, [Identity("AKIAEXAMPLEEXAMPLE01", secret)], region="eu-west-1") as sts:
        ran = []
        for arguments, shown in commands():
            result = harness.run_binary(*arguments, folder=tmp_path, env={"AWS_ENDPOINT_URL_STS": sts.url})
            lines = (result.stdout + result.stderr).replace(sts.url, "https://sts.eu-west-1.amazonaws.com").splitlines()
            if result.returncode:
                assert len(shown) == 1 and matches(shown[0], lines[-1]), (arguments, lines)
            else:
                assert len(lines) == len(shown), (arguments, lines)
                for want, line in zip(shown, lines):
                    assert matches(want, line), (want, line)
            ran.append((arguments[0], result.returncode))
    assert ran == [("whoami", 0), ("export-credentials", 1), ("mfa-login", 0), ("export-credentials", 0)]


def test_table_has_the_chain_in_its_order(tmp_path):
    shown = re.findall(r"^\| [1-5] \| ([^|]+) \|", PAGE, re.M)
    told = re.findall(r"^(\S.*?)  +(?:skipped|not asked|failed)", harness.run_binary(
        "whoami", "--offline", folder=tmp_path).stdout, re.M)
    assert told == shown and len(shown) == 5
