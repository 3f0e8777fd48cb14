"""Every file of the public ECS data that $ECSPAN_CORPUS names: a faithful trace, nothing final yet, or a clear refusal."""

import re
from datetime import datetime

import pytest
from batch import in_file
from public_data import CORPUS, needs

FILES = sorted(path for path in CORPUS.rglob("*") if path.is_file() and path.parent != CORPUS) if CORPUS else []
#: Events that are not about a task.
OTHERS = [path for path in FILES if re.match("16|17|18|20", path.name) and path.parent.name == "events"]
#: These hold tasks, as the ECS API or an event gives them.
TASKS = [path for path in FILES if path.parent.name in ("describe-tasks", "events") and path not in OTHERS]

pytestmark = needs(CORPUS)

#: Who asked the metadata endpoint or the agent: containers' times, and none of the task's.
METADATA = [path for path in FILES if path.parent.name == "tmde"]
AGENT = [path for path in FILES if path.parent.name == "introspection"]
#: JSON with something before it.
IN_TEXT = [path for path in FILES if "with-curl-progress-prefix" in path.name]
#: The endpoint says itself what it could not learn.
WITH_GAPS = [path for path in METADATA if '"Errors"' in path.read_text()]

TIME = re.compile(r'"([a-zA-Z]+At)"\s*:\s*("[^"]+"|[0-9.]+)')


def times(text):
    """Every time of a document in milliseconds, read apart from the program."""
    found = set()
    for _, raw in TIME.findall(text):
        if raw.startswith('"'):
            moment = re.sub(r"\.(\d+)", lambda digits: "." + digits[1][:3].ljust(3, "0"), raw.strip('"'))
            found.add(round(datetime.fromisoformat(moment).timestamp() * 1000))
        else:
            number = float(raw)
            found.add(round(number if number > 1e11 else number * 1000))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_is_drawn_or_refused_by_name(ecspan, path):
    for format in ("waterfall", "timeline", "json"):
        run = ecspan("show", path, "--format", format)
        assert "panicked" not in run.err
        if path in TASKS:
            assert run.code == 0 and run.err == "", run
        elif path in METADATA or path in AGENT:
            assert run.code == (3 if path in WITH_GAPS else 0) and run.out, run
        elif path in OTHERS:
            assert run.code == 0 and run.out == "" and f"{path.name}: passed by, for they are not about a task: " in run.err, run
        elif path in IN_TEXT:
            assert run.code == 0 and run.out and f"{path.name}: the JSON stands in other text" in run.err, run
        else:
            assert run.code == 1 and run.out == "", run
            assert any(line.startswith("error: ") and path.name in line for line in run.err.splitlines()), run


@pytest.mark.parametrize("path", TASKS, ids=lambda path: path.name)
def test_an_export_invents_no_time(ecspan, tmp_path, path):
    file = tmp_path / "spans.jsonl"
    run = ecspan("export", path, "--to", f"file:{file}")
    if "no-timestamps" in path.name:
        assert run.code == 1 and "no time is known of it" in run.err, run
        return
    assert run.code == 0 and "panicked" not in run.err, run
    known = times(path.read_text())
    spans = in_file(file)
    for span in spans:
        start, end = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
        assert start <= end
        assert {start // 1_000_000, end // 1_000_000} <= known, span["name"]
    assert spans or "0 spans: " in run.err and "nothing final yet" in run.err


@pytest.mark.parametrize("path", METADATA + AGENT, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_only_finished_containers_of_metadata_are_sent(ecspan, tmp_path, path):
    file = tmp_path / "spans.jsonl"
    run = ecspan("export", path, "--to", f"file:{file}")
    spans = in_file(file)
    finished = re.findall(r'"FinishedAt"\s*:\s*"(20[^"]+)"', path.read_text())
    if path in AGENT:
        assert run.code == 1 and "no time is known of it" in run.err and not spans, run
        return
    assert run.code == (3 if path in WITH_GAPS else 0), run
    assert all(span["name"].startswith("container ") for span in spans) and len(spans) == len(finished)
    nanos = {str(int(datetime.fromisoformat(re.sub(r"\.\d+", "", at)).timestamp())) + at.split(".")[1].rstrip("Z").ljust(9, "0") for at in finished}
    assert {span["endTimeUnixNano"] for span in spans} == nanos, "to the nanosecond"
    shown = ecspan("export", path, "--standalone", "--snapshot", "--to", "file:-")
    assert '"name":"task ' in shown.out, shown
