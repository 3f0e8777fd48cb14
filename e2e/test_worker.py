"""`ecspan worker` against SQS as ElasticMQ has it: every task once, whatever happens to the workers and the receiver.

`ECSPAN_WORKER_EVENTS=10000` is the proof; fewer are enough to notice."""

import json
import os
import random
import subprocess
import threading
import time
from collections import Counter

import batch
import pytest
from conftest import told_to_stop as drained
from servers import Collector, free_port
from sqs import Queue, event, stopped_tasks
from test_export import stopped_task
from waiting import line_with, wait_until

EVENTS = int(os.environ.get("ECSPAN_WORKER_EVENTS", "300"))
IS_PROOF = EVENTS >= 10_000
#: Seconds that the receiver is down in the middle.
DOWN = 30 if IS_PROOF else 3
#: Seconds for which a message is hidden: those of a killed worker come back after it.
HIDDEN = 60 if IS_PROOF else 10
#: A message that was received so often goes to the dead-letter queue instead of being received again.
RECEIVES = 4 if IS_PROOF else 3
#: Seconds for which workers are killed. Two receipts of a message are HIDDEN apart, so a kill can cost it one receipt less than it
#: has: a task that ends as a dead letter was not lost to the kills.
KILLING = (RECEIVES - 1) * HIDDEN


def start(ecspan, queue, *arguments, logs="none", env=None, **options):
    environment = {"AWS_ENDPOINT_URL_SQS": queue.endpoint, **(env or {})}
    return ecspan.start("worker", "--queue", queue.url, "--logs", logs, *arguments, env=environment, **options)


def test_every_task_once_and_the_queue_empty(ecspan, elasticmq, collector, tmp_path):
    queue = Queue(elasticmq, receives=1)
    tasks = stopped_tasks(tmp_path / "tasks.jsonl", 30)
    foreign = json.dumps({"detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2", "detail": {}})
    queue.send(*map(event, tasks), *map(event, tasks), foreign, "poison")
    process = start(ecspan, queue, "--endpoint", collector.http)
    assert len(collector.spans(60 * batch.SPANS)) == 60 * batch.SPANS
    # The poison message alone is hidden, until its time is up.
    queue.wait_until("the poison message alone", lambda: queue.left() == 1)
    code, told = drained(process)
    assert code == 0 and "messages=62" in told and "tasks=60" in told and "passed_by=1" in told and "poison=1" in told, told
    assert "dead-letter rule" in told and "540 of 540 spans accepted" in told
    assert all(line.startswith("level=") for line in told.splitlines()), "one format, also at the end"
    delivered = [line for line in told.splitlines() if "msg=delivered " in line]
    assert len(delivered) == 60 and len({line.split(" message=")[1].split()[0] for line in delivered}) == 60, "a message each"
    copies = batch.by_id(collector.spans(60 * batch.SPANS))
    assert len(copies) == 30 * batch.SPANS
    batch.assert_identical(copies)


def unusable(task):
    """Events about a task of which nothing can be made."""
    whole = json.loads(event(task))
    details = [None, "STOPPED", 7, [], {}, {"taskArn": task["taskArn"]}, json.dumps(task), {"taskArn": task["taskArn"], "lastStatus": "STOPPED"}]
    return [json.dumps({**whole, "detail": detail}) for detail in details] + [json.dumps({**whole, "detail-type": None})]


def test_events_of_tasks_that_cannot_be_used_are_left_to_the_dead_letter_queue_each_with_a_line(ecspan, elasticmq, collector, tmp_path):
    queue = Queue(elasticmq, receives=1)
    one, other = stopped_tasks(tmp_path / "tasks.jsonl", 2)
    bad = unusable(other)
    queue.send(*bad, event(one))
    process = start(ecspan, queue, "--endpoint", collector.http, "--visibility-timeout", "5s")
    dead = []
    wait_until(lambda: f"{len(bad)} dead letters, of which there are {len(dead)}", lambda: dead.extend(queue.dead_letters()) or len(dead) >= len(bad), 60)
    code, told = drained(process)
    assert code == 0 and "passed_by=0" in told and f"poison={len(bad)}" in told and f"{batch.SPANS} of {batch.SPANS} spans accepted" in told, told
    assert sorted(dead) == sorted(bad) and told.count("left to the dead-letter rule") == len(bad), told
    assert "$.detail: expected a task with its lastStatus" in told and "no time is known of it" in told


def test_a_message_with_thousands_of_errors_is_a_few_lines(ecspan, elasticmq, collector, tmp_path):
    queue = Queue(elasticmq, receives=1)
    queue.send("{}\n" * 5_000)
    process = start(ecspan, queue, "--endpoint", collector.http)
    queue.wait_until("a hidden message", queue.hidden)
    code, told = drained(process)
    assert code == 0 and "4997 more things in it cannot be read" in told and len(told.splitlines()) < 12, told


def test_names_are_taken_as_people_have_them(ecspan, elasticmq, collector, tmp_path):
    """ARNs, lists with spaces, and variables that a template left empty."""
    queue = Queue(elasticmq)
    tasks = [{**task, "group": f"service:{name}"} for task, name in zip(stopped_tasks(tmp_path / "tasks.jsonl", 3), ("web", "db", "other"))]
    queue.send(*map(event, tasks))
    environment = {"ECSPAN_SERVICE": "web, db", "ECSPAN_FAMILY": "", "ECSPAN_SLOWER_THAN": "", "ECSPAN_TO": ""}
    process = start(ecspan, queue, "--endpoint", collector.http, "--cluster", tasks[0]["clusterArn"], env=environment)
    queue.wait_until_empty()
    code, told = drained(process)
    assert code == 0 and "tasks=2" in told and "passed_by=1" in told, told
    assert f'only="cluster {tasks[0]["clusterArn"]}, service web or db"' in told, told


def test_a_file_grows_and_a_message_is_deleted_when_its_line_is_there(ecspan, elasticmq, tmp_path):
    queue = Queue(elasticmq)
    file = tmp_path / "out.jsonl"
    for count in (1, 2):
        queue.send(*map(event, stopped_tasks(tmp_path / "tasks.jsonl", 1)))
        process = start(ecspan, queue, "--to", f"file:{file}")
        queue.wait_until_empty()
        assert len(batch.by_id(batch.spans_in(file))) == count * batch.SPANS, "before it ends"
        assert drained(process)[0] == 0
    assert [path.name for path in tmp_path.glob("*out*")] == ["out.jsonl"]


def test_what_is_refused_is_not_called_delivered(ecspan, elasticmq, receiver, tmp_path):
    queue = Queue(elasticmq)
    queue.send(*map(event, stopped_tasks(tmp_path / "tasks.jsonl", 1)))
    process = start(ecspan, queue, "--endpoint", receiver((400, {}, b"no")).url, env={"OTEL_METRICS_EXPORTER": "none"})
    queue.wait_until_empty()
    code, told = drained(process)
    assert code == 1 and "msg=refused" in told and "msg=delivered" not in told, told


def test_a_queue_that_is_not_there(ecspan, elasticmq):
    typed = ecspan("worker", "--queue", "ecs-tasks")
    assert typed.code == 2 and "https://sqs.REGION.amazonaws.com" in typed.err, typed
    queue = Queue(elasticmq)
    queue.url += "-not"
    process = start(ecspan, queue)
    line = line_with(b"level=error", process.stderr)
    assert b"list-queues" in line, line
    code, told = drained(process)
    assert code == 1 and "the queue could never be read" in told, told


def test_a_task_whose_lines_are_not_in_yet_takes_no_room(ecspan, aws, elasticmq, collector, tmp_path):
    """One message at a time: the failed task that stopped just now is put back, and the other one does not wait for it."""
    queue = Queue(elasticmq)
    first, other = stopped_tasks(tmp_path / "tasks.jsonl", 2)
    queue.send(event(first))
    process = start(ecspan, queue, "--endpoint", collector.http, "--concurrency", "1", "--logs-settle", "15s", logs="failed")
    # The worker receives: what has stopped just now is looked at now.
    queue.wait_until_empty()
    [failed] = batch.tasks_in(batch.write(tmp_path / "now.jsonl", 1, seconds_ago=772))
    failed |= {"stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError: no such image"}
    queue.send(event(failed))
    # It was looked at before the other comes.
    queue.wait_until("a hidden message", lambda: queue.hidden() == 1)
    queue.send(event(other))
    names = [span["traceId"] for span in collector.spans(3 * batch.SPANS)]
    assert list(dict.fromkeys(names)) == list(map(batch.task_id, (first, other, failed)))
    queue.wait_until_empty()
    code, told = drained(process)
    assert code == 0 and "tasks=3" in told, told


def points(metrics, name, **wanted):
    """The last export's data points of a metric that have these attributes."""
    def of(point):
        return {a["key"].removeprefix("ecspan."): next(iter(a["value"].values())) for a in point.get("attributes", [])}

    found = [m for m in metrics if m["name"] == name]
    assert found, f"no {name}"
    data = next(value for key, value in found[-1].items() if key in ("sum", "histogram"))["dataPoints"]
    return [point for point in data if wanted.items() <= of(point).items()]


def test_its_own_metrics(ecspan, elasticmq, collector, tmp_path):
    """How long each phase of each service's tasks took, among others, read back from the collector."""
    queue = Queue(elasticmq)
    first, *rest = stopped_tasks(tmp_path / "tasks.jsonl", 5)
    rest = [{**task, "group": "service:web"} for task in rest]
    rest[0] |= {"stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError: no such image"}
    running = {name: value for name, value in {**first, "group": "service:web", "lastStatus": "RUNNING", "desiredStatus": "RUNNING"}.items()
               if name not in ("stoppingAt", "executionStoppedAt", "stoppedAt")}
    queue.send(*map(event, [*rest, running]), json.dumps({"detail-type": "x", "source": "y", "detail": {}}), "poison")
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.http, "OTEL_METRIC_EXPORT_INTERVAL": "1000"}
    process = start(ecspan, queue, env=environment)
    # Those of the running task are its launch's.
    n = len(collector.spans(4 * batch.SPANS + 3))
    code, told = drained(process)
    assert code == 0 and n == 4 * batch.SPANS + 3, (told, n)
    # What it has answered it writes a moment later, or when it ends.
    collector.stop()
    metrics = collector.metrics(1)
    total = lambda name, **wanted: sum(int(point["asInt"]) for point in points(metrics, name, **wanted))
    assert total("ecspan.messages.received") == 7
    fates = {fate: total("ecspan.messages.settled", **{"message.fate": fate}) for fate in ("exported", "passed_by", "poison")}
    assert fates == {"exported": 5, "passed_by": 1, "poison": 1}
    assert total("ecspan.tasks.exported", **{"task.service": "web", "task.failed": False}) == 4
    assert total("ecspan.tasks.exported", **{"task.failed": True, "error.type": "CannotPullContainerError"}) == 1
    assert total("ecspan.spans", **{"span.fate": "accepted"}) == 4 * batch.SPANS + 3
    assert total("ecspan.aws.calls", **{"rpc.method": "DeleteMessage"}) + total("ecspan.aws.calls", **{"rpc.method": "DeleteMessageBatch"}) >= 1
    # Each status by itself has every task once.
    for status, count in (("STOPPED", 4), ("RUNNING", 1)):
        [pull] = points(metrics, "ecspan.task.phase.duration", **{"task.phase": "image pull", "task.service": "web", "task.last_status": status})
        assert int(pull["count"]) == count and pull["sum"] / count == pytest.approx(6.525)
    assert sum(int(point["count"]) for point in points(metrics, "ecspan.export.lag")) == 4
    resource = {a["key"]: a["value"].get("stringValue") for a in metrics[0]["resource"]["attributes"]}
    assert resource["service.name"] == "ecspan" and resource["service.instance.id"]


def test_a_receiver_without_metrics_is_told_once(ecspan, elasticmq, receiver, tmp_path):
    queue = Queue(elasticmq)
    taker = receiver((404, {}, b""))
    environment = {"OTEL_METRIC_EXPORT_INTERVAL": "100", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{taker.url}/v1/metrics"}
    process = start(ecspan, queue, "--to", f"file:{tmp_path / 'out'}", env=environment)
    line_with(b"metrics were not taken", process.stderr)
    code, told = drained(process)
    assert code == 0 and "metrics were not taken" not in told, told


def test_what_is_not_wanted_is_deleted(ecspan, elasticmq, collector, tmp_path):
    queue = Queue(elasticmq)
    ok, failed, other = stopped_tasks(tmp_path / "tasks.jsonl", 3)
    failed |= {"stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError: no such image"}
    other |= {"clusterArn": other["clusterArn"].replace("default", "other")}
    pending = {**stopped_tasks(tmp_path / "more.jsonl", 1)[0], "lastStatus": "PENDING"}
    for name in ("startedAt", "stoppingAt", "executionStoppedAt", "stoppedAt"):
        pending.pop(name, None)
    queue.send(*map(event, (ok, failed, other, pending)))
    process = start(ecspan, queue, "--endpoint", collector.http, "--only-failed", "--cluster", "default")
    queue.wait_until_empty()
    code, told = drained(process)
    assert code == 0 and "tasks=1" in told and "failure=CannotPullContainerError" in told, told
    assert {span["traceId"] for span in collector.spans(1)} == {failed["taskArn"].rsplit("/", 1)[-1]}


def test_log_lines_of_failed_tasks_are_read_after_they_settled(ecspan, aws, elasticmq, collector):
    queue = Queue(elasticmq)
    seeded = stopped_task(aws, 5)
    run = ecspan("record", f"prod/{seeded.id}", "--no-logs")
    task = next(a["response"]["tasks"][0] for a in json.loads(run.out)["answers"] if a["operation"] == "DescribeTasks")
    aws.front.calls.clear()
    queue.send(event(task))
    process = start(ecspan, queue, "--endpoint", collector.http, "--logs-settle", "0s", logs="failed")
    queue.wait_until_empty()
    code, told = drained(process)
    assert code == 0, told
    events = [event for span in collector.spans(12) for event in span.get("events", []) if event["name"] == "log"]
    assert len(events) == 10 and aws.front.calls["DescribeTasks"] == 0, "the event is the word on the task"


def test_a_receiver_that_is_down_is_waited_for(ecspan, elasticmq, tmp_path):
    queue = Queue(elasticmq)
    tasks = stopped_tasks(tmp_path / "tasks.jsonl", 5)
    queue.send(*map(event, tasks))
    port = free_port()
    process = start(ecspan, queue, "--endpoint", f"http://127.0.0.1:{port}", "--deadline", "500ms")
    queue.wait_until("5 hidden messages", lambda: queue.hidden() == 5)
    collector = Collector(tmp_path, http=port)
    try:
        assert len(collector.spans(5 * batch.SPANS)) == 5 * batch.SPANS
        queue.wait_until_empty()
        code, told = drained(process)
        assert code == 0 and "tasks=5" in told, told
    finally:
        collector.stop()


def test_told_to_stop_it_gives_back_what_is_not_done_at_once(ecspan, elasticmq, collector, tmp_path):
    queue = Queue(elasticmq)
    queue.send(*map(event, stopped_tasks(tmp_path / "tasks.jsonl", 25)))
    process = start(ecspan, queue, "--endpoint", f"http://127.0.0.1:{free_port()}", "--deadline", "500ms")
    queue.wait_until("20 hidden messages", lambda: queue.hidden() == 20)
    code, told = drained(process)
    assert code == 0 and "given_back=20" in told, told
    # Another worker may have them at once.
    assert (queue.visible(), queue.hidden()) == (25, 0)
    process = start(ecspan, queue, "--endpoint", collector.http)
    queue.wait_until_empty()
    assert drained(process)[0] == 0 and len(batch.by_id(collector.spans(25 * batch.SPANS))) == 25 * batch.SPANS


def test_told_to_stop_with_nothing_to_do_it_leaves_no_call_that_takes_messages(ecspan, elasticmq, tmp_path):
    queue = Queue(elasticmq)
    process = start(ecspan, queue, "--endpoint", f"http://127.0.0.1:{free_port()}", "--deadline", "500ms")
    # It is receiving.
    queue.send(event(*stopped_tasks(tmp_path / "one.jsonl", 1)))
    queue.wait_until("a hidden message", lambda: queue.hidden() == 1)
    assert drained(process)[0] == 0
    queue.send(*map(event, stopped_tasks(tmp_path / "more.jsonl", 5)))
    # A call that was left behind would take them at once.
    time.sleep(0.5)
    assert (queue.visible(), queue.hidden()) == (6, 0)


def test_workers_are_killed_and_the_receiver_goes_away(ecspan, elasticmq, tmp_path):
    queue = Queue(elasticmq, receives=RECEIVES)
    tasks = stopped_tasks(tmp_path / "tasks.jsonl", EVENTS)
    bodies = [event(task) for task in tasks for _ in range(2)]
    poison = ["poison", bodies[0][:-20], '{"hello": "world"}']
    random.Random(1).shuffle(bodies)
    queue.send(*poison, *bodies)
    one = Collector(tmp_path)
    collectors, stop = [one], threading.Event()

    def begin():
        arguments = ["--endpoint", one.http, "--deadline", "1s", "--visibility-timeout", f"{HIDDEN}s"]
        # Nobody reads what it says; a full pipe would stop it.
        return start(ecspan, queue, *arguments, stderr=subprocess.DEVNULL)

    workers, kills = [begin() for _ in range(4)], []
    started = time.monotonic()

    def kill():
        while not stop.wait(5) and time.monotonic() - started < KILLING:
            at = len(kills) % 4
            workers[at].kill()
            workers[at].wait()
            workers[at] = begin()
            kills.append(time.monotonic() - started)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        queue.wait_until("a quarter of the events", lambda: queue.left() < 2 * EVENTS * 3 // 4, 300)
        one.stop()
        time.sleep(DOWN)
        two = tmp_path / "two"
        two.mkdir()
        collectors.append(Collector(two, http=one.port))
        # The poison stays, hidden or not, until it was received often enough.
        queue.wait_until("nothing but the poison", lambda: queue.left() <= len(poison), 600)
        took = time.monotonic() - started
        queue.wait_until_empty(60 + (RECEIVES + 1) * HIDDEN)
    finally:
        stop.set()
        killer.join()
        for worker in workers:
            worker.kill()
            worker.wait()
        [collector.stop() for collector in collectors[1:] or collectors]
    assert sorted(queue.dead_letters()) == sorted(poison)
    copies = batch.by_id(batch.spans_in(*(collector.file for collector in collectors)))
    assert Counter(trace for trace, _ in copies) == {task["taskArn"].rsplit("/", 1)[-1]: batch.SPANS for task in tasks}
    batch.assert_identical(copies)
    again = sum(map(len, copies.values())) - 2 * EVENTS * batch.SPANS
    print(f"{2 * EVENTS} events in {took:.0f} s, {len(kills)} kills, the receiver down for {DOWN} s; {again} spans were sent once more")
