"""Deployments by their events: `ecspan worker` and the function export each one's trace once it is over, the same as `ecspan deploy --to`.

`ECSPAN_DEPLOYMENT_EVENTS=1000` is the proof; fewer are enough to notice."""

import datetime as dt
import json
import os
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor

import json_lines
import pytest
from conftest import told_to_stop as drained
from fake_aws import REGION
from fake_aws.rollouts import APP, BREAKER, OLD_APP, SCALING, STOP, launch, seconds
from fake_aws.seed import ACCOUNT, CREATED
from sqs import Queue
from test_worker import points, start
from waiting import line_with, wait_until

EVENTS = int(os.environ.get("ECSPAN_DEPLOYMENT_EVENTS", "24"))


def ended(id, how="COMPLETED", *, service="web", ago=3_600, **more):
    """An event that says that a deployment is over, and has been for so long."""
    now = dt.datetime.now(dt.timezone.utc).replace(microsecond=0)
    at = (now - seconds(ago)).isoformat().replace("+00:00", "Z")
    detail = {"eventType": "INFO" if how == "COMPLETED" else "ERROR", "eventName": f"SERVICE_DEPLOYMENT_{how}", "deploymentId": id,
              "updatedAt": at, "reason": f"ECS deployment {id} {how.lower()}."}
    return json.dumps({
        "version": "0", "id": str(uuid.uuid4()), "detail-type": "ECS Deployment State Change", "source": "aws.ecs", "account": ACCOUNT, "time": at,
        "region": REGION, "resources": [f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/prod/{service}"], "detail": detail, **more,
    })


def spans_of(path, deployment=None):
    """span id -> each of its copies with resource and scope, of the deployments' own traces."""
    found = {}
    for request in json_lines.so_far(path):
        for of_resource in request["resourceSpans"]:
            for of_scope in of_resource["scopeSpans"]:
                for span in of_scope["spans"]:
                    id = next((a["value"]["stringValue"] for a in span["attributes"] if a["key"] == "ecspan.deployment.id"), None)
                    if id is not None and deployment in (None, id):
                        whole = json.dumps([of_resource["resource"], of_scope["scope"], span])
                        found.setdefault((span["traceId"], span["spanId"]), []).append(whole)
    return found


def deployed(ecspan, tmp_path, id, service="web", code=0):
    """What `ecspan deploy --to` makes of it."""
    path = tmp_path / f"{uuid.uuid4().hex}.jsonl"
    run = ecspan("deploy", service, "--cluster", "prod", "--deployment", id, "--to", f"file:{path}", "--report", "json")
    assert run.code == code, run
    found = spans_of(path, id)
    path.unlink()
    assert found
    return {key: copies[0] for key, copies in found.items()}


def worked(ecspan, queue, path, *arguments, logs="failed", within=60, **options):
    process = start(ecspan, queue, "--to", f"file:{path}", "--logs-settle", "0s", *arguments, logs=logs, **options)
    queue.wait_until_empty(within)
    code, told = drained(process)
    assert code == 0, told
    return told


def once(path):
    """Its spans; copies must be the same."""
    found = spans_of(path)
    assert all(len(set(copies)) == 1 for copies in found.values()), "copies differ"
    return {key: copies[0] for key, copies in found.items()}


@pytest.mark.parametrize("new_api", [False, True], ids=["old API", "both APIs"])
@pytest.mark.parametrize("how", ["COMPLETED", "FAILED"])
def test_the_trace_is_the_one_that_deploy_makes(ecspan, aws, elasticmq, tmp_path, how, new_api):
    made = aws.rollouts.rolling(4, new_api=new_api) if how == "COMPLETED" else aws.rollouts.rolled_back(new_api=new_api)
    if new_api:
        aws.has_service_deployments()
    queue = Queue(elasticmq, receives=1)
    queue.send(ended(made.id, how), ended(made.id, "IN_PROGRESS"), ended(made.id, how))
    told = worked(ecspan, queue, tmp_path / "out")
    assert "deployments=2" in told and "passed_by=1" in told and f"deployment=\"prod/web {made.id}\"" in told, told
    assert ("outcome=held" if how == "COMPLETED" else 'outcome="rolled back"') in told, told
    assert once(tmp_path / "out") == deployed(ecspan, tmp_path, made.id, code=0 if how == "COMPLETED" else 10)


def test_a_rollbacks_end_tells_of_the_deployment_that_it_undoes(ecspan, aws, elasticmq, tmp_path):
    """Ended long ago: the event of the one that failed has given up. Just now: it waits, and this one is passed by."""
    made = aws.rollouts.rolled_back(drained=True)
    queue = Queue(elasticmq, receives=1)
    queue.send(ended(aws.rollouts.back))
    told = worked(ecspan, queue, tmp_path / "out")
    assert "deployments=1" in told and f"prod/web {made.id}" in told, told
    assert once(tmp_path / "out") == deployed(ecspan, tmp_path, made.id, code=10)


def test_it_waits_for_a_rollback_and_then_sends_what_there_is(ecspan, aws, elasticmq, tmp_path):
    made = aws.rollouts.rolled_back(drained=False)
    queue = Queue(elasticmq)
    queue.send(ended(made.id, "FAILED", ago=0))
    process = start(ecspan, queue, "--to", f"file:{tmp_path / 'out'}", "--logs-settle", "0s", logs="failed")
    assert b'msg="still open: deployment, 10 launches; looked at again in ' in line_with(b"still open", process.stderr)
    code, told = drained(process)
    assert code == 0 and "deployments=0" in told, told
    assert not spans_of(tmp_path / "out")
    # Long ago, and still not over: what is final is sent, and that is told.
    other = Queue(elasticmq, receives=1)
    other.send(ended(made.id, "FAILED"))
    told = worked(ecspan, other, tmp_path / "early")
    assert "level=warning msg=\"sent without what is still open: deployment" in told and "deployments=1" in told, told
    assert spans_of(tmp_path / "early")
    aws.rollouts.finish_rollback(made)
    other.send(ended(aws.rollouts.back))
    worked(ecspan, other, tmp_path / "out")
    assert once(tmp_path / "out") == deployed(ecspan, tmp_path, made.id, code=10)


def test_what_cannot_be_known_goes_to_the_dead_letters(ecspan, aws, elasticmq, tmp_path):
    made = aws.rollouts.rolling(2)
    aws.front.deny.add("ListTasks")
    queue = Queue(elasticmq, receives=1)
    gone, nameless = ended("ecs-svc/1"), ended(None)
    queue.send(ended(made.id), gone, nameless, ended("ecs-svc/2", service="gone"))
    process = start(ecspan, queue, "--to", f"file:{tmp_path / 'out'}", "--visibility-timeout", "5s", logs="none")
    dead = []
    wait_until(lambda: f"{len(dead)} dead letters", lambda: dead.extend(queue.dead_letters()) or len(dead) == 3, 60)
    code, told = drained(process)
    assert code == 0 and "poison=3" in told and "deployments=1" in told, told
    assert "has no deployment ecs-svc/1" in told and "it names no deployment of a service" in told and "has no service gone" in told, told
    # Tasks that may not be listed are a gap, as for deploy.
    assert "gap: tasks of the service" in told and "ecs:ListTasks" in told, told
    assert len(once(tmp_path / "out")) == 1


def test_denied_altogether_it_says_which_permission(ecspan, aws, elasticmq, tmp_path):
    made = aws.rollouts.rolling(2)
    aws.front.deny.add("DescribeServices")
    queue = Queue(elasticmq, receives=1)
    queue.send(ended(made.id))
    process = start(ecspan, queue, "--to", f"file:{tmp_path / 'out'}", "--visibility-timeout", "5s", logs="none")
    wait_until("a dead letter", queue.dead_letters, 60)
    code, told = drained(process)
    assert code == 0 and "ecs:DescribeServices" in told and "poison=1" in told, told


def test_throttled_it_asks_again(ecspan, aws, elasticmq, tmp_path):
    made = aws.rollouts.rolling(2, new_api=True)
    aws.has_service_deployments()
    aws.front.throttle["ListServiceDeployments"] = 3
    queue = Queue(elasticmq, receives=1)
    queue.send(ended(made.id))
    told = worked(ecspan, queue, tmp_path / "out", within=60, env={"AWS_MAX_ATTEMPTS": "2"})
    assert "deployments=1" in told and "Rate exceeded" in told, told
    assert once(tmp_path / "out") == deployed(ecspan, tmp_path, made.id)


def test_only_wanted_ones(ecspan, aws, elasticmq, tmp_path):
    made = aws.rollouts.rolling(2)
    queue = Queue(elasticmq, receives=1)
    for wanted, count in ((("--deployments", "off"), 0), (("--service", "other"), 0), (("--cluster", "prod"), 1), (("--only-failed",), 0),
                          (("--slower-than", "10m"), 0), (("--slower-than", "10s"), 1), (("--family", "web"), 1), (("--family", "db"), 0)):
        queue.send(ended(made.id))
        told = worked(ecspan, queue, tmp_path / "out", *wanted)
        assert f"deployments={count}" in told and f"passed_by={1 - count}" in told, (wanted, told)


def test_how_long_they_took_is_measured(ecspan, aws, elasticmq, collector, tmp_path):
    made = aws.rollouts.rolling(3)
    queue = Queue(elasticmq, receives=1)
    queue.send(ended(made.id))
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.http}
    process = start(ecspan, queue, env=environment)
    queue.wait_until_empty()
    assert drained(process)[0] == 0
    collector.stop()
    [point] = points(collector.metrics(1), "ecspan.deployment.duration", **{"task.service": "web", "task.cluster": "prod", "deployment.outcome": "held"})
    assert int(point["count"]) == 1 and point["sum"] == pytest.approx((made.over - made.at).total_seconds())


def many(aws, count):
    """Services, each with a deployment that is over: every third failed, with the lines of its tasks."""
    made = []
    for number in range(count):
        name, failed = f"svc-{number:04}", number % 3 == 2
        id, old = (f"ecs-svc/{age}{10**17 + number}" for age in (2, 1))
        over = CREATED + seconds(200)
        for task in range(2):
            times = {**launch(), "execution_stopped": 25.0, "stopping": 26.5, "stopped": 40.0} if failed else launch()
            more = {"stop_code": "EssentialContainerExited", "stopped_reason": "Essential container in task exited"} if failed else {}
            one = aws.seed.task("prod", [{**APP, **({"exitCode": 1} if failed else {})}], service=name, created=CREATED + seconds(1 + task), started_by=id,
                                times=times, streams=failed, **more)
            if failed:
                aws.seed.lines(one, "app", [(round((CREATED.timestamp() + 20) * 1000), f"fatal: no database for {name}")])
            end = {key: 86_400.0 + 30 + offset for key, offset in STOP.items()}
            aws.seed.task("prod", [{**OLD_APP, "exitCode": 143}], service=name, created=CREATED - seconds(86_400), started_by=old, times={**launch(), **end},
                          streams=False, stop_code="ServiceSchedulerInitiated", stopped_reason=SCALING.format(old))
        state = {"state": "FAILED", "reason": BREAKER, "failed": 2} if failed else {}
        events = [(over, f"(deployment {id}) deployment {'failed: tasks failed to start' if failed else 'completed'}.")]
        aws.rollouts.service([aws.rollouts.deployment(id, CREATED, desired=2, running=0 if failed else 2, updated=over, **state)], events, name=name, desired=2)
        made.append((name, id, failed))
    return made


def test_two_workers_one_killed_and_each_trace_is_there_once(ecspan, aws, elasticmq, tmp_path):
    made = many(aws, EVENTS)
    queue = Queue(elasticmq)
    queue.send(*(ended(id, "FAILED" if failed else "COMPLETED", service=name) for name, id, failed in made))
    files = [tmp_path / "one", tmp_path / "other"]
    options = dict(logs="failed", stderr=subprocess.DEVNULL)
    workers = [start(ecspan, queue, "--to", f"file:{file}", "--visibility-timeout", "10s", "--logs-settle", "0s", "--logs-rate", "100", **options) for file in files]
    queue.wait_until("half of it", lambda: queue.left() <= EVENTS // 2, 600)
    workers[0].kill()
    workers[0].wait()
    queue.wait_until_empty(900)
    workers[1].terminate()
    assert workers[1].wait(60) == 0
    found = {}
    for file in files:
        for key, copies in spans_of(file).items():
            found.setdefault(key, []).extend(copies)
    assert all(len(set(copies)) == 1 for copies in found.values()), "copies differ"

    def expected(one):
        name, id, failed = one
        return deployed(ecspan, tmp_path, id, service=name, code=11 if failed else 0)

    with ThreadPoolExecutor(4) as pool:
        whole = {key: text for one in pool.map(expected, made) for key, text in one.items()}
    assert {key: copies[0] for key, copies in found.items()} == whole
    traces = {trace for trace, _ in whole}
    assert len(traces) == EVENTS
    sent = sum(map(len, found.values()))
    print(f"{EVENTS} deployments, {len(whole)} spans, {sent} sent: {sent - len(whole)} of them again, after the kill")
