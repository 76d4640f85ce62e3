# SPDX-License-Identifier: Apache-2.0
"""Addresses that are never dialled, whatever names them: metadata, link-local, this machine, ourselves.

All in a network namespace of this test's own, where such addresses are given to lo and a trap listens
on every port that a request could go to: what must not be dialled would be seen there.
"""
import contextlib
import re
import selectors
import socket
import subprocess
import threading
import time

import harness
import http1
import pytest
from conftest import OUTSIDE
from fake_aws import FakeAws
from ports import free_port
from stub_dns import AAAA, A, StubDns

pytestmark = pytest.mark.own_namespace

NAME = "bucket.s3.us-east-1.amazonaws.com"
URL = f"http://{NAME}/generate/10"
LATTICE = "svc-0123456789abcdef0.7d67968.vpc-lattice-svcs.us-east-1.on.aws"
METADATA = ["169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23"]
HERE = [*METADATA, "169.254.171.7", "169.254.1.1", "fd00:ec2:80::7"]


class Trap:
    """Listens everywhere on some ports and counts who comes."""

    def __init__(self, ports=(80, 443)):
        self.seen = []
        self.selector = selectors.DefaultSelector()
        for port in ports:
            for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                sock = socket.socket(family)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((address, port))
                sock.listen(64)
                self.selector.register(sock, selectors.EVENT_READ)
        self.is_over = False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.is_over:
            for key, _ in self.selector.select(0.05):
                one, _ = key.fileobj.accept()
                self.seen.append(one.getsockname()[:2])
                one.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()


def opens():
    """TCP connections that this namespace has begun (ActiveOpens)."""
    with open("/proc/self/net/snmp", encoding="ascii") as file:
        names, values = [line.split() for line in file if line.startswith("Tcp:")]
    return int(values[names.index("ActiveOpens")])


@pytest.fixture(scope="module", autouse=True)
def addresses(outside):
    for address in HERE:
        family = ["-6"] if ":" in address else []
        subprocess.run(["ip", *family, "addr", "replace", f"{address}/{128 if family else 32}", "dev", "lo",
                        *(["nodad"] if family else [])], check=True)


@pytest.fixture
def trap():
    with Trap() as one:
        yield one
        time.sleep(0.1)  # the last one would be on its way
        assert not one.seen, one.seen


@pytest.fixture(scope="module")
def lattice(authority):
    return authority.leaf("lattice.pem", names=[LATTICE])


@contextlib.contextmanager
def serving(certificate, address, port=443):
    with FakeAws([harness.CANARY], certificate, (address, port)) as server:
        yield server


def asks(proxy, url, **options):
    """(answer, connections begun by the proxy meanwhile)."""
    with proxy.client() as client:
        before = opens()
        answer = client.request("GET", url, **options)
        return answer, opens() - before


# ---- names


BAD = [*METADATA, *"""
    169.254.1.1 169.254.171.7 fd00:ec2:80::7 fe80::1 febf::1 127.0.0.1 127.9.9.9 ::1 0.0.0.0 0.1.2.3 :: 224.0.0.1
    255.255.255.255 ff02::1 ::ffff:169.254.169.254 ::ffff:127.0.0.1 ::169.254.169.254 64:ff9b::a9fe:a9fe
    64:ff9b:1::a9fe:a9fe 2002:a9fe:a9fe::1 64:ff9b::7f00:1 2002:7f00:1::
    """.split()]


def test_allowed_name_never_leads_to_a_bad_address(trap, start_proxy):
    """11.1: refused, and no connection begun."""
    names = {f"b{i}.s3.us-east-1.amazonaws.com": address for i, address in enumerate(BAD)}
    with StubDns({name: [address] for name, address in names.items()}) as dns:
        proxy = start_proxy(conf=f"nameserver = {dns.nameserver}")
        for name, address in names.items():
            answer, begun = asks(proxy, f"http://{name}/key")
            assert answer.error == "address-denied" and answer.status in (403, 502), (address, answer)
            assert begun == 0, address
            with proxy.client() as client:
                client.start("CONNECT", f"{name}:443", host=f"{name}:443")
                assert client.read("CONNECT").error == "address-denied", address


def test_bad_addresses_among_good_ones_are_skipped(certificate, outside, start_proxy):
    """11.2: wherever they stand; one connection, to the good one."""
    bad = ["169.254.169.254", "127.0.0.2", "fd00:ec2::254", "::ffff:169.254.169.254", "0.0.0.0"]
    with serving(certificate, outside) as aws, contextlib.ExitStack() as stack:
        traps = [socket.create_server((address, 443)) for address in ("169.254.169.254", "127.0.0.2")]
        for one in traps:
            stack.enter_context(one)
        for answer in ([*bad, outside], [outside, *bad], [*bad[:2], outside, *bad[2:]]):
            with StubDns({NAME: answer}) as dns:
                proxy = start_proxy(conf=f"nameserver = {dns.nameserver}")
                got, begun = asks(proxy, URL)
                assert (got.status, begun) == (200, 1)
        assert len(aws.requests) == 3
        for one in traps:
            one.setblocking(False)
            with pytest.raises(BlockingIOError):
                one.accept()


def test_rebinding_is_in_vain(certificate, outside, start_proxy):
    """11.3: each look-up of the name gives another answer. What was checked is what is dialled: there is
    no second look-up in between, and what the name says later is checked as well."""
    turns = [[outside], ["169.254.169.254"], [outside], ["127.0.0.1"]]

    class Flipping(StubDns):
        def answer(self, packet, transport):
            got = super().answer(packet, transport)
            if self.queries[-1][1] == A:
                self.records[NAME] = turns[len(self.asked_for(A)) % len(turns)]
            return got

        def asked_for(self, kind):
            return [one for one in self.queries if one[1] == kind]

    with (serving(certificate, outside) as aws, socket.create_server(("169.254.169.254", 443)) as metadata,
          socket.create_server(("127.0.0.1", 443)) as here, Flipping({NAME: turns[0]}, ttl=1) as dns):
        proxy = start_proxy(conf=f"nameserver = {dns.nameserver}\npool_idle_timeout = 50ms")
        answer, begun = asks(proxy, URL)
        assert (answer.status, begun) == (200, 1)
        assert sorted(kind for _, kind, _ in dns.queries) == [A, AAAA]
        # The record is kept for 5 s at least; from then on the name leads elsewhere.
        seen = set()

        def has_turned():
            got = proxy.request("GET", URL)
            seen.add(got.error)
            return len(dns.asked_for(A)) >= 3 and got.error is None and "address-denied" in seen
        harness.wait_until(has_turned, 15, "the name at the bad address, and at the good one again")
        assert seen == {None, "address-denied"}
        assert all(record.verdict for record in aws.requests)
        for one in (metadata, here):
            one.setblocking(False)
            with pytest.raises(BlockingIOError):
                one.accept()


# ---- what a client writes

LITERALS = """
    169.254.169.254 169.254.170.2 169.254.170.23 169.254.0.1 169.254.171.7 [fd00:ec2::254] [fd00:ec2:80::7]
    [fe80::1] [::ffff:169.254.169.254] [::ffff:a9fe:a9fe] [0:0:0:0:0:ffff:a9fe:a9fe] [::169.254.169.254]
    [64:ff9b::169.254.169.254] [64:ff9b:1::a9fe:a9fe] [2002:a9fe:a9fe::] [FD00:EC2::254] [::] [ff02::1] 0.0.0.0
    0.0.0.1 224.0.0.1 255.255.255.255 127.0.0.1 127.1.2.3 [::1] [::ffff:127.0.0.1] localhost LocalHost
    """.split()
SPELLINGS = """
    2852039166 0xa9fea9fe 0xA9FEA9FE 025177524776 0xa9.0xfe.0xa9.0xfe 0251.0376.0251.0376 0251.254.169.254
    169.254.43518 169.16689662 169.254.169.254. 169.254.169.0254 169.254.169.254.. 127.1 127.0.1 2130706433
    0x7f000001 0x7f.1 0177.0.0.1 017700000001 0 0x0 00.0.0.0 127.0.0.1. localhost. [fe80::1%lo] [fe80::1%25lo]
    [::1%25lo] [169.254.169.254] [::ffff:0xa9fea9fe] [fd00:ec2::254 fd00:ec2::254 ::1 1.2.3 1.2.3.4.5
    256.254.169.254 169.254.169.+254 %31%36%39.254.169.254 169%2e254%2e169%2e254 169.254.169.254%00
    \uff11\uff16\uff19.254.169.254 169\u3002254\u3002169\u3002254 \u2460\u2461\u2466.0.0.1 169.254.169.254%20
    a@169.254.169.254 169.254.169.254\\@s3.amazonaws.com s3.amazonaws.com@169.254.169.254
    """.split()


@pytest.fixture(scope="module")
def wide_open(tmp_path_factory, authority):
    """A proxy that signs for every host and dials what the client names, with a stub that answers for all."""
    with StubDns({"*": ["169.254.169.254", "fd00:ec2::254"]}) as dns:
        conf = (f"nameserver = {dns.nameserver}\n"
                '[route "*"]\nservice = execute-api\nregion = us-east-1\n')
        with harness.running(tmp_path_factory.mktemp("open"), conf=conf, ca_bundle=authority.bundle) as proxy:
            proxy.dns = dns
            yield proxy


@pytest.mark.parametrize("hosts, status", [(LITERALS, 403), (SPELLINGS, 400)], ids=["literals", "spellings"])
def test_host_that_a_client_writes_is_never_dialled(trap, wide_open, hosts, status):
    """11.4: refused without a look-up, in each place where a host can stand."""
    wide_open.dns.queries.clear()
    for host in hosts:
        for method, target, named in (("GET", f"http://{host}/latest/meta-data/", host), ("GET", "/latest/", host),
                                      ("GET", f"http://{host}:443/", f"{host}:443"),
                                      ("CONNECT", f"{host}:443", f"{host}:443")):
            before = opens()
            with wide_open.client() as client:
                client.start(method, target, host=named)
                answer = client.read(method)
            assert answer.status == status, (method, target, answer)
            assert answer.error in ("address-denied", "bad-host", "bad-target", "bad-request"), (target, answer)
            assert opens() - before == 1, "the client's alone"
    assert not wide_open.dns.queries


def test_literals_are_refused_where_a_route_would_send_them_elsewhere(certificate, start_proxy):
    """`upstream` of `[route "*"]` makes no metadata address a name for it."""
    with FakeAws([harness.CANARY], certificate) as aws:
        proxy = start_proxy(conf=f'[route "*"]\nservice = execute-api\nregion = us-east-1\nupstream = {aws.url}\n')
        for host in (*METADATA[:3], "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "0.0.0.0", "224.0.0.1"):
            assert proxy.request("GET", f"http://{host}/x").error == "address-denied", host
            assert proxy.request("GET", "/x", host=host).error == "address-denied", host
        assert not aws.requests


def test_metadata_call_of_a_tool_without_no_proxy_is_told_what_to_set(trap, wide_open):
    for method, url in (("GET", "http://169.254.169.254/latest/meta-data/iam/security-credentials/"),
                        ("PUT", "http://169.254.169.254/latest/api/token"),
                        ("GET", "http://[fd00:ec2::254]/latest/dynamic/instance-identity/document"),
                        ("GET", "http://169.254.170.2/v2/credentials/3f0c"),
                        ("GET", "http://169.254.170.23/v1/credentials")):
        with wide_open.client() as client:
            before = opens()
            answer = client.request(method, url, [("X-aws-ec2-metadata-token-ttl-seconds", "60")],
                                    body=b"" if method == "PUT" else None)
            assert (answer.status, answer.error, opens() - before) == (403, "address-denied", 0), url
        assert b"NO_PROXY=169.254.169.254,169.254.170.2,localhost" in answer.body
        assert b"and is never dialled" in answer.body


# ---- VPC Lattice


@pytest.mark.parametrize("address", ["169.254.171.7", "fd00:ec2:80::7"])
def test_lattice_is_reached_at_its_link_local_addresses(lattice, start_proxy, address):
    with serving_at(lattice, address) as aws, StubDns({"*": [address]}) as dns:
        proxy = start_proxy(conf=f"nameserver = {dns.nameserver}")
        answer, begun = asks(proxy, f"http://{LATTICE}/path")
        assert begun == 2 and answer.error is None, answer  # the relay begins one as well
        record, = aws.requests
        assert "/us-east-1/vpc-lattice-svcs/aws4_request" in record.fields.get("Authorization")
        # Nobody else is, and there it is not reached elsewhere.
        assert proxy.request("GET", URL).error == "address-denied"
    with StubDns({"*": ["169.254.169.254", "fd00:ec2::254", "169.254.170.2", "169.254.172.1", "fe80::1"]}) as dns:
        proxy = start_proxy(conf=f"nameserver = {dns.nameserver}")
        answer, begun = asks(proxy, f"http://{LATTICE}/path")
        assert (answer.error, begun) == ("address-denied", 0)


@contextlib.contextmanager
def serving_at(certificate, address):
    """The stand-in, with a relay in front of it where the address is of IPv6."""
    with FakeAws([harness.CANARY], certificate) as server, contextlib.ExitStack() as stack:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = stack.enter_context(socket.create_server((address, 443), family=family))

        def relay(one, other):
            with contextlib.suppress(OSError):
                while data := one.recv(65536):
                    other.sendall(data)
                other.shutdown(socket.SHUT_WR)

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    behind = socket.create_connection(("127.0.0.1", server.port))
                    for pair in ((client, behind), (behind, client)):
                        threading.Thread(target=relay, args=pair, daemon=True).start()
        threading.Thread(target=serve, daemon=True).start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)  # or its thread would keep it


# ---- what the configuration names


def test_configuration_opens_no_way_to_a_bad_address(trap, start_proxy):
    """As an upstream, by a name or literally, as --host, as unsigned_hosts: all but what names this machine literally."""
    bad = ["169.254.169.254", "169.254.170.2", "169.254.171.7", "[fd00:ec2::254]", "[fe80::1]", "0.0.0.0", "[::]", "224.0.0.1",
           "[::ffff:169.254.169.254]", "meta.test", "here.test", "both.test"]
    with StubDns({"meta.test": ["169.254.169.254", "fd00:ec2::254"], "here.test": ["127.0.0.1", "::1"],
                  "both.test": ["127.0.0.1", "169.254.170.2"]}) as dns:
        conf = f"nameserver = {dns.nameserver}\nretry_mode = off\nunsigned_hosts = {', '.join(bad)}\n" + "".join(
            upstream_conf(f"{scheme}{i}.test", f"{scheme}://{name}")
            for scheme in ("http", "https") for i, name in enumerate(bad))
        proxy = start_proxy(conf=conf)
        for i, name in enumerate(bad):
            for url in (f"http://http{i}.test/", f"http://https{i}.test/", f"http://{name}/latest/"):
                answer, begun = asks(proxy, url)
                assert answer.error == "address-denied" and begun == 0, (url, name, answer)
        for name in ("169.254.169.254", "meta.test", "here.test"):
            one = start_proxy(conf=f"nameserver = {dns.nameserver}\nretry_mode = off\n",
                              arguments=["--host", name, "--upstream-url-scheme", "http", "--name", "s3",
                                         "--region", "us-east-1"])
            answer, begun = asks(one, "/x", host="anything.test" if name != "here.test" else "localhost")
            assert answer.status in (403, 502) and begun == 0, (name, answer)


@pytest.mark.parametrize("address", ["10.9.8.7", "172.20.1.1", "192.168.7.7", "100.64.0.9", "fd12:3456::9"])
def test_private_addresses_are_reached_for_allowed_hosts(certificate, start_proxy, address):
    """In a VPC AWS's own names resolve there."""
    family = ["-6"] if ":" in address else []
    subprocess.run(["ip", *family, "addr", "replace", address, "dev", "lo", *(["nodad"] if family else [])], check=True)
    with serving_at(certificate, address) as aws, StubDns({"*": [address]}) as dns:
        proxy = start_proxy(conf=f"nameserver = {dns.nameserver}\n")
        assert proxy.request("GET", URL).status == 200
        assert aws.requests[0].verdict
        assert proxy.request("GET", "http://intranet.test/").error == "host-denied"


def test_route_for_lattice_reaches_its_addresses_under_any_name(start_proxy):
    with socket.create_server(("169.254.171.7", 80)) as listener, StubDns({"*": ["169.254.171.7"]}) as dns:
        proxy = start_proxy(conf=f"nameserver = {dns.nameserver}\nretry_mode = off\n"
                                 + upstream_conf("own.test", "http://own.test").replace("execute-api", "vpc-lattice-svcs")
                                 + upstream_conf("other.test", "http://other.test"))
        with proxy.client() as client:
            client.start("GET", "http://own.test/", host="own.test")
            sock, _ = listener.accept()
            assert b"/us-east-1/vpc-lattice-svcs/aws4_request" in sock.recv(65536)
            sock.close()
            client.read()
        assert proxy.request("GET", "http://other.test/").error == "address-denied"


# ---- ourselves


def upstream_conf(glob, upstream):
    return f'[route "{glob}"]\nupstream = {upstream}\nservice = execute-api\nregion = us-east-1\n'


@pytest.mark.parametrize("listen, others", [("127.0.0.1", {OUTSIDE, "me.test"}), ("0.0.0.0", set())])
def test_own_listener_is_no_upstream(start_proxy, listen, others):
    """11.38: whatever names it, also through DNS; where it listens everywhere, each of its addresses."""
    port = free_port()
    names = ["127.0.0.1", "localhost", "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", OUTSIDE,
             "me.test"]
    with StubDns({"me.test": [OUTSIDE]}) as dns:
        conf = f"nameserver = {dns.nameserver}\nretry_mode = off\n" + "".join(
            upstream_conf(f"{i}.test", f"http://{name}:{port}") for i, name in enumerate(names))
        proxy = start_proxy(conf=conf, arguments=["--listen", f"{listen}:{port}"], is_ready=False)
        harness.wait_until(proxy.is_listening, 10, "the proxy")
        for i, name in enumerate(names):
            with http1.Client(("127.0.0.1", port)) as client:
                answer = client.request("GET", f"http://{i}.test/x")
            assert answer.error == ("connect-failed" if name in others else "address-denied"), (name, answer)
        harness.wait_until(lambda: proxy.log.count(" ACCESS [") == len(names), what="a line each and no more")


def test_admin_and_probe_are_no_upstream_either(start_proxy):
    port = free_port()
    names = ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.0.0.9"]
    proxy = start_proxy(is_ready=False, arguments=["--probe", f"127.0.0.1:{port}"])
    harness.wait_until(proxy.is_listening, 10, "the proxy")
    both = {f"{i}-{at}.test": f"http://{name}:{at}" for i, name in enumerate(names) for at in (port, proxy.admin_port)}
    proxy.reload("retry_mode = off\n" + "".join(upstream_conf(glob, url) for glob, url in both.items()))
    for host, url in both.items():
        answer = proxy.request("GET", f"http://{host}/healthz")
        assert answer.error == "address-denied", (url, answer)
    assert proxy.admin("/healthz").status == 200


def test_request_that_comes_back_through_others_is_508(start_proxy):
    """A loop over two proxies: each names itself in Via, and the first one knows its name."""
    ports = [free_port(), free_port()]
    both = [start_proxy(conf='[route "*"]\nservice = execute-api\nregion = us-east-1\n'
                             f"upstream = http://127.0.0.1:{ports[1 - i]}\n",
                        arguments=["--listen", f"127.0.0.1:{ports[i]}", "--retry-mode", "off"], is_ready=False)
            for i in range(2)]
    for proxy in both:
        harness.wait_until(proxy.is_listening, 10, "the proxy")
    for form in ("http://loop.test/x", "/x"):
        with http1.Client(("127.0.0.1", ports[0])) as client:
            answer = client.request("GET", form, host="loop.test")
        assert (answer.status, answer.error) == (508, "loop"), answer
    harness.wait_until(lambda: [one.log.count(" ACCESS [") for one in both] == [4, 2], what="two rounds and no more")


def test_own_name_in_via_is_a_loop(certificate, start_proxy):
    url = "http://s3.us-east-1.amazonaws.com/bucket/generate/1"
    with FakeAws([harness.CANARY], certificate) as aws:
        proxy = start_proxy(aws)
        assert proxy.request("GET", url).status == 200
        me = re.search(r"1\.1 (sigv4-proxy-[0-9a-f]{4})$", aws.requests[0].fields.get("Via")).group(1)
        for via in (f"1.1 {me}", f"1.0 a, HTTP/1.1 {me} (comment), 1.1 b", f"1.1 a,1.1\t{me}", f"1.1 {me.upper()}"):
            answer = proxy.request("GET", url, [("Via", via)])
            assert (answer.status, answer.error) == (508, "loop"), via
        for via in (f"1.1 x{me}", f"1.1 {me}x", f"1.1 a ({me})", "1.1 other"):
            assert proxy.request("GET", url, [("Via", via)]).status == 200, via
