"""`--to file:`: what closed, full and left-behind files come to."""

import functools
import json
import resource
import subprocess

import batch
import json_lines
import pytest
from batch import in_file
from conftest import BINARY, PROJECT
from servers import free_port
from test_faults import says
from waiting import wait_until

NGINX = PROJECT / "examples/nginx/task.json"
TASKS = 1_000


@pytest.fixture
def tasks(tmp_path):
    return batch.write(tmp_path / "tasks.jsonl", TASKS)


def limited(bytes_):
    """Options of a process whose files may not grow beyond that."""
    return {"preexec_fn": functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, (bytes_, bytes_))}


def ended(process):
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err.decode()


def drafts(folder):
    return sorted(path.name for path in folder.glob(".*.tmp"))


def test_a_closed_stdout_takes_nothing(ecspan):
    for closed, code in [(">&-", 1), ("1</dev/null", 1), (">/dev/null", 0), (">&- --dry-run", 0)]:
        run = subprocess.run(f"exec {BINARY} export {NGINX} --to file:- {closed}", shell=True, capture_output=True, env=ecspan.environment)
        err = run.stderr.decode()
        assert run.returncode == code, (closed, err)
        assert ("failed to open stdout for writing: it is closed" in err) == (code == 1), (closed, err)
        assert ("accepted" in err) == (closed == ">/dev/null"), (closed, err)


@pytest.mark.parametrize("to", ["-", "out.jsonl"])
def test_a_file_that_may_not_grow_is_a_full_disk(ecspan, tasks, tmp_path, to):
    # Several requests fit, and one does not.
    with open(tmp_path / "stdout", "wb") as stdout:
        code, _, err = ended(ecspan.start("export", tasks, "--to", f"file:{to}", stdout=stdout, **limited(3_000_000)))
    spans = TASKS * batch.SPANS
    written = to == "-" and in_file_so_far(tmp_path / "stdout")
    told = f" {spans} of {spans} spans not delivered" if to != "-" else f"{spans - written} of {spans - written} spans not delivered"
    assert code == (4 if written else 1) and told in err and "File too large" in err, err
    assert not (ecspan.home / "out.jsonl").exists() and drafts(ecspan.home) == []


def in_file_so_far(path):
    return sum(len(scope["spans"]) for request in json_lines.so_far(path) for resource_ in request["resourceSpans"] for scope in resource_["scopeSpans"])


def test_a_full_disk_that_takes_nothing_counts_each_span_once(ecspan, tasks):
    run = ecspan("export", tasks, "--to", "file:/dev/full")
    spans = TASKS * batch.SPANS
    assert run.code == 1 and f"{spans} of {spans} spans not delivered" in run.err and f"0 of {spans} spans accepted" in run.err, run


def test_a_disk_without_room_for_what_was_not_delivered_is_told(ecspan):
    nowhere = ["--endpoint", f"http://127.0.0.1:{free_port()}", "--deadline", "1s"]
    code, _, err = ended(ecspan.start("export", NGINX, *nowhere, **limited(1_000)))
    assert code == 1 and "failed to save what was not delivered" in err and "File too large" in err, err


def test_what_a_killed_run_left_beside_a_file_is_cleared_by_the_next(ecspan, tmp_path):
    folder = tmp_path / "spans"
    folder.mkdir()
    to = ["--to", f"file:{folder / 'out.jsonl'}"]
    killed = ecspan.start("export", "-", *to, stdin=subprocess.PIPE)
    wait_until("a draft", lambda: drafts(folder), 60, process=killed)
    killed.kill()
    killed.wait()
    left = drafts(folder)
    lives = ecspan.start("export", "-", *to, stdin=subprocess.PIPE)
    wait_until("its draft alone", lambda: len(drafts(folder)) == 1 and drafts(folder) != left, 60, process=lives)
    [its] = drafts(folder)
    assert ecspan("export", NGINX, *to).code == 0
    assert drafts(folder) == [its], "its process lives"
    lives.communicate(NGINX.read_bytes(), timeout=60)
    assert lives.returncode == 0 and drafts(folder) == [] and len(in_file(folder / "out.jsonl")) == batch.SPANS


def test_an_undelivered_folder_is_cleared_likewise(ecspan, tmp_path):
    folder = tmp_path / "undelivered"
    folder.mkdir()
    (folder / ".1-1-0.jsonl.1-0.tmp").write_text('{"ecspan"')
    run = ecspan("export", NGINX, "--undelivered", folder, "--to", f"file:{tmp_path / 'out.jsonl'}")
    assert run.code == 0 and drafts(folder) == [], run


@pytest.mark.parametrize("command", [["show"], ["export", "--dry-run"], ["deploy", "--from"]])
def test_thousands_of_errors_are_a_few_and_a_count(ecspan, tmp_path, command):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("{}\n" * 20_000 + NGINX.read_text())
    run = ecspan(*command, empty)
    lines = [line for line in run.err.splitlines() if "empty.jsonl" in line]
    assert len(lines) == 11 and "empty.jsonl: document 10: " in lines[9], run.err[:3000]
    assert lines[10].startswith("error: 19990 more of this kind: "), lines[10]
    assert run.err.count("hint: ecspan reads answers of describe-tasks") == 1
    assert run.code == (1 if command[0] == "deploy" else 3)


def test_each_file_tells_of_its_own_errors(ecspan, tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.jsonl").write_text("{}\n" * 11)
    run = ecspan("show", *(tmp_path / f"{name}.jsonl" for name in "abc"))
    assert run.code == 1 and all(f"{name}.jsonl: document 1: " in run.err for name in "abc"), run
    assert run.err.count("error: 1 more of this kind") == 3


def test_thousands_of_tasks_without_a_time_are_a_few_and_a_count(ecspan, tmp_path):
    timeless = [{"taskArn": f"arn:aws:ecs:eu-west-1:123456789012:task/prod/{number + 0xa1b2c3d4:032x}", "lastStatus": "STOPPED"} for number in range(500)]
    (tmp_path / "tasks.json").write_text(json.dumps({"tasks": timeless}))
    run = ecspan("export", tmp_path / "tasks.json", "--to", "file:/dev/null")
    says(run, 1, "no time is known of it", "ecspan show prints what is known")
    assert "error: 490 more of this kind: task 0" in run.err and len(run.err.splitlines()) < 20, run.err[:2000]


def test_the_size_of_a_file_that_is_felt_is_said_first(ecspan, tmp_path):
    large = tmp_path / "large.json"
    large.write_text("$ aws ecs describe-tasks" + " " * (65 * 1024 * 1024) + "\n" + NGINX.read_text())
    run = ecspan("export", large, "--to", "file:/dev/null")
    assert run.code == 0 and run.err.startswith("note: ") and "large.json: 65 MiB of it are no list of tasks" in run.err.splitlines()[0], run
    assert "MiB of it" not in ecspan("export", NGINX, "--to", "file:/dev/null").err
