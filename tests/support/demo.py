# SPDX-License-Identifier: Apache-2.0
"""demo.py BINARY: the main job before your eyes, on this machine alone.

A stand-in for S3 that refuses unsigned requests, the proxy in front of it, and plain curl. Each step
prints what it shows and the very command that runs; the demo fails unless every step ends as it says.
"""
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

import certs
import harness
from fake_aws import FakeAws, Identity

HOST = "my-bucket.s3.us-east-1.amazonaws.com"
KEYS = Identity("AKIADEMODEMODEMODEMO", "demo-secret-key-of-no-account")
AFTERWORD = """
That was all. Against real AWS it is the same, with your own keys and bucket:

    build/dev/sigv4-proxy &            # finds keys as the AWS CLI does: environment, ~/.aws
    export http_proxy=http://127.0.0.1:8080 HTTP_PROXY=http://127.0.0.1:8080
    export NO_PROXY=127.0.0.1,localhost,169.254.169.254,169.254.170.2
    curl -T report.csv http://YOUR-BUCKET.s3.YOUR-REGION.amazonaws.com/report.csv
    curl http://YOUR-BUCKET.s3.YOUR-REGION.amazonaws.com/report.csv

The URL says http: the proxy signs the request and sends it on over TLS.
"""


class Demo:
    def __init__(self, folder, proxy, aws, bundle):
        self.folder = folder
        self.proxy = proxy
        self.aws = aws
        self.bundle = bundle
        self.number = 0

    def step(self, what, command, expected, variables=None):
        """Explains, runs and checks one command. expected: texts that its output must hold."""
        self.number += 1
        shown = " ".join(shlex.quote(part) for part in command)
        print(f"\n{self.number}. {what}", flush=True)
        print(f"   $ {shown}", flush=True)
        result = subprocess.run(
            command, env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | (variables or {}),
            cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)
        for line in (result.stdout + result.stderr).splitlines():
            print(f"   {line}")
        missing = [text for text in expected if text not in result.stdout]
        if missing:
            sys.exit(f"demo: this should have shown {missing[0]!r}")

    def run(self):
        status = ["-sS", "-w", r"\nstatus %{http_code}\n"]
        url = f"http://{HOST}/greeting.txt"
        direct = ["--cacert", str(self.bundle), "--connect-to", f"{HOST}:443:127.0.0.1:{self.aws.port}"]
        (self.folder / "greeting.txt").write_text("hello from a tool that knows no AWS\n")
        self.step("Without the proxy: S3 refuses an upload that nobody signed.",
                  ["curl", *status, *direct, "-T", "greeting.txt", url.replace("http:", "https:")],
                  ["AccessDenied", "status 403"])
        variables = self.proxy.variables()
        print("\n   Now the proxy: nothing but these variables changes for the tool.")
        for name, value in variables.items():
            print(f"   $ export {name}={value}")
        self.step("The same upload, through the proxy: signed, sent over TLS, accepted.",
                  ["curl", *status, "-T", "greeting.txt", url], ["status 200"], variables)
        self.step("And back again.", ["curl", *status, url],
                  ["hello from a tool that knows no AWS", "status 200"], variables)
        self.step("The bucket's list.", ["curl", *status, f"http://{HOST}/?list-type=2"],
                  ["<Key>greeting.txt</Key>", "status 200"], variables)
        self.step("A host that nobody allowed is refused, with the line that would allow it.",
                  ["curl", *status, "http://intranet.example.com/"],
                  ["host-denied", "status 403"], variables)
        print("\n   What the stand-in received; each signature was computed again by botocore:")
        for record in self.aws.requests:
            said = f"signed by {record.verdict.access_key} for {record.verdict.service}, " \
                   f"{record.verdict.region}" if record.verdict else f"refused: {record.refused}"
            print(f"   {record.method:4} {record.target:16} {record.status}  {said}")
        if [bool(record.verdict) for record in self.aws.requests] != [False, True, True, True]:
            sys.exit("demo: the stand-in received something else than was sent")


def main():
    harness.BINARY = os.path.realpath(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="sigv4-demo.") as name:
        folder = pathlib.Path(name)
        authority = certs.Authority(folder / "ca")
        with FakeAws([KEYS], authority.leaf(), buckets=["my-bucket"]) as aws:
            # Only the demo needs a route: here the names of AWS lead to the stand-in.
            conf = f'[route "*.amazonaws.com"]\nupstream = {aws.url}\n'
            print(f"A stand-in for S3 is at {aws.url} and refuses what is not signed.")
            with harness.running(folder, conf=conf, identity=KEYS,
                                 ca_bundle=authority.bundle) as proxy:
                print(f"sigv4-proxy is at {proxy.url} and has keys in its environment.")
                Demo(folder, proxy, aws, authority.bundle).run()
    print(AFTERWORD)


if __name__ == "__main__":
    main()
