"""Files of many tasks, and the spans that they make."""

import copy
import datetime
import json
import uuid

import json_lines
from conftest import PROJECT
from servers import flat

#: Without its definition and logs a task of the example has so many spans.
SPANS = 9


def example():
    """The task of the example, as DescribeTasks answers."""
    return json.loads((PROJECT / "examples/nginx/task.json").read_text())["tasks"][0]


def write(path, count, seconds_ago=None):
    """Writes so many stopped tasks with ids of their own, as DescribeTasks answers, a line each; `seconds_ago` moves them
    to where they were created so long ago."""
    task = example()
    if seconds_ago is not None:
        task = moved(task, seconds_ago)
    old = task_id(task)
    with open(path, "w") as file:
        for _ in range(count):
            text = json.dumps({"tasks": [copy.deepcopy(task)]}).replace(old, uuid.uuid4().hex)
            file.write(text + "\n")
    return path


def tasks_in(path):
    """The tasks of a file that `write` wrote."""
    return [answer["tasks"][0] for answer in json_lines.all_of(path)]


def task_id(task):
    return task["taskArn"].rsplit("/", 1)[-1]


def moved(task, seconds_ago):
    times = {name: datetime.datetime.fromisoformat(value) for name, value in task.items() if name.endswith("At")}
    by = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=seconds_ago) - times["createdAt"]
    return {**task, **{name: (time + by).isoformat() for name, time in times.items()}}


def spans_in(*paths):
    """All spans that files of OTLP JSON lines have by now."""
    return [span for path in paths for request in json_lines.so_far(path) for span in flat(request.get("resourceSpans", []))]


def in_file(path):
    """All spans of a finished file, which holds nothing else."""
    return [span for request in json_lines.all_of(path) for span in flat(request["resourceSpans"])]


def by_id(spans):
    """The copies of each span, by trace and span id."""
    found = {}
    for span in spans:
        found.setdefault((span["traceId"], span["spanId"]), []).append(span)
    return found


def assert_identical(copies):
    for key, spans in copies.items():
        assert all(span == spans[0] for span in spans), key
