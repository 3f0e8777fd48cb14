"""What is said when something does not come."""

import io
import os
import subprocess

import pytest
from waiting import line_with, wait_until


def test_what_was_waited_for_is_named():
    polls = []
    with pytest.raises(AssertionError, match=r"waited for the third poll: not within 0 s"):
        wait_until("the third poll", lambda: len(polls) == 3, 0)
    with pytest.raises(AssertionError, match=r"waited for 3 polls, had \d+: not within 0.1 s"):
        wait_until(lambda: f"3 polls, had {len(polls)}", lambda: polls.append(1), 0.1)
    assert wait_until("the first poll", lambda: polls, 0) == polls


def test_nobody_waits_for_a_process_that_has_ended():
    with subprocess.Popen(["false"]) as process:
        with pytest.raises(AssertionError, match="waited for an answer: the process ended with 1"):
            wait_until("an answer", lambda: False, 60, process=process)


def test_what_a_process_did_last_counts():
    asked = []
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        def has_ended():
            """At once when it is asked, which is too late for that time."""
            process.stdin.close()
            process.wait()
            asked.append(1)
            return len(asked) == 2

        assert wait_until("its end", has_ended, 60, process=process)


def test_a_stream_that_ends_without_the_line():
    stream = io.BytesIO(b"one\ntwo\nthree\n")
    assert line_with(b"w", stream) == b"two\n"
    with pytest.raises(AssertionError, match="a line with 'four', and there is none: three"):
        line_with(b"four", stream)


def test_a_slow_server_of_the_machine_is_not_what_was_waited_for():
    slow, meant = b"waiting: for an answer of http://127.0.0.1:4566\n", b"waiting: ecs-svc/1: 2 of 5 running\n"
    assert line_with(b"waiting: ", io.BytesIO(slow + meant)) == meant
    assert line_with(b"waiting: for an answer of ", io.BytesIO(slow + meant)) == slow


def test_a_stream_that_goes_on_without_the_line():
    reading, writing = os.pipe()
    with open(reading, "rb") as stream:
        with open(writing, "wb", buffering=0) as writer:
            writer.write(b"one\nand tw")
            assert line_with(b"one", stream) == b"one\n"
            writer.write(b"o\n")
            with pytest.raises(AssertionError, match="a line with 'three', which did not come within 2 s: and two"):
                line_with(b"three", stream, 2)
