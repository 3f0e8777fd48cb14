"""`ecspan worker` against SQS as moto has it: every task once, whatever happens to the workers and the receiver.

`ECSPAN_WORKER_EVENTS=10000` is the proof; fewer are enough to notice."""

import json
import os
import random
import signal
import threading
import time
import uuid

import batch
import boto3
import pytest
from fake_aws import REGION
from servers import Collector, free_port
from test_export import stopped_task

EVENTS = int(os.environ.get("ECSPAN_WORKER_EVENTS", "300"))
#: Seconds that the receiver is down in the middle.
DOWN = 30 if EVENTS >= 10_000 else 3
#: A killed worker's messages come back after this: the program hides them so long.
HIDDEN = 60


class Queue:
    """A queue with a dead-letter queue behind it."""

    def __init__(self, aws, receives=50):
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        self.sqs = boto3.client("sqs", endpoint_url=aws.url, region_name=REGION, **keys)
        self.dead = self.sqs.create_queue(QueueName=f"dead-{uuid.uuid4().hex}")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(receives)})
        self.url = self.sqs.create_queue(QueueName=f"ecs-{uuid.uuid4().hex}", Attributes={"RedrivePolicy": policy})["QueueUrl"]

    def send(self, *bodies):
        for start in range(0, len(bodies), 10):
            entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies[start : start + 10])]
            self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)

    def left(self, url=None):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=url or self.url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def wait_until_empty(self, within):
        deadline = time.monotonic() + within
        while self.left():
            assert time.monotonic() < deadline, f"{self.left()} messages are left"
            time.sleep(0.1)


def event(task, **more):
    return json.dumps({
        "version": "0", "id": str(uuid.uuid4()), "detail-type": "ECS Task State Change", "source": "aws.ecs", "account": "123456789012",
        "region": REGION, "resources": [task["taskArn"]], "detail": {**task, "version": 7, **more},
    })


def stopped_tasks(path, count):
    batch.write(path, count, seconds_ago=3_600)
    return [json.loads(line)["tasks"][0] for line in path.read_text().splitlines()]


def start(ecspan, queue, *arguments):
    return ecspan.start("worker", "--queue", queue.url, "--logs", "none", *arguments)


def drained(process, within=60):
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=within)
    return process.returncode, err.decode()


def test_every_task_once_and_the_queue_empty(ecspan, aws, collector, tmp_path):
    queue = Queue(aws, receives=1)
    tasks = stopped_tasks(tmp_path / "tasks.jsonl", 30)
    foreign = json.dumps({"detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2", "detail": {}})
    queue.send(*map(event, tasks), *map(event, tasks), foreign, "poison")
    process = start(ecspan, queue, "--endpoint", collector.http)
    assert len(collector.spans(60 * batch.SPANS)) == 60 * batch.SPANS
    # The poison message alone is hidden, until its time is up.
    deadline = time.monotonic() + 20
    while queue.left() > 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    code, told = drained(process)
    assert code == 0 and "messages=62" in told and "tasks=60" in told and "passed_by=1" in told and "poison=1" in told, told
    assert "dead-letter rule" in told and "540 of 540 spans accepted" in told
    copies = batch.by_id(collector.spans(60 * batch.SPANS))
    assert len(copies) == 30 * batch.SPANS
    batch.assert_identical(copies)


def test_what_is_not_wanted_is_deleted(ecspan, aws, collector, tmp_path):
    queue = Queue(aws)
    ok, failed, other = stopped_tasks(tmp_path / "tasks.jsonl", 3)
    failed |= {"stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError: no such image"}
    other |= {"clusterArn": other["clusterArn"].replace("default", "other")}
    pending = {**stopped_tasks(tmp_path / "more.jsonl", 1)[0], "lastStatus": "PENDING"}
    for name in ("startedAt", "stoppingAt", "executionStoppedAt", "stoppedAt"):
        pending.pop(name, None)
    queue.send(*map(event, (ok, failed, other, pending)))
    process = start(ecspan, queue, "--endpoint", collector.http, "--only-failed", "--cluster", "default")
    queue.wait_until_empty(20)
    code, told = drained(process)
    assert code == 0 and "tasks=1" in told and "failure=CannotPullContainerError" in told, told
    assert {span["traceId"] for span in collector.spans(1)} == {failed["taskArn"].rsplit("/", 1)[-1]}


def test_log_lines_of_failed_tasks_are_read_after_they_settled(ecspan, aws, collector):
    queue = Queue(aws)
    seeded = stopped_task(aws, 5)
    run = ecspan("record", f"prod/{seeded.id}", "--no-logs")
    task = next(a["response"]["tasks"][0] for a in json.loads(run.out)["answers"] if a["operation"] == "DescribeTasks")
    aws.front.calls.clear()
    queue.send(event(task))
    process = ecspan.start("worker", "--queue", queue.url, "--endpoint", collector.http, "--logs-settle", "0s")
    queue.wait_until_empty(20)
    code, told = drained(process)
    assert code == 0, told
    events = [event for span in collector.spans(12) for event in span.get("events", []) if event["name"] == "log"]
    assert len(events) == 10 and aws.front.calls["DescribeTasks"] == 0, "the event is the word on the task"


def test_a_receiver_that_is_down_is_waited_for(ecspan, aws, tmp_path):
    queue = Queue(aws)
    tasks = stopped_tasks(tmp_path / "tasks.jsonl", 5)
    queue.send(*map(event, tasks))
    port = free_port()
    process = start(ecspan, queue, "--endpoint", f"http://127.0.0.1:{port}", "--deadline", "500ms")
    deadline = time.monotonic() + 20
    while aws.front.calls["ReceiveMessage"] < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    collector = Collector(tmp_path, http=port)
    try:
        assert len(collector.spans(5 * batch.SPANS, within=30)) == 5 * batch.SPANS
        queue.wait_until_empty(20)
        code, told = drained(process)
        assert code == 0 and "tasks=5" in told, told
    finally:
        collector.stop()


def test_told_to_stop_it_gives_back_what_is_not_done(ecspan, aws, tmp_path):
    queue = Queue(aws)
    queue.send(*map(event, stopped_tasks(tmp_path / "tasks.jsonl", 5)))
    process = start(ecspan, queue, "--endpoint", f"http://127.0.0.1:{free_port()}", "--deadline", "500ms")
    # The first of them is being tried.
    line = process.stderr.readline()
    while b"refused" not in line:
        line = process.stderr.readline()
    started = time.monotonic()
    code, told = drained(process)
    assert code == 0 and "given_back=5" in told and time.monotonic() - started < 20, told
    visible = queue.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    # Another worker may have them at once; one may have gone to the call for more that was cut off, and comes back later.
    assert int(visible["ApproximateNumberOfMessages"]) >= 4 and queue.left() == 5


def test_workers_are_killed_and_the_receiver_goes_away(ecspan, aws, tmp_path):
    queue = Queue(aws)
    tasks = stopped_tasks(tmp_path / "tasks.jsonl", EVENTS)
    bodies = [event(task) for task in tasks for _ in range(2)]
    random.Random(1).shuffle(bodies)
    queue.send(*bodies, "poison")
    one = Collector(tmp_path)
    collectors, stop = [one], threading.Event()
    workers = [start(ecspan, queue, "--endpoint", one.http, "--deadline", "1s") for _ in range(4)]
    for worker in workers:
        # Nobody reads it; a full pipe would stop the worker.
        threading.Thread(target=worker.stderr.read, daemon=True).start()

    def kill():
        at = 0
        while not stop.wait(5):
            workers[at % 4].kill()
            workers[at % 4].wait()
            workers[at % 4] = start(ecspan, queue, "--endpoint", one.http, "--deadline", "1s")
            threading.Thread(target=workers[at % 4].stderr.read, daemon=True).start()
            at += 1

    killer = threading.Thread(target=kill)
    killer.start()
    started = time.monotonic()
    try:
        one.spans(EVENTS * batch.SPANS // 4, within=120)
        one.stop()
        time.sleep(DOWN)
        two = tmp_path / "two"
        two.mkdir()
        collectors.append(Collector(two, http=one.port))
        deadline = time.monotonic() + 120 + 10 * HIDDEN
        # The poison message stays, hidden or not, until it was received often enough.
        while queue.left() > 1:
            assert time.monotonic() < deadline, f"{queue.left()} messages are left"
            time.sleep(0.2)
        took = time.monotonic() - started
    finally:
        stop.set()
        killer.join()
        for worker in workers:
            worker.kill()
            worker.wait()
        [collector.stop() for collector in collectors[1:] or collectors]
    copies = batch.by_id(batch.spans_in(*(collector.file for collector in collectors)))
    assert len(copies) == EVENTS * batch.SPANS and {trace for trace, _ in copies} == {task["taskArn"].rsplit("/", 1)[-1] for task in tasks}
    batch.assert_identical(copies)
    print(f"{2 * EVENTS} events in {took:.0f} s, the receiver down for {DOWN} s of them")
