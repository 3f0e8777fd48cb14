"""The chain of calls: what can be asked at once is, and what can be asked together. Nothing is timed: a call is answered once those are
here that must not wait for it."""

import batch
import json_lines
from fake_aws.seed import CREATED, millis
from sqs import Queue, event, stopped_tasks
from test_export import ENDED
from test_worker import drained, points, start

#: Tasks, then the definition, then every log, be there one container or thirty.
CONTAINERS = 30


def task_of_many(aws):
    """A task of a service whose containers have a line each."""
    names = [f"c{number}" for number in range(CONTAINERS)]
    containers = [{"name": name, "image": "web:1", "exitCode": 0} for name in names]
    task = aws.seed.task("prod", containers, service="web", started_by="ecs-svc/1", times=ENDED, stop_code="EssentialContainerExited")
    for name in names:
        aws.seed.lines(task, name, [(millis(CREATED, 24), f"{name} says")])
    return task


def test_the_logs_of_all_containers_and_the_services_events_are_asked_for_at_once(ecspan, aws):
    task = task_of_many(aws)
    aws.front.meet = [
        {"DescribeTaskDefinition": 1, "DescribeServices": 1},
        # The first call of each log goes out before any of them and the service are answered.
        {"DescribeServices": 1, "GetLogEvents": CONTAINERS},
    ]
    shown = ecspan("show", f"prod/{task.id}")
    assert shown.code == 0, shown
    assert not aws.front.missed, "a call waited for another's answer"
    assert all(f"c{number} says" in shown.out for number in range(CONTAINERS)), shown
    # A log has ended where a call that goes on gets nothing.
    assert aws.front.calls == {"DescribeTasks": 1, "DescribeTaskDefinition": 1, "DescribeServices": 1, "GetLogEvents": 2 * CONTAINERS}


def test_what_a_call_for_messages_brings_is_sent_and_deleted_together(ecspan, elasticmq, collector, tmp_path):
    """Of a hundred events: ten calls bring them, ten delete them, and no more requests take their tasks."""
    queue = Queue(elasticmq)
    queue.send(*map(event, stopped_tasks(tmp_path / "tasks.jsonl", 100)))
    process = start(ecspan, queue, env={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.http})
    queue.wait_until_empty(60)
    code, told = drained(process)
    assert code == 0 and "tasks=100" in told and len(collector.spans(100 * batch.SPANS)) == 100 * batch.SPANS, told
    requests = sum("resourceSpans" in request for request in json_lines.so_far(collector.file))
    [deletes] = points(collector.metrics(1), "ecspan.aws.calls", **{"rpc.method": "DeleteMessageBatch"})
    # A call may bring less while others have the room.
    assert requests <= 15 and int(deletes["asInt"]) <= 15, (requests, deletes)
