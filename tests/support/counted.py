# SPDX-License-Identifier: Apache-2.0
"""Many small requests in little time, for what is counted over thousands of them.

run() pipelines them over a few kept connections. As a program it is the server behind the proxy, of TLS where it is told
a certificate: it says its port, answers every request alike and verifies nothing, so that the proxy is the slow one.
"""
import re
import select
import socket
import ssl
import sys

HOST = "bucket.s3.us-east-1.amazonaws.com"
DATA = b"0123456789abcdef" * 16
GET = f"GET http://{HOST}/key HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
PUT = f"PUT http://{HOST}/key HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(DATA)}\r\n\r\n".encode() + DATA
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(DATA), DATA)
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
BATCH = 20  # requests on their way in one connection


class Messages:
    """Cuts a stream into messages; a length that is not announced is none."""

    def __init__(self):
        self.rest = b""

    def add(self, octets):
        """The messages that octets complete."""
        data, at = self.rest + octets, 0
        whole = []
        while (end := data.find(b"\r\n\r\n", at)) >= 0:
            found = LENGTH.search(data, at, end + 2)
            stop = end + 4 + (int(found.group(1)) if found else 0)
            if stop > len(data):
                break
            whole.append(data[at:stop])
            at = stop
        self.rest = data[at:]
        return whole


def serve(listener, tls=None):
    """Until it is killed."""
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    peers = {}
    while True:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                sock = listener.accept()[0]
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock = tls.wrap_socket(sock, server_side=True) if tls else sock
                peers[sock.fileno()] = sock, Messages()
                poll.register(sock, select.EPOLLIN)
                continue
            sock, messages = peers[fd]
            data = receive(sock)
            if data:
                sock.sendall(ANSWER * len(messages.add(data)))
            else:
                poll.unregister(fd)
                del peers[fd]
                sock.close()


def receive(sock):
    try:
        data = sock.recv(1 << 18)
        while isinstance(sock, ssl.SSLSocket) and sock.pending():
            data += sock.recv(1 << 18)
        return data
    except (ConnectionError, ssl.SSLError):
        return b""


class Peer:
    """One connection, which keeps a batch of requests on its way."""

    def __init__(self, address, share):
        self.sock = socket.create_connection(address)
        self.messages = Messages()
        self.unsent, self.open = share, 0

    def go_on(self):
        """The next batch, half of it with a body; false if there is nothing left to do."""
        if self.open:
            return True
        self.open = min(BATCH, self.unsent)
        self.unsent -= self.open
        self.sock.sendall((GET + PUT) * (self.open // 2) + GET * (self.open % 2))
        return bool(self.open)

    def read(self):
        data = receive(self.sock)
        assert data, "the connection was closed"
        for answer in self.messages.add(data):
            assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(DATA), answer
            self.open -= 1


def run(address, count, connections=8):
    """Sends count requests and verifies every answer. The connections are closed in the end."""
    poll = select.epoll()
    peers = {}
    for number in range(connections):
        peer = Peer(address, count // connections + (number < count % connections))
        peers[peer.sock.fileno()] = peer
        poll.register(peer.sock, select.EPOLLIN)
        peer.go_on()
    while peers:
        ready = poll.poll(60)
        assert ready, "no answer for a minute"
        for fd, _ in ready:
            peers[fd].read()
            if not peers[fd].go_on():
                poll.unregister(fd)
                peers.pop(fd).sock.close()


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0)) as server:
        context = None
        if len(sys.argv) > 1:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(sys.argv[1])
        print(server.getsockname()[1], flush=True)
        sys.exit(serve(server, context))
