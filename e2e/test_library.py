"""The engines without the command line: the programs of `examples/`, as `cargo test` has built them."""

import signal

import batch
import pytest
from conftest import PROJECT
from sqs import Queue, event, stopped_tasks

EXAMPLES = PROJECT / "target/debug/examples"


@pytest.fixture
def example(ecspan):
    def start(name, *arguments, env=None):
        assert (EXAMPLES / name).exists(), f"cargo build --example {name}"
        return ecspan.start(*arguments, program=EXAMPLES / name, env=env, text=True)

    return start


def test_a_worker_of_ones_own(example, elasticmq, collector, tmp_path):
    queue = Queue(elasticmq)
    well, failed = stopped_tasks(tmp_path / "tasks.jsonl", 2)
    failed = {**failed, "stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError: no such image"}
    queue.send(event(well), event(failed))
    environment = {"AWS_ENDPOINT_URL_SQS": queue.endpoint, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.http}
    worker = example("worker", queue.url, env=environment)
    queue.wait_until_empty()
    spans = collector.spans(batch.SPANS)
    worker.send_signal(signal.SIGINT)
    out, err = worker.communicate(timeout=60)
    assert worker.returncode == 0 and "failed: CannotPullContainerError" in out, out + err
    assert "2 messages, 1 tasks exported" in out, out
    ids = {span["traceId"] for span in spans}
    assert ids == {failed["taskArn"].rsplit("/", 1)[1]}


def test_a_deployment_report_of_ones_own(example, aws):
    made = aws.rollouts.rolling()
    report = example("deploy_report", "prod", "web")
    out, err = report.communicate(timeout=60)
    assert report.returncode == 0 and "held" in out and "| image pull |" in out, out + err
    assert made.new[0].id[:12] in out
    aws.rollouts.rolled_back()
    report = example("deploy_report", "prod", "web")
    out, err = report.communicate(timeout=60)
    assert report.returncode == 1 and "the deployment did not hold: RolledBack" in err, out + err
