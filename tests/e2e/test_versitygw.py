# SPDX-License-Identifier: Apache-2.0
"""The object tests again, against real S3 servers: versitygw and MinIO, each where it is installed."""
import http.client
import json
import os
import random
import shutil
import ssl
import subprocess
import urllib.parse

import boto3
import botocore
import curl
import harness
import http1
import object_cases
import pattern
import pytest
import tls_tools
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from fake_aws import Identity

ROOT = Identity("AKIATESTROOTUSER0001", "root-secret-for-this-run-only")
BASE = b"http://s3.us-east-1.amazonaws.com/objects/"
MIB = 1 << 20
N_KEYS = int(os.environ.get("SIGV4_KEYS", "150"))  # of the property test; 10,000 by hand


def find(name):
    return shutil.which(name) or shutil.which(name, path="/usr/local/bin") or shutil.which(
        name, path=str(harness.ROOT / "build" / "bin"))


def versitygw(folder, port, pem):
    tls = ["--cert", str(pem), "--key", str(pem)] if pem else []
    (folder / "data").mkdir()
    return [find("versitygw"), "--port", f"127.0.0.1:{port}", "-a", ROOT.access_key, "-s",
            ROOT.secret_key, "--keep-alive", *tls, "posix", str(folder / "data")], {}


def minio(folder, port, pem):
    tls = []
    if pem:
        (folder / "certs").mkdir()
        certificate, begin, key = pem.read_text().partition("-----BEGIN PRIVATE KEY")
        (folder / "certs" / "public.crt").write_text(certificate)
        (folder / "certs" / "private.key").write_text(begin + key)
        tls = ["--certs-dir", str(folder / "certs")]
    return [find("minio"), "server", str(folder / "data"), "--address", f"127.0.0.1:{port}", *tls], {
        "MINIO_ROOT_USER": ROOT.access_key, "MINIO_ROOT_PASSWORD": ROOT.secret_key,
        "MINIO_BROWSER": "off"}


SERVERS = {"versitygw": versitygw, "minio": minio}


@pytest.fixture(scope="module", params=[f"{name}-{how}" for name in SERVERS for how in ("tls", "plain")])
def gateway(request, tmp_path_factory, authority, certificate):
    """A proxy in front of a real server, whose bucket "objects" exists."""
    name, how = request.param.split("-")
    if not find(name):
        pytest.skip(f"{name} is not installed")
    if harness.SANITIZER and request.param != "versitygw-tls":
        pytest.skip("one server is enough under a sanitizer")
    folder, port = tmp_path_factory.mktemp(request.param), harness.free_port()
    command, env = SERVERS[name](folder, port, certificate if how == "tls" else None)
    log = open(folder / "server.log", "wb")
    server = subprocess.Popen(command, env=harness.base_environment(folder) | env, cwd=folder,
                              stdout=log, stderr=log)
    scheme = "https" if how == "tls" else "http"
    assert harness.run_binary("ca", "init", "--ca-dir", str(folder / "ca"), folder=folder).returncode == 0
    conf = (f"connect = intercept\nca_dir = {folder}/ca\n"
            f'[route "*.amazonaws.com"]\nupstream = {scheme}://127.0.0.1:{port}\n')
    try:
        with harness.running(folder, conf=conf, identity=ROOT, ca_bundle=authority.bundle) as proxy:
            proxy.server_name = name
            proxy.server_port = port if how == "tls" else None

            def is_up():
                assert server.poll() is None, (folder / "server.log").read_text()
                return proxy.request("PUT", BASE[:-1]).status == 200

            harness.wait_until(is_up, 30, f"{name} taking a bucket")
            yield proxy
    finally:
        server.terminate()
        server.wait(20)
        log.close()


@pytest.mark.parametrize("typed, key", object_cases.KEYS)
def test_key_round_trip(gateway, typed, key):
    with gateway.client() as client:
        object_cases.round_trip(client, BASE, typed)


@pytest.mark.parametrize("typed, key", object_cases.KEYS_OF_S3_ALONE)
def test_signature_over_odd_keys_is_taken(gateway, typed, key):
    """A file system may refuse the name; the signature must never be the reason."""
    answer = gateway.request("GET", BASE + typed)
    assert answer.error is None
    assert b"SignatureDoesNotMatch" not in answer.body, answer
    assert b"AccessDenied" not in answer.body, answer


def test_presigned_by_the_command(gateway, authority, tmp_path):
    if not gateway.server_port:
        pytest.skip("presigned URLs are https")
    url = BASE.decode() + "presigned%20key+1"
    source = tmp_path / "data"
    source.write_bytes(b"presigned")

    def use(method, *arguments):
        result = harness.run_binary(
            "presign", method, url, folder=tmp_path, env={
                "AWS_ACCESS_KEY_ID": ROOT.access_key, "AWS_SECRET_ACCESS_KEY": ROOT.secret_key})
        assert result.returncode == 0, result.stderr
        signed = result.stdout.strip().replace("http://", "https://", 1)
        return curl.over_tls("127.0.0.1", gateway.server_port, authority, signed, *arguments)
    assert use("PUT", "-T", str(source))[0] == 200
    assert use("GET") == (200, b"presigned")
    assert use("HEAD", "-I")[0] == 200
    assert use("DELETE", "-X", "DELETE")[0] == 204
    assert use("GET")[0] == 404


@pytest.mark.parametrize("query", object_cases.LIST_QUERIES)
def test_list_query(gateway, query):
    with gateway.client() as client:
        assert client.request("PUT", BASE + b"q/a%20b", body=b"1").status == 200
        assert client.request("PUT", BASE + b"other", body=b"2").status == 200
        answer = client.request("GET", BASE[:-1] + b"?" + query)
    assert answer.status == 200, answer
    assert b"<Key>q/a b</Key>" in answer.body
    assert b"<Key>other</Key>" not in answer.body


@pytest.mark.parametrize("size", [0, 1, 70000, 5 * MIB])
def test_sizes(gateway, size):
    with gateway.client(60) as client:
        assert client.request("PUT", BASE + b"size", body=pattern.octets(size)).status == 200
        assert client.request("GET", BASE + b"size").body == pattern.octets(size)


def test_chunked_upload(gateway):
    with gateway.client() as client:
        put = client.request("PUT", BASE + b"chunked", [("Transfer-Encoding", "chunked")],
                             body=b"5\r\nhello\r\n0\r\n\r\n")
        assert put.status == 200, put
        assert client.request("GET", BASE + b"chunked").body == b"hello"


def test_fields_and_ranges(gateway):
    with gateway.client() as client:
        fields = [("x-amz-meta-Colour", "blue  and  green"), ("Content-Type", "text/x"),
                  ("Cache-Control", "max-age=9")]
        assert client.request("PUT", BASE + b"meta", fields, body=b"0123456789").status == 200
        part = client.request("GET", BASE + b"meta", [("Range", "bytes=2-4")])
        assert (part.status, part.body) == (206, b"234")
        assert part.fields.get("Content-Type") == "text/x"
        assert part.fields.get("x-amz-meta-Colour").split() == ["blue", "and", "green"]


def test_upload_with_expect(gateway):
    with gateway.client() as client:
        client.start("PUT", BASE + b"expect", [("Content-Length", "4"), ("Expect", "100-continue")],
                     host="s3.us-east-1.amazonaws.com")
        assert client.wire.read_head()[0].startswith("HTTP/1.1 100")
        client.send(b"data")
        assert client.read().status == 200


def test_wrong_secret(gateway, tmp_path, authority):
    wrong = Identity(ROOT.access_key, "not-the-secret")
    conf = gateway.conf_path.read_text().split("\n", 4)[4]
    with harness.running(tmp_path, conf=conf, identity=wrong, ca_bundle=authority.bundle) as proxy:
        answer = proxy.request("GET", BASE + b"size")
    assert (answer.status, answer.error) == (403, None)
    assert b"SignatureDoesNotMatch" in answer.body


def test_server_refuses_without_the_proxy(gateway):
    """Else the tests above would show nothing."""
    scheme, port = harness.re.search(r"upstream = (\w+)://127.0.0.1:(\d+)",
                                     gateway.conf_path.read_text()).groups()
    if scheme == "https":
        pytest.skip("asked once, without TLS")
    with http1.Client(("127.0.0.1", int(port))) as client:
        assert client.request("GET", "/objects/size", host="127.0.0.1").status == 403


def test_presigned_urls_with_plain_curl(gateway, authority, tmp_path):
    """The URLs name AWS's host; curl is told where that is, and speaks what the server speaks."""
    scheme, port = harness.re.search(r"upstream = (\w+)://127.0.0.1:(\d+)",
                                     gateway.conf_path.read_text()).groups()
    source = tmp_path / "source"
    source.write_bytes(pattern.octets(70000))

    def presigned(method, *arguments, headers=None):
        body = json.dumps({"url": BASE.decode() + "presigned/a%20b+%C3%A9", "method": method,
                           "headers": headers or {}}).encode()
        answer = gateway.admin("/presign", method="POST", body=body)
        assert answer.status == 200, answer.body
        url = json.loads(answer.body)["url"].replace("https:", scheme + ":")
        result = subprocess.run(
            ["curl", "-sS", "--max-time", "30", "--path-as-is", "--cacert", str(authority.bundle),
             "--connect-to", f"::127.0.0.1:{port}", "-w", "\n%{http_code}", *arguments, url],
            capture_output=True, check=True, env={"PATH": "/usr/bin:/bin"})
        got, _, status = result.stdout.rpartition(b"\n")
        return int(status), got

    meta = {"Content-Type": "text/x", "x-amz-meta-owner": "me"}
    sent = [f"-H{name}: {value}" for name, value in meta.items()]
    with gateway.client() as client:
        assert client.request("DELETE", BASE + b"presigned/a%20b+%C3%A9").status in (204, 404)
    assert presigned("PUT", "-T", str(source), headers=meta)[0] in (400, 403)  # what is bound is missing
    assert presigned("GET")[0] == 404
    assert presigned("PUT", "-T", str(source), *sent, headers=meta)[0] == 200
    assert presigned("GET") == (200, source.read_bytes())
    status, head = presigned("HEAD", "-I")
    assert status == 200 and b"x-amz-meta-owner: me" in head.lower()
    assert presigned("GET", "-T", str(source))[0] == 403  # another method than the one that was signed


def test_presigned_delete_with_plain_curl(gateway, authority, tmp_path):
    conf = gateway.conf_path.read_text().split("\n", 4)[4]
    scheme, port = harness.re.search(r"upstream = (\w+)://127.0.0.1:(\d+)", conf).groups()
    assert gateway.request("PUT", BASE + b"to-go", body=b"x").status == 200
    with harness.running(tmp_path, conf=conf + "\n[presign]\npresign_allow = DELETE s3://objects/to-*\n",
                         identity=ROOT, ca_bundle=authority.bundle) as proxy:
        answer = proxy.admin("/presign", method="POST", body=json.dumps(
            {"url": BASE.decode() + "to-go", "method": "DELETE"}).encode())
    url = json.loads(answer.body)["url"].replace("https:", scheme + ":")
    subprocess.run(["curl", "-fsS", "--max-time", "30", "--cacert", str(authority.bundle), "--connect-to",
                    f"::127.0.0.1:{port}", "-X", "DELETE", url], check=True, env={"PATH": "/usr/bin:/bin"})
    assert gateway.request("GET", BASE + b"to-go").status == 404


def test_boto3_unsigned(gateway, monkeypatch, tmp_path):
    for name, value in gateway.variables().items():
        monkeypatch.setenv(name, value)
    s3 = boto3.client("s3", endpoint_url="http://s3.us-east-1.amazonaws.com", region_name="us-east-1",
                      config=Config(signature_version=botocore.UNSIGNED,
                                    s3={"addressing_style": "path"}))
    s3.put_object(Bucket="objects", Key="boto/한글 +", Body=b"x", Metadata={"owner": "me"})
    assert s3.get_object(Bucket="objects", Key="boto/한글 +")["Metadata"] == {"owner": "me"}
    source = tmp_path / "big"
    source.write_bytes(pattern.octets(12 * MIB))
    s3.upload_file(str(source), "objects", "boto/multi")
    s3.download_file("objects", "boto/multi", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    keys = [o["Key"] for o in s3.list_objects_v2(Bucket="objects", Prefix="boto/")["Contents"]]
    assert keys == ["boto/multi", "boto/한글 +"]


class Direct:
    """Straight to the server, strictly spelled and signed by botocore: what there is without the proxy."""

    def __init__(self, gateway):
        scheme, port = harness.re.search(r"upstream = (\w+)://127.0.0.1:(\d+)",
                                         gateway.conf_path.read_text()).groups()
        if scheme == "https":
            self.link = http.client.HTTPSConnection("127.0.0.1", int(port), timeout=60,
                                                    context=ssl._create_unverified_context())
        else:
            self.link = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)

    def request(self, method, path, body=b""):
        asked = AWSRequest(method=method, url=f"https://127.0.0.1:{self.link.port}{path}", data=body)
        S3SigV4Auth(Credentials(ROOT.access_key, ROOT.secret_key), "s3", "us-east-1").add_auth(asked)
        self.link.request(method, path, body, dict(asked.headers.items()))
        answer = self.link.getresponse()
        return answer.status, answer.read()


def test_a_key_is_never_taken_for_another(gateway):
    """Whatever way a key is spelled: the object that the server has under it, or an explicit refusal."""
    seed = int(os.environ.get("SIGV4_SEED", "20261127"))
    rng, direct, there = random.Random(seed), Direct(gateway), {}
    for key in sorted({object_cases.random_key(rng) for _ in range(N_KEYS)}):
        path = "/objects/keys/" + urllib.parse.quote(key, safe="/~")
        if direct.request("PUT", path, key.encode())[0] == 200:  # a file system can't hold them all
            there[key] = path
    found = {key: direct.request("GET", path) for key, path in there.items()}
    assert len(there) > N_KEYS / 4
    same = 0
    for key, (status, body) in found.items():
        assert status == 200, key
        for spelling in object_cases.spellings(key, rng):
            answer = gateway.request("GET", BASE + b"keys/" + spelling)
            if answer.status == 200:
                assert answer.body == body, (seed, key, spelling)
                same += 1
            else:
                assert answer.error in ("bad-target", "bad-request"), (seed, key, spelling, answer)
    print(f"{len(there)} keys, {same} spellings led to them")
    assert same > 3 * len(there)


@pytest.mark.parametrize("name", tls_tools.TOOLS)
def test_https_of_tools_is_intercepted(gateway, tmp_path, name):
    need, use = tls_tools.TOOLS[name]
    if not need or not gateway.server_port:
        pytest.skip(f"no {name}" if not need else "once, with TLS behind the proxy as well")
    if name in ("go", "java") and harness.SANITIZER:
        pytest.skip("compiling takes its time; nothing of it is ours")
    job = tls_tools.Job(gateway.url, gateway.folder / "ca/ca.pem", "s3.us-east-1.amazonaws.com", "objects",
                        pattern.octets(2 * MIB), tmp_path)
    use(job)
    assert job.back.read_bytes() == job.data


def test_https_of_boto3_is_intercepted(gateway, tmp_path):
    s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="AKIDDUMMY", aws_secret_access_key="dummy",
                      verify=str(gateway.folder / "ca/ca.pem"),
                      config=Config(proxies={"https": gateway.url}, s3={"addressing_style": "path"}))
    big = tmp_path / "big"
    big.write_bytes(pattern.octets(9 * MIB))  # in parts
    s3.upload_file(str(big), "objects", "intercepted/big")
    s3.download_file("objects", "intercepted/big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == big.read_bytes()
