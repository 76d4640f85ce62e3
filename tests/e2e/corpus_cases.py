# SPDX-License-Identifier: Apache-2.0
"""Our own corpus of odd octets, by what is odd about them. %b stands for the server's host and port."""

REQUEST = b"POST http://%b/x HTTP/1.1\r\nHost: %b\r\n"
GET = b"GET http://%b/x HTTP/1.1\r\nHost: %b\r\n"
CHUNKED = REQUEST + b"Transfer-Encoding: chunked\r\n\r\n"
BODY = CHUNKED + b"1\r\na\r\n0\r\n"
NEXT = b"GET http://%b/smuggled HTTP/1.1\r\nHost: %b\r\n\r\n"


def each(kind, values, make):
    """A case for each value, named by kind and value."""
    return {f"{kind} {value!r}"[:60]: make(value) for value in values}


# Each is followed by NEXT, which must never travel unless the client's first request was complete.
REFUSED = {
    "length and chunked": REQUEST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": REQUEST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": CHUNKED.replace(b"/1.1", b"/1.0") + b"0\r\n\r\n",
    "two lengths": REQUEST + b"Content-Length: 0\r\nContent-Length: 80\r\n\r\n",
    "last chunk without its line": CHUNKED + b"1\r\na\r\n0\r\n",
    "two hosts": b"GET http://%b/x HTTP/1.1\r\nHost: %b\r\nHost: other\r\n\r\n",
    "no host": b"GET /x HTTP/1.1\r\n\r\n",
    "bare LF in the head": b"GET http://%b/x HTTP/1.1\nHost: %b\n\n",
    "bare LF at the end": GET + b"A: b\r\n\n",
    "space before the first field": b"GET http://%b/x HTTP/1.1\r\n A: b\r\nHost: %b\r\n\r\n",
    "connect with a body": b"CONNECT %b HTTP/1.1\r\nHost: %b\r\nContent-Length: 3\r\n\r\nabc",
    "asterisk with POST": b"POST * HTTP/1.1\r\nHost: %b\r\nContent-Length: 0\r\n\r\n",
    "too many names in Connection": GET + b"Connection: " + b"x, " * 65 + b"y\r\n\r\n",
} | each("length", [
    b"0, 0", b"+0", b"-0", b"0x0", b"", b"0;", b"0,", b'"0"', b"0.0", b"0e0", b"0_0", b"0 0", b"0\t0", b"\x0b0",
    b"0\x0c", b"0\x00", b"\xa00", b"\xd9\xa0", b"\xef\xbc\x90", b"18446744073709551616", b"18446744073709551615",
    b"9223372036854775808", b"1" + b"0" * 30, b"zero"],
    lambda value: REQUEST + b"Content-Length: " + value + b"\r\n\r\n",
) | each("length's name", [b"Content-Length ", b"Content-Length\t", b" Content-Length", b"Content-Length\x00",
                           b"Content-Length\xff"],
         lambda name: REQUEST + name + b": 4\r\n\r\nabcd",
) | each("coding", [
    b"identity", b"chunked, identity", b"identity, chunked", b"gzip, chunked", b'"chunked"', b"chunked;q=1",
    b"chunked, chunked", b",chunked", b"chunked,", b"\x0bchunked", b"chunked\x0c", b"\x00chunked", b"chunked\x7f",
    b"xchunked", b"chunked-not", b"chun ked", b"\xa0chunked", b"chun\xe2\x84\xaaed", b"", b"\r\n chunked",
    b"chunked\r\nTransfer-Encoding: chunked", b"chunked\r\nTransfer-Encoding: identity",
    b"identity\r\nTransfer-Encoding: chunked"],
    lambda value: REQUEST + b"Transfer-Encoding: " + value + b"\r\n\r\n0\r\n\r\n",
) | each("coding hidden by", [b"Transfer-Encoding : ", b"Transfer-Encoding\t: ", b" Transfer-Encoding: ",
                              b"Transfer-Encoding\x00: ", b"A: b\rTransfer-Encoding: ", b"A: b\nTransfer-Encoding: "],
         lambda name: REQUEST + b"Content-Length: 3\r\n" + name + b"chunked\r\n\r\n0\r\n\r\n",
) | each("chunk size", [
    b"+1", b"-1", b"0x1", b"1h", b"1.0", b"1,", b"1_0", b" 1", b"\t1", b"", b"1 1", b"1 a", b"1\x0b", b"1\xa0",
    b"1\x00",
    b"00000000000000001", b"10000000000000001", b"ffffffffffffffff", b"8000000000000001"],
    lambda size: CHUNKED + size + b"\r\na\r\n0\r\n\r\n",
) | each("chunk's line", [b"1\n", b"1\rX", b"1;a\nb\r\n", b"1;a\rb\r\n", b"1;\x00\r\n", b"1;\x7f\r\n", b'1;a="b\r\n',
                          b'1;a="b\\"\r\n', b"1;" + b"a" * 300 + b"\r\n"],
         lambda line: CHUNKED + line + b"a\r\n0\r\n\r\n",
) | each("end of a chunk", [b"aXX", b"a\n", b"ab\r\n", b"\r\n", b"a\rX"],
         lambda data: CHUNKED + b"1\r\n" + data + b"0\r\n\r\n",
) | each("trailer", [b"A : b\r\n\r\n", b" a: b\r\n\r\n", b"ab\r\n\r\n", b"A: \x00\r\n\r\n", b"A: b\n\r\n", b"\n",
                     b"A: b\r\n\n", b"A: b\r\n c\r\n\r\n"],
         lambda trailer: BODY + trailer,
) | each("field", [
    b"A : b", b"A b: c", b": b", b"A(: b", b"A@: b", b"A/B: c", b'A": b', b"A\x7f: b", b"A\xe9: b", b"A\x00: b", b"A",
    b"A: \x00", b"A: \x01", b"A: \x1f", b"A: b\x7f", b"A: b\rc", b"A: b\x0cc", b"A: b\r\n c", b"A: b\r\n\tc"],
    lambda line: GET + line + b"\r\n\r\n",
) | each("version", [
    b"HTTP/1.2", b"HTTP/2.0", b"HTTP/9.9", b"HTTP/0.9", b"http/1.1", b"HTTX/1.1", b"HTTP/1.10", b"HTTP/01.1", b"HTTP/1",
    b"HTTP/1,1", b"HTTP/+1.1", b"HTTP/1.1 ", b"HTTP/1.1\t", b"", b"HTTP 1.1"],
    lambda version: b"GET http://%b/x " + version + b"\r\nHost: %b\r\n\r\n",
) | each("request line", [
    b"GET  http://%b/x HTTP/1.1", b"GET http://%b/x  HTTP/1.1", b"GET\thttp://%b/x\tHTTP/1.1",
    b" GET http://%b/x HTTP/1.1",
    b"GET HTTP/1.1", b"GET", b"GET http://%b/x", b"\r\n\r\n\r\nGET http://%b/x HTTP/1.1", b"\nGET http://%b/x HTTP/1.1",
    b"\xef\xbb\xbfGET http://%b/x HTTP/1.1", b"\x00GET http://%b/x HTTP/1.1"],
    lambda line: line + b"\r\nHost: %b\r\n\r\n",
) | each("target", [
    b"/a b", b"/a\tb", b"/a\rb", b"/a\x00b", b"/a\x0cb", b"/a\x7fb", b"/a#b", b"#x"],
    lambda tail: b"GET http://%b" + tail + b" HTTP/1.1\r\nHost: %b\r\n\r\n",
) | each("authority", [
    b"http://u:p@%b/x", b"http://a@b@%b/x", b"http:///x", b"http://?x", b"http://%b\\x", b"http://127.0.0.1%3a80/x",
    b"http://127.0.0.1:70000/x", b"http://127.0.0.1:-1/x", b"http://127.0.0.1:0/x", b"http://127.0.0.1:8o/x",
    b"http://%b:80/x", b"http:%b/x", b"http:/%b/x", b"http:// %b/x", b"http://[::1/x", b"http://[fe80::1%25eth0]/x",
    b"http://0x7f.1/x", b"http://2130706433/x", b"http://0177.0.0.1/x", b"http://127.1/x", b"http://evil#@%b/x",
    b"ftp://%b/x", b"file:///etc/passwd", b"javascript:alert(1)", b"%b/x"],
    lambda target: b"GET " + target + b" HTTP/1.1\r\nHost: %b\r\n\r\n",
) | each("host", [
    b"%b, other", b"a b", b"a\tb", b"u@a", b"a/b", b"a?b", b"a#b", b"a\\b", b"a%00", b",", b"[::1", b"a:1:2", b"a:80a",
    b"127.0.0.1:99999", b"\r\n %b", b"a\x0cb"],
    lambda host: b"GET http://%b/x HTTP/1.1\r\nHost: " + host + b"\r\n\r\n",
)

SERVED = {
    "leading empty line": b"\r\n" + GET + b"\r\n",
    "body on a GET": GET + b"Content-Length: 2\r\n\r\nab",
    "chunked body on a GET": GET + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "no body on a POST": REQUEST + b"\r\n",
    "extensions": CHUNKED + b'2;a="b;\\";c";d\r\nab\r\n0;z\r\n\r\n',
    "blanks behind a chunk's size": CHUNKED + b"2 \t;a\r\nab\r\n0 \r\n\r\n",
    "upper case and zeros in a chunk's size": CHUNKED + b"00A\r\n0123456789\r\n000\r\n\r\n",
    "trailers": BODY + b"X-A: b\r\nContent-Length: 90\r\nHost: evil\r\n\r\n",
    "upper-case encoding": REQUEST + b"tRANSFER-eNCODING:\tCHUNKED \r\n\r\n1\r\na\r\n0\r\n\r\n",
    "zeros before the length": REQUEST + b"Content-Length: 0002\r\n\r\nab",
    "tabs around the length": REQUEST + b"cOnTeNt-LeNgTh:\t2\t \r\n\r\nab",
    "a name that only looks like the length's": REQUEST + b"Content_Length: 3\r\n\r\n",
    "a body that looks like a request": REQUEST + b"Content-Length: 16\r\n\r\nGET / HTTP/1.1\r\n",
    "connection names length": REQUEST + b"Connection: Content-Length\r\nContent-Length: 2\r\n\r\nab",
    "connection names encoding": REQUEST + b"Connection: Transfer-Encoding\r\n" + BODY[len(REQUEST):] + b"\r\n",
    "expect": REQUEST + b"Expect: 100-Continue\r\nContent-Length: 2\r\n\r\nab",
    "upgrade": GET + b"Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n",
    "another host in the field": b"GET http://%b/x HTTP/1.1\r\nHost: other.test\r\n\r\n",
    "upper-case scheme": b"GET HTTP://%b/x HTTP/1.1\r\nhOST: %b\r\n\r\n",
} | each("field", [b"A:", b"A:b", b"A: \t b \t", b"A: b\tc", b"A: \xff\xfe", b"!#$%&'*+-.^_`|~0: a", b"A: b:c",
    b"A: 1\r\nA: 2",
                   b"A" * 300 + b": b", b"A: " + b"b" * 8000],
         lambda line: GET + line + b"\r\n\r\n")

OK = b"HTTP/1.1 200 OK\r\n"
TWO = b"Content-Length: 2\r\n\r\nok"
BAD_ANSWERS = {
    "length and chunked": OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "chunked in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "switching unasked": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "interim and no more": b"HTTP/1.1 100 Continue\r\n\r\n",
    "too many interim ones": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20 + OK + TWO,
    "too many fields": OK + b"A: b\r\n" * 300 + TWO,
    "a field too large": OK + b"A: " + b"b" * 100000 + b"\r\n" + TWO,
    "cut in the head": OK + b"Conte",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "nothing": b"",
} | each("status line", [
    b"hello", b"HTTP/1.1 20 OK", b"HTTP/1.1 999 OK", b"HTTP/1.1 000 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 -20 OK",
    b"HTTP/1.1 OK",
    b"HTTP/1.2 200 OK", b"HTTP/2.0 200 OK", b"HTTP/2 200", b"http/1.1 200 OK", b"ICY 200 OK", b"\r\nHTTP/1.1 200 OK",
    b"HTTP/1.1 200 O\x00K"],
    lambda line: line + b"\r\n" + TWO,
) | each("field", [b"Content-Length : 2", b"A: b\r\n c", b"A: b\x00c", b"A: b\rc", b"A b: c", b"A"],
         lambda line: OK + line + b"\r\n" + TWO,
) | each("length", [b"1, 2", b"2, 2", b"+2", b"-1", b"0x2", b"", b"18446744073709551618"],
         lambda value: OK + b"Content-Length: " + value + b"\r\n\r\nok",
) | each("coding", [b"gzip, chunked", b"identity", b"chunked, chunked", b"\x0bchunked",
    b"chunked\r\nTransfer-Encoding: chunked"],
         lambda value: OK + b"Transfer-Encoding: " + value + b"\r\n\r\n0\r\n\r\n")

GOOD_ANSWERS = {
    "to the end": OK + b"\r\nok",
    "to the end in HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\nok",
    "no reason": b"HTTP/1.1 200\r\n" + TWO,
    "odd reason": b"HTTP/1.1 200 \xff\r\n" + TWO,
    "tabs around the length": OK + b"Content-Length:\t2\t\r\n\r\nok",
    "interim ones": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + OK + TWO,
    "extensions and trailers": OK + b"Transfer-Encoding: CHUNKED\r\n\r\n2;a=b\r\nok\r\n0\r\nContent-Length: 90\r\n\r\n",
    "hop-by-hop fields": OK + b"Connection: x-hop, keep-alive, content-length\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
                              b"Upgrade: h2c\r\n" + TWO,
    "an answer too many": OK + TWO + OK + b"Content-Length: 8\r\n\r\nPOISONED",
}

CUT_ANSWERS = {
    "length not reached": OK + b"Content-Length: 90\r\n\r\nok",
} | each("chunks", [b"4\r\nok", b"2\r\nok\r\n", b"2\r\nok\r\n0\r\n", b"2\r\nokXX0\r\n\r\n", b"zz\r\nok\r\n0\r\n\r\n",
                    b"2\nok\n0\n\n", b"2\r\nok\r\n-0\r\n\r\n", b"fffffffffffffffff\r\nok",
                    b"2\r\nok\r\n0\r\nA : b\r\n\r\n"],
         lambda chunks: OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
