"""A window that gets another size while something is drawn at its foot: nothing above is lost.

In tmux, which wraps the lines that are there anew, and keeps those that scrolled away."""

import shutil
import subprocess
from itertools import pairwise

import pytest
from conftest import BINARY
from test_deploy_live import DEPLOY, Rollout, words
from test_follow import Task
from test_live_terminal import ESCAPES
from waiting import wait_until

TMUX = shutil.which("tmux")
pytestmark = pytest.mark.skipif(TMUX is None, reason="tmux is not installed")


class Window:
    """A shell's window: what it said before, then the program, then what it says after."""

    def __init__(self, folder, environment, *arguments, size):
        self.socket, self.raw = folder / "tmux", folder / "raw"
        # tmux's own shell makes it when it comes to it.
        self.raw.touch()
        script = 'echo BEFORE1; echo BEFORE2; read -r _; "$@"; echo AFTER; exec cat'
        settings = folder / "tmux.conf"
        settings.write_text("set -g status off\n")
        self.tmux("-f", settings, "new-session", "-d", "-x", size[0], "-y", size[1], "sh", "-c", script, "sh", BINARY, *arguments, env=environment)
        self.tmux("pipe-pane", f"exec cat >>'{self.raw}'")
        self.tmux("send-keys", "Enter")

    def tmux(self, *arguments, **options):
        return subprocess.run([TMUX, "-S", self.socket, *map(str, arguments)], check=True, capture_output=True, text=True, timeout=60, **options).stdout

    @property
    def lines(self):
        """All that was ever there, each line as it was written."""
        return [line.rstrip() for line in self.tmux("capture-pane", "-p", "-J", "-S", "-").splitlines()]

    def shows(self, *words):
        self.comes_to(lambda lines: all(word in "\n".join(lines) for word in words), words)

    def comes_to(self, is_so, what=""):
        """Whoever looks in the middle of a drawing sees a part of it."""
        wait_until(lambda: f"{what} in:\n" + "\n".join(self.lines), lambda: is_so(self.lines), 60)

    def count(self, drawn):
        return ESCAPES.sub("", self.raw.read_text(errors="replace")).count(drawn)

    def resize(self, width, height, drawn):
        """Waits until it was drawn anew for that size."""
        self.tmux("resize-window", "-x", width, "-y", height)
        before = self.count(drawn)
        # The first may have been on its way.
        wait_until(f"a drawing at {width} × {height}", lambda: self.count(drawn) >= before + 3, 60)

    def close(self):
        self.tmux("kill-server")


@pytest.fixture
def window(ecspan, tmp_path):
    opened = []

    def start(*arguments, size):
        opened.append(Window(tmp_path, ecspan.environment, *arguments, size=size))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


SIZES = pytest.mark.parametrize("sizes", [
    [(80, 30), (120, 30)],
    [(55, 30), (90, 30), (130, 30)],
    [(120, 30), (80, 30), (60, 30)],
    [(80, 40), (80, 16), (80, 36)],
    [(100, 24), (56, 14), (140, 45)],
], ids=lambda sizes: "-".join(f"{width}x{height}" for width, height in sizes))


@SIZES
def test_what_stands_above_outlives_every_size(window, aws, sizes):
    rollout = Rollout(aws)
    shown = window(*DEPLOY, size=sizes[0])
    shown.shows("2 of 5 running")
    # Wider than the window: they are broken between words.
    said = [f"fatal: DATABASE_URL of the {which} task is not set in any of the places where it was looked for" for which in ("first", "second")]
    tasks = [rollout.crash(number, line) for number, line in enumerate(said, 1)]
    shown.comes_to(lambda lines: all(one in words("\n".join(lines)) for one in said), said)
    kept = ["BEFORE1", "BEFORE2", *(f"failed: task {task.id}" for task in tasks), *(f"app: {line}" for line in said)]
    # tmux scrolls away the head of a drawing that it has to wrap.
    is_ever_narrower = any(after[0] < before[0] for before, after in pairwise(sizes))

    def are_kept(lines):
        return [words("\n".join(lines)).count(one) for one in kept] == [1] * len(kept)

    for size in sizes[1:]:
        shown.resize(*size, " of 5 running")
        shown.comes_to(lambda lines: are_kept(lines) and (is_ever_narrower or sum(" of 5 running" in line for line in lines) == 1), "each once")
    aws.rollouts.finish(rollout.made)
    shown.shows("AFTER")
    lines = shown.lines
    assert are_kept(lines), "\n".join(lines)
    # What is below them is the report.
    above = lines[: next(number for number, line in enumerate(lines) if "✓ held" in line)]
    assert is_ever_narrower or not any(" of 5 running" in line for line in above), "\n".join(above)


@SIZES
def test_the_log_of_a_task_that_is_followed_outlives_every_size(window, aws, sizes):
    task = Task(aws)
    shown = window("show", "--follow", f"prod/{task.id}", size=sizes[0])
    shown.shows("image pull", "so far")
    task.starts()
    # Wider than the window: they are broken between words.
    said = [f"request {number} took longer than anybody had thought that it would, in all of the places where it was looked at" for number in (1, 2)]
    for number, line in enumerate(said):
        task.says(line, 25 + number)
    shown.comes_to(lambda lines: all(one in words("\n".join(lines)) for one in ("listening", *said)), said)
    kept = ["BEFORE1", "BEFORE2", *("listening", *said)]

    def are_kept(lines):
        return [words("\n".join(lines)).count(one) for one in kept] == [1] * len(kept)

    is_ever_narrower = any(after[0] < before[0] for before, after in pairwise(sizes))
    for size in sizes[1:]:
        shown.resize(*size, " provisioning ")
        shown.comes_to(lambda lines: are_kept(lines) and (is_ever_narrower or "\n".join(lines).count(" provisioning ") == 1), "each once")
    task.stops()
    shown.shows("AFTER")
    text = words("\n".join(shown.lines))
    assert "trace id " in text and all(text.count(one) >= 1 for one in kept), text
