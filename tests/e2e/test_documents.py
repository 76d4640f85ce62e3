# SPDX-License-Identifier: Apache-2.0
"""The pages under docs/: each of the proxy's codes has a paragraph, each setting and file they name exists."""
import re
import shlex
import xml.etree.ElementTree

import harness
import pytest

PAGES = sorted([*(harness.ROOT / "docs").glob("*.md"), *(harness.ROOT).glob("*.md"),
                *(harness.ROOT / "docker").glob("**/*.md")])
TROUBLES = (harness.ROOT / "docs/troubleshooting.md").read_text()
CODES = """bad-request bad-target bad-host uri-too-long head-too-large body-too-large length-required
    method-denied not-implemented timeout-client auth-required client-denied host-denied address-denied
    browser-denied policy-denied never-signed service-unknown already-signed payload-hash-mismatch
    no-credentials credentials-error rate-limited overloaded draining dns-failed connect-failed tls-failed
    upstream-bad-response upstream-closed timeout-connect timeout-first-byte timeout-idle loop
    presign-denied presign-expiry""".split()
SOURCE = "".join(path.read_text() for path in (harness.ROOT / "proxy").rglob("*.c")
                 if path.name != "hosts_table.c")
ANSWERS = set(re.findall(r'\b([45]\d\d),\s*(?:\.code = )?"([a-z]+(?:-[a-z]+)*)"', SOURCE))


def paragraph(code):
    found = re.search(rf"^### {code}\n(.+?)(?=^##|\Z)", TROUBLES, re.M | re.S)
    assert found, f"no paragraph on {code}"
    return found.group(1).strip()


@pytest.mark.parametrize("code", CODES)
def test_each_code_has_a_paragraph(code):
    assert len(paragraph(code)) > 60 and re.match(r"[45]\d\d\b", paragraph(code))


def test_paragraphs_are_of_codes_that_exist():
    assert sorted(re.findall(r"^### (\S+)$", TROUBLES, re.M)) == sorted(CODES)


@pytest.mark.parametrize("status, code", sorted(a for a in ANSWERS if a[1] in CODES))
def test_paragraphs_name_each_status_that_the_source_gives(status, code):
    assert re.search(rf"\b{status}\b", paragraph(code)), (status, code)


def test_source_answers_with_listed_codes_only():
    assert len(ANSWERS) > 20
    assert {code for _, code in ANSWERS} <= set(CODES)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_and_files_exist(page):
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in link and not link.startswith("mailto:"):
            assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_settings_that_are_named_exist(page, tmp_path):
    """`some_setting` in backticks with an underscore, and --flags of sigv4-proxy, are in the table."""
    full = (harness.ROOT / "conf/full.conf").read_text()
    keys = set(re.findall(r"^#?([a-z][a-z0-9_]*) =", full, re.M))
    flags = {"--" + key.replace("_", "-") for key in keys}
    usage = harness.run_binary("--help", folder=tmp_path).stdout
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    for word in re.findall(r"`([a-z][a-z0-9]*(?:_[a-z0-9]+)+)(?: = [^`]+)?`", text):
        known = (word in keys or word.startswith(("sigv4_proxy_", "process_")) or word in FOREIGN)
        assert known or word in SOURCE, word
    for flag in re.findall(r"`sigv4-proxy[^`]*?(--[a-z][a-z-]+)", text):
        assert flag in flags or flag in usage, flag


# Names that are others': environment variables, protocols, clients' own settings.
FOREIGN = {"http_proxy", "https_proxy", "no_proxy", "proxy_host", "proxy_port", "credential_process",
           "remote_write", "proxy_url", "request_id"}


def fenced(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)


# What is in the AWS files' form, and s3cmd's, has sections or keys that are theirs.
OTHERS = re.compile(r"^(\[default\]|\[profile |aws_access_key_id\b|\[sso-session )", re.M)
CONFIGURATIONS = [(page, number, block) for page in PAGES
                  for number, block in enumerate(fenced(page, "ini"))
                  if "[default]" not in block and "aws_access_key_id" not in block]  # AWS's own files


@pytest.mark.parametrize("page, number, block", CONFIGURATIONS,
                         ids=lambda value: value.name if hasattr(value, "name") else None)
def test_configurations_that_pages_show_are_accepted(tmp_path, page, number, block):
    path = tmp_path / "shown.conf"
    path.write_text(block)
    result = harness.run_binary("check-config", "--config", str(path), folder=tmp_path)
    assert result.returncode == 0, (page, number, result.stderr)


def test_routes_do_what_their_page_says(tmp_path):
    page = harness.ROOT / "docs/routes.md"
    path = tmp_path / "routes.conf"
    path.write_text(fenced(page, "ini")[0])
    lines = re.findall(r"^    sigv4-proxy (explain .+)$", page.read_text(), re.M)
    asked = [line.split() for line in lines] + [
        ["explain", "http://reports.s3.eu-west-1.amazonaws.com/k"], ["explain", "https://api.internal:8443/"],
        ["explain", "http://a.s3.test/k"]]
    said = [harness.run_binary(one[0], "--config", str(path), *one[1:], folder=tmp_path) for one in asked]
    assert all(one.returncode == 0 for one in said), said
    shown = [re.sub(r" +", " ", one.stdout) for one in said]
    assert "service es\n" in shown[0] and "upstream https://vpc-search-abc.eu-west-1" in shown[0]
    assert '"service":"s3"' in shown[1]
    assert "role=arn:aws:iam::123456789012:role/reports" in shown[2]
    assert "host abc123.execute-api.eu-west-1.amazonaws.com\n" in shown[3]
    assert "upstream http://127.0.0.1:9000" in shown[4]


# Pages whose shell examples are run by tests that begin so; those of other pages are run here.
RUN_BY = {"README.md": "test_docs.py", "recipes.md": "test_recipes.py", "presigning.md": "test_presign",
          "migrate-from-aws-sigv4-proxy.md": "test_drop_in.py", "credentials.md": "test_",
          "interception.md": "test_recipes.py"}


@pytest.mark.parametrize("page", [page for page in PAGES if fenced(page, "sh")], ids=lambda path: path.name)
def test_shell_examples_are_run(page, tmp_path):
    if page.name in RUN_BY:
        tests = [path for path in (harness.ROOT / "tests/e2e").glob("test_*.py")
                 if path.name.startswith(RUN_BY[page.name]) and path.name != "test_documents.py"]
        assert any(page.name in path.read_text() for path in tests), page.name
        return
    for line in "".join(fenced(page, "sh")).splitlines():
        command, *arguments = shlex.split(line, comments=True)
        assert command == "sigv4-proxy", f"{page.name}: no test runs this: {line}"
        result = harness.run_binary(*arguments, folder=tmp_path)
        assert result.returncode == 0 and result.stdout, (line, result.stderr)


def test_index_names_every_page():
    index = (harness.ROOT / "docs/README.md").read_text()
    for page in (harness.ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index, page.name


def test_picture_is_sound():
    picture = (harness.ROOT / "docs/architecture.svg").read_text()
    root = xml.etree.ElementTree.fromstring(picture)
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}title").text and root.find(f"{space}desc").text
    assert "prefers-color-scheme: dark" in picture and "http" not in picture.split(">", 1)[1]


def test_explain_commands_of_the_page_answer(tmp_path):
    lines = re.findall(r"^    sigv4-proxy (explain \S+ \S+|check-config)", TROUBLES, re.M)
    assert len(lines) == 2
    for line in lines:
        result = harness.run_binary(*line.split(), folder=tmp_path)
        assert result.returncode == 0 and result.stdout, result.stderr


RETRIES = (harness.ROOT / "docs/retries.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", RETRIES, re.M | re.S)


def test_examples_of_retries_are_accepted_and_named_defaults_are_the_defaults(tmp_path):
    conf = tmp_path / "p.conf"
    conf.write_text("".join(blocks("ini")))
    result = harness.run_binary("check-config", "--config", str(conf), folder=tmp_path)
    assert result.returncode == 0, result.stderr
    plain = harness.run_binary("check-config", folder=tmp_path).stdout
    general = blocks("ini")[0].split("[route")[0] + "\n".join(re.findall(r"^rate_limit_\w+ =.*", RETRIES, re.M))
    lines = re.findall(r"^(\w+ = .*?)(?: +#.*)?$", general, re.M)
    assert len(lines) == 10
    for line in lines:
        assert line == "attempts_header = yes" or re.search(rf"^{re.escape(line)}\b", plain, re.M), line


def test_command_of_retries_answers(tmp_path):
    for line in "".join(blocks("sh")).splitlines():
        result = harness.run_binary(*line.split()[1:], folder=tmp_path)
        assert result.returncode == 0 and "retries      mode standard" in result.stdout, result


def test_retries_are_seen_under_the_names_of_the_page(proxy):
    page = proxy.admin("/metrics").body.decode()
    names = set(re.findall(r"`(sigv4_proxy_\w+)`", RETRIES))
    assert len(names) == 7
    for name in names:
        assert re.search(rf"^# TYPE {name} ", page, re.M), name


def test_fuzz_targets_stand_in_their_table_and_have_a_corpus():
    folder = harness.ROOT / "fuzz"
    built = {path.stem.removeprefix("fuzz_") for path in folder.glob("fuzz_*.c")}
    rows = re.findall(r"^\| [^|]+ \| (`[^|]+`) \|", (folder / "README.md").read_text(), re.M)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == built
    for thing in built:
        assert len(list((folder / "corpus" / thing).iterdir())) >= 3, thing
    for words in folder.glob("*.dict"):
        assert words.stem in built
