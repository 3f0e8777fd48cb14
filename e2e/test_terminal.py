"""What is read in the terminal: lists, names of tasks and services, waits, links, help."""

import csv
import fcntl
import io
import json
import os
import pty
import stat
import struct
import subprocess
import termios
import time

import pytest
from batch import SPANS
from conftest import BINARY, PROJECT
from fake_aws import REGION
from servers import free_port

APP = {"name": "app", "image": "nginx:1.27"}
OOM = {**APP, "exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}
PULL = (
    "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref docker.io/library/nginx:no-such-tag: "
    "docker.io/library/nginx:no-such-tag: not found"
)
ENDED = {"connected": 2, "pull_started": 8, "pull_stopped": 21, "started": 23, "stopping": 100, "execution_stopped": 110, "stopped": 112}
EXITED = {"stop_code": "EssentialContainerExited", "stopped_reason": "Essential container in task exited"}
EXAMPLE = str(PROJECT / "examples/nginx/task.json")


@pytest.fixture
def tasks(aws):
    return {
        "running": aws.seed.task("prod", [APP], service="web").id,
        "oom": aws.seed.task("prod", [OOM], service="payments-worker", family="payments-worker-production", times=ENDED, **EXITED).id,
        "pull": aws.seed.task(
            "prod", [{**APP, "pulled": False}], service="web", times={"connected": 2, "pull_started": 8, "stopping": 40, "stopped": 60},
            stop_code="TaskFailedToStart", stopped_reason=PULL,
        ).id,
        "well": aws.seed.task("prod", [{**APP, "exitCode": 0}], family="batch", times=ENDED, **EXITED).id,
    }


def row(out, id):
    (line,) = [line for line in out.splitlines() if line.startswith(id)]
    return line


def test_reasons_are_whole_in_a_pipe_and_those_of_containers_where_they_tell_more(ecspan, tasks):
    run = ecspan("ls", "prod")
    assert run.code == 0 and PULL in row(run.out, tasks["pull"]), run
    assert row(run.out, tasks["oom"]).endswith(f"app: {OOM['reason']} (exit code 137)")
    assert row(run.out, tasks["well"]).endswith("Essential container in task exited")


@pytest.mark.parametrize("width", [40, 50, 60, 80, 100, 160, 300])
def test_reasons_are_wrapped_to_the_width(ecspan, tasks, width):
    run = ecspan("ls", "prod", "--width", str(width))
    assert run.code == 0 and max(map(len, run.out.splitlines())) <= width, run
    words = "".join(run.out.split())
    for word in f"{PULL} {OOM['reason']}".split():
        assert word in words, (word, run)
    # However little room there is, what stands for a task names it.
    for id in tasks.values():
        assert ecspan("show", f"prod/{row(run.out, id[:12]).split()[0]}").code == 0


def test_failed_tasks_alone_and_rows_for_programs(ecspan, aws, tasks):
    failed = {tasks["oom"], tasks["pull"]}
    rows = json.loads(ecspan("ls", "prod", "--status", "failed", "-o", "json").out)
    assert {row["id"] for row in rows} == failed and all(row["failed"] for row in rows)
    (oom,) = [row for row in rows if row["id"] == tasks["oom"]]
    assert oom["reason"].startswith("app: OutOfMemoryError") and oom["launch_ms"] == 23_000 and oom["service"] == "payments-worker"
    run = ecspan("ls", "prod", "-o", "tsv")
    table = list(csv.DictReader(io.StringIO(run.out), delimiter="\t"))
    assert {row["id"] for row in table} == set(tasks.values()) and all(None not in row and None not in row.values() for row in table), run
    assert json.loads(ecspan("ls", "prod", "--family", "none", "-o", "json").out) == []
    assert json.loads(ecspan("ls", "-o", "json").out) == [{"ecspan_ls": 1, "cluster": "prod", "running": 1, "pending": 0, "services": 0, "status": "ACTIVE"}]
    # The selectors of other commands know them too.
    run = ecspan("export", "--cluster", "prod", "--status", "failed", "--no-logs", "--to", "file:failed.jsonl")
    assert run.code == 0 and all(f"prod/{id}" in run.err for id in failed) and tasks["well"] not in run.err, run


def test_the_first_characters_of_an_id_name_a_task(ecspan, aws, tasks):
    id = tasks["oom"]
    for begin in (id[:6], id[:12], id[:31], f"prod/{id[:7]}"):
        run = ecspan("show", begin, "--no-logs")
        assert run.code == 0 and id in run.out, run
    twin = aws.seed.task("prod", [APP])
    backend = aws.seed.ecs.tasks["prod"]
    del backend[twin.task_arn]
    twin.id = id[:20] + twin.id[20:]
    backend[twin.task_arn] = twin
    both = ecspan("show", id[:12])
    assert both.code == 1 and id in both.err and twin.id in both.err and "more of the id" in both.err, both
    none = ecspan("show", "prod/ffffff0")
    assert none.code == 1 and "no such task" in none.err and "--service" in none.err, none


def test_a_service_is_told_where_a_task_is_meant_and_taken_where_it_is_one(ecspan, aws):
    made = aws.rollouts.in_progress()
    url = f"https://{REGION}.console.aws.amazon.com/ecs/v2/clusters/prod/services/web/health?region={REGION}"
    for text in ("web", "prod/web", url, f"arn:aws:ecs:{REGION}:123456789012:service/prod/web"):
        run = ecspan("show", text)
        assert run.code == 1 and "--service web" in run.err, run
    for text in (url, "prod/web"):
        run = ecspan("deploy", text)
        assert run.code == 0 and made.id in run.out, run


def test_a_service_that_is_not_there_fails_everywhere_alike(ecspan, tasks):
    for arguments in (["export", "--cluster", "prod", "--service", "wep", "--to", "file:-"], ["deploy", "wep", "--cluster", "prod"],
                      ["show", "--cluster", "prod", "--service", "wep"], ["ls", "prod", "--service", "wep"]):
        run = ecspan(*arguments)
        assert run.code == 1 and "has no service wep" in run.err, run


def test_a_wait_is_as_long_as_it_was_given(ecspan, aws, tasks):
    begin = time.monotonic()
    run = ecspan("export", f"prod/{tasks['running']}", "--wait", "--wait-timeout", "2.2s", "--to", "file:x.jsonl")
    assert run.code == 12 and "still RUNNING after 2s 200ms" in run.err and time.monotonic() - begin >= 2.2, run
    aws.rollouts.in_progress()
    begin = time.monotonic()
    assert ecspan("deploy", "web", "--cluster", "prod", "--wait", "--wait-timeout", "2200ms").code == 12
    assert time.monotonic() - begin >= 2.2


def test_a_bundle_is_its_owners(ecspan, tasks):
    path = ecspan.home / "bundle.json"
    path.write_text("")
    path.chmod(0o644)
    for name in ("bundle.json", "new.json"):
        assert ecspan("record", f"prod/{tasks['oom']}", "-o", name).code == 0
        assert stat.S_IMODE((ecspan.home / name).stat().st_mode) == 0o600


def test_what_to_do_without_a_receiver_is_said_at_once_and_once(ecspan, aws):
    run = ecspan("export", EXAMPLE, "--endpoint", f"http://127.0.0.1:{free_port()}", "--deadline", "2s", "--ui-url", "http://ui.example")
    lines = run.err.splitlines()
    assert lines[0].startswith("warning: ") and lines[1].startswith("hint: nothing listens at "), run
    before_the_end = lines[: next(at for at, line in enumerate(lines) if line.startswith("error: "))]
    assert sum(line.startswith("hint: ") for line in before_the_end) == 1, run
    assert "ui.example" not in run.err, run
    again = ecspan("resend", "--deadline", "2s").err.splitlines()
    assert again[0].startswith("warning: ") and again[1].startswith("hint: nothing listens at "), again


def test_links_to_what_is_there(ecspan, aws, collector):
    run = ecspan("export", EXAMPLE, "--endpoint", collector.http, env={"ECSPAN_UI_URL": "http://ui.example/"})
    assert run.code == 0 and f"{SPANS} of {SPANS} spans accepted" in run.err and "  http://ui.example/trace/84b59915" in run.err, run
    assert "ui.example" not in ecspan("export", EXAMPLE, "--to", "file:x.jsonl", "--ui-url", "http://ui.example").err
    aws.has_service_deployments()
    aws.rollouts.rolling(tasks=2, new_api=True)
    # As for export, a receiver that is named is sent to.
    run = ecspan("deploy", "web", "--cluster", "prod", "--endpoint", collector.http, "--ui-url", "http://ui.example", "--report", "markdown",
                 "--report-file", "deploy.json")
    found = json.loads((ecspan.home / "deploy.json").read_text())
    assert run.code == 0 and f"(http://ui.example/trace/{found['trace_id']})" in run.out, run
    assert found["trace_url"] in run.err and found["stage"] == "CLEAN_UP" and collector.spans(1)
    without = ecspan("deploy", "web", "--cluster", "prod", "--ui-url", "http://ui.example", "--report", "markdown")
    assert "ui.example" not in without.out + without.err, without


def at_width(width, *arguments):
    """What the program prints in a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    process = subprocess.Popen([BINARY, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env={"PATH": os.environ["PATH"], "NO_COLOR": "1"})
    os.close(theirs)
    text = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:
            break
        if not more:
            break
        text += more
    process.wait(60)
    os.close(ours)
    return text.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("width", [60, 80, 100, 160])
@pytest.mark.parametrize("command", [[], ["export"], ["deploy"]])
def test_help_is_wrapped_at_every_width(width, command):
    lines = at_width(width, *command, "--help").splitlines()
    assert lines and max(map(len, lines)) <= width, max(lines, key=len)
    # No line break of ours in the middle of a paragraph: where a line ends there was no room for the next word.
    for at in (at for at, line in enumerate(lines) if line.startswith(("TASK is ", "Exit codes: "))):
        paragraph = lines[at : next((end for end in range(at, len(lines)) if not lines[end]), len(lines))]
        for line, after in zip(paragraph, paragraph[1:]):
            assert len(line) + 1 + len(after.split()[0]) > min(width, 100), line


@pytest.mark.parametrize("word", [EXAMPLE, "84b599", "prod/84b599", "arn:aws:ecs:eu-west-1:1:task/prod/84b599"])
def test_a_task_where_a_command_is_expected_is_told_the_command(ecspan, word):
    run = ecspan(word)
    assert run.code == 2 and run.err.endswith(f"hint: a task or a file is drawn by a command: ecspan show {word}\n"), run
    assert "hint: a task" not in ecspan("shwo").err


def test_a_saved_task_without_any_time_is_told_alike_whenever_it_is_read(ecspan):
    task = {"taskArn": f"arn:aws:ecs:eu-west-1:123456789012:task/prod/{'0' * 31}1", "lastStatus": "RUNNING", "containers": []}
    (ecspan.home / "task.json").write_text(json.dumps({"tasks": [task]}))
    told = {form: ecspan("show", "task.json", "--format", form).out for form in ("waterfall", "json", "html", "markdown")}
    assert "as_of" not in json.loads(told["json"]), told
    assert all("RUNNING" in text and "as of" not in text for text in told.values()), told
