"""The program as the bootstrap of a Lambda function, against cargo-lambda's runtime API."""

import concurrent.futures
import json
import signal

import batch
import pytest
from conftest import told_to_stop as drained
from servers import LambdaApi, free_port
from sqs import event, stopped_tasks
from test_worker import unusable
from test_worker_deployments import deployed, ended, once, spans_of
from waiting import line_with


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    server = LambdaApi(tmp_path_factory.mktemp("lambda"))
    yield server
    server.stop()


def start(ecspan, runtime, endpoint, **env):
    """Without arguments, as Lambda does it."""
    settings = {"ECSPAN_LOGS": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **env}
    return ecspan.start(env={**runtime.environment(), **settings})


def sqs(*bodies):
    return {"Records": [record(f"m{i}", body) for i, body in enumerate(bodies)]}


def record(message_id, body):
    return {"messageId": message_id, "body": body, "eventSource": "aws:sqs", "attributes": {"ApproximateReceiveCount": "1"}, "awsRegion": "eu-west-1"}


def test_an_event_and_a_batch_with_a_poison_message(ecspan, aws, runtime, collector, tmp_path):
    process = start(ecspan, runtime, collector.http)
    one, *nine = stopped_tasks(tmp_path / "tasks.jsonl", 10)
    assert runtime.invoke(json.loads(event(one))) == (200, None)
    bodies = [event(task) for task in nine]
    status, answer = runtime.invoke(sqs(*bodies[:4], "poison", *bodies[4:]))
    assert (status, answer) == (200, {"batchItemFailures": [{"itemIdentifier": "m4"}]})
    # What no function can read is an error of the function, which Lambda counts and gives to its failure destination.
    status, answer = runtime.invoke({"detail-type": "ECS Task State Change", "source": "aws.ecs", "detail": {"lastStatus": "STOPPED"}})
    assert answer["errorMessage"] == "the event cannot be read", (status, answer)
    status, answer = runtime.invoke({**json.loads(event(one)), "detail": None})
    assert answer["errorMessage"] == "the event cannot be read", (status, answer)
    assert runtime.invoke(sqs(*unusable(one))) == (200, {"batchItemFailures": [{"itemIdentifier": f"m{i}"} for i in range(len(unusable(one)))]})
    assert runtime.invoke({"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}) == (200, None)
    assert len(batch.by_id(collector.spans(10 * batch.SPANS))) == 10 * batch.SPANS
    code, told = drained(process)
    assert code == 0 and "answering what is in hand" in told and "90 of 90 spans accepted" in told, told
    collector.stop()
    # Metrics are out before each answer: a function may be frozen for ever after it.
    exported = [m for m in collector.metrics(1) if m["name"] == "ecspan.tasks.exported"]
    assert max(sum(int(p["asInt"]) for p in m["sum"]["dataPoints"]) for m in exported) == 10


def test_what_is_not_delivered_in_time_comes_back(ecspan, aws, runtime, tmp_path):
    """The receiver is down; told to stop in the middle, the function answers for what it had in hand."""
    process = start(ecspan, runtime, f"http://127.0.0.1:{free_port()}", OTEL_METRICS_EXPORTER="none", ECSPAN_DEADLINE="1s")
    bodies = [event(task) for task in stopped_tasks(tmp_path / "tasks.jsonl", 3)]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(runtime.invoke, sqs(*bodies))
        line_with(b"refused", process.stderr)
        process.send_signal(signal.SIGTERM)
        status, answer = answer.result(timeout=60)
    assert status == 200 and [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["m0", "m1", "m2"]
    code, told = drained(process)
    assert code == 0 and told.count("not delivered in time") == 3, told


def test_settings_are_checked_before_the_first_invocation(ecspan, aws, runtime):
    run = ecspan(env={**runtime.environment(), "ECSPAN_LOGS": "some"})
    assert run.code == 2 and "--logs is given by ECSPAN_LOGS" in run.err and "failed, all, none" in run.err, run
    empty = {name: "" for name in ("ECSPAN_CLUSTER", "ECSPAN_SERVICE", "ECSPAN_SLOWER_THAN", "ECSPAN_TO", "ECSPAN_DEADLINE", "ECSPAN_ONLY_FAILED")}
    run = ecspan(env={**runtime.environment(), **empty, "ECSPAN_LOGS_RATE": "none"})
    assert run.code == 2 and "--logs-rate is given by ECSPAN_LOGS_RATE" in run.err, run
    elsewhere = ecspan("lambda")
    assert elsewhere.code == 2 and "AWS_LAMBDA_RUNTIME_API is not set" in elsewhere.err and "ecspan worker" in elsewhere.err, elsewhere


def test_a_deployment_that_is_over_is_sent_as_deploy_makes_it(ecspan, aws, runtime, tmp_path):
    made = aws.rollouts.rolled_back()
    process = start(ecspan, runtime, "http://127.0.0.1:9", OTEL_METRICS_EXPORTER="none", ECSPAN_TO=f"file:{tmp_path / 'out'}", ECSPAN_LOGS="failed", ECSPAN_LOGS_SETTLE="0s")
    assert runtime.invoke(json.loads(ended(made.id, "IN_PROGRESS"))) == (200, None)
    assert not spans_of(tmp_path / "out")
    # As EventBridge invokes it, and from a queue, where events come twice.
    assert runtime.invoke(json.loads(ended(made.id, "FAILED"))) == (200, None)
    assert runtime.invoke(sqs(ended(made.id, "FAILED"), ended("ecs-svc/404", service="gone"))) == (200, {"batchItemFailures": [{"itemIdentifier": "m1"}]})
    code, told = drained(process)
    assert code == 0 and f'deployment="prod/web {made.id}"' in told and 'outcome="rolled back"' in told, told
    assert once(tmp_path / "out") == deployed(ecspan, tmp_path, made.id, code=10)
