"""examples/ci and action.yml: the scripts against the loopback AWS, with a stand-in for the AWS CLI, each exit code once; the Action
in a job that act runs on this machine, with a file server in the place of the releases; the workflow linted."""

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import threading
import tomllib

import pytest
import yaml
from conftest import BINARY, PROJECT, TIMEOUT
from fake_aws.rollouts import launch
from servers import CACHE
from test_deploy_live import Rollout, words

SCRIPT = PROJECT / "examples/ci/deploy-and-report.sh"
INSTALL = PROJECT / "examples/ci/install.sh"
WORKFLOW = PROJECT / "examples/ci/github-actions.yml"
ACTION = yaml.safe_load((PROJECT / "action.yml").read_text())
VERSION = tomllib.loads((PROJECT / "Cargo.toml").read_text())["package"]["version"]

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


@pytest.fixture
def tools(tmp_path):
    """A folder for the PATH: `aws ecs update-service` answers the deployment that DEPLOYED names."""
    folder = tmp_path / "tools"
    folder.mkdir()
    stand_in = folder / "aws"
    stand_in.write_text('#!/bin/sh\necho "$@" >> "$HOME/aws-calls"\necho "$DEPLOYED"\n')
    stand_in.chmod(0o755)
    return folder


@pytest.fixture
def pipeline(ecspan, tools):
    """Runs the script as a CI job does."""
    (tools / "ecspan").symlink_to(BINARY.resolve())

    def run(made, **variables):
        environment = {
            **ecspan.environment, "PATH": f"{tools}:{os.environ['PATH']}", "CLUSTER": "prod", "SERVICE": "web", "TASK_DEFINITION": "web:2",
            "DEPLOYED": made.id, "GITHUB_STEP_SUMMARY": str(ecspan.home / "summary.md"), **variables,
        }
        return subprocess.run([SCRIPT], env=environment, cwd=ecspan.home, capture_output=True, text=True, timeout=TIMEOUT)

    return run


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    """A host of releases: the archive of this machine's, whose program starts this build, and its sum."""
    folder = tmp_path_factory.mktemp("releases")
    dist, program, papers = folder / f"v{VERSION}", folder / "ecspan", folder / "papers"
    papers.mkdir()
    program.write_text(f'#!/bin/sh\nexec {BINARY.resolve()} "$@"\n')
    target = f"{os.uname().machine}-unknown-linux-musl"
    made = subprocess.run([PROJECT / "release/archive.sh", target, program, papers, dist], capture_output=True, text=True, check=True)
    with (dist / "SHA256SUMS").open("w") as sums:
        subprocess.run(["sha256sum", made.stdout.strip()], cwd=dist, stdout=sums, check=True)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", dist / made.stdout.strip()
    server.shutdown()
    server.server_close()


#: What the Action is, of this repository.
OF_ACTION = ["action.yml", "Cargo.toml", "release/about.sh", "examples/ci"]


@pytest.fixture
def action(ecspan, tools, releases, tmp_path):
    """Runs a job that uses the Action, and gives its log, the outputs that the next step sees, and the report."""
    repository, kept = tmp_path / "repository", tmp_path / "kept"
    for name in OF_ACTION:
        to = repository / name
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(PROJECT / name, to) if (PROJECT / name).is_dir() else shutil.copy(PROJECT / name, to)

    def run(made, **inputs):
        given = {"releases": releases[0], "cluster": "prod", "service": "web", **{name.replace("_", "-"): value for name, value in inputs.items()}}
        assert given.keys() <= ACTION["inputs"].keys()
        outputs = {name: f"${{{{ steps.deploy.outputs.{name} }}}}" for name in ACTION["outputs"]}
        keep = f'mkdir "{kept}" && echo "$OUTPUTS" >"{kept}/outputs.json" && if [ -d reports ]; then cp -r reports "{kept}"; fi'
        steps = [
            # act itself copies the repository.
            {"uses": "actions/checkout@v7"},
            {"id": "deploy", "uses": "./", "with": given},
            {"if": "always()", "run": keep, "env": {"OUTPUTS": json.dumps(outputs)}},
        ]
        workflow = repository / ".github/workflows/deploy.yml"
        workflow.parent.mkdir(parents=True)
        workflow.write_text(yaml.safe_dump({"on": "push", "jobs": {"deploy": {"runs-on": "here", "steps": steps}}}))
        # A runner knows a commit.
        git = ["git", "-C", repository, "-c", "user.name=nobody", "-c", "user.email=nobody@example.com"]
        subprocess.run([*git, "init", "--quiet"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", "all of it"], check=True)
        environment = {**ecspan.environment, "PATH": f"{tools}:{os.environ['PATH']}"}
        of_job = {**environment, "DEPLOYED": made.id if made else ""}
        (tmp_path / "job.env").write_text("".join(f"{name}={value}\n" for name, value in of_job.items() if name not in ("PATH", "HOME")))
        job = subprocess.run(
            [CACHE / "act", "push", "--platform", "here=-self-hosted", "--env-file", tmp_path / "job.env"],
            cwd=repository, env=environment, capture_output=True, text=True, timeout=TIMEOUT,
        )
        told = json.loads((kept / "outputs.json").read_text())
        return job, told, json.loads((kept / told["report"]).read_text()) if told["report"] else None

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


def test_a_rollout_that_can_only_fail_fails_the_job_at_once_with_the_cause(pipeline, aws, ecspan):
    rollout = Rollout(aws)
    rollout.crash(1)
    run = pipeline(rollout.made, FAIL_FAST="1", TIMEOUT="10m", GITHUB_ACTIONS="true")
    # A job's log is read from its end: the report's last lines have the cause, and GitHub's page of the run.
    cause = "failing, and waited for no longer: a task failed: Essential container in task exited; app: exit code 1; app last said: fatal: DATABASE_URL is not set"
    assert run.stdout.splitlines()[-1] == f"::error title=Deployment of web::{cause}" and cause in words("\n".join(run.stdout.splitlines()[-11:-1])), run
    assert "waited for no longer" not in run.stderr, run
    assert run.returncode == 11 and "failed: task" in run.stderr and "app: fatal: DATABASE_URL is not set" in run.stderr, run
    summary = (ecspan.home / "summary.md").read_text()
    assert summary.startswith("## ❌ Deployment of web in prod\n") and "failing, and waited for no longer: a task failed" in summary
    assert "fatal: DATABASE\\_URL is not set" in summary or "fatal: DATABASE_URL is not set" in summary, summary
    aws.reset()
    rollout = Rollout(aws, started=3, tasks=3)
    aws.seed.set_times(rollout.made.new[3], rollout.made.new[3].created_at, launch())
    run = pipeline(rollout.made, UNTIL="started", FAIL_FAST="yes")
    assert run.returncode == 0 and "tasks have started" in run.stdout, run
    assert not (ecspan.home / "reports/web.json").exists(), "it may still fail"


@pytest.mark.parametrize("name, job", [("gitlab-ci.yml", lambda file: file["deploy"]["script"]), ("buildspec.yml", lambda file: file["phases"]["build"]["commands"])])
def test_the_other_recipes_run_the_script_with_what_it_needs(name, job):
    recipe = yaml.safe_load((PROJECT / "examples/ci" / name).read_text())
    # Where the recipe installs ecspan from, the script is, too.
    [script] = job(recipe)
    assert script.removeprefix("tools/ecspan/") == "examples/ci/deploy-and-report.sh"
    variables = recipe["deploy"]["variables"] if "deploy" in recipe else recipe["env"]["variables"]
    assert {"CLUSTER", "SERVICE", "FAIL_FAST", "SUMMARY"} <= variables.keys()


def test_the_action_installs_its_version_rolls_out_and_says_what_became_of_it(action, aws, ecspan):
    made = aws.rollouts.rolling(2)
    job, outputs, report = action(made, task_definition="web:2")
    assert job.returncode == 0 and "held: ECS deployment" in job.stdout and f"| ecspan {VERSION}" in job.stdout, job
    assert outputs == {"outcome": "held", "trace-id": report["trace_id"], "report": "reports/web.json", "exit-code": "0"}
    assert len(report["trace_id"]) == 32 and report["deployment"] == made.id
    assert "--task-definition web:2" in (ecspan.home / "aws-calls").read_text()


def test_the_action_waits_for_what_another_step_rolled_out(action, aws, ecspan):
    aws.rollouts.rolled_back()
    job, outputs, report = action(None)
    assert job.returncode == 1 and "DATABASE_URL is not set" in job.stdout and not (ecspan.home / "aws-calls").exists(), job
    assert (outputs["outcome"], outputs["exit-code"], report["outcome"]) == ("rolled back", "10", "rolled back")


def test_the_action_sends_traces_and_takes_more_arguments(action, aws, collector):
    made = aws.rollouts.rolling(2)
    job, outputs, _ = action(made, service="prod/web", otlp_endpoint=collector.http, arguments="--fail-fast --attr team=shop")
    assert job.returncode == 0 and outputs["report"] == "reports/web.json", job
    spans = [span for span in collector.spans(20) if span["traceId"] == outputs["trace-id"]]
    assert "deployment" in {span["name"] for span in spans}


def test_where_nothing_could_be_told_the_outcome_is_unknown(action, aws):
    aws.seed.cluster("prod")
    job, outputs, _ = action(None, service="nobodys")
    assert job.returncode == 1, job
    assert outputs == {"outcome": "unknown", "trace-id": "", "report": "", "exit-code": "1"}


def test_the_action_can_use_an_ecspan_that_is_there(action, aws, tools):
    (tools / "ecspan").symlink_to(BINARY.resolve())
    aws.rollouts.rolling(2)
    job, outputs, _ = action(None, version="none", releases="http://127.0.0.1:9")
    assert job.returncode == 0 and outputs["outcome"] == "held", job


def test_nothing_is_installed_whose_sum_is_not_the_releases(releases, tmp_path):
    url, archive = releases

    def install(**variables):
        environment = {"PATH": os.environ["PATH"], "RELEASES": url, **variables}
        return subprocess.run([INSTALL, tmp_path / "bin"], env=environment, capture_output=True, text=True, timeout=TIMEOUT)

    whole, sums = archive.read_bytes(), archive.with_name("SHA256SUMS")
    fine = install()
    assert fine.returncode == 0 and fine.stdout == f"{tmp_path}/bin/ecspan\n", fine
    assert subprocess.run([fine.stdout.strip(), "--version"], capture_output=True, text=True).stdout == f"ecspan {VERSION}\n"
    shutil.rmtree(tmp_path / "bin")
    try:
        archive.write_bytes(whole[:-1] + b"x")
        changed = install()
        assert changed.returncode == 1 and "is not the file that was released" in changed.stderr, changed
        archive.write_bytes(whole)
        listed = sums.read_text()
        sums.write_text(listed.replace(archive.name, "other"))
        unlisted = install()
        assert unlisted.returncode == 1 and f"says nothing of {archive.name}" in unlisted.stderr, unlisted
        sums.write_text(listed)
    finally:
        archive.write_bytes(whole)
    nobodys = install(VERSION="v9.9.9")
    assert nobodys.returncode == 1 and f"{url}/v9.9.9/SHA256SUMS: not downloaded" in nobodys.stderr, nobodys
    assert not (tmp_path / "bin").exists()


def test_the_workflow_is_one_and_gives_the_action_what_it_knows(tmp_path):
    """With the Action beside it actionlint knows its inputs and outputs."""
    workflow = tmp_path / ".github/workflows/deploy.yml"
    workflow.parent.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    shutil.copy(PROJECT / "action.yml", tmp_path)
    text, count = re.subn(r"uses: [\w-]+/ecspan@v0\b", "uses: ./", WORKFLOW.read_text())
    assert count == 1

    def lint(text):
        workflow.write_text(text)
        return subprocess.run([CACHE / "actionlint", "-shellcheck=", "-pyflakes=", workflow], cwd=tmp_path, capture_output=True, text=True)

    fine = lint(text)
    assert (fine.returncode, fine.stdout) == (0, ""), fine
    assert 'input "clutser" is not defined' in lint(text.replace("cluster: prod", "clutser: prod")).stdout
    assert 'property "trace" is not defined' in lint(text.replace("outputs.trace-id", "outputs.trace")).stdout
    # YAML reads `on` as true.
    made = yaml.safe_load(text)
    assert set(made[True]) == {"workflow_dispatch"} and made["permissions"]["id-token"] == "write"
    pinned = [one["uses"] for one in made["jobs"]["deploy"]["steps"] if one.get("uses", "./") != "./"]
    assert pinned and all(re.search(r"@[0-9a-f]{40}$", one) for one in pinned)
