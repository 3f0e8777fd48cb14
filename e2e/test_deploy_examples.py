"""What examples/deploy and the Dockerfile promise, as far as it can be held without AWS and without Docker: the linters
have nothing to say, the program knows what it is told to run with, and docs/iam.md explains each permission."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import botocore.session
import pytest
from botocore.validate import ParamValidator
from cfnlint.decode import decode
from conftest import PROJECT
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

DEPLOY = PROJECT / "examples/deploy"
TEMPLATES = sorted(DEPLOY.glob("*.yaml"))
SIDECAR = DEPLOY / "sidecar-task-definition.json"
IAM = (PROJECT / "docs/iam.md").read_text()


def tool(name, *arguments, **options):
    """Runs a program of this Python's environment, or of the project."""
    program = Path(sys.executable).with_name(name) if isinstance(name, str) else name
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, **options)


def template(path):
    """A template as plain data: short forms (`!Ref`) become long ones."""
    decoded, problems = decode(str(path))
    assert decoded is not None, problems
    return json.loads(json.dumps(decoded))


def translated(path):
    """What the SAM transform makes of a template."""

    class Session:
        region_name = "eu-west-1"

    before = template(path)
    # `sam package` puts the zip there.
    before["Resources"]["Function"]["Properties"]["CodeUri"] = "s3://bucket/ecspan-lambda.zip"
    return Translator({}, Parser(), boto_session=Session()).translate(sam_template=before, parameter_values={})


def resources(path, kind):
    return [one["Properties"] for one in template(path)["Resources"].values() if one["Type"] == kind]


def found(value, key):
    """Everything that stands under this key, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from found(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from found(inner, key)


def actions(value):
    # A log group's policy is text.
    texts = [inner["Fn::Sub"] for inner in found(value, "PolicyDocument") if "Fn::Sub" in inner]
    value = [value, *map(json.loads, texts)]
    listed = [one if isinstance(one, list) else [one] for one in found(value, "Action")]
    return {action for one in listed for action in one} - {"sts:AssumeRole"}


def policies_in_docs():
    """heading -> the policy under it."""
    sections = re.split(r"^## ", IAM, flags=re.M)[1:]
    blocks = ((section.splitlines()[0], re.findall(r"```json\n(.*?)```", section, re.S)) for section in sections)
    return {heading: json.loads(policy) for heading, all_of_it in blocks for policy in all_of_it}


def lint(path):
    run = tool("cfn-lint", path)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_the_templates_are_the_documented_ones():
    assert [path.name for path in TEMPLATES] == ["agent-daemon.yaml", "history.yaml", "lambda.yaml", "workers.yaml"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_cfn_lint_has_nothing_to_say(path):
    lint(path)


def test_nor_of_what_sam_makes_of_the_function(tmp_path):
    """cfn-lint itself looks less closely at SAM's resources than at what they become."""
    made = translated(DEPLOY / "lambda.yaml")
    kinds = [resource["Type"] for resource in made["Resources"].values()]
    assert {"AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping"} <= set(kinds)
    assert kinds.count("AWS::IAM::Role") == 1, "SAM's own role would allow more"
    (tmp_path / "lambda.json").write_text(json.dumps(made, indent=1))
    lint(tmp_path / "lambda.json")


@pytest.mark.parametrize("name", ["lambda.yaml", "workers.yaml"])
def test_queues_keep_what_was_not_exported(name):
    queue, dead = resources(DEPLOY / name, "AWS::SQS::Queue")
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 10
    # A message takes the time of its first sending along.
    assert dead["MessageRetentionPeriod"] == 14 * 86_400 > queue["MessageRetentionPeriod"]
    # Log lines settle: ECSPAN_LOGS_SETTLE and --logs-settle are 60 s.
    assert queue["DelaySeconds"] == 60
    assert queue["SqsManagedSseEnabled"] is dead["SqsManagedSseEnabled"] is True


def test_a_batch_comes_back_after_lambda_has_given_up():
    queue, _ = resources(DEPLOY / "lambda.yaml", "AWS::SQS::Queue")
    (function,) = resources(DEPLOY / "lambda.yaml", "AWS::Serverless::Function")
    assert queue["VisibilityTimeout"] == 6 * function["Timeout"]


@pytest.mark.parametrize("name", ["lambda.yaml", "workers.yaml"])
def test_only_the_rule_sends(name):
    (policy,) = resources(DEPLOY / name, "AWS::SQS::QueuePolicy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["TaskEvents", "Arn"]}}}


@pytest.mark.parametrize("path", [path for path in TEMPLATES if path.name != "history.yaml"], ids=lambda path: path.name)
def test_no_template_holds_a_key(path):
    data = template(path)
    if path.name == "lambda.yaml":
        (headers,) = found(data, "OTEL_EXPORTER_OTLP_HEADERS")
        assert headers["Fn::If"][1] == {"Fn::Sub": "{{resolve:secretsmanager:${OtlpHeadersSecretArn}:SecretString}}"}
    else:
        assert "HEADERS" not in json.dumps(list(found(data, "Environment"))), "ECS takes them from `Secrets`"
        (secrets,) = found(data, "Secrets")
        assert secrets[0]["Fn::If"][1] == {"Name": "OTEL_EXPORTER_OTLP_HEADERS", "ValueFrom": {"Ref": "OtlpHeadersSecretArn"}}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_each_permission_is_explained(path):
    asked = actions(template(path))
    assert asked, "the template gives permissions"
    assert sorted(action for action in asked if f"`{action}`" not in IAM) == []


@pytest.mark.parametrize(
    ("heading", "name", "role"),
    [("Worker", "workers.yaml", "TaskRole"), ("Lambda", "lambda.yaml", "Role"), ("Execution role", "workers.yaml", "ExecutionRole")],
)
def test_policies_in_the_documentation_are_those_of_the_templates(heading, name, role):
    given = actions(template(DEPLOY / name)["Resources"][role])
    # These are on a condition in the template, and under a heading of their own or in a sentence in the documentation.
    optional = actions(policies_in_docs()["X-Ray"]) | actions(policies_in_docs()["Notifications"]) | {action for action in given if action.startswith("ec2:")}
    assert sorted(actions(policies_in_docs()[heading])) == sorted(given - optional)


def test_policies_in_the_documentation_are_valid(tmp_path):
    documented = policies_in_docs()
    assert len(documented) == 6
    made = {
        f"Policy{number}": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy}}
        for number, policy in enumerate(documented.values())
    }
    path = tmp_path / "policies.json"
    path.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": made}, indent=1))
    lint(path)


def test_the_task_definition_can_be_registered():
    model = botocore.session.get_session().get_service_model("ecs")
    definition = json.loads(SIDECAR.read_text())
    report = ParamValidator().validate(definition, model.operation_model("RegisterTaskDefinition").input_shape)
    assert not report.has_errors(), report.generate_report()


def test_the_sidecar_neither_delays_nor_stops_the_app():
    containers = {one["name"]: one for one in json.loads(SIDECAR.read_text())["containerDefinitions"]}
    sidecar = containers["ecspan"]
    assert sidecar["essential"] is False and containers["app"]["essential"] is True
    assert not any("dependsOn" in one for one in containers.values())
    assert sidecar["healthCheck"]["command"] == ["CMD", "/ecspan", "sidecar", "--health"], "there is no shell in the image"
    waits = int(re.fullmatch(r"(\d+)s", sidecar["command"][sidecar["command"].index("--stop-timeout") + 1])[1])
    assert 30 < waits < sidecar["stopTimeout"], "longer than an app may take by default, and then there is time to send"


def commands():
    """The command line of each container and health check that runs ecspan."""
    for name in ["workers.yaml", "agent-daemon.yaml"]:
        (definition,) = resources(DEPLOY / name, "AWS::ECS::TaskDefinition")
        yield definition["ContainerDefinitions"][0]["Command"]
    (sidecar,) = [one for one in json.loads(SIDECAR.read_text())["containerDefinitions"] if one["name"] == "ecspan"]
    yield sidecar["command"]
    yield sidecar["healthCheck"]["command"][2:]


@pytest.mark.parametrize("command", list(commands()), ids=lambda command: " ".join(filter(lambda one: isinstance(one, str), command)))
def test_the_program_knows_what_it_is_started_with(ecspan, command):
    run = ecspan(command[0], "--help")
    assert run.code == 0, run
    flags = [one for one in command if isinstance(one, str) and one.startswith("--")]
    assert [flag for flag in flags if not re.search(rf"{flag}\b", run.out)] == [], run


def test_the_program_knows_the_variables_of_the_function(ecspan):
    (function,) = resources(DEPLOY / "lambda.yaml", "AWS::Serverless::Function")
    names = {name for name in function["Environment"]["Variables"] if name.startswith("ECSPAN_")}
    # Those that a comment names, too.
    names |= set(re.findall(r"ECSPAN_[A-Z_]+", (DEPLOY / "lambda.yaml").read_text()))
    assert {"ECSPAN_TO", "ECSPAN_LOGS"} <= names
    run = ecspan("lambda", "--help")
    assert run.code == 0, run
    # The help is wrapped.
    told = " ".join(run.out.split())
    # A value that is a secret is not shown.
    assert sorted(name for name in names if f"[env: {name}=" not in told and f"[env: {name}]" not in told) == [], run


def test_workers_choose_among_tasks_as_the_function_does(ecspan):
    chosen = {"Services": "ECSPAN_SERVICE", "OnlyFailed": "ECSPAN_ONLY_FAILED", "SlowerThan": "ECSPAN_SLOWER_THAN"}
    workers, function = template(DEPLOY / "workers.yaml"), template(DEPLOY / "lambda.yaml")
    for parameter in [*chosen, "To"]:
        assert workers["Parameters"][parameter] == function["Parameters"][parameter]
    (definition,) = resources(DEPLOY / "workers.yaml", "AWS::ECS::TaskDefinition")
    variables = {one["Fn::If"][1]["Name"] for one in definition["ContainerDefinitions"][0]["Environment"]}
    assert variables == {"OTEL_EXPORTER_OTLP_ENDPOINT", "ECSPAN_NOTIFY", *chosen.values()}
    for name in ("HasServices", "HasSlowerThan", "IsOnlyFailed", "SendsToXRay"):
        assert workers["Conditions"][name] == function["Conditions"][name]
    told = " ".join(ecspan("worker", "--help").out.split())
    assert [name for name in chosen.values() if f"[env: {name}=" not in told] == []


def test_the_image_is_not_root():
    stages = re.split(r"^FROM ", (PROJECT / "Dockerfile").read_text(), flags=re.M)
    users = re.findall(r"^USER (\d+):(\d+)$", stages[-1], flags=re.M)
    assert stages[-1].startswith("scratch\n") and len(users) == 1
    assert all(int(one) > 0 for one in users[0]), "not root, and a number"
    assert '\nENTRYPOINT ["/ecspan"]\n' in stages[-1]


def test_hadolint_has_nothing_to_say():
    run = tool("hadolint", PROJECT / "Dockerfile")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_the_zip_holds_an_executable_bootstrap(tmp_path):
    binary = tmp_path / "ecspan"
    binary.write_bytes(b"#!/bin/sh\necho it runs\n")
    binary.chmod(0o700)
    made = []
    for name, seconds in [("one.zip", 1_000_000_000), ("two.zip", 1_700_000_000)]:
        os.utime(binary, (seconds, seconds))
        run = tool(DEPLOY / "lambda-zip.sh", binary, tmp_path / name)
        assert run.returncode == 0, run.stderr
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1], "the same binary makes the same bytes"
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        (entry,) = archive.infolist()
        assert entry.filename == "bootstrap" and archive.read(entry) == binary.read_bytes()
        assert entry.create_system == 3 and entry.external_attr >> 16 == 0o100755


def test_no_zip_of_what_cannot_run(tmp_path):
    (tmp_path / "text").write_text("not a program")
    run = tool(DEPLOY / "lambda-zip.sh", tmp_path / "text", tmp_path / "made.zip")
    assert run.returncode == 1 and "is not an executable file" in run.stderr
    assert not (tmp_path / "made.zip").exists()


def test_a_binary_that_needs_libraries_is_not_passed_off_as_static(tmp_path):
    """build-static.sh with a cargo that builds something else: this Python, which is linked dynamically."""
    stand_in = tmp_path / "bin/cargo"
    stand_in.parent.mkdir()
    python = Path(sys.executable).resolve()
    stand_in.write_text(
        '#!/bin/sh\nfor target; do :; done\nout="$CARGO_TARGET_DIR/$target/release"\n'
        f'mkdir -p "$out" && cp "{python}" "$out/ecspan"\n'
    )
    stand_in.chmod(0o755)
    environment = {**os.environ, "PATH": f"{stand_in.parent}:{os.environ['PATH']}", "CARGO_TARGET_DIR": str(tmp_path / "target")}
    run = tool(DEPLOY / "build-static.sh", env=environment)
    assert run.returncode == 1 and "is not static" in run.stderr and run.stdout == ""


def test_the_images_build_has_every_file_that_cargo_asks_for(tmp_path):
    """Cargo refuses a manifest that names a program whose file is not there."""
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    for pattern in (line[1:] for line in lines if line.startswith("!")):
        found = list(PROJECT.glob(pattern))
        assert found, f"{pattern} of .dockerignore is not there"
        for path in found:
            to = tmp_path / path.relative_to(PROJECT)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(path, to) if path.is_dir() else shutil.copy(path, to)
    # A program that nobody has: cargo looks for it once it has believed the manifest.
    run = subprocess.run(["cargo", "rustc", "--offline", "--locked", "--bin", "nobodys"], cwd=tmp_path, capture_output=True, text=True)
    assert "no bin target named `nobodys`" in run.stderr, run.stderr


def test_no_zip_of_a_binary_that_needs_libraries(tmp_path):
    run = tool(DEPLOY / "lambda-zip.sh", Path(sys.executable).resolve(), tmp_path / "made.zip")
    assert run.returncode == 1 and "is linked dynamically" in run.stderr
    assert not (tmp_path / "made.zip").exists()
