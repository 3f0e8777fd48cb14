"""A deployment watched as it happens: what is told at once, and when a wait ends before ECS says so."""

import datetime as dt
import json
import signal
import subprocess
import threading
import uuid

import pytest
from fake_aws.rollouts import APP, launch, seconds
from fake_aws.seed import at_once, still
from fake_aws.services import SERVICES
from test_notify import taker  # noqa: F401 (a fixture)
from waiting import line_with, wait_until

DEPLOY = ("deploy", "web", "--cluster", "prod", "--wait")
PULL = "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref web:2026.12: web:2026.12: not found"
BUSY = "CannotPullContainerError: pull image manifest has been retried 5 time(s): dial tcp 10.0.0.1:443: i/o timeout"
OOM = "OutOfMemoryError: Container killed due to memory usage"


def words(text):
    return " ".join(text.split())


class Rollout:
    """A rollout that began a minute ago, to which tasks are added as they come."""

    def __init__(self, aws, started=2, tasks=5):
        self.aws = aws
        self.at = dt.datetime.now(dt.UTC).replace(microsecond=0) - seconds(60)
        self.made = aws.rollouts.in_progress(at=self.at, tasks=tasks, started=started)
        self.old = SERVICES["prod", "web"]["service"]["deployments"][1]

    def has(self, **facts):
        """What ECS says of the deployment from now on."""
        SERVICES["prod", "web"]["service"]["deployments"][0].update(facts)

    def cannot_pull(self, reason=PULL):
        times = {"connected": 2.1, "pull_started": 5.0, "stopping": 9.0}
        never_ran = {**APP, "pulled": False}
        return self.aws.rollouts.task(self.made.id, self.at + seconds(20), times, container=never_ran, stop_code="TaskFailedToStart", stopped_reason=reason)

    @at_once
    def crash(self, number, line="fatal: DATABASE_URL is not set", **container):
        """The task has exited, and ECS has not yet taken its network away."""
        times = {**launch(0.5), "stopping": 16.0, "execution_stopped": 17.0}
        created = self.at + seconds(number * 18)
        task = self.aws.rollouts.task(self.made.id, created, times, container={**APP, "exitCode": 1, **container}, streams=True,
                                      stop_code="EssentialContainerExited", stopped_reason="Essential container in task exited")
        self.aws.seed.lines(task, "app", [(round(created.timestamp() * 1000) + 15_000, line)])
        return task


@pytest.fixture
def rollout(aws):
    return Rollout(aws)


def test_an_image_that_nobody_will_ever_get_ends_the_wait(ecspan, aws, rollout):
    process = ecspan.start(*DEPLOY, "--fail-fast", "--report-file", "json:report.json")
    line_with(b"waiting: ", process.stderr)
    task = rollout.cannot_pull()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 11, err
    assert f"failed: task {task.id}: {PULL}" in err.decode() and "error: " not in err.decode()
    assert words(out.decode()).startswith(f"✗ failing, and waited for no longer: a task failed: {PULL}")
    found = json.loads((ecspan.home / "report.json").read_text())
    assert found["outcome"] == "in progress" and found["failing"] == {"reason": f"a task failed: {PULL}"}


def test_without_fail_fast_it_is_told_and_waited_for(ecspan, aws, rollout):
    process = ecspan.start(*DEPLOY)
    line_with(b"waiting: ", process.stderr)
    task = rollout.cannot_pull()
    assert f"failed: task {task.id}: ".encode() in line_with(b"failed: ", process.stderr)
    assert process.poll() is None
    aws.rollouts.finish(rollout.made, failed=True)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 11 and out.decode().startswith("✗ failed: ") and b"failed: " not in err, err


def test_a_registry_that_does_not_answer_just_now_may_answer_next_time(ecspan, aws, rollout):
    process = ecspan.start(*DEPLOY, "--fail-fast")
    line_with(b"waiting: ", process.stderr)
    with still:
        rollout.cannot_pull(BUSY), rollout.cannot_pull(BUSY)
    line_with(b"failed: ", process.stderr), line_with(b"failed: ", process.stderr)
    assert process.poll() is None
    rollout.cannot_pull(BUSY)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 11 and f"3 tasks failed alike: {BUSY}" in words(out.decode()), err


def test_a_crash_loop_is_told_with_its_last_lines_and_ends_the_wait(ecspan, aws, rollout):
    process = ecspan.start(*DEPLOY, "--fail-fast")
    line_with(b"waiting: ", process.stderr)
    tasks = [rollout.crash(number) for number in range(3)]
    out, err = process.communicate(timeout=60)
    told = err.decode()
    assert process.returncode == 11, told
    # What is alike is told once.
    [first, *others] = [line.removeprefix("failed: task ") for line in told.splitlines() if line.startswith("failed: ")]
    first_id, why = first.split(": ", 1)
    assert why == "Essential container in task exited; app: exit code 1" and told.count("    app: fatal: DATABASE_URL is not set\n") == 1, told
    assert [other.split(": ", 1)[1] for other in others] == [f"like {first_id} ({number} by now)" for number in (2, 3)], told
    assert {line.split(":")[0] for line in (first, *others)} == {task.id for task in tasks}
    report = words(out.decode())
    assert "3 tasks failed alike: Essential container in task exited; app: exit code 1" in report
    # ECS still takes their network away, and the report says why all the same.
    assert "3 failed; 2 old stopped" in report and "3 tasks, crash-loop" in report and "fatal: DATABASE_URL is not set" in report


@pytest.mark.parametrize("by, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_who_interrupts_a_wait_has_the_report_of_what_was_seen(ecspan, aws, rollout, taker, by, code):
    where = taker()
    outputs = ("--report", "json", "--report-file", "r.html", "--report-file", "r.md", "--report-file", "r.txt")
    process = ecspan.start(*DEPLOY, *outputs, "--to", "file:spans.jsonl", "--notify", where.hook)
    crashed = rollout.crash(1)
    line_with(b"app: fatal: DATABASE_URL is not set", process.stderr)
    for which in "one", "two":
        # What the second look tells comes after all that the first one saw.
        rollout.cannot_pull(f"CannotPullContainerError: image {which} not found")
        line_with(f"image {which} not found".encode(), process.stderr)
    process.send_signal(by)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert b"note: interrupted: the report is of what was seen until then; nothing was sent\n" in err and b"trace id" not in err, err
    found = json.loads(out)
    assert (found["outcome"], found["interrupted"], found["tasks"]["failed"]) == ("in progress", True, len(found["failures"]))
    lines = {one["reason"]: [line["message"] for line in one.get("sample", {}).get("lines", [])] for one in found["failures"]}
    assert lines["Essential container in task exited; app: exit code 1"] == ["fatal: DATABASE_URL is not set"], lines
    assert lines["CannotPullContainerError: image one not found"] == [], lines
    waits = f"ecspan deploy prod/web --deployment {rollout.made.id} --wait"
    assert {"said": "it goes on; to wait for its end", "command": waits} in found["next"]
    for name in "r.html", "r.md", "r.txt":
        text = words((ecspan.home / name).read_text())
        assert "in progress (interrupted while its end was waited for)" in text and "image one not found" in text and waits in text, text
        assert crashed.id in text and "fatal: DATABASE_URL is not set" in text, text
    assert not (ecspan.home / "spans.jsonl").exists() and not where.bodies


def test_who_interrupts_before_anything_was_seen_is_told_that(ecspan, aws, rollout):
    aws.front.gates["DescribeServices"] = (0, threading.Event())
    process = ecspan.start(*DEPLOY, "--report-file", "json:r.json")
    aws.front.arrived.wait(60)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    aws.front.gates["DescribeServices"][1].set()
    assert process.returncode == 130 and not out and b"note: interrupted: no report" in err, err
    assert not (ecspan.home / "r.json").exists()


OUT = ("ServerException", "Service unavailable")


def test_an_outage_is_told_once_and_waited_for(ecspan, aws, rollout):
    process = ecspan.start(*DEPLOY, env={"AWS_MAX_ATTEMPTS": "1"})
    line_with(b"waiting: ", process.stderr)
    aws.front.refuse["DescribeServices"] = OUT
    line_with(b"error: failed to describe service web", process.stderr)
    calls = aws.front.calls["DescribeServices"]
    wait_until("three more", lambda: aws.front.calls["DescribeServices"] > calls + 3, 60)
    del aws.front.refuse["DescribeServices"]
    # The very next line.
    assert b"note: AWS answers again\n" in line_with(b"", process.stderr)
    aws.rollouts.finish(rollout.made)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and out.decode().startswith("✓ held") and b"error: " not in err, err


def test_credentials_that_expire_leave_the_report_of_what_was_seen(ecspan, aws, rollout):
    process = ecspan.start(*DEPLOY, "--report", "json", "--to", "file:spans.jsonl")
    for which in "one", "two":
        rollout.cannot_pull(f"CannotPullContainerError: image {which} not found")
        line_with(f"image {which} not found".encode(), process.stderr)
    aws.front.refuse["DescribeServices"] = ("ExpiredTokenException", "The security token included in the request is expired")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and b"error: failed to describe service web" in err and b"hint: the credentials have expired" in err, err
    found = json.loads(out)
    assert found["interrupted"] and found["failures"] and found["gaps"][-1]["what"] == "how it went on", found
    assert not (ecspan.home / "spans.jsonl").exists()


def test_tasks_that_cannot_be_read_in_the_end_are_told_as_they_were_seen(ecspan, aws, rollout):
    process = ecspan.start(*DEPLOY, "--report", "json", env={"AWS_MAX_ATTEMPTS": "1"})
    rollout.crash(1)
    line_with(b"app: fatal: DATABASE_URL is not set", process.stderr)
    aws.front.refuse["DescribeTasks"] = ("ThrottlingException", "Rate exceeded")
    # The look in which the task was read is over.
    calls = aws.front.calls["DescribeServices"]
    wait_until("another look", lambda: aws.front.calls["DescribeServices"] > calls, 60)
    aws.rollouts.finish(rollout.made, failed=True)
    out, err = process.communicate(timeout=60)
    found = json.loads(out)
    assert process.returncode == 11 and found["outcome"] == "failed" and found["gaps"], (out, err)
    [group] = found["failures"]
    assert [line["message"] for line in group["sample"]["lines"]] == ["fatal: DATABASE_URL is not set"] and found["tasks"]["started"] == 3, found


def test_a_service_that_is_gone_meanwhile_has_failed(ecspan, aws, rollout):
    process = ecspan.start(*DEPLOY)
    line_with(b"waiting: ", process.stderr), line_with(b"event: ", process.stderr)
    # The first look is over.
    wait_until("a second look", lambda: aws.front.calls["DescribeServices"] > 1, 60)
    with still:
        SERVICES.clear()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 11 and words(out.decode()).startswith("✗ failed: ECS has no such service any more: it was deleted"), (out, err)


def test_another_deployment_takes_its_place(ecspan, aws, rollout):
    process = ecspan.start(*DEPLOY)
    line_with(b"waiting: ", process.stderr)
    with still:
        deployments = SERVICES["prod", "web"]["service"]["deployments"]
        deployments[0]["status"] = "ACTIVE"
        deployments.insert(0, aws.rollouts.deployment("ecs-svc/9", rollout.at + seconds(59), state="IN_PROGRESS", revision=3, desired=5, running=0))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 11 and out.decode().startswith("✗ failed: ecs-svc/9 took its place before it was over"), (out, err)
    assert "next: the one that took its place:\n      ecspan deploy prod/web --deployment ecs-svc/9\n" in out.decode(), out
    shown = ecspan("deploy", "prod/web", "--deployment", "ecs-svc/9")
    assert shown.code == 0 and "cluster prod · ecs-svc/9" in shown.out, shown


def fails(aws, rollout, tasks):
    with still:
        aws.rollouts.finish(rollout.made, failed=True)
        for task in tasks:
            task.stopped_at, task.last_status = task.stopping_at + seconds(20), "STOPPED"


@pytest.mark.parametrize("job", [{"stderr": subprocess.STDOUT}, {"env": {"CI": "true"}}], ids=["one pipe", "a job"])
def test_one_log_says_why_when_it_happens_and_in_its_last_lines(ecspan, aws, rollout, job):
    process = ecspan.start(*DEPLOY, "--report-file", "r.txt", **job)
    line_with(b"waiting: ", process.stderr or process.stdout)
    tasks = [rollout.crash(number) for number in range(3)]
    for _ in tasks:
        line_with(b"failed: task ", process.stderr or process.stdout)
    fails(aws, rollout, tasks)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 11, out
    report = out.decode()
    # The report alone; the lines before it had it when it was news.
    for said in "Essential container in task exited; app: exit code 1", "fatal: DATABASE_URL is not set":
        assert [words(text).count(said) for text in (report, "\n".join(report.splitlines()[-10:]))] == [1, 1], report
    # A file stands alone.
    alone = (ecspan.home / "r.txt").read_text()
    assert words("\n".join(alone.splitlines()[:10])).count("fatal: DATABASE_URL is not set") == 1, alone


def test_what_another_task_said_otherwise_is_told(ecspan, aws, rollout):
    process = ecspan.start(*DEPLOY)
    rollout.crash(0)
    line_with(b"app: fatal: DATABASE_URL is not set", process.stderr)
    rollout.crash(1, "fatal: port 80 is taken")
    assert b"like " in line_with(b"failed: task ", process.stderr)
    line_with(b"    app: fatal: port 80 is taken", process.stderr)
    aws.rollouts.finish(rollout.made)
    assert process.communicate(timeout=60) and process.returncode == 0


def test_a_number_and_a_finding_end_the_wait_too(ecspan, aws, rollout):
    rollout.crash(1)
    one = ecspan(*DEPLOY, "--fail-fast=1")
    assert one.code == 11 and "a task failed: Essential container in task exited" in words(one.out), one
    found = ecspan(*DEPLOY, "--fail-fast=task-failed")
    assert found.code == 13 and "✗ failing" in found.out, found
    process = ecspan.start(*DEPLOY, "--fail-fast=out-of-memory", "--fail-fast=7")
    line_with(b"failed: ", process.stderr)
    task = rollout.crash(2, exitCode=137, reason=OOM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 13 and f"out-of-memory: container app ran out of memory ({task.id})" in words(out.decode()), err


UNPLACED = "was unable to place a task because no container instance met all of its requirements. Reason: No Container Instances were found in your cluster."


def unplaced(said=UNPLACED):
    """The service says that there is no place for a task."""
    message = f"(service web) {said} For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
    SERVICES["prod", "web"]["service"]["events"].insert(0, {"id": str(uuid.uuid4()), "createdAt": dt.datetime.now(dt.UTC), "message": message})


def test_who_has_failed_is_listed_and_drawn_so_before_it_is_stopped(ecspan, aws, rollout):
    task, crashed = rollout.cannot_pull(), rollout.crash(1)
    listed = ecspan("ls", "prod", "--status", "failed", "-o", "json")
    assert {one["id"]: one["failed"] for one in json.loads(listed.out)} == {task.id: True, crashed.id: True}, listed
    drawn = ecspan("show", f"prod/{task.id}")
    [row] = [line for line in drawn.out.splitlines() if "container app" in line]
    assert "never started" in row and "so far" not in row, drawn


def test_a_task_without_a_place_is_found_in_the_words_of_an_event(ecspan, aws, rollout):
    found = ecspan(*DEPLOY[:-1], "--fail-on", "placement-failed")
    assert found.code == 0, found
    unplaced()
    found = ecspan(*DEPLOY[:-1], "--fail-on", "placement-failed", "--fail-on", "throttled")
    assert found.code == 13 and "--fail-on placement-failed" in found.err and "throttled" not in found.err, found
    found = ecspan(*DEPLOY, "--fail-fast=throttled", "--fail-fast=placement-failed")
    assert found.code == 13 and words(found.out).startswith(f"✗ failing, and waited for no longer: service web {UNPLACED} service web"), found
    report = json.loads(ecspan(*DEPLOY, "--fail-fast=placement-failed", "--report", "json").out)
    assert report["failing"] == {"reason": f"service web {UNPLACED}", "finding": "placement-failed"}


def test_a_task_without_a_place_is_the_cause(ecspan, aws, rollout, taker):
    where = taker()
    unplaced("was unable to place a task. Reason: an earlier one.")
    # Not in the same millisecond.
    SERVICES["prod", "web"]["service"]["events"][0]["createdAt"] = rollout.at
    unplaced()
    late = ecspan(*DEPLOY, "--wait-timeout", "1s", "--notify", where.hook)
    assert late.code == 12 and words(late.out).startswith("… in progress (waiting for its end took too long)"), late
    [told] = where.texts()
    assert told.startswith(f"*deployment prod/web in progress (waiting for its end took too long): service web {UNPLACED}*\n"), told
    steps = "next: what capacity its cluster has:\n      aws ecs describe-clusters --clusters prod\n"
    for run in (late, ecspan(*DEPLOY[:-1])):
        first = words(run.out.split("\n\n")[0])
        assert first.endswith(f" service web {UNPLACED}") and "earlier" not in first and steps in run.out, run
    unplaced("was unable to place a task. Reason: x. The closest matching (container-instance 05016874) has insufficient CPU units available.")
    assert "      aws ecs describe-container-instances --cluster prod --container-instances $(" in ecspan(*DEPLOY[:-1]).out
    # What has started since says that there was one.
    for event in SERVICES["prod", "web"]["service"]["events"]:
        event["createdAt"] = rollout.at
    assert "service web was unable" not in ecspan(*DEPLOY[:-1]).out.split("\n\n")[0]


def test_what_ecs_has_decided_ends_the_wait_before_it_is_done(ecspan, aws, rollout):
    aws.has_service_deployments()
    made = aws.rollouts.rolled_back(drained=False)
    run = ecspan(*DEPLOY, "--fail-fast", "--wait-timeout", "60s")
    assert run.code == 11 and "✗ failing, and waited for no longer: it is being rolled back" in words(run.out), run
    service = SERVICES["prod", "web"]
    service["service"]["deployments"] = [aws.rollouts.deployment(made.id, made.at, state="IN_PROGRESS", running=0)]
    service["service"]["events"] = []
    breaker = {"status": "MONITORING", "failureCount": 10, "threshold": 10}
    service["service_deployments"] = [aws.rollouts.service_deployment(made.id, made.at, "IN_PROGRESS", deploymentCircuitBreaker=breaker)]
    run = ecspan(*DEPLOY, "--fail-fast=20")
    assert run.code == 11 and "the circuit breaker is at its threshold: 10 failures of 10" in words(run.out), run


def test_events_of_the_service_are_told_once_each(ecspan, aws, rollout):
    process = ecspan.start(*DEPLOY)
    line_with(b"waiting: ", process.stderr)
    service = SERVICES["prod", "web"]["service"]
    now = dt.datetime.now(dt.UTC)
    service["events"] = [{"id": str(number), "createdAt": now, "message": f"(service web) was unable to place a task. Reason: {number}."}
                         for number in (2, 1)] + service["events"]
    line_with(b"Reason: 1", process.stderr), line_with(b"Reason: 2", process.stderr)
    aws.rollouts.finish(rollout.made)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0 and b"event: " not in err, err


def test_tasks_that_cannot_be_watched_are_told_once(ecspan, aws, rollout):
    aws.front.deny.add("ListTasks")
    process = ecspan.start(*DEPLOY, "--fail-fast")
    assert b"the tasks are not watched: " in line_with(b"warning: ", process.stderr)
    aws.rollouts.finish(rollout.made)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3 and out.decode().startswith("✓ held") and b"not watched" not in err, err


@pytest.mark.parametrize("given, said", [
    ("--fail-fast=0", "nothing has failed in the beginning"), ("--fail-fast=bad-luck", "there is no such finding"),
    ("--fail-fast=slower-than-baseline", "there is no such finding"),
    ("--fail-fast=crashloop", "--fail-fast=crashloop: there is no such finding\nhint: did you mean --fail-fast=crash-loop?"),
    ("--fail-on=TaskFailed", "--fail-on TaskFailed: there is no such finding\nhint: did you mean --fail-on task-failed?"),
    ("--fail-fast=", "--fail-fast= has no value"), ("--fail-fast= ", "--fail-fast= has no value"), ("--wait=", "--wait= has no value"),
])
def test_what_makes_no_sense_is_refused(ecspan, aws, given, said):
    run = ecspan(*(word for word in DEPLOY if not given.startswith(f"{word}=")), given)
    assert run.code == 2 and said in run.err, run


@pytest.mark.parametrize("value", ["3", "out-of-memory", "task-failed", "placement-failed"])
def test_a_value_behind_the_flag_is_no_service(ecspan, value):
    run = ecspan("deploy", "--cluster", "prod", "--wait", "--fail-fast", value)
    assert run.code == 2 and f"{value} was taken for the service" in run.err and f"hint: --fail-fast={value}" in run.err, run


@pytest.mark.parametrize("value", ["bake", "Started", "post-scale-up"])
def test_a_stage_behind_the_flag_is_no_service(ecspan, value):
    run = ecspan("deploy", "--cluster", "prod", "--wait", value)
    assert run.code == 2 and f"{value} was taken for the service" in run.err and f"hint: --wait={value}" in run.err, run


@pytest.mark.parametrize("typed", [["stable", "--wait"], ["--wait", "prod/stable"]])
def test_a_service_may_be_called_as_a_stage(ecspan, aws, typed):
    aws.rollouts.rolling(2)
    run = ecspan("deploy", "--cluster", "prod", *typed)
    assert run.code == 1 and "has no service stable" in run.err, run


@pytest.mark.parametrize("given", ["Task-Failed", "TASK_FAILED"])
def test_a_finding_is_known_in_any_case(ecspan, aws, given):
    aws.rollouts.rolled_back()
    assert ecspan("deploy", "web", "--cluster", "prod", "--fail-on", given).err.count("finding: --fail-on task-failed") == 1
