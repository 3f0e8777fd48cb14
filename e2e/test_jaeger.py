"""What Jaeger makes of what is sent: not one warning, on any example, however often and with whatever options it was sent."""

import re
from collections import Counter

import pytest
from batch import spans_in
from conftest import PROJECT
from waiting import wait_until

EXAMPLES = PROJECT / "examples"
#: As export sends it, as a worker does that reads no lines of a task that did well, and as people try it.
WAYS = [[], ["--no-logs"], ["--log-lines", "2"], ["--logs-as", "records"], ["--logs-as", "both"], ["--all-containers"]]


def sent_ids(ecspan, tmp_path, name, arguments):
    """The trace ids and the span ids that an export of these makes."""
    file = tmp_path / f"{name}.jsonl"
    run = ecspan(*arguments, "--to", f"file:{file}")
    assert run.code == 0, run
    spans = spans_in(file)
    return {span["traceId"] for span in spans}, {(span["traceId"], span["spanId"]) for span in spans}


def check(jaeger, traces, ids):
    def are_there():
        return {(span["traceID"], span["spanID"]) for trace in traces for span in jaeger.shown(trace)} >= ids

    wait_until("all spans in Jaeger", are_there, 60)
    for trace in traces:
        spans = jaeger.shown(trace)
        warned = [(span["operationName"], text) for span in spans for text in span.get("warnings") or []]
        if not any(span["operationName"].startswith(("task ", "deployment")) for span in spans):
            # A task that still runs: its root follows once it has stopped.
            warned = [one for one in warned if "invalid parent span ID" not in one[1]]
        assert warned == []
        twice = [span for span, count in Counter(span["spanID"] for span in spans).items() if count > 1]
        assert twice == [], trace


@pytest.mark.parametrize("name", ["nginx", "oom", "wrong-image", "rollout"])
def test_no_example_sent_in_any_way_makes_it_warn(ecspan, jaeger, collector, tmp_path, name):
    whole = sorted(EXAMPLES.glob(f"{name}/*.json"))
    # A worker's event knows no definition and no lines.
    alone = [path for path in whole if path.name in ("task.json", "tasks.json")]
    traces, ids = set(), set()
    endpoints = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{jaeger.http}/v1/traces",
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{collector.http}/v1/logs",
    }
    for number, way in enumerate(WAYS):
        for files in (whole, alone):
            run = ecspan("export", *files, *way, env=endpoints)
            assert run.code == 0, run
            more = sent_ids(ecspan, tmp_path, f"{number}-{len(files)}", ["export", *files, *way])
            traces, ids = traces | more[0], ids | more[1]
    check(jaeger, traces, ids)


def test_a_deployment_whose_old_task_outlives_it_makes_it_warn_of_nothing(ecspan, jaeger, tmp_path):
    for name in ("services.json", "tasks.json"):
        # Another cluster and other tasks: the deployment as it is has been sent already.
        text = (EXAMPLES / "rollout" / name).read_text().replace("/prod", "/late")
        text = re.sub(r"[0-9a-f]{32}", lambda found: found[0][::-1], text)
        (tmp_path / name).write_text(re.sub(r'("stoppedAt": "[^"]*T)..:', r"\g<1>23:", text))
    arguments = ["deploy", "--from", tmp_path / "services.json", tmp_path / "tasks.json"]
    run = ecspan(*arguments, "--to", "otlp", "--endpoint", jaeger.http)
    assert run.code in (0, 10, 11), run
    file = tmp_path / "deployment.jsonl"
    ecspan(*arguments, "--to", f"file:{file}")
    spans = spans_in(file)
    assert [span for span in spans if span.get("events") and span["events"][0]["name"] == "stopped"], "one outlives it"
    check(jaeger, {span["traceId"] for span in spans}, {(span["traceId"], span["spanId"]) for span in spans})
