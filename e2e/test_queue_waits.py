"""What a worker says while its queue does not answer, and what it does not say while its queue has nothing."""

import json
import signal

import receiver
from http_server import HttpServer
from servers import free_port
from waiting import line_with, wait_until

JSON = {"Content-Type": "application/x-amz-json-1.0"}


class Empty(HttpServer):
    """A queue without messages: a call that does not wait is answered, one that waits is not until its time is up."""

    def __init__(self):
        self.waits = []
        super().__init__(self.say)

    def say(self, path, headers, body):
        wait = json.loads(body)["WaitTimeSeconds"]
        self.waits.append(wait)
        return HttpServer.HANG if wait else (200, JSON, b"{}")


def start(ecspan, url):
    queue = f"{url}/000000000000/tasks"
    arguments = ("--queue", queue, "--endpoint", f"http://127.0.0.1:{free_port()}", "--logs", "none")
    return ecspan.start("worker", *arguments, env={"AWS_ENDPOINT_URL_SQS": url})


def test_a_queue_that_never_answers_is_said_to_be_waited_for(ecspan):
    hole = receiver.black_hole()
    process = start(ecspan, hole.url)
    said = line_with(b"waiting for an answer", process.stderr).decode()
    assert said.startswith("level=info ") and hole.url in said, said
    said = line_with(b"level=error", process.stderr).decode()
    assert "did not answer in time; AWS_ENDPOINT_URL_SQS names it" in said, said
    hole.stop()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 1, "it never answered"


def test_a_queue_that_answers_is_asked_to_wait_from_then_on(ecspan):
    empty = Empty()
    process = start(ecspan, empty.url)
    wait_until("a call that waits", lambda: 10 in empty.waits, 60, process=process)
    assert empty.waits.count(0) == empty.waits.index(10) and empty.waits[0] == 0, empty.waits
    process.send_signal(signal.SIGINT)
    line_with(b"told to stop", process.stderr)
    process.send_signal(signal.SIGINT)
    said = line_with(b"interrupted again", process.stderr).decode()
    assert said.startswith("level=info ") and "goes back to the queue" in said, said
    assert process.wait(20) == 130, "what hangs is not waited for"
    empty.stop()
