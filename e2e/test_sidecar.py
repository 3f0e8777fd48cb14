"""`ecspan sidecar` against a metadata endpoint that plays a task's life."""

import json
import re
import signal
import time
from functools import partial
from pathlib import Path

import pytest
from conftest import told_to_stop
from expected import attributes, nanos, span_id
from making import making
from metadata import ARN, Metadata, container, task
from servers import flat, free_port
from waiting import line_with, wait_until

OWN = container("ecspan", "2026-11-20T10:00:09.1Z")
APP = ("app", "2026-11-20T10:00:10.123456789Z")
INIT = container("init", "2026-11-20T10:00:09.200809191Z", "2026-11-20T10:00:09.219711004Z")
DONE = "2026-11-20T10:59:58.999999999Z"
#: What is said when no answer came to the last look, for which there is half a second whatever the machine does.
LATE = "the task metadata endpoint does not answer: --stop-timeout is over"


@pytest.fixture
def metadata():
    with making(partial(Metadata, OWN)) as make:
        yield make


def start(ecspan, metadata, *arguments, variable="ECS_CONTAINER_METADATA_URI_V4"):
    return ecspan.start("sidecar", "--health-file", ecspan.home / "health", *arguments, env={variable: metadata.url})


def ended(process):
    """Told to stop: its code and what it said. That this machine was late with the last answer, and alone that, is no gap."""
    code, told = told_to_stop(process)
    is_late = code == 3 and LATE in told and told.count("gap: ") == 1
    return 0 if is_late else code, told


@pytest.mark.parametrize(
    ("variable", "version", "trouble", "told_of"),
    [
        ("ECS_CONTAINER_METADATA_URI_V4", "v4", [429, b"garbage"], ["429", "the task metadata: line 1"]),
        ("ECS_CONTAINER_METADATA_URI", "v3", [500, Metadata.HANG], ["answered 500", "does not answer"]),
    ],
)
def test_containers_are_sent_once_they_have_finished(ecspan, aws, jaeger, metadata, variable, version, trouble, told_of):
    running = task(OWN, INIT, container(*APP), TaskARN=ARN.replace("0123", version.replace("v", "000")))
    task_id = running["TaskARN"].rsplit("/", 1)[-1]
    server = metadata(task(OWN, container("app"), status="NONE"), *trouble, running, version=version)
    begin = time.monotonic()
    process = start(ecspan, server, "--endpoint", jaeger.grpc, "--protocol", "grpc", variable=variable)
    spans = wait_until("a span in Jaeger", lambda: flat(jaeger.trace(task_id)), 60, process=process)
    assert [span["name"] for span in spans] == ["container init"], "a container that lived 19 ms, while the task runs on"
    server.wait(5)
    assert server.is_calm(begin), "asked no more than once a second"
    server.life.append({**running, "Containers": [OWN, INIT, container(*APP, DONE)], "DesiredStatus": "STOPPED"})
    code, told = told_to_stop(process)
    assert code == 0 and all(words in told for words in told_of), told
    spans = {span["name"]: span for span in flat(jaeger.trace(task_id))}
    assert set(spans) == {"container init", "container app"}
    assert nanos(spans["container init"]) == ("1795168809200809191", "1795168809219711004")
    assert nanos(spans["container app"]) == ("1795168810123456789", "1795172398999999999")
    app = spans["container app"]
    assert app["spanId"] == span_id(task_id, "container/app") and app["parentSpanId"] == span_id(task_id, "task")
    assert attributes(app)["ecspan.time.end.source"] == "metadata" and attributes(app)["ecspan.container.exit_code"] == 0
    assert "2 of 2 spans accepted" in told


def test_what_still_runs_is_named_and_not_sent(ecspan, aws, collector, metadata):
    server = metadata(task(OWN, INIT, container(*APP)))
    process = start(ecspan, server, "--endpoint", collector.http, "--stop-timeout", "2s")
    server.wait(2)
    code, told = ended(process)
    assert code == 0 and "container app still ran when this one was stopped: its span is not sent" in told, told
    assert [span["name"] for span in collector.spans(1)] == ["container init"]


def test_a_container_that_may_be_restarted_is_not_sent(ecspan, aws, collector, metadata):
    between = container(*APP, DONE, RestartCount=1)
    server = metadata(task(OWN, INIT, between))
    process = start(ecspan, server, "--endpoint", collector.http, "--stop-timeout", "1s")
    server.wait(3)
    code, told = ended(process)
    assert code == 0 and "container app still ran" in told, told
    assert [span["name"] for span in collector.spans(1)] == ["container init"]


def test_a_container_that_vanishes_is_a_gap(ecspan, aws, collector, metadata):
    server = metadata(task(OWN, container(*APP), container("short", "2026-11-20T10:00:20Z")), task(OWN, container(*APP)))
    process = start(ecspan, server, "--endpoint", collector.http, "--stop-timeout", "1s")
    server.wait(2)
    code, told = told_to_stop(process)
    assert code == 3 and "container short (id-of-short) is not listed any more, and its end was never seen" in told, told


def test_a_signal_that_comes_while_the_endpoint_is_asked_is_heard(ecspan, aws, collector, metadata):
    running = task(OWN, INIT, container(*APP))
    server = metadata(running, Metadata.HANG, running)
    process = start(ecspan, server, "--endpoint", collector.http, "--stop-timeout", "1s")
    server.wait(2)
    code, told = ended(process)
    assert code == 0 and "container app still ran" in told, told


@pytest.mark.parametrize("answer", [500, 404, b"garbage", None], ids=["500", "404", "garbage", "refused"])
def test_an_endpoint_that_never_answered_is_a_gap(ecspan, aws, collector, metadata, answer):
    server = metadata(500 if answer is None else answer)
    if answer is None:
        server.url = f"http://127.0.0.1:{free_port()}/v4/xyz"
    process = start(ecspan, server, "--endpoint", collector.http, "--stop-timeout", "1s")
    line = process.stderr.readline().decode()
    assert line.startswith("warning: the task metadata") and "asking again in 2 s" in line
    code, told = told_to_stop(process)
    why = {500: "answered 500", 404: "answered 404", None: "Connection refused"}.get(answer, "the task metadata: line 1")
    [gap] = [line for line in told.splitlines() if line.startswith("gap: ")]
    assert code == 3 and gap.startswith("gap: nothing of the task was seen: the task metadata") and (why in gap or LATE in gap), told


def test_an_endpoint_that_is_gone_at_the_end_is_a_gap(ecspan, aws, collector, metadata):
    server = metadata(task(OWN, INIT, container(*APP)))
    process = start(ecspan, server, "--endpoint", collector.http, "--stop-timeout", "1s")
    collector.spans(1)
    server.life.append(500)
    code, told = told_to_stop(process)
    gap = "gap: what ended since the last answer was not seen: "
    assert code == 3 and (f"{gap}the task metadata endpoint answered 500" in told or gap + LATE in told), told


def test_standalone_sends_the_task_too(ecspan, aws, collector, metadata):
    server = metadata(task(OWN, INIT, container(*APP)))
    process = start(ecspan, server, "--endpoint", collector.http, "--standalone")
    server.wait(2)
    server.life.append(task(OWN, INIT, container(*APP, DONE), wanted="STOPPED", ExecutionStoppedAt="2026-11-20T10:59:59Z"))
    code, told = told_to_stop(process)
    assert code == 0, told
    # Of provisioning nothing is known, and it stopped in the moment in which its last container ended.
    spans = {span["name"]: span for span in collector.spans(6)}
    assert set(spans) == {"task web", "image pull", "starting", "running", "container init", "container app"}
    root = attributes(spans["task web"])
    assert root["ecspan.time.start.source"] == "estimated" and root["ecspan.time.end.source"] == "estimated"
    assert len(collector.spans(6)) == 6, "each once"


def test_health(ecspan, aws, collector, metadata):
    unwell = ecspan("sidecar", "--health", "--health-file", ecspan.home / "health")
    assert unwell.code == 1 and "no sidecar has written" in unwell.err, unwell
    server = metadata(task(OWN, container(*APP)))
    process = start(ecspan, server, "--endpoint", collector.http, "--stop-timeout", "1s")
    server.wait(2)
    assert ecspan("sidecar", "--health", "--health-file", ecspan.home / "health").code == 0
    told_to_stop(process)
    (ecspan.home / "health").write_text(str(int(time.time()) - 100))
    stale = ecspan("sidecar", "--health", "--health-file", ecspan.home / "health")
    assert stale.code == 1 and re.search(r"1\d\d s ago", stale.err), stale


def test_outside_of_a_task(ecspan, aws):
    run = ecspan("sidecar")
    assert run.code == 2 and "ECS_CONTAINER_METADATA_URI_V4" in run.err and "hint: " in run.err, run


def test_a_receiver_that_is_down_loses_nothing(ecspan, aws, metadata):
    server = metadata(task(OWN, INIT, container(*APP)))
    process = start(ecspan, server, "--endpoint", f"http://127.0.0.1:{free_port()}", "--deadline", "1s", "--stop-timeout", "1s")
    server.wait(3)
    code, told = told_to_stop(process)
    assert code == 1 and "1 saved" in told, told
    saved = list(Path(ecspan.home / "state/ecspan/undelivered").glob("*.jsonl"))
    assert [json.loads(file.read_text())["ecspan"]["items"] for file in saved] == [1]


def test_an_endpoint_that_hangs_does_not_outlast_the_stop_timeout(ecspan, aws, collector, metadata):
    running = task(OWN, INIT, container(*APP))
    server = metadata(running, Metadata.HANG)
    process = start(ecspan, server, "--endpoint", collector.http, "--stop-timeout", "1s")
    server.wait(2)
    code, told = told_to_stop(process)
    # Not for the 5 s that a request has of its own.
    assert code == 3 and f"gap: what ended since the last answer was not seen: {LATE}" in told, told
    assert [span["name"] for span in collector.spans(1)] == ["container init"]


def test_an_answer_like_the_one_before_is_still_a_sign_of_life(ecspan, aws, collector, metadata):
    server = metadata(task(OWN, INIT, container(*APP)))
    process = start(ecspan, server, "--endpoint", collector.http, "--stop-timeout", "1s")
    server.wait(2)
    (ecspan.home / "health").unlink()
    server.wait(4)
    wait_until("the time of an answer", lambda: (ecspan.home / "health").read_text().isdigit(), 60, process=process)
    server.life.append(task(OWN, INIT, container(*APP, DONE)))
    assert {span["name"] for span in collector.spans(2)} == {"container init", "container app"}
    code, told = told_to_stop(process)
    assert code == 0 and "2 of 2 spans accepted" in told, told


@pytest.mark.parametrize("url", ["notaurl", "http://", "169.254.170.2/v4/xyz"])
def test_what_is_no_url_is_refused(ecspan, aws, url):
    run = ecspan("sidecar", env={"ECS_CONTAINER_METADATA_URI_V4": url})
    assert run.code == 2 and "ECS_CONTAINER_METADATA_URI_V4 holds no URL" in run.err and "hint: " in run.err, run


def test_a_second_interrupt_cuts_it_short_and_a_second_sigterm_does_not(ecspan, aws, tmp_path):
    endpoint = Metadata(OWN, task(container("app", started="2026-11-20T10:00:09.3Z"), OWN))
    try:
        for first, again, code in ((signal.SIGINT, signal.SIGINT, 130), (signal.SIGTERM, signal.SIGTERM, 0)):
            arguments = ["sidecar", "--to", f"file:{tmp_path / 'out'}", "--stop-timeout", "3s" if code == 0 else "1h"]
            process = ecspan.start(*arguments, env={"ECS_CONTAINER_METADATA_URI_V4": endpoint.url})
            endpoint.wait(endpoint.polls + 1)
            process.send_signal(first)
            line_with(b"told to stop", process.stderr)
            process.send_signal(again)
            _, told = process.communicate(timeout=60)
            assert process.returncode == code, told.decode()
            # What it had seen is written all the same.
            assert b"spans accepted" in told, told.decode()
    finally:
        endpoint.stop()
