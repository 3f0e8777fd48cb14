"""What the action log says while a deployment is waited for, and tasks of which nobody says which deployment started them."""

import json
import time

import pytest
from fake_aws.history import CAPTURED
from fake_aws.rollouts import launch, seconds
from fake_aws.seed import CREATED
from fake_aws.services import SERVICES
from test_actions import CLUSTER, GROUP, deployment, event, files, iso, lines_of, of_task, task
from test_deploy_live import DEPLOY, Rollout, words
from test_history import ago
from waiting import line_with


class Log:
    """The cluster's action log, which grows."""

    def __init__(self, aws, made):
        self.aws, self.number = aws, made.id.split("/")[-1]
        self.begin = round(time.time() * 1000) - 30_000
        self.lines = lines_of(self.number)

    def says(self, *which):
        for number in which:
            at = self.begin + number * 1_000
            line = {key: at if key in ("timestamp", "eventTimestamp") else value for key, value in self.lines[number].items()}
            self.aws.seed.stream(GROUP, "web", [(at, json.dumps(line))])


def test_each_line_is_told_when_it_comes_once_and_with_few_calls(ecspan, aws):
    rollout = Rollout(aws)
    log = Log(aws, rollout.made)
    log.says(0)
    started = time.monotonic()
    process = ecspan.start(*DEPLOY)
    assert b"service deployment in progress (SERVICE_DEPLOYMENT_IN_PROGRESS)" in line_with(b"action: ", process.stderr)
    log.says(1, 3, 4)
    told = [line_with(b"action: ", process.stderr).decode() for _ in range(3)]
    assert "paused: waits for lifecycle hook check in stage POST_SCALE_UP (SERVICE_DEPLOYMENT_LIFECYCLE_HOOK_PAUSED)" in told[0], told
    assert "bakes for 5 min" in told[1] and "rolling back: CloudWatch alarm latency went off" in told[2], told
    # What comes late, before what is known, is told as well.
    log.says(2)
    assert b"SERVICE_REVISION_STABLE" in line_with(b"action: ", process.stderr)
    aws.rollouts.finish(rollout.made)
    out, err = process.communicate(timeout=60)
    calls, took = aws.front.calls["FilterLogEvents"], time.monotonic() - started
    assert b"action: " not in err and calls <= took / 10 + 2, (calls, took, err)
    assert words(out.decode()).count("SERVICE_DEPLOYMENT_LIFECYCLE_HOOK_PAUSED") == 1


@pytest.mark.parametrize("fault", ["denied", "none"])
def test_a_log_that_is_not_there_or_refused_is_asked_for_once_and_in_the_end(ecspan, aws, fault):
    rollout = Rollout(aws)
    if fault == "denied":
        aws.front.deny.add("FilterLogEvents")
    process = ecspan.start(*DEPLOY)
    for _ in range(4):
        # Each look that tells something new is a later one.
        line_with(b"waiting: ", process.stderr)
        SERVICES["prod", "web"]["service"]["deployments"][0]["runningCount"] += 1
    aws.rollouts.finish(rollout.made)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and aws.front.calls["FilterLogEvents"] == 2, aws.front.calls
    assert ("logs:FilterLogEvents" in words(out.decode())) == (fault == "denied")


# Tasks of the service that do not say which deployment started them.

def without_start(one):
    return {key: value for key, value in one.items() if key != "startedBy"}


def test_tasks_that_do_not_say_who_started_them_are_counted_and_told(ecspan):
    told = [deployment(0, "IN_PROGRESS"), deployment(80, "COMPLETED")]
    tasks = [of_task(task(number)) for number in range(5)]
    whole = ecspan("deploy", "web", "--from", files(ecspan.home, *told, *tasks))
    assert whole.code == 0 and "startedBy" not in whole.out + whole.err, whole
    for one in tasks[:3]:
        one["detail"] = without_start(one["detail"])
    run = ecspan("deploy", "web", "--from", files(ecspan.home, *told, *tasks), "--report", "json")
    found = json.loads(run.out)
    assert run.code == 3 and found["tasks"]["launched"] == 2, run
    assert [gap["what"] for gap in found["gaps"]] == ["3 of 5 tasks"], found["gaps"]
    text = ecspan("deploy", "web", "--from", "events.jsonl")
    assert "3 of 5 tasks" in words(text.out) and "which deployment started them (startedBy): they are left out" in words(text.out), text


def test_tasks_that_are_surely_of_no_deployment_of_it_are_nobodys_loss(ecspan):
    told = [deployment(0, "IN_PROGRESS"), deployment(80, "COMPLETED"), of_task(task(1))]
    earlier = without_start(task(2, created=-86_400))
    alone = {**without_start(task(3)), "group": "family:batch"}
    run = ecspan("deploy", "web", "--from", files(ecspan.home, *told, of_task(earlier), of_task(alone)))
    assert run.code == 0 and "startedBy" not in run.out + run.err, run


def test_of_history_as_well(ecspan, aws):
    aws.has_service_deployments()
    made = aws.rollouts.rolling(4, at=ago(days=3), new_api=True)
    group = aws.history.group()
    for one in made.new:
        aws.seed.set_times(one, one.created_at, {**launch(), "stopping": 3_600.0, "stopped": 3_620.0})
        group.task(one, form=lambda event: {**event, "detail": without_start(event["detail"])})
        aws.seed.forget(one)
    run = ecspan("deploy", "web", "--cluster", "prod", "--deployment", made.id)
    assert run.code == 3 and "which deployment started them (startedBy): they are left out" in words(run.out), run


# A deployment that ECS no longer lists.

def moved(one, at):
    """The event, of then."""
    return json.loads(json.dumps(one).replace("2026-11-20T01:", at.strftime("%Y-%m-%dT%H:")))


def kept(aws, at):
    """A deployment of then, of which the log group alone tells: events of the service, and its tasks'."""
    aws.rollouts.rolling(3)
    group = aws.history.group()
    told = [deployment(0, "IN_PROGRESS", OLDER), event(20, "SERVICE_TASK_PLACEMENT_FAILURE", level="ERROR", clusterArn=CLUSTER, reason="RESOURCE:FARGATE"),
            deployment(80, "FAILED", OLDER, reason="ECS deployment circuit breaker: tasks failed to start.")]
    for seconds_later, one in zip((0, 20, 80), told):
        for _ in range(2):
            group.put(at + seconds(seconds_later + 1), moved(one, at))
    for number in range(4):
        one = {**task(number), "startedBy": OLDER, "stoppedAt": iso(70), "stoppingAt": iso(60), "stopCode": "ServiceSchedulerInitiated", "lastStatus": "STOPPED", "desiredStatus": "STOPPED"}
        group.put(at + seconds(71), moved(of_task(one), at))
    return group


OLDER = "ecs-svc/7777777777"


@pytest.mark.parametrize("name", [OLDER, "7777777777"])
def test_a_deployment_that_ecs_no_longer_lists_is_told_from_history(ecspan, aws, name):
    kept(aws, ago(days=3).replace(minute=CREATED.minute, second=CREATED.second))
    run = ecspan("deploy", "web", "--cluster", "prod", "--deployment", name, "--report", "json")
    found = json.loads(run.out)
    assert run.code == 11 and (found["outcome"], found["deployment"], found["said_by"]) == ("failed", OLDER, "an EventBridge event"), run
    assert found["reason"].startswith("ECS deployment circuit breaker") and found["tasks"]["launched"] == 4, found
    assert [one["name"] for one in found["actions"]] == ["SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_TASK_PLACEMENT_FAILURE", "SERVICE_DEPLOYMENT_FAILED"]
    assert f"note: deployment {OLDER}: ECS no longer lists it; from 3 events in {CAPTURED.format('prod')}" in run.err, run
    gate = ecspan("deploy", "web", "--cluster", "prod", "--deployment", name, "--fail-on", "placement-failed")
    assert "finding: --fail-on placement-failed" in gate.err, gate


def test_one_that_nobody_knows_and_one_that_history_may_not_be_asked_for_are_errors(ecspan, aws):
    kept(aws, ago(days=3))
    for name, more in (("ecs-svc/1111111111", []), (OLDER, ["--history", "off"])):
        run = ecspan("deploy", "web", "--cluster", "prod", "--deployment", name, *more)
        assert run.code == 1 and f"service web has no deployment {name}" in run.err, run
    aws.front.deny.add("FilterLogEvents")
    run = ecspan("deploy", "web", "--cluster", "prod", "--deployment", OLDER)
    assert run.code == 1 and "logs:FilterLogEvents" in run.err and f"service web has no deployment {OLDER}" in run.err, run


@pytest.mark.parametrize("status", [None, "INACTIVE"])
@pytest.mark.parametrize("name", ["latest", OLDER])
def test_a_deployment_of_a_service_that_is_gone_is_told_from_history(ecspan, aws, status, name):
    kept(aws, ago(days=3).replace(minute=CREATED.minute, second=CREATED.second))
    if status:
        SERVICES["prod", "web"]["service"].update(status=status, deployments=[], events=[])
    else:
        del SERVICES["prod", "web"]
    run = ecspan("deploy", "web", "--cluster", "prod", "--deployment", name, "--report", "json")
    assert run.code == 11, run
    found = json.loads(run.out)
    assert (found["outcome"], found["deployment"], found["tasks"]["launched"], found["gaps"]) == ("failed", OLDER, 4, []), found
    assert f"note: deployment {OLDER}: ECS no longer lists it; from 3 events in {CAPTURED.format('prod')}" in run.err, run


def test_a_service_that_nobody_ever_heard_of_is_an_error(ecspan, aws):
    kept(aws, ago(days=3))
    run = ecspan("deploy", "shop", "--cluster", "prod")
    assert run.code == 1 and "shop" in run.err and "note: " not in run.err, run
    del SERVICES["prod", "web"]
    off = ecspan("deploy", "web", "--cluster", "prod", "--history", "off")
    assert off.code == 1 and "not found" in off.err.lower() or "no service web" in off.err, off
