"""Every event of a stopped task in the public ECS data, kept in a log group: what ecspan makes of it, asked for by the task's ARN, is what it makes of
the DescribeTasks answer that would have been saved in time."""

import json

import pytest
from batch import in_file
from expected import attributes
from public_data import CORPUS, needs
from test_history import ago



def events_in(value):
    """Every event about a stopped task, also in the text of a message."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            yield from events_in(json.loads(value))
        except ValueError:
            return
    elif isinstance(value, list):
        for one in value:
            yield from events_in(one)
    elif isinstance(value, dict) and isinstance(value.get("detail"), dict):
        if value["detail"].get("lastStatus") == "STOPPED":
            yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from events_in(one)


def stopped_events():
    for path in sorted((CORPUS / "events").glob("*")) if CORPUS else []:
        text = path.read_text(errors="replace")
        try:
            documents = [json.loads(text)]
        except ValueError:
            documents = [line for line in text.splitlines() if line.startswith("{")]
        for number, event in enumerate(one for document in documents for one in events_in(document)):
            yield pytest.param(event, id=f"{path.stem}-{number}")


def of_task(spans):
    """The root and the phases, as bytes."""
    return sorted(json.dumps(span, sort_keys=True) for span in spans if "ecs.container.name" not in attributes(span) and "container.id" not in attributes(span))


@needs(CORPUS)
@pytest.mark.parametrize("event", list(stopped_events()))
@pytest.mark.parametrize("twice", [False, True])
def test_the_root_and_the_phases_of_a_stopped_event_are_the_same_from_history(ecspan, aws, tmp_path, event, twice):
    arn = event["detail"].get("taskArn") or event["resources"][0]
    task = {**{key: value for key, value in event["detail"].items() if key != "updatedAt"}, "taskArn": arn}
    (tmp_path / "tasks.json").write_text(json.dumps({"tasks": [task], "failures": []}))
    in_time = ecspan("export", tmp_path / "tasks.json", "--to", f"file:{tmp_path / 'in-time'}")
    assert in_time.code == 0, in_time
    group = aws.history.group(task["clusterArn"].split("/")[-1])
    for line in [event, event, {key: value for key, value in event.items() if key not in ("id", "time", "version")}][: 1 + 2 * twice]:
        group.put(ago(hours=30), line)
    # ECS's answer has no such task, and where it ran then no such cluster.
    run = ecspan("export", arn, "--no-logs", "--to", f"file:{tmp_path / 'later'}")
    assert run.code in (0, 3) and "ECS has forgotten it" in run.err and "from 1 event in" in run.err, run
    expected, found = in_file(tmp_path / "in-time"), in_file(tmp_path / "later")
    assert len(of_task(expected)) > 1 and of_task(found) == of_task(expected), run
    # What differs, if anything, is what the task's definition says of its containers.
    assert sorted(span["spanId"] for span in found) == sorted(span["spanId"] for span in expected)


def test_there_are_such_events():
    assert not CORPUS or len(list(stopped_events())) > 3
