"""deploy/terraform: Terraform validates it against the real provider's schema, and what it plans is, property by property, what
the CloudFormation templates make. Nothing is applied."""

import json
import re

import pytest
from cloudformation import evaluated, plain
from terraform import BINDINGS, MODULE, PROVIDER, TERRAFORM, Terraform
from test_deploy_examples import DEPLOY, actions, policies_in_docs, template

pytestmark = pytest.mark.skipif(
    not (TERRAFORM and BINDINGS.exists() and PROVIDER.exists()), reason="skipped: terraform, or the provider's schema from npm, is not here (e2e/install.sh)"
)

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ecspan/otlp-headers-a1b2c3"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
ENDPOINT = "https://otlp.example.com"

#: What is asked of both, by each one's names: the defaults, and everything at once.
ALL = {
    "only_cluster": "prod", "services": ["web", "db"], "only_failed": True, "slower_than": "30s", "to": ["xray", "otlp"], "otlp_endpoint": ENDPOINT,
    "otlp_headers_secret": {"arn": SECRET}, "logs": "all", "log_groups": "/prod/*", "logs_rate": 5, "containers": "none", "deployments": False, "architecture": "arm64",
    "alarm_topic_arn": TOPIC, "notify_topic_arn": TOPIC, "subnet_ids": ["subnet-1", "subnet-2"], "security_group_ids": ["sg-1"],
}
ALL_PARAMETERS = {
    "OnlyCluster": "prod", "Services": "web,db", "OnlyFailed": "true", "SlowerThan": "30s", "To": "otlp,xray", "OtlpEndpoint": ENDPOINT,
    "OtlpHeadersSecretArn": SECRET, "Logs": "all", "LogGroups": "/prod/*", "LogsRate": 5, "Containers": "none", "Deployments": "off", "AlarmTopicArn": TOPIC, "NotifyTopicArn": TOPIC,
}
WORKER = {"run_on": "fargate", "cluster": "tools", "image": "ecspan:1", "subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]}
WORKER_PARAMETERS = {"Cluster": "tools", "Image": "ecspan:1", "Subnets": ["subnet-1"], "SecurityGroups": ["sg-1"]}
CASES = {
    "lambda": ("lambda.yaml", {"otlp_endpoint": ENDPOINT, "lambda_zip": "main.tf"}, {"OtlpEndpoint": ENDPOINT}),
    "lambda, to X-Ray, no logs": ("lambda.yaml", {"to": ["xray"], "logs": "none", "lambda_zip": "main.tf"}, {"To": "xray", "Logs": "none"}),
    "lambda, all": (
        "lambda.yaml", {**ALL, "lambda_zip": "main.tf", "maximum_concurrency": 7},
        {**ALL_PARAMETERS, "MaximumConcurrency": 7, "Architecture": "arm64", "SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]},
    ),
    "fargate": ("workers.yaml", {**WORKER, "otlp_endpoint": ENDPOINT}, {**WORKER_PARAMETERS, "OtlpEndpoint": ENDPOINT}),
    "fargate, all": (
        "workers.yaml", {**WORKER, **ALL, "assign_public_ip": True, "maximum_workers": 9},
        {**WORKER_PARAMETERS, **ALL_PARAMETERS, "Architecture": "ARM64", "Subnets": ["subnet-1", "subnet-2"], "AssignPublicIp": "ENABLED", "MaximumWorkers": 9},
    ),
}
#: The template's name of each resource, and the module's.
BOTH = {
    "TaskEvents": "aws_cloudwatch_event_rule.task_events", "Queue": "aws_sqs_queue.queue", "DeadLetters": "aws_sqs_queue.dead_letters",
    "QueuePolicy": 'aws_sqs_queue_policy.queue["queue"]', "LogGroup": "aws_cloudwatch_log_group.log",
    "DeadLettersAlarm": "aws_cloudwatch_metric_alarm.dead_letters", "LateAlarm": "aws_cloudwatch_metric_alarm.late",
    "Function": "aws_lambda_function.function", "Role": "aws_iam_role.function",
    "TaskRole": "aws_iam_role.task", "ExecutionRole": "aws_iam_role.execution", "TaskDefinition": "aws_ecs_task_definition.worker",
    "Service": "aws_ecs_service.workers", "ScalableTarget": "aws_appautoscaling_target.workers",
    "MoreWorkers": "aws_appautoscaling_policy.more", "FewerWorkers": "aws_appautoscaling_policy.fewer",
    "ManyMessages": "aws_cloudwatch_metric_alarm.many_messages", "FewMessages": "aws_cloudwatch_metric_alarm.few_messages",
}
#: In the module only as a part of another of the template's.
PARTS = {
    "aws_cloudwatch_event_target.queue", 'aws_sqs_queue_policy.queue["dead_letters"]', "aws_iam_role_policy.function", "aws_iam_role_policy.task",
    "aws_iam_role_policy.execution", "aws_lambda_event_source_mapping.tasks",
}


@pytest.fixture(scope="module")
def terraform(tmp_path_factory):
    return Terraform(tmp_path_factory.mktemp("terraform"))


@pytest.fixture(scope="module")
def module(terraform):
    return terraform.copy("module")


#: What `Ref` is of each, where it is not the name.
REFERS = {"aws_sqs_queue": "url", "aws_ecs_task_definition": "arn", "aws_appautoscaling_policy": "arn", "aws_appautoscaling_target": "id"}


def referred(plan):
    """What a name in a template stands for: what the plan says of the same resource."""
    def refer(name, attribute):
        kind = BOTH[name].split(".")[0]
        return plan[BOTH[name]]["all"][{None: REFERS.get(kind, "name"), "Arn": "arn"}.get(attribute, "name")]

    return refer


# A plan, in the template's words.

RENAMED = {
    "visibility_timeout_seconds": "VisibilityTimeout", "receive_wait_time_seconds": "ReceiveMessageWaitTimeSeconds",
    "message_retention_seconds": "MessageRetentionPeriod", "step_adjustment": "StepAdjustments", "deployment_maximum_percent": "MaximumPercent",
    "deployment_minimum_healthy_percent": "MinimumHealthyPercent",
}
#: The template leaves these to CloudFormation.
NAMES = {"name", "function_name", "alarm_name", "rule"}
#: Blocks that there can be many of.
LISTS = {"step_adjustment"}


def capital(name):
    return RENAMED.get(name) or "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def words(value, key=""):
    """Names as CloudFormation writes them."""
    if isinstance(value, dict) and key not in ("variables", "dimensions", "options"):
        return {capital(name): words(one, name) for name, one in value.items()}
    return [words(one) for one in value] if isinstance(value, list) else value


def without_lists(value, key=""):
    """What is in a block, which is a list of one in a plan."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and key not in LISTS:
        value = value[0]
    return {name: without_lists(one, name) for name, one in value.items()} if isinstance(value, dict) else value


def in_words(plan):
    """What a plan makes, as the properties of the template's resources."""
    def of(address):
        return words({key: without_lists(one, key) for key, one in plan[address]["set"].items() if key not in NAMES})

    def document(address, key):
        return json.loads(plan[address]["set"][key])

    made = {name: of(address) for name, address in BOTH.items() if address in plan}
    for queue in ("Queue", "DeadLetters"):
        if "RedrivePolicy" in made[queue]:
            made[queue]["RedrivePolicy"] = json.loads(made[queue]["RedrivePolicy"])
    target = of("aws_cloudwatch_event_target.queue")
    made["TaskEvents"] |= {
        "EventPattern": document("aws_cloudwatch_event_rule.task_events", "event_pattern"),
        "Targets": [{"Id": target.pop("TargetId"), **target}],
    }
    policies = [document(f'aws_sqs_queue_policy.queue["{queue}"]', "policy") for queue in ("queue", "dead_letters")]
    [[statement], [other]] = [policy["Statement"] for policy in policies]
    assert {**statement, "Resource": other["Resource"]} == other
    both = {**policies[0], "Statement": [{**statement, "Resource": [statement["Resource"], other["Resource"]]}]}
    urls = [plan[f'aws_sqs_queue_policy.queue["{queue}"]']["set"]["queue_url"] for queue in ("queue", "dead_letters")]
    made["QueuePolicy"] = {"Queues": urls, "PolicyDocument": both}
    for name in ("Role", "TaskRole", "ExecutionRole"):
        if name in made:
            policy = BOTH[name].replace("aws_iam_role.", "aws_iam_role_policy.")
            assert plan[policy]["set"]["role"] == plan[BOTH[name]]["set"]["name"]
            made[name] = {
                "AssumeRolePolicyDocument": document(BOTH[name], "assume_role_policy"),
                "Policies": [{"PolicyName": plan[policy]["set"]["name"], "PolicyDocument": document(policy, "policy")}],
            }
    for name in ("DeadLettersAlarm", "LateAlarm", "ManyMessages", "FewMessages"):
        if name in made:
            made[name]["Dimensions"] = [{"Name": key, "Value": value} for key, value in made[name]["Dimensions"].items()]
    if "Function" in made:
        mapping = of("aws_lambda_event_source_mapping.tasks")
        made["Function"] |= {"Events": {"Tasks": {"Type": "SQS", "Properties": {"Queue": mapping.pop("EventSourceArn"), **mapping}}}}
        for key in ("Filename", "SourceCodeHash"):
            del made["Function"][key]
        assert made["Function"]["LoggingConfig"].pop("LogFormat") == "Text", "what the template leaves to Lambda"
    if "Service" in made:
        service = made["Service"]
        assert service.pop("DesiredCount") == 1
        service["DeploymentConfiguration"] = {key: service.pop(key) for key in ("DeploymentCircuitBreaker", "MinimumHealthyPercent", "MaximumPercent")}
        network = service["NetworkConfiguration"]
        service["NetworkConfiguration"] = {"AwsvpcConfiguration": {**network, "AssignPublicIp": "ENABLED" if network["AssignPublicIp"] else "DISABLED"}}
        made["TaskDefinition"]["ContainerDefinitions"] = words(document(BOTH["TaskDefinition"], "container_definitions"))
        target = made["ScalableTarget"]
        for policy in ("MoreWorkers", "FewerWorkers"):
            assert {key: made[policy].pop(key) for key in ("ServiceNamespace", "ScalableDimension", "ResourceId")}.items() <= target.items()
    return made


#: Said in one only, each for its reason.
OWN = {
    "Function": {"CodeUri"},  # a file of the one who deploys, in both
    "MoreWorkers": {"PolicyName", "ScalingTargetId"}, "FewerWorkers": {"PolicyName", "ScalingTargetId"},  # names; compared above
}


@pytest.mark.parametrize("case", CASES)
def test_it_plans_what_the_template_makes(terraform, module, case):
    file, variables, parameters = CASES[case]
    plan = terraform.plan(module, variables)
    assert isinstance(plan, dict), plan
    planned, made = in_words(plan), evaluated(template(DEPLOY / file), parameters, referred(plan))
    assert sorted(planned) == sorted(made)
    known = {*BOTH.values(), *PARTS}
    assert {address for address in plan if not address.startswith("data.")} <= known, "each of the module's is compared"
    for name, one in made.items():
        one = {key: value for key, value in one.items() if key not in OWN.get(name, ())}
        if name == "Function" and "OTEL_EXPORTER_OTLP_HEADERS" in one["Environment"]["Variables"]:
            assert one["Environment"]["Variables"].pop("OTEL_EXPORTER_OTLP_HEADERS").startswith("{{resolve:secretsmanager:")
            assert planned[name]["Environment"]["Variables"].pop("OTEL_EXPORTER_OTLP_HEADERS") == "api-key=not-a-key"
        assert plain(planned[name]) == plain(one), name


@pytest.mark.parametrize(
    ("heading", "case", "address"),
    [
        ("Worker", "fargate", "aws_iam_role_policy.task"), ("Lambda", "lambda", "aws_iam_role_policy.function"),
        ("Execution role", "fargate, all", "aws_iam_role_policy.execution"),
    ],
)
def test_its_permissions_are_the_documented_ones(terraform, module, heading, case, address):
    plan = terraform.plan(module, CASES[case][1])
    assert actions(json.loads(plan[address]["set"]["policy"])) == actions(policies_in_docs()[heading])


def test_it_is_formatted(terraform):
    run = terraform("fmt", "-check", "-diff", "-recursive", "-no-color", cwd=MODULE)
    assert run.returncode == 0, run.stdout + run.stderr


def errors(terraform, folder):
    run = terraform("validate", "-json", cwd=folder)
    told = json.loads(run.stdout)
    assert told["warning_count"] == 0 or not told["valid"], told
    return [f'{one["summary"]}: {one["detail"]}' for one in told["diagnostics"]]


@pytest.mark.parametrize("name", ["", "examples/lambda", "examples/fargate"])
def test_terraform_finds_nothing_wrong(terraform, module, name):
    assert errors(terraform, terraform.ready(module / name)) == []


@pytest.mark.parametrize(
    ("wrong", "file", "change", "told"),
    [
        ("an argument that is not there", "main", ("delay_seconds = 60", "delay_secs = 60"), 'An argument named "delay_secs" is not expected here.'),
        ("one that only another resource has", "lambda", ("  memory_size   = 256\n", "  memory   = 256\n"), 'An argument named "memory" is not expected here.'),
        ("a block where an argument is", "lambda", ("logging_config {", "logging {"), 'Blocks of type "logging" are not expected here.'),
        ("one in a block", "fargate", ("scaling_adjustment          = 1", "scaling_adjustments         = 1"), 'An argument named "scaling_adjustments" is not expected here.'),
        ("a type", "main", ("period              = 300", 'period              = "five minutes"'), 'Inappropriate value for attribute "period": a number is required.'),
        ("one that is needed", "main", ('  comparison_operator = "GreaterThanThreshold"\n', ""), 'The argument "comparison_operator" is required, but no definition was found.'),
        ("an attribute that it does not have", "outputs", ("aws_sqs_queue.queue.url", "aws_sqs_queue.queue.address"), 'no argument, nested block, or exported attribute named "address".'),
        ("one that is only told", "main", ('name        = var.name', 'arn         = var.name'), "Can't configure a value for \"arn\""),
        ("a resource", "main", ('"aws_sqs_queue" "dead_letters"', '"aws_sqs_queues" "dead_letters"'), 'does not support resource type "aws_sqs_queues"'),
    ],
)
def test_what_is_wrong_is_found(terraform, wrong, file, change, told):
    folder = terraform.copy(re.sub(r"\W", "-", wrong), **{file: change})
    found = errors(terraform, folder)
    assert any(told in one for one in found), found


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"lambda_zip": "main.tf"}, "otlp_endpoint is needed"),
        ({"otlp_endpoint": ENDPOINT}, "lambda_zip is needed"),
        ({"otlp_endpoint": ENDPOINT, "run_on": "ec2"}, "run_on is lambda or fargate"),
        ({"otlp_endpoint": ENDPOINT, "to": ["jaeger"]}, "to has otlp, xray, or both"),
        ({"otlp_endpoint": ENDPOINT, "slower_than": "30 seconds"}, "slower_than is a number with"),
        ({**WORKER, "otlp_endpoint": ENDPOINT, "image": None}, "image is needed"),
        ({**WORKER, "otlp_endpoint": ENDPOINT, "subnet_ids": []}, "cluster, subnet_ids and security_group_ids are needed"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_cannot_be_meant_is_refused_before_anything_is_made(terraform, module, variables, told):
    plan = terraform.plan(module, variables)
    assert isinstance(plan, str) and told in re.sub(r"\s+", " ", plan), plan


@pytest.mark.parametrize("run_on", ["lambda", "fargate"])
def test_what_is_known_at_apply_only_can_be_given(terraform, run_on):
    """As of a secret, a topic or subnets that the same configuration makes."""
    folder = terraform.folder / f"later-{run_on}"
    folder.mkdir()
    (folder / "main.tf").write_text(f"""
resource "terraform_data" "later" {{}}

module "ecspan" {{
  source              = "{MODULE}"
  run_on              = "{run_on}"
  lambda_zip          = "main.tf"
  otlp_endpoint       = terraform_data.later.id
  otlp_headers_secret = {{ arn = terraform_data.later.id }}
  alarm_topic_arn     = terraform_data.later.id
  only_cluster        = terraform_data.later.id
  services            = [terraform_data.later.id]
  cluster             = terraform_data.later.id
  image               = terraform_data.later.id
  subnet_ids          = [terraform_data.later.id]
  security_group_ids  = terraform_data.later.*.id
}}
""")
    run = terraform("plan", "-input=false", "-no-color", cwd=terraform.ready(folder))
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_readme_has_each_variable_and_output():
    readme = (MODULE / "README.md").read_text()
    assert readme == documented(readme), "make it anew: python e2e/test_terraform.py"


def declared(kind):
    """Each variable or output: name, type, default and description, in alphabetical order."""
    text = "".join((MODULE / f"{file}.tf").read_text() for file in ("variables", "outputs"))
    found = {}
    for name, body in re.findall(rf'^{kind} "(\w+)" {{\n(.*?)^}}', text, re.M | re.S):
        of = dict(re.findall(r"^  (type|default|description|value) += (.*)$", body, re.M))
        found[name] = {**of, "description": json.loads(of["description"])}
    return dict(sorted(found.items()))


def documented(readme):
    """The page with its two tables as terraform-docs would write them."""
    inputs = "".join(
        f"| {name} | {one['description']} | `{one['type']}` | {'`' + one['default'] + '`' if 'default' in one else 'n/a'} | {'no' if 'default' in one else 'yes'} |\n"
        for name, one in declared("variable").items()
    )
    outputs = "".join(f"| {name} | {one['description']} |\n" for name, one in declared("output").items())
    tables = f"## Inputs\n\n| name | description | type | default | required |\n|---|---|---|---|---|\n{inputs}\n## Outputs\n\n| name | description |\n|---|---|\n{outputs}"
    before, after = readme.split("<!-- BEGIN_TF_DOCS -->\n")[0], readme.split("<!-- END_TF_DOCS -->")[1]
    return f"{before}<!-- BEGIN_TF_DOCS -->\n{tables}<!-- END_TF_DOCS -->{after}"


if __name__ == "__main__":
    page = MODULE / "README.md"
    page.write_text(documented(page.read_text()))
