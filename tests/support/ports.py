# SPDX-License-Identifier: Apache-2.0
"""Ports for what a test starts next."""
import itertools
import random
import socket

_ports = itertools.cycle(random.sample(range(20000, 32000), 12000))


def free_port():
    """Below the kernel's ephemeral range, so that no outgoing connection takes it before the test's server does,
    and never twice in a row of 12,000."""
    for port in _ports:
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
