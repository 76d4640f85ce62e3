# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the sign-in endpoint: refreshes sessions of `aws login`, and checks each proof.

.calls holds one dict a request: the body, "proof" (the claims). .fail: a list of (status, error),
taken one a request. Keys lent are known to the given FakeAws from then on.
"""
import base64
import http.server
import itertools
import json
import threading
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from fake_aws import Identity


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, answer = self.server.mock.answer(self, body)
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status >= 400:
            self.send_header("x-amzn-ErrorType", "AccessDeniedException")
        self.end_headers()
        self.wfile.write(data)


class MockSignin:
    """Use as a context manager."""

    def __init__(self, aws):
        self.aws = aws
        self.calls = []
        self.fail = []
        self.lifetime = 900
        self.numbers = itertools.count(1)
        self.seen = set()
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.refresh_token = "refresh-token-0"
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.mock = self

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def pem(self):
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                                      serialization.NoEncryption()).decode()

    def check(self, proof, url):
        """The claims of a proof that holds for this request and was not seen before."""
        head, claims, signature = proof.split(".")
        header, said = json.loads(unbase64(head)), json.loads(unbase64(claims))
        numbers = self.key.public_key().public_numbers()
        assert header["typ"] == "dpop+jwt" and header["alg"] == "ES256"
        jwk = header["jwk"]
        assert (jwk["kty"], jwk["crv"]) == ("EC", "P-256")
        assert int.from_bytes(unbase64(jwk["x"]), "big") == numbers.x
        assert int.from_bytes(unbase64(jwk["y"]), "big") == numbers.y
        raw = unbase64(signature)
        assert len(raw) == 64
        pair = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        self.key.public_key().verify(pair, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        assert (said["htm"], said["htu"]) == ("POST", url) and abs(said["iat"] - time.time()) < 60
        assert said["jti"] not in self.seen
        self.seen.add(said["jti"])
        return said

    def answer(self, handler, body):
        call = json.loads(body)
        self.calls.append(call)
        try:
            call["proof"] = self.check(handler.headers["DPoP"], self.url + handler.path)
        except Exception as wrong:  # what the test sees in place of the answer
            call["wrong"] = repr(wrong)
            return 400, {"error": "invalid_request", "message": "proof"}
        if self.fail:
            status, error = self.fail.pop(0)
            return status, {"error": error, "message": "as told to"}
        if call["refreshToken"] != self.refresh_token or call["grantType"] != "refresh_token":
            return 400, {"error": "TOKEN_EXPIRED", "message": "spent"}
        number = next(self.numbers)
        self.refresh_token = f"refresh-token-{number}"
        lent = self.lend(number)
        return 200, {"accessToken": {"accessKeyId": lent.access_key, "secretAccessKey": lent.secret_key,
                                     "sessionToken": lent.token},
                     "tokenType": "aws_sigv4", "expiresIn": self.lifetime, "refreshToken": self.refresh_token}

    def lend(self, number):
        lent = Identity(f"ASIALOGN{number:012}", f"login-secret-{number}", f"login-token-{number}")
        self.aws.verifier.identities[lent.access_key] = lent
        return lent
