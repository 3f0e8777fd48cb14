"""Who is told to stop loses nothing that was read, and says what was not."""

import fcntl
import re
import signal
import struct
import subprocess
import termios
import threading

import batch
import pytest
from conftest import PROJECT
from test_export import APP, ENDED
from test_undelivered import black_hole, connected, notes  # noqa: F401: a fixture
from waiting import line_with, wait_until

NGINX = PROJECT / "examples/nginx/task.json"
SIGNALS = pytest.mark.parametrize(("signal_", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
SILENT = ["--protocol", "http/json", "--timeout", "1h", "--deadline", "1h"]


def is_sending(url):
    return lambda: connected(int(url.rsplit(":", 1)[1]))


def listens_to(process):
    """Whether it would be told of a SIGTERM."""
    status = open(f"/proc/{process.pid}/status").read()
    return int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16) >> (signal.SIGTERM - 1) & 1


def told(process, signal_=signal.SIGTERM):
    process.send_signal(signal_)
    _, err = process.communicate(timeout=60)
    return process.returncode, err.decode()


@SIGNALS
def test_all_of_a_file_is_saved_however_little_of_it_was_in_hand(ecspan, tmp_path, black_hole, signal_, code):
    tasks = batch.write(tmp_path / "tasks.jsonl", 1_000)
    process = ecspan.start("export", tasks, "--endpoint", black_hole, *SILENT)
    wait_until("a connection to the receiver", is_sending(black_hole), 60, process=process)
    spans = 1_000 * batch.SPANS
    ended, err = told(process, signal_)
    assert ended == code and f"0 of {spans} spans accepted" in err and f"{spans} not delivered, {spans} saved" in err, err[-1000:]
    assert sum(note["items"] for note in notes(ecspan)) == spans
    assert len({task for note in notes(ecspan) for task in note["tasks"]}) == 1_000
    assert "interrupted: " not in err.replace("interrupted before it was sent", "")


AGAIN = b"another Ctrl-C ends that, and saves it"


def test_another_interrupt_saves_what_is_in_hand_at_once(ecspan, tmp_path, black_hole):
    tasks = batch.write(tmp_path / "tasks.jsonl", 300)
    process = ecspan.start("export", tasks, "--endpoint", black_hole, *SILENT)
    wait_until("a connection to the receiver", is_sending(black_hole), 60, process=process)
    process.send_signal(signal.SIGINT)
    line_with(AGAIN, process.stderr)
    code, said = told(process, signal.SIGINT)
    spans = 300 * batch.SPANS
    assert code == 130 and f"{spans} not delivered, {spans} saved" in said, said[-1000:]
    assert "interrupted again: nothing more is sent" in said and "no answer within" not in said, said
    assert sum(note["items"] for note in notes(ecspan)) == spans
    # How many were on their way by then is chance.
    reasons = {note["reason"] for note in notes(ecspan)}
    assert reasons and reasons <= {"interrupted before an answer came", "interrupted before it was sent"}, reasons


def test_another_interrupt_of_a_deployment_saves_its_traces_too(ecspan, black_hole):
    answers = PROJECT / "examples/rollout"
    process = ecspan.start("deploy", "--from", answers / "services.json", "--from", answers / "tasks.json", "--endpoint", black_hole, *SILENT)
    wait_until("a connection to the receiver", is_sending(black_hole), 60, process=process)
    process.send_signal(signal.SIGINT)
    line_with(AGAIN, process.stderr)
    code, said = told(process, signal.SIGINT)
    assert code == 130 and "spans saved in" in said, said
    assert notes(ecspan)


def test_a_supervisor_that_asks_twice_loses_nothing_either(ecspan, black_hole):
    process = ecspan.start("export", NGINX, "--endpoint", black_hole, *SILENT)
    wait_until("a connection to the receiver", is_sending(black_hole), 60, process=process)
    process.send_signal(signal.SIGTERM)
    wait_until("what was read", lambda: process.poll() is not None or process.send_signal(signal.SIGTERM), 60)
    assert process.returncode == 143 and sum(note["items"] for note in notes(ecspan)) == batch.SPANS


@pytest.mark.parametrize("by", ["names", "selectors"])
def test_tasks_that_were_not_read_are_named(ecspan, aws, black_hole, by):
    tasks = [aws.seed.task("prod", [APP], service="web", times=ENDED, stop_code="UserInitiated") for _ in range(40)]
    others = threading.Event()
    aws.front.gates["GetLogEvents"] = (40, others)
    selectors = ["--cluster", "prod", "--service", "web", "--status", "all"]
    which = selectors if by == "selectors" else [f"prod/{task.id}" for task in tasks]
    process = ecspan.start("export", *which, "--endpoint", black_hole, *SILENT)
    wait_until("a connection to the receiver", is_sending(black_hole), 60, process=process)
    code, err = told(process)
    others.set()
    saved = {task for note in notes(ecspan) for task in note["tasks"]}
    of = f" of {' '.join(selectors)}" if by == "selectors" else " were"
    found = re.search(rf"error: interrupted: (\d+) tasks{of} not read: (.*)", err)
    assert code == 143 and found, err
    unread = set(found[2].split(", "))
    assert len(unread) == int(found[1]) and saved and not saved & unread, err
    assert saved | unread == {f"prod/{task.id}" for task in tasks}
    assert "hint: ask for them again" in err


def test_a_task_that_was_waited_for_and_a_selection_that_was_not_listed_are_named(ecspan, aws):
    task = aws.seed.task("prod", [APP], service="web", streams=False)
    process = ecspan.start("export", f"prod/{task.id}", "--wait", "--to", "file:-")
    assert aws.front.arrived.wait(60)
    code, err = told(process)
    assert code == 143 and f"interrupted: 1 task was not read: prod/{task.id}" in err, err
    aws.reset()
    answer = threading.Event()
    aws.front.gates["ListTasks"] = (0, answer)
    process = ecspan.start("export", "--cluster", "prod", "--family", "web", "--since", "1h", "--to", "file:-")
    assert aws.front.arrived.wait(60)
    code, err = told(process)
    answer.set()
    assert code == 143 and "interrupted: the tasks of --cluster prod --family web --since 1h were not read" in err, err


def waits_in(pipe):
    """How many bytes were written to it and not read."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]


def test_an_input_that_never_ends_is_named_and_what_was_read_before_it_is_delivered(ecspan, collector):
    process = ecspan.start("export", NGINX, "-", "--endpoint", collector.http, stdin=subprocess.PIPE)
    wait_until("a process that listens to signals", lambda: listens_to(process), 60, process=process)
    # What it reads of its stdin it reads after the file before it.
    process.stdin.write(b" ")
    process.stdin.flush()
    wait_until("a process that has read it", lambda: not waits_in(process.stdin), 60, process=process)
    process.send_signal(signal.SIGTERM)
    # Its stdin stays open.
    code, err = process.wait(60), process.stderr.read().decode()
    process.stdin.close()
    assert code == 143 and f"{batch.SPANS} of {batch.SPANS} spans accepted" in err and "interrupted: 1 file was not read: -" in err, err
    assert len(collector.spans(batch.SPANS)) == batch.SPANS


def test_a_bundle_that_was_interrupted_says_what_is_missing(ecspan, aws, tmp_path):
    tasks = [aws.seed.task("prod", [APP], service="web", times=ENDED, streams=False) for _ in range(3)]
    answer = threading.Event()
    aws.front.gates["DescribeTasks"] = (0, answer)
    process = ecspan.start("record", *(f"prod/{task.id}" for task in tasks), "-o", tmp_path / "bundle.json")
    assert aws.front.arrived.wait(60)
    code, err = told(process)
    answer.set()
    assert code == 143 and "interrupted: 3 tasks were not read: " in err and all(f"prod/{task.id}" in err for task in tasks), err


@pytest.mark.parametrize("folder", ["saved", "none"])
def test_another_interrupt_is_told_to_its_end_however_quickly_all_is_done(ecspan, black_hole, folder):
    """One request is saved at once: what became of it is said all the same."""
    process = ecspan.start("export", NGINX, "--endpoint", black_hole, *SILENT, *(["--undelivered", "none"] if folder == "none" else []))
    wait_until("a connection to the receiver", is_sending(black_hole), 60, process=process)
    process.send_signal(signal.SIGINT)
    line_with(AGAIN, process.stderr)
    code, said = told(process, signal.SIGINT)
    assert code == 130 and "0 of 9 spans accepted" in said and "ending at once" not in said, said
    assert sum(note["items"] for note in notes(ecspan)) == (batch.SPANS if folder == "saved" else 0)


@pytest.mark.parametrize("begin", ["", '{"tasks":[]}\n'])
@SIGNALS
def test_a_long_text_without_a_task_is_left_at_once(ecspan, tmp_path, begin, signal_, code):
    junk = tmp_path / "junk.txt"
    junk.write_text(begin + ("2026-11-20 log line " + "x" * 1000 + "\n") * 60_000)
    process = ecspan.start("show", junk)
    wait_until("that it listens", lambda: listens_to(process), 60, process=process)
    ended, err = told(process, signal_)
    junk.unlink()
    # Read to its end it would be an error.
    assert ended == code and "error" not in err and "interrupted: 0 drawn" in err, err
