"""`ecspan stats` over a window that ECS has forgotten. Its numbers are worked out here a second time, with Python's statistics."""

import datetime as dt
import json
import random
import statistics

import pytest
from fake_aws import REGION
from fake_aws.history import event
from fake_aws.rollouts import launch
from fake_aws.seed import UTC
from test_history import GROUP, LARGE, ago, many, stopped
from test_stats import task

ZONES = ["a", "b", "c"]
#: Nine midnights ago: seven whole days of it are told of.
START = dt.datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - dt.timedelta(days=9)
WEEK = ["--since", START.isoformat(), "--until", (START + dt.timedelta(days=7)).isoformat()]
FORMS = [lambda event: event, lambda event: {**event, "detail": {k: v for k, v in event["detail"].items() if k != "taskArn"}}]


def week(aws, count, *, pull=lambda day: 12_000, seed=1, service="web"):
    """So many tasks over seven days, each ended within the hour, in the log group as two rules write them; their lengths and days."""
    rng, group, made = random.Random(seed), aws.history.group(retention=30), []
    aws.seed.cluster("prod")
    for number in range(count):
        created = START + dt.timedelta(milliseconds=rng.randrange(7 * 86_400_000))
        day, zone, revision = (created - START).days, rng.choice(ZONES), 7 + (number % 2)
        one, lengths = task(number, created, pull=round(pull(day) * rng.uniform(0.85, 1.15)), zone=zone, revision=revision, service=service, rng=rng)
        ended = created + dt.timedelta(minutes=40)
        running = {**one, "version": 4}
        one |= {"lastStatus": "STOPPED", "desiredStatus": "STOPPED", "stoppingAt": ended.isoformat(), "stoppedAt": (ended + dt.timedelta(seconds=30)).isoformat(),
                "stopCode": "ServiceSchedulerInitiated", "stoppedReason": "Scaling activity initiated by (deployment ecs-svc/1)", "version": 9}
        group.put(created + dt.timedelta(minutes=1), event(running, created))
        for _ in range(1 + number % 2):
            group.put(ended + dt.timedelta(seconds=31), FORMS[number % 2](event(one, ended)))
        made.append((day, REGION + zone, f"{service}:{revision}", lengths))
    return made


def stats(ecspan, *arguments):
    run = ecspan("stats", "--cluster", "prod", *arguments, "--format", "json", "--utc")
    assert run.code == 0, run
    return json.loads(run.out), run


@pytest.mark.parametrize("stored", [1, LARGE], ids=["filter", "query"])
def test_five_thousand_tasks_whose_pull_doubled_on_the_fourth_day(ecspan, aws, stored):
    made = week(aws, 5_000, pull=lambda day: 12_000 if day < 3 else 24_000)
    aws.history.group().stored = stored
    run = ecspan("stats", "--cluster", "prod", "--service", "web", *WEEK, "--utc", "--width", "160")
    pulls = {is_late: [lengths["image pull"] for day, _, _, lengths in made if (day >= 3) == is_late] for is_late in (False, True)}
    before, now = (statistics.median_low(pulls[is_late]) for is_late in (False, True))
    since = (START + dt.timedelta(days=3)).date()
    assert run.code == 0 and run.out.splitlines()[0] == (
        f"image pull is {now / before:.1f} times as slow as before {since} (p50 {now / 1000:.1f} s against {before / 1000:.1f} s, {len(pulls[True])} and {len(pulls[False])} tasks)"
    ), run
    assert f"note: 5000 tasks that ECS has forgotten, from {GROUP}" in run.err, run
    assert bool(aws.front.calls["StartQuery"]) == (stored == LARGE)


def test_over_a_steady_week_nothing_changed_and_the_numbers_are_right_by_whatever_they_are_grouped(ecspan, aws):
    made = week(aws, 1_500)
    run = ecspan("stats", "--cluster", "prod", *WEEK)
    assert run.code == 0 and run.out.startswith("nothing changed: over these days no phase became slower or faster in a way that matters"), run
    found, _ = stats(ecspan, *WEEK, "--by", "day")
    assert found["tasks"] == found["started"] == 1_500 and found["not_stopped"] == 0 and found["changes"] == []
    total = sum(lengths["launch"] for *_, lengths in made)
    for phase in found["phases"]:
        own = [30_000] * 1_500 if phase["name"] == "stopping" else [lengths[phase["name"]] for *_, lengths in made]
        assert (phase["tasks"], phase["p50_ms"], phase["max_ms"]) == (len(own), statistics.median_low(own), max(own)), phase
        # By nearest rank: of 1,500 the 1,425th, between which and the next Python's cut lies.
        assert sorted(own)[1_424] == phase["p95_ms"] <= statistics.quantiles(own, n=20)[-1], phase
        if phase["name"] not in ("launch", "stopping"):
            assert phase["share"] == pytest.approx(sum(own) / total)
    days = [str((START + dt.timedelta(days=day)).date()) for day in range(7)]
    expected = {"day": (days, lambda one: days[one[0]]), "zone": ([REGION + zone for zone in ZONES], lambda one: one[1]),
                "revision": (["web:7", "web:8"], lambda one: one[2]), "service": (["web"], lambda one: "web")}
    for by, (names, name_of) in expected.items():
        found, _ = stats(ecspan, *WEEK, "--by", by)
        assert [group["group"] for group in found["groups"]] == names
        for group in found["groups"]:
            own = [one[3]["launch"] for one in made if name_of(one) == group["group"]]
            launched = next(phase for phase in group["phases"] if phase["name"] == "launch")
            assert (group["tasks"], launched["p50_ms"], launched["max_ms"]) == (len(own), statistics.median_low(own), max(own)), (by, group["group"])


def test_what_ecs_knows_and_what_history_knows_each_once(ecspan, aws):
    tasks = many(aws, 12, known=4)
    running = aws.seed.task("prod", [{"name": "app", "image": "web:1"}], service="web", created=ago(minutes=20), streams=False, times=launch())
    aws.history.group().task(running)
    other = stopped(aws, created=ago(days=3), service="api", streams=False)
    aws.history.group().task(other)
    aws.seed.forget(other)
    found, run = stats(ecspan, "--since", "7d", "--by", "service")
    assert (found["tasks"], found["not_stopped"], found["failed_later"]) == (14, 1, 13), found
    assert {group["group"]: group["tasks"] for group in found["groups"]} == {"web": 13, "api": 1}
    assert f"note: 9 tasks that ECS has forgotten, from {GROUP}" in run.err, run
    assert stats(ecspan, "--since", "7d", "--service", "api")[0]["tasks"] == 1
    assert stats(ecspan, "--since", "7d", "--service", "web", "--status", "failed")[0]["tasks"] == 12
    assert stats(ecspan, "--since", "7d", "--until", tasks[6].created_at.isoformat(), "--service", "web")[0]["tasks"] == 6
    assert stats(ecspan, "--since", "7d", "--limit", "3")[0]["tasks"] == 3
    # Within the hour, without a window and where it is off, history is not asked.
    aws.front.calls.clear()
    assert stats(ecspan, "--since", "7d", "--history", "off")[0]["tasks"] == 5
    assert stats(ecspan)[0]["tasks"] == 5 and not aws.front.calls["DescribeLogGroups"]
    # A named group is asked, window or not; by name a forgotten task is found, too.
    assert stats(ecspan, "--history", GROUP)[0]["tasks"] == 14
    named = ecspan("stats", f"prod/{tasks[0].id}", f"prod/{running.id}", "--format", "json")
    assert named.code == 0 and json.loads(named.out)["tasks"] == 2 and "ECS has forgotten it" in named.err, named


def test_a_window_of_files_is_the_same(ecspan, aws):
    """What was saved of the group gives the numbers that the group gives."""
    week(aws, 60)
    lines = [{"timestamp": at, "message": message, "eventId": str(number), "logStreamName": "s"} for number, (at, message) in enumerate(aws.history.group().sorted())]
    (ecspan.home / "page.json").write_text(json.dumps({"events": lines, "searchedLogStreams": []}))
    asked, _ = stats(ecspan, *WEEK, "--by", "zone")
    saved = ecspan("stats", "page.json", *WEEK, "--by", "zone", "--format", "json", "--utc")
    assert saved.code == 0 and json.loads(saved.out) == asked, saved
