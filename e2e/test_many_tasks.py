"""Files of many tasks take no more memory than files of few, in every shape that has a place for each."""

import json

import batch
import bench_files
import peak
import pytest
from conftest import BINARY

FEW, MANY = 300, 3_000
#: What the tasks of the many would take, were they held, is several times that.
TOLERATED_KIB = 6 * 1024


def exported(ecspan, shape, path, to):
    command = [BINARY, "export", "-" if shape == "stdin" else path, "--to", f"file:{to}"]
    with open(path if shape == "stdin" else "/dev/null") as stdin:
        taken = peak.run(command, env={**ecspan.environment, "TMPDIR": str(ecspan.home)}, cwd=ecspan.home, stdin=stdin)
    assert taken.code == 0
    return taken.kib


@pytest.mark.parametrize("shape", bench_files.SHAPES)
def test_ten_times_the_tasks_take_the_same_memory(ecspan, tmp_path, shape):
    kib = {}
    for count in (FEW, MANY):
        path, spans = tmp_path / f"{count}", tmp_path / f"{count}.jsonl"
        bench_files.SHAPES[shape](path, count)
        kib[count] = exported(ecspan, shape, path, spans)
        traces = {span["traceId"] for span in batch.in_file(spans)}
        assert len(traces) == (1 if shape == "one task" else count)
    assert kib[MANY] - kib[FEW] < TOLERATED_KIB, kib
    assert sorted(path.name for path in ecspan.home.iterdir()) == ["state"] or not any(ecspan.home.iterdir()), "nothing is left behind"


def test_every_shape_makes_the_same_spans_in_the_same_order(ecspan, tmp_path):
    made = {}
    for shape in bench_files.SHAPES:
        if shape != "one task":
            path, spans = tmp_path / "tasks", tmp_path / f"{shape}.jsonl"
            bench_files.SHAPES[shape](path, 50)
            exported(ecspan, shape, path, spans)
            made[shape] = [json.dumps(span) for span in batch.in_file(spans)]
    assert all(spans == made["lines"] and len(spans) == 50 * batch.SPANS for spans in made.values())


def test_trace_events_are_written_a_task_at_a_time(ecspan, tmp_path):
    kib = {}
    for count in (FEW, MANY):
        path, out = tmp_path / f"{count}", tmp_path / f"{count}.json"
        bench_files.SHAPES["lines"](path, count)
        with open(out, "wb") as stdout:
            taken = peak.run([BINARY, "show", "--format", "perfetto", path], env=ecspan.environment, cwd=ecspan.home, stdout=stdout)
        assert taken.code == 0
        kib[count] = taken.kib
        assert len({event["pid"] for event in json.loads(out.read_text())["traceEvents"]}) == count
    assert kib[MANY] - kib[FEW] < TOLERATED_KIB, kib


def test_a_large_page_is_told_before_it_is_printed(ecspan, tmp_path):
    few, many = tmp_path / "few", tmp_path / "many"
    bench_files.SHAPES["lines"](few, 3)
    bench_files.SHAPES["lines"](many, MANY)
    small, large = (ecspan("show", "--format", "html", path) for path in (few, many))
    assert small.code == 0 and small.err == "", small.err
    assert large.code == 0 and large.out.count("<article ") == MANY
    megabytes = len(large.out.encode()) // 1_000_000
    assert megabytes > 20 and f"(tasks: {MANY}): browsers take long to open it" in large.err and "hint: select fewer tasks" in large.err, large.err
