"""Exports of tasks from the loopback AWS, read back from real receivers."""

import pytest
from batch import in_file
from conftest import PROJECT
from expected import PARENTS, attributes, phases, span_id
from fake_aws.seed import CREATED, LAUNCH, millis
from servers import flat

ENDED = {**LAUNCH, "stopping": 634.15, "execution_stopped": 623.75, "stopped": 655.65}
APP = {"name": "app", "image": "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/web:2026.11"}
OOM = {**APP, "exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}
ENVOY = {"name": "envoy", "image": "public.ecr.aws/appmesh/envoy:v1", "exitCode": 0, "essential": False}
CREATED_MS = millis(CREATED, 0)


def stopped_task(aws, lines, **more):
    """A task whose essential container ran out of memory, with so many lines in each of two logs."""
    task = aws.seed.task(
        "prod", [OOM, ENVOY], service="web", started_by="ecs-svc/1", times=ENDED, stop_code="EssentialContainerExited",
        stopped_reason="Essential container in task exited", **more,
    )
    for name in ("app", "envoy"):
        aws.seed.lines(task, name, [(millis(CREATED, 24 + i * 500 / max(lines, 1)), f"{name} line {i}") for i in range(lines)])
    return task


def meant(span):
    """A span as it is compared: what a receiver may add or order differently is left out."""
    # Jaeger keeps no order of events; those of one time are told apart by name.
    events = sorted((event["timeUnixNano"], event["name"], tuple(attributes(event).items())) for event in span.get("events", []))
    return {
        "id": span["spanId"], "trace": span["traceId"], "parent": span.get("parentSpanId", ""), "name": span["name"], "kind": span["kind"],
        "start": span["startTimeUnixNano"], "end": span["endTimeUnixNano"], "attributes": attributes(span), "events": events,
        "dropped": span.get("droppedEventsCount", 0), "status": {k: v for k, v in span.get("status", {}).items() if v},
        "resource": attributes(span["resource"]),
    }


def by_name(spans):
    names = {span["spanId"]: span["name"] for span in spans}
    name = lambda span: f"log of {names[span['parentSpanId']]}" if span["name"] == "log" else span["name"]
    named = {name(span): meant(span) for span in spans}
    assert len(named) == len(spans), "a span is there twice"
    return named


TRANSPORTS = {"grpc": "grpc", "http/protobuf": "http", "http/json": "http"}


@pytest.mark.parametrize("protocol", TRANSPORTS)
@pytest.mark.parametrize("lines", [100, 50_000])
def test_a_task_is_in_jaeger_as_it_was_meant(ecspan, aws, jaeger, protocol, lines):
    task = stopped_task(aws, lines)
    run = ecspan("export", f"prod/{task.id}", "--endpoint", getattr(jaeger, TRANSPORTS[protocol]), "--protocol", protocol)
    assert run.code == 0, run
    assert task.id in run.err and "14 of 14 spans accepted" in run.err

    spans = by_name(flat(jaeger.trace(task.id)))
    expected = phases(CREATED_MS, ENDED)
    for path, (start, end) in expected.items():
        span = spans["task web" if path == "task" else path]
        assert (span["start"], span["end"]) == (str(start), str(end)), path
        assert span["id"] == span_id(task.id, path)
        parent = "" if path == "task" else span_id(task.id, PARENTS.get(path, "task"))
        assert span["parent"] == parent, path
        assert span["attributes"]["aws.ecs.task.arn"] == task.task_arn
    root = spans["task web"]
    assert root["status"] == {"code": 2, "message": "Essential container in task exited; app: OutOfMemoryError: Container killed due to memory usage (exit code 137)"}
    assert root["attributes"]["error.type"] == "OutOfMemoryError"
    assert root["attributes"]["ecspan.task.stop_code"] == "EssentialContainerExited"
    assert root["resource"]["service.name"] == "web" and root["resource"]["cloud.region"] == "ap-northeast-1"
    assert [name for _, name, _ in root["events"]] == [
        "created", "connected", "pull started", "pull stopped", "started", "execution stopped", "stopping", "stopped"
    ]
    app = spans["container app"]
    assert app["attributes"]["ecspan.container.exit_code"] == 137
    assert app["attributes"]["container.image.tags"] == ["2026.11"]
    log = spans["log of container app"]
    assert log["attributes"]["aws.log.stream.names"] == [f"pfx/app/{task.id}"]
    assert log["attributes"]["ecspan.log.last_line"] == f"app line {lines - 1}" and log["attributes"]["ecspan.container.essential"]
    assert log["id"] == span_id(task.id, f"container/app/log|{log['attributes']['ecspan.log.selection']}")
    texts = [dict(attributes)["log.record.original"] for _, name, attributes in log["events"] if name == "log"]
    if lines == 100:
        assert texts == [f"app line {i}" for i in range(100)] and log["dropped"] == 0
    else:
        kept = [*range(32), *range(lines - 96, lines)]
        assert texts == [f"app line {i}" for i in kept] and log["dropped"] == 32
        assert [name for _, name, _ in log["events"]].index("log gap") == 32
    assert set(spans) == {"task web", "container app", "container envoy", "log of container app", "log of container envoy", *expected} - {"task"}
    calls = aws.front.calls
    assert calls["GetLogEvents"] == 4 and calls["DescribeTasks"] == calls["DescribeTaskDefinition"] == 1
    assert calls["DescribeServices"] == calls["ListTasks"] == calls["ListClusters"] == 0


def test_the_three_transports_and_the_file_give_the_same_spans(ecspan, aws, collector, tmp_path):
    task = stopped_task(aws, 200)
    file = tmp_path / "spans.jsonl"
    assert ecspan("export", f"prod/{task.id}", "--to", f"file:{file}").code == 0
    expected = by_name(in_file(file))
    for protocol, endpoint in TRANSPORTS.items():
        for compression in ("none", "gzip"):
            options = ["--protocol", protocol, "--endpoint", getattr(collector, endpoint), "--compression", compression]
            assert ecspan("export", f"prod/{task.id}", *options).code == 0
    spans = collector.spans(6 * 14)
    assert len(spans) == 6 * 14
    for at in range(0, len(spans), 14):
        assert by_name(spans[at : at + 14]) == expected


def test_show_of_a_services_task_asks_for_its_events_once(ecspan, aws):
    task = stopped_task(aws, 10)
    aws.seed.service("prod", "web", "web", [(CREATED, f"(service web) has started 1 tasks: (task {task.id})."), (CREATED, "(service web) is steady.")])
    run = ecspan("show", f"prod/{task.id}")
    assert run.code == 0, run
    assert aws.front.calls["DescribeServices"] == 1
    # Its own event, and what the service said meanwhile.
    said = " ".join(run.out.split())
    assert f"has started 1 tasks: (task {task.id})" in said and "while it was provisioning: is steady" in said
    assert "container app ran out of memory" in run.out


def test_a_running_task_is_sent_again_unchanged_when_it_has_stopped(ecspan, aws, jaeger, tmp_path):
    # Jaeger is only asked at the end: its memory store marks spans whose parent is missing when it shows them, and then
    # takes the same span for another one.
    task = aws.seed.task("prod", [APP], service="web")
    export = ["export", f"prod/{task.id}", "--protocol", "grpc", "--endpoint", jaeger.grpc, "--to", "otlp", "--to"]
    first = ecspan(*export, f"file:{tmp_path / 'launch.jsonl'}")
    assert first.code == 0 and "still open" in first.err, first
    launch = by_name(in_file(tmp_path / "launch.jsonl"))
    assert set(launch) == {"provisioning", "placement and network", "waiting for pull", "image pull", "starting"}

    aws.seed.set_times(task, CREATED, ENDED)
    task.stop_code, task.stopped_reason = "UserInitiated", "done"
    for name in ("once", "twice"):
        assert ecspan(*export, f"file:{tmp_path / name}").code == 0
    assert (tmp_path / "once").read_bytes() == (tmp_path / "twice").read_bytes()
    whole = by_name(in_file(tmp_path / "once"))
    assert {name: whole[name] for name in launch} == launch
    assert by_name(flat(jaeger.trace(task.id))) == whole


def test_a_task_that_is_named_twice_is_sent_once(ecspan, aws, tmp_path):
    task = stopped_task(aws, 10)
    run = ecspan("export", f"prod/{task.id[:8]}", f"prod/{task.id}", "--to", f"file:{tmp_path / 'out.jsonl'}")
    names = [span["name"] for span in in_file(tmp_path / "out.jsonl")]
    assert run.code == 0 and names.count("task web") == names.count("image pull") == 1, run


def test_nothing_final_yet_is_said_and_is_no_failure(ecspan, aws, jaeger):
    task = aws.seed.task("prod", [APP], times={"connected": 2.0})
    run = ecspan("export", f"prod/{task.id}", "--endpoint", jaeger.http)
    assert run.code == 0 and "0 spans: PROVISIONING, nothing final yet; --wait or --snapshot" in run.err, run
    assert jaeger.trace(task.id) == []


def test_a_snapshot_has_its_own_trace_that_links_to_the_final_one(ecspan, aws, collector):
    task = aws.seed.task("prod", [APP])
    run = ecspan("export", f"prod/{task.id}", "--snapshot", "--protocol", "grpc", "--endpoint", collector.grpc)
    assert run.code == 0, run
    spans = {span["name"]: span for span in collector.spans(8)}
    root = spans["task web"]
    assert root["traceId"] != task.id and root["traceId"] in run.err
    assert attributes(spans["running"])["ecspan.in_progress"] is True
    assert root["links"][0]["traceId"] == task.id


def test_the_callers_trace_holds_the_task_and_its_id_still_leads_there(ecspan, aws, jaeger):
    caller = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
    overrides = [{"name": "app", "environment": [{"name": "TRACEPARENT", "value": caller["traceparent"]}]}]
    task = aws.seed.task("prod", [{**APP, "exitCode": 0}], times=ENDED, stop_code="EssentialContainerExited",
                         stopped_reason="Essential container in task exited", overrides=overrides)
    run = ecspan("export", f"prod/{task.id}", "--endpoint", jaeger.http)
    assert run.code == 0 and "4bf92f3577b34da6a3ce929d0e0e4736" in run.err, run
    root = by_name(flat(jaeger.trace("4bf92f3577b34da6a3ce929d0e0e4736")))["task web"]
    assert root["parent"] == "00f067aa0ba902b7"
    (pointer,) = flat(jaeger.trace(task.id))
    assert pointer["name"] == "task web (in its caller's trace)"
    assert attributes(pointer)["ecspan.caller.trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736" and pointer["links"][0]["spanId"] == root["id"]


def test_many_tasks_are_selected_described_by_hundreds_and_share_requests(ecspan, aws, collector):
    for _ in range(250):
        aws.seed.task("prod", [{**APP, "exitCode": 0}], service="web", started_by="ecs-svc/7", times=ENDED, stop_code="ServiceSchedulerInitiated")
    aws.seed.task("prod", [APP], family="other")
    run = ecspan("export", "--cluster", "prod", "--service", "web", "--started-by", "ecs-svc/7", "--no-logs", "--protocol", "grpc", "--endpoint", collector.grpc)
    assert run.code == 0, run
    assert f"{250 * 11} of {250 * 11} spans accepted" in run.err
    assert len({span["spanId"] for span in collector.spans(250 * 11)}) == 250 * 11
    assert aws.front.calls["DescribeTasks"] == 3 and aws.front.calls["DescribeTaskDefinition"] == 1


def test_waiting_for_a_task_to_stop(ecspan, aws, collector):
    task = aws.seed.task("prod", [APP])
    process = ecspan.start("export", f"prod/{task.id}", "--wait", "--protocol", "grpc", "--endpoint", collector.grpc)
    assert aws.front.arrived.wait(60)
    aws.seed.set_times(task, CREATED, ENDED)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "task web" in {span["name"] for span in collector.spans(11)}


def test_a_wait_that_takes_too_long_sends_what_is_final(ecspan, aws, collector):
    task = aws.seed.task("prod", [APP])
    run = ecspan("export", f"prod/{task.id}", "--wait", "--wait-timeout", "100ms", "--protocol", "grpc", "--endpoint", collector.grpc)
    assert run.code == 12 and "still RUNNING" in run.err, run
    assert {span["name"] for span in collector.spans(5)} >= {"provisioning", "image pull", "starting"}


def test_a_file_is_not_waited_for(ecspan):
    run = ecspan("export", PROJECT / "examples/nginx/task.json", "--wait=stopped", "--to", "file:-")
    assert run.code == 0 and "--wait waits for tasks that AWS is asked about" in run.err, run
