"""What is drawn at the foot of a terminal while something goes on."""

import fcntl
import os
import pty
import re
import struct
import termios
import threading

import pytest
from test_deploy_live import DEPLOY, Rollout
from waiting import SLOW, wait_until

#: Colours and movements of the cursor.
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A terminal of so many columns in which the program runs, and all that it wrote there."""

    def __init__(self, ecspan, *arguments, width=100, height=30):
        self.width = width
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.raw = b""
        self.process = ecspan.start(*arguments, stdin=theirs, stdout=theirs, stderr=theirs, env={"TERM": "xterm-256color"}, start_new_session=True,
                                    preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0))
        os.close(theirs)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while True:
            try:
                more = os.read(self.ours, 65536)
            except OSError:
                return
            if not more:
                return
            self.raw += more

    @property
    def text(self):
        return ESCAPES.sub("", self.raw.decode(errors="replace")).replace("\r", "")

    def shows(self, words):
        wait_until(lambda: f"{words!r} in {self.text}", lambda: words in self.text, 60, process=self.process)

    def comes_to(self, is_so, what=""):
        wait_until(lambda: f"{what!r} in {self.text}", lambda: is_so(self.text), 60, process=self.process)

    def type(self, keys):
        os.write(self.ours, keys)

    def ends(self):
        code = self.process.wait(60)
        self.reader.join(60)
        os.close(self.ours)
        return code


@pytest.mark.parametrize("width", [80, 120])
def test_a_rollout_is_drawn_while_it_goes_on(ecspan, aws, width):
    rollout = Rollout(aws)
    terminal = Terminal(ecspan, *DEPLOY, width=width)
    terminal.shows("2 of 5 running")
    terminal.shows("image pull")
    task = rollout.crash(1)
    terminal.shows(f"failed: task {task.id}"), terminal.shows("    app: fatal: DATABASE_URL is not set"), terminal.shows("1 failed")
    aws.rollouts.finish(rollout.made)
    assert terminal.ends() == 0
    # What is drawn is no line of a log, and it made way for the report.
    assert "waiting: " not in terminal.text.replace(SLOW, "") and "event: " not in terminal.text
    assert "\x1b[" in terminal.raw.decode().split("✓ held")[0] and "░ provisioning" not in terminal.text.split("✓ held")[0][-width:]


def test_ctrl_c_ends_it_with_a_report_in_the_place_of_what_was_drawn(ecspan, aws):
    rollout = Rollout(aws)
    terminal = Terminal(ecspan, *DEPLOY)
    terminal.shows("2 of 5 running")
    terminal.type(b"\x03")
    assert terminal.ends() == 130
    note, report = terminal.text[terminal.text.rindex("note: interrupted") :].split("\n", 1)
    assert note == "note: interrupted: the report is of what was seen until then"
    assert report.startswith("… in progress (interrupted while its end was waited for)"), report
    assert f"ecspan deploy prod/web --deployment {rollout.made.id} --wait" in report and report.count("2 of 5 running") == 0, report


def test_a_terminal_that_can_do_little_gets_lines(ecspan, aws):
    rollout = Rollout(aws)
    terminal = Terminal(ecspan, *DEPLOY, height=6)
    terminal.shows("waiting: ")
    aws.rollouts.finish(rollout.made)
    assert terminal.ends() == 0
