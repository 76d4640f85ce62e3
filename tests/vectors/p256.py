# SPDX-License-Identifier: Apache-2.0
"""ECDSA over P-256 by the book (SEC 1, FIPS 186-4), slow and plain: a second opinion on SigV4A that shares no
code with ours. Only for tests: nothing here is constant-time."""
import hashlib
import hmac

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
A = P - 3
G = (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
     0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5)


def add(p, q):
    if p is None or q is None:
        return q if p is None else p
    if p[0] == q[0]:
        if (p[1] + q[1]) % P == 0:
            return None
        slope = (3 * p[0] * p[0] + A) * pow(2 * p[1], -1, P)
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, P)
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def multiply(k, p):
    result = None
    for bit in bin(k)[2:]:
        result = add(result, result)
        if bit == '1':
            result = add(result, p)
    return result


def derive(access_key, secret):
    """The private key of AWS's SigV4A for an access key."""
    for counter in range(1, 255):
        data = (b'\0\0\0\1AWS4-ECDSA-P256-SHA256\0' + access_key.encode() + bytes([counter]) + b'\0\0\1\0')
        candidate = int.from_bytes(hmac.digest(b'AWS4A' + secret.encode(), data, 'sha256'), 'big')
        if candidate <= N - 2:
            return candidate + 1
    raise ValueError('no key')


def public_key(private):
    return multiply(private, G)


def integers(der):
    """The two integers of a DER SEQUENCE, strictly."""
    if len(der) < 8 or der[0] != 0x30 or der[1] != len(der) - 2:
        raise ValueError('not a DER sequence')
    values, rest = [], der[2:]
    while rest:
        length = rest[1]
        body = rest[2:2 + length]
        if rest[0] != 2 or not length or length != len(body) or body[0] & 0x80:
            raise ValueError('not a positive DER integer')
        if length > 1 and body[0] == 0 and not body[1] & 0x80:
            raise ValueError('a DER integer with a leading zero')
        values.append(int.from_bytes(body, 'big'))
        rest = rest[2 + length:]
    if len(values) != 2:
        raise ValueError('not two integers')
    return values


def verify(public, message, der):
    r, s = integers(der)
    if not (0 < r < N and 0 < s < N):
        return False
    digest = int.from_bytes(hashlib.sha256(message).digest(), 'big')
    w = pow(s, -1, N)
    point = add(multiply(digest * w % N, G), multiply(r * w % N, public))
    return point is not None and point[0] % N == r
