# SPDX-License-Identifier: Apache-2.0
"""What the tests of retries share: failing answers to order, and what came of them."""
import os
import threading
import time

from fake_aws.s3 import Answer

S3 = "http://bucket.s3.us-east-1.amazonaws.com/"
DYNAMODB = "http://dynamodb.us-east-1.amazonaws.com/"
QUICK = "[retry]\nretry_base = 20ms\nretry_cap = 400ms\nretry_jitter = none\nattempts_header = yes\n"
JSON = ("Content-Type", "application/x-amz-json-1.0")
XML = ("Content-Type", "application/xml")
CRC = "x-amz-checksum-crc32"
EARLY = 0.7  # timers count from the loop's clock, which is a turn old


def fail(aws, script, times=1, match="*"):
    aws.faults.add(match, script, times)


def reply(aws, status, fields=(), body=b"", times=1, match="*"):
    """The stand-in's next answers, as they stand; the signature is checked all the same."""
    name = f"r{len(aws.replies)}"
    aws.replies[name] = Answer(status, list(fields), body)
    fail(aws, f"reply={name}", times, match)


def attempts(answer):
    return int(answer.fields.get("X-Sigv4-Proxy-Attempts", "0"))


def gaps(aws):
    """Times between the requests that the stand-in saw, in ms."""
    times = [r.head_at for r in aws.requests]
    return [(b - a) * 1000 for a, b in zip(times, times[1:])]


def call(proxy, target, body=b"{}", fields=()):
    """A call of a JSON service."""
    return proxy.request("POST", DYNAMODB, [JSON, ("X-Amz-Target", target), *fields], body)


def together(n, job):
    """n threads, each job(i); their results."""
    results = [None] * n

    def run(i):
        results[i] = job(i)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def metrics(proxy):
    lines = proxy.admin("/metrics").body.decode().splitlines()
    return {line.rsplit(" ", 1)[0].removeprefix("sigv4_proxy_"): float(line.rsplit(" ", 1)[1])
            for line in lines if line and line[0] != "#"}


def descriptors(proxy):
    return len(os.listdir(f"/proc/{proxy.process.pid}/fd"))


def base_line(proxy):
    """Descriptors at rest: the harness's own questions at start-up may still be open."""
    counts = []
    while len(counts) < 5 or len(set(counts[-5:])) > 1:
        counts.append(descriptors(proxy))
        time.sleep(0.05)
    return counts[-1]
