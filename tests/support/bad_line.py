# SPDX-License-Identifier: Apache-2.0
"""A bad line between two ends: a TCP relay that delays, slices, throttles, cuts and resets.

Faults, each for one direction (up: towards the server, down: towards the client):

  latency=SECONDS     every piece comes so much later
  slice=N             pieces of at most N octets, each a segment of its own
  rate=N              so many octets a second
  reset=N             a TCP reset of both sides after N octets
  end=N               an orderly end of that direction after N octets; the other one goes on
  swallow=N           after N octets nothing goes through any more, and nobody is told
  slow_end=SECONDS    the end is passed on so much later
"""
import socket
import threading
import time

import http1

PIECE = 16384


class Cut(Exception):
    """The script says: no further."""


class BadLine:
    """Use as a context manager. target: (host, port); up, down: dicts of faults."""

    def __init__(self, target, up=None, down=None):
        self.target = target
        self.faults = {"up": up or {}, "down": down or {}}
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = self.listener.getsockname()
        self.port = self.address[1]
        self.passed = {"up": 0, "down": 0}
        self.connections = 0
        self.pairs = []

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        for pair in self.pairs:
            for sock in pair:
                sock.close()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(self.target)
            except OSError:
                return
            self.connections += 1
            self.pairs.append((near, far))
            for sock in (near, far):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.relay, args=(near, far, "up"), daemon=True).start()
            threading.Thread(target=self.relay, args=(far, near, "down"), daemon=True).start()

    def relay(self, source, sink, way):
        faults = self.faults[way]
        gone = 0
        try:
            while True:
                data = source.recv(PIECE)
                if not data:
                    break
                gone = self.pass_on(sink, data, gone, faults)
                self.passed[way] += len(data)
            time.sleep(faults.get("slow_end", 0))
            sink.shutdown(socket.SHUT_WR)
        except Cut:
            pass
        except OSError:
            for sock in (source, sink):
                abort(sock)

    def pass_on(self, sink, data, gone, faults):
        time.sleep(faults.get("latency", 0))
        size = faults.get("slice", PIECE)
        for at in range(0, len(data), size):
            piece = data[at:at + size]
            limit = min(faults.get(name, 1 << 62) for name in ("reset", "end", "swallow"))
            sink.sendall(piece[:max(0, limit - gone)])
            gone += len(piece)
            if gone >= limit:
                self.cut(sink, faults)
            if "rate" in faults:
                time.sleep(len(piece) / faults["rate"])
        return gone

    @staticmethod
    def cut(sink, faults):
        if "reset" in faults:
            raise OSError("as told to")
        if "end" in faults:
            sink.shutdown(socket.SHUT_WR)
        raise Cut


def abort(sock):
    """A reset towards that side."""
    try:
        http1.reset_on_close(sock)
        sock.shutdown(socket.SHUT_RD)
    except OSError:
        pass
    sock.close()
