# SPDX-License-Identifier: Apache-2.0
"""Large bodies that need no memory and show a lost, doubled or swapped piece."""
import hashlib
import random
import struct

BLOCK = 65536
_FILL = random.Random(20261123).randbytes(BLOCK - 8)


def pieces(size):
    """size octets in blocks, each with its number in front."""
    number = 0
    while size > 0:
        block = struct.pack(">Q", number) + _FILL
        yield block if size >= BLOCK else block[:size]
        size -= BLOCK
        number += 1


def sha256(size):
    digest = hashlib.sha256()
    for piece in pieces(size):
        digest.update(piece)
    return digest.hexdigest()


def octets(size):
    return b"".join(pieces(size))
