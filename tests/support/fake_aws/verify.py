# SPDX-License-Identifier: Apache-2.0
"""Is this request signed as AWS demands? Each signature is computed anew by botocore.

Nothing here shares a line with the proxy's signer: the request is rebuilt from the octets that came,
with exactly the fields that it says are signed, and botocore makes the canonical request, the string
to sign and the signature. S3 is treated as S3 servers do: the path and the query are decoded once and
encoded again before they are compared, whatever spelling the client chose.
"""
import datetime
import hashlib
import hmac
import re
import urllib.parse
from dataclasses import dataclass

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from .errors import Refused

S3_FAMILY = ("s3", "s3express", "s3-outposts", "s3-object-lambda")
REGION = r"(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)"
HOST_FORMS = [re.compile(form + r"\.amazonaws\.com(\.cn)?$") for form in (
    r"^(?P<bucket>[^.]+--xa?-s3)\.(?P<service>s3express)-[a-z0-9]+-[a-z0-9]+\." + REGION,
    r"^(?P<service>s3express)-control\." + REGION,
    r"^(?:(?P<bucket>.+)\.)?(?P<service>s3)[.-](?:dualstack\.)?" + REGION,
    r"^[^.]+\.mrap\.accesspoint\.(?P<service>s3)-(?P<region>global)",
    r"^(?:(?P<bucket>.+)\.)?(?P<service>s3)",
    r"^[^.]+\.(?P<region>endpoint)\.(?P<service>events)",
    r"^(?:[^.]+\.)*?(?P<service>execute-api|es|lambda-url)\." + REGION,
    r"^(?P<service>aps)-workspaces\." + REGION,
    r"^(?P<service>bedrock)-runtime\." + REGION,
    r"^(?P<service>[a-z0-9-]+)\." + REGION,
    r"^(?P<service>sts|iam)",
)]
AUTHORIZATION = re.compile(
    r"^AWS4-HMAC-SHA256 Credential=(?P<id>[^/, ]+)/(?P<date>\d{8})/(?P<region>[^/, ]+)/"
    r"(?P<service>[^/, ]+)/aws4_request, ?SignedHeaders=(?P<signed>[^, ]+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})$")
AUTHORIZATION_4A = re.compile(
    r"^AWS4-ECDSA-P256-SHA256 Credential=(?P<id>[^/, ]+)/(?P<date>\d{8})/(?P<service>[^/, ]+)/"
    r"aws4_request, SignedHeaders=(?P<signed>[^, ]+), Signature=(?P<signature>[0-9a-f]{16,144})$")
NO_REGION = ("global", "endpoint")  # hosts of all regions: SigV4A only
SKEW = datetime.timedelta(minutes=15)
MAX_EXPIRES = 7 * 24 * 3600
P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Identity:
    """Who may sign; token is set for temporary credentials."""
    access_key: str
    secret_key: str
    token: str | None = None


@dataclass
class Scope:
    """What a host says of itself; None where it says nothing."""
    service: str | None = None
    region: str | None = None
    bucket: str | None = None


@dataclass
class Verdict:
    """A signature that was right."""
    access_key: str
    service: str
    region: str
    signed: list
    payload: str
    form: str  # header or query


def host_scope(host):
    name = host.rsplit(":", 1)[0] if re.search(r":\d+$", host) else host
    for form in HOST_FORMS:
        found = form.match(name.lower())
        if found:
            parts = found.groupdict()
            return Scope(parts["service"], parts.get("region") or "us-east-1", parts.get("bucket"))
    return Scope()


def split_target(target):
    path, _, query = target.partition("?")
    return path, query


def s3_path(path):
    return urllib.parse.quote(urllib.parse.unquote_to_bytes(path), safe="/-._~")


def canonical_query_pieces(query):
    """The query with every escape spelled in the one way that a signature knows."""
    pieces = []
    for piece in query.split("&"):
        if not piece:
            continue
        key, _, value = piece.partition("=")
        pieces.append("=".join(
            urllib.parse.quote(urllib.parse.unquote_to_bytes(part.replace("+", "%20")), safe="-._~")
            for part in (key, value)))
    return pieces


class Received:
    """botocore's signer over a request that came: all of the signed fields, none of its own choice."""

    def __init__(self, base, identity, service, region, payload):
        class Signer(base):
            def headers_to_sign(self, request):
                return request.headers

            def payload(self, request):
                return payload
        self.signer = Signer(Credentials(identity.access_key, identity.secret_key), service, region)

    def compute(self, method, url, fields, timestamp):
        request = AWSRequest(method=method, url=url)
        for name, value in fields:
            request.headers[name.lower()] = value
        request.context["timestamp"] = timestamp
        canonical = self.signer.canonical_request(request)
        to_sign = self.signer.string_to_sign(request, canonical)
        return canonical, to_sign, self.signer.signature(to_sign, request)


class Verifier:
    """Checks one request at a time. now() may be replaced by tests."""

    def __init__(self, identities, default_region="us-east-1"):
        self.identities = {i.access_key: i for i in identities}
        self.default_region = default_region
        self.now = lambda: datetime.datetime.now(datetime.timezone.utc)

    def check_head(self, request, scope):
        """Everything that can be said before the body: the grant, the date, the signed fields.

        Returns what finish() needs. Raises Refused."""
        path, query = split_target(request.target)
        parameters = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        authorization = request.fields.get("Authorization")
        if authorization and "X-Amz-Signature" in parameters:
            raise Refused(400, "InvalidArgument", "Only one auth mechanism allowed")
        if authorization:
            grant = self.header_grant(request, authorization, scope)
        elif "X-Amz-Signature" in parameters:
            grant = self.query_grant(request, parameters, scope)
        else:
            raise unsigned(scope)
        self.check_scope(grant, scope)
        self.check_signed_fields(request, grant)
        self.check_identity(request, grant, parameters)
        return grant

    def header_grant(self, request, authorization, scope):
        found = AUTHORIZATION.match(authorization) or AUTHORIZATION_4A.match(authorization)
        if not found:
            raise Refused(400, "AuthorizationHeaderMalformed",
                          "The authorization header is malformed")
        grant = dict(found.groupdict(), form="header")
        if "region" not in grant:
            grant |= {"is_4a": True, "region": request.fields.get("X-Amz-Region-Set", "")}
        grant["signed"] = grant["signed"].split(";")
        grant["timestamp"] = request.fields.get("X-Amz-Date", "")
        moment = parse_timestamp(grant["timestamp"])
        if abs(self.now() - moment) > SKEW:
            raise too_skewed(scope, grant, self.now())
        grant["payload"] = request.fields.get("X-Amz-Content-Sha256")
        if is_s3(scope, grant) and grant["payload"] is None:
            raise Refused(400, "InvalidRequest",
                          "Missing required header for this request: x-amz-content-sha256")
        return grant

    def query_grant(self, request, parameters, scope):
        credential = parameters.get("X-Amz-Credential", "").split("/")
        if (parameters.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256" or len(credential) != 5
                or credential[4] != "aws4_request"):
            raise Refused(400, "AuthorizationQueryParametersError", "bad presigned query")
        grant = {"form": "query", "id": credential[0], "date": credential[1],
                 "region": credential[2], "service": credential[3],
                 "signed": parameters.get("X-Amz-SignedHeaders", "").split(";"),
                 "signature": parameters["X-Amz-Signature"],
                 "timestamp": parameters.get("X-Amz-Date", "")}
        moment = parse_timestamp(grant["timestamp"])
        expires = parameters.get("X-Amz-Expires", "")
        if not expires.isdigit() or not 1 <= int(expires) <= MAX_EXPIRES:
            raise Refused(400, "AuthorizationQueryParametersError", "X-Amz-Expires out of range")
        if moment - self.now() > SKEW or self.now() > (
                moment + datetime.timedelta(seconds=int(expires))):
            raise Refused(403, "AccessDenied", "Request has expired")
        grant["payload"] = parameters.get("X-Amz-Content-Sha256") or request.fields.get(
            "X-Amz-Content-Sha256")
        if is_s3(scope, grant) and grant["payload"] is None:
            grant["payload"] = "UNSIGNED-PAYLOAD"
        return grant

    def check_scope(self, grant, scope):
        if grant["date"] != grant["timestamp"][:8]:
            raise Refused(403, "SignatureDoesNotMatch", "the scope's date is not X-Amz-Date's")
        region = scope.region or self.default_region
        if region in NO_REGION or grant.get("is_4a"):
            if not grant.get("is_4a") or not grant["region"]:
                raise Refused(403, "AccessDenied", "the endpoint takes SigV4A with a region set")
            region = grant["region"]
        if scope.service and grant["service"] != scope.service:
            raise Refused(400, "AuthorizationHeaderMalformed",
                          f"incorrect service {grant['service']!r}; expecting {scope.service!r}")
        if scope.service and grant["region"] != region:
            raise Refused(400, "AuthorizationHeaderMalformed",
                          f"the region {grant['region']!r} is wrong; expecting {region!r}",
                          Region=region)

    def check_signed_fields(self, request, grant):
        signed = grant["signed"]
        if signed != sorted(set(signed)):
            raise Refused(403, "SignatureDoesNotMatch", "SignedHeaders not sorted or not unique")
        received = {name.lower() for name, _ in request.fields}
        unsigned_names = sorted(n for n in received if n not in signed and (
            n == "host" or n.startswith("x-amz-")))
        if unsigned_names:
            raise Refused(403, "AccessDenied",
                          "There were headers present in the request which were not signed",
                          HeadersNotSigned=", ".join(unsigned_names))
        if not set(signed) <= received:
            raise Refused(403, "SignatureDoesNotMatch", "a signed header is missing: "
                          + ", ".join(sorted(set(signed) - received)))

    def check_identity(self, request, grant, parameters):
        identity = self.identities.get(grant["id"])
        if identity is None:
            raise Refused(403, "InvalidAccessKeyId",
                          "The AWS Access Key Id you provided does not exist in our records.",
                          AWSAccessKeyId=grant["id"])
        given = parameters if grant["form"] == "query" else request.fields
        # Of S3 Express's sessions it has a name of its own, and they are lent for a bucket.
        names = ["X-Amz-Security-Token", "X-Amz-S3session-Token"]
        if hasattr(identity, "bucket"):
            names.reverse()
        if given.get(names[0]) != identity.token or given.get(names[1]) is not None:
            raise Refused(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        grant["identity"] = identity

    def finish(self, request, grant, body_sha256):
        """The signature itself. body_sha256: of the body, or None where it was not read yet."""
        payload = grant["payload"] if grant["payload"] is not None else body_sha256
        base = S3SigV4Auth if grant["service"] in S3_FAMILY else SigV4Auth
        path, query = split_target(request.target)
        if grant["service"] in S3_FAMILY:
            path = s3_path(path)
        pieces = [p for p in canonical_query_pieces(query)
                  if not (grant["form"] == "query" and p.startswith("X-Amz-Signature="))]
        fields = [(n, v) for n, v in request.fields if n.lower() in grant["signed"]]
        signer = Received(base, grant["identity"], grant["service"], grant["region"], payload)
        url = "https://host" + path + ("?" + "&".join(pieces) if pieces else "")
        canonical, to_sign, signature = signer.compute(
            request.method, url, fields, grant["timestamp"])
        if grant.get("is_4a"):
            to_sign = "\n".join(["AWS4-ECDSA-P256-SHA256", grant["timestamp"],
                                 f"{grant['date']}/{grant['service']}/aws4_request",
                                 hashlib.sha256(canonical.encode()).hexdigest()])
            is_right = is_sigv4a(grant["identity"], to_sign, grant["signature"])
        else:
            is_right = hmac.compare_digest(signature, grant["signature"])
        if not is_right:
            raise Refused(
                403, "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.",
                AWSAccessKeyId=grant["id"], StringToSign=to_sign,
                SignatureProvided=grant["signature"], CanonicalRequest=canonical)
        return Verdict(grant["id"], grant["service"], grant["region"], grant["signed"], payload,
                       grant["form"])


def is_sigv4a(identity, to_sign, signature):
    """By the public key that AWS derives from the secret."""
    for counter in range(1, 255):
        data = (b"\0\0\0\1AWS4-ECDSA-P256-SHA256\0" + identity.access_key.encode()
                + bytes([counter]) + b"\0\0\1\0")
        number = int.from_bytes(
            hmac.digest(b"AWS4A" + identity.secret_key.encode(), data, "sha256"), "big")
        if number <= P256_ORDER - 2:
            break
    public = ec.derive_private_key(number + 1, ec.SECP256R1()).public_key()
    try:
        public.verify(bytes.fromhex(signature), to_sign.encode(), ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def is_s3(scope, grant):
    return (scope.service or grant["service"]) in S3_FAMILY


def unsigned(scope):
    if scope.service is None or scope.service in S3_FAMILY:
        return Refused(403, "AccessDenied", "Access Denied")
    return Refused(403 if scope.service in ("sts", "iam") else 400, "MissingAuthenticationToken",
                   "Request is missing Authentication Token")


def too_skewed(scope, grant, now):
    if is_s3(scope, grant):
        return Refused(403, "RequestTimeTooSkewed",
                       "The difference between the request time and the current time is too large.",
                       RequestTime=grant["timestamp"], ServerTime=now.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return Refused(403, "SignatureDoesNotMatch",
                   f"Signature expired: {grant['timestamp']} is too far from {now:%Y%m%dT%H%M%SZ}")


def parse_timestamp(text):
    try:
        moment = datetime.datetime.strptime(text, "%Y%m%dT%H%M%SZ")
    except ValueError:
        raise Refused(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date"
                      " header") from None
    return moment.replace(tzinfo=datetime.timezone.utc)
