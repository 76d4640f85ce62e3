# SPDX-License-Identifier: Apache-2.0
"""Refusals in the shapes that AWS's services give them."""
import json
from xml.sax.saxutils import escape


class Refused(Exception):
    """An answer that ends the request. extra: further elements, for S3's XML."""

    def __init__(self, status, code, message, **extra):
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.extra = extra
        self.fields = []  # further fields of the answer


def s3_error(refused, resource, request_id):
    parts = [("Code", refused.code), ("Message", refused.message), *refused.extra.items(),
             ("Resource", resource), ("RequestId", request_id)]
    inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in parts)
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode()
    return [("Content-Type", "application/xml"), ("x-amz-request-id", request_id),
            *refused.fields], body


def query_error(refused, request_id):
    fault = "Sender" if refused.status < 500 else "Receiver"
    body = (f"<ErrorResponse><Error><Type>{fault}</Type><Code>{refused.code}</Code>"
            f"<Message>{escape(refused.message)}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>").encode()
    return [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)], body


def json_error(refused, request_id):
    body = json.dumps({"__type": "com.amazon.coral.service#" + refused.code,
                       "message": refused.message}).encode()
    return [("Content-Type", "application/x-amz-json-1.0"), ("x-amzn-errortype", refused.code),
            ("x-amzn-RequestId", request_id)], body


QUERY_SERVICES = ("sts", "iam", "ec2", "cloudformation", "autoscaling", "elasticloadbalancing")


def error_answer(refused, service, resource, request_id):
    """Headers and body of a refusal, as the service would write it."""
    if service is None or service.startswith("s3"):
        return s3_error(refused, resource, request_id)
    if service in QUERY_SERVICES:
        return query_error(refused, request_id)
    return json_error(refused, request_id)
