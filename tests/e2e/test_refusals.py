# SPDX-License-Identifier: Apache-2.0
"""AWS's 403s explained in the log: which line of the signature differs, whose clock is wrong, who may not do what."""
import datetime
import json
import re
import socket
import threading

import harness
import http1
import pytest
from corporate import pump
from fake_aws import FakeAws, Identity
from scripted import Upstream, read_request

HOST = "bucket.s3.us-east-1.amazonaws.com"
BASE = f"http://{HOST}/"


class Tampering(Upstream):
    """Stands between the proxy and a server, and changes octets of requests."""

    def __init__(self, server, before, after):
        self.server, self.before, self.after = server, before, after
        super().__init__(self.talk)

    def talk(self, sock):
        with socket.create_connection(("127.0.0.1", self.server.port)) as onward:
            threading.Thread(target=pump, args=(onward, sock), daemon=True).start()
            while data := sock.recv(65536):
                onward.sendall(data.replace(self.before, self.after))


@pytest.fixture(scope="module")
def plain_server():
    with FakeAws([harness.CANARY]) as server:
        yield server


def explained(proxy, text, count=1):
    return harness.wait_until(lambda: [line for line in proxy.log.splitlines() if text in line][count - 1:], 5, text)[-1]


def told(start_proxy, server, before, after, request, conf=""):
    """(answer, the line about it) of a request that was changed on its way."""
    with Tampering(server, before, after) as between:
        proxy = start_proxy(None, conf + between.route(HOST, "s3"))
        answer = proxy.request(*request)
        assert (answer.status, answer.error) == (403, None), answer
        return answer, explained(proxy, "SignatureDoesNotMatch for key")


@pytest.mark.parametrize("before, after, request_, said", [
    (b"text/aaaa", b"text/bbbb", ("PUT", BASE + "k", [("Content-Type", "text/aaaa")], b"x"),
     'in line 4 of the canonical request we have "content-type:text/aaaa" and AWS has "content-type:text/bbbb": the field was changed'),
    (b"meta-a: hush1", b"meta-a: hush22", ("PUT", BASE + "k", [("x-amz-meta-a", "hush1")], b"x"),
     'we have "x-amz-meta-a" with 5 octets and AWS has "x-amz-meta-a" with 6 octets: the field was changed'),
    (b"GET /one", b"GET /two", ("GET", BASE + "one"),
     'in line 2 of the canonical request we have "/one" and AWS has "/two": the path was'),
    (b"prefix=a%20b&token=", b"prefix=a%2520b&token=", ("GET", BASE + "?prefix=a%20b&token=hush3"),
     'in line 3 of the canonical request we have "prefix=a%20b" and AWS has "prefix=a%2520b": the query was'),
    (b"token=hush3", b"token=hush4", ("GET", BASE + "?prefix=a%20b&token=hush3"), 'we have "token=***" and AWS has "token=***"'),
    (b"DELETE /k", b"GET /k", ("DELETE", BASE + "k"), 'in line 1 of the canonical request we have "DELETE" and AWS has "GET": the method'),
    (b"us-east-1/s3/aws4_request", b"us-east-1/s3/aws4_request", ("GET", BASE + "k"), None)])
def test_first_line_that_differs_is_named(start_proxy, plain_server, before, after, request_, said):
    if said is None:  # nothing changed: nothing said
        with Tampering(plain_server, before, after) as between:
            proxy = start_proxy(None, between.route(HOST, "s3"))
            assert proxy.request("GET", BASE + "generate/1").status == 200
            assert "SignatureDoesNotMatch" not in proxy.log
        return
    answer, line = told(start_proxy, plain_server, before, after, request_)
    assert said in line, line
    assert "key AKIA...7EGG: in line" in line
    for secret in ("hush", harness.CANARY.token, harness.CANARY.access_key):
        assert secret not in line
    assert b"<CanonicalRequest>" in answer.body and b"</Error>" in answer.body  # the client's answer is whole


def test_answer_is_untouched(start_proxy, plain_server):
    """Octet for octet what the server sent, though it was looked into."""
    body = (b"<Error><Code>SignatureDoesNotMatch</Code><CanonicalRequest>GET\n/&#38;\n</CanonicalRequest>"
            + b"<Filler>" + bytes(range(1, 256)) * 200 + b"</Filler></Error>")

    def talk(sock):
        wire = http1.Wire(sock)
        while read_request(wire) is not None:
            sock.sendall(b"HTTP/1.1 403 F\r\nX-Own: 1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with Upstream(talk) as upstream:
        for conf in ("", "retry_mode = off\n", "log_failed_requests = yes\n"):
            proxy = start_proxy(None, conf + upstream.route(HOST, "s3"))
            answer = proxy.request("GET", BASE + "k")
            assert answer.body == body and answer.fields.get("X-Own") == "1"
            explained(proxy, "we have \"/k\" and AWS has \"/&\"")


def test_wrong_secret_is_recognised(aws, start_proxy):
    identity = Identity(harness.CANARY.access_key, "another-secret-of-the-canary", harness.CANARY.token)
    proxy = start_proxy(aws, identity=identity)
    proxy.secrets.append("another-secret-of-the-canary")
    assert proxy.request("GET", BASE + "k").status == 403
    line = explained(proxy, "SignatureDoesNotMatch for key AKIA...7EGG")
    assert "both sides signed the same text, so the secret key is not the one of this access key" in line


def scripted(start_proxy, status, body, fields=b"", conf="", service="s3", host=HOST):
    def talk(sock):
        wire = http1.Wire(sock)
        while read_request(wire) is not None:
            sock.sendall(b"HTTP/1.1 %d F\r\n%sContent-Length: %d\r\n\r\n%s" % (status, fields, len(body), body))

    upstream = Upstream(talk)
    proxy = start_proxy(None, conf + upstream.route(host, service))
    proxy.upstream = upstream
    return proxy


def test_canonical_string_in_a_message_is_read(start_proxy):
    text = ("The request signature we calculated does not match the signature you provided.\n\nThe Canonical String for "
            "this request should have been\n'POST\n/other\n\n'\n\nThe String-to-Sign should have been\n'AWS4'\n")
    proxy = scripted(start_proxy, 403, json.dumps({"message": text}).encode(),
                     b"x-amzn-ErrorType: InvalidSignatureException:http://x/\r\n", service="execute-api", host="api.test")
    assert proxy.request("POST", "http://api.test/prod/x", body=b"{}").status == 403
    line = explained(proxy, "InvalidSignatureException for key")
    assert 'in line 2 of the canonical request we have "/prod/x" and AWS has "/other"' in line


def test_signature_without_a_word_on_what_was_signed(start_proxy):
    proxy = scripted(start_proxy, 400, b'{"__type":"InvalidSignatureException","message":"no"}', service="dynamodb", host="d.test")
    proxy.request("POST", "http://d.test/", body=b"{}")
    assert "the answer does not say what was signed" in explained(proxy, "InvalidSignatureException")


@pytest.mark.parametrize("hours, word", [(2, "behind"), (-3, "ahead of")])
def test_offset_of_the_clock_is_told(start_proxy, hours, word):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    date = now.strftime("Date: %a, %d %b %Y %H:%M:%S GMT\r\n").encode()
    proxy = scripted(start_proxy, 403, b"<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>", date)
    assert proxy.request("GET", BASE + "k").status == 403
    line = explained(proxy, "RequestTimeTooSkewed: this machine's clock is")
    seconds = int(re.search(rf"is (\d+) s {word} the upstream's", line).group(1))
    assert abs(seconds - abs(hours) * 3600) < 60
    assert "without verified TLS" in line


def test_offset_that_is_repaired_is_told(start_proxy, certificate):
    with FakeAws([harness.CANARY], certificate) as server:
        server.verifier.now = lambda: datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=5)
        proxy = start_proxy(server)
        assert proxy.request("GET", BASE + "generate/1").status == 200
        line = explained(proxy, "this machine's clock is")
        assert re.search(r"clock is 1(79\d\d|80\d\d) s behind that of 127.0.0.1; signatures for it are shifted", line), line


DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


@pytest.mark.parametrize("method, path, fields, body, conf, said", [
    ("GET", "k", [], None, "", "probably needs s3:GetObject on " + HOST + "/k; without s3:ListBucket a key that is not there"),
    ("HEAD", "k", [], None, "", "403 without a reason: key AKIA...7EGG"),
    ("GET", "?list-type=2&prefix=hush", [], None, "", "probably needs s3:ListBucket on " + HOST + "/"),
    ("PUT", "k", [], b"x", "payload = unsigned\n", "probably needs s3:PutObject on " + HOST + "/k; the body went as UNSIGNED-PAYLOAD"),
    ("DELETE", "k", [], None, "retry_mode = off\n", "probably needs s3:DeleteObject")])
def test_denials_say_who_asked_for_what(start_proxy, method, path, fields, body, conf, said):
    proxy = scripted(start_proxy, 403, b"" if method == "HEAD" else DENIED, conf=conf)
    assert proxy.request(method, BASE + path, fields, body).status == 403
    line = explained(proxy, ": key AKIA...7EGG from environment variables")
    assert said in line, line
    assert "hush" not in line and harness.CANARY.access_key not in line
    assert ("UNSIGNED" in line) == ("unsigned" in conf)


def test_aws_own_words_win(start_proxy):
    text = ("User: arn:aws:sts::123456789012:assumed-role/app/i-1 is not authorized to perform: dynamodb:Query on resource: "
            "arn:aws:dynamodb:us-east-1:123456789012:table/t because no identity-based policy allows it")
    proxy = scripted(start_proxy, 400, json.dumps({"__type": "com.amazon#AccessDeniedException", "Message": text}).encode(),
                     service="dynamodb", host="d.test")
    proxy.request("POST", "http://d.test/", [("X-Amz-Target", "DynamoDB_20120810.Scan")], b"{}")
    line = explained(proxy, "AccessDeniedException: key")
    assert "which is arn:aws:sts::123456789012:assumed-role/app/i-1, needs dynamodb:Query on d.test/" in line


def test_query_actions_are_found_in_bodies(start_proxy):
    for conf in ("", "retry_mode = off\n"):
        proxy = scripted(start_proxy, 403, b"<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>m</Message>",
                         service="ec2", host="e.test", conf=conf)
        proxy.request("POST", "http://e.test/", body=b"Action=RunInstances&UserData=hush")
        line = explained(proxy, "UnauthorizedOperation: key")
        assert "probably needs ec2:RunInstances on e.test/" in line and "hush" not in line


def test_lines_are_bounded_in_rate(start_proxy):
    proxy = scripted(start_proxy, 403, DENIED)
    with proxy.client() as client:
        for _ in range(60):
            assert client.request("GET", BASE + "k").status == 403
    harness.wait_until(lambda: proxy.log.count(" ACCESS [") == 60, what="all lines")
    seconds = 2 * harness.PATIENCE
    assert 10 <= proxy.log.count("AccessDenied: key") < 10 + seconds
    harness.wait_until(lambda: proxy.request("GET", BASE + "k") and "refusals before it were not explained)" in proxy.log,
                       5, "how many were left out")


def test_other_errors_and_what_the_proxy_did_not_sign_are_left_alone(start_proxy):
    proxy = scripted(start_proxy, 403, b"<Error><Code>InvalidObjectState</Code></Error>")
    proxy.request("GET", BASE + "k")
    passed = scripted(start_proxy, 403, DENIED, conf="already_presigned = pass\n")
    passed.request("GET", BASE + "k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=abc")
    for one in (proxy, passed):
        harness.wait_until(lambda: " ACCESS [" in one.log, what="the line")  # pylint: disable=cell-var-from-loop
        assert "WARN" not in one.log


@pytest.mark.parametrize("body", [
    b"", b"<", b"<Error>", b"<Error><Code>SignatureDoesNotMatch", b"{", b'{"__type":"AccessDenied"', b"\xff" * 20000,
    b"<Error><Code>SignatureDoesNotMatch</Code><CanonicalRequest>" + b"a\n" * 9000,
    b"<Error><Code>SignatureDoesNotMatch</Code><CanonicalRequest>" + b"\x1b[2J\n&#10;" * 100 + b"</CanonicalRequest></Error>",
    b"<Error><Code>AccessDenied</Code><Message>not authorized to perform: " + b"\x00\x1b\xff" * 500 + b"</Message></Error>"])
def test_odd_bodies_do_no_harm(start_proxy, body):
    proxy = scripted(start_proxy, 403, body)
    answer = proxy.request("GET", BASE + "k")
    assert (answer.status, answer.body) == (403, body)
    harness.wait_until(lambda: " ACCESS [" in proxy.log, what="the line")
    assert all(32 <= octet < 127 or octet == 10 for octet in proxy.log_path.read_bytes())
