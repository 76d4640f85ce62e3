# SPDX-License-Identifier: Apache-2.0
"""The proxies that are compared, each with a configuration that does the same job: one worker, connections to the
TLS upstream kept and verified, one access line a request to a file."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

import processes

ROOT = pathlib.Path(__file__).resolve().parents[1]
S3 = "bench.s3.us-east-1.amazonaws.com"
HASHED = "hashed.s3.us-east-1.amazonaws.com"
DYNAMODB = "dynamodb.us-east-1.amazonaws.com"
IDENTITY = {"AWS_ACCESS_KEY_ID": "AKIDBENCHBENCHBENCH0",
            "AWS_SECRET_ACCESS_KEY": "benchSecret/benchSecret/benchSecret/40ch",
            "AWS_SESSION_TOKEN": "benchToken" * 40}

NGINX = """
{modules}
daemon off; worker_processes 1; pid {folder}/{slug}.pid; error_log {folder}/{slug}.err warn; worker_rlimit_nofile 20000;
events {{ worker_connections 16000; }}
http {{
  access_log {log};
  client_body_temp_path {folder}/{slug}-1; proxy_temp_path {folder}/{slug}-2; fastcgi_temp_path {folder}/{slug}-3;
  uwsgi_temp_path {folder}/{slug}-4; scgi_temp_path {folder}/{slug}-5;
  {script}
  keepalive_requests 1000000000; keepalive_timeout 900s; client_max_body_size 0;
  upstream standin {{ server 127.0.0.1:{upstream}; keepalive 1024; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass https://standin; proxy_http_version 1.1; proxy_request_buffering off; proxy_max_temp_file_size 0;
      proxy_set_header Connection ""; proxy_set_header Host {host}; {fields}
      proxy_ssl_verify on; proxy_ssl_trusted_certificate {ca}; proxy_ssl_protocols TLSv1.2 TLSv1.3;
      proxy_ssl_server_name on; proxy_ssl_name localhost;
    }}
  }}
}}
"""
NJS = {
    "modules": "load_module {module}; env AWS_ACCESS_KEY_ID; env AWS_SECRET_ACCESS_KEY; env AWS_SESSION_TOKEN;",
    "script": "js_path {scripts}; js_import sign from njs_sign.js; js_set $sign_date sign.date; js_set $sign_token sign.token; "
              "js_set $sign_authorization sign.authorization;",
    "fields": "set $sign_host {host}; proxy_set_header X-Amz-Date $sign_date; proxy_set_header Authorization $sign_authorization; "
              "proxy_set_header X-Amz-Security-Token $sign_token; proxy_set_header X-Amz-Content-Sha256 UNSIGNED-PAYLOAD;"}
HAPROXY = """
global
  nbthread 1
  maxconn 9000
  ssl-server-verify required
defaults
  mode http
  log stdout format raw local0
  option httplog
  timeout connect 5s
  timeout client 900s
  timeout server 60s
  timeout http-keep-alive 900s
  http-reuse always
frontend front
  bind 127.0.0.1:{port} backlog 4096
  default_backend standin
backend standin
  http-request set-header Host {host}
  server one 127.0.0.1:{upstream} ssl verify required ca-file {ca} sni str(localhost) verifyhost localhost pool-max-conn 2000
"""
ENVOY = """
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: http
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: bench
          access_log:
          - name: file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: {log}
          route_config:
            virtual_hosts:
            - {{name: all, domains: ["*"], routes: [{{match: {{prefix: "/"}}, route: {{cluster: standin, timeout: 0s, host_rewrite_literal: {host}}}}}]}}
          http_filters:
          - name: sign
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.aws_request_signing.v3.AwsRequestSigning
              service_name: s3
              region: us-east-1
              use_unsigned_payload: true
              host_rewrite: {host}
              credential_provider:
                inline_credential: {{access_key_id: {key}, secret_access_key: "{secret}", session_token: "{token}"}}
          - name: router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
  - name: standin
    type: STATIC
    circuit_breakers: {{thresholds: [{{max_connections: 4096, max_requests: 4096, max_pending_requests: 4096}}]}}
    load_assignment:
      cluster_name: standin
      endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {upstream}}}}}}}}}]}}]
    transport_socket:
      name: tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: localhost
        common_tls_context: {{validation_context: {{trusted_ca: {{filename: {ca}}}}}}}
"""
OURS = """
[proxy]
listen = 127.0.0.1:{port}
admin = off
region = us-east-1
ca_bundle = {ca}
log_file = {log}
[limits]
max_connections = 12000
[timeouts]
client_idle_timeout = 900s
{before}
[route "{hashed}"]
upstream = https://localhost:{upstream}
payload = hash
[route "*.amazonaws.com"]
upstream = https://localhost:{upstream}
"""


class Target:
    """One proxy: how it is started, how its clients address it, which version it is."""
    is_signing = False

    def __init__(self, name, folder, port, upstream, ca):
        self.name = name
        self.folder = pathlib.Path(folder)
        self.port = port
        self.values = IDENTITY | {
            "folder": folder, "port": port, "upstream": upstream, "ca": ca, "host": S3, "hashed": HASHED,
            "slug": self.slug, "modules": "", "script": "", "fields": "", "log": str(self.log), "key": IDENTITY["AWS_ACCESS_KEY_ID"], "before": "",
            "secret": IDENTITY["AWS_SECRET_ACCESS_KEY"], "token": IDENTITY["AWS_SESSION_TOKEN"]}
        callers = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SIGV4_PROXY_"))}
        self.environment = callers | IDENTITY | {"AWS_EC2_METADATA_DISABLED": "true", "HOME": folder}
        self.process = None

    @property
    def slug(self):
        return self.name.replace(" ", "-")

    @property
    def log(self):
        return self.folder / f"{self.slug}.log"

    def write(self, ending, template):
        path = self.folder / f"{self.slug}.{ending}"
        path.write_text(template.format(**self.values))
        return str(path)

    def start(self, cpu=processes.PROXY_CPU):
        with open(self.log, "ab") as out, open(f"{self.log}.err", "wb") as errors:
            self.process = subprocess.Popen(processes.pinned(cpu, self.command()), env=self.environment,
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
        deadline = time.monotonic() + 20
        while not self.is_answering():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"bench: {self.name} does not start, see {self.log}.err")
            time.sleep(0.01)
        return self

    def is_answering(self):
        try:
            return Client(self).get("/b/1024").startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def stop(self):
        if self.process:
            processes.end(self.process)
            self.process = None

    def forget_log(self):
        """The access log of what was measured is not kept: the disk may be small."""
        os.truncate(self.log, 0)

    @property
    def pid(self):
        return self.process.pid

    def targets(self, scenario):
        """Request targets for the load generator: the path, as a reverse proxy is asked."""
        return [scenario.path]


class Nginx(Target):
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

    def command(self):
        return [self.program, "-c", self.write("conf", NGINX)]

    @classmethod
    def version(cls):
        said = subprocess.run([cls.program, "-v"], capture_output=True, text=True, check=True).stderr
        return "nginx " + re.search(r"nginx/([\w.]+)", said).group(1)


class Njs(Nginx):
    """nginx with a script that signs."""
    module = pathlib.Path("/usr/lib/nginx/modules/ngx_http_js_module.so")
    program = Nginx.program if module.exists() and shutil.which("dpkg-query") else None  # Debian's, as its nginx
    is_signing = True
    skipped = ("get-1k-c1", "get-64k-c64", "put-4k-c64", "post-4k-c64", "put-1m-c16", "put-1m-hashed-c16",
               "get-1k-c1000")  # no goal names it there

    def command(self):
        values = self.values | {"module": self.module, "scripts": ROOT / "bench"}
        self.values |= {key: text.format(**values) for key, text in NJS.items()}
        return super().command()

    @classmethod
    def version(cls):
        said = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-http-js"], capture_output=True,
                              text=True)
        return f"njs {said.stdout.split('-')[0]}".strip()


class Haproxy(Target):
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")

    def command(self):
        return [self.program, "-db", "-f", self.write("cfg", HAPROXY)]

    @classmethod
    def version(cls):
        said = subprocess.run([cls.program, "-v"], capture_output=True, text=True, check=True).stdout
        return "HAProxy " + re.search(r"version ([\w.]+)", said).group(1)


class Envoy(Target):
    program = shutil.which("envoy") or shutil.which("envoy", path=str(ROOT / "build/venv/bin"))
    is_signing = True

    def command(self):
        return [self.program, "-c", self.write("yaml", ENVOY), "--concurrency", "1", "--use-dynamic-base-id",
                "-l", "error"]

    @classmethod
    def version(cls):
        said = subprocess.run([cls.program, "--version"], capture_output=True, text=True, check=True).stdout
        return "Envoy " + re.search(r"/(\d+\.\d+\.\d+)", said).group(1)


class Peer(Target):
    """aws-sigv4-proxy, in Go. It writes no access lines; each of its requests is hashed."""
    program = shutil.which("aws-sigv4-proxy") or shutil.which("aws-sigv4-proxy", path=str(ROOT / "build/bin"))
    is_signing = True
    skipped = ("get-64k-c64", "put-4k-c64", "post-4k-c64", "put-1m-c16", "get-1k-c1000")  # no goal names it there

    def command(self):
        self.environment["SSL_CERT_FILE"] = self.values["ca"]
        self.environment["GOMAXPROCS"] = "1"
        return [self.program, "--port", f"127.0.0.1:{self.port}", "--host", f"localhost:{self.values['upstream']}",
                "--sign-host", S3, "--name", "s3", "--region", "us-east-1"]

    @classmethod
    def version(cls):
        return "aws-sigv4-proxy (Go)"


class Ours(Target):
    """The proxy itself, asked as a forward proxy."""
    program = None  # set by run.py
    is_signing = True
    workers = 1

    def command(self):
        return [self.program, "run", "--config", self.write("conf", OURS), "--workers", str(self.workers)]

    @classmethod
    def version(cls):
        said = subprocess.run([cls.program, "--version"], capture_output=True, text=True, check=True).stdout
        return said.split("\n", 1)[0]

    def targets(self, scenario):
        host = {"dynamodb": DYNAMODB, "hashed": HASHED}.get(scenario.kind, S3)
        return [f"http://{host}{scenario.path}"]


class FourWorkers(Ours):
    workers = 4


class TwoWorkers(Ours):
    workers = 2


class ManyRoutes(Ours):
    """A thousand routes in front of the one that matches."""

    def command(self):
        self.values["before"] = "".join(
            f'[route "tenant-{n}.example.com"]\nservice = execute-api\nregion = eu-west-1\n' for n in range(1000))
        return super().command()


class ManyHosts(Ours):
    """Requests go to a hundred upstreams in turn, each with connections of its own."""

    def command(self):
        self.values["before"] = "".join(
            f'[route "h{n}.s3.us-east-1.amazonaws.com"]\nupstream = https://127.0.0.{n + 1}:{self.values["upstream"]}\n'
            for n in range(100))
        return super().command()

    def targets(self, scenario):
        return [f"http://h{n}.s3.us-east-1.amazonaws.com{scenario.path}" for n in range(100)]


class ManyKeys(Ours):
    """64 routes, each with credentials of its own, asked in turn."""

    def command(self):
        upstream = self.values["upstream"]
        self.values["before"] = "".join(
            f'[route "k{n}.s3.us-east-1.amazonaws.com"]\nupstream = https://localhost:{upstream}\nprofile = tenant{n}\n'
            for n in range(64))
        folder = self.folder / "keys"
        folder.mkdir(exist_ok=True)
        (folder / "credentials").write_text("".join(
            f"[tenant{n}]\naws_access_key_id = AKIDTENANT{n:010}\naws_secret_access_key = secret{n:034}\n"
            f"aws_session_token = {'benchToken' * 40}\n" for n in range(64)))
        self.environment["AWS_SHARED_CREDENTIALS_FILE"] = str(folder / "credentials")
        return super().command()

    def targets(self, scenario):
        return [f"http://k{n}.s3.us-east-1.amazonaws.com{scenario.path}" for n in range(64)]


class SixtyFourNames(Ours):
    """What ManyKeys is compared with: as many names, one set of credentials."""

    def targets(self, scenario):
        return [f"http://k{n}.s3.us-east-1.amazonaws.com{scenario.path}" for n in range(64)]


class Client:
    """One plain client connection to a target."""

    def __init__(self, target, seconds=10):
        self.target = target
        self.sock = socket.create_connection(("127.0.0.1", target.port), seconds)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, path):
        prefix = f"http://{S3}" if isinstance(self.target, Ours) else ""
        self.sock.sendall(f"GET {prefix}{path} HTTP/1.1\r\nHost: {S3}\r\nUser-Agent: legacy-tool/4.2\r\n\r\n".encode())

    def get(self, path):
        """Reads the whole answer and returns its head."""
        self.ask(path)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.piece()
        head, body = data.split(b"\r\n\r\n", 1)
        left = int(re.search(rb"content-length: *(\d+)", head, re.I).group(1)) - len(body)
        while left > 0:
            left -= len(self.piece())
        return head

    def piece(self):
        piece = self.sock.recv(1 << 18)
        if not piece:
            raise ConnectionError("closed")
        return piece

    def close(self):
        self.sock.close()
