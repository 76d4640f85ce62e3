# SPDX-License-Identifier: Apache-2.0
"""Keys and queries that naive signers get wrong, shared by the stand-in and the real S3 servers."""
import re
import string
import urllib.parse

# What a client types behind the bucket's slash, and the key that S3 must see.
KEYS = [
    (b"plain", b"plain"),
    (b"a%20b", b"a b"),
    (b"a+b", b"a+b"),
    (b"a%2Bb", b"a+b"),
    (b"a%2Fb", b"a/b"),
    (b"q%3Fmark", b"q?mark"),
    (b"k=v", b"k=v"),
    (b"k%3dv", b"k=v"),
    (b"(a)!*'~;,:@&$", b"(a)!*'~;,:@&$"),
    (b"%7Etilde", b"~tilde"),
    (b"100%", b"100%"),
    (b"%zz", b"%zz"),
    ("한글/키".encode(), "한글/키".encode()),
    (b"%ED%95%9C%EA%B8%80", "한글".encode()),
    (b"%ed%95%9c%ea%b8%80-lower", "한글-lower".encode()),
    (b"%c3%a9", "é".encode()),
]
# Names that a file system cannot hold, but S3 can.
KEYS_OF_S3_ALONE = [
    (b"x//y", b"x//y"),
    (b"/lead", b"/lead"),
    (b"x/../y", b"x/../y"),
    (b"./dot", b"./dot"),
    (b"x/./y", b"x/./y"),
    (b"..%2Fup", b"../up"),
    (b"trail/", b"trail/"),
    (b"a%0d%0ab", b"a\r\nb"),
]
# Each must list the one object "q/a b".
LIST_QUERIES = [
    b"list-type=2&prefix=q/",
    b"prefix=q/&list-type=2",
    b"list-type=2&prefix=q%2F&delimiter=",
    b"delimiter=&prefix=q/&max-keys=5&list-type=2",
    b"list-type=2&prefix=q/a+b",
    b"list-type=2&prefix=q/a%20b&start-after",
    b"&list-type=2&&prefix=q/&",
    b"prefix=q/%61&list-type=2",
]


def round_trip(client, base, typed):
    """PUT, HEAD, GET, DELETE and GET again of one typed key; the statuses are checked."""
    target = base + typed
    body = b"body of " + typed
    put = client.request("PUT", target, [("Content-Type", "text/plain")], body=body)
    assert put.status == 200, put
    head = client.request("HEAD", target)
    assert (head.status, head.fields.get("Content-Length")) == (200, str(len(body))), head
    got = client.request("GET", target)
    assert (got.status, got.body) == (200, body), got
    assert got.fields.get("Content-Type") == "text/plain"
    deleted = client.request("DELETE", target)
    assert deleted.status == 204, deleted
    gone = client.request("GET", target)
    assert gone.status == 404, gone


# Pieces of random keys, chosen so that a key's careless spelling is another key: "a b" and "a+b", "A" and
# "%41" (three characters), the two ways to write é.
ATOMS = ["a", "b", "A", "0", "~", " ", "+", "%", "%41", "%2F", "%20", "%zz", "&", "=", "?", "#", ";", ":", "@", "$",
         ",", "!", "*", "'", "(", ")", "[", "]", "{", "}", "|", "^", "`", '"', "<", ">", "\\", ".", "..", "...", "_-",
         "\u00e9", "e\u0301", "한글", "日", "😀", "\t", "\r", "\n", "\x01", "\x7f", "\u00a0", "X-Amz-Signature=1"]


def random_key(rng):
    segments = ["".join(rng.choice(ATOMS) for _ in range(rng.choice([1, 1, 2, 3, 5])))
                for _ in range(rng.choice([1, 1, 2, 3]))]
    return rng.choice(["", "", "", "/"]) * (rng.random() < 0.1) + rng.choice(["/", "/", "/", "//"]).join(segments)


def escape(octet, rng):
    return b"%%%02X" % octet if rng.random() < 0.5 else b"%%%02x" % octet


def spellings(key, rng):
    """Ways to write the key in a request's path: strictly, with every octet escaped, at random, and as it is, as
    far as the octets may stand there and do not make up an escape."""
    octets = key.encode()
    plain = (string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@/\"<>\\^`{|}[]").encode()
    # A "%" that stands for itself must not be followed by what looks like the rest of an escape.
    may_stand = [c in plain or c > 0x7f or (c == 0x25 and not re.match(rb"[0-9A-Fa-f]", octets[i + 1:i + 2]))
                 for i, c in enumerate(octets)]
    yield urllib.parse.quote(key, safe="/~").encode()
    yield b"".join(b"/" if c == 0x2f else escape(c, rng) for c in octets)
    yield b"".join(bytes([c]) if ok and rng.random() < 0.6 else escape(c, rng) for c, ok in zip(octets, may_stand))
    yield b"".join(bytes([c]) if ok else escape(c, rng) for c, ok in zip(octets, may_stand))
