# SPDX-License-Identifier: Apache-2.0
"""botocore and awscrt as signers with the same inputs as ours. Each returns 64 hex digits, or the reason for refusing."""
import datetime
import re

import awscrt.auth
import awscrt.http
import botocore.auth
import botocore.awsrequest
import botocore.credentials

ACCESS, SECRET = 'AKIDDIFFERENTIAL', 'differential/Secret+Key=0123456789abcdef'
REGION = 'eu-west-1'
NOW = datetime.datetime(2026, 11, 24, 12, 34, 56, tzinfo=datetime.timezone.utc)
STAMP = '20261124T123456Z'

botocore.auth.get_current_datetime = lambda *_, **__: NOW


def signature_in(text):
    found = re.search(r'Signature=([0-9a-f]{64,144})$', text)
    return found.group(1) if found else f'no signature in {text!r}'


def with_payload(base):
    """botocore chooses the payload's line itself; here it is given."""
    class Given(base):
        given = None

        def payload(self, request):
            return self.given
    return Given


HEADER_AUTH = {'s3': with_payload(botocore.auth.S3SigV4Auth), None: with_payload(botocore.auth.SigV4Auth)}
QUERY_AUTH = {'s3': with_payload(botocore.auth.S3SigV4QueryAuth), None: with_payload(botocore.auth.SigV4QueryAuth)}


def botocore_signs(case, target, headers):
    credentials = botocore.credentials.Credentials(ACCESS, SECRET, case.token)
    request = botocore.awsrequest.AWSRequest(method=case.method, url=f'https://{case.host}{target}', data=b'')
    for name, value in headers:
        request.headers.add_header(name, value)
    family = 's3' if case.service == 's3' else None
    if case.is_query:
        auth = QUERY_AUTH[family](credentials, case.service, REGION, expires=case.expires)
    else:
        auth = HEADER_AUTH[family](credentials, case.service, REGION)
    auth.given = case.payload
    try:
        auth.add_auth(request)
    except Exception as error:  # whatever it is: a refusal
        return f'refuses: {type(error).__name__}: {error}'
    return signature_in(request.url if case.is_query else request.headers['Authorization'])


def awscrt_signs(case, target, headers, algorithm=awscrt.auth.AwsSigningAlgorithm.V4):
    kind = awscrt.auth.AwsSignatureType
    is_s3 = case.service == 's3'
    config = awscrt.auth.AwsSigningConfig(
        algorithm=algorithm,
        signature_type=kind.HTTP_REQUEST_QUERY_PARAMS if case.is_query else kind.HTTP_REQUEST_HEADERS,
        credentials_provider=awscrt.auth.AwsCredentialsProvider.new_static(ACCESS, SECRET, case.token),
        region=REGION, service=case.service, date=NOW, use_double_uri_encode=not is_s3,
        should_normalize_uri_path=not is_s3, signed_body_value=case.payload,
        signed_body_header_type=(awscrt.auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256
                                 if is_s3 and not case.is_query else awscrt.auth.AwsSignedBodyHeaderType.NONE),
        expiration_in_seconds=case.expires if case.is_query else None)
    try:
        request = awscrt.http.HttpRequest(case.method, target, awscrt.http.HttpHeaders(
            [('Host', case.host), *headers]))
        signed = awscrt.auth.aws_sign_request(request, config).result(10)
    except Exception as error:  # whatever it is: a refusal
        return f'refuses: {error}'
    return signature_in(signed.path if case.is_query else dict(signed.headers)['Authorization'])


def awscrt_signs_4a(case, target, headers):
    """DER in hex: another one each time, so it is verified and not compared."""
    return awscrt_signs(case, target, headers, awscrt.auth.AwsSigningAlgorithm.V4_ASYMMETRIC)
