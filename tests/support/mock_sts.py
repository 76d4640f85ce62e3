# SPDX-License-Identifier: Apache-2.0
"""A stand-in for STS: checks each signature, and lends keys that the given FakeAws then knows.

.calls holds one dict a request: Action and the form's fields, "signer" (an access key or None),
"lent" (the access key that it got).
Faults are set by hand: .lifetime, .delay, .fail (a list of (status, code), taken one a request).
GetSessionToken wants .mfa_code, where a device is named.
"""
import datetime
import hashlib
import http.server
import itertools
import ssl
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape

import http1
from fake_aws import Identity
from fake_aws.errors import Refused
from fake_aws.verify import Scope, Verifier

ACCOUNT = "222233334444"


class Request:
    """What fake_aws.verify wants to see."""

    def __init__(self, handler):
        self.method = handler.command
        self.target = handler.path
        self.fields = http1.Fields(handler.headers.items())


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            status, text = 200, self.server.mock.answer(Request(self), body)
        except Refused as refused:
            status = refused.status
            text = (f"<ErrorResponse><Error><Code>{refused.code}</Code><Message>"
                    f"{escape(str(refused.message))}</Message></Error></ErrorResponse>")
        data = text.encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            pass


class MockSts:
    """Use as a context manager. aws: the stand-in that shall know the keys lent; may be None."""

    def __init__(self, aws=None, identities=(), certificate=None, region="us-east-1"):
        self.aws = aws
        self.verifier = Verifier(list(identities), region)
        self.region = region
        self.calls = []
        self.fail = []
        self.delay = 0
        self.lifetime = 3600
        self.mfa_code = "123456"
        self.numbers = itertools.count(1)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.mock = self
        self.scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.scheme = "https"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}"

    @property
    def variables(self):
        return {"AWS_ENDPOINT_URL_STS": self.url, "AWS_REGION": self.region}

    def answer(self, request, body):
        form = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        call = dict(form, signer=None, at=time.monotonic())
        self.calls.append(call)
        if "Authorization" in request.fields:
            grant = self.verifier.check_head(request, Scope("sts", self.region))
            digest = hashlib.sha256(body).hexdigest()
            call["signer"] = self.verifier.finish(request, grant, digest).access_key
        time.sleep(self.delay)
        if self.fail:
            status, code = self.fail.pop(0)
            raise Refused(status, code, "as told to")
        action = form["Action"]
        if action == "GetCallerIdentity":
            return result(action, f"<Arn>arn:aws:iam::{ACCOUNT}:user/u</Arn><UserId>U</UserId>"
                                  f"<Account>{ACCOUNT}</Account>")
        if (call["signer"] is None) != (action == "AssumeRoleWithWebIdentity"):
            raise Refused(403, "MissingAuthenticationToken", "who are you?")
        if action == "GetSessionToken" and form.get("TokenCode") != self.mfa_code:
            raise Refused(403, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA "
                                               "one time pass code.")
        return result(action, self.lend(call))

    def lend(self, call):
        """New keys, known to everyone who checks signatures."""
        number = next(self.numbers)
        lent = Identity(f"ASIALENT{number:012}", f"lent-secret-{number}", f"lent-token-{number}")
        for verifier in (self.verifier, *([self.aws.verifier] if self.aws else [])):
            verifier.identities[lent.access_key] = lent
        call["lent"] = lent.access_key
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(
            seconds=self.lifetime)
        role = call.get("RoleArn", "").rpartition("/")[2]
        return (f"<Credentials><AccessKeyId>{lent.access_key}</AccessKeyId><SecretAccessKey>"
                f"{lent.secret_key}</SecretAccessKey><SessionToken>{lent.token}</SessionToken>"
                f"<Expiration>{until:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials>"
                f"<AssumedRoleUser><Arn>arn:aws:sts::{ACCOUNT}:assumed-role/{role}/"
                f"{call.get('RoleSessionName', 's')}</Arn></AssumedRoleUser>")


def result(action, text):
    return (f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>'
            f"{text}</{action}Result></{action}Response>")
