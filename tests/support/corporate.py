# SPDX-License-Identifier: Apache-2.0
"""A forward proxy as companies have them: CONNECT only, perhaps with a user and a token."""
import base64
import socket
import threading

import http1
from scripted import Upstream

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Corporate(Upstream):
    """names: {host: (address, port)} that only this proxy can look up; others are dialled as they stand."""

    def __init__(self, user=None, names=None):
        self.user = user
        self.names = names or {}
        self.asked = []     # (target, Fields) of each CONNECT
        self.reply = None   # octets that each CONNECT gets in place of a connection; "": silence
        self.greeting = ESTABLISHED
        super().__init__(self.talk)

    @property
    def url(self):
        return f"http://{self.user + '@' if self.user else ''}127.0.0.1:{self.port}"

    def is_welcome(self, fields):
        want = "Basic " + base64.b64encode((self.user or "").encode()).decode()
        return self.user is None or fields.get("Proxy-Authorization") == want

    def talk(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = http1.Wire(sock)
        line, fields, _ = wire.read_head()
        method, target, _ = line.split(" ")
        self.asked.append((target, fields))
        if self.reply is not None:
            sock.sendall(self.reply)
            if not self.reply:
                wire.fill()  # until the other side gives up
            return
        if method != "CONNECT" or not self.is_welcome(fields):
            sock.sendall(b"HTTP/1.1 407 Authenticate\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 4\r\n\r\nsorr")
            return
        host, _, port = target.rpartition(":")
        with socket.create_connection(self.names.get(host, (host, int(port)))) as server:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(self.greeting)
            back = threading.Thread(target=pump, args=(server, sock), daemon=True)
            back.start()
            pump(sock, server)
            back.join(30)
