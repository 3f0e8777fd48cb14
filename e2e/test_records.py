"""Log lines as OTLP log records, and whole logs."""

import json_lines
import pytest
from expected import attributes, span_id
from fake_aws.seed import CREATED, millis
from servers import flat, flat_logs
from test_export import stopped_task
from test_faults import says

#: Lines, and the severity number and text that they state.
LINES = [
    ('{"level":"error","msg":"boom"}', 17, "error"),
    ('time=2026-11-20T10:00:00Z level=warning msg="low disk"', 13, "warning"),
    ("2026/11/20 10:00:00 [notice] 1#1: start worker process 7", 10, "notice"),
    ("2026-11-20 10:00:01,123 INFO [main] com.example.App - up", 9, "INFO"),
    ("plain words, no error stated", 0, ""),
    ("\x1b[2J\u202ehostile \0 line", 0, ""),
]


def with_lines(aws):
    task = stopped_task(aws, 0)
    aws.seed.lines(task, "app", [(millis(CREATED, 30 + i), line) for i, (line, _, _) in enumerate(LINES)])
    return task


def meant(record):
    # The file is JSON as the collector writes it: what is zero or empty is left out.
    return {
        "trace": record["traceId"], "span": record["spanId"], "time": record["timeUnixNano"], "number": record.get("severityNumber", 0),
        "text": record.get("severityText", ""), "body": record["body"]["stringValue"], "flags": record.get("flags", 0),
    }


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf", "http/json"])
def test_records_are_as_they_were_meant(ecspan, aws, collector, protocol):
    task = with_lines(aws)
    endpoint = collector.grpc if protocol == "grpc" else collector.http
    run = ecspan("export", f"prod/{task.id}", "--logs-as", "records", "--endpoint", endpoint, "--protocol", protocol)
    assert run.code == 0 and "6 of 6 log records accepted" in run.err and "13 of 13 spans accepted" in run.err, run
    records = collector.records(len(LINES))
    expected = [
        {
            "trace": task.id, "span": span_id(task.id, "container/app"), "time": str(millis(CREATED, 30 + i) * 1_000_000), "number": number,
            "text": text, "body": line, "flags": 1,
        }
        for i, (line, number, text) in enumerate(LINES)
    ]
    assert [meant(record) for record in records] == expected
    assert all(int(record["observedTimeUnixNano"]) >= int(record["timeUnixNano"]) for record in records)
    resource = attributes(records[0]["resource"])
    assert resource["container.name"] == "app" and resource["service.name"] == "web" and resource["aws.ecs.task.id"] == task.id
    assert not any(event["name"] == "log" for span in collector.spans(13) for event in span.get("events", []))


def test_both_are_events_and_records(ecspan, aws, collector):
    task = with_lines(aws)
    assert ecspan("export", f"prod/{task.id}", "--logs-as", "both", "--endpoint", collector.http).code == 0
    assert len(collector.records(len(LINES))) == len(LINES)
    events = [event for span in collector.spans(13) for event in span.get("events", []) if event["name"] == "log"]
    assert len(events) == len(LINES)


def test_the_same_bytes_when_sent_again(ecspan, aws, tmp_path):
    task = with_lines(aws)
    files = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for file in files:
        assert ecspan("export", f"prod/{task.id}", "--logs-as", "records", "--to", f"file:{file}").code == 0
    assert files[0].read_bytes() == files[1].read_bytes()


def test_records_that_are_not_read_are_said(ecspan, aws, tmp_path):
    task = stopped_task(aws, 500)
    out = tmp_path / "out.jsonl"
    run = ecspan("export", f"prod/{task.id}", "--logs-as", "records", "--to", f"file:{out}")
    assert run.code == 0 and "log lines between the first and the last not read" in run.err, run
    records = [record for line in json_lines.all_of(out) for record in flat_logs(line.get("resourceLogs", []))]
    gaps = [record for record in records if record["eventName"] == "log gap"]
    assert len(records) == 2 * 129 and len(gaps) == 2 and "not read" in gaps[0]["body"]["stringValue"]


def test_a_whole_log_is_streamed(ecspan, aws, tmp_path):
    task = stopped_task(aws, 25_000)
    out = tmp_path / "out.jsonl"
    run = ecspan("export", f"prod/{task.id}", "--logs-as", "records", "--log-lines", "all", "--to", f"file:{out}")
    assert run.code == 0 and "50000 of 50000 log records accepted" in run.err, run
    lines = json_lines.all_of(out)
    records = [record for line in lines for record in flat_logs(line.get("resourceLogs", []))]
    for name in ("app", "envoy"):
        bodies = [record["body"]["stringValue"] for record in records if record["body"]["stringValue"].startswith(name)]
        assert bodies == [f"{name} line {i}" for i in range(25_000)], "each once, in order"
    # The spans are those of an export that reads both ends.
    spans = {span["name"]: span for line in lines for span in flat(line.get("resourceSpans", []))}
    again = tmp_path / "again.jsonl"
    assert ecspan("export", f"prod/{task.id}", "--logs-as", "records", "--to", f"file:{again}").code == 0
    others = {span["name"]: span for line in json_lines.all_of(again) for span in flat(line.get("resourceSpans", []))}
    assert spans == others

    shown = ecspan("show", f"prod/{task.id}", "--format", "timeline", "--log-lines", "all", "--utc")
    assert shown.code == 0 and shown.out.count("CONTAINER:app\tapp line") == 25_000
    times = [line.split("\t")[0] for line in shown.out.splitlines()]
    assert times == sorted(times)


def test_a_log_that_breaks_off_is_a_gap(ecspan, aws, tmp_path):
    task = with_lines(aws)
    aws.front.deny.add("GetLogEvents")
    out = tmp_path / "out.jsonl"
    run = ecspan("export", f"prod/{task.id}", "--logs-as", "records", "--log-lines", "all", "--to", f"file:{out}")
    says(run, 3, "the log of container app", "allow logs:GetLogEvents")
    says(ecspan("show", f"prod/{task.id}", "--format", "timeline", "--log-lines", "all"), 3, "the log of container app", "logs:GetLogEvents")


def test_whole_logs_where_they_make_no_sense(ecspan, aws):
    for arguments in (["export", "--to", "file:-"], ["export", "--logs-as", "both", "--to", "file:-"], ["show"], ["record"]):
        run = ecspan(*arguments, "prod/x", "--log-lines", "all")
        assert run.code == 2 and "a whole log goes into log records" in run.err and "hint: " in run.err, run
    run = ecspan("export", "prod/x", "--to", "xray", "--logs-as", "records")
    assert run.code == 2 and "X-Ray takes no log records" in run.err, run


def test_jaeger_takes_no_logs_and_the_trace_arrives(ecspan, aws, jaeger):
    task = with_lines(aws)
    run = ecspan("export", f"prod/{task.id}", "--logs-as", "records", "--endpoint", jaeger.http)
    assert run.code == 4 and "13 of 13 spans accepted" in run.err and "6 of 6 log records not delivered" in run.err, run
    assert "6 log records saved" in run.err
    assert "the receiver takes no log records: it answered 404" in run.err and "hint: name one that does in OTEL_EXPORTER_OTLP_LOGS_ENDPOINT" in run.err
    run = ecspan("export", f"prod/{task.id}", "--logs-as", "records", "--endpoint", jaeger.grpc, "--protocol", "grpc")
    assert "the receiver takes no log records: it answered UNIMPLEMENTED" in run.err, run
