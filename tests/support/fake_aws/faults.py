# SPDX-License-Identifier: Apache-2.0
"""Misbehaviour on command.

A script is "name=arg:arg; name=arg". It comes in a request's own Fake-Fault field, or is put in wait
for the next requests that match (FaultList.add), which is how requests are reached that a test does
not write itself. The names:

  status=CODE:NAME       an error answer in the service's own shape
  reply=NAME             the answer server.replies[NAME], whatever it is
  stall-head=SECONDS     waits before the answer's head
  stall-body=N:SECONDS   waits after N octets of the answer's body
  slow=N:SECONDS         the body in pieces of N octets with a pause between them
  truncate=N             ends the connection in order after N octets of the body
  reset=N                TCP reset after N octets of the body; N = -1: before the head
  early=CODE:N           answers after N octets of the upload and reads no further
  no-read=SECONDS        reads none of the body for that time
  continue=SECONDS       delays 100 Continue
  no-continue            never sends 100 Continue
  interim=CODE:COUNT     so many 1xx heads before the answer
  chunked                the body chunked, each piece a chunk
  to-end                 no length: the body ends with the connection
  no-close-notify        ends a TLS connection without saying so
  close-after            closes after the answer without having announced it
  surplus                further octets in the record of the answer's last
"""
import fnmatch
import threading


class Faults(dict):
    """A parsed script: name to its arguments, numbers where they look like numbers."""

    def __init__(self, script=""):
        super().__init__()
        for part in script.split(";"):
            name, _, arguments = part.strip().partition("=")
            if name:
                self[name] = [number(a) for a in arguments.split(":")] if arguments else []


def number(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


class FaultList:
    """Faults that wait for a request: "METHOD target" globs, each for so many requests."""

    def __init__(self):
        self.lock = threading.Lock()
        self.waiting = []

    def add(self, match, script, times=1):
        with self.lock:
            self.waiting.append([match, script, times])

    def clear(self):
        with self.lock:
            self.waiting.clear()

    def take(self, request):
        script = request.fields.get("Fake-Fault", "")
        with self.lock:
            for entry in self.waiting:
                if entry[2] > 0 and fnmatch.fnmatchcase(
                        f"{request.method} {request.target}", entry[0]):
                    entry[2] -= 1
                    script += ";" + entry[1]
                    break
        return Faults(script)
