# SPDX-License-Identifier: Apache-2.0
"""Services other than S3: a few calls that boto3 understands, and an echo of what was verified."""
import hashlib
import json

from .s3 import Answer

JSON_CALLS = {
    "DynamoDB_20120810.ListTables": {"TableNames": ["orders", "users"]},
    "AmazonSQS.ListQueues": {"QueueUrls": ["https://sqs.us-east-1.amazonaws.com/123456789012/jobs"]},
}
IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/{0}</Arn><UserId>{0}</UserId>
<Account>123456789012</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata>
</GetCallerIdentityResponse>"""
# What clients that still speak SQS's query protocol get.
QUEUES = """<ListQueuesResponse><ListQueuesResult>
<QueueUrl>https://sqs.us-east-1.amazonaws.com/123456789012/jobs</QueueUrl></ListQueuesResult>
<ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata>
</ListQueuesResponse>"""


def answer(request, data, verdict):
    call = request.fields.get("X-Amz-Target", "")
    if call in JSON_CALLS:
        return Answer(200, [("Content-Type", "application/x-amz-json-1.0")],
                      json.dumps(JSON_CALLS[call]).encode())
    if verdict.service == "sts" and b"GetCallerIdentity" in data + request.target.encode():
        return Answer(200, [("Content-Type", "text/xml")],
                      IDENTITY.format(verdict.access_key).encode())
    if verdict.service == "sqs" and b"Action=ListQueues&" in data:
        return Answer(200, [("Content-Type", "text/xml")], QUEUES.encode())
    echo = {"service": verdict.service, "region": verdict.region, "access_key": verdict.access_key,
            "signed": verdict.signed, "payload": verdict.payload, "method": request.method,
            "target": request.target, "fields": list(request.fields), "length": len(data),
            "sha256": hashlib.sha256(data).hexdigest()}
    return Answer(200, [("Content-Type", "application/json")], json.dumps(echo).encode())
