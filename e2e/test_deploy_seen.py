"""What somebody sees who watches a deployment, in narrow and in wide terminals: while it goes on, and in the end the cause first and the
next step last. And what Jaeger shows of it once it is over, of which it was sent what was final while it went on."""

import datetime as dt
import uuid

import pytest
from batch import spans_in
from fake_aws import REGION
from fake_aws.rollouts import BREAKER, launch, seconds
from fake_aws.seed import ACCOUNT, at_once, still
from fake_aws.services import SERVICES
from test_deploy import identity, sha
from test_deploy_live import DEPLOY, PULL, Rollout, words
from test_deploy_stages import Staged
from test_jaeger import check
from test_live_terminal import Terminal

pytestmark = pytest.mark.parametrize("width", [80, 120])
GROUP = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/web/6d0ecf831eec9f09"


def says(text):
    """An event of the service, now."""
    event = {"id": str(uuid.uuid4()), "createdAt": dt.datetime.now(dt.UTC), "message": f"(service web) {text}"}
    SERVICES["prod", "web"]["service"]["events"].insert(0, event)


def report(terminal, mark):
    """The report, which begins with this, and no line of which is wider than the terminal, but what is to be pasted."""
    # What happened may be said once more in the end, and what was sent comes after it.
    text = terminal.text[terminal.text.index(mark) :].split("\nprod/web ecs-svc/")[0]
    lines = [line for line in text.splitlines() if not line.startswith(("      aws ", "      ecspan "))]
    assert max(map(len, lines)) <= terminal.width, text
    return text


def now():
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


@at_once
def fails(aws, rollout, tasks):
    """ECS gives up, and has taken away what is left of the tasks that failed."""
    aws.rollouts.finish(rollout.made, failed=True)
    for task in tasks:
        task.stopped_at, task.last_status = task.stopping_at + seconds(20), "STOPPED"


@at_once
def starts(aws, rollout):
    """The task that was still on its way."""
    task = rollout.made.new[-1]
    aws.seed.set_times(task, task.created_at, launch())


def to(jaeger):
    return "--to", "otlp", "--endpoint", jaeger.http


def tags(span):
    return {tag["key"]: tag["value"] for tag in span["tags"]}


def read_back(ecspan, jaeger, made, *, code=0, cause=None, failed=(), why=""):
    """Sent in the end as well. Jaeger's page warns of nothing and has nothing twice; what failed is an error, from the root, which says why ECS ended
    it, to the launches, and why most of its tasks failed is beside them."""
    file = ecspan.home / "spans.jsonl"
    run = ecspan(*DEPLOY[:-1], "--deployment", made.id, "--report", "none", *to(jaeger), "--to", f"file:{file}")
    assert run.code == code and "still open" not in run.err, run
    spans, trace = spans_in(file), sha(identity(made), 16)
    check(jaeger, {span["traceId"] for span in spans}, {(span["traceId"], span["spanId"]) for span in spans})
    shown = [(span["operationName"], tags(span)) for span in jaeger.shown(trace)]
    said = {name: tags.get("otel.status_description") for name, tags in shown if tags.get("error")}
    [root] = [tags for name, tags in shown if name == "deployment"]
    assert (root.get("error"), said.get("deployment")) == ((True, cause) if cause else (None, None)), root
    assert said.get("failed tasks") == (f"{len(failed)} task{'s'[: len(failed) - 1]} failed: {why}" if failed else None), said
    launches = {tags["aws.ecs.task.id"]: tags.get("error", False) for name, tags in shown if name.startswith("launch")}
    assert launches and {task for task, is_error in launches.items() if is_error} == {task.id for task in failed}, launches
    print(f"{trace}: {len(shown)} spans, {len(launches)} launches; errors: {said}")


def test_an_image_that_cannot_be_pulled(ecspan, aws, jaeger, width):
    rollout = Rollout(aws)
    terminal = Terminal(ecspan, *DEPLOY, "--fail-fast", *to(jaeger), width=width)
    terminal.shows("2 of 5 running")
    task = rollout.cannot_pull()
    assert terminal.ends() == 11
    text = report(terminal, "✗ failing")
    assert words(text).startswith(f"✗ failing, and waited for no longer: a task failed: {PULL} {task.id} service web")
    assert f"next: one of those that failed: ecspan show prod/{task.id}" in words(text)
    # On a line of its own, however narrow the terminal.
    command = "aws ecs update-service --cluster prod --service web --task-definition web:1"
    assert f"next: it goes on; to end it:\n      {command}\n" in text.replace("\r", "")
    fails(aws, rollout, [task])
    read_back(ecspan, jaeger, rollout.made, code=11, cause=BREAKER, failed=[task], why=PULL)


def test_a_crash_loop(ecspan, aws, jaeger, width):
    rollout = Rollout(aws)
    terminal = Terminal(ecspan, *DEPLOY, "--fail-fast", *to(jaeger), width=width)
    terminal.shows("2 of 5 running")
    tasks = [rollout.crash(number) for number in range(3)]
    assert terminal.ends() == 11
    text = report(terminal, "✗ failing")
    reason = "3 tasks failed alike: Essential container in task exited; app: exit code 1"
    first = words(text.split("\n\n")[0])
    assert first.startswith(f"✗ failing, and waited for no longer: {reason} ") and first.endswith(": fatal: DATABASE_URL is not set"), text
    assert words(text).count("fatal: DATABASE_URL is not set") == 2, text
    # Its first lines have scrolled off a small screen: they are said once more before the steps.
    assert f"✗ failing, and waited for no longer: {reason}; app last said: fatal: DATABASE_URL is not set next: " in words(text)
    assert all(f"failed: task {task.id}" in terminal.text for task in tasks)
    fails(aws, rollout, tasks)
    why = "Essential container in task exited; app: exit code 1; app: fatal: DATABASE_URL is not set"
    read_back(ecspan, jaeger, rollout.made, code=11, cause=BREAKER, failed=tasks, why=why)


def test_old_tasks_that_drain_behind_a_load_balancer(ecspan, aws, jaeger, width):
    made = aws.rollouts.behind_a_load_balancer(at=now() - seconds(430))
    service = SERVICES["prod", "web"]["service"]
    service["deployments"][0].update(rolloutState="IN_PROGRESS", updatedAt=made.at)
    events, service["events"] = service["events"], [one for one in service["events"] if one["createdAt"] < now()]
    end = {task.id: (task.execution_stopped_at, task.stopped_at) for task in made.old}
    for task in made.old:
        task.execution_stopped_at, task.stopped_at, task.last_status = None, None, "DEACTIVATING"
    terminal = Terminal(ecspan, *DEPLOY, *to(jaeger), width=width)
    terminal.shows("0 old stopped, 3 stopping (for up to 5 min")
    terminal.shows("has begun draining connections on 3 tasks.")
    with still:
        for task in made.old:
            (task.execution_stopped_at, task.stopped_at), task.last_status = end[task.id], "STOPPED"
        service["events"] = events
        service["deployments"][0].update(rolloutState="COMPLETED", updatedAt=made.over)
    assert terminal.ends() == 0
    text = words(report(terminal, "✓ held"))
    assert "3 old tasks, slow-draining: it took 5 min 5 s" in text and "were 5 min 25 s of nothing but old tasks that drained" in text
    read_back(ecspan, jaeger, made)


def test_targets_that_are_unhealthy(ecspan, aws, jaeger, width):
    rollout = Rollout(aws, started=3, tasks=3)
    SERVICES["prod", "web"]["service"]["loadBalancers"] = [{"targetGroupArn": GROUP, "containerName": "app", "containerPort": 8080}]
    terminal = Terminal(ecspan, *DEPLOY, "--fail-fast", *to(jaeger), width=width)
    terminal.shows("3 of 3 running")
    says(f"(port 8080) is unhealthy in (target-group {GROUP}) due to (reason Health checks failed with these codes: [503])")
    # The reason is at the event's end, and is seen.
    terminal.shows("is unhealthy in (target-group web) due to (reason"), terminal.shows("[503])")
    with still:
        for task in rollout.made.new[:3]:
            # They drain, and nobody waits for that.
            aws.seed.set_times(task, task.created_at, {**launch(), "stopping": 50.0})
            task.stop_code, task.stopped_reason = "ServiceSchedulerInitiated", f"Task failed ELB health checks in (target-group {GROUP})"
    assert terminal.ends() == 11
    text = words(report(terminal, "✗ failing")).replace(" ", "")
    assert text.startswith(f"✗failing,andwaitedfornolonger:3tasksfailedalike:TaskfailedELBhealthchecksin(target-group{GROUP})")
    assert "unhealthy-targets:" in text and "3tasks,unhealthy:" not in text
    fails(aws, rollout, rollout.made.new[:3])
    read_back(ecspan, jaeger, rollout.made, code=11, cause=BREAKER, failed=rollout.made.new[:3], why=f"Task failed ELB health checks in (target-group {GROUP})")


def test_a_blue_green_deployment_with_a_hook_and_ten_hours_of_bake(ecspan, aws, jaeger, width):
    hook = {"hookId": "approve-1", "targetType": "PAUSE", "status": "AWAITING_ACTION", "timeoutAction": "ROLLBACK", "expiresAt": now() + seconds(3_600)}
    rollout = Staged(aws, "BLUE_GREEN", "POST_SCALE_UP", hook)
    terminal = Terminal(ecspan, *DEPLOY[:-1], "--wait=bake", *to(jaeger), width=width)
    terminal.shows("web:2 · BLUE_GREEN · "), terminal.shows("stage POST_SCALE_UP"), terminal.shows("paused: hook approve-1 waits for somebody until ")
    drawn = f"hook approve-1 waits for somebody until {hook['expiresAt']:%H:%M:%S} (then: ROLLBACK)"
    terminal.shows(drawn)
    rollout.stage("PRODUCTION_TRAFFIC_SHIFT")
    terminal.shows("stage PRODUCTION_TRAFFIC_SHIFT")
    assert drawn not in terminal.text[terminal.text.rindex("stage PRODUCTION_TRAFFIC_SHIFT") :]
    rollout.stage("BAKE_TIME")
    assert terminal.ends() == 0
    text = words(report(terminal, "… in progress"))
    assert text.startswith("… in progress, and waited for as far as this: it is in stage BAKE_TIME") and "in stage BAKE_TIME of BLUE_GREEN" in text
    assert f"next: it goes on; to wait for its end: ecspan deploy prod/web --deployment {rollout.made.id} --wait" in text
    starts(aws, rollout)
    rollout.stage("CLEAN_UP", status="SUCCESSFUL", finishedAt=now())
    read_back(ecspan, jaeger, rollout.made)


def test_a_canary_that_is_rolled_back_by_an_alarm(ecspan, aws, jaeger, width):
    rollout = Staged(aws, "CANARY", "PRODUCTION_TRAFFIC_SHIFT")
    terminal = Terminal(ecspan, *DEPLOY, *to(jaeger), width=width)
    terminal.shows("web:2 · CANARY · ")
    why = "Service deployment rolled back because alarm latency went off."
    rollout.stage("BAKE_TIME", status="ROLLBACK_IN_PROGRESS", alarms={"status": "TRIGGERED", "alarmNames": ["latency"], "triggeredAlarmNames": ["latency"]},
                  rollback={"reason": why, "startedAt": now()})
    terminal.comes_to(lambda text: f"rolling back: {why}" in words(text), why)
    rollout.stage("CLEAN_UP", status="ROLLBACK_SUCCESSFUL", finishedAt=now(), statusReason=why)
    assert terminal.ends() == 10
    text = words(report(terminal, "✗ rolled back"))
    assert text.startswith(f"✗ rolled back: {why}") and "alarms that went off: latency" in text
    starts(aws, rollout)
    read_back(ecspan, jaeger, rollout.made, code=10, cause=why)


def test_two_task_sets_of_another_controller(ecspan, aws, jaeger, width):
    made = aws.rollouts.task_sets(primary=None, steady=False, at=now() - seconds(60))
    terminal = Terminal(ecspan, *DEPLOY, *to(jaeger), width=width)
    terminal.shows("its task set is ACTIVE and STABILIZING")
    sets = made.service["taskSets"]
    sets[0]["stabilityStatus"] = "STEADY_STATE"
    terminal.shows("its task set is ACTIVE and STEADY_STATE")
    with still:
        sets[0]["status"], sets[1]["status"] = "PRIMARY", "DRAINING"
    assert terminal.ends() == 0
    assert report(terminal, "✓ held")
    read_back(ecspan, jaeger, made)


def test_a_service_that_has_no_deployment(ecspan, aws, jaeger, width):
    aws.rollouts.rolling(2)
    SERVICES["prod", "web"]["service"]["deployments"] = []
    terminal = Terminal(ecspan, *DEPLOY, *to(jaeger), width=width)
    assert terminal.ends() == 1
    assert "error: service web has no deployment\n" in terminal.text and "hint: " in terminal.text
