"""Every command of docs/history.md runs as it stands there, against the loopback AWS; and the recipe keeps what ecspan then looks for."""

import json
import re
import subprocess
import sys

import boto3
import moto.logs.models as logs_models
import pytest
from conftest import PROJECT
from fake_aws.history import CAPTURED, detail, event
from fake_aws.seed import ACCOUNT
from moto.events.models import EventPattern
from test_history import ago, many, stopped

PAGE = (PROJECT / "docs/history.md").read_text()
BLOCKS = re.findall(r"```(?:sh|console)\n(.*?)```", PAGE, re.S)
RECIPE = next(block for block in BLOCKS if "put-rule" in block)
COMMANDS = [line.split(" #")[0].removeprefix("$ ").strip() for block in BLOCKS for line in block.splitlines() if line.removeprefix("$ ").startswith("ecspan ")]

#: The AWS CLI as far as the recipe goes: flags are the operation's own members, by botocore's models.
AWS = """#!{python}
import json, os, sys
import boto3, jmespath

service, command, *rest = sys.argv[1:]
assert len(rest) % 2 == 0, rest
flags = dict(zip(rest[::2], rest[1::2]))
query, output = flags.pop("--query", "@"), flags.pop("--output", "json")
client = boto3.client(service)
method = command.replace("-", "_")
members = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method]).input_shape.members
by_flag = {{"--" + "".join("-" + c.lower() if c.isupper() else c for c in name).lstrip("-"): name for name in members}}


def value(shape, text):
    if shape.type_name == "list":
        return [dict(part.split("=", 1) for part in text.split(","))]
    return int(text) if shape.type_name in ("integer", "long") else text


given = {{by_flag[flag]: value(members[by_flag[flag]], text) for flag, text in flags.items()}}
answer = getattr(client, method)(**given)
answer.pop("ResponseMetadata")
found = jmespath.search(query, answer)
print(found if output == "text" else json.dumps(found, default=str))
"""


@pytest.fixture
def shell(ecspan, tmp_path):
    """Runs text of the page in a shell that has such an `aws`."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/aws"
    program.write_text(AWS.format(python=sys.executable))
    program.chmod(0o755)

    def run(text, region):
        environment = {**ecspan.environment, "PATH": f"{tmp_path / 'bin'}:{ecspan.environment['PATH']}", "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        return subprocess.run(["bash", "-euo", "pipefail", "-c", text], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    return run


def test_the_recipe_keeps_the_events_of_the_cluster_where_ecspan_looks_for_them(aws, shell):
    region, cluster = re.search(r"\bregion=(\S+) cluster=(\S+)", RECIPE).groups()
    done = shell(RECIPE, region)
    assert done.returncode == 0, done
    client = lambda service: boto3.client(service, region_name=region, endpoint_url=aws.url)
    # The loopback AWS of history lists its own groups alone; this one is moto's.
    group = logs_models.logs_backends[ACCOUNT][region].groups[CAPTURED.format(cluster)]
    assert group.retention_in_days in (30, "30")
    [policy] = client("logs").describe_resource_policies()["resourcePolicies"]
    [statement] = json.loads(policy["policyDocument"])["Statement"]
    arn = f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{group.name}"
    assert statement["Resource"] == arn + ":*" and "events.amazonaws.com" in statement["Principal"]["Service"]
    rule = client("events").describe_rule(Name=f"ecs-history-{cluster}")
    [target] = client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert target["Arn"] == arn
    wanted = json.loads(rule["EventPattern"])
    # moto does not know `$or`.
    fits = lambda one: any(EventPattern(wanted, {"source": wanted["source"], **way}).matches_event(one) for way in wanted["$or"])
    task = stopped(aws, created=ago(hours=2), streams=False)
    own = json.loads(json.dumps(event(detail(task), ago(hours=1))).replace("ap-northeast-1", region))
    assert fits(own)
    assert not fits(json.loads(json.dumps(own).replace("cluster/prod", "cluster/other")))
    of_service = {**own, "detail-type": "ECS Deployment State Change", "resources": [f"arn:aws:ecs:{region}:{ACCOUNT}:service/prod/web"], "detail": {"eventName": "SERVICE_DEPLOYMENT_COMPLETED"}}
    assert fits(of_service) and not fits({**of_service, "resources": [f"arn:aws:ecs:{region}:{ACCOUNT}:service/other/web"]})


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_ecspans_runs(ecspan, aws, command):
    aws.has_service_deployments()
    aws.rollouts.rolled_back(2, at=ago(days=2), new_api=True)
    tasks = many(aws, 4, started_by="ecs-svc/1")
    _, *arguments = command.split()
    # The page has the first characters of some id.
    arguments = [f"prod/{tasks[0].id[:8]}" if "…" in one else one for one in arguments]
    to = ["--to", "file:spans"] if arguments[0] == "export" else ["--no-logs"] if arguments[0] == "show" else []
    run = ecspan(*arguments, *to)
    assert run.code in ((0, 10) if arguments[0] == "deploy" else (0,)) and "error: " not in run.err, run


def test_there_are_such_commands():
    assert {command.split()[1] for command in COMMANDS} == {"show", "ls", "export", "stats", "deploy"}


def test_what_the_commands_for_files_save_is_read(ecspan, aws, shell, tmp_path):
    """`aws logs filter-log-events`, and a query with its results."""
    tasks = many(aws, 3)
    group = CAPTURED.format("prod")
    done = shell(f"aws logs filter-log-events --log-group-name {group} --filter-pattern '\"{tasks[0].id}\"' > page.json; "
                 f"id=$(aws logs start-query --log-group-name {group} --start-time 0 --end-time 4000000000 --query-string "
                 "'fields @timestamp, @message | filter @message like \"stoppedAt\" | limit 100' --query queryId --output text); "
                 "until aws logs get-query-results --query-id \"$id\" | tee rows.json | grep -q Complete; do sleep 0.2; done", "ap-northeast-1")
    assert done.returncode == 0, done
    page = ecspan("show", tmp_path / "page.json", "--format", "json")
    assert page.code == 0 and json.loads(page.out)["failed"] is True, page
    rows = ecspan("stats", tmp_path / "rows.json", "--format", "json")
    assert rows.code == 0 and json.loads(rows.out)["tasks"] == 3, rows
