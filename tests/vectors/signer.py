# SPDX-License-Identifier: Apache-2.0
"""Drives tests/support/sign_cli: one request in, what our signer makes of it out."""
import calendar
import hashlib
import subprocess
import time

S3_FAMILY = {'s3', 's3express', 's3-outposts', 's3-object-lambda'}
HASHES_SENT = S3_FAMILY | {'aoss', 'glacier', 'vpc-lattice-svcs'}


def seconds(stamp):
    """20150830T123600Z as seconds since the epoch."""
    return calendar.timegm(time.strptime(stamp, '%Y%m%dT%H%M%SZ'))


def octets(text):
    return text if isinstance(text, bytes) else text.encode('utf-8', 'surrogateescape')


def sha256(body):
    return hashlib.sha256(octets(body)).hexdigest()


class Answer:
    def __init__(self, line):
        self.fields = []
        pairs = [item.partition('=') for item in line.rstrip('\n\t').split('\t')]
        values = {'name': [], 'value': []}
        for key, _, value in pairs:
            value = bytes.fromhex(value)
            if key in values:
                values[key].append(value)
            else:
                setattr(self, key, value)
        self.fields = list(zip(values['name'], values['value']))
        self.error = getattr(self, 'error', None)

    def field(self, name):
        return next((v for k, v in self.fields if k.lower() == name.lower()), None)


class Signer:
    """flags: query v4a all given sendhash tokenunsigned s3session."""

    def __init__(self, path):
        self.child = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, headers=(), flags=(), time=0, expires=None, trailers=(), **values):
        parts = [f'{key}={octets(value).hex()}' for key, value in values.items() if value is not None]
        parts += [f'h={octets(name).hex()}:{octets(value).hex()}' for name, value in headers]
        parts += [f't={octets(name).hex()}:{octets(value).hex()}' for name, value in trailers]
        parts.append(f'time={time}')
        if expires is not None:
            parts.append(f'expires={expires}')
        parts += list(flags)
        self.child.stdin.write('\t'.join(parts) + '\n')
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            raise RuntimeError(f'sign_cli ended, exit status {self.child.wait()}')
        return Answer(line)
