"""deploy/cdk: the compiler takes it and finds mistakes, and what it synthesises has the templates' resources, property by property."""

import json
import os
import re
import shutil
import subprocess

import pytest
from cloudformation import evaluated, plain
from conftest import PROJECT
from servers import CACHE
from test_deploy_examples import DEPLOY, template
from test_terraform import CASES

CDK = CACHE / "cdk"
pytestmark = pytest.mark.skipif(not CDK.exists(), reason="skipped: the AWS CDK from npm is not here (e2e/install.sh)")

MISTAKES = {
    "a name": 'new EcspanLambda(stack, "E", { zip: "z", otlpEndpont: "https://otlp.example.com" });',
    "what is needed": 'new EcspanLambda(stack, "E", { otlpEndpoint: "https://otlp.example.com" });',
    "a value": 'new EcspanLambda(stack, "E", { zip: "z", logs: "sometimes" });',
    "a type": 'new EcspanWorkers(stack, "E", { cluster: "c", image: "i", subnets: "subnet-1", securityGroups: [] });',
    "the other's": 'new EcspanWorkers(stack, "E", { cluster: "c", image: "i", subnets: [], securityGroups: [], maximumConcurrency: 2 });',
}


def synth(folder, cases):
    """Runs synth.cjs on these [construct, properties]."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "NODE_PATH": str(CDK / "node_modules")}
    return subprocess.run(["node", PROJECT / "e2e/synth.cjs", folder], env=environment, input=json.dumps(cases), capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The compiled constructs in a copy of the project's folders, and what the compiler said of them and of the mistakes."""
    root = tmp_path_factory.mktemp("cdk")
    shutil.copytree(DEPLOY, root / "examples/deploy")
    folder = shutil.copytree(PROJECT / "deploy/cdk", root / "deploy/cdk", ignore=shutil.ignore_patterns("node_modules", "*.js", "*.d.ts"))
    (folder / "node_modules").symlink_to(CDK / "node_modules")
    for number, text in enumerate(MISTAKES.values()):
        begin = 'import { Stack } from "aws-cdk-lib";\nimport { EcspanLambda, EcspanWorkers } from "../lib";\nconst stack = new Stack();\n'
        (folder / f"examples/mistake{number}.ts").write_text(f"{begin}{text}\nexport const used = [EcspanLambda, EcspanWorkers];\n")
    run = subprocess.run([folder / "node_modules/.bin/tsc", "--pretty", "false"], cwd=folder, capture_output=True, text=True, timeout=300)
    (root / "a.zip").write_bytes(b"not a zip")
    return folder, run.stdout + run.stderr


def test_the_compiler_finds_the_mistakes_and_nothing_else(built):
    told = re.findall(r"^(\S+?)\(\d+,\d+\): error", built[1], re.M)
    assert sorted(told) == [f"examples/mistake{number}.ts" for number in range(len(MISTAKES))], built[1]
    assert "'otlpEndpont' does not exist" in built[1] and "'\"sometimes\"' is not assignable" in built[1]


#: Properties that are not what the template's parameters are.
OTHERWISE = {
    "services": lambda text: text.split(","), "to": lambda text: text.split(","), "onlyFailed": "true".__eq__, "deployments": "on".__eq__, "assignPublicIp": "ENABLED".__eq__,
}


def construct(name, zip):
    """A case of Terraform's: the construct and its properties."""
    file, _, parameters = CASES[name]
    named = {key[0].lower() + key[1:]: value for key, value in parameters.items()}
    given = {key: OTHERWISE.get(key, lambda same: same)(value) for key, value in named.items()}
    return ["EcspanLambda", {**given, "zip": str(zip)}] if file == "lambda.yaml" else ["EcspanWorkers", given]


@pytest.fixture(scope="module")
def synthesised(built):
    folder, _ = built
    run = synth(folder, [construct(name, folder.parents[1] / "a.zip") for name in CASES])
    assert run.returncode == 0, run.stderr[-3000:]
    # Names are prefixed, so that they are the construct's own.
    named = re.sub(r"EcspanTemplate(?:Conditions|Rules)?(\w+?)[0-9A-F]{8}\b", r"\1", run.stdout)
    return dict(zip(CASES, json.loads(named)))


@pytest.mark.parametrize("case", CASES)
def test_the_resources_are_the_templates(synthesised, case):
    file, _, parameters = CASES[case]
    own, document = template(DEPLOY / file), synthesised[case]
    assert {name: one["Type"] for name, one in document["Resources"].items()} == {name: one["Type"] for name, one in own["Resources"].items()}
    refer = lambda name, attribute: f"<{name}.{attribute}>"
    made, meant = evaluated(document, {}, refer), evaluated(own, parameters, refer)
    if "Function" in made:
        assert made["Function"].pop("CodeUri")["Key"].endswith(".zip")
        del meant["Function"]["CodeUri"]
    assert plain(made) == plain(meant)


def refers(value):
    """All that `Ref` and `Fn::GetAtt` name."""
    if isinstance(value, dict):
        return {str(value[key]) for key in ("Ref", "Fn::GetAtt") if key in value}.union(*map(refers, value.values()))
    return set().union(*map(refers, value)) if isinstance(value, list) else set()


def test_what_is_known_at_deploy_only_is_in_no_condition(built):
    """CloudFormation takes no resource in conditions and rules."""
    folder, _ = built
    properties = {
        "zip": str(folder.parents[1] / "a.zip"), "otlpEndpoint": "ref:Endpoint", "otlpHeadersSecretArn": "ref:Secret", "alarmTopicArn": "ref:Topic", "notifyTopicArn": "ref:Failures",
        "onlyCluster": "ref:Cluster", "services": ["ref:Service"], "subnetIds": ["ref:Subnet"], "securityGroupIds": ["ref:Group"],
    }
    run = synth(folder, [["EcspanLambda", properties]])
    assert run.returncode == 0, run.stderr[-3000:]
    [document] = json.loads(run.stdout)
    assert {"Endpoint", "Secret", "Topic", "Failures", "Cluster", "Service", "Subnet", "Group"} <= refers(document["Resources"])
    assert refers([document["Conditions"], document.get("Rules")]) <= set(document["Parameters"])


@pytest.mark.parametrize(
    ("properties", "told"), [({"zip": "z"}, "otlpEndpoint is needed"), ({"zip": "z", "to": []}, "otlp, xray, or both")], ids=["no endpoint", "no destination"]
)
def test_what_cannot_be_meant_is_refused(built, properties, told):
    run = synth(built[0], [["EcspanLambda", properties]])
    assert run.returncode != 0 and told in run.stderr
