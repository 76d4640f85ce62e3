# SPDX-License-Identifier: Apache-2.0
"""docs/recipes.md: each example, run as it stands but for the proxy's port."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import harness
import pytest
from fake_aws import FakeAws

PAGE = (harness.ROOT / "docs/recipes.md").read_text()
pytestmark = pytest.mark.skipif(bool(harness.SANITIZER), reason="it is the tools that are tried here")
HOSTS = '[route "*.amazonaws.com"]\nupstream = {}\n'


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S).group(1)


def blocks(title, language):
    found = re.findall(rf"^```{language}\n(.*?)^```", section(title), re.M | re.S)
    assert found, (title, language)
    return found


@pytest.fixture(scope="module")
def server(certificate):
    with FakeAws([harness.CANARY], certificate, buckets=["my-bucket"]) as one:
        yield one


class Shop:
    """A folder to run things in, and a proxy in front of what verifies."""

    def __init__(self, folder, proxy, server):
        self.folder = folder
        self.proxy = proxy
        self.server = server
        (folder / "report.csv").write_text("a,b\n")

    def here(self, text):
        return re.sub(r"\b8080\b", str(self.proxy.port), text)

    def run(self, *command, env=None):
        result = subprocess.run(
            [self.here(word) for word in command], cwd=self.folder, capture_output=True, text=True,
            env=harness.base_environment(self.folder) | self.proxy.variables() | (env or {}),
            timeout=120, check=False)
        assert result.returncode == 0, (command, result.stdout, result.stderr)
        return result.stdout

    def sh(self, title, env=None):
        return "".join(self.run("bash", "-euc", block, env=env) for block in blocks(title, "sh"))

    def python(self, title):
        for number, block in enumerate(blocks(title, "python")):
            path = self.folder / f"example{number}.py"
            path.write_text(block)
            self.run(sys.executable, str(path))

    def received(self):
        """(service, method, path) of each request; all must have been signed well."""
        assert all(record.verdict for record in self.server.requests), self.server.requests
        return [(record.verdict.service, record.method, record.target.split("?")[0])
                for record in self.server.requests]


@pytest.fixture
def shop(tmp_path, server, start_proxy):
    server.clear()
    return Shop(tmp_path, start_proxy(None, HOSTS.format(server.url)), server)


def needs(*tools):
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")


def test_curl(shop):
    said = shop.sh("curl")
    assert "a,b" in said and "orders" in said and "GetCallerIdentityResult" in said
    assert [service for service, _, _ in shop.received()] == ["s3", "s3", "dynamodb", "sts"]


def test_wget(shop):
    needs("wget")
    shop.server.s3.buckets["my-bucket"].clear()
    shop.run("curl", "-fsST", "report.csv", "http://my-bucket.s3.us-east-1.amazonaws.com/report.csv")
    (shop.folder / "report.csv").unlink()
    shop.sh("wget")
    assert (shop.folder / "report.csv").read_text() == "a,b\n"
    assert shop.received()[1:] == [("s3", "GET", "/report.csv"), ("s3", "PUT", "/copy.csv")]
    assert shop.server.requests[-1].fields.get("Content-Type") == "application/x-www-form-urlencoded"


def test_java(shop):
    needs("java", "javac")
    shop.run("curl", "-fsST", "report.csv", "http://my-bucket.s3.us-east-1.amazonaws.com/report.csv")
    (shop.folder / "Fetch.java").write_text(blocks("Java", "java")[0])
    assert shop.sh("Java") == "a,b\n"
    assert shop.received()[-1] == ("s3", "GET", "/report.csv")


def test_requests(shop):
    shop.python("Python requests")
    assert [method for _, method, _ in shop.received()] == ["PUT", "PUT", "GET"]


def test_boto3(shop):
    shop.python("boto3")
    assert [(service, method) for service, method, _ in shop.received()] == [
        ("s3", "PUT"), ("s3", "GET"), ("sqs", "POST")]
    assert shop.server.requests[0].fields.get("x-amz-checksum-crc32")


@pytest.mark.parametrize("aws", sorted({path for path in (
    shutil.which("aws"), shutil.which("aws", path="/usr/bin")) if path}) or ["aws"])
def test_aws_cli(shop, aws):
    needs(aws)
    shop.sh("AWS CLI", {"PATH": f"{pathlib.Path(aws).parent}:{os.environ['PATH']}"})
    assert {("s3", "PUT", "/my-bucket/report.csv"), ("sqs", "POST", "/")} <= set(shop.received())
    assert shop.received()[-1][:2] == ("s3", "GET")


def test_s3cmd(shop):
    needs("s3cmd")
    (shop.folder / ".s3cfg").write_text(shop.here(blocks("s3cmd", "ini")[0]))
    assert "s3://my-bucket/report.csv" in shop.sh("s3cmd")
    assert ("s3", "PUT", "/report.csv") in shop.received()


def test_prometheus(shop):
    needs("prometheus")
    lines = blocks("Prometheus remote write", "yaml")[0]
    port = harness.free_port()
    (shop.folder / "prometheus.yml").write_text(shop.here(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: self\n    static_configs:\n"
        f"      - targets: [\"127.0.0.1:{port}\"]\n" + lines +
        "    queue_config:\n      batch_send_deadline: 500ms\n"))
    with open(shop.folder / "prometheus.log", "wb") as log:
        process = subprocess.Popen(
            ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
             f"--web.listen-address=127.0.0.1:{port}"], cwd=shop.folder, stdout=log, stderr=log,
            env=harness.base_environment(shop.folder))
    try:
        harness.wait_until(lambda: shop.server.requests, 40, "a remote write")
    finally:
        process.terminate()
        process.wait()
    assert set(shop.received()) == {("aps", "POST", "/workspaces/ws-12345678-1234-1234-1234-123456789012"
                                     "/api/v1/remote_write")}
    assert shop.server.requests[0].fields.get("Content-Encoding") == "snappy"


def test_opensearch_client_with_a_proxy(shop):
    pytest.importorskip("opensearchpy", reason="opensearch-py is not installed")
    shop.python("OpenSearch clients")
    assert shop.received() == [("es", "GET", "/_cluster/health")]


def test_opensearch_clients_without_one(server, start_proxy, tmp_path):
    server.clear()
    host = re.search(r"`sigv4-proxy --host (\S+)`", section("OpenSearch clients")).group(1)
    # Its address in place of its name: here no name server answers.
    proxy = start_proxy(None, arguments=["--host", f"127.0.0.1:{server.port}", "--sign-host", host,
                                         "--no-verify-ssl"])
    shop = Shop(tmp_path, proxy, server)
    shop.sh("OpenSearch clients")
    assert shop.received() == [("es", "GET", "/_cluster/health"), ("es", "POST", "/logs/_search")]
    assert all(record.host == host for record in server.requests)


def test_interception_as_its_page_shows(server, start_proxy, tmp_path):
    """docs/interception.md: a CA, the proxy, and curl with an https URL."""
    page = (harness.ROOT / "docs/interception.md").read_text()
    lines = re.search(r"^```sh\n(.*?)^```", page, re.M | re.S).group(1).splitlines()
    server.clear()
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sigv4-proxy").symlink_to(harness.BINARY)
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    environment = harness.base_environment(tmp_path) | path
    subprocess.run(["bash", "-euc", lines[0]], env=environment, check=True, capture_output=True)
    start = lines[1].split("#")[0].split()
    assert (start[0], start[-1]) == ("sigv4-proxy", "&")
    shop = Shop(tmp_path, start_proxy(None, HOSTS.format(server.url), arguments=start[1:-1]), server)
    shop.run("curl", "-fsST", "report.csv", "http://my-bucket.s3.eu-west-1.amazonaws.com/key")
    assert shop.run("bash", "-euc", "\n".join(lines[2:]), env=path).endswith("a,b\n")
    assert shop.received()[-1] == ("s3", "GET", "/key")


def test_every_recipe_is_run_here():
    titles = set(re.findall(r"^## (.+)$", PAGE, re.M)) - {"Others"}
    source = pathlib.Path(__file__).read_text()
    for title in titles:
        assert f'"{title}"' in source, title
