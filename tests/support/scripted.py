# SPDX-License-Identifier: Apache-2.0
"""A plain upstream whose side of each connection is a function of the test's own."""
import socket
import threading

import http1

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def read_request(wire):
    """(first line, Fields, body), or None at the end of the connection."""
    head = wire.read_head()
    if head is None:
        return None
    line, fields, _ = head
    pieces = (wire.chunks() if "Transfer-Encoding" in fields
              else wire.pieces(int(fields.get("Content-Length", "0"))))
    return line, fields, b"".join(pieces)


def answer_all(sock):
    """A short answer to each request."""
    wire = http1.Wire(sock)
    while read_request(wire) is not None:
        sock.sendall(OK)


class Upstream:
    """Runs talk(sock) in a thread for each connection."""

    def __init__(self, talk=answer_all):
        self.talk = talk
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        with sock:
            try:
                self.talk(sock)
            except (OSError, http1.ProtocolError, http1.Truncated):
                pass

    def route(self, glob="*", service="execute-api"):
        return (f'[route "{glob}"]\nupstream = http://127.0.0.1:{self.port}\n'
                f"service = {service}\nregion = us-east-1\n")
