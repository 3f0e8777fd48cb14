"""Waiting for what takes a moment."""

import queue
import threading
import time

#: How a line begins that says how slow this machine's own servers are.
SLOW = "waiting: for an answer of http://127.0.0.1:"


def holds_within(condition, seconds, pause=0.02, process=None):
    """What the condition is once it holds, or when its time is up, or when the process has ended."""
    deadline = time.monotonic() + seconds
    while True:
        # Looked at before the condition: what it did last counts, and so does what came true while nobody looked.
        is_over = has_ended(process) or time.monotonic() >= deadline
        if (found := condition()) or is_over:
            return found
        time.sleep(pause)


def wait_until(what, condition, seconds, pause=0.02, process=None):
    """What the condition is once it holds. If it does not in time, or the process ends before, this fails with what was waited
    for: a text, or what it says when it is asked then."""
    if found := holds_within(condition, seconds, pause, process):
        return found
    why = f"the process ended with {process.returncode}" if has_ended(process) else f"not within {seconds:g} s"
    raise AssertionError(f"waited for {what() if callable(what) else what}: {why}")


def has_ended(process):
    return process is not None and process.poll() is not None


def line_with(words, stream, seconds=60):
    """The next line that has these words; fails when the stream ends before, or nothing more comes in time. One of how slow this
    machine's servers are is meant only by who asks for just that."""
    told, found = [], queue.Queue()
    is_meant = words.startswith(b"waiting: for an answer")

    def read():
        for line in iter(stream.readline, b""):
            if words in line and (is_meant or not line.startswith(SLOW.encode())):
                return found.put(line)
            told.append(line.decode())
        return found.put(None)

    # A read cannot be given up: what it waits for is ended after the test, and the thread with it.
    threading.Thread(target=read, daemon=True).start()
    why = "and there is none"
    try:
        if line := found.get(timeout=seconds):
            return line
    except queue.Empty:
        why = f"which did not come within {seconds:g} s"
    raise AssertionError(f"waited for a line with {words.decode()!r}, {why}: {''.join(told)}")


def of_the_run(err):
    """What was said, but for how slow this machine's own servers were."""
    return "".join(line for line in err.splitlines(keepends=True) if not line.startswith(SLOW))
