"""Files for other viewers: what `--to file:` writes goes through Jaeger's own upload (`/api/transform`, which its UI asks), and trace events are
what their format's description asks for."""

import json
import urllib.request
from xml.etree import ElementTree

import pytest
from conftest import PROJECT

EXAMPLES = ["nginx", "oom", "wrong-image"]


def example(name):
    return sorted((PROJECT / "examples" / name).glob("*.json"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_file_of_spans_opens_in_jaegers_upload(ecspan, jaeger, tmp_path, name):
    path = tmp_path / "trace.jsonl"
    run = ecspan("export", *example(name), "--to", f"file:{path}")
    assert run.code == 0, run
    made = [span for line in path.read_text().splitlines() for resource in json.loads(line)["resourceSpans"] for scope in resource["scopeSpans"] for span in scope["spans"]]
    shown = []
    for line in path.read_text().splitlines():
        request = urllib.request.Request(f"{jaeger.query}/api/transform", data=line.encode(), headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            traces = json.load(answer)["data"]
        shown += [(span["operationName"], span["spanID"], span["startTime"], len(span["logs"])) for trace in traces for span in trace["spans"]]
    expected = [(span["name"], span["spanId"], int(span["startTimeUnixNano"]) // 1000, len(span.get("events", []))) for span in made]
    assert sorted(shown) == sorted(expected) and len(shown) > 3


def test_trace_events_of_several_tasks_are_one_document(ecspan):
    run = ecspan("show", "--format", "perfetto", *example("oom"), PROJECT / "examples/wrong-image/task.json")
    assert run.code == 0, run
    events = json.loads(run.out)["traceEvents"]
    processes = {event["args"]["name"] for event in events if event["name"] == "process_name"}
    assert processes == {"task report 5d3e0f6b9a1c4e7788b2c4d6e8f0a1b3", "task nginx-typo 9f654c76cde14c7c85cf54dce087658a"}
    (pull,) = [event for event in events if event["name"] == "image pull"]
    # Microseconds: 30.84 s.
    assert pull["ph"] == "X" and pull["dur"] == 30_840_000 and pull["ts"] == 1_795_166_053_030_000
    threads = {event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert {"phases", "container report", "container envoy", "container nginx"} == threads


def test_json_lines_are_the_documents(ecspan):
    tasks = [*example("oom"), PROJECT / "examples/wrong-image/task.json"]
    run = ecspan("show", "--format", "jsonl", *tasks)
    assert run.code == 0 and len(run.out.splitlines()) == 2, run
    for line in map(json.loads, run.out.splitlines()):
        assert line["ecspan_task"] == 1 and line["start_unix_nano"].isdigit() and isinstance(line["phases"], list)


def test_a_picture_of_several_tasks_is_one_document(ecspan):
    tasks = [PROJECT / f"examples/{name}/task.json" for name in EXAMPLES]
    run = ecspan("show", "--format", "svg", "--utc", "--no-logs", *tasks)
    assert run.code == 0, run
    texts = [text.text for text in ElementTree.fromstring(run.out).iter("{http://www.w3.org/2000/svg}text")]
    said = "\n".join(texts)
    assert all(id in said for id in ("5d3e0f6b9a1c4e7788b2c4d6e8f0a1b3", "9f654c76cde14c7c85cf54dce087658a", "84b5991528504856a2f003b7da9b2b82"))
    alone = ecspan("show", "--format", "svg", "--utc", *example("oom"))
    assert ElementTree.fromstring(alone.out).get("aria-label") == "Waterfall of task report"


def test_no_task_is_no_document(ecspan, tmp_path):
    (tmp_path / "empty.json").write_text('{"tasks": [], "failures": []}')
    for format in ("svg", "perfetto", "html"):
        run = ecspan("show", "--format", format, tmp_path / "empty.json")
        assert run.out == "", run
