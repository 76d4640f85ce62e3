# SPDX-License-Identifier: Apache-2.0
"""S3 Express: keys that CreateSession lends for one directory bucket, and what they are good for."""
import datetime
import itertools
import threading
import urllib.parse
from dataclasses import dataclass

from .errors import Refused
from .verify import Identity

XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


@dataclass(frozen=True)
class Session(Identity):
    """Lent for a bucket; its token goes into a field of its own."""
    bucket: str = ""
    expires: datetime.datetime | None = None


@dataclass
class Lent:
    """One CreateSession that was answered."""
    bucket: str
    signer: str
    mode: str | None
    session: Session


class Express:
    """lent: what was given out, in order. denied: access keys that may not ask for a session."""

    def __init__(self, verifier):
        self.verifier = verifier
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        self.lifetime = 300
        self.lent = []
        self.denied = set()

    def clear(self):
        self.lifetime = 300
        self.lent.clear()
        self.denied.clear()

    def check(self, request, grant, bucket):
        """Whether that identity may ask for that, as far as sessions go. Before the signature is judged."""
        identity = grant.get("identity")
        if not isinstance(identity, Session):
            return
        if identity.bucket != bucket:
            raise Refused(403, "AccessDenied", "Access Denied: the session is of another bucket")
        if self.verifier.now() >= identity.expires:
            raise Refused(400, "ExpiredToken", "The provided token has expired.")
        if is_create_session(request) or "x-amz-copy-source" in request.fields:
            raise Refused(403, "AccessDenied", "Access Denied: no operation for a session")

    def create(self, request, grant, bucket):
        """The answer's body."""
        signer = grant["identity"]
        if signer.access_key in self.denied:
            raise Refused(403, "AccessDenied",
                          f"User: {signer.access_key[:4]} is not authorized to perform: s3express:CreateSession")
        expires = self.verifier.now() + datetime.timedelta(seconds=self.lifetime)
        with self.lock:
            number = next(self.numbers)
            session = Session(f"ASIAEXPRESS{number:09}", f"expressSecret/{number:04}/plainlyVisible40characters",
                              f"expressToken//{number:04}+Zm9vYmFyLWJheg==", bucket, expires)
            self.lent.append(Lent(bucket, signer.access_key, request.fields.get("x-amz-create-session-mode"), session))
            self.verifier.identities[session.access_key] = session
        return (f"<CreateSessionResult {XMLNS}><Credentials><SessionToken>{session.token}</SessionToken>"
                f"<SecretAccessKey>{session.secret_key}</SecretAccessKey><AccessKeyId>{session.access_key}</AccessKeyId>"
                f"<Expiration>{expires:%Y-%m-%dT%H:%M:%SZ}</Expiration></Credentials></CreateSessionResult>")


def is_create_session(request):
    path, _, query = request.target.partition("?")
    return (request.method, path) == ("GET", "/") and "session" in urllib.parse.parse_qs(query, keep_blank_values=True)
