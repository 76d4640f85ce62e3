# SPDX-License-Identifier: Apache-2.0
"""What is installed where, the Debian package, and the systemd unit in it."""
import os
import pathlib
import re
import shutil
import subprocess

import harness
import pytest

BUILD = pathlib.Path(harness.BINARY).parent
pytestmark = pytest.mark.skipif(bool(harness.SANITIZER), reason="a sanitizer's build is not shipped")


def run(*command, **options):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                            timeout=120, check=False, **options)
    assert result.returncode == 0, (command, result.stdout, result.stderr)
    return result.stdout


def needs(*tools):
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")


def files(root):
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    needs("cpack", "dpkg-deb", "dpkg-shlibdeps", "strip")
    folder = tmp_path_factory.mktemp("package")
    run("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", folder)
    return next(folder.glob("*.deb"))


@pytest.fixture(scope="module")
def tree(package):
    root = package.parent / "tree"
    run("dpkg-deb", "-x", package, root)
    return root


@pytest.fixture
def unit(tree, tmp_path):
    """The package's unit, with the package's binary where it was unpacked."""
    text = (tree / "usr/lib/systemd/system/sigv4-proxy.service").read_text()
    assert "ExecStart=/usr/bin/sigv4-proxy run\n" in text
    path = tmp_path / "sigv4-proxy.service"
    path.write_text(text.replace("/usr/bin/sigv4-proxy", str(tree / "usr/bin/sigv4-proxy")))
    return path


def test_install_honours_destdir_and_prefix(tmp_path):
    run("cmake", "--install", BUILD, "--prefix", "/opt/tools", env=os.environ | {"DESTDIR": str(tmp_path)})
    assert {"opt/tools/bin/sigv4-proxy", "etc/sigv4-proxy/sigv4-proxy.conf",
            "opt/tools/share/man/man8/sigv4-proxy.8", "opt/tools/share/man/man5/sigv4-proxy.conf.5",
            "opt/tools/share/bash-completion/completions/sigv4-proxy",
            "opt/tools/lib/systemd/system/sigv4-proxy.service"} <= files(tmp_path)
    unit = (tmp_path / "opt/tools/lib/systemd/system/sigv4-proxy.service").read_text()
    assert "ExecStart=/opt/tools/bin/sigv4-proxy run\n" in unit


def test_package_holds_what_a_server_needs(package, tree):
    assert {"usr/bin/sigv4-proxy", "etc/sigv4-proxy/sigv4-proxy.conf",
            "usr/lib/systemd/system/sigv4-proxy.service", "usr/lib/systemd/system/sigv4-proxy.socket",
            "usr/share/man/man8/sigv4-proxy.8.gz",
            "usr/share/man/man5/sigv4-proxy.conf.5.gz", "usr/share/doc/sigv4-proxy/copyright",
            "usr/share/bash-completion/completions/sigv4-proxy",
            "etc/logrotate.d/sigv4-proxy"} <= files(tree)
    assert run("dpkg-deb", "-I", package, "conffiles").split() == [
        "/etc/sigv4-proxy/sigv4-proxy.conf", "/etc/logrotate.d/sigv4-proxy"]
    depends = run("dpkg-deb", "-f", package, "Depends")
    assert "libssl3" in depends and "libevent" in depends
    assert (tree / "usr/bin/sigv4-proxy").stat().st_size < 5 << 20


def test_binary_and_configuration_of_the_package_go_together(tree):
    result = run(tree / "usr/bin/sigv4-proxy", "check-config", "-c",
                 tree / "etc/sigv4-proxy/sigv4-proxy.conf", env=harness.base_environment(tree))
    assert "listen = 127.0.0.1:8080" in result


@pytest.mark.skipif(os.geteuid() != 0, reason="logrotate changes users")
def test_logs_are_rotated_without_a_line_lost(tree, aws, start_proxy, tmp_path):
    """The package's logrotate file; only the folder, the user and who gets the signal are replaced."""
    needs("logrotate")
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o750)
    proxy = start_proxy(aws, f"log_file = {logs}/proxy.log\n")
    text = (tree / "etc/logrotate.d/sigv4-proxy").read_text()
    assert "systemctl kill --signal=USR1 --kill-who=main sigv4-proxy.service" in text
    text = re.sub(r"systemctl kill.*", f"kill -USR1 {proxy.process.pid}", text)
    text = re.sub(r"^ *(su|create) .*\n", "", text.replace("/var/log/sigv4-proxy", str(logs)), flags=re.M)
    (tmp_path / "rotate.conf").write_text(text)

    def access_lines():
        return sum(path.read_text().count(" ACCESS [") for path in logs.iterdir())

    for number in range(2):
        assert proxy.request("GET", "http://bucket.s3.us-east-1.amazonaws.com/generate/10").status == 200
        harness.wait_until(lambda: access_lines() == number + 1, what="the access line")  # noqa: B023
        if number == 0:
            run("logrotate", "--force", "--state", tmp_path / "state", tmp_path / "rotate.conf")
            harness.wait_until((logs / "proxy.log").exists, what="the file anew")
    assert sorted(path.name for path in logs.iterdir()) == ["proxy.log", "proxy.log.1"]


def test_lintian_finds_no_error(package):
    needs("lintian")
    result = subprocess.run(["lintian", "--allow-root", "--fail-on", "error", package],
                            capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout


def test_scripts_of_the_package_are_sound():
    needs("shellcheck")
    run("shellcheck", *(harness.ROOT / "conf/package" / name for name in ("postinst", "prerm", "postrm")))


def test_unit_is_valid(unit):
    needs("systemd-analyze")
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True,
                            text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_socket_unit_is_valid(unit, tree):
    needs("systemd-analyze")
    path = unit.parent / "sigv4-proxy.socket"
    shutil.copy(tree / "usr/lib/systemd/system/sigv4-proxy.socket", path)
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", path, unit], capture_output=True,
                            text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_unit_is_confined(unit):
    needs("systemd-analyze")
    shown = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", shown).group(1))
    assert exposure < 2.0, shown
