# SPDX-License-Identifier: Apache-2.0
"""How requests are signed: algorithms, forms, payloads, and clients that sign already."""
import harness
import pytest

MRAP = "m1a2b3.mrap.accesspoint.s3-global.amazonaws.com"


# -- SigV4A


@pytest.mark.parametrize("url, service", [
    (f"http://{MRAP}/a%20b/c?list-type=2&prefix=%2F", "s3"),
    ("http://abc.endpoint.events.amazonaws.com/", "events"),
])
def test_hosts_of_all_regions_get_sigv4a(proxy, aws, url, service):
    answer = proxy.request("POST" if service == "events" else "GET", url,
                           body=b"{}" if service == "events" else None)
    record = aws.requests[-1]
    assert record.refused in (None, "NoSuchBucket", "NoSuchKey"), answer
    assert record.verdict.service == service
    assert record.fields.get("X-Amz-Region-Set") == "*"
    assert "x-amz-region-set" in record.verdict.signed
    assert record.fields.get("Authorization").startswith("AWS4-ECDSA-P256-SHA256 ")


def test_region_set_of_a_route(aws, start_proxy):
    conf = ('[route "sqs.us-east-1.amazonaws.com"]\nregion = us-east-1, eu-west-1\n'
            f"upstream = {aws.url}\n")
    proxy = start_proxy(aws, conf)
    for _ in range(3):  # the derived key is kept
        answer = proxy.request("POST", "http://sqs.us-east-1.amazonaws.com/", body=b"Action=x")
        assert answer.status == 200, answer
    assert aws.requests[-1].verdict.region == "us-east-1,eu-west-1"


def test_wrong_sigv4a_is_refused(aws, start_proxy):
    """Else the tests above would show nothing."""
    wrong = harness.Identity(harness.CANARY.access_key, "wrong", harness.CANARY.token)
    proxy = start_proxy(aws, identity=wrong)
    assert proxy.request("GET", f"http://{MRAP}/x").status == 403
    assert aws.requests[-1].refused == "SignatureDoesNotMatch"
