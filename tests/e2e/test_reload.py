# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: what changes, what stays, and that a broken configuration changes nothing."""
import os
import shutil
import signal
import socket
import ssl
import threading
import time

import certs
import conftest
import harness
import http1
import pytest
from fake_aws import FakeAws, Identity

HOST = "bucket.s3.us-east-1.amazonaws.com"
BASE = f"http://{HOST}/"
OTHER = Identity("AKIAOTHEROTHEROTHER7", "otherSecret/otherSecret/otherSecret/othe", None)


def metric(proxy, name):
    for line in proxy.admin("/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.rsplit(" ", 1)[1])
    raise AssertionError(f"no {name}")


def credentials(folder, **profiles):
    """An AWS credentials file in the home of the proxy."""
    path = folder / ".aws" / "credentials"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(
        f"[{name}]\naws_access_key_id = {who.access_key}\naws_secret_access_key = {who.secret_key}\n" +
        (f"aws_session_token = {who.token}\n" if who.token else "") for name, who in profiles.items()))
    path.chmod(0o600)
    return path


@pytest.fixture
def two_identities(certificate):
    with FakeAws([harness.CANARY, OTHER], certificate) as server:
        yield server


# ---- what changes


def test_routes_come_and_go(aws, start_proxy):
    proxy = start_proxy(aws, "workers = 2")
    url = "http://mine.test/generate/10"
    route = f'[route "mine.test"]\nservice = s3\nregion = us-east-1\nupstream = {aws.url}\n'
    assert proxy.request("GET", url).status == 403
    assert proxy.reload("workers = 2\n" + route + conftest.routes(aws))["last_error"] is None
    assert proxy.request("GET", url).status != 403
    assert [r["glob"] for r in proxy.status()["routes"]] == ["mine.test", "*.amazonaws.com"]
    proxy.reload("workers = 2\n" + conftest.routes(aws))
    assert proxy.request("GET", url).status == 403


def test_keep_alive_connection_takes_the_new_limits(aws, start_proxy):
    proxy = start_proxy(aws)
    long = [("X-Long", "x" * 3000)]
    with proxy.client() as client:
        assert client.request("GET", BASE + "generate/1", long).status == 200
        proxy.reload("max_field = 1k\n" + conftest.routes(aws))
        assert client.request("GET", BASE + "generate/1").status == 200
        assert client.request("GET", BASE + "generate/1", long).status == 431


def test_request_under_way_keeps_what_it_began_with(aws, start_proxy):
    proxy = start_proxy(aws, "idle_timeout = 60s")
    with proxy.client() as client:
        client.start("GET", BASE + "generate/200000", [("Fake-Fault", "slow=50000:0.2")], host=HOST)
        answer = client.read_head()
        proxy.reload("idle_timeout = 50ms\nfirst_byte_timeout = 50ms\nretry_mode = off\n" + conftest.routes(aws))
        assert len(b"".join(client.body_pieces(answer))) == 200000
    assert proxy.request("GET", BASE + "generate/1", [("Fake-Fault", "stall-head=1")]).status == 504


def test_another_profile_signs_from_then_on(two_identities, start_proxy, tmp_path):
    credentials(tmp_path, one=harness.CANARY, two=OTHER)
    proxy = start_proxy(two_identities, "profile = one\nworkers = 2", identity=None)
    proxy.secrets.append(OTHER.secret_key)
    assert proxy.request("GET", BASE + "generate/1").status == 200
    assert two_identities.requests[-1].verdict.access_key == harness.CANARY.access_key
    proxy.reload("profile = two\nworkers = 2\n" + conftest.routes(two_identities))
    for _ in range(4):
        assert proxy.request("GET", BASE + "generate/1").status == 200
        assert two_identities.requests[-1].verdict.access_key == OTHER.access_key
    keys = [c["key"] for c in proxy.status()["credentials"]]
    assert keys == ["profile=two"], "the old profile's are kept no longer"


def test_profile_that_is_not_there_leaves_no_older_identity(two_identities, start_proxy, tmp_path):
    credentials(tmp_path, one=harness.CANARY)
    proxy = start_proxy(two_identities, "profile = one", identity=None)
    assert proxy.request("GET", BASE + "generate/1").status == 200
    proxy.reload("profile = missing\n" + conftest.routes(two_identities))
    answer = proxy.request("GET", BASE + "generate/1")
    assert (answer.status, answer.error) == (503, "no-credentials")
    assert proxy.admin("/readyz").status == 503


def test_credentials_file_is_read_again_at_once(two_identities, start_proxy, tmp_path):
    path = credentials(tmp_path, default=harness.CANARY)
    proxy = start_proxy(two_identities, identity=None)
    assert proxy.request("GET", BASE + "generate/1").status == 200
    before = path.stat()
    credentials(tmp_path, default=OTHER)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    proxy.reload()
    harness.wait_until(lambda: proxy.request("GET", BASE + "generate/1").status == 200 and
                       two_identities.requests[-1].verdict.access_key == OTHER.access_key,
                       5, "the other identity")


def test_default_region_follows_the_profile(aws, start_proxy, tmp_path):
    config = tmp_path / ".aws" / "config"
    config.parent.mkdir(exist_ok=True)
    config.write_text("[default]\nregion = eu-west-1\n")
    proxy = start_proxy(aws)
    assert proxy.status()["region"]["default"] == "eu-west-1"
    config.write_text("[default]\nregion = us-west-2\n")
    proxy.reload()
    region = proxy.status()["region"]
    assert region["default"] == "us-west-2" and "profile default" in region["decided_by"]


def test_log_level_changes(aws, start_proxy):
    proxy = start_proxy(aws)
    proxy.request("GET", BASE + "generate/1")
    assert " DEBUG " not in proxy.log
    proxy.reload("log_level = debug\n" + conftest.routes(aws))
    proxy.request("GET", BASE + "generate/1")
    harness.wait_until(lambda: " DEBUG " in proxy.log, 5, "debug lines")


def test_rate_goes_on_where_it_was(aws, start_proxy):
    """A route that stays keeps its place in its rate: a reload is no way around it."""
    conf = conftest.routes(aws) + "rate_limit = 1/m burst 2\nrate_limit_wait = 0s\n"
    proxy = start_proxy(conf=conf)
    statuses = []
    for _ in range(4):
        statuses.append(proxy.request("GET", BASE + "generate/1").status)
        proxy.reload("via = no\n" + conf if len(statuses) % 2 else conf)
    assert statuses == [200, 200, 429, 429]


def test_connection_limit_that_grows_lets_waiting_clients_in(aws, start_proxy):
    proxy = start_proxy(aws, "max_connections = 1")
    with proxy.client() as first, proxy.client() as second:
        assert first.request("GET", BASE + "generate/1").status == 200
        second.start("GET", BASE + "generate/1", host=HOST)
        proxy.reload("max_connections = 10\n" + conftest.routes(aws))
        assert second.read().status == 200


def test_included_files_are_read_again(aws, start_proxy, tmp_path):
    folder = tmp_path / "conf.d"
    proxy = start_proxy(conf="include = conf.d/*.conf\n")
    url = "http://mine.test/generate/1"
    assert proxy.request("GET", url).status == 403, "a pattern may name nothing"
    folder.mkdir()
    (folder / "20-route.conf").write_text(
        f'via = no\n[route "mine.test"]\nservice = s3\nregion = us-east-1\nupstream = {aws.url}\n')
    (folder / "10-log.conf").write_text("log_query = yes\n")
    (folder / ".hidden.conf").write_text("nonsense\n")
    assert proxy.reload()["last_error"] is None
    assert proxy.request("GET", url).status != 403
    (folder / "30-more.conf").write_text("\n\nnonsense = 1\n")
    assert proxy.reload()["last_error"] == f'{folder}/30-more.conf:3: unknown key "nonsense"'
    (folder / "30-more.conf").write_text("via = yes\n")
    assert proxy.reload()["last_error"] == \
        f'{folder}/30-more.conf:1: "via" is set already in {folder}/20-route.conf:1'
    (folder / "30-more.conf").write_text('[route "mine.test"]\n')
    assert f'stands already in {folder}/20-route.conf:2' in proxy.reload()["last_error"]
    (folder / "30-more.conf").write_text("include = ../conf.d/30-more.conf\n")
    assert "does one include itself?" in proxy.reload()["last_error"]
    (folder / "30-more.conf").write_text("include = not-there.conf\n")
    assert f"30-more.conf:1: include: {folder}/not-there.conf: No such file" in proxy.reload()["last_error"]
    (folder / "30-more.conf").write_text('[route "x.test"]\ninclude = 10-log.conf\n')
    assert "30-more.conf:2: include can't stand in a [route]" in proxy.reload()["last_error"]
    (folder / "30-more.conf").unlink()
    shown = harness.run_binary("check-config", "--config", str(proxy.conf_path), folder=tmp_path).stdout
    assert f'[route "mine.test"]  # {folder}/20-route.conf:2' in shown
    assert f"log_query = yes  # {folder}/10-log.conf:1" in shown


# ---- trust, certificates, tokens


def test_new_authorities_hold_for_new_connections(aws, start_proxy, authority, tmp_path):
    bundle = tmp_path / "bundle.pem"
    shutil.copy(authority.bundle, bundle)
    proxy = start_proxy(aws, "workers = 1", ca_bundle=bundle)
    assert proxy.request("GET", BASE + "generate/1").status == 200
    proxy.reload()
    assert proxy.request("GET", BASE + "generate/1").status == 200
    assert metric(proxy, "sigv4_proxy_upstream_connections_opened_total") == 1, "the same trust"
    other = certs.Authority(tmp_path / "other", "another CA")
    shutil.copy(other.bundle, bundle)
    proxy.reload()
    answer = proxy.request("GET", BASE + "generate/1")
    assert (answer.status, answer.error) == (502, "tls-failed"), "neither the old connection nor its session"
    shutil.copy(authority.bundle, bundle)
    proxy.reload()
    assert proxy.request("GET", BASE + "generate/1").status == 200


def test_connection_in_use_under_the_old_trust_is_not_kept(aws, start_proxy, authority, tmp_path):
    bundle = tmp_path / "bundle.pem"
    shutil.copy(authority.bundle, bundle)
    proxy = start_proxy(aws, ca_bundle=bundle)
    other = certs.Authority(tmp_path / "other", "another CA")
    with proxy.client() as client:
        client.start("GET", BASE + "generate/200000", [("Fake-Fault", "slow=50000:0.1")], host=HOST)
        answer = client.read_head()
        shutil.copy(other.bundle, bundle)
        proxy.reload()
        assert len(b"".join(client.body_pieces(answer))) == 200000, "it goes on to its end"
        assert client.request("GET", BASE + "generate/1").error == "tls-failed"


def test_idle_connections_of_routes_that_went_are_closed(start_proxy, certificate):
    with FakeAws([harness.CANARY], certificate) as gone, FakeAws([harness.CANARY], certificate) as stays:
        route = '[route "{}.test"]\nservice = s3\nregion = us-east-1\nupstream = {}\n'
        kept = route.format("stays", stays.url)
        proxy = start_proxy(conf=route.format("gone", gone.url) + kept)
        proxy.request("GET", "http://gone.test/")
        proxy.request("GET", "http://stays.test/")
        assert gone.stats["open"] == stays.stats["open"] == 1
        proxy.reload(kept)
        harness.wait_until(lambda: gone.stats["open"] == 0, 5, "the closed connection")
        assert stays.stats["open"] == 1


def presented(proxy, authority):
    context = ssl.create_default_context(cafile=authority.bundle)
    context.check_hostname = False
    with socket.create_connection(proxy.address, 10) as sock, context.wrap_socket(sock) as tls:
        return tls.getpeercert(binary_form=True)


def test_listener_presents_the_new_certificate(aws, start_proxy, authority, tmp_path):
    pair = tmp_path / "listener.pem"
    shutil.copy(authority.leaf("first.pem"), pair)
    conf = f"listen_cert = {pair}\nlisten_key = {pair}\n"
    proxy = start_proxy(aws, conf)
    first = presented(proxy, authority)
    shutil.copy(authority.leaf("second.pem"), pair)
    proxy.reload()
    assert presented(proxy, authority) != first
    second = presented(proxy, authority)
    pair.write_text("no certificate\n")
    assert "listen_cert" in proxy.reload()["last_error"]
    assert presented(proxy, authority) == second, "a broken file changes nothing"


def test_tokens_and_their_file_change(aws, start_proxy, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("alice alices-own-token-1234\n")
    other.write_text("bob bobs-own-token-123456\n")
    for path in (one, other):
        path.chmod(0o600)
    proxy = start_proxy(aws, "workers = 2")

    def status(token):
        fields = [("Proxy-Authorization", "Bearer " + token)] if token else []
        return proxy.request("GET", BASE + "generate/1", fields).status
    assert status(None) == 200
    proxy.reload(f"workers = 2\nproxy_auth_file = {one}\n" + conftest.routes(aws))
    assert [status(t) for t in (None, "alices-own-token-1234", "bobs-own-token-123456")] == [407, 200, 407]
    proxy.reload(f"workers = 2\nproxy_auth_file = {other}\n" + conftest.routes(aws))
    assert [status(t) for t in (None, "alices-own-token-1234", "bobs-own-token-123456")] == [407, 407, 200]
    other.write_text("short\n")
    assert "proxy_auth_file" in proxy.reload()["last_error"]
    assert [status(t) for t in (None, "bobs-own-token-123456")] == [407, 200]


# ---- what is broken, and what can't be changed


@pytest.mark.parametrize("conf, said", [
    ("no_such_key = 1\n", ': unknown key "no_such_key"'),
    ("max_head = 12 parsecs\n", "max_head: "),
    ("ca_bundle = /nonexistent/bundle.pem\n", "/nonexistent/bundle.pem"),
    ("proxy_auth_file = /nonexistent/tokens\n", "proxy_auth_file: /nonexistent/tokens"),
    ("listen_cert = /nonexistent/crt\nlisten_key = /nonexistent/key\n", "/nonexistent/crt"),
])
def test_broken_reload_changes_nothing(aws, start_proxy, conf, said):
    proxy = start_proxy(aws)
    proxy.common = proxy.common.replace("ca_bundle = ", "# was: ca_bundle = ") if "ca_bundle" in conf else proxy.common
    loaded = proxy.status()["config"]["loaded_at"]
    told = proxy.reload(conf + "unsigned_hosts = late.test\n")
    assert said in told["last_error"]
    assert told["reloads"] == 0 and told["reloads_failed"] == 1
    assert told["loaded_at"] == loaded and told["last_reload_at"] >= loaded
    assert metric(proxy, 'sigv4_proxy_config_reloads_total{result="failed"}') == 1
    assert metric(proxy, "sigv4_proxy_config_last_reload_successful") == 0
    harness.wait_until(lambda: "reload failed, nothing was changed" in proxy.log, 5, "the line")
    (line,) = [l for l in proxy.log.splitlines() if "reload failed" in l]
    assert said in line and " ERROR " in line
    if ":" in said[:2]:
        assert f"{proxy.conf_path}:" in line
    assert proxy.request("GET", BASE + "generate/1").status == 200
    assert proxy.request("GET", "http://late.test/").status == 403
    told = proxy.reload(conftest.routes(aws)) if "ca_bundle" not in conf else proxy.reload(
        "# good again\n" + conftest.routes(aws))
    if "ca_bundle" not in conf:
        assert told["last_error"] is None
        assert metric(proxy, "sigv4_proxy_config_last_reload_successful") == 1


def test_file_that_is_gone_changes_nothing(aws, start_proxy):
    proxy = start_proxy(aws)
    proxy.conf_path.unlink()
    assert "No such file" in proxy.reload()["last_error"]
    assert proxy.request("GET", BASE + "generate/1").status == 200


def test_settings_that_need_a_restart_are_named_in_one_line(aws, start_proxy):
    proxy = start_proxy(aws, "workers = 2\nnameserver = 127.0.0.1:9")
    port = harness.free_port()
    proxy.common = proxy.common.replace(f"listen = 127.0.0.1:{proxy.port}",
                                        f"listen = 127.0.0.1:{port}")
    told = proxy.reload(f"workers = 3\nprobe = 127.0.0.1:{harness.free_port()}\nvia = no\n"
                        "nameserver = 127.0.0.1:10\n" + conftest.routes(aws))
    assert told["waits_for_restart"] == "listen, probe, workers, nameserver"
    assert told["last_error"] is None
    assert metric(proxy, "sigv4_proxy_config_restart_needed") == 1
    harness.wait_until(lambda: "needs a restart" in proxy.log, 5, "the line")
    (line,) = [l for l in proxy.log.splitlines() if "needs a restart" in l]
    assert "listen, probe, workers, nameserver" in line and " WARN " in line
    assert proxy.request("GET", BASE + "generate/1").status == 200
    assert "Via" not in aws.requests[-1].fields, "the rest is taken"
    assert proxy.status()["workers"]["number"] == 2


@pytest.mark.own_namespace
def test_reload_does_not_open_admin_to_everybody(aws, start_proxy, tmp_path, outside):
    tokens = tmp_path / "tokens"
    tokens.write_text("alice alices-own-token-1234\n")
    tokens.chmod(0o600)
    port = harness.free_port()
    proxy = start_proxy(aws, f"admin_token_file = {tokens}\n", admin=f":{port}", is_ready=False)
    proxy.admin_port = port
    harness.wait_until(proxy.is_listening, 10, "the admin listener")
    proxy.write(conftest.routes(aws))
    proxy.signal(signal.SIGHUP)
    harness.wait_until(lambda: "reload failed" in proxy.log, 10, "the refusal")
    assert "admin is beyond loopback, where admin_token_file must guard it" in proxy.log
    with http1.Client((outside, port)) as client:
        assert client.request("GET", "/status", host=outside).status == 401


# ---- under load, and often


@pytest.mark.parametrize("workers", [1, 4])
def test_no_request_fails_while_it_reloads(aws, start_proxy, workers):
    """Short connections and kept ones, every answer verified, through reloads good and broken."""
    proxy = start_proxy(aws, f"workers = {workers}")
    stop = threading.Event()
    failures, served = [], [0] * 6

    def check(answer):
        if answer.status != 200 or len(answer.body) != 5000 or not answer.is_complete:
            failures.append((answer, answer.body[:300]))

    def short(number):
        while not stop.is_set():
            check(proxy.request("GET", BASE + "generate/5000"))
            served[number] += 1

    def kept(number):
        with proxy.client() as client:
            while not stop.is_set():
                check(client.request("GET", BASE + "generate/5000"))
                served[number] += 1

    def guarded(run, number):
        try:
            run(number)
        except Exception as error:  # pylint: disable=broad-except
            failures.append(error)
    threads = [threading.Thread(target=guarded, args=(short if i % 2 else kept, i)) for i in range(6)]
    for thread in threads:
        thread.start()
    try:
        for i in range(10):
            common = f"workers = {workers}\n" + conftest.routes(aws)
            told = proxy.reload(("bad" if i % 3 == 2 else f"client_idle_timeout = {50 + i}s") + "\n" + common)
            assert (told["last_error"] is None) == (i % 3 != 2)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures, failures[:3]
    assert min(served) > 0
    assert all(r.status == 200 for r in aws.requests if r.status)


def test_a_thousand_reloads_leak_nothing(aws, start_proxy, authority, tmp_path):
    """Signals may run together; the counter says how many were done."""
    bundle = tmp_path / "bundle.pem"
    shutil.copy(authority.bundle, bundle)
    pair = authority.leaf("listener.pem", addresses=["127.0.0.1"])
    tokens = tmp_path / "tokens"
    tokens.write_text("alice alices-own-token-1234\n")
    tokens.chmod(0o600)
    rounds = 100 if harness.SANITIZER else 1000
    proxy = start_proxy(aws, f"workers = 2\nproxy_auth_file = {tokens}\nlisten_cert = {pair}\n"
                        f"listen_key = {pair}\n", ca_bundle=bundle)

    def done():
        return metric(proxy, 'sigv4_proxy_config_reloads_total{result="good"}')

    def several(count):
        until = done() + count
        while (left := until - done()) > 0:
            for _ in range(int(left)):
                proxy.signal(signal.SIGHUP)

    def is_over():  # a signal that came last may still be worked at
        before = done()
        time.sleep(0.2)
        return done() == before

    several(rounds // 10)
    harness.wait_until(is_over, 10, "the last reload")
    descriptors = metric(proxy, "process_open_fds")
    growth = []
    while len(growth) < 3:  # the allocator may still look for its size; what leaks grows each time
        before = proxy.memory("VmRSS")
        several(rounds)
        growth.append(proxy.memory("VmRSS") - before)
        if harness.SANITIZER or growth[-1] < 2 << 20:
            break
    else:
        raise AssertionError(f"memory grew by {growth}")
    harness.wait_until(is_over, 10, "the last reload")
    assert metric(proxy, "process_open_fds") == descriptors
    assert done() >= rounds
