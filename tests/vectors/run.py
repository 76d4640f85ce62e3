#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signs every case folder beside this file: run.py SIGN_CLI

A case is five files. request: the request as the signer gets it; context: key = value lines (access, secret,
token, region, service, time, sign = header | query, algorithm = sigv4 | sigv4a, signed = minimal | all | given,
payload, expires, token_unsigned, s3_session); canonical: the canonical request; string-to-sign; authorization:
the Authorization field, or the signed target for sign = query. SigV4A signatures are random: ours is verified
with the key derived from the secret, the file's likewise. Where context has chunked = N, N times "a" are framed
as payload says, and a sixth file, chunk-signatures, holds the chain, that of the trailer field in context at its end.
"""
import pathlib
import re
import sys

sys.dont_write_bytecode = True
import p256
from signer import HASHES_SENT, Signer, seconds, sha256

HERE = pathlib.Path(__file__).parent


def read(folder, name):
    text = (folder / name).read_bytes()
    assert text.endswith(b'\n'), f'{folder.name}/{name}: no newline at the end'
    return text[:-1]


def read_context(folder):
    lines = read(folder, 'context').decode().split('\n')
    return {key.strip(): value.strip() for key, _, value in (line.partition('=') for line in lines)}


def read_request(folder):
    head, _, body = (folder / 'request').read_bytes().partition(b'\n\n')
    first, *lines = head.split(b'\n')
    method, rest = first.split(b' ', 1)
    target = rest.rsplit(b' ', 1)[0]
    headers = [tuple(part.strip() for part in line.split(b':', 1)) for line in lines if line]
    return method, target, headers, body


def sign_case(sign, folder):
    context = read_context(folder)
    method, target, headers, body = read_request(folder)
    is_query = context.get('sign') == 'query'
    flags = [flag for flag, wanted in (
        ('query', is_query),
        ('v4a', context.get('algorithm') == 'sigv4a'),
        ('sendhash', context['service'] in HASHES_SENT and not is_query),
        ('tokenunsigned', 'token_unsigned' in context),
        ('s3session', 's3_session' in context),
        (context.get('signed'), context.get('signed') in ('all', 'given'))) if wanted]
    framed = {}
    if 'chunked' in context:
        framed = {'body': 'a' * int(context['chunked']), 'framing': context['payload']}
        if 'trailer' in context:
            framed['trailers'] = [context['trailer'].split(':', 1)]
    return sign(
        [(k, v) for k, v in headers if k.lower() != b'host'], flags,
        time=seconds(context['time']), expires=context.get('expires'), method=method, target=target,
        host=next(v for k, v in headers if k.lower() == b'host'),
        payload=context.get('payload') or sha256(body), service=context['service'],
        region=context['region'], access=context['access'], secret=context['secret'],
        token=context.get('token'), **framed)


def results(answer):
    """What the three result files must hold."""
    if answer.error:
        raise ValueError(answer.error.decode())
    files = {'canonical': answer.canonical, 'string-to-sign': answer.sts,
             'authorization': getattr(answer, 'signed', None) or answer.field(b'Authorization')}
    if hasattr(answer, 'wire'):
        found = re.findall(rb'(?:chunk-signature=|x-amz-trailer-signature:)([0-9a-f]*)\r\n', answer.wire)
        files['chunk-signatures'] = b'\n'.join(found)
    return files


def verified_stem(context, text, authorization):
    """A SigV4A authorization without its signature, which is verified here."""
    stem, equals, signature = authorization.rpartition(b'Signature=')
    public = p256.public_key(p256.derive(context['access'], context['secret']))
    if not p256.verify(public, text, bytes.fromhex(signature.decode())):
        raise ValueError('the signature does not verify')
    return stem + equals


def check(sign, folder):
    got = results(sign_case(sign, folder))
    want = {name: read(folder, name) for name in got}
    context = read_context(folder)
    if context.get('algorithm') == 'sigv4a':
        for side in (got, want):
            side['authorization'] = verified_stem(context, side['string-to-sign'], side['authorization'])
    return [(name, got[name], want[name]) for name in got if got[name] != want[name]]


def main():
    sign = Signer(sys.argv[1])
    failed = 0
    folders = sorted(path.parent for path in HERE.glob('*/context'))
    for folder in folders:
        try:
            differences = check(sign, folder)
        except ValueError as error:
            differences = [('signing', str(error), 'a signature')]
        print('ok  ' if not differences else 'FAIL', folder.name)
        failed += bool(differences)
        for name, got, want in differences:
            print(f'  {name}\n    got  {got!r}\n    want {want!r}')
    print(f'{len(folders)} cases, {failed} failed')
    return 1 if failed or not folders else 0


if __name__ == '__main__':
    sys.exit(main())
