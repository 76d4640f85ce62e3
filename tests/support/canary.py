# SPDX-License-Identifier: Apache-2.0
"""No secret in what a proxy gives away: its log, answers of its own, arguments, its children, a core.

The keys of every proxy under test are canaries; each answer that a test's client reads, each log at a
test's end and each running proxy before it is stopped go through here.
"""
import base64
import pathlib
from urllib.parse import quote


def forms(secret):
    """A secret as it stands, percent-encoded and in base64, as octets."""
    octets = secret.encode()
    found = {octets, quote(secret, safe="").encode(), quote(secret, safe="/").encode()}
    if len(octets) >= 16:
        found.add(base64.b64encode(octets).rstrip(b"=")[:-1])  # what follows may change the last digit
    return found


def traces(secrets, octets):
    """Those of the secrets that stand in octets."""
    return [secret for secret in secrets if secret and any(form in octets for form in forms(secret))]


def check(secrets, octets, where):
    found = traces(secrets, octets if isinstance(octets, bytes) else octets.encode("utf-8", "replace"))
    assert not found, f"a secret is in {where}: {found[0][:6]}..."


def check_answer(identity, answer):
    """The secret key is in no answer at all; token and key id only in URLs that were asked for."""
    octets = answer.raw_head + answer.body
    check([identity.secret_key], octets, f"an answer of {answer.status}")
    is_grant = answer.status == 307 or answer.body.startswith((b'{"url":', b'{"results":', b"https://", b"http://"))
    if answer.fields.get("Server") == "sigv4-proxy" and not is_grant:
        check([identity.token, identity.access_key], octets, f"an answer of the proxy's own, {answer.status}")


def children_of(pid):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def read(path):
    try:
        return path.read_bytes()
    except OSError:  # gone meanwhile
        return b""


def check_process(proxy):
    """Arguments, children and core settings of a running proxy. Its own environment is its caller's."""
    pid = proxy.process.pid
    check(proxy.secrets, read(pathlib.Path(f"/proc/{pid}/cmdline")), "the arguments")
    given = "\0".join(proxy.env.values())
    found = [secret for secret in proxy.secrets if secret not in given]
    try:
        children = list(children_of(pid))
    except OSError:
        children = []
    for child in children:
        check(proxy.secrets, read(pathlib.Path(f"/proc/{child}/cmdline")), "a child's arguments")
        check(found, read(pathlib.Path(f"/proc/{child}/environ")), "a child's environment")
    for one in (pid, *children):
        limits = read(pathlib.Path(f"/proc/{one}/limits")).decode()
        core = [line.split()[-3:-1] for line in limits.splitlines() if line.startswith("Max core file size")]
        assert core in ([], [["0", "0"]]), f"a core file may be written: {core}"


def check_pages(proxy):
    for path in ("/status", "/metrics", "/readyz", "/healthz"):
        try:
            answer = proxy.admin(path)
        except (OSError, EOFError):  # it is off, elsewhere, or stuck
            return
        check(proxy.secrets, answer.raw_head + answer.body, path)
