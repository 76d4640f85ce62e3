# SPDX-License-Identifier: Apache-2.0
"""Tools that are given an https:// URL and a proxy: each puts a file and gets it back, trusting a CA that it is told of.

TOOLS maps a name to (what it needs, job); job(job) gets a Job, leaves what came back in job.back.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNDICI = ROOT / "build/node/node_modules/undici"
AWS = next((path for path in (shutil.which("aws"), shutil.which("aws", path="/usr/bin:/usr/local/bin"))
            if path and subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0), None)


@dataclass
class Job:
    proxy: str              # http://127.0.0.1:PORT
    ca: pathlib.Path
    host: str
    bucket: str
    data: bytes
    folder: pathlib.Path

    def __post_init__(self):
        self.here = self.folder / "here"
        self.back = self.folder / "back"
        self.here.write_bytes(self.data)

    def url(self, name):
        return f"https://{self.host}/{self.bucket}/{name}"

    def run(self, *command, **env):
        full = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "https_proxy": self.proxy, "HTTPS_PROXY": self.proxy,
                "SSL_CERT_FILE": str(self.ca), "AWS_EC2_METADATA_DISABLED": "true"} | {k: str(v) for k, v in env.items()}
        done = subprocess.run([str(part) for part in command], env=full, cwd=self.folder, capture_output=True, text=True,
                              timeout=300, check=False)
        assert done.returncode == 0, done
        return done.stdout


def curl(job):
    job.run("curl", "-fsST", job.here, job.url("curl"))
    job.run("curl", "-fsSo", job.back, job.url("curl"))


def wget(job):
    trust = f"--ca-certificate={job.ca}"
    job.run("wget", "-q", trust, "-O", os.devnull, "--method=PUT", f"--body-file={job.here}", job.url("wget"))
    job.run("wget", "-q", trust, "-O", job.back, job.url("wget"))


def requests(job):
    program = ("import requests, sys\nurl, here, back = sys.argv[1:]\n"
               "requests.put(url, data=open(here, 'rb').read()).raise_for_status()\n"
               "answer = requests.get(url)\nanswer.raise_for_status()\nopen(back, 'wb').write(answer.content)\n")
    job.run(sys.executable, "-c", program, job.url("requests"), job.here, job.back,
            REQUESTS_CA_BUNDLE=job.ca)


def aws_cli(job):
    """With keys that AWS would refuse; its signature is replaced."""
    (job.folder / "aws.conf").write_text("[default]\ns3 =\n  addressing_style = path\n")
    keys = {"AWS_ACCESS_KEY_ID": "AKIDDUMMY", "AWS_SECRET_ACCESS_KEY": "dummy", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CA_BUNDLE": job.ca, "AWS_CONFIG_FILE": job.folder / "aws.conf"}
    job.run(AWS, "s3", "cp", "--only-show-errors", job.here, f"s3://{job.bucket}/aws", **keys)
    job.run(AWS, "s3", "cp", "--only-show-errors", f"s3://{job.bucket}/aws", job.back, **keys)


JAVA = """
import java.net.*; import java.net.http.*; import java.nio.file.*; import java.security.*; import java.security.cert.*;
import javax.net.ssl.*;
public class Inside {
    public static void main(String[] a) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509")
            .generateCertificate(Files.newInputStream(Path.of(a[1]))));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(null, trust.getTrustManagers(), null);
        URI proxy = URI.create(a[0]);
        HttpClient client = HttpClient.newBuilder().sslContext(tls)
            .proxy(ProxySelector.of(new InetSocketAddress(proxy.getHost(), proxy.getPort()))).build();
        URI url = URI.create(a[2]);
        HttpResponse<String> put = client.send(HttpRequest.newBuilder(url)
            .PUT(HttpRequest.BodyPublishers.ofFile(Path.of(a[3]))).build(), HttpResponse.BodyHandlers.ofString());
        HttpResponse<Path> got = client.send(HttpRequest.newBuilder(url).build(),
            HttpResponse.BodyHandlers.ofFile(Path.of(a[4])));
        System.exit(put.statusCode() == 200 && got.statusCode() == 200 ? 0 : 1);
    }
}
"""


def java(job):
    source = job.folder / "Inside.java"
    source.write_text(JAVA)
    job.run("java", source, job.proxy, job.ca, job.url("java"), job.here, job.back)


NODE = """
const fs = require('fs'), {ProxyAgent, request} = require(process.env.UNDICI);
const dispatcher = new ProxyAgent({uri: process.env.PROXY, requestTls: {ca: fs.readFileSync(process.env.CA)}});
(async () => {
  const [url, here, back] = process.argv.slice(1);
  const put = await request(url, {dispatcher, method: 'PUT', body: fs.readFileSync(here)});
  await put.body.dump();
  const got = await request(url, {dispatcher});
  fs.writeFileSync(back, Buffer.from(await got.body.arrayBuffer()));
  await dispatcher.close();
  if (put.statusCode !== 200 || got.statusCode !== 200) process.exit(1);
})().catch(error => { console.error(error); process.exit(1); });
"""


def undici(job, url=None):
    job.run("node", "-e", NODE, url or job.url("undici"), job.here, job.back, UNDICI=UNDICI, PROXY=job.proxy, CA=job.ca)


GO = """
package main

import ("io"; "net/http"; "os")

func check(answer *http.Response, err error) *http.Response {
	if err == nil && answer.StatusCode != 200 { err = io.ErrUnexpectedEOF }
	if err != nil { os.Stderr.WriteString(err.Error()); os.Exit(1) }
	return answer
}

func main() {
	url := os.Args[1]
	here, _ := os.Open(os.Args[2])
	info, _ := here.Stat()
	put, _ := http.NewRequest("PUT", url, here)
	put.ContentLength = info.Size()
	check(http.DefaultClient.Do(put)).Body.Close()
	back, _ := os.Create(os.Args[3])
	if _, err := io.Copy(back, check(http.Get(url)).Body); err != nil { os.Exit(1) }
}
"""
# What is compiled already: the standard library takes a minute.
GO_CACHE = subprocess.run(["go", "env", "GOCACHE"], capture_output=True, text=True,
                          check=True).stdout.strip() if shutil.which("go") else ""


def go(job):
    (job.folder / "inside.go").write_text(textwrap.dedent(GO))
    job.run("go", "run", "inside.go", job.url("go"), job.here, job.back, GOFLAGS="-mod=mod", GO111MODULE="off",
            GOCACHE=GO_CACHE, CGO_ENABLED="0", GOTOOLCHAIN="local")


TOOLS = {"curl": (shutil.which("curl"), curl), "wget": (shutil.which("wget"), wget), "requests": (True, requests),
         "aws": (AWS, aws_cli), "java": (shutil.which("java"), java),
         "undici": (shutil.which("node") and UNDICI.exists(), undici), "go": (GO_CACHE, go)}
