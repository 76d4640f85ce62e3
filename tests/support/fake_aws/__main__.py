# SPDX-License-Identifier: Apache-2.0
"""python -m fake_aws: the stand-in by itself, for trying things by hand."""
import argparse
import signal

from . import FakeAws, Identity
from .control import serve_control


def main():
    parser = argparse.ArgumentParser(prog="fake_aws", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--certificate", help="PEM file of certificate and key; plain HTTP without")
    parser.add_argument("--access-key", default="AKIDEXAMPLE")
    parser.add_argument("--secret-key", default="secret")
    parser.add_argument("--token")
    options = parser.parse_args()
    identity = Identity(options.access_key, options.secret_key, options.token)
    with FakeAws([identity], options.certificate, ("127.0.0.1", options.port)) as server:
        control = serve_control(server, options.control_port)
        print(f"{server.url} control http://127.0.0.1:{control}", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
