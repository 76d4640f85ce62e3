# SPDX-License-Identifier: Apache-2.0
"""The presign endpoint: URLs that plain curl uses, every refusal, lists, web pages, memory."""
import json
import os
import re
import stat
import subprocess
import time
from urllib.parse import parse_qs, quote, urlsplit

import harness
import http1
import pytest
from fake_aws import FakeAws
from mock_metadata import MockMetadata

HOST = "bucket.s3.us-east-1.amazonaws.com"
URL = f"https://{HOST}/"
TOKEN = "presigners-token-of-32-characters"


def ask(proxy, body=None, query=None, fields=(), method=None, port=None, host="127.0.0.1"):
    """One request to /presign."""
    method = method or ("GET" if body is None else "POST")
    text = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
    path = "/presign" + ("" if query is None else "?" + query)
    with http1.Client(("127.0.0.1", port or proxy.admin_port)) as client:
        return client.request(method, path, fields, body=text, host=host)


def granted(proxy, body=None, **options):
    answer = ask(proxy, body, **options)
    assert answer.status == 200, answer.body
    assert answer.fields.get("Content-Type") == "application/json"
    assert answer.fields.get("Cache-Control") == "no-store"
    return json.loads(answer.body)


def refused(proxy, body=None, **options):
    answer = ask(proxy, body, **options)
    assert answer.status >= 400, answer.body
    assert answer.fields.get("Cache-Control") == "no-store"
    got = json.loads(answer.body)
    assert got["error"] == answer.fields.get("X-Sigv4-Proxy-Error")
    return answer.status, got["error"]


def parameters(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def curl(server, authority, url, *arguments):
    """Plain curl, told only where the host is and whom to trust. (status, body)"""
    host = urlsplit(url).hostname
    result = subprocess.run(
        ["curl", "-sS", "--max-time", "30", "--path-as-is", "--cacert", str(authority.bundle),
         "--connect-to", f"{host}:443:{server.address}:{server.port}", "-w", "\n%{http_code}",
         *arguments, url], capture_output=True, check=True, env={"PATH": "/usr/bin:/bin"})
    body, _, status = result.stdout.rpartition(b"\n")
    return int(status), body


# ---- use


def test_put_get_head_and_delete_with_plain_curl(aws, start_proxy, authority, tmp_path):
    proxy = start_proxy(aws, "[presign]\npresign_allow = GET|HEAD|PUT|DELETE s3://bucket/*\n")
    source = tmp_path / "data"
    source.write_bytes(b"from plain curl")
    fields = {"Content-Type": "text/x", "x-amz-meta-a": "b"}
    put = granted(proxy, {"url": URL + "a%20b+c?x=1", "method": "PUT", "headers": fields})
    assert put["headers"] == fields and put["method"] == "PUT"
    sent = [f"-H{name}: {value}" for name, value in fields.items()]
    assert curl(aws, authority, put["url"], "-T", str(source), *sent) == (200, b"")
    assert aws.requests[-1].verdict.form == "query"
    assert aws.requests[-1].verdict.signed == ["content-type", "host", "x-amz-meta-a"]
    # What is bound can't be left out or changed, and the URL is for PUT only.
    assert curl(aws, authority, put["url"], "-T", str(source))[0] == 403
    assert curl(aws, authority, put["url"], "-T", str(source), sent[0], "-Hx-amz-meta-a: c")[0] == 403
    assert curl(aws, authority, put["url"])[0] == 403
    get = granted(proxy, {"url": URL + "a%20b+c"})
    assert curl(aws, authority, get["url"]) == (200, b"from plain curl")
    head = granted(proxy, {"url": URL + "a%20b+c", "method": "HEAD"})
    assert curl(aws, authority, head["url"], "-I")[0] == 200
    delete = granted(proxy, {"url": URL + "a%20b+c", "method": "delete"})
    assert curl(aws, authority, delete["url"], "-X", "DELETE")[0] == 204
    assert curl(aws, authority, get["url"])[0] == 404


def test_by_parts_and_by_query(proxy, aws, authority):
    assert proxy.request("PUT", f"http://{HOST}/odd%20key/%2B%C3%A9", body=b"odd").status == 200
    parts = granted(proxy, {"bucket": "bucket", "key": "odd key/+é", "region": "us-east-1"})
    assert parts["url"].startswith(URL + "odd%20key/%2B%C3%A9?")
    assert curl(aws, authority, parts["url"]) == (200, b"odd")
    by_query = granted(proxy, query="method=GET&expires_in=60&url=" +
                       quote(URL + "odd%20key/%2B%C3%A9", safe=""))
    assert by_query["expires_in"] == 60
    assert curl(aws, authority, by_query["url"]) == (200, b"odd")
    form = granted(proxy, query="bucket=bucket&region=us-east-1&key=odd+key/%2B%C3%A9&"
                                "header=x-amz-request-payer:requester")
    assert form["url"].split("?")[0] == parts["url"].split("?")[0]
    assert form["headers"] == {"x-amz-request-payer": "requester"}


def test_plain_text_for_shell_scripts(proxy, aws, authority):
    assert proxy.request("PUT", f"http://{HOST}/shell", body=b"sh").status == 200
    script = (f'curl -fsS -G -H "Accept: text/plain" --data-urlencode "url={URL}shell" '
              f"http://127.0.0.1:{proxy.admin_port}/presign")
    url = subprocess.run(["sh", "-c", script], capture_output=True, check=True, text=True).stdout
    assert url.startswith(URL + "shell?X-Amz-Algorithm=") and url.count("\n") == 1
    assert curl(aws, authority, url.strip()) == (200, b"sh")
    bad = ask(proxy, {"url": "https://evil.example/"}, fields=[("Accept", "text/plain")])
    assert bad.status == 403 and bad.body.startswith(b"host-denied: ")


def test_posted_as_curl_posts_by_default(proxy):
    result = subprocess.run(
        ["curl", "-fsS", "-d", json.dumps({"url": f"http://{HOST}/k", "expires_in": 900}),
         f"http://127.0.0.1:{proxy.admin_port}/presign"], capture_output=True, check=True)
    assert json.loads(result.stdout)["url"].startswith(URL + "k?")


def test_list_is_granted_as_a_whole(proxy, aws, authority):
    for name in ("one", "two"):
        assert proxy.request("PUT", f"http://{HOST}/{name}", body=name.encode()).status == 200
    got = granted(proxy, {"requests": [{"url": URL + "one"}, {"bucket": "bucket", "key": "two",
                                                              "region": "us-east-1"}]})["results"]
    assert [curl(aws, authority, one["url"])[1] for one in got] == [b"one", b"two"]
    harness.wait_until(lambda: proxy.log.count(" PRESIGN [") >= 2, what="a line a grant")
    before = proxy.log.count(" PRESIGN [")
    answer = ask(proxy, {"requests": [{"url": URL + "one"}, {"url": "https://evil.example/"}]})
    assert answer.status == 403 and b"requests[1]" in answer.body and b"X-Amz" not in answer.body
    harness.wait_until(lambda: "presign: host-denied: requests[1]" in proxy.log, what="the refusal")
    assert proxy.log.count(" PRESIGN [") == before  # nothing was handed out
    text = ask(proxy, {"requests": [{"url": URL + "one"}] * 3}, fields=[("Accept", "text/plain")])
    assert text.body.count(b"\n") == 3


def test_other_services_may_be_presigned_where_a_rule_says_so(aws, start_proxy, authority):
    proxy = start_proxy(aws, "[presign]\npresign_allow = GET sts.*.amazonaws.com\n"
                             "presign_allow = GET s3://bucket/open/*\n")
    got = granted(proxy, {"url": "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&"
                                 "Version=2011-06-15"})
    assert curl(aws, authority, got["url"])[0] == 200
    assert aws.requests[-1].verdict.form == "query"
    assert granted(proxy, {"url": URL + "open/x"})
    assert granted(proxy, {"url": "https://s3.us-east-1.amazonaws.com/bucket/open/x"})
    for body in ({"url": URL + "closed/x"}, {"url": URL + "Open/x"}, {"url": URL + "open%2fx", "method": "PUT"},
                 {"url": "https://other.s3.us-east-1.amazonaws.com/open/x"},
                 {"url": "https://s3.us-east-1.amazonaws.com/other/bucket/open/x"},
                 {"url": "https://sqs.us-east-1.amazonaws.com/"}):
        assert refused(proxy, body) == (403, "presign-denied"), body


def test_the_upstream_is_named_only_where_it_is_signed(aws, start_proxy):
    proxy = start_proxy(aws, f'[route "own.test"]\nservice = s3\nregion = us-east-1\nsign_host = upstream\n'
                             f'upstream = {aws.url}\n[route "front.test"]\nservice = s3\n'
                             f'region = us-east-1\nupstream = http://127.0.0.1:9\n')
    assert granted(proxy, {"url": "http://own.test/k"})["url"].startswith(aws.url + "/k?")
    assert granted(proxy, {"url": "http://front.test/k"})["url"].startswith("https://front.test/k?")


# ---- expiry


def at(text):
    return time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone


def test_expiry_has_a_default_and_a_maximum(aws, start_proxy):
    proxy = start_proxy(aws, "[presign]\npresign_max_expiry = 30m\n")
    got = granted(proxy, {"url": URL + "k"})
    assert got["expires_in"] == 900 and "expires_in_cut_by" not in got
    assert got["credentials_expire_at"] is None
    assert abs(at(got["expires_at"]) - time.time() - 900) < 60
    got = granted(proxy, {"url": URL + "k", "expires_in": 604800})
    assert (got["expires_in"], got["expires_in_cut_by"]) == (1800, "presign_max_expiry")
    assert parameters(got["url"])["X-Amz-Expires"] == "1800"
    for value in (0, -1, 604801, 10**30, "900", 1.5, None, True):
        assert refused(proxy, {"url": URL + "k", "expires_in": value})[0] == 400, value
    for value in ("0", "-1", "604801", "99999999999999999999", "x", ""):
        assert refused(proxy, query=f"url={quote(URL, safe='')}&expires_in={value}") == (
            400, "presign-expiry"), value


def test_expiry_is_cut_by_the_life_of_the_credentials(aws, start_proxy):
    with MockMetadata(aws) as endpoint:
        endpoint.lifetime = 1800
        proxy = start_proxy(aws, "[presign]\npresign_max_expiry = 12h\n", identity=None, env=endpoint.container)
        harness.wait_until(lambda: proxy.admin("/readyz").status == 200, what="credentials")
        got = granted(proxy, {"url": URL + "k", "expires_in": 7200})
        assert got["expires_in_cut_by"] == "credentials" and 1700 < got["expires_in"] <= 1800
        assert got["expires_at"] <= got["credentials_expire_at"]
        assert parameters(got["url"])["X-Amz-Expires"] == str(got["expires_in"])
        whole = granted(proxy, {"url": URL + "k", "expires_in": 600})
        assert whole["expires_in"] == 600 and "expires_in_cut_by" not in whole


def test_grants_and_refusals_are_counted(aws, start_proxy):
    proxy = start_proxy(aws)
    granted(proxy, {"requests": [{"url": URL + "one"}] * 3})
    refused(proxy, {"url": URL, "method": "DELETE"})
    text = proxy.admin("/metrics").body.decode()
    assert 'sigv4_proxy_presigned_urls_total{result="granted"} 3\n' in text
    assert 'sigv4_proxy_presigned_urls_total{result="refused"} 1\n' in text


# ---- refusals


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b'"x"', b"{}", b'{"url":"https://a/","url":"https://b/"}', b'{"requests":{}}',
    b'{"requests":[]}', b'{"requests":[1]}', b'{"requests":[{"url":"https://a/"}],"url":"x"}',
    {"url": URL, "expires": 60}, {"url": 1}, {"url": URL, "headers": []}, {"url": URL, "headers": {"a": 1}},
    {"url": URL, "headers": {"a b": "c"}}, {"url": URL, "headers": {"a": "b\r\nc: d"}},
    {"url": URL, "headers": {"Host": "x"}}, {"url": URL, "headers": {"Authorization": "x"}},
    {"url": URL, "headers": {"Connection": "x"}}, {"url": URL, "method": "G T"},
    {"url": URL, "method": "CONNECT"}, {"url": URL, "profile": "a b"}, {"url": URL, "region": "x/y"},
    {"url": URL, "service": "s3/aws4_request"}, {"url": "/k"}, {"url": "ftp://bucket/k"},
    {"url": URL + "a b"}, {"url": URL + "../k"}, {"url": URL + "%2e%2e/k"}, {"url": URL + "a%0d%0ab"},
    {"url": "https://user:word@" + HOST + "/"}, {"bucket": "bucket", "key": "../k"},
    {"bucket": "bucket", "key": "a\r\nb"}, {"bucket": "b/c", "key": "k"}, {"key": "k"},
    {"bucket": "bucket", "url": URL}, {"requests": [{"url": URL}] * 1001}])
def test_what_is_wrong_gets_400(proxy, body):
    assert refused(proxy, body)[0] == 400


@pytest.mark.parametrize("body, code", [
    ({"url": URL, "method": "DELETE"}, "presign-denied"), ({"url": URL, "method": "POST"}, "presign-denied"),
    ({"url": "https://sqs.us-east-1.amazonaws.com/"}, "presign-denied"),
    ({"url": "https://sqs.us-east-1.amazonaws.com/", "service": "s3"}, "presign-denied"),
    ({"url": "https://evil.example/"}, "host-denied"), ({"url": "https://169.254.169.254/"}, "address-denied"),
    ({"url": "https://x.s3-website.us-east-1.amazonaws.com/"}, "never-signed")])
def test_what_is_not_allowed_gets_403(start_proxy, body, code):
    assert refused(start_proxy(), body) == (403, code)


def test_query_is_read_strictly(proxy):
    for query in ("", "url=", "nope=1&url=x", f"url={URL}k&url={URL}k", f"url={URL}?list-type=2&prefix=x",
                  f"url={quote(URL)}&header=x"):
        assert refused(proxy, query=query)[0] == 400, query
    assert refused(proxy, {"url": URL}, query="expires_in=1")[0] == 400


def test_methods(proxy):
    answer = proxy.admin("/presign", method="PUT")
    assert (answer.status, answer.fields.get("Allow")) == (405, "GET, HEAD, POST")
    head = ask(proxy, method="HEAD", query="url=" + quote(URL + "k"))
    assert head.status == 200 and head.body == b"" and int(head.fields.get("Content-Length")) > 200


def test_missing_credentials_are_said(aws, start_proxy):
    assert refused(start_proxy(aws, identity=None), {"url": URL}) == (503, "no-credentials")


def test_unknown_profile_is_said(proxy):
    assert refused(proxy, {"url": URL, "profile": "nobody"}) == (503, "no-credentials")


def test_profile_signs(aws, start_proxy, tmp_path):
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(
        f"[other]\naws_access_key_id = AKIAOTHEROTHEROTHER1\naws_secret_access_key = x{'y' * 39}\n")
    got = granted(start_proxy(aws), {"requests": [{"url": URL, "profile": "other"}, {"url": URL}]})["results"]
    assert parameters(got[0]["url"])["X-Amz-Credential"].startswith("AKIAOTHEROTHEROTHER1/")
    assert parameters(got[1]["url"])["X-Amz-Credential"].startswith(harness.CANARY.access_key)


# ---- who may ask


@pytest.mark.parametrize("level", ["debug", "error"])
def test_audit_line_and_nothing_more_in_the_log(aws, start_proxy, level):
    proxy = start_proxy(aws, f"log_level = {level}\n")
    got = granted(proxy, {"url": URL + "some/key?x=hidden", "method": "PUT", "expires_in": 60})
    harness.wait_until(lambda: " PRESIGN [" in proxy.log, what="the audit line")
    (line,) = [text for text in proxy.log.splitlines() if "PRESIGN" in text]
    assert re.search(r" PRESIGN \[127\.0\.0\.1:\d+\] method=PUT host=" + re.escape(HOST) +
                     r" path=/some/key bucket=bucket object=some/key service=s3 region=us-east-1 expires_in=60 "
                     r"expires_at=\d{4}-\S+Z key=\.\.\.7EGG identity=- action=-$", line), line
    signature = parameters(got["url"])["X-Amz-Signature"]
    assert signature not in proxy.log and "hidden" not in proxy.log


def test_web_pages_are_refused_unless_listed(aws, start_proxy):
    origin = "https://app.example.com"
    proxy = start_proxy(aws, f"[presign]\npresign_origins = {origin}, http://localhost:3000\n")
    for marks in ([("Origin", "https://evil.example")], [("Origin", "null")], [("Sec-Fetch-Site", "cross-site")],
                  [("Origin", origin), ("Origin", "https://evil.example")]):
        answer = ask(proxy, {"url": URL}, fields=marks)
        assert answer.status == 403, marks
        assert answer.fields.get("Access-Control-Allow-Origin") is None
    good = ask(proxy, {"url": URL}, fields=[("Origin", origin), ("Sec-Fetch-Site", "cross-site")])
    assert good.status == 200
    assert good.fields.get("Access-Control-Allow-Origin") == origin
    assert good.fields.get("Vary") == "Origin"
    bad = ask(proxy, {"url": "https://evil.example/"}, fields=[("Origin", origin)])
    assert bad.status == 403 and bad.fields.get("Access-Control-Allow-Origin") == origin
    with http1.Client(("127.0.0.1", proxy.admin_port)) as client:
        flight = client.request("OPTIONS", "/presign", [
            ("Origin", origin), ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "content-type"),
            ("Access-Control-Request-Private-Network", "true")], host="127.0.0.1")
        assert flight.status == 204 and flight.fields.get("Content-Length") is None
        assert "POST" in flight.fields.get("Access-Control-Allow-Methods")
        assert "Content-Type" in flight.fields.get("Access-Control-Allow-Headers")
        assert flight.fields.get("Access-Control-Allow-Private-Network") == "true"
        # Only that page, and only by those who may call this listener so.
        other = client.request("GET", "/status", [("Origin", origin)], host="127.0.0.1")
        assert other.status == 403
    assert ask(proxy, {"url": URL}, fields=[("Origin", origin)], host="rebound.example").status == 403


@pytest.mark.own_namespace
def test_beyond_loopback_a_token_and_a_rule_are_needed(aws, start_proxy, outside, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(f"deploy {TOKEN}\n")
    tokens.chmod(0o600)
    port = harness.free_port()

    def from_outside(body, fields=()):
        with http1.Client((outside, port)) as client:
            return client.request("POST", "/presign", fields, body=json.dumps(body).encode(), host=outside)

    bearer = [("Authorization", "Bearer " + TOKEN)]
    for rules, status in (("", 403), ("presign_allow = GET s3://bucket/*\n", 200)):
        proxy = start_proxy(aws, f"admin_token_file = {tokens}\n[presign]\n{rules}", admin=f"0.0.0.0:{port}",
                            is_ready=False)
        harness.wait_until(lambda: f"admin on 0.0.0.0:{port}" in proxy.log, what="the admin listener")
        assert harness.wait_until(lambda: from_outside({"url": URL}), what="an answer").status == 401
        assert from_outside({"url": URL}, [("Authorization", "Bearer wrong")]).status == 401
        assert from_outside({"url": URL}, bearer).status == status
        if status == 200:
            harness.wait_until(lambda: re.search(r" PRESIGN \[\S+:\d+ deploy\] method=GET", proxy.log), what="who asked")
        assert TOKEN not in proxy.log
        proxy.stop()


def test_unix_sockets_are_near(aws, start_proxy, tmp_path):
    admin, listen = tmp_path / "admin.sock", tmp_path / "listen.sock"
    proxy = start_proxy(aws, f"listen = unix:{listen}\nlisten_peers = uid:{os.geteuid()}\n"
                             "[presign]\npresign_host = presign.internal\n", admin=f"unix:{admin}", is_ready=False)
    harness.wait_until(admin.exists, 10, "the admin socket")
    for address, host in ((str(admin), "localhost"), (str(listen), "presign.internal")):
        def once():
            with http1.Client(address) as client:  # pylint: disable=cell-var-from-loop
                return client.request("POST", "/presign", body=json.dumps({"url": URL, "method": "PUT"}).encode(), host=host)
        assert harness.wait_until(lambda: once().status == 200, 10, "a grant")
    assert not stat.S_IMODE(admin.stat().st_mode) & 0o077
    proxy.stop()
    denied = start_proxy(aws, f"listen = unix:{listen}\nlisten_peers = uid:54321\n"
                              "[presign]\npresign_host = presign.internal\n")
    with http1.Client(str(listen)) as client:
        assert client.request("GET", "/presign?url=x", host="presign.internal").error == "client-denied"
    denied.stop()


# ---- at the proxy listener


def test_through_the_proxy_listener(aws, start_proxy, authority, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(f"builds {TOKEN}\n")
    proxy = start_proxy(aws, f"proxy_auth_file = {tokens}\n[presign]\npresign_host = Presign.internal\n")
    bearer = [("Proxy-Authorization", "Bearer " + TOKEN)]
    url = "http://presign.internal/presign"
    with proxy.client() as client:
        assert client.request("POST", url, body=b"{}").status == 407

    with proxy.client() as client:
        for _ in range(3):
            answer = client.request("POST", url, bearer, body=json.dumps({"url": URL + "k", "method": "PUT"}).encode())
            assert answer.status == 200 and answer.fields.get("Cache-Control") == "no-store", answer
            assert curl(aws, authority, json.loads(answer.body)["url"], "-T", str(tokens))[0] == 200
        octets = json.dumps({"url": URL + "chunked"}).encode()
        frames = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (octets[:5], octets[5:]))
        chunked = client.request("POST", url, bearer + [("Transfer-Encoding", "chunked")],
                                 body=frames + b"0\r\n\r\n")
        assert json.loads(chunked.body)["url"].startswith(URL + "chunked?")
    with proxy.client() as client:
        text = client.request("GET", url + "?url=" + quote(URL + "k", safe=""), bearer + [("Accept", "text/plain")])
        assert curl(aws, authority, text.body.decode().strip())[0] == 200
        origin = client.request("GET", "/presign?url=" + quote(URL + "k", safe=""), bearer, host="presign.internal:8080")
        assert origin.status == 200
        assert client.request("HEAD", url + "?url=" + quote(URL + "k", safe=""), bearer).status == 200
        for method, target, status, code in (
                ("GET", "http://presign.internal/", 400, "bad-target"), ("DELETE", url, 405, "method-denied"),
                ("GET", url, 400, "bad-request"), ("GET", url + "?url=https://evil.example/", 403, "host-denied"),
                ("GET", url + "?method=DELETE&url=" + quote(URL, safe=""), 403, "presign-denied")):
            answer = client.request(method, target, bearer)
            assert (answer.status, answer.error) == (status, code), target
        page = client.request("GET", url + "?url=" + quote(URL, safe=""), bearer + [("Origin", "https://a.example")])
        assert (page.status, page.error) == (403, "browser-denied")
    big = proxy.request("POST", url, bearer + [("Content-Length", str(2 << 20))])
    assert (big.status, big.error) == (413, "body-too-large")
    assert len([r for r in aws.requests if r.target.startswith("/presign")]) == 0
    harness.wait_until(lambda: re.search(r" PRESIGN \[127.0.0.1:\d+ builds\] method=PUT", proxy.log), what="who asked")
    assert TOKEN not in proxy.log


def test_unknown_profile_through_the_proxy_listener(aws, start_proxy):
    proxy = start_proxy(aws, "[presign]\npresign_host = presign.internal\n")
    answer = proxy.request("POST", "http://presign.internal/presign",
                           body=json.dumps({"url": URL, "profile": "nobody"}).encode())
    assert (answer.status, answer.error) == (503, "no-credentials")
    with proxy.client() as client:  # who leaves while credentials are looked up is no trouble
        client.start("POST", "http://presign.internal/presign", [("Content-Length", "67")])
        client.send(json.dumps({"url": URL, "profile": "no1"}).encode()[:67].ljust(67))
    assert proxy.request("GET", f"http://{HOST}/generate/1").status == 200


def test_without_presign_host_the_name_is_like_any_other(proxy):
    answer = proxy.request("GET", "http://presign.internal/presign?url=x")
    assert (answer.status, answer.error) == (403, "host-denied")


# ---- many


@pytest.mark.heavy
def test_ten_thousand_over_one_connection_in_flat_memory(aws, start_proxy):
    proxy = start_proxy(aws)
    with http1.Client(("127.0.0.1", proxy.admin_port)) as client:
        def some(first, last):
            for i in range(first, last):
                body = json.dumps({"url": f"{URL}key-{i}", "method": "PUT"}).encode()
                answer = client.request("POST", "/presign", body=body, host="127.0.0.1")
                assert answer.status == 200, answer
        some(0, 1000)
        before = proxy.memory("VmRSS")
        some(1000, 10000)
        assert proxy.memory("VmRSS") - before < 1 << 20


# ---- the page about it

PAGE = (harness.ROOT / "docs/presigning.md").read_text()


def test_examples_of_the_page_work(start_proxy, certificate, authority, tmp_path):
    """Its commands in their order, with its configuration, against a server of AWS's name."""
    (conf,) = re.findall(r"^```ini\n(.*?)^```", PAGE, re.M | re.S)
    script = "".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S))
    with FakeAws([harness.CANARY], certificate, buckets=("my-bucket",)) as server:
        proxy = start_proxy(server, conf, env={"AWS_REGION": "us-east-1"})
        script = script.replace("127.0.0.1:8081", f"127.0.0.1:{proxy.admin_port}")
        script = script.replace("127.0.0.1:8080", f"127.0.0.1:{proxy.port}")
        (tmp_path / "report.csv").write_text("a,b\n")
        (tmp_path / ".curlrc").write_text(f'connect-to = "my-bucket.s3.us-east-1.amazonaws.com:443:127.0.0.1:{server.port}"\n'
                                          f'cacert = "{authority.bundle}"\n')
        result = subprocess.run(["sh", "-eux", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False,
                                env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"})
        assert result.returncode == 0, result.stderr
    assert result.stdout.endswith('"credentials_expire_at":null}\n') and "a,b\n" in result.stdout
    answers = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    one, parts, several, denied = answers[0], answers[1], answers[2]["results"], answers[3]
    (shown,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.M | re.S)
    assert list(json.loads(shown)) == list(one)
    assert urlsplit(parts["url"]).path == "/any%20key/%C3%BC%2B.csv"
    assert len(several) == 2 and denied["method"] == "DELETE"
    line = re.search(r"^\S+ PRESIGN .*method=PUT.*", proxy.log, re.M).group(0)
    (example,) = re.findall(r"^```text\n(.*?)^```", PAGE, re.M | re.S)
    assert re.findall(r" (\w+)=", line) == re.findall(r" (\w+)=", example)


def test_fields_of_the_page_are_those_that_are_taken(proxy):
    names = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, re.M)))
    said = json.loads(ask(proxy, {"url": URL, "nope": 1}).body)["message"]
    assert set(names) | {"bucket", "key"} == set(re.findall(r"\w+", said.split("there are ")[1])) - {"and"}
