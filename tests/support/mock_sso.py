# SPDX-License-Identifier: Apache-2.0
"""A stand-in for IAM Identity Center: the OIDC endpoint at /token, the portal at
/federation/credentials. Each role's credentials are new keys that the given FakeAws then knows.

.calls holds (method, path, fields, body) of each request. Faults are set by hand: .lifetime, .delay,
.fail (a list of statuses, taken one a request), .tokens (access tokens that are known),
.refresh_tokens (those that may still be spent).
"""
import datetime
import hashlib
import http.server
import itertools
import json
import threading
import time
import urllib.parse

from fake_aws import Identity

ACCOUNT = "222233334444"
ROLE = "Reader"
START_URL = "https://directory.test/start"


def text_of(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def in_seconds(seconds):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)


def cache_file(home, of):
    return home / ".aws" / "sso" / "cache" / (hashlib.sha1(of.encode()).hexdigest() + ".json")


def put_token(home, of, seconds, **more):
    """What `aws sso login` leaves behind; of: the session's name, or the start URL."""
    path = cache_file(home, of)
    path.parent.mkdir(parents=True, exist_ok=True)
    token = {"startUrl": START_URL, "region": "eu-west-1", "accessToken": "access-token-of-the-login",
             "expiresAt": text_of(in_seconds(seconds))} | more
    path.with_suffix(".new").write_text(json.dumps(token))
    path.with_suffix(".new").rename(path)
    return path


RENEWABLE = {"clientId": "client", "clientSecret": "client-secret-of-the-login",
             "registrationExpiresAt": text_of(in_seconds(86400)),
             "refreshToken": "refresh-token-of-the-login"}


def session_text(name="p", session="work"):
    return (f"[profile {name}]\nsso_session = {session}\nsso_account_id = {ACCOUNT}\n"
            f"sso_role_name = {ROLE}\n[sso-session {session}]\nsso_region = eu-west-1\n"
            f"sso_start_url = {START_URL}\nsso_registration_scopes = sso:account:access\n")


def legacy_text(name="p"):
    return (f"[profile {name}]\nsso_start_url = {START_URL}\nsso_region = eu-west-1\n"
            f"sso_account_id = {ACCOUNT}\nsso_role_name = {ROLE}\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, answer = self.server.mock.answer(self.command, self.path, self.headers, body)
        data = json.dumps(answer).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            pass

    do_POST = do_GET


class MockSso:
    """Use as a context manager."""

    def __init__(self, aws):
        self.aws = aws
        self.calls = []
        self.fail = []
        self.delay = 0
        self.lifetime = 3600
        self.reset()
        self.numbers = itertools.count(1)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.mock = self

    def reset(self):
        """As after a login."""
        self.tokens = {"access-token-of-the-login"}
        self.refresh_tokens = {RENEWABLE["refreshToken"]}

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def variables(self):
        url = f"http://127.0.0.1:{self.server.server_port}"
        return {"AWS_ENDPOINT_URL_SSO": url, "AWS_ENDPOINT_URL_SSO_OIDC": url}

    def answer(self, method, path, fields, body):
        self.calls.append((method, path, fields, body))
        time.sleep(self.delay)
        if self.fail:
            return self.fail.pop(0), {"message": "as told to"}
        if "Authorization" in fields:
            return 400, {"message": "signed"}
        if (method, path) == ("POST", "/token"):
            return self.renew(json.loads(body))
        at = urllib.parse.urlsplit(path)
        if (method, at.path) != ("GET", "/federation/credentials"):
            return 404, {"message": "no such page"}
        if fields.get("x-amz-sso_bearer_token") not in self.tokens:
            return 401, {"message": "Session token not found or invalid"}
        if dict(urllib.parse.parse_qsl(at.query)) != {"account_id": ACCOUNT, "role_name": ROLE}:
            return 403, {"message": "No access"}
        return 200, {"roleCredentials": self.lend()}

    def renew(self, asked):
        wanted = {"grantType", "clientId", "clientSecret", "refreshToken"}
        if set(asked) != wanted or asked["grantType"] != "refresh_token" or \
                asked["clientSecret"] != RENEWABLE["clientSecret"]:
            return 400, {"error": "invalid_request"}
        if asked["refreshToken"] not in self.refresh_tokens:
            return 400, {"error": "invalid_grant", "error_description": "Invalid refresh token"}
        self.refresh_tokens = {f"refresh-token-{next(self.numbers)}"}
        token = f"access-token-{next(self.numbers)}"
        self.tokens = {token}
        return 200, {"accessToken": token, "tokenType": "Bearer", "expiresIn": 28800,
                     "refreshToken": next(iter(self.refresh_tokens))}

    def lend(self):
        number = next(self.numbers)
        lent = Identity(f"ASIASSO{number:013}", f"sso-secret-{number}", f"sso-token-{number}")
        self.aws.verifier.identities[lent.access_key] = lent
        return {"accessKeyId": lent.access_key, "secretAccessKey": lent.secret_key,
                "sessionToken": lent.token,
                "expiration": int(in_seconds(self.lifetime).timestamp() * 1000)}
