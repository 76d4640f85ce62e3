# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the endpoints beside a machine: a container's at /creds, an instance's metadata
service (v2, and v1 while .has_v1) at its own paths. Each fetch lends new keys that the given FakeAws
then knows.

.facts is what the metadata service tells of the instance. .calls holds (method, path, fields) of each request. Faults are set by hand: .lifetime, .delay,
.fail (a list of statuses, taken one a request), .authorization (what /creds wants to see).
"""
import datetime
import http.server
import itertools
import json
import socket
import threading
import time

from fake_aws import Identity

ROLES = "/latest/meta-data/iam/security-credentials/"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        mock = self.server.mock
        status, text, fields = mock.answer(self.command, self.path, self.headers)
        data = text.encode()
        try:
            self.send_response(status)
            for name, value in fields:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            pass

    do_PUT = do_GET


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address):
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, Handler)


class MockMetadata:
    """Use as a context manager."""

    def __init__(self, aws, address=("127.0.0.1", 0)):
        self.aws = aws
        self.calls = []
        self.fail = []
        self.delay = 0
        self.lifetime = 3600
        self.authorization = None
        self.has_v1 = False
        self.session = "session-of-the-instance"
        self.facts = {"instance-id": "i-0123456789abcdef0", "placement/region": "us-west-2",
                      "placement/availability-zone": "us-west-2-lax-1a"}
        self.numbers = itertools.count(1)
        self.server = Server(address)
        self.server.mock = self

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
        self.server = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def container(self):
        return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": self.url + "/creds"}

    @property
    def instance(self):
        return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": self.url, "AWS_EC2_METADATA_DISABLED": "false"}

    def answer(self, method, path, fields):
        self.calls.append((method, path, fields))
        time.sleep(self.delay)
        if self.fail:
            return self.fail.pop(0), "", ()
        if path == "/creds" or path.startswith("/v2/credentials/"):
            if self.authorization and fields.get("Authorization") != self.authorization:
                return 401, json.dumps({"code": "Unauthorized", "message": "who are you?"}), ()
            return 200, json.dumps(self.lend()), ()
        ttl = fields.get("x-aws-ec2-metadata-token-ttl-seconds")
        if path == "/latest/api/token":
            if method != "PUT" or not ttl or "X-Forwarded-For" in fields:
                return 400, "", ()
            return 200, self.session, [("x-aws-ec2-metadata-token-ttl-seconds", ttl)]
        if fields.get("x-aws-ec2-metadata-token") != self.session and not self.has_v1:
            return 401, "", ()
        if path == ROLES:
            return 200, "app-role", ()
        if path == ROLES + "app-role":
            return 200, json.dumps({"Code": "Success", "Type": "AWS-HMAC"} | self.lend()), ()
        if path.removeprefix("/latest/meta-data/") in self.facts:
            return 200, self.facts[path.removeprefix("/latest/meta-data/")], ()
        return 404, "", ()

    def lend(self):
        number = next(self.numbers)
        lent = Identity(f"ASIAHERE{number:012}", f"here-secret-{number}", f"here-token-{number}")
        self.aws.verifier.identities[lent.access_key] = lent
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(
            seconds=self.lifetime)
        return {"AccessKeyId": lent.access_key, "SecretAccessKey": lent.secret_key,
                "Token": lent.token, "Expiration": f"{until:%Y-%m-%dT%H:%M:%SZ}"}
