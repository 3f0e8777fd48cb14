"""`ecspan stats`: what many tasks show together. Its numbers are worked out here a second time."""

import datetime as dt
import json
import math
import random
import statistics

import pytest
from fake_aws import REGION
from fake_aws.rollouts import launch, seconds
from fake_aws.seed import ACCOUNT, CREATED, UTC

ZONES = ["a", "b", "c"]
#: A Monday.
START = dt.datetime(2026, 11, 16, tzinfo=UTC)


def task(number, created, *, pull, service="web", revision=7, zone="a", rng, fails=None):
    """A task as DescribeTasks has it, and its lengths in milliseconds."""
    steps = {"network": rng.randint(1_500, 3_000), "waiting": rng.randint(4_000, 7_000), "pull": pull, "starting": rng.randint(1_500, 3_500)}
    at = lambda *names: (created + dt.timedelta(milliseconds=sum(steps[name] for name in names))).isoformat(timespec="milliseconds")
    one = {
        "taskArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/prod/{number:032x}", "clusterArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/prod",
        "taskDefinitionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{service}:{revision}", "group": f"service:{service}",
        "availabilityZone": REGION + zone, "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "version": 4, "createdAt": at(),
        "connectivityAt": at("network"), "pullStartedAt": at("network", "waiting"), "containers": [{"name": "app", "lastStatus": "RUNNING"}],
    }
    if fails:
        # It never came so far.
        del one["pullStartedAt"]
        stopped = (created + dt.timedelta(seconds=40)).isoformat(timespec="milliseconds")
        return {**one, "lastStatus": "STOPPED", "desiredStatus": "STOPPED", "stoppingAt": stopped, "stoppedAt": stopped, "stopCode": "TaskFailedToStart", "stoppedReason": fails}, None
    one |= {"pullStoppedAt": at("network", "waiting", "pull"), "startedAt": at("network", "waiting", "pull", "starting")}
    return one, {
        "launch": sum(steps.values()), "provisioning": steps["network"] + steps["waiting"], "placement and network": steps["network"],
        "waiting for pull": steps["waiting"], "image pull": steps["pull"], "starting": steps["starting"],
    }


def week(count=5_000, *, pull=lambda day, zone: 12_000, seed=1, **more):
    """So many tasks over seven days, and their lengths."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        created = START + dt.timedelta(milliseconds=rng.randrange(7 * 86_400_000))
        zone = rng.choice(ZONES)
        pulled = round(pull((created - START).days, zone) * rng.uniform(0.85, 1.15))
        fails = None
        if number % 50 == 0:
            fails = f"CannotPullContainerError: no such image (request {rng.getrandbits(64):016x})" if number % 100 else "ResourceInitializationError: no route"
        made.append((*task(number, created, pull=pulled, zone=zone, rng=rng, fails=fails, **more), zone, created))
    return made


def saved(home, made, name="tasks.json"):
    (home / name).write_text(json.dumps({"tasks": [one for one, *_ in made]}))
    return name


def spread(lengths):
    """By nearest rank."""
    ordered = sorted(lengths)
    rank = lambda percent: ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]
    return {"tasks": len(ordered), "q1_ms": rank(25), "p50_ms": rank(50), "q3_ms": rank(75), "p95_ms": rank(95), "max_ms": ordered[-1]}


def only(found, keys):
    return {key: found[key] for key in keys}


def stats(ecspan, *arguments):
    run = ecspan("stats", *arguments, "--format", "json", "--utc")
    assert run.code == 0, run
    return json.loads(run.out)


def doubled(day, zone):
    return 12_000 if day < 3 else 24_000


def test_an_image_pull_that_doubled_on_the_fourth_day_is_said_first(ecspan):
    made = week(pull=doubled)
    file = saved(ecspan.home, made)
    run = ecspan("stats", file, "--utc", "--width", "160")
    first = run.out.splitlines()[0]
    now = spread([lengths["image pull"] for _, lengths, _, at in made if lengths and (at - START).days >= 3])
    before = spread([lengths["image pull"] for _, lengths, _, at in made if lengths and (at - START).days < 3])
    assert run.code == 0 and first == (
        f"image pull is {now['p50_ms'] / before['p50_ms']:.1f} times as slow as before 2026-11-19 (p50 {now['p50_ms'] / 1000:.1f} s against "
        f"{before['p50_ms'] / 1000:.1f} s, {now['tasks']} and {before['tasks']} tasks)"
    ), run

    found = stats(ecspan, file, "--by", "zone")
    change = found["changes"][0]
    assert (change["phase"], change["since"], change["matters"]) == ("image pull", "2026-11-19T00:00:00.000+00:00", "slower")
    assert only(change["now"], now) == now and only(change["before"], before) == before
    lengths = [lengths for _, lengths, _, _ in made if lengths]
    total = sum(one["launch"] for one in lengths)
    for phase in found["phases"]:
        expected = spread([one[phase["name"]] for one in lengths]) if phase["name"] != "stopping" else spread([0] * 100)
        assert only(phase, expected) == expected, phase["name"]
        if phase["name"] not in ("launch", "stopping"):
            assert phase["share"] == pytest.approx(sum(one[phase["name"]] for one in lengths) / total)
    assert only(found, ("tasks", "started", "failed_to_start", "failed_later", "not_stopped")) == {
        "tasks": 5_000, "started": 4_900, "failed_to_start": 100, "failed_later": 0, "not_stopped": 4_900,
    }
    assert sorted((one["count"], one["reason"].split(":")[0]) for one in found["failures"]) == [(50, "CannotPullContainerError"), (50, "ResourceInitializationError")]
    assert [group["group"] for group in found["groups"]] == [REGION + zone for zone in ZONES] and found["apart"] == []
    for group in found["groups"]:
        own = [lengths["launch"] for _, lengths, zone, _ in made if lengths and REGION + zone == group["group"]]
        launched = next(phase for phase in group["phases"] if phase["name"] == "launch")
        assert only(launched, spread(own)) == spread(own) and launched["p50_ms"] == pytest.approx(statistics.median(own), rel=0.01)


def test_over_a_steady_week_nothing_changed(ecspan):
    made = week()
    file = saved(ecspan.home, made)
    run = ecspan("stats", file)
    assert run.code == 0 and run.out.startswith("nothing changed: over these days no phase became slower or faster in a way that matters"), run
    found = stats(ecspan, file, "--by", "day")
    assert found["changes"] == [] and [group["group"] for group in found["groups"]] == [f"2026-11-{day}" for day in range(16, 23)]
    assert [group["tasks"] for group in found["groups"]] == [sum((at - START).days == day for *_, at in made) for day in range(7)]


def test_a_slow_zone_and_a_new_revision(ecspan):
    file = saved(ecspan.home, week(600, pull=lambda day, zone: 30_000 if zone == "c" else 12_000))
    run = ecspan("stats", file, "--by", "zone", "--width", "200")
    assert f"{REGION}c: image pull is 2.5 times as slow as in the others" in run.out, run
    rng = random.Random(2)
    made = [(*task(n, START + dt.timedelta(minutes=n), pull=12_000 if n < 200 else 30_000, revision=7 if n < 200 else 8, rng=rng), "a", START) for n in range(400)]
    run = ecspan("stats", saved(ecspan.home, made), "--by", "revision", "--utc", "--width", "200")
    assert run.out.startswith("image pull is 2.5 times as slow as before 2026-11-16 03:00") and "web:8 then took the place of web:7" in run.out, run


def test_services_are_not_held_against_each_other(ecspan):
    """A slow service that begins on the fourth day makes no other slower."""
    rng = random.Random(3)
    made = week(700)
    made += [(*task(10_000 + n, START + dt.timedelta(days=3, minutes=9 * n), pull=60_000, service="batch", rng=rng), "a", START) for n in range(600)]
    found = stats(ecspan, saved(ecspan.home, made), "--by", "service")
    assert found["changes"] == [] and [group["group"] for group in found["groups"]] == ["batch", "web"]
    assert stats(ecspan, "tasks.json", "--service", "batch")["tasks"] == 600
    assert stats(ecspan, "--from", "tasks.json", "--family", "web")["tasks"] == 700


def test_small_samples_and_nothing(ecspan):
    few = saved(ecspan.home, week(6))
    assert ecspan("stats", few).out.startswith("whether something changed cannot be told: a small sample")
    nobody = ecspan("stats", few, "--service", "nobody")
    assert nobody.code == 0 and "6 tasks read, and the selectors name none of them" in nobody.err, nobody
    limited = ecspan("stats", few, "--limit", "2")
    assert limited.code == 2 and "--limit takes the newest tasks of a cluster" in limited.err, limited
    (ecspan.home / "none.json").write_text(json.dumps({"tasks": []}))
    none = ecspan("stats", "none.json")
    assert none.code == 1 and none.out == "" and "none.json" in none.err, none
    usage = ecspan("stats")
    assert usage.code == 2 and "no task is named" in usage.err and "hint: --cluster prod" in usage.err, usage


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_text_and_markdown_hold_to_the_width(ecspan, width):
    file = saved(ecspan.home, week(500, pull=doubled))
    run = ecspan("stats", file, "--by", "day", "--width", width)
    assert run.code == 0 and max(map(len, run.out.splitlines())) <= width, run
    assert all(heading in run.out for heading in ("PHASE", "SHARE", "MOSTLY"))
    markdown = ecspan("stats", file, "--by", "day", "--format", "markdown").out.replace("\\", "")
    assert markdown.startswith("**image pull is ") and "| 2026-11-18 |" in markdown and "| image pull |" in markdown


def test_what_ecs_still_knows_of_a_service(ecspan, aws):
    for number in range(12):
        pull = 6.0 if number < 6 else 30.0
        aws.rollouts.task("ecs-svc/1", CREATED + seconds(number * 600), launch(pull))
    aws.seed.task("prod", [{"name": "app", "image": "other:1"}], service="other", family="other", streams=False)
    found = stats(ecspan, "--cluster", "prod", "--service", "web")
    assert (found["tasks"], found["services"], found["clusters"]) == (12, ["web"], ["prod"])
    assert found["changes"][0]["phase"] == "image pull" and found["changes"][0]["matters"] == "slower"
    assert set(aws.front.calls) == {"ListTasks", "DescribeTasks"}
    assert stats(ecspan, "--cluster", "prod")["tasks"] == 13
    aws.front.deny.add("ListTasks")
    denied = ecspan("stats", "--cluster", "prod")
    assert denied.code == 1 and "hint: " in denied.err and "ecs:ListTasks" in denied.err, denied
