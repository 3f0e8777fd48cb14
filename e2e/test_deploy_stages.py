"""Deployments that are waited for as far as a stage, with hooks that wait for somebody."""

import json

import pytest
from fake_aws.rollouts import launch, seconds
from fake_aws.services import SERVICES
from test_deploy import call
from test_deploy_live import OUT, Rollout, words
from waiting import line_with, wait_until

DEPLOY = ("deploy", "web", "--cluster", "prod")


class Staged(Rollout):
    """A deployment with stages, which is in one of them."""

    def __init__(self, aws, strategy, stage, *hooks):
        super().__init__(aws)
        aws.has_service_deployments()
        self.one = aws.rollouts.service_deployment(
            self.made.id, self.at, "IN_PROGRESS", lifecycleStage=stage, lifecycleHookDetails=list(hooks),
            deploymentConfiguration={"strategy": strategy, "bakeTimeInMinutes": 600},
        )
        SERVICES["prod", "web"]["service_deployments"] = [self.one]

    def stage(self, stage, **more):
        self.one.update(lifecycleStage=stage, lifecycleHookDetails=[], **more)


def test_a_blue_green_deployment_is_waited_for_until_it_bakes_and_its_paused_hook_is_told(ecspan, aws):
    hook = {"hookId": "approve-1", "targetType": "PAUSE", "status": "AWAITING_ACTION", "timeoutAction": "ROLLBACK"}
    rollout = Staged(aws, "BLUE_GREEN", "TEST_TRAFFIC_SHIFT", hook)
    hook["expiresAt"] = rollout.at + seconds(3_600)
    process = ecspan.start(*DEPLOY, "--wait=bake", "--report-file", "json:report.json")
    assert b"TEST_TRAFFIC_SHIFT" in line_with(b"waiting: ", process.stderr)
    told = line_with(b"paused: ", process.stderr).decode()
    assert "paused: hook approve-1 waits for somebody until " in told and " (then: ROLLBACK): aws ecs continue-service-deployment" in told
    assert f"--service-deployment-arn {rollout.one['serviceDeploymentArn']} --hook-id approve-1" in told
    late = ecspan(*DEPLOY, "--wait", "--wait-timeout", "1s")
    assert late.code == 12 and late.out.splitlines()[1].strip() == "paused by its hook approve-1", late
    assert "paused by" not in late.out.split("\n\n")[1] and "next: to let it go on:\n      aws ecs continue-service-deployment " in late.out, late
    rollout.stage("PRODUCTION_TRAFFIC_SHIFT")
    line_with(b"PRODUCTION_TRAFFIC_SHIFT", process.stderr)
    rollout.stage("BAKE_TIME")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and b"paused: " not in err, err
    assert words(out.decode()).startswith("… in progress, and waited for as far as this: it is in stage BAKE_TIME")
    found = json.loads((ecspan.home / "report.json").read_text())
    assert (found["outcome"], found["strategy"], found["reached"]) == ("in progress", "BLUE_GREEN", "it is in stage BAKE_TIME")


@pytest.mark.parametrize("strategy", ["CANARY", "LINEAR", "ROLLING"])
def test_a_stage_is_reached_in_it_and_after_it(ecspan, aws, strategy):
    rollout = Staged(aws, strategy, "PRODUCTION_TRAFFIC_SHIFT")
    for wanted in ("production-traffic-shift", "POST_SCALE_UP"):
        run = ecspan(*DEPLOY, f"--wait={wanted}")
        assert run.code == 0 and "it is in stage PRODUCTION_TRAFFIC_SHIFT" in words(run.out), run
    late = ecspan(*DEPLOY, "--wait=clean_up", "--wait-timeout", "100ms")
    assert late.code == 12, late
    # What is rolled back goes through stages as well, to another end.
    rollout.stage("CLEAN_UP", status="ROLLBACK_IN_PROGRESS", rollback={"reason": "alarm", "startedAt": rollout.at + seconds(30)})
    back = ecspan(*DEPLOY, "--wait=bake", "--wait-timeout", "100ms")
    assert back.code == 12 and "being rolled back" in back.out, back


def test_started_and_stable_are_known_of_any_deployment(ecspan, aws):
    rollout = Rollout(aws, started=2, tasks=3)
    late = ecspan(*DEPLOY, "--wait=started", "--wait-timeout", "100ms")
    assert late.code == 12, late
    aws.seed.set_times(rollout.made.new[2], rollout.made.new[2].created_at, launch())
    started = ecspan(*DEPLOY, "--wait=started")
    assert started.code == 0 and "3 of 3 tasks have started" in started.out, started
    assert ecspan(*DEPLOY, "--wait=stable", "--wait-timeout", "100ms").code == 12
    service = SERVICES["prod", "web"]["service"]
    service["events"].insert(0, {"id": "steady", "createdAt": rollout.at + seconds(70), "message": "(service web) has reached a steady state."})
    stable = ecspan(*DEPLOY, "--wait=stable")
    assert stable.code == 0 and "the service has reached a steady state" in words(stable.out), stable
    unknown = ecspan(*DEPLOY, "--wait=soon")
    assert unknown.code == 2 and "there is no such stage" in unknown.err and "BAKE_TIME" in unknown.err, unknown


def test_a_saved_deployment_is_drawn_up_to_what_the_files_know(ecspan, aws):
    made = aws.rollouts.in_progress()
    answers = {"services.json": call(aws, "DescribeServices", cluster="prod", services=["web"])}
    arns = call(aws, "ListTasks", cluster="prod", serviceName="web")["taskArns"]
    answers["tasks.json"] = call(aws, "DescribeTasks", cluster="prod", tasks=arns)
    for name, answer in answers.items():
        (ecspan.home / name).write_text(json.dumps(answer))
    run = ecspan("deploy", "--utc", "--from", *answers, "--report-file", "json:report.json")
    # The service's deployment was last updated a minute after it began, and its last task was created after 17.5 s.
    assert run.code == 0 and f"→ as of {made.at + seconds(60):%Y-%m-%d %H:%M:%S}" in run.out and "▶ 42.5 s" in run.out and "→ now" not in run.out, run
    assert json.loads((ecspan.home / "report.json").read_text())["as_of"].startswith(f"{made.at + seconds(60):%Y-%m-%dT%H:%M:%S}")
    assert "so far" not in run.out, run


def test_without_the_newer_api_for_a_while_it_has_not_vanished(ecspan, aws):
    rollout = Staged(aws, "BLUE_GREEN", "BAKE_TIME")
    process = ecspan.start(*DEPLOY, "--wait", env={"AWS_MAX_ATTEMPTS": "1"})
    line_with(b"waiting: ", process.stderr)
    aws.front.refuse["ListServiceDeployments"] = OUT
    line_with(b"error: failed to list the deployments", process.stderr)
    del aws.front.refuse["ListServiceDeployments"]
    line_with(b"AWS answers again", process.stderr)
    # Refused for good it is one deployment for both APIs.
    aws.front.deny.add("ListServiceDeployments")
    calls = aws.front.calls["ListServiceDeployments"]
    wait_until("two more", lambda: aws.front.calls["ListServiceDeployments"] > calls + 2, 60)
    aws.rollouts.finish(rollout.made)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and out.decode().startswith("✓ held"), (out, err)
    assert rollout.one["serviceDeploymentArn"] not in out.decode() and "allow ecs:ListServiceDeployments" in words(out.decode()), out


def test_one_apis_word_that_it_is_over_is_doubted_while_the_other_is_silent(ecspan, aws):
    rollout = Staged(aws, "BLUE_GREEN", "BAKE_TIME")
    SERVICES["prod", "web"]["service"]["deployments"] = [aws.rollouts.deployment(rollout.made.id, rollout.at, desired=5, running=5)]
    aws.front.throttle["ListServiceDeployments"] = 2
    process = ecspan.start(*DEPLOY, "--wait", env={"AWS_MAX_ATTEMPTS": "1"})
    line_with(b"error: failed to list the deployments", process.stderr), line_with(b"note: AWS answers again", process.stderr)
    assert b"BAKE_TIME" in line_with(b"waiting: ", process.stderr)
    rollout.stage("CLEAN_UP", status="SUCCESSFUL", finishedAt=rollout.at + seconds(90))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and out.decode().startswith("✓ held (told by the status of the service deployment)"), (out, err)
