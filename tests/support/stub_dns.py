# SPDX-License-Identifier: Apache-2.0
"""A DNS server of a few names, over UDP and TCP, that keeps what it was asked.

Behaviour is set on the running server: records (name to addresses), failing (suffixes that get
SERVFAIL), is_dead (no answer to anything), truncates (UDP answers carry the TC bit and no records).
"""
import ipaddress
import socketserver
import struct
import threading

from ports import free_port

A, AAAA = 1, 28
NXDOMAIN, SERVFAIL = 3, 2


def read_name(packet, at):
    labels = []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1"))
        at += 1 + packet[at]
    return ".".join(labels).lower(), at + 1


class StubDns:
    """Use as a context manager. queries: (name, type, "udp" or "tcp") in order of arrival."""

    def __init__(self, records=None, address="127.0.0.1", port=0, ttl=60):
        self.records = {name.lower(): list(values) for name, values in (records or {}).items()}
        self.ttl = ttl
        self.failing = ()
        self.is_dead = False
        self.truncates = False
        self.queries = []
        outer = self

        class Datagram(socketserver.BaseRequestHandler):
            def handle(self):
                data, sock = self.request
                answer = outer.answer(data, "udp")
                if answer:
                    sock.sendto(answer, self.client_address)

        class Stream(socketserver.StreamRequestHandler):
            def handle(self):
                while len(size := self.rfile.read(2)) == 2:
                    answer = outer.answer(self.rfile.read(struct.unpack(">H", size)[0]), "tcp")
                    if answer:
                        self.wfile.write(struct.pack(">H", len(answer)) + answer)

        class Tcp(socketserver.ThreadingTCPServer):
            allow_reuse_address = True

        self.udp = socketserver.ThreadingUDPServer((address, port or free_port()), Datagram)
        self.address, self.port = self.udp.server_address
        self.tcp = Tcp((address, self.port), Stream)

    def __enter__(self):
        for server in (self.udp, self.tcp):
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in (self.udp, self.tcp):
            server.shutdown()
            server.server_close()

    @property
    def nameserver(self):
        return f"{self.address}:{self.port}"

    def asked(self, name):
        """The types asked for that exact name."""
        return sorted(kind for asked, kind, _ in self.queries if asked == name.lower())

    def answer(self, packet, transport):
        if len(packet) < 17:
            return None
        number, flags = struct.unpack(">HH", packet[:4])
        name, end = read_name(packet, 12)
        kind = struct.unpack(">H", packet[end:end + 2])[0]
        self.queries.append((name, kind, transport))
        if self.is_dead:
            return None
        question = packet[12:end + 4]
        if any(name == suffix or name.endswith("." + suffix) for suffix in self.failing):
            return self.head(number, flags, SERVFAIL, 0) + question
        addresses = self.records.get(name, self.records.get("*"))
        if addresses is None:
            return self.head(number, flags, NXDOMAIN, 0) + question
        if self.truncates and transport == "udp":
            return self.head(number, flags | 0x0200, 0, 0) + question
        answers = b""
        count = 0
        for text in addresses:
            address = ipaddress.ip_address(text)
            if (AAAA if address.version == 6 else A) == kind:
                answers += struct.pack(">HHHIH", 0xC00C, kind, 1, self.ttl, len(address.packed))
                answers += address.packed
                count += 1
        return self.head(number, flags, 0, count) + question + answers

    @staticmethod
    def head(number, flags, code, answers):
        return struct.pack(">HHHHHH", number, 0x8180 | (flags & 0x0300) | code, 1, answers, 0, 0)
