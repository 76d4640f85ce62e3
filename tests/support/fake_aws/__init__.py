# SPDX-License-Identifier: Apache-2.0
"""An AWS-like server for tests and the demo: it refuses what AWS refuses, and misbehaves on command.

verify.py   recomputes each signature with botocore        s3.py        buckets and objects
server.py   sockets, HTTP/1.1, what was received           services.py  everything else, as an echo
faults.py   how to misbehave                               control.py   the same, asked over HTTP
express.py  sessions of directory buckets
"""
from .server import FakeAws
from .verify import Identity

__all__ = ["FakeAws", "Identity"]
