"""What users are told, and how a run ends, when something is wrong."""

import re
import signal
import subprocess
import threading

import pytest
from conftest import BINARY, PROJECT
from fake_aws.seed import CREATED, millis
from test_export import APP, ENDED, stopped_task
from servers import free_port
from waiting import of_the_run

#: An OTLP answer without anything rejected, in JSON.
OK = (200, {"Content-Type": "application/json"}, b"{}")


def sent_to(receiver):
    """The flags of an export to a receiver that answers, and not for ever the same."""
    return ["--endpoint", receiver.url, "--protocol", "http/json", "--deadline", "50s", "--timeout", "25s"]


def says(run, code, error, hint=None):
    assert run.code == code, run
    lines = run.err.splitlines()
    assert any(line.startswith(("error: ", "gap: ")) and error in line for line in lines), run
    if hint:
        assert any(line.startswith("hint: ") and hint in line for line in lines), run


def test_no_credentials(ecspan, aws):
    without = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    says(ecspan("show", "prod/0123456789abcdef0123456789abcdef", env=without), 1, "credential", "AWS_PROFILE")


def test_no_region(ecspan, aws):
    says(ecspan("show", "prod/0123456789abcdef0123456789abcdef", env={"AWS_REGION": None}), 1, "no AWS region is set", "--region")


def test_unknown_cluster(ecspan, aws):
    says(ecspan("show", "nowhere/0123456789abcdef0123456789abcdef"), 1, "ECS has no cluster nowhere in ap-northeast-1 (ClusterNotFoundException)", "ecspan ls")


def test_unknown_task(ecspan, aws):
    aws.seed.cluster("prod")
    says(ecspan("show", "prod/0123456789abcdef0123456789abcdef"), 1, "ECS has no such task in cluster prod", "about an hour")


def test_an_unknown_task_does_not_hide_a_known_one(ecspan, aws):
    task = stopped_task(aws, 1)
    run = ecspan("show", f"prod/{task.id}", "prod/0123456789abcdef0123456789abcdef")
    says(run, 3, "0123456789abcdef0123456789abcdef: ECS has no such task")
    assert task.id in run.out
    assert aws.front.calls["DescribeTasks"] == 1


def test_a_task_without_a_cluster_is_searched_for(ecspan, aws):
    for name in ("a", "b", "c"):
        aws.seed.cluster(name)
    task = stopped_task(aws, 1)
    run = ecspan("show", task.id)
    assert run.code == 0 and task.id in run.out, run
    nowhere = ecspan("show", "0123456789abcdef0123456789abcdef")
    says(nowhere, 1, "ECS has no such task in any of 4 clusters of ap-northeast-1")


def test_access_denied_on_tasks_names_the_permission(ecspan, aws):
    task = stopped_task(aws, 1)
    aws.front.deny.add("DescribeTasks")
    says(ecspan("show", f"prod/{task.id}"), 1, "AccessDeniedException", "allow ecs:DescribeTasks")


def test_access_denied_on_logs_is_a_gap_and_the_rest_is_delivered(ecspan, aws, collector):
    task = stopped_task(aws, 10)
    aws.front.deny.add("GetLogEvents")
    run = ecspan("export", f"prod/{task.id}", "--protocol", "grpc", "--endpoint", collector.grpc)
    says(run, 3, "the log of container app", "allow logs:GetLogEvents")
    assert len(collector.spans(12)) == 12
    shown = ecspan("show", f"prod/{task.id}")
    assert shown.code == 3 and "gap: the log of container app" in shown.out, shown


def test_access_denied_on_the_definition_is_a_gap(ecspan, aws):
    task = stopped_task(aws, 10)
    aws.front.deny.add("DescribeTaskDefinition")
    run = ecspan("show", f"prod/{task.id}")
    assert run.code == 3 and "gap: the task definition" in run.out and "running" in run.out, run


def test_throttling_is_outlasted(ecspan, aws):
    task = stopped_task(aws, 10)
    aws.front.throttle.update({"DescribeTasks": 5, "GetLogEvents": 5})
    run = ecspan("show", f"prod/{task.id}")
    assert run.code == 0 and "app line 9" in run.out, run
    assert aws.front.calls["DescribeTasks"] == 6


def test_a_missing_log_stream_is_a_gap(ecspan, aws):
    task = aws.seed.task("prod", [{**APP, "exitCode": 0}], times=ENDED, stop_code="UserInitiated", streams=False)
    run = ecspan("show", f"prod/{task.id}")
    assert run.code == 3 and "gap: the log of container app" in run.out and "--log-stream" in run.out, run


def test_no_log_is_asked_for_where_nothing_ever_ran(ecspan, aws):
    times = {"connected": 2.0, "execution_stopped": 20.0, "stopping": 30.0, "stopped": 40.0}
    container = {**APP, "pulled": False, "reason": "CannotPullContainerError: no such image"}
    task = aws.seed.task("prod", [container], times=times, stop_code="TaskFailedToStart", stopped_reason="CannotPullContainerError: no such image")
    run = ecspan("show", f"prod/{task.id}")
    assert run.code == 0 and aws.front.calls["GetLogEvents"] == 0 and "never started" in run.out, run


def test_another_log_driver_is_a_note(ecspan, aws):
    task = aws.seed.task("prod", [{**APP, "exitCode": 0, "driver": "splunk"}], times=ENDED, stop_code="UserInitiated")
    run = ecspan("show", f"prod/{task.id}")
    assert run.code == 0 and "note: container app logs through splunk" in run.out, run


def test_empty_pages_are_gone_past(ecspan, aws):
    task = stopped_task(aws, 0)
    # More than a page of 1 MB holds, so that a second page is asked for; the one between is empty.
    aws.seed.lines(task, "app", [(millis(CREATED, 24 + i / 1000), f"{i} " + "x" * 200_000) for i in range(9)])
    aws.front.empty_pages["GetLogEvents"] = 0
    run = ecspan("show", f"prod/{task.id}", "--format", "json")
    assert run.code == 0 and all(f'"{i} xxx' in run.out for i in range(9)), run.code
    aws.front.empty_pages["GetLogEvents"] = 4
    again = ecspan("show", f"prod/{task.id}", "--format", "json")
    assert again.code == 0 and all(f'"{i} xxx' in again.out for i in range(9)), again.code
    assert aws.front.empty_pages["GetLogEvents"] < 4, "no page was empty"


def test_a_log_stream_can_be_named(ecspan, aws):
    task = aws.seed.task("prod", [{**APP, "exitCode": 0, "driver": "splunk"}], times=ENDED, stop_code="UserInitiated")
    aws.seed.lines(task, "app", [(millis(CREATED, 30), "from elsewhere")], group="/other")
    run = ecspan("show", f"prod/{task.id}", "--log-stream", "app=/other:pfx/{container}/{task_id}")
    assert run.code == 0 and "from elsewhere" in run.out, run


def test_a_log_stream_of_a_container_that_no_task_has_is_told(ecspan, aws):
    task = aws.seed.task("prod", [{**APP, "exitCode": 0}], times=ENDED, stop_code="UserInitiated")
    for command in (["show"], ["export", "--dry-run"], ["export", "--dry-run", "--logs-as", "records", "--log-lines", "all"]):
        run = ecspan(*command, f"prod/{task.id}", "--log-stream", "ap=/ecs/demo:pfx/app/x", "--log-stream", "app=/ecs/demo:pfx/app/{task_id}")
        says(run, 3, "--log-stream ap=…: no task that was read has a container ap", "the names of the containers are app")
        assert run.err.count("--log-stream") == 1, run
    file = PROJECT / "examples/nginx/task.json"
    run = ecspan("show", file, "--log-stream", "nginx=/ecs/nginx:x")
    assert run.code == 0 and "only with --fetch" in run.err, run
    says(ecspan("show", file, "--log-stream", "nginx"), 2, "not understood", "CONTAINER=GROUP:STREAM")


def test_a_log_group_in_another_region_is_read_there(ecspan, aws):
    task = aws.seed.task("prod", [{**APP, "exitCode": 0}], times=ENDED, stop_code="UserInitiated", region="eu-west-1")
    aws.seed.lines(task, "app", [(millis(CREATED, 30), "from eu-west-1")], region="eu-west-1")
    run = ecspan("show", f"prod/{task.id}")
    assert run.code == 0 and "from eu-west-1" in run.out, run


@pytest.mark.parametrize("flag", [["--endpoint", "http://localhost:4318"], ["--header", "a=b"], ["--compression", "gzip"]])
def test_a_receiver_that_nothing_would_be_sent_to_is_told(ecspan, flag):
    file, rollout = PROJECT / "examples/nginx/task.json", sorted((PROJECT / "examples/rollout").glob("*.json"))
    says(ecspan("export", file, "--to", "file:out.jsonl", *flag), 2, f"{flag[0]} is a receiver's", "add --to otlp")
    assert not (ecspan.home / "out.jsonl").exists()
    if flag[0] != "--endpoint":
        says(ecspan("deploy", *flag, "--from", *rollout), 2, f"{flag[0]} is a receiver's", "add --to otlp")


def test_nothing_listens_at_the_endpoint(ecspan, aws):
    task = stopped_task(aws, 1)
    run = ecspan("export", f"prod/{task.id}", "--endpoint", f"http://127.0.0.1:{free_port()}", "--deadline", "1s")
    says(run, 1, "14 of 14 spans not delivered", "nothing listens")


@pytest.mark.parametrize(
    ("script", "code", "error", "requests"),
    [
        ([(400, {}, b'{"message":"no thanks"}')], 1, "400 Bad Request: no thanks", 1),
        ([(401, {}, b"")], 1, "401 Unauthorized", 1),
        ([(404, {}, b"404 page not found")], 1, "404 Not Found", 1),
        ([(500, {}, b"")], 1, "500 Internal Server Error", 1),
        ([(200, {"Content-Type": "text/html"}, b"<html>hello</html>")], 1, "which is not OTLP", 1),
        ([(429, {"Retry-After": "60"}, b"")], 1, "429 Too Many Requests", 1),
        ([(200, {"Content-Type": "application/json"}, b'{"partialSuccess":{"rejectedSpans":"14","errorMessage":"too old"}}')], 1, "14 of 14 spans rejected", 1),
        ([(200, {"Content-Type": "application/json"}, b'{"partialSuccess":{"rejectedSpans":"5","errorMessage":"too old"}}')], 4, "5 of 14 spans rejected", 1),
        ([(200, {"Content-Type": "application/json"}, b'{"partialSuccess":{"rejectedSpans":99}}')], 1, "14 of 14 spans rejected", 1),
    ],
)
def test_what_a_receiver_refuses(ecspan, aws, receiver, script, code, error, requests):
    task = stopped_task(aws, 1)
    to = receiver(*script)
    says(ecspan("export", f"prod/{task.id}", *sent_to(to)), code, error)
    assert len(to.requests) == requests


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_passes_is_tried_again(ecspan, aws, receiver, status):
    task = stopped_task(aws, 1)
    to = receiver((status, {"Retry-After": "0"}, b""), (status, {}, b""), OK)
    run = ecspan("export", f"prod/{task.id}", *sent_to(to))
    assert run.code == 0 and "14 of 14 spans accepted" in run.err and "3 attempts" in run.err, run
    bodies = {body for _, _, body in to.requests}
    assert len(bodies) == 1, "every attempt sends the same bytes"


def test_a_warning_of_the_receiver_is_passed_on(ecspan, aws, receiver):
    task = stopped_task(aws, 1)
    to = receiver((200, {"Content-Type": "application/json"}, b'{"partialSuccess":{"errorMessage":"use v2 soon"}}'))
    run = ecspan("export", f"prod/{task.id}", *sent_to(to))
    assert run.code == 0 and "warning: the receiver says: use v2 soon" in run.err, run


def test_too_large_is_split(ecspan, aws, receiver):
    task = stopped_task(aws, 1)
    to = receiver((413, {}, b""), OK, OK)
    run = ecspan("export", f"prod/{task.id}", *sent_to(to))
    assert run.code == 0 and "14 of 14 spans accepted" in run.err and len(to.requests) == 3, run


def test_protocols_that_were_mixed_up_are_named(ecspan, aws, jaeger):
    task = stopped_task(aws, 1)
    says(ecspan("export", f"prod/{task.id}", "--protocol", "grpc", "--endpoint", jaeger.http), 1, "", "--protocol http/protobuf")
    says(ecspan("export", f"prod/{task.id}", "--protocol", "http/protobuf", "--endpoint", jaeger.grpc), 1, "", "--protocol grpc")


def test_a_line_of_ten_megabytes_and_hostile_lines_do_not_disturb(ecspan, aws, collector):
    task = stopped_task(aws, 0)
    hostile = ["\x1b[2J\x1b]0;title\x07", "a\rb", "nul\0", "\u202eright to left\u2066", "\ufffd", "\x9b31m", "x" * 1_000_000]
    aws.seed.lines(task, "app", [(millis(CREATED, 30 + i), text) for i, text in enumerate([*hostile, "y" * 10_000_000])])
    for format in ("waterfall", "timeline", "json"):
        run = ecspan("show", f"prod/{task.id}", "--format", format, "--color", "never")
        assert run.code == 0, run.code
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", run.out), format
        if format == "waterfall":
            assert max(map(len, run.out.splitlines())) <= 100
    assert ecspan("export", f"prod/{task.id}", "--protocol", "grpc", "--endpoint", collector.grpc).code == 0
    assert len(collector.spans(13)) == 13


def test_a_reader_that_has_seen_enough_is_no_failure(ecspan, aws):
    task = stopped_task(aws, 128)
    process = ecspan.start("show", f"prod/{task.id}", "--format", "timeline", "--log-lines", "10000")
    process.stdout.readline()
    process.stdout.close()
    assert of_the_run(process.stderr.read().decode()) == ""
    assert process.wait(60) == 0


@pytest.mark.parametrize(("signal_", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_during_a_fetch_ends_at_once(ecspan, aws, signal_, code):
    task = stopped_task(aws, 1)
    answer = threading.Event()
    aws.front.gates["DescribeTasks"] = (0, answer)
    process = ecspan.start("export", f"prod/{task.id}", "--to", "file:-")
    assert aws.front.arrived.wait(60)
    process.send_signal(signal_)
    out, _ = process.communicate(timeout=60)
    answer.set()
    assert process.returncode == code and out == b""


def test_files_that_are_none(ecspan, tmp_path):
    whole = (PROJECT / "examples/nginx/task.json").read_bytes()
    (tmp_path / "cut.json").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.json").write_bytes(b"")
    (tmp_path / "bytes.json").write_bytes(b'{"tasks": "\x00\xe9"}')
    says(ecspan("show", tmp_path / "cut.json"), 1, "cut.json: line 4", "ends in the middle")
    says(ecspan("show", tmp_path / "empty.json"), 1, "empty.json is empty")
    says(ecspan("show", tmp_path / "bytes.json"), 1, "bytes.json is not UTF-8 text", "unpacked first")
    says(ecspan("show", tmp_path), 1, "is a directory", "*.json")
    says(ecspan("show", tmp_path / "none.json"), 1, "none.json: no such file")
    says(ecspan("show", "-", input=b""), 1, "stdin is empty")
    assert ecspan("show").code == 2
    closed = subprocess.run([BINARY, "show", "-"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert closed.returncode == 1 and b"stdin is empty" in closed.stderr
