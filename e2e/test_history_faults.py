"""What goes wrong with history, how it is told, and how a run ends: `show` of one task, and a window through FilterLogEvents and through
Logs Insights."""

import json
import signal

import pytest
from fake_aws.history import now_ms
from test_history import GROUP, LARGE, ago, many, spans, stopped
from waiting import line_with

WINDOW = ["--cluster", "prod", "--since", "7d", "--no-logs"]


def error(run):
    """The one error and its hint."""
    lines = run.err.splitlines()
    errors = [number for number, line in enumerate(lines) if line.startswith("error: ")]
    assert len(errors) == 1, run
    hint = next((line for line in lines[errors[0] + 1 : errors[0] + 2] if line.startswith("hint: ")), "")
    return lines[errors[0]], hint


def test_throttled_for_ever_is_an_error_that_says_so(ecspan, aws):
    aws.history.group()
    task = stopped(aws)
    aws.seed.forget(task)
    aws.front.throttle["FilterLogEvents"] = 1_000_000
    run = ecspan("show", f"prod/{task.id}", env={"AWS_MAX_ATTEMPTS": "2"})
    told, hint = error(run)
    assert run.code == 1 and run.out == "" and f"failed to search log group {GROUP}: ThrottlingException: Rate exceeded" in told, run
    assert "the account's rate of calls is used up: try again later" in hint, run


def test_a_window_that_is_throttled_for_ever_says_how_far_it_came(ecspan, aws, tmp_path):
    many(aws, 12, known=2)
    # The first parts are answered; then nothing is any more.
    aws.front.throttle_every["FilterLogEvents"] = 1
    ecspan.environment["AWS_MAX_ATTEMPTS"] = "2"
    run, found = spans(ecspan, tmp_path, *WINDOW)
    told, hint = error(run)
    assert run.code == 3 and "ThrottlingException" in told and "rate of calls" in hint, run
    assert len({span["traceId"] for span in found}) == 2, "what ECS knows is sent"


def test_empty_pages_for_long_are_waited_for_and_told(ecspan, aws):
    group, task = aws.history.group(), stopped(aws)
    group.task(task)
    aws.seed.forget(task)
    group.empty = 1_000_000
    process = ecspan.start("show", f"prod/{task.id}")
    for _ in range(2):
        line_with(b"waiting: 1 task: looked for in ECS and in history for ", process.stderr)
    group.empty = 0
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0 and b"ECS has forgotten it" in err, err


@pytest.mark.parametrize("command", ["ls", "stats", "export"])
def test_empty_pages_of_a_window_are_waited_for_and_told(ecspan, aws, command):
    many(aws, 3)
    aws.history.group().empty = 1_000_000
    process = ecspan.start(command, *WINDOW[:4], *(["--to", "file:spans", "--no-logs"] if command == "export" else []))
    line_with(b"waiting: for history, read to ", process.stderr)
    aws.history.group().empty = 0
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0 and f"3 tasks that ECS has forgotten, from {GROUP}" in err.decode(), err


def test_a_window_that_is_waited_for_can_be_interrupted(ecspan, aws):
    aws.history.group().empty = 1_000_000
    aws.seed.cluster("prod")
    process = ecspan.start("stats", "--cluster", "prod", "--since", "7d")
    line_with(b"waiting: for history", process.stderr)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and b"note: interrupted: 0 tasks were read, and not all" in err, (out, err)


@pytest.mark.parametrize("status", ["Cancelled", "Failed", "Timeout", "Unknown"])
@pytest.mark.parametrize("command", ["ls", "stats", "export"])
def test_a_query_that_does_not_end_well_is_told_with_its_group_and_how_it_ended(ecspan, aws, status, command):
    known = many(aws, 6, known=1)[-1]
    aws.history.group().stored, aws.history.ends = LARGE, status
    to = ["--to", "file:spans", "--no-logs"] if command == "export" else []
    run = ecspan(command, *WINDOW[:4], *to)
    told, hint = error(run)
    assert run.code == 3 and f"the query of log group {GROUP} ended early: {status}" in told, run
    assert hint.startswith("hint: somebody or something stopped it") and "  " not in hint, run
    # What ECS knows is there.
    assert known.id[:12] in run.out + run.err or "1 launched" in run.out, run
    aws.seed.forget(known)
    nothing = ecspan(command, *WINDOW[:4], *to)
    assert nothing.code == 1 and nothing.out == "" and f"ended early: {status}" in nothing.err, nothing


def test_too_many_queries_are_waited_for_and_then_told(ecspan, aws, tmp_path):
    many(aws, 4)
    aws.history.group().stored = LARGE
    aws.front.refuse["StartQuery"] = ("LimitExceededException", "Account maximum query concurrency limit of [30] reached.")
    process = ecspan.start("ls", "prod", "--since", "7d")
    line_with(b"waiting: for history", process.stderr)
    del aws.front.refuse["StartQuery"]
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and len(out.splitlines()) == 5, (out, err)


def test_a_group_that_may_not_be_read_of_a_window_is_told_with_the_action(ecspan, aws):
    many(aws, 3)
    aws.front.deny.add("FilterLogEvents")
    for command in ("ls", "stats"):
        run = ecspan(command, *WINDOW[:4])
        told, hint = error(run)
        assert run.code == 1 and f"failed to search log group {GROUP}: AccessDeniedException" in told, run
        assert hint == "hint: allow logs:FilterLogEvents in the IAM policy of these credentials", run


def test_no_group_is_a_note_for_each_command_with_how_to_have_one(ecspan, aws):
    task = stopped(aws, created=ago(minutes=30))
    for command in ("ls", "stats"):
        run = ecspan(command, *WINDOW[:4])
        assert run.code == 0 and (task.id in run.out or "1 launched" in run.out), run
        assert f"note: only what ECS has not forgotten, after an hour or so, is here: no log group keeps its events: there is no {GROUP}" in run.err, run
        assert "aws cloudformation deploy --stack-name ecs-history-prod" in run.err, run


def test_an_event_that_is_cut_at_256_kb(ecspan, aws):
    """As the limit of CloudWatch Logs leaves it: the beginning of an event that was long."""
    group = aws.history.group()
    containers = [{"name": f"c{number}", "image": "web:1", "exitCode": 0} for number in range(300)]
    task = aws.seed.task("prod", containers, service="web", created=ago(hours=9), streams=False, overrides=[{"name": "c0", "environment": [{"name": "LONG", "value": "x" * 200_000}]}],
                         times={"connected": 1.0, "started": 5.0, "stopping": 60.0, "stopped": 70.0}, stop_code="UserInitiated", stopped_reason="stopped")
    group.task(task)
    aws.seed.forget(task)
    limit = 256 * 1024 - 26
    whole = [message for _, message in group.sorted()]
    assert min(map(len, whole)) > limit
    group.lines, group.times = [(at, message[:limit]) for at, message in group.lines], None
    run = ecspan("show", f"prod/{task.id}")
    told, hint = error(run)
    assert run.code == 1 and run.out == "" and f"none of its events in {GROUP} is whole: " in told and f"an event of task prod/{task.id} is cut off" in told, run
    assert "an input transformer of the rule can take out what is long" in hint and "xxx" not in run.err, run


def test_a_transformer_as_the_page_has_it_keeps_what_is_needed(ecspan, aws):
    group, task = aws.history.group(), stopped(aws)
    kept = ("clusterArn", "taskArn", "lastStatus", "createdAt", "startedAt", "stoppedAt", "stopCode", "stoppedReason", "group", "startedBy", "taskDefinitionArn", "containers", "version")
    group.task(task, form=lambda event: {"detail": {key: value for key, value in event["detail"].items() if key in kept}})
    aws.seed.forget(task)
    run = ecspan("show", f"prod/{task.id}", "--format", "json", "--no-logs")
    assert run.code == 0 and json.loads(run.out)["failed"] is True, run


def test_what_was_written_in_the_last_minutes_is_not_missed(ecspan, aws):
    """The clock of whoever asks may be behind: a line of now counts."""
    group = aws.history.group()
    task = stopped(aws, created=ago(minutes=70))
    group.task(task)
    group.lines = [(now_ms() + 2_000, message) for _, message in group.lines]
    group.times = None
    aws.seed.forget(task)
    assert ecspan("show", f"prod/{task.id}", "--no-logs").code == 0
