# SPDX-License-Identifier: Apache-2.0
"""Random nasty requests, the same ones for the same seed."""
import dataclasses
import hashlib
import random

EMPTY = hashlib.sha256(b'').hexdigest()

PATH_ATOMS = [
    'a', 'key', 'B-7_.~', '%20', '%2F', '%2f', '%7E', '%7e', '%41', '%C3%A9', '%c3%a9', '%ED%95%9C', '%FF', '%00',
    '+', '*', "'", '!', '(', ')', ':', '@', '=', '&', ',', ';', '$', '%25', '%252F', '%zz', '%', '%4',
    ' ', '"', '<', '>', '{', '}', '|', '\\', '^', '`', '[', ']', '한글', 'é', '...', '.b', '%2e%2e',
]
PATH_SEGMENTS = ['', '.', '..']
QUERY_ATOMS = [
    'a', 'b', 'A', 'list-type', 'x-id', '2', 'z~_.-', '%20', '%2F', '%2f', '%7E', '%41', '%C3%A9', '%c3%a9', '%2B',
    '%26', '%3D', '%25', '%00', '+', '/', '?', ':', '@', '!', '$', "'", '(', ')', '*', ',', ';', '=', ' ', '"', '<',
    '>', '{', '|', '}', '\\', '^', '`', '[', ']', 'é', '한', '%zz', '%',
]
PLAIN = ['a', 'b', 'key', 'B-7_.~', '0', 'Zz']
SIGNED_HEADERS = ['x-amz-acl', 'X-Amz-Meta-A', 'x-amz-meta-b', 'X-AMZ-Target', 'Content-Type', 'content-md5',
                  'x-amz-checksum-crc32', 'x-amz-storage-class']
FREE_HEADERS = ['X-A', 'Accept', 'Range', 'If-Match', 'Cookie', 'Origin', 'X-B', 'Content-Encoding', 'x_under']
HOP_HEADERS = ['Connection', 'TE', 'Trailer', 'Keep-Alive', 'Proxy-Authorization', 'Proxy-Connection', 'Upgrade',
               'Transfer-Encoding', 'Expect', 'User-Agent', 'X-Amzn-Trace-Id', 'Sec-WebSocket-Key', 'Via', 'Forwarded',
               'Sec-WebSocket-Extensions', 'Accept-Encoding', 'Content-Length', 'X-Forwarded-For', 'X-Real-IP',
               'Cache-Control']
VALUES = ['v', '1', 'two words', '  lead', 'trail  ', 'a   b', 'a\tb', '\ta\t\tb ', '"q   q"', 'b, a', '', '  ',
          'é', '한글', 'a\u00a0b', 'x;y=z', 'VaLuE']
METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'PATCH', 'PURGE']
ODD_METHODS = ['get', 'Propfind']
PRESIGN_KEYS = ['X-Amz-Date', 'x-amz-expires', 'X-Amz-Signature', 'X-Amz-Security-Token', 'X-Amz-Foo']


@dataclasses.dataclass
class Case:
    method: str
    path: str
    query: str  # with its '?', or empty
    host: str
    headers: list
    service: str
    payload: str
    token: str
    is_query: bool
    expires: int

    @property
    def target(self):
        return self.path + self.query


def word(rng, atoms, is_nasty):
    atoms = atoms if is_nasty else PLAIN
    return ''.join(rng.choice(atoms) for _ in range(rng.randint(1, 3)))


def make_path(rng, is_nasty):
    if is_nasty and rng.random() < 0.05:
        return ''
    segments = [rng.choice(PATH_SEGMENTS) if is_nasty and rng.random() < 0.25 else word(rng, PATH_ATOMS, is_nasty)
                for _ in range(rng.randint(0, 4))]
    return '/' + '/'.join(segments)


def make_query(rng, is_nasty):
    pieces = []
    for _ in range(rng.choice([0, 1, 1, 2, 3, 5])):
        if is_nasty and rng.random() < 0.1:
            pieces.append(rng.choice(['', '=', '==', '=v']))
            continue
        key = rng.choice(PRESIGN_KEYS) if is_nasty and rng.random() < 0.04 else word(rng, QUERY_ATOMS, is_nasty)
        pieces.append(key + rng.choice(['', '=', '=' + word(rng, QUERY_ATOMS, is_nasty)]))
    return '?' + '&'.join(pieces) if pieces or rng.random() < 0.05 else ''


def make_headers(rng, is_nasty):
    pool = SIGNED_HEADERS + (FREE_HEADERS + HOP_HEADERS if is_nasty else [])
    headers = [(rng.choice(pool), rng.choice(VALUES if is_nasty else VALUES[:3])) for _ in range(rng.randint(0, 5))]
    if headers and rng.random() < 0.3:
        headers.append((headers[0][0].swapcase(), rng.choice(VALUES[:8])))
    if is_nasty and rng.random() < 0.05:
        headers.append(('Date', 'Tue, 24 Nov 2026 12:34:56 GMT'))
    return headers


def make(rng):
    service = rng.choice(['s3', 's3', 'execute-api', 'dynamodb'])
    is_query = rng.random() < 0.3
    # Nastiness in one place at a time half of the time, so that one difference cannot hide another.
    nasty = rng.choice([(), ('path',), ('query',), ('headers',), ('path', 'query', 'headers')])
    hashes = ['UNSIGNED-PAYLOAD'] if is_query and service == 's3' else [EMPTY, hashlib.sha256(b'x').hexdigest()]
    return Case(
        method=rng.choice(ODD_METHODS if rng.random() < 0.03 else METHODS),
        path=make_path(rng, 'path' in nasty), query=make_query(rng, 'query' in nasty),
        host=rng.choice(['example.amazonaws.com', 'b.s3.eu-west-1.amazonaws.com', 'h.example:8443', '[::1]:9000']),
        headers=make_headers(rng, 'headers' in nasty), service=service,
        payload=rng.choice(hashes + (['UNSIGNED-PAYLOAD'] if service == 's3' else [])),
        token=rng.choice([None, None, 'tok/en+with==']), is_query=is_query, expires=rng.choice([1, 900, 604800]))


def generate(seed, n):
    rng = random.Random(seed)
    return [make(rng) for _ in range(n)]
