"""Deployments in the loopback AWS: the report, the exit code, and the traces read back from Jaeger with their links."""

import hashlib
import json
import signal
import time
import urllib.request

import pytest
from batch import in_file
from conftest import PROJECT
from expected import attributes
from fake_aws import REGION
from fake_aws.rollouts import BREAKER
from fake_aws.seed import ACCOUNT
from servers import flat
from waiting import line_with

CLUSTER = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/prod"
DEPLOY = ("deploy", "web", "--cluster", "prod")


def identity(made):
    return f"{CLUSTER}|web|{made.id}"


def sha(text, length):
    return hashlib.sha256(text.encode()).hexdigest()[: 2 * length]


def report(ecspan, *more, code=0, **options):
    run = ecspan(*DEPLOY, "--report", "json", *more, **options)
    assert run.code == code, run
    return json.loads(run.out)


def named(spans):
    """Spans by name, without the zone; those of tasks by name and task."""
    made = {}
    for span in spans:
        name = span["name"].removesuffix(f" {REGION}a")
        key = (name, attributes(span).get("ecspan.deployment.id") and name != "failed tasks" and attributes(span).get("aws.ecs.task.id") or None)
        assert key not in made, f"{key} is there twice"
        made[key] = span
    return made


def delivered(ecspan, jaeger, made, *more, code=0):
    """What Jaeger has of the deployment after it was sent there. Every link must lead to a trace that is there."""
    run = ecspan(*DEPLOY, "--to", "otlp", "--endpoint", jaeger.grpc, "--protocol", "grpc", *more)
    assert run.code == code, run
    trace_id = sha(identity(made), 16)
    # Said once, by the report.
    assert trace_id not in run.err and trace_id in run.out
    spans = flat(jaeger.trace(trace_id))
    warned = {span["operationName"]: span["warnings"] for span in jaeger.shown(trace_id) if span.get("warnings")}
    assert warned == {}, "what Jaeger's page would warn of"
    for span in spans:
        assert span["spanId"] and attributes(span)["ecspan.deployment.id"] == made.id
        for link in span.get("links", []):
            found = {one["spanId"] for one in flat(jaeger.trace(link["traceId"]))}
            assert found, f"{span['name']} links to a trace that is not there"
            if span["name"] == f"stop {REGION}a":
                assert link["spanId"] in found, "the root of a stopped task"
    return named(spans), run


def test_a_clean_rolling_deployment(ecspan, aws, jaeger):
    made = aws.rollouts.rolling()
    run = ecspan(*DEPLOY)
    assert run.code == 0 and run.out.startswith("✓ held: ECS deployment"), run
    assert "20 launched, 20 started (the first after 25.3 s" in run.out and "0 failed; 20 old stopped" in " ".join(run.out.split())
    assert "image pull takes the largest part of a launch" in run.out and "note: the service deployments API is not available" in run.out
    assert len(run.out.splitlines()) < 60
    assert dict(aws.front.calls) == {"DescribeServices": 1, "ListServiceDeployments": 1, "ListTasks": 2, "DescribeTasks": 2, "FilterLogEvents": 1}

    spans, _ = delivered(ecspan, jaeger, made)
    root = spans["deployment", None]
    assert root["spanId"] == sha(identity(made) + "|deployment", 8) and not root.get("parentSpanId")
    assert attributes(root)["ecspan.deployment.outcome"] == "held" and root.get("status", {}).get("code", 0) == 0
    assert {event["name"] for event in root["events"]} == {"service event"} and len(root["events"]) == 41
    task = made.new[3]
    launch = spans["launch", task.id]
    assert launch["spanId"] == sha(f"{identity(made)}|launch/{task.id}", 8) and launch["parentSpanId"] == root["spanId"]
    pull = spans["image pull", task.id]
    assert pull["spanId"] == sha(f"{identity(made)}|launch/{task.id}/image pull", 8) and pull["parentSpanId"] == launch["spanId"]
    assert int(pull["endTimeUnixNano"]) - int(pull["startTimeUnixNano"]) == 13_550_000_000
    waiting = spans["waiting for pull", task.id]
    assert waiting["parentSpanId"] == spans["provisioning", task.id]["spanId"]
    stop = spans["stop", made.old[0].id]
    assert attributes(stop)["ecspan.stop.why"] == "replaced"
    assert int(stop["endTimeUnixNano"]) - int(stop["startTimeUnixNano"]) == 30_000_000_000
    assert len(spans) == 1 + 20 * 6 + 20


def test_every_time_the_same_bytes(ecspan, aws, tmp_path):
    aws.has_service_deployments()
    aws.rollouts.rolling(new_api=True)
    for name in ("once", "twice"):
        assert ecspan(*DEPLOY, "--to", f"file:{tmp_path / name}").code == 0

    def lines(name):
        # Tasks come in the order in which they are described.
        spans = in_file(tmp_path / name)
        return sorted(json.dumps(span, sort_keys=True) for span in spans)

    assert lines("once") == lines("twice")
    queued = [span for span in map(json.loads, lines("once")) if span["name"] == "queued"]
    assert [int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"]) for span in queued] == [2_000_000_000]


@pytest.mark.parametrize("new_api", [False, True], ids=["old api, drained", "new api"])
def test_a_deployment_that_the_circuit_breaker_rolls_back(ecspan, aws, jaeger, new_api):
    if new_api:
        aws.has_service_deployments()
    made = aws.rollouts.rolled_back(new_api=new_api)
    run = ecspan(*DEPLOY)
    assert run.code == 10 and run.out.startswith("✗ rolled back: "), run
    text = " ".join(run.out.split())
    assert "10 launched, 10 started" in text and "10 failed; 2 old stopped" in text
    assert "10 tasks failed: Essential container in task exited; app: exit code 1" in text
    assert "fatal: DATABASE_URL is not set" in text and "2 started by the rollback" in text
    # The reason and the last lines are on the first screen.
    assert next(at for at, line in enumerate(run.out.splitlines()) if "DATABASE_URL" in line) < 20

    found = report(ecspan, code=10)
    assert (found["outcome"], found["service"], found["deployment"]) == ("rolled back", "web", made.id)
    assert found["tasks"]["failed"] == 10 and found["failures"][0]["count"] == 10
    assert found["failures"][0]["sample"]["lines"][-1]["message"] == "fatal: DATABASE_URL is not set"
    assert found.get("circuit_breaker", {}).get("failures") == (10 if new_api else None)

    spans, _ = delivered(ecspan, jaeger, made, code=10)
    assert spans["deployment", None]["status"]["code"] == 2 and spans["rollback", None]["parentSpanId"] == spans["deployment", None]["spanId"]
    for task in made.new:
        # It had started, and failed before the deployment was over.
        assert spans["launch", task.id]["status"] == {"code": 2, "message": "Essential container in task exited; app: exit code 1"}
        stop = spans["stop", task.id]
        assert stop["status"]["code"] == 2 and attributes(stop)["ecspan.stop.why"] == "failed"
    assert ("launch", made.back[0].id) not in spans
    why = spans["failed tasks", None]
    assert why["parentSpanId"] == spans["deployment", None]["spanId"] and attributes(why)["ecspan.deployment.failed.count"] == 10
    assert why["status"]["message"] == "10 tasks failed: Essential container in task exited; app: exit code 1; app: fatal: DATABASE_URL is not set"
    # Sent again it is the same, whichever task was read first.
    again, _ = delivered(ecspan, jaeger, made, code=10)
    assert again.keys() == spans.keys()


def test_a_rollback_that_goes_on_is_still_in_progress(ecspan, aws):
    made = aws.rollouts.rolled_back(drained=False)
    found = report(ecspan)
    assert found["outcome"] == "in progress" and found["deployment"] == made.id and found["reason"] == BREAKER
    assert "being rolled back" in found["headline"][0]
    late = ecspan(*DEPLOY, "--wait", "--wait-timeout", "1ms")
    assert late.code == 12 and "waiting for its end took too long" in late.out, late
    assert "note: --wait-timeout ran out after " in late.err, late


def test_a_rollback_is_waited_for(ecspan, aws):
    made = aws.rollouts.rolled_back(drained=False)
    process = ecspan.start(*DEPLOY, "--wait", "--report", "json", "--to", "file:spans.jsonl")
    line_with(f"waiting: {made.id}: 0 of 0 running, 10 failed, rolling back: {BREAKER}\n".encode(), process.stderr)
    aws.rollouts.finish_rollback(made)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 10, err
    found = json.loads(out)
    # What DescribeServices no longer says was said while it was waited for.
    assert found["deployment"] == made.id and found["task_definition"].endswith("web:2") and "created_estimated" not in found


def test_a_deployment_that_vanishes_while_it_is_waited_for_did_not_hold(ecspan, aws):
    made = aws.rollouts.in_progress()
    process = ecspan.start(*DEPLOY, "--wait")
    line_with(b"waiting: ecs-svc/", process.stderr)
    aws.rollouts.service([aws.rollouts.deployment(aws.rollouts.back, made.at, revision=1)], [])
    out, err = process.communicate(timeout=60)
    assert process.returncode == 11 and f"{aws.rollouts.back} took its place before it was over" in " ".join(out.decode().split()), err


def test_a_wait_can_be_interrupted(ecspan, aws):
    aws.rollouts.in_progress()
    process = ecspan.start(*DEPLOY, "--wait")
    line_with(b"waiting: ecs-svc/", process.stderr)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_what_is_refused_of_every_task_is_told_once(ecspan, aws):
    aws.rollouts.rolling(30)
    aws.front.deny.add("DescribeTaskDefinition")
    run = ecspan(*DEPLOY, "--to", "file:spans.jsonl")
    assert run.code == 3 and run.err.count("29 more tasks: the task definition: ") == 2, run
    assert run.err.count("ecs:DescribeTaskDefinition in the IAM policy") == 2 and aws.front.calls["DescribeTaskDefinition"] == 2


def test_a_launch_that_never_started_is_an_error_in_the_phase_where_it_failed(ecspan, aws, jaeger):
    made = aws.rollouts.rolling(3)
    reason = f"CannotPullContainerError: pull image manifest has been retried 5 time(s): image web:2026.12 not found"
    times = {"connected": 2.1, "execution_stopped": 12.0, "stopping": 12.5, "stopped": 20.0}
    broken = aws.rollouts.task(made.id, made.at, times, stop_code="TaskFailedToStart", stopped_reason=reason)
    spans, run = delivered(ecspan, jaeger, made)
    assert "1 task failed: CannotPullContainerError" in run.out
    for name in ("launch", "provisioning"):
        assert spans[name, broken.id]["status"] == {"code": 2, "message": reason}
    assert ("stop", broken.id) not in spans
    failed = ecspan(*DEPLOY, "--fail-on", "task-failed", "--fail-on", "out-of-memory")
    assert failed.code == 13 and "finding: --fail-on task-failed" in failed.err and "out-of-memory" not in failed.err, failed


def test_a_scale_in_is_told_apart(ecspan, aws, jaeger):
    made = aws.rollouts.scale_in()
    found = report(ecspan)
    assert (found["outcome"], found["tasks"]["launched"], found["tasks"]["stopped"], found["tasks"]["failed"]) == ("held", 5, 5, 0)
    (apart,) = found["apart"]
    assert apart["count"] == 3 and "scale-in" in apart["what"] and set(apart["tasks"]) == {task.id for task in made.scaled_in}
    spans, _ = delivered(ecspan, jaeger, made)
    assert {task for name, task in spans if name == "stop"} == {task.id for task in made.old}


def test_rebalancing_and_replacements_are_told_apart(ecspan, aws, jaeger):
    made = aws.rollouts.rebalancing()
    found = report(ecspan)
    assert found["tasks"]["launched"] == 6 and found["tasks"]["stopped"] == 6
    apart = {one["what"].split(" (")[0]: set(one["tasks"]) for one in found["apart"]}
    assert apart == {
        "started or stopped to balance the availability zones": {task.id for task in made.started},
        "stopped to balance the availability zones": {task.id for task in made.moved},
        "started by the scheduler after it was over": {made.replacement.id},
    }
    spans, _ = delivered(ecspan, jaeger, made)
    assert {task for name, task in spans if name == "launch"} == {task.id for task in made.new}


def test_a_deployment_in_progress_and_then_its_end(ecspan, aws, jaeger):
    made = aws.rollouts.in_progress()
    found = report(ecspan)
    assert found["outcome"] == "in progress" and found["tasks"] == {
        "desired": 20, "launched": 9, "started": 8, "failed": 0, "failed_as_ecs_counts": 0, "stopped": 8,
    }
    run = ecspan(*DEPLOY, "--snapshot", "--to", "otlp", "--endpoint", jaeger.http)
    assert run.code == 0, run
    snapshot = named(flat(jaeger.trace(run.out.split("trace id ")[1].split()[0])))
    root = snapshot["deployment", None]
    assert attributes(root)["ecspan.in_progress"] is True and attributes(root)["ecspan.deployment.outcome"] == "in progress"
    assert root["links"][0]["traceId"] == sha(identity(made), 16) and root["links"][0]["spanId"] == sha(identity(made) + "|deployment", 8)
    file = ecspan(*DEPLOY, "--to", "file:launches.jsonl")
    # Whether a task that has started fails before the deployment is over is not known yet; how long each phase of its launch took is.
    assert "still open: deployment, 9 launches (the root follows when the deployment is over)" in file.err, file

    process = ecspan.start(*DEPLOY, "--wait", "--to", "otlp", "--endpoint", jaeger.http)
    line_with(f"waiting: {made.id}: 8 of 20 running\n".encode(), process.stderr)
    aws.rollouts.finish(made)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and out.decode().startswith("✓ held"), err
    spans = named(flat(jaeger.trace(sha(identity(made), 16))))
    assert ("deployment", None) in spans and len([name for name, _ in spans if name == "launch"]) == 9
    # What had been sent before is the same now.
    before = in_file(ecspan.home / "launches.jsonl")
    before = {span["spanId"]: span for span in before if span["name"] == "image pull" and "ecspan.deployment.id" in attributes(span)}
    assert len(before) == 8
    for span in spans.values():
        if span["spanId"] in before:
            assert span["endTimeUnixNano"] == before[span["spanId"]]["endTimeUnixNano"]


def test_a_deployment_that_fails_while_it_is_waited_for(ecspan, aws):
    made = aws.rollouts.in_progress()
    process = ecspan.start(*DEPLOY, "--wait", "--wait-timeout", "60s")
    line_with(b"waiting: ecs-svc/", process.stderr)
    aws.rollouts.finish(made, failed=True)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 11 and out.decode().startswith("✗ failed: "), err
    assert "ECS counted 3 failures: it no longer lists the others" in " ".join(out.decode().split())


def test_a_wait_that_takes_too_long(ecspan, aws):
    aws.rollouts.in_progress()
    run = ecspan(*DEPLOY, "--wait", "--wait-timeout", "100ms", "--fail-on", "task-failed")
    assert run.code == 12 and run.out.startswith("… in progress (waiting for its end took too long)"), run


def test_the_deployment_is_a_child_of_the_pipelines_span(ecspan, aws, jaeger):
    made = aws.rollouts.rolling(2)
    trace, parent = sha(made.id, 16), "00f067aa0ba902b7"
    run = ecspan(*DEPLOY, "--to", "otlp", "--endpoint", jaeger.http, env={"TRACEPARENT": f"00-{trace}-{parent}-01"})
    assert run.code == 0 and f"a pointer is under {sha(identity(made), 16)}" in run.err, run
    root = named(flat(jaeger.trace(trace)))["deployment", None]
    assert root["parentSpanId"] == parent
    (pointer,) = flat(jaeger.trace(sha(identity(made), 16)))
    assert pointer["links"][0]["spanId"] == root["spanId"] and pointer["links"][0]["traceId"] == trace
    # A caller that was not sampled was never stored.
    unsampled = ecspan(*DEPLOY, "--to", "file:own.jsonl", env={"TRACEPARENT": f"00-{trace}-{parent}-00"})
    assert f"trace id {sha(identity(made), 16)}\n" in unsampled.out


def test_a_slower_pull_is_said_first_and_no_difference_is_said_too(ecspan, aws, tmp_path):
    aws.rollouts.rolling(pull=6.0, jitter=0.0)
    assert ecspan(*DEPLOY, "--report-file", f"json:{tmp_path / 'before.json'}", "--report", "none").code == 0
    for nowhere in (tmp_path / "nowhere" / "before.json", tmp_path):
        wrong = ecspan(*DEPLOY, "--report-file", f"json:{nowhere}")
        assert wrong.code == 2 and wrong.out == "" and str(nowhere) in wrong.err, wrong
    # A file's name says its format, after --report as well; what is printed is said once.
    named = ecspan(*DEPLOY, "--report", tmp_path / "web.html", "--report", tmp_path / "web.MD", "--report", "json", "--report-file", tmp_path / "web.json")
    assert named.code == 0 and json.loads(named.out)["service"] == "web", named
    assert (tmp_path / "web.html").read_text().startswith("<!DOCTYPE html>") and (tmp_path / "web.json").read_text() == named.out
    assert "held" in (tmp_path / "web.MD").read_text()
    beside = ecspan(*DEPLOY, "--report", tmp_path / "web.html")
    assert beside.code == 0 and beside.out.startswith("✓ held"), beside
    unknown = ecspan(*DEPLOY, "--report", "web.pdf")
    assert unknown.code == 2 and unknown.out == "" and "--report web.pdf: of which format?" in unknown.err and "a PATH that ends in" in unknown.err, unknown
    assert ecspan(*DEPLOY, "--report", "json", "--report", "text").code == 2
    # A full disk under one report keeps none of the others from being written.
    full = ecspan(*DEPLOY, "--report-file", "json:/dev/full", "--report-file", "html:/dev/full", "--report-file", tmp_path / "last.txt")
    assert full.code == 1 and full.err.count("failed to write the report /dev/full") == 2 and "held" in (tmp_path / "last.txt").read_text(), full
    same = ecspan(*DEPLOY, "--baseline", tmp_path / "before.json")
    assert same.code == 0 and same.out.splitlines()[0] == "no difference that matters to the baseline", same
    aws.reset()
    aws.rollouts.rolling(pull=18.0, jitter=0.0)
    slow = ecspan(*DEPLOY, "--baseline", tmp_path / "before.json", "--fail-on", "slower-than-baseline")
    assert slow.code == 13, slow
    assert slow.out.splitlines()[0] == "image pull is 3.0 times as slow as in the baseline (p50 18.0 s against 6.0 s, 20 and 20 tasks)"
    assert "a difference matters when both sides have 5 tasks or more" in " ".join(slow.out.split())
    aws.reset()
    aws.rollouts.rolling(3, pull=18.0)
    small = ecspan(*DEPLOY, "--baseline", tmp_path / "before.json")
    assert small.out.startswith("not judged against the baseline: a small sample"), small
    aws.reset()
    aws.rollouts.rolled_back()
    worse = ecspan(*DEPLOY, "--baseline", tmp_path / "before.json")
    assert worse.code == 10 and worse.out.startswith("✗ rolled back") and "; the baseline held" in " ".join(worse.out.split()), worse
    broken = ecspan(*DEPLOY, "--baseline", "none.json")
    assert broken.code == 1 and "failed to read none.json" in broken.err
    (ecspan.home / "other.json").write_text('{"tasks": []}')
    for no_report in (PROJECT / "README.md", PROJECT / "examples/nginx/task.json"):
        foreign = ecspan(*DEPLOY, "--baseline", no_report)
        assert foreign.code == 1 and "is no report of ecspan deploy" in foreign.err and "--report json" in foreign.err, foreign
    other = ecspan(*DEPLOY, "--baseline", "other.json")
    assert other.code == 1 and "other.json is no report of ecspan deploy" in other.err


def call(aws, operation, **body):
    headers = {
        "X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{operation}", "Content-Type": "application/x-amz-json-1.1",
        "Authorization": f"AWS4-HMAC-SHA256 Credential=A/20261101/{REGION}/ecs/aws4_request, SignedHeaders=host, Signature=x",
    }
    with urllib.request.urlopen(urllib.request.Request(aws.url, json.dumps(body).encode(), headers)) as answer:
        return json.load(answer)


def test_saved_answers_say_what_aws_says(ecspan, aws):
    aws.has_service_deployments()
    aws.rollouts.rolled_back(new_api=True)
    live = report(ecspan, code=10)
    answers = {
        "services.json": call(aws, "DescribeServices", cluster="prod", services=["web"]),
        "listed.json": (listed := call(aws, "ListServiceDeployments", cluster="prod", service="web")),
        "deployments.json": call(aws, "DescribeServiceDeployments", serviceDeploymentArns=[one["serviceDeploymentArn"] for one in listed["serviceDeployments"]]),
        "revisions.json": call(aws, "DescribeServiceRevisions", serviceRevisionArns=[one["targetServiceRevisionArn"] for one in listed["serviceDeployments"]]),
    }
    for status in ("RUNNING", "STOPPED"):
        arns = call(aws, "ListTasks", cluster="prod", serviceName="web", desiredStatus=status)["taskArns"]
        answers[f"{status}.json"] = call(aws, "DescribeTasks", cluster="prod", tasks=arns)
    for name, answer in answers.items():
        (ecspan.home / name).write_text(json.dumps(answer))
    aws.front.calls.clear()
    run = ecspan("deploy", "--report", "json", "--from", *answers)
    assert run.code == 10 and not aws.front.calls, run
    saved = json.loads(run.out)
    for one in (live, saved):
        for group in one["failures"]:
            # The lines are not in these files, and which task is first depends on the order of the answers.
            group.pop("sample", None), group.pop("tasks")
        # What was saved is over long since: there is nothing to do.
        one.pop("findings"), one.pop("apart"), one.pop("next")
        # The second line ends with what was said last.
        one["headline"] = [line.split("; app last said: ")[0] for line in one["headline"]]
    assert saved == live
    none = ecspan("deploy", "--from", "RUNNING.json")
    assert none.code == 1 and "no file speaks of a service" in none.err and "describe-services" in none.err
    shown = ecspan("show", "deployments.json", "RUNNING.json")
    assert shown.code == 3 and "`ecspan deploy --from FILE service.json` reads it beside its service" in shown.err


def test_what_is_denied_or_unknown_says_what_to_do(ecspan, aws):
    aws.has_service_deployments()
    made = aws.rollouts.rolling(2, new_api=True)
    aws.front.deny.add("ListServiceDeployments")
    run = ecspan(*DEPLOY)
    assert run.code == 0 and "allow ecs:ListServiceDeployments in the IAM policy" in " ".join(run.out.split()), run
    unknown = ecspan(*DEPLOY, "--deployment", "ecs-svc/7")
    assert unknown.code == 1 and "service web has no deployment ecs-svc/7" in unknown.err and f"known are: {made.id} (COMPLETED" in unknown.err
    nowhere = ecspan("deploy", "nope", "--cluster", "prod")
    assert nowhere.code == 1 and f"cluster prod of {REGION} has no service nope" in nowhere.err
    assert "`ecspan ls` lists the clusters" in ecspan("deploy", "web", "--cluster", "nope").err
    assert "there is no such finding" in ecspan(*DEPLOY, "--fail-on", "bad-luck").err
    assert ecspan("deploy", "web").code == 0, "searched in all clusters"
    aws.front.deny.add("DescribeTasks")
    denied = ecspan(*DEPLOY, "--to", "file:x.jsonl")
    assert denied.code == 3 and denied.out.startswith("✓ held") and "allow ecs:DescribeTasks in the IAM policy" in " ".join(denied.out.split()), denied


def test_how_it_ended_is_known_without_the_tasks(ecspan, aws):
    aws.rollouts.rolled_back()
    aws.front.deny.add("DescribeTasks")
    run = ecspan(*DEPLOY, "--report-file", "json:report.json")
    assert run.code == 10 and run.out.startswith("✗ rolled back") and "gap: tasks of the service" in run.out, run
    assert json.loads((ecspan.home / "report.json").read_text())["outcome"] == "rolled back"


def test_a_wait_is_over_in_time_whatever_aws_does(ecspan, aws):
    aws.rollouts.in_progress()
    process = ecspan.start(*DEPLOY, "--wait", "--wait-timeout", "10s")
    line_with(b"waiting", process.stderr)
    aws.front.throttle_every = {"DescribeServices": 1}
    out, err = process.communicate(timeout=60)
    assert process.returncode == 12 and out.decode().startswith("… in progress"), (out.decode(), err.decode())


def test_files_that_say_something_else(ecspan, aws):
    aws.rollouts.rolling(2)
    services = call(aws, "DescribeServices", cluster="prod", services=["web"])
    for name in ("once.json", "again.json"):
        (ecspan.home / name).write_text(json.dumps(services))
    alone = ecspan("deploy", "web", "--from", "once.json", "again.json")
    assert alone.code == 3 and "gap: tasks of the service: no file holds any" in " ".join(alone.out.split()), alone
    other = ecspan("deploy", "web", "--cluster", "staging", "--from", "once.json")
    assert other.code == 1 and "no file speaks of service web in cluster staging" in other.err, other
    nowhere = ecspan(*DEPLOY, "--snapshot")
    assert nowhere.code == 2 and "--to otlp" in nowhere.err, nowhere
    assert "--wait-timeout" in ecspan(*DEPLOY, "--wait", "--timeout", "5s").err


def test_the_deployment_before_is_known_to_the_new_api(ecspan, aws):
    aws.has_service_deployments()
    made = aws.rollouts.rolling(2, new_api=True)
    found = report(ecspan, "--deployment", "previous")
    assert found["deployment"] == aws.rollouts.old and found["task_definition"].endswith("web:1") and found["tasks"]["launched"] == 2
    assert "a later deployment" in found["apart"][0]["what"] and found["apart"][0]["count"] == 2
    arn = report(ecspan)["service_deployment_arn"]
    by_arn = report(ecspan, "--deployment", arn)
    assert by_arn["deployment"] == made.id and by_arn["tasks"]["launched"] == 2
    address = f"https://{arn.split(':')[3]}.console.aws.amazon.com/ecs/v2/clusters/prod/services/web/deployments/{arn.rsplit('/', 1)[1]}"
    for named in arn, address:
        run = ecspan("deploy", named, "--report", "json")
        assert run.code == 0 and json.loads(run.out)["deployment"] == made.id, run
    both = ecspan("deploy", arn, "--deployment", "previous")
    assert both.code == 2 and "which one is meant" in both.err, both
    event = ecspan("deploy", made.id)
    assert event.code == 2 and f"--deployment {made.id}" in event.err, event


@pytest.mark.parametrize("throttled", [False, True])
def test_five_thousand_tasks(ecspan, aws, collector, throttled):
    made = aws.rollouts.rolling(5_000)
    if throttled:
        aws.front.throttle_every = {"ListTasks": 3, "DescribeTasks": 3, "DescribeServices": 3}
    run = ecspan(*DEPLOY, "--to", "otlp", "--endpoint", collector.grpc, "--protocol", "grpc")
    assert run.code == 0, run
    assert "5000 launched, 5000 started" in run.out and "4980 more like these (20 of 5000 are drawn)" in run.out
    assert len(run.out.splitlines()) < 60 and "and the traces of 10000 tasks" in run.err
    # Root, a launch and a stop each; no phases in a deployment of so many.
    assert f"{made.id}: 10001 spans" in run.err
    calls = aws.front.calls
    extra = 1.6 if throttled else 1.0
    assert calls["ListTasks"] <= 100 * extra and calls["DescribeTasks"] <= 100 * extra and calls["DescribeTaskDefinition"] == 2
    assert calls["GetLogEvents"] == 0
