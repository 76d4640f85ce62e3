# SPDX-License-Identifier: Apache-2.0
"""Plain curl, which knows nothing of signatures."""
import subprocess
from urllib.parse import urlsplit


def over_tls(address, port, authority, url, *arguments):
    """Asks url of the server at that address, whatever the name in the URL. (status, body)"""
    result = subprocess.run(
        ["curl", "-sS", "--max-time", "60", "--path-as-is", "--cacert", str(authority.bundle), "--connect-to",
         f"{urlsplit(url).hostname}:443:{address}:{port}", "-w", "\n%{http_code}", *arguments, url],
        capture_output=True, check=True, env={"PATH": "/usr/bin:/bin"})
    body, _, status = result.stdout.rpartition(b"\n")
    return int(status), body
