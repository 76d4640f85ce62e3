# SPDX-License-Identifier: Apache-2.0
"""Subcommands that use credentials: presign and export-credentials."""
import json
import subprocess

import curl
import harness
import pytest

URL = "https://bucket.s3.us-east-1.amazonaws.com/"
KEYS = {"AWS_ACCESS_KEY_ID": harness.CANARY.access_key,
        "AWS_SECRET_ACCESS_KEY": harness.CANARY.secret_key,
        "AWS_SESSION_TOKEN": harness.CANARY.token}


def run(tmp_path, *arguments, env=None):
    return harness.run_binary(*arguments, folder=tmp_path, env=KEYS if env is None else env)


def presigned(tmp_path, *arguments):
    result = run(tmp_path, "presign", *arguments)
    assert (result.returncode, result.stderr) == (0, ""), result
    return result.stdout.rstrip("\n")


def test_presigned_urls_are_taken(aws, authority, tmp_path):
    def use(url, *arguments):
        return curl.over_tls(aws.address, aws.port, authority, url, *arguments)
    source = tmp_path / "data"
    source.write_bytes(b"presigned")
    put = presigned(tmp_path, "--header", "x-amz-meta-a: b", "--expires-in=60", "PUT", URL + "a%20b+c")
    assert use(put, "-T", str(source), "-Hx-amz-meta-a: b") == (200, b"")
    assert aws.requests[-1].verdict.form == "query"
    assert use(put, "-T", str(source))[0] == 403
    assert use(presigned(tmp_path, URL + "a%20b+c")) == (200, b"presigned")
    assert use(presigned(tmp_path, "HEAD", URL + "a%20b+c"), "-I")[0] == 200
    assert use(presigned(tmp_path, "DELETE", URL + "a%20b+c"), "-X", "DELETE")[0] == 204
    assert use(presigned(tmp_path, URL + "a%20b+c"))[0] == 404


def test_presign_takes_a_bucket_and_a_raw_key(tmp_path):
    env = KEYS | {"AWS_REGION": "eu-west-3"}
    url = run(tmp_path, "presign", "PUT", "s3://bucket/a b+c/%41?#", env=env).stdout
    assert url.startswith("https://bucket.s3.eu-west-3.amazonaws.com/a%20b%2Bc/%2541%3F%23?X-Amz-")


@pytest.mark.parametrize("arguments, word", [
    ([], "which URL"),
    (["s3://"], "missing"),
    (["s3:///key"], "bucket"),
    (["--expires-in", "604801", URL], "604800"),
    (["--expires-in", "0", URL], "604800"),
    (["--expires-in", "5m", URL], "--expires-in"),
    (["--header", "nonsense", URL], "--header"),
    (["ftp://bucket.s3.amazonaws.com/"], "https://"),
    (["http://example.com/"], '[route "example.com"]'),
    (["https://ec2-1-2-3-4.us-west-2.compute.amazonaws.com/"], "never signed"),
    (["CONNECT", URL], "method"),
])
def test_presign_refuses_in_one_line(tmp_path, arguments, word):
    result = run(tmp_path, "presign", *arguments)
    assert (result.returncode, result.stdout) == (1, "")
    assert word in result.stderr and len(result.stderr.splitlines()) == 1


def test_presigned_url_never_outlives_the_credentials(tmp_path):
    env = KEYS | {"AWS_CREDENTIAL_EXPIRATION": in_an_hour()}
    result = harness.run_binary("presign", "--expires-in", "604800", URL, folder=tmp_path, env=env)
    assert result.returncode == 0
    seconds = int(result.stdout.split("X-Amz-Expires=")[1].split("&")[0])
    assert 3500 <= seconds <= 3600 and str(seconds) in result.stderr


def in_an_hour():
    return subprocess.run(["date", "-u", "-d", "+1 hour", "+%Y-%m-%dT%H:%M:%SZ"], check=True,
                          capture_output=True, text=True).stdout.strip()


def test_presign_without_credentials_says_what_was_tried(tmp_path):
    result = run(tmp_path, "presign", URL, env={})
    assert (result.returncode, result.stdout) == (1, "")
    assert "AWS_ACCESS_KEY_ID" in result.stderr


def test_export_credentials_as_a_process_and_for_a_shell(tmp_path):
    answer = json.loads(run(tmp_path, "export-credentials").stdout)
    assert answer == {"Version": 1, "AccessKeyId": harness.CANARY.access_key,
                      "SecretAccessKey": harness.CANARY.secret_key,
                      "SessionToken": harness.CANARY.token}
    env = KEYS | {"AWS_SECRET_ACCESS_KEY": "it's$odd", "AWS_CREDENTIAL_EXPIRATION": in_an_hour()}
    lines = run(tmp_path, "export-credentials", "--format", "env", env=env).stdout
    shown = subprocess.run(["sh", "-c", 'eval "$1"; printf %s "$AWS_SECRET_ACCESS_KEY $AWS_SESSION_TOKEN '
                            '$AWS_CREDENTIAL_EXPIRATION"', "sh", lines], check=True,
                           capture_output=True, text=True).stdout
    assert shown == f"it's$odd {harness.CANARY.token} {env['AWS_CREDENTIAL_EXPIRATION']}"


def test_export_credentials_of_a_profile(tmp_path):
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text("[a]\naws_access_key_id = AKIAA\naws_secret_access_key = sa\n"
                                        "[b]\naws_access_key_id = AKIAB\naws_secret_access_key = sb\n")
    answer = json.loads(run(tmp_path, "export-credentials", "--profile", "b", env={}).stdout)
    assert (answer["AccessKeyId"], answer["SecretAccessKey"]) == ("AKIAB", "sb")


def test_export_credentials_says_why_each_provider_does_not_serve(tmp_path):
    result = run(tmp_path, "export-credentials", env={})
    assert (result.returncode, result.stdout) == (1, "")
    for word in ("environment:", "web identity:", "shared files:", "container:", "AWS_EC2_METADATA_DISABLED"):
        assert word in result.stderr, result.stderr
    assert run(tmp_path, "export-credentials", "--format", "yaml").returncode == 1


def test_own_export_serves_as_a_credential_of_boto3(tmp_path):
    """What we print is what botocore takes from a credential_process."""
    import botocore.session
    config = tmp_path / "config"
    keys = " ".join(f"{name}={value}" for name, value in KEYS.items())
    config.write_text("[profile p]\nregion = us-east-1\n"
                      f"credential_process = env {keys} {harness.BINARY} export-credentials\n")
    session = botocore.session.Session(profile="p")
    session.set_config_variable("config_file", str(config))
    frozen = session.get_credentials().get_frozen_credentials()
    assert tuple(frozen)[:3] == (harness.CANARY.access_key, harness.CANARY.secret_key, harness.CANARY.token)
