"""The back-fill of 10,000 tasks out of 1,000,000 events of a week, one task of them, and `stats` over all: calls by operation, wall time, peak memory, through
FilterLogEvents and through Logs Insights. Run after `cargo build --release`: `python e2e/bench_history.py`.

How much of a group a call of FilterLogEvents looks through AWS does not say; here it is 10,000 lines. The loopback AWS makes and searches the
lines in this process, in Python: the wall time is mostly its own."""

import bisect
import datetime as dt
import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import peak
import rows
from fake_aws import REGION, FakeAWS
from fake_aws.history import CAPTURED, DAY, Group, iso, now_ms
from fake_aws.seed import ACCOUNT, UTC

HERE = Path(__file__).parent
BINARY = Path(os.environ.get("ECSPAN_BIN", HERE.parent / "target/release/ecspan"))
STATES = ["PROVISIONING", "PENDING", "PENDING", "ACTIVATING", "RUNNING", "RUNNING", "DEACTIVATING", "DEPROVISIONING", "STOPPED", "STOPPED"]
TIMES = ["createdAt", "connectivityAt", "pullStartedAt", "pullStoppedAt", "startedAt", None, "stoppingAt", "executionStoppedAt", "stoppedAt", None]


class Week(Group):
    """A week of events, made when they are asked for: each tenth is a task's – ten of each, the last of them twice, as two rules write it –,
    the others are of container instances, services and another cluster's tasks."""

    def __init__(self, name, events):
        super().__init__(name, retention=8)
        self.events, self.searched = events, 10_000
        self.begin = now_ms() - 7 * DAY
        self.step = (7 * DAY - 2 * 3_600_000) / events
        self.times = range(events)

    def at(self, index):
        return self.begin + round(index * self.step)

    def between(self, start, end):
        key = self.at
        return bisect.bisect_left(self.times, start or 0, key=key), self.events if end is None else bisect.bisect_right(self.times, end, key=key)

    @property
    def tasks(self):
        return self.events // 100

    @staticmethod
    def id(task):
        return hashlib.md5(str(task).encode()).hexdigest()

    def line(self, index):
        at = self.at(index)
        if index % 10:
            kind = ("ECS Container Instance State Change", "ECS Service Action", "ECS Task State Change")[index % 3]
            return at, '{"version":"0","id":"%032x","detail-type":"%s","source":"aws.ecs","region":"%s","resources":["arn:aws:ecs:%s:%s:noise/other/%d"],"detail":{"clusterArn":"arn:aws:ecs:%s:%s:cluster/other","taskArn":"arn:aws:ecs:%s:%s:task/other/%032x","lastStatus":"RUNNING","padding":"%s"}}' % (
                index, kind, REGION, REGION, ACCOUNT, index, REGION, ACCOUNT, REGION, ACCOUNT, index, "x" * 1500)
        task, number = divmod(index // 10, 10)
        base = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
        id = self.id(task)
        moment = lambda number: iso(dt.datetime.fromtimestamp(self.at(task * 100 + number * 10) / 1000, UTC))
        detail = {
            "attachments": [], "availabilityZone": REGION + "a", "clusterArn": f"{base}:cluster/prod",
            "containers": [{"containerArn": f"{base}:container/prod/{id}/c{c}", "name": f"c{c}", "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web:1", "lastStatus": STATES[number],
                            "runtimeId": f"{id}-{c}", **({"exitCode": 0} if number > 7 else {})} for c in range(3)],
            "cpu": "512", "desiredStatus": "STOPPED" if number > 5 else "RUNNING", "group": "service:web", "lastStatus": STATES[number], "memory": "1024", "overrides": {},
            "startedBy": "ecs-svc/1", "taskArn": f"{base}:task/prod/{id}", "taskDefinitionArn": f"{base}:task-definition/web:1", "version": min(number, 8) + 1,
            **{TIMES[n]: moment(n) for n in range(number + 1) if TIMES[n]},
            **({"stopCode": "ServiceSchedulerInitiated", "stoppedReason": "Scaling activity initiated by (deployment ecs-svc/1)"} if number > 5 else {}),
            "padding": "x" * 500,
        }
        event = {"version": "0", "id": "%032x" % index, "detail-type": "ECS Task State Change", "source": "aws.ecs", "region": REGION, "resources": [detail["taskArn"]], "detail": detail}
        return at, json.dumps(event, separators=(",", ":"))


def span_ids(path):
    """How many spans, how many different ids, how many roots."""
    seen, spans, roots = set(), 0, 0
    with path.open() as lines:
        for line in lines:
            for resource in json.loads(line).get("resourceSpans", []):
                for scope in resource["scopeSpans"]:
                    for span in scope["spans"]:
                        spans += 1
                        roots += span["name"] == "task web"
                        seen.add(span["spanId"])
    return spans, len(seen), roots


def measure(table, aws, folder, what, size, how, arguments):
    aws.front.reset()
    aws.history.scanned = 0
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "XDG_STATE_HOME": str(folder), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": REGION, "AWS_ENDPOINT_URL": aws.url, "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "*", "AWS_MAX_ATTEMPTS": "20",
    }
    started = time.monotonic()
    with open(folder / "out", "w") as out, open(folder / "err", "w") as err:
        taken = peak.run([BINARY, *arguments], env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
    wall = time.monotonic() - started
    assert taken.code == 0, (folder / "err").read_text()
    calls = ", ".join(f"{count} {name}" for name, count in sorted(aws.front.calls.items()))
    scanned = f", {aws.history.scanned / 1e9:.2f} GB scanned" if aws.history.scanned else ""
    table.row(what, f"{size:,}", how, f"{wall:.1f} s", f"{taken.seconds:.2f} s", rows.mib(taken.kib), calls + scanned)


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    aws = FakeAWS().start()
    events = [int(size) for size in sys.argv[1:]] or [100_000, 1_000_000]
    table = rows.Table("history", "what", "events in the group", "through", "wall", "CPU", "peak memory", "calls")
    for size in events:
        aws.reset()
        aws.seed.cluster("prod")
        aws.seed.definition("web", [{"name": f"c{number}", "image": "web:1"} for number in range(3)])
        week = aws.history.groups[CAPTURED.format("prod")] = Week(CAPTURED.format("prod"), size)
        for how, stored in (("FilterLogEvents", 1), ("Logs Insights", 10**10)):
            week.stored = stored
            with tempfile.TemporaryDirectory() as folder:
                folder = Path(folder)
                measure(table, aws, folder, "one task", size, how, ["show", "prod/" + week.id(week.tasks // 2), "--no-logs"])
                to = ["--to", f"file:{folder / 'spans'}", "--no-logs"]
                measure(table, aws, folder, f"all {week.tasks:,} tasks", size, how, ["export", "--cluster", "prod", "--since", "8d", *to])
                spans, different, roots = span_ids(folder / "spans")
                assert spans == different and roots == week.tasks, (spans, different, roots)
                measure(table, aws, folder, "`stats` over them", size, how, ["stats", "--cluster", "prod", "--since", "8d", "--by", "day", "--format", "json"])
                assert json.loads((folder / "out").read_text())["tasks"] == week.tasks
    aws.stop()


if __name__ == "__main__":
    main()
