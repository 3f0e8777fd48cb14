"""Tasks that ECS has forgotten, from log groups that keep its events: one by name, many by a window of time."""

import datetime as dt
import json
import signal

import pytest
from batch import in_file
from expected import attributes
from fake_aws.history import CAPTURED
from fake_aws.seed import LAUNCH
from waiting import line_with, of_the_run

ENDED = {**LAUNCH, "stopping": 634.15, "execution_stopped": 623.75, "stopped": 655.65}
APP = {"name": "app", "image": "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/web:2026.11"}
OOM = {**APP, "exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}
GROUP = CAPTURED.format("prod")


def ago(**how_long):
    return dt.datetime.now(dt.timezone.utc).replace(microsecond=123_000) - dt.timedelta(**how_long)


def stopped(aws, *, created=None, container=OOM, **more):
    """A task that ran out of memory."""
    return aws.seed.task(
        "prod", [container], **{"service": "web", **more}, created=created or ago(hours=9), times=ENDED, stop_code="EssentialContainerExited",
        stopped_reason="Essential container in task exited",
    )


def spans(ecspan, tmp_path, *arguments):
    path = tmp_path / f"spans{len(list(tmp_path.iterdir()))}"
    run = ecspan("export", *arguments, "--to", f"file:{path}")
    return run, in_file(path)


def test_a_forgotten_task_is_drawn_with_one_command_and_no_flag(ecspan, aws):
    group, task = aws.history.group(), stopped(aws)
    events = group.task(task, twice=True)
    group.task(stopped(aws, created=ago(hours=8)))
    aws.seed.forget(task)
    run = ecspan("show", f"prod/{task.id}")
    assert run.code == 0, run
    assert f"note: task prod/{task.id}: ECS has forgotten it; from {events} events in {GROUP}" in run.err, run
    assert "OutOfMemoryError" in run.out and "STOPPED" in run.out
    calls = {name: aws.front.calls[name] for name in ("DescribeTasks", "DescribeLogGroups", "FilterLogEvents")}
    # A week is four parts, each as long as all before it; the newest has it.
    assert calls["DescribeTasks"] == calls["DescribeLogGroups"] == 1 and calls["FilterLogEvents"] <= 4, calls


def test_history_and_ecs_give_the_same_bytes_logs_and_all(ecspan, aws, tmp_path):
    group, task = aws.history.group(), stopped(aws)
    aws.seed.lines(task, "app", [(round(task.started_at.timestamp() * 1000) + 5, "out of memory soon")])
    group.task(task)
    in_time, expected = spans(ecspan, tmp_path, f"prod/{task.id}")
    aws.seed.forget(task)
    later, found = spans(ecspan, tmp_path, f"prod/{task.id}")
    assert in_time.code == later.code == 0, later
    assert found == expected and len(found) > 8
    assert any(span["name"] == "log" for span in found)


FORMS = {
    "whole": lambda event: event,
    "without time": lambda event: {k: v for k, v in event.items() if k not in ("time", "version", "id")},
    "arn in resources": lambda event: {**event, "detail": {k: v for k, v in event["detail"].items() if k != "taskArn"}},
    "detail alone": lambda event: event["detail"],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("by", ["id", "begin", "search", "window"])
def test_a_rules_own_group_may_hold_events_of_any_form(ecspan, aws, tmp_path, form, by):
    group, task = aws.history.group(name="/my/events", retention=None), stopped(aws)
    group.task(task, form=FORMS[form])
    group.put(ago(hours=1), "no event at all")
    group.put(ago(hours=1), {"detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2", "detail": {"state": "running"}})
    _, expected = spans(ecspan, tmp_path, f"prod/{task.id}", "--history", "off")
    aws.seed.forget(task)
    target = {
        "id": [f"prod/{task.id}"], "begin": [f"prod/{task.id[:8]}"], "search": [task.id], "window": ["--cluster", "prod", "--since", "7d"],
    }[by]
    run, found = spans(ecspan, tmp_path, *target, "--history", "/my/events")
    assert run.code == 0 and found == expected, run


def test_a_task_whose_end_was_not_captured_is_drawn_as_of_its_last_event(ecspan, aws):
    group, task = aws.history.group(), stopped(aws)
    group.task(task, last=False)
    aws.seed.forget(task)
    run = ecspan("show", f"prod/{task.id}", "--utc")
    assert run.code == 0, run
    assert "the last of which says RUNNING" in run.err and "RUNNING as of " in run.out, run


def test_no_group_says_how_to_have_one_and_ends_as_before(ecspan, aws):
    task = stopped(aws)
    aws.seed.forget(task)
    run = ecspan("show", f"prod/{task.id}")
    assert run.code == 1 and run.out == "", run
    assert f"ECS has no such task in cluster prod of ap-northeast-1, and no log group keeps its events: there is no {GROUP}" in run.err, run
    assert "Event capture" in run.err and "aws cloudformation deploy --stack-name ecs-history-prod" in run.err, run
    off = ecspan("show", f"prod/{task.id}", env={"ECSPAN_HISTORY": "off"})
    assert off.code == 1 and "log group" not in off.err and "ECS forgets a stopped task after about an hour" in off.err, off


def test_a_group_that_has_no_such_task_says_how_far_it_goes_back(ecspan, aws):
    aws.history.group().task(stopped(aws))
    run = ecspan("show", "prod/" + "0" * 31 + "1")
    assert run.code == 1 and f"and {GROUP} has no event of it since 20" in run.err, run


@pytest.mark.parametrize("denied", [["FilterLogEvents"], ["FilterLogEvents", "DescribeLogGroups"]])
def test_a_group_that_may_not_be_read_is_told_with_the_action(ecspan, aws, denied):
    group, task = aws.history.group(), stopped(aws)
    group.task(task)
    aws.seed.forget(task)
    aws.front.deny.update(denied)
    run = ecspan("show", f"prod/{task.id}")
    assert run.code == 1, run
    assert f"and its history cannot be read: failed to search log group {GROUP}: AccessDeniedException" in run.err, run
    assert "allow logs:FilterLogEvents in the IAM policy" in run.err, run


def test_whoever_may_not_list_groups_may_still_read_one(ecspan, aws):
    group, task = aws.history.group(), stopped(aws)
    group.task(task)
    aws.seed.forget(task)
    aws.front.deny.add("DescribeLogGroups")
    assert ecspan("show", f"prod/{task.id}").code == 0


def test_throttling_and_empty_pages_are_outlasted(ecspan, aws):
    group, task = aws.history.group(), stopped(aws)
    group.task(task)
    aws.seed.forget(task)
    group.empty = 12
    aws.front.throttle["FilterLogEvents"] = 4
    run = ecspan("show", f"prod/{task.id}")
    assert run.code == 0 and "ECS has forgotten it" in run.err, run


def test_a_search_that_takes_long_says_so_until_it_is_interrupted(ecspan, aws):
    group, task = aws.history.group(), stopped(aws)
    aws.seed.forget(task)
    # Pages are empty for minutes.
    group.empty = 1_000_000
    process = ecspan.start("show", f"prod/{task.id}")
    line_with(b"waiting: 1 task: looked for in ECS and in history for 1", process.stderr)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_an_event_that_was_cut_is_named_and_the_others_tell_what_they_know(ecspan, aws):
    group, task = aws.history.group(), stopped(aws)
    group.task(task)
    aws.seed.forget(task)
    at, message = group.sorted()[-1]
    group.lines[-1] = (at, message[: len(message) // 2])
    run = ecspan("show", f"prod/{task.id}")
    assert run.code == 0 and "the last of which says RUNNING" in run.err, run
    group.lines = group.lines[-1:]
    group.times = None
    run = ecspan("show", f"prod/{task.id}")
    assert run.code == 1 and f"an event of task prod/{task.id} is cut off" in run.err and "input transformer" in run.err, run


def test_what_is_recorded_of_a_forgotten_task_is_the_task_and_holds_no_secret(ecspan, aws, tmp_path):
    group = aws.history.group()
    task = stopped(aws, overrides=[{"name": "app", "environment": [{"name": "PASSWORD", "value": "hunter2"}]}])
    group.task(task, twice=True)
    aws.seed.forget(task)
    run = ecspan("record", f"prod/{task.id}", "-o", tmp_path / "bundle.json")
    assert run.code == 0, run
    bundle = (tmp_path / "bundle.json").read_text()
    assert "hunter2" not in bundle and task.id in bundle
    _, expected = spans(ecspan, tmp_path, f"prod/{task.id}")
    again, found = spans(ecspan, tmp_path, tmp_path / "bundle.json")
    assert again.code == 0 and found == expected, again


def many(aws, count, *, hours=24 * 6, known=0, **more):
    """Tasks all over the week; ECS knows the newest few."""
    group = aws.history.group()
    tasks = [stopped(aws, created=ago(hours=2 + hours * (count - number) / count), streams=False, **more) for number in range(count)]
    for number, task in enumerate(tasks):
        group.task(task, twice=number % 3 == 0)
    for task in tasks[: count - known]:
        aws.seed.forget(task)
    return tasks


def test_a_window_is_exported_each_task_once_and_again_with_the_same_bytes(ecspan, aws, tmp_path):
    tasks = many(aws, 40, known=3)
    running = aws.seed.task("prod", [APP], service="web", created=ago(minutes=20))
    aws.history.group().task(running)
    other = stopped(aws, created=ago(days=3), service="api")
    aws.history.group().task(other)
    aws.seed.forget(other)
    run, found = spans(ecspan, tmp_path, "--cluster", "prod", "--service", "web", "--since", "7d", "--no-logs")
    assert run.code == 0, run
    assert f"note: 37 tasks that ECS has forgotten, from {GROUP}" in run.err, run
    roots = [attributes(span)["aws.ecs.task.id"] if "aws.ecs.task.id" in attributes(span) else span["traceId"] for span in found if span["name"] == "task web"]
    assert sorted(roots) == sorted(task.id for task in tasks)
    assert len({span["spanId"] for span in found}) == len(found)
    again, same = spans(ecspan, tmp_path, "--cluster", "prod", "--service", "web", "--since", "7d", "--no-logs")
    key = lambda span: span["spanId"]
    assert again.code == 0 and sorted(same, key=key) == sorted(found, key=key)


def test_a_list_of_a_window_has_what_ecs_and_history_know_newest_first(ecspan, aws):
    tasks = many(aws, 12, known=2)
    run = ecspan("ls", "prod", "--since", "7d", "-o", "json")
    assert run.code == 0, run
    assert [row["id"] for row in json.loads(run.out)] == [task.id for task in reversed(tasks)]
    limited = json.loads(ecspan("ls", "prod", "--since", "7d", "--limit", "4", "-o", "json").out)
    assert [row["id"] for row in limited] == [task.id for task in tasks[:-5:-1]]
    until = tasks[6].created_at.isoformat()
    for since in (["--since", "7d"], []):
        older = json.loads(ecspan("ls", "prod", *since, "--until", until, "-o", "json").out)
        assert [row["id"] for row in older] == [task.id for task in tasks[5::-1]]
    for wrong in (["--since", "1d", "--until", "7d"], ["--limit", "0"]):
        assert ecspan("ls", "prod", *wrong).code == 2
    assert json.loads(ecspan("ls", "prod", "--since", "7d", "--history", "off", "-o", "json").out) == [row for row in json.loads(run.out)[:2]]


def test_within_the_hour_and_without_a_window_history_is_not_asked(ecspan, aws):
    many(aws, 3)
    for arguments in (["--since", "50m"], ["--status", "all"], ["--since", "7d", "--status", "running"]):
        assert ecspan("ls", "prod", *arguments).code == 0
    assert not aws.front.calls["FilterLogEvents"] and not aws.front.calls["DescribeLogGroups"]


def test_a_window_without_a_group_is_a_note_and_with_a_group_that_is_not_there_an_error(ecspan, aws):
    task = stopped(aws, created=ago(minutes=30))
    run = ecspan("ls", "prod", "--since", "7d")
    assert run.code == 0 and task.id in run.out, run
    assert f"note: only what ECS has not forgotten, after an hour or so, is here: no log group keeps its events: there is no {GROUP}" in run.err, run
    named = ecspan("ls", "prod", "--since", "7d", "--history", "/no/such")
    assert named.code == 3 and task.id in named.out and "there is no log group /no/such in " in named.err, named


def test_a_window_that_breaks_off_says_how_far_it_came(ecspan, aws, tmp_path):
    many(aws, 10)
    aws.front.deny.add("FilterLogEvents")
    run, found = spans(ecspan, tmp_path, "--cluster", "prod", "--since", "7d")
    assert run.code == 1 and found == [] and "allow logs:FilterLogEvents" in run.err, run


@pytest.mark.parametrize("history", ["auto", "off"])
def test_a_deployment_of_last_week_has_the_tasks_that_ecs_has_forgotten(ecspan, aws, history):
    aws.has_service_deployments()
    made = aws.rollouts.rolling(12, at=ago(days=3), new_api=True)
    group = aws.history.group()
    command = ["deploy", "web", "--cluster", "prod", "--deployment", made.id, "--report", "json", "--history", history]
    before = ecspan(*command)
    assert before.code == 0 and len(made.old) == 12, before
    for task in made.old:
        group.task(task, twice=True)
        aws.seed.forget(task)
    after = ecspan(*command)
    assert after.code == 0, after
    # Of tasks that took as long as each other any may be the example.
    report = lambda run: {key: json.loads(run.out)[key] for key in ("outcome", "deployment", "tasks")}
    if history == "auto":
        assert report(after) == report(before)
        assert f"note: 12 tasks that ECS has forgotten, from {GROUP}" in after.err, after
    else:
        assert report(after) != report(before)
        # The action log is no history.
        assert not any(request["logGroupName"] == GROUP for request in aws.front.requests["FilterLogEvents"])


def test_an_earlier_deployment_without_history_says_what_is_missing_and_the_latest_does_not(ecspan, aws):
    aws.has_service_deployments()
    made = aws.rollouts.rolling(4, at=ago(days=3), new_api=True)
    earlier = ecspan("deploy", "web", "--cluster", "prod", "--deployment", made.id)
    assert earlier.code == 0 and f"there is no {GROUP}" in earlier.err, earlier
    latest = ecspan("deploy", "web", "--cluster", "prod")
    assert latest.code == 0 and of_the_run(latest.err) == "", latest


LARGE = 2_000_000_000


def by_id(spans):
    return sorted(spans, key=lambda span: span["spanId"])


def test_a_large_group_is_queried_with_the_same_bytes_and_filtered_where_that_is_denied(ecspan, aws, tmp_path):
    many(aws, 20)
    window = ["--cluster", "prod", "--service", "web", "--since", "7d", "--no-logs"]
    _, expected = spans(ecspan, tmp_path, *window)
    assert expected and not aws.front.calls["StartQuery"]
    aws.history.group().stored = LARGE
    aws.front.calls.clear()
    run, found = spans(ecspan, tmp_path, *window)
    assert run.code == 0 and by_id(found) == by_id(expected), run
    assert aws.front.calls["StartQuery"] == 28 and not aws.front.calls["FilterLogEvents"], aws.front.calls
    aws.front.deny.add("StartQuery")
    run, found = spans(ecspan, tmp_path, *window)
    assert run.code == 0 and by_id(found) == by_id(expected) and aws.front.calls["FilterLogEvents"], run


def test_a_query_that_is_cancelled_is_told_with_how_far_history_was_read(ecspan, aws, tmp_path):
    many(aws, 10, known=1)
    aws.history.group().stored, aws.history.ends = LARGE, "Cancelled"
    run, found = spans(ecspan, tmp_path, "--cluster", "prod", "--since", "7d", "--no-logs")
    assert run.code == 3 and f"the query of log group {GROUP} ended early: Cancelled" in run.err, run
    assert "hint: somebody or something stopped it" in run.err and len({span["traceId"] for span in found}) == 1, run
