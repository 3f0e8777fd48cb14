"""`ecspan show --follow`: a task that lives, as it is drawn in a terminal and as lines in a pipe."""

import datetime as dt

import pytest
from fake_aws.seed import LAUNCH, at_once, millis
from test_live_terminal import Terminal
from waiting import line_with

APP = {"name": "app", "image": "web:1"}
END = {**LAUNCH, "stopping": 50, "execution_stopped": 52, "stopped": 53}


class Task:
    def __init__(self, aws):
        self.aws = aws
        self.created = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(seconds=60)
        self.task = aws.seed.task("prod", [APP], created=self.created, times={"connected": 2.1, "pull_started": 8.25})
        self.id = self.task.id

    @at_once
    def starts(self):
        self.aws.seed.set_times(self.task, self.created, LAUNCH)
        self.task.containers[0]["lastStatus"] = "RUNNING"
        self.says("listening", 24)

    def says(self, text, seconds):
        self.aws.seed.lines(self.task, "app", [(millis(self.created, seconds), text)])

    @at_once
    def stops(self):
        self.task.stop_code, self.task.stopped_reason = "EssentialContainerExited", "Essential container in task exited"
        self.task.containers[0].update(exitCode=1, lastStatus="STOPPED")
        self.aws.seed.set_times(self.task, self.created, END)


@pytest.fixture
def task(aws):
    return Task(aws)


def test_in_a_pipe_each_thing_is_a_line_when_it_happens(ecspan, task):
    process = ecspan.start("show", "--follow", f"prod/{task.id}")
    assert b"\tTASK\tCreated" in process.stdout.readline()
    line_with(b"\tTASK\tPull started", process.stdout)
    task.starts()
    line_with(b"\tTASK\tStarted", process.stdout)
    assert b"\tCONTAINER:app\tlistening" in process.stdout.readline()
    task.says("fatal: no disk", 49)
    line_with(b"fatal: no disk", process.stdout)
    task.stops()
    line_with(b"\tTASK\tStopping", process.stdout), line_with(b"\tCONTAINER:app\tExitCode:1", process.stdout)
    task.says("last words", 51)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and out.count(b"last words") == 1 and b"listening" not in out, (out, err)


@pytest.mark.parametrize("width", [80, 120])
def test_on_a_terminal_the_waterfall_grows_below_the_log(ecspan, task, width):
    terminal = Terminal(ecspan, "show", "--follow", f"prod/{task.id}", width=width)
    terminal.shows("image pull"), terminal.shows("so far")
    assert "gap: " not in terminal.text, "no container has started that could have a log"
    task.starts()
    terminal.shows("  listening"), terminal.shows("running")
    task.stops()
    assert terminal.ends() == 0
    end = terminal.text[terminal.text.rindex("task web") :]
    assert "exit 1" in terminal.text and terminal.text.rstrip().splitlines()[-1].startswith("trace id "), end


def test_what_cannot_be_followed_says_what_can(ecspan, task):
    for arguments in (["--follow"], ["--follow", "a" * 32, "b" * 32], ["--follow", "--cluster", "prod", "--service", "web"]):
        run = ecspan("show", *arguments)
        assert run.code == 2 and "one task of AWS's can be followed" in run.err, run
    assert "--format timeline" in ecspan("show", "-f", f"prod/{task.id}", "--format", "json").err
    nowhere = ecspan("show", "-f", "prod/" + "a" * 32)
    assert nowhere.code == 1 and "no such task" in nowhere.err, nowhere
