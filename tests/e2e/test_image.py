# SPDX-License-Identifier: Apache-2.0
"""The image of docker/Dockerfile, unpacked by tests/image.sh: what it says of itself, and the proxy in
it with a root file system that is read only, no shell, an unprivileged user and no capabilities."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import harness
import pytest

ROOT = os.environ.get("SIGV4_IMAGE_ROOT")
pytestmark = [pytest.mark.skipif(not ROOT, reason="no image is unpacked: tests/image.sh does that"),
              pytest.mark.own_namespace]
HOST = "bucket.s3.us-east-1.amazonaws.com"
QUEUE = "sqs.us-east-1.amazonaws.com"
SHELLS = ("bin/sh", "bin/bash", "bin/dash")


@pytest.fixture(scope="module")
def config():
    image = json.loads(pathlib.Path(os.environ["SIGV4_IMAGE_JSON"]).read_text())
    return image["Docker"]["config"]


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


@pytest.fixture(params=["with a volume", "without a volume"])
def contained(request, tmp_path, authority, shared_aws, config):
    """The proxy as a container runtime starts it."""
    proxy = harness.Proxy(tmp_path, ca_bundle="/etc/sigv4-proxy/ca.pem", conf=(
        f'[limits]\nbody_memory = 64k\n[route "*.amazonaws.com"]\nupstream = {shared_aws.url}\n'))
    root = tmp_path / "root"
    settings = tmp_path / "settings"
    for folder in (root, settings):
        folder.mkdir()
        folder.chmod(0o755)
    shutil.copy(authority.bundle, settings / "ca.pem")
    shutil.copy(proxy.conf_path, settings / "sigv4-proxy.conf")
    for file in settings.iterdir():
        file.chmod(0o644)
    mount("--bind", ROOT, root)
    mounted = [root]

    def add(place, *arguments):
        mount(*arguments, root / place)
        mounted.append(root / place)

    try:
        for place in ("proc", "dev"):
            add(place, "--bind", f"/{place}")
        add("etc/sigv4-proxy", "--bind", str(settings))
        for shell in SHELLS:
            if (root / shell).exists():
                add(shell, "--bind", "/dev/null")
        if request.param == "with a volume":
            add("var/tmp", "-t", "tmpfs", "-o", "size=64m,mode=1777", "tmpfs")
        mount("-o", "remount,bind,ro", root)
        user = config["User"]
        proxy.command = ["chroot", f"--userspec={user}", f"--groups={user.split(':')[1]}", str(root),
                         *config["Entrypoint"]]
        for line in config["Env"]:
            name, value = line.split("=", 1)
            proxy.env[name] = value
        proxy.start()
        proxy.has_volume = request.param == "with a volume"
        yield proxy
        proxy.stop()
    finally:
        if proxy.process and proxy.process.poll() is None:
            proxy.process.kill()
            proxy.process.wait()
        print(proxy.log[-3000:])
        for place in reversed(mounted):
            subprocess.run(["umount", "-l", place], check=False)


def test_image_is_small():
    assert 0 < int(os.environ["SIGV4_IMAGE_KIB"]) < 25 * 1024


def test_image_says_how_to_run_it(config):
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", config["User"])
    assert config["Entrypoint"] == ["sigv4-proxy"] and not config.get("Cmd")
    assert config["Healthcheck"]["Test"] == ["CMD", "sigv4-proxy", "healthcheck"]
    assert list(config["Volumes"]) == ["/var/tmp"] and config["StopSignal"] == "SIGTERM"
    labels = config["Labels"]
    for name in ("title", "description", "licenses", "version", "revision"):
        assert labels[f"org.opencontainers.image.{name}"]
    assert labels["org.opencontainers.image.revision"] == "0123456789ab"


def test_binary_is_of_the_commit_and_the_version_of_the_label(config, tmp_path):
    shown = subprocess.run(["chroot", ROOT, "/usr/bin/sigv4-proxy", "--version"], capture_output=True,
                           text=True, check=True).stdout
    version = config["Labels"]["org.opencontainers.image.version"]
    assert f"sigv4-proxy {version} (commit 0123456789ab)" in shown


def test_image_holds_roots_of_trust_and_no_tools():
    bundle = pathlib.Path(ROOT, "etc/ssl/certs/ca-certificates.crt").read_text()
    assert bundle.count("BEGIN CERTIFICATE") > 100
    for tool in ("gcc", "cmake", "openssl", "curl"):
        assert not pathlib.Path(ROOT, "usr/bin", tool).exists(), tool
    assert not list(pathlib.Path(ROOT, "var/lib/apt/lists").glob("*Packages*"))


def test_requests_are_signed_in_the_container(contained, aws):
    status = pathlib.Path(f"/proc/{contained.process.pid}/status").read_text()
    assert re.search(r"^Uid:\s+10001\s+10001", status, re.M)
    assert re.search(r"^CapEff:\s+0+$", status, re.M) and re.search(r"^NoNewPrivs:\s+1$", status, re.M)
    assert contained.request("PUT", f"http://{HOST}/k", body=b"x" * 300000).status == 200
    assert contained.request("GET", f"http://{HOST}/k").body == b"x" * 300000
    body = b"Action=SendMessage&MessageBody=" + b"x" * 200000  # hashed first: beyond body_memory
    answer = contained.request("POST", f"http://{QUEUE}/", [
        ("Content-Type", "application/x-www-form-urlencoded")], body)
    if contained.has_volume:
        assert answer.status == 200, answer
    else:
        assert (answer.status, answer.error) == (413, "body-too-large")
        assert b"spool_dir" in answer.body
    assert all(record.verdict for record in aws.requests)


def test_healthcheck_works_in_the_container(contained, config):
    command = contained.command[:contained.command.index("sigv4-proxy")]
    result = subprocess.run([*command, *config["Healthcheck"]["Test"][1:]], env=contained.env,
                            capture_output=True, text=True, timeout=20, check=False)
    assert result.returncode == 0, result.stderr
