# SPDX-License-Identifier: Apache-2.0
"""[policy] sections: who may do what, as every kind of client meets it."""
import base64
import json
import os
import pathlib
import re
import subprocess

import certs
import harness
import pytest

HOST = "reports.s3.us-east-1.amazonaws.com"
BASE = f"http://{HOST}/"
TOKENS = {"batch-7": "policy-token-of-a-batch-job-32ch", "admin": "policy-token-of-somebody-else-32"}
DOCUMENT = pathlib.Path(harness.ROOT / "docs/policies.md").read_text()


def documented():
    return re.search(r"```ini\n(.*?)```", DOCUMENT, re.S)[1]


def bearer(name):
    return [("Proxy-Authorization", "Bearer " + TOKENS[name])]


def curl(*arguments):
    """The answer's head."""
    return subprocess.run(["curl", "-sS", "-D-", "-o/dev/null", *arguments], capture_output=True, check=True,
                          timeout=60, env={"PATH": os.environ["PATH"]}).stdout


@pytest.fixture
def tokens(tmp_path):
    path = tmp_path / "tokens"
    path.write_text("".join(f"{name} {token}\n" for name, token in TOKENS.items()))
    path.chmod(0o600)
    return path


def verdict(proxy, method, url, fields=(), **options):
    answer = proxy.request(method, url, list(fields), **options)
    return answer.error if answer.error else answer.status


def test_the_documents_example_does_what_it_says(aws, start_proxy, tokens):
    proxy = start_proxy(aws, f"proxy_auth_file = {tokens}\n" + documented())
    proxy.secrets += TOKENS.values()
    assert verdict(proxy, "PUT", BASE, bearer("admin")) == 200  # the bucket
    assert verdict(proxy, "PUT", BASE + "k", bearer("admin"), body=b"x") == 200
    assert verdict(proxy, "GET", BASE + "k", bearer("batch-7")) == 200
    assert verdict(proxy, "GET", "http://s3.us-east-1.amazonaws.com/reports/k", bearer("batch-7")) == 200
    seen = len(aws.requests)
    for method, url in (("PUT", BASE + "k"), ("GET", "http://other.s3.us-east-1.amazonaws.com/k"),
                        ("GET", "http://s3.us-east-1.amazonaws.com/reports/../other/k"),
                        ("POST", "http://sqs.us-east-1.amazonaws.com/"), ("DELETE", BASE + "k")):
        assert verdict(proxy, method, url, bearer("batch-7")) == "policy-denied", (method, url)
    assert verdict(proxy, "DELETE", BASE + "k", bearer("admin")) == "policy-denied"
    assert verdict(proxy, "CONNECT", f"{HOST}:443", bearer("batch-7"), host=f"{HOST}:443") == "policy-denied"
    assert verdict(proxy, "GET", BASE + "k", [("x-amz-copy-source", "other/k")]
                   + bearer("batch-7")) == "policy-denied"
    assert len(aws.requests) == seen
    harness.wait_until(lambda: "batch jobs ask for" in proxy.log, what="the policy's name in the log")


def test_a_refusal_comes_before_the_body_and_without_credentials(aws, start_proxy):
    proxy = start_proxy(aws, "[policy]\naction = deny\nmethod = PUT\n", identity=None)
    with proxy.client() as client:
        client.start("PUT", BASE + "k", [("Content-Length", str(1 << 30)),
                                             ("Expect", "100-continue")], host=HOST)
        answer = client.read("PUT")
        assert (answer.status, answer.error) == (403, "policy-denied")
    assert verdict(proxy, "GET", BASE + "k") == "no-credentials"


def test_clients_are_known_by_address_user_and_certificate(aws, start_proxy, authority, certificate, tmp_path):
    (tmp_path / "ca").mkdir()
    clients = certs.Authority(tmp_path / "ca", "clients CA")
    batch = clients.leaf("batch.pem", names=["batch.example"], is_client=True)
    other = clients.leaf("other.pem", names=["other.example"], is_client=True)
    socket_path = tmp_path / "p.sock"
    tls_port = harness.free_port()
    conf = (f"listen = unix:{socket_path}\n"
            "[policy]\naction = deny\nclient = 127.0.0.0/8\nkey = local/\n"
            f"[policy]\naction = deny\nclient = uid:{os.geteuid()}\nkey = user/\n"
            "[policy]\naction = deny\nclient = cert:batch.*\nkey = batch/\n")
    proxy = start_proxy(aws, conf)
    assert verdict(proxy, "GET", BASE + "local/k") == "policy-denied"
    assert verdict(proxy, "GET", BASE + "user/k") == 404
    assert b"policy-denied" in curl("--unix-socket", str(socket_path), BASE + "user/k")
    assert b"404" in curl("--unix-socket", str(socket_path), BASE + "local/k")
    proxy.stop()
    tls = start_proxy(aws, f"listen_cert = {certificate}\nlisten_key = {certificate}\n"
                           f"listen_client_ca = {clients.bundle}\n" + conf.split("\n", 1)[1])
    for pem, key, wanted in ((batch, "batch/k", b"policy-denied"), (other, "batch/k", b"404"),
                             (batch, "user/k", b"404")):
        assert wanted in curl("-x", f"https://127.0.0.1:{tls.port}", "--proxy-cacert", str(authority.bundle),
                              "--proxy-cert", str(pem), BASE + key), (pem, key)


def test_presigned_urls_are_judged_as_what_they_allow(aws, start_proxy):
    proxy = start_proxy(aws, "[policy]\naction = deny\nmethod = PUT\nbucket = reports\n"
                             "[policy]\naction = deny\nclient = 127.0.0.1\nkey = secret/\n")

    def ask(method, key):
        answer = proxy.admin("/presign", method="POST", body=json.dumps(
            {"url": BASE.replace("http:", "https:") + key, "method": method}).encode())
        return answer.status if answer.status == 200 else json.loads(answer.body)["error"]

    assert ask("GET", "k") == 200
    assert ask("PUT", "k") == "policy-denied"
    assert ask("GET", "secret/k") == "policy-denied"


def test_explain_names_the_policy(tmp_path):
    conf = tmp_path / "p.conf"
    conf.write_text(documented())

    def explained(*arguments):
        result = harness.run_binary("explain", "--format", "json", "--config", str(conf), *arguments,
                                    folder=tmp_path)
        assert result.stderr == "", result
        return json.loads(result.stdout)

    url = "https://reports.s3.eu-west-1.amazonaws.com/k"
    answer = explained("--client", "token:batch-7", "DELETE", url)
    assert (answer["allowed"], answer["code"]) == (False, "policy-denied")
    assert '[policy "what else batch jobs ask for"]' in answer["rules"]["policy"]
    answer = explained("--client", "token:batch-7", "--client", "10.1.1.1", url)
    assert answer["allowed"] and "read reports" in answer["rules"]["policy"]
    answer = explained(url)
    assert answer["allowed"] and answer["rules"]["policy"] == "none"
    result = harness.run_binary("explain", "--client", "nobody", url, folder=tmp_path)
    assert result.returncode == 1 and "--client" in result.stderr


def test_an_unknown_matcher_refuses_to_start(tmp_path):
    conf = tmp_path / "p.conf"
    conf.write_text("[policy]\naction = allow\nuser = me\n")
    result = harness.run_binary("run", "--config", str(conf), folder=tmp_path)
    assert result.returncode == 1
    assert f'{conf}:3: unknown key "user" in [policy]' in result.stderr
