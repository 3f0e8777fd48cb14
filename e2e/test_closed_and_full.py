"""What prints has somewhere to print to; what is written is there whole or not at all; what waits for stdin can be told to stop."""

import json
import resource
import signal
import subprocess

import pytest
from conftest import BINARY, PROJECT
from test_interrupted import listens_to
from waiting import wait_until

NGINX = PROJECT / "examples/nginx/task.json"


def test_a_closed_stdout_is_an_error_where_data_would_be_lost(ecspan):
    for command, closed, code in [("record", ">&-", 1), ("record", ">/dev/null", 0), ("show", ">/dev/null", 0)]:
        run = subprocess.run(f"exec {BINARY} {command} {NGINX} {closed}", shell=True, capture_output=True, env=ecspan.environment)
        err = run.stderr.decode()
        assert run.returncode == code and ("failed to open stdout for writing: it is closed" in err) == (code == 1), (closed, err)


def test_a_bundle_is_there_whole_or_not_at_all(ecspan, tmp_path):
    path = tmp_path / "out" / "bundle.json"
    path.parent.mkdir()

    def record(most):
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))  # noqa: E731: of the child
        command = [BINARY, "record", NGINX, "-o", path]
        return subprocess.run(command, preexec_fn=limit, capture_output=True, env=ecspan.environment, timeout=60)

    # Discarded by who starts it: Python's DEVNULL can be read, too.
    shown = subprocess.run([BINARY, "show", NGINX], stdout=subprocess.DEVNULL, env=ecspan.environment)
    assert shown.returncode == 0

    full = record(1_000)
    assert full.returncode == 1 and b"failed to write" in full.stderr and list(path.parent.iterdir()) == []
    assert record(resource.RLIM_INFINITY).returncode == 0
    whole = path.read_bytes()
    assert json.loads(whole) and path.stat().st_mode & 0o777 == 0o600
    # What was there stays as it was.
    assert record(1_000).returncode == 1 and path.read_bytes() == whole and list(path.parent.iterdir()) == [path]
    assert subprocess.run([BINARY, "record", NGINX, "-o", "/dev/full"], capture_output=True, env=ecspan.environment).returncode == 1
    piped = subprocess.run([BINARY, "record", NGINX, "-o", "/dev/stdout"], capture_output=True, env=ecspan.environment)
    assert piped.returncode == 0 and piped.stdout == whole


@pytest.mark.parametrize("command", [["deploy", "web", "--from", "-"], ["show", "-"]])
def test_who_waits_for_an_input_without_an_end_ends_when_told_to(ecspan, command):
    process = ecspan.start(*command, stdin=subprocess.PIPE)
    wait_until("a process that listens to signals", lambda: listens_to(process), 60, process=process)
    process.send_signal(signal.SIGTERM)
    # Its stdin stays open.
    assert process.wait(60) == 143, process.stderr.read()
    assert b"interrupted" in process.stderr.read()
    process.stdin.close()


def test_files_are_recorded_in_one_bundle(ecspan, tmp_path):
    files = sorted((PROJECT / "examples/nginx").glob("*.json"))
    run = ecspan("record", *files, "-o", tmp_path / "bundle.json")
    assert run.code == 0, run
    assert ecspan("show", "--utc", tmp_path / "bundle.json").out == ecspan("show", "--utc", *files).out
    run = ecspan("record", files[0], "prod/84b5991528504856a2f003b7da9b2b82")
    assert run.code == 2 and run.out == "" and "not recorded together" in run.err, run


def test_a_file_stays_where_nothing_was_made(ecspan, tmp_path):
    kept = tmp_path / "kept.jsonl"
    kept.write_text("precious\n")
    (tmp_path / "none.json").write_text('{"failures": [{"reason": "MISSING"}], "tasks": []}')
    ecspan("export", tmp_path / "none.json", "--to", f"file:{kept}")
    assert kept.read_text() == "precious\n"
