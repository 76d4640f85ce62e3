# SPDX-License-Identifier: Apache-2.0
"""The documents are true: commands and settings that they name exist and do what they say."""
import re
import subprocess

import harness
import pytest

README = (harness.ROOT / "README.md").read_text()
CONFS = sorted((harness.ROOT / "conf").glob("*.conf"))


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def test_readme_is_one_page():
    assert len(README.splitlines()) <= 120


def test_commands_of_dev_exist():
    usage = subprocess.run([harness.ROOT / "dev", "--help"], capture_output=True, text=True,
                           check=True).stdout
    named = set(re.findall(r"\./dev (\w+)", README))
    assert {"demo", "test"} <= named
    for command in named:
        assert re.search(rf"^  {command}\b", usage, re.M), command


def test_files_that_readme_names_exist():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    paths = re.findall(r"`((?:proxy|docs|conf|tests|tools|fuzz|bench)/[\w./-]*)`", README)
    assert links or paths
    for path in links + paths:
        if "://" not in path:
            assert (harness.ROOT / path).exists(), path


def test_flags_that_readme_names_exist(tmp_path):
    usage = harness.run_binary("--help", folder=tmp_path).stdout
    for line in README.splitlines():
        if "sigv4-proxy " in line:
            for flag in re.findall(r"(?<=\s)--[a-z][a-z-]+", line.split("sigv4-proxy ", 1)[1]):
                assert flag in usage, flag


@pytest.mark.parametrize("number", range(len(blocks("ini"))))
def test_settings_in_readme_are_accepted(tmp_path, number):
    path = tmp_path / "readme.conf"
    path.write_text(blocks("ini")[number])
    result = harness.run_binary("check-config", "--config", str(path), folder=tmp_path)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("path", CONFS, ids=lambda path: path.name)
def test_configuration_files_are_accepted(tmp_path, path):
    result = harness.run_binary("check-config", "--config", str(path), folder=tmp_path)
    assert result.returncode == 0, result.stderr


def test_sh_blocks_of_readme_run(proxy, aws, tmp_path):
    """Blocks marked sh are typed into one shell, one behind the other, at a running proxy: here as
    they stand but for the port and the bucket."""
    assert blocks("sh")
    (tmp_path / "report.csv").write_text("a,b\n")
    script = "".join(blocks("sh")).replace("127.0.0.1:8080", f"127.0.0.1:{proxy.port}").replace(
        "my-bucket", "bucket")
    result = subprocess.run(["bash", "-euc", script], cwd=tmp_path, capture_output=True, text=True,
                            timeout=60, check=False)
    assert result.returncode == 0, (script, result.stdout, result.stderr)
    assert len(aws.requests) == script.count("curl ")
    assert all(r.verdict for r in aws.requests)


COMPLETION = """
source conf/completion.bash
ask() { COMP_WORDS=(sigv4-proxy "$@"); COMP_CWORD=$#; _sigv4_proxy; echo "${COMPREPLY[@]}"; }
ask --log-l
ask run --log-level d
ask run --config conf/mini
ask che
ask run --no-v
"""


def test_completion_offers_flags_words_files_and_subcommands():
    result = subprocess.run(["bash", "-uc", COMPLETION], cwd=harness.ROOT, capture_output=True,
                            text=True, check=True)
    assert result.stdout.splitlines() == ["--log-level", "debug", "conf/minimal.conf", "check-config",
                                          "--no-verify-ssl --no-via"]
    assert result.stderr == ""
