"""examples/ci: the script after `aws ecs update-service` against the loopback AWS, with a stand-in for the AWS CLI, each exit code
once; the workflow linted."""

import json
import os
import shutil
import subprocess

import pytest
import yaml
from conftest import BINARY, PROJECT, TIMEOUT
from servers import CACHE

SCRIPT = PROJECT / "examples/ci/deploy-and-report.sh"
WORKFLOW = PROJECT / "examples/ci/github-actions.yml"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


@pytest.fixture
def pipeline(ecspan, aws, tmp_path):
    """Runs the script as a CI job does; `aws ecs update-service` answers the deployment of the scenario."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "ecspan").symlink_to(BINARY)
    stand_in = tools / "aws"
    stand_in.write_text('#!/bin/sh\necho "$@" >> "$HOME/aws-calls"\necho "$DEPLOYMENT"\n')
    stand_in.chmod(0o755)

    def run(made, **variables):
        environment = {
            **ecspan.environment, "PATH": f"{tools}:{os.environ['PATH']}", "CLUSTER": "prod", "SERVICE": "web", "TASK_DEFINITION": "web:2",
            "DEPLOYMENT": made.id, "GITHUB_STEP_SUMMARY": str(ecspan.home / "summary.md"), **variables,
        }
        return subprocess.run([SCRIPT], env=environment, cwd=ecspan.home, capture_output=True, text=True, timeout=TIMEOUT)

    return run


def test_a_deployment_that_holds_becomes_the_next_baseline(pipeline, aws, ecspan):
    run = pipeline(aws.rollouts.rolling(pull=6.0, jitter=0.0), FAIL_ON="slower-than-baseline task-failed")
    assert run.returncode == 0 and "✓ held" in run.stdout, run
    called = (ecspan.home / "aws-calls").read_text()
    assert called.startswith("ecs update-service --cluster prod --service web --task-definition web:2 --query")
    assert (ecspan.home / "summary.md").read_text().startswith("## ✅ Deployment of web in prod\n")
    assert json.loads((ecspan.home / "reports/web.json").read_text())["outcome"] == "held"
    aws.reset()
    slower = pipeline(aws.rollouts.rolling(pull=18.0, jitter=0.0), FAIL_ON="slower-than-baseline")
    assert slower.returncode == 13 and "\nimage pull is 3.0 times as slow as in the baseline" in slower.stdout, slower
    assert "**image pull is 3.0 times as slow as in the baseline" in (ecspan.home / "summary.md").read_text()
    # The one that held stays the baseline.
    before = json.loads((ecspan.home / "reports/web.json").read_text())
    assert next(phase for phase in before["phases"] if phase["name"] == "image pull")["p50_ms"] == 6_000


def test_each_way_not_to_hold_has_its_exit_code(pipeline, aws, ecspan):
    rolled_back = pipeline(aws.rollouts.rolled_back())
    assert rolled_back.returncode == 10 and "DATABASE_URL is not set" in rolled_back.stdout, rolled_back
    assert "### 10 tasks failed: Essential container in task exited" in (ecspan.home / "summary.md").read_text()
    assert not (ecspan.home / "reports/web.json").exists()
    aws.reset()
    made = aws.rollouts.in_progress()
    late = pipeline(made, TIMEOUT="10ms")
    assert late.returncode == 12, late
    aws.rollouts.finish(made, failed=True)
    failed = pipeline(made)
    assert failed.returncode == 11 and "✗ failed" in failed.stdout, failed


def test_traces_are_sent_where_the_environment_says(pipeline, aws, collector):
    made = aws.rollouts.rolling(2)
    run = pipeline(made, OTEL_EXPORTER_OTLP_ENDPOINT=collector.http)
    assert run.returncode == 0, run
    assert {"deployment", "launch", "stop", "task"} <= {span["name"].split()[0] for span in collector.spans(40)}


def test_the_workflow_is_one():
    lint = subprocess.run([CACHE / "actionlint", "-shellcheck=", "-pyflakes=", WORKFLOW], capture_output=True, text=True)
    assert (lint.returncode, lint.stdout) == (0, ""), lint


def test_the_workflow_runs_the_script_with_what_it_needs():
    workflow = yaml.safe_load(WORKFLOW.read_text())
    job = workflow["jobs"]["deploy"]
    steps = job["steps"]
    (step,) = [step for step in steps if step.get("run", "").startswith("examples/ci/")]
    assert PROJECT / step["run"] == SCRIPT and os.access(SCRIPT, os.X_OK)
    assert {"CLUSTER", "SERVICE", "TASK_DEFINITION"} <= {**job["env"], **step["env"]}.keys()
    # YAML reads `on` as true.
    assert set(workflow[True]) == {"workflow_dispatch"} and workflow["permissions"]["id-token"] == "write"
    assert all(("uses" in step) != ("run" in step) for step in steps)
