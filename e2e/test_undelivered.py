"""What is not accepted is kept, and sent again."""

import gzip
import json
import signal
import threading

import batch
import json_lines
import pytest
import receiver as receivers
from batch import SPANS
from conftest import PROJECT
from http_server import HttpServer
from servers import Collector, free_port
from test_export import stopped_task
from test_faults import OK, says, sent_to
from waiting import wait_until

NGINX = [PROJECT / "examples/nginx/task.json"]


@pytest.fixture
def nowhere():
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def black_hole():
    server = receivers.black_hole()
    yield server.url
    server.stop()


def folder(ecspan):
    return ecspan.home / "state/ecspan/undelivered"


def files(ecspan):
    return sorted(folder(ecspan).glob("*.jsonl"))


def notes(ecspan):
    return [saved["ecspan"] for file in files(ecspan) for saved in json_lines.all_of(file)]


def test_what_nobody_took_is_sent_to_where_it_was_meant_for(ecspan, aws, collector):
    task = stopped_task(aws, 10)
    port = collector.port
    collector.stop()
    endpoint = ["--endpoint", collector.http, "--protocol", "http/json", "--deadline", "1s"]
    run = ecspan("export", f"prod/{task.id}", "--logs-as", "both", *endpoint)
    assert run.code == 1 and "14 not delivered, 14 saved" in run.err and "ecspan resend sends them" in run.err, run
    assert "20 log records saved" in run.err
    assert sorted(note["items"] for note in notes(ecspan)) == [14, 20]
    assert ecspan("resend", "--deadline", "1s").code == 1
    assert len(files(ecspan)) == 2, "what fails again stays"
    waits = ecspan("resend", "--dry-run")
    assert waits.code == 0 and "14 spans would go to" in waits.err and len(files(ecspan)) == 2, waits

    again = Collector(ecspan.home, http=port)
    try:
        run = ecspan("resend")
        assert run.code == 0 and "14 of 14 spans accepted" in run.err and "20 of 20 log records accepted" in run.err, run
        assert files(ecspan) == [] and len(again.spans(14)) == 14 and len(again.records(20)) == 20
        run = ecspan("resend")
        assert run.code == 0 and "nothing waits" in run.err
    finally:
        again.stop()


def test_flags_send_it_elsewhere(ecspan, aws, collector, nowhere):
    assert ecspan("export", *NGINX, "--endpoint", nowhere, "--deadline", "1s").code == 1
    run = ecspan("resend", "--endpoint", collector.grpc, "--protocol", "grpc")
    assert run.code == 0 and files(ecspan) == [] and len(collector.spans(9)) == 9, run


def test_another_protocol_mends_a_mix_up(ecspan, aws, collector):
    assert ecspan("export", *NGINX, "--endpoint", collector.grpc, "--protocol", "http/protobuf", "--deadline", "1s").code == 1
    run = ecspan("resend", "--protocol", "grpc")
    assert run.code == 0 and files(ecspan) == [] and len(collector.spans(9)) == 9, run


@pytest.mark.parametrize("spoken, given", [("grpc", "http/protobuf"), ("grpc", "http/json"), ("http", "grpc")])
def test_a_mix_up_mends_itself(ecspan, aws, collector, spoken, given):
    """What was saved for a protocol that the receiver does not speak is sent as it does."""
    endpoint = getattr(collector, spoken)
    assert ecspan("export", *NGINX, "--endpoint", endpoint, "--protocol", given, "--deadline", "1s").code == 1
    run = ecspan("resend")
    assert run.code == 0 and files(ecspan) == [] and len(collector.spans(SPANS)) == SPANS, run
    assert f"saved for {given}, which it does not speak" in run.err, run


def test_a_part_that_was_rejected_is_left_alone_unless_asked(ecspan, aws, receiver):
    partial = (200, {"Content-Type": "application/json"}, b'{"partialSuccess":{"rejectedSpans":"4","errorMessage":"too old"}}')
    to = receiver(partial, OK)
    run = ecspan("export", *NGINX, *sent_to(to))
    assert run.code == 4 and "1 request set aside" in run.err, run
    assert [(note["outcome"], note["items"], note["rejected"], note["reason"]) for note in notes(ecspan)] == [("partial", 9, 4, "too old")]
    left = ecspan("resend")
    assert left.code == 0 and len(to.requests) == 1 and "--partial sends them too" in left.err, left
    assert ecspan("resend", "--partial").code == 0
    assert len(to.requests) == 2 and to.requests[0][2] == to.requests[1][2] and files(ecspan) == []


def test_files_of_otlp_json_lines_are_sent_and_left_as_they_are(ecspan, aws, collector, tmp_path):
    file = tmp_path / "trace.jsonl"
    assert ecspan("export", *NGINX, "--to", f"file:{file}").code == 0
    whole = file.read_text()
    file.write_text(whole + "not json\n" + whole[:200] + "\n")
    run = ecspan("resend", file, "--endpoint", collector.http)
    says(run, 3, "trace.jsonl: line 2: not OTLP JSON")
    assert "trace.jsonl: line 3" in run.err and "9 of 9 spans accepted" in run.err and len(collector.spans(9)) == 9
    assert file.read_text().startswith(whole)


def test_no_file_is_replaced(ecspan, aws, nowhere, tmp_path):
    archive = tmp_path / "archive.jsonl"
    assert ecspan("export", *NGINX, "--endpoint", nowhere, "--deadline", "1s").code == 1
    assert ecspan("resend", "--to", f"file:{archive}").code == 0
    whole = archive.read_text()
    assert ecspan("export", *NGINX, "--endpoint", nowhere, "--deadline", "1s").code == 1
    says(ecspan("resend", "--to", f"file:{archive}"), 2, "exists, and a resend replaces no file", "name a new one")
    says(ecspan("resend", archive, "--to", f"file:{archive}"), 2, "exists")
    assert archive.read_text() == whole and len(files(ecspan)) == 1
    task = tmp_path / "task.json"
    task.write_text(NGINX[0].read_text())
    says(ecspan("export", task, "--to", f"file:{task}"), 2, "is also what is exported")
    assert task.read_text() == NGINX[0].read_text()


def test_a_receiver_that_was_only_tried_is_not_where_it_was_meant_for(ecspan, aws, nowhere):
    other = nowhere.rsplit(":", 1)[0] + f":{free_port()}"
    assert ecspan("export", *NGINX, "--endpoint", nowhere, "--deadline", "1s").code == 1
    before = notes(ecspan)
    assert ecspan("resend", "--endpoint", other, "--deadline", "1s").code == 1
    assert notes(ecspan) == before


def test_another_folder_is_named_in_the_hint_and_must_be_there(ecspan, aws, nowhere, collector, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir(mode=0o755)
    run = ecspan("export", *NGINX, "--endpoint", nowhere, "--deadline", "1s", "--undelivered", mine)
    assert f"ecspan resend --undelivered {mine} sends them" in run.err, run
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in mine.glob("*.jsonl"))
    says(ecspan("resend", "--undelivered", tmp_path / "mistyped"), 1, "is no folder")
    assert ecspan("resend", "--undelivered", mine, "--endpoint", collector.http).code == 0 and not list(mine.glob("*.jsonl"))


def test_nothing_is_kept_where_nothing_is_to_be_kept(ecspan, aws, nowhere):
    run = ecspan("export", *NGINX, "--endpoint", nowhere, "--deadline", "1s", "--undelivered", "none")
    assert run.code == 1 and "saved" not in run.err and files(ecspan) == [], run


def test_a_folder_that_cannot_be_written_is_said(ecspan, aws, nowhere, tmp_path):
    (tmp_path / "file").write_text("")
    run = ecspan("export", *NGINX, "--endpoint", nowhere, "--deadline", "1s", "--undelivered", tmp_path / "file")
    says(run, 1, "failed to save what was not delivered in", "--undelivered DIR")


def test_an_endpoint_with_a_secret_is_named_again(ecspan, aws, nowhere, collector):
    secret = nowhere.replace("//", "//user:hunter22@") + "/?api-key=hunter22"
    run = ecspan("export", *NGINX, "--endpoint", secret, "--header", "x-key=hunter22", "--deadline", "1s")
    assert run.code == 1 and "hunter22" not in run.err
    assert "hunter22" not in "".join(file.read_text() for file in files(ecspan))
    says(ecspan("resend"), 1, "cannot be sent to as it stands", "--endpoint")
    assert ecspan("resend", "--endpoint", collector.http).code == 0


@pytest.mark.parametrize(("signal_", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_saves_what_is_in_hand(ecspan, aws, black_hole, signal_, code):
    tasks = [stopped_task(aws, 1) for _ in range(3)]
    process = ecspan.start("export", *(f"prod/{task.id}" for task in tasks), "--endpoint", black_hole, "--timeout", "1h", "--deadline", "1h")
    # It is under way once the receiver has a connection; that the receiver cannot tell, but the kernel can.
    port = int(black_hole.rsplit(":", 1)[1])
    wait_until("a connection to the receiver", lambda: connected(port), 60)
    process.send_signal(signal_)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code and b"42 not delivered, 42 saved" in err, err.decode()
    assert sum(note["items"] for note in notes(ecspan)) == 42 and {note["outcome"] for note in notes(ecspan)} == {"unknown"}


def connected(port):
    lines = open("/proc/net/tcp").read().splitlines()[1:]
    established = "01"
    return any(line.split()[2].endswith(f":{port:04X}") and line.split()[3] == established for line in lines)


class Gate(HttpServer):
    """Takes requests, and answers all of them once it is open."""

    def __init__(self):
        self.bodies, self.open = [], threading.Event()
        super().__init__(self.answer)

    def answer(self, path, headers, body):
        self.bodies.append(body)
        self.open.wait(300)
        return OK


@pytest.fixture
def gate():
    server = Gate()
    yield server
    server.open.set()
    server.stop()


def waiting_requests(ecspan, nowhere, count):
    for _ in range(count):
        assert ecspan("export", *NGINX, "--endpoint", nowhere, "--deadline", "100ms").code == 1
    assert len(files(ecspan)) == count


def test_two_at_once_send_nothing_twice(ecspan, aws, nowhere, gate):
    waiting_requests(ecspan, nowhere, 3)
    again = ["resend", "--endpoint", gate.url, "--protocol", "http/json"]
    first = ecspan.start(*again)
    wait_until("a request of the first", lambda: len(gate.bodies) == 1, 60, process=first)
    second = ecspan.start(*again)
    wait_until("a request of the second", lambda: len(gate.bodies) == 2, 60, process=second)
    assert "3 requests" in ecspan("doctor", "--no-aws", "--endpoint", nowhere).out, "looking takes nothing in hand"
    assert f"{3 * batch.SPANS} spans would go to" in ecspan(*again, "--dry-run").err
    gate.open.set()
    told = [process.communicate(timeout=60)[1].decode() for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), told
    assert len(gate.bodies) == 3 and files(ecspan) == [], told
    # Which of the two takes the third file is nobody's business; the second passes by what the first has in hand.
    assert "left to another resend, which is sending them" in told[1], told


def test_what_a_killed_resend_had_in_hand_is_sent_by_the_next(ecspan, aws, nowhere, gate):
    waiting_requests(ecspan, nowhere, 1)
    again = ["resend", "--endpoint", gate.url, "--protocol", "http/json"]
    killed = ecspan.start(*again)
    wait_until("its request", lambda: gate.bodies, 60, process=killed)
    killed.kill()
    killed.wait()
    gate.open.set()
    run = ecspan(*again)
    assert run.code == 0 and f"{batch.SPANS} of {batch.SPANS} spans accepted" in run.err and files(ecspan) == [], run


def test_spans_that_are_all_too_large_are_one_line(ecspan, aws, tmp_path):
    to = receivers.Receiver(always=(413, {"Content-Type": "application/json"}, b"{}"))
    try:
        run = ecspan("export", batch.write(tmp_path / "tasks.jsonl", 20), *sent_to(to))
    finally:
        to.stop()
    spans = 20 * batch.SPANS
    errors = [line for line in run.err.splitlines() if line.startswith("error: ")]
    assert run.code == 1 and len(errors) == 1 and errors[0].startswith(f"error: {spans} of {spans} spans rejected ("), run
    assert "for example, span " in errors[0] and "is too large even alone: the receiver answered 413" in errors[0]


def test_a_receiver_that_words_each_answer_anew_is_told_of_a_few_times(ecspan, aws, tmp_path):
    number = iter(range(10_000))
    answer = lambda *_: (400, {"Content-Type": "application/json"}, json.dumps({"message": f"request {next(number)}: no"}).encode())  # noqa: E731
    to = HttpServer(answer)
    try:
        run = ecspan("export", batch.write(tmp_path / "tasks.jsonl", 3_000), *sent_to(to))
    finally:
        to.stop()
    errors = [line for line in run.err.splitlines() if line.startswith("error: ")]
    assert run.code == 1 and len(errors) == 11 and " spans not accepted for " in errors[-1], run.err[-3000:]


def test_an_interrupted_resend_says_what_still_waits(ecspan, aws, nowhere, gate):
    waiting_requests(ecspan, nowhere, 3)
    process = ecspan.start("resend", "--endpoint", gate.url, "--protocol", "http/json")
    wait_until("a request", lambda: gate.bodies, 60, process=process)
    process.send_signal(signal.SIGTERM)
    err = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 143 and len(gate.bodies) == 1 and len(files(ecspan)) == 3, err
    assert f"interrupted: 2 files not sent, which wait in {folder(ecspan)}: ecspan resend sends them" in err, err


@pytest.mark.parametrize("content, what, hint", [
    ((PROJECT / "examples/nginx/task.json").read_bytes(), "it holds what AWS says of tasks", "ecspan export "),
    (gzip.compress(b"{}", mtime=0), "it is packed (gzip)", "gzip -dc "),
    (b"<html><title>Sign in</title></html>", "it is a web page", "the undelivered folder"),
    (b'{\n "resourceSpans": [\n]}\n', "not a request a line", "jq -c . "),
    (b"[]", "not OTLP JSON: no object", "the undelivered folder"),
    (b"", "is empty", None),
    (None, "directory", "ecspan resend --undelivered "),
])  # fmt: skip
def test_what_holds_no_requests_is_told_as_what_it_is(ecspan, tmp_path, content, what, hint):
    file = tmp_path / "file"
    file.mkdir() if content is None else file.write_bytes(content)
    run = ecspan("resend", file, "--endpoint", "http://127.0.0.1:9")
    assert run.code == 1 and run.err.count("error: ") == 1 and what in run.err and str(file) in run.err, run
    assert hint is None or "hint: " in run.err and hint in run.err, run


def test_lines_that_are_none_are_counted_and_the_others_sent(ecspan, tmp_path, collector):
    spans = tmp_path / "spans.jsonl"
    assert ecspan("export", PROJECT / "examples/nginx/task.json", "--to", f"file:{spans}").code == 0
    line = spans.read_bytes()
    # Some editors begin a file with a mark.
    spans.write_bytes(b"\xef\xbb\xbf" + line + b"not a request\n" * 5 + line)
    run = ecspan("resend", spans, "--endpoint", collector.http)
    assert run.code == 3 and "line 2: not OTLP JSON: no object" in run.err and "2 more lines could not be read" in run.err, run
    assert "18 of 18 spans accepted" in run.err, run
