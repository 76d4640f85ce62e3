#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signs every case of a folder of .jsonl vectors and compares byte by byte.

run_shared.py SIGN_CLI FOLDER; exits 77 (skipped) where the folder is absent.
"""
import json
import os
import re
import sys
import urllib.parse

sys.dont_write_bytecode = True
import p256
from signer import HASHES_SENT, Signer, octets, seconds, sha256

FAILURES = []


def check(name, what, got, want):
    if isinstance(want, str) and not isinstance(got, str):
        want = octets(want)
    if got != want:
        FAILURES.append(name)
        print(f'FAIL {name}: {what}\n  got  {got!r}\n  want {want!r}')


def lines(folder, name):
    with open(os.path.join(folder, name), encoding='utf-8') as f:
        return [json.loads(line) for line in f]


def encode_again(path):
    return re.sub(rb'[^A-Za-z0-9._~/-]', lambda m: b'%%%02X' % m.group()[0], path)


def suite_case(sign, case):
    """AWS's signing test suite and documentation examples: every header given is signed."""
    context, request = case['context'], case['request']
    name = f"{case['name']}/{case['variant']}"
    headers = [(k, v) for k, v in request['headers'] if k.lower() != 'host']
    payload = case.get('payload_hash') or sha256(request['body'])
    values = dict(
        method=request['method'], target=request['target'], service=context['service'],
        host=next(v for k, v in request['headers'] if k.lower() == 'host'), region=context['region'],
        access=context['access_key_id'], secret=context['secret_access_key'],
        token=context.get('session_token'), payload=payload, time=seconds(context['timestamp']))
    flags = ['given']
    if context['service'] in HASHES_SENT or context.get('sign_body'):
        flags.append('sendhash')
    if context.get('omit_session_token'):
        flags.append('tokenunsigned')
    if case.get('algorithm') == 'v4a':
        flags.append('v4a')
    if case['variant'] == 'query':
        flags.append('query')
        values['expires'] = context['expires']
    path = octets(request['target'].split('?')[0])
    if not context.get('normalize_path', True) or re.search(rb'[^!-~]', path):
        # Modes that we have no use for: a path that is not normalised though encoded twice, and one that
        # goes out raw (ours is made legal first, and that form is signed).
        values['canon'] = encode_again(path)
    answer = sign(headers, flags, **values)
    check(name, 'canonical request', answer.error or answer.canonical, case['canonical_request'])
    check(name, 'string to sign', answer.error or answer.sts, case['string_to_sign'])
    if case.get('algorithm') == 'v4a':
        ecdsa_case(name, case, answer)
        return
    check(name, 'signature', answer.error or answer.signature,
          case.get('signature') or case.get('seed_signature') or case['authorization'][-64:])
    if 'authorization' in case:
        check(name, 'authorization', answer.field(b'Authorization'), case['authorization'])
    if 'signed_target' in case:
        check(name, 'parameters', own_parameters(answer.error or answer.signed), own_parameters(case['signed_target']))


def own_parameters(target):
    """Only ours: the client's part of the target is rebuilt, the suite sends it as it came."""
    return octets(target).partition(b'X-Amz-Algorithm=')[2]


def ecdsa_case(name, case, answer):
    """A signature is random: the vector's and ours are both verified with the key derived here."""
    context = case['context']
    public = p256.public_key(p256.derive(context['access_key_id'], context['secret_access_key']))
    if case['public_key'] and public != tuple(int(case['public_key'][axis], 16) for axis in 'XY'):
        FAILURES.append(name)
        print(f'FAIL {name}: derived key')
    ours = answer.error or answer.signature.decode()
    signatures = {'published': case['signature'], 'our': ours}
    for whose, signature in signatures.items():
        if signature is None:
            continue  # two cases of the suite have none
        if not p256.verify(public, octets(case['string_to_sign']), bytes.fromhex(signature)):
            FAILURES.append(name)
            print(f'FAIL {name}: {whose} signature does not verify: {signature}')
    if 'authorization' in case:
        check(name, 'authorization', answer.field(b'Authorization')[:-len(ours)],
              case['authorization'].partition('Signature=')[0] + 'Signature=')
    if 'signed_target' in case:
        check(name, 'parameters', own_parameters(answer.signed)[:-len(ours)],
              own_parameters(case['signed_target']).partition(b'Signature=')[0] + b'Signature=')


def streaming_case(sign, case):
    """Chunk signatures: the whole framed body, byte by byte."""
    name, context = case['name'], case['context']
    if 'request' in case:
        length = sum(chunk['size'] for chunk in case['chunks'])
        method, target, headers = (case['request'][key] for key in ('method', 'target', 'headers'))
    else:
        length, method, target = 10, 'PUT', '/k'
        headers = [('Host', 'b.s3.us-east-1.amazonaws.com'), ('Content-Encoding', 'aws-chunked'),
                   ('x-amz-decoded-content-length', str(length)),
                   ('x-amz-trailer', ','.join(k for k, _ in case['trailers']))]
    framing = case['payload_hash']
    if case.get('trailers') and not framing.endswith('-TRAILER'):
        framing += '-TRAILER'  # this case adds a trailer to the chain of another one
    answer = sign([(k, v) for k, v in headers if k.lower() != 'host'], ['given', 'sendhash'],
                  time=seconds(context['timestamp']), payload=case['payload_hash'], framing=framing,
                  body=b'a' * length, trailers=case.get('trailers', ()), service=context['service'],
                  region=context['region'], access=context['access_key_id'],
                  secret=context['secret_access_key'], method=method, target=target,
                  host=next(v for k, v in headers if k.lower() == 'host'))
    check(name, 'canonical request', answer.error or answer.canonical, case['canonical_request'])
    check(name, 'authorization', answer.field(b'Authorization'), case['authorization'])
    if 'wire' in case:
        check(name, 'wire', answer.wire, case['wire'])
        return
    found = re.findall(rb'(?:chunk-signature=|x-amz-trailer-signature:)([0-9a-f]{64})', answer.wire)
    want = [chunk['signature'] for chunk in case['chunks']] + [case.get('trailer_signature')]
    check(name, 'signatures', [each.decode() for each in found], [each for each in want if each])
    check(name, 'wire length', len(answer.wire), case['wire_length'])
    check(name, 'wire hash', sha256(answer.wire), case['wire_sha256'])


def authority(url):
    """The Host that the proxy would send for this URL."""
    host = url.netloc.rpartition('@')[2].lower()
    default = {'https': ':443', 'http': ':80'}[url.scheme]
    return host[:-len(default)] if host.endswith(default) else host


def policy_case(sign, case):
    """What the proxy makes of nasty requests: target rebuilt, few headers signed."""
    given = case['input']
    url = urllib.parse.urlsplit(given['url'].split('/', 3)[0] + '//' + given['url'].split('/', 3)[2])
    rest = given['url'][len(url.scheme) + 3 + len(url.netloc):].split('#')[0]
    body = given['body'] or ''
    mode = given['mode']
    payload = {'unsigned': 'UNSIGNED-PAYLOAD', 'stream-trailer': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
               'header': sha256(body)}.get(mode)
    flags = []
    expires = None
    if mode == 'query':
        flags.append('query')
        expires = given.get('expires', 900)
        payload = 'UNSIGNED-PAYLOAD' if given['service'] in HASHES_SENT else sha256(body)
    elif given['service'] in HASHES_SENT or payload != sha256(body):
        flags.append('sendhash')
    answer = sign(given['headers'], flags, time=seconds(given['time']), expires=expires,
                  method=given['method'], target=rest, host=authority(url), payload=payload,
                  service=given['service'], region=given['region'],
                  access=given['creds']['access_key'], secret=given['creds']['secret_key'],
                  token=given['creds'].get('token') or given['creds'].get('session_token'))
    name = case['name']
    check(name, 'wire target', answer.target, case['wire_target'])
    check(name, 'canonical request', answer.error or answer.canonical, case['canonical_request'])
    check(name, 'string to sign', answer.error or answer.sts, case['string_to_sign'])
    check(name, 'signature', answer.error or answer.signature, case['signature'])
    if 'authorization' in case:
        check(name, 'authorization', answer.field(b'Authorization'), case['authorization'])
    if 'signed_target' in case:
        check(name, 'signed target', answer.error or answer.signed, case['signed_target'])


def main():
    cli, folder = sys.argv[1:]
    if not os.path.isdir(folder):
        print(f'SKIP: no vectors in {folder}')
        return 77
    sign = Signer(cli)
    done = 0
    with open(os.path.join(folder, 'keys.json'), encoding='utf-8') as f:
        for key in json.load(f):
            if key['kind'] == 'sigv4a-private-key': # that of sigv4 is a unit test's
                private = p256.derive(key['access_key_id'], key['secret'])
                check('keys.json', 'private key', private, int(key['private_key'], 16))
                done += 1
    for file in ('sigv4.jsonl', 'sigv4a.jsonl', 'aws_doc_examples.jsonl'):
        for case in lines(folder, file):
            suite_case(sign, case)
            done += 1
    for case in lines(folder, 's3_streaming.jsonl'):
        streaming_case(sign, case)
        done += 1
    for case in lines(folder, 'proxy_policy.jsonl'):
        policy_case(sign, case)
        done += 1
    print(f'{done} cases, {len(set(FAILURES))} failed')
    return 1 if FAILURES else 0


if __name__ == '__main__':
    sys.exit(main())
