"""Where history is looked for: groups that are named, that are not there, that are another account's, and clusters that ECS no longer has."""

import json

import pytest
from fake_aws.history import CAPTURED
from fake_aws.seed import ACCOUNT, REGION
from test_history import GROUP, LARGE, ago, by_id, spans, stopped

OTHER = "210987654321"


def forgotten(aws, *, count=1, cluster="prod", **where):
    """Tasks that only a group knows."""
    group = aws.history.group(cluster, **where)
    tasks = [stopped(aws, created=ago(hours=9 + number)) for number in range(count)]
    for task in tasks:
        group.task(task)
        aws.seed.forget(task)
    return tasks


# A cluster that is gone.

GONE = {"missing": ("ClusterNotFoundException", "Cluster not found."), "inactive": ("ClientException", "The referenced cluster was inactive.")}


@pytest.fixture(params=GONE)
def gone(aws, request):
    """Takes a cluster away, as ECS does at once or after a while."""
    def take(name="prod"):
        if request.param == "missing":
            aws.seed.ecs.clusters.pop(name, None)
        for operation in ("DescribeTasks", "ListTasks", "DescribeServices", "ListServiceDeployments"):
            aws.front.refuse[operation] = GONE[request.param]
        return GONE[request.param][0]

    return take


def test_of_a_cluster_that_is_gone_history_answers_and_says_so(ecspan, aws, gone, tmp_path):
    tasks = forgotten(aws, count=3)
    _, expected = spans(ecspan, tmp_path, *(f"prod/{task.id}" for task in tasks), "--no-logs")
    code = gone()
    task = tasks[0]
    for name in (f"prod/{task.id}", f"prod/{task.id[:8]}", f"prod/{task.id.upper()}"):
        run = ecspan("show", name)
        assert run.code == 0 and "OutOfMemoryError" in run.out, run
        assert f"note: task prod/{task.id}: ECS has forgotten it with its cluster prod; from 8 events in {GROUP}" in run.err, run
    note = f"note: 3 tasks that ECS has forgotten, from {GROUP}: ECS has no cluster prod in {REGION} ({code}) any more"
    listed = ecspan("ls", "--cluster", "prod", "--since", "7d", "-o", "json")
    assert listed.code == 0 and [row["id"] for row in json.loads(listed.out)] == [task.id for task in tasks] and note in listed.err, listed
    run, found = spans(ecspan, tmp_path, "--cluster", "prod", "--since", "7d", "--no-logs")
    assert run.code == 0 and by_id(found) == by_id(expected), run
    assert note in run.err, run.err
    stats = ecspan("stats", "--cluster", "prod", "--since", "7d", "--format", "json")
    assert stats.code == 0 and note in stats.err and json.loads(stats.out)["tasks"] == 3, stats
    record = ecspan("record", f"prod/{task.id}", "-o", tmp_path / "bundle.json")
    assert record.code == 0 and task.id in (tmp_path / "bundle.json").read_text(), record


COMMANDS = {
    "show": ["show", "prod/" + "0" * 31 + "1"], "begun": ["show", "prod/012345"], "ls": ["ls", "--cluster", "prod", "--since", "7d"],
    "export": ["export", "--cluster", "prod", "--since", "7d", "--to", "file:spans"], "stats": ["stats", "--cluster", "prod", "--since", "7d"],
    "record": ["record", "--cluster", "prod", "--since", "7d", "-o", "bundle.json"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_of_a_cluster_that_is_gone_with_all_its_events_there_is_one_error_and_one_code(ecspan, aws, gone, command):
    code = gone()
    run = ecspan(*COMMANDS[command])
    assert run.code == 1 and run.out == "", run
    errors = [line for line in run.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and f"ECS has no cluster prod in {REGION} ({code}), and no log group keeps its events: there is no {GROUP} in {REGION}" in errors[0], run
    assert "ecspan ls` lists the clusters" in run.err and "--history GROUP" in run.err and "Event capture" not in run.err, run
    assert "note: only what ECS has not forgotten" not in run.err, run


@pytest.mark.parametrize("command", [["ls", "prod"], ["export", "--cluster", "prod", "--status", "stopped", "--to", "file:spans"], ["stats", "--cluster", "prod"], ["deploy", "web", "--cluster", "prod"]])
def test_without_a_window_a_cluster_that_is_gone_is_the_same_error(ecspan, aws, gone, command):
    code = gone()
    run = ecspan(*command)
    assert run.code == 1 and f"error: ECS has no cluster prod in {REGION} ({code})" in run.err and "--since 7d" in run.err, run


def test_a_group_that_may_not_be_read_of_a_cluster_that_is_gone_is_told_with_the_action(ecspan, aws, gone):
    forgotten(aws)
    gone()
    aws.front.deny.add("FilterLogEvents")
    run = ecspan("show", "prod/" + "0" * 31 + "1")
    assert run.code == 1 and "and its history cannot be read: " in run.err and "allow logs:FilterLogEvents" in run.err, run


# A group that is named.

def test_a_group_that_is_not_there_is_told_with_its_place_and_those_that_are_like_it(ecspan, aws):
    for name in ("/my-team/ecs-events", "/my-team/audit", "/ecs/web"):
        aws.history.group(name=name)
    task = stopped(aws)
    aws.seed.forget(task)
    for arguments in (["show", f"prod/{task.id}"], ["show", "prod/012345"], ["ls", "prod", "--since", "7d"], ["stats", "--cluster", "prod", "--since", "7d"]):
        run = ecspan(*arguments, "--history", "/my-team/ecs-evnts")
        assert run.code == 1 and f"there is no log group /my-team/ecs-evnts in {REGION} of account {ACCOUNT}" in run.err, run
        assert "hint: there is /my-team/ecs-events, /my-team/audit; --region asks another region" in run.err, run
        assert "keeps its events" not in run.err and "Event capture" not in run.err, run


def test_where_nothing_is_like_it_the_groups_of_event_capture_are_named_or_none(ecspan, aws):
    run = ecspan("ls", "prod", "--since", "7d", "--history", "/no/such")
    assert run.code == 1, run
    aws.seed.cluster("prod")
    run = ecspan("ls", "prod", "--since", "7d", "--history", "/no/such")
    assert f"there is no log group /no/such in {REGION} of account {ACCOUNT}" in run.err and "`aws logs describe-log-groups` lists" in run.err, run
    aws.history.group("prod")
    run = ecspan("ls", "prod", "--since", "7d", "--history", "/no/such")
    assert f"hint: there is {GROUP};" in run.err, run
    # Whoever may not list groups learns it of the search.
    aws.front.deny.add("DescribeLogGroups")
    run = ecspan("ls", "prod", "--since", "7d", "--history", "/no/such")
    assert run.code == 1 and f"there is no log group /no/such in {REGION}" in run.err, run


@pytest.mark.parametrize("word, is_asked", [("auto", True), ("", True), ("off", False), ("none", False)])
@pytest.mark.parametrize("by", ["flag", "variable"])
def test_each_word_means_one_thing(ecspan, aws, word, is_asked, by):
    task = forgotten(aws)[0]
    flag, env = (["--history", word], None) if by == "flag" else ([], {"ECSPAN_HISTORY": word})
    run = ecspan("show", f"prod/{task.id}", *flag, env=env)
    assert run.code == (0 if is_asked else 1), run
    assert bool(aws.front.calls["DescribeLogGroups"]) == is_asked


@pytest.mark.parametrize("wrong", ["my events", "arn:aws:ecs:eu-west-1:123456789012:cluster/prod", "a*"])
def test_what_is_no_group_is_refused_before_anybody_is_asked(ecspan, aws, wrong):
    run = ecspan("ls", "prod", "--since", "7d", "--history", wrong)
    assert run.code == 2 and "--history" in run.err and not aws.front.calls, run


# A group of another account.

@pytest.mark.parametrize("region", [REGION, "eu-west-1"])
@pytest.mark.parametrize("end", ["", ":*"])
def test_a_group_of_another_account_is_asked_for_by_its_identifier(ecspan, aws, tmp_path, region, end):
    tasks = forgotten(aws, count=4, name="/central/ecs", account=OTHER, region=region)
    arn = f"arn:aws:logs:{region}:{OTHER}:log-group:/central/ecs"
    run = ecspan("show", f"prod/{tasks[0].id}", "--history", arn + end)
    assert run.code == 0 and f"from 8 events in {arn}" in run.err, run
    run, filtered = spans(ecspan, tmp_path, "--cluster", "prod", "--since", "7d", "--no-logs", "--history", arn + end)
    assert run.code == 0 and f"note: 4 tasks that ECS has forgotten, from {arn}" in run.err, run
    asked = aws.front.requests["FilterLogEvents"]
    assert asked and all(request.get("logGroupIdentifier") == arn and "logGroupName" not in request for request in asked)
    # How much there is of it is known, so a large one is queried.
    aws.history.groups[arn].stored = LARGE
    aws.front.requests.clear()
    run, queried = spans(ecspan, tmp_path, "--cluster", "prod", "--since", "7d", "--no-logs", "--history", arn + end)
    assert run.code == 0 and by_id(queried) == by_id(filtered), run
    asked = aws.front.requests["StartQuery"]
    assert len(asked) == 28 and not aws.front.requests["FilterLogEvents"]
    assert all(request["logGroupIdentifiers"] == [arn] and not {"logGroupName", "logGroupNames"} & request.keys() for request in asked)


def test_a_group_of_an_account_that_does_not_share_it_is_told_with_that_account(ecspan, aws):
    task = stopped(aws)
    aws.seed.forget(task)
    arn = f"arn:aws:logs:{REGION}:{OTHER}:log-group:/central/ecs"
    run = ecspan("show", f"prod/{task.id}", "--history", arn)
    assert run.code == 1 and f"there is no log group {arn} in {REGION} of account {OTHER}" in run.err, run


def test_a_window_that_reaches_further_back_than_the_group_says_so(ecspan, aws):
    forgotten(aws, retention=3)
    run = ecspan("ls", "prod", "--since", "30d")
    assert run.code == 0 and f"note: 1 task that ECS has forgotten, from {GROUP}, which goes back to 20" in run.err, run
    assert "goes back" not in ecspan("ls", "prod", "--since", "2d").err


# A task that is followed.

@pytest.mark.parametrize("last, told", [(True, ""), (False, ", the last of which says RUNNING")])
def test_a_forgotten_task_that_is_followed_says_where_it_is_from(ecspan, aws, last, told):
    group, task = aws.history.group(), stopped(aws)
    events = group.task(task, last=last)
    aws.seed.forget(task)
    run = ecspan("show", f"prod/{task.id}", "--follow", "--no-logs", "--utc")
    count = events if last else events - 1
    assert run.code == 0 and run.err.count(f"note: task prod/{task.id}: ECS has forgotten it; from {count} events in {GROUP}{told}") == 1, run
    shown = ecspan("show", f"prod/{task.id}", "--no-logs", "--utc", "--format", "timeline")
    # What ended long ago is not drawn as going on now.
    assert run.out.splitlines() == [line for line in shown.out.splitlines() if line.split("\t")[0] in {one.split("\t")[0] for one in run.out.splitlines()}]


def test_clusters_share_nothing(ecspan, aws):
    """Other clusters' groups are not asked for a task of this one."""
    aws.history.group("other")
    task = forgotten(aws)[0]
    assert ecspan("show", f"prod/{task.id}").code == 0
    assert {request["logGroupName"] for request in aws.front.requests["FilterLogEvents"]} == {CAPTURED.format("prod")}
