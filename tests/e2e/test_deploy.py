# SPDX-License-Identifier: Apache-2.0
"""What docker/ holds for compose, Kubernetes and ECS: valid by the platforms' own schemas, confined, and
configured with settings that the binary takes."""
import json
import os
import re
import shlex
import shutil
import subprocess

import harness
import pytest
import yaml
from botocore.session import get_session
from botocore.validate import ParamValidator
from fake_aws import FakeAws, Identity

DOCKER = harness.ROOT / "docker"
MANIFESTS = sorted((DOCKER / "kubernetes").glob("*.yaml"))
CHART = DOCKER / "kubernetes/chart"
pytestmark = pytest.mark.skipif(bool(harness.SANITIZER), reason="manifests are the same for each build")
KUBERNETES = ("1.31", "1.34")
TOKEN = "0123456789abcdef0123"
VALUES = {
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/a"}},
    "shared": {"tokens": {"reports": TOKEN, "batch": TOKEN[::-1]}, "spool": "500Mi",
               "config": '[route "*.internal"]\nservice = es\nregion = eu-west-1\n'
                         "upstream = https://vpc-search-abc.eu-west-1.es.amazonaws.com\n"},
    "env": [{"name": "AWS_REGION", "value": "eu-west-1"}],
    "applications": [
        {"name": "legacy-app", "image": "registry.example.com/legacy-app:1", "replicas": 2},
        {"name": "nightly", "kind": "Job", "image": "registry.example.com/legacy-app:1",
         "command": ["upload"], "resources": {"limits": {"memory": "64Mi"}}}]}


def load(path):
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def helm(*arguments, code=0):
    if not shutil.which("helm"):
        pytest.skip("helm is not installed")
    result = subprocess.run(["helm", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == code, (result.stdout, result.stderr)
    return result.stdout + result.stderr


def render(tmp_path, values):
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump(values))
    text = helm("template", "rel", str(CHART), "--namespace", "legacy", "--kube-version", "1.31.0",
                "--values", str(path))
    return [one for one in yaml.safe_load_all(text) if one]


@pytest.fixture(params=[*MANIFESTS, CHART], ids=lambda path: path.name)
def objects(request, tmp_path):
    return load(request.param) if request.param != CHART else render(tmp_path, VALUES)


def is_valid(objects):
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    for one in objects:
        for version in KUBERNETES:
            validate.validate(one, version, strict=True)


def pods(objects):
    return [one["spec"]["template"]["spec"] for one in objects if one["kind"] in ("Deployment", "Job")]


def proxy_of(pod):
    every = pod.get("initContainers", []) + pod["containers"]
    return next(one for one in every if one["name"] == "sigv4-proxy")


def variables(container):
    return {one["name"]: one["value"] for one in container.get("env") or container.get("environment", [])}


def of_kind(objects, kind):
    return next((one for one in objects if one["kind"] == kind), None)


def effective(container, objects, tmp_path, tokens=None):
    """What check-config says of a container's variables and its ConfigMap."""
    arguments = []
    config = of_kind(objects, "ConfigMap")
    mounts = [one["mountPath"] for one in container["volumeMounts"]]
    if config and "/etc/sigv4-proxy" in mounts:
        folder = tmp_path / "tokens"
        folder.mkdir(exist_ok=True)
        secret = of_kind(objects, "Secret")["stringData"]["proxy-tokens"]
        (folder / "proxy-tokens").write_text(tokens or secret)
        path = tmp_path / "sigv4-proxy.conf"
        path.write_text(config["data"]["sigv4-proxy.conf"].replace("/etc/sigv4-proxy-tokens", str(folder)))
        arguments = ["--config", str(path)]
    result = harness.run_binary("check-config", *arguments, env=variables(container), folder=tmp_path)
    assert result.returncode == 0, result.stderr
    return dict(re.findall(r"^(\w+) = (.*?)(?:\s+#.*)?$", result.stdout, re.M))


def seconds(text):
    return int(text[:-1]) * {"s": 1, "m": 60}[text[-1]]


def mebibytes(text):
    number, unit = re.fullmatch(r"(\d+)(m|g|Mi|Gi)", text).groups()
    return int(number) * (1024 if unit in ("g", "Gi") else 1)


def test_versions_agree(tmp_path):
    project = re.search(r"project\(sigv4-proxy VERSION (\S+)", (harness.ROOT / "CMakeLists.txt").read_text())
    version = project.group(1)
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (version, version)
    assert f"ARG VERSION={version}\n" in (DOCKER / "Dockerfile").read_text()
    assert harness.run_binary("--version", folder=tmp_path).stdout.startswith(f"sigv4-proxy {version} (commit ")
    for path in [*MANIFESTS, DOCKER / "ecs/task-definition.json"]:
        tags = re.findall(r"/sigv4-proxy:([\w.]+)", path.read_text())
        assert tags and set(tags) == {version}, path


def test_image_names_no_architecture():
    text = (DOCKER / "Dockerfile").read_text()
    assert not re.search(r"amd64|arm64|x86|aarch64|--platform", text)
    assert re.search(r"^ARG BASE=debian:bookworm-slim$", text, re.M)


# -- Kubernetes


def test_objects_are_valid(objects):
    is_valid(objects)


def test_proxy_container_is_confined(objects):
    for pod in pods(objects):
        security = proxy_of(pod)["securityContext"]
        assert security["runAsUser"] == 10001 and security["runAsNonRoot"]
        assert security["readOnlyRootFilesystem"] and security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert {"requests", "limits"} <= set(proxy_of(pod)["resources"])
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_probes_ask_the_probe_listener(objects, tmp_path):
    for pod in pods(objects):
        proxy = proxy_of(pod)
        port = effective(proxy, objects, tmp_path)["probe"].rsplit(":", 1)[1]
        assert {"name": "probe", "containerPort": int(port)} in proxy["ports"]
        paths = {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
        assert "livenessProbe" in proxy and {"startupProbe", "readinessProbe"} & set(proxy)
        for name, path in paths.items():
            assert proxy.get(name, {"httpGet": {"path": path, "port": "probe"}})["httpGet"] == {
                "path": path, "port": "probe"}


def test_settings_fit_their_surroundings(objects, tmp_path):
    for pod in pods(objects):
        settings = effective(proxy_of(pod), objects, tmp_path)
        spool = next(one for one in pod["volumes"] if one["name"].endswith("spool"))
        assert mebibytes(settings["spool_max"]) < mebibytes(spool["emptyDir"]["sizeLimit"])
        assert {"name": spool["name"], "mountPath": settings["spool_dir"]} in proxy_of(pod)["volumeMounts"]
        patience = pod.get("terminationGracePeriodSeconds", 30)
        assert seconds(settings["pre_stop_wait"]) + seconds(settings["drain_timeout"]) < patience


def test_sidecars_start_first_and_clients_find_them(objects):
    for pod in pods(objects):
        for container in pod.get("initContainers", []):
            assert container["restartPolicy"] == "Always"
            for client in pod["containers"]:
                env = variables(client)
                assert env["http_proxy"] == env["HTTP_PROXY"] == "http://127.0.0.1:8080"
                assert {"127.0.0.1", "localhost", "169.254.169.254", "169.254.170.2",
                        "169.254.170.23"} <= set(env["NO_PROXY"].split(","))


def test_credentials_reach_the_proxy_alone(objects):
    for one in objects:
        if one["kind"] in ("Deployment", "Job") and "initContainers" in one["spec"]["template"]["spec"]:
            names = one["spec"]["template"]["metadata"]["annotations"]["eks.amazonaws.com/skip-containers"]
            containers = one["spec"]["template"]["spec"]["containers"]
            assert names.split(",") == [container["name"] for container in containers]


@pytest.mark.parametrize("where", ["manifest", "chart"])
def test_shared_proxy_scales_and_is_guarded(where, tmp_path):
    objects = load(DOCKER / "kubernetes/shared.yaml") if where == "manifest" else render(tmp_path, VALUES)
    deployment = next(one for one in objects if one["kind"] == "Deployment"
                      and proxy_of(one["spec"]["template"]["spec"]) in
                      one["spec"]["template"]["spec"]["containers"])
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    assert of_kind(objects, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] == \
        deployment["metadata"]["name"] and "replicas" not in deployment["spec"]
    for kind, path in (("Service", ()), ("PodDisruptionBudget", ("matchLabels",)),
                       ("NetworkPolicy", ("matchLabels",))):
        spec = of_kind(objects, kind)["spec"]
        selected = spec.get("selector", spec.get("podSelector"))
        for step in path:
            selected = selected[step]
        assert selected and selected.items() <= labels, kind
    settings = effective(proxy_of(deployment["spec"]["template"]["spec"]), objects, tmp_path)
    assert settings["listen"] == "0.0.0.0:8080" and settings["proxy_auth_file"]
    assert settings["admin"].startswith("127.0.0.1:") and seconds(settings["pre_stop_wait"]) > 0
    policy = of_kind(objects, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert all(rule["from"] for rule in policy["ingress"])


def test_proxy_does_not_start_with_the_token_of_the_example(tmp_path):
    objects = load(DOCKER / "kubernetes/shared.yaml")
    pod = pods(objects)[0]
    effective(proxy_of(pod), objects, tmp_path)  # leaves the files
    result = harness.run_binary("run", "--config", str(tmp_path / "sigv4-proxy.conf"), "--listen",
                                f"127.0.0.1:{harness.free_port()}", "--admin", "off", "--probe", "off",
                                folder=tmp_path)
    assert result.returncode == 1 and "proxy-tokens" in result.stderr


def test_job_uses_exactly_what_it_says(aws, start_proxy):
    """The job's own command, through a proxy like its sidecar."""
    pod = pods(load(DOCKER / "kubernetes/job.yaml"))[0]
    command = pod["containers"][0]["command"]
    proxy = start_proxy(aws)
    result = subprocess.run([word.replace("my-bucket", "bucket") for word in command],
                            env={"PATH": os.environ["PATH"]} | proxy.variables(), capture_output=True,
                            text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert aws.requests[-1].method == "PUT" and aws.requests[-1].verdict.region == "eu-west-1"


def test_chart_is_sound(tmp_path):
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump(VALUES))
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART), "--values", str(path))


@pytest.mark.parametrize("values, said", [
    ({}, "shared.tokens"),
    ({"shared": {"tokens": {"a": "short"}}}, "tokens"),
    ({"shared": {"existingSecret": "mine"}, "applications": [{"name": "a"}]}, "image"),
    ({"unknown": 1}, "unknown")], ids=["no tokens", "short token", "no image", "unknown value"])
def test_chart_refuses_what_is_wrong(tmp_path, values, said):
    path = tmp_path / "values.yaml"
    path.write_text(yaml.safe_dump(values))
    assert said in helm("template", "rel", str(CHART), "--kube-version", "1.31.0", "--values", str(path),
                        code=1)


def test_chart_can_be_a_sidecar_alone(tmp_path):
    objects = render(tmp_path, VALUES | {"shared": {"enabled": False}})
    assert sorted(one["kind"] for one in objects) == ["Deployment", "Job", "ServiceAccount"]
    is_valid(objects)


def test_chart_takes_a_secret_of_ones_own(tmp_path):
    objects = render(tmp_path, {"shared": {"existingSecret": "mine"}})
    assert not of_kind(objects, "Secret")
    volumes = pods(objects)[0]["volumes"]
    assert any(one.get("secret", {}).get("secretName") == "mine" for one in volumes)


# -- ECS


def unknown(value, shape, path):
    """What botocore's own validation lets pass: members and words that the model does not have."""
    if shape.type_name == "structure":
        for key, inner in value.items():
            if key not in shape.members:
                yield f"{path}.{key}"
            else:
                yield from unknown(inner, shape.members[key], f"{path}.{key}")
    elif shape.type_name == "list":
        for inner in value:
            yield from unknown(inner, shape.member, path)
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        yield f"{path}={value}"


@pytest.fixture(scope="module")
def task():
    return json.loads((DOCKER / "ecs/task-definition.json").read_text())


def test_task_definition_is_valid(task):
    shape = get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape
    report = ParamValidator().validate(task, shape)
    assert not report.has_errors(), report.generate_report()
    assert list(unknown(task, shape, "task")) == []


def test_task_uses_its_role_through_a_confined_sidecar(task, tmp_path):
    proxy, app = task["containerDefinitions"]
    assert task["taskRoleArn"] != task["executionRoleArn"]
    assert proxy["readonlyRootFilesystem"] and proxy["user"] == "10001:10001"
    assert proxy["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
    assert proxy["healthCheck"]["command"][0] == "CMD"
    assert app["dependsOn"] == [{"containerName": "sigv4-proxy", "condition": "HEALTHY"}]
    env = variables(app)
    assert env["http_proxy"] == env["HTTP_PROXY"] == "http://127.0.0.1:8080"
    assert {"169.254.169.254", "169.254.170.2"} <= set(env["NO_PROXY"].split(","))
    result = harness.run_binary("check-config", env=variables(proxy), folder=tmp_path)
    settings = dict(re.findall(r"^(\w+) = (.*?)(?:\s+#.*)?$", result.stdout, re.M))
    assert settings["spool_dir"] == proxy["mountPoints"][0]["containerPath"]
    assert seconds(settings["drain_timeout"]) < proxy["stopTimeout"]


# -- compose


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())["services"]


def test_compose_confines_the_proxy(compose):
    proxy = compose["proxy"]
    assert proxy["read_only"] and proxy["cap_drop"] == ["ALL"]
    assert proxy["build"] == {"context": "..", "dockerfile": "docker/Dockerfile"}
    assert (DOCKER / proxy["volumes"][0].split(":")[0]).is_file()


@pytest.fixture(params=["the stand-in", "MinIO"])
def s3(request, compose, tmp_path):
    """host:port of an S3 server with compose's keys."""
    keys = compose["minio"]["environment"]
    if request.param == "the stand-in":
        identity = Identity(keys["MINIO_ROOT_USER"], keys["MINIO_ROOT_PASSWORD"])
        with FakeAws([identity], buckets=[]) as server:
            yield f"127.0.0.1:{server.port}"
        return
    if not shutil.which("minio"):
        pytest.skip("minio is not installed")
    port = harness.free_port()
    with open(tmp_path / "minio.log", "wb") as log:
        server = subprocess.Popen(
            ["minio", *compose["minio"]["command"][:1], str(tmp_path / "data"), "--address",
             f"127.0.0.1:{port}"], env=harness.base_environment(tmp_path) | keys, stdout=log, stderr=log)
    try:
        harness.wait_until(lambda: b"API:" in (tmp_path / "minio.log").read_bytes(), 30, "MinIO")
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def test_demo_of_compose_does_what_it_says(compose, s3, start_proxy):
    """The client's own script; only the names of the other containers are replaced."""
    conf = (DOCKER / "compose.conf").read_text().replace("minio:9000", s3)
    conf = re.sub(r"^(\[proxy\]|listen = .*)\n", "", conf, flags=re.M)
    keys = {name: compose["proxy"]["environment"][name]
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    proxy = start_proxy(None, conf, identity=None, env=keys)
    client = compose["client"]
    script = client["command"][0].replace("$$", "$").replace("minio:9000", s3)
    env = {name: value.replace("proxy:8080", f"127.0.0.1:{proxy.port}")
           for name, value in client["environment"].items()}
    result = subprocess.run([*client["entrypoint"], script], env={"PATH": os.environ["PATH"]} | env,
                            capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, (shlex.join(client["entrypoint"]), result.stdout, result.stderr)
    assert "hello from a tool that knows no AWS" in result.stdout
